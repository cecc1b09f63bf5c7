"""The door of the topic `transactions`: refuses what breaks the contract, and has the watch look after what does not."""

from __future__ import annotations

from typing import Any

from fraud.transaction import InvalidTransactionError, is_heartbeat, parse_transaction
from lambda_src.accept.environment import Environment
from lambda_src.kafka_event import KafkaRecord, PartialFailures, kafka_records, partial_failures
from lambda_src.ports.clients import AwsError, client
from lambda_src.ports.quarantine_bucket import QuarantineBucket, Refused
from lambda_src.ports.watch_queue import Waiting, WatchQueue
from lambda_src.telemetry import logger, metrics

environment = Environment.read()
queue = WatchQueue(client("sqs"), environment.watch_queue_url, environment.undecided_after_s)
quarantine = QuarantineBucket(environment.quarantine_bucket, environment.quarantine_prefix)


@metrics.log_metrics
def handler(event: dict[str, Any], _: object) -> PartialFailures:
    """Works off an event; see `lambda_src.kafka_event` for both its sides."""
    records = [record for record in kafka_records(event) if not is_heartbeat(record.value)]
    sound: list[KafkaRecord] = []
    waiting: list[Waiting] = []
    refused: list[Refused] = []
    for record in records:
        try:
            transaction = parse_transaction(record.value or b"")
        except InvalidTransactionError as error:
            refused.append((record, error))
        else:
            sound.append(record)
            waiting.append(Waiting(transaction.to_json(), record.timestamp))
    return partial_failures(records, _watch(sound, waiting) + quarantine.keep(refused))


def _watch(sound: list[KafkaRecord], waiting: list[Waiting]) -> list[KafkaRecord]:
    try:
        queue.send(waiting)
    except AwsError:
        logger.exception("transactions could not be put under watch", extra={"records": len(sound)})
        return sound
    return []
