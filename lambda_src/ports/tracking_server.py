"""SageMaker's managed MLflow: the few of MLflow's REST operations that keep a run, each request signed.

MLflow's own client would weigh more than all functions' libraries together. Requests go where AWS's plugin for that client sends
them (`sagemaker-mlflow`): to one address a region, with the server's ARN as a header, signed for the service `sagemaker-mlflow`.
Operations: page *rest-api* of MLflow; what each needs to be allowed: page *list_sagemaker-mlflow*.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, NamedTuple
from urllib.parse import urlencode

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import BotoCoreError, HTTPClientError
from botocore.httpsession import URLLib3Session

from lambda_src.ports import clients

FINISHED, FAILED = "FINISHED", "FAILED"
_ARN = "x-mlflow-sm-tracking-server-arn"
_MISSING = "RESOURCE_DOES_NOT_EXIST"
_METRICS_A_CALL, _TEXTS_A_CALL = 1_000, 100
_LONGEST_PARAMETER, _LONGEST_TAG = 6_000, 8_000
"""As `mlflow.utils.validation` and its REST API have it."""


class TrackingServerError(Exception):
    """The server did not do what it was asked: says what and why.

    Attributes:
        code: MLflow's name of the error; empty where there was no such answer.
    """

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class Kept(NamedTuple):
    """A run at the server.

    Attributes:
        id: MLflow's.
        artifacts: the S3 URI that its artifacts lie under.
        status: `RUNNING`, `FINISHED` or `FAILED`.
    """

    id: str
    artifacts: str
    status: str


class TrackingServer:
    """A tracking server.

    Args:
        arn: its.
        timeout_s: for each answer.
    """

    def __init__(self, arn: str, *, timeout_s: float = 10) -> None:
        self._arn = arn
        self._region = arn.split(":")[3]
        # the variable is read by every client of AWS's
        self._address = os.environ.get("AWS_ENDPOINT_URL") or f"https://{self._region}.experiments.sagemaker.aws"
        self._http = URLLib3Session(timeout=(1, timeout_s))

    def experiment(self, name: str) -> str:
        """The id of an experiment, made where there is none."""
        try:
            return self._experiment(name)
        except TrackingServerError as error:
            if error.code != _MISSING:
                raise
        try:
            return str(self._post("experiments/create", {"name": name})["experiment_id"])
        except TrackingServerError as error:
            if error.code != "RESOURCE_ALREADY_EXISTS":
                raise
            return self._experiment(name)  # another run has made it meanwhile

    def find(self, experiment: str, tag: str, value: str) -> Kept | None:
        """The run of an experiment with a tag; None if there is none."""
        mark = '"' if "'" in value else "'"  # MLflow knows no other way to write a quotation mark
        wanted = {"experiment_ids": [experiment], "filter": f"tags.`{tag}` = {mark}{value}{mark}", "max_results": 1}
        runs = self._post("runs/search", wanted).get("runs") or []
        return _kept(runs[0]) if runs else None

    def begin(self, experiment: str, name: str, tags: Mapping[str, str], at_ms: int) -> Kept:
        """A new run."""
        given = {"experiment_id": experiment, "run_name": name, "start_time": at_ms, "tags": _pairs(tags, _LONGEST_TAG)}
        return _kept(self._post("runs/create", given)["run"])

    def tell(
        self, run: str, parameters: Mapping[str, Any], metrics: Mapping[str, float], tags: Mapping[str, str], at_ms: int
    ) -> None:
        """What a run was asked, what came of it, and what it is known by."""
        figures = [{"key": name, "value": value, "timestamp": at_ms, "step": 0} for name, value in metrics.items()]
        for kind, whole, most in (
            ("metrics", figures, _METRICS_A_CALL),
            ("params", _pairs(parameters, _LONGEST_PARAMETER), _TEXTS_A_CALL),
            ("tags", _pairs(tags, _LONGEST_TAG), _TEXTS_A_CALL),
        ):
            for start in range(0, len(whole), most):
                self._post("runs/log-batch", {"run_id": run, kind: whole[start : start + most]})

    def end(self, run: str, status: str, at_ms: int) -> None:
        """Says what a run came to."""
        self._post("runs/update", {"run_id": run, "status": status, "end_time": at_ms})

    def _experiment(self, name: str) -> str:
        found = self._ask("GET", f"experiments/get-by-name?{urlencode({'experiment_name': name})}")
        return str(found["experiment"]["experiment_id"])

    def _post(self, operation: str, given: Mapping[str, Any]) -> dict[str, Any]:
        return self._ask("POST", operation, json.dumps(given).encode())

    def _ask(self, method: str, operation: str, body: bytes = b"") -> dict[str, Any]:
        hashed = sha256(body).hexdigest()
        headers = {_ARN: self._arn, "Content-Type": "application/json", "X-Amz-Content-SHA256": hashed}
        request = AWSRequest(method, f"{self._address}/api/2.0/mlflow/{operation}", headers=headers, data=body)
        SigV4Auth(clients.session.get_credentials(), "sagemaker-mlflow", self._region).add_auth(request)
        what = operation.partition("?")[0]
        try:
            answer = self._http.send(request.prepare())
            told = json.loads(answer.content or b"{}")
        except (BotoCoreError, HTTPClientError) as error:
            raise TrackingServerError(f"{what}: {error}") from error
        except ValueError as error:
            raise TrackingServerError(f"{what}: status {answer.status_code}, and no JSON") from error
        if not isinstance(told, dict):
            raise TrackingServerError(f"{what}: status {answer.status_code}, and no object")
        if answer.status_code != 200:
            code = str(told.get("error_code") or told.get("__type") or "")
            said = told.get("message") or told.get("Message") or ""
            raise TrackingServerError(f"{what}: status {answer.status_code}, {code}: {said}"[:500], code)
        return told


def _kept(run: Mapping[str, Any]) -> Kept:
    info = run["info"]
    return Kept(str(info["run_id"]), str(info["artifact_uri"]), str(info["status"]))


def _pairs(values: Mapping[str, Any], longest: int) -> list[dict[str, str]]:
    return [{"key": name, "value": str(value)[:longest]} for name, value in values.items()]
