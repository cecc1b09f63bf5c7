"""Scores that are not those of the model they lie beside: refused, or said on the page, never shown as if they were."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from sagemaker_src.training.train import train_model
from tests.cli.person_files import fraud
from tests.sagemaker_src.test_evaluate_model import SETTINGS, TEST_FROM, made_up_rows

Change = Callable[[pd.DataFrame], pd.DataFrame]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a training leaves."""
    folder = tmp_path_factory.mktemp("trained")
    made = train_model(made_up_rows(3_000), SETTINGS, test_from_ms=TEST_FROM)
    made.save(folder)
    made.save_scores(folder)
    return folder


def changed(trained: Path, folder: Path, change: Change, version: bytes | None = None) -> Path:
    """A copy with other scores, which say they are of `version`; None: of what they said before."""
    made = shutil.copytree(trained, folder)
    table = pq.read_table(made / "scores.parquet")
    metadata = dict(table.schema.metadata)
    if version is not None:
        metadata[b"model_version"] = version
    other = pq.read_table(made / "scores.parquet").from_pandas(change(table.to_pandas()), preserve_index=False)
    pq.write_table(other.replace_schema_metadata(metadata), made / "scores.parquet")
    return made


@pytest.mark.parametrize(
    ("change", "version", "says"),
    [
        (lambda rows: rows, b"0123456789ab", "scores of the model 0123456789ab; needed: those of"),
        (lambda rows: rows[:-1], None, "599 rows, and 600 in the manifest"),
        (lambda rows: rows.assign(score=rows["score"].mask(rows.index == 3)), None, "1 rows without a score"),
        (lambda rows: rows.assign(is_fraud=1 - rows["is_fraud"]), None, "frauds, and"),
        (lambda rows: rows.assign(score=1 - rows["score"]), None, "average precision 0."),
        (lambda rows: rows.drop(columns="score"), None, "no column 'score'; needed: is_fraud (0 or 1) and score"),
        (lambda rows: rows.drop(columns="is_fraud"), None, "no column 'is_fraud'"),
    ],
)
def test_scores_that_say_they_are_this_models_and_are_not_are_refused(
    trained: Path,
    tmp_path: Path,
    change: Change,
    version: bytes | None,
    says: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = changed(trained, tmp_path / "made", change, version)
    status, said = fraud(monkeypatch, capsys, "report", str(folder))
    assert (status, says in said) == (2, True), said
    assert not (folder / "report.html").exists()


def test_scores_of_ones_own_are_shown_and_the_page_says_what_they_are(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = shutil.copytree(trained, tmp_path / "own")
    own = pd.DataFrame({"is_fraud": [0, 1, 0], "score": [0.25, 0.5, None]}, dtype="float32")
    own.to_parquet(folder / "scores.parquet")
    status, said = fraud(monkeypatch, capsys, "report", str(folder))
    assert status == 0
    page = (folder / "report.html").read_text()
    for text in (said, page):
        assert "not those of the test that the manifest tells of: 3 rows, and 600 in the manifest" in text
    assert "1 rows without a score are left out" in page


def test_scores_of_an_older_release_are_shown_as_they_are(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = shutil.copytree(trained, tmp_path / "older")
    rows = pd.read_parquet(folder / "scores.parquet").rename(columns={"is_fraud": "label"}).drop(columns="amount_cents")
    rows.to_parquet(folder / "scores.parquet", index=False)
    status, said = fraud(monkeypatch, capsys, "report", str(folder))
    assert (status, said) == (0, f"Wrote {folder / 'report.html'}")
