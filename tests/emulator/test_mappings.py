"""Mappings of queues and of a table's stream: answers that cannot be read, and readers that what is not expected does not end."""

from __future__ import annotations

import json

import urllib3

from emulator.process import EmulatedAws
from tests.emulator.conftest import Deployed, attribute, function, received, ref, role, until

READ = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
ANSWERS = "import json\ndef handler(event, context):\n    return json.loads(event['Records'][0]['body'])\n"
UNREADABLE = [
    {"batchItemFailures": [{"itemIdentifier": ""}]},
    {"batchItemFailures": [{"itemIdentifier": "none such"}]},
    {"batchItemFailures": [{"id": "m"}]},
    "done",
]


def test_an_answer_that_cannot_be_read_leaves_its_batch_in_the_queue(aws: EmulatedAws, deployed: Deployed) -> None:
    redrive = {"deadLetterTargetArn": attribute("Dead", "Arn"), "maxReceiveCount": 1}
    made = deployed(
        {
            "Dead": {"Type": "AWS::SQS::Queue"},
            "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"RedrivePolicy": redrive, "VisibilityTimeout": 4}},
            "Role": role("lambda", (READ, attribute("Queue", "Arn"))),
            "Function": function(ANSWERS, "Role", Timeout=4),
            "Mapping": {
                "Type": "AWS::Lambda::EventSourceMapping",
                "Properties": {
                    "FunctionName": ref("Function"),
                    "EventSourceArn": attribute("Queue", "Arn"),
                    "BatchSize": 1,
                    "FunctionResponseTypes": ["ReportBatchItemFailures"],
                },
            },
        },
        {"queue": ref("Queue"), "dead": ref("Dead")},
    )
    read = [json.dumps(one) for one in ({"batchItemFailures": None}, {}, None)]
    unreadable = [json.dumps(one) for one in UNREADABLE]
    for text in [*read, *unreadable]:
        aws.client("sqs").send_message(QueueUrl=made["queue"], MessageBody=text)
    assert sorted(received(aws, made["dead"], len(unreadable))) == sorted(unreadable)


TELLS = """
import boto3, os

def handler(event, context):
    for one in event['Records']:
        key = one['dynamodb']['NewImage']['transaction_id']['S']
        boto3.client('sqs').send_message(QueueUrl=os.environ['QUEUE'], MessageBody=key)
"""


def test_a_reader_goes_on_after_what_it_did_not_expect(aws: EmulatedAws, deployed: Deployed) -> None:
    read = ["dynamodb:DescribeStream", "dynamodb:GetShardIterator", "dynamodb:GetRecords"]
    named = [{"AttributeName": "transaction_id", "AttributeType": "S"}]
    made = deployed(
        {
            "Queue": {"Type": "AWS::SQS::Queue"},
            "Table": {
                "Type": "AWS::DynamoDB::Table",
                "Properties": {
                    "KeySchema": [{"AttributeName": "transaction_id", "KeyType": "HASH"}],
                    "AttributeDefinitions": named,
                    "BillingMode": "PAY_PER_REQUEST",
                    "StreamSpecification": {"StreamViewType": "NEW_IMAGE"},
                },
            },
            "Role": role(
                "lambda",
                (read, attribute("Table", "StreamArn")),
                ("dynamodb:ListStreams", "*"),
                ("sqs:SendMessage", attribute("Queue", "Arn")),
            ),
            "Function": function(TELLS, "Role", Environment={"Variables": {"QUEUE": ref("Queue")}}),
            "Mapping": {
                "Type": "AWS::Lambda::EventSourceMapping",
                "Properties": {
                    "FunctionName": ref("Function"),
                    "EventSourceArn": attribute("Table", "StreamArn"),
                    "StartingPosition": "TRIM_HORIZON",
                },
            },
        },
        {"queue": ref("Queue"), "table": ref("Table"), "function": ref("Function"), "mapping": ref("Mapping")},
    )

    def state() -> str:
        return aws.mappings()[made["mapping"]]

    def put(key: str) -> None:
        aws.client("dynamodb").put_item(TableName=made["table"], Item={"transaction_id": {"S": key}})

    functions = aws.client("lambda")
    put("t1")
    assert received(aws, made["queue"]) == ["t1"]
    before = functions.get_function(FunctionName=made["function"])
    code = urllib3.request("GET", before["Code"]["Location"], retries=False).data
    functions.delete_function(FunctionName=made["function"])
    put("t2")
    until(lambda: "no function" in state())
    kept = {name: before["Configuration"][name] for name in ("Runtime", "Role", "Handler", "Timeout", "Environment")}
    functions.create_function(FunctionName=made["function"], Code={"ZipFile": code}, **kept)
    assert received(aws, made["queue"]) == ["t2"]
    until(lambda: state() == "Enabled")
