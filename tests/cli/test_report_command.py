"""`fraud report`: the page again, of what `fraud evaluate` and `fraud train` wrote."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest

from sagemaker_src.training.train import train_model
from tests.cli.person_files import fraud
from tests.sagemaker_src.test_evaluate_model import SETTINGS, TEST_FROM, made_up_rows


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a training leaves: model and manifest in a folder below, as an evaluation has them, and the scores."""
    folder = tmp_path_factory.mktemp("trained")
    made = train_model(made_up_rows(), SETTINGS, test_from_ms=TEST_FROM)
    made.save(folder / "model")
    made.scores.to_parquet(folder / "scores.parquet", index=False)
    return folder


@pytest.mark.parametrize("below", [True, False])
def test_the_page_is_written_with_the_costs(
    trained: Path, tmp_path: Path, below: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = shutil.copytree(trained, tmp_path / "made")
    if not below:
        for each in (folder / "model").iterdir():
            each.rename(folder / each.name)
        (folder / "model").rmdir()
    page = tmp_path / "page.html"
    status, said = fraud(
        monkeypatch, capsys, "report", str(folder), "--out", str(page), "--cost-missed", "120.5", "--cost-review", "3"
    )
    assert (status, said) == (0, f"Wrote {page}")
    text = page.read_text()
    assert 'id="cost-missed" type="number" min="0" step="any" inputmode="decimal" value="120.5"' in text
    rows = pd.read_parquet(folder / "scores.parquet")
    assert f"from the {len(rows):,} test rows" in text
    assert not set(rows["transaction_id"]) & set(text.split())
    assert sorted(each.name for each in tmp_path.iterdir()) == ["made", "page.html"]


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda folder: (folder / "scores.parquet").unlink(), "holds no scores.parquet; `fraud evaluate`"),
        (lambda folder: (folder / "scores.parquet").write_text("no"), "scores.parquet is no Parquet file"),
        (lambda folder: (folder / "model" / "manifest.json").write_text("{"), "manifest.json is not there, or no JSON"),
        (lambda folder: (folder / "model" / "manifest.json").write_text("{}"), "manifest.json lacks model_version"),
        (lambda folder: (folder / "model" / "model.ubj").write_text("no"), "model.ubj is no model of XGBoost"),
        (shutil.rmtree, "no folder; name one"),
        (
            lambda folder: pd.DataFrame({"label": [1], "score": [2.0]}).to_parquet(folder / "scores.parquet"),
            "score: 2; allowed: 0 to 1",
        ),
    ],
)
def test_what_is_no_model_is_refused_and_nothing_is_written(
    trained: Path,
    tmp_path: Path,
    spoil: object,
    says: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = shutil.copytree(trained, tmp_path / "made")
    spoil(folder)  # type: ignore[operator]
    status, said = fraud(monkeypatch, capsys, "report", str(folder), "--out", str(tmp_path / "page.html"))
    assert status == 2
    assert says in said
    assert not [each for each in tmp_path.iterdir() if each.name != "made"]


def test_what_is_no_page_is_not_replaced(
    trained: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    scores = trained / "scores.parquet"
    before = scores.read_bytes()
    status, said = fraud(monkeypatch, capsys, "report", str(trained), "--out", str(scores))
    assert status == 2
    assert "is there, and no page; name a file that ends with .html" in said
    assert scores.read_bytes() == before


def test_names_are_said_as_they_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    status, said = fraud(monkeypatch, capsys, "report", "--version", "arn:x: of", "--out", str(tmp_path / "a.html"))
    assert status == 2
    assert "arn:x: of" in said
