"""The watch: decides, by the fallback rule, the transactions that the stream gave no features of in time.

It sees every accepted transaction, also those that the stream job takes for a redelivery, so it is here that a second payment
under an id is found that stands for another.
"""

from __future__ import annotations

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from fraud.deciding import decide_without_features, now_ms
from fraud.payment import Payment, collision
from fraud.transaction import Transaction
from lambda_src.batches import batches
from lambda_src.decision_metrics import count_decisions
from lambda_src.ports.clients import client
from lambda_src.ports.collision_archive import CollisionArchive
from lambda_src.ports.decision_table import ITEMS_PER_CALL, DecisionTable
from lambda_src.ports.event_bus import EventBus
from lambda_src.ports.watch_queue import Unreadable, waiting_transactions
from lambda_src.telemetry import Event, LambdaContext, MetricUnit, logger, metrics, with_request
from lambda_src.watch.environment import Environment

environment = Environment.read()
store = DecisionTable(client("dynamodb"), environment.decisions_table)
events = EventBus(client("events"), environment.event_bus_name)
collisions = CollisionArchive(environment.quarantine_bucket, environment.quarantine_prefix)
processor = BatchProcessor(
    event_type=EventType.SQS,
    logger=logger,  # type: ignore[arg-type] # Powertools' own Logger is no subclass of logging's
)
WHY = f"no features within {environment.undecided_after_s} s"


class UnreadableError(ValueError):
    """A message holds what is no waiting transaction. The others in it are processed."""

    def __init__(self, unreadable: list[Unreadable]) -> None:
        said = "; ".join(f"item {position}: {error}" for position, error in unreadable[:3])
        super().__init__(f"{len(unreadable)} items of the message could not be read: {said}")


@with_request
@metrics.log_metrics
def handler(event: Event, context: LambdaContext) -> PartialItemFailureResponse:
    """Processes messages of the watch queue; a message that goes on failing is sent to the dead-letter queue."""
    return process_partial_response(event=event, record_handler=_process, processor=processor, context=context)


def _process(record: SQSRecord) -> None:
    waiting, unreadable = waiting_transactions(record.body)
    # of every line from here on, also of the processor's about a message that failed
    logger.append_keys(
        message_id=record.message_id, transaction_ids=[transaction.transaction_id for transaction, _ in waiting]
    )
    # a redelivered message may have its decisions recorded but not published
    redelivered = record.raw_event.get("attributes", {}).get("ApproximateReceiveCount") != "1"
    for batch in batches(waiting, ITEMS_PER_CALL):
        _process_batch(batch, redelivered)
    if unreadable:
        raise UnreadableError(unreadable)


def _process_batch(waiting: list[tuple[Transaction, int]], redelivered: bool) -> None:
    standing = {} if redelivered else store.decided([transaction.transaction_id for transaction, _ in waiting])
    overdue = [each for each in waiting if each[0].transaction_id not in standing]
    if overdue:
        standing |= _decide(overdue)
    compared = ((standing[each.transaction_id], Payment.of(each)) for each, _ in waiting)
    collisions.keep([found for ours, other in compared if (found := collision(ours, other))])


def _decide(overdue: list[tuple[Transaction, int]]) -> dict[str, Payment]:
    """Decides those that have no decision yet; returns the payments that the decisions stand for."""
    decided = decide_without_features(overdue, WHY, store=store, fallback=environment.fallback_rule)
    standing = {decision.transaction_id: decision for decision in decided}
    ours = [decision for decision in standing.values() if decision.why == WHY]
    if ours:
        logger.warning(
            "transactions without features in time",
            extra={"transaction_ids": [decision.transaction_id for decision in ours]},
        )
        metrics.add_metric("Undecided", MetricUnit.Count, len(ours))
        count_decisions(ours, now_ms())
        events.publish(ours)
    return {key: Payment.of(decision) for key, decision in standing.items()}
