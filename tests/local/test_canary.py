"""A model comes behind a canary: the template's own alarms take one that fails back, and let a good one take over. And beside it
candidates are its shadows: one that fails is seen by nobody but the report."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from cli.applications import Reached
from cli.models.registry import Models
from cli.models.shadow import Shadowed, shadow_comparison
from cli.up import CANARY
from emulator.process import EmulatedAws
from engines.waiting import wait_until
from local.deployment import deploy
from local.stand_ins import stand_ins
from local.synthesis import synthesized_stacks
from tests.emulator.test_sagemaker import BOOTSTRAP, ROOT, packed
from tests.local.test_model_releases import PARTS, Standing
from tests.local.test_synthesis_machine import bus_alone, has_ended

pytestmark = [pytest.mark.stacks, pytest.mark.timeout(580)]

# nothing is asked here of how fast this machine is
SETTINGS: dict[str, Any] = {
    "env": "dev", **CANARY, "canary_wait_s": 180, "alarm_model_latency_ms": 20_000, "shadow_percent": 100,
}  # fmt: skip
SHADOW_S = 60
"""Of the machine's clock, of which a second lasts a tenth here."""
FAILS = "\n\ndef transform_fn(*_):\n    raise RuntimeError('no score')\n"
MANIFEST = json.loads((BOOTSTRAP / "manifest.json").read_text())


def model(version: str, more: str = "") -> bytes:
    """The first model under another version, its program with something more."""
    program = (ROOT / "sagemaker_src" / "serving" / "inference.py").read_text() + more
    return packed(
        model_dot_ubj=(BOOTSTRAP / "model.ubj").read_bytes(),
        manifest_dot_json=json.dumps({**MANIFEST, "model_version": version}).encode(),
        code__inference_dot_py=program.encode(),
    )


class Callers:
    """Asks the endpoint without a pause, as a context manager; counts versions and errors."""

    def __init__(self, standing: Standing) -> None:
        self.answers: Counter[str] = Counter()
        self._runtime = standing.aws.client("sagemaker-runtime")
        self._name = standing.outputs["EndpointName"]
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._ask)

    def __enter__(self) -> Callers:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _ask(self) -> None:
        body = json.dumps({"instances": [[1.0] * len(MANIFEST["feature_names"])]})
        given = {"EndpointName": self._name, "Body": body, "ContentType": "application/json"}
        while not self._ended.wait(0.02):
            try:
                answer = json.loads(self._runtime.invoke_endpoint(**given)["Body"].read())["model_version"]
            except ClientError as error:
                answer = error.response["Error"]["Code"]
            self.answers[answer] += 1


@pytest.fixture
def standing(tmp_path: Path) -> Iterator[Standing]:
    found = {stack.name.rpartition("-")[2]: stack for stack in synthesized_stacks(tmp_path, SETTINGS)}
    stacks = [found["Data"], found["Serving"], bus_alone(found["Streaming"]), found["Training"]]
    assert [stack.name.rpartition("-")[2] for stack in stacks] == list(PARTS)
    with EmulatedAws(tmp_path / "aws", stand_ins(SETTINGS)) as aws:
        deploy(stacks, aws.client)
        yield Standing(aws, [stack.name for stack in stacks])


def brought(standing: Standing) -> dict[str, Any]:
    """A run of the machine that has the newest approved model take over, when it has ended."""
    states = standing.aws.client("stepfunctions")
    run = states.start_execution(
        stateMachineArn=standing.outputs["TrainingStateMachine"], input=json.dumps({"redeploy": True})
    )["executionArn"]

    def ended() -> dict[str, Any] | None:
        found: dict[str, Any] = states.describe_execution(executionArn=run)
        return None if found["status"] == "RUNNING" else found

    return wait_until(ended, 240, lambda: AssertionError("the machine did not end"))


def calm(standing: Standing) -> bool:
    """Whether no alarm is in ALARM: one that still is takes back whatever comes next."""
    found = standing.aws.client("cloudwatch").describe_alarms()["MetricAlarms"]
    return all(one["StateValue"] != "ALARM" for one in found)


def test_models_that_fail_are_taken_back_by_alarms_or_seen_by_nobody_as_a_shadow_and_a_good_one_takes_over(
    standing: Standing,
) -> None:
    before = standing.serving()
    old = MANIFEST["model_version"]
    standing.approve(1, model("fails", FAILS))
    with Callers(standing) as callers:
        ended = brought(standing)
        assert (ended["status"], ended["error"]) == ("FAILED", "RolledBack"), ended
        assert "An alarm went off" in ended["cause"]
    assert standing.serving() == before
    why = standing.sagemaker.describe_endpoint(EndpointName=standing.outputs["EndpointName"])["FailureReason"]
    found = standing.aws.client("cloudwatch").describe_alarms()["MetricAlarms"]
    (errors,) = [one["AlarmName"] for one in found if one.get("MetricName") == "Invocation5XXErrors"]
    assert why == f"alarms went off while the new fleet took over: {errors}"
    assert set(callers.answers) == {old, "ModelError"}
    # half the requests go to the canary, no more
    assert 0 < callers.answers["ModelError"] <= callers.answers.total() / 2

    wait_until(lambda: calm(standing), 120, lambda: AssertionError("an alarm does not end"))
    standing.approve(2, model("good"))
    with Callers(standing) as callers:
        ended = brought(standing)
    assert ended["status"] == "SUCCEEDED", ended
    assert set(callers.answers) == {old, "good"}
    assert standing.serving() != before
    found, left, callers = shadowed(standing, "run-1", model("failing", FAILS))
    assert callers == {"good"}
    assert left == ("Tell of the shadow", "Champion stays")
    assert not found["accepted"] and found["why"].endswith("errors, 100.00%; allowed: 1%")
    assert found["champion"]["errors"] == 0 < found["candidate"]["errors"] == found["candidate"]["asked"]
    found, left, callers = shadowed(standing, "run-2", model("better"))
    assert callers == {"good"}
    assert left == ("Passed", "Register")
    assert (found["champion"]["model_version"], found["candidate"]["model_version"]) == ("good", "better")
    assert found["candidate"]["errors"] == 0 < found["candidate"]["p99_ms"]
    # all requests are alike, and so are the two models' trees
    assert found["requests"] > 0 == found["decisions"]["differ"] == found["scores"]["distance"]
    endpoint = standing.sagemaker.describe_endpoint(EndpointName=standing.outputs["EndpointName"])
    assert "ShadowProductionVariants" not in endpoint and endpoint["EndpointConfigName"].endswith("-run-2-champion")
    stopped = standing.serving().replace("-champion", "-shadow")
    standing.sagemaker.update_endpoint(EndpointName=standing.outputs["EndpointName"], EndpointConfigName=stopped)
    seen = wait_until(lambda: seen_now(standing), 240, lambda: AssertionError("no answer of both is captured"))
    assert (seen.run, seen.report["accepted"], seen.report["limits"]["percent"]) == ("run-2", True, 100)
    assert (seen.report["champion"]["model_version"], seen.report["candidate"]["model_version"]) == ("good", "better")
    assert seen.report["candidate"]["asked"] > 0 == seen.report["decisions"]["differ"]
    # a shadow that a run has left is taken away by the run that looks what is to serve
    assert played(standing, "again", {"redeploy": True}) == ("Tell", "New champion")
    assert "ShadowProductionVariants" not in standing.sagemaker.describe_endpoint(
        EndpointName=standing.outputs["EndpointName"]
    )
    # whoever brings the model may look at the alarms, and was asked
    used = [row for row in standing.aws.permissions() if row["role"].startswith("CardFraud")]
    assert not [row for row in used if row["denied"]]


def seen_now(standing: Standing) -> Shadowed | None:
    """The comparison as `fraud models compare --shadow` makes it, once answers of both are captured; the endpoint is asked."""
    with Callers(standing):
        threading.Event().wait(2)
    found = shadow_comparison(Models(Reached(standing.aws.client, "CardFraud-Dev", "the application")))
    return found if found.running and found.report["requests"] else None


def shadowed(standing: Standing, run: str, packed: bytes) -> tuple[dict[str, Any], tuple[str, ...], set[str]]:
    """Has a model be the champion's shadow.

    Returns:
        The comparison, the last two states, and what callers were answered meanwhile.
    """
    s3, bucket, key = standing.aws.client("s3"), standing.outputs["ModelsBucket"], f"models/{run}/model.tar.gz"
    s3.put_object(Bucket=bucket, Key=key, Body=packed)
    accepted = {"accepted": True, "why": "no worse", "model_version": "m", "metadata": {}}
    given = {"run": run, "model": f"s3://{bucket}/{key}", "standing": "the champion's package", "verdict": accepted}
    with Callers(standing) as callers:
        left = played(standing, run, {}, given)
    comparison = s3.get_object(Bucket=bucket, Key=f"shadow/{run}/comparison.json")["Body"].read()
    assert s3.head_object(Bucket=bucket, Key=f"shadow/{run}/comparison.html")["ServerSideEncryption"] == "aws:kms"
    return json.loads(comparison), left, set(callers.answers)


def played(
    standing: Standing, name: str, asked: dict[str, Any], given: dict[str, Any] | None = None
) -> tuple[str, ...]:
    """A run of the training machine's own steps, in its role, without the canary's waits; the last two states.

    Args:
        asked: the run's input.
        given: the variables of a candidate that the gate has accepted, from which on it runs; none from the beginning.
    """
    states = standing.aws.client("stepfunctions")
    machine = states.describe_state_machine(stateMachineArn=standing.outputs["TrainingStateMachine"])
    definition = json.loads(machine["definition"])
    parts = definition["States"]
    parts["Be a shadow"]["Seconds"] = SHADOW_S
    for each in ("Add shadow", "Update endpoint"):
        del parts[each]["Arguments"]["DeploymentConfig"]
    # a candidate that goes on is as one of the test above
    parts["Register"] = {"Type": "Succeed"}
    if given:
        parts["Begin"] = {"Type": "Pass", "Assign": given, "Next": parts["Accepted?"]["Choices"][0]["Next"]}
        definition["StartAt"] = "Begin"
    arn = states.create_state_machine(
        name=f"played-{name}", roleArn=machine["roleArn"], definition=json.dumps(definition)
    )["stateMachineArn"]
    execution = states.start_execution(stateMachineArn=arn, input=json.dumps(asked))["executionArn"]
    has_ended(standing.aws, execution)
    events = [
        one
        for page in states.get_paginator("get_execution_history").paginate(executionArn=execution)
        for one in page["events"]
    ]
    entered = [one["stateEnteredEventDetails"]["name"] for one in events if "stateEnteredEventDetails" in one]
    return tuple(entered[-2:])
