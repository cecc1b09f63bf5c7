"""`fraud models compare --shadow`: a candidate beside the champion on live traffic, while it is a shadow and afterwards."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from moto import mock_aws

from cli import applications
from cli.main import main
from tests.cli.registry_account import BUCKET, ENDPOINT, GROUP, OUTPUTS, Account
from tests.sagemaker_src.shadow.test_compare import FINE, asked, captured, compared, line

Run = Callable[..., tuple[int, str]]
ARCHIVE = "archive"
LIMITS = {"hours": 4, "errors_percent": 1, "latency_ms": 250}


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        stands = Account()
        stands.s3.create_bucket(Bucket=ARCHIVE)
        training = OUTPUTS["CardFraud-Dev-Training"] | {"ShadowLimits": json.dumps(LIMITS)}
        said = OUTPUTS | {"CardFraud-Dev-Training": training}
        monkeypatch.setattr(applications, "in_use", lambda: SimpleNamespace(client=stands.client))
        monkeypatch.setattr(applications, "outputs", lambda _, stack: said[stack])
        yield stands


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """The command: exit status, and what it said on both outputs, a space for each run of them."""

    def command(*words: str) -> tuple[int, str]:
        monkeypatch.setattr("sys.argv", ["fraud", "models", "compare", *words])
        status = 0
        try:
            main()
        except SystemExit as stopped:
            status = int(stopped.code or 0)
        said = capsys.readouterr()
        return status, " ".join(f"{said.out} {said.err}".split())

    return command


def wrote(account: Account, run: str, told: dict[str, Any]) -> None:
    """A run's comparison, as its job has written it."""
    account.s3.put_object(Bucket=BUCKET, Key=f"shadow/{run}/comparison.html", Body=b"<!doctype html>")
    account.s3.put_object(Bucket=BUCKET, Key=f"shadow/{run}/comparison.json", Body=json.dumps(told).encode())


def shadowing(account: Account, monkeypatch: pytest.MonkeyPatch, folder: Path, **counted: float) -> None:
    """The endpoint with a shadow of run-9 since an hour and a half ago.

    Args:
        folder: what was captured.
        counted: of CloudWatch's sums and latencies of the shadow, those that are not the champion's.
    """
    account.deploy(f"{GROUP}-run-9-shadow", "s3://models/models/1/model.tar.gz")
    for file in folder.rglob("*.jsonl"):
        key = f"shadow/run-9/{ENDPOINT}/{file.relative_to(folder / 'card-fraud-dev')}"
        account.s3.put_object(Bucket=ARCHIVE, Key=key, Body=file.read_bytes())
    account.s3.put_object(Bucket=ARCHIVE, Key="shadow/run-9/_keep", Body=b"")
    watched = Watched(counted)
    real = account.client

    def client(service: str, **options: Any) -> Any:
        if service == "cloudwatch":
            return watched
        made = real(service, **options)
        if service == "sagemaker":
            variants = [{"VariantName": "main", "ModelName": "m", "InitialVariantWeight": 1.0}]
            shadows = [{"VariantName": "shadow", "ModelName": "n", "InitialVariantWeight": 0.5}]
            told = made.describe_endpoint(EndpointName=ENDPOINT)
            told["LastModifiedTime"] = datetime.now(UTC) - timedelta(hours=1.5)
            made.describe_endpoint = lambda **_: told
            # moto keeps no shadow variants
            made.describe_endpoint_config = lambda **given: {
                "EndpointConfigName": given["EndpointConfigName"],
                "ProductionVariants": variants,
                "ShadowProductionVariants": shadows,
                "DataCaptureConfig": {"DestinationS3Uri": f"s3://{ARCHIVE}/shadow/run-9"},
            }
        return made

    monkeypatch.setattr(account, "client", client)


class Watched:
    """Stands in for CloudWatch, of which moto computes no percentile: each sum comes in two hours, each latency as well.

    Args:
        shadow: of the figures those that are not the champion's.
    """

    def __init__(self, shadow: dict[str, float]) -> None:
        figures = {
            "Invocations": 40.0,
            "Invocation4XXErrors": 0.0,
            "Invocation5XXErrors": 0.0,
            "p50": 5000.0,
            "p99": 9000.0,
        }
        self._of = {"main": figures, "shadow": figures | shadow}

    def get_paginator(self, operation: str) -> Watched:
        """Itself."""
        assert operation == "get_metric_data"
        return self

    def paginate(self, **asked: Any) -> Iterator[dict[str, Any]]:
        """Two pages of an hour each: in the first two of what was counted, and half the latency."""
        assert timedelta(hours=1.4) < asked["EndTime"] - asked["StartTime"] < timedelta(hours=1.6)
        for page in range(2):
            results = []
            for query in asked["MetricDataQueries"]:
                stat, metric = query["MetricStat"]["Stat"], query["MetricStat"]["Metric"]
                (endpoint,), (variant,) = (
                    [each["Value"] for each in metric["Dimensions"] if each["Name"] == name]
                    for name in ("EndpointName", "VariantName")
                )
                assert endpoint == ENDPOINT
                found = self._of[variant][metric["MetricName"] if stat == "Sum" else stat]
                parts = (min(found, 2.0), max(found - 2.0, 0.0)) if stat == "Sum" else (found / 2, found)
                results.append({"Id": query["Id"], "Values": [parts[page]]})
            yield {"MetricDataResults": results}


def of_two(folder: Path) -> None:
    """What was captured: of two requests that both answered they decide one otherwise."""
    captured(folder, "main", line(asked(10), [0.1]), line(asked(20), [0.95]))
    captured(folder, "shadow", line(asked(20), [0.55], "m2"), line(asked(10), [0.1], "m2"), line(asked(9), [0.4], "m2"))


def test_the_last_one_that_was_a_shadow_is_shown_with_the_figures_of_its_page(
    account: Account, run: Run, tmp_path: Path
) -> None:
    of_two(tmp_path)
    wrote(account, "run-1", {"not": "the newest"})
    wrote(account, "run-2", compared(tmp_path))
    status, said = run("--shadow")
    assert status == 0
    for part in (
        "No candidate is a shadow now. The last one, of run run-2, was it for 4 h until",
        "Accepted: as a shadow 0 of its 1,000 answers were errors, 0.00%; 50.00% of 2 decisions differ.",
        "errors 0 (0.00%) 0 (0.00%)",
        "latency, 99th percentile, ms 9.0 9.0",
        "Champion: model m1. Candidate: model m2. Captured answers of both to the same request: 2, of 2 transactions.",
        "The candidate's without one of the champion's: 1.",
        "block review 1 20.00",
        "Its page: s3://models/shadow/run-2/comparison.html",
    ):
        assert part in said, said
    told = json.loads(run("--shadow", "--json")[1])
    assert (told["run"], told["running"], told["page"]) == (
        "run-2", False, "s3://models/shadow/run-2/comparison.html"
    )  # fmt: skip
    assert {name: told[name] for name in compared(tmp_path)} == compared(tmp_path)


def test_one_that_was_refused_ends_the_command_with_1(account: Account, run: Run, tmp_path: Path) -> None:
    of_two(tmp_path)
    wrote(account, "run-1", compared(tmp_path, candidate=replace(FINE, errors=30)))
    status, said = run("--shadow")
    why = "the candidate of run run-1: as a shadow 30 of its 1,000 answers were errors, 3.00%; allowed: 1%"
    assert (status, said.endswith(f"fraud: {why}")) == (1, True), said


def test_one_that_is_a_shadow_is_compared_until_now(
    account: Account, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    of_two(tmp_path)
    wrote(account, "run-1", compared(tmp_path))
    shadowing(account, monkeypatch, tmp_path, Invocations=19.0)
    status, said = run("--shadow")
    assert status == 0, said
    for part in (
        "The candidate of run run-9 is a shadow since",
        "1.5 of 4 h. What was captured of late may not be there yet.",
        "Until now: as a shadow 0 of its 19 answers were errors, 0.00%; 50.00% of 2 decisions differ.",
        "asked 40 19",
        "answers captured 2 3",
        "latency, median, ms 5.0 5.0",
        "block review 1 20.00",
    ):
        assert part in said, said
    told = json.JSONDecoder().raw_decode(run("--shadow", "--json")[1])[0]
    assert (told["running"], told["page"], told["limits"]["percent"]) == (True, None, 50.0)
    assert told["scores"] == compared(tmp_path)["scores"]


def test_one_that_fails_now_is_told_before_its_hours_are_over(
    account: Account, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    of_two(tmp_path)
    shadowing(account, monkeypatch, tmp_path, Invocation5XXErrors=4.0)
    status, said = run("--shadow")
    assert (status, "fraud: the candidate of run run-9: as a shadow 4 of its 40 answers were errors" in said) == (
        1,
        True,
    )


def test_of_what_was_captured_the_newest_is_read_and_it_says_so(
    account: Account, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    of_two(tmp_path)
    captured(tmp_path, "main", line(asked(9), [0.4]), hour="11")
    shadowing(account, monkeypatch, tmp_path)
    sizes = sorted(file.stat().st_size for file in tmp_path.rglob("*.jsonl"))
    monkeypatch.setattr("cli.models.shadow.MOST_BYTES", sum(sizes) - 1)
    status, said = run("--shadow")
    assert (status, "Read are the newest 2 of 3 files." in said) == (0, True), said


def test_without_any_shadow_it_says_what_makes_one(account: Account, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    status, said = run("--shadow")
    assert (status, "and none was: the next candidate that the gate accepts will be" in said) == (2, True), said
    monkeypatch.setattr(applications, "outputs", lambda _, stack: OUTPUTS[stack])
    status, said = run("--shadow")
    assert (status, "fraud: no candidate is a shadow in the application that `fraud up` left standing" in said) == (
        2,
        True,
    )
    assert "the setting shadow_percent is 0 there" in said


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((), "fraud: allowed: two versions, as `fraud models compare v6 v7`, or --shadow"),
        (("v1",), "fraud: allowed: two versions"),
        (("v1", "v2", "--shadow"), "fraud: --shadow and v1: allowed: --shadow alone, or two versions"),
    ],
)
def test_it_takes_two_versions_or_a_shadow(account: Account, run: Run, words: tuple[str, ...], says: str) -> None:
    status, said = run(*words)
    assert (status, says in said) == (2, True), said


def test_a_comparison_that_cannot_be_read_is_named(account: Account, run: Run) -> None:
    account.s3.put_object(Bucket=BUCKET, Key="shadow/run-1/comparison.json", Body=b"{")
    status, said = run("--shadow")
    assert (status, "fraud: s3://models/shadow/run-1/comparison.json: no comparison" in said) == (2, True), said
