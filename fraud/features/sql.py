"""The SQL of the features, put together from the `.sql` files beside this one.

Each function takes the name of a relation (or a SELECT in parentheses) and gives a SELECT. The text is the same for every
engine; an engine's program only says where its rows come from and go to.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib.resources import files

from fraud.durations import MS_PER_DAY, MS_PER_HOUR
from fraud.features.catalogue import (
    NIGHTLY_CARD_FEATURES,
    NIGHTLY_CATEGORY_FEATURES,
    NIGHTLY_HOUR_FEATURES,
    NIGHTLY_POPULATION_FEATURES,
)
from fraud.features.windows import STREAM_WINDOWS, Window


def sql_text(name: str) -> str:
    """The text of `NAME.sql` without its comments."""
    lines = files("fraud.features").joinpath(f"{name}.sql").read_text(encoding="utf-8").splitlines()
    return "\n".join(line for line in lines if not line.lstrip().startswith("--"))


def stream_sql(source: str, windows: Iterable[Window] = STREAM_WINDOWS, identity: str = "transaction_id") -> str:
    """The stream features of every row of `source`.

    Args:
        source: a SELECT with `cc_num`, the windows' keys, `amount_cents` BIGINT, `event_time` TIMESTAMP(3) in UTC and `event_ms`
            BIGINT (the same moment in milliseconds since 1970), each transaction once. Its other columns pass through.
        windows: the declarations.
        identity: the column of `source` that is each row's own.

    >>> stream_sql("SELECT * FROM t").count("WINDOW w AS")
    3
    """
    for window in windows:
        source = window.select(source, identity)
    return source


CLOCK_COLUMNS = f"""event_ms,
  CAST(FLOOR(event_ms / {MS_PER_DAY}) AS BIGINT) AS day,
  CAST(FLOOR(event_ms / {MS_PER_HOUR}) - 24 * FLOOR(event_ms / {MS_PER_DAY}) AS BIGINT) AS hour"""
"""`day` since 1970 and `hour` of the day, in UTC, from `event_ms`: the same arithmetic in every engine."""

_DAILY = {
    "daily_card": """SELECT cc_num, day, COUNT(*) AS n, CAST(SUM(amount_cents) AS BIGINT) AS cents,
  MAX(amount_cents) AS max_cents FROM {source} GROUP BY cc_num, day""",
    "daily_category": """SELECT cc_num, category, day, COUNT(*) AS n, CAST(SUM(amount_cents) AS BIGINT) AS cents
FROM {source} GROUP BY cc_num, category, day""",
    "daily_hour": "SELECT cc_num, hour, day, COUNT(*) AS n FROM {source} GROUP BY cc_num, hour, day",
}
DAILY_TABLES = tuple(_DAILY)
"""A card's sums a day: all that the nightly features ever read, so that no night reads old transactions again."""

_POPULATION = """(SELECT category, day, CAST(SUM(n) AS BIGINT) AS n, CAST(SUM(cents) AS BIGINT) AS cents
FROM {daily_category} GROUP BY category, day)"""


def daily_sql(table: str, source: str) -> str:
    """One of `DAILY_TABLES` from a relation with `cc_num`, `category`, `amount_cents`, `day` and `hour`."""
    return _DAILY[table].format(source=source)


def nightly_sql(daily: dict[str, str]) -> dict[str, str]:
    """The nightly features, for each day in the daily sums, as of the cut that began the day.

    Args:
        daily: where each of `DAILY_TABLES` is: a relation's name or a SELECT in parentheses.

    Returns:
        A SELECT each for `nightly_card` (key: cc_num, day), `nightly_category` (cc_num, category, day), `nightly_hour`
        (cc_num, hour, day) and `nightly_population` (category, day).
    """
    return {
        "nightly_card": sql_text("nightly_card").format(daily=f"{daily['daily_card']} AS d"),
        "nightly_category": sql_text("nightly_category").format(daily=f"{daily['daily_category']} AS d"),
        "nightly_hour": sql_text("nightly_hour").format(daily=f"{daily['daily_hour']} AS d"),
        "nightly_population": sql_text("nightly_population").format(
            daily=_POPULATION.format(daily_category=f"{daily['daily_category']} AS c") + " AS d"
        ),
    }


def snapshot_sql(cut_day: int) -> dict[str, str]:
    """The nightly features of every card, category and hour seen before one cut, whether or not the day has transactions.

    It is `nightly_sql` asked about `cut_day`: an empty row of that day is added for each key, and only those are kept.

    Args:
        cut_day: the day that the cut begins, counted from 1970-01-01.
    """
    keys = {
        "daily_card": ("cc_num", "0 AS n, 0 AS cents, NULL AS max_cents"),
        "daily_category": ("cc_num, category", "0 AS n, 0 AS cents"),
        "daily_hour": ("cc_num, hour", "0 AS n"),
    }
    asked = {
        table: f"""(SELECT * FROM {table} WHERE day < {cut_day}
UNION ALL SELECT DISTINCT {key}, {cut_day} AS day, {empty} FROM {table} WHERE day < {cut_day})"""
        for table, (key, empty) in keys.items()
    }
    return {name: f"SELECT * FROM ({select}) AS s WHERE day = {cut_day}" for name, select in nightly_sql(asked).items()}


TRAINING_SQL = """SELECT s.*, {nightly} FROM stream_features AS s
JOIN nightly_card AS c ON s.cc_num = c.cc_num AND s.day = c.day
JOIN nightly_category AS k ON s.cc_num = k.cc_num AND s.category = k.category AND s.day = k.day
JOIN nightly_hour AS h ON s.cc_num = h.cc_num AND s.hour = h.hour AND s.day = h.day
JOIN nightly_population AS p ON s.category = p.category AND s.day = p.day""".format(
    nightly=", ".join(
        f"{alias}.{feature.name}"
        for alias, features in (
            ("c", NIGHTLY_CARD_FEATURES),
            ("k", NIGHTLY_CATEGORY_FEATURES),
            ("h", NIGHTLY_HOUR_FEATURES),
            ("p", NIGHTLY_POPULATION_FEATURES),
        )
        for feature in features
    )
)
"""Each transaction with its nightly features as of the cut before it: the as-of join, an equality on the day the cut begins."""


def batch_steps() -> list[tuple[str, str]]:
    """The whole batch computation: tables to make one after the other, from a table `transactions` to `features`.

    `transactions` holds each transaction once: `cc_num`, `category`, `amount_cents` BIGINT, `event_time` TIMESTAMP in UTC,
    and `CLOCK_COLUMNS`; what else it holds passes through.

    >>> [name for name, _ in batch_steps()][-1]
    'features'
    """
    daily = [(table, daily_sql(table, "transactions")) for table in DAILY_TABLES]
    nightly = list(nightly_sql({table: table for table in DAILY_TABLES}).items())
    stream = ("stream_features", stream_sql("SELECT * FROM transactions"))
    return [*daily, *nightly, stream, ("features", TRAINING_SQL)]
