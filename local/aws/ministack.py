"""Every use of MiniStack's private parts; nothing else here imports it. It is pinned exactly, and `tests/local/aws` holds it.

MiniStack 1.5.33 gives the address, routing, CloudFormation, S3, SQS, SNS, DynamoDB, EventBridge, Scheduler, Step Functions, KMS,
Secrets Manager, CloudWatch and IAM. What is put in place of its own parts, and why:

- Functions: its worker runs them without AWS's runtime client and with this process's variables.
- Tasks of state machines: it calls its services directly, past their policies, and knows neither SageMaker nor `.sync`.
- SageMaker, MSK and Managed Flink: it has none, or a control plane without anything behind it.
- Event source mappings of streams: it keeps no batch window, no partial failures, no bisecting, no retries.
- Deliveries (rules, schedules): it calls targets past the policies of the role that delivers.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextvars import ContextVar
from typing import Any

from hypercorn.asyncio import serve as hypercorn_serve
from hypercorn.config import Config
from ministack import app
from ministack.core import iam_actions, iam_evaluator, router
from ministack.core.lambda_runtime import execution_credentials
from ministack.services import cloudwatch, dynamodb, eventbridge, iam, lambda_svc, stepfunctions, sts
from ministack.services.cloudformation import custom_resource, provisioners, stacks

from local.aws.account import ACCOUNT, REGION
from local.aws.embedded_metrics import embedded_metrics
from local.aws.errors import AccessDeniedError
from local.aws.functions import Function, Functions
from local.aws.model import Answer, Request
from local.aws.tasks import TaskFailedError

_log = logging.getLogger(__name__)
_UNIVERSAL = "arn:aws:scheduler:::aws-sdk:"

Judged = Callable[[str, str, str, bool], None]
"""Told (role name, action, resource, allowed) of every call that was judged."""

Implied = Callable[[str, str], Iterable[tuple[str, str, dict[str, Any]]]]
"""Given an allowed action and its resource: further (action, resource, condition keys) that it needs, as of an encryption key."""

_denied: ContextVar[tuple[str, str]] = ContextVar("denied")
_task_role: ContextVar[str] = ContextVar("task_role")


async def serve(port: int, stopped: asyncio.Event, pages: Mapping[str, Callable[[], Any]]) -> None:
    """Serves at a port of the loopback address until `stopped`.

    Args:
        pages: {path: gives what is shown there as JSON}, for whoever runs this.
    """
    config = Config()
    config.bind = [f"127.0.0.1:{port}"]
    config.keep_alive_timeout = 75
    config.loglevel = "WARNING"

    async def over_tls(scope: dict[str, Any], receive: Any, send: Any) -> None:
        # The loopback address stands for TLS: policies that refuse plain HTTP would refuse everything here.
        page = pages.get(scope["path"]) if scope["type"] == "http" else None
        if page:
            body = json.dumps(await asyncio.to_thread(page)).encode()
            headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": body})
        else:
            await app.app(scope | {"scheme": "https"} if scope["type"] == "http" else scope, receive, send)

    await hypercorn_serve(over_tls, config, shutdown_trigger=stopped.wait)  # type: ignore[arg-type]


def add_services(signing_names: set[str], answer: Callable[[Request], Answer]) -> None:
    """Requests signed for these services go to `answer`, on a thread of their own, after their signature was checked."""
    detect = router.detect_service

    def with_ours(method: str, path: str, headers: dict[str, str], query: dict[str, list[str]]) -> str:
        credential = headers.get("authorization", "").partition("Credential=")[2].split("/")
        return (
            "ours" if len(credential) > 3 and credential[3] in signing_names else detect(method, path, headers, query)
        )

    async def handle(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, list[str]]
    ) -> tuple[int, dict[str, str], bytes]:
        given = await asyncio.to_thread(answer, Request(method, path, headers, body or b"", query))
        return given.status, given.headers, given.body

    router.detect_service = app.detect_service = with_ours
    app.SERVICE_HANDLERS["ours"] = handle


def run_functions(functions: Functions) -> None:
    """Python functions run in processes of `functions`; CDK's own Node.js ones stay with MiniStack's worker."""
    theirs = lambda_svc._execute_function_dispatch

    def execute(func: dict[str, Any], config: dict[str, Any], event: Any, request_id: str, started: float) -> Any:
        if not config.get("Runtime", "").startswith("python"):
            return theirs(func, config, event, request_id, started)
        variables = (config.get("Environment") or {}).get("Variables") or {}
        function = Function(
            name=config["FunctionName"],
            arn=config["FunctionArn"],
            version=config.get("Version", "$LATEST"),
            handler=config["Handler"],
            runtime=config["Runtime"],
            code=func["code_zip"],
            code_digest=config["CodeSha256"],
            timeout_s=float(config.get("Timeout", 3)),
            memory_mb=int(config.get("MemorySize", 128)),
            environment={name: str(value) for name, value in variables.items()},
            credentials=execution_credentials(config),
            region=REGION,
            layers={one["Arn"]: lambda_svc._resolve_layer_zip(one["Arn"]) or b"" for one in config.get("Layers") or []},
        )
        outcome = functions.invoke(function, json.dumps(event).encode())
        if outcome.failed and isinstance(event, dict) and "ResponseURL" in event:
            # CloudFormation would wait an hour for an answer that never comes
            answer = {"Status": "FAILED", "Reason": outcome.payload.decode(errors="replace")[:1000]}
            custom_resource.deliver_response(event["ResponseURL"].rsplit("/", 1)[-1], answer)
        lambda_svc._emit_lambda_logs(func, request_id, outcome.log, outcome.failed, 0)
        for datum in embedded_metrics(outcome.log):
            cloudwatch.record_metric(datum.namespace, datum.name, datum.value, datum.unit, datum.dimensions)
        return {"body": json.loads(outcome.payload or b"null"), "error": outcome.failed, "log": outcome.log}

    lambda_svc._execute_function_dispatch = execute


def evaluate_alarms(every_s: float) -> None:
    """Alarms are looked at now and then, as the service does; MiniStack looks when a metric is put by a call alone."""

    def look() -> None:
        while True:
            time.sleep(every_s)
            cloudwatch._evaluate_all_alarms()

    threading.Thread(target=look, name="alarms", daemon=True).start()


def invoke_function(arn: str, event: Any) -> tuple[Any, bool]:
    """The answer of a function, and whether it is an error. Throttling is an error, too."""
    record, config, name = lambda_svc._get_func_record_for_ref(arn)
    if record is None or config is None:
        raise LookupError(f"no function {name}")
    result = lambda_svc._execute_function_with_config_scope(
        lambda_svc._execution_record_for_config(record, config), event
    )
    return result.get("body"), bool(result.get("error") or result.get("throttle"))


def function_role(arn: str) -> str:
    """The ARN of a function's role."""
    return str(lambda_svc._get_func_record_for_ref(arn)[1]["Role"])


def run_tasks(call: Callable[[str, str, Any], Any]) -> None:
    """A state machine's tasks are `call(role ARN, resource, input)`; its TaskFailedError is the task's failure."""
    execute = stepfunctions._execute_task

    def execute_task(state: Any, raw_input: Any, execution: dict[str, Any], context: Any) -> Any:
        machine = stepfunctions._state_machines.get(execution["stateMachineArn"])
        _task_role.set(machine["roleArn"])
        return execute(state, raw_input, execution, context)

    def invoke(resource: str, task_input: Any) -> Any:
        try:
            return call(_task_role.get(), resource, task_input)
        except TaskFailedError as error:
            raise stepfunctions._ExecutionError(*error.args) from error

    stepfunctions._execute_task = execute_task
    stepfunctions._invoke_resource = invoke


def deliver(before: Callable[[str, str], None], call: Callable[[str, str, Any], Any]) -> None:
    """Rules and schedules deliver in the name of their target's role, where it has one.

    Args:
        before: asked (role ARN, target ARN) whether the role may; raises AccessDeniedError.
        call: a schedule's universal target, as a state machine's task: (role ARN, resource, input).
    """
    invoke = eventbridge._invoke_target

    def judged(target: dict[str, Any], event: dict[str, Any], *rest: Any, **named: Any) -> None:
        role, resource = target.get("RoleArn"), target.get("Arn", "")
        try:
            if role and resource.startswith(_UNIVERSAL):
                operation = f"arn:aws:states:::aws-sdk:{resource.removeprefix(_UNIVERSAL)}"
                call(role, operation, json.loads(target.get("Input") or "{}"))
                return
            if role:
                before(role, resource)
        except (AccessDeniedError, TaskFailedError) as error:
            _log.error("%s was not delivered: %s", resource, error)
            return
        invoke(target, event, *rest, **named)

    eventbridge._invoke_target = judged


def add_types(types: dict[str, dict[str, Callable[..., Any]]]) -> None:
    """Types for its CloudFormation: {type: {"create": (logical id, properties, stack) -> (physical id, attributes), ...}}."""
    provisioners._RESOURCE_HANDLERS.update(types)
    theirs = stacks._runs_on_worker_thread
    # ours start processes and call back into this address: never on the thread that answers requests
    stacks._runs_on_worker_thread = lambda resource_type: resource_type in types or theirs(resource_type)


def refer_to_secrets_by_arn() -> None:
    """`Ref` of a secret is its ARN in AWS; MiniStack's is its name, which no policy's resource matches."""
    kind = "AWS::SecretsManager::Secret"
    theirs = provisioners._RESOURCE_HANDLERS[kind]

    def create(*given: Any) -> tuple[str, dict[str, Any]]:
        _, attributes = theirs["create"](*given)
        return attributes["Arn"], attributes

    def update(physical_id: str, *given: Any) -> tuple[str, dict[str, Any]]:
        _, attributes = theirs["update"](_secret_name(physical_id), *given)
        return attributes["Arn"], attributes

    def delete(physical_id: str, properties: dict[str, Any]) -> None:
        theirs["delete"](_secret_name(physical_id), properties)

    provisioners._RESOURCE_HANDLERS[kind] = {**theirs, "create": create, "update": update, "delete": delete}


def _secret_name(secret_arn: str) -> str:
    # six characters of the service's own follow the name
    return secret_arn.rsplit(":", 1)[-1].rsplit("-", 1)[0]


def watch_resources(made: Callable[[str, str, str, dict[str, Any], str, dict[str, Any]], None]) -> None:
    """Tells (stack, logical id, type, properties, physical id, attributes) of each resource that a stack has made."""
    provision = stacks._provision_resource

    def watched(resource_type: str, logical_id: str, properties: dict[str, Any], stack: str) -> Any:
        physical_id, attributes = provision(resource_type, logical_id, properties, stack)
        made(stack, logical_id, resource_type, properties, physical_id, attributes)
        return physical_id, attributes

    stacks._provision_resource = watched


def type_handlers(kind: str) -> dict[str, Callable[..., Any]]:
    """How its CloudFormation makes a type."""
    return dict(provisioners._RESOURCE_HANDLERS[kind])


def poll(queue_reader: Callable[[str, str, str, int], None]) -> None:
    """Its pollers read queues alone, not streams; before each batch `queue_reader` is asked.

    Args:
        queue_reader: given (mapping's id, function ARN, queue ARN, messages); raises AccessDeniedError.
    """
    run_batch = lambda_svc._run_sqs_batch

    def asked(mapping: dict[str, Any], function: Any, event: dict[str, Any], *rest: Any) -> None:
        queue_reader(mapping["UUID"], mapping["FunctionArn"], mapping["EventSourceArn"], len(event["Records"]))
        run_batch(mapping, function, event, *rest)

    lambda_svc._run_sqs_batch = asked
    lambda_svc._poll_dynamodb_streams = lambda: False


def stream_records(table: str, position: int, most: int) -> list[dict[str, Any]]:
    """Records of a table's stream from a position on, as functions get them."""
    return list(dynamodb.stream_records_since(table, position, most))


def stream_bounds(table: str) -> tuple[int, int]:
    """The positions of the oldest record and after the newest of a table's stream."""
    return dynamodb.stream_start_position(table), dynamodb.stream_end_position(table)


def record_judgements(judged: Judged, implied: Implied) -> None:
    """Tells `judged` of each call that the policies of a role were asked about, and asks them about what it implies.

    A denial names role, action and resource for every service; MiniStack's own names the resource for some.
    """
    enforce, respond = iam_evaluator.enforce, iam_actions.access_denied_response

    def recorded(access_key: str, action: str, service: str, region: str, **rest: Any) -> Any:
        role, resource = session_role(access_key), rest.get("resource_arn", "*")
        result = enforce(access_key, action, service, region, **rest)
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


def open_session(role_arn: str, name: str) -> dict[str, str]:
    """Credentials of a role, for a process or a service that acts for it: the same for the same role and name."""
    role = role_arn.rsplit("/", 1)[-1]
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
        yield key[-1], [one for given in statements for one in (given if isinstance(given, list) else [given])]
