"""Values in the shapes of AWS's models: read and checked in one pass, written, and made of a template's.

Each shape's reader is made once: a request of a feature store holds thousands of values.
"""

from __future__ import annotations

import base64
import datetime
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

from botocore.model import Shape

from emulator.protocol.patterns import fits


class Problem(NamedTuple):
    """What is wrong with a value.

    Attributes:
        says: where it stands, what it is, what is allowed.
        limit: whether it breaks a limit (a length, a range, a pattern, an enumeration), not the shape's form.
    """

    says: str
    limit: bool = True


Reader = Callable[[Any, str, list[Problem]], Any]
"""Given a value from JSON, where it stands, and the problems found so far: the value in the model's names and types."""

_PYTHON: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "long": int,
    "float": (int, float),
    "double": (int, float),
    "boolean": bool,
}

_SHORT, _KEPT = 64, 10_000
"""Texts of so many characters, and so many of a shape, are not checked again once they were valid."""


@cache
def reader(shape: Shape, located: bool = False) -> Reader:
    """What reads values of a shape, and checks them: types, what is required, least and largest, patterns, enumerations.

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
        return _blob(shape)
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

    def read(value: Any, where: str, problems: list[Problem]) -> Any:
        if not readers:  # not before it is used: a shape may hold itself
            readers.update({key: (name, reader(member)) for key, (name, member) in members.items()})
        if not isinstance(value, dict):
            problems.append(Problem(f"{where}: {type(value).__name__}; allowed: an object", limit=False))
            return value
        result = {}
        for key, item in value.items():
            if item is not None and key in readers:
                name, read_member = readers[key]
                result[name] = read_member(item, name, problems)
        if not required <= result.keys():
            misses = ", ".join(sorted(required - result.keys()))
            problems.append(Problem(f"{where}: misses {misses}", limit=False))
        return result

    return read


def _list(shape: Shape) -> Reader:
    broken, member = _size(shape, "elements"), shape.member

    def read(value: Any, where: str, problems: list[Problem]) -> Any:
        if not isinstance(value, list):
            problems.append(Problem(f"{where}: {type(value).__name__}; allowed: a list", limit=False))
            return value
        broken(len(value), where, problems)
        read_member = reader(member)
        return [read_member(item, where, problems) for item in value]

    return read


def _map(shape: Shape) -> Reader:
    broken, key, member = _size(shape, "elements"), shape.key, shape.value

    def read(value: Any, where: str, problems: list[Problem]) -> Any:
        if not isinstance(value, dict):
            problems.append(Problem(f"{where}: {type(value).__name__}; allowed: an object", limit=False))
            return value
        broken(len(value), where, problems)
        read_key, read_member = reader(key), reader(member)
        return {read_key(name, where, problems): read_member(item, name, problems) for name, item in value.items()}

    return read


def _blob(shape: Shape) -> Reader:
    broken = _size(shape, "bytes")

    def read(value: Any, where: str, problems: list[Problem]) -> Any:
        given = base64.b64decode(value) if isinstance(value, str) else value
        broken(len(given), where, problems)
        return given

    return read


def _scalar(shape: Shape) -> Reader:
    kind = shape.type_name
    wanted: Any = _PYTHON.get(kind, object)
    measured: Callable[[Any], Any] = len if kind == "string" else (lambda value: value)
    broken = _size(shape, "characters" if kind == "string" else "")
    allowed, pattern = frozenset(getattr(shape, "enum", None) or ()), shape.metadata.get("pattern")
    fitting = fits(pattern) if pattern and kind == "string" else None
    valid: set[Any] = set()  # the names of a record's features come a thousand times a second

    def read(value: Any, where: str, problems: list[Problem]) -> Any:
        if not isinstance(value, wanted):
            problems.append(Problem(f"{where}: {value!r}; allowed: {kind}", limit=False))
            return value
        if kind == "string" and value in valid:
            return value
        before = len(problems)
        broken(measured(value), where, problems)
        if allowed and value not in allowed:
            problems.append(Problem(f"{where}: {value!r}; allowed: {', '.join(sorted(allowed))}"))
        if fitting and len(problems) == before and not fitting(value):
            problems.append(Problem(f"{where}: {value[:100]!r}; allowed: {pattern}"))
        if kind == "string" and len(problems) == before and len(value) <= _SHORT and len(valid) < _KEPT:
            valid.add(value)
        return value

    return read


def _size(shape: Shape, what: str) -> Callable[[Any, str, list[Problem]], None]:
    """What notes a size that the shape does not allow."""
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if least is None and most is None:
        return lambda _size, _where, _problems: None

    def broken(size: Any, where: str, problems: list[Problem]) -> None:
        if (least is not None and size < least) or (most is not None and size > most):
            given = f"{size} {what}".rstrip()
            problems.append(Problem(f"{where}: {given}; allowed: {least or 0} to {'any' if most is None else most}"))

    return broken


def _timestamp(value: Any, where: str, problems: list[Problem]) -> Any:
    if isinstance(value, (int, float)):
        return datetime.datetime.fromtimestamp(value, tz=datetime.timezone.utc)
    try:
        return datetime.datetime.fromisoformat(str(value).replace("Z", "+00:00"))
    except ValueError:
        problems.append(Problem(f"{where}: {value!r}; allowed: a time", limit=False))
        return value


def encode(shape: Shape, value: Any) -> Any:
    """A value in the model's names and types, as JSON carries it."""
    return _encoder(shape)(value)


@cache
def _encoder(shape: Shape) -> Callable[[Any], Any]:
    kind = shape.type_name
    if kind == "structure":
        return _structure_encoder(shape)
    # the inner ones are looked up as they are used: a shape may hold itself
    if kind == "list":
        return lambda value: list(map(_encoder(shape.member), value))
    if kind == "map":
        return lambda value: {key: _encoder(shape.value)(item) for key, item in value.items()}
    if kind == "blob":
        return lambda value: base64.b64encode(value).decode()
    if kind == "timestamp":
        iso = shape.serialization.get("timestampFormat") == "iso8601"
        return lambda value: _written(value, iso) if isinstance(value, datetime.datetime) else value
    return lambda value: value


def _structure_encoder(shape: Shape) -> Callable[[Any], Any]:
    members: dict[str, tuple[str, Callable[[Any], Any]]] = {}

    def write(value: Any) -> Any:
        written = {}
        for name, item in value.items():
            if item is not None:
                if name not in members:
                    member = shape.members[name]
                    members[name] = member.serialization.get("name", name), _encoder(member)
                wire_name, write_member = members[name]
                written[wire_name] = write_member(item)
        return written

    return write


def _written(moment: datetime.datetime, iso: bool) -> str | float:
    return moment.isoformat() if iso else moment.timestamp()


_FROM_TEXT: dict[str, Callable[[str], Any]] = {
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
