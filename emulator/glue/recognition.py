"""What a file is: a custom classifier's columns, or what a built-in one finds. Page *add-classifier*.

Of a file its beginning is looked at, unpacked if it is packed with gzip. Built in here: Parquet, JSON lines and CSV; a file of
another kind is UNKNOWN, as one that no classifier of the service knows.

A custom CSV classifier knows a file by its delimiter and the number of its columns. AWS's pages do not say what it does with a
header of other names than its own, nor with rows of other lengths: here its own names stand, and rows of the first one's length
have to be more than half. Whoever reads the file has to look.
"""

from __future__ import annotations

import csv
import json
import re
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from emulator.glue.classifiers import TYPES
from emulator.glue.parquet_schema import MAGIC, NoParquetError, columns_of
from emulator.glue.value_types import common, type_of

LOOKED_AT = 1024 * 1024
"""Bytes of a file that a classifier looks at."""
DELIMITERS = (",", "|", "\t", ";", "\u0001")
"""Page *add-classifier*: what the built-in CSV classifier checks for, in this order."""
_LINES = 100
_GZIP = b"\x1f\x8b"
_LAZY = "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"
_OPEN = "org.apache.hadoop.hive.serde2.OpenCSVSerde"
_TEXT = ("org.apache.hadoop.mapred.TextInputFormat", "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat")
_HIVE_PARQUET = "org.apache.hadoop.hive.ql.io.parquet"

Columns = tuple[tuple[str, str], ...]
"""(name, type in the catalogue)."""


@dataclass(frozen=True)
class Recognised:
    """What a file is.

    Attributes:
        kind: the classification.
        library: that reads it: its SerDe.
        library_parameters, parameters: of the SerDe, and of the table.
        rows: how many the file's beginning holds, and of how many bytes that is.
    """

    kind: str
    columns: Columns
    library: str
    formats: tuple[str, str]
    library_parameters: dict[str, str] = field(default_factory=dict)
    parameters: dict[str, str] = field(default_factory=dict)
    compression: str = "none"
    rows: int = 0
    read_bytes: int = 1

    @property
    def table(self) -> tuple[str, str, str, str]:
        """What files of one table have in common."""
        return self.kind, self.library, self.compression, json.dumps(self.library_parameters, sort_keys=True)


Read = Callable[[int, int], bytes]
"""Bytes of an object, from one number up to before another; a negative first number counts from its end."""


def recognise(read: Read, size: int, classifiers: Sequence[dict[str, Any]]) -> Recognised | None:
    """What an object is; None if no classifier knows it.

    Args:
        read: gives bytes of it.
        size: in bytes.
        classifiers: custom ones, asked in this order.
    """
    start = read(0, min(size, LOOKED_AT))
    if start.startswith(MAGIC):
        return _parquet(read, size)
    packed = start.startswith(_GZIP)
    plain = _unpacked(start) if packed else start
    if b"\0" in plain or not plain.strip():
        return None
    whole = not packed and len(start) == size
    lines = _lines(plain, whole)
    for known in (*(_custom(one) for one in classifiers), _json, _csv):
        if found := known(lines):
            compression = "gzip" if packed else "none"
            return replace(found, compression=compression, read_bytes=max(1, sum(map(len, lines))))
    return None


def _unpacked(start: bytes) -> bytes:
    """As much as the beginning of a packed file gives; what is cut off or broken ends it."""
    try:
        return zlib.decompressobj(31).decompress(start, LOOKED_AT)
    except zlib.error:
        return b""


def _lines(plain: bytes, whole: bool) -> list[str]:
    """The first lines; the last one only where it is known to be whole."""
    text = plain.decode("utf-8-sig", errors="replace")
    lines = text.splitlines()
    if not whole and len(lines) > 1 and not text.endswith(("\n", "\r")):
        lines.pop()
    return [line for line in lines[:_LINES] if line.strip()]


def _parquet(read: Read, size: int) -> Recognised | None:
    try:
        columns, rows = columns_of(read, size)
    except NoParquetError:
        return None
    library = f"{_HIVE_PARQUET}.serde.ParquetHiveSerDe"
    formats = (f"{_HIVE_PARQUET}.MapredParquetInputFormat", f"{_HIVE_PARQUET}.MapredParquetOutputFormat")
    given = {"serialization.format": "1"}
    return Recognised("parquet", columns, library, formats, given, rows=rows, read_bytes=size)


def _json(lines: list[str]) -> Recognised | None:
    """JSON, an object a line."""
    types: dict[str, str] = {}
    for line in lines:
        try:
            row = json.loads(line)
        except ValueError:
            return None
        if not isinstance(row, dict):
            return None
        for name, value in row.items():
            kind = _json_type(value)
            types[name.lower()] = common(types[name.lower()], kind) if name.lower() in types else kind
    paths = {"paths": ",".join(sorted(types))}
    columns = tuple(types.items())
    return Recognised("json", columns, "org.openx.data.jsonserde.JsonSerDe", _TEXT, paths, rows=len(lines))


def _json_type(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "int" if abs(value) < 2**31 else "bigint"
    if isinstance(value, float):
        return "double"
    if isinstance(value, list):
        return f"array<{common(*map(_json_type, value)) if value else 'string'}>"
    if isinstance(value, dict):
        return f"struct<{','.join(f'{name}:{_json_type(one)}' for name, one in value.items())}>"
    return "string"


def _csv(lines: list[str]) -> Recognised | None:
    """The built-in classifier: at least two columns and two rows of data."""
    for delimiter in DELIMITERS:
        rows = _rows(lines, delimiter, '"')
        if not rows or len(rows[0]) < 2:
            continue
        has_header = _is_header(rows)
        data = rows[1:] if has_header else rows
        if len(data) < 2:
            return None
        names = rows[0] if has_header else _numbered(len(rows[0]))
        columns = tuple(zip(_distinct(names), _column_types(data), strict=True))
        serde, parameters = {"field.delim": delimiter}, _params(delimiter, has_header)
        return Recognised("csv", columns, _LAZY, _TEXT, serde, parameters, rows=len(data))
    return None


def _custom(classifier: dict[str, Any]) -> Callable[[list[str]], Recognised | None]:
    """A custom CSV classifier."""

    def known(lines: list[str]) -> Recognised | None:
        delimiter, quote = classifier.get("Delimiter", ","), classifier.get("QuoteSymbol", '"')
        rows = _rows(lines, delimiter, quote)
        if not rows:
            return None
        names, width = list(classifier.get("Header") or []), len(rows[0])
        if (names and len(names) != width) or (width == 1 and not classifier.get("AllowSingleColumn")):
            return None
        said = classifier.get("ContainsHeader", "UNKNOWN")
        has_header = said == "PRESENT" or (said == "UNKNOWN" and _is_header(rows))
        data = rows[1:] if has_header else rows
        if not data:
            return None
        names = names or (rows[0] if has_header else _numbered(width))
        given = classifier.get("CustomDatatypes") if classifier.get("CustomDatatypeConfigured") else None
        types = [TYPES[one] for one in given] if given and len(given) == width else _column_types(data)
        wanted = classifier.get("Serde", "None")
        lazy = wanted == "LazySimpleSerDe" or (wanted == "None" and "QuoteSymbol" not in classifier)
        serde = {"field.delim": delimiter} if lazy else {"separatorChar": delimiter, "quoteChar": quote}
        columns = tuple(zip(_distinct(names), types, strict=True))
        library, parameters = _LAZY if lazy else _OPEN, _params(delimiter, has_header)
        return Recognised("csv", columns, library, _TEXT, serde, parameters, rows=len(data))

    return known


def _params(delimiter: str, has_header: bool) -> dict[str, str]:
    header = {"skip.header.line.count": "1"} if has_header else {}
    return {"delimiter": delimiter, "areColumnsQuoted": "false", **header}


def _rows(lines: list[str], delimiter: str, quote: str) -> list[list[str]]:
    """The rows that are as long as the first one; none if that is at most half of them."""
    try:
        rows = list(csv.reader(lines, delimiter=delimiter, quotechar=quote or None))
    except csv.Error:
        return []
    fitting = [row for row in rows if len(row) == len(rows[0])]
    return fitting if 2 * len(fitting) > len(rows) else []


def _numbered(width: int) -> list[str]:
    return [f"col{number}" for number in range(width)]


def _is_header(rows: list[list[str]]) -> bool:
    """Page *add-classifier*: all of it text, each a column's name, and the rows below of other types."""
    names, data = rows[0], rows[1:]
    if not data or any(type_of(name) != "string" or not re.fullmatch(r"[\w \-.]{1,149}", name) for name in names[:-1]):
        return False
    return type_of(names[-1]) == "string" and any(type_of(value) != "string" for row in data for value in row)


def _column_types(rows: Iterable[list[str]]) -> list[str]:
    columns = zip(*rows, strict=True)
    return [common(*(type_of(value) for value in column if value.strip())) for column in columns]


def _distinct(names: Iterable[str]) -> list[str]:
    """Names as the catalogue takes them: in lower case, none empty, none twice."""
    found: list[str] = []
    for number, name in enumerate(names):
        plain = name.strip().lower() or f"col{number}"
        found.append(plain if plain not in found else f"{plain}_{number}")
    return found
