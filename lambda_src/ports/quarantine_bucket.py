"""The quarantine prefix of a bucket: invalid messages, each with its reason and without card numbers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from fraud.clock import day_of
from fraud.quarantine import quarantine_record
from fraud.transaction import InvalidTransactionError
from lambda_src.kafka_event import UNKNOWN, KafkaRecord, log_fields
from lambda_src.ports.clients import AwsError, Client, client
from lambda_src.telemetry import MetricUnit, logger, metrics

Refused = tuple[KafkaRecord, InvalidTransactionError]


class QuarantineBucket:
    """One object a batch, a JSON line a message. The same batch delivered again writes the same object.

    Args:
        bucket: its name.
        prefix: of the keys, ending with /.
    """

    def __init__(self, bucket: str, prefix: str) -> None:
        self._bucket, self._prefix = bucket, prefix
        self._client: Client = None

    def keep(self, refused: Sequence[Refused]) -> list[KafkaRecord]:
        """Counts and stores these messages; returns those to be delivered again: none, or all if the bucket refuses them."""
        if not refused:
            return []
        metrics.add_metric("Quarantined", MetricUnit.Count, len(refused))
        try:
            self._put(refused)
        except AwsError:
            logger.exception(
                "invalid messages could not be put into the quarantine",
                extra=log_fields(record for record, _ in refused),
            )
            return [record for record, _ in refused]
        return []

    def _put(self, refused: Sequence[Refused]) -> None:
        if self._client is None:  # made when the first is refused: most instances never need it
            self._client = client("s3")
        lines = [
            json.dumps(quarantine_record(record.value, error, record.topic, record.partition, record.offset))
            for record, error in refused
        ]
        body = "".join(f"{line}\n" for line in lines).encode()
        self._client.put_object(
            Bucket=self._bucket, Key=self._key(refused[0][0], body), Body=body, ContentType="application/jsonl"
        )

    def _key(self, first: KafkaRecord, body: bytes) -> str:
        known = UNKNOWN not in (first.partition, first.offset)
        name = f"{first.partition}-{first.offset}" if known else hashlib.sha256(body).hexdigest()[:32]
        return f"{self._prefix}{first.topic}/{day_of(first.timestamp)}/{name}.jsonl"
