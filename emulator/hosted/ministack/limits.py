"""Its services, its CloudFormation and its state machines held to AWS's limits, before anything of it is done."""

from __future__ import annotations

import json
import sys
import uuid
from typing import Any

from emulator.errors import ServiceError
from emulator.hosted.ministack.names import (
    app,
    custom_resource,
    dynamodb,
    iam,
    iam_actions,
    lambda_svc,
    stacks,
    stepfunctions,
)
from emulator.limits.guard import SERVICES, check_request, check_resource
from emulator.limits.table import LIMITS
from emulator.limits.units import STATE
from emulator.protocol.wire import Request

_ANSWERS = "/_ministack/cfn-response/"


def hold_to_limits() -> None:
    """Puts the limits before all of it."""
    for service in SERVICES:
        app.SERVICE_HANDLERS[service] = _guarded(service, app.SERVICE_HANDLERS[service])
    # it counts the text of a transaction's request, the service the items
    dynamodb._DDB_TXN_MAX_BYTES = sys.maxsize
    _hold_resources()
    _hold_custom_resources()
    _hold_executions()


def _guarded(service: str, handler: Any) -> Any:
    async def guarded(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, list[str]]
    ) -> tuple[int, dict[str, str], bytes]:
        try:
            check_request(service, Request(method, path, headers, body or b"", query))
        except ServiceError as error:
            return _refusal(service, error, headers)
        answer: tuple[int, dict[str, str], bytes] = await handler(method, path, headers, body, query)
        return answer

    return guarded


def _refusal(service: str, error: ServiceError, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
    """An error in the form of the service's protocol."""
    _, answer_headers, body = iam_actions.access_denied_response(
        service, "", "", str(uuid.uuid4()), error_code=error.code, message=error.message, headers=headers
    )
    return error.status, answer_headers, body


def _hold_resources() -> None:
    provision, update = stacks._provision_resource, stacks._update_resource

    def held(kind: str, properties: dict[str, Any]) -> None:
        try:
            check_resource(kind, properties)
        except ServiceError as error:
            raise ValueError(str(error)) from error

    def provisioned(kind: str, logical_id: str, properties: dict[str, Any], *rest: Any) -> Any:
        held(kind, properties)
        made = provision(kind, logical_id, properties, *rest)
        _hold_made(kind, properties, made[0])
        return made

    def updated(kind: str, physical_id: str, old: dict[str, Any], new: dict[str, Any], *rest: Any) -> Any:
        held(kind, new)
        made = update(kind, physical_id, old, new, *rest)
        _hold_made(kind, new, made[0])
        return made

    stacks._provision_resource, stacks._update_resource = provisioned, updated


def _hold_made(kind: str, properties: dict[str, Any], physical_id: str) -> None:
    """What can be measured only of what is there: a function with its layers, a role with all its policies."""
    if kind == "AWS::Lambda::Function":
        record = lambda_svc._functions.get(physical_id) or {}
        refused = lambda_svc._validate_total_unzipped_size(
            record.get("code_zip"), record.get("config", {}).get("Layers")
        )
        if refused:
            raise ValueError(f"InvalidParameterValueException: {json.loads(refused[2])['message']}")
    roles = {"AWS::IAM::Role": [physical_id], "AWS::IAM::Policy": properties.get("Roles") or []}.get(kind, [])
    for name in roles:
        policies = list((iam._roles.get(name) or {}).get("InlinePolicies", {}).values())
        texts = [one if isinstance(one, str) else json.dumps(one) for one in policies]
        try:
            LIMITS.check("iam:inline-policies", {"Policies": "".join(texts)})
        except ServiceError as error:
            raise ValueError(f"{name}: {error}") from error


def _hold_custom_resources() -> None:
    """A custom resource that answers at too great a length has failed, whatever it says."""
    shortcuts = app._handle_post_body_shortcuts

    async def held(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, list[str]], request_id: str
    ) -> Any:
        if method == "PUT" and path.startswith(_ANSWERS):
            try:
                LIMITS.check("cloudformation:custom-resource", {"body": body})
            except ServiceError as error:
                says = {"Status": "FAILED", "Reason": f"Response object is too long: {error.message}"}
                custom_resource.deliver_response(path.removeprefix(_ANSWERS), says)
                return 200, {}, b""
        return await shortcuts(method, path, headers, body, query, request_id)

    app._handle_post_body_shortcuts = held


def _hold_executions() -> None:
    """What goes through a state machine, and how much of it."""
    add = stepfunctions._add_event

    def added(execution: dict[str, Any], event_type: str, details: dict[str, Any] | None = None) -> Any:
        if event_type.endswith(("StateEntered", "StateExited", "Scheduled", "Succeeded")):
            try:
                LIMITS.check("stepfunctions:execution", {"events": len(execution["events"]) + 1})
                for data in _data(details or {}):
                    LIMITS.check("stepfunctions:state", {"data": data})
            except ServiceError as error:
                raise stepfunctions._ExecutionError(error.code, error.message) from error
        return add(execution, event_type, details)

    stepfunctions._add_event = added


def _data(details: dict[str, Any]) -> list[str]:
    """The inputs and outputs that an event of an execution tells of, as the service counts them: as short as they can be."""
    texts = [one.get(name) for one in details.values() for name in ("input", "output") if isinstance(one, dict)]
    return [
        # what is short with escapes and blanks is short without them
        text if len(text) <= STATE else json.dumps(json.loads(text), ensure_ascii=False, separators=(",", ":"))
        for text in texts
        if text
    ]
