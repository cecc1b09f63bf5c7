"""`engines.Engine` on DuckDB."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from fraud.sql_text import quoted
from sagemaker_src.processing.batch_features import engine
from sagemaker_src.processing.transactions import sql_paths

ROWS_AT_ONCE = 5_000


class DuckDbEngine:
    """One connection; see `engines.Engine`."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def ms(self, column: str) -> str:
        return f"epoch_us({column}::TIMESTAMP) // 1000"  # epoch_ms rounds, Spark does not

    def read(self, name: str, files: list[Path], columns: Mapping[str, str]) -> list[str]:
        empty = ", ".join(f"NULL::{_type(kind)} AS {column}" for column, kind in columns.items())
        source = f"SELECT {empty} WHERE FALSE"
        if files:
            read = f"read_parquet({sql_paths(files)}, union_by_name=true, hive_partitioning=false)"
            source += f" UNION ALL BY NAME FROM {read}"
        self._connection.execute(f"CREATE OR REPLACE VIEW {name} AS {source}")
        return [row[0] for row in self._connection.execute(f"DESCRIBE {name}").fetchall()]

    def table(self, name: str, select: str) -> None:
        self._connection.execute(f"CREATE OR REPLACE TABLE {name} AS {select}")

    def write(self, select: str, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(path.name + ".part")
        self._connection.execute(f"COPY ({select}) TO {quoted(part)} (FORMAT parquet, COMPRESSION zstd)")
        part.replace(path)

    def rows(self, select: str) -> Iterator[dict[str, Any]]:
        cursor = self._connection.cursor()
        cursor.execute("SET TimeZone = 'UTC'")
        cursor.execute(select)
        columns = [column[0] for column in cursor.description]
        while found := cursor.fetchmany(ROWS_AT_ONCE):
            for row in found:
                yield dict(zip(columns, row, strict=True))


def _type(kind: str) -> str:
    return "VARCHAR" if kind == "STRING" else kind


@contextmanager
def open_engine() -> Iterator[DuckDbEngine]:
    """A connection of its own, closed at the end."""
    with engine() as connection:
        yield DuckDbEngine(connection)
