"""Starts the crawl of new files once an upload has ended: its manifest, which is written last, is a new object of the raw bucket.

A crawler runs once at a time. While it does, the messages come again until it has ended: it may have skipped what they tell
of. A message whose files are all gone by then tells of what was transformed already.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from fraud.card_numbers import mask_card_numbers
from lambda_src.ports.clients import client
from lambda_src.start_crawl.environment import Environment
from lambda_src.telemetry import Event, LambdaContext, logger, with_request

environment = Environment.read()
s3 = client("s3", timeout_s=5)
glue = client("glue", timeout_s=5)
Answer = dict[str, list[dict[str, str]]]


@with_request
def handler(event: Event, _: LambdaContext) -> Answer:
    """Processes messages of the queue Crawl: events of EventBridge about objects under the manifests' prefix."""
    found = [(record["messageId"], _waiting(record["body"])) for record in event["Records"]]
    waiting = [message for message, waits in found if waits]
    if not waiting:
        logger.info("skipped", extra={"why": "the files of these uploads were transformed already"})
        return _again([])
    try:
        glue.start_crawler(Name=environment.crawler)
    except glue.exceptions.CrawlerRunningException:
        logger.info("the crawler runs; the messages come again", extra={"messages": waiting})
        return _again(waiting)
    logger.info("started the crawler", extra={"messages": waiting})
    return _again([])


def _again(messages: list[str]) -> Answer:
    return {"batchItemFailures": [{"itemIdentifier": message} for message in messages]}


def _waiting(body: str) -> bool:
    """Whether files of an upload may still be there; of what is no upload's event that is so, for a crawl does no harm."""
    try:
        detail: Mapping[str, Any] = json.loads(body)["detail"]
        # EventBridge has keys as they are, not URL-encoded (page *ev-events*)
        bucket, key = detail["bucket"]["name"], detail["object"]["key"]
        manifest = json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
        files = [each["key"] for each in manifest["files"]]
    except (ValueError, LookupError, TypeError, ClientError) as error:
        logger.warning("no manifest of an upload", extra={"why": mask_card_numbers(f"{type(error).__name__}: {error}")})
        return True
    # the objects themselves may be looked at by the crawler and the job alone
    return any(_listed(bucket, file) for file in files)


def _listed(bucket: str, key: str) -> bool:
    listed = s3.list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1).get("Contents", [])
    return any(each["Key"] == key for each in listed)
