"""AWS's own service models, as botocore carries them: what a request and an answer look like on the wire, and what is valid.

A service here is a model and an implementation; what the wire carries is never written by hand.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import unquote

import botocore.session
from botocore.model import OperationModel, ServiceModel, Shape

from local.aws.errors import ServiceError
from local.aws.shapes import encode, reader

_SESSION = botocore.session.get_session()


@cache
def service_model(name: str) -> ServiceModel:
    """A service's model, by botocore's name of it, as `sagemaker-runtime`."""
    return _SESSION.get_service_model(name)


def method_name(operation: str) -> str:
    """The method that implements an operation.

    >>> method_name("CreateEndpointConfig"), method_name("DescribeClusterV2")
    ('create_endpoint_config', 'describe_cluster_v2')
    """
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", operation).lower()


@dataclass(frozen=True)
class Request:
    """One HTTP request.

    Attributes:
        headers: names in lower case.
        query: {name: values}.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    query: Mapping[str, list[str]]


@dataclass(frozen=True)
class Answer:
    """What goes back."""

    status: int
    headers: dict[str, str]
    body: bytes


class Wire:
    """One service's protocol: requests in, answers out. Protocols `json` and `rest-json`.

    Args:
        name: the service's name in botocore.
    """

    def __init__(self, name: str) -> None:
        self.model = service_model(name)
        self.name = name
        self._prefix = self.model.metadata.get("targetPrefix") if self.model.metadata["protocol"] == "json" else None
        routes = [_route(self.model.operation_model(operation)) for operation in self.model.operation_names]
        # names may hold slashes, as ARNs do, so the path that says most comes first
        self._routes = sorted(routes, key=lambda route: -len(re.sub(r"\{.*?\}", "", route[2].http["requestUri"])))

    def match(self, request: Request) -> tuple[OperationModel, dict[str, str]] | None:
        """The operation that a request asks for, with the parameters in its path; None if it is none of this service."""
        if self._prefix:
            prefix, _, operation = request.headers.get("x-amz-target", "").partition(".")
            known = prefix == self._prefix and operation in self.model.operation_names
            return (self.model.operation_model(operation), {}) if known else None
        for method, pattern, operation_model in self._routes:
            found = pattern.fullmatch(request.path) if method == request.method else None
            if found:
                return operation_model, {name: unquote(value) for name, value in found.groupdict().items()}
        return None

    def parameters(self, operation: OperationModel, request: Request, in_path: Mapping[str, str]) -> dict[str, Any]:
        """The operation's parameters, validated.

        Raises:
            ServiceError: they break the model.
        """
        shape = operation.input_shape
        if shape is None:
            return {}
        in_body = self._prefix is not None
        problems: list[str] = []
        given = _json(request.body) if in_body else dict(self._located(shape, request, in_path))
        given = reader(shape, located=not in_body)(given, operation.name, problems)
        if problems:
            raise ServiceError(self._validation_error(), f"{operation.name}: {'; '.join(problems)}")
        return given

    def answer(self, operation: OperationModel, result: dict[str, Any] | None) -> Answer:
        """The result on the wire; a result that breaks the model is this host's own mistake and raises ValueError."""
        headers = {"Content-Type": "application/x-amz-json-1.1" if self._prefix else "application/json"}
        shape = operation.output_shape
        if shape is None:
            return Answer(200, headers, b"")
        result = {name: value for name, value in (result or {}).items() if value is not None and name in shape.members}
        for name, member in shape.members.items():
            if member.serialization.get("location") == "header" and name in result:
                headers[member.serialization.get("name", name)] = str(result.pop(name))
        status = int(operation.http.get("responseCode", 200))
        payload = shape.serialization.get("payload")
        if payload:
            return Answer(status, headers, result.get(payload, b""))
        problems: list[str] = []
        written = encode(shape, result)
        reader(shape)(written, operation.name, problems)
        if problems:
            raise ValueError(f"{self.name} answered: {'; '.join(problems)}")
        return Answer(status, headers, json.dumps(written).encode())

    def refusal(self, error: ServiceError) -> Answer:
        """An error on the wire."""
        headers = {"Content-Type": "application/json", "x-amzn-errortype": error.code}
        told = {"__type": error.code, "message": error.message, **error.members}
        return Answer(error.status, headers, json.dumps(told).encode())

    def _validation_error(self) -> str:
        known = ("ValidationError", "BadRequestException", "InvalidArgumentException")
        return next((name for name in known if name in self.model.shape_names), "ValidationException")

    def _located(self, shape: Shape, request: Request, in_path: Mapping[str, str]) -> Iterator[tuple[str, Any]]:
        payload = shape.serialization.get("payload")
        body = {} if payload else _json(request.body)
        for name, member in shape.members.items():
            wire_name = member.serialization.get("name", name)
            location = member.serialization.get("location")
            value: Any
            if location == "uri":
                value = in_path.get(wire_name)
            elif location == "querystring":
                values = request.query.get(wire_name)
                value = values if member.type_name == "list" or not values else _scalar(member, values[0])
            elif location == "header":
                value = request.headers.get(wire_name.lower())
            elif name == payload:
                value = request.body if member.type_name == "blob" else _json(request.body)
            else:
                value = body.get(wire_name)
            if value is not None:
                yield name, value


def _route(operation: OperationModel) -> tuple[str, re.Pattern[str], OperationModel]:
    path = operation.http["requestUri"].split("?")[0]
    return operation.http["method"], re.compile(re.sub(r"\{(\w+)\+?\}", r"(?P<\1>.+)", path)), operation


def _json(body: bytes) -> Any:
    try:
        return json.loads(body or b"{}")
    except ValueError as error:
        raise ServiceError("SerializationException", f"the body is not JSON: {error}") from error


def _scalar(shape: Shape, text: str) -> Any:
    if shape.type_name in ("integer", "long"):
        return int(text)
    return text == "true" if shape.type_name == "boolean" else text
