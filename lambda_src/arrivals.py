"""Objects of one prefix as S3 tells a queue of them: which are acted on, and which are skipped, with the reason in the log."""

from __future__ import annotations

from collections.abc import Callable

from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from pydantic import Field, Json

from fraud.card_numbers import holds_card_number, mask_card_numbers
from lambda_src.environment import FunctionEnvironment, Name, Prefix
from lambda_src.object_events import Arrived, told
from lambda_src.ports.arrived_objects import superseded
from lambda_src.ports.back_ends import BackEnd
from lambda_src.ports.clients import Client
from lambda_src.telemetry import logger

LONGEST_NAME = 200
"""Of an object below its prefix, in characters: its data set's name is an argument of jobs, which take 256 (type
ContainerArgument of SageMaker)."""


class ArrivalsEnvironment(FunctionEnvironment):
    """Where the objects arrive that the function acts on, and the back end that acts."""

    bucket: Name = Field(alias="BATCH_BUCKET")
    prefix: Prefix = Field(alias="ARRIVING_PREFIX")
    back_end: Json[BackEnd] = Field(alias="BACK_END")


def processes(
    client: Client, environment: ArrivalsEnvironment, act: Callable[[Arrived], str]
) -> Callable[[SQSRecord], None]:
    """What processes a message of the queue.

    Args:
        client: of s3.
        act: acts on an object and says what it did; called again for the same object, it changes nothing.
    """

    def process(record: SQSRecord) -> None:
        # of every line from here on, also of the processor's about a message that failed
        logger.append_keys(message_id=record.message_id)
        arrived, skipped = told(record.body)
        for what in skipped:
            logger.info("skipped", extra={"told": mask_card_numbers(what)})
        for each in arrived:
            reason = _unknown(each, environment) or superseded(client, each)
            said = {"object": mask_card_numbers(each.uri), "version": each.version}
            if reason:
                logger.info("skipped", extra={**said, "why": reason})
            else:
                logger.info("acted", extra={**said, "done": act(each)})

    return process


def _unknown(arrived: Arrived, environment: ArrivalsEnvironment) -> str | None:
    """Why an object is none that the function acts on; None if it is one.

    What the bucket's configuration tells the queue of is one; other messages come when that was changed, or by hand.
    """
    if holds_card_number(arrived.key):
        # it would be in the names and logs of all that follows
        return "its key holds a card number; allowed: any other name"
    suffix = environment.back_end.suffix
    name = arrived.key.removeprefix(environment.prefix)
    if arrived.bucket != environment.bucket or name == arrived.key or "/" in name or not name.endswith(suffix):
        return f"no such object is acted on; allowed: s3://{environment.bucket}/{environment.prefix}NAME{suffix}"
    if not 0 < len(name) - len(suffix) <= LONGEST_NAME:
        return f"a name of {len(name)} characters; allowed: 1 to {LONGEST_NAME} before {suffix}"
    return None
