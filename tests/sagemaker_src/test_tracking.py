"""Runs that are tracked: what MLflow reads of them, how they end, and what a store that fails does to the work: nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from cli.runs.kept import kept as shown_run
from fraud.tracking import flat
from sagemaker_src.tracking.run import Nested, tracked
from sagemaker_src.tracking.store import HELD_BY, Place, Store, TrackingUriError, place

ROOT = Path(__file__).resolve().parents[2]
ARN = "arn:aws:sagemaker:eu-central-1:123456789012:mlflow-tracking-server/fraud"


def where(folder: Path) -> Place:
    found = place(str(folder))
    assert found is not None
    return found


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A place whose tables are made once, which takes seconds."""
    return where(tmp_path_factory.mktemp("kept") / "runs")


def only(kept: Place, name: str) -> Any:
    """The run of a name."""
    [run] = [run for run in Store(kept).runs(1_000, nested=True) if run.info.run_name == name]
    return run


@pytest.mark.parametrize(
    ("said", "uri"),
    [
        ("/tmp/a/runs", "sqlite:////tmp/a/runs/mlflow.db"),  # noqa: S108 - nothing is written there
        ("file:///tmp/a", "sqlite:////tmp/a/mlflow.db"),
        ("sqlite:////tmp/a/my.db", "sqlite:////tmp/a/my.db"),
        ("http://127.0.0.1:5000", "http://127.0.0.1:5000"),
        ("https://mlflow.example.com/x", "https://mlflow.example.com/x"),
        (ARN, ARN),
        (ARN.replace("tracking-server", "app"), ARN.replace("tracking-server", "app")),
    ],
)
def test_a_place_is_a_folder_a_file_a_server_or_sagemakers(said: str, uri: str) -> None:
    found = place(said)
    assert found is not None and found.uri == uri
    assert (found.folder is None) == (not uri.startswith("sqlite"))


def test_the_environment_says_where_unless_an_option_does(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://mlflow.example.com")
    assert str(place()) == "https://mlflow.example.com"
    assert place("none") is None
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    assert str(place()) == str(tmp_path / "out" / "runs")


@pytest.mark.parametrize("said", ["ftp://x", "http://", "arn:aws:s3:::bucket", "sqlite:///", " ", "postgresql://h/d"])
def test_what_is_no_place_is_refused(said: str) -> None:
    with pytest.raises(TrackingUriError, match=r"is no place for runs; allowed: a folder, sqlite:///FILE, http\(s\)"):
        place(said)


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "runs").touch()
    with pytest.raises(TrackingUriError, match="is a file; allowed"):
        place(str(tmp_path / "runs"))


def test_figures_are_those_that_are_numbers() -> None:
    told = {"a": 1, "b": {"c": 0.5, "d": None, "e/f": 2}, "g": True, "h": float("inf"), "i": float("nan"), "j": "1"}
    assert flat(told) == {"a": 1.0, "b.c": 0.5, "b.e_f": 2.0}


@pytest.mark.slow
def test_mlflow_reads_what_a_run_was_told(kept: Place, tmp_path: Path) -> None:
    for name in ("report.html", "metrics.json", "scores.parquet", "model.ubj", "manifest.json", "features.parquet"):
        (tmp_path / name).write_text(name)
    with tracked(kept, "told", {"command": "fraud train", "commit": None}, pytest.fail) as run:
        run.parameters({f"p{number}": number for number in range(230)} | {"long": "x" * 7_000})
        run.metrics({f"m{number}": number / 2 for number in range(1_100)})
        run.tags({"data.fingerprint": "4c38", "training_set": None})
        run.document("evaluation.json", {"thresholds": {"block": 0.5}})
        run.artifacts(tmp_path)
        trial = Nested("trial 1", {"eta": 0.1}, {"seconds": 2.0}, {"average_precision": {1: 0.25, 10: 0.5}})
        run.nested([trial])
    assert run.whole
    from mlflow.tracking import MlflowClient  # noqa: PLC0415 - takes a second

    client = MlflowClient(kept.uri)
    read = client.get_run(str(run.id))
    assert read.info.status == "FINISHED" and read.info.run_name == "told"
    assert len(read.data.params) == 231 and read.data.params["p229"] == "229" and len(read.data.params["long"]) == 6_000
    assert len(read.data.metrics) == 1_100 and read.data.metrics["m1099"] == 549.5
    tags = {name: value for name, value in read.data.tags.items() if not name.startswith(("mlflow.", HELD_BY))}
    assert tags == {"command": "fraud train", "data.fingerprint": "4c38"}
    assert {file.path for file in client.list_artifacts(str(run.id))} == {
        "evaluation.json",
        "metrics.json",
        "report.html",
    }
    store = Store(kept)
    [child] = store.children(str(run.id))
    assert child.info.status == "FINISHED" and child.data.params == {"eta": "0.1"}
    assert child.data.metrics == {"seconds": 2.0, "average_precision": 0.5}
    history = client.get_metric_history(child.info.run_id, "average_precision")
    assert [(each.step, each.value) for each in history] == [(1, 0.25), (10, 0.5)]
    assert child.info.run_id not in {each.info.run_id for each in store.runs(100)}


@pytest.mark.slow
@pytest.mark.parametrize(("error", "status"), [(ValueError, "FAILED"), (KeyboardInterrupt, "KILLED")])
def test_a_run_ends_as_what_it_came_to(error: type[BaseException], status: str, kept: Place) -> None:
    with pytest.raises(error), tracked(kept, status, {}, pytest.fail):
        raise error("in the midst")
    assert only(kept, status).info.status == status


@pytest.mark.slow
def test_a_run_whose_process_is_killed_is_killed_and_one_that_lives_runs(kept: Place) -> None:
    program = f"""
import signal
from sagemaker_src.tracking.run import tracked
from sagemaker_src.tracking.store import place
with tracked(place({str(kept)!r}), "killed", {{}}, print):
    print("begun", flush=True)
    signal.pause()
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None and process.stdout.readline() == "begun\n"
        assert only(kept, "killed").info.status == "RUNNING"
        process.send_signal(signal.SIGKILL)
    ended = only(kept, "killed").info
    assert ended.status == "KILLED" and ended.end_time
    assert shown_run(only(kept, "killed")).took == "-", "it ended before anybody looked, nobody knows when"
    assert kept.folder is not None and not [*(kept.folder / "running").iterdir()]


@pytest.mark.slow
def test_runs_that_begin_at_once_in_a_place_that_is_not_there_are_all_kept(tmp_path: Path) -> None:
    program = f"""
import sys
from sagemaker_src.tracking.run import Nested, tracked
from sagemaker_src.tracking.store import place
with tracked(place({str(tmp_path / "runs")!r}), sys.argv[1], {{}}, sys.exit) as run:
    for number in range(5):
        run.metrics({{f"m{{number}}": number}})
    run.nested([Nested(f"trial {{number}}", {{}}, {{"seconds": 1.0}}) for number in range(5)])
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    started = [subprocess.Popen([sys.executable, "-c", program, str(number)], env=environment) for number in range(3)]
    assert [process.wait(120) for process in started] == [0, 0, 0]
    runs = Store(where(tmp_path / "runs")).runs(100, nested=True)
    assert len(runs) == 3 * 6 and {run.info.status for run in runs} == {"FINISHED"}
    assert sorted(len(run.data.metrics) for run in runs) == [1] * 15 + [5] * 3


@pytest.mark.slow
def test_a_store_that_fails_is_said_once_and_the_work_goes_on(kept: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    from mlflow.tracking import MlflowClient  # noqa: PLC0415 - takes a second

    def lost(*given: Any, **named: Any) -> None:
        raise OSError("the disk is full\nand more")

    warned: list[str] = []
    with tracked(kept, "lost", {}, warned.append) as run:
        with monkeypatch.context() as patch:
            patch.setattr(MlflowClient, "log_batch", lost)
            run.metrics({"a": 1})
            run.parameters({"b": 2})
        run.metrics({"c": 3})
    assert warned == [f"Tracked in part: {kept}: the disk is full"]
    assert not run.whole
    assert only(kept, "lost").info.status == "FINISHED" and not only(kept, "lost").data.metrics


@pytest.mark.slow
@pytest.mark.parametrize("uri", ["http://127.0.0.1:9", "sqlite:////proc/nowhere/mlflow.db"])
def test_a_place_that_cannot_be_reached_is_said_and_the_work_goes_on(uri: str) -> None:
    warned: list[str] = []
    with tracked(place(uri), "unreached", {}, warned.append) as run:
        run.metrics({"a": 1})
        run.artifacts(ROOT)
        run.nested([Nested("trial", {}, {})])
    assert len(warned) == 1 and warned[0].startswith("Not tracked: ") and "\n" not in warned[0]
    assert run.id is None and not run.whole


@pytest.fixture
def sagemaker(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, dict[str, str], Any]]]:
    """A server in place of SageMaker's; what it was asked: (path, headers, body)."""
    asked: list[tuple[str, dict[str, str], Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            path = self.path.partition("?")[0].removeprefix("/api/2.0/mlflow/")
            asked.append(
                (path, {name.lower(): value for name, value in self.headers.items()}, json.loads(body or "{}"))
            )
            info = {"run_id": "a" * 32, "experiment_id": "7", "status": "RUNNING", "artifact_uri": "s3://kept/a"}
            answers: dict[str, Any] = {
                "experiments/get-by-name": {"experiment": {"experiment_id": "7", "name": "card-fraud"}},
                "runs/create": {"run": {"info": info, "data": {}}},
                "runs/get": {"run": {"info": info, "data": {}}},
                "runs/update": {"run_info": info},
            }
            said = json.dumps(answers.get(path, {})).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        do_GET = do_POST = _answer  # noqa: N815 - as the library names them

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("SAGEMAKER_MLFLOW_CUSTOM_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    yield asked
    server.shutdown()
    server.server_close()


@pytest.mark.slow
def test_calls_to_sagemakers_server_are_signed_and_name_it(sagemaker: list[tuple[str, dict[str, str], Any]]) -> None:
    """The server's ARN is the tracking URI; AWS's plugin makes the address of it, and signs."""
    with tracked(place(ARN), "signed", {"command": "fraud train"}, pytest.fail) as run:
        run.metrics({"average_precision": 0.5})
        run.metrics(
            {f"m{number}": number for number in range(1_100)}
        )  # of one call the API takes 1,000, and 100 parameters
        run.parameters({f"p{number}": number for number in range(120)})
    paths = [path for path, _, _ in sagemaker]
    assert paths[:3] == ["experiments/get-by-name", "runs/create", "runs/log-batch"] and paths[-1] == "runs/update"
    for _, headers, _ in sagemaker:
        assert "/eu-central-1/sagemaker-mlflow/aws4_request" in headers["authorization"]
        assert headers["x-mlflow-sm-tracking-server-arn"] == ARN
    assert sagemaker[2][2]["metrics"][0]["value"] == 0.5
    batches = [body for path, _, body in sagemaker if path == "runs/log-batch"]
    assert [len(body.get("metrics", ())) for body in batches] == [1, 1_000, 100, 0, 0]
    assert [len(body.get("params", ())) for body in batches] == [0, 0, 0, 100, 20]
    assert sagemaker[-1][2]["status"] == "FINISHED"
