"""Tracking servers of SageMaker's, as CloudFormation makes them, with MLflow's own client and AWS's plugin in front of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from emulator.errors import ServiceError
from emulator.process import EmulatedAws
from emulator.protocol.wire import Request
from emulator.sagemaker.mlflow_wire import MlflowWire
from emulator.sagemaker.tracking_servers import MOST_A_BATCH, TrackingServers
from tests.emulator.conftest import Deployed, role

ROLE = role("sagemaker", ("s3:PutObject", "*"))
SERVER = {
    "Type": "AWS::SageMaker::MlflowTrackingServer",
    "Properties": {
        "TrackingServerName": "fraud", "TrackingServerSize": "Small", "ArtifactStoreUri": "s3://models/tracking",
        "RoleArn": {"Fn::GetAtt": ["Role", "Arn"]}, "AutomaticModelRegistration": False,
    },
}  # fmt: skip


@pytest.fixture
def arn(aws: EmulatedAws, deployed: Deployed) -> str:
    """Of the server that the first test that asks for it has CloudFormation make."""
    sagemaker = aws.client("sagemaker")
    there = [one["TrackingServerName"] for one in sagemaker.list_mlflow_tracking_servers()["TrackingServerSummaries"]]
    name = (
        "fraud" if "fraud" in there else deployed({"Role": ROLE, "Server": SERVER}, {"Name": {"Ref": "Server"}})["Name"]
    )
    found: str = aws.client("sagemaker").describe_mlflow_tracking_server(TrackingServerName=name)["TrackingServerArn"]
    return found


@pytest.fixture
def mlflow(aws: EmulatedAws, arn: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """MLflow's client of the server, which AWS's plugin signs for."""
    credentials = aws.client("sts")._request_signer._credentials.get_frozen_credentials()
    for name, value in {
        "SAGEMAKER_MLFLOW_CUSTOM_ENDPOINT": aws.endpoint,
        "AWS_ACCESS_KEY_ID": credentials.access_key,
        "AWS_SECRET_ACCESS_KEY": credentials.secret_key,
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    }.items():
        monkeypatch.setenv(name, value)
    boto3.DEFAULT_SESSION = None
    import mlflow as module  # noqa: PLC0415 - takes a second
    from mlflow.tracking import MlflowClient  # noqa: PLC0415

    module.set_tracking_uri(arn)
    return MlflowClient(arn)


def test_mlflows_client_keeps_and_finds_runs(aws: EmulatedAws, mlflow: Any, arn: str) -> None:
    from mlflow.entities import Metric, Param, RunTag  # noqa: PLC0415

    sagemaker = aws.client("sagemaker")
    server = sagemaker.describe_mlflow_tracking_server(TrackingServerName="fraud")
    assert (server["TrackingServerStatus"], server["ArtifactStoreUri"]) == ("Created", "s3://models/tracking")
    [listed] = sagemaker.list_mlflow_tracking_servers()["TrackingServerSummaries"]
    assert listed["TrackingServerArn"] == arn
    assert sagemaker.list_mlflow_tracking_servers(TrackingServerStatus="Stopped")["TrackingServerSummaries"] == []
    assert mlflow.get_experiment_by_name("card-fraud") is None
    experiment = mlflow.create_experiment("card-fraud")
    run = mlflow.create_run(experiment, tags={"fraud.run": "it's one"}, run_name="training 1").info.run_id
    mlflow.log_batch(
        run, metrics=[Metric("roc_auc", 0.5, 1, 0)], params=[Param("eta", "0.1")], tags=[RunTag("why", "so")]
    )
    mlflow.set_terminated(run, "FINISHED")
    mlflow.create_run(experiment)
    assert len(mlflow.search_runs([experiment])) == 2
    found = mlflow.get_run(run)
    assert (found.info.status, found.info.run_name) == ("FINISHED", "training 1")
    assert found.info.artifact_uri == f"s3://models/tracking/{experiment}/{run}/artifacts"
    assert (found.data.metrics, found.data.params, found.data.tags["why"]) == ({"roc_auc": 0.5}, {"eta": "0.1"}, "so")


def test_what_is_not_there_or_not_implemented_is_said_as_mlflow_says_it(mlflow: Any) -> None:
    from mlflow.exceptions import MlflowException  # noqa: PLC0415

    with pytest.raises(MlflowException, match="Run 'none' not found"):
        mlflow.get_run("none")
    with pytest.raises(MlflowException, match="No Experiment with id=99 exists"):
        mlflow.create_run("99")
    with pytest.raises(MlflowException, match="runs are searched by one tag here"):
        mlflow.search_runs(["1"], "metrics.roc_auc > 0.5")


class Held:
    """A server of this process, with an experiment."""

    def __init__(self) -> None:
        self.servers = TrackingServers()
        given = {"ArtifactStoreUri": "s3://models/tracking", "RoleArn": "arn:aws:iam::123456789012:role/any"}
        self.arn: str = self.servers.create_mlflow_tracking_server(TrackingServerName="here", **given)[
            "TrackingServerArn"
        ]
        self.experiment: str = self.servers.create_experiment(self.arn, "card-fraud")["experiment_id"]

    def begun(self, at_ms: int = 1, **tags: str) -> str:
        pairs = [{"key": key, "value": value} for key, value in tags.items()]
        run = self.servers.create_run(self.arn, self.experiment, at_ms, "a run", tags=pairs)["run"]
        return str(run["info"]["run_id"])

    def found(self, **given: Any) -> tuple[list[int], str | None]:
        """When the runs of a page began, and the token of the next."""
        page = self.servers.search_runs(self.arn, [self.experiment], **given)
        return [run["info"]["start_time"] for run in page["runs"]], page.get("next_page_token")


@pytest.fixture
def held() -> Held:
    return Held()


def test_more_than_a_page_of_runs_is_found_page_by_page(held: Held) -> None:
    for at_ms in (3, 1, 5, 2, 4):
        held.begun(at_ms)
    first, token = held.found(max_results=2)
    second, later = held.found(max_results=2, page_token=token)
    assert (first, second) == ([5, 4], [3, 2])
    assert held.found(max_results=2, page_token=later) == ([1], None)
    for wrong in ({"max_results": 50_001}, {"max_results": -1}, {"page_token": "none of ours"}):
        with pytest.raises(ServiceError, match="max_results: 1 to 50000"):
            held.found(**wrong)


@pytest.mark.parametrize(
    ("written", "fits"),
    [("'plain'", [1]), ('"plain"', [1]), ('"it\'s"', [2]), ("'none'", [])],
)
def test_a_tag_is_looked_for_as_mlflow_reads_it(held: Held, written: str, fits: list[int]) -> None:
    from mlflow.utils.search_utils import SearchUtils  # noqa: PLC0415 - takes a second

    tags = {1: "plain", 2: "it's"}
    for at_ms, value in tags.items():
        held.begun(at_ms, which=value)
    wanted = f"tags.`which` = {written}"
    parsed: Any = SearchUtils.parse_search_filter
    [read] = parsed(wanted)
    assert held.found(filter=wanted)[0] == fits == [at_ms for at_ms, value in tags.items() if value == read["value"]]


def test_a_quotation_mark_behind_a_backslash_is_none_of_a_tag(held: Held) -> None:
    held.begun(1, which="it's")
    # to MLflow the backslash is a part of the value
    with pytest.raises(ServiceError, match="runs are searched by one tag here"):
        held.found(filter=r"tags.`which` = 'it\'s'")


def pairs(count: int, **more: Any) -> list[dict[str, Any]]:
    return [{"key": f"k{number}", "value": 1, **more} for number in range(count)]


@pytest.mark.parametrize(
    ("told", "says"),
    [
        *(({kind: pairs(most + 1)}, f"at most {most} {kind}") for kind, most in MOST_A_BATCH.items()),
        ({"metrics": pairs(950), "params": pairs(51)}, "at most 1000 metrics, params, and tags"),
        ({"metrics": pairs(1, key="a" * 251)}, "names are up to 250"),
        ({"params": pairs(1, key="what?")}, "names are up to 250"),
        ({"params": pairs(1, key="a//b")}, "names are up to 250"),
        ({"tags": [{"value": "none"}]}, "Invalid value None for parameter 'tags.0..key'"),
        ({"metrics": pairs(1, value="much")}, "Invalid value 'much' for parameter 'metrics.0..value'"),
        ({"params": pairs(2, key="twice")}, "Duplicate parameter keys have been submitted: .'twice'."),
    ],
)
def test_what_mlflow_does_not_take_in_a_batch_is_refused_whole(held: Held, told: dict[str, Any], says: str) -> None:
    run = held.begun()
    with pytest.raises(ServiceError, match=says) as refused:
        held.servers.log_batch(held.arn, run, **told)
    assert refused.value.code == "INVALID_PARAMETER_VALUE"
    data = held.servers.get_run(held.arn, run)["run"]["data"]
    assert (data["metrics"], data["params"], data["tags"]) == ([], [], [{"key": "mlflow.runName", "value": "a run"}])


def test_a_batch_as_large_as_may_be_is_taken_and_a_parameter_stays_what_it_is(held: Held) -> None:
    run = held.begun()
    held.servers.log_batch(held.arn, run, metrics=pairs(900), params=pairs(100))
    held.servers.log_batch(held.arn, run, params=pairs(1))
    with pytest.raises(ServiceError, match="Changing param values is not allowed: k0"):
        held.servers.log_batch(held.arn, run, params=pairs(1, value=2))
    # the newest of a metric is shown, not the last that was told
    for step, value in ((2, 0.5), (1, 0.25)):
        held.servers.log_batch(held.arn, run, metrics=pairs(1, value=value, step=step, timestamp=1))
    metrics = held.servers.get_run(held.arn, run)["run"]["data"]["metrics"]
    assert (len(metrics), next(one["value"] for one in metrics if one["key"] == "k0")) == (900, 0.5)


def test_artifacts_lie_where_an_experiment_says(held: Held) -> None:
    held.experiment = held.servers.create_experiment(held.arn, "other", "s3://elsewhere/kept/")["experiment_id"]
    run = held.begun()
    info = held.servers.get_run(held.arn, run)["run"]["info"]
    assert info["artifact_uri"] == f"s3://elsewhere/kept/{run}/artifacts"


def test_of_a_server_that_is_not_there_nothing_is_found(held: Held) -> None:
    gone = f"{held.arn}-gone"
    asked: list[Callable[[], object]] = [
        lambda: held.servers.search_runs(gone, ["1"]),
        lambda: held.servers.get_run(gone, "any"),
        lambda: held.servers.log_batch(gone, "any"),
        lambda: held.servers.update_run(gone, "any"),
        lambda: held.servers.create_run(gone, "1"),
    ]
    for ask in asked:
        with pytest.raises(ServiceError, match="Could not find mlflow-tracking-server"):
            ask()


def asked(method: str, operation: str, **given: Any) -> Request:
    headers = {"x-mlflow-sm-tracking-server-arn": "arn"}
    body = json.dumps(given).encode() if method == "POST" else b""
    query = {name: [value] for name, value in given.items()} if method == "GET" else {}
    return Request(method, f"/api/2.0/mlflow/{operation}", headers, body, query)


@pytest.mark.parametrize(
    ("request_", "says"),
    [
        (asked("GET", "experiments/get-by-name"), "'experiment_name' of GetExperimentByName"),
        (asked("POST", "experiments/create", name=""), "'name' of CreateExperiment"),
        (asked("POST", "runs/create", run_name="one"), "'experiment_id' of CreateRun"),
        (asked("GET", "runs/get"), "'run_id' of GetRun"),
        (asked("POST", "runs/search", experiment_ids=[]), "'experiment_ids' of SearchRuns"),
        (asked("POST", "runs/log-batch", metrics=[]), "'run_id' of LogBatch"),
        (asked("POST", "runs/update", status="FINISHED"), "'run_id' of UpdateRun"),
        (
            asked("POST", "runs/log-batch", run_id="one", tags=[{"key": "a", "value": "x" * 1_000_000}]),
            "at most 1000000 bytes",
        ),
    ],
)
def test_a_call_that_lacks_something_or_is_too_long_is_refused_with_a_sentence(request_: Request, says: str) -> None:
    wire = MlflowWire()
    found = wire.match(request_)
    assert found is not None
    with pytest.raises(ServiceError, match=says) as refused:
        wire.parameters(found[0], request_, found[1])
    assert (refused.value.code, refused.value.status) == ("INVALID_PARAMETER_VALUE", 400)


def test_no_other_path_is_mlflows() -> None:
    for path in ("/kept/api/2.0/mlflow/runs/get", "/api/2.0/mlflow/runs/delete", "/runs/get"):
        assert MlflowWire().match(Request("GET", path, {}, b"", {})) is None


def test_a_server_that_is_deleted_is_gone_with_its_runs(aws: EmulatedAws) -> None:
    sagemaker = aws.client("sagemaker")
    given = {"ArtifactStoreUri": "s3://models/other", "RoleArn": "arn:aws:iam::123456789012:role/any"}
    sagemaker.create_mlflow_tracking_server(TrackingServerName="other", **given)
    with pytest.raises(ClientError, match="ResourceInUse"):
        sagemaker.create_mlflow_tracking_server(TrackingServerName="other", **given)
    sagemaker.delete_mlflow_tracking_server(TrackingServerName="other")
    with pytest.raises(ClientError, match="Could not find"):
        sagemaker.describe_mlflow_tracking_server(TrackingServerName="other")
