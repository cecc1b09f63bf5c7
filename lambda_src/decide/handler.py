"""Decides the transactions of the topic `features`: an event of records in, one recorded decision a transaction out."""

from __future__ import annotations

from typing import Any

from fraud.deciding import Batch, Deciding, now_ms
from fraud.transaction import is_heartbeat
from lambda_src.decide.environment import Environment
from lambda_src.kafka_event import KafkaRecord, PartialFailures, kafka_records, partial_failures
from lambda_src.ports.clients import AwsError, client
from lambda_src.ports.decision_table import MOST, DecisionTable, TableThrottledError
from lambda_src.ports.endpoint_scorer import EndpointScorer
from lambda_src.ports.event_bus import EventBus, EventsNotPublishedError
from lambda_src.ports.nightly_feature_store import NightlyFeatureStore
from lambda_src.ports.quarantine_bucket import QuarantineBucket
from lambda_src.telemetry import count_decisions, logger, metrics

environment = Environment.read()
deciding = Deciding(
    nightly=NightlyFeatureStore(
        client("sagemaker-featurestore-runtime", timeout_s=1, attempts=2), environment.nightly_feature_group
    ),
    scorer=EndpointScorer(client("sagemaker-runtime", timeout_s=1, attempts=1), environment.endpoint_name),
    store=DecisionTable(client("dynamodb"), environment.decisions_table),
    fallback=environment.fallback_rule,
    nightly_too_old_after_ms=round(environment.nightly_too_old_after_h * 3_600_000),
)
events = EventBus(client("events"), environment.event_bus_name)
quarantine = QuarantineBucket(environment.quarantine_bucket, environment.quarantine_prefix)


@metrics.log_metrics
def handler(event: dict[str, Any], _: object) -> PartialFailures:
    """Works off an event; see `lambda_src.kafka_event` for both its sides."""
    records = [record for record in kafka_records(event) if not is_heartbeat(record.value)]
    failed: list[KafkaRecord] = []
    for start in range(0, len(records), MOST):
        failed += _decide(records[start : start + MOST])
    return partial_failures(records, failed, partial=environment.partial_failures)


def _decide(records: list[KafkaRecord]) -> list[KafkaRecord]:
    """Decides up to MOST records; returns those that are to come again."""
    try:
        batch = deciding.decide_batch([record.value or b"" for record in records])
    except (*AwsError, TableThrottledError):
        logger.exception("no decision could be recorded", extra={"records": len(records)})
        return records
    count_decisions(batch.new, now_ms())
    refused = [(records[rejected.position], rejected.error) for rejected in batch.rejected]
    return quarantine.keep(refused) + _publish(records, batch)


def _publish(records: list[KafkaRecord], batch: Batch) -> list[KafkaRecord]:
    # also what stood before: the invocation that recorded it may have ended before it was told
    try:
        events.publish(batch.decisions)
    except (*AwsError, EventsNotPublishedError):
        logger.exception("decisions could not be published")
        refused = {rejected.position for rejected in batch.rejected}
        return [record for position, record in enumerate(records) if position not in refused]
    return []
