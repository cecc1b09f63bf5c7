"""The scoring API: a request of API Gateway in, an answer out. Nothing of a request is ever logged."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from fraud.api import (
    TOGETHER,
    BatchAnswer,
    BatchElement,
    ErrorAnswer,
    ErrorDetail,
    HealthAnswer,
    LabelElement,
    LabelsAnswer,
    recorded_answer,
)
from fraud.deciding import now_ms
from fraud.durations import MS_PER_HOUR
from fraud.label import Label, as_label, check_known
from fraud.transaction import ALLOWED, TRANSACTION_ID_PATTERN, InvalidTransactionError, Transaction
from lambda_src.api.environment import Environment
from lambda_src.api.requests import body_of, check_no_card_number, elements_of, transaction_of
from lambda_src.api.scoring import AGAIN, Scoring, detail, elements
from lambda_src.decision_metrics import count_decisions
from lambda_src.ports.card_feature_store import CardFeatureStore
from lambda_src.ports.clients import AwsError, client
from lambda_src.ports.collision_archive import CollisionArchive
from lambda_src.ports.decision_table import DecisionTable, TableThrottledError
from lambda_src.ports.dynamodb_items import MalformedItemError
from lambda_src.ports.endpoint_scorer import EndpointScorer
from lambda_src.ports.event_bus import EventBus, EventsNotPublishedError
from lambda_src.ports.label_events import LabelsNotPublishedError, publish_labels
from lambda_src.ports.label_table import LabelTable
from lambda_src.telemetry import Event, LambdaContext, logger, metrics, with_request

environment = Environment.read()
store = DecisionTable(client("dynamodb"), environment.decisions_table)
known_labels = LabelTable(client("dynamodb"), environment.labels_table)
scoring = Scoring(
    features=CardFeatureStore(
        client("sagemaker-featurestore-runtime", timeout_s=1, attempts=2),
        environment.stream_feature_group,
        environment.nightly_feature_group,
    ),
    scorer=EndpointScorer(client("sagemaker-runtime", timeout_s=1, attempts=1), environment.endpoint_name),
    store=store,
    fallback=environment.fallback_rule,
    nightly_too_old_after_ms=round(environment.nightly_too_old_after_h * MS_PER_HOUR),
    control_group_percent=environment.control_group_percent,
    stated=environment.clock == "stated",
)
events_client = client("events")
events = EventBus(events_client, environment.event_bus_name)
collisions = CollisionArchive(environment.quarantine_bucket, environment.quarantine_prefix)

Answered = tuple[int, BaseModel | str]
TRANSACTION_ID = re.compile(TRANSACTION_ID_PATTERN)
DOCUMENT = Path(__file__).parents[2] / "docs" / "openapi.json"
NOT_RECORDED = (*AwsError, TableThrottledError, InvalidTransactionError, MalformedItemError)
"""What the decision table raises."""


@with_request
@metrics.log_metrics
def handler(event: Event, _: LambdaContext) -> dict[str, Any]:
    """Answers a request; see page *set-up-lambda-proxy-integrations* of API Gateway for both its sides."""
    status, body = _answer(event)
    return {
        "statusCode": status,
        "headers": {"Content-Type": "application/json", "Cache-Control": "no-store"},
        "body": body if isinstance(body, str) else body.model_dump_json(exclude_unset=True),
    }


def _answer(event: Event) -> Answered:
    try:
        check_no_card_number(event)
        operation = OPERATIONS.get((event.get("httpMethod"), event.get("resource")))
        if operation is None:
            error = ErrorDetail(field="request", problem="no such operation", allowed="those of /v1/openapi.json")
            return 404, ErrorAnswer(error=error)
        return operation(event)
    except InvalidTransactionError as error:
        return 400, ErrorAnswer(error=detail(error))
    except NOT_RECORDED as error:
        # what a service says may repeat what it was sent
        logger.error("a request could not be answered", extra={"error": type(error).__name__})
        return 503, ErrorAnswer(error=AGAIN)


def _score(event: Event) -> Answered:
    transaction = transaction_of(body_of(event), environment.undeclared_fields)
    (element,) = _decided([(0, transaction)], {})
    if element.decision is None:
        return element.status, ErrorAnswer(error=element.error or AGAIN)
    return 200, element.decision


def _score_batch(event: Event) -> Answered:
    transactions: list[tuple[int, Transaction]] = []
    invalid: dict[int, InvalidTransactionError] = {}
    for place, fields in enumerate(elements_of(body_of(event), "transactions")):
        try:
            transactions.append((place, transaction_of(fields, environment.undeclared_fields)))
        except InvalidTransactionError as error:
            invalid[place] = error
    return 200, BatchAnswer(results=_decided(transactions, invalid))


def _decided(
    transactions: list[tuple[int, Transaction]], invalid: Mapping[int, InvalidTransactionError]
) -> list[BatchElement]:
    if not transactions:
        return [BatchElement(status=400, error=detail(invalid[place])) for place in sorted(invalid)]
    try:
        batch = scoring.decide(transactions)
    except NOT_RECORDED as error:
        logger.error("no decision could be recorded", extra={"error": type(error).__name__})
        found = {place: BatchElement(status=503, error=AGAIN) for place, _ in transactions}
        found |= {place: BatchElement(status=400, error=detail(wrong)) for place, wrong in invalid.items()}
        return [found[place] for place in sorted(found)]
    count_decisions(batch.new, now_ms())
    unpublished: set[str] = set()
    try:
        # also what stood before: the request that made it may have ended before it was published
        events.publish(batch.decisions)
    except EventsNotPublishedError as error:
        unpublished = set(error.transaction_ids)
        logger.error("decisions could not be published", extra={"decisions": len(unpublished)})
    try:
        collisions.keep([collided.collision for collided in batch.collided])
    except AwsError:
        logger.error("collisions could not be stored", extra={"collisions": len(batch.collided)})
    return elements(batch, transactions, invalid, unpublished)


def _decision(event: Event) -> Answered:
    name = str((event.get("pathParameters") or {}).get("transaction_id", ""))
    if not TRANSACTION_ID.fullmatch(name):
        raise InvalidTransactionError("transaction_id", "none", ALLOWED["transaction_id"])
    found = store.decisions([name]).get(name)
    if found is None:
        error = ErrorDetail(
            field="transaction_id", problem="has no decision", allowed="the id of a decided transaction"
        )
        return 404, ErrorAnswer(error=error)
    return 200, recorded_answer(found, known_labels.newest(name, TOGETHER))


def _labels(event: Event) -> Answered:
    results: dict[int, LabelElement] = {}
    labels: dict[int, Label] = {}
    for place, fields in enumerate(elements_of(body_of(event), "labels")):
        try:
            if not isinstance(fields, dict):
                raise InvalidTransactionError("message", f"a JSON {type(fields).__name__}", "one JSON object")
            labels[place] = check_known(as_label(fields), now_ms())
        except InvalidTransactionError as error:
            results[place] = LabelElement(status=400, error=detail(error))
    refused: list[Label] = []
    try:
        publish_labels(events_client, environment.event_bus_name, list(labels.values()))
    except LabelsNotPublishedError as error:
        refused = list(error.labels)
        logger.error("labels could not be published", extra={"labels": len(refused)})
    for place, label in labels.items():
        late = label in refused
        results[place] = LabelElement(status=503, error=AGAIN) if late else LabelElement(status=202)
    in_order = [results[place] for place in sorted(results)]
    accepted = sum(one.status == 202 for one in in_order)
    return 202, LabelsAnswer(accepted=accepted, results=in_order)


def _health(_: Event) -> Answered:
    return 200, HealthAnswer(status="ok")


def _document(_: Event) -> Answered:
    return 200, DOCUMENT.read_text()


OPERATIONS: Mapping[tuple[Any, Any], Callable[[Event], Answered]] = {
    ("POST", "/v1/score"): _score,
    ("POST", "/v1/score/batch"): _score_batch,
    ("GET", "/v1/decisions/{transaction_id}"): _decision,
    ("POST", "/v1/labels"): _labels,
    ("GET", "/v1/health"): _health,
    ("GET", "/v1/openapi.json"): _document,
}
"""{(method, resource): what answers it}; the document and the gateway have these and no others."""
