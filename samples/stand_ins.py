"""Services that moto lacks, behind the real clients: requests and answers go through botocore's own model of the service, and
what the service would refuse is refused before (`tests/lambda_src/limits.py`)."""

from __future__ import annotations

import io
import json
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import numpy as np
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import ReadTimeoutError

from sagemaker_src.serving import inference


class _Raw(io.BytesIO):
    def stream(self, *_: Any, **__: Any) -> Iterator[bytes]:
        yield self.read()


def answer(request: AWSPreparedRequest, body: bytes, status: int = 200, **headers: str) -> AWSResponse:
    return AWSResponse(request.url, status, headers, _Raw(body))


class _StandIn:
    """Fails as many times as `failures` says, each (status, error code) or a ReadTimeoutError's name, then serves."""

    service = ""

    def __init__(self) -> None:
        self.failures: list[tuple[int, str] | str] = []
        self.asked = 0

    def register(self, events: Any) -> None:
        events.register_first(f"before-send.{self.service}", self._send)

    def _send(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        self.asked += 1
        if self.failures:
            failure = self.failures.pop(0)
            if isinstance(failure, str):
                raise ReadTimeoutError(endpoint_url=request.url)
            return self.fail(request, *failure)
        return self.serve(request)

    def fail(self, request: AWSPreparedRequest, status: int, code: str) -> AWSResponse:
        text: dict[str, Any] = {"Message": "a failure of the stand-in"}
        if code == "ModelError":  # the endpoint's own service answers 424 for whatever the container answered
            text |= {"OriginalStatusCode": status, "OriginalMessage": "failed"}
            status = 424
        return answer(request, json.dumps(text).encode(), status, **{"x-amzn-ErrorType": code})

    def serve(self, request: AWSPreparedRequest) -> AWSResponse:
        raise NotImplementedError


class Endpoint(_StandIn):
    """A model folder behind InvokeEndpoint, served by the container's own script."""

    service = "sagemaker-runtime"

    def __init__(self, model_dir: Any) -> None:
        super().__init__()
        self.model = inference.model_fn(str(model_dir))
        self.rows: list[np.ndarray] = []

    def serve(self, request: AWSPreparedRequest) -> AWSResponse:
        content_type = request.headers["Content-Type"]
        self.rows.append(inference.read_request(request.body, _text(content_type)).rows)
        try:
            text, kind = inference.answer(
                self.model, request.body, _text(content_type), _text(request.headers["Accept"])
            )
        except inference.RefusedError as error:
            return self.fail(request, error.status, "ModelError")
        return answer(request, text.encode(), 200, **{"Content-Type": kind})


class FeatureStore(_StandIn):
    """The online store: a record is kept only if its event time is greater than what is there."""

    service = "sagemaker-featurestore-runtime"

    def __init__(self) -> None:
        super().__init__()
        self.groups: dict[str, dict[str, dict[str, str]]] = defaultdict(dict)
        self.unprocessed: list[int] = []
        self.errors: list[str] = []
        self.writes: list[dict[str, Any]] = []

    def put(self, group: str, record: list[dict[str, str]]) -> None:
        values = {value["FeatureName"]: value["ValueAsString"] for value in record}
        identifier = record[0]["ValueAsString"]  # the first column of every group
        kept = self.groups[group].get(identifier)
        if kept is None or kept["trans_time"] < values["trans_time"]:
            self.groups[group][identifier] = values

    def serve(self, request: AWSPreparedRequest) -> AWSResponse:
        body = json.loads(request.body)
        reply = self._read(body) if request.url.endswith("/BatchGetRecord") else self._write(body)
        return answer(request, json.dumps(reply).encode())

    def _read(self, body: dict[str, Any]) -> dict[str, Any]:
        records, errors, left = [], [], []
        skip = self.unprocessed.pop(0) if self.unprocessed else 0
        for entry in body["Identifiers"]:
            group, ids = entry["FeatureGroupName"], entry["RecordIdentifiersValueAsString"]
            if skip:
                left.append({**entry, "RecordIdentifiersValueAsString": ids[:skip]})
                ids, skip = ids[skip:], 0
            for identifier in ids:
                at = {"FeatureGroupName": group, "RecordIdentifierValueAsString": identifier}
                if self.errors:
                    errors.append({**at, "ErrorCode": self.errors.pop(), "ErrorMessage": "failed"})
                elif identifier in self.groups[group]:
                    values = self.groups[group][identifier].items()
                    record = [{"FeatureName": name, "ValueAsString": value} for name, value in values]
                    records.append({**at, "Record": record})
        return {"Records": records, "Errors": errors, "UnprocessedIdentifiers": left}

    def _write(self, body: dict[str, Any]) -> dict[str, Any]:
        self.writes.append(body)
        skip = self.unprocessed.pop(0) if self.unprocessed else 0
        errors = []
        for entry in body["Entries"][skip:]:
            if self.errors:
                errors.append({"Entry": entry, "ErrorCode": self.errors.pop(), "ErrorMessage": "failed"})
            else:
                self.put(entry["FeatureGroupName"], entry["Record"])
        return {"Errors": errors, "UnprocessedEntries": body["Entries"][:skip]}


def _text(header: str | bytes) -> str:
    return header.decode() if isinstance(header, bytes) else header
