"""The archive, the training rows and the night's work of two releases are read together."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from engines.installed import ROOT
from engines.spark import run_spark
from fraud.fields import OPTIONAL_FEATURES
from fraud.promotion import verdict
from sagemaker_src.processing import batch_features, nightly
from sagemaker_src.training import evaluate_model, train
from sagemaker_src.training.feature_rows import OPTIONAL_COLUMNS, ROW_COLUMNS, read_feature_rows
from tests.sagemaker_src.test_evaluate_model import made_up_rows
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


LATER = ["num_trans_last_1h", "max_amt_last_30d"]
"""Features of the stream and of the night, for these tests of a later release than the others."""


@pytest.fixture
def training(tmp_path: Path) -> Path:
    """Training rows of two releases: those of every day before the fiftieth lack LATER."""
    made = made_up_rows().astype({"num_trans_last_1h": "int64"})
    (tmp_path / "training" / "day=1").mkdir(parents=True)
    (tmp_path / "training" / "day=2").mkdir()
    made[:3_000].drop(columns=LATER).to_parquet(tmp_path / "training" / "day=1" / "features.parquet")
    made[3_000:].to_parquet(tmp_path / "training" / "day=2" / "features.parquet")
    return tmp_path / "training"


def test_a_feature_that_was_declared_later_is_missing_in_the_rows_of_before(training: Path) -> None:
    read, made = read_feature_rows(training), made_up_rows()
    assert list(read.columns) == [*ROW_COLUMNS, *OPTIONAL_COLUMNS]
    assert not read[LATER][:3_000].notna().any(axis=None)
    pd.testing.assert_frame_equal(read[LATER][3_000:], made[LATER][3_000:])
    others = [name for name in ROW_COLUMNS if name not in LATER]
    assert isinstance(read["category"].dtype, pd.CategoricalDtype)
    plain = read[others].assign(category=read["category"].astype("str"))
    pd.testing.assert_frame_equal(plain, made[others], check_dtype=False)


@pytest.mark.slow
def test_models_of_both_are_trained_judged_and_weighed_on_the_rows_of_both(training: Path, tmp_path: Path) -> None:
    def trained(name: str, rows: Path) -> Path:
        options = {"train": rows, "model-dir": tmp_path / name, "rounds": 20, "test-from": "2026-04-01"}
        assert train.main([part for option, value in options.items() for part in (f"--{option}", str(value))]) == 0
        return tmp_path / name

    before = tmp_path / "before"
    before.mkdir()
    made_up_rows().drop(columns=LATER).to_parquet(before / "features.parquet")
    champion, candidate = trained("champion", before), trained("candidate", training)
    takes = {
        name: json.loads((folder / "manifest.json").read_text())["feature_names"]
        for name, folder in (("champion", champion), ("candidate", candidate))
    }
    assert set(LATER) <= set(takes["candidate"]) - set(takes["champion"])

    options = {"model": candidate, "champion": champion, "features": training, "out": tmp_path / "out"}
    arguments = [part for option, value in options.items() for part in (f"--{option}", str(value))]
    assert evaluate_model.main(arguments) == 0
    evaluation = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    assert verdict(evaluation["metrics"], evaluation["champion"]["metrics"]).accepted


@pytest.mark.slow
@pytest.mark.engines
@pytest.mark.timeout(300)
def test_spark_reads_the_archive_of_both_as_duckdb_does(tmp_path: Path) -> None:
    folder, given = archive(tmp_path / "transactions")
    empty = tmp_path / "none"
    empty.mkdir()

    def arguments(engine: str) -> list[str]:
        made = {"daily-out": tmp_path / engine / "daily", "training-out": tmp_path / engine}
        options = {"engine": engine, "cut": FIRST + timedelta(days=2), "transactions": folder, "daily": empty, **made}
        return [part for option, value in options.items() for part in (f"--{option}", str(value))]

    assert nightly.main(arguments("duckdb")) == 0
    run_spark(ROOT / "sagemaker_src" / "processing" / "nightly.py", arguments("spark"), tmp_path)
    found, wanted = (
        pd.read_parquet(tmp_path / engine / "features.parquet").set_index("transaction_id").sort_index()
        for engine in ("spark", "duckdb")
    )
    assert len(wanted) == len(given)
    pd.testing.assert_frame_equal(found, wanted, check_dtype=False)
