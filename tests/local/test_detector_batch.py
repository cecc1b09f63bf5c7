"""Files in, a version of Amazon Fraud Detector's model and predictions out, by the stacks themselves; then nothing left."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.process import EmulatedAws
from engines.waiting import wait_until
from fraud.detector import MODEL_TYPE
from local.background import ROOT
from local.deployment import deploy
from local.stand_ins import STAND_INS
from local.synthesis import synthesized_stacks
from tests.local.test_batch import PARTS, SPLIT, Standing, two_files
from tests.local.test_synthesis_machine import bus_alone

pytestmark = [pytest.mark.engines, pytest.mark.slow, pytest.mark.timeout(900)]

NAME, MODEL = "card-fraud-dev", "card_fraud_dev"
SETTINGS = {
    "batch_back_end": "fraud-detector",
    "batch_train_until": SPLIT,
    "batch_predict_from": SPLIT,
    "detector_high": 910,
    "detector_medium": 720,
}


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standing]:
    folder = tmp_path_factory.mktemp("detector")
    stacks = {stack.name.rpartition("-")[2]: stack for stack in synthesized_stacks(folder, SETTINGS)}
    stacks["Streaming"] = bus_alone(stacks["Streaming"])
    with EmulatedAws(folder / "aws", STAND_INS) as aws:
        deploy([stacks[part] for part in PARTS], aws.client)
        yield Standing(aws, [stacks[part].name for part in PARTS], folder / "aws")


def command(standing: Standing, *argv: str) -> str:
    """What `fraud detector` says."""
    variables = {
        **os.environ, **standing.aws.credentials, "AWS_ENDPOINT_URL": standing.aws.endpoint,
        "AWS_DEFAULT_REGION": "us-east-1", "PYTHONPATH": str(ROOT), "COLUMNS": "200",
    }  # fmt: skip
    whole = [sys.executable, "-m", "cli.main", "detector", *argv, "--env", "dev"]
    done = subprocess.run(whole, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def test_files_train_a_version_and_are_predicted_and_all_of_it_goes_with_the_stack(
    standing: Standing, tmp_path: Path
) -> None:
    detector, batch = standing.aws.client("frauddetector"), standing.outputs["BatchBucket"]
    rows, early = two_files(tmp_path / "data", seed=3, cards=120, fraud_rate=0.06)
    standing.upload(tmp_path / "data", tmp_path / "state")

    (published,) = standing.ended("PublishingStateMachine", 1)
    assert published["status"] == "SUCCEEDED", published
    model = {"modelId": MODEL, "modelType": MODEL_TYPE}
    (version,) = detector.describe_model_versions(**model)["modelVersionDetails"]
    assert (version["modelVersionNumber"], version["status"]) == ("1.0", "ACTIVE"), version
    scores = {"high_risk": "score >= 910", "medium_risk": "score >= 720 and score < 910", "low_risk": "score < 720"}
    assert rules(standing) == {name: one.replace("score", f"${MODEL}_insightscore") for name, one in scores.items()} | {
        "no_score": "$amount >= 0"
    }

    def predicted() -> list[str]:
        return standing.keys(batch, "scored/")

    (key,) = wait_until(predicted, 120, lambda: AssertionError(detector.get_batch_prediction_jobs()), every_s=1)
    found = list(csv.DictReader(io.StringIO(standing.read(batch, key).decode())))
    assert len(found) == int((~early).sum())
    assert {one["STATUS"] for one in found} == {"SUCCESS"}
    # nothing here scores: what a score decides does not match, and the answer says so
    assert {(one["MODEL_SCORES"], one["OUTCOMES"]) for one in found} == {("[]", '["medium_risk"]')}

    said = command(standing, "status")
    assert "1.0  ACTIVE  s3://" in said
    assert "ACTIVE  1.0; rules high_risk, medium_risk, low_risk, no_score" in said
    events = tmp_path / "events.csv"
    names = [name for name in found[0] if name not in ("MODEL_SCORES", "OUTCOMES", "STATUS", "RULE_RESULTS")]
    with events.open("w", newline="") as out:
        writer = csv.DictWriter(out, names, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(found[:3])
    said = command(standing, "predict", "--data", str(events))
    assert said.count('"outcomes": ["medium_risk"]') == 3
    assert "no model scores" in said

    # other thresholds by hand, and the stack's own again as after a deployment
    assert "is published with model version 1.0" in command(standing, "publish", "--high", "950")
    assert "950" in rules(standing)["high_risk"]
    machines = standing.aws.client("stepfunctions")
    updated = json.dumps({"detail-type": "CloudFormation Stack Status Change", "source": "aws.cloudformation"})
    machines.start_execution(stateMachineArn=standing.outputs["PublishingStateMachine"], input=updated)
    ended = standing.ended("PublishingStateMachine", 2)
    assert {one["status"] for one in ended} == {"SUCCEEDED"}, ended
    assert "910" in rules(standing)["high_risk"]

    standing.holds_none_of(set(rows["cc_num"]))
    assert standing.denied() == []
    gone(standing)
    assert standing.denied() == []


def rules(standing: Standing) -> dict[str, str]:
    """{rule: its expression} of the detector version that is published."""
    detector = standing.aws.client("frauddetector")
    versions = detector.describe_detector(detectorId=NAME)["detectorVersionSummaries"]
    (active,) = [one["detectorVersionId"] for one in versions if one["status"] == "ACTIVE"]
    found = detector.get_detector_version(detectorId=NAME, detectorVersionId=active)["rules"]
    return {one["ruleId"]: detector.get_rules(**one)["ruleDetails"][0]["expression"] for one in found}


def gone(standing: Standing) -> None:
    """Deletes the stack Batch; nothing of the service is left."""
    formation, detector = standing.aws.client("cloudformation"), standing.aws.client("frauddetector")
    stack = "CardFraud-Dev-Batch"
    formation.update_termination_protection(StackName=stack, EnableTerminationProtection=False)
    formation.delete_stack(StackName=stack)

    def failed() -> AssertionError:
        events = formation.describe_stack_events(StackName=stack)["StackEvents"]
        return AssertionError([one.get("ResourceStatusReason") for one in events if "FAILED" in one["ResourceStatus"]])

    def deleted() -> bool:
        stacks = formation.describe_stacks()["Stacks"]
        status = next((one["StackStatus"] for one in stacks if one["StackName"] == stack), "DELETE_COMPLETE")
        if status == "DELETE_FAILED":
            raise failed()
        return str(status) == "DELETE_COMPLETE"

    wait_until(deleted, 300, failed, every_s=1)
    kinds = ("models", "detectors", "outcomes", "variables", "labels")
    left = {kind: getattr(detector, f"get_{kind}")()[kind] for kind in kinds}
    left |= {"eventTypes": detector.get_event_types()["eventTypes"]}
    left |= {"entityTypes": detector.get_entity_types()["entityTypes"]}
    left |= {"jobs": detector.get_batch_prediction_jobs()["batchPredictions"]}
    left |= {"versions": detector.describe_model_versions()["modelVersionDetails"]}
    assert not any(left.values()), left
