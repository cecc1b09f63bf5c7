"""Uploads in parts are put together as S3 does it, or refused; what is given up leaves nothing."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.process import EmulatedAws
from tests.emulator.conftest import Deployed, function, ref, role

MIB = 1024 * 1024
_numbers = itertools.count(1)


@pytest.fixture
def place(aws: EmulatedAws) -> dict[str, str]:
    name = f"uploads{next(_numbers)}"
    aws.client("s3").create_bucket(Bucket=name)
    return {"Bucket": name, "Key": "input/a file.csv"}


def begun(aws: EmulatedAws, place: dict[str, str], *sizes: int, **more: Any) -> tuple[str, list[dict[str, Any]]]:
    """An upload with parts of these sizes."""
    s3 = aws.client("s3")
    upload = s3.create_multipart_upload(**place, **more)["UploadId"]
    parts = []
    for number, size in enumerate(sizes, 1):
        answer = s3.upload_part(**place, UploadId=upload, PartNumber=number, Body=bytes([number]) * size, **more)
        parts.append(
            {"PartNumber": number, **{name: answer[name] for name in answer if name in ("ETag", "ChecksumSHA256")}}
        )
    return upload, parts


def _md5(body: bytes) -> Any:
    return hashlib.md5(body, usedforsecurity=False)


def completed(aws: EmulatedAws, place: dict[str, str], upload: str, parts: list[dict[str, Any]]) -> dict[str, Any]:
    given = {"UploadId": upload, "MultipartUpload": {"Parts": parts}}
    return dict(aws.client("s3").complete_multipart_upload(**place, **given))


def test_parts_are_put_together_in_their_order(aws: EmulatedAws, place: dict[str, str]) -> None:
    upload, parts = begun(aws, place, 5 * MIB, 5 * MIB, 1)
    listed = aws.client("s3").list_parts(**place, UploadId=upload)["Parts"]
    assert [(one["PartNumber"], one["Size"]) for one in listed] == [(1, 5 * MIB), (2, 5 * MIB), (3, 1)]
    whole = completed(aws, place, upload, parts)
    digests = b"".join(_md5(bytes([number]) * size).digest() for number, size in ((1, 5 * MIB), (2, 5 * MIB), (3, 1)))
    assert whole["ETag"] == f'"{_md5(digests).hexdigest()}-3"'
    body = aws.client("s3").get_object(**place)["Body"].read()
    assert (len(body), body[0], body[5 * MIB], body[-1]) == (10 * MIB + 1, 1, 2, 3)
    with pytest.raises(ClientError, match="NoSuchUpload"):
        aws.client("s3").list_parts(**place, UploadId=upload)


def test_a_small_part_before_the_last_is_refused(aws: EmulatedAws, place: dict[str, str]) -> None:
    upload, parts = begun(aws, place, 5 * MIB - 1, 1)
    with pytest.raises(ClientError, match="EntityTooSmall"):
        completed(aws, place, upload, parts)
    assert "Contents" not in aws.client("s3").list_objects_v2(Bucket=place["Bucket"])


def test_parts_out_of_order_or_of_another_upload_are_refused(aws: EmulatedAws, place: dict[str, str]) -> None:
    upload, parts = begun(aws, place, 5 * MIB, 5 * MIB)
    with pytest.raises(ClientError, match="InvalidPartOrder"):
        completed(aws, place, upload, parts[::-1])
    with pytest.raises(ClientError, match="InvalidPart"):
        completed(aws, place, upload, [{**parts[0], "ETag": '"0"'}])
    with pytest.raises(ClientError, match="InvalidPart"):
        completed(aws, place, upload, [*parts, {"PartNumber": 3, "ETag": '"0"'}])
    with pytest.raises(ClientError, match="MalformedXML"):
        completed(aws, place, upload, [])


def test_checksums_are_looked_at(aws: EmulatedAws, place: dict[str, str]) -> None:
    upload, parts = begun(aws, place, 5 * MIB, 1, ChecksumAlgorithm="SHA256")
    assert parts[1]["ChecksumSHA256"] == base64.b64encode(hashlib.sha256(b"\x02").digest()).decode()
    wrong = base64.b64encode(hashlib.sha256(b"other").digest()).decode()
    with pytest.raises(ClientError, match="InvalidPart"):
        completed(aws, place, upload, [parts[0], {**parts[1], "ChecksumSHA256": wrong}])
    with pytest.raises(ClientError, match=r"BadDigest|InvalidRequest|did not match"):
        aws.client("s3").upload_part(**place, UploadId=upload, PartNumber=2, Body=b"x", ChecksumSHA256=wrong)
    assert completed(aws, place, upload, parts)["ChecksumSHA256"].endswith("-2")


def test_what_is_given_up_leaves_nothing(aws: EmulatedAws, place: dict[str, str]) -> None:
    s3 = aws.client("s3")
    upload, parts = begun(aws, place, 5 * MIB)
    assert [one["UploadId"] for one in s3.list_multipart_uploads(Bucket=place["Bucket"])["Uploads"]] == [upload]
    s3.abort_multipart_upload(**place, UploadId=upload)
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=place["Bucket"])
    for call, given in ((s3.upload_part, {"PartNumber": 2, "Body": b"x"}), (s3.list_parts, {})):
        with pytest.raises(ClientError, match="NoSuchUpload"):
            call(**place, UploadId=upload, **given)
    with pytest.raises(ClientError, match="NoSuchUpload"):
        completed(aws, place, upload, parts)


CODE = """
import boto3, os
def handler(event, context):
    s3, place = boto3.client('s3'), {'Bucket': event['bucket'], 'Key': 'input/a'}
    upload = s3.create_multipart_upload(**place)['UploadId']
    part = s3.upload_part(**place, UploadId=upload, PartNumber=1, Body=b'x')
    if event['then'] == 'complete':
        parts = [{'PartNumber': 1, 'ETag': part['ETag']}]
        return s3.complete_multipart_upload(**place, UploadId=upload, MultipartUpload={'Parts': parts})['ETag']
    return getattr(s3, event['then'])(**place, UploadId=upload)['ResponseMetadata']['HTTPStatusCode']
"""


def test_each_step_is_judged_by_its_own_action(aws: EmulatedAws, deployed: Deployed, place: dict[str, str]) -> None:
    objects = f"arn:aws:s3:::{place['Bucket']}/input/*"
    made = deployed(
        {"Role": role("lambda", ("s3:PutObject", objects)), "Function": function(CODE, "Role")},
        {"function": ref("Function")},
    )

    def called(then: str) -> Any:
        payload = json.dumps({"bucket": place["Bucket"], "then": then})
        return json.loads(aws.client("lambda").invoke(FunctionName=made["function"], Payload=payload)["Payload"].read())

    assert called("complete").endswith('-1"')
    assert "s3:ListMultipartUploadParts" in called("list_parts")["errorMessage"]
    assert "s3:AbortMultipartUpload" in called("abort_multipart_upload")["errorMessage"]
