"""The sums that the nightly features are made of, kept from night to night, so that no night reads old transactions again.

A folder for each of `fraud.features.sql.daily_tables`, with a file a day for the last KEPT_DAYS days and `history.parquet` for
all days before them. In the history a key has one row; its `day` is the last day folded in, which lies before every window that
is still asked about. So the features' SQL reads both alike, and whole-history sums stay exact: they are sums of whole numbers.

Writing a night again replaces that night's files; a day that is folded in cannot be told apart any more.
"""

from __future__ import annotations

import re
from pathlib import Path

from fraud.features.catalogue import CATALOGUE, Catalogue
from fraud.features.feature import HOUR
from fraud.features.habits import LONGEST_DAYS
from fraud.features.sql import SUMMED, SUMS, daily_sql, daily_tables
from sagemaker_src.processing.engines import Engine

KEPT_DAYS = LONGEST_DAYS + 15
"""Days kept apart: the window of the closed day, and two weeks in which a skipped night can be made up for."""

_A_DAY = re.compile("[0-9]{1,6}")


class FoldedDayError(ValueError):
    """A day that is part of the history already: says which days may still be added."""


def sums_columns(key: tuple[str, ...]) -> dict[str, str]:
    """The columns of a table of sums: {name: SQL type}.

    >>> sums_columns(("cc_num", "hour"))
    {'cc_num': 'STRING', 'hour': 'BIGINT', 'day': 'BIGINT', 'n': 'BIGINT', 'cents': 'BIGINT', 'max_cents': 'BIGINT'}
    """
    return {column: "BIGINT" if column == HOUR else "STRING" for column in key} | dict.fromkeys(
        ("day", *SUMS), "BIGINT"
    )


def add_days(
    engine: Engine, arrived: str, kept: Path, out: Path, cut_day: int, catalogue: Catalogue = CATALOGUE
) -> None:
    """Adds days to the sums, and makes the tables `daily_tables`: all sums known before the cut.

    Args:
        engine: where `arrived` is: a table with `cc_num`, the columns of habits, `amount_cents`, `day`, `hour`, each transaction
            once.
        arrived: its name. Its days replace those days in the sums.
        kept: the folder of the sums so far; it may be empty.
        out: the folder to write to: only what changes. It may be the same one.
        cut_day: the day that the cut begins, counted from 1970; all of `arrived` is earlier.
        catalogue: the declarations. What a new one sums up begins with `arrived`.

    Raises:
        FoldedDayError: a day of `arrived`, or the cut, is too old for these sums.
    """
    days = [row["day"] for row in engine.rows(f"SELECT DISTINCT day FROM {arrived} ORDER BY day")]
    for table, key in daily_tables(catalogue).items():
        typed = sums_columns(key)
        columns = ", ".join(typed)
        through = _folded_through(engine, table, kept)
        _refuse_folded(days, through, cut_day)
        files = sorted((kept / table).glob("*.parquet"))
        told_apart = [path for path in files if _A_DAY.fullmatch(path.stem)]
        known = [path for path in told_apart if through < int(path.stem) < cut_day and int(path.stem) not in days]
        engine.read(f"kept_{table}", [*_history(kept, table), *known], typed)
        engine.table(f"new_{table}", daily_sql(table, arrived, catalogue))
        # the history counts up to where it is folded, whatever an interrupted night left lying beside it
        engine.table(table, f"SELECT {columns} FROM kept_{table} UNION ALL SELECT {columns} FROM new_{table}")
        # days without a transaction get their file too, which distinguishes them from a skipped night
        apart = {int(path.stem) for path in known}
        for day in range(max(min([*days, cut_day - 1]), cut_day - KEPT_DAYS), cut_day):
            if day not in apart:
                engine.write(f"SELECT {columns} FROM new_{table} WHERE day = {day}", out / table / f"{day}.parquet")
        [old] = engine.rows(f"SELECT COUNT(*) AS n FROM {table} WHERE day < {cut_day - KEPT_DAYS}")
        if old["n"]:
            engine.write(_folded(table, key, cut_day - KEPT_DAYS - 1), out / table / "history.parquet")


def missing_days(kept: Path, cut_day: int) -> list[int]:
    """The days since the first one kept apart, before the cut, that no night has added."""
    there = {int(path.stem) for path in (kept / "daily_card").glob("*.parquet") if _A_DAY.fullmatch(path.stem)}
    return [day for day in range(min(there), cut_day) if day not in there] if there else []


def _history(kept: Path, table: str) -> list[Path]:
    path = kept / table / "history.parquet"
    return [path] if path.exists() else []


def _folded_through(engine: Engine, table: str, kept: Path) -> int:
    engine.read("history", _history(kept, table), {"day": "BIGINT"})
    [row] = engine.rows("SELECT MAX(day) AS day FROM history")
    return -(10**6) if row["day"] is None else int(row["day"])


def _refuse_folded(days: list[int], through: int, cut_day: int) -> None:
    # of a day's own window, nothing may be folded in
    earliest = min([*days, cut_day - 1])
    if earliest - LONGEST_DAYS <= through:
        raise FoldedDayError(
            f"day {earliest} (since 1970) looks back into the sums up to day {through}, which are one; "
            f"allowed: from {through + LONGEST_DAYS + 1} on"
        )


def _folded(table: str, key: tuple[str, ...], through: int) -> str:
    by = ", ".join(key)
    return f"""SELECT {", ".join(sums_columns(key))} FROM (
        SELECT {by}, CAST({through} AS BIGINT) AS day, {SUMMED} FROM {table} WHERE day <= {through} GROUP BY {by}) AS h"""
