"""Values in the shapes of AWS's models: read and checked in one pass, written, and made of a template's.

Each shape's reader is made once: a request of a feature store holds thousands of values.
"""

from __future__ import annotations

import base64
import datetime
from collections.abc import Callable
from functools import cache
from typing import Any

from botocore.model import Shape

Reader = Callable[[Any, str, list[str]], Any]
"""Given a value from JSON, where it stands, and the problems found so far: the value in the model's names and types."""

_PYTHON = {"string": str, "integer": int, "long": int, "float": (int, float), "double": (int, float), "boolean": bool}


@cache
def reader(shape: Shape, located: bool = False) -> Reader:
    """What reads values of a shape, and checks them: types, what is required, least and largest, enumerations.

    Args:
        located: the members are named as in the model already, not as on the wire.
    """
    kind = shape.type_name
    if kind == "structure":
        return _structure(shape, located)
    if kind == "list":
        return _list(shape)
    if kind == "map":
        return _map(shape)
    if kind == "blob":
        return lambda value, _where, _problems: base64.b64decode(value) if isinstance(value, str) else value
    if kind == "timestamp":
        return _timestamp
    return _scalar(shape)


def _structure(shape: Shape, located: bool) -> Reader:
    members: dict[str, tuple[str, Shape]] = {
        (name if located else member.serialization.get("name", name)): (name, member)
        for name, member in shape.members.items()
    }
    required = frozenset(shape.required_members)
    readers: dict[str, tuple[str, Reader]] = {}

    def read(value: Any, where: str, problems: list[str]) -> Any:
        if not readers:  # not before it is used: a shape may hold itself
            readers.update({key: (name, reader(member)) for key, (name, member) in members.items()})
        if not isinstance(value, dict):
            problems.append(f"{where}: {type(value).__name__}; allowed: an object")
            return value
        result = {}
        for key, item in value.items():
            if item is not None and key in readers:
                name, read_member = readers[key]
                result[name] = read_member(item, name, problems)
        if not required <= result.keys():
            problems.append(f"{where}: misses {', '.join(sorted(required - result.keys()))}")
        return result

    return read


def _list(shape: Shape) -> Reader:
    least, most, member = shape.metadata.get("min", 0), shape.metadata.get("max"), shape.member

    def read(value: Any, where: str, problems: list[str]) -> Any:
        if not isinstance(value, list):
            problems.append(f"{where}: {type(value).__name__}; allowed: a list")
            return value
        if len(value) < least or (most is not None and len(value) > most):
            problems.append(f"{where}: {len(value)} elements; allowed: {least} to {most or 'any number'}")
        read_member = reader(member)
        return [read_member(item, where, problems) for item in value]

    return read


def _map(shape: Shape) -> Reader:
    most, member = shape.metadata.get("max"), shape.value

    def read(value: Any, where: str, problems: list[str]) -> Any:
        if not isinstance(value, dict):
            problems.append(f"{where}: {type(value).__name__}; allowed: an object")
            return value
        if most is not None and len(value) > most:
            problems.append(f"{where}: {len(value)} elements; allowed: at most {most}")
        read_member = reader(member)
        return {key: read_member(item, key, problems) for key, item in value.items()}

    return read


def _scalar(shape: Shape) -> Reader:
    kind, least, most = shape.type_name, shape.metadata.get("min"), shape.metadata.get("max")
    wanted, measured = _PYTHON.get(kind, object), len if kind == "string" else (lambda value: value)
    allowed = frozenset(getattr(shape, "enum", None) or ())

    def read(value: Any, where: str, problems: list[str]) -> Any:
        if not isinstance(value, wanted):
            problems.append(f"{where}: {value!r}; allowed: {kind}")
            return value
        size = measured(value) if least is not None or most is not None else 0
        if (least is not None and size < least) or (most is not None and size > most):
            what = "characters" if kind == "string" else ""
            problems.append(f"{where}: {size} {what}; allowed: {least or 0} to {most or 'any'}")
        if allowed and value not in allowed:
            problems.append(f"{where}: {value!r}; allowed: {', '.join(sorted(allowed))}")
        return value

    return read


def _timestamp(value: Any, where: str, problems: list[str]) -> Any:
    if isinstance(value, (int, float)):
        return datetime.datetime.fromtimestamp(value, tz=datetime.timezone.utc)
    try:
        return datetime.datetime.fromisoformat(str(value).replace("Z", "+00:00"))
    except ValueError:
        problems.append(f"{where}: {value!r}; allowed: a time")
        return value


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
