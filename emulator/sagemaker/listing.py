"""How SageMaker lists what it has: filters, order and pages, as the pages API_List* say, the same for every kind."""

from __future__ import annotations

import base64
import binascii
import datetime
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from emulator.errors import ServiceError

PAGE_SIZE = 10
"""Page API_ListEndpoints: what MaxResults defaults to; the other pages name no default."""
_TIMES = ("CreationTime", "LastModifiedTime")
Record = dict[str, Any]
Key = tuple[str, str]
"""Where a record stands in an order; its ARN settles what is equal."""


@dataclass(frozen=True, kw_only=True)
class Listing:
    """The list of one kind.

    Attributes:
        kind: as in the operation's name, as `Endpoint` in ListEndpoints.
        answer: the member of the answer that holds the list.
        members: of a summary, beside name, ARN and time.
        status: the parameter that asks for a status.
        order: the default of SortOrder.
        by: the default of SortBy.
    """

    kind: str
    answer: str
    members: tuple[str, ...] = ()
    status: str = "StatusEquals"
    order: str = "Descending"
    by: str = "CreationTime"

    def page(self, records: Iterable[Record], given: dict[str, Any]) -> dict[str, Any]:
        """A page of the list.

        Args:
            given: the operation's parameters.

        Raises:
            ServiceError: a parameter is not implemented here, or the token is none of this list's.
        """
        asked = dict(given)
        order, most = asked.pop("SortOrder", self.order), asked.pop("MaxResults", PAGE_SIZE)
        by, token = asked.pop("SortBy", self.by), asked.pop("NextToken", None)
        wanted = [one for one in records if self._fits(one, asked)]
        known = self._filters()
        if unknown := sorted(asked.keys() - known):
            raise ServiceError("NotImplementedException", f"{self.kind}: {unknown[0]} is not implemented here", 501)
        descending = order == "Descending"
        placed = sorted(((self._key(one, by), one) for one in wanted), key=lambda pair: pair[0], reverse=descending)
        if token:
            last = _place(token)
            placed = [(key, one) for key, one in placed if (key < last if descending else key > last)]
        shown = placed[:most]
        names = (f"{self.kind}Name", f"{self.kind}Arn", "CreationTime", *self.members)
        summaries = [{name: one[name] for name in names if one.get(name) is not None} for _, one in shown]
        more = {"NextToken": _token(shown[-1][0])} if len(placed) > most else {}
        return {self.answer: summaries, **more}

    def _filters(self) -> set[str]:
        ends = {f"{name}{end}" for name in _TIMES for end in ("After", "Before")}
        return {"NameContains", self.status, *ends}

    def _fits(self, record: Record, asked: dict[str, Any]) -> bool:
        if asked.get("NameContains", "") not in record[f"{self.kind}Name"]:
            return False
        if asked.get(self.status) not in (None, record.get(f"{self.kind}Status")):
            return False
        return all(
            (after is None or record[name] > after) and (before is None or record[name] < before)
            for name in _TIMES
            for after, before in [(asked.get(f"{name}After"), asked.get(f"{name}Before"))]
        )

    def _key(self, record: Record, by: str) -> Key:
        arn = str(record[f"{self.kind}Arn"])
        name = by if by in _TIMES else f"{self.kind}{by.removeprefix(self.kind)}"
        if name not in record:
            raise ServiceError("NotImplementedException", f"{self.kind}: SortBy {by} is not implemented here", 501)
        value = record[name]
        return (f"{value.timestamp():020.6f}" if isinstance(value, datetime.datetime) else str(value), arn)


def _token(key: Key) -> str:
    """Where the next page begins: behind a record, which may be gone by then."""
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode()


def _place(token: str) -> Key:
    """The key in a token.

    >>> _place(_token(("main", "arn:aws:sagemaker:us-east-1:123456789012:endpoint/main")))[0]
    'main'
    """
    try:
        value, arn = json.loads(base64.urlsafe_b64decode(token))
    except (ValueError, binascii.Error) as error:
        raise ServiceError("ValidationException", f"NextToken: {token[:100]!r} is none of this list's") from error
    return str(value), str(arn)
