"""The resources of Amazon Fraud Detector on the emulated AWS: deployed, trained, published, predicted, and deleted again."""

from __future__ import annotations

import json
import time
from pathlib import Path

import aws_cdk as cdk
import pytest
from aws_cdk import aws_s3 as s3
from aws_cdk.assertions import Template

from emulator.process import EmulatedAws
from fraud.detector import PREDICT_METADATA, REQUIRED, TRAIN_METADATA, Version
from lambda_src.object_events import Arrived
from lambda_src.ports.detector_teardown import take_down
from lambda_src.ports.fraud_detector_back_end import Clients, FraudDetectorBackEnd, Names
from lambda_src.ports.publishing import Wanted, publish
from local.assembly import Stack
from local.deployment import deploy, outputs
from local.stand_ins import STAND_INS
from stacks.constructs.fraud_detector import FraudDetector
from stacks.constructs.storage import Store

pytestmark = [pytest.mark.stacks]
NAME, MODEL = "card-fraud-dev", "card_fraud_dev"


class Machines:
    """Takes what is started."""

    def start_execution(self, **_: str) -> None:
        """Nothing waits here: the test itself asks again and again."""


def template() -> str:
    stack = cdk.Stack(cdk.App(), "Detecting", synthesizer=cdk.LegacyStackSynthesizer())
    bucket = s3.Bucket(stack, "Batch")
    made = FraudDetector(
        stack,
        "Detector",
        name_of_all=NAME,
        key_arn="arn:aws:kms:us-east-1:123456789012:key/1",
        batch=Store(name=bucket.bucket_name, arn=bucket.bucket_arn),
        reads=("in/",),
        writes="scored/",
    )
    cdk.CfnOutput(stack, "Bucket", value=bucket.bucket_name)
    cdk.CfnOutput(stack, "Role", value=made.data_role.role_arn)
    return json.dumps(Template.from_stack(stack).to_json())


def test_the_service_is_deployed_used_and_deleted(tmp_path: Path) -> None:
    with EmulatedAws(tmp_path, STAND_INS) as aws:
        deploy([Stack("Detecting", template(), (), ())], aws.client)
        told = outputs(aws.client, "Detecting")
        detector, files = aws.client("frauddetector"), aws.client("s3")
        names = Names(MODEL, NAME, told["Role"], "update", Version(1, 0), "arn:aws:states:x", "scored/")
        back_end = FraudDetectorBackEnd(Clients(detector, files, Machines()), names)

        def arrived(name: str, header: tuple[str, ...], rows: list[str]) -> Arrived:
            body = "\n".join([",".join(header), *rows, ""]).encode()
            etag = files.put_object(Bucket=told["Bucket"], Key=f"in/{name}.csv", Body=body)["ETag"].strip('"')
            return Arrived(told["Bucket"], f"in/{name}.csv", None, etag, "1", len(body))

        values = ",".join({"amount": "5.00"}.get(name, "1") for name in REQUIRED)
        rows = [f"{values},2026-01-01T00:00:00Z,{'fraud' if row % 20 == 0 else 'legit'}" for row in range(10_000)]
        back_end.train(arrived("train", (*REQUIRED, *TRAIN_METADATA), rows))
        for _ in range(200):
            step = publish(detector, Wanted(NAME, MODEL, 900, 700), Version(1, 0))
            if step.done:
                break
            time.sleep(0.1)
        assert step.done, step.says
        job = f"{values},2026-01-01T00:00:00Z,customer,card,one"
        scored = arrived("score", (*REQUIRED, *PREDICT_METADATA), [job])
        back_end.score(scored)
        key = f"scored/score/batch-{scored.identity}_output.csv"
        for _ in range(100):
            [found] = detector.get_batch_prediction_jobs(jobId=f"batch-{scored.identity}")["batchPredictions"]
            if found["status"] in ("COMPLETE", "FAILED"):
                break
            time.sleep(0.1)
        assert found["status"] == "COMPLETE", found
        written = files.get_object(Bucket=told["Bucket"], Key=key)["Body"].read().decode()
        assert '[""medium_risk""]' in written
        assert '[""no_score""]' in written
        assert list(take_down(detector, NAME, MODEL, lambda seconds, _: time.sleep(0.1)))
        for each in files.list_objects_v2(Bucket=told["Bucket"])["Contents"]:
            files.delete_object(Bucket=told["Bucket"], Key=each["Key"])
        aws.client("cloudformation").delete_stack(StackName="Detecting")
        for _ in range(100):
            if not detector.get_event_types()["eventTypes"] and not detector.get_variables()["variables"]:
                break
            time.sleep(0.1)
        assert detector.get_detectors()["detectors"] == []
        assert detector.get_variables()["variables"] == []
        assert detector.get_outcomes()["outcomes"] == []
