"""Arithmetic over columns, written as text: how a feature that is derived from others is declared.

A formula holds names, numbers, `+ - * /`, parentheses and the functions of FUNCTIONS, and nothing else. Whatever is
computed from a missing value is missing (NaN).

>>> ratio = Formula("amount / avg_amt_last_1w")
>>> ratio.names
('amount', 'avg_amt_last_1w')
>>> ratio.of({"amount": np.array([10.0, 5.0]), "avg_amt_last_1w": np.array([4.0, np.nan])}.__getitem__).tolist()
[2.5, nan]
>>> Formula("amount ** 2")
Traceback (most recent call last):
...
fraud.features.formula.FormulaError: 'amount ** 2': `**`; allowed: names, numbers, + - * /, parentheses and the functions \
hour_of_day, weekday, mean_of_others
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fraud.durations import MS_PER_DAY, MS_PER_HOUR

Values = NDArray[Any]
Look = Callable[[str], Values]
"""Gives a name's values."""


class FormulaError(ValueError):
    """A formula that is none: says what in it is wrong, and what is allowed."""


def _hour_of_day(moment_ms: Values) -> Values:
    return moment_ms // MS_PER_HOUR % 24


def _weekday(moment_ms: Values) -> Values:
    return (moment_ms // MS_PER_DAY + 3) % 7  # 1970-01-01 was a Thursday; Monday is 0


def _mean_of_others(mean: Values, count: Values, own_cents: Values) -> Values:
    return np.where(count > 1, np.rint(mean * count * 100 - own_cents) / 100 / (count - 1), np.nan)


FUNCTIONS: Mapping[str, Callable[..., Values]] = MappingProxyType(
    {"hour_of_day": _hour_of_day, "weekday": _weekday, "mean_of_others": _mean_of_others}
)
"""`hour_of_day(ms)` and `weekday(ms)`, Monday 0, of a moment in UTC; `mean_of_others(mean, count, own_cents)`: the mean amount of
a window without the row's own, missing where it is alone."""

_ARGUMENTS = {"hour_of_day": 1, "weekday": 1, "mean_of_others": 3}
_OPERATORS: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = MappingProxyType(
    {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv}
)
ALLOWED = f"names, numbers, + - * /, parentheses and the functions {', '.join(FUNCTIONS)}"


class Formula:
    """A parsed formula.

    Args:
        text: the formula.

    Attributes:
        names: those that it reads, each once, in the order of its text.

    Raises:
        FormulaError: it holds anything but what is allowed.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        try:
            self._root = ast.parse(text.strip(), mode="eval").body
        except (SyntaxError, ValueError) as error:
            raise FormulaError(f"{text!r}: {error}; allowed: {ALLOWED}") from None
        self.names = tuple(dict.fromkeys(self._checked(self._root)))
        if not self.names:
            raise FormulaError(f"{text!r} reads no column; allowed: {ALLOWED}")

    def of(self, look: Look) -> Values:
        """Its values, n as the columns have; what cannot be computed is NaN or infinite.

        Args:
            look: gives the n values of each of `names`.
        """
        return np.asarray(self._value(self._root, look))

    def _checked(self, node: ast.expr) -> list[str]:
        match node:
            case ast.Name(id=name) if name not in FUNCTIONS:
                return [name]
            case ast.Constant(value=int() | float()) if not isinstance(node.value, bool):
                return []
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
                return [*self._checked(left), *self._checked(right)]
            case ast.Call(func=ast.Name(id=name), args=given, keywords=[]) if len(given) == _ARGUMENTS.get(name):
                return [found for each in given for found in self._checked(each)]
        shown = ast.unparse(node)
        if isinstance(node, ast.BinOp):
            shown = shown.removeprefix(ast.unparse(node.left)).removesuffix(ast.unparse(node.right)).strip()
        raise FormulaError(f"{self.text!r}: `{shown}`; allowed: {ALLOWED}")

    def _value(self, node: ast.expr, look: Look) -> Any:
        match node:
            case ast.Name(id=name):
                return look(name)
            case ast.Constant(value=number):
                return number
            case ast.BinOp(left=left, op=op, right=right):
                return _OPERATORS[type(op)](self._value(left, look), self._value(right, look))
            case ast.Call(func=ast.Name(id=name), args=given):
                return FUNCTIONS[name](*(self._value(each, look) for each in given))
        raise AssertionError("checked when it was parsed")
