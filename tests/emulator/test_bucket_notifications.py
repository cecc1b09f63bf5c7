"""Buckets tell queues of their objects as S3 does, of what the filters let through, where queue and key allow it."""

from __future__ import annotations

import json
import time
from typing import Any
from urllib.parse import unquote_plus

import pytest

from emulator.process import EmulatedAws
from local.deployment import DeploymentError
from tests.emulator.conftest import Deployed, attribute, received, ref

WANTED = {"bucket": ref("Bucket"), "queue": ref("Queue"), "queue_arn": attribute("Queue", "Arn")}
ALLOWED = {
    "Effect": "Allow",
    "Principal": {"Service": "s3.amazonaws.com"},
    "Action": "sqs:SendMessage",
    "Resource": attribute("Queue", "Arn"),
    "Condition": {"StringEquals": {"aws:SourceAccount": ref("AWS::AccountId")}},
}


def told(prefix: str, suffix: str = ".parquet", event: str = "s3:ObjectCreated:*") -> dict[str, Any]:
    rules = [{"Name": "prefix", "Value": prefix}, {"Name": "suffix", "Value": suffix}]
    return {"Event": event, "Queue": attribute("Queue", "Arn"), "Filter": {"S3Key": {"Rules": rules}}}


def key(*services: str) -> dict[str, Any]:
    """A key that the account and these services may use."""
    root = {
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::123456789012:root"},
        "Action": "kms:*",
        "Resource": "*",
    }
    uses = ["kms:Decrypt", "kms:GenerateDataKey"]
    theirs = [
        {"Effect": "Allow", "Principal": {"Service": service}, "Action": uses, "Resource": "*"} for service in services
    ]
    policy = {"Version": "2012-10-17", "Statement": [root, *theirs]}
    return {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": policy}}


def stack(*configurations: dict[str, Any], statement: dict[str, Any] = ALLOWED, **queue: Any) -> dict[str, Any]:
    policy = {"Queues": [ref("Queue")], "PolicyDocument": {"Version": "2012-10-17", "Statement": [statement]}}
    return {
        "Queue": {"Type": "AWS::SQS::Queue", "Properties": queue},
        "Allowed": {"Type": "AWS::SQS::QueuePolicy", "Properties": policy},
        "Bucket": {
            "Type": "AWS::S3::Bucket",
            "DependsOn": ["Allowed"],
            "Properties": {
                "VersioningConfiguration": {"Status": "Enabled"},
                "NotificationConfiguration": {"QueueConfigurations": list(configurations)},
            },
        },
    }


def records(bodies: list[str]) -> list[dict[str, Any]]:
    return [record for body in bodies for record in json.loads(body)["Records"]]


def test_a_queue_is_told_first_of_a_test_then_of_what_the_filters_let_through(
    aws: EmulatedAws, deployed: Deployed
) -> None:
    made = deployed(stack(told("train/"), told("train/", ".csv")), WANTED)
    tests = [json.loads(body) for body in received(aws, made["queue"], 2)]
    assert {(one["Event"], one["Service"], one["Bucket"]) for one in tests} == {
        ("s3:TestEvent", "Amazon S3", made["bucket"])
    }
    s3, name = aws.client("s3"), "train/a b+c %20 é.parquet"
    for other in ("train/x.json", "test/x.parquet"):
        s3.put_object(Bucket=made["bucket"], Key=other, Body=b"")
    put = s3.put_object(Bucket=made["bucket"], Key=name, Body=b"rows")
    (found,) = records(received(aws, made["queue"]))
    s3.copy_object(Bucket=made["bucket"], Key="train/copy.csv", CopySource={"Bucket": made["bucket"], "Key": name})
    (copied,) = records(received(aws, made["queue"]))

    assert found["eventName"] == "ObjectCreated:Put"
    assert found["eventSource"] == "aws:s3"
    assert found["s3"]["bucket"]["name"] == made["bucket"]
    told_of = found["s3"]["object"]
    assert told_of["key"] == "train/a+b%2Bc+%2520+%C3%A9.parquet"
    assert unquote_plus(told_of["key"]) == name
    assert told_of["eTag"] == put["ETag"].strip('"')
    assert told_of["versionId"] == put["VersionId"]
    assert told_of["size"] == 4
    assert copied["eventName"] == "ObjectCreated:Copy"
    assert int(copied["s3"]["object"]["sequencer"], 16) > int(told_of["sequencer"], 16)


def test_an_object_in_parts_is_told_of_once_it_is_whole(aws: EmulatedAws, deployed: Deployed) -> None:
    made = deployed(stack(told("train/")), WANTED)
    received(aws, made["queue"])
    s3, place = aws.client("s3"), {"Bucket": made["bucket"], "Key": "train/parts.parquet"}
    upload = s3.create_multipart_upload(**place)["UploadId"]
    parts = [
        {
            "PartNumber": number,
            "ETag": s3.upload_part(**place, UploadId=upload, PartNumber=number, Body=body)["ETag"],
        }
        for number, body in ((1, b"x" * 5 * 1024 * 1024), (2, b"end"))
    ]
    whole = s3.complete_multipart_upload(**place, UploadId=upload, MultipartUpload={"Parts": parts})
    (found,) = records(received(aws, made["queue"]))
    assert found["eventName"] == "ObjectCreated:CompleteMultipartUpload"
    assert found["s3"]["object"]["size"] == 5 * 1024 * 1024 + 3
    assert found["s3"]["object"]["eTag"] == whole["ETag"].strip('"')


@pytest.mark.parametrize(
    ("first", "other"),
    [
        (told("train/"), told("train/")),
        (told("train/", ""), told("train/day/", ".csv")),
        (told("train/", ".csv"), told("", "v")),
        (told("train/", event="s3:ObjectCreated:Put"), told("train/")),
    ],
)
def test_configurations_that_overlap_are_refused(
    deployed: Deployed, first: dict[str, Any], other: dict[str, Any]
) -> None:
    with pytest.raises(DeploymentError, match="Configurations overlap"):
        deployed(stack(first, other), WANTED)


def test_configurations_that_do_not_are_taken(deployed: Deployed) -> None:
    deployed(
        stack(
            told("train/"), told("train/", ".csv"), told("test/"), told("train/", ".parquet", "s3:ObjectRemoved:Delete")
        ),
        WANTED,
    )


def test_an_event_that_there_is_not_is_refused(deployed: Deployed) -> None:
    with pytest.raises(DeploymentError, match="is not supported for notifications"):
        deployed(stack(told("train/", event="s3:ObjectCreated")), WANTED)


@pytest.mark.parametrize(
    "statement",
    [
        {**ALLOWED, "Principal": {"Service": "events.amazonaws.com"}},
        {**ALLOWED, "Condition": {"StringEquals": {"aws:SourceAccount": "210987654321"}}},
        {**ALLOWED, "Condition": {"ArnEquals": {"aws:SourceArn": "arn:aws:s3:::another"}}},
    ],
)
def test_a_queue_that_does_not_let_s3_send_is_refused(deployed: Deployed, statement: dict[str, Any]) -> None:
    with pytest.raises(DeploymentError, match="Unable to validate the following destination configurations"):
        deployed(stack(told("train/"), statement=statement), WANTED)


def test_a_queues_key_has_to_let_s3_use_it(aws: EmulatedAws, deployed: Deployed) -> None:
    encrypted = {"KmsMasterKeyId": attribute("Key", "Arn")}
    with pytest.raises(DeploymentError, match="Unable to validate the following destination configurations"):
        deployed({"Key": key("events.amazonaws.com"), **stack(told("train/"), **encrypted)}, WANTED)
    made = deployed({"Key": key("s3.amazonaws.com"), **stack(told("train/"), **encrypted)}, WANTED)
    received(aws, made["queue"])
    aws.client("s3").put_object(Bucket=made["bucket"], Key="train/a.parquet", Body=b"")
    assert len(records(received(aws, made["queue"]))) == 1


def test_what_a_queue_does_not_let_through_any_more_is_lost_and_noted(aws: EmulatedAws, deployed: Deployed) -> None:
    made = deployed(stack(told("train/")), WANTED)
    received(aws, made["queue"])
    sqs, s3 = aws.client("sqs"), aws.client("s3")
    sqs.set_queue_attributes(QueueUrl=made["queue"], Attributes={"Policy": ""})
    s3.put_object(Bucket=made["bucket"], Key="train/a.parquet", Body=b"")
    time.sleep(0.5)
    assert "Messages" not in sqs.receive_message(QueueUrl=made["queue"], WaitTimeSeconds=0)
    (row,) = (one for one in aws.permissions() if one["role"] == "s3.amazonaws.com")
    assert made["queue_arn"] in {one["resource"] for one in row["denied"]}


@pytest.mark.parametrize("services", [("events.amazonaws.com",), ()])
def test_a_rule_reaches_a_queue_whose_key_lets_it(
    aws: EmulatedAws, deployed: Deployed, services: tuple[str, ...]
) -> None:
    statement = {**ALLOWED, "Principal": {"Service": "events.amazonaws.com"}}
    policy = {"Queues": [ref("Queue")], "PolicyDocument": {"Version": "2012-10-17", "Statement": [statement]}}
    made = deployed(
        {
            "Key": key(*services),
            "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"KmsMasterKeyId": attribute("Key", "Arn")}},
            "Allowed": {"Type": "AWS::SQS::QueuePolicy", "Properties": policy},
            "Rule": {
                "Type": "AWS::Events::Rule",
                "Properties": {
                    "EventPattern": {"source": [f"tests.{len(services)}"]},
                    "Targets": [{"Id": "queue", "Arn": attribute("Queue", "Arn")}],
                },
            },
        },
        {"queue": ref("Queue")},
    )
    entry = {"Source": f"tests.{len(services)}", "DetailType": "a", "Detail": "{}"}
    aws.client("events").put_events(Entries=[entry])
    if services:
        assert len(received(aws, made["queue"])) == 1
    else:
        time.sleep(0.5)
        assert "Messages" not in aws.client("sqs").receive_message(QueueUrl=made["queue"])
