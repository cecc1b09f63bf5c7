"""Of which type of the catalogue a text of a file is, and what the values of a column have in common."""

from __future__ import annotations

import re

_WHOLE = re.compile(r"[+-]?\d{1,19}")
_DECIMAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def type_of(text: str) -> str:
    """The type of a value.

    >>> [type_of(one) for one in ("12", "4532015112830366", "1.5", "true", "2020-01-01 00:00:18", "")]
    ['int', 'bigint', 'double', 'boolean', 'string', 'string']
    """
    text = text.strip()
    if _WHOLE.fullmatch(text):
        return "bigint" if abs(int(text)) >= 2**31 else "int"
    if _DECIMAL.fullmatch(text):
        return "double"
    return "boolean" if text.lower() in ("true", "false") else "string"


def common(*types: str) -> str:
    """The type that holds values of all of these.

    >>> common("int", "double"), common("int", "bigint"), common("boolean", "int"), common("array<int>", "array<int>")
    ('double', 'bigint', 'string', 'array<int>')
    """
    kinds = set(types) or {"string"}
    if len(kinds) == 1:
        return kinds.pop()
    numbers = ("int", "bigint", "double")
    return max(kinds, key=numbers.index) if kinds <= set(numbers) else "string"
