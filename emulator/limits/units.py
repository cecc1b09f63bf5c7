"""How things are measured that a limit is on. Each takes a value from a request and gives a number."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

KIB, MIB = 1024, 1024 * 1024
SYNCHRONOUS = 6 * MIB
"""Bytes of the event of a synchronous invocation, and of its answer: the batches of a poller keep within it."""
STATE = 256 * KIB
"""Bytes of what goes into a state and comes out of it."""


def values(given: Any, path: str) -> Iterator[Any]:
    """What stands at a path: `[]` goes into each element of a list, `{}` into each value of an object; empty for all of it.

    >>> list(values({"Entries": [{"Id": "a"}, {}], "Tags": {"k": "v"}}, "Entries[].Id"))
    ['a']
    >>> list(values({"Tags": {"k": "v"}}, "Tags{}"))
    ['v']
    """
    if not path:
        yield given
        return
    first, _, rest = path.partition(".")
    found = given.get(first.rstrip("[]{}")) if isinstance(given, Mapping) else None
    if found is None:
        return
    if first.endswith("[]"):
        below = found if isinstance(found, list) else []
    elif first.endswith("{}"):
        below = list(found.values()) if isinstance(found, Mapping) else []
    else:
        below = [found]
    for one in below:
        yield from values(one, rest)


def entries(value: Any) -> int:
    """Elements of a list or an object."""
    return len(value)


def entries_in_all(value: Any) -> int:
    """Elements of all lists of an object."""
    return sum(len(each) for each in value.values())


def characters(value: Any) -> int:
    return len(str(value))


def octets(value: Any) -> int:
    """Bytes, of text in UTF-8."""
    if isinstance(value, bytes):
        return len(value)
    text = value if isinstance(value, str) else str(value)
    return len(text) if text.isascii() else len(text.encode())


def number(value: Any) -> float:
    """The number itself, which a template may have as text."""
    return float(value)


def document(value: Any) -> int:
    """Characters of a policy, white space aside."""
    text = value if isinstance(value, str) else json.dumps(value)
    return len(re.sub(r"\s", "", text))


def json_octets(value: Any) -> int:
    """Bytes of a value as JSON in UTF-8."""
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())


def within(payload: bytes, event: Any) -> bytes:
    """An event as its bytes are counted: without escapes, which only one that is nearly too long has to be written anew for.

    Args:
        payload: the event as compact JSON.
    """
    if len(payload) <= SYNCHRONOUS:
        return payload
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")


def event_octets(entries_: Any) -> int:
    """Bytes of the entries of PutEvents, as its page counts them: 14 for a time, and each text in UTF-8."""
    texts = ("Source", "DetailType", "Detail")
    return sum(
        (14 if one.get("Time") is not None else 0)
        + sum(octets(one.get(name) or "") for name in texts)
        + sum(octets(resource) for resource in one.get("Resources") or [])
        for one in entries_
    )


def message_octets(message: Mapping[str, Any]) -> int:
    """Bytes of a message of a queue or a topic: its body, and its attributes' names, types and values."""
    attributes = message.get("MessageAttributes") or {}
    return octets(message.get("MessageBody") or message.get("Message") or "") + sum(
        octets(name) + sum(octets(part) for part in attribute.values() if isinstance(part, (str, bytes)))
        for name, attribute in attributes.items()
    )


def messages_octets(messages: Any) -> int:
    """Bytes of the messages of a batch."""
    return sum(message_octets(one) for one in messages)


def log_octets(events: Any) -> int:
    """Bytes of log events, as PutLogEvents counts them: 26 for each, and its message in UTF-8."""
    return sum(26 + octets(one.get("message") or "") for one in events)


def keys_in_all(request_items: Mapping[str, Any]) -> int:
    """Keys that BatchGetItem asks for, over its tables."""
    return sum(len(one.get("Keys") or []) for one in request_items.values())


def identifiers_in_all(identifiers: Any) -> int:
    """Records that BatchGetRecord asks for, over its entries."""
    return sum(len(one.get("RecordIdentifiersValueAsString") or []) for one in identifiers)


def record_octets(record: Any) -> int:
    """Bytes of a record of a feature store: its features' names and values."""
    lists = sum(octets(value) for one in record for value in one.get("ValueAsStringList") or ())
    # most is plain text, and counted at once
    return lists + octets(
        "".join([(one.get("FeatureName") or "") + (one.get("ValueAsString") or "") for one in record])
    )


def item_octets(item: Mapping[str, Any]) -> int:
    """Bytes of an item of DynamoDB: its attributes' names and values.

    >>> item_octets({"id": {"S": "t-1"}, "cents": {"N": "1250"}, "ok": {"BOOL": True}})
    16
    """
    return sum(octets(name) + _attribute_octets(value) for name, value in item.items())


def _attribute_octets(value: Any) -> int:
    if not isinstance(value, Mapping) or len(value) != 1:
        return 0
    ((kind, held),) = value.items()
    measured = _KINDS.get(kind)
    return 1 if measured is None else measured(held)


_KINDS: dict[str, Callable[[Any], int]] = {
    "S": octets,
    # two digits a byte, and one more
    "N": lambda held: (len(re.sub(r"[^0-9]", "", str(held))) + 1) // 2 + 1,
    "B": lambda held: len(held if isinstance(held, bytes) else base64.b64decode(held)),
    "L": lambda held: 3 + sum(1 + _attribute_octets(one) for one in held),
    "M": lambda held: 3 + sum(1 + octets(name) + _attribute_octets(one) for name, one in held.items()),
    **{f"{kind}S": lambda held, kind=kind: sum(_attribute_octets({kind: one}) for one in held) for kind in "SNB"},  # type: ignore[misc]
}
"""Bytes of a value of each type; the others take one."""


def transaction_octets(actions: Any) -> int:
    """Bytes of the items of a transaction."""
    return sum(
        item_octets(given)
        for action in actions
        for one in action.values()
        for name, given in one.items()
        if name in ("Item", "Key", "ExpressionAttributeValues")
    )


def invocation_octets(kind: str) -> Any:
    """Bytes of the payload of an invocation of a kind; none of another's."""

    def measured(given: Mapping[str, Any]) -> int:
        asked = given.get("InvocationType", "RequestResponse")
        return octets(given.get("Payload") or b"") if asked == kind else 0

    return measured


def payloads_at_once(job: Mapping[str, Any]) -> float:
    """MB of the requests of a transform job that are under way together, where it says how many those are."""
    return float(job.get("MaxConcurrentTransforms") or 0) * float(job.get("MaxPayloadInMB", 6))


def metadata_octets(metadata: Mapping[str, str]) -> int:
    """Bytes of an object's own metadata: names and values."""
    return sum(octets(name) + octets(text) for name, text in metadata.items())


def outside(allowed: str) -> Any:
    """How many characters are not of a class of characters, as in a regular expression."""
    wrong = re.compile(f"[^{allowed}]")
    return lambda text: len(wrong.findall(str(text)))


def inside(refused: str) -> Any:
    """How many characters are of a class of characters, as in a regular expression."""
    wrong = re.compile(f"[{refused}]")
    return lambda text: len(wrong.findall(str(text)))


def none_of(*allowed: Any) -> Any:
    """1 for a value that is none of these, else 0; a template may have a number as text."""
    return lambda value: int(value not in allowed and str(value) not in map(str, allowed))


def any_of(*reserved: Any) -> Any:
    """1 for a value that is one of these, else 0."""
    return lambda value: int(value in reserved)
