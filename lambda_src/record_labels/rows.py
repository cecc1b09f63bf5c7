"""The archive's rows of labels."""

from __future__ import annotations

from fraud.columns import LABEL_COLUMNS
from fraud.label import Label
from lambda_src.ports.parquet_archive import Row, schema

LABELS = schema(LABEL_COLUMNS)


def label_row(label: Label, recorded_at: int) -> Row:
    """A row of LABELS, archived at `recorded_at` (milliseconds since 1970 in UTC)."""
    return {**label.model_dump(), "recorded_at": recorded_at}
