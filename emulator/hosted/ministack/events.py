"""What is delivered: by rules and schedules, from queues, from a table's stream."""

from __future__ import annotations

import datetime
import json
import logging
import threading
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from emulator.errors import AccessDeniedError, ServiceError
from emulator.hosted.ministack.judging import note_denial
from emulator.hosted.ministack.names import dynamodb, eventbridge, lambda_svc, scheduler, sqs
from emulator.hosted.ministack.notifications import queue_trusts
from emulator.limits.units import json_octets
from emulator.mappings.batches import Record, named_failures, within_payload
from emulator.tasks import TaskFailedError

_log = logging.getLogger(__name__)
_UNIVERSAL = "arn:aws:scheduler:::aws-sdk:"
_messages: ContextVar[set[str] | None] = ContextVar("messages", default=None)
"""The messages of the batch that a function is called with, where its answer may name some of them."""


LOOK_EVERY_S = 1
"""How often schedules are looked at: what is due is a moment late, not ten seconds."""


@dataclass(frozen=True)
class Undelivered:
    """What a rule or a schedule could not deliver, on its way to the dead letters of its target.

    Attributes:
        service: `events` or `scheduler`.
        sender: the rule's or schedule's ARN.
        taken_by: what the service takes the role for: the rule, or the schedule's group.
        role: of the target; None if it has none.
        queue: the ARN of the dead letters.
        body, attributes: the message.
    """

    service: str
    sender: str
    taken_by: str
    role: str | None
    queue: str
    body: str
    attributes: dict[str, str]


def deliver(
    before: Callable[[str, str, str], None],
    call: Callable[[str, str, Any, str], Any],
    undelivered: Callable[[Undelivered], None],
) -> None:
    """Rules and schedules deliver in the name of their target's role, where it has one.

    What is refused goes to the target's dead letters at once, as in AWS, which tries again only what may yet succeed.

    Args:
        before: asked (role ARN, target ARN, what delivers) whether the role may; raises ServiceError.
        call: a schedule's universal target, as a state machine's task: (role ARN, resource, input, what delivers).
        undelivered: given what was not delivered, where the target names a queue for it.
    """
    invoke = eventbridge._invoke_target
    eventbridge._SCHEDULER_TICK_INTERVAL = scheduler._SCHEDULE_TICK_INTERVAL = LOOK_EVERY_S

    def judged(target: dict[str, Any], event: dict[str, Any], rule: dict[str, Any], *rest: Any, **named: Any) -> None:
        role, resource = target.get("RoleArn"), target.get("Arn", "")
        service = "scheduler" if ":scheduler:" in rule.get("Arn", "") else "events"
        try:
            if role and resource.startswith(_UNIVERSAL):
                operation = f"arn:aws:states:::aws-sdk:{resource.removeprefix(_UNIVERSAL)}"
                call(role, operation, json.loads(target.get("Input") or "{}"), _taken_by(rule))
                return
            if role:
                before(role, resource, _taken_by(rule))
            elif ":sqs:" in resource and not queue_trusts(resource, service, rule.get("Arn", "")):
                note_denial(f"{service}.amazonaws.com", "sqs:SendMessage", resource)
                raise AccessDeniedError(
                    f"the queue's policy, or its key's, does not let {service}.amazonaws.com send to it"
                )
        except (ServiceError, TaskFailedError) as error:
            _log.error("%s was not delivered: %s", resource, error)
            queue = (target.get("DeadLetterConfig") or {}).get("Arn")
            if queue:
                dead = _undelivered(service, rule, target, event, error)
                # sent by a call to this very address: never on the thread that answers requests
                threading.Thread(target=undelivered, args=(dead,), name="dead letter", daemon=True).start()
            return
        invoke(target, event, rule, *rest, **named)

    eventbridge._invoke_target = judged


def tell(source: str, detail_type: str, detail: dict[str, Any]) -> None:
    """Puts an event of a service of AWS's on the default bus, which nobody else may name as a source."""
    entry = {"Source": source, "DetailType": detail_type, "Detail": json.dumps(detail), "Resources": []}
    eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)


def next_time(expression: str, after: datetime.datetime) -> datetime.datetime | None:
    """When a cron expression is due next after a moment; None for one that is wrong, or never due again."""
    fields = eventbridge._parse_cron_fields(expression)
    try:
        found: datetime.datetime | None = eventbridge._cron_next_fire(fields, after) if fields else None
    except ValueError:  # an hour of 25, say, which it does not look at
        return None
    return found


def _undelivered(
    service: str, rule: dict[str, Any], target: dict[str, Any], event: dict[str, Any], error: Exception
) -> Undelivered:
    sender, code = rule.get("Arn", ""), error.code if isinstance(error, ServiceError) else str(error.args[0])
    attributes = {"ERROR_MESSAGE": str(error)[:1000], "TARGET_ARN": target["Arn"]}
    if service == "scheduler":
        attributes |= {"ERROR_CODE": code, "SCHEDULE_ARN": sender}
        body = target.get("Input") or "{}"
    else:
        refused = isinstance(error, AccessDeniedError)
        attributes |= {"ERROR_CODE": "NO_PERMISSIONS" if refused else code, "RULE_ARN": sender}
        body = json.dumps(eventbridge._pattern_event_view(event).event_with_detail())
    queue = target["DeadLetterConfig"]["Arn"]
    return Undelivered(service, sender, _taken_by(rule), target.get("RoleArn"), queue, body, attributes)


def _taken_by(rule: dict[str, Any]) -> str:
    """The `aws:SourceArn` of a delivery: a rule's own ARN, but of a schedule its group's."""
    sender = str(rule.get("Arn", ""))
    if ":scheduler:" not in sender:
        return sender
    place, _, path = sender.partition(":schedule/")
    return f"{place}:schedule-group/{path.split('/')[0]}"


def queue_and_function(queue_arn: str, function: str) -> dict[str, Any]:
    """`VisibilityTimeout` of a queue and `Timeout` of a function, in seconds; without what is not there."""
    queue = sqs._queues.get(sqs._queue_url(queue_arn.rsplit(":", 1)[-1])) or {}
    config = lambda_svc._get_func_record_for_ref(function)[1] or {}
    times = {
        "VisibilityTimeout": queue.get("attributes", {}).get("VisibilityTimeout"),
        "Timeout": config.get("Timeout"),
    }
    return {name: seconds for name, seconds in times.items() if seconds is not None}


def poll(queue_reader: Callable[[str, str, str, int], None]) -> None:
    """Its pollers read queues alone, not streams; before each batch `queue_reader` is asked.

    An answer that cannot be read fails the whole batch, as with every other source.

    Args:
        queue_reader: given (mapping's id, function ARN, queue ARN, messages); raises AccessDeniedError.
    """
    run_batch, execute = lambda_svc._run_sqs_batch, lambda_svc._execute_function

    def asked(mapping: dict[str, Any], function: Any, event: dict[str, Any], batch: list[Any], *rest: Any) -> None:
        queue_reader(mapping["UUID"], mapping["FunctionArn"], mapping["EventSourceArn"], len(event["Records"]))
        records = [Record(record["messageId"], 0, record, 0.0) for record in event["Records"]]
        for part in within_payload(records, json_octets):
            one_event({**event, "Records": [record.body for record in part]}, mapping, function, batch, *rest)

    def one_event(event: dict[str, Any], mapping: dict[str, Any], function: Any, batch: list[Any], *rest: Any) -> None:
        named = {record["messageId"] for record in event["Records"]}
        if "ReportBatchItemFailures" in (mapping.get("FunctionResponseTypes") or []):
            _messages.set(named)
        try:
            run_batch(mapping, function, event, [message for message in batch if message["id"] in named], *rest)
        finally:
            _messages.set(None)

    def readable(function: dict[str, Any], event: Any) -> Any:
        result, messages = execute(function, event), _messages.get()
        if messages is None or result.get("error"):
            return result
        named = named_failures(result.get("body"))
        if named is None or not all(isinstance(one, str) and one in messages for one in named):
            # its own reading skips what it does not know, and deletes the messages
            says = f"the answer names no messages of the batch: {json.dumps(result.get('body'))[:500]}"
            return {**result, "error": True, "body": {"errorType": "UnreadableAnswer", "errorMessage": says}}
        return {**result, "body": {"batchItemFailures": [{"itemIdentifier": one} for one in named]}}

    lambda_svc._run_sqs_batch, lambda_svc._execute_function = asked, readable
    lambda_svc._poll_dynamodb_streams = lambda: False


def stream_records(table: str, position: int, most: int) -> list[dict[str, Any]]:
    """Records of a table's stream from a position on, as functions get them."""
    return list(dynamodb.stream_records_since(table, position, most))


def stream_bounds(table: str) -> tuple[int, int]:
    """The positions of the oldest record and after the newest of a table's stream."""
    return dynamodb.stream_start_position(table), dynamodb.stream_end_position(table)
