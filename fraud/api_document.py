"""The scoring API's OpenAPI 3.1 document and the schemas that the gateway validates by, from the models that it answers with and
the fields that a transaction may have.

docs/openapi.json is written by `python -m tools.openapi`; a test holds the two together.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from fraud.api import TOGETHER, BatchAnswer, DecisionAnswer, ErrorAnswer, HealthAnswer, LabelsAnswer, RecordedAnswer
from fraud.fields import DECLARED, REQUIRED_FIELDS, Field
from fraud.label import FIELDS as LABEL_FIELDS
from fraud.label import SOURCES
from fraud.transaction import (
    ALLOWED,
    AMOUNT_PATTERN,
    LONGEST_TEXT,
    MAX_AMOUNT_CENTS,
    TOKEN_PATTERN,
    TRANSACTION_ID_PATTERN,
    WIRE_FORM_SAYS,
)
from fraud.wire_form import DATE, TIME, Undeclared

Schema = dict[str, Any]


class Operation(NamedTuple):
    """An operation of the API.

    Attributes:
        method, path: as the gateway has them.
        name: the operation's id, and its body's model at the gateway.
        says: what it does.
        takes: the body's schema by name; None for none.
        answers: {status: the model}.
    """

    method: str
    path: str
    name: str
    says: str
    takes: str | None
    answers: dict[int, type[BaseModel] | None]


OPERATIONS = (
    Operation(
        "POST",
        "/v1/score",
        "score",
        "Scores and decides one transaction. The same one again is answered with the first answer, whichever way it came.",
        "Transaction",
        {200: DecisionAnswer, 400: ErrorAnswer, 409: ErrorAnswer, 503: ErrorAnswer},
    ),
    Operation(
        "POST",
        "/v1/score/batch",
        "scoreBatch",
        f"Scores and decides up to {TOGETHER} transactions. Each gets its own status; a bad one stops no other.",
        "Transactions",
        {200: BatchAnswer, 400: ErrorAnswer},
    ),
    Operation(
        "GET",
        "/v1/decisions/{transaction_id}",
        "decision",
        "The decision about a transaction, and the transaction's labels.",
        None,
        {200: RecordedAnswer, 400: ErrorAnswer, 404: ErrorAnswer, 503: ErrorAnswer},
    ),
    Operation(
        "POST",
        "/v1/labels",
        "labels",
        f"Takes up to {TOGETHER} labels: what became known of transactions. Each gets its own status.",
        "Labels",
        {202: LabelsAnswer, 400: ErrorAnswer},
    ),
    Operation(
        "GET", "/v1/health", "health", "Whether the function answers.", None, {200: HealthAnswer, 400: ErrorAnswer}
    ),
    Operation("GET", "/v1/openapi.json", "document", "This document.", None, {200: None, 400: ErrorAnswer}),
)
"""All of them; the function and the gateway have these and no others."""

BY_GATEWAY = {
    403: "not signed, not allowed, or no such operation",
    413: "over the gateway's 10 MB",
    429: "too many requests: over the stage's limits, or the usage plan's",
    500: "the gateway failed",
    502: "the function failed",
    504: "no answer within 29 seconds",
}
"""What the gateway answers in place of the function."""


def request_schemas(undeclared: Undeclared = "keep") -> dict[str, Schema]:
    """{name: JSON schema} of what requests carry, in what drafts 4 and 2020-12 have in common.

    The lists of a request take any objects: the function says of each by itself what is wrong with it.
    """
    return {
        "Transaction": transaction_schema(undeclared),
        "Transactions": _list_of("transactions"),
        "Labels": _list_of("labels"),
    }


def transaction_schema(undeclared: Undeclared = "keep") -> Schema:
    """A transaction.

    >>> transaction_schema()["properties"]["cc_num"]["pattern"]
    '^[0-9a-f]{32}$'
    """
    return {
        "type": "object",
        "required": [field.name for field in REQUIRED_FIELDS],
        "properties": {field.name: {"description": ALLOWED[field.name], **_of_field(field)} for field in DECLARED},
        "additionalProperties": {"type": ["string", "number", "boolean", "null"]} if undeclared == "keep" else False,
    }


def label_schema() -> Schema:
    """A label."""
    text = {"type": "string", "minLength": 1, "maxLength": LONGEST_TEXT}
    return {
        "type": "object",
        "required": list(LABEL_FIELDS),
        "properties": {
            "transaction_id": {"type": "string", "pattern": TRANSACTION_ID_PATTERN},
            "is_fraud": {"type": "boolean"},
            "source": {"type": "string", "enum": list(SOURCES)},
            "reported_by": text,
            "known_at": _MOMENT,
        },
        "additionalProperties": False,
    }


def _list_of(name: str) -> Schema:
    items = {"type": "array", "minItems": 1, "maxItems": TOGETHER, "items": {"type": "object"}}
    return {"type": "object", "required": [name], "properties": {name: items}, "additionalProperties": False}


_MOMENT = {"type": "string", "pattern": f"^{DATE}T{TIME}Z$"}
"""Of days that there are: the 30th of February is refused by everything behind it."""
_AMOUNT = {"type": "number", "minimum": 0, "maximum": MAX_AMOUNT_CENTS / 100}
_CORE: dict[str, Schema] = {
    "identity": {"type": "string", "pattern": TRANSACTION_ID_PATTERN},
    "card": {"type": "string", "pattern": TOKEN_PATTERN},
    "moment": _MOMENT,
    "amount": {"anyOf": [{"type": "string", "pattern": AMOUNT_PATTERN}, _AMOUNT]},
}


def _of_field(field: Field) -> Schema:
    if field.kind in _CORE:
        return _CORE[field.kind]
    optional = [] if field.required else ["null"]
    if field.kind == "flag":
        return {"type": ["boolean", *optional] if optional else "boolean"}
    if field.kind == "number":
        kind = ["number", *optional] if optional else "number"
        return {"type": kind, "minimum": field.least, "maximum": field.most}
    form: Schema = {"pattern": f"^{field.form}$"} if field.form else {"minLength": 1, "maxLength": LONGEST_TEXT}
    return {"type": ["string", *optional] if optional else "string", **form}


def document() -> Schema:
    """The OpenAPI document."""
    answers = (DecisionAnswer, RecordedAnswer, BatchAnswer, LabelsAnswer, HealthAnswer, ErrorAnswer)
    _, found = models_json_schema(
        [(model, "serialization") for model in answers], ref_template="#/components/schemas/{model}"
    )
    requests = request_schemas()
    for name, of in (("Transactions", "transactions"), ("Labels", "labels")):
        requests[name]["properties"][of]["items"] = {"$ref": f"#/components/schemas/{of[:-1].capitalize()}"}
    requests["Label"] = label_schema()
    # what no schema can say
    requests["Transaction"]["description"] = f"{WIRE_FORM_SAYS}; no card number in any of it, and no blank text"
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Card-fraud scoring",
            "version": "1",
            "description": "Decides card transactions as the stream does. A card number anywhere in a request is refused: cards "
            "are named by tokens. docs/api.md says more.",
        },
        "security": [{"iam": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "iam": {
                    "type": "apiKey",
                    "name": "Authorization",
                    "in": "header",
                    "description": "AWS Signature Version 4, service execute-api; by a setting Cognito or x-api-key in its place",
                    "x-amazon-apigateway-authtype": "awsSigv4",
                }
            },
            "schemas": dict(sorted({**found["$defs"], **requests}.items())),
        },
    }


def _operation(operation: Operation) -> dict[str, Any]:
    said: dict[str, Any] = {"operationId": operation.name, "summary": operation.says}
    if "{transaction_id}" in operation.path:
        of_id = {"type": "string", "pattern": TRANSACTION_ID_PATTERN}
        said["parameters"] = [{"name": "transaction_id", "in": "path", "required": True, "schema": of_id}]
    if operation.takes:
        schema = {"$ref": f"#/components/schemas/{operation.takes}"}
        said["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    said["responses"] = {
        **{str(status): _response(model) for status, model in operation.answers.items()},
        **{str(status): {"description": says} for status, says in BY_GATEWAY.items()},
    }
    return said


def _response(model: type[BaseModel] | None) -> dict[str, Any]:
    if model is None:
        return {"description": "an OpenAPI document", "content": {"application/json": {"schema": {"type": "object"}}}}
    says = (model.__doc__ or model.__name__).strip().splitlines()[0]
    schema = {"$ref": f"#/components/schemas/{model.__name__}"}
    return {"description": says, "content": {"application/json": {"schema": schema}}}
