"""How a new model takes an endpoint over: its share of the requests, alarms that take it back, and shadows that nobody sees."""

from __future__ import annotations

import base64
import json
import os
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.process import EmulatedAws
from local.assembly import Stack
from local.deployment import deploy, outputs
from local.stand_ins import STAND_INS
from tests.emulator.conftest import attribute, role, until
from tests.emulator.test_sagemaker import SCRIPT, packed
from tests.emulator.test_state_machines import IMAGE, PULL

WAITS = 0.02
"""A wait of 300 s lasts 6 s, and an alarm's period of a minute 1.2 s."""
NAME, VARIANT, BUCKET = "fraud", "main", "models"
PROGRAM = """
import json
import time

def model_fn(folder):
    return {version!r}

def transform_fn(model, content, content_type, accept):
    time.sleep({seconds})
    {does}
    return json.dumps({{"model_version": model}}), "application/json"
"""
MODELS = {
    "old": {"seconds": 0.02, "does": ""},
    "good": {"seconds": 0.02, "does": ""},
    "failing": {"seconds": 0.02, "does": "raise RuntimeError('no score')"},
    # over ten times as slow as the others, on a busy machine as well
    "slow": {"seconds": 1.5, "does": ""},
    "hanging": {"seconds": 3, "does": "raise RuntimeError('no score')"},
}
ALARMS = {
    # as stacks/constructs/endpoint.py has them, but for the latency, whose value is a setting
    "Errors": {"MetricName": "Invocation5XXErrors", "Statistic": "Sum", "Threshold": 1},
    "Refusals": {"MetricName": "Invocation4XXErrors", "Statistic": "Sum", "Threshold": 1},
    "Latency": {"MetricName": "ModelLatency", "ExtendedStatistic": "p99", "Threshold": 1_000_000},
}
DIMENSIONS = [{"Name": "EndpointName", "Value": NAME}, {"Name": "VariantName", "Value": VARIANT}]


def rollout(percent: int = 0, wait_s: int = 300, **routing: Any) -> dict[str, Any]:
    """A DeploymentConfig, as stacks/constructs/endpoint.py makes it."""
    size = {"Type": "CAPACITY_PERCENT", "Value": percent}
    kind = {"Type": "CANARY", "CanarySize": size} if percent else {"Type": "ALL_AT_ONCE"}
    return {
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": {**kind, "WaitIntervalInSeconds": wait_s, **routing},
            "TerminationWaitInSeconds": wait_s,
            "MaximumExecutionTimeoutInSeconds": 4 * 3600,
        },
        "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": name} for name in ALARMS]},
    }


class Callers:
    """Callers who ask an endpoint without a pause, as a context manager."""

    def __init__(self, aws: EmulatedAws, number: int = 4) -> None:
        self.answers: Counter[str] = Counter()
        self.longest_s = 0.0
        self._aws, self._ended = aws, threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._ask) for _ in range(number)]

    def __enter__(self) -> Callers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def _ask(self) -> None:
        runtime = self._aws.client("sagemaker-runtime")
        while not self._ended.is_set():
            since = time.monotonic()
            version = asked(runtime)
            with self._lock:
                self.answers[version] += 1
                self.longest_s = max(self.longest_s, time.monotonic() - since)


def asked(runtime: Any) -> str:
    """The version that answers, or the error's code."""
    try:
        answer = runtime.invoke_endpoint(EndpointName=NAME, Body=b"1", ContentType="text/csv")
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return str(json.loads(answer["Body"].read())["model_version"])


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatedAws]:
    folder = tmp_path_factory.mktemp("aws")
    with EmulatedAws(folder, replace(STAND_INS, deployment_waits=WAITS)) as emulated:
        yield emulated


@pytest.fixture(scope="module")
def models(aws: EmulatedAws) -> str:
    """The models, each with a configuration of its name; gives their role."""
    s3, sagemaker = aws.client("s3"), aws.client("sagemaker")
    s3.create_bucket(Bucket=BUCKET)
    resources = {
        "Role": role(
            "sagemaker",
            ("s3:GetObject", f"arn:aws:s3:::{BUCKET}/*"),
            ("s3:PutObject", f"arn:aws:s3:::{BUCKET}/captured/*"),
            ("ecr:GetAuthorizationToken", "*"),
            (PULL, "arn:aws:ecr:us-east-1:683313688378:repository/sagemaker-xgboost"),
        )
    }
    stack = {"Resources": resources, "Outputs": {"role": {"Value": attribute("Role", "Arn")}}}
    deploy([Stack("Models", json.dumps(stack), (), ())], aws.client)
    role_arn = outputs(aws.client, "Models")["role"]
    for name, does in MODELS.items():
        body = packed(code__inference_dot_py=PROGRAM.format(version=name, **does).encode())
        s3.put_object(Bucket=BUCKET, Key=f"{name}.tar.gz", Body=body)
        container = {"Image": IMAGE, "ModelDataUrl": f"s3://{BUCKET}/{name}.tar.gz", "Environment": SCRIPT}
        sagemaker.create_model(ModelName=name, ExecutionRoleArn=role_arn, PrimaryContainer=container)
        sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant(name)])
    return role_arn


def variant(model: str, **other: Any) -> dict[str, Any]:
    """Of ten instances, for which one process stands."""
    made = {"VariantName": VARIANT, "ModelName": model, "InstanceType": "ml.m5.large", "InitialInstanceCount": 10}
    return {**made, "InitialVariantWeight": 1, **other}


class Endpoint:
    """The endpoint, over the old model."""

    def __init__(self, aws: EmulatedAws, config: str = "old") -> None:
        self.aws, self.sagemaker = aws, aws.client("sagemaker")
        self.seen: list[str] = []
        self.sagemaker.create_endpoint(EndpointName=NAME, EndpointConfigName=config)
        until(lambda: self.status() == "InService")

    def described(self) -> dict[str, Any]:
        return dict(self.sagemaker.describe_endpoint(EndpointName=NAME))

    def status(self) -> str:
        found = str(self.described()["EndpointStatus"])
        if found not in self.seen[-1:]:
            self.seen.append(found)
        return found

    def update(self, config: str, deployment: dict[str, Any] | None) -> None:
        given = {"DeploymentConfig": deployment} if deployment else {}
        self.sagemaker.update_endpoint(EndpointName=NAME, EndpointConfigName=config, **given)

    def ended(self) -> dict[str, Any]:
        """The endpoint after an update."""
        until(lambda: self.status() == "InService", 60)
        return self.described()

    def pids(self) -> list[int]:
        return list(self.aws.processes().get(f"endpoint/{NAME}", []))


@pytest.fixture
def endpoint(aws: EmulatedAws, models: str) -> Iterator[Endpoint]:
    cloudwatch = aws.client("cloudwatch")
    for name, watches in ALARMS.items():
        cloudwatch.put_metric_alarm(
            AlarmName=name,
            Namespace="AWS/SageMaker",
            Dimensions=DIMENSIONS,
            Period=60,
            EvaluationPeriods=2,
            ComparisonOperator="GreaterThanOrEqualToThreshold",
            TreatMissingData="notBreaching",
            **watches,
        )
    # what the test before counted has passed
    until(lambda: set(states(aws).values()) == {"OK"})
    one = Endpoint(aws)
    yield one
    before = one.pids()
    one.sagemaker.delete_endpoint(EndpointName=NAME)
    until(lambda: not any(runs(pid) for pid in before))


def states(aws: EmulatedAws) -> dict[str, str]:
    found = aws.client("cloudwatch").describe_alarms(AlarmNames=list(ALARMS))["MetricAlarms"]
    return {one["AlarmName"]: one["StateValue"] for one in found}


def runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_good_model_gets_its_share_and_then_takes_over_fully(aws: EmulatedAws, endpoint: Endpoint) -> None:
    (old,) = endpoint.pids()
    runtime = aws.client("sagemaker-runtime")
    endpoint.update("good", rollout(30, wait_s=450))
    until(lambda: len(endpoint.pids()) == 2)
    summary = until(
        lambda: (
            (found := endpoint.described()["PendingDeploymentSummary"])
            and found["ProductionVariants"][0]["VariantStatus"][0]["Status"] == "Baking"
            and found
        )
    )
    assert summary["EndpointConfigName"] == "good"
    # both serve, the new one with exactly its share
    assert Counter(asked(runtime) for _ in range(20)) == {"old": 14, "good": 6}
    assert endpoint.described()["EndpointConfigName"] == "old"
    # an update while one is in progress is refused
    with pytest.raises(ClientError, match="Cannot update in-progress endpoint fraud"):
        endpoint.update("slow", None)
    # the rest follows; the old process is there until the wait for its end is over
    until(lambda: {asked(runtime) for _ in range(5)} == {"good"})
    assert runs(old)
    described = endpoint.ended()
    assert described["EndpointConfigName"] == "good" and "FailureReason" not in described
    assert "PendingDeploymentSummary" not in described
    assert endpoint.seen == ["Creating", "InService", "Updating", "InService"]
    assert not runs(old) and len(endpoint.pids()) == 1
    assert asked(runtime) == "good"


@pytest.mark.parametrize(("config", "alarm"), [("failing", "Errors"), ("slow", "Latency")])
def test_a_bad_model_is_taken_back_and_callers_saw_at_most_the_canarys_share_of_it(
    aws: EmulatedAws, endpoint: Endpoint, config: str, alarm: str
) -> None:
    (old,) = endpoint.pids()
    with Callers(aws) as callers:
        until(lambda: callers.answers["old"] >= 20)
        endpoint.update(config, rollout(10))
        new = until(lambda: [pid for pid in endpoint.pids() if pid != old])
        described = endpoint.ended()
        after = callers.answers.total()
        until(lambda: callers.answers.total() > after + 10)
    assert endpoint.seen == ["Creating", "InService", "Updating", "RollingBack", "InService"]
    assert described["EndpointConfigName"] == "old"
    assert described["FailureReason"] == f"alarms went off while the new fleet took over: {alarm}"
    bad = callers.answers["ModelError" if config == "failing" else config]
    assert 0 < bad <= callers.answers.total() / 10
    assert set(callers.answers) == {"old", "ModelError" if config == "failing" else config}
    assert endpoint.pids() == [old] and not any(runs(pid) for pid in new)


def test_all_at_once_an_alarm_still_brings_the_old_model_back(aws: EmulatedAws, endpoint: Endpoint) -> None:
    runtime, cloudwatch = aws.client("sagemaker-runtime"), aws.client("cloudwatch")
    # of a metric that nobody puts: its state is what it was set to
    cloudwatch.put_metric_alarm(
        AlarmName="ByHand",
        Namespace="Nothing",
        MetricName="Nothing",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
    )
    wanted = rollout(WaitIntervalInSeconds=0)  # what is waited for is the end of the old fleet
    endpoint.update("good", {**wanted, "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "ByHand"}]}})
    until(lambda: asked(runtime) == "good")
    assert {asked(runtime) for _ in range(10)} == {"good"} and len(endpoint.pids()) == 2
    cloudwatch.set_alarm_state(AlarmName="ByHand", StateValue="ALARM", StateReason="by hand")
    described = endpoint.ended()
    assert described["EndpointConfigName"] == "old"
    assert described["FailureReason"] == "alarms went off while the new fleet took over: ByHand"
    assert asked(runtime) == "old" and len(endpoint.pids()) == 1


def test_an_endpoint_that_is_deleted_in_the_middle_of_an_update_leaves_no_process(
    aws: EmulatedAws, models: str
) -> None:
    one = Endpoint(aws)
    one.update("good", rollout(50, wait_s=3600))
    until(lambda: len(one.pids()) == 2)
    both = one.pids()
    one.sagemaker.delete_endpoint(EndpointName=NAME)
    until(lambda: not any(runs(pid) for pid in both))
    assert one.pids() == []
    with pytest.raises(ClientError, match="not found"):
        aws.client("sagemaker-runtime").invoke_endpoint(EndpointName=NAME, Body=b"1", ContentType="text/csv")


@pytest.mark.parametrize(
    ("config", "deployment", "why"),
    [
        ("good", rollout(51), "CanarySize of 51% of 10 instances; allowed: at least one instance, at most 50% of them"),
        ("good", rollout(5), "CanarySize of 5% of 10 instances; allowed: at least one instance"),
        ("good", rollout(Type="CANARY"), "CANARY without CanarySize"),
        (
            "good",
            rollout(Type="LINEAR", LinearStepSize={"Type": "INSTANCE_COUNT", "Value": 6}),
            "LinearStepSize of 6 of 10 instances; allowed: at least one instance and 10%, at most 50%",
        ),
        ("good", rollout(50, wait_s=3601), "3601; allowed: at most 3600|less than or equal to 3600|3600"),
        (
            "good",
            {**rollout(), "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "Nobody"}]}},
            "AutoRollbackConfiguration: no alarm Nobody",
        ),
        ("renamed", rollout(50), "variants other; allowed in a blue/green deployment: .* main"),
    ],
)
def test_a_deployment_that_the_service_does_not_take_is_refused(
    aws: EmulatedAws, endpoint: Endpoint, config: str, deployment: dict[str, Any], why: str
) -> None:
    sagemaker = aws.client("sagemaker")
    if config == "renamed":
        renamed = variant("good", VariantName="other")
        sagemaker.create_endpoint_config(EndpointConfigName="renamed", ProductionVariants=[renamed])
    with pytest.raises(ClientError, match=f"ValidationException.*({why})"):
        endpoint.update(config, deployment)
    assert endpoint.status() == "InService" and len(endpoint.pids()) == 1


def shadowed(aws: EmulatedAws, name: str, shadow: str, weight: float) -> str:
    """A configuration whose production variant is the old model and whose shadow is another."""
    aws.client("sagemaker").create_endpoint_config(
        EndpointConfigName=name,
        ProductionVariants=[variant("old")],
        ShadowProductionVariants=[variant(shadow, VariantName="shadow", InitialVariantWeight=weight)],
        DataCaptureConfig={
            "EnableCapture": True,
            "InitialSamplingPercentage": 100,
            "DestinationS3Uri": f"s3://{BUCKET}/captured/{name}",
            "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
        },
    )
    return name


def counted(aws: EmulatedAws, metric: str, variant_name: str, config: str) -> float:
    now = time.time()
    points = aws.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/SageMaker",
        MetricName=metric,
        Dimensions=[
            {"Name": "EndpointName", "Value": NAME},
            {"Name": "VariantName", "Value": variant_name},
            {"Name": "EndpointConfigName", "Value": config},
        ],
        StartTime=now - 1800,
        EndTime=now + 60,
        Period=3600,
        Statistics=["Sum"],
    )["Datapoints"]
    return float(sum(point["Sum"] for point in points))


def captured(aws: EmulatedAws, folder: str) -> list[str]:
    """The versions that answered, of the requests that were captured."""
    s3 = aws.client("s3")
    found = s3.list_objects_v2(Bucket=BUCKET, Prefix=f"captured/{folder}/").get("Contents", [])
    bodies = [s3.get_object(Bucket=BUCKET, Key=one["Key"])["Body"].read() for one in found]
    lines = [json.loads(line)["captureData"] for body in bodies for line in body.splitlines()]
    return [json.loads(base64.b64decode(one["endpointOutput"]["data"]))["model_version"] for one in lines]


def test_a_shadow_answers_nobody_and_is_captured_and_counted(aws: EmulatedAws, models: str) -> None:
    one = Endpoint(aws, shadowed(aws, "watched", "good", 0.5))
    assert [each["VariantName"] for each in one.described()["ShadowProductionVariants"]] == ["shadow"]
    both = one.pids()
    assert len(both) == 2
    with Callers(aws) as callers:
        until(lambda: callers.answers.total() >= 200, 120)
    assert set(callers.answers) == {"old"}
    # its share is drawn by lot: four standard deviations
    share = counted(aws, "Invocations", "shadow", "watched") / callers.answers.total()
    assert abs(share - 0.5) < 4 * (0.25 / callers.answers.total()) ** 0.5
    one.sagemaker.delete_endpoint(EndpointName=NAME)
    until(lambda: not any(runs(pid) for pid in both))
    assert set(captured(aws, f"watched/{NAME}/{VARIANT}")) == {"old"}
    assert set(captured(aws, f"watched/{NAME}/shadow")) == {"good"}


def test_a_shadow_that_fails_and_hangs_is_seen_by_nobody(aws: EmulatedAws, models: str) -> None:
    one = Endpoint(aws, shadowed(aws, "unseen", "hanging", 1))
    both = one.pids()
    with Callers(aws) as callers:
        until(lambda: callers.answers.total() >= 150 and counted(aws, "Invocation5XXErrors", "shadow", "unseen"), 120)
    assert set(callers.answers) == {"old"}
    assert callers.longest_s < MODELS["hanging"]["seconds"]  # type: ignore[operator] # a number
    assert counted(aws, "Invocation5XXErrors", VARIANT, "unseen") == 0
    assert one.status() == "InService"
    one.sagemaker.delete_endpoint(EndpointName=NAME)
    until(lambda: not any(runs(pid) for pid in both))


def test_an_endpoint_has_one_shadow_at_most(aws: EmulatedAws, models: str) -> None:
    shadows = [variant("good", VariantName=name) for name in ("one", "two")]
    create = aws.client("sagemaker").create_endpoint_config
    with pytest.raises(ClientError, match="1 ProductionVariants and 2 ShadowProductionVariants; allowed: one of each"):
        create(EndpointConfigName="two", ProductionVariants=[variant("old")], ShadowProductionVariants=shadows)
    with pytest.raises(ClientError, match="variants main, main; allowed: a name of its own for each"):
        create(
            EndpointConfigName="same", ProductionVariants=[variant("old")], ShadowProductionVariants=[variant("good")]
        )
