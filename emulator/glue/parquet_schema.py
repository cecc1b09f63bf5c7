"""The columns of a Parquet file, from its footer: Thrift's compact protocol, as much of it as the schema needs.

Columns of columns are given as what they are called in the catalogue, `struct` and `array`, without what they hold.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

MAGIC = b"PAR1"
_PHYSICAL = ("boolean", "int", "bigint", "timestamp", "float", "double", "binary", "binary")
_CONVERTED = {
    0: "string",
    4: "string",
    5: "decimal",
    6: "date",
    9: "timestamp",
    10: "timestamp",
    15: "tinyint",
    16: "smallint",
}
_LOGICAL = {1: "string", 4: "string", 5: "decimal", 6: "date", 8: "timestamp", 12: "string"}
_MOST = 64 * 1024 * 1024


class NoParquetError(ValueError):
    """The file is cut off, or broken."""


def columns_of(read: Callable[[int, int], bytes], size: int) -> tuple[tuple[tuple[str, str], ...], int]:
    """(name, type in the catalogue) of each column, and the number of rows.

    Args:
        read: gives bytes of the file, from one number up to before another.
        size: of the file, in bytes.

    Raises:
        NoParquetError: the file has no footer that can be read.
    """
    end = read(max(0, size - 8), size)
    length = int.from_bytes(end[:4], "little")
    if end[4:] != MAGIC or not 0 < length <= min(size - 12, _MOST):
        raise NoParquetError("no footer")
    try:
        footer = _Thrift(read(size - 8 - length, size - 8)).struct()
        schema, rows = footer[2], int(footer[3])
        return tuple(_columns(schema)), rows
    except (IndexError, KeyError, TypeError, UnicodeDecodeError) as error:
        raise NoParquetError(f"the footer cannot be read: {error!r}") from error


def _columns(schema: list[dict[int, Any]]) -> list[tuple[str, str]]:
    found, position = [], 1
    for _ in range(schema[0][5]):
        element = schema[position]
        name = element[4].decode().lower()
        found.append((name, _type(element)))
        position = _after(schema, position)
    return found


def _after(schema: list[dict[int, Any]], position: int) -> int:
    """The position behind an element and all that is in it."""
    children, position = schema[position].get(5, 0), position + 1
    for _ in range(children):
        position = _after(schema, position)
    return position


def _type(element: dict[int, Any]) -> str:
    if element.get(5):
        return {1: "map", 3: "array"}.get(element.get(6, -1), "struct")
    logical: dict[int, Any] = element.get(10) or {}
    kind = next((_LOGICAL[one] for one in logical if one in _LOGICAL), _CONVERTED.get(element.get(6, -1)))
    if kind == "decimal":
        return f"decimal({element.get(8, 10)},{element.get(7, 0)})"
    return kind or _PHYSICAL[element[1]]


class _Thrift:
    """A reader of Thrift's compact protocol."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def struct(self) -> dict[int, Any]:
        """{a field's number: its value}."""
        found: dict[int, Any] = {}
        number = 0
        while head := self._byte():
            kind, step = head & 15, head >> 4
            number = number + step if step else self._whole()
            found[number] = kind == 1 if kind in (1, 2) else self._value(kind)
        return found

    def _value(self, kind: int) -> Any:
        if kind in (1, 2, 3):
            return self._byte()
        if kind in (4, 5, 6):
            return self._whole()
        if kind == 7:
            return self._bytes(8)
        if kind == 8:
            return self._bytes(self._number())
        if kind in (9, 10):
            head = self._byte()
            count = head >> 4 if head >> 4 != 15 else self._number()
            return [self._value(head & 15) for _ in range(count)]
        if kind == 12:
            return self.struct()
        raise TypeError(f"type {kind}")

    def _byte(self) -> int:
        self._at += 1
        return self._data[self._at - 1]

    def _bytes(self, count: int) -> bytes:
        self._at += count
        return self._data[self._at - count : self._at]

    def _number(self) -> int:
        found = shift = 0
        while True:
            byte = self._byte()
            found |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return found

    def _whole(self) -> int:
        found = self._number()
        return (found >> 1) ^ -(found & 1)
