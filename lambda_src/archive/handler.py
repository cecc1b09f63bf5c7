"""Archives the topic `transactions` and the stream of the table `decisions` as Parquet."""

from __future__ import annotations

from fraud.clock import moment
from fraud.transaction import InvalidTransactionError, parse_transaction
from lambda_src.archive.changes import Change, added, source
from lambda_src.archive.environment import Environment
from lambda_src.archive.rows import DECISIONS, TRANSACTIONS, decision_row, transaction_row
from lambda_src.kafka_event import KafkaRecord, PartialFailures, by_partition, log_fields, payments
from lambda_src.ports.clients import client
from lambda_src.ports.parquet_archive import InvalidRow, ParquetArchive, Row
from lambda_src.ports.quarantine_bucket import QuarantineBucket, Refused
from lambda_src.telemetry import Event, LambdaContext, logger, metrics, with_request

environment = Environment.read()
_s3 = client("s3", timeout_s=10)
transactions = ParquetArchive(_s3, environment.archive_bucket, environment.transactions_prefix, TRANSACTIONS)
decisions = ParquetArchive(_s3, environment.archive_bucket, environment.decisions_prefix, DECISIONS)
quarantine = QuarantineBucket(environment.archive_bucket, environment.quarantine_prefix)

DONE: PartialFailures = {"batchItemFailures": []}


class NotQuarantinedError(Exception):
    """What cannot be archived could not be put into the quarantine either."""


@with_request
@metrics.log_metrics
def handler(event: Event, _: LambdaContext) -> PartialFailures:
    """Archives what can be of an event; the rest goes to the quarantine.

    Raises:
        ClientError, BotoCoreError, NotQuarantinedError: the bucket refuses; then the whole event is delivered again.
    """
    if "records" in event:
        _archive_transactions(event)
    else:
        _archive_decisions(event)
    return DONE


def _archive_transactions(event: Event) -> None:
    for place, records in by_partition(payments(event)):
        valid: list[KafkaRecord] = []
        rows: list[tuple[int, Row]] = []
        for record in records:
            try:
                transaction = parse_transaction(record.message(), environment.undeclared_fields)
                trans_time = moment(record.timestamp)
            except InvalidTransactionError as error:
                # `accept` puts it into the quarantine
                logger.warning("skipped: invalid", extra={"reason": str(error), **log_fields([record])})
            else:
                valid.append(record)
                rows.append((trans_time, transaction_row(transaction, trans_time)))
        if rows:
            invalid = transactions.put(f"{place}-{valid[0].offset}-{valid[-1].offset}", rows)
            _quarantine([(valid[each.position], _invalid(each)) for each in invalid])


def _archive_decisions(event: Event) -> None:
    changes: list[tuple[object, Change]] = []
    refused: list[Refused] = []
    for record in event["Records"]:
        try:
            change = added(record)
        except InvalidTransactionError as error:
            refused.append((source(record), error))
        else:
            changes += [] if change is None else [(record, change)]
    if changes:
        rows = [(change.decision.trans_time, decision_row(change.decision)) for _, change in changes]
        invalid = decisions.put(f"{changes[0][1].name}-{len(changes)}", rows)
        refused += [(source(changes[each.position][0]), _invalid(each)) for each in invalid]
    _quarantine(refused)


def _invalid(each: InvalidRow) -> InvalidTransactionError:
    return InvalidTransactionError("row", each.problem[:200], "values of the archive's columns")


def _quarantine(refused: list[Refused]) -> None:
    for record, error in refused:
        logger.warning("not archived", extra={"reason": str(error), **log_fields([record])})
    if quarantine.keep(refused):
        raise NotQuarantinedError(f"{len(refused)} records can neither be archived nor be put into the quarantine")
