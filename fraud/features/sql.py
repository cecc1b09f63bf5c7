"""The SQL of the features, put together from their declarations.

Each function takes the name of a relation (or a SELECT in parentheses) and gives a SELECT. The text is the same for every
engine; an engine's program only says where its rows come from and go to.
"""

from __future__ import annotations

from collections.abc import Mapping

from fraud.durations import MS_PER_DAY, MS_PER_HOUR
from fraud.features.catalogue import CATALOGUE, Catalogue, names
from fraud.features.feature import CARD, named, those_missing
from fraud.features.habits import Habit
from fraud.features.windows import LONGEST_MS


def stream_sql(source: str, catalogue: Catalogue = CATALOGUE, identity: str = "transaction_id") -> str:
    """The stream features of every row of `source`.

    Args:
        source: a SELECT with `cc_num`, the catalogue's `window_columns`, `amount_cents` BIGINT, `event_time` TIMESTAMP(3) in UTC
            and `event_ms` BIGINT (that moment in milliseconds since 1970), each transaction once. Its other columns pass through.
        catalogue: the declarations.
        identity: the column of `source` that is each row's own.

    >>> stream_sql("SELECT * FROM t").count("WINDOW w AS")
    3
    """
    for window in catalogue.windows:  # Flink allows one window a SELECT
        source = window.select(source, identity)
    return source


CLOCK_COLUMNS = f"""event_ms,
  CAST(FLOOR(event_ms / {MS_PER_DAY}) AS BIGINT) AS day,
  CAST(FLOOR(event_ms / {MS_PER_HOUR}) - 24 * FLOOR(event_ms / {MS_PER_DAY}) AS BIGINT) AS hour"""
"""`day` since 1970 and `hour` of the day, in UTC, from `event_ms`: the same arithmetic in every engine."""

SUMS = {"n": "SUM", "cents": "SUM", "max_cents": "MAX"}
"""The columns of whole numbers in the daily sums, and how two days' become one. Each table has them all, so that what is declared
later finds the past."""
SUMMED = ", ".join(f"CAST({total}({name}) AS BIGINT) AS {name}" for name, total in SUMS.items())
"""The sums of several rows of daily sums as one."""


def daily_tables(catalogue: Catalogue = CATALOGUE) -> dict[str, tuple[str, ...]]:
    """The daily sums: all that the nightly features ever read, so that no night reads old transactions again.

    Returns:
        {table: its key, besides `day`}: of a card, and of a card and each column that a habit is looked up by. The sums of all
        cards are made of those.

    >>> daily_tables()
    {'daily_card': ('cc_num',), 'daily_category': ('cc_num', 'category'), 'daily_hour': ('cc_num', 'hour')}
    """
    columns = dict.fromkeys(habit.column for habit in catalogue.habits if habit.column is not None)
    return {"daily_card": (CARD,)} | {f"daily_{named((column,))}": (CARD, column) for column in columns}


def daily_sql(table: str, source: str, catalogue: Catalogue = CATALOGUE) -> str:
    """One of the daily sums from a relation with `cc_num`, the columns of habits, `amount_cents`, `day` and `hour`."""
    key = daily_tables(catalogue)[table]
    by = ", ".join(key)
    there = " AND ".join(f"{column} IS NOT NULL" for column in those_missing(key))
    return f"""SELECT {by}, day, COUNT(*) AS n, CAST(SUM(amount_cents) AS BIGINT) AS cents, MAX(amount_cents) AS max_cents
FROM {source} AS s {f"WHERE {there} " if there else ""}GROUP BY {by}, day"""


def nightly_sql(daily: Mapping[str, str], catalogue: Catalogue = CATALOGUE) -> dict[str, str]:
    """The nightly features, for each day in the daily sums, as of the cut that began the day.

    Args:
        daily: where each of `daily_tables` is: a relation's name or a SELECT in parentheses.
        catalogue: the declarations.

    Returns:
        A SELECT for each of the catalogue's `nightly_tables`; its key is that of its habits, and `day`.
    """
    return {table: _nightly(habits, daily) for table, habits in catalogue.nightly_tables.items()}


def _nightly(habits: tuple[Habit, ...], daily: Mapping[str, str]) -> str:
    key = habits[0].key if habits else (CARD,)
    columns = ",\n  ".join([*key, "day", *(column for habit in habits for column in habit.columns)])
    windows = ",\n  ".join(dict.fromkeys(habit.window for habit in habits))
    source = f"{daily[f'daily_{named(key[-1:])}']} AS d"
    if habits and habits[0].of_all_cards:
        by = ", ".join(key)
        source = f"(SELECT {by}, day, {SUMMED} FROM {source} GROUP BY {by}, day) AS p"
    return f"SELECT {columns}\nFROM {source}" + (f"\nWINDOW {windows}" if windows else "")


def snapshot_sql(cut_day: int, catalogue: Catalogue = CATALOGUE) -> dict[str, str]:
    """The nightly features of every card, and of whatever else was seen before one cut, whether or not the day has transactions.

    It is `nightly_sql` asked about `cut_day`: an empty row of that day is added for each key, and only those are kept.

    Args:
        cut_day: the day that the cut begins, counted from 1970-01-01.
        catalogue: the declarations.
    """
    empty = "0 AS n, 0 AS cents, NULL AS max_cents"
    asked = {}
    for table, key in daily_tables(catalogue).items():
        columns = ", ".join((*key, "day", *SUMS))
        asked[table] = f"""(SELECT {columns} FROM {table} WHERE day < {cut_day}
UNION ALL SELECT DISTINCT {", ".join(key)}, {cut_day} AS day, {empty} FROM {table} WHERE day < {cut_day})"""
    return {
        name: f"SELECT * FROM ({select}) AS s WHERE day = {cut_day}"
        for name, select in nightly_sql(asked, catalogue).items()
    }


def training_sql(catalogue: Catalogue = CATALOGUE) -> str:
    """Each transaction with its nightly features as of the cut before it: the as-of join, an equality on the day it begins."""
    features = [
        f"{table}.{name}"
        for table, habits in catalogue.nightly_tables.items()
        for habit in habits
        for name in names(habit.features)
    ]
    features += [f"{risk.table}.{name}" for risk in catalogue.risks for name in names(risk.features)]
    joins = [_join(table, habits[0].key) for table, habits in catalogue.nightly_tables.items() if habits]
    joins += [_join(risk.table, (risk.key,)) for risk in catalogue.risks]
    return "\n".join([f"SELECT {', '.join(['s.*', *features])} FROM stream_features AS s", *joins])


def _join(table: str, key: tuple[str, ...]) -> str:
    # a transaction without the key has no row there; every other one has its own day's
    kind = "LEFT JOIN" if those_missing(key) else "JOIN"
    on = " AND ".join(f"s.{column} = {table}.{column}" for column in (*key, "day"))
    return f"{kind} {table} ON {on}"


def batch_steps(
    catalogue: Catalogue = CATALOGUE,
    identity: str = "transaction_id",
    asked: str | None = None,
    told: str | None = None,
) -> list[tuple[str, str]]:
    """The whole batch computation: tables to make one after the other, from a table `transactions` to `features`.

    `transactions` holds each transaction once: `cc_num`, `category`, the catalogue's `key_columns`, `amount_cents` BIGINT,
    `event_time` TIMESTAMP in UTC, and `CLOCK_COLUMNS`; for risks, `is_fraud` and `known_ms` (`Risk.daily_sql`). What else it
    holds passes through.

    Args:
        catalogue: the declarations.
        identity: the column of `transactions` that is each row's own.
        asked: a condition on its rows: `features` has those that meet it, and the others are their past; None for all.
        told: a relation as of `Risk.daily_of_told_sql`, with the keys of all risks; None: what the labels of `transactions` say.

    >>> [name for name, _ in batch_steps()][-1]
    'features'
    """
    tables = daily_tables(catalogue)
    daily = [(table, daily_sql(table, "transactions", catalogue)) for table in tables]
    nightly = nightly_sql({table: table for table in tables}, catalogue)
    for risk in catalogue.risks:
        said = risk.daily_of_told_sql(told) if told else risk.daily_sql("transactions")
        daily.append((risk.daily_table, said))
        nightly[risk.table] = risk.nightly_sql(risk.daily_table, "transactions")
    stream = stream_sql("SELECT * FROM transactions", catalogue, identity)
    if asked:
        of_asked = f"FROM transactions WHERE {asked}"
        since = f"SELECT * FROM transactions WHERE event_ms >= (SELECT MIN(event_ms) {of_asked}) - {LONGEST_MS}"
        days = f"SELECT DISTINCT day {of_asked}"
        nightly = {name: f"SELECT * FROM ({select}) AS n WHERE day IN ({days})" for name, select in nightly.items()}
        stream = f"SELECT * FROM ({stream_sql(since, catalogue, identity)}) AS s WHERE {asked}"
    return [*daily, *nightly.items(), ("stream_features", stream), ("features", training_sql(catalogue))]
