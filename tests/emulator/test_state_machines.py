"""State machines: tasks as calls of the machine's role, jobs that are waited for, and what starts a machine."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.process import EmulatedAws
from tests.emulator.conftest import Deployed, attribute, function, ref, role, until

IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0"
PULL = ["ecr:BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage"]
WAITING = ["events:PutRule", "events:PutTargets", "events:DescribeRule"]
DOUBLED = "import sys, pathlib\nname = 'numbers'\nsource, out = map(pathlib.Path, sys.argv[1:])\n" + (
    "(out / name).write_text(str(2 * int((source / name).read_text())))\n"
)


def machine(states: dict[str, Any], role_name: str = "Machine") -> dict[str, Any]:
    definition = {"StartAt": next(iter(states)), "States": states}
    return {
        "Type": "AWS::StepFunctions::StateMachine",
        "Properties": {"RoleArn": attribute(role_name, "Arn"), "Definition": definition},
    }


def ended(aws: EmulatedAws, arn: str, given: Any = None) -> dict[str, Any]:
    states = aws.client("stepfunctions")
    execution = states.start_execution(stateMachineArn=arn, input=json.dumps(given or {}))["executionArn"]

    def done() -> dict[str, Any] | None:
        found: dict[str, Any] = states.describe_execution(executionArn=execution)
        return found if found["status"] != "RUNNING" else None

    found: dict[str, Any] = until(done)
    return found


def processing_job(job_role: dict[str, Any], program: str, name: str, *, isolated: bool = False) -> dict[str, Any]:
    def given(part: str) -> dict[str, Any]:
        place = {"S3Uri": {"Fn::Sub": f"s3://${{Bucket}}/{part}"}, "LocalPath": f"/opt/ml/processing/input/{part}"}
        return {"InputName": part, "S3Input": {**place, "S3DataType": "S3Prefix", "S3InputMode": "File"}}

    output = {
        "S3Uri": {"Fn::Sub": "s3://${Bucket}/out"},
        "LocalPath": "/opt/ml/processing/output",
        "S3UploadMode": "EndOfJob",
    }
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::sagemaker:createProcessingJob.sync",
        "Parameters": {
            "ProcessingJobName": name,
            "AppSpecification": {
                "ImageUri": IMAGE,
                "ContainerEntrypoint": ["python3", f"/opt/ml/processing/input/code/{program}"],
                "ContainerArguments": ["/opt/ml/processing/input/data", "/opt/ml/processing/output"],
            },
            "ProcessingInputs": [given("code"), given("data")],
            "ProcessingOutputConfig": {"Outputs": [{"OutputName": "out", "S3Output": output}]},
            "ProcessingResources": {
                "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}
            },
            "NetworkConfig": {"EnableNetworkIsolation": isolated},
            "RoleArn": attribute("Job", "Arn"),
        },
        "End": True,
    }


def job_stack(name: str, *, may_write: bool = True, isolated: bool = False) -> dict[str, Any]:
    jobs = "arn:aws:sagemaker:us-east-1:123456789012:processing-job/*"
    rule = "arn:aws:events:us-east-1:123456789012:rule/StepFunctionsGetEventsForSageMakerProcessingJobsRule"
    objects = {"Fn::Sub": "${Bucket.Arn}/*"}
    return {
        "Bucket": {"Type": "AWS::S3::Bucket"},
        "Job": role(
            "sagemaker",
            ("s3:ListBucket", attribute("Bucket", "Arn")),
            ("s3:GetObject", objects),
            ("ecr:GetAuthorizationToken", "*"),
            (PULL, "arn:aws:ecr:us-east-1:683313688378:repository/sagemaker-xgboost"),
            *([("s3:PutObject", objects)] if may_write else []),
        ),
        "Machine": role(
            "states",
            (["sagemaker:CreateProcessingJob", "sagemaker:DescribeProcessingJob"], jobs),
            ("iam:PassRole", attribute("Job", "Arn")),
            (WAITING, rule),
        ),
        "States": machine({"Job": processing_job({}, "program.zip", name, isolated=isolated)}),
    }


def program(text: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("__main__.py", text)
    return packed.getvalue()


def test_a_job_is_run_and_waited_for(aws: EmulatedAws, deployed: Deployed) -> None:
    made = deployed(job_stack("doubling"), {"machine": ref("States"), "bucket": ref("Bucket")})
    s3 = aws.client("s3")
    s3.put_object(Bucket=made["bucket"], Key="code/program.zip", Body=program(DOUBLED))
    s3.put_object(Bucket=made["bucket"], Key="data/numbers", Body=b"21")
    found = ended(aws, made["machine"])
    assert found["status"] == "SUCCEEDED", found
    assert json.loads(found["output"])["ProcessingJobStatus"] == "Completed"
    assert s3.get_object(Bucket=made["bucket"], Key="out/numbers")["Body"].read() == b"42"


@pytest.mark.parametrize("isolated", [True, False])
def test_a_container_without_a_network_has_its_data_but_no_credentials(
    aws: EmulatedAws, deployed: Deployed, isolated: bool
) -> None:
    """Page mkt-algo-model-internet-free: "not able to make any outbound network calls, even to other AWS services such as Amazon
    S3. Additionally, no AWS credentials are made available"; "SageMaker still performs download and upload operations"."""
    wanted = {"machine": ref("States"), "bucket": ref("Bucket")}
    made = deployed(job_stack(f"isolated-{isolated}".lower(), isolated=isolated), wanted)
    s3 = aws.client("s3")
    told = "import os\n" + DOUBLED + "(out / 'aws').write_text(' '.join(sorted(os.environ)))\n"
    s3.put_object(Bucket=made["bucket"], Key="code/program.zip", Body=program(told))
    s3.put_object(Bucket=made["bucket"], Key="data/numbers", Body=b"21")
    assert ended(aws, made["machine"])["status"] == "SUCCEEDED"
    assert s3.get_object(Bucket=made["bucket"], Key="out/numbers")["Body"].read() == b"42"
    variables = s3.get_object(Bucket=made["bucket"], Key="out/aws")["Body"].read().decode().split()
    found = {name for name in variables if name in ("AWS_ACCESS_KEY_ID", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL")}
    assert len(found) == (0 if isolated else 3)


def test_a_program_that_fails_fails_its_job_and_the_machine(aws: EmulatedAws, deployed: Deployed) -> None:
    made = deployed(job_stack("failing"), {"machine": ref("States"), "bucket": ref("Bucket")})
    s3 = aws.client("s3")
    s3.put_object(Bucket=made["bucket"], Key="code/program.zip", Body=program("raise SystemExit('no such column')"))
    s3.put_object(Bucket=made["bucket"], Key="data/numbers", Body=b"21")
    found = ended(aws, made["machine"])
    assert (found["status"], found["error"]) == ("FAILED", "States.TaskFailed")
    assert "no such column" in json.loads(found["cause"])["FailureReason"]


SLEEPING = "import time\ntime.sleep(100)\n"


def sleeping(aws: EmulatedAws, deployed: Deployed, name: str, **state: Any) -> dict[str, str]:
    """A machine with a job that takes long, which its role may stop."""
    stack = job_stack(name)
    jobs = "arn:aws:sagemaker:us-east-1:123456789012:processing-job/*"
    may_stop = {"Effect": "Allow", "Action": "sagemaker:StopProcessingJob", "Resource": jobs}
    stack["Machine"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"].append(may_stop)
    states = stack["States"]["Properties"]["Definition"]["States"]
    states["Job"] |= state
    states["Late"] = {"Type": "Fail", "Error": "Late"}
    made = deployed(stack, {"machine": ref("States"), "bucket": ref("Bucket")})
    s3 = aws.client("s3")
    s3.put_object(Bucket=made["bucket"], Key="code/program.zip", Body=program(SLEEPING))
    s3.put_object(Bucket=made["bucket"], Key="data/numbers", Body=b"21")
    return made


def job_status(aws: EmulatedAws, name: str) -> str:
    try:
        told = aws.client("sagemaker").describe_processing_job(ProcessingJobName=name)
    except ClientError:
        return "not there"
    return str(told["ProcessingJobStatus"])


def test_a_run_that_is_stopped_has_its_job_stopped(aws: EmulatedAws, deployed: Deployed) -> None:
    """Page connect-to-resource: a task is aborted if "the state machine execution is stopped", and "Step Functions will make a
    best-effort attempt to cancel the task"."""
    made = sleeping(aws, deployed, "stopped-with-its-run")
    states = aws.client("stepfunctions")
    run = states.start_execution(stateMachineArn=made["machine"])["executionArn"]
    until(lambda: job_status(aws, "stopped-with-its-run") == "InProgress")
    states.stop_execution(executionArn=run)
    until(lambda: job_status(aws, "stopped-with-its-run") == "Stopped")
    assert states.describe_execution(executionArn=run)["status"] == "ABORTED"


def test_a_step_whose_time_is_over_has_failed_and_its_job_goes_on(aws: EmulatedAws, deployed: Deployed) -> None:
    caught = [{"ErrorEquals": ["States.Timeout"], "Next": "Late"}]
    made = sleeping(aws, deployed, "longer-than-its-step", TimeoutSeconds=3, Catch=caught)
    found = ended(aws, made["machine"])
    assert (found["status"], found["error"]) == ("FAILED", "Late")
    assert job_status(aws, "longer-than-its-step") == "InProgress"
    aws.client("sagemaker").stop_processing_job(ProcessingJobName="longer-than-its-step")


def test_a_job_whose_role_may_not_write_fails_and_says_so(aws: EmulatedAws, deployed: Deployed) -> None:
    wanted = {"machine": ref("States"), "bucket": ref("Bucket"), "role": ref("Job")}
    made = deployed(job_stack("denied", may_write=False), wanted)
    s3 = aws.client("s3")
    s3.put_object(Bucket=made["bucket"], Key="code/program.zip", Body=program(DOUBLED))
    s3.put_object(Bucket=made["bucket"], Key="data/numbers", Body=b"21")
    reason = json.loads(ended(aws, made["machine"])["cause"])["FailureReason"]
    assert f"assumed-role/{made['role']}/denied" in reason
    assert f"perform: s3:PutObject on resource: arn:aws:s3:::{made['bucket']}/out/numbers" in reason


def test_a_machine_branches_catches_and_may_only_call_what_its_role_allows(
    aws: EmulatedAws, deployed: Deployed
) -> None:
    call = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "ResultSelector": {"is.$": "$.Payload"}}
    states = {
        "Ask": {
            **call,
            "Parameters": {"FunctionName": ref("Allowed"), "Payload.$": "$"},
            "Next": "Large",
        },
        "Large": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.is", "NumericGreaterThan": 5, "Next": "Forbidden"}],
            "Default": "Small",
        },
        "Small": {"Type": "Pass", "Result": "small", "End": True},
        "Forbidden": {
            **call,
            "Parameters": {"FunctionName": ref("Other"), "Payload": {}},
            "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.why", "Next": "Caught"}],
            "End": True,
        },
        "Caught": {"Type": "Pass", "End": True},
    }
    code = "def handler(event, context):\n    return event['amount'] * 2\n"
    made = deployed(
        {
            "Function": role("lambda"),
            "Allowed": function(code, "Function"),
            "Other": function(code, "Function"),
            "Machine": role("states", ("lambda:InvokeFunction", attribute("Allowed", "Arn"))),
            "States": machine(states),
        },
        {"machine": ref("States"), "other": ref("Other"), "role": ref("Machine")},
    )
    assert json.loads(ended(aws, made["machine"], {"amount": 1})["output"]) == "small"
    caught = json.loads(ended(aws, made["machine"], {"amount": 9})["output"])["why"]
    assert f"assumed-role/{made['role']}/" in caught["Cause"]
    assert "lambda:InvokeFunction on resource: " in caught["Cause"] and made["other"] in caught["Cause"]


def test_what_is_not_implemented_fails_and_does_not_pass(aws: EmulatedAws, deployed: Deployed) -> None:
    unknown = {
        "Type": "Task",
        "Resource": "arn:aws:states:::glue:startJobRun.sync",
        "Parameters": {"JobName": "a"},
        "End": True,
    }
    made = deployed({"Machine": role("states"), "States": machine({"Run": unknown})}, {"machine": ref("States")})
    assert ended(aws, made["machine"])["status"] == "FAILED"


def test_an_error_of_the_run_itself_is_not_caught_with_all_others(aws: EmulatedAws, deployed: Deployed) -> None:
    """Page concepts-error-handling: "A retry or catch on States.ALL won't catch States.Runtime errors"."""
    unknown = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:glue:noSuchOperation",
        "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Done"}],
        "End": True,
    }
    states = machine({"Run": unknown, "Done": {"Type": "Succeed"}})
    made = deployed({"Machine": role("states"), "States": states}, {"machine": ref("States")})
    found = ended(aws, made["machine"])
    assert (found["status"], found.get("error")) == ("FAILED", "States.Runtime")


def test_an_event_starts_a_machine_if_the_rules_role_may(aws: EmulatedAws, deployed: Deployed) -> None:
    def rule(number: int, role_name: str) -> dict[str, Any]:
        target = {"Id": "machine", "Arn": ref("States"), "RoleArn": attribute(role_name, "Arn")}
        pattern = {"source": ["card-fraud"], "detail-type": [f"retrain {number}"]}
        named = {"EventBusName": ref("Bus"), "EventPattern": pattern, "Targets": [target]}
        return {"Type": "AWS::Events::Rule", "Properties": named}

    made = deployed(
        {
            "Bus": {"Type": "AWS::Events::EventBus", "Properties": {"Name": "card-events"}},
            "Machine": role("states"),
            "States": machine({"Done": {"Type": "Pass", "End": True}}),
            "May": role("events", ("states:StartExecution", ref("States"))),
            "MayNot": role("events"),
            "Allowed": rule(1, "May"),
            "Denied": rule(2, "MayNot"),
        },
        {"machine": ref("States"), "may_not": ref("MayNot")},
    )
    for number in (2, 1):
        entry = {
            "Source": "card-fraud",
            "DetailType": f"retrain {number}",
            "Detail": "{}",
            "EventBusName": "card-events",
        }
        aws.client("events").put_events(Entries=[entry])
    started = until(lambda: aws.client("stepfunctions").list_executions(stateMachineArn=made["machine"])["executions"])
    assert len(started) == 1
    denied = next(row["denied"] for row in aws.permissions() if row["role"] == made["may_not"])
    assert denied == [{"action": "states:StartExecution", "resource": made["machine"], "calls": 1}]


def test_a_schedule_starts_a_machine_with_its_input(aws: EmulatedAws, deployed: Deployed) -> None:
    made = deployed(
        {
            "Machine": role("states"),
            "States": machine({"Done": {"Type": "Pass", "End": True}}),
            "May": role("scheduler", ("states:StartExecution", ref("States"))),
            "Schedule": {
                "Type": "AWS::Scheduler::Schedule",
                "Properties": {
                    "ScheduleExpression": "at(2020-01-01T00:00:00)",
                    "FlexibleTimeWindow": {"Mode": "OFF"},
                    "Target": {
                        "Arn": ref("States"),
                        "RoleArn": attribute("May", "Arn"),
                        "Input": '{"cut": "2026-01-31"}',
                    },
                },
            },
        },
        {"machine": ref("States")},
    )
    states = aws.client("stepfunctions")
    (started, *_) = until(lambda: states.list_executions(stateMachineArn=made["machine"])["executions"])
    assert json.loads(states.describe_execution(executionArn=started["executionArn"])["input"]) == {"cut": "2026-01-31"}


@pytest.mark.parametrize("allowed", ["Ours", "Theirs"])
def test_a_call_whose_answer_is_empty_is_made_and_judged(aws: EmulatedAws, deployed: Deployed, allowed: str) -> None:
    """Only in the namespace that the role's policy names (page *Service authorization reference*, `cloudwatch:namespace`)."""
    put = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:cloudwatch:putMetricData",
        "Parameters": {"Namespace": "Ours", "MetricData": [{"MetricName": f"From{allowed}", "Value": 3}]},
        "End": True,
    }
    teller = role("states", ("cloudwatch:PutMetricData", "*"))
    statements = teller["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
    statements[0]["Condition"] = {"StringEquals": {"cloudwatch:namespace": allowed}}
    made = deployed({"Machine": teller, "States": machine({"Put": put})}, {"machine": ref("States")})
    found = ended(aws, made["machine"])
    metrics = aws.client("cloudwatch").list_metrics(Namespace="Ours", MetricName=f"From{allowed}")["Metrics"]
    assert (found["status"], len(metrics)) == (("SUCCEEDED", 1) if allowed == "Ours" else ("FAILED", 0)), found
