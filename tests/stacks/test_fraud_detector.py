"""The construct of Amazon Fraud Detector: names, variables of the declared fields, a rule for every event, least privilege."""

from __future__ import annotations

import json

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk.assertions import Template

from fraud.detector import VARIABLE_NAMES
from fraud.fields import BY_NAME
from stacks.constructs.fraud_detector import FraudDetector
from stacks.constructs.storage import Store


def made() -> dict[str, dict[str, object]]:
    stack = cdk.Stack(cdk.App(), "Batch")
    batch = Store(name="batch", arn="arn:aws:s3:::batch")
    one = FraudDetector(
        stack, "Detector", name_of_all="card-fraud-dev", key_arn="arn:aws:kms:eu-west-1:123456789012:key/1", batch=batch,
        reads=("glue_transformed/",), writes="scored/",
    )  # fmt: skip
    for name, permits in (("Train", one.may_train), ("Predict", one.may_predict), ("Publish", one.may_publish)):
        permits(iam.Role(stack, name, assumed_by=iam.ServicePrincipal("lambda.amazonaws.com")))
    assert one.leftovers == "card-fraud-dev:card_fraud_dev"
    found: dict[str, dict[str, object]] = Template.from_stack(stack).to_json()["Resources"]
    return found


def test_the_template_has_what_events_are_made_of_and_allows_no_more_than_needed() -> None:
    resources = list(made().values())
    of = {kind: [one["Properties"] for one in resources if one["Type"] == f"AWS::FraudDetector::{kind}"] for kind in
          ("Variable", "Label", "Outcome", "EntityType", "EventType", "Detector")}  # fmt: skip
    names = {kind: [one.get("Name") for one in found] for kind, found in of.items()}  # type: ignore[attr-defined]
    assert sorted(names["Variable"]) == sorted(VARIABLE_NAMES)
    assert not any(BY_NAME[name].protected for name in names["Variable"])
    assert names["Label"] == ["legit", "fraud"]
    assert names["Outcome"] == ["high_risk", "medium_risk", "low_risk"]
    assert (names["EntityType"], names["EventType"]) == (["customer"], ["credit_card_transaction"])
    [detector] = of["Detector"]
    assert detector["DetectorVersionStatus"] == "ACTIVE"  # type: ignore[index]
    assert [rule["Expression"] for rule in detector["Rules"]] == ["$amount >= 0"]  # type: ignore[index]
    statements = [
        statement
        for one in resources
        if one["Type"] == "AWS::IAM::Policy"
        for statement in one["Properties"]["PolicyDocument"]["Statement"]  # type: ignore[index]
    ]
    assert len(statements) > 10
    assert not [one for one in statements if "*" in json.dumps(one["Action"])]
