"""The function `track_run`, against a tracking server that speaks MLflow's REST."""

from __future__ import annotations

import io
import json
import tarfile
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import ModuleType
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from emulator.errors import AccessDeniedError
from emulator.protocol.service import Router, Service
from emulator.protocol.wire import Request
from emulator.sagemaker.mlflow_wire import MlflowWire, needs
from emulator.sagemaker.tracking_servers import TrackingServers
from samples.environments import ENVIRONMENTS
from samples.lambda_context import CONTEXT

ARN = ENVIRONMENTS["track_run"]["TRACKING_SERVER_ARN"]
MANIFEST = {
    "model_version": "m2",
    "xgboost": "3.0",
    "settings": {"eta": 0.1, "rounds": 300},
    "thresholds": {"review": 0.5, "block": 0.9},
    "metrics": {"validation": {"average_precision": 0.8}, "test": {"average_precision": 0.1}},
    "outcomes": {"approve": {"rows": 9}},
    "data": {
        "rows": 10,
        "frauds": 2,
        "fingerprint": "f1",
        "training_set": {"fingerprint": "f2", "catalogue": {"version": "c1"}},
    },
}
EVALUATION = {
    "metrics": {"average_precision": 0.9, "roc_auc": None},
    "champion": {"model_version": "m1", "metrics": {"rows": 5}},
}
EVENT = {
    "run": "0f1e2d3c-run",
    "model": "s3://models/models/2/model.tar.gz",
    "evaluation_key": "evaluations/2/evaluation.json",
    "verdict": {"accepted": True, "why": "it is the first"},
}


class Server:
    """A tracking server at a loopback address.

    Attributes:
        servers: what it holds.
        judged: action and resource of each call.
        denied: the actions that the caller is not allowed.
    """

    def __init__(self) -> None:
        self.servers, self.judged, self.denied = TrackingServers(), list[tuple[str, str]](), set[str]()
        self.servers.create_mlflow_tracking_server(
            TrackingServerName="fraud",
            ArtifactStoreUri="s3://models/tracking",
            RoleArn="arn:aws:iam::123456789012:role/r",
        )
        # the emulator's own region is another one
        self.servers.servers._records["fraud"]["TrackingServerArn"] = ARN
        router = Router([Service(MlflowWire(), (self.servers,), needs())], self._judge)

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                url = urlsplit(self.path)
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                answer = router(Request(self.command, url.path, headers, body, parse_qs(url.query)))
                self.send_response(answer.status)
                self.send_header("Content-Length", str(len(answer.body)))
                self.end_headers()
                self.wfile.write(answer.body)

            do_GET = do_POST  # noqa: N815 - the name that its base calls

            def log_message(self, *_: Any) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.http.serve_forever, daemon=True).start()
        self.address = f"http://127.0.0.1:{self.http.server_address[1]}"

    def runs(self) -> list[dict[str, Any]]:
        """All runs, as MLflow answers them."""
        found: list[dict[str, Any]] = self.servers.search_runs(ARN, ["1"])["runs"]
        return found

    def _judge(self, _: str, action: str, resource: str, __: Any) -> None:
        self.judged.append((action, resource))
        if action in self.denied:
            raise AccessDeniedError(f"not allowed: {action}")


@pytest.fixture
def server() -> Iterator[Server]:
    found = Server()
    yield found
    found.http.shutdown()
    found.http.server_close()


@pytest.fixture
def function(load: Callable[..., ModuleType], aws: Any, server: Server) -> ModuleType:
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="models", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        entry = tarfile.TarInfo("manifest.json")
        entry.size = len(content := json.dumps(MANIFEST).encode())
        archive.addfile(entry, io.BytesIO(content))
    s3.put_object(Bucket="models", Key="models/2/model.tar.gz", Body=packed.getvalue())
    s3.put_object(Bucket="models", Key=EVENT["evaluation_key"], Body=json.dumps(EVALUATION).encode())
    loaded = load("track_run")
    loaded.server._address = server.address
    return loaded


def pairs(run: dict[str, Any], kind: str) -> dict[str, Any]:
    """Of a run the parameters, metrics or tags."""
    return {one["key"]: one["value"] for one in run["data"][kind]}


def test_a_run_is_kept_with_its_parameters_figures_and_verdict(function: ModuleType, server: Server, aws: Any) -> None:
    answer = function.handler(EVENT, CONTEXT)
    [run] = server.runs()
    assert answer == {"kept": run["info"]["run_id"], "why": None}
    assert (run["info"]["status"], run["info"]["run_name"]) == ("FINISHED", "training 0f1e2d3c")
    assert run["info"]["end_time"] >= run["info"]["start_time"] > 0
    assert pairs(run, "params") == {"eta": "0.1", "rounds": "300"}
    assert pairs(run, "metrics") == {
        "average_precision": 0.9, "champion.rows": 5.0, "validation.average_precision": 0.8, "threshold.review": 0.5,
        "threshold.block": 0.9, "outcomes.approve.rows": 9.0, "data.rows": 10.0, "data.frauds": 2.0,
    }  # fmt: skip
    tags = pairs(run, "tags")
    assert {name: tags[name] for name in ("fraud.run", "accepted", "why", "model_version", "champion.model_version")} == {
        "fraud.run": EVENT["run"], "accepted": "true", "why": "it is the first", "model_version": "m2",
        "champion.model_version": "m1",
    }  # fmt: skip
    assert (tags["data.fingerprint"], tags["catalogue.version"]) == ("f1", "c1")
    key = f"{run['info']['artifact_uri'].removeprefix('s3://models/')}/evaluation.json"
    assert key.startswith("tracking/1/")
    assert json.loads(aws.client("s3").get_object(Bucket="models", Key=key)["Body"].read()) == EVALUATION
    assert {resource for _, resource in server.judged} == {ARN}


def test_a_run_of_which_the_function_is_told_twice_is_kept_once(function: ModuleType, server: Server) -> None:
    first = function.handler(EVENT, CONTEXT)
    assert function.handler(EVENT, CONTEXT) == first
    other = [function.handler({**EVENT, "run": "it's another"}, CONTEXT)["kept"] for _ in range(2)]
    assert other[0] == other[1] and other[0] not in (None, first["kept"])
    assert len(server.runs()) == 2


def test_a_run_is_looked_for_by_what_mlflow_reads_as_its_id(
    function: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow.utils.search_utils import SearchUtils  # noqa: PLC0415 - takes a second

    asked: list[dict[str, Any]] = []

    def post(_: str, given: dict[str, Any]) -> dict[str, Any]:
        asked.append(given)
        return {}

    monkeypatch.setattr(function.server, "_post", post)
    for value in ("0f1e2d3c-run", "it's another"):
        assert function.server.find("1", "fraud.run", value) is None
    parsed: Any = SearchUtils.parse_search_filter
    read = [one for each in asked for one in parsed(each["filter"])]
    assert [(one["key"], one["value"]) for one in read] == [
        ("fraud.run", "0f1e2d3c-run"),
        ("fraud.run", "it's another"),
    ]


def test_one_that_was_killed_in_the_midst_is_told_the_rest(function: ModuleType, server: Server) -> None:
    server.denied = {"sagemaker-mlflow:LogBatch", "sagemaker-mlflow:UpdateRun"}
    answer = function.handler(EVENT, CONTEXT)
    assert answer["kept"] is None and "not allowed: sagemaker-mlflow:LogBatch" in answer["why"]
    assert server.runs()[0]["info"]["status"] == "RUNNING"
    server.denied = set()
    assert function.handler(EVENT, CONTEXT)["kept"] == server.runs()[0]["info"]["run_id"]
    assert [run["info"]["status"] for run in server.runs()] == ["FINISHED"]


def test_a_run_that_cannot_be_told_whole_is_failed_at_the_server(function: ModuleType, server: Server) -> None:
    server.denied = {"sagemaker-mlflow:LogBatch"}
    assert function.handler(EVENT, CONTEXT)["kept"] is None
    assert [run["info"]["status"] for run in server.runs()] == ["FAILED"]


def test_a_server_or_a_model_that_is_not_there_fails_nothing(function: ModuleType, server: Server) -> None:
    answer = function.handler({**EVENT, "model": "s3://models/none"}, CONTEXT)
    assert answer["kept"] is None and "s3://models/none: NoSuchKey" in answer["why"]
    function.server._address = "http://127.0.0.1:9"
    answer = function.handler(EVENT, CONTEXT)
    assert answer["kept"] is None and answer["why"].startswith("TrackingServerError: experiments/get-by-name: ")
    assert server.runs() == []


def test_long_texts_and_many_figures_go_in_parts(function: ModuleType, server: Server) -> None:
    kept = function.server.begin(function.server.experiment("card-fraud"), "many", {}, 1)
    function.server.tell(
        kept.id,
        {f"p{number}": "x" * 7_000 for number in range(230)},
        {f"m{number}": 1.0 for number in range(1_100)},
        {},
        1,
    )
    [run] = server.runs()
    assert (len(pairs(run, "params")), len(pairs(run, "metrics"))) == (230, 1_100)
    assert {len(value) for value in pairs(run, "params").values()} == {6_000}
