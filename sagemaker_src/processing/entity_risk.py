"""The risk by merchant, terminal and category as of a nightly cut, from what is archived. By hand:

    python -m sagemaker_src.processing.entity_risk --cut 2026-11-28 --archive archive/transactions \\
        --decisions archive/decisions --labels archive/labels --out risk

A label is about a transaction of weeks ago and holds nothing of it but its id, so no night can do with its own day: it takes all
transactions of some months that have a label, and the others of the last weeks, which silence says something about. Nothing is
kept from one night to the next: a cut has the same figures whenever it is computed. On DuckDB or, with `--engine spark`, on
Spark.

Of an archive in folders of days only those are read that the cut needs (`parts`); files in no day's folder all are.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

from fraud.columns import LABEL_COLUMNS
from fraud.durations import MS_PER_DAY
from fraud.features.catalogue import Catalogue, with_risks
from fraud.features.feature import DeclarationError
from fraud.features.habits import LONGEST_DAYS
from fraud.features.nightly import Population
from fraud.features.risks import LABEL_DELAY_DAYS, REACH_DAYS, Risk
from fraud.notation import decimal_number, iso_day
from sagemaker_src.options import typed
from sagemaker_src.processing.archive_days import Part
from sagemaker_src.processing.engines import Engine, open_engine
from sagemaker_src.processing.told_labels import settled_sql, told_sql

EPOCH = date(1970, 1, 1)
KEPT_DAYS = LONGEST_DAYS + 15
"""A merchant or a terminal of which something was said in so many days has a row: for 15 days after the longest window one that
says that it holds nothing."""
AGAIN_DAYS = 7
"""So long after its first arrival a payment may arrive again, and be one: Kafka keeps no topic of them for longer."""
Place = TypeVar("Place", str, Path)

_TRANSACTIONS = {"transaction_id": "STRING", "cc_num": "STRING", "category": "STRING", "amount_cents": "BIGINT",
                 "event_time": "TIMESTAMP"}  # fmt: skip
_DECISIONS = {"transaction_id": "STRING", "outcome": "STRING", "decided_at": "TIMESTAMP"}
_LABELS = {
    column.name: {"text": "STRING", "flag": "BOOLEAN", "moment": "TIMESTAMP"}[column.kind] for column in LABEL_COLUMNS
}


class ArchiveError(ValueError):
    """The archive is not given, or files are not of it: names the folder and the columns that are lacking."""


def whole_archive(
    archive: Place | None, decisions: Place | None, labels: Place | None, catalogue: Catalogue
) -> tuple[Place, Place, Place]:
    """The places, where all are given. Raises ArchiveError: risks are declared, and one is not."""
    if archive is None or decisions is None or labels is None:
        keys = " and ".join(risk.key for risk in catalogue.risks)
        raise ArchiveError(f"--archive, --decisions and --labels: needed for the declared risk by {keys}")
    return archive, decisions, labels


def parts(cut_day: int, catalogue: Catalogue, first_day: int | None = None) -> tuple[Part, Part, Part]:
    """What the risks as of a cut are computed of: transactions, decisions and labels.

    What is said from KEPT_DAYS before the cut on, and no later than REACH_DAYS after the label delay, is about transactions since
    KEPT_DAYS, the delay and REACH_DAYS before the cut; a week more, AGAIN_DAYS, has the first arrival of what arrives again. A
    decision lies in its transaction's day. A label lies in the day on which it became known, up to REACH_DAYS before its
    transaction's.

    Args:
        cut_day: the day that the cut begins, counted from 1970.
        catalogue: the declarations, with risks of one label delay.
        first_day: the day that the first cut begins, of several that are asked about; None is `cut_day`.
    """
    since_ms = _since_ms(cut_day, first_day)
    said_of = (since_ms - _delay_ms(catalogue)) // MS_PER_DAY - REACH_DAYS
    keys = dict.fromkeys((risk.key for risk in catalogue.risks), "STRING")
    days = range(said_of - AGAIN_DAYS, cut_day)
    return (
        Part("transactions", days, {**_TRANSACTIONS, **keys}, tuple(_TRANSACTIONS)),
        Part("decisions", days, _DECISIONS, tuple(_DECISIONS)),
        Part("labels", range(said_of - REACH_DAYS, cut_day), _LABELS, tuple(_LABELS)),
    )


def tell(
    engine: Engine,
    archive: Path,
    decisions: Path,
    labels: Path,
    cut_day: int,
    catalogue: Catalogue,
    first_day: int | None = None,
) -> None:
    """Makes the table `told` as of `told_labels`, whole for the KEPT_DAYS before a cut.

    Args:
        archive, decisions, labels: folders of Parquet files; none are none.
        cut_day, catalogue, first_day: as of `parts`.

    Raises:
        ArchiveError: a file lacks a column.
    """
    read = zip(
        ("archived", "decided", "said"), (archive, decisions, labels), parts(cut_day, catalogue, first_day), strict=True
    )
    for name, folder, part in read:
        _read(engine, name, folder, part)
    keys = tuple(dict.fromkeys(risk.key for risk in catalogue.risks))
    delay_ms, since_ms = _delay_ms(catalogue), _since_ms(cut_day, first_day)
    silent_ms = since_ms - delay_ms - AGAIN_DAYS * MS_PER_DAY
    engine.table(
        "tellings",
        f"""SELECT transaction_id, CAST(is_fraud AS INTEGER) AS is_fraud, source, reported_by,
            {engine.ms("known_at")} AS known_ms, MIN({engine.ms("recorded_at")}) AS recorded_ms
        FROM said GROUP BY transaction_id, is_fraud, source, reported_by, known_at""",
    )
    # no decision is made a day before its payment, however clocks differ
    engine.table(
        "outcomes",
        f"""SELECT transaction_id, outcome, decided_ms FROM (
        SELECT *, ROW_NUMBER() OVER (PARTITION BY transaction_id ORDER BY decided_ms, outcome) AS place FROM (
        SELECT transaction_id, outcome, {engine.ms("decided_at")} AS decided_ms FROM decided) AS d
        WHERE decided_ms >= {silent_ms - MS_PER_DAY} OR transaction_id IN (SELECT transaction_id FROM tellings)) AS o
        WHERE place = 1""",
    )
    own = ", ".join(f"m.{name}" for name in dict.fromkeys((*_TRANSACTIONS, *keys)) if name != "event_time")
    # what nothing can be said of since then goes before the rest is sorted, for it is nearly all
    there = f"""SELECT {own}, m.event_ms, o.outcome, o.decided_ms, l.transaction_id AS labelled
        FROM (SELECT *, {engine.ms("event_time")} AS event_ms FROM archived) AS m
        LEFT JOIN outcomes AS o ON m.transaction_id = o.transaction_id
        LEFT JOIN (SELECT DISTINCT transaction_id FROM tellings) AS l ON m.transaction_id = l.transaction_id
        WHERE m.event_ms < {cut_day * MS_PER_DAY} AND (l.transaction_id IS NOT NULL
            OR (o.outcome = 'approve' AND (m.event_ms >= {silent_ms} OR o.decided_ms >= {since_ms})))"""
    once = f"""SELECT * FROM (SELECT *, ROW_NUMBER() OVER (
        PARTITION BY transaction_id ORDER BY event_ms, cc_num, amount_cents, category) AS arrival FROM ({there}) AS h) AS a
        WHERE arrival = 1"""
    given = ", ".join(keys)
    engine.table(
        "tellable",
        f"""SELECT * FROM (SELECT transaction_id, {given}, event_ms, labelled,
            CASE WHEN outcome = 'approve' THEN {settled_sql("event_ms", "decided_ms", delay_ms)} END AS settled_ms
        FROM ({once}) AS t) AS s WHERE labelled IS NOT NULL OR settled_ms >= {since_ms}""",
    )
    told = told_sql("tellable", "tellings", keys, delay_ms)
    engine.table("told", f"SELECT {given}, moment, fraud FROM ({told}) AS s WHERE moment >= {since_ms}")


def _delay_ms(catalogue: Catalogue) -> int:
    [delay_ms] = {risk.label_delay_ms for risk in catalogue.risks}
    return delay_ms


def _since_ms(cut_day: int, first_day: int | None) -> int:
    return ((cut_day if first_day is None else first_day) - KEPT_DAYS) * MS_PER_DAY


def sum_up(engine: Engine, cut_day: int, catalogue: Catalogue) -> None:
    """Makes each risk's daily table, after `tell`, of what was said before the cut."""
    for risk in catalogue.risks:
        engine.table(
            risk.daily_table, risk.daily_of_told_sql(f"(SELECT * FROM told WHERE moment < {cut_day * MS_PER_DAY})")
        )


def rows_of(engine: Engine, risk: Risk, cut_day: int) -> Iterator[dict[str, Any]]:
    """A risk's table as of the cut, after `sum_up`: its key, `day` (that of the cut) and its features, in the key's order."""
    return engine.rows(_of_cut(risk, cut_day))


def population_shares(engine: Engine, cut_day: int, catalogue: Catalogue) -> Population:
    """All of them, as the deciding step looks them up, after `sum_up`."""
    found: dict[str, dict[str, float | None]] = {}
    for risk in catalogue.risks:
        of_risk = {feature.name: found.setdefault(feature.name, {}) for feature in risk.features}
        for row in rows_of(engine, risk, cut_day):
            for name, shares in of_risk.items():
                shares[row[risk.key]] = row[name]
    return found


def _of_cut(risk: Risk, cut_day: int) -> str:
    return f"{risk.snapshot_sql(risk.daily_table, cut_day, cut_day - KEPT_DAYS)} ORDER BY {risk.key}"


def _read(engine: Engine, name: str, folder: Path, part: Part) -> None:
    files = part.files(folder)
    # read with a column that no file has, what comes besides is theirs
    there = engine.read(name, files, {"no_column": "BIGINT"}) if files else part.required
    missing = [column for column in part.required if column not in there]
    if missing:
        raise ArchiveError(f"{folder} lacks the columns {', '.join(missing)}; needed: {', '.join(part.required)}")
    engine.read(name, files, part.columns)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(description="The risk by merchant, terminal and category as of a nightly cut.")
    parser.add_argument("--engine", choices=["duckdb", "spark"], default="duckdb", help="default %(default)s")
    parser.add_argument("--cut", type=typed(iso_day), required=True, help="as of 00:00 UTC of this day, as 2026-01-31")
    parser.add_argument("--archive", type=Path, required=True, help="folder of archived transactions, Parquet")
    parser.add_argument("--decisions", type=Path, required=True, help="folder of archived decisions")
    parser.add_argument("--labels", type=Path, required=True, help="folder of archived labels")
    parser.add_argument("--label-delay-days", type=typed(decimal_number), default=LABEL_DELAY_DAYS,
        help="after how long silence about an approved transaction says honest (default %(default)s)")  # fmt: skip
    parser.add_argument("--out", type=Path, required=True, help="folder for a Parquet file of each table")
    options = parser.parse_args(arguments)
    cut_day = (options.cut - EPOCH).days
    try:
        catalogue = with_risks(options.label_delay_days)
        with open_engine(options.engine) as engine:
            tell(engine, options.archive, options.decisions, options.labels, cut_day, catalogue)
            sum_up(engine, cut_day, catalogue)
            for risk in catalogue.risks:
                engine.write(_of_cut(risk, cut_day), options.out / f"{risk.table}.parquet")
    except DeclarationError as error:
        parser.error(f"--label-delay-days: {error}")
    except ArchiveError as error:
        parser.error(str(error))
    return 0


if __name__ == "__main__":
    sys.exit(main())
