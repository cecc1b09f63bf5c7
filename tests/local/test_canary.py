"""A model comes behind a canary: the template's own alarms take one that fails back, and let a good one take over."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from cli.up import CANARY
from emulator.process import EmulatedAws
from engines.waiting import wait_until
from local.deployment import deploy
from local.stand_ins import stand_ins
from local.synthesis import synthesized_stacks
from tests.emulator.test_sagemaker import BOOTSTRAP, ROOT, packed
from tests.local.test_model_releases import PARTS, Standing
from tests.local.test_synthesis_machine import bus_alone

pytestmark = [pytest.mark.stacks, pytest.mark.timeout(580)]

# nothing is asked here of how fast this machine is
SETTINGS: dict[str, Any] = {"env": "dev", **CANARY, "canary_wait_s": 180, "alarm_model_latency_ms": 20_000}
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


def test_a_model_that_fails_is_taken_back_by_the_templates_alarms_and_a_good_one_takes_over(standing: Standing) -> None:
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
    # whoever brings the model may look at the alarms, and was asked
    used = [row for row in standing.aws.permissions() if row["role"].startswith("CardFraud")]
    assert not [row for row in used if row["denied"]]
