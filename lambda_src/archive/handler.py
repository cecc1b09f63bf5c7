"""Archives the topic `transactions` and the stream of the table `decisions` as Parquet."""

from __future__ import annotations

from typing import Any

from fraud.decision import Decision
from fraud.transaction import InvalidTransactionError, is_heartbeat, parse_transaction
from lambda_src.archive.environment import Environment
from lambda_src.archive.rows import DECISIONS, TRANSACTIONS, decision_row, transaction_row
from lambda_src.kafka_event import PartialFailures, kafka_records
from lambda_src.ports.clients import client
from lambda_src.ports.parquet_archive import ParquetArchive
from lambda_src.telemetry import logger

environment = Environment.read()
_s3 = client("s3", timeout_s=10)
transactions = ParquetArchive(_s3, environment.archive_bucket, environment.transactions_prefix, TRANSACTIONS)
decisions = ParquetArchive(_s3, environment.archive_bucket, environment.decisions_prefix, DECISIONS)

DONE: PartialFailures = {"batchItemFailures": []}


def handler(event: dict[str, Any], _: object) -> PartialFailures:
    """Archives an event whole, or raises what the bucket answered: then all of it comes again."""
    if "records" in event:
        _archive_transactions(event)
    else:
        _archive_decisions(event)
    return DONE


def _archive_transactions(event: dict[str, Any]) -> None:
    for place, records in event["records"].items():
        of_partition = [
            record for record in kafka_records({"records": {place: records}}) if not is_heartbeat(record.value)
        ]
        rows = []
        for record in of_partition:
            try:
                transaction = parse_transaction(record.value or b"")
            except InvalidTransactionError as error:
                logger.warning("passed over", extra={"reason": str(error)})  # `accept` keeps it in the quarantine
            else:
                rows.append((record.timestamp, transaction_row(transaction, record.timestamp)))
        if rows:
            transactions.put(f"{place}-{of_partition[0].offset}-{of_partition[-1].offset}", rows)


def _archive_decisions(event: dict[str, Any]) -> None:
    added = [record for record in event["Records"] if record["eventName"] == "INSERT"]
    made = [Decision.from_json(record["dynamodb"]["NewImage"]["decision"]["S"]) for record in added]
    if made:
        first = added[0]["dynamodb"]["SequenceNumber"]
        decisions.put(f"{first}-{len(made)}", [(each.trans_time, decision_row(each)) for each in made])
