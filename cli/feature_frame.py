"""From a person's file to the rows a model trains on."""

from __future__ import annotations

import secrets
from pathlib import Path

import pandas as pd

from cli.progress import Report
from fraud.fields import PROTECTED_FIELDS
from reading.transactions import AS_USUAL, Reading, read_transactions
from sagemaker_src.processing.batch_features import compute, engine, features_frame, load


def feature_frame(
    path: Path,
    report: Report,
    reading: Reading = AS_USUAL,
    memory: str = "2GB",
) -> tuple[pd.DataFrame, str]:
    """The transactions of a file with all their features: `feature_rows.ROW_COLUMNS`.

    The card tokens are made under a key that exists only for this call: nothing needs them to mean the same elsewhere.

    Returns:
        The rows, and a sentence on how the file's times were taken.

    Raises:
        BadInputError: the file breaks the rules; see `reading.transactions`.
    """
    rows, times, _ = frame_and_protected(path, report, reading, memory)
    return rows, times


def frame_and_protected(
    path: Path,
    report: Report,
    reading: Reading = AS_USUAL,
    memory: str = "2GB",
) -> tuple[pd.DataFrame, str, pd.DataFrame]:
    """As `feature_frame`, and apart from its rows, so that no model gets them, the protected fields that the file has.

    Returns:
        The rows, the sentence, and a column for each of those fields, by `transaction_id`.
    """
    name = path.name
    with engine(memory) as connection:
        report(f"reading {name}", 0, 1)
        read = read_transactions(connection, path, "tx", secrets.token_bytes(32), reading)
        report(f"reading {name}", 1, 1)
        load(connection, "tx", key="row")
        compute(connection, lambda _, done, total: report(f"features of {name}", done, total + 1))
        rows = features_frame(connection, "tx", key="row")
        report(f"features of {name}", 1, 1)
        there = {column[0] for column in connection.execute("DESCRIBE tx").fetchall()}
        fields = [field.name for field in PROTECTED_FIELDS if field.name in there]
        protected = connection.execute(f"SELECT {', '.join(['transaction_id', *fields])} FROM tx").df()
    return rows, read.times, protected.set_index("transaction_id")
