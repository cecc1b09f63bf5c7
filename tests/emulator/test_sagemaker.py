"""SageMaker: endpoints serve what their configuration names, and Feature Store keeps the newest record."""

from __future__ import annotations

import base64
import io
import json
import os
import signal
import tarfile
import threading
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.errors import ServiceError
from emulator.process import EmulatedAws
from emulator.sagemaker import endpoints, serving_process
from emulator.sagemaker.feature_store import FeatureStore
from engines.processes import Process, ProcessError
from tests.emulator.conftest import Deployed, attribute, ref, role, until
from tests.emulator.test_state_machines import IMAGE, PULL

ROOT = Path(__file__).resolve().parents[2]
BOOTSTRAP = ROOT / "sagemaker_src" / "serving" / "bootstrap"


SCRIPT = {"SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code"}


def packed(**files: bytes) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        for name, data in files.items():
            entry = tarfile.TarInfo(name.replace("__", "/").replace("_dot_", "."))
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return content.getvalue()


def model(version: str) -> bytes:
    """The bootstrap model under another version, with the program that serves it."""
    manifest = json.loads((BOOTSTRAP / "manifest.json").read_text()) | {"model_version": version}
    return packed(
        model_dot_ubj=(BOOTSTRAP / "model.ubj").read_bytes(),
        manifest_dot_json=json.dumps(manifest).encode(),
        code__inference_dot_py=(ROOT / "sagemaker_src" / "serving" / "inference.py").read_bytes(),
    )


def asked(aws: EmulatedAws, endpoint: str) -> dict[str, Any]:
    width = len(json.loads((BOOTSTRAP / "manifest.json").read_text())["feature_names"])
    body = json.dumps({"instances": [[1.0] * width]})
    runtime = aws.client("sagemaker-runtime")
    answer = runtime.invoke_endpoint(EndpointName=endpoint, Body=body, ContentType="application/json")
    return dict(json.loads(answer["Body"].read()))


@pytest.fixture
def serving(aws: EmulatedAws, deployed: Deployed) -> dict[str, str]:
    """An endpoint over `first.tar.gz` in a bucket."""
    s3 = aws.client("s3")
    bucket = f"models-{len(s3.list_buckets()['Buckets'])}"
    s3.create_bucket(Bucket=bucket)
    for version in ("first", "second"):
        s3.put_object(Bucket=bucket, Key=f"{version}.tar.gz", Body=model(version))
    variant = {"VariantName": "all", "ModelName": attribute("Model", "ModelName"), "InitialInstanceCount": 1}
    variant |= {"InstanceType": "ml.m5.large", "InitialVariantWeight": 1}
    made = deployed(
        {
            "Role": role(
                "sagemaker",
                ("s3:GetObject", f"arn:aws:s3:::{bucket}/*"),
                ("s3:PutObject", f"arn:aws:s3:::{bucket}/captured/*"),
                ("ecr:GetAuthorizationToken", "*"),
                (PULL, "arn:aws:ecr:us-east-1:683313688378:repository/sagemaker-xgboost"),
            ),
            "Model": {
                "Type": "AWS::SageMaker::Model",
                "Properties": {
                    "ExecutionRoleArn": attribute("Role", "Arn"),
                    "PrimaryContainer": {
                        "Image": IMAGE,
                        "ModelDataUrl": f"s3://{bucket}/first.tar.gz",
                        "Environment": SCRIPT,
                    },
                },
            },
            "Config": {
                "Type": "AWS::SageMaker::EndpointConfig",
                "Properties": {
                    "ProductionVariants": [variant],
                    "DataCaptureConfig": {
                        "EnableCapture": True,
                        "InitialSamplingPercentage": 100,
                        "DestinationS3Uri": f"s3://{bucket}/captured",
                        "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
                    },
                },
            },
            "Endpoint": {
                "Type": "AWS::SageMaker::Endpoint",
                "Properties": {"EndpointConfigName": attribute("Config", "EndpointConfigName")},
            },
        },
        {"endpoint": attribute("Endpoint", "EndpointName"), "role": attribute("Role", "Arn")},
    )
    return {**made, "bucket": bucket}


def test_an_endpoint_serves_its_model_and_an_update_another(aws: EmulatedAws, serving: dict[str, str]) -> None:
    assert asked(aws, serving["endpoint"])["model_version"] == "first"
    sagemaker, uri = aws.client("sagemaker"), f"s3://{serving['bucket']}/second.tar.gz"
    container = {"Image": IMAGE, "ModelDataUrl": uri, "Environment": SCRIPT}
    sagemaker.create_model(ModelName="second", ExecutionRoleArn=serving["role"], PrimaryContainer=container)
    variant = {"VariantName": "all", "ModelName": "second", "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
    sagemaker.create_endpoint_config(EndpointConfigName="second", ProductionVariants=[variant])
    sagemaker.update_endpoint(EndpointName=serving["endpoint"], EndpointConfigName="second")
    assert asked(aws, serving["endpoint"])["model_version"] == "first"  # the old one serves until the new one does

    def taken_over() -> bool:
        described = sagemaker.describe_endpoint(EndpointName=serving["endpoint"])
        return bool(described["EndpointStatus"] == "InService" and described["EndpointConfigName"] == "second")

    until(taken_over)
    assert asked(aws, serving["endpoint"])["model_version"] == "second"

    # what the first configuration captures is there when another takes over; the second one captures nothing
    s3, place = aws.client("s3"), {"Bucket": serving["bucket"], "Prefix": f"captured/{serving['endpoint']}/all/"}
    found = until(lambda: s3.list_objects_v2(**place).get("Contents"))
    bodies = [s3.get_object(Bucket=serving["bucket"], Key=one["Key"])["Body"].read() for one in found]
    lines = [json.loads(line) for body in bodies for line in body.splitlines()]
    answers = [base64.b64decode(line["captureData"]["endpointOutput"]["data"]) for line in lines]
    assert [json.loads(answer)["model_version"] for answer in answers] == ["first", "first"]
    question = lines[0]["captureData"]["endpointInput"]
    assert question["observedContentType"] == "application/json" and b"instances" in base64.b64decode(question["data"])


@pytest.mark.parametrize(
    ("environment", "why"),
    [
        (SCRIPT, "the model bad did not pass the ping health check: HTTP 500"),
        ({}, "only script mode is served here: SAGEMAKER_PROGRAM names the program"),
        ({"SAGEMAKER_PROGRAM": "inference.py"}, "No such file or directory"),  # the container looks into /opt/ml/code
    ],
)
def test_a_model_that_does_not_load_leaves_the_endpoint_as_it_was(
    aws: EmulatedAws, serving: dict[str, str], environment: dict[str, str], why: str
) -> None:
    sagemaker = aws.client("sagemaker")
    with suppress(ClientError):  # of the case before
        sagemaker.delete_endpoint_config(EndpointConfigName="bad")
        sagemaker.delete_model(ModelName="bad")
    aws.client("s3").put_object(Bucket=serving["bucket"], Key="bad.tar.gz", Body=packed(code__inference_dot_py=b""))
    container = {"Image": IMAGE, "ModelDataUrl": f"s3://{serving['bucket']}/bad.tar.gz", "Environment": environment}
    sagemaker.create_model(ModelName="bad", ExecutionRoleArn=serving["role"], PrimaryContainer=container)
    variant = {"VariantName": "all", "ModelName": "bad", "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
    sagemaker.create_endpoint_config(EndpointConfigName="bad", ProductionVariants=[variant])
    sagemaker.update_endpoint(EndpointName=serving["endpoint"], EndpointConfigName="bad")
    described = until(
        lambda: (found := sagemaker.describe_endpoint(EndpointName=serving["endpoint"])).get("FailureReason") and found
    )
    assert described["EndpointStatus"] == "InService" and described["EndpointConfigName"] != "bad"
    assert why in described["FailureReason"]
    assert asked(aws, serving["endpoint"])["model_version"] == "first"


def test_a_model_that_ends_again_and_again_fails_its_endpoint(aws: EmulatedAws, serving: dict[str, str]) -> None:
    name = serving["endpoint"]
    (group,) = aws.processes()[f"endpoint/{name}"]
    for trees in (aws.folder / "endpoints").glob(f"{name}-*/model/model.ubj"):
        trees.unlink()
    os.killpg(group, signal.SIGKILL)
    with pytest.raises(ClientError, match=r"Received server error .0. from primary"):
        asked(aws, name)
    sagemaker = aws.client("sagemaker")
    described = until(
        lambda: (found := sagemaker.describe_endpoint(EndpointName=name))["EndpointStatus"] == "Failed" and found
    )
    assert "ended again after 3 restarts" in described["FailureReason"]
    assert f"endpoint/{name}" not in aws.processes()
    with pytest.raises(ClientError, match="not found"):
        asked(aws, name)


def test_a_refused_request_is_counted_and_raises_the_alarm(aws: EmulatedAws, serving: dict[str, str]) -> None:
    """Page API_runtime_InvokeEndpoint: ModelError, status 424, with OriginalStatusCode, OriginalMessage and LogStreamArn.

    Page monitoring-cloudwatch: Invocation4XXErrors, "the number of InvokeEndpoint requests where the model returned a 4xx".
    """
    name, cloudwatch = serving["endpoint"], aws.client("cloudwatch")
    dimensions = [{"Name": "EndpointName", "Value": name}, {"Name": "VariantName", "Value": "all"}]
    cloudwatch.put_metric_alarm(
        AlarmName=f"{name}-refuses",
        Namespace="AWS/SageMaker",
        MetricName="Invocation4XXErrors",
        Dimensions=dimensions,
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        TreatMissingData="notBreaching",
    )
    runtime = aws.client("sagemaker-runtime")
    for body, kind, accept, status in (
        (b"no numbers", "text/csv", "*/*", 400),
        (b"1_000", "text/csv", "*/*", 400),
        (b"1", "image/png", "*/*", 415),
        (b"1", "text/csv", "image/png", 406),
    ):
        with pytest.raises(ClientError, match=rf"ModelError.*Received client error .{status}. from primary") as refused:
            runtime.invoke_endpoint(EndpointName=name, Body=body, ContentType=kind, Accept=accept)
        told = refused.value.response
        assert told["ResponseMetadata"]["HTTPStatusCode"] == 424
        assert told["OriginalStatusCode"] == status and "error" in json.loads(told["OriginalMessage"])
        assert told["LogStreamArn"].endswith(f":log-group:/aws/sagemaker/Endpoints/{name}")

    def alarmed() -> bool:
        (alarm,) = cloudwatch.describe_alarms(AlarmNames=[f"{name}-refuses"])["MetricAlarms"]
        return bool(alarm["StateValue"] == "ALARM")

    until(alarmed, timeout_s=20)
    counted = {}
    for metric in ("Invocation4XXErrors", "Invocation5XXErrors"):
        since = datetime.now(timezone.utc) - timedelta(minutes=30)
        points = cloudwatch.get_metric_statistics(
            Namespace="AWS/SageMaker",
            MetricName=metric,
            Dimensions=dimensions,
            StartTime=since,
            EndTime=since + timedelta(hours=1),
            Period=3600,
            Statistics=["Sum"],
        )["Datapoints"]
        counted[metric] = sum(point["Sum"] for point in points)
    assert counted == {"Invocation4XXErrors": 4.0, "Invocation5XXErrors": 0}


def test_a_request_over_the_services_limits_never_reaches_the_model(aws: EmulatedAws, serving: dict[str, str]) -> None:
    """Page API_runtime_InvokeEndpoint: Body "Maximum length of 6291456", ContentType and Accept "Maximum length of 1024"."""
    runtime = aws.client("sagemaker-runtime")
    for given in (
        {"Body": b"1" * 6_291_457, "ContentType": "text/csv"},
        {"Body": b"1", "ContentType": "text/csv;" + "x" * 1_016},
        {"Body": b"1", "ContentType": "text/csv", "Accept": "x" * 1_025},
    ):
        with pytest.raises(ClientError, match="ValidationError"):
            runtime.invoke_endpoint(EndpointName=serving["endpoint"], **given)
    with pytest.raises(ClientError, match="ModelError"):
        runtime.invoke_endpoint(EndpointName=serving["endpoint"], Body=b"1" * 6_291_456, ContentType="text/csv")


@pytest.fixture
def group(deployed: Deployed) -> str:
    columns = [("cc_num", "String"), ("trans_time", "String"), ("num_trans_last_1w", "Integral")]
    return deployed(
        {
            "Group": {
                "Type": "AWS::SageMaker::FeatureGroup",
                "DeletionPolicy": "Delete",
                "Properties": {
                    "FeatureGroupName": "nightly",
                    "RecordIdentifierFeatureName": "cc_num",
                    "EventTimeFeatureName": "trans_time",
                    "FeatureDefinitions": [{"FeatureName": name, "FeatureType": kind} for name, kind in columns],
                    "OnlineStoreConfig": {"EnableOnlineStore": True},
                },
            }
        },
        {"name": ref("Group")},
    )["name"]


def record(card: str, time: str, count: object) -> list[dict[str, str]]:
    values = {"cc_num": card, "trans_time": time, "num_trans_last_1w": str(count)}
    return [{"FeatureName": name, "ValueAsString": value} for name, value in values.items()]


def test_the_newest_record_stands_and_a_bad_one_stops_no_other(aws: EmulatedAws, group: str) -> None:
    store = aws.client("sagemaker-featurestore-runtime")
    times = ("2026-01-31T00:00:00.000Z", "2026-01-31T00:00:00.001Z")
    entries = [
        {"FeatureGroupName": group, "Record": record("a", times[1], 2)},
        {"FeatureGroupName": group, "Record": record("a", times[0], 1)},
        {"FeatureGroupName": group, "Record": record("b", times[0], "many")},
        {"FeatureGroupName": group, "Record": record("c", times[0], 3)},
    ]
    answer = store.batch_write_record(Entries=entries)
    assert [error["Entry"]["Record"][0]["ValueAsString"] for error in answer["Errors"]] == ["b"]
    wanted = {"FeatureGroupName": group, "RecordIdentifiersValueAsString": ["a", "b", "c"]}
    found = store.batch_get_record(Identifiers=[wanted])["Records"]
    counts = {one["RecordIdentifierValueAsString"]: one["Record"][2]["ValueAsString"] for one in found}
    assert counts == {"a": "2", "c": "3"}
    with pytest.raises(ClientError, match="101 elements; allowed: 1 to 100"):
        store.batch_get_record(Identifiers=[{**wanted, "RecordIdentifiersValueAsString": ["a"] * 101}])


@pytest.fixture
def store(tmp_path: Path) -> FeatureStore:
    one = FeatureStore(tmp_path / "store.db")
    columns = [("cc_num", "String"), ("trans_time", "Fractional"), ("num_trans_last_1w", "Integral")]
    one.create_feature_group(
        FeatureGroupName="nightly",
        RecordIdentifierFeatureName="cc_num",
        EventTimeFeatureName="trans_time",
        FeatureDefinitions=[{"FeatureName": name, "FeatureType": kind} for name, kind in columns],
        OnlineStoreConfig={"EnableOnlineStore": True},
    )
    return one


@pytest.mark.parametrize(
    ("time", "count"),
    [
        ("inf", "1"),
        ("1e300", "1"),
        ("nan", "1"),
        ("", "1"),
        ("0", ""),
        ("0", str(2**63)),
        ("0", "1_000"),
        ("0", "\u0661"),
        ("1_000", "1"),
        ("\u0661", "1"),
    ],
)
def test_an_unusable_value_is_refused_and_the_batch_and_the_next_go_on(
    store: FeatureStore, time: str, count: str
) -> None:
    entries = [{"FeatureGroupName": "nightly", "Record": record("bad", time, count)}]
    entries += [{"FeatureGroupName": "nightly", "Record": record("good", "1769817600.5", -(2**63))}]
    for _ in range(2):
        (error,) = store.batch_write_record(entries)["Errors"]
        assert error["ErrorCode"] == "ValidationError"
    assert store.get_record("nightly", "good")["Record"]
    with pytest.raises(ServiceError, match="ValidationError"):
        store.put_record("nightly", record("bad", time, count))


def test_a_batch_that_breaks_is_rolled_back_and_the_next_goes_on(
    store: FeatureStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*_: Any) -> None:
        raise RuntimeError("the disk is full")

    entries = [{"FeatureGroupName": "nightly", "Record": record(card, "1", 1)} for card in ("a", "b")]
    with monkeypatch.context() as broken, pytest.raises(RuntimeError, match="the disk is full"):
        broken.setattr(store, "_put", breaks)
        store.batch_write_record(entries)
    assert store.batch_write_record(entries)["Errors"] == []


class FakeServing:
    """A serving process that comes up when it is let, or fails."""

    variant = "all"

    def __init__(self, error: Exception | None = None) -> None:
        self.error, self.let, self.ended = error, threading.Event(), threading.Event()

    def __call__(self, *_: Any) -> FakeServing:
        assert self.let.wait(5)
        if self.error:
            raise self.error
        return self

    def end(self, grace_s: float = 0) -> None:
        self.ended.set()


def brought(folder: Path, monkeypatch: pytest.MonkeyPatch, serving: FakeServing) -> endpoints.Endpoints:
    unused: Any = None
    one = endpoints.Endpoints(folder, unused, unused, {})
    monkeypatch.setattr(one, "_serve", serving)
    one.create_model(ModelName="model")
    one.create_endpoint_config(
        EndpointConfigName="config", ProductionVariants=[{"ModelName": "model", "VariantName": "all"}]
    )
    one.create_endpoint(EndpointName="fraud", EndpointConfigName="config")
    return one


def test_an_endpoint_fails_with_whatever_goes_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    serving = FakeServing(tarfile.ReadError("not a gzip file"))
    one = brought(tmp_path, monkeypatch, serving)
    serving.let.set()
    described = until(
        lambda: (found := one.describe_endpoint("fraud"))["EndpointStatus"] == "Failed" and found, timeout_s=5
    )
    assert described["FailureReason"] == "ReadError: not a gzip file"


def test_an_endpoint_that_is_deleted_while_its_model_comes_up_serves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serving = FakeServing()
    one = brought(tmp_path, monkeypatch, serving)
    one.delete_endpoint("fraud")
    serving.let.set()
    assert serving.ended.wait(5)
    assert one.processes() == {}
    with pytest.raises(ServiceError, match="not found"):
        one.invoke_endpoint("fraud", b"")


def test_a_model_that_does_not_answer_in_time_leaves_no_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[Process] = []
    start = Process.start
    monkeypatch.setattr(Process, "start", lambda self: (started.append(self), start(self))[1])
    waits = Process.wait_until
    monkeypatch.setattr(Process, "wait_until", lambda self, _, what, *__: waits(self, lambda: False, what, 0.2))
    unused: Any = None
    with pytest.raises(ProcessError, match=r"had not answered after 0.2 s"):
        serving_process.ServingProcess("model", "all", tmp_path, {}, unused)
    (process,) = started
    assert not process.running
