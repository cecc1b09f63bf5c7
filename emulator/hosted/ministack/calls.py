"""Functions, and the tasks of state machines."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextvars import ContextVar, copy_context
from typing import Any

from emulator.account import REGION
from emulator.errors import AccessDeniedError, ServiceError
from emulator.functions.embedded_metrics import embedded_metrics
from emulator.functions.environments import Function, Functions, Outcome, refused
from emulator.hosted.ministack.judging import may_take
from emulator.hosted.ministack.names import (
    cloudwatch,
    custom_resource,
    lambda_runtime,
    lambda_svc,
    provisioners,
    stepfunctions,
)
from emulator.limits.table import LIMITS
from emulator.limits.units import within
from emulator.tasks import TaskFailedError

_task_machine: ContextVar[dict[str, str]] = ContextVar("task_machine")
_TERMINAL = ("States.DataLimitExceeded", "States.Runtime")
"""What `States.ALL` does not match, neither to catch nor to try again (page *concepts-error-handling*)."""
_task_execution: ContextVar[dict[str, Any]] = ContextVar("task_execution")


def run_functions(functions: Functions) -> None:
    """Python functions run in processes of `functions`; CDK's own Node.js ones stay with MiniStack's worker."""
    theirs, kind = lambda_svc._execute_function_dispatch, "AWS::Lambda::Function"
    handlers = provisioners._RESOURCE_HANDLERS[kind]

    def create(logical_id: str, properties: dict[str, Any], stack: str) -> Any:
        may_take(properties["Role"], "lambda")
        return handlers["create"](logical_id, properties, stack)

    def execute(func: dict[str, Any], config: dict[str, Any], event: Any, request_id: str, started: float) -> Any:
        try:
            may_take(config["Role"], "lambda")
        except AccessDeniedError as error:
            _answer_failed(event, error.message)
            return {"body": {"errorType": error.code, "errorMessage": error.message}, "error": True, "log": ""}
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
            credentials=lambda_runtime.execution_credentials(config),
            region=REGION,
            layers={one["Arn"]: lambda_svc._resolve_layer_zip(one["Arn"]) or b"" for one in config.get("Layers") or []},
        )
        payload = json.dumps(event, separators=(",", ":")).encode()
        try:
            LIMITS.check("lambda:event", {"event": within(payload, event)})
        except ServiceError as error:
            return {"body": {"errorType": error.code, "errorMessage": error.message}, "error": True, "log": ""}
        outcome = _short(functions.invoke(function, payload))
        if outcome.failed:
            _answer_failed(event, outcome.payload.decode(errors="replace"))
        lambda_svc._emit_lambda_logs(func, request_id, outcome.log, outcome.failed, 0)
        for datum in embedded_metrics(outcome.log):
            cloudwatch.record_metric(datum.namespace, datum.name, datum.value, datum.unit, datum.dimensions)
        return {"body": json.loads(outcome.payload or b"null"), "error": outcome.failed, "log": outcome.log}

    provisioners._RESOURCE_HANDLERS[kind] = {**handlers, "create": create}
    lambda_svc._execute_function_dispatch = execute


def _short(outcome: Outcome) -> Outcome:
    """The outcome, or that its answer is too long."""
    try:
        LIMITS.check("lambda:answer", {"Payload": outcome.payload})
    except ServiceError as error:
        return refused(error.code, error.message, outcome.log)
    return outcome


def _answer_failed(event: Any, why: str) -> None:
    """CloudFormation would wait an hour for an answer that never comes."""
    if isinstance(event, dict) and "ResponseURL" in event:
        answer = {"Status": "FAILED", "Reason": why[:1000]}
        custom_resource.deliver_response(event["ResponseURL"].rsplit("/", 1)[-1], answer)


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


def run_tasks(call: Callable[[str, str, Any, str, Callable[[], bool]], Any]) -> None:
    """A state machine's tasks are `call(role ARN, resource, input, machine ARN, whether the execution was stopped)`; its
    TaskFailedError is the task's failure. One that takes longer than its state says has failed; it is not ended with it."""
    execute, fail = stepfunctions._execute_task, stepfunctions._fail_execution

    def execute_task(state: Any, raw_input: Any, execution: dict[str, Any], context: Any) -> Any:
        _task_machine.set(stepfunctions._state_machines.get(execution["stateMachineArn"]))
        _task_execution.set(execution)
        return execute(state, raw_input, execution, context)

    def invoke(resource: str, task_input: Any) -> Any:
        try:
            machine, execution = _task_machine.get(), _task_execution.get()
            return call(
                machine["roleArn"], resource, task_input, machine["stateMachineArn"], lambda: _was_stopped(execution)
            )
        except TaskFailedError as error:
            raise stepfunctions._ExecutionError(*error.args) from error
        except AccessDeniedError as error:
            raise stepfunctions._ExecutionError("States.Runtime", str(error)) from error

    def within_time(resource: str, task_input: Any, timeout_s: float) -> Any:
        answer: Future[Any] = Future()

        def work() -> None:
            try:
                answer.set_result(stepfunctions._invoke_resource(resource, task_input))
            except BaseException as error:  # noqa: BLE001 - it is raised where the answer is waited for
                answer.set_exception(error)

        # the process ends without it, other than a pool's
        threading.Thread(target=copy_context().run, args=(work,), daemon=True).start()
        try:
            return answer.result(timeout_s)
        except TimeoutError as error:
            if answer.done():
                raise
            raise stepfunctions._ExecutionError("States.Timeout", f"no answer after {timeout_s:g} s") from error

    def fail_execution(execution: dict[str, Any], error: str, cause: str) -> None:
        # one that was stopped stays so, whatever its last step says then
        if not _was_stopped(execution):
            fail(execution, error, cause)

    matches = stepfunctions._error_matches

    def error_matches(error_equals: list[str], error: str) -> bool:
        return error in error_equals if error in _TERMINAL else bool(matches(error_equals, error))

    stepfunctions._error_matches = error_matches
    stepfunctions._execute_task = execute_task
    stepfunctions._invoke_resource = invoke
    stepfunctions._invoke_resource_with_timeout = within_time
    stepfunctions._fail_execution = fail_execution


def _was_stopped(execution: dict[str, Any]) -> bool:
    return bool(execution["status"] == "ABORTED")
