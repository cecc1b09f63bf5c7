"""The scores of the rows that a model was tested on, as a file: what reports and the figures of an evaluation are made of."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from sagemaker_src.training.metrics import Scores

FILE = "scores.parquet"
MODEL_VERSION = b"model_version"
"""In the file's metadata: the model that gave the scores."""


def scored_rows(rows: pd.DataFrame, score: Scores) -> pd.DataFrame:
    """n tested rows with their scores, and nothing that tells a card.

    Args:
        rows: `feature_rows.ROW_COLUMNS`.
        score: n probabilities of fraud.

    Returns:
        `transaction_id`, `event_time` (UTC), `is_fraud` (0 or 1), `amount_cents`, `score`; in the order of the rows.
    """
    return pd.DataFrame(
        {
            "transaction_id": rows["transaction_id"].to_numpy(),
            "event_time": pd.to_datetime(rows["event_ms"].to_numpy(), unit="ms", utc=True),
            "is_fraud": rows["is_fraud"].to_numpy("int8"),
            "amount_cents": rows["amount_cents"].to_numpy("int64"),
            "score": score,
        }
    )


def write_scored_rows(folder: Path, scores: pd.DataFrame, model_version: str) -> None:
    """Write `scores.parquet`, which says which model gave them; it is there whole or not at all."""
    table = pa.Table.from_pandas(scores, preserve_index=False)
    said = {**(table.schema.metadata or {}), MODEL_VERSION: model_version.encode()}
    part = folder / f"{FILE}.part"
    pq.write_table(table.replace_schema_metadata(said), part)
    part.rename(folder / FILE)
