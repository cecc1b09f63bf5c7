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
from urllib.parse import parse_qs

import botocore.session
from botocore.model import OperationModel, ServiceModel, Shape

from emulator.errors import ServiceError
from emulator.protocol.bodies import form, xml
from emulator.protocol.shapes import Problem, encode, reader

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


@dataclass(frozen=True)
class _Route:
    """Which requests ask for an operation, where that is a matter of the path.

    Attributes:
        asks: {a part of the query: its value, or empty for any}, headers: what must be there.
    """

    operation: OperationModel
    method: str
    path: re.Pattern[str]
    asks: Mapping[str, str]
    headers: frozenset[str]

    def match(self, request: Request) -> dict[str, str] | None:
        if request.method != self.method or not self.headers <= request.headers.keys():
            return None
        if any(
            name not in request.query or value not in ("", *request.query[name]) for name, value in self.asks.items()
        ):
            return None
        found = self.path.fullmatch(request.path)
        return found.groupdict() if found else None


class Wire:
    """One service's protocol: requests in, of `json`, `rest-json`, `query` and `rest-xml`; answers out, of the first two.

    Args:
        name: the service's name in botocore.
    """

    def __init__(self, name: str) -> None:
        self.model = service_model(name)
        self.name = name
        self._protocol = self.model.metadata["protocol"]
        operations = [self.model.operation_model(operation) for operation in self.model.operation_names]
        routes = [_route(operation) for operation in operations] if self._protocol.startswith("rest-") else []
        # names may hold slashes, as ARNs do, so what says most comes first
        self._routes = sorted(routes, key=_says, reverse=True)

    def match(self, request: Request) -> tuple[OperationModel, dict[str, str]] | None:
        """The operation that a request asks for, with the parameters in its path; None if it is none of this service."""
        if self._protocol == "json":
            prefix, _, operation = request.headers.get("x-amz-target", "").partition(".")
            known = prefix == self.model.metadata["targetPrefix"] and operation in self.model.operation_names
            return (self.model.operation_model(operation), {}) if known else None
        if self._protocol == "query":
            operation = parse_qs(request.body.decode(errors="replace")).get("Action", [""])[0]
            return (self.model.operation_model(operation), {}) if operation in self.model.operation_names else None
        for route in self._routes:
            in_path = route.match(request)
            if in_path is not None:
                return route.operation, in_path
        return None

    def parameters(self, operation: OperationModel, request: Request, in_path: Mapping[str, str]) -> dict[str, Any]:
        """The operation's parameters, validated.

        Raises:
            ServiceError: they break the model.
        """
        given, problems = self.read(operation, request, in_path)
        if problems:
            says = "; ".join(problem.says for problem in problems)
            raise ServiceError(self.validation_error, f"{operation.name}: {says}")
        return given

    def read(
        self, operation: OperationModel, request: Request, in_path: Mapping[str, str]
    ) -> tuple[dict[str, Any], list[Problem]]:
        """The operation's parameters, and what the model does not allow of them."""
        shape, problems = operation.input_shape, list[Problem]()
        if shape is None:
            return {}, problems
        located = self._protocol.startswith("rest-")
        given: Any
        if located:
            given = dict(self._located(shape, request, in_path))
        else:
            given = form(shape, request.body) if self._protocol == "query" else _json(request.body)
        return reader(shape, located=located)(given, operation.name, problems), problems

    def answer(self, operation: OperationModel, result: dict[str, Any] | None) -> Answer:
        """The result on the wire; a result that breaks the model is this host's own mistake and raises ValueError."""
        headers = {"Content-Type": "application/x-amz-json-1.1" if self._protocol == "json" else "application/json"}
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
        problems: list[Problem] = []
        written = encode(shape, result)
        reader(shape)(written, operation.name, problems)
        if problems:
            raise ValueError(f"{self.name} answered: {'; '.join(problem.says for problem in problems)}")
        return Answer(status, headers, json.dumps(written).encode())

    def refusal(self, error: ServiceError) -> Answer:
        """An error on the wire."""
        headers = {"Content-Type": "application/json", "x-amzn-errortype": error.code}
        told = {"__type": error.code, "message": error.message, **error.members}
        return Answer(error.status, headers, json.dumps(told).encode())

    @property
    def validation_error(self) -> str:
        """The name of the service's error for what its model does not allow."""
        own = {"logs": "InvalidParameterException", "s3": "InvalidArgument"}
        if self.name in own:
            return own[self.name]
        known = ("ValidationError", "BadRequestException", "InvalidArgumentException")
        return next((name for name in known if name in self.model.shape_names), "ValidationException")

    def _located(self, shape: Shape, request: Request, in_path: Mapping[str, str]) -> Iterator[tuple[str, Any]]:
        payload = shape.serialization.get("payload")
        in_xml = self._protocol == "rest-xml"
        body = {} if payload or in_xml else _json(request.body)
        for name, member in shape.members.items():
            wire_name = member.serialization.get("name", name)
            location = member.serialization.get("location")
            value: Any
            if location == "uri":
                value = in_path.get(wire_name)
            elif location == "headers":
                value = {
                    key.removeprefix(wire_name): text
                    for key, text in request.headers.items()
                    if key.startswith(wire_name)
                } or None
            elif location == "querystring":
                values = request.query.get(wire_name)
                value = values if member.type_name in ("list", "map") or not values else _scalar(member, values[0])
            elif location == "header":
                value = _scalar(member, request.headers.get(wire_name.lower()))
            elif name == payload:
                value = _payload(member, request.body, in_xml)
            else:
                value = body.get(wire_name)
            if value is not None:
                yield name, value


def _route(operation: OperationModel) -> _Route:
    path, _, query = operation.http["requestUri"].partition("?")
    # a name ends with the path's part, unless the model says that it may go on
    pattern = re.sub(r"\{(\w+)\+?\}", r"(?P<\1>.+)", path)
    if operation.service_model.metadata["protocol"] == "rest-xml":
        pattern = re.sub(r"\(\?P<Bucket>\.\+\)", "(?P<Bucket>[^/]+)/?", pattern)
    shape = operation.input_shape
    needed = shape.required_members if shape else []
    headers = {
        shape.members[name].serialization.get("name", name).lower()
        for name in needed
        if shape.members[name].serialization.get("location") == "header"
    }
    asks = {name: values[0] for name, values in parse_qs(query, keep_blank_values=True).items()}
    return _Route(operation, operation.http["method"], re.compile(pattern), asks, frozenset(headers))


def _says(route: _Route) -> tuple[int, int, int]:
    return len(re.sub(r"\(\?P<.*?\)", "", route.path.pattern)), len(route.asks), len(route.headers)


def _json(body: bytes) -> Any:
    try:
        return json.loads(body or b"{}")
    except ValueError as error:
        raise ServiceError("SerializationException", f"the body is not JSON: {error}") from error


def _payload(shape: Shape, body: bytes, in_xml: bool) -> Any:
    if shape.type_name == "blob":
        return body
    if shape.type_name == "string":
        return body.decode(errors="replace")
    if in_xml:
        return xml(shape, body) if body else None
    return _json(body)


def _scalar(shape: Shape, text: str | None) -> Any:
    if text is None:
        return None
    if shape.type_name in ("integer", "long"):
        return int(text) if re.fullmatch(r"[+-]?[0-9]{1,19}", text) else text
    return text == "true" if shape.type_name == "boolean" else text
