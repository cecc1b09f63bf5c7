"""What a state machine's task does: a call of AWS, made with the machine's own role.

A task is `arn:aws:states:::SERVICE:ACTION`, `arn:aws:states:::aws-sdk:SERVICE:ACTION` or a function's ARN; `.sync` waits for what
it started. Each becomes a call over HTTP, so that the role's policies judge it like anyone else's.
"""

from __future__ import annotations

import datetime
import json
import logging
import re
from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from botocore.model import Shape

from emulator.account import arn
from emulator.clients import Clients
from emulator.errors import AccessDeniedError
from emulator.protocol.service import Judge
from emulator.protocol.shapes import coerce
from emulator.protocol.wire import method_name, service_model
from engines.waiting import wait_until

_BOTOCORE_NAMES = {"sfn": "stepfunctions", "states": "stepfunctions", "eventbridge": "events", "cloudwatchlogs": "logs"}
_ERROR_PREFIXES = {"sagemaker": "SageMaker", "dynamodb": "DynamoDb", "stepfunctions": "Sfn", "events": "EventBridge"}
_LONGEST_S = 86_400
"""A job without a limit of its own has the service's."""
SLACK_S = 300
"""What a job takes beside its program: data come and go."""
_POLL_S = 0.25

_log = logging.getLogger(__name__)
_Taken = tuple[str, str]
"""A role's ARN, and what it is taken for."""


class TaskFailedError(Exception):
    """A task's failure: (error name, cause), as Retry and Catch see it."""


class _Job:
    """What `.sync` waits for: how to ask, and which states are the end."""

    def __init__(self, name: str, status: str, done: str, rule: str) -> None:
        self.name, self.status, self.done, self.rule = name, status, done, rule


_JOBS = {
    "CreateTrainingJob": _Job("TrainingJobName", "TrainingJobStatus", "Completed", "TrainingJobs"),
    "CreateProcessingJob": _Job("ProcessingJobName", "ProcessingJobStatus", "Completed", "ProcessingJobs"),
    "CreateTransformJob": _Job("TransformJobName", "TransformJobStatus", "Completed", "TransformJobs"),
    # whose rule is named otherwise
    "CreateHyperParameterTuningJob": _Job(
        "HyperParameterTuningJobName", "HyperParameterTuningJobStatus", "Completed", "TuningJobs"
    ),
}


class Tasks:
    """The tasks of all state machines.

    Args:
        clients: make the calls.
        judge: asked about what the service does in a role's name without a call of its own.
    """

    def __init__(self, clients: Clients, judge: Judge) -> None:
        self._clients, self._judge = clients, judge

    def __call__(
        self,
        role_arn: str,
        resource: str,
        task_input: Any,
        taken_by: str = "states",
        given_up: Callable[[], bool] = lambda: False,
    ) -> Any:
        """Runs a task to its end.

        Args:
            taken_by: what the role is taken for: the state machine's ARN.
            given_up: whether the execution was stopped: a job that is waited for is stopped with it, so far as the role may
                (page *connect-to-resource*; of a step whose time is over it does not say so, and the job goes on).

        Raises:
            TaskFailedError: it failed, or is not known here.
        """
        taken = (role_arn, taken_by)
        if resource.startswith("arn:aws:lambda:"):
            return self._invoke(taken, {"FunctionName": resource, "Payload": task_input})["Payload"]
        known = re.fullmatch(r"arn:aws:states:::(?:aws-sdk:)?([a-z0-9-]+):(\w+?)(\.sync)?", resource)
        if not known:
            raise TaskFailedError("States.Runtime", f"{resource} is not implemented here")
        service, action, sync = known.groups()
        service, operation = _BOTOCORE_NAMES.get(service, service), action[0].upper() + action[1:]
        if (service, operation) == ("lambda", "Invoke"):
            return self._invoke(taken, task_input)
        result = self._call(taken, service, operation, task_input)
        if not sync:
            return result
        if service == "sagemaker" and operation in _JOBS:
            return self._job(taken, operation, task_input, given_up)
        raise TaskFailedError("States.Runtime", f"{resource}: waiting for it is not implemented here")

    def _invoke(self, taken: _Taken, task_input: Mapping[str, Any]) -> dict[str, Any]:
        payload = json.dumps(task_input.get("Payload", {}))
        answer = self._raw_call(taken, "lambda", "Invoke", {**task_input, "Payload": payload.encode()})
        body = answer["Payload"].read()
        parsed = json.loads(body or b"null")
        if "FunctionError" in answer:
            raise TaskFailedError((parsed or {}).get("errorType", "Lambda.Unknown"), body.decode())
        return {"StatusCode": 200, "ExecutedVersion": answer.get("ExecutedVersion", "$LATEST"), "Payload": parsed}

    def _job(self, taken: _Taken, create: str, task_input: Mapping[str, Any], given_up: Callable[[], bool]) -> Any:
        job = _JOBS[create]
        rule = arn("events", f"rule/StepFunctionsGetEventsForSageMaker{job.rule}Rule")
        key = self._clients.open_session(*taken)["AWS_ACCESS_KEY_ID"]
        for action in ("events:PutRule", "events:PutTargets", "events:DescribeRule"):
            self._allowed(key, action, rule)
        describe, named = create.replace("Create", "Describe"), {job.name: task_input[job.name]}
        limits = task_input.get("HyperParameterTuningJobConfig", {}).get("ResourceLimits") or {}
        longest = {**limits, **task_input.get("StoppingCondition", {})}.get("MaxRuntimeInSeconds", _LONGEST_S)
        longest_s = longest + SLACK_S

        def done() -> Any:
            if given_up():
                self._stop(taken, create.replace("Create", "Stop"), named)
                raise TaskFailedError("States.TaskFailed", f"{named[job.name]}: its execution was stopped")
            found = self._call(taken, "sagemaker", describe, named)
            if found[job.status] in ("Failed", "Stopped"):
                raise TaskFailedError("States.TaskFailed", json.dumps(found))
            return found if found[job.status] == job.done else None

        def late() -> TaskFailedError:
            self._stop(taken, create.replace("Create", "Stop"), named)
            return TaskFailedError("States.Timeout", f"{named[job.name]} had not ended after {longest_s:g} s")

        return wait_until(done, longest_s, late, every_s=_POLL_S)

    def _stop(self, taken: _Taken, stop: str, named: Mapping[str, Any]) -> None:
        """A job that is waited for no longer is stopped, if the role may."""
        try:
            self._raw_call(taken, "sagemaker", stop, named)
        except TaskFailedError as error:
            _log.error("%s: %s: %s", stop, named, error)

    def _allowed(self, key: str, action: str, resource: str, keys: dict[str, Any] | None = None) -> None:
        try:
            self._judge(key, action, resource, keys)
        except AccessDeniedError as error:
            raise TaskFailedError("States.TaskFailed", str(error)) from error

    def _call(self, taken: _Taken, service: str, operation: str, task_input: Any) -> Any:
        answer = self._raw_call(taken, service, operation, task_input)
        shape = service_model(service).operation_model(operation).output_shape
        return _sdk_form(shape, answer) if shape else {}

    def _raw_call(self, taken: _Taken, service: str, operation: str, task_input: Any) -> Any:
        model = service_model(service)
        if operation not in model.operation_names:
            raise TaskFailedError("States.Runtime", f"{service} has no operation {operation}")
        shape = model.operation_model(operation).input_shape
        parameters = _FORMS.get((service, operation), lambda given: given)(task_input)
        unknown = {key.lower() for key in parameters} - {name.lower() for name in (shape.members if shape else ())}
        if unknown:
            raise TaskFailedError("States.Runtime", f"{service} {operation} has no parameter {', '.join(unknown)}")
        client = self._client(taken, service, operation, parameters)
        try:
            return getattr(client, method_name(operation))(**(coerce(shape, parameters) if shape else {}))
        except ClientError as error:
            code = error.response["Error"]["Code"]
            raise TaskFailedError(_error_name(service, code), str(error)) from error
        except BotoCoreError as error:
            raise TaskFailedError("States.Runtime", str(error)) from error

    def _client(self, taken: _Taken, service: str, operation: str, parameters: Mapping[str, Any]) -> Any:
        """A client in the role's name; the account's own where MiniStack does not know what the role's policies ask for."""
        if (service, operation) != ("cloudwatch", "PutMetricData"):
            return self._clients.role(service, *taken)
        key = self._clients.open_session(*taken)["AWS_ACCESS_KEY_ID"]
        self._allowed(key, "cloudwatch:PutMetricData", "*", {"cloudwatch:namespace": str(parameters.get("Namespace"))})
        return self._clients.admin(service)


def _error_name(service: str, code: str) -> str:
    prefix = _ERROR_PREFIXES.get(service, service.capitalize())
    known = {shape.error_code for shape in service_model(service).error_shapes}
    if code not in known:
        return f"{prefix}.{prefix}Exception"
    return f"{prefix}.{code}" if code.endswith("Exception") else f"{prefix}.{code}Exception"


def _with_text(name: str) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    """Step Functions takes JSON where the service takes text, or the bytes of an object."""

    def form(given: Mapping[str, Any]) -> dict[str, Any]:
        value = given.get(name)
        return {**given, name: json.dumps(value)} if isinstance(value, (dict, list)) else dict(given)

    return form


_FORMS: dict[tuple[str, str], Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    ("sqs", "SendMessage"): _with_text("MessageBody"),
    ("sns", "Publish"): _with_text("Message"),
    ("stepfunctions", "StartExecution"): _with_text("Input"),
    ("s3", "PutObject"): _with_text("Body"),
    ("events", "PutEvents"): lambda given: {
        **given,
        "Entries": [_with_text("Detail")(one) for one in given["Entries"]],
    },
}


def _sdk_form(shape: Shape, value: Any) -> Any:
    """An answer as Step Functions gives it: names with a capital, times as text, bodies as text."""
    kind = shape.type_name
    if kind == "structure":
        return {
            name[0].upper() + name[1:]: _sdk_form(shape.members[name], item)
            for name, item in value.items()
            if name in shape.members
        }
    if kind == "list":
        return [_sdk_form(shape.member, item) for item in value]
    if kind == "map":
        return {key: _sdk_form(shape.value, item) for key, item in value.items()}
    if kind == "blob":
        return (value if isinstance(value, bytes) else value.read()).decode(errors="replace")
    return value.isoformat() if isinstance(value, datetime.datetime) else value
