"""Keeps each card's newest stream features in the online store, for whoever asks there; no decision waits for it."""

from __future__ import annotations

from fraud.feature_record import FeatureRecord, parse_feature_record
from fraud.features.batch_write import write_records
from fraud.features.groups import STREAM_GROUP, feature_values
from fraud.transaction import InvalidTransactionError
from lambda_src.ingest_features.environment import Environment
from lambda_src.kafka_event import KafkaRecord, PartialFailures, log_fields, partial_failures, payments
from lambda_src.ports.clients import AwsError, client
from lambda_src.telemetry import Event, LambdaContext, logger, with_request

environment = Environment.read()
store = client("sagemaker-featurestore-runtime")


@with_request
def handler(event: Event, _: LambdaContext) -> PartialFailures:
    """Processes an event; see `lambda_src.kafka_event` for both its sides."""
    records = payments(event)
    newest: dict[str, tuple[KafkaRecord, FeatureRecord]] = {}
    for record in records:
        try:
            features = parse_feature_record(record.message())
        except InvalidTransactionError as error:
            # `decide` puts it into the quarantine
            logger.warning("skipped: invalid", extra={"reason": str(error), **log_fields([record])})
            continue
        known = newest.get(features.cc_num)
        if known is None or features.trans_time >= known[1].trans_time:
            newest[features.cc_num] = (record, features)
    return partial_failures(
        records, _write(list(newest.values())) if newest else [], partial=environment.partial_failures
    )


def _write(newest: list[tuple[KafkaRecord, FeatureRecord]]) -> list[KafkaRecord]:
    values = [
        feature_values(STREAM_GROUP, {"cc_num": features.cc_num, **features.features}, features.trans_time)
        for _, features in newest
    ]
    try:
        refused = write_records(
            store.batch_write_record,
            environment.stream_feature_group,
            values,
            ttl_days=environment.features_ttl_days,
        )
    except AwsError:
        logger.exception("features could not be written", extra=log_fields(record for record, _ in newest))
        return [record for record, _ in newest]
    for each in refused:
        logger.error("features refused", extra={"reason": each.why, **log_fields([newest[each.position][0]])})
    return [newest[each.position][0] for each in refused]
