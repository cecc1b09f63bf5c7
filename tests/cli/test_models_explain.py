"""`fraud models explain`: a version or a folder, its page and its figures."""

from __future__ import annotations

import re
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from moto import mock_aws

from cli import applications
from fraud.vector import MODEL_FEATURES
from lambda_src.gate.evaluation import parse_evaluation
from lambda_src.ports.model_registry import registered_metadata
from sagemaker_src.training import evaluate_model
from sagemaker_src.training.feature_rows import FEATURE_COLUMNS
from sagemaker_src.training.train import train_model
from tests.browser import BrowserPages
from tests.cli.person_files import ran
from tests.cli.registry_account import BUCKET, GROUP, OUTPUTS, Account
from tests.sagemaker_src.test_evaluate_model import SETTINGS, TEST_FROM, made_up_rows

CURATED = "curated"
ONLY = next(name for name in FEATURE_COLUMNS if name in MODEL_FEATURES)
"""A feature that the other model does not take, as its rows held none."""
Run = Callable[..., tuple[int, str]]


def labelled() -> pd.DataFrame:
    """Rows in which high amounts are fraud, those of travel sooner, and some others."""
    rows = made_up_rows(3_000)
    chance = np.random.default_rng(5).random(len(rows))
    sooner = rows["amount_cents"] > np.where(rows["category"] == "travel", 38_000, 44_000)
    rows["is_fraud"] = (sooner & (chance < 0.7) | (chance < 0.01)).astype("int8")
    return rows


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a run of the training machine leaves, and a folder `other` of another model on other features."""
    folder = tmp_path_factory.mktemp("machine")
    rows = labelled()
    rows.to_parquet(folder / "features.parquet")
    train_model(rows, SETTINGS, test_from_ms=TEST_FROM).save(folder / "model")
    train_model(rows.assign(**{ONLY: np.nan}), replace(SETTINGS, rounds=8), test_from_ms=TEST_FROM).save(
        folder / "other"
    )
    given = {"model": "model", "features": "features.parquet", "out": "evaluation"}
    said = [part for key, value in given.items() for part in (f"--{key}", str(folder / value))]
    assert evaluate_model.main(said) == 0
    with tarfile.open(folder / "model.tar.gz", "w:gz") as packed:
        for name in ("model.ubj", "manifest.json"):
            packed.add(folder / "model" / name, name)
    return folder


@pytest.fixture
def account(made: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    """An account in which the run's version is registered."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        stands = Account()
        stands.s3.create_bucket(Bucket=CURATED)
        stands.s3.upload_file(str(made / "model.tar.gz"), BUCKET, "models/run-1/model.tar.gz")
        stands.s3.upload_file(str(made / "features.parquet"), CURATED, "training-sets/run-1/features.parquet")
        for path in (made / "evaluation").iterdir():
            stands.s3.upload_file(str(path), BUCKET, f"evaluations/run-1/{path.name}")
        told = parse_evaluation((made / "evaluation" / "evaluation.json").read_bytes())
        stands.sagemaker.create_model_package(
            ModelPackageGroupName=GROUP,
            ModelApprovalStatus="Approved",
            CustomerMetadataProperties=registered_metadata(
                told.metrics, told.model_version, "evaluations/run-1/evaluation.json"
            ),
            InferenceSpecification={
                "Containers": [{"Image": "image", "ModelDataUrl": f"s3://{BUCKET}/models/run-1/model.tar.gz"}],
                "SupportedContentTypes": ["application/x-npy"],
                "SupportedResponseMIMETypes": ["application/json"],
            },
        )
        monkeypatch.setattr(applications, "in_use", lambda: SimpleNamespace(client=stands.client))
        found = {**OUTPUTS, "CardFraud-Dev-Data": {"CuratedBucket": CURATED}}
        monkeypatch.setattr(applications, "outputs", lambda _, stack: found[stack])
        yield stands


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    def command(*words: str | Path) -> tuple[int, str]:
        monkeypatch.chdir(tmp_path)
        done = ran(monkeypatch, capsys, "models", "explain", *words)
        return done.status, done.said

    return command


def test_a_version_is_explained_on_the_rows_that_it_was_evaluated_on(
    account: Account, made: Path, run: Run, tmp_path: Path
) -> None:
    status, said = run("v1")
    rows = labelled()
    tested = len(pd.read_parquet(made / "evaluation" / "scores.parquet"))
    assert (status, f"all {tested:,} rows" in said) == (0, True), said
    assert "explained-v1.html" in said
    page = (tmp_path / "explained-v1.html").read_text()
    assert "that v1 was evaluated on, which it had not seen" in page
    assert not set(rows["transaction_id"]) & set(page.split())
    assert said.index(" amount ") < said.index(" category ")


def test_a_folder_is_explained_on_given_rows_beside_another(
    made: Path, run: Run, tmp_path: Path, look: BrowserPages
) -> None:
    out = tmp_path / "page.html"
    features = made / "features.parquet"
    status, said = run(made / "model", "--rows", features, "--against", made / "other", "--out", out, "--most", "400")
    assert (status, "400 of 3,000 rows, at random, " in said) == (0, True), said
    assert re.search(r"The model flags [0-9]+ of all 3,000, and they have a column of their own", said)
    assert re.search(f"model takes [a-z0-9_, ]*{ONLY}[a-z0-9_, ]*, and the other does not", said)
    page = look(out)
    assert page.locator("#importance tr").count() == 16
    assert page.locator("#stability tr").count() == 16
    assert page.locator(".columns .panel svg").count() == 8
    top = page.locator("#importance tr").nth(1).inner_text()
    assert "amount" in top
    assert run(made / "model", "--rows", features, "--against", made / "model", "--out", out)[0] == 0
    assert "correlates by 1.000 (Spearman)" in out.read_text()


def test_the_same_rows_give_the_same_page(made: Path, run: Run, tmp_path: Path) -> None:
    pages: list[Any] = []
    for name in ("one.html", "two.html"):
        assert run(made / "model", "--rows", made / "features.parquet", "--out", name, "--most", "50")[0] == 0
        pages.append((tmp_path / name).read_bytes())
    assert pages[0] == pages[1]


def test_what_cannot_be_explained_is_refused(account: Account, made: Path, run: Run, tmp_path: Path) -> None:
    account.s3.delete_object(Bucket=CURATED, Key="training-sets/run-1/features.parquet")
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.html").mkdir()
    for words, says in (
        (("v1",), "v1: s3://curated/training-sets/run-1/ holds no rows (any more); --rows gives some"),
        (("v9",), "v9: no such version"),
        ((made / "model",), "--rows: needed with a folder: feature rows with labels"),
        (("no/folder",), "no/folder: no folder; name one that `fraud train`"),
        ((tmp_path / "empty", "--rows", made / "features.parquet"), "holds neither model.tar.gz nor manifest.json"),
        (("v1", "--rows", tmp_path / "none.parquet"), "--rows: "),
        (("v1", "--out", tmp_path / "text.html"), "--out: "),
    ):
        status, said = run(*words)
        assert (status, says in said) == (2, True), said
    assert not list(tmp_path.glob("*.part"))
