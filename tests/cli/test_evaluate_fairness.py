"""`fraud evaluate` on a file with protected fields: figures of their groups, and nothing of them anywhere else."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import pytest

from cli import evaluate, feature_frame
from cli.progress import console
from fraud.fields import DECLARED, OPTIONAL_FIELDS, Field
from fraud.transaction import ALLOWED
from fraud.world import WorldSettings, generate, to_kaggle
from reading import rules, transactions
from reading.errors import BadInputError
from reading.mapping import parts, relation
from sagemaker_src.training.fairness import FEW, wilson
from sagemaker_src.training.fitting import TrainingSettings

HELD = Field(name="held_group", kind="category", says="the holder's group", protected=True)
AGE = Field(name="held_age", kind="number", says="the holder's age", least=0, most=130, protected=True)
VALUES = ("of the first kind", "of the second kind", "of a rare kind")

pytestmark = pytest.mark.slow


class Run(NamedTuple):
    """A file's evaluation: the folder it wrote, and what it said."""

    out: Path
    said: str


@pytest.fixture(scope="module")
def world() -> pd.DataFrame:
    rows: pd.DataFrame = to_kaggle(generate(WorldSettings(cards=60, days=40, fraud_rate=0.02, seed=3))).to_pandas()
    card = rows["cc_num"].astype("category").cat.codes
    kinds = card.map(lambda code: VALUES[2] if code == 0 else None if code % 5 == 0 else VALUES[code % 2])
    return rows.assign(**{HELD.name: kinds, AGE.name: 20.0 + card % 60})


def evaluated(rows: pd.DataFrame, folder: Path) -> Run:
    rows.to_parquet(folder / "mine.parquet", index=False)
    with pytest.MonkeyPatch.context() as patch, console.capture() as said:
        patch.setattr(evaluate, "TrainingSettings", partial(TrainingSettings, rounds=20))
        evaluate.evaluate(folder / "mine.parquet", folder / "out")
    return Run(folder / "out", said.get())


@pytest.fixture(scope="module")
def without(world: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return evaluated(world.drop(columns=[HELD.name, AGE.name]), tmp_path_factory.mktemp("without"))


@pytest.fixture(scope="module")
def run(world: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Run:
    with pytest.MonkeyPatch.context() as patch:
        declared(patch)
        return evaluated(world, tmp_path_factory.mktemp("with"))


def declared(patch: pytest.MonkeyPatch) -> None:
    """The protected fields, declared."""
    for module in (transactions, parts):
        patch.setattr(module, "OPTIONAL_FIELDS", (*OPTIONAL_FIELDS, HELD, AGE))
    patch.setattr(relation, "DECLARED", (*DECLARED, HELD, AGE))
    patch.setattr(rules, "ALLOWED_VALUES", {**ALLOWED, HELD.name: "text", AGE.name: "a number from 0 to 130"})
    for module in (feature_frame, evaluate):
        patch.setattr(module, "PROTECTED_FIELDS", (HELD, AGE))


def test_the_figures_are_counts_of_the_scores_by_the_files_own_groups(run: Run, world: pd.DataFrame) -> None:
    told = json.loads((run.out / "metrics.json").read_text())["fairness"]
    thresholds = json.loads((run.out / "model" / "manifest.json").read_text())["thresholds"]
    scores = pd.read_parquet(run.out / "scores.parquet")
    kind = dict(zip(world["trans_num"], world[HELD.name].fillna("missing"), strict=True))
    counted: dict[str, list[tuple[int, float]]] = {}
    for identity, label, score in zip(scores["transaction_id"], scores["is_fraud"], scores["score"], strict=True):
        counted.setdefault(kind[identity], []).append((label, score))
    assert [each["name"] for each in told[HELD.name]] == sorted(counted) == sorted((*VALUES, "missing"))
    for each in told[HELD.name]:
        rows = counted[each["name"]]
        honest, frauds = ([score for label, score in rows if label == which] for which in (0, 1))
        assert (each["rows"], each["frauds"]) == (len(rows), len(frauds))
        reviewed = sum(thresholds["review"] <= score < thresholds["block"] for _, score in rows)
        for name, count, of in (
            ("false_positive_rate", sum(score >= thresholds["review"] for score in honest), len(honest)),
            ("recall", sum(score >= thresholds["review"] for score in frauds), len(frauds)),
            ("review_rate", reviewed, len(rows)),
        ):
            assert each[name] == {**wilson(count, of)._asdict(), "few": of < FEW}
    assert sum(each["rows"] for each in told[AGE.name]) == len(scores)
    assert len(told[AGE.name]) == 4


def test_the_report_shows_them_and_marks_few(run: Run) -> None:
    page = (run.out / "report.html").read_text()
    for text in ("the holder&#39;s group", "the holder&#39;s age", *VALUES, "Wilson", " few</td>"):
        assert text in page, text


def test_a_file_without_them_has_no_such_figures(without: Run) -> None:
    assert "fairness" not in json.loads((without.out / "metrics.json").read_text())
    assert "Wilson" not in (without.out / "report.html").read_text()


def test_the_model_is_the_same_with_and_without_them(run: Run, without: Run) -> None:
    for name in ("model/manifest.json", "model/model.ubj"):
        assert (run.out / name).read_bytes() == (without.out / name).read_bytes(), name
    assert pd.read_parquet(run.out / "scores.parquet").equals(pd.read_parquet(without.out / "scores.parquet"))


def test_they_are_in_no_model_no_scores_and_no_word_that_is_said(run: Run) -> None:
    said = run.said.encode() + (run.out / "scores.parquet").read_bytes()
    said += b"".join(path.read_bytes() for path in (run.out / "model").rglob("*") if path.is_file())
    assert b"average_precision" in said
    assert not [text for text in (HELD.name, AGE.name, *VALUES) if text.encode() in said]


def test_a_wrong_value_of_one_is_not_shown(
    world: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    declared(monkeypatch)
    ages = world[AGE.name].astype(str)
    ages[7] = "born 1951"
    with pytest.raises(
        BadInputError, match="held_age: a value that is not shown, for the field is protected"
    ) as raised:
        evaluated(world.assign(**{AGE.name: ages}), tmp_path)
    assert "1951" not in str(raised.value)
