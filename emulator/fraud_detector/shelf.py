"""What Fraud Detector remembers: named things with their times and ARNs, in pages, no more of them than its quotas allow."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable
from typing import Any

from emulator.account import arn
from emulator.clock import now
from emulator.errors import ServiceError

Record = dict[str, Any]


def moment() -> str:
    """The time, as the service writes it."""
    return now().strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def named(kind: str, *names: str) -> str:
    """The ARN of something of a kind, as its page *list_frauddetector* (service authorization) has it.

    >>> named("model-version", "ONLINE_FRAUD_INSIGHTS", "main", "1.0")
    'arn:aws:frauddetector:us-east-1:123456789012:model-version/ONLINE_FRAUD_INSIGHTS/main/1.0'
    """
    return arn("frauddetector", "/".join((kind, *names)))


def refused(message: str) -> ServiceError:
    """A value that is not allowed."""
    return ServiceError("ValidationException", message)


def in_use(message: str) -> ServiceError:
    """Something that cannot be deleted or changed as long as something else is there."""
    return ServiceError("ConflictException", message)


def unknown(message: str) -> ServiceError:
    """Something that is not there."""
    return ServiceError("ResourceNotFoundException", message)


class Shelf:
    """Things of one kind, by their names.

    Args:
        kind: as it stands in an ARN, as `event-type`.
        most: how many an account may have.
    """

    def __init__(self, kind: str, most: int) -> None:
        self.kind, self._most = kind, most
        self._things: dict[tuple[str, ...], Record] = {}
        self._lock = threading.RLock()

    def put(self, *name: str, **members: Any) -> Record:
        """Makes one, or changes the one of the name.

        Raises:
            ServiceError: there are as many as an account may have.
        """
        with self._lock:
            known = self._things.get(name)
            if known is None and len(self._things) >= self._most:
                raise refused(f"there are {self._most} of the kind {self.kind}, as many as an account may have")
            made = known or {"arn": named(self.kind, *name), "createdTime": moment()}
            made |= {**{key: value for key, value in members.items() if value is not None}, "lastUpdatedTime": moment()}
            self._things[name] = made
            return made

    def add(self, *name: str, **members: Any) -> Record:
        """Makes one; raises ServiceError if there is one of the name, or as many as an account may have."""
        with self._lock:
            if name in self._things:
                raise refused(f"{self.kind} {'/'.join(name)} already exists")
            return self.put(*name, **members)

    def get(self, *name: str) -> Record:
        """The one of a name; raises ServiceError if there is none."""
        with self._lock:
            if name not in self._things:
                raise unknown(f"{self.kind} {'/'.join(name)} does not exist")
            return self._things[name]

    def has(self, *name: str) -> bool:
        """Whether there is one of the name."""
        return name in self._things

    def remove(self, *name: str) -> None:
        """Forgets the one of a name. There may be none: the pages of deletion know no such error."""
        with self._lock:
            self._things.pop(name, None)

    def all(self, *beginning: str) -> list[Record]:
        """Every one whose name begins so, in the order in which they were made."""
        with self._lock:
            return [one for name, one in self._things.items() if name[: len(beginning)] == beginning]


def need(shelf: Shelf, names: Iterable[str]) -> None:
    """Raises ServiceError unless all of these are there."""
    if missing := sorted(name for name in names if not shelf.has(name)):
        raise refused(f"{shelf.kind} {', '.join(missing)} does not exist")


def not_in_use(what: str, users: Iterable[Record], uses: Callable[[Record], bool]) -> None:
    """Raises ServiceError if one of the users uses it: page *delete-resources* says what must go first."""
    if found := [user["arn"] for user in users if uses(user)]:
        raise in_use(f"{what} is used by {', '.join(found)}, which must be deleted first")


def without(things: Iterable[Record], *names: str) -> list[Record]:
    """Records without what their description does not show."""
    return [{name: value for name, value in one.items() if name not in names} for one in things]


def page(things: list[Record], given: dict[str, Any], most: int, answer: str) -> dict[str, Any]:
    """A page of a list.

    Args:
        given: may hold `maxResults` and `nextToken`.
        most: how many without `maxResults`.
        answer: the member that holds the list.
    """
    token = given.get("nextToken") or "0"
    if not re.fullmatch(r"[0-9]{1,9}", token):
        raise refused("nextToken: none of this list's")
    first = int(token)
    last = first + (given.get("maxResults") or most)
    more = {"nextToken": str(last)} if last < len(things) else {}
    return {answer: [dict(one) for one in things[first:last]], **more}
