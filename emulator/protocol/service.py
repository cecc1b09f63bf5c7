"""A service of this host: an AWS model, an implementation, and what each operation needs the caller to be allowed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Protocol

from emulator.account import ACCOUNT
from emulator.errors import ServiceError
from emulator.limits.table import LIMITS
from emulator.protocol.wire import Answer, Request, method_name

Permission = tuple[str, str]
"""An IAM action and the resource that it is on."""

Judge = Callable[[str, str, str, dict[str, Any] | None], None]
"""Given access key, action, resource and condition keys; raises AccessDeniedError."""

caller: ContextVar[str] = ContextVar("caller")
"""The access key of whoever makes the call that is being answered."""


class Speaks(Protocol):
    """A service's protocol: `Wire`, by AWS's own model, or one that botocore has no model of."""

    @property
    def name(self) -> str: ...

    @property
    def model(self) -> Any:
        """Has the `signing_name` that requests are signed for."""

    def match(self, request: Request) -> tuple[Any, dict[str, str]] | None: ...

    def parameters(self, operation: Any, request: Request, in_path: Mapping[str, str], /) -> dict[str, Any]: ...

    def answer(self, operation: Any, result: dict[str, Any] | None, /) -> Answer: ...

    def refusal(self, error: ServiceError) -> Answer: ...


@dataclass(frozen=True)
class Service:
    """One service.

    Attributes:
        wire: its protocol.
        implementations: have a method for each operation that is implemented, named in snake case, with the operation's
            parameters as keyword arguments; it returns the answer's members or raises ServiceError.
        permissions: {operation: what the caller needs for these parameters}. An operation that is not in it is refused.
    """

    wire: Speaks
    implementations: tuple[object, ...]
    permissions: Mapping[str, Callable[[dict[str, Any]], Iterable[Permission]]]

    def implementing(self, operation: str) -> Callable[..., dict[str, Any] | None] | None:
        """What implements an operation; None if nothing does."""
        if operation not in self.permissions:
            return None
        name = method_name(operation)
        return next((getattr(one, name) for one in self.implementations if hasattr(one, name)), None)


class Router:
    """Finds the operation that a request asks for, has the caller judged, and answers.

    What is not implemented is answered with 501: nothing here reports success for what did not happen.
    """

    def __init__(self, services: Iterable[Service], judge: Judge) -> None:
        self.services, self._judge = list(services), judge

    @property
    def signing_names(self) -> set[str]:
        """The names that requests to these services are signed for."""
        return {service.wire.model.signing_name for service in self.services}

    def __call__(self, request: Request) -> Answer:
        access_key, signing_name = _credential(request)
        caller.set(access_key)
        for service in self.services:
            found = service.wire.match(request) if service.wire.model.signing_name == signing_name else None
            if found is None:
                continue
            operation, in_path = found
            try:
                implement = service.implementing(operation.name)
                if implement is None:
                    raise ServiceError(
                        "NotImplementedException", f"{service.wire.name} {operation.name} is not implemented here", 501
                    )
                parameters = service.wire.parameters(operation, request, in_path)
                LIMITS.check(f"{service.wire.name}:{operation.name}", parameters)
                self._check(access_key, service, operation.name, parameters)
                return service.wire.answer(operation, implement(**parameters))
            except ServiceError as error:
                return service.wire.refusal(error)
        wire = self.services[0].wire
        message = f"{signing_name}: {request.method} {request.path} is not implemented here"
        return wire.refusal(ServiceError("NotImplementedException", message, 501))

    def _check(self, access_key: str, service: Service, operation: str, parameters: dict[str, Any]) -> None:
        for action, resource in service.permissions[operation](parameters):
            self._judge(access_key, action, resource, None)
        for role in _roles(parameters):
            principal = f"{service.wire.model.signing_name}.amazonaws.com"
            self._judge(access_key, "iam:PassRole", role, {"iam:PassedToService": principal})


_ROLES = ("RoleArn", "ExecutionRoleArn", "ServiceExecutionRole", "Role", "iamRoleArn")


def _roles(parameters: dict[str, Any]) -> Iterable[str]:
    """The roles that a call hands on to the service, as ARNs."""
    external = parameters.get("externalEventsDetail") or {}
    definitions = [parameters.get("TrainingJobDefinition") or {}, *(parameters.get("TrainingJobDefinitions") or [])]
    nested = (external.get("dataAccessRoleArn"), *(one.get("RoleArn") for one in definitions))
    for role in (*(parameters.get(name) for name in _ROLES), *nested):
        if role:
            yield role if role.startswith("arn:") else f"arn:aws:iam::{ACCOUNT}:role/{role}"


def _credential(request: Request) -> tuple[str, str]:
    parts = request.headers.get("authorization", "").partition("Credential=")[2].partition(",")[0].split("/")
    return (parts[0], parts[3]) if len(parts) > 3 else ("", "")
