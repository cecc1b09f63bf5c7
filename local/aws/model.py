"""AWS's own service models, as botocore carries them: what a request and an answer look like on the wire, and what is valid.

A service here is a model and an implementation; what the wire carries is never written by hand.
"""

from __future__ import annotations

import base64
import datetime
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import unquote

import botocore.session
from botocore.model import OperationModel, ServiceModel, Shape
from botocore.validate import ParamValidator

from local.aws.errors import ServiceError

_SESSION = botocore.session.get_session()
_VALIDATOR = ParamValidator()


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
        given = decode(shape, _json(request.body)) if in_body else dict(self._located(shape, request, in_path))
        problems = [*_model_problems(shape, given)]
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
        report = _VALIDATOR.validate(result, shape)
        if report.has_errors():
            raise ValueError(f"{self.name} {operation.name} answered: {report.generate_report()}")
        for name, member in shape.members.items():
            if member.serialization.get("location") == "header" and name in result:
                headers[member.serialization.get("name", name)] = str(result.pop(name))
        payload = shape.serialization.get("payload")
        body = result.get(payload, b"") if payload else json.dumps(encode(shape, result)).encode()
        return Answer(int(operation.http.get("responseCode", 200)), headers, body)

    def refusal(self, error: ServiceError) -> Answer:
        """An error on the wire."""
        headers = {"Content-Type": "application/json", "x-amzn-errortype": error.code}
        return Answer(error.status, headers, json.dumps({"__type": error.code, "message": error.message}).encode())

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
                value = request.body if member.type_name == "blob" else decode(member, _json(request.body))
            else:
                value = decode(member, body.get(wire_name))
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


def decode(shape: Shape, value: Any) -> Any:
    """A value as it came in JSON, in the model's own names and types."""
    if value is None:
        return None
    kind = shape.type_name
    if kind == "structure" and isinstance(value, dict):
        names = {member.serialization.get("name", name): name for name, member in shape.members.items()}
        return {
            names[key]: decode(shape.members[names[key]], item)
            for key, item in value.items()
            if key in names and item is not None
        }
    if kind == "list" and isinstance(value, list):
        return [decode(shape.member, item) for item in value]
    if kind == "map" and isinstance(value, dict):
        return {key: decode(shape.value, item) for key, item in value.items()}
    if kind == "timestamp" and isinstance(value, (int, float)):
        return datetime.datetime.fromtimestamp(value, tz=datetime.timezone.utc)
    return base64.b64decode(value) if kind == "blob" and isinstance(value, str) else value


def encode(shape: Shape, value: Any) -> Any:
    """A value in the model's names and types, as JSON carries it."""
    kind = shape.type_name
    if kind == "structure":
        return {
            shape.members[name].serialization.get("name", name): encode(shape.members[name], item)
            for name, item in value.items()
            if item is not None
        }
    if kind == "list":
        return [encode(shape.member, item) for item in value]
    if kind == "map":
        return {key: encode(shape.value, item) for key, item in value.items()}
    if kind == "blob":
        return base64.b64encode(value).decode()
    if kind == "timestamp" and isinstance(value, datetime.datetime):
        iso = shape.serialization.get("timestampFormat") == "iso8601"
        return value.isoformat() if iso else value.timestamp()
    return value


_FROM_TEXT = {
    "integer": int,
    "long": int,
    "float": float,
    "double": float,
    "boolean": lambda text: text.lower() == "true",
}


def coerce(shape: Shape, value: Any) -> Any:
    """A template's value in the types of the model: CloudFormation takes numbers and booleans as text too."""
    kind = shape.type_name
    if isinstance(value, str) and kind in _FROM_TEXT:
        return _FROM_TEXT[kind](value)
    if kind == "structure" and isinstance(value, dict):
        members = {name.lower(): (name, member) for name, member in shape.members.items()}
        known = ((members[key.lower()], item) for key, item in value.items() if key.lower() in members)
        return {name: coerce(member, item) for (name, member), item in known}
    if kind == "list" and isinstance(value, list):
        return [coerce(shape.member, item) for item in value]
    if kind == "map" and isinstance(value, dict):
        return {key: coerce(shape.value, item) for key, item in value.items()}
    return str(value) if kind == "string" and isinstance(value, (int, float, bool)) else value


def _model_problems(shape: Shape, value: Any) -> Iterator[str]:
    report = _VALIDATOR.validate(value, shape)
    if report.has_errors():
        yield report.generate_report()
    else:
        yield from _limit_problems(shape, value, shape.name)


def _limit_problems(shape: Shape, value: Any, where: str) -> Iterator[str]:
    """What botocore leaves to the service: largest lengths, and the values of enumerations."""
    kind, most = shape.type_name, shape.metadata.get("max")
    if kind == "structure":
        for name, item in value.items():
            yield from _limit_problems(shape.members[name], item, name)
    elif kind in ("list", "map"):
        if most is not None and len(value) > most:
            yield f"{where}: {len(value)} elements; allowed: at most {most}"
        for item in value if kind == "list" else value.values():
            yield from _limit_problems(shape.member if kind == "list" else shape.value, item, where)
    elif kind == "string":
        if most is not None and len(value) > most:
            yield f"{where}: {len(value)} characters; allowed: at most {most}"
        if getattr(shape, "enum", None) and value not in shape.enum:
            yield f"{where}: {value!r}; allowed: {', '.join(shape.enum)}"
    elif kind in ("integer", "long") and most is not None and value > most:
        yield f"{where}: {value}; allowed: at most {most}"
