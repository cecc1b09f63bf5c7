"""Jobs of Glue really run: Spark over s3://, in the name of the job's role, to their end, their time's end, or a stop."""

from __future__ import annotations

import io
import itertools
import json
import sys
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from emulator.glue.run import Run
from emulator.process import EmulatedAws
from local.deployment import DeploymentError
from tests.emulator.conftest import Deployed, attribute, function, received, ref, role, until
from tests.emulator.glue_resources import BUCKET, job, job_role

SCRIPT = b"""
import sys
import boto3
from pyspark.sql import SparkSession
import ours, theirs

given = dict(zip(sys.argv[1::2], sys.argv[2::2]))
spark = SparkSession.builder.getOrCreate()
rows = spark.read.option("header", "true").csv(given["--input"])
rows.write.mode("overwrite").parquet(given["--out"])
print(f"wrote {rows.count()} rows, {ours.NAME}, {theirs.NAME}, greeting {given['--greeting']}, default {given['--default']}")
bucket = given["--out"].split("/")[2]
boto3.client("s3").put_object(Bucket=bucket, Key="report.json", Body=str(sorted(given)).encode())
print("settings", spark.conf.get("spark.sql.shuffle.partitions"))
"""
_numbers = itertools.count(1)


@pytest.fixture
def name() -> str:
    return f"job{next(_numbers)}"


def packed(name: str, body: str | bytes) -> bytes:
    there = io.BytesIO()
    with zipfile.ZipFile(there, "w") as archive:
        archive.writestr(name, body)
    return there.getvalue()


def stack(name: str, **properties: Any) -> dict[str, Any]:
    return {"Raw": BUCKET, "JobRole": job_role(), "Job": job(Name=name, **properties)}


OUTPUTS = {"raw": ref("Raw"), "job": ref("Job")}


def ended(aws: EmulatedAws, name: str, run: str, timeout_s: float = 90) -> dict[str, Any]:
    def found() -> Any:
        one = aws.client("glue").get_job_run(JobName=name, RunId=run)["JobRun"]
        return one if one["JobRunState"] not in ("STARTING", "RUNNING", "STOPPING") else None

    return dict(until(found, timeout_s))


def output(aws: EmulatedAws, stream: str, group: str = "/aws-glue/jobs/output") -> str:
    events = aws.client("logs").get_log_events(logGroupName=group, logStreamName=stream)["events"]
    return "\n".join(one["message"] for one in events)


def test_a_job_runs_its_script_with_its_arguments_on_spark_over_s3(
    aws: EmulatedAws, deployed: Deployed, name: str
) -> None:
    made = deployed(
        stack(
            name,
            DefaultArguments={"--default": "kept", "--greeting": "overridden", "--custom-logGroup-prefix": "/own"},
            NonOverridableArguments={"--default": "fixed"},
        )
        | {"JobRole": job_role((["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"], "*"))},
        OUTPUTS,
    )
    s3, raw = aws.client("s3"), made["raw"]
    s3.put_object(Bucket=raw, Key="scripts/job.py", Body=SCRIPT)
    s3.put_object(Bucket=raw, Key="lib/ours.zip", Body=packed("ours.py", "NAME = 'ours'"))
    wheels = packed("wheels/theirs-1-py3-none-any.whl", packed("theirs.py", "NAME = 'theirs'"))
    s3.put_object(Bucket=raw, Key="lib/theirs.gluewheels.zip", Body=wheels)
    s3.put_object(Bucket=raw, Key="input/a b+c.csv", Body=b"id,n\na,1\nb,2\n")
    arguments = {
        "--input": f"s3://{raw}/input/",
        "--out": f"s3://{raw}/out/",
        "--extra-py-files": f"s3://{raw}/lib/ours.zip",
        "--additional-python-modules": f"s3://{raw}/lib/theirs.gluewheels.zip",
        "--enable-metrics": "true",
        "--conf": "spark.sql.shuffle.partitions=3 --conf spark.sql.ansi.enabled=true",
        "--greeting": "hello there",
        "--default": "given",
    }

    run = aws.client("glue").start_job_run(JobName=name, Arguments=arguments)["JobRunId"]
    found = ended(aws, name, run)

    assert found["JobRunState"] == "SUCCEEDED", found.get("ErrorMessage")
    said = output(aws, f"{run}-driver", "/own/output")
    assert "wrote 2 rows, ours, theirs, greeting hello there, default fixed" in said
    assert "settings 3" in said
    keys = [one["Key"] for one in s3.list_objects_v2(Bucket=raw, Prefix="out/")["Contents"]]
    assert any(key.endswith(".parquet") for key in keys)
    report = s3.get_object(Bucket=raw, Key="report.json")["Body"].read().decode()
    assert "--JOB_NAME" in report
    assert "--JOB_RUN_ID" in report
    assert found["WorkerType"] == "G.1X"
    assert found["Timeout"] == 480
    assert aws.processes().get(f"glue-job/{run}") is None


PLAIN = {
    "fails": b"raise ValueError('no rows in the file')",
    "waits": b"import time\nprint('waiting', flush=True)\ntime.sleep(600)",
    "ends": b"print('done')",
    "denied": b"import boto3, sys\nboto3.client('s3').delete_bucket(Bucket=sys.argv[-1])",
}


@pytest.fixture
def plain(aws: EmulatedAws, deployed: Deployed, name: str) -> Any:
    def bring(kind: str, **properties: Any) -> str:
        made = deployed(stack(name, **properties), OUTPUTS)
        aws.client("s3").put_object(Bucket=made["raw"], Key="scripts/job.py", Body=PLAIN[kind])
        return made["raw"]

    return bring


def test_a_script_that_fails_fails_its_run_and_is_tried_as_often_as_the_job_says(
    aws: EmulatedAws, plain: Any, name: str
) -> None:
    plain("fails", MaxRetries=1)
    run = aws.client("glue").start_job_run(JobName=name)["JobRunId"]
    found = ended(aws, name, run)
    assert (found["JobRunState"], found["ErrorMessage"]) == ("FAILED", "ValueError: no rows in the file")
    again = ended(aws, name, f"{run}_attempt_1")
    assert (again["JobRunState"], again["Attempt"], again["PreviousRunId"]) == ("FAILED", 1, run)
    assert len(aws.client("glue").get_job_runs(JobName=name)["JobRuns"]) == 2


def test_a_job_does_what_its_role_may_and_no_more(aws: EmulatedAws, plain: Any, name: str) -> None:
    bucket = plain("denied")
    run = aws.client("glue").start_job_run(JobName=name, Arguments={"--bucket": bucket})["JobRunId"]
    found = ended(aws, name, run)
    assert found["JobRunState"] == "FAILED"
    assert "s3:DeleteBucket" in found["ErrorMessage"]


def test_a_run_is_stopped_and_no_more_run_than_the_job_allows(aws: EmulatedAws, plain: Any, name: str) -> None:
    plain("waits")
    glue = aws.client("glue")
    run = glue.start_job_run(JobName=name)["JobRunId"]
    until(lambda: glue.get_job_run(JobName=name, RunId=run)["JobRun"]["JobRunState"] == "RUNNING")
    with pytest.raises(glue.exceptions.ConcurrentRunsExceededException):
        glue.start_job_run(JobName=name)
    assert aws.processes()[f"glue-job/{run}"]
    answer = glue.batch_stop_job_run(JobName=name, JobRunIds=[run, "jr_none"])
    assert [one["JobRunId"] for one in answer["SuccessfulSubmissions"]] == [run]
    assert answer["Errors"][0]["ErrorDetail"]["ErrorCode"] == "EntityNotFoundException"
    assert ended(aws, name, run)["JobRunState"] == "STOPPED"
    assert f"glue-job/{run}" not in aws.processes()
    assert glue.batch_stop_job_run(JobName=name, JobRunIds=[run])["Errors"]


def test_events_tell_how_runs_end(aws: EmulatedAws, plain: Any, deployed: Deployed, name: str) -> None:
    allowed = {
        "Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": "*"
    }  # fmt: skip
    pattern = {"source": ["aws.glue"], "detail-type": ["Glue Job State Change"], "detail": {"jobName": [name]}}
    over_tls = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "sqs:*",
        "Resource": "*",
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    policy = {"Queues": [ref("Queue")], "PolicyDocument": {"Version": "2012-10-17", "Statement": [allowed, over_tls]}}
    queue = deployed(
        {
            "Queue": {"Type": "AWS::SQS::Queue"},
            "Allowed": {"Type": "AWS::SQS::QueuePolicy", "Properties": policy},
            "Rule": {
                "Type": "AWS::Events::Rule",
                "Properties": {
                    "EventPattern": pattern,
                    "Targets": [{"Id": "queue", "Arn": attribute("Queue", "Arn")}],
                },
            },
        },
        {"queue": ref("Queue")},
    )["queue"]
    raw = plain("ends")
    run = aws.client("glue").start_job_run(JobName=name)["JobRunId"]
    ended(aws, name, run)
    told = {"jobName": name, "severity": "INFO", "state": "SUCCEEDED", "jobRunId": run, "message": "Job run succeeded"}
    assert [json.loads(body)["detail"] for body in received(aws, queue)] == [told]
    aws.client("s3").put_object(Bucket=raw, Key="scripts/job.py", Body=PLAIN["fails"])
    ended(aws, name, aws.client("glue").start_job_run(JobName=name)["JobRunId"])
    (failed,) = (json.loads(body)["detail"] for body in received(aws, queue))
    assert (failed["state"], failed["severity"], failed["message"]) == (
        "FAILED", "ERROR", "ValueError: no rows in the file"
    )  # fmt: skip
    aws.client("s3").delete_object(Bucket=raw, Key="scripts/job.py")
    ended(aws, name, aws.client("glue").start_job_run(JobName=name)["JobRunId"])
    (missing,) = (json.loads(body)["detail"] for body in received(aws, queue))
    assert "key does not exist" in missing["message"]


def test_a_script_that_is_not_there_or_a_role_that_may_not_read_it_fails_the_run(
    aws: EmulatedAws, deployed: Deployed, name: str
) -> None:
    made = deployed(stack(name), OUTPUTS)
    glue = aws.client("glue")
    found = ended(aws, name, glue.start_job_run(JobName=name)["JobRunId"])
    assert (found["JobRunState"], "key does not exist" in found["ErrorMessage"]) == ("FAILED", True)
    assert made["job"] == name


@pytest.mark.parametrize(
    ("properties", "says"),
    [
        ({"GlueVersion": "4.0"}, "GlueVersion 4.0"),
        ({"MaxCapacity": 2}, "Please set only MaxCapacity"),
        ({"Timeout": 10_081}, "10081"),
        ({"NumberOfWorkers": 1}, "NumberOfWorkers"),
        ({"ExecutionProperty": {"MaxConcurrentRuns": 1001}}, "1001"),
        ({"SecurityConfiguration": "none"}, "Security configuration none not found"),
    ],
)
def test_a_job_that_the_service_refuses_is_refused(
    deployed: Deployed, name: str, properties: dict[str, Any], says: str
) -> None:
    with pytest.raises(DeploymentError, match=says):
        deployed(stack(name, **properties), OUTPUTS)


def test_logs_are_encrypted_by_a_role_that_may_ask_for_it(aws: EmulatedAws, deployed: Deployed, name: str) -> None:
    key = "arn:aws:kms:us-east-1:123456789012:key/own"
    encryption = {"CloudWatchEncryption": {"CloudWatchEncryptionMode": "SSE-KMS", "KmsKeyArn": key}}
    secure = {
        "Type": "AWS::Glue::SecurityConfiguration",
        "Properties": {"Name": name, "EncryptionConfiguration": encryption},
    }
    made = deployed(
        {"Secure": secure, **stack(name, SecurityConfiguration=ref("Secure"))}, {**OUTPUTS, "role": ref("JobRole")}
    )
    aws.client("s3").put_object(Bucket=made["raw"], Key="scripts/job.py", Body=PLAIN["ends"])
    glue = aws.client("glue")
    denied = ended(aws, name, glue.start_job_run(JobName=name)["JobRunId"])
    assert denied["LogGroupName"] == f"/aws-glue/jobs-{made['role']}-{name}"
    assert "logs:AssociateKmsKey" in denied["ErrorMessage"]


def test_whoever_may_not_start_the_job_does_not(aws: EmulatedAws, deployed: Deployed, name: str) -> None:
    code = f"""
import boto3
def handler(event, context):
    return boto3.client('glue').start_job_run(JobName='{name}')['JobRunId']
"""
    made = deployed(
        {
            **stack(name),
            "Role": role("lambda", ("glue:StartJobRun", f"arn:aws:glue:us-east-1:123456789012:job/{name}x")),
            "Function": function(code, "Role"),
        },
        {"function": ref("Function")},
    )
    answer = json.loads(aws.client("lambda").invoke(FunctionName=made["function"])["Payload"].read())
    assert f"glue:StartJobRun on resource: arn:aws:glue:us-east-1:123456789012:job/{name}" in answer["errorMessage"]


class Service:
    """S3 that has one script, and logs that are kept."""

    def __init__(self, script: bytes) -> None:
        self._script, self.endpoint = script, "http://127.0.0.1:1"
        self.exceptions = SimpleNamespace(ResourceAlreadyExistsException=FileExistsError)
        self.written: list[str] = []

    def role(self, *_: str) -> Any:
        return self

    def open_session(self, *_: str) -> dict[str, str]:
        return {}

    def get_object(self, **_: str) -> Any:
        return {"Body": io.BytesIO(self._script)}

    def create_log_group(self, **_: str) -> None:
        raise FileExistsError

    create_log_stream = create_log_group

    def put_log_events(self, **given: Any) -> None:
        self.written += [one["message"] for one in given["logEvents"]]


@pytest.mark.parametrize(
    ("script", "minutes", "state", "says"),
    [
        (b"print('begun', flush=True)\nimport time\ntime.sleep(60)", 0.02, "TIMEOUT", "timed out after 0.02 minutes"),
        (b"print('begun')\nraise SystemExit(3)", 1, "FAILED", "SystemExit: 3"),
        (b"print('begun')", 1, "SUCCEEDED", ""),
    ],
)
def test_a_run_ends_with_its_script_or_its_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: bytes, minutes: float, state: str, says: str
) -> None:
    monkeypatch.setattr("emulator.glue.run.on_s3", lambda *_: {})
    service: Any = Service(script)
    job_record = {"Name": "job", "Role": "glue", "Command": {"ScriptLocation": "s3://scripts/job.py"}}
    run = Run(service, service, job_record, {"Id": "jr_1", "Timeout": minutes}, Path(sys.executable), tmp_path, None)
    running: list[bool] = []
    ended_as, message = run.go(lambda: running.append(True))
    assert (ended_as, says in message, running) == (state, True, [True])
    assert service.written[0] == "begun"
    assert [path.name for path in tmp_path.iterdir()] == ["log"]
