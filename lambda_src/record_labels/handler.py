"""Records labels: each once in the table, each in the archive, and says which are about transactions that nobody knows.

The archive gets a label before the table does. What the table holds is in the archive, so a label that comes again is written
nowhere; where the function ends in between, the archive gets it twice and a reader takes the row that came first.
"""

from __future__ import annotations

import hashlib
import time

from fraud.label import Label, check_known
from fraud.transaction import InvalidTransactionError
from lambda_src.batches import batches
from lambda_src.kafka_event import UNKNOWN, KafkaRecord, PartialFailures, WholeBatchFailedError
from lambda_src.ports.clients import AwsError, client
from lambda_src.ports.decision_table import ITEMS_PER_CALL, DecisionTable, TableThrottledError
from lambda_src.ports.label_table import LabelTable
from lambda_src.ports.labels_queue import queued_label
from lambda_src.ports.parquet_archive import ParquetArchive
from lambda_src.ports.quarantine_bucket import QuarantineBucket, Refused
from lambda_src.record_labels.environment import Environment
from lambda_src.record_labels.rows import LABELS, label_row
from lambda_src.telemetry import Event, LambdaContext, MetricUnit, logger, metrics, with_request

SHOWN = 100
"""Transaction ids in a log line."""

environment = Environment.read()
_dynamodb = client("dynamodb")
decisions = DecisionTable(_dynamodb, environment.decisions_table)
table = LabelTable(_dynamodb, environment.labels_table)
archive = ParquetArchive(client("s3", timeout_s=10), environment.archive_bucket, environment.labels_prefix, LABELS)
quarantine = QuarantineBucket(environment.archive_bucket, environment.quarantine_prefix)


@with_request
@metrics.log_metrics
def handler(event: Event, _: LambdaContext) -> PartialFailures:
    """Processes messages of the queue Labels; one that goes on failing is sent to the dead-letter queue.

    Raises:
        WholeBatchFailedError: none could be processed.
    """
    labels: dict[Label, list[str]] = {}
    refused: list[tuple[str, Refused]] = []
    for message in event["Records"]:
        try:
            label = check_known(queued_label(message["body"]), _now_ms())
        except InvalidTransactionError as error:
            logger.warning("quarantined", extra={"message_id": message["messageId"], "reason": str(error)})
            refused.append((message["messageId"], (_source(message), error)))
        else:
            labels.setdefault(label, []).append(message["messageId"])
    failed = _quarantine(refused)
    for some in batches(labels, ITEMS_PER_CALL):
        failed += [message for label in _record(some) for message in labels[label]]
    if failed and len(failed) == len(event["Records"]):
        raise WholeBatchFailedError(f"{len(failed)} messages failed; the errors are logged above")
    return {"batchItemFailures": [{"itemIdentifier": message} for message in failed]}


def _quarantine(refused: list[tuple[str, Refused]]) -> list[str]:
    kept = not quarantine.keep([each for _, each in refused])
    return [] if kept else [message for message, _ in refused]


def _record(labels: list[Label]) -> list[Label]:
    """Records up to ITEMS_PER_CALL labels; gives those that are to come again."""
    ids = {"transaction_ids": [label.transaction_id for label in labels[:SHOWN]]}
    try:
        recorded = table.recorded(labels)
        new = [label for label in labels if label not in recorded]
        known = decisions.decided([label.transaction_id for label in new]).keys() if new else set()
        moment = _now_ms()
        _archive(new, moment)
    except (*AwsError, TableThrottledError):
        logger.exception("labels are not recorded", extra=ids)
        return labels
    failed = []
    for label in new:
        try:
            table.record(label, moment, known_transaction=label.transaction_id in known)
        except AwsError:
            logger.exception("a label is not recorded", extra={"transaction_id": label.transaction_id})
            failed.append(label)
    done = [label for label in new if label not in failed]
    unknown = [label.transaction_id for label in done if label.transaction_id not in known]
    if unknown:
        logger.warning(
            "labels of unknown transactions are kept",
            extra={"labels": len(unknown), "transaction_ids": unknown[:SHOWN]},
        )
    metrics.add_metric("Labels", MetricUnit.Count, len(done))
    metrics.add_metric("LabelsUnknown", MetricUnit.Count, len(unknown))
    metrics.add_metric("LabelsRepeated", MetricUnit.Count, len(recorded))
    return failed


def _archive(labels: list[Label], moment: int) -> None:
    if labels:
        # named after what it holds, too: another batch of the same millisecond is another object
        name = hashlib.sha256("\n".join(label.to_json() for label in labels).encode()).hexdigest()[:32]
        rows = [(label.known_ms, label_row(label, moment)) for label in labels]
        archive.put(f"{moment}-{name}", rows)


def _source(message: dict[str, str]) -> KafkaRecord:
    """A message as the quarantine keeps it."""
    return KafkaRecord("labels", 0, UNKNOWN, _now_ms(), str(message["body"]).encode(errors="replace"))


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
