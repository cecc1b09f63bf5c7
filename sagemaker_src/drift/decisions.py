"""A day's archived decisions, a piece at a time: what a model was asked with, and what it answered."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from fraud.vector import CATEGORY_FEATURES, INPUT_COLUMNS

READ = ("amount_cents", "trans_time", "path", "score", "model_version", "features")
PIECE = 20_000
"""Rows that are in memory at once."""


class DecisionsError(ValueError):
    """What cannot be read as archived decisions: names the file, and says what is needed."""


@dataclass(frozen=True)
class Piece:
    """Some decisions.

    Attributes:
        columns: `fraud.vector.INPUT_COLUMNS` of them.
        scores: NaN where the fallback rule decided.
        versions: of the model; None in a fallback.
    """

    columns: dict[str, Any]
    scores: NDArray[np.float64]
    versions: NDArray[np.object_]


def read_decisions(folder: Path) -> Iterator[Piece]:
    """The decisions in all Parquet files below a folder, in the form of the archive (`lambda_src.archive.rows`).

    Raises:
        DecisionsError: a file cannot be read, or lacks one of READ.
    """
    for file in sorted(folder.rglob("*.parquet")):
        try:
            with pq.ParquetFile(file) as content:
                if lacking := sorted(set(READ) - set(content.schema_arrow.names)):
                    raise DecisionsError(f"{file} lacks the columns {', '.join(lacking)}; needed: archived decisions")
                for batch in content.iter_batches(PIECE, columns=list(READ)):
                    yield _piece(batch)
        except (pa.ArrowException, OSError, json.JSONDecodeError) as error:
            raise DecisionsError(f"{file} cannot be read: {str(error).splitlines()[0]}") from error


def _piece(batch: pa.RecordBatch) -> Piece:
    made_on = json.loads(f"[{','.join(batch.column('features').to_pylist())}]")
    columns: dict[str, Any] = {
        "amount_cents": batch.column("amount_cents").to_numpy(),
        "event_ms": batch.column("trans_time").cast(pa.int64()).to_numpy(),
    }
    for name in INPUT_COLUMNS:
        if name in columns:
            continue
        values = [each.get(name) for each in made_on]
        columns[name] = values if name in CATEGORY_FEATURES else np.array(values, dtype=np.float64)
    return Piece(
        columns,
        batch.column("score").to_numpy(zero_copy_only=False).astype(np.float64),
        batch.column("model_version").to_numpy(zero_copy_only=False),
    )
