"""Files of features are checked in one place, whoever reads them: `fraud train`, the training job, its evaluation."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fraud import transaction
from sagemaker_src.training import evaluate_model, feature_rows, train
from sagemaker_src.training.feature_rows import FEATURE_COLUMNS, FeatureRowsError, read_feature_rows
from tests.cli.person_files import CARD, fraud
from tests.sagemaker_src.test_evaluate_model import made_up_rows

ROWS = made_up_rows(600)


def _set(column: str, value: Any, row: int = 6) -> Callable[[pd.DataFrame], pd.DataFrame]:
    def change(rows: pd.DataFrame) -> pd.DataFrame:
        rows = rows.copy()
        rows[column] = rows[column].astype(object)
        rows.loc[row, column] = value
        return rows if isinstance(value, str) or value is None else rows.astype({column: "float64"})

    return change


def _all(column: str, values: Callable[[pd.Series], Any]) -> Callable[[pd.DataFrame], pd.DataFrame]:
    return lambda rows: rows.assign(**{column: values(rows[column])})


BROKEN = {
    "labels in words": (_all("is_fraud", lambda of: of.map({0: "No", 1: "Yes"})), ["is_fraud", "row 1", "'No'", "0 (honest)"]),
    "labels as text": (_all("is_fraud", lambda of: of.astype(str)), ["is_fraud", "'0'", "0 (honest) or 1 (fraud)"]),
    "labels of another class": (_all("is_fraud", lambda of: 2 * of), ["is_fraud", "2", "0 (honest) or 1 (fraud)"]),
    "classes 1 and 2": (_all("is_fraud", lambda of: of + 1), ["is_fraud", "2", "0 (honest) or 1 (fraud)"]),
    "a label missing": (_set("is_fraud", np.nan), ["row 7", "is_fraud", "missing"]),
    "half a label": (_set("is_fraud", 0.5), ["row 7", "is_fraud", "0.5"]),
    "amounts as text": (_all("amount_cents", lambda of: of.astype(str)), ["amount_cents holds", "string", "whole cents from 0"]),
    "a negative amount": (_set("amount_cents", -1.0), ["row 7", "amount_cents", "-1.0"]),
    "a fraction of a cent": (_set("amount_cents", 1.5), ["row 7", "amount_cents", "1.5"]),
    "an amount of no end": (_set("amount_cents", np.inf), ["row 7", "amount_cents", "inf"]),
    "an amount too high": (_set("amount_cents", 1e9), ["row 7", "amount_cents", "99,999,999"]),
    "a moment missing": (_set("event_ms", np.nan), ["row 7", "event_ms", "missing"]),
    "moments in seconds": (_all("event_ms", lambda of: of // 1000), ["row 1", "event_ms", "milliseconds since 1970"]),
    "moments in nanoseconds": (_all("event_ms", lambda of: of * 1_000_000), ["row 1", "event_ms"]),
    "moments as timestamps": (_all("event_ms", lambda of: pd.to_datetime(of, unit="ms")), ["event_ms holds timestamp"]),
    "a category missing": (_set("category", None), ["row 7", "category", "missing"]),
    "a blank category": (_set("category", " "), ["row 7", "category", "' '"]),
    "categories as numbers": (_all("category", lambda of: 1), ["category holds int64"]),
    "a card number for a token": (_set("cc_num", CARD), ["row 7", "cc_num", "32 hex characters"]),
    "card numbers for tokens": (_all("cc_num", lambda of: int(CARD)), ["cc_num holds int64"]),
    "an identity twice": (_set("transaction_id", "t3"), ["transaction_id", "'t3' is there twice"]),
    "an identity missing": (_set("transaction_id", None), ["row 7", "transaction_id", "missing"]),
    "a negative count": (_set("num_trans_last_1h", -1.0), ["row 7", "num_trans_last_1h", "-1.0", "whole number of transactions"]),
    "half a count": (_set("num_trans_last_1h", 1.5), ["row 7", "num_trans_last_1h", "1.5"]),
    "a count missing": (_set("num_trans_all", np.nan), ["row 7", "num_trans_all", "missing"]),
    "a count of no end": (_set("num_trans_all", np.inf), ["row 7", "num_trans_all", "inf"]),
    "an average of no end": (_set("avg_amt_last_1d", np.inf), ["row 7", "avg_amt_last_1d", "inf"]),
    "a negative age": (_set("mean_age_last_1h", -0.5), ["row 7", "mean_age_last_1h", "-0.5", "or missing"]),
    "averages as text": (_all("avg_amt_last_1d", lambda of: of.astype(str)), ["avg_amt_last_1d holds", "a number of currency"]),
    "columns missing": (lambda rows: rows.drop(columns=["category", "cc_num"]), ["lacks the columns cc_num, category; needed: "]),
    "no feature": (lambda rows: rows.drop(columns=[*FEATURE_COLUMNS]), ["holds none of the features num_trans_last_10m"]),
    "no rows": (lambda rows: rows.head(0), ["no rows"]),
    "one class": (_all("is_fraud", lambda of: 0), ["0 frauds of", "at least one fraud and one honest row"]),
    "only fraud": (_all("is_fraud", lambda of: 1), ["frauds of", "at least one fraud and one honest row"]),
    "too few rows": (lambda rows: rows.head(1), ["at least one fraud and one honest row"]),
    "one moment": (_all("event_ms", lambda of: of.iloc[0]), ["at least one fraud and one honest row"]),
}  # fmt: skip
OF_THE_SPLIT = ("one class", "only fraud", "too few rows", "one moment")


@pytest.mark.parametrize("case", BROKEN)
def test_fraud_train_refuses_what_is_no_training_set(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    change, said = BROKEN[case]
    file = tmp_path / "features.parquet"
    change(ROWS).to_parquet(file)
    status, error = fraud(monkeypatch, capsys, "train", "--features", file, "--out", tmp_path / "out", "--rounds", "2")
    assert status == 2, error
    for words in (str(file), *said):
        assert words in error
    assert CARD not in error
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("case", BROKEN)
def test_the_training_job_refuses_the_same(case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    change, said = BROKEN[case]
    change(ROWS).to_parquet(tmp_path / "features.parquet")
    with pytest.raises(SystemExit):
        train.main(["--train", str(tmp_path), "--model-dir", str(tmp_path / "model"), "--rounds", "2"])
    error = " ".join(capsys.readouterr().err.split())
    for words in ("error: --train: ", *said):
        assert words in error
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize("case", [case for case in BROKEN if case not in OF_THE_SPLIT])
def test_the_evaluation_refuses_the_same(case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    change, said = BROKEN[case]
    change(ROWS).to_parquet(tmp_path / "features.parquet")
    options = {"features": tmp_path / "features.parquet", "model": tmp_path, "out": tmp_path / "out"}
    with pytest.raises(SystemExit):
        evaluate_model.main([part for name, value in options.items() for part in (f"--{name}", str(value))])
    error = " ".join(capsys.readouterr().err.split())
    for words in ("error: --features: ", *said):
        assert words in error


@pytest.mark.slow
@pytest.mark.parametrize(
    ("modules", "missing"),
    [
        (("training.train", "training.evaluate_model"), ("pydantic", "duckdb")),
        (("processing.nightly", "processing.duckdb_engine"), ("pandas", "pyarrow")),
    ],
)
def test_a_job_imports_what_its_container_has(modules: tuple[str, ...], missing: tuple[str, ...]) -> None:
    """The XGBoost container has no pydantic; the nightly job's brings only what requirements/jobs.in names."""
    without = "; ".join(f"sys.modules[{name!r}] = None" for name in missing)
    imports = "; ".join(f"import sagemaker_src.{module}" for module in modules)
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; {without}; {imports}"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_contracts_bounds_are_the_same_here() -> None:
    for name in ("MAX_AMOUNT_CENTS", "TOKEN_PATTERN", "TRANSACTION_ID_PATTERN"):
        assert getattr(feature_rows, name) == getattr(transaction, name)


def test_a_column_twice_is_named(tmp_path: Path) -> None:
    for name in ("is_fraud", "Is_Fraud", "event_ms "):
        table = pa.Table.from_pandas(ROWS, preserve_index=False)
        pq.write_table(table.append_column(name, table["is_fraud"]), tmp_path / "features.parquet")
        with pytest.raises(FeatureRowsError, match="is there twice; allowed: each column once"):
            read_feature_rows(tmp_path / "features.parquet")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"PAR1 and no more", "cannot be read as Parquet"),
        (b"a,b\n1,2\n", "cannot be read as Parquet"),
        (b"", "cannot be read as Parquet"),
    ],
)
def test_what_is_no_parquet_is_named(
    content: bytes, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "features.parquet"
    file.write_bytes(content)
    status, error = fraud(monkeypatch, capsys, "train", "--features", file, "--out", tmp_path / "out")
    assert (status, said in error) == (2, True)
    file.unlink()
    for place, words in ((file, "does not exist"), (tmp_path, "holds no Parquet file")):
        status, error = fraud(monkeypatch, capsys, "train", "--features", place, "--out", tmp_path / "out")
        assert (status, words in error) == (2, True)


def test_other_columns_and_kinds_of_numbers_are_no_matter(tmp_path: Path) -> None:
    """A person's own columns pass by; bool labels, whole numbers as floats and a category's dictionary are what they mean."""
    other = ROWS.assign(
        is_fraud=ROWS["is_fraud"] == 1,
        amount_cents=ROWS["amount_cents"].astype("float64"),
        category=ROWS["category"].astype("category"),
        num_trans_all=ROWS["num_trans_all"].astype("int64"),
        label=1,
        score="x",
        row=7,
    )
    other.to_parquet(tmp_path / "other.parquet")
    ROWS.to_parquet(tmp_path / "rows.parquet")
    found, wanted = (read_feature_rows(tmp_path / name) for name in ("other.parquet", "rows.parquet"))
    assert list(found.columns) == list(wanted.columns)
    pd.testing.assert_frame_equal(
        found.astype({"category": "object", "num_trans_all": "float64"}), wanted.astype({"category": "object"})
    )


def test_the_files_of_a_folder_are_one_set_and_the_broken_one_is_named(tmp_path: Path) -> None:
    (tmp_path / "day=1").mkdir()
    ROWS.head(300).to_parquet(tmp_path / "day=1" / "a.parquet")
    ROWS.tail(300).to_parquet(tmp_path / "b.parquet")
    assert len(read_feature_rows(tmp_path)) == 600
    _set("is_fraud", 3.0, 302)(ROWS.tail(300)).to_parquet(tmp_path / "b.parquet")
    with pytest.raises(FeatureRowsError, match=r"b\.parquet: row 3: is_fraud: 3\.0"):
        read_feature_rows(tmp_path)
