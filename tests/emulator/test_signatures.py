"""Whose signatures are checked: everyone's, and the key of the account's root is the one that it was given."""

from __future__ import annotations

import boto3
import pytest
import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.httpsession import URLLib3Session

from emulator.account import ACCOUNT, REGION
from emulator.process import EmulatedAws

QUEUES = {"X-Amz-Target": "AmazonSQS.ListQueues", "Content-Type": "application/x-amz-json-1.0"}
GROUPS = {"X-Amz-Target": "SageMaker.ListModelPackageGroups", "Content-Type": "application/x-amz-json-1.1"}
ASKED = {"sqs": QUEUES, "sagemaker": GROUPS}
"""{service: headers of a request that changes nothing}: one of MiniStack's, one that stands beside it."""


def asked(aws: EmulatedAws, service: str, key: str, secret: str) -> int:
    request = AWSRequest("POST", aws.endpoint + "/", data=b"{}", headers=dict(ASKED[service]))
    SigV4Auth(Credentials(key, secret), service, REGION).add_auth(request)
    return int(URLLib3Session(timeout=30).send(request.prepare()).status_code)


@pytest.mark.parametrize("service", list(ASKED))
def test_the_roots_key_needs_its_secret_and_no_other_key_is_the_roots(aws: EmulatedAws, service: str) -> None:
    key, secret = aws.credentials["AWS_ACCESS_KEY_ID"], aws.credentials["AWS_SECRET_ACCESS_KEY"]
    assert asked(aws, service, key, secret) == 200
    for wrong in ((key, "wrong"), ("test", "test"), ("test", secret), (ACCOUNT, secret), ("999999999999", secret)):
        assert asked(aws, service, *wrong) in (400, 403), wrong


@pytest.mark.parametrize("authorization", ["Bearer a-token", "Basic cm9vdDo=", "AWS4-HMAC-SHA256", "none"])
def test_a_header_of_another_kind_is_nobodys(aws: EmulatedAws, authorization: str) -> None:
    headers = {**QUEUES, "Authorization": authorization}
    answer = urllib3.request("POST", aws.endpoint + "/", headers=headers, body=b"{}", retries=False)
    assert answer.status in (400, 403), answer.data


@pytest.mark.parametrize("version", ["s3", "s3v4"])
def test_a_link_is_the_roots_if_it_was_made_with_its_secret(aws: EmulatedAws, version: str) -> None:
    bucket = f"links-{version}"
    aws.client("s3").create_bucket(Bucket=bucket)
    aws.client("s3").put_object(Bucket=bucket, Key="k", Body=b"v")

    def got(secret: str) -> int:
        s3 = boto3.client(
            "s3",
            endpoint_url=aws.endpoint,
            region_name=REGION,
            aws_access_key_id=aws.credentials["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=secret,
            config=Config(signature_version=version),
        )
        link = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "k"})
        return urllib3.request("GET", link, retries=False).status

    assert (got(aws.credentials["AWS_SECRET_ACCESS_KEY"]), got("wrong")) == (200, 403)


def test_the_root_is_known_by_its_key(aws: EmulatedAws) -> None:
    assert aws.client("sts").get_caller_identity()["Arn"] == f"arn:aws:iam::{ACCOUNT}:root"
