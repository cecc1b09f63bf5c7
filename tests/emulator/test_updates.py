"""What an update of a stack does to resources that the emulator itself keeps."""

from __future__ import annotations

import json
from typing import Any

import pytest

from emulator.process import EmulatedAws
from local.assembly import Stack
from local.deployment import DeploymentError, deploy, resources

pytestmark = pytest.mark.engines

EXPRESSION = {
    "Metrics": [
        {"Id": "all", "Expression": "a + b"},
        *(
            {
                "Id": name,
                "ReturnData": False,
                "MetricStat": {"Metric": {"MetricName": name}, "Period": 60, "Stat": "Sum"},
            }
            for name in ("a", "b")
        ),
    ]
}
ONE = {"Namespace": "Tests", "MetricName": "a", "Period": 60, "Statistic": "Sum"}


def alarmed(aws: EmulatedAws, threshold: int, of: dict[str, Any]) -> str:
    """Brings an alarm there; its name."""
    properties = {
        "ComparisonOperator": "GreaterThanThreshold", "EvaluationPeriods": 1, "Threshold": threshold, **of,
    }  # fmt: skip
    template = {"Resources": {"Alarm": {"Type": "AWS::CloudWatch::Alarm", "Properties": properties}}}
    deploy([Stack("Alarmed", json.dumps(template), (), ())], aws.client)
    return resources(aws.client, "Alarmed")["Alarm"][1]


def test_an_alarm_on_an_expression_is_updated_where_it_stands(aws: EmulatedAws) -> None:
    assert alarmed(aws, 1, EXPRESSION) == alarmed(aws, 2, EXPRESSION)
    with pytest.raises(DeploymentError, match="from one metric to an expression, or back, is not implemented here"):
        alarmed(aws, 2, ONE)


def streaming(aws: EmulatedAws, name: str, parallelism: int) -> str:
    """Brings a stream application there, at rest; its name."""
    code = {"S3ContentLocation": {"BucketARN": "arn:aws:s3:::code", "FileKey": "code.zip"}}
    properties = {
        "ApplicationName": name,
        "RuntimeEnvironment": "FLINK-2_2",
        "ServiceExecutionRole": "arn:aws:iam::123456789012:role/stream",
        "ApplicationConfiguration": {
            "ApplicationCodeConfiguration": {"CodeContentType": "ZIPFILE", "CodeContent": code},
            "EnvironmentProperties": {
                "PropertyGroups": [{"PropertyGroupId": "Kafka", "PropertyMap": {"a": str(parallelism)}}]
            },
            "FlinkApplicationConfiguration": {
                "ParallelismConfiguration": {"ConfigurationType": "CUSTOM", "Parallelism": parallelism}
            },
        },
    }
    template = {"Resources": {"Job": {"Type": "AWS::KinesisAnalyticsV2::Application", "Properties": properties}}}
    deploy([Stack("Streamed", json.dumps(template), (), ())], aws.client)
    return resources(aws.client, "Streamed")["Job"][1]


def test_an_application_is_updated_where_it_stands_and_another_name_is_another(aws: EmulatedAws) -> None:
    service = aws.client("kinesisanalyticsv2")

    def version(name: str) -> int:
        return int(service.describe_application(ApplicationName=name)["ApplicationDetail"]["ApplicationVersionId"])

    assert (streaming(aws, "first", 1), version("first")) == ("first", 1)
    assert (streaming(aws, "first", 2), version("first")) == ("first", 2)
    assert (streaming(aws, "second", 2), version("second")) == ("second", 1)
    with pytest.raises(service.exceptions.ResourceNotFoundException):
        version("first")
