"""`fraud report --version`: a model package of the registry, with what the training machine's evaluation wrote of it."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pandas as pd
import pytest
from botocore.exceptions import NoCredentialsError
from moto import mock_aws

from cli import applications
from lambda_src.gate.evaluation import parse_evaluation
from lambda_src.ports.model_registry import registered_metadata
from local.background import StandingError
from sagemaker_src.training import evaluate_model
from sagemaker_src.training.train import train_model
from tests.cli.person_files import fraud
from tests.sagemaker_src.test_evaluate_model import SETTINGS, TEST_FROM, made_up_rows

REGION, GROUP, BUCKET = "us-east-1", "card-fraud-dev", "models"
ARN = f"arn:aws:sagemaker:{REGION}:123456789012:model-package/{GROUP}/%d"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What training job and evaluation leave: model/model.tar.gz, evaluation/."""
    folder = tmp_path_factory.mktemp("machine")
    rows = made_up_rows(3_000)
    rows.to_parquet(folder / "features.parquet")
    train_model(rows, SETTINGS, test_from_ms=TEST_FROM).save(folder / "saved")
    (folder / "model").mkdir()
    with tarfile.open(folder / "model" / "model.tar.gz", "w:gz") as packed:
        for name in ("model.ubj", "manifest.json"):
            packed.add(folder / "saved" / name, name)
    given = {"model": "model", "features": "features.parquet", "out": "evaluation"}
    assert (
        evaluate_model.main([part for key, value in given.items() for part in (f"--{key}", str(folder / value))]) == 0
    )
    return folder


class Account:
    """A registry and a bucket of moto's."""

    def __init__(self) -> None:
        self.s3, self.sagemaker = (boto3.client(name, region_name=REGION) for name in ("s3", "sagemaker"))
        self.s3.create_bucket(Bucket=BUCKET)
        self.sagemaker.create_model_package_group(ModelPackageGroupName=GROUP)

    def client(self, service: str, **options: Any) -> Any:
        """A client of it."""
        return boto3.client(service, region_name=REGION, **options)

    def register(self, made: Path, run: str, metadata: dict[str, str] | None = None) -> str:
        """What the machine does with what it made; the package's ARN."""
        model = f"models/{run}/output/model.tar.gz"
        self.s3.upload_file(str(made / "model" / "model.tar.gz"), BUCKET, model)
        for path in (made / "evaluation").iterdir():
            self.s3.upload_file(str(path), BUCKET, f"evaluations/{run}/{path.name}")
        evaluation = parse_evaluation((made / "evaluation" / "evaluation.json").read_bytes())
        said = registered_metadata(evaluation.metrics, evaluation.model_version, f"evaluations/{run}/evaluation.json")
        answer = self.sagemaker.create_model_package(
            ModelPackageGroupName=GROUP,
            ModelApprovalStatus="Approved",
            CustomerMetadataProperties=said if metadata is None else metadata,
            InferenceSpecification={
                "Containers": [{"Image": "image", "ModelDataUrl": f"s3://{BUCKET}/{model}"}],
                "SupportedContentTypes": ["application/x-npy"],
                "SupportedResponseMIMETypes": ["application/json"],
            },
        )
        return str(answer["ModelPackageArn"])


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        stands = Account()
        monkeypatch.setattr(applications, "in_use", lambda: SimpleNamespace(client=stands.client))
        yield stands


class Run:
    """The command."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], page: Path) -> None:
        self._given, self.page = (monkeypatch, capsys), page

    def __call__(self, *options: str | Path) -> tuple[int, str]:
        return fraud(*self._given, "report", *map(str, options), "--out", str(self.page))


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    return Run(monkeypatch, capsys, tmp_path / "page.html")


@pytest.mark.parametrize("options", [(), ("--env", "dev")])
def test_the_page_is_of_the_rows_that_it_was_evaluated_on(
    account: Account, made: Path, run: Run, options: tuple[str, ...]
) -> None:
    arn = account.register(made, "run-1")
    status, said = run("--version", arn, *options)
    assert (status, said) == (0, f"Wrote {run.page}")
    page, scores = run.page.read_text(), pd.read_parquet(made / "evaluation" / "scores.parquet")
    assert f"from the {len(scores):,} test rows" in page
    assert f"v1 of {GROUP}, the application" in page
    assert 'id="segments"' in page and 'id="costs-told"' in page
    assert not set(scores["transaction_id"]) & set(page.split())


def test_a_version_is_compared_with_a_folder_and_with_another(account: Account, made: Path, run: Run) -> None:
    one, other = account.register(made, "run-1"), account.register(made, "run-2")
    assert run("--version", one, "--against", other)[0] == 0
    assert "Both were tested on the same" in run.page.read_text()
    (made / "evaluated").mkdir(exist_ok=True)
    trained = train_model(made_up_rows(2_000), SETTINGS, test_from_ms=TEST_FROM)
    trained.save(made / "evaluated")
    trained.save_scores(made / "evaluated")
    assert run(made / "evaluated", "--against", other)[0] == 0
    assert "Not tested on the same rows" in run.page.read_text()


def test_an_unknown_version_is_told_which_there_are(account: Account, made: Path, run: Run) -> None:
    there = account.register(made, "run-1")
    assert run("--version", ARN % 9) == (
        2,
        f"fraud: {ARN % 9}: no such version in the application that `fraud up` left standing; there are: {there}",
    )
    assert not run.page.exists()


def test_a_version_of_an_older_release_has_no_scores(account: Account, made: Path, run: Run) -> None:
    status, said = run("--version", account.register(made, "run-1", {"model_version": "x"}))
    assert (status, "no scores are known of it: it was registered by a release before 2026-11-28" in said) == (2, True)


def test_scores_that_are_gone_are_named(account: Account, made: Path, run: Run) -> None:
    arn = account.register(made, "run-1")
    account.s3.delete_object(Bucket=BUCKET, Key="evaluations/run-1/scores.parquet")
    status, said = run("--version", arn)
    assert (status, "s3://models/evaluations/run-1/scores.parquet is not there" in said) == (2, True)


def test_an_evaluation_of_another_model_is_refused(account: Account, made: Path, run: Run) -> None:
    arn = account.register(made, "run-1")
    scores = train_model(made_up_rows(2_000), SETTINGS, test_from_ms=TEST_FROM)
    scores.save_scores(made)
    account.s3.upload_file(str(made / "scores.parquet"), BUCKET, "evaluations/run-1/scores.parquet")
    status, said = run("--version", arn)
    assert (status, "scores of the model" in said) == (2, True)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--version", "v7"), "v7: no ARN of a version of the registry; allowed: as arn:aws:sagemaker"),
        (("--version", "arn:aws:s3:::models"), "no ARN of a version of the registry"),
        ((), "name one of them: a folder, or a model package of the registry"),
        ((".", "--version", ARN % 1), "name one of them"),
        ((".", "--env", "dev"), "only with --version"),
    ],
)
def test_what_cannot_be_asked_for_is_refused(account: Account, run: Run, options: tuple[str, ...], says: str) -> None:
    status, said = run(*options)
    assert (status, says in said) == (2, True), said


def test_without_credentials_or_a_standing_application_it_says_so(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    class Session:
        def __init__(self, **_: Any) -> None:
            pass

        def client(self, service: str, **_: Any) -> Any:
            def describe_model_package(**_: Any) -> None:
                raise NoCredentialsError

            return SimpleNamespace(describe_model_package=describe_model_package)

    def none() -> None:
        raise StandingError("no application stands; `fraud up` stands one up")

    monkeypatch.setattr(applications.boto3, "Session", Session)
    monkeypatch.setattr(applications, "in_use", none)
    status, said = run("--version", ARN % 1, "--env", "prod")
    assert (status, "the application prod in the AWS account of your credentials does not answer" in said) == (2, True)
    assert "Unable to locate credentials" in said
    status, said = run("--version", ARN % 1)
    assert (status, "no application stands; `fraud up` stands one up, or --env dev|prod names the one" in said) == (
        2,
        True,
    )
