"""Resources of a template of each size, for each row of the table of limits that is on resources: `RESOURCES`."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.emulator.conftest import attribute, function, ref, role
from tests.emulator.limits_standing import ECHO, STANDING, Name

Resources = Callable[[int], dict[str, Any]]
RESOURCES: dict[Name, Resources] = {}


def makes(of: str, path: str, what: str) -> Callable[[Resources], Resources]:
    """Notes which resources make something of a size, for a row of the table."""

    def noted(make: Resources) -> Resources:
        RESOURCES[of, path, what] = make
        return make

    return noted


def _function(**properties: Any) -> dict[str, Any]:
    return {"Role": role("lambda"), "Function": function(ECHO, "Role", **properties)}


@makes("AWS::Lambda::Function", "FunctionName", "characters")
def _(size: int) -> dict[str, Any]:
    return _function(FunctionName="f" * size)


@makes("AWS::Lambda::Function", "Timeout", "seconds")
def _(size: int) -> dict[str, Any]:
    return _function(Timeout=size)


@makes("AWS::Lambda::Function", "MemorySize", "MB")
def _(size: int) -> dict[str, Any]:
    return _function(MemorySize=size)


@makes("AWS::Lambda::Function", "Layers", "entries")
def _(size: int) -> dict[str, Any]:
    content = {"S3Bucket": "layers-of-tests", "S3Key": "layer.zip"}
    layers = {
        f"Layer{number}": {"Type": "AWS::Lambda::LayerVersion", "Properties": {"Content": content}}
        for number in range(size)
    }
    return layers | _function(Layers=[ref(name) for name in layers])


@makes("AWS::Lambda::Function", "Environment.Variables", "variables_octets")
def _(size: int) -> dict[str, Any]:
    return _function(Environment={"Variables": {"NAME": "x" * (size - 4)}})


def _mapped(timeout_s: int = 20, visible_after_s: int = 60, **properties: Any) -> dict[str, Any]:
    read = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
    source = {"EventSourceArn": attribute("Queue", "Arn"), "FunctionName": ref("Function"), **properties}
    return {
        "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"VisibilityTimeout": visible_after_s}},
        "Role": role("lambda", (read, attribute("Queue", "Arn"))),
        "Function": function(ECHO, "Role", Timeout=timeout_s),
        "Mapping": {"Type": "AWS::Lambda::EventSourceMapping", "Properties": source},
    }


def _mapped_to_stream(**properties: Any) -> dict[str, Any]:
    read = ["dynamodb:DescribeStream", "dynamodb:GetShardIterator", "dynamodb:GetRecords"]
    source = {"EventSourceArn": attribute("Table", "StreamArn"), "FunctionName": ref("Function"), **properties}
    stream = {"StreamSpecification": {"StreamViewType": "NEW_IMAGE"}}
    return {
        "Table": {**STANDING["Table"], "Properties": {**STANDING["Table"]["Properties"], **stream}},
        "Role": role("lambda", (read, attribute("Table", "StreamArn")), ("dynamodb:ListStreams", "*")),
        "Function": function(ECHO, "Role"),
        "Mapping": {"Type": "AWS::Lambda::EventSourceMapping", "Properties": {"StartingPosition": "LATEST", **source}},
    }


@makes("AWS::Lambda::EventSourceMapping", "", "batch_without_window")
def _(size: int) -> dict[str, Any]:
    return _mapped(BatchSize=size)


@makes("AWS::Lambda::EventSourceMapping", "", "too_young")
def _(size: int) -> dict[str, Any]:
    return _mapped_to_stream(MaximumRecordAgeInSeconds=60 - size)


@makes("lambda:queue-mapping", "", "seconds_before_its_function")
def _(size: int) -> dict[str, Any]:
    return _mapped(timeout_s=60 + size, visible_after_s=60)


def _queue(**properties: Any) -> dict[str, Any]:
    return {"Queue": {"Type": "AWS::SQS::Queue", "Properties": properties}}


for _name, _what in {
    "DelaySeconds": "seconds",
    "VisibilityTimeout": "seconds",
    "MessageRetentionPeriod": "seconds",
    "MaximumMessageSize": "bytes",
    "ReceiveMessageWaitTimeSeconds": "seconds",
}.items():
    RESOURCES["AWS::SQS::Queue", _name, _what] = lambda size, _name=_name: _queue(**{_name: size})  # type: ignore[misc]


def _policy(*statements: dict[str, Any], sid: str = "") -> dict[str, Any]:
    allowed = {"Effect": "Deny", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*"}
    given = [{**allowed, **one} for one in statements]
    document = {"Version": "2012-10-17", "Statement": given, **({"Id": sid} if sid else {})}
    policy = {"Queues": [ref("Queue")], "PolicyDocument": document}
    return {"Queue": {"Type": "AWS::SQS::Queue"}, "Policy": {"Type": "AWS::SQS::QueuePolicy", "Properties": policy}}


@makes("AWS::SQS::QueuePolicy", "PolicyDocument", "json_octets")
def _(size: int) -> dict[str, Any]:
    short = json.dumps(_policy({}, sid="x")["Policy"]["Properties"]["PolicyDocument"], separators=(",", ":"))
    return _policy({}, sid="x" * (size - len(short) + 1))


@makes("AWS::SQS::QueuePolicy", "PolicyDocument.Statement", "entries")
def _(size: int) -> dict[str, Any]:
    return _policy(*({"Sid": f"S{number}"} for number in range(size)))


@makes("AWS::SQS::QueuePolicy", "PolicyDocument.Statement[]", "actions_of_a_statement")
def _(size: int) -> dict[str, Any]:
    actions = ["SendMessage", "ReceiveMessage", "DeleteMessage", "ChangeMessageVisibility", "GetQueueAttributes"]
    actions += ["GetQueueUrl", "PurgeQueue", "ListDeadLetterSourceQueues"]
    return _policy({"Action": [f"sqs:{action}" for action in actions[:size]]})


@makes("AWS::S3::BucketPolicy", "PolicyDocument", "json_octets")
def _(size: int) -> dict[str, Any]:
    def document(sid: str) -> dict[str, Any]:
        statement = {"Sid": sid, "Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": "*"}
        return {"Version": "2012-10-17", "Statement": [statement]}

    short = len(json.dumps(document(""), separators=(",", ":")))
    policy = {"Bucket": ref("Bucket"), "PolicyDocument": document("x" * (size - short))}
    return {"Bucket": {"Type": "AWS::S3::Bucket"}, "Policy": {"Type": "AWS::S3::BucketPolicy", "Properties": policy}}


def _machine(**properties: Any) -> dict[str, Any]:
    definition = STANDING["Machine"]["Properties"]["DefinitionString"]
    given = {"RoleArn": attribute("States", "Arn"), "DefinitionString": definition, **properties}
    return {"States": role("states"), "Machine": {"Type": "AWS::StepFunctions::StateMachine", "Properties": given}}


@makes("AWS::StepFunctions::StateMachine", "StateMachineName", "characters")
def _(size: int) -> dict[str, Any]:
    return _machine(StateMachineName="m" * size)


@makes("AWS::Events::Rule", "Targets", "entries")
def _(size: int) -> dict[str, Any]:
    targets = [{"Id": f"t{number}", "Arn": attribute("Queue", "Arn")} for number in range(size)]
    rule = {"EventPattern": {"source": ["tests.none"]}, "Targets": targets}
    return {"Queue": {"Type": "AWS::SQS::Queue"}, "Rule": {"Type": "AWS::Events::Rule", "Properties": rule}}


@makes("AWS::Events::Rule", "EventPattern", "json_octets")
def _(size: int) -> dict[str, Any]:
    pattern = {"source": ["x" * (size - len('{"source":[""]}'))]}
    return {"Rule": {"Type": "AWS::Events::Rule", "Properties": {"EventPattern": pattern}}}


@makes("AWS::Logs::LogGroup", "RetentionInDays", "wrong numbers of days")
def _(size: int) -> dict[str, Any]:
    return {"Logs": {"Type": "AWS::Logs::LogGroup", "Properties": {"RetentionInDays": 30 + size}}}


@makes("AWS::IAM::Role", "AssumeRolePolicyDocument", "document")
def _(size: int) -> dict[str, Any]:
    made = role("lambda")
    document = made["Properties"]["AssumeRolePolicyDocument"]
    short = len("".join(json.dumps({**document, "Id": ""}).split()))
    made["Properties"]["AssumeRolePolicyDocument"] = {**document, "Id": "x" * (size - short)}
    return {"Role": made}


@makes("iam:inline-policies", "Policies", "document")
def _(size: int) -> dict[str, Any]:
    # two of them, one in the role and one beside it
    def document(sid: str) -> dict[str, Any]:
        statement = {"Sid": sid, "Effect": "Allow", "Action": "sqs:ListQueues", "Resource": "*"}
        return {"Version": "2012-10-17", "Statement": [statement]}

    short = len("".join(json.dumps(document("")).split()))
    made = role("lambda")
    made["Properties"]["Policies"] = [{"PolicyName": "own", "PolicyDocument": document("x" * (5000 - short))}]
    beside = {"PolicyName": "beside", "Roles": [ref("Role")], "PolicyDocument": document("x" * (size - 5000 - short))}
    return {"Role": made, "Policy": {"Type": "AWS::IAM::Policy", "Properties": beside}}


def _alarm(**properties: Any) -> dict[str, Any]:
    given = {
        "Namespace": "Tests", "MetricName": "None", "Statistic": "Sum", "Period": 60, "EvaluationPeriods": 1,
        "Threshold": 1, "ComparisonOperator": "GreaterThanThreshold", **properties,
    }  # fmt: skip
    return {"Alarm": {"Type": "AWS::CloudWatch::Alarm", "Properties": given}}


@makes("AWS::CloudWatch::Alarm", "Period", "uneven_period")
def _(size: int) -> dict[str, Any]:
    return _alarm(Period=120 + size)


@makes("AWS::CloudWatch::Alarm", "", "watched_s")
def _(size: int) -> dict[str, Any]:
    return _alarm(Period=60, EvaluationPeriods=1440 + (size > 86_400))


@makes("AWS::CloudWatch::Alarm", "", "watched_long_s")
def _(size: int) -> dict[str, Any]:
    return _alarm(Period=3600, EvaluationPeriods=168 + (size > 604_800))
