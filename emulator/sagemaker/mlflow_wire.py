"""How MLflow's REST operations come to a tracking server of SageMaker's, which botocore has no model of.

Page *rest-api* of MLflow: JSON both ways, below `/api/2.0/mlflow/`. AWS's plugin `sagemaker-mlflow` signs them for the service
`sagemaker-mlflow` and says in a header which server is meant.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from types import SimpleNamespace
from typing import Any, NamedTuple

from emulator.errors import ServiceError
from emulator.protocol.wire import Answer, Request

SIGNED_FOR = "sagemaker-mlflow"
_ARN = "x-mlflow-sm-tracking-server-arn"
_BEGINS = "/api/2.0/mlflow/"
LONGEST_BATCH = 1_000_000
"""Bytes of a call of LogBatch (`mlflow.utils.validation`)."""


class MlflowOperation(NamedTuple):
    """One of MLflow's operations.

    Attributes:
        name: of the action that allows it (page *list_sagemaker-mlflow*).
        needs: the parameters that it is refused without.
    """

    name: str
    needs: tuple[str, ...]


_OPERATIONS = {
    ("GET", "experiments/get-by-name"): MlflowOperation("GetExperimentByName", ("experiment_name",)),
    ("POST", "experiments/create"): MlflowOperation("CreateExperiment", ("name",)),
    ("POST", "runs/create"): MlflowOperation("CreateRun", ("experiment_id",)),
    ("GET", "runs/get"): MlflowOperation("GetRun", ("run_id",)),
    ("POST", "runs/search"): MlflowOperation("SearchRuns", ("experiment_ids",)),
    ("POST", "runs/log-batch"): MlflowOperation("LogBatch", ("run_id",)),
    ("POST", "runs/update"): MlflowOperation("UpdateRun", ("run_id",)),
}


class MlflowWire:
    """The protocol, in the form that a `Service` asks for."""

    name = SIGNED_FOR
    model = SimpleNamespace(signing_name=SIGNED_FOR)

    def match(self, request: Request) -> tuple[MlflowOperation, dict[str, str]] | None:
        """The operation that a request asks for; None if it is none of these."""
        before, _, asked = request.path.partition(_BEGINS)
        found = None if before else _OPERATIONS.get((request.method, asked))
        return (found, {}) if found else None

    def parameters(self, operation: MlflowOperation, request: Request, _: Mapping[str, str]) -> dict[str, Any]:
        """The operation's parameters, and as `server` the ARN of the one that is asked.

        Raises:
            ServiceError: they are no object of JSON, too long, or lack one that is needed.
        """
        try:
            given: Any = {name: values[0] for name, values in request.query.items()} | json.loads(request.body or b"{}")
        except (ValueError, TypeError) as error:
            raise ServiceError("BAD_REQUEST", f"{operation.name}: no object of JSON: {error}") from error
        if not (server := request.headers.get(_ARN)):
            raise ServiceError("INVALID_PARAMETER_VALUE", f"{operation.name}: needed: the header {_ARN}")
        if missing := [name for name in operation.needs if given.get(name) in (None, "", [])]:
            raise ServiceError(
                "INVALID_PARAMETER_VALUE", f"Missing value for required parameter '{missing[0]}' of {operation.name}."
            )
        if operation.name == "LogBatch" and len(request.body) > LONGEST_BATCH:
            raise ServiceError(
                "INVALID_PARAMETER_VALUE",
                f"Batched logging API requests must be at most {LONGEST_BATCH} bytes, got {len(request.body)}.",
            )
        return {**given, "server": server}

    def answer(self, _: MlflowOperation, result: dict[str, Any] | None) -> Answer:
        """The result on the wire."""
        return Answer(200, {"Content-Type": "application/json"}, json.dumps(result or {}).encode())

    def refusal(self, error: ServiceError) -> Answer:
        """An error on the wire, as MLflow has them."""
        told = {"error_code": error.code, "message": error.message}
        return Answer(error.status, {"Content-Type": "application/json"}, json.dumps(told).encode())


def needs() -> dict[str, Any]:
    """{operation: what the caller must be allowed}: an action of the same name on the server."""

    def on_server(action: str) -> Any:
        def needed(given: dict[str, Any]) -> Iterable[tuple[str, str]]:
            return [(f"{SIGNED_FOR}:{action}", given["server"])]

        return needed

    return {operation.name: on_server(operation.name) for operation in _OPERATIONS.values()}
