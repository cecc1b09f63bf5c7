"""A part of the rows that are scored together: what a model is asked about, and the file that keeps it for the answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import numpy as np
from numpy.typing import NDArray

from fraud.features.catalogue import NIGHTLY_FEATURES, STREAM_FEATURES, names
from fraud.fields import FEATURE_FIELDS
from fraud.model_input import ModelInput
from fraud.sql_text import quoted
from fraud.vector import CATEGORY_FEATURES, given_input, model_vector

NUMBERS = (
    *(field.name for field in FEATURE_FIELDS if not field.is_text),
    *names((*STREAM_FEATURES, *NIGHTLY_FEATURES)),
)
"""The columns of numbers that may be missing."""
_WHOLE = ("amount_cents", "event_ms")
COLUMNS = ("transaction_id", *CATEGORY_FEATURES, *_WHOLE, *NUMBERS)
"""Of a part's file."""


class Part(NamedTuple):
    """n rows.

    Attributes:
        texts: {feature: n values} of those that are text; None is missing.
        given: what a model is given.
        vectors: float32 of shape (n, len(given.names)).
    """

    texts: dict[str, list[str | None]]
    given: ModelInput
    vectors: NDArray[np.float32]


def read_part(connection: duckdb.DuckDBPyConnection, source: str) -> Part:
    """The rows of a relation with COLUMNS, and the vectors that the deciding step makes of the same features.

    Args:
        source: what follows FROM, the order included.
    """
    numbers = ", ".join(f"coalesce({name}::DOUBLE, 'nan') AS {name}" for name in NUMBERS)
    found = connection.execute(
        f"SELECT {', '.join((*CATEGORY_FEATURES, *_WHOLE))}, {numbers} FROM {source}"
    ).fetchnumpy()
    texts = {name: _texts(found.pop(name)) for name in CATEGORY_FEATURES}
    # a column without any text is one that is not there
    columns: dict[str, Any] = {**found, **{name: values for name, values in texts.items() if any(values)}}
    given = given_input(columns)
    return Part(texts, given, model_vector(columns, given))


def _texts(values: Any) -> list[str | None]:
    """Texts as DuckDB gives them, in an array that is masked where some are missing."""
    texts: list[str | None] = values.tolist()  # of what is masked, None
    return texts


def file_source(path: Path) -> str:
    """A part's file as what follows FROM, in its rows' order, with `file_row_number` from 0."""
    return f"read_parquet({quoted(path)}, file_row_number=true) ORDER BY file_row_number"


def rows_in(connection: duckdb.DuckDBPyConnection, path: Path) -> int:
    """How many rows a part's file has."""
    [(count,)] = connection.execute(f"SELECT count(*) FROM read_parquet({quoted(path)})").fetchall()
    return int(count)
