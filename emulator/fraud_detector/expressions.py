"""The language of rules, as the page *rule-language-reference* has it: read once, then evaluated on an event.

`and`, `or` and `!` know three values: what is compared with a value that is missing is neither true nor false, and a rule
matches only what is true. `==` and `!=` with `null` ask whether a value is missing.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from emulator.errors import ServiceError
from emulator.fraud_detector.shelf import refused

Value: TypeAlias = Any
"""A number, a text, a truth value, a list of these, or None for what is missing."""
Node = Callable[[Mapping[str, Value]], Value]

MOST_CHARACTERS = 4_000
"""Page *rules*: "less than 4,000 characters in length"; the model allows 4,096."""
_TOKEN = re.compile(
    r"""\s*(?:(?P<number>\d+(?:\.\d+)?)|(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(?P<variable>\$[A-Za-z_][A-Za-z0-9_]*)"""
    r"""|(?P<list>@[a-z0-9_]+)|(?P<word>[A-Za-z_]+)|(?P<sign><=|>=|==|!=|[<>!+\-*/%(),\[\]]))"""
)
_LATER = ("getcurrentdatetime", "isbefore", "isafter", "getepochmilliseconds")
"""Functions of the page that nothing here evaluates."""


@dataclass
class Expression:
    """A rule's expression.

    Attributes:
        variables, lists: what it names.
        matches: given {variable: value} and {@list: entries}, whether the rule does.
    """

    variables: frozenset[str]
    lists: frozenset[str]
    matches: Callable[[Mapping[str, Value]], bool]


def read(text: str) -> Expression:
    """Reads an expression.

    Raises:
        ServiceError: it is none: says what is wrong at which place.

    >>> rule = read("$amount >= 700 and $currency in ['EUR', 'USD']")
    >>> rule.matches({"amount": 700.0, "currency": "EUR"}), rule.matches({"amount": 699.99, "currency": "EUR"})
    (True, False)
    >>> read("$score < 700").matches({})
    False
    """
    if len(text) >= MOST_CHARACTERS:
        raise refused(f"the expression has {len(text)} characters; allowed: less than {MOST_CHARACTERS}")
    reader = _Reader(text)
    node = reader.alternatives()
    reader.end()
    return Expression(frozenset(reader.variables), frozenset(reader.lists), lambda values: node(values) is True)


@dataclass
class _Reader:
    text: str
    at: int = 0
    variables: set[str] = field(default_factory=set)
    lists: set[str] = field(default_factory=set)

    def alternatives(self) -> Node:
        nodes = [self._both()]
        while self._take("or"):
            nodes.append(self._both())
        return nodes[0] if len(nodes) == 1 else lambda values: _first(nodes, values, decides=True)

    def end(self) -> None:
        if self._peek() is not None:
            raise self._wrong("and, or, a comparison, or the end")

    def _both(self) -> Node:
        nodes = [self._not()]
        while self._take("and"):
            nodes.append(self._not())
        return nodes[0] if len(nodes) == 1 else lambda values: _first(nodes, values, decides=False)

    def _not(self) -> Node:
        if self._take("!"):
            node = self._not()
            return lambda values: _negated(node(values))
        return self._comparison()

    def _comparison(self) -> Node:
        left = self._sum()
        for sign, compare in _COMPARISONS.items():
            if self._take(sign):
                right = self._sum()
                return lambda values: compare(left(values), right(values))
        outside = self._take("not")
        if self._take("in"):
            entries = self._entries()
            return lambda values: _contained(left(values), entries(values), outside)
        if outside:
            raise self._wrong("in")
        return left

    def _entries(self) -> Node:
        kind, token = self._peek() or ("", "")
        if kind == "list":
            self._take(token)
            self.lists.add(token[1:])
            return lambda values: values.get(token)
        if not self._take("["):
            raise self._wrong("a list, as [1, 2], or @name")
        nodes = [self._sum()]
        while self._take(","):
            nodes.append(self._sum())
        if not self._take("]"):
            raise self._wrong(", or ]")
        return lambda values: [node(values) for node in nodes]

    def _sum(self) -> Node:
        return self._chain(self._product, {"+": operator.add, "-": operator.sub})

    def _product(self) -> Node:
        return self._chain(self._sign, {"*": operator.mul, "/": operator.truediv, "%": math.fmod})

    def _chain(self, part: Callable[[], Node], signs: Mapping[str, Callable[[Any, Any], Any]]) -> Node:
        node = part()
        while sign := next((one for one in signs if self._take(one)), None):
            node = _calculated(signs[sign], node, part())
        return node

    def _sign(self) -> Node:
        if self._take("-"):
            node = self._sign()
            return _calculated(operator.sub, lambda _: 0, node)
        return self._atom()

    def _atom(self) -> Node:
        found = self._peek()
        kind, token = found or ("", "")
        if token == "(":
            self._take(token)
            node = self.alternatives()
            if not self._take(")"):
                raise self._wrong(")")
            return node
        if kind not in ("number", "text", "variable", "word"):
            raise self._wrong("a number, a text, a variable as $amount, or a function")
        if kind == "word" and token not in (*_CONSTANTS, *_FUNCTIONS, *_LATER):
            raise self._wrong(f"one of {', '.join((*_CONSTANTS, *_FUNCTIONS))}")
        self._take(token)
        if kind == "word":
            return self._function(token) if token not in _CONSTANTS else lambda _: _CONSTANTS[token]
        if kind == "variable":
            self.variables.add(token[1:])
            return lambda values: values.get(token[1:])
        value = float(token) if kind == "number" else re.sub(r"\\(.)", r"\1", token[1:-1])
        return lambda _: value

    def _function(self, name: str) -> Node:
        if name in _LATER:
            raise ServiceError("NotImplementedException", f"{name} of the rule language is not implemented here", 501)
        count, function = _FUNCTIONS[name]
        nodes: list[Node] = []
        if not self._take("("):
            raise self._wrong("(")
        while len(nodes) < count:
            if nodes and not self._take(","):
                raise self._wrong(",")
            nodes.append(self._sum())
        if not self._take(")"):
            raise self._wrong(")")

        def called(values: Mapping[str, Value]) -> Value:
            given = [node(values) for node in nodes]
            return function(*given) if all(isinstance(one, str) for one in given) else None

        return called

    def _peek(self) -> tuple[str, str] | None:
        if not self.text[self.at :].strip():
            return None
        found = _TOKEN.match(self.text, self.at)
        if found is None or found.lastgroup is None:
            raise self._wrong("an expression of the rule language")
        return found.lastgroup, found[found.lastgroup]

    def _take(self, token: str) -> bool:
        found = self._peek()
        if found is None or found[1] != token:
            return False
        matched = _TOKEN.match(self.text, self.at)
        self.at = matched.end() if matched else self.at
        return True

    def _wrong(self, allowed: str) -> ServiceError:
        return refused(f"expression, at {self.text[self.at :][:20].strip()!r}; allowed: {allowed}")


_CONSTANTS: dict[str, Value] = {"null": None, "true": True, "false": False}
_FUNCTIONS: dict[str, tuple[int, Callable[..., Value]]] = {
    # "based on .matches() in java": the pattern is of the whole text
    "regex_match": (2, lambda pattern, text: re.fullmatch(pattern, text) is not None),
    "lowercase": (1, str.lower),
    "uppercase": (1, str.upper),
}


def _first(nodes: Collection[Node], values: Mapping[str, Value], *, decides: bool) -> Value:
    """The value that decides, if one has it; else missing, if one is; else the other value."""
    found: Value = not decides
    for node in nodes:
        value = node(values)
        if value is decides:
            return decides
        found = None if value is None else found
    return found


def _negated(value: Value) -> Value:
    return None if not isinstance(value, bool) else not value


def _calculated(calculate: Callable[[Any, Any], Any], left: Node, right: Node) -> Node:
    def value(values: Mapping[str, Value]) -> Value:
        sides = left(values), right(values)
        if not all(_is_number(side) for side in sides):
            return None
        try:
            return calculate(*sides)
        except (ZeroDivisionError, ValueError, OverflowError):
            return None

    return value


def _is_number(value: Value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Value, Value], Value]:
    def compared(left: Value, right: Value) -> Value:
        same = (_is_number(left) and _is_number(right)) or (isinstance(left, str) and isinstance(right, str))
        return compare(left, right) if same else None

    return compared


def _contained(value: Value, entries: Value, outside: bool) -> Value:
    if value is None or entries is None:
        return None
    return any(_equal(value, entry) is True for entry in entries) is not outside


def _equal(left: Value, right: Value) -> Value:
    return left == right if type(left) is type(right) or (_is_number(left) and _is_number(right)) else False


_COMPARISONS: dict[str, Callable[[Value, Value], Value]] = {
    "<=": _ordered(operator.le),
    ">=": _ordered(operator.ge),
    "==": _equal,
    "!=": lambda left, right: not _equal(left, right),
    "<": _ordered(operator.lt),
    ">": _ordered(operator.gt),
}
