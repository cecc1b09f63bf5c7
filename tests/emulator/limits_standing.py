"""What stands while limits are tried, and how rows of their table are named."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config

from emulator.limits.limit import Limit
from emulator.process import EmulatedAws
from tests.emulator.conftest import attribute, function, ref, role

Name = tuple[str, str, str]
"""A row: what it is on, where in that, what is measured."""


def name_of(limit: Limit) -> Name:
    return limit.of, limit.path, limit.what or limit.unit.__name__


@dataclass(frozen=True)
class Place:
    """What stands for the requests: clients without checks of their own, and the names of what was made."""

    aws: EmulatedAws
    made: dict[str, str]

    def client(self, service: str) -> Any:
        session = boto3.Session(
            aws_access_key_id=self.aws.credentials["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.aws.credentials["AWS_SECRET_ACCESS_KEY"],
            region_name="us-east-1",
        )
        config = Config(retries={"total_max_attempts": 1}, parameter_validation=False, read_timeout=120)
        return session.client(service, endpoint_url=self.aws.endpoint, config=config)


ECHO = "def handler(event, context):\n    return 'x' * event.get('answer', 0)\n"
STANDING = {
    "Role": role("lambda"),
    "Function": function(ECHO, "Role"),
    "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"VisibilityTimeout": 60}},
    "Topic": {"Type": "AWS::SNS::Topic"},
    "Bucket": {"Type": "AWS::S3::Bucket"},
    "Logs": {"Type": "AWS::Logs::LogGroup"},
    "Table": {
        "Type": "AWS::DynamoDB::Table",
        "Properties": {
            "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
            "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
            "BillingMode": "PAY_PER_REQUEST",
        },
    },
    "Other": {
        "Type": "AWS::DynamoDB::Table",
        "Properties": {
            "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
            "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
            "BillingMode": "PAY_PER_REQUEST",
        },
    },
    "States": role("states"),
    "Machine": {
        "Type": "AWS::StepFunctions::StateMachine",
        "Properties": {
            "RoleArn": attribute("States", "Arn"),
            "DefinitionString": json.dumps({"StartAt": "End", "States": {"End": {"Type": "Succeed"}}}),
        },
    },
    "Rule": {"Type": "AWS::Events::Rule", "Properties": {"EventPattern": {"source": ["tests.limits"]}}},
    "Features": {
        "Type": "AWS::SageMaker::FeatureGroup",
        "Properties": {
            "FeatureGroupName": "limits",
            "RecordIdentifierFeatureName": "id",
            "EventTimeFeatureName": "at",
            "FeatureDefinitions": [{"FeatureName": name, "FeatureType": "String"} for name in ("id", "at", "text")],
            "OnlineStoreConfig": {"EnableOnlineStore": True},
        },
    },
}
NAMES = {name.lower(): ref(name) for name in STANDING if name not in ("Role", "States")} | {
    "role": attribute("Role", "Arn"),
    "queue_arn": attribute("Queue", "Arn"),
}
