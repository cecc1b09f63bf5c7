"""Bodies of requests that are no JSON: forms, as the protocol `query` has them, and XML."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl
from xml.etree import ElementTree

from botocore.model import Shape

from emulator.errors import ServiceError
from emulator.protocol.shapes import coerce


def form(shape: Shape, body: bytes) -> Any:
    """The parameters of a form, in the names of the wire.

    >>> from botocore.session import get_session
    >>> publish = get_session().get_service_model("sns").operation_model("PublishBatch").input_shape
    >>> form(publish, b"TopicArn=t&PublishBatchRequestEntries.member.1.Id=a&PublishBatchRequestEntries.member.1.Message=m")
    {'TopicArn': 't', 'PublishBatchRequestEntries': [{'Id': 'a', 'Message': 'm'}]}
    """
    return _from_form(shape, "", dict(parse_qsl(body.decode(errors="replace"), keep_blank_values=True)))


def _from_form(shape: Shape, prefix: str, fields: Mapping[str, str]) -> Any:
    """The value below a prefix; None if nothing is there."""
    kind, flat = shape.type_name, shape.serialization.get("flattened")
    if kind == "structure":
        found = {}
        for name, member in shape.members.items():
            wire_name = member.serialization.get("name", name)
            value = _from_form(member, f"{prefix}.{wire_name}".lstrip("."), fields)
            if value is not None:
                found[wire_name] = value
        return found or (None if prefix else {})
    if kind == "list":
        stem = prefix if flat else f"{prefix}.{shape.member.serialization.get('name', 'member')}"
        numbers = _numbers(stem, fields)
        return [_from_form(shape.member, f"{stem}.{number}", fields) for number in numbers] or None
    if kind == "map":
        stem = prefix if flat else f"{prefix}.entry"
        names = [shape.key.serialization.get("name", "key"), shape.value.serialization.get("name", "value")]
        return {
            fields.get(f"{stem}.{number}.{names[0]}", ""): _from_form(
                shape.value, f"{stem}.{number}.{names[1]}", fields
            )
            for number in _numbers(stem, fields)
        } or None
    return _typed(shape, fields[prefix]) if prefix in fields else None


def _numbers(stem: str, fields: Mapping[str, str]) -> list[int]:
    found = (re.match(rf"{re.escape(stem)}\.([0-9]+)(\.|$)", key) for key in fields)
    return sorted({int(one[1]) for one in found if one})


def xml(shape: Shape, body: bytes) -> Any:
    """A value in XML, in the names of the wire.

    Raises:
        ServiceError: it is not well-formed.
    """
    try:
        return _from_xml(shape, ElementTree.fromstring(body))  # noqa: S314 - callers are processes of this machine
    except ElementTree.ParseError as error:
        raise ServiceError("MalformedXML", f"the body is not XML: {error}") from error


def _from_xml(shape: Shape, element: ElementTree.Element) -> Any:
    kind = shape.type_name
    if kind == "structure":
        found: dict[str, Any] = {}
        for name, member in shape.members.items():
            wire_name = member.serialization.get("name", name)
            below = [one for one in element if one.tag.rpartition("}")[2] == wire_name]
            if not below:
                continue
            if member.type_name == "list" and member.serialization.get("flattened"):
                found[wire_name] = [_from_xml(member.member, one) for one in below]
            else:
                found[wire_name] = _from_xml(member, below[0])
        return found
    if kind == "list":
        return [_from_xml(shape.member, one) for one in element]
    return _typed(shape, element.text or "")


def _typed(shape: Shape, text: str) -> Any:
    try:
        return coerce(shape, text)
    except ValueError:
        return text
