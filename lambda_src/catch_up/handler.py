"""Waits until a consumer group has read a topic up to now, so that what comes after it in a template may rely on it.

Properties: `Group`; `Topic`; `Since`, milliseconds since 1970 from which on records matter to the group, or `0` for all;
`Clock`, `broker` where records carry the time at which they came, `data` where they carry their own; `Last`, whether it is the
last to wait: the others answer when their call's time is up, and the next one waits on; `BeginBefore`, seconds. Attribute:
`From`, seconds since 1970, so long before the group had caught up: where a reader of its output begins. Updates change nothing.
"""

from __future__ import annotations

import time

from confluent_kafka import Consumer

from lambda_src.catch_up.environment import Environment
from lambda_src.custom_resource import Request, custom_resource
from lambda_src.ports.clients import client, session
from lambda_src.ports.group_progress import GroupProgress
from lambda_src.ports.kafka_topics import admin_settings, brokers_of
from lambda_src.telemetry import LambdaContext, logger
from lambda_src.time_left import OutOfTimeError, TimeLeft

environment = Environment.read()
kafka = client("kafka", timeout_s=10)

NEWEST_S = 30
"""What is younger than this may still be on its way through the group."""
POLL_S = 5.0
SAY_EVERY = 12


class BehindError(RuntimeError):
    """The group did not catch up in time: says how far it is behind."""


@custom_resource(lambda attributes: f"from-{attributes['From']}")
def handler(request: Request, context: LambdaContext) -> dict[str, str]:
    """Processes a request of CloudFormation."""
    if request["RequestType"] != "Create":
        return {"From": request["PhysicalResourceId"].rpartition("-")[2]}
    asked = request["ResourceProperties"]
    progress = GroupProgress(_consumer(asked["Group"]), asked["Topic"])
    try:
        _wait(progress, asked, TimeLeft(context))
    finally:
        progress.close()
    return {"From": str(int(time.time()) - int(asked["BeginBefore"]))}


def _wait(progress: GroupProgress, asked: dict[str, str], time_left: TimeLeft) -> None:
    by_data, since_ms = asked["Clock"] == "data", int(asked["Since"])
    # records that carry their own time say nothing of when they came: what was there a moment ago has to be read
    ends, taken = progress.ends(), time.monotonic()
    looks = 0
    while True:
        if by_data and time.monotonic() - taken > NEWEST_S:
            ends, taken = progress.ends(), time.monotonic()
        wanted = ends if by_data else progress.at(int(time.time() * 1000) - NEWEST_S * 1000)
        behind = progress.behind(wanted, since_ms)
        if not behind:
            return
        says = f"{asked['Group']} is {behind} records of {asked['Topic']} behind"
        if looks % SAY_EVERY == 0:
            logger.info("catching up", extra={"behind": behind, "group": asked["Group"], "topic": asked["Topic"]})
        looks += 1
        try:
            time_left.wait(POLL_S, says)
        except OutOfTimeError as error:
            if asked["Last"] != "true":
                logger.info("still catching up: the next resource waits on", extra={"behind": behind})
                return
            raise BehindError(
                f"{says}; nothing has changed for the readers: raise catch_up_minutes, or flink_parallelism"
            ) from error


def _consumer(group: str) -> Consumer:
    settings = admin_settings(brokers_of(kafka, environment.cluster_arn), session)
    # it asks and never joins: nothing of the group changes
    return Consumer({**settings, "group.id": group, "enable.auto.commit": False})
