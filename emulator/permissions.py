"""Who did what with which permission: `permissions.json`, from the calls that were judged and the policies as deployed."""

from __future__ import annotations

import re
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
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
            pairs = [{"action": action, "resource": resources} for action, resources in _allowed(given)]
            needed = [any(_covers(action, on, call) for call in calls) for action, on in _allowed(given)]
            rows.append(
                {
                    "role": role,
                    "used": _rows(calls),
                    "denied": _rows(denied.get(role, Counter())),
                    "allowed_and_used": [pair for pair, used_here in zip(pairs, needed, strict=True) if used_here],
                    "allowed_but_unused": [
                        pair for pair, used_here in zip(pairs, needed, strict=True) if not used_here
                    ],
                }
            )
        return rows


Reason = Callable[[str, str, list[str]], str | None]
"""Why a role (its name) is allowed an action on resources though no run here uses it; None if nothing says why."""


def with_reasons(report: list[dict[str, Any]], reason: Reason) -> list[dict[str, Any]]:
    """The report with the reason for each action that is allowed but was not used; those without one are `removable`.

    What was used though there is a reason for its not being used is in `used_though_reasoned`.

    >>> one, other = [{"action": "s3:PutObject", "resource": [f"arn:aws:s3:::b/{prefix}/*"]} for prefix in ("a", "c")]
    >>> row = {"role": "reader", "used": [], "denied": [], "allowed_and_used": [], "allowed_but_unused": [one, other]}
    >>> (row,) = with_reasons([row], lambda role, action, resources: "by hand" if "/a/" in resources[0] else None)
    >>> [[pair["resource"] for pair in row[part]] for part in ("allowed_but_unused", "removable", "used_though_reasoned")]
    [[['arn:aws:s3:::b/a/*']], [['arn:aws:s3:::b/c/*']], []]
    """
    rows = []
    for row in report:
        explained: list[dict[str, Any]] = []
        bare: list[dict[str, Any]] = []
        for pair in row["allowed_but_unused"]:
            why = reason(row["role"], pair["action"], pair["resource"])
            (explained if why else bare).append({**pair, **({"reason": why} if why else {})})
        used = [
            {**pair, "reason": why}
            for pair in row["allowed_and_used"]
            if (why := reason(row["role"], pair["action"], pair["resource"]))
        ]
        kept = {name: row[name] for name in ("role", "used", "denied")}
        rows.append({**kept, "allowed_but_unused": explained, "removable": bare, "used_though_reasoned": used})
    return rows


def _rows(calls: Counter[tuple[str, str]]) -> list[dict[str, Any]]:
    return [{"action": action, "resource": resource, "calls": n} for (action, resource), n in sorted(calls.items())]


def _allowed(statements: list[dict[str, Any]]) -> Iterable[tuple[str, list[str]]]:
    """(action, resources) of what is allowed."""
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
