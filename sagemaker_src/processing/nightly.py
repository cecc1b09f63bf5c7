"""The nightly job: adds the closed day to the sums, refills the nightly feature group, writes the day's training rows.

    python -m sagemaker_src.processing.nightly --cut 2026-01-31 --transactions day --before day-before --daily sums \
        --daily-out sums --training-out training

Runs on DuckDB or, with `--engine spark`, on Spark: the same SQL and the same numbers. The first run may get all transactions that
there are; each later one gets the day that the cut closes, and the day before it, into which the windows of 1 day reach. Where
risks are declared it needs the archive (`--archive`, `--decisions`, `--labels`), for what came to be known that day is about
transactions of weeks ago: folders, or prefixes in S3, of which it reads the days that it needs. On folders, and without
`--nightly-group` and `--training-group`, it calls no service.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any

from fraud.columns import TRANSACTION_COLUMNS, Kind
from fraud.durations import MS_PER_DAY
from fraud.features.batch_write import RECORDS_PER_CALL, write_records
from fraud.features.catalogue import CATALOGUE, Catalogue, names
from fraud.features.feature import CARD
from fraud.features.groups import FeatureValues, feature_values, training_group
from fraud.features.nightly import CardRecord, Population, card_records, population_habits
from fraud.features.nightly_records import entity_records, nightly_record, population_records
from fraud.features.sql import CLOCK_COLUMNS, daily_tables, nightly_sql, snapshot_sql, stream_sql, training_sql
from fraud.fields import OPTIONAL_FEATURES
from fraud.notation import iso_day
from fraud.row_counts import RowCountError, same_count
from sagemaker_src.options import typed
from sagemaker_src.processing.archive_days import at_hand
from sagemaker_src.processing.engines import Engine, open_engine
from sagemaker_src.processing.entity_risk import ArchiveError, parts, rows_of, sum_up, tell, whole_archive
from sagemaker_src.processing.nightly_sums import FoldedDayError, add_days, missing_days

EPOCH = date(1970, 1, 1)
WRITERS = 8
"""Threads that write to the feature store: a call is mostly waiting."""

_SQL_TYPES: dict[Kind, str] = {
    "text": "STRING",
    "whole number": "BIGINT",
    "moment": "TIMESTAMP",
    "decimal number": "DOUBLE",
    "flag": "BOOLEAN",
}
_FIELDS = tuple(field.name for field in OPTIONAL_FEATURES)


def arrived_columns(catalogue: Catalogue = CATALOGUE) -> dict[str, str]:
    """Of the archive's transactions, the columns that the job reads: {name: SQL type}.

    What was archived before a field was declared lacks its column, and has nulls there.
    """
    besides = (*_FIELDS, *catalogue.key_columns)
    return {
        column.name: _SQL_TYPES[column.kind]
        for column in TRANSACTION_COLUMNS
        if column.required or column.name in besides
    }


class RecordsRefusedError(Exception):
    """The feature store did not take some records; the others are written."""


def load(
    engine: Engine, transactions: Path, before: Path | None, cut_day: int, catalogue: Catalogue = CATALOGUE
) -> bool:
    """Makes the tables `arrived`, all transactions, each at its first arrival, and `landed`, those of them to be added.

    Returns:
        Whether they have labels (`is_fraud`).
    """
    read = arrived_columns(catalogue)
    columns = engine.read("landing", _parquet(transactions), read)
    labelled = "is_fraud" in columns
    engine.read("preceding", _parquet(before), read)
    named = ", ".join(name for name in read if name != "event_time")
    sources = [
        f"SELECT {named}, {'is_fraud' if labelled else 'NULL'} AS is_fraud, event_time, TRUE AS to_add FROM landing",
        f"SELECT {named}, NULL AS is_fraud, event_time, FALSE AS to_add FROM preceding",
    ]
    engine.table(
        "arrived",
        f"""SELECT {named}, is_fraud, CAST(event_time AS TIMESTAMP) AS event_time, to_add, {CLOCK_COLUMNS} FROM (
        SELECT *, ROW_NUMBER() OVER (PARTITION BY transaction_id ORDER BY event_ms, to_add) AS arrival FROM (
        SELECT *, {engine.ms("event_time")} AS event_ms FROM ({" UNION ALL ".join(sources)}) AS s) AS m) AS a
        WHERE arrival = 1 AND event_ms < {cut_day * MS_PER_DAY}""",
    )
    engine.table("landed", "SELECT * FROM arrived WHERE to_add")
    return labelled


def sum_up_risks(engine: Engine, options: argparse.Namespace, cut_day: int, catalogue: Catalogue) -> None:
    """Makes the daily tables of the risks, as far back as the cuts of the landed transactions and this one look.

    Raises:
        ArchiveError: as `whole_archive` and `tell`.
    """
    places = whole_archive(options.archive, options.decisions, options.labels, catalogue)
    [row] = engine.rows("SELECT MIN(day) AS day FROM landed")
    first_day = cut_day if row["day"] is None else int(row["day"])
    with at_hand(places, parts(cut_day, catalogue, first_day)) as (archive, decisions, labels):
        tell(engine, archive, decisions, labels, cut_day, catalogue, first_day)
    sum_up(engine, cut_day, catalogue)


def compute_training_rows(engine: Engine, catalogue: Catalogue = CATALOGUE) -> None:
    """Makes the table `features`: the landed transactions with the stream's features and the nightly ones they were judged by.

    After `sum_up_risks`, where risks are declared.

    Raises:
        RowCountError: they are not as many.
    """
    selects = nightly_sql({table: table for table in daily_tables(catalogue)}, catalogue)
    selects |= {risk.table: risk.nightly_sql(risk.daily_table, "landed") for risk in catalogue.risks}
    for name, select in selects.items():
        engine.table(name, f"SELECT * FROM ({select}) AS s WHERE day IN (SELECT DISTINCT day FROM landed)")
    stream = stream_sql("SELECT * FROM arrived", catalogue)
    engine.table("stream_features", f"SELECT * FROM ({stream}) AS s WHERE to_add")
    engine.table("features", training_sql(catalogue))
    same_count("joining the features", _count(engine, "landed"), _count(engine, "features"))


def _count(engine: Engine, table: str) -> int:
    [row] = engine.rows(f"SELECT COUNT(*) AS n FROM {table}")
    return int(row["n"])


def snapshot(engine: Engine, cut_day: int, catalogue: Catalogue = CATALOGUE) -> Iterator[tuple[str, CardRecord]]:
    """Every card's nightly record as of the cut, in the cards' order; a few cards are in memory at a time."""
    selects = snapshot_sql(cut_day, catalogue)
    tables = [table for table, habits in catalogue.nightly_tables.items() if not (habits and habits[0].of_all_cards)]
    in_order = {table: engine.rows(f"SELECT * FROM ({selects[table]}) AS o ORDER BY {CARD}") for table in tables}
    by_card = {table: _ByCard(rows) for table, rows in in_order.items()}
    while (card := by_card["nightly_card"].next_card) is not None:
        # every card has a row there, and not always in the others: none of its transactions may have had such a key
        rows = {table: of_cards.take(card) for table, of_cards in by_card.items()}
        yield card, card_records(rows, cut_day * MS_PER_DAY, catalogue)[card]
    for table, of_cards in by_card.items():
        if of_cards.next_card is not None:
            raise RowCountError(f"{table} has a card that nightly_card lacks: the daily sums are not of the same days")


class _ByCard:
    """The rows of a table in the order of its cards, taken card by card."""

    def __init__(self, rows: Iterator[dict[str, Any]]) -> None:
        self._rows, self._next = rows, next(rows, None)

    @property
    def next_card(self) -> str | None:
        return None if self._next is None else self._next[CARD]

    def take(self, card: str) -> list[dict[str, Any]]:
        """The next card's rows, if it is that one."""
        found = []
        while self._next is not None and self._next[CARD] == card:
            found.append(self._next)
            self._next = next(self._rows, None)
        return found


def population(engine: Engine, cut_day: int, catalogue: Catalogue = CATALOGUE) -> Population:
    """What is known of all cards together as of the cut."""
    selects = snapshot_sql(cut_day, catalogue)
    tables = {table: habits[0] for table, habits in catalogue.nightly_tables.items() if habits}
    of_all = {
        table: engine.rows(f"SELECT * FROM ({selects[table]}) AS o ORDER BY {habit.column}")
        for table, habit in tables.items()
        if habit.of_all_cards
    }
    return population_habits(of_all, catalogue)


def write_group(client: Any, group: str, records: Iterable[FeatureValues], problems: list[str]) -> int:
    """Writes records to a feature group and gives how many; what the store refuses holds up no other.

    Args:
        problems: takes a sentence if some were refused.
    """
    left, written, refused = iter(records), 0, []
    with ThreadPoolExecutor(WRITERS) as writers:
        while slab := list(islice(left, 4 * WRITERS * RECORDS_PER_CALL)):
            chunks = [slab[start : start + RECORDS_PER_CALL] for start in range(0, len(slab), RECORDS_PER_CALL)]
            for failures in writers.map(lambda chunk: write_records(client.batch_write_record, group, chunk), chunks):
                refused += failures
            written += len(slab)
    if refused:
        problems.append(f"{group}: {len(refused)} of {written} records refused, as {refused[0].why}")
    return written - len(refused)


def run(engine: Engine, options: argparse.Namespace, catalogue: Catalogue = CATALOGUE) -> None:
    """Does the whole night.

    Args:
        engine: where it is computed.
        options: of the command line.
        catalogue: the declarations.

    Raises:
        ArchiveError: what the risks are computed of is not given, or is no archive.
        RecordsRefusedError: the store refused some records, such as one over 350 KB (page feature-store-quotas); all others are
            written.
    """
    cut_day = (options.cut - EPOCH).days
    labelled = load(engine, options.transactions, options.before, cut_day, catalogue)
    if catalogue.risks:  # first, for without its archive nothing is to be written
        sum_up_risks(engine, options, cut_day, catalogue)
    add_days(engine, "landed", options.daily, options.daily_out, cut_day, catalogue)
    compute_training_rows(engine, catalogue)
    label = "is_fraud, " if labelled else ""
    features = names((*catalogue.stream_features, *catalogue.cut_features))
    columns = ", ".join(("category", "amount_cents", "event_ms", *_FIELDS, *features))
    rows = f"SELECT transaction_id, cc_num, {label}{columns} FROM features"
    engine.write(rows, options.training_out / "features.parquet")
    if options.nightly_group or options.training_group:
        # by hand the job needs no SDK
        import boto3  # noqa: PLC0415
        from botocore.config import Config  # noqa: PLC0415

        retries = {"mode": "adaptive", "total_max_attempts": 8}
        client = boto3.client("sagemaker-featurestore-runtime", config=Config(retries=retries))
    refused: list[str] = []
    if options.nightly_group:
        cards = (nightly_record(card, record, catalogue) for card, record in snapshot(engine, cut_day, catalogue))
        count = write_group(client, options.nightly_group, cards, refused)
        for risk in catalogue.risks:
            entities = entity_records(risk, rows_of(engine, risk, cut_day), cut_day * MS_PER_DAY, catalogue)
            written = write_group(client, options.nightly_group, entities, refused)
            print(f"{options.nightly_group}: {written} records of {risk}")
        # last: a deciding step that reads the new population finds the new cards, and what is older than it is no longer so
        of_all = population_records(population(engine, cut_day, catalogue), cut_day * MS_PER_DAY, catalogue)
        write_group(client, options.nightly_group, of_all, refused)
        print(f"{options.nightly_group}: {count} cards as of {options.cut}")
    if options.training_group:
        records = (
            feature_values(training_group(catalogue), {"is_fraud": None, **row}, row["event_ms"])
            for row in engine.rows(rows)
        )
        count = write_group(client, options.training_group, records, refused)
        print(f"{options.training_group}: {count} transactions")
    if refused:
        raise RecordsRefusedError("; ".join(refused))


def _parquet(folder: Path | None) -> list[Path]:
    return [] if folder is None else [path.resolve() for path in sorted(folder.rglob("*.parquet"))]


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="The nightly features and the closed day's training rows.")
    parser.add_argument("--engine", choices=["duckdb", "spark"], default="duckdb", help="default %(default)s")
    parser.add_argument("--cut", type=typed(iso_day), required=True, help="as of 00:00 UTC of this day, as 2026-01-31")
    parser.add_argument(
        "--transactions",
        type=Path,
        required=True,
        help="folder of Parquet: transaction_id, cc_num (token), category, amount_cents, event_time (UTC), maybe is_fraud",
    )
    parser.add_argument("--before", type=Path, help="folder of the transactions of the day before those")
    for name, what in (("archive", "transactions"), ("decisions", "decisions"), ("labels", "labels")):
        parser.add_argument(
            f"--{name}", help=f"folder, or s3://BUCKET/PREFIX/, of archived {what}; needed where risks are declared"
        )
    parser.add_argument("--daily", type=Path, required=True, help="folder of the sums so far; may be empty")
    parser.add_argument(
        "--daily-out", type=Path, required=True, help="folder for the sums that change; may be the same"
    )
    parser.add_argument("--training-out", type=Path, required=True, help="folder for features.parquet")
    parser.add_argument("--nightly-group", help="feature group of the cards' nightly records")
    parser.add_argument("--training-group", help="feature group of the training rows")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = _options()
    options = parser.parse_args(arguments)
    gaps = missing_days(options.daily, (options.cut - EPOCH).days - 1)
    if gaps:
        shown = ", ".join(str(date.fromordinal(EPOCH.toordinal() + day)) for day in gaps[:5])
        print(f"--daily: no sums of {shown}: a night was skipped; run it with its own --cut", file=sys.stderr)
    try:
        with open_engine(options.engine) as engine:
            run(engine, options)
    except FoldedDayError as error:
        parser.error(f"--cut: {error}")
    except ArchiveError as error:
        parser.error(str(error))
    return 0


if __name__ == "__main__":
    sys.exit(main())
