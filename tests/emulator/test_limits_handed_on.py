"""What AWS itself hands on keeps to its limits: batches of pollers, answers, what goes through a state machine, metrics."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.errors import ServiceError
from emulator.functions.embedded_metrics import embedded_metrics
from emulator.limits.handed_on import HANDED_ON
from emulator.limits.table import LIMITS
from emulator.limits.units import MIB, SYNCHRONOUS
from emulator.process import EmulatedAws
from local.deployment import DeploymentError
from tests.emulator.conftest import Deployed, attribute, function, received, ref, role, until
from tests.emulator.limits_standing import STANDING, name_of
from tests.emulator.test_bucket_notifications import WANTED as NOTIFIED
from tests.emulator.test_bucket_notifications import stack as notifying
from tests.emulator.test_bucket_notifications import told as told_of


def test_each_row_is_held_by_a_test_of_this_module() -> None:
    assert {name_of(row)[:2] for row in HANDED_ON} == {
        ("lambda:event", "event"),
        ("lambda:answer", "Payload"),
        ("stepfunctions:state", "data"),
        ("stepfunctions:execution", "events"),
        ("cloudformation:custom-resource", "body"),
        ("s3:notifications", "Configurations"),
        ("logs:embedded-metrics", "line"),
        ("logs:embedded-metrics", "document"),
        ("logs:embedded-metrics", "document._aws.CloudWatchMetrics[].Metrics"),
        ("logs:embedded-metrics", "document._aws.CloudWatchMetrics[].Dimensions[]"),
    }


TELLS = """
import boto3, json, os

def handler(event, context):
    told = json.dumps([len(event['Records']), len(json.dumps(event, separators=(',', ':')))])
    boto3.client('sqs').send_message(QueueUrl=os.environ['TOLD'], MessageBody=told)
"""


def _batches(aws: EmulatedAws, told: str, records: int) -> list[list[int]]:
    batches: list[list[int]] = []

    def all_told() -> bool:
        batches.extend(json.loads(body) for body in received(aws, told))
        return sum(count for count, _ in batches) >= records

    until(all_told)
    return batches


def test_a_batch_of_a_tables_stream_keeps_within_the_payload_of_an_invocation(
    aws: EmulatedAws, deployed: Deployed
) -> None:
    # page API_CreateEventSourceMapping: all in a single call "up to the payload limit for synchronous invocation (6 MB)"
    read = ["dynamodb:DescribeStream", "dynamodb:GetShardIterator", "dynamodb:GetRecords"]
    stream = {"StreamSpecification": {"StreamViewType": "NEW_IMAGE"}}
    made = deployed(
        {
            "Told": {"Type": "AWS::SQS::Queue"},
            "Table": {**STANDING["Table"], "Properties": {**STANDING["Table"]["Properties"], **stream}},
            "Role": role(
                "lambda",
                (read, attribute("Table", "StreamArn")),
                ("dynamodb:ListStreams", "*"),
                ("sqs:SendMessage", attribute("Told", "Arn")),
            ),
            "Function": function(TELLS, "Role", Environment={"Variables": {"TOLD": ref("Told")}}),
            "Mapping": {
                "Type": "AWS::Lambda::EventSourceMapping",
                "Properties": {
                    "FunctionName": ref("Function"),
                    "EventSourceArn": attribute("Table", "StreamArn"),
                    "StartingPosition": "TRIM_HORIZON",
                    "BatchSize": 100,
                    "MaximumBatchingWindowInSeconds": 5,
                },
            },
        },
        {"told": ref("Told"), "table": ref("Table")},
    )
    for number in range(20):
        item = {"pk": {"S": str(number)}, "sk": {"S": "s"}, "t": {"S": "x" * 390_000}}
        aws.client("dynamodb").put_item(TableName=made["table"], Item=item)
    batches = _batches(aws, made["told"], 20)
    assert max(size for _, size in batches) <= SYNCHRONOUS
    assert max(count for count, _ in batches) == 16, "as many as there is room for"


def test_a_batch_of_a_queue_keeps_within_the_payload_of_an_invocation(aws: EmulatedAws, deployed: Deployed) -> None:
    read = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
    mapping = {"FunctionName": ref("Function"), "EventSourceArn": attribute("Queue", "Arn"), "BatchSize": 10}
    made = deployed(
        {
            "Told": {"Type": "AWS::SQS::Queue"},
            "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"DelaySeconds": 4, "VisibilityTimeout": 60}},
            "Role": role("lambda", (read, attribute("Queue", "Arn")), ("sqs:SendMessage", attribute("Told", "Arn"))),
            "Function": function(TELLS, "Role", Environment={"Variables": {"TOLD": ref("Told")}}),
            "Mapping": {
                "Type": "AWS::Lambda::EventSourceMapping",
                "Properties": {**mapping, "FunctionResponseTypes": ["ReportBatchItemFailures"]},
            },
        },
        {"told": ref("Told"), "queue": ref("Queue")},
    )
    for _ in range(8):
        aws.client("sqs").send_message(QueueUrl=made["queue"], MessageBody="x" * MIB)
    batches = _batches(aws, made["told"], 8)
    assert max(size for _, size in batches) <= SYNCHRONOUS
    assert sum(count for count, _ in batches) == 8, "each once"


def test_an_event_of_more_than_6_mb_is_not_handed_to_a_function() -> None:
    # page API_Invoke; what a poller reads is cut before, so a single record alone comes here
    LIMITS.check("lambda:event", {"event": b"x" * SYNCHRONOUS})
    with pytest.raises(ServiceError, match=r"RequestTooLargeException: .*API_Invoke"):
        LIMITS.check("lambda:event", {"event": b"x" * (SYNCHRONOUS + 1)})


ECHO = "def handler(event, context):\n    return 'x' * event\n"


def test_an_answer_of_more_than_6_mb_is_an_error(aws: EmulatedAws, deployed: Deployed) -> None:
    name = deployed({"Role": role("lambda"), "Function": function(ECHO, "Role")}, {"name": ref("Function")})["name"]

    def answer(size: int) -> Any:
        given = json.dumps(size - 2).encode()
        found = aws.client("lambda").invoke(FunctionName=name, Payload=given)
        return found.get("FunctionError"), json.loads(found["Payload"].read())

    assert answer(SYNCHRONOUS) == (None, "x" * (SYNCHRONOUS - 2))
    error, body = answer(SYNCHRONOUS + 1)
    assert (error, body["errorType"]) == ("Unhandled", "Function.ResponseSizeTooLarge")


Run = Callable[..., dict[str, Any]]


@pytest.fixture
def run(aws: EmulatedAws, deployed: Deployed) -> Run:
    def made(states: dict[str, Any], given: Any) -> dict[str, Any]:
        machine = {
            "RoleArn": attribute("States", "Arn"),
            "DefinitionString": json.dumps({"StartAt": next(iter(states)), "States": states}),
        }
        arn = deployed(
            {"States": role("states"), "Machine": {"Type": "AWS::StepFunctions::StateMachine", "Properties": machine}},
            {"arn": ref("Machine")},
        )["arn"]
        client = aws.client("stepfunctions")
        execution = client.start_execution(stateMachineArn=arn, input=json.dumps(given, ensure_ascii=False))[
            "executionArn"
        ]
        ended: dict[str, Any] = until(
            lambda: (found := client.describe_execution(executionArn=execution))["status"] != "RUNNING" and found, 120
        )
        return ended

    return made


@pytest.mark.parametrize(("more", "error"), [(0, None), (1, "States.DataLimitExceeded")])
def test_what_a_state_gives_is_at_most_256_kib(run: Run, more: int, error: str | None) -> None:
    # page service-quotas of Step Functions; bytes in UTF-8: of this text each character is two
    text = "é" * 60_000
    around = len('{"a":"","b":"","c":""}') + 2 * len(text.encode())
    given = {"a": "x" * (256 * 1024 - around + more), "b": text}
    doubled = {"a.$": "$.a", "b.$": "$.b", "c.$": "$.b"}
    ended = run({"Doubled": {"Type": "Pass", "Parameters": doubled, "End": True}}, given)
    assert ended.get("error") == error


def test_an_execution_has_at_most_25_000_events(run: Run) -> None:
    ended = run({"Again": {"Type": "Pass", "Next": "Then"}, "Then": {"Type": "Pass", "Next": "Again"}}, {})
    assert (ended["status"], ended["error"]) == ("FAILED", "States.Runtime")
    assert "25001 events; allowed: 0 to 25000" in ended["cause"]


ANSWERS = """
import json, urllib.request

def handler(event, context):
    size = int(event['ResourceProperties']['Size'])
    answer = {'Status': 'SUCCESS', 'PhysicalResourceId': 'long', 'StackId': event['StackId'],
              'RequestId': event['RequestId'], 'LogicalResourceId': event['LogicalResourceId'], 'Data': {'Pad': ''}}
    answer['Data']['Pad'] = 'x' * (size - len(json.dumps(answer)))
    body = json.dumps(answer).encode()
    urllib.request.urlopen(urllib.request.Request(event['ResponseURL'], data=body, method='PUT'))
"""


def test_a_custom_resource_answers_with_at_most_4096_bytes(deployed: Deployed) -> None:
    # page crpg-ref-responses: "The total size of the response body can't exceed 4096 bytes."
    def answering(size: int) -> dict[str, Any]:
        given = {"ServiceToken": attribute("Function", "Arn"), "ServiceTimeout": 20, "Size": size}
        return {
            "Role": role("lambda"),
            "Function": function(ANSWERS, "Role"),
            "Long": {"Type": "Custom::Long", "Properties": given},
        }

    deployed(answering(4096))
    with pytest.raises(DeploymentError, match=r"Long.*Response object is too long: .*4097"):
        deployed(answering(4097))


def _metrics(metrics: int = 1, values: int = 1, dimensions: int = 1, pad: int = 0) -> dict[str, Any]:
    names, keys = [f"m{number}" for number in range(metrics)], [f"d{number}" for number in range(dimensions)]
    directive = {"Namespace": "Tests", "Dimensions": [keys], "Metrics": [{"Name": name} for name in names]}
    targets = {**dict.fromkeys(names, [1] * values), **dict.fromkeys(keys, "v"), "pad": "x" * pad}
    return {"_aws": {"Timestamp": 0, "CloudWatchMetrics": [directive]}, **targets}


@pytest.mark.parametrize(
    ("fits", "breaks"),
    [
        ({"metrics": 100}, {"metrics": 101}),
        ({"values": 100}, {"values": 101}),
        ({"dimensions": 30}, {"dimensions": 31}),
        ({"pad": MIB - len(json.dumps(_metrics()))}, {"pad": MIB - len(json.dumps(_metrics())) + 1}),
    ],
)
def test_metrics_in_a_log_keep_to_the_limits_of_their_format(
    caplog: pytest.LogCaptureFixture, fits: dict[str, int], breaks: dict[str, int]
) -> None:
    # page CloudWatch_Embedded_Metric_Format_Specification: 100 metrics a directive, 100 values a target, 1 MB; API_Dimension: 30
    document = _metrics(**fits)
    assert len(list(embedded_metrics(json.dumps(document)))) == fits.get("metrics", 1) * fits.get("values", 1)
    with caplog.at_level(logging.WARNING):
        assert not list(embedded_metrics(json.dumps(_metrics(**breaks))))
    assert "CloudWatch_Embedded_Metric_Format_Specification" in caplog.text


def test_a_record_too_large_of_a_batch_stops_none_of_its_neighbours(aws: EmulatedAws, deployed: Deployed) -> None:
    # page feature-store-quotas: a record of at most 350 KB
    group = {**STANDING["Features"], "Properties": {**STANDING["Features"]["Properties"], "FeatureGroupName": "batch"}}
    deployed({"Features": group})
    store = aws.client("sagemaker-featurestore-runtime")

    def entry(identifier: str, size: int) -> dict[str, Any]:
        values = {"id": identifier, "at": "2026-01-31T00:00:00Z", "text": "x" * size}
        record = [{"FeatureName": name, "ValueAsString": value} for name, value in values.items()]
        return {"FeatureGroupName": "batch", "Record": record}

    answer = store.batch_write_record(Entries=[entry("1", 10), entry("2", 350 * 1024), entry("3", 10)])
    assert [(one["ErrorCode"], one["Entry"]["Record"][0]["ValueAsString"]) for one in answer["Errors"]] == [
        ("ValidationError", "2")
    ]
    asked = [{"FeatureGroupName": "batch", "RecordIdentifiersValueAsString": ["1", "2", "3"]}]
    found = store.batch_get_record(Identifiers=asked)["Records"]
    assert sorted(one["RecordIdentifierValueAsString"] for one in found) == ["1", "3"]


@pytest.mark.parametrize(
    ("at", "accepted"),
    [
        ("2026-01-31T00:00:00Z", True),
        ("2026-01-31T00:00:00.123456789Z", True),
        ("1769817600.25", True),
        ("2026-01-31", False),
        ("2026-01-31T00:00:00+02:00", False),
        ("2026-01-31 00:00:00", False),
        ("2026-01-31T00:00:00", False),
        ("253402300800", False),
    ],
)
def test_an_event_time_is_in_one_of_the_forms_that_the_store_takes(
    aws: EmulatedAws, deployed: Deployed, at: str, accepted: bool
) -> None:
    # page feature-store-quotas: yyyy-MM-dd'T'HH:mm:ssZ in UTC, or seconds since 1970, of the years 0000 to 9999
    name = f"times-{abs(hash(at)) % 10**8}"
    deployed(
        {
            "Features": {
                **STANDING["Features"],
                "Properties": {**STANDING["Features"]["Properties"], "FeatureGroupName": name},
            }
        }
    )
    record = [{"FeatureName": "id", "ValueAsString": "1"}, {"FeatureName": "at", "ValueAsString": at}]
    store = aws.client("sagemaker-featurestore-runtime")
    if accepted:
        store.put_record(FeatureGroupName=name, Record=record)
    else:
        with pytest.raises(ClientError, match=r"ValidationError.*event time"):
            store.put_record(FeatureGroupName=name, Record=record)


def test_a_bucket_has_no_more_than_a_hundred(aws: EmulatedAws, deployed: Deployed) -> None:
    made = deployed(notifying(told_of("train/")), NOTIFIED)

    def put(count: int) -> None:
        configurations = [
            {
                "QueueArn": made["queue_arn"],
                "Events": ["s3:ObjectCreated:*"],
                "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": f"{number:03}/"}]}},
            }
            for number in range(count)
        ]
        aws.client("s3").put_bucket_notification_configuration(
            Bucket=made["bucket"], NotificationConfiguration={"QueueConfigurations": configurations}
        )

    put(100)
    with pytest.raises(ClientError, match="101"):
        put(101)
