"""The watch: decides, by the fallback rule, the transactions that the stream gave no features of in time."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from fraud.deciding import decide_without_features, now_ms
from lambda_src.ports.clients import client
from lambda_src.ports.decision_table import DecisionTable
from lambda_src.ports.event_bus import EventBus
from lambda_src.ports.watch_queue import waiting_transactions
from lambda_src.telemetry import MetricUnit, count_decisions, logger, metrics
from lambda_src.watch.environment import Environment

environment = Environment.read()
store = DecisionTable(client("dynamodb"), environment.decisions_table)
events = EventBus(client("events"), environment.event_bus_name)
processor = BatchProcessor(event_type=EventType.SQS, logger=logger)
WHY = f"no features within {environment.undecided_after_s} s"


@metrics.log_metrics
def handler(event: dict[str, Any], context: Any) -> PartialItemFailureResponse:
    """Works off messages of the watch queue; a message that fails comes again, and at last lies in the dead-letter queue."""
    return process_partial_response(event=event, record_handler=_settle, processor=processor, context=context)


def _settle(record: SQSRecord) -> None:
    waiting = waiting_transactions(record.body)
    # a message that comes again may have its decisions recorded but not published
    again = int(record.attributes.approximate_receive_count) > 1
    decided = set() if again else store.decided([transaction.transaction_id for transaction, _ in waiting])
    overdue = [each for each in waiting if each[0].transaction_id not in decided]
    if not overdue:
        return
    standing = decide_without_features(overdue, WHY, store=store, fallback=environment.fallback_rule)
    ours = [decision for decision in standing if decision.why == WHY]
    if ours:
        logger.warning("transactions without features in time", extra={"transactions": len(ours)})
        metrics.add_metric("Undecided", MetricUnit.Count, len(ours))
        count_decisions(ours, now_ms())
        events.publish(ours)
