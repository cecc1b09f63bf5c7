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
            unused, used_of_own = [], []
            for sid, action, resources in _allowed(given):
                one = {"action": action, "resource": resources, **({"sid": sid} if sid else {})}
                if not any(_covers(action, resources, call) for call in calls):
                    unused.append(one)
                elif sid:
                    used_of_own.append(one)
            rows.append(
                {
                    "role": role,
                    "used": _rows(calls),
                    "denied": _rows(denied.get(role, Counter())),
                    "allowed_but_unused": unused,
                    "used_with_sid": used_of_own,
                }
            )
        return rows


def with_reasons(
    report: list[dict[str, Any]], reasons: Mapping[str, Mapping[str, Mapping[str, str]]]
) -> list[dict[str, Any]]:
    """The report with the reason for each action that is allowed but was not used; those without one are `removable`.

    A reason holds for its own statement alone; one whose action was used there is in `used_though_reasoned`.

    Args:
        reasons: {role name: {Sid of a statement: {action: why it is allowed}}}, from the templates.

    >>> one, other, used = [
    ...     {"action": "s3:PutObject", "resource": [f"arn:aws:s3:::b/{prefix}/*"], "sid": prefix} for prefix in ("a", "c", "d")
    ... ]
    >>> row = {"role": "decide", "allowed_but_unused": [one, other], "used_with_sid": [used]}
    >>> said = {"a": {"s3:PutObject": "by hand"}, "d": {"s3:PutObject": "by hand"}}
    >>> (row,) = with_reasons([row], {"decide": said})
    >>> [[one["sid"] for one in row[part]] for part in ("allowed_but_unused", "removable", "used_though_reasoned")]
    [['a'], ['c'], ['d']]
    """
    rows = []
    for row in report:
        given = reasons.get(row["role"], {})

        def why(one: Mapping[str, Any], given: Mapping[str, Mapping[str, str]] = given) -> str | None:
            return given.get(one.get("sid", ""), {}).get(one["action"])

        kept = {name: value for name, value in row.items() if name != "used_with_sid"}
        named = [{**one, "reason": why(one)} for one in row["allowed_but_unused"] if why(one)]
        bare = [one for one in row["allowed_but_unused"] if not why(one)]
        stale = [{**one, "reason": why(one)} for one in row.get("used_with_sid", []) if why(one)]
        rows.append({**kept, "allowed_but_unused": named, "removable": bare, "used_though_reasoned": stale})
    return rows


def _rows(calls: Counter[tuple[str, str]]) -> list[dict[str, Any]]:
    return [{"action": action, "resource": resource, "calls": n} for (action, resource), n in sorted(calls.items())]


def _allowed(statements: list[dict[str, Any]]) -> Iterable[tuple[str, str, list[str]]]:
    """(Sid, action, resources) of what is allowed."""
    for statement in statements:
        if statement.get("Effect") == "Allow":
            for action in _several(statement.get("Action", [])):
                yield statement.get("Sid", ""), action, _several(statement.get("Resource", []))


def _covers(action: str, resources: list[str], call: tuple[str, str]) -> bool:
    return _matches(action.lower(), call[0].lower()) and any(_matches(resource, call[1]) for resource in resources)


def _matches(pattern: str, value: str) -> bool:
    return re.fullmatch("".join({"*": ".*", "?": "."}.get(one, re.escape(one)) for one in pattern), value) is not None


def _several(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]
