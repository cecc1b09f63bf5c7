"""`fraud runs`: what training, evaluation and tuning keep of their runs, and what is shown of it."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from cli import tune
from cli.runs import kept as reading
from cli.runs import open as opening
from sagemaker_src.tracking.run import tracked
from sagemaker_src.tracking.store import Store, place
from tests.browser import BrowserPages
from tests.cli.person_files import frame, ran
from tests.cli.test_tune import judge
from tests.sagemaker_src.test_evaluate_model import made_up_rows

pytestmark = pytest.mark.slow

Said = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with features, and a place whose tables are made once."""
    folder = tmp_path_factory.mktemp("tracked")
    made_up_rows(2_000).to_parquet(folder / "features.parquet")
    where = place(str(folder / "runs"))
    assert where is not None
    Store(where)
    return folder


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], places: Path) -> Said:
    """Runs `fraud` where that place is the environment's: status, standard output, standard error."""
    monkeypatch.chdir(places)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "runs")

    def run(*given: str | Path) -> tuple[int, str, str]:
        capsys.readouterr()
        done = ran(monkeypatch, capsys, *given)
        return done.status, done.out, " ".join(done.err.split())

    return run


TRAIN = ("train", "--features", "features.parquet", "--label-delay-days", "3")


def ids(said: Said, *given: str) -> list[str]:
    """The runs' ids, newest first."""
    return [each["id"] for each in json.loads(said("runs", "list", "--json", *given)[1])]


def test_trainings_are_listed_shown_and_compared(said: Said, places: Path) -> None:
    for rounds in ("20", "40"):
        status, _, told = said(*TRAIN, "--rounds", rounds, "--out", f"m{rounds}")
        assert status == 0 and f"in {places}/runs; next: fraud runs list" in told
    newer, older = ids(said)[:2]
    assert f"Tracked as run {newer} in" in told
    status, listed, _ = said("runs", "list", "--count", "2")
    assert status == 0
    lines = [line.split() for line in listed.splitlines()]
    assert [line[:5] for line in lines[1:]] == [
        [newer[:8], "train", "train", "m40", "FINISHED"],
        [older[:8], "train", "train", "m20", "FINISHED"],
    ]
    manifest = json.loads((places / "m40" / "manifest.json").read_text())
    shown = json.loads(said("runs", "show", newer[:8], "--json")[1])
    assert shown["metrics"]["average_precision"] == manifest["metrics"]["test"]["average_precision"]
    assert shown["metrics"]["without_fraud_only_cards.roc_auc"] > 0 and "validation.roc_auc" in shown["metrics"]
    assert shown["metrics"]["threshold.block"] == manifest["thresholds"]["block"]
    assert shown["parameters"]["rounds"] == "40" and shown["parameters"]["features"] == "features.parquet"
    assert shown["tags"]["data.fingerprint"] == manifest["data"]["fingerprint"]
    assert shown["tags"]["model_version"] == manifest["model_version"]
    assert len(shown["tags"]["catalogue.version"]) == 12
    assert shown["files"] == ["evaluation.json", "report.html"]
    assert "evaluation.json, report.html" in said("runs", "show", newer)[1]
    status, compared, _ = said("runs", "compare", older[:8], newer[:8])
    assert status == 0
    rows = {line.split()[0]: line.split()[1:] for line in compared.splitlines() if line.split()}
    assert rows["rounds"] == ["20", "40"] and "seed" not in rows and rows["frauds"][2] == "+0.0000"
    told_json = json.loads(said("runs", "compare", older, newer, "--json")[1])
    assert told_json["parameters"] == {"rounds": ["20", "40"]} and len(told_json["figures"]["roc_auc"]) == 2


def test_no_card_no_row_and_no_model_is_kept(said: Said, places: Path) -> None:
    assert said(*TRAIN, "--rounds", "20", "--out", "m")[0] == 0
    files = [file for file in (places / "runs").rglob("*") if file.is_file()]
    assert {file.name for file in files if file.suffix not in (".html", ".json")} == {"mlflow.db", ".lock"}
    for file in files:
        held = file.read_bytes()
        assert not [card for card in range(50) if f"{card:032x}".encode() in held], file


def test_a_study_is_a_run_with_its_trials_within(said: Said, places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        tune, "judged", lambda parts, parameters, settings, watch, trees, threads: judge(parameters, watch, trees)
    )
    given = ("tune", "--features", "features.parquet", "--label-delay-days", "3", "--trials", "5", "--out", "tuned")
    assert said(*given)[0] == 0
    study = ids(said)[0]
    shown = json.loads(said("runs", "show", study, "--json")[1])
    told = json.loads((places / "tuned" / "tuning.json").read_text())
    assert sorted(each["name"] for each in shown["trials"]) == [f"trial {number}" for number in range(1, 6)]
    values = {each["name"]: each["metrics"]["average_precision"] for each in shown["trials"]}
    assert values == {f"trial {each['number']}": each["value"] for each in told["trials"]}
    assert shown["metrics"]["average_precision"] == told["best"]["average_precision"]
    assert shown["parameters"]["eta"] == str(told["trials"][told["best"]["trial"] - 1]["parameters"]["eta"])
    assert shown["files"] == ["parameters.json", "report.html", "tuning.json"]
    assert ids(said, "--count", "1") == [study] and len(ids(said, "--trials", "--count", "6")) == 6
    assert "trial 5" in said("runs", "show", study)[1]


def test_an_evaluation_of_a_table_is_kept_too(said: Said, places: Path) -> None:
    made_up_rows(2_000)[["amount_cents", "is_fraud", "event_ms"]].to_csv(places / "table.csv", index=False)
    given = ("evaluate", "--data", "table.csv", "--label", "is_fraud", "--order-by", "event_ms", "--out", "evaluated")
    assert said(*given)[0] == 0
    shown = json.loads(said("runs", "show", ids(said)[0], "--json")[1])
    assert shown["tags"]["command"] == "fraud evaluate" and "catalogue.version" not in shown["tags"]
    assert shown["parameters"]["label"] == "is_fraud"
    assert shown["files"] == ["evaluation.json", "metrics.json", "report.html"]


def test_an_evaluation_of_transactions_is_kept_too(said: Said, places: Path) -> None:
    frame(56).to_csv(places / "own.csv", index=False)
    status, _, told = said("evaluate", "--data", "own.csv", "--test-from", "2020-01-20", "--out", "own")
    assert status == 0, told
    shown = json.loads(said("runs", "show", ids(said)[0], "--json")[1])
    assert (shown["name"], shown["status"]) == ("evaluate own", "FINISHED")
    assert shown["parameters"]["data"] == "own.csv" and "without_fraud_only_cards.rows" in shown["metrics"]


def test_a_training_that_fails_is_failed_and_one_that_is_stopped_killed(
    said: Said, places: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert said(*TRAIN, "--test-from", "2019-01-01", "--out", "bad")[0] == 2
    assert json.loads(said("runs", "show", ids(said)[0], "--json")[1])["status"] == "FAILED"

    def stopped(*given: Any, **named: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("cli.train.train_model", stopped)
    assert said(*TRAIN, "--out", "bad")[0] == 130
    assert json.loads(said("runs", "show", ids(said)[0], "--json")[1])["status"] == "KILLED"


def test_what_cannot_be_written_or_is_not_to_be_tracked_is_not(said: Said, places: Path) -> None:
    before = ids(said)
    (places / "file").touch()
    assert said(*TRAIN, "--out", "file")[0] == 2
    assert said(*TRAIN, "--rounds", "20", "--no-tracking", "--out", "untracked")[0] == 0
    assert said(*TRAIN, "--rounds", "20", "--tracking-uri", "none", "--out", "untracked")[0] == 0
    assert ids(said) == before


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (
            (*TRAIN, "--out", "x", "--tracking-uri", "ftp://x"),
            "--tracking-uri: 'ftp://x' is no place for runs; allowed:",
        ),
        ((*TRAIN, "--out", "x", "--tracking-uri", "r", "--no-tracking"), "--no-tracking and --tracking-uri: name one"),
        (("runs", "list", "--tracking-uri", "nowhere"), "no run is kept there; `fraud train`, `evaluate` and `tune`"),
        (("runs", "list", "--tracking-uri", "none"), "--tracking-uri: none keeps no runs"),
        (("runs", "open", "--tracking-uri", "none"), "--tracking-uri: none keeps no runs"),
        (("runs", "show", "zz"), "'zz': no run of"),
        (("runs", "show", ""), "'': no run of"),
        (("runs", "compare", "a"), "RUN: 1 named; allowed: 2 to 8"),
    ],
)
def test_what_is_wrong_is_said(given: tuple[str, ...], says: str, said: Said, places: Path) -> None:
    status, _, told = said(*given)
    assert (status, says in told) == (2, True), told
    assert not (places / "nowhere").exists() and not (places / "x").exists()


def test_an_id_that_is_of_several_is_refused(said: Said, places: Path) -> None:
    for number in range(18):  # of more runs than there are hexadecimal digits, two begin alike
        with tracked(place("runs"), f"run {number}", {}, pytest.fail):
            pass
    firsts = [each[0] for each in ids(said, "--count", "100")]
    common = next(first for first in firsts if firsts.count(first) > 1)
    status, _, told = said("runs", "show", common)
    assert status == 2 and f"'{common}': {firsts.count(common)} runs begin so" in told and "name more of it" in told


def test_a_server_that_cannot_be_reached_is_named(said: Said) -> None:
    status, _, told = said("runs", "list", "--tracking-uri", "http://127.0.0.1:9")
    assert (status, told) == (1, "fraud: http://127.0.0.1:9: no tracking server answers there")


def test_an_empty_place_says_so(said: Said, places: Path, tmp_path: Path) -> None:
    shutil.copy(places / "runs" / "mlflow.db", tmp_path / "mlflow.db")
    with sqlite3.connect(tmp_path / "mlflow.db") as opened:
        opened.execute("DELETE FROM experiments WHERE name = 'card-fraud'")
    assert said("runs", "list", "--tracking-uri", tmp_path)[1] == f"No run is kept in {tmp_path}\n"


def test_the_page_shows_the_runs_and_leads_to_theirs(said: Said, places: Path, look: BrowserPages) -> None:
    assert said(*TRAIN, "--rounds", "20", "--out", "paged")[0] == 0
    newest = ids(said)[0]
    status, _, told = said("runs", "open")
    assert status == 0 and f"Wrote {places}/runs/runs.html" in told
    assert f"mlflow server --backend-store-uri sqlite:///{places}/runs/mlflow.db" in told
    page = look(places / "runs" / "runs.html")
    row = page.locator("#runs tr", has_text=newest[:8])
    assert "FINISHED" in row.inner_text() and "train paged" in row.inner_text()
    assert (
        row.locator("a").get_attribute("href")
        == (places / "runs" / "artifacts" / newest / "artifacts" / "report.html").as_uri()
    )
    assert said("runs", "open", "--out", "elsewhere.html")[0] == 0
    assert (places / "elsewhere.html").is_file()


def test_the_tracking_server_of_a_deployed_application_is_found_by_its_environment(
    said: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    arn = "arn:aws:sagemaker:eu-central-1:123456789012:mlflow-tracking-server/card-fraud-dev"
    stacks: dict[str, dict[str, str]] = {
        "CardFraud-Dev-Training": {"TrackingServer": arn},
        "CardFraud-Prod-Training": {},
    }
    monkeypatch.setattr(reading, "outputs", lambda _, stack: stacks[stack])
    monkeypatch.setattr(opening, "_signed", lambda asked: f"https://signed.example.com/{asked}")
    status, _, told = said("runs", "open", "--env", "dev")
    assert (status, told) == (0, f"https://signed.example.com/{arn}")
    status, _, told = said("runs", "list", "--env", "prod")
    assert (status, "prod in the AWS account of your credentials has no tracking server; allowed: one" in told) == (
        2,
        True,
    )
    for name in ("list", "open"):
        status, _, told = said("runs", name, "--env", "dev", "--tracking-uri", "runs")
        assert (status, told) == (2, "fraud: --env and --tracking-uri: name one of them")


def test_sagemakers_page_is_opened_by_an_address_that_is_signed(said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, Any]] = []

    def client(name: str, region_name: str) -> Any:
        real = boto3.Session(aws_access_key_id="a", aws_secret_access_key="b").client(name, region_name=region_name)  # noqa: S106
        stubbed = Stubber(real)
        answer = {"AuthorizedUrl": f"https://{region_name}.experiments.sagemaker.aws/auth?authToken=t"}
        named = {"TrackingServerName": "fraud", "ExpiresInSeconds": 300}
        stubbed.add_response("create_presigned_mlflow_tracking_server_url", answer, named)
        stubbed.activate()
        asked.append((name, stubbed))
        return real

    monkeypatch.setattr(opening.boto3, "client", client)
    arn = "arn:aws:sagemaker:eu-central-1:123456789012:mlflow-tracking-server/fraud"
    status, _, told = said("runs", "open", "--tracking-uri", arn)
    assert (status, told) == (0, "https://eu-central-1.experiments.sagemaker.aws/auth?authToken=t")
    assert asked[0][0] == "sagemaker"
    asked[0][1].assert_no_pending_responses()
