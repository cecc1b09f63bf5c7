"""Synthetic frauds in training: in what a model is fitted on and nowhere else, and never learned of what it is tested on."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pandas as pd
import pytest

from fraud.durations import MS_PER_DAY
from sagemaker_src.training import train
from sagemaker_src.training.fitting import TrainingSettings
from sagemaker_src.training.split import default_test_from
from sagemaker_src.training.synthetic_rows import SyntheticError, read_synthetic
from sagemaker_src.training.train import train_model
from tests.sagemaker_src.test_evaluate_model import made_up_rows

SETTINGS = TrainingSettings(rounds=3, label_delay_days=3)


def published(folder: Path, rows: pd.DataFrame, until: int) -> Path:
    folder.mkdir()
    rows.to_parquet(folder / "rows.parquet", index=False)
    sha256 = hashlib.sha256((folder / "rows.parquet").read_bytes()).hexdigest()
    (folder / "manifest.json").write_text(json.dumps({"sha256": sha256, "learned_until_ms": until, "rows": len(rows)}))
    return folder


def made(rows: pd.DataFrame, count: int = 20) -> pd.DataFrame:
    frauds = rows[rows["is_fraud"] == 1].head(count).reset_index(drop=True)
    return frauds.assign(transaction_id=[f"synthetic-{number}" for number in range(len(frauds))])


def test_a_model_is_fitted_on_them_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = made_up_rows(2_000)
    until = default_test_from(rows["event_ms"].to_numpy())
    synthetic = read_synthetic(published(tmp_path / "synthetic", made(rows), until), until)
    fitted: list[tuple[int, int]] = []
    real_fit = train.fit

    def noted(vectors, label, *rest):
        fitted.append((len(label), int(label.sum())))
        return real_fit(vectors, label, *rest)

    monkeypatch.setattr(train, "fit", noted)
    without = train_model(rows, SETTINGS, test_from_ms=until)
    with_them = train_model(rows, SETTINGS, test_from_ms=until, synthetic=synthetic)
    assert synthetic is not None
    count = len(synthetic.rows)
    assert [(a + count, b + count) for a, b in fitted[:2]] == fitted[2:]
    assert with_them.manifest["data"]["synthetic"]["rows"] == count
    assert without.manifest["data"]["synthetic"] is None
    # what is counted, tested on and chosen by is real in both
    assert {**with_them.manifest["data"], "synthetic": None} == without.manifest["data"]
    assert list(with_them.scores["transaction_id"]) == list(without.scores["transaction_id"])


def test_rows_learned_of_what_is_tested_on_are_refused(tmp_path: Path) -> None:
    rows = made_up_rows(300)
    folder = published(tmp_path / "synthetic", made(rows), 20 * MS_PER_DAY)
    assert read_synthetic(folder, 20 * MS_PER_DAY) is not None
    with pytest.raises(SyntheticError, match=r"until 1970-01-21, and the test begins on 1970-01-20"):
        read_synthetic(folder, 19 * MS_PER_DAY)


def test_a_folder_without_a_manifest_is_none_and_a_torn_one_is_refused(tmp_path: Path) -> None:
    rows = made_up_rows(300)
    folder = published(tmp_path / "synthetic", made(rows), 0)
    (folder / "rows.parquet").write_bytes((folder / "rows.parquet").read_bytes()[:-1])
    with pytest.raises(SyntheticError, match=r"is not what manifest.json says"):
        read_synthetic(folder, 1)
    (folder / "manifest.json").write_text("{}")
    with pytest.raises(SyntheticError, match=r"no manifest of synthetic frauds: KeyError"):
        read_synthetic(folder, 1)
    (folder / "manifest.json").unlink()
    assert read_synthetic(folder, 1) is None


def test_the_command_takes_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = made_up_rows(2_000)
    rows.to_parquet(tmp_path / "features.parquet")
    given = ["--train", str(tmp_path / "features.parquet"), "--model-dir", str(tmp_path / "model"), "--rounds", "3"]
    given += ["--label-delay-days", "3", "--synthetic", str(published(tmp_path / "late", made(rows), 2**42))]
    with pytest.raises(SystemExit):
        train.main(given)
    assert "--synthetic: the rows were learned of frauds until" in capsys.readouterr().err
    assert not (tmp_path / "model").exists()
    given[-1] = str(published(tmp_path / "early", made(rows), 0))
    assert train.main(given) == 0
    manifest = json.loads((tmp_path / "model" / "manifest.json").read_text())
    assert manifest["data"]["synthetic"]["learned_until_ms"] == 0
