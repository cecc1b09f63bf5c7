"""Logs that services keep for jobs and endpoints, in groups that no template makes."""

from __future__ import annotations

from lambda_src.clean_up.unfinished import unfinished
from lambda_src.ports.clients import client
from lambda_src.telemetry import logger
from lambda_src.time_left import TimeLeft


def delete_log_streams(group_and_prefix: str, time_left: TimeLeft) -> None:
    """Deletes the log streams of a group whose names begin with a prefix, given as GROUP:PREFIX."""
    group, _, prefix = group_and_prefix.partition(":")
    logs = client("logs", timeout_s=10)
    pages = logs.get_paginator("describe_log_streams").paginate(logGroupName=group, logStreamNamePrefix=prefix)
    try:
        streams = [each["logStreamName"] for page in pages for each in page["logStreams"]]
    except logs.exceptions.ResourceNotFoundException:
        return
    for stream in streams:
        time_left.check(unfinished(f"{group}: {stream}"))
        logs.delete_log_stream(logGroupName=group, logStreamName=stream)
    logger.info("deleted log streams", extra={"group": group, "streams": len(streams)})


def delete_log_group(group: str, _: TimeLeft) -> None:
    """Deletes a log group, if it is there."""
    logs = client("logs", timeout_s=10)
    try:
        logs.delete_log_group(logGroupName=group)
    except logs.exceptions.ResourceNotFoundException:
        return
    logger.info("deleted", extra={"group": group})
