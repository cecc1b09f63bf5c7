"""Who is refused: services that a role does not trust, callers without a signature, requests that no policy can judge."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from emulator.account import REGION
from emulator.process import EmulatedAws
from tests.emulator.conftest import Deployed, attribute, function, received, ref, role, until
from tests.emulator.test_state_machines import IMAGE

NOTHING = "def handler(event, context):\n    return 1\n"


def trusting(service: str, condition: dict[str, Any] | None = None, *statements: Any) -> dict[str, Any]:
    made = role(service, *statements)
    if condition:
        made["Properties"]["AssumeRolePolicyDocument"]["Statement"][0]["Condition"] = condition
    return made


def denied(aws: EmulatedAws, who: str) -> list[tuple[str, str]]:
    rows = [row for row in aws.permissions() if row["role"] == who]
    return [(one["action"], one["resource"]) for row in rows for one in row["denied"]]


@pytest.mark.parametrize(
    ("service", "condition", "why"),
    [
        ("states", None, "its trust policy does not allow it"),
        ("lambda", {"StringEquals": {"aws:SourceAccount": "999999999999"}}, "its trust policy does not allow it"),
        (
            "lambda",
            {"StringEqualsIfExists": {"aws:SourceAccount": "999999999999"}},
            "its trust policy does not allow it",
        ),
        ("lambda", {"StringEquals": {"aws:SourceVpc": "vpc-1"}}, "the condition aws:SourceVpc .* not implemented here"),
    ],
)
def test_a_function_whose_role_does_not_trust_lambda_is_not_made(
    aws: EmulatedAws, deployed: Deployed, service: str, condition: Any, why: str
) -> None:
    with pytest.raises(Exception, match=rf"lambda.amazonaws.com may not take the role arn:aws:iam::.*: {why}"):
        deployed({"Role": trusting(service, condition), "Function": function(NOTHING, "Role")})
    assert denied(aws, "lambda.amazonaws.com")[-1][0] == "sts:AssumeRole"


def test_a_function_whose_role_no_longer_trusts_lambda_does_not_run(aws: EmulatedAws, deployed: Deployed) -> None:
    own = {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
    made = deployed(
        {"Role": trusting("lambda", own), "Function": function(NOTHING, "Role")},
        {"role": ref("Role"), "name": ref("Function")},
    )

    def answer() -> Any:
        return json.loads(aws.client("lambda").invoke(FunctionName=made["name"])["Payload"].read())

    assert answer() == 1
    policy = trusting("sagemaker")["Properties"]["AssumeRolePolicyDocument"]
    aws.client("iam").update_assume_role_policy(RoleName=made["role"], PolicyDocument=json.dumps(policy))
    assert "lambda.amazonaws.com may not take the role" in answer()["errorMessage"]


def test_a_state_machine_and_a_job_need_roles_that_trust_them(aws: EmulatedAws, deployed: Deployed) -> None:
    task = {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:sqs:listQueues", "End": True}
    made = deployed(
        {
            "Role": trusting("lambda", None, ("*", "*")),
            "States": {
                "Type": "AWS::StepFunctions::StateMachine",
                "Properties": {
                    "RoleArn": attribute("Role", "Arn"),
                    "DefinitionString": json.dumps({"StartAt": "List", "States": {"List": task}}),
                },
            },
        },
        {"machine": ref("States"), "role": attribute("Role", "Arn")},
    )
    states, sagemaker = aws.client("stepfunctions"), aws.client("sagemaker")
    execution = states.start_execution(stateMachineArn=made["machine"])["executionArn"]
    ended = until(lambda: (found := states.describe_execution(executionArn=execution))["status"] != "RUNNING" and found)
    assert f"states.amazonaws.com may not take the role {made['role']}" in ended["cause"]

    image = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0"
    machine = {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 5}
    sagemaker.create_processing_job(
        ProcessingJobName="not-trusted",
        ProcessingResources={"ClusterConfig": machine},
        AppSpecification={"ImageUri": image},
        RoleArn=made["role"],
    )
    job = until(
        lambda: (
            (found := sagemaker.describe_processing_job(ProcessingJobName="not-trusted"))["ProcessingJobStatus"]
            == "Failed"
            and found
        )
    )
    assert f"sagemaker.amazonaws.com may not take the role {made['role']}" in job["FailureReason"]
    assert ("sts:AssumeRole", made["role"]) in denied(aws, "sagemaker.amazonaws.com")


HERE = "us-east-1:123456789012"


@pytest.mark.parametrize(
    ("service", "trusted", "other"),
    [
        ("states", f"arn:aws:states:{HERE}:stateMachine:*", "arn:aws:states:us-east-1:999999999999:stateMachine:*"),
        ("states", f"arn:aws:states:{HERE}:stateMachine:*", f"arn:aws:states:{HERE}:activity:*"),
        ("sagemaker", f"arn:aws:sagemaker:{HERE}:*", f"arn:aws:sagemaker:{HERE}:endpoint/*"),
    ],
)
def test_a_role_may_be_kept_for_what_a_service_takes_it_for(
    aws: EmulatedAws, deployed: Deployed, service: str, trusted: str, other: str
) -> None:
    """`aws:SourceArn` is the machine's, the job's, as on the pages on confused deputies of Step Functions and SageMaker."""
    sagemaker, states = aws.client("sagemaker"), aws.client("stepfunctions")
    task = {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:sqs:listQueues", "End": True}
    definition = json.dumps({"StartAt": "List", "States": {"List": task}})
    for source, allowed in ((trusted, True), (other, False)):
        own = {"ArnLike": {"aws:SourceArn": source}, "StringEquals": {"aws:SourceAccount": "123456789012"}}
        taken = trusting(service, own, ("sqs:ListQueues", "*"))
        if service == "states":
            machine = {"RoleArn": attribute("Role", "Arn"), "DefinitionString": definition}
            resource = {"Type": "AWS::StepFunctions::StateMachine", "Properties": machine}
            made = deployed({"Role": taken, "States": resource}, {"machine": ref("States")})
            run = states.start_execution(stateMachineArn=made["machine"])["executionArn"]
            found = until(
                lambda run=run: (one := states.describe_execution(executionArn=run))["status"] != "RUNNING" and one
            )
            says = found.get("cause", "")
        else:
            made = deployed({"Role": taken}, {"role": attribute("Role", "Arn")})
            name = f"source-{allowed}".lower()
            sagemaker.create_processing_job(
                ProcessingJobName=name,
                ProcessingResources={
                    "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 5}
                },
                AppSpecification={"ImageUri": IMAGE},
                RoleArn=made["role"],
            )

            def ended(name: str = name) -> Any:
                job = sagemaker.describe_processing_job(ProcessingJobName=name)
                return job["ProcessingJobStatus"] == "Failed" and job

            says = until(ended)["FailureReason"]
        assert ("may not take the role" not in says) == allowed, says


def test_a_rule_and_a_schedule_take_roles_for_themselves(aws: EmulatedAws, deployed: Deployed) -> None:
    """A rule for its own ARN; a schedule for its group's, as CDK's own schedules ask for."""
    sources = {
        "events": f"arn:aws:events:{HERE}:rule/*",
        "scheduler": f"arn:aws:scheduler:{HERE}:schedule-group/default",
    }
    for service, source in sources.items():
        for pattern, allowed in ((source, True), (source.replace("123456789012", "999999999999"), False)):
            own = {"ArnLike": {"aws:SourceArn": pattern}}
            target = {"Arn": attribute("Queue", "Arn"), "RoleArn": attribute("Caller", "Arn")}
            dead = {"DeadLetterConfig": {"Arn": attribute("Dead", "Arn")}}
            kinds = {
                "events": ("AWS::Events::Rule", {
                    "EventPattern": {"source": [f"tests.source.{allowed}"]},
                    "Targets": [{"Id": "queue", **target}],
                }),
                "scheduler": ("AWS::Scheduler::Schedule", {
                    "FlexibleTimeWindow": {"Mode": "OFF"},
                    "ScheduleExpression": "at(2020-01-01T00:00:00)",
                    "Target": {**target, **dead, "Input": "{}"},
                }),
            }  # fmt: skip
            kind, properties = kinds[service]
            sent = ("sqs:SendMessage", [attribute("Queue", "Arn"), attribute("Dead", "Arn")])
            made = deployed(
                {
                    "Queue": {"Type": "AWS::SQS::Queue"},
                    "Dead": {"Type": "AWS::SQS::Queue"},
                    "Caller": trusting(service, own, sent),
                    "From": {"Type": kind, "Properties": properties},
                },
                {"queue": ref("Queue"), "role": attribute("Caller", "Arn")},
            )
            if service == "events":
                entry = {"Source": f"tests.source.{allowed}", "DetailType": "made", "Detail": "{}"}
                aws.client("events").put_events(Entries=[entry])
            if allowed:
                assert received(aws, made["queue"])
            else:
                role_arn, who = made["role"], f"{service}.amazonaws.com"
                until(lambda role_arn=role_arn, who=who: ("sts:AssumeRole", role_arn) in denied(aws, who))


@pytest.mark.parametrize("may_send", [True, False])
def test_what_a_rule_may_not_deliver_goes_to_its_dead_letters(
    aws: EmulatedAws, deployed: Deployed, may_send: bool
) -> None:
    own = {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
    sends = {
        "Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage",
        "Resource": attribute("Dead", "Arn"), "Condition": own,
    }  # fmt: skip
    policy = {
        "Type": "AWS::SQS::QueuePolicy",
        "Properties": {
            "Queues": [ref("Dead")],
            "PolicyDocument": {"Version": "2012-10-17", "Statement": [sends]},
        },
    }
    machine = {"StartAt": "End", "States": {"End": {"Type": "Succeed"}}}
    target = {
        "Id": "machine", "Arn": ref("States"), "RoleArn": attribute("Caller", "Arn"),
        "DeadLetterConfig": {"Arn": attribute("Dead", "Arn")},
    }  # fmt: skip
    source = f"tests.dead.{may_send}"
    made = deployed(
        {
            "Dead": {"Type": "AWS::SQS::Queue"},
            **({"Policy": policy} if may_send else {}),
            "Caller": role("events"),
            "Role": role("states"),
            "States": {
                "Type": "AWS::StepFunctions::StateMachine",
                "Properties": {"RoleArn": attribute("Role", "Arn"), "DefinitionString": json.dumps(machine)},
            },
            "Rule": {
                "Type": "AWS::Events::Rule",
                "Properties": {"EventPattern": {"source": [source]}, "Targets": [target]},
            },
        },
        {"dead": ref("Dead"), "arn": attribute("Dead", "Arn"), "machine": ref("States")},
    )
    aws.client("events").put_events(Entries=[{"Source": source, "DetailType": "made", "Detail": '{"n": 1}'}])
    if not may_send:
        until(lambda: ("sqs:SendMessage", made["arn"]) in denied(aws, "events.amazonaws.com"))
        return

    def received_whole() -> Any:
        found = aws.client("sqs").receive_message(QueueUrl=made["dead"], MessageAttributeNames=["All"])
        return found.get("Messages")

    (message,) = until(received_whole)
    said = {name: one["StringValue"] for name, one in message["MessageAttributes"].items()}
    assert (said["ERROR_CODE"], said["TARGET_ARN"]) == ("NO_PERMISSIONS", made["machine"])
    assert "states:StartExecution" in said["ERROR_MESSAGE"]
    assert ":rule/" in said["RULE_ARN"]
    assert json.loads(message["Body"])["detail"] == {"n": 1}


def test_what_a_schedule_may_not_deliver_goes_to_its_dead_letters_in_the_name_of_its_role(
    aws: EmulatedAws, deployed: Deployed
) -> None:
    target = {
        "Arn": attribute("Queue", "Arn"), "RoleArn": attribute("Caller", "Arn"), "Input": '{"as_of": "today"}',
        "DeadLetterConfig": {"Arn": attribute("Dead", "Arn")},
    }  # fmt: skip
    made = deployed(
        {
            "Queue": {"Type": "AWS::SQS::Queue"},
            "Dead": {"Type": "AWS::SQS::Queue"},
            "Caller": role("scheduler", ("sqs:SendMessage", attribute("Dead", "Arn"))),
            "Schedule": {
                "Type": "AWS::Scheduler::Schedule",
                "Properties": {
                    "FlexibleTimeWindow": {"Mode": "OFF"},
                    "ScheduleExpression": "at(2020-01-01T00:00:00)",
                    "Target": target,
                },
            },
        },
        {"dead": ref("Dead")},
    )
    assert received(aws, made["dead"]) == ['{"as_of": "today"}']


def test_a_request_without_a_signature_needs_a_bucket_that_lets_everyone(aws: EmulatedAws, deployed: Deployed) -> None:
    made = deployed({"Bucket": {"Type": "AWS::S3::Bucket"}}, {"name": ref("Bucket"), "arn": attribute("Bucket", "Arn")})
    s3 = aws.client("s3")
    s3.put_object(Bucket=made["name"], Key="k", Body=b"v")

    def asked(method: str, path: str = "/k") -> int:
        return urllib3.request(method, f"{aws.endpoint}/{made['name']}{path}", body=b"w", retries=False).status

    assert [asked("GET"), asked("PUT"), asked("DELETE"), asked("GET", "?list-type=2")] == [403] * 4
    everyone = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"{made['arn']}/*"}
    s3.delete_public_access_block(Bucket=made["name"])
    s3.put_bucket_policy(Bucket=made["name"], Policy=json.dumps({"Version": "2012-10-17", "Statement": [everyone]}))
    assert [asked("GET"), asked("PUT"), asked("GET", "?list-type=2")] == [200, 403, 403]


def test_a_request_that_no_policy_can_judge_is_refused_to_a_role(aws: EmulatedAws, deployed: Deployed) -> None:
    allowed = role("lambda", ("*", "*"))
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": {"Ref": "AWS::AccountId"}}}
    allowed["Properties"]["AssumeRolePolicyDocument"]["Statement"].append(trust)
    made = deployed({"Role": allowed}, {"name": ref("Role"), "arn": attribute("Role", "Arn")})
    given = aws.client("sts").assume_role(RoleArn=made["arn"], RoleSessionName="asking")["Credentials"]
    request = AWSRequest("GET", f"{aws.endpoint}/2099-01-01/nothing-known")
    keys = Credentials(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
    SigV4Auth(keys, "lambda", "us-east-1").add_auth(request)
    answer = urllib3.request("GET", request.url, headers=dict(request.headers), retries=False)
    assert answer.status >= 400
    assert b"not implemented here" in answer.data
    assert denied(aws, made["name"]) == [("lambda:NotImplemented", "GET /2099-01-01/nothing-known")]


def test_the_items_of_a_transaction_are_each_judged_and_a_policy_that_is_gone_allows_no_further_one(
    aws: EmulatedAws,
) -> None:
    iam, table = aws.client("iam"), "judged-items"
    trust = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    role = iam.create_role(RoleName=table, AssumeRolePolicyDocument=json.dumps({"Statement": [trust]}))["Role"]["Arn"]
    may_put = {"Effect": "Allow", "Action": "dynamodb:PutItem", "Resource": "*"}
    iam.put_role_policy(RoleName=table, PolicyName="puts", PolicyDocument=json.dumps({"Statement": [may_put]}))
    aws.client("dynamodb").create_table(
        TableName=table,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    session = aws.client("sts").assume_role(RoleArn=role, RoleSessionName="session")["Credentials"]
    client = boto3.client(
        "dynamodb",
        endpoint_url=aws.endpoint,
        region_name=REGION,
        aws_access_key_id=session["AccessKeyId"],
        aws_secret_access_key=session["SecretAccessKey"],
        aws_session_token=session["SessionToken"],
    )

    def put(*ids: str) -> None:
        client.transact_write_items(
            TransactItems=[{"Put": {"TableName": table, "Item": {"id": {"S": one}}}} for one in ids]
        )

    put("a", "b", "c")
    (row,) = [row for row in aws.permissions() if row["role"] == table]
    assert [(one["action"], one["calls"]) for one in row["used"]] == [("dynamodb:PutItem", 3)]
    iam.delete_role_policy(RoleName=table, PolicyName="puts")
    with pytest.raises(ClientError, match="AccessDenied"):
        put("d")


READS = """
import boto3
def handler(event, context):
    return boto3.client('s3').get_object(Bucket=event['bucket'], Key='input/a')['Body'].read().decode()
"""


def test_a_condition_on_the_principal_knows_a_role_whose_session_asks(aws: EmulatedAws, deployed: Deployed) -> None:
    """Page reference_policies_condition-keys: "for IAM roles, the request context returns the ARN of the role"."""
    objects = {"Fn::Join": ["", [attribute("Bucket", "Arn"), "/input/*"]]}
    refused = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": objects,
        "Condition": {
            "ArnNotEquals": {"aws:PrincipalArn": [attribute("Reader", "Arn"), "arn:aws:iam::123456789012:root"]}
        },
    }
    policy = {"Bucket": ref("Bucket"), "PolicyDocument": {"Version": "2012-10-17", "Statement": [refused]}}
    made = deployed(
        {
            "Bucket": {"Type": "AWS::S3::Bucket"},
            "Reader": role("lambda", ("s3:GetObject", objects)),
            "Other": role("lambda", ("s3:GetObject", objects)),
            "Policy": {"Type": "AWS::S3::BucketPolicy", "Properties": policy},
            "Reads": function(READS, "Reader"),
            "Tries": function(READS, "Other"),
        },
        {"bucket": ref("Bucket"), "reads": ref("Reads"), "tries": ref("Tries")},
    )
    aws.client("s3").put_object(Bucket=made["bucket"], Key="input/a", Body=b"rows")

    def called(name: str) -> Any:
        payload = json.dumps({"bucket": made["bucket"]})
        return json.loads(aws.client("lambda").invoke(FunctionName=made[name], Payload=payload)["Payload"].read())

    assert called("reads") == "rows"
    assert "explicit deny" in called("tries")["errorMessage"]
