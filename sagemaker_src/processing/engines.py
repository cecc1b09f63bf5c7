"""What a batch program needs of its engine, so that one program runs on DuckDB and on Spark: SQL in, Parquet and rows out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, Protocol

EngineName = Literal["duckdb", "spark"]


class Engine(Protocol):
    """An engine with tables by name. Its time zone is UTC."""

    def ms(self, column: str) -> str:
        """SQL that turns a column of moments into milliseconds since 1970."""
        ...

    def read(self, name: str, files: list[Path], columns: Mapping[str, str]) -> list[str]:
        """Make a view of Parquet files, an empty one with `columns` {name: SQL type} if there is no file; gives its columns.

        What is in `columns` comes in those types; files that lack one of them have nulls there.
        """
        ...

    def table(self, name: str, select: str) -> None:
        """Compute a table now; it may read the one of the same name that it replaces."""
        ...

    def write(self, select: str, path: Path) -> None:
        """Write one Parquet file, whole or not at all."""
        ...

    def rows(self, select: str) -> Iterator[dict[str, Any]]:
        """The rows, a few thousand in memory at a time. Several such iterators may be open at once."""
        ...


def open_engine(name: EngineName) -> AbstractContextManager[Engine]:
    """An engine; only the library of the one that is asked for needs to be there."""
    opened: AbstractContextManager[Engine] = import_module(f"sagemaker_src.processing.{name}_engine").open_engine()
    return opened
