"""Who may do what: calls judged by the policies of the roles that make them, and roles by whom they trust."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from emulator.account import ACCOUNT, REGION
from emulator.errors import AccessDeniedError
from emulator.hosted.ministack.names import app, iam, iam_actions, iam_evaluator, sts

OURS = "ours"
"""What the services beside MiniStack's own are to its router; they have their callers judged themselves."""

Judged = Callable[[str, str, str, bool], None]
"""Told (role name, action, resource, allowed) of every call that was judged; or a service in place of the role."""

Implied = Callable[[str, str], Iterable[tuple[str, str, dict[str, Any]]]]
"""Given an allowed action and its resource: further (action, resource, condition keys) that it needs, as of an encryption key."""

_denied: ContextVar[tuple[str, str]] = ContextVar("denied")
_told: list[Judged] = []


@dataclass
class _Request:
    """What the request that is being answered was allowed so far; None once it is answered.

    A transaction of a hundred items asks a hundred times the same, and no policy changes in between.
    """

    allowed: set[str] | None


_request: ContextVar[_Request | None] = ContextVar("request", default=None)


@contextmanager
def one_request() -> Iterator[None]:
    """Within it the same question to the policies is answered once. What goes on in threads after it asks anew."""
    request = _Request(set())
    token = _request.set(request)
    try:
        yield
    finally:
        request.allowed = None
        _request.reset(token)


def record_judgements(judged: Judged, implied: Implied) -> None:
    """Tells `judged` of each call that the policies of a role were asked about, and asks them about what it implies.

    A denial names role, action and resource for every service; MiniStack's own names the resource for some.
    """
    enforce, respond, authenticate = iam_evaluator.enforce, iam_actions.access_denied_response, app._authenticate_only
    _told.append(judged)
    parse = iam_evaluator.parse_policy_document
    parsed = lru_cache(maxsize=1000)(parse)
    iam_evaluator.parse_policy_document = lambda doc: parsed(doc) if isinstance(doc, str) else parse(doc)

    def recorded(access_key: str, action: str, service: str, region: str, **rest: Any) -> Any:
        role, resource = session_role(access_key), rest.get("resource_arn", "*")
        request = _request.get()
        allowed, asked = request.allowed if request else None, f"{access_key} {action} {service} {region} {rest}"
        result = None if allowed and asked in allowed else enforce(access_key, action, service, region, **rest)
        if result is None and allowed is not None:
            allowed.add(asked)
        if role is None or isinstance(result, iam_evaluator.AuthError):
            return result
        judged(role, action, resource, result is None)
        if result is not None:
            _denied.set((action, resource))
            return result
        for implied_action, on, context in implied(action, resource):
            result = recorded(access_key, implied_action, "kms", region, resource_arn=on, service_context=context)
            if result is not None:
                return result
        return None

    def naming_all(service: str, action: str, principal: str, request_id: str, **rest: Any) -> Any:
        if not rest.get("error_code") and not rest.get("resource_policy_arn"):
            denied_action, resource = _denied.get((action, rest.get("resource_arn", "*")))
            denies = rest.get("explicit_deny", False)
            rest["message"] = iam_actions.identity_denial_message(denied_action, principal, resource, denies)
        return respond(service, action, principal, request_id, **rest)

    def with_an_action(service: str, headers: dict[str, str], query: dict[str, list[str]], request_id: str) -> Any:
        # no action is known for this request, so no policy was asked
        request = iam_evaluator._signed_request.get()
        failure = authenticate(service, headers, query, request_id)
        role = session_role(app.extract_access_key_id(headers, query))
        if failure or role is None or service == OURS:
            return failure
        what = f"{request.method} {request.raw_path}" if request else "a request"
        judged(role, f"{service}:NotImplemented", what, False)
        says = f"{role}: which action {what} of {service} needs is not implemented here, so that no policy can allow it"
        return app._credential_failure(
            service, "", request_id, iam_evaluator.AuthError("NotImplemented", says), headers
        )

    known = iam_evaluator._resolve_condition_key

    def by_role(key: str, ctx: Any) -> Any:
        found = known(key, ctx)
        # whoever acts in a role's name is known by the role itself, not by the session (page *reference_policies_condition-keys*)
        if key.lower() == "aws:principalarn" and ":assumed-role/" in str(found):
            account, role = found.split(":")[4], found.split("/")[1]
            return f"arn:aws:iam::{account}:role/{role}"
        return found

    iam_evaluator._resolve_condition_key = by_role
    app._authenticate_only = with_an_action
    iam_evaluator.enforce = recorded
    iam_actions.access_denied_response = naming_all


def judge(access_key: str, action: str, resource: str, context: dict[str, Any] | None = None) -> None:
    """Asks the policies of a key's role.

    Raises:
        AccessDeniedError: they do not allow it.
    """
    service = action.partition(":")[0]
    # the services themselves speak TLS, as policies ask of everyone
    iam_evaluator.pin_request_origin("127.0.0.1", True)
    result = iam_evaluator.enforce(access_key, action, service, REGION, resource_arn=resource, service_context=context)
    if isinstance(result, iam_evaluator.AuthError):
        raise AccessDeniedError(f"{result.code}: {result.message}")
    if result is not None:
        denied = result.decision == "Deny"
        raise AccessDeniedError(
            iam_actions.identity_denial_message(action, result.principal_arn, resource, explicit_deny=denied)
        )


def note_denial(who: str, action: str, resource: str) -> None:
    """Notes what was denied to a role, or to a service, without a call that was judged."""
    for judged in _told:
        judged(who, action, resource, False)


def may_take(role_arn: str, taken_by: str) -> None:
    """Asks the trust policy of a role whether a service may take it.

    Args:
        taken_by: the ARN of what the service takes it for; or the service alone, as in the name of its principal, where a trust
            policy need not say more: `lambda` for `lambda.amazonaws.com`.

    Raises:
        AccessDeniedError: it may not; the message names role and service.
    """
    service = _service(taken_by)
    keys = {"aws:SourceAccount": ACCOUNT} | ({"aws:SourceArn": taken_by} if service != taken_by else {})
    why = _not_trusted(iam._roles.get(role_arn.rsplit("/", 1)[-1]), f"{service}.amazonaws.com", keys)
    if why:
        note_denial(f"{service}.amazonaws.com", "sts:AssumeRole", role_arn)
        raise AccessDeniedError(f"{service}.amazonaws.com may not take the role {role_arn}: {why}")


def _service(taken_by: str) -> str:
    return taken_by.split(":")[2] if taken_by.startswith("arn:") else taken_by


def _not_trusted(role: dict[str, Any] | None, principal: str, keys: Mapping[str, str]) -> str:
    """Why a service may not take a role; empty if it may.

    Args:
        keys: the condition keys that are known of it.
    """
    if role is None:
        return "there is no such role"
    policy = role.get("AssumeRolePolicyDocument") or {}
    document = json.loads(policy) if isinstance(policy, str) else policy
    context = iam_evaluator.EvalContext(
        principal_arn=principal,
        principal_type="Service",
        principal_account="",
        action="sts:AssumeRole",
        resource_arn="*",
        region=REGION,
        service_context={name.lower(): value for name, value in keys.items()},
    )
    allowed = False
    for statement in _several(document.get("Statement")):
        named, actions = statement.get("Principal", {}), _several(statement.get("Action"))
        if named != "*" and not iam_evaluator._service_principal_matches(named, principal):
            continue
        if not any(iam_evaluator.fnmatch_iam(context.action, action) for action in actions):
            continue
        conditions = statement.get("Condition") or {}
        asked = {key for given in conditions.values() for key in given}
        unknown = sorted(key for key in asked if key.lower() not in context.service_context)
        if unknown:
            return f"the condition {', '.join(unknown)} of its trust policy is not implemented here"
        if iam_evaluator._conditions_met(conditions, context):
            if statement.get("Effect") == "Deny":
                return "its trust policy denies it"
            allowed = True
    return "" if allowed else "its trust policy does not allow it"


def _several(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value] if value else []


def open_session(role_arn: str, taken_by: str, name: str = "") -> dict[str, str]:
    """Credentials of a role, for a process or a service that acts for it: the same for the same role and name.

    Args:
        taken_by: what the role is taken for, or by which service: see `may_take`.
        name: of the session; the service's own if it is left out.

    Raises:
        AccessDeniedError: the role does not trust the service.
    """
    may_take(role_arn, taken_by)
    role, name = role_arn.rsplit("/", 1)[-1], name or _service(taken_by)
    digest = hashlib.sha256(f"{role_arn} {name}".encode()).hexdigest()
    key, secret, token = f"ASIA{digest[:16].upper()}", digest[16:56], digest[:48]
    if key not in sts._sessions:
        sts.register_session(
            key,
            {
                "Arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/{name[:64]}",
                "UserId": f"{role}:{name[:64]}",
                "SecretAccessKey": secret,
                "SessionToken": token,
            },
        )
    return {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret, "AWS_SESSION_TOKEN": token}


def session_role(access_key: str) -> str | None:
    """The name of the role that a key belongs to; None for the account's root."""
    arn = str((sts._sessions.get(access_key) or {}).get("Arn", ""))
    return arn.split("/")[1] if ":assumed-role/" in arn else None


def role_statements() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """(role name, statements) of every role, inline and managed policies together."""
    for key, role in list(iam._roles._data.items()):
        documents = list((role.get("InlinePolicies") or {}).values())
        documents += [
            iam_evaluator._resolve_managed_policy_document(arn, ACCOUNT) for arn in role.get("AttachedPolicies", [])
        ]
        parsed = [json.loads(document) if isinstance(document, str) else document for document in documents if document]
        statements = [document["Statement"] for document in parsed]
        yield key[-1], [one for given in statements for one in _several(given)]
