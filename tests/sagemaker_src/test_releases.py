"""The archive, the training rows and the night's work of two releases are read together."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from fraud.fields import OPTIONAL_FEATURES
from sagemaker_src.processing import batch_features, nightly
from sagemaker_src.training.feature_rows import OPTIONAL_COLUMNS, ROW_COLUMNS, read_feature_rows
from tests.sagemaker_src.test_nightly import FIRST, of_days, rows, write

FIELDS = [field.name for field in OPTIONAL_FEATURES]


def archive(folder: Path) -> tuple[Path, list[dict]]:
    """Two days: the first of the release before, without the fields; the second of this one, with a column of a later one too."""
    given = rows(days=2, count=200)
    later = [
        {**row, "currency": "EUR" if place % 2 else None, "a_column_of_later": place}
        for place, row in enumerate(of_days(given, 1, 1))
    ]
    write(folder / "day=1", of_days(given, 0, 0))
    write(folder / "day=2", later)
    return folder, of_days(given, 0, 0) + later


def test_the_night_reads_the_archive_of_both(tmp_path: Path) -> None:
    folder, given = archive(tmp_path / "transactions")
    cut = FIRST + timedelta(days=2)
    out = tmp_path / "training"
    arguments = [
        "--cut",
        str(cut),
        "--transactions",
        folder,
        "--daily",
        tmp_path / "none",
        "--daily-out",
        tmp_path / "daily",
    ]
    (tmp_path / "none").mkdir()
    assert nightly.main([*map(str, arguments), "--training-out", str(out)]) == 0
    made = pq.read_table(out / "features.parquet").to_pandas().set_index("transaction_id")
    assert len(made) == len(given)
    for row in given:
        found = made.loc[row["transaction_id"], "currency"]
        assert (None if pd.isna(found) else found) == row.get("currency")


def test_the_batch_features_of_both_are_those_of_each(tmp_path: Path) -> None:
    folder, given = archive(tmp_path / "transactions")
    assert batch_features.main(["--transactions", str(folder), "--out", str(tmp_path / "out.parquet")]) == 0
    made = pd.read_parquet(tmp_path / "out.parquet").set_index("transaction_id")
    assert [name for name in FIELDS if name in made] == ["currency"]
    currency = made["currency"].astype(object).where(made["currency"].notna(), None)
    assert {row["transaction_id"]: row.get("currency") for row in given} == currency.to_dict()


@pytest.mark.parametrize("with_fields", [(), ("currency",), tuple(FIELDS)])
def test_training_rows_of_both_are_one_set(with_fields: tuple[str, ...], tmp_path: Path) -> None:
    folder, _ = archive(tmp_path / "transactions")
    assert batch_features.main(["--transactions", str(folder), "--out", str(tmp_path / "out.parquet")]) == 0
    made = pd.read_parquet(tmp_path / "out.parquet").assign(is_fraud=0).drop(columns="currency")
    values = {"entry_mode": "chip", "currency": "USD", "country": "US", "mcc": "5411"}
    (tmp_path / "rows").mkdir()
    half = len(made) // 2
    made[:half].to_parquet(tmp_path / "rows" / "old.parquet")
    made[half:].assign(**{name: values[name] for name in with_fields}).to_parquet(tmp_path / "rows" / "new.parquet")
    read = read_feature_rows(tmp_path / "rows")
    assert list(read.columns) == [*ROW_COLUMNS, *OPTIONAL_COLUMNS]
    for name in FIELDS:
        assert read[name].notna().sum() == (len(made) - half if name in with_fields else 0)
