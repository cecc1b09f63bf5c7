"""From a person's file to the rows a model trains on."""

from __future__ import annotations

import secrets
from pathlib import Path

import pandas as pd

from cli.kaggle import read_transactions
from cli.progress import Report
from sagemaker_src.processing.batch_features import compute, engine, features_select, load


def feature_frame(path: Path, report: Report, memory: str = "2GB") -> pd.DataFrame:
    """The transactions of a file in Kaggle's columns with all their features: `sagemaker_src.training.train.ROW_COLUMNS`.

    The card tokens are made under a key that exists only for this call: nothing needs them to mean the same elsewhere.

    Raises:
        BadInputError: the file breaks the rules; see `cli.kaggle`.
    """
    name = path.name
    with engine(memory) as connection:
        report(f"reading {name}", 0, 1)
        read_transactions(connection, path, "tx", secrets.token_bytes(32))
        report(f"reading {name}", 1, 1)
        load(connection, "tx", key="row")
        compute(connection, lambda _, done, total: report(f"features of {name}", done, total + 1))
        select = features_select("tx", labelled=True, key="row").replace(
            "t.category", "t.category::category AS category"
        )
        rows = connection.execute(select).df()
        report(f"features of {name}", 1, 1)
    return rows
