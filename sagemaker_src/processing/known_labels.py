"""The archive of labels and decisions, as it stood at a moment: which label counts of each transaction, and what was decided.

`fraud.label.known_as_of` says of one transaction's labels which counts; this is the same in SQL, for all at once. A label counts
if it was known by the moment, and the archive had it by then: one that came later, however early it says it was known, changes
nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import duckdb

from fraud.columns import LABEL_COLUMNS
from sagemaker_src.processing.transactions import TransactionFilesError, sql_paths

OUTCOMES = ("approve", "review", "block")
UNDECIDED = "undecided"
"""In place of an outcome, where the archive holds no decision."""
_NONE: Mapping[str, str] = MappingProxyType({})


def known_labels(connection: duckdb.DuckDBPyConnection, folder: Path, as_of_ms: int) -> int:
    """Makes the table `known_labels` (transaction_id, is_fraud, source), a row a transaction that has a label; gives how many
    labels the archive had.

    Args:
        connection: from `batch_features.engine`.
        folder: the Parquet files below `labels/`; none are no labels.
        as_of_ms: milliseconds since 1970 in UTC.

    Raises:
        TransactionFilesError: a file holds no labels.
    """
    names = [column.name for column in LABEL_COLUMNS]
    empty = """(SELECT '' AS transaction_id, false AS is_fraud, '' AS source, '' AS reported_by, now() AS known_at,
        now() AS recorded_at WHERE false)"""
    source = _source(connection, folder, names) or empty
    connection.execute(f"""CREATE OR REPLACE TABLE archived_labels AS
        SELECT transaction_id, is_fraud, source, reported_by, {_ms("known_at")} AS known_ms,
            min({_ms("recorded_at")}) AS recorded_ms
        FROM {source} GROUP BY ALL HAVING known_ms <= {as_of_ms} AND recorded_ms <= {as_of_ms}""")
    connection.execute("""CREATE OR REPLACE TABLE known_labels AS SELECT transaction_id, is_fraud, source FROM archived_labels
        QUALIFY row_number() OVER (PARTITION BY transaction_id
            ORDER BY known_ms DESC, source DESC, reported_by DESC, is_fraud DESC) = 1""")
    return int(connection.execute("SELECT count(*) FROM archived_labels").fetchall()[0][0])


def outcomes(connection: duckdb.DuckDBPyConnection, folder: Path, as_of_ms: int) -> None:
    """Makes the table `outcomes` of what was decided by a moment, each transaction once.

    Its columns: transaction_id, outcome, control_group, decided_ms.

    Args:
        folder: the Parquet files below `decisions/`; none are no decisions.

    Raises:
        TransactionFilesError: a file holds no decisions.
    """
    names = ["transaction_id", "outcome", "decided_at"]
    empty = "(SELECT '' AS transaction_id, '' AS outcome, now() AS decided_at, false AS control_group WHERE false)"
    # a release without a control group wrote no such column
    source = _source(connection, folder, names, {"control_group": "false"}) or empty
    connection.execute(f"""CREATE OR REPLACE TABLE outcomes AS
        SELECT transaction_id, outcome, coalesce(control_group, false) AS control_group, {_ms("decided_at")} AS decided_ms
        FROM {source} WHERE {_ms("decided_at")} <= {as_of_ms}
        QUALIFY row_number() OVER (PARTITION BY transaction_id ORDER BY {_ms("decided_at")}, outcome) = 1""")


def _ms(column: str) -> str:
    return f"epoch_ms({column}::TIMESTAMP)"


def _source(
    connection: duckdb.DuckDBPyConnection, folder: Path, names: list[str], optional: Mapping[str, str] = _NONE
) -> str | None:
    """The SELECT of columns, and of `optional` ones, {column: what stands for it where no file has it}."""
    files = sorted(folder.rglob("*.parquet"))
    if not files:
        return None
    read = f"read_parquet({sql_paths(files)}, union_by_name=true, hive_partitioning=false)"
    try:
        there = {row[0] for row in connection.execute(f"DESCRIBE SELECT * FROM {read}").fetchall()}
    except duckdb.Error as error:
        raise TransactionFilesError(f"{folder} cannot be read as Parquet: {str(error).splitlines()[0]}") from error
    missing = [name for name in names if name not in there]
    if missing:
        raise TransactionFilesError(f"{folder} lacks the columns {', '.join(missing)}; needed: {', '.join(names)}")
    more = [name if name in there else f"{instead} AS {name}" for name, instead in optional.items()]
    return f"(SELECT {', '.join([*names, *more])} FROM {read})"
