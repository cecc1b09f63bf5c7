"""Functions: the template's environment and limits, the role's permissions, queues with partial failures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from emulator.process import EmulatedAws
from local.assembly import Asset
from tests.emulator.conftest import Deployed, attribute, function, received, ref, role

ENVIRONMENT = (
    "import os\ndef handler(event, context):\n"
    "    return dict(os.environ) | {'remaining': context.get_remaining_time_in_millis()}\n"
)


def invoke(aws: EmulatedAws, name: str, event: Any = None) -> tuple[Any, str | None]:
    answer = aws.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event))
    return json.loads(answer["Payload"].read()), answer.get("FunctionError")


def test_a_function_sees_the_templates_variables_and_no_one_elses(
    aws: EmulatedAws, deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    variables = {"TABLE": "decisions", "LIMIT": "3"}
    made = deployed(
        {
            "Role": role("lambda"),
            "Function": function(ENVIRONMENT, "Role", Environment={"Variables": variables}, MemorySize=192),
        },
        {"name": ref("Function")},
    )
    seen, error = invoke(aws, made["name"])
    assert error is None
    assert {name: seen[name] for name in variables} == variables
    assert seen["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "192"
    assert 15_000 < seen["remaining"] <= 20_000
    own = {name for name in seen if not name.startswith(("AWS_", "LAMBDA_"))} - set(variables)
    assert own == {"PATH", "LANG", "LC_CTYPE", "TZ", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "_HANDLER", "remaining"}


IMPORTS = """
import importlib

def handler(event, context):
    def told(name):
        try:
            importlib.import_module(name)
        except ImportError as error:
            return str(error)
        return 'imported'
    return {name: told(name) for name in event}
"""


def layer(tmp_path: Path, *distributions: str) -> tuple[dict[str, Any], Asset]:
    """A layer of these libraries as it is built for the functions' platform, and its asset."""
    folder = tmp_path / "-".join(distributions)
    for one in distributions:
        info = folder / "python" / f"{one}-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text("")
        (folder / "python" / f"{one}.so").write_bytes(b"for another processor")
    asset = Asset(folder, "layers", f"{folder.name}.zip")
    content = {"S3Bucket": asset.bucket, "S3Key": asset.key}
    return {"Type": "AWS::Lambda::LayerVersion", "Properties": {"Content": content}}, asset


def test_a_function_imports_its_code_and_its_own_layers_alone(
    aws: EmulatedAws, deployed: Deployed, tmp_path: Path
) -> None:
    numbers, asset = layer(tmp_path, "numpy", "six")
    made = deployed(
        {
            "Role": role("lambda"),
            "Numbers": numbers,
            "Bare": function(IMPORTS, "Role"),
            "Layered": function(IMPORTS, "Role", Layers=[ref("Numbers")]),
        },
        {"bare": ref("Bare"), "layered": ref("Layered")},
        (asset,),
    )
    asked = ["numpy", "pydantic", "confluent_kafka", "engines.broker", "boto3"]
    seen, error = invoke(aws, made["bare"], asked)
    assert error is None
    no_module = {name: f"No module named '{name.split('.')[0]}'" for name in asked}
    assert seen == no_module | {"boto3": "imported"}, "Lambda's runtime brings AWS's SDK and nothing else"
    seen, _ = invoke(aws, made["layered"], asked)
    assert seen == no_module | {"boto3": "imported", "numpy": "imported"}


def test_a_layer_of_what_this_machine_does_not_have_fails_its_function(
    aws: EmulatedAws, deployed: Deployed, tmp_path: Path
) -> None:
    unknown, asset = layer(tmp_path, "no_such_library")
    made = deployed(
        {"Role": role("lambda"), "Layer": unknown, "Function": function(IMPORTS, "Role", Layers=[ref("Layer")])},
        {"name": ref("Function")},
        (asset,),
    )
    answer, error = invoke(aws, made["name"], [])
    assert error and "holds no_such_library, which is not in" in answer["errorMessage"]


def test_a_function_under_another_role_gets_another_process_and_the_one_before_ends(
    aws: EmulatedAws, deployed: Deployed
) -> None:
    code = "import os\ndef handler(event, context):\n    return os.environ['AWS_ACCESS_KEY_ID']\n"
    made = deployed(
        {"Role": role("lambda"), "Other": role("lambda"), "Function": function(code, "Role")},
        {"name": ref("Function"), "other": attribute("Other", "Arn")},
    )
    name = made["name"]
    before, _ = invoke(aws, name)
    (process,) = aws.processes()[f"function/{name}"]
    aws.client("lambda").update_function_configuration(FunctionName=name, Role=made["other"])
    after, _ = invoke(aws, name)
    assert after != before
    (now,) = aws.processes()[f"function/{name}"]
    assert now != process
    assert len(list((aws.folder / "functions").glob(f"{name[:40]}-*"))) == 1, "nothing of the one before is left"


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("import time\ndef handler(event, context):\n    time.sleep(9)\n", "Sandbox.Timedout"),
        ("def handler(event, context):\n    held = b'x' * 400_000_000\n    import time; time.sleep(9)\n", "Runtime.OutOfMemory"),
        ("import os\ndef handler(event, context):\n    os._exit(1)\n", "Runtime.ExitError"),
    ],
)  # fmt: skip
def test_a_function_is_held_to_its_limits(aws: EmulatedAws, deployed: Deployed, code: str, kind: str) -> None:
    timeout = 1 if kind == "Sandbox.Timedout" else 8
    made = deployed(
        {"Role": role("lambda"), "Function": function(code, "Role", Timeout=timeout)}, {"name": ref("Function")}
    )
    answer, error = invoke(aws, made["name"])
    assert error and answer["errorType"] == kind


def test_what_the_role_is_not_allowed_is_denied_and_the_denial_names_role_action_and_resource(
    aws: EmulatedAws, deployed: Deployed
) -> None:
    code = (
        "import boto3\ndef handler(event, context):\n    s3 = boto3.client('s3')\n"
        "    s3.put_object(Bucket=event, Key='in/a', Body=b'1')\n    s3.get_object(Bucket=event, Key='in/a')\n"
    )
    made = deployed(
        {
            "Bucket": {"Type": "AWS::S3::Bucket"},
            "Role": role("lambda", ("s3:PutObject", {"Fn::Sub": "${Bucket.Arn}/in/*"})),
            "Function": function(code, "Role"),
        },
        {"name": ref("Function"), "bucket": ref("Bucket"), "role": ref("Role")},
    )
    answer, error = invoke(aws, made["name"], made["bucket"])
    assert error
    assert f"assumed-role/{made['role']}/" in answer["errorMessage"]
    assert f"perform: s3:GetObject on resource: arn:aws:s3:::{made['bucket']}/in/a because" in answer["errorMessage"]
    used = next(row for row in aws.permissions() if row["role"] == made["role"])
    assert [call["action"] for call in used["used"]] == ["s3:PutObject"]
    assert [call["action"] for call in used["denied"]] == ["s3:GetObject"]


HALF_FAILS = (
    "import json\ndef handler(event, context):\n    print([json.loads(r['body']) for r in event['Records']])\n"
    "    bad = [r['messageId'] for r in event['Records'] if 'poison' in r['body']]\n"
    "    return {'batchItemFailures': [{'itemIdentifier': one} for one in bad]}\n"
)


def test_a_bucket_tells_a_queue_and_a_poison_message_goes_to_the_dead_letters(
    aws: EmulatedAws, deployed: Deployed
) -> None:
    read = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
    told = {
        "Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": "*"
    }  # fmt: skip
    plain = {"Effect": "Deny", "Principal": "*", "Action": "sqs:*", "Resource": "*"}
    plain["Condition"] = {"Bool": {"aws:SecureTransport": "false"}}
    made = deployed(
        {
            "Dead": {"Type": "AWS::SQS::Queue"},
            "Queue": {
                "Type": "AWS::SQS::Queue",
                "Properties": {
                    # not below the function's timeout, or the mapping is refused
                    "VisibilityTimeout": 3,
                    "RedrivePolicy": {"deadLetterTargetArn": attribute("Dead", "Arn"), "maxReceiveCount": 2},
                },
            },
            "Told": {
                "Type": "AWS::SQS::QueuePolicy",
                "Properties": {
                    "Queues": [ref("Queue")],
                    "PolicyDocument": {"Version": "2012-10-17", "Statement": [told, plain]},
                },
            },
            "Bucket": {
                "Type": "AWS::S3::Bucket",
                "DependsOn": "Told",
                "Properties": {
                    "NotificationConfiguration": {
                        "QueueConfigurations": [{"Event": "s3:ObjectCreated:*", "Queue": attribute("Queue", "Arn")}]
                    }
                },
            },
            "Role": role("lambda", (read, attribute("Queue", "Arn"))),
            "Function": function(HALF_FAILS, "Role", Timeout=3),
            "Mapping": {
                "Type": "AWS::Lambda::EventSourceMapping",
                "Properties": {
                    "FunctionName": ref("Function"),
                    "EventSourceArn": attribute("Queue", "Arn"),
                    "FunctionResponseTypes": ["ReportBatchItemFailures"],
                },
            },
        },
        {"bucket": ref("Bucket"), "dead": ref("Dead"), "queue": ref("Queue"), "role": ref("Role")},
    )
    for name in ("good-1", "poison", "good-2"):
        aws.client("s3").put_object(Bucket=made["bucket"], Key=name, Body=b"")
    (dead,) = received(aws, made["dead"])
    assert json.loads(dead)["Records"][0]["s3"]["object"]["key"] == "poison"
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    counts = aws.client("sqs").get_queue_attributes(QueueUrl=made["queue"], AttributeNames=names)["Attributes"]
    assert set(counts.values()) == {"0"}
    used = next(row for row in aws.permissions() if row["role"] == made["role"])
    assert {call["action"] for call in used["used"]} == set(read)
