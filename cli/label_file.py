"""Files of labels: CSV with a header, or JSON lines, a label a row."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from fraud.card_numbers import mask_card_numbers
from fraud.label import FIELDS, Label, as_label, check_known
from fraud.notation import NotationError, iso_moment_ms
from fraud.transaction import InvalidTransactionError, parse_json, shown
from reading.errors import BadInputError

NEEDED = ("transaction_id", "is_fraud")
WORDS = {"true": True, "1": True, "fraud": True, "false": False, "0": False, "legitimate": False}
"""What a row may say of `is_fraud`, in any case."""
_WORDS_SAY = "true, false, 1, 0, fraud or legitimate"
_EPOCH = datetime.fromtimestamp(0, timezone.utc)
_COLUMNS = f"{', '.join(NEEDED)}, and where they are not given as options known_at, source and reported_by"


class Row(NamedTuple):
    """A row of a file: its number, from 1 behind the header, and the label in it, or why it holds none."""

    number: int
    label: Label | None
    refused: str | None


@dataclass(frozen=True)
class Defaults:
    """What a row is taken to say where it does not say it itself.

    Attributes:
        source: of a label.
        reported_by: who or what says it; None: each row must.
        known_ms: when it became known, milliseconds since 1970 in UTC.
        now_ms: what is later than this is of the future.
    """

    source: str
    reported_by: str | None
    known_ms: int
    now_ms: int

    def row(self, number: int, given: Mapping[str, Any]) -> Row:
        """The label in a row's fields, or why they hold none. The reason holds no card number."""
        try:
            return Row(number, check_known(as_label(self._fields(given)), self.now_ms), None)
        except InvalidTransactionError as error:
            return Row(number, None, str(error))

    def _fields(self, given: Mapping[str, Any]) -> dict[str, Any]:
        fields = {name: value for name, value in given.items() if value not in ("", None) or name in NEEDED}
        fields.setdefault("source", self.source)
        if self.reported_by is not None:
            fields.setdefault("reported_by", self.reported_by)
        said = str(fields.get("is_fraud")).casefold()
        if said in WORDS:
            fields["is_fraud"] = WORDS[said]
        elif "is_fraud" in fields:
            raise InvalidTransactionError("is_fraud", shown("is_fraud", fields["is_fraud"]), _WORDS_SAY)
        try:
            known_ms = iso_moment_ms(str(fields["known_at"])) if "known_at" in fields else self.known_ms
        except NotationError as error:
            raise InvalidTransactionError("known_at", "no moment", str(error).rpartition("allowed: ")[2]) from None
        return fields | {"known_at": _EPOCH + timedelta(milliseconds=known_ms)}


def count_rows(file: Path, defaults: Defaults) -> int:
    """How many rows a file has, read to its end.

    Raises:
        BadInputError: it cannot be read, or has other columns: what is wrong, and what is allowed.
    """
    return sum(1 for _ in read_labels(file, defaults))


def read_labels(file: Path, defaults: Defaults) -> Iterator[Row]:
    """The rows of a file, one after the other; raises as `count_rows` does, before the first row if it is for the columns."""
    with _opened(file) as lines:
        try:
            first = lines.read(1)
            while first.isspace():
                first = lines.read(1)
            lines.seek(0)
            yield from _json_rows(file, lines, defaults) if first == "{" else _csv_rows(file, lines, defaults)
        except UnicodeDecodeError as error:
            raise BadInputError(f"{file}: not UTF-8 at byte {error.start:,}; allowed: text in UTF-8") from error
        except csv.Error as error:
            raise BadInputError(f"{file}: no CSV: {error}") from error


@contextmanager
def _opened(file: Path) -> Iterator[TextIO]:
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            yield lines
    except OSError as error:
        raise BadInputError(f"{file} cannot be read: {error.strerror}; needed: a file of labels") from error


def _csv_rows(file: Path, lines: TextIO, defaults: Defaults) -> Iterator[Row]:
    reader = csv.reader(lines, strict=True)
    columns = [name.strip() for name in next(reader, [])]
    _check_columns(file, columns, defaults)
    number = 0
    for values in reader:
        if not values:
            continue
        number += 1
        if len(values) != len(columns):
            yield Row(number, None, f"{len(values)} values; allowed: {len(columns)}, as the header has")
        else:
            stripped = (value.strip() for value in values)
            yield defaults.row(number, dict(zip(columns, stripped, strict=True)))


def _json_rows(file: Path, lines: TextIO, defaults: Defaults) -> Iterator[Row]:
    number = 0
    for line in lines:
        if not line.strip():
            continue
        number += 1
        try:
            given = parse_json(line.strip().encode(), FIELDS)
        except InvalidTransactionError as error:
            if number == 1:
                raise BadInputError(f"{file}: row 1: {error}") from error
            yield Row(number, None, str(error))
            continue
        if number == 1:
            _check_columns(file, list(given), defaults)
        yield defaults.row(number, given)


def _check_columns(file: Path, columns: list[str], defaults: Defaults) -> None:
    said = mask_card_numbers(json.dumps(columns[:20], ensure_ascii=False))
    twice = next((name for name in columns if columns.count(name) > 1), None)
    missing = [name for name in NEEDED if name not in columns]
    unknown = [name for name in columns if name not in FIELDS]
    other = next((mark for mark in ";\t|" if len(columns) == 1 and mark in columns[0]), None)
    if not any(columns):
        raise BadInputError(f"{file}: is empty; allowed: {_COLUMNS}")
    if other is not None:
        problem = f"parts its columns by {other!r}, not by commas"
    elif twice is not None:
        problem = f"the column {mask_card_numbers(twice)!r} is there twice"
    elif missing:
        problem = f"lacks {', '.join(missing)}"
    elif unknown:
        problem = f"{mask_card_numbers(unknown[0])[:60]!r} is no column of a label"
    elif defaults.reported_by is None and "reported_by" not in columns:
        problem = "nothing says who reported the labels: no column reported_by, and no --by"
    else:
        return
    raise BadInputError(f"{file}: {problem}; it has {said[:300]}; allowed: {_COLUMNS}")
