"""Transform jobs: a model that is really served is asked about every object, and one request that fails fails the job."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.process import EmulatedAws
from emulator.sagemaker.transforms import _Asking
from tests.emulator.conftest import Deployed, attribute, ref, role, until
from tests.emulator.test_sagemaker import BOOTSTRAP, SCRIPT, model, packed
from tests.emulator.test_state_machines import IMAGE, PULL, WAITING, machine
from tests.emulator.test_state_machines import ended as ran

WIDTH = len(json.loads((Path(BOOTSTRAP) / "manifest.json").read_text())["feature_names"])
ROW = ",".join(["1"] * WIDTH)
_numbers = itertools.count(1)


@pytest.fixture
def name() -> str:
    return f"transform{next(_numbers)}"


def stack(bucket: str, *more: Any, may_write: bool = True, archive: str = "model.tar.gz") -> dict[str, Any]:
    objects = f"arn:aws:s3:::{bucket}/*"
    allowed = ["s3:GetObject", "s3:PutObject"] if may_write else ["s3:GetObject"]
    container = {"Image": IMAGE, "ModelDataUrl": f"s3://{bucket}/{archive}", "Environment": SCRIPT}
    return {
        "Role": role(
            "sagemaker",
            ("s3:ListBucket", f"arn:aws:s3:::{bucket}"),
            (allowed, objects),
            ("ecr:GetAuthorizationToken", "*"),
            (PULL, "arn:aws:ecr:us-east-1:683313688378:repository/sagemaker-xgboost"),
            *more,
        ),
        "Model": {
            "Type": "AWS::SageMaker::Model",
            "Properties": {"ExecutionRoleArn": attribute("Role", "Arn"), "PrimaryContainer": container},
        },
    }


@pytest.fixture
def bucket(aws: EmulatedAws, name: str) -> str:
    aws.client("s3").create_bucket(Bucket=name)
    aws.client("s3").put_object(Bucket=name, Key="model.tar.gz", Body=model("asked"))
    return name


MODEL = {"model": attribute("Model", "ModelName")}


def asked(name: str, model_name: str, **properties: Any) -> dict[str, Any]:
    """A job over `in/` that writes to `out/`, of rows as CSV."""
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{name}/in/"}}
    given = {**properties.pop("TransformInput", {})}
    output = {**properties.pop("TransformOutput", {})}
    return {
        "TransformJobName": name,
        "ModelName": model_name,
        "TransformInput": {"DataSource": source, "ContentType": "text/csv", **given},
        "TransformOutput": {"S3OutputPath": f"s3://{name}/out", "Accept": "text/csv", **output},
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
        **properties,
    }


def ended(aws: EmulatedAws, name: str) -> dict[str, Any]:
    def found() -> Any:
        one = aws.client("sagemaker").describe_transform_job(TransformJobName=name)
        return one if one["TransformJobStatus"] not in ("InProgress", "Stopping") else None

    return dict(until(found, 60))


def outputs(aws: EmulatedAws, name: str) -> dict[str, bytes]:
    s3 = aws.client("s3")
    listed = s3.list_objects_v2(Bucket=name, Prefix="out").get("Contents", [])
    return {one["Key"]: s3.get_object(Bucket=name, Key=one["Key"])["Body"].read() for one in listed}


def test_each_object_is_asked_about_whole(aws: EmulatedAws, deployed: Deployed, bucket: str) -> None:
    made = deployed(stack(bucket), MODEL)
    s3, sagemaker = aws.client("s3"), aws.client("sagemaker")
    for key, rows in (("in/part-00000", 2), ("in/day/part-00001", 3)):
        s3.put_object(Bucket=bucket, Key=key, Body="\n".join([ROW] * rows))
    sagemaker.create_transform_job(**asked(bucket, made["model"], TransformOutput={"Accept": "application/json"}))
    found = ended(aws, bucket)
    assert found["TransformJobStatus"] == "Completed", found.get("FailureReason")
    written = {key: json.loads(body) for key, body in outputs(aws, bucket).items()}
    assert {key: len(body["scores"]) for key, body in written.items()} == {
        "out/part-00000.out": 2, "out/day/part-00001.out": 3
    }  # fmt: skip
    assert written["out/part-00000.out"]["model_version"] == "asked"
    assert f"transform-job/{bucket}" not in aws.processes()
    (listed,) = sagemaker.list_transform_jobs(NameContains=bucket)["TransformJobSummaries"]
    assert listed["TransformJobStatus"] == "Completed"


@pytest.mark.parametrize(("strategy", "records"), [("MultiRecord", [3]), ("SingleRecord", [1, 1, 1])])
def test_lines_are_records(
    aws: EmulatedAws, deployed: Deployed, bucket: str, strategy: str, records: list[int]
) -> None:
    made = deployed(stack(bucket), MODEL)
    aws.client("s3").put_object(Bucket=bucket, Key="in/rows.csv", Body=f"{ROW}\n{ROW}\n{ROW}\n")
    job = asked(
        bucket,
        made["model"],
        BatchStrategy=strategy,
        TransformInput={"SplitType": "Line"},
        TransformOutput={"AssembleWith": "Line", "Accept": "application/json"},
    )
    aws.client("sagemaker").create_transform_job(**job)
    assert ended(aws, bucket)["TransformJobStatus"] == "Completed"
    answers = [json.loads(line) for line in outputs(aws, bucket)["out/rows.csv.out"].splitlines()]
    assert [len(answer["scores"]) for answer in answers] == records


@pytest.mark.parametrize(
    ("split", "strategy", "requests"),
    [
        ("Line", "MultiRecord", [700_001, 349_000]),
        ("Line", "SingleRecord", [400_000, 300_000, 349_000]),
    ],
)
def test_requests_hold_as_many_records_as_their_payload_lets_them(
    split: str, strategy: str, requests: list[int]
) -> None:
    record = {
        "TransformInput": {"SplitType": split},
        "TransformOutput": {"AssembleWith": "Line"},
        "BatchStrategy": strategy,
        "MaxPayloadInMB": 1,
    }
    asking = _Asking(record, "http://127.0.0.1:1", 1)
    body = b"x" * 400_000 + b"\n" + b"y" * 300_000 + b"\n" + b"z" * 349_000
    assert [len(one) for one in asking._requests(body)] == requests


def test_a_request_that_fails_fails_the_job_and_leaves_the_other_objects(
    aws: EmulatedAws, deployed: Deployed, bucket: str
) -> None:
    made = deployed(stack(bucket), MODEL)
    s3 = aws.client("s3")
    s3.put_object(Bucket=bucket, Key="in/a.csv", Body="no numbers")
    s3.put_object(Bucket=bucket, Key="in/b.csv", Body=ROW)
    aws.client("sagemaker").create_transform_job(**asked(bucket, made["model"]))
    found = ended(aws, bucket)
    assert found["TransformJobStatus"] == "Failed"
    assert found["FailureReason"].startswith(f"ClientError: s3://{bucket}/in/a.csv: HTTP 400")
    assert list(outputs(aws, bucket)) == ["out/b.csv.out"]


def test_a_record_over_the_payload_fails_the_job(aws: EmulatedAws, deployed: Deployed, bucket: str) -> None:
    made = deployed(stack(bucket), MODEL)
    aws.client("s3").put_object(Bucket=bucket, Key="in/a.csv", Body=b"1" * (1024 * 1024 + 1))
    aws.client("sagemaker").create_transform_job(**asked(bucket, made["model"], MaxPayloadInMB=1))
    assert "a record of 1048577 bytes; allowed: at most 1048576" in ended(aws, bucket)["FailureReason"]


@pytest.mark.parametrize(
    ("properties", "says"),
    [({"may_write": False}, "s3:PutObject"), ({"archive": "nothing.tar.gz"}, "key does not exist")],
)
def test_what_the_models_role_may_not_fails_the_job(
    aws: EmulatedAws, deployed: Deployed, bucket: str, properties: dict[str, Any], says: str
) -> None:
    made = deployed(stack(bucket, **properties), MODEL)
    aws.client("s3").put_object(Bucket=bucket, Key="in/a.csv", Body=ROW)
    aws.client("sagemaker").create_transform_job(**asked(bucket, made["model"]))
    found = ended(aws, bucket)
    assert (found["TransformJobStatus"], says in found["FailureReason"]) == ("Failed", True), found


SLOW = b"""
import time

def model_fn(folder):
    return None

def transform_fn(model, body, kind, accept):
    time.sleep(600)
"""


def test_a_job_that_is_stopped_is_not_completed(aws: EmulatedAws, deployed: Deployed, bucket: str) -> None:
    aws.client("s3").put_object(Bucket=bucket, Key="slow.tar.gz", Body=packed(code__inference_dot_py=SLOW))
    made = deployed(stack(bucket, archive="slow.tar.gz"), MODEL)
    aws.client("s3").put_object(Bucket=bucket, Key="in/a.csv", Body=ROW)
    sagemaker = aws.client("sagemaker")
    sagemaker.create_transform_job(**asked(bucket, made["model"]))
    until(lambda: aws.processes().get(f"transform-job/{bucket}"))
    sagemaker.stop_transform_job(TransformJobName=bucket)
    assert ended(aws, bucket)["TransformJobStatus"] == "Stopped"
    assert f"transform-job/{bucket}" not in aws.processes()
    with pytest.raises(ClientError, match="is not running"):
        sagemaker.stop_transform_job(TransformJobName=bucket)


def test_what_is_not_implemented_is_refused(aws: EmulatedAws, deployed: Deployed, bucket: str) -> None:
    made = deployed(stack(bucket), MODEL)
    sagemaker = aws.client("sagemaker")
    for wrong in (
        {"TransformInput": {"SplitType": "RecordIO"}},
        {"TransformInput": {"CompressionType": "Gzip"}},
        {"DataProcessing": {"JoinSource": "Input"}},
    ):
        with pytest.raises(ClientError, match="is not implemented here"):
            sagemaker.create_transform_job(**asked(bucket, made["model"], **wrong))
    with pytest.raises(ClientError, match='Could not find model "'):
        sagemaker.create_transform_job(**asked(bucket, "none"))


@pytest.mark.parametrize("lacking", ["", "sagemaker:DescribeTransformJob", "events:PutRule"])
def test_a_state_machine_waits_for_a_job(aws: EmulatedAws, deployed: Deployed, bucket: str, lacking: str) -> None:
    job = asked(bucket, "")
    job["ModelName"] = attribute("Model", "ModelName")
    actions = ["sagemaker:CreateTransformJob", "sagemaker:DescribeTransformJob", "sagemaker:StopTransformJob"]
    rule = "arn:aws:events:us-east-1:123456789012:rule/StepFunctionsGetEventsForSageMakerTransformJobsRule"
    allowed = [action for action in actions if action != lacking]
    states = {
        "Score": {
            "Type": "Task",
            "Resource": "arn:aws:states:::sagemaker:createTransformJob.sync",
            "Parameters": job,
            "End": True,
        }
    }
    made = deployed(
        {
            **stack(bucket),
            "Machine": role(
                "states",
                (allowed, f"arn:aws:sagemaker:us-east-1:123456789012:transform-job/{bucket}"),
                ([action for action in WAITING if action != lacking], rule),
            ),
            "States": machine(states),
        },
        {"machine": ref("States")},
    )
    aws.client("s3").put_object(Bucket=bucket, Key="in/a.csv", Body=ROW)
    found = ran(aws, made["machine"])
    if lacking:
        assert found["status"] == "FAILED"
        assert lacking in found["cause"]
    else:
        assert found["status"] == "SUCCEEDED", found
        assert json.loads(found["output"])["TransformJobStatus"] == "Completed"
