"""Which limits an IAM action's calls can meet: rows of the table, what their models say, or none, and why."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import fnmatch

from botocore.exceptions import UnknownServiceError
from botocore.model import Shape

from emulator.limits.guard import SERVICES
from emulator.limits.table import TABLE
from emulator.protocol.wire import service_model

_STORE = "sagemaker-featurestore-runtime"
HELD = {
    *SERVICES.values(),
    "sagemaker",
    _STORE,
    "sagemaker-runtime",
    "frauddetector",
    "glue",
    "kafka",
    "kinesisanalyticsv2",
}
"""The services whose requests are held to their models: those of the emulator beneath, and this host's own."""

CALLS = {
    "dynamodb:PutItem": ("dynamodb:PutItem", "dynamodb:TransactWriteItems"),
    "kinesisanalytics:*": ("kinesisanalyticsv2:*",),
    "lambda:InvokeFunction": ("lambda:Invoke",),
    "s3:DeleteObject": ("s3:DeleteObjects",),
    "s3:DeleteObjectVersion": ("s3:DeleteObjects",),
    "s3:GetObjectVersion": ("s3:GetObject",),
    "s3:ListBucket": ("s3:ListObjectsV2",),
    "s3:ListBucketVersions": ("s3:ListObjectVersions",),
    **{
        f"sagemaker:{name}": (f"{_STORE}:{name}",)
        for name in ("BatchGetRecord", "BatchWriteRecord", "GetRecord", "PutRecord")
    },
    "sagemaker:InvokeEndpoint": ("sagemaker-runtime:InvokeEndpoint",),
    "sqs:SendMessage": ("sqs:SendMessage", "sqs:SendMessageBatch"),
    "states:*": ("stepfunctions:*",),
}
"""{an action: the calls that need it}, where they are named otherwise."""

NONE = {
    "ec2:*": "Lambda and SageMaker make and describe network interfaces by themselves",
    "ecr:*": "SageMaker pulls images by itself",
    "iam:PassRole": "no call",
    "kafka-cluster:*": "Kafka's own protocol, whose limits are the broker's",
    "logs:*Log*Delivery": "Step Functions sets its own logging up",
    "logs:ListLogDeliveries": "Step Functions sets its own logging up",
    "cloudwatch:DescribeAlarms": "SageMaker looks at the alarms of a deployment by itself",
    "cloudwatch:GetMetricData": "a state machine asks for ten metrics by the hour; 500 are taken (page API_GetMetricData)",
    "cloudwatch:PutMetricData": "the services' agents call it; functions write metrics into their logs, a state machine puts one",
    "sagemaker-mlflow:*": "MLflow's own protocol; its limits are the emulated server's",
    "s3:Get*Bucket*": "a bucket's name alone",
    "s3:ListBucket*": "a bucket's name and a prefix of ours; S3 gives at most 1,000 a page, as the emulation does",
    "sqs:DeleteMessage": "one message, by the handle that the queue gave",
    "sqs:GetQueueAttributes": "a queue's address and names of attributes",
    "dynamodb:*Stream*": "Lambda's poller reads the stream by itself; see the limits of its batches",
    "dynamodb:Get*": "Lambda's poller reads the stream by itself; see the limits of its batches",
    "kafka:*": "a cluster's ARN alone",
    "xray:*": "the functions' tracing by itself",
}
"""{actions: why their calls meet no limit}."""


def limits_of(action: str) -> list[str]:
    """What limits the calls of an action, each in words; empty if nobody has looked.

    >>> limits_of("sagemaker:BatchWriteRecord"), limits_of("lambda:InvokeFunction")
    (['sagemaker-featurestore-runtime:BatchWriteRecord: its model'], ['lambda:Invoke: the table', 'lambda:Invoke: its model'])
    >>> limits_of("iam:PassRole"), limits_of("sqs:CreateEverything")
    (['none: no call'], [])
    """
    found = [says for call in _calls(action) for says in _limits(call)]
    return found or [f"none: {why}" for pattern, why in NONE.items() if fnmatch(action, pattern)]


def _calls(action: str) -> Iterator[str]:
    name = action.partition(":")[2]
    for pattern, calls in CALLS.items():
        if fnmatch(action, pattern):
            yield from (call.replace("*", name) for call in calls)
            return
    yield action


def _limits(call: str) -> Iterator[str]:
    service, _, operation = call.partition(":")
    if any(row.of == call for row in TABLE):
        yield f"{call}: the table"
    try:
        model = service_model(service)
    except UnknownServiceError:
        return
    if service in HELD and operation in model.operation_names:
        shape = model.operation_model(operation).input_shape
        if shape is not None and _bounded(shape, frozenset()):
            yield f"{call}: its model"


def _bounded(shape: Shape, above: frozenset[str]) -> bool:
    """Whether a length, a range or a pattern is anywhere in a shape."""
    if shape.name in above:
        return False
    if shape.metadata.keys() & {"min", "max"} or re.sub(r"[.*^$]", "", shape.metadata.get("pattern", "")):
        return True
    inner = {
        "structure": lambda: list(shape.members.values()),
        "list": lambda: [shape.member],
        "map": lambda: [shape.key, shape.value],
    }.get(shape.type_name, list)()
    return any(_bounded(one, above | {shape.name}) for one in inner)
