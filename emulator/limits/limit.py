"""A limit of a service, and the loop that holds what is asked of the service to all of its limits."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from emulator.errors import ServiceError
from emulator.limits.units import values


@dataclass(frozen=True)
class Limit:
    """One limit.

    Attributes:
        of: what it is on: SERVICE:OPERATION with botocore's name of the service, a resource type of CloudFormation, or
            what AWS itself hands on, as `lambda:event`.
        path: where in that it is; see `emulator.limits.units.values`.
        unit: measures what stands there.
        most, least: what is allowed.
        code: the service's name of its error.
        page: of AWS's documentation, that says so.
        what: is measured, in the error's message; the unit's name, if it is left out.
        status: of the HTTP answer.
        beneath: the emulator beneath refuses it by itself: the loop passes it by, the tests do not.
    """

    of: str
    path: str
    unit: Callable[[Any], float]
    most: float
    code: str
    page: str
    least: float = 0
    what: str = ""
    status: int = 400
    beneath: bool = False

    def broken(self, given: Any) -> str | None:
        """What is wrong with what is given; None if it keeps to the limit."""
        for value in values(given, self.path):
            try:
                size = self.unit(value)
            except (TypeError, ValueError, AttributeError, KeyError):
                continue  # of another form than the service takes: that is refused elsewhere
            if not self.least <= size <= self.most:
                where = self.path or self.of.rpartition(":")[2]
                what = self.what or self.unit.__name__.replace("_", " ")
                return f"{where}: {size:g} {what}; allowed: {self.least:g} to {self.most:g} ({self.page})"
        return None


class Limits:
    """All limits, by what they are on."""

    def __init__(self, table: Iterable[Limit]) -> None:
        self._limits: defaultdict[str, list[Limit]] = defaultdict(list)
        for limit in table:
            if not limit.beneath:
                self._limits[limit.of].append(limit)

    def check(self, of: str, given: Mapping[str, Any]) -> None:
        """Holds what is given to its limits.

        Raises:
            ServiceError: it breaks one; the message says which, what is allowed, and the page that says so.
        """
        for limit in self._limits.get(of, ()):
            says = limit.broken(given)
            if says:
                raise ServiceError(limit.code, says, limit.status)
