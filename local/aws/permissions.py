"""Who did what with which permission: `permissions.json`, from the calls that were judged and the policies as deployed."""

from __future__ import annotations

import re
import threading
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any


class Usage:
    """The judgements of a run. Safe with several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._used: defaultdict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
        self._denied: defaultdict[str, Counter[tuple[str, str]]] = defaultdict(Counter)

    def judged(self, role: str, action: str, resource: str, allowed: bool) -> None:
        """Notes one judgement."""
        with self._lock:
            (self._used if allowed else self._denied)[role][action, resource] += 1

    def report(self, statements: Iterable[tuple[str, list[dict[str, Any]]]]) -> list[dict[str, Any]]:
        """For each role: what was used, what was denied, and what is allowed but was not used.

        Args:
            statements: (role name, the statements of its policies).
        """
        with self._lock:
            used = {role: Counter(calls) for role, calls in self._used.items()}
            denied = {role: Counter(calls) for role, calls in self._denied.items()}
        rows = []
        deployed = dict(statements)
        for role in sorted({*deployed, *used, *denied}):
            given = deployed.get(role, [])
            calls = used.get(role, Counter())
            unused = [
                {"action": action, "resource": resources}
                for action, resources in _allowed(given)
                if not any(_covers(action, resources, call) for call in calls)
            ]
            rows.append(
                {
                    "role": role,
                    "used": _rows(calls),
                    "denied": _rows(denied.get(role, Counter())),
                    "allowed_but_unused": unused,
                }
            )
        return rows


def with_reasons(report: list[dict[str, Any]], reasons: Mapping[str, Mapping[str, str]]) -> list[dict[str, Any]]:
    """The report with the reason for each action that is allowed but was not used; those without one are `removable`.

    Args:
        reasons: {role name: {action: why it is allowed}}, from the templates.

    >>> unused = [{"action": "s3:GetObject", "resource": ["*"]}, {"action": "s3:PutObject", "resource": ["*"]}]
    >>> (row,) = with_reasons([{"role": "decide", "allowed_but_unused": unused}], {"decide": {"s3:GetObject": "by hand"}})
    >>> row["allowed_but_unused"], row["removable"]
    ([{'action': 's3:GetObject', 'resource': ['*'], 'reason': 'by hand'}], [{'action': 's3:PutObject', 'resource': ['*']}])
    """
    rows = []
    for row in report:
        given = reasons.get(row["role"], {})
        named = [{**one, "reason": given[one["action"]]} for one in row["allowed_but_unused"] if one["action"] in given]
        bare = [one for one in row["allowed_but_unused"] if one["action"] not in given]
        rows.append({**row, "allowed_but_unused": named, "removable": bare})
    return rows


def _rows(calls: Counter[tuple[str, str]]) -> list[dict[str, Any]]:
    return [{"action": action, "resource": resource, "calls": n} for (action, resource), n in sorted(calls.items())]


def _allowed(statements: list[dict[str, Any]]) -> Iterable[tuple[str, list[str]]]:
    for statement in statements:
        if statement.get("Effect") == "Allow":
            for action in _several(statement.get("Action", [])):
                yield action, _several(statement.get("Resource", []))


def _covers(action: str, resources: list[str], call: tuple[str, str]) -> bool:
    return _matches(action.lower(), call[0].lower()) and any(_matches(resource, call[1]) for resource in resources)


def _matches(pattern: str, value: str) -> bool:
    return re.fullmatch("".join({"*": ".*", "?": "."}.get(one, re.escape(one)) for one in pattern), value) is not None


def _several(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]
