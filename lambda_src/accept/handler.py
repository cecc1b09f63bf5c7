"""The door of the topic `transactions`: invalid ones go to the quarantine, valid ones to the watch queue."""

from __future__ import annotations

from fraud.clock import moment
from fraud.transaction import InvalidTransactionError, parse_transaction
from lambda_src.accept.environment import Environment
from lambda_src.kafka_event import KafkaRecord, PartialFailures, log_fields, partial_failures, payments
from lambda_src.ports.clients import AwsError, client
from lambda_src.ports.quarantine_bucket import QuarantineBucket, Refused
from lambda_src.ports.watch_queue import Waiting, WatchQueue
from lambda_src.telemetry import Event, LambdaContext, logger, metrics, with_request

environment = Environment.read()
queue = WatchQueue(client("sqs"), environment.watch_queue_url, environment.undecided_after_s)
quarantine = QuarantineBucket(environment.quarantine_bucket, environment.quarantine_prefix)


@with_request
@metrics.log_metrics
def handler(event: Event, _: LambdaContext) -> PartialFailures:
    """Processes an event; see `lambda_src.kafka_event` for both its sides."""
    records = payments(event)
    valid: list[KafkaRecord] = []
    waiting: list[Waiting] = []
    refused: list[Refused] = []
    for record in records:
        try:
            transaction = parse_transaction(record.message(), environment.undeclared_fields)
            trans_time = moment(record.timestamp)
        except InvalidTransactionError as error:
            refused.append((record, error))
        else:
            valid.append(record)
            waiting.append(Waiting(transaction.to_json(), trans_time))
    failed = _watch(valid, waiting) + quarantine.keep(refused)
    return partial_failures(records, failed, partial=environment.partial_failures)


def _watch(valid: list[KafkaRecord], waiting: list[Waiting]) -> list[KafkaRecord]:
    try:
        queue.send(waiting)
    except AwsError:
        logger.exception("transactions could not be sent to the watch queue", extra=log_fields(valid))
        return valid
    return []
