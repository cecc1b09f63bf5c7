"""Tracking servers of SageMaker's, as CloudFormation makes them, with MLflow's own client and AWS's plugin in front of them."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from emulator.errors import ServiceError
from emulator.process import EmulatedAws
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
    server = TrackingServers()
    for kind, most in MOST_A_BATCH.items():
        many = [{"key": str(number), "value": 1} for number in range(most + 1)]
        with pytest.raises(ServiceError, match=f"at most {most} {kind}"):
            server.log_batch("any", "none", **{kind: many})
        with pytest.raises(ServiceError, match="Run 'none' not found"):
            server.log_batch("any", "none", **{kind: many[1:]})
    with pytest.raises(MlflowException, match="No Experiment with id=99 exists"):
        mlflow.create_run("99")
    with pytest.raises(MlflowException, match="runs are searched by one tag here"):
        mlflow.search_runs(["1"], "metrics.roc_auc > 0.5")


def test_a_server_that_is_deleted_is_gone_with_its_runs(aws: EmulatedAws) -> None:
    sagemaker = aws.client("sagemaker")
    given = {"ArtifactStoreUri": "s3://models/other", "RoleArn": "arn:aws:iam::123456789012:role/any"}
    sagemaker.create_mlflow_tracking_server(TrackingServerName="other", **given)
    with pytest.raises(ClientError, match="ResourceInUse"):
        sagemaker.create_mlflow_tracking_server(TrackingServerName="other", **given)
    sagemaker.delete_mlflow_tracking_server(TrackingServerName="other")
    with pytest.raises(ClientError, match="Could not find"):
        sagemaker.describe_mlflow_tracking_server(TrackingServerName="other")
