"""Buckets that are to be deleted: closed for new objects, then emptied."""

from __future__ import annotations

import json

from lambda_src.clean_up.unfinished import unfinished
from lambda_src.ports.clients import Client, client
from lambda_src.telemetry import logger
from lambda_src.time_left import TimeLeft


class NotDeletedError(Exception):
    """An object could not be deleted: names it and says why."""


def empty_bucket(bucket: str, time_left: TimeLeft) -> None:
    """Deletes all objects of a bucket, old versions included.

    Raises:
        NotDeletedError: S3 refuses to delete one.
        OutOfTimeError: there are too many for one call of the function.
    """
    s3 = client("s3", timeout_s=30)
    try:
        _close(s3, bucket)
    except s3.exceptions.NoSuchBucket:
        return
    deleted = 0
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        if not found:
            continue
        time_left.check(unfinished(f"s3://{bucket}"))
        objects = [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in found]
        answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})
        for error in answer.get("Errors", []):
            raise NotDeletedError(f"s3://{bucket}/{error['Key']}: {error['Code']}: {error['Message']}")
        deleted += len(objects)
    logger.info("emptied", extra={"bucket": bucket, "objects": deleted})


def _close(s3: Client, bucket: str) -> None:
    # access logs come for hours after the requests that they log; one more, and the bucket cannot be deleted
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:PutObject",
        "Resource": f"arn:{s3.meta.partition}:s3:::{bucket}/*",
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    s3.put_bucket_policy(Bucket=bucket, Policy=policy)
