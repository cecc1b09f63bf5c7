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

    def report(
        self, statements: Iterable[tuple[str, list[dict[str, Any]]]], reasons: Mapping[str, Mapping[str, str]]
    ) -> list[dict[str, Any]]:
        """For each role: what was used, what was denied, and what is allowed but was not used.

        Args:
            statements: (role name, the statements of its policies).
            reasons: {role name: {action: why it is allowed without the run's using it}}, from the templates.
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
                {"action": action, "resource": resources, "reason": reasons.get(role, {}).get(action)}
                for action, resources in _allowed(given)
                if not any(_covers(action, resources, call) for call in calls)
            ]
            rows.append(
                {
                    "role": role,
                    "used": _rows(calls),
                    "denied": _rows(denied.get(role, Counter())),
                    "allowed_but_unused": [one for one in unused if one["reason"]],
                    "removable": [
                        {"action": one["action"], "resource": one["resource"]} for one in unused if not one["reason"]
                    ],
                }
            )
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
