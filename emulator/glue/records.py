"""What Glue keeps under a name: its errors are the same for every kind."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from emulator.account import ACCOUNT, arn
from emulator.errors import ServiceError


class Records:
    """Things of one kind, by name.

    Args:
        kind: as messages call it, as `Crawler`.
    """

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._records: dict[str, dict[str, Any]] = {}
        self._lock = threading.Lock()

    def add(self, name: str, record: Mapping[str, Any]) -> dict[str, Any]:
        """Remembers one, without what is None; raises ServiceError if there is one of the name."""
        kept = {key: value for key, value in record.items() if value is not None}
        with self._lock:
            if name in self._records:
                raise ServiceError("AlreadyExistsException", f"{self._kind} {name} already exists")
            self._records[name] = kept
        return kept

    def get(self, name: str) -> dict[str, Any]:
        """The record of a name; raises ServiceError if there is none."""
        try:
            return self._records[name]
        except KeyError:
            raise ServiceError("EntityNotFoundException", f"{self._kind} {name} not found.") from None

    def remove(self, name: str) -> dict[str, Any]:
        """Forgets one, and gives it; raises ServiceError if there is none."""
        with self._lock:
            found = self.get(name)
            del self._records[name]
        return found

    def all(self) -> list[dict[str, Any]]:
        """Every record, by name."""
        with self._lock:
            return [self._records[name] for name in sorted(self._records)]


def page(rows: list[Any], answer: str, given: Mapping[str, Any], default: int = 100) -> dict[str, Any]:
    """A page of a list: at most MaxResults of it, from NextToken on.

    Raises:
        ServiceError: the token is none of this list's.

    >>> page(["a", "b", "c"], "Rows", {"MaxResults": 2})
    {'Rows': ['a', 'b'], 'NextToken': '2'}
    >>> page(["a", "b", "c"], "Rows", {"NextToken": "2"})
    {'Rows': ['c']}
    """
    token, most = given.get("NextToken") or "0", given.get("MaxResults") or default
    if not token.isdigit():
        raise ServiceError("InvalidInputException", f"NextToken: {token[:100]!r} is none of this list's")
    first = int(token)
    more = {"NextToken": str(first + most)} if len(rows) > first + most else {}
    return {answer: rows[first : first + most], **more}


def role_arn(role: str) -> str:
    """The ARN of a role that is named by it, or by its path and name.

    >>> role_arn("service-role/crawler")
    'arn:aws:iam::123456789012:role/service-role/crawler'
    """
    return role if role.startswith("arn:") else f"arn:aws:iam::{ACCOUNT}:role/{role}"


def named(kind: str, *names: str) -> str:
    """The ARN of something of Glue's: page *glue-specifying-resource-arns*.

    >>> named("table", "shop", "orders")
    'arn:aws:glue:us-east-1:123456789012:table/shop/orders'
    """
    return arn("glue", "/".join((kind, *names)))
