"""Decides the transactions of the topic `features`: an event of records in, one recorded decision a transaction out."""

from __future__ import annotations

from fraud.deciding import Batch, Deciding, now_ms
from fraud.durations import MS_PER_HOUR
from fraud.transaction import InvalidTransactionError
from lambda_src.batches import batches
from lambda_src.decide.environment import Environment
from lambda_src.decision_metrics import count_decisions
from lambda_src.kafka_event import KafkaRecord, PartialFailures, log_fields, partial_failures, payments
from lambda_src.ports.clients import AwsError, client
from lambda_src.ports.collision_archive import CollisionArchive
from lambda_src.ports.decision_table import ITEMS_PER_CALL, DecisionTable, TableThrottledError
from lambda_src.ports.dynamodb_items import MalformedItemError
from lambda_src.ports.endpoint_scorer import EndpointScorer
from lambda_src.ports.event_bus import EventBus, EventsNotPublishedError
from lambda_src.ports.nightly_feature_store import CARDS_PER_CALL, NightlyFeatureStore
from lambda_src.ports.quarantine_bucket import QuarantineBucket, Refused
from lambda_src.telemetry import Event, LambdaContext, logger, metrics, with_request

environment = Environment.read()
deciding = Deciding(
    nightly=NightlyFeatureStore(
        client("sagemaker-featurestore-runtime", timeout_s=1, attempts=2), environment.nightly_feature_group
    ),
    scorer=EndpointScorer(client("sagemaker-runtime", timeout_s=1, attempts=1), environment.endpoint_name),
    store=DecisionTable(client("dynamodb"), environment.decisions_table),
    fallback=environment.fallback_rule,
    nightly_too_old_after_ms=round(environment.nightly_too_old_after_h * MS_PER_HOUR),
    control_group_percent=environment.control_group_percent,
)
events = EventBus(client("events"), environment.event_bus_name)
quarantine = QuarantineBucket(environment.quarantine_bucket, environment.quarantine_prefix)
collisions = CollisionArchive(environment.quarantine_bucket, environment.quarantine_prefix)

BATCH_LIMIT = min(CARDS_PER_CALL, ITEMS_PER_CALL)
"""Of transactions decided together: what one read of the nightly store and one write to the table take."""


@with_request
@metrics.log_metrics
def handler(event: Event, _: LambdaContext) -> PartialFailures:
    """Processes an event; see `lambda_src.kafka_event` for both its sides."""
    records = payments(event)
    readable: list[tuple[KafkaRecord, bytes]] = []
    refused: list[Refused] = []
    for record in records:
        try:
            readable.append((record, record.message()))
        except InvalidTransactionError as error:
            refused.append((record, error))
    failed = quarantine.keep(refused)
    for batch in batches(readable, BATCH_LIMIT):
        failed += _decide([record for record, _ in batch], [message for _, message in batch])
    return partial_failures(records, failed, partial=environment.partial_failures)


def _decide(records: list[KafkaRecord], messages: list[bytes]) -> list[KafkaRecord]:
    """Decides up to BATCH_LIMIT records; returns those that are to be delivered again."""
    try:
        batch = deciding.decide_batch(messages)
    except (*AwsError, TableThrottledError, InvalidTransactionError, MalformedItemError):
        logger.exception("no decision could be recorded", extra=log_fields(records))
        return records
    count_decisions(batch.new, now_ms())
    refused = [(records[rejected.position], rejected.error) for rejected in batch.rejected]
    again = _publish(batch) | _collide(batch)
    return quarantine.keep(refused) + [records[position] for position in sorted(again)]


def _publish(batch: Batch) -> set[int]:
    """Publishes the decisions; returns the places of the messages that are to be delivered again for it."""
    # also what stood before: the invocation that recorded it may have ended before it was published
    try:
        events.publish(batch.decisions)
    except EventsNotPublishedError as error:
        logger.exception("decisions could not be published", extra={"transaction_ids": sorted(error.transaction_ids)})
        return {batch.places[transaction_id] for transaction_id in error.transaction_ids}
    return set()


def _collide(batch: Batch) -> set[int]:
    """Stores the collisions; returns as `_publish` does."""
    try:
        collisions.keep([collided.collision for collided in batch.collided])
    except AwsError:
        ids = [collided.collision.other.transaction_id for collided in batch.collided]
        logger.exception("collisions could not be stored", extra={"transaction_ids": ids})
        return {collided.position for collided in batch.collided}
    return set()
