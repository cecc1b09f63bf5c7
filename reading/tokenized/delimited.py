"""Separated values with tokens in place of card numbers, whatever else stands in a row byte for byte."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from fraud.card_numbers import mask_card_numbers, mask_certain
from reading.forms.csv_rows import LONGEST_LINE
from reading.tokenized.cards import Cards, holds_one
from reading.tokenized.doubtful import Bytes, Flags, Places, doubtful

_QUOTE, _FEED = ord('"'), ord("\n")
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Delimited:
    """How rows are written.

    Attributes:
        names: of the columns.
        delimiter: between the values.
        card: the place of the column of card numbers; None: no column has them as they stand.
    """

    names: Sequence[str]
    delimiter: str
    card: int | None


def tokenized_rows(blocks: Iterable[bytes], form: Delimited, cards: Cards) -> Iterator[bytes]:
    """The rows of a file, its header first, with tokens.

    A row with another number of values than the header has goes on with every run of digits masked that may be a card number: no
    one knows which of its values is which. In all other rows a card number outside of its column is masked.

    Args:
        blocks: the file in UTF-8, of which each row ends with a line feed or both, in pieces of any length.
        form: how its rows are written.
        cards: makes the tokens, and counts.
    """
    sign, header = ord(form.delimiter), True
    for rows, ends in _whole_rows(blocks, sign):
        if not header:
            yield _Block(rows, ends, form, cards).tokenized()
            continue
        header = False
        feeds = np.flatnonzero(np.frombuffer(rows, np.uint8)[ends] == _FEED)
        length = int(ends[feeds[0]]) + 1 if len(feeds) else len(rows)
        yield rows[:length]
        if length < len(rows):
            yield _Block(rows[length:], ends[feeds[0] + 1 :] - length, form, cards).tokenized()


def _whole_rows(blocks: Iterable[bytes], delimiter: int) -> Iterator[tuple[bytes, Places]]:
    """The same in blocks of whole rows, with the ends of their values; the last ends with a line feed only if the file does."""
    left = b""
    for block in blocks:
        left += block
        # a byte order mark before a quote would have it stand within a value
        mark = len(_BOM) if left.startswith(_BOM) else 0
        ends = _ends(left[mark:], delimiter) + mark
        feeds = np.flatnonzero(np.frombuffer(left, np.uint8)[ends] == _FEED)
        if len(feeds):
            cut = int(ends[feeds[-1]]) + 1
            yield left[:cut], ends[: feeds[-1] + 1]
            left = left[cut:]
        elif len(left) > LONGEST_LINE:  # a quote that nothing closes
            cut = left.rfind(b"\n") + 1 or len(left)
            yield left[:cut], _ends_one_by_one(left[:cut], delimiter)
            left = left[cut:]
    if left:
        yield left, _ends(left, delimiter)


def _ends(rows: bytes, delimiter: int) -> Places:
    """Where values end: the places of delimiters and line feeds that no quotes enclose."""
    data = np.frombuffer(rows, np.uint8)
    ends = (data == delimiter) | (data == _FEED)
    quotes = data == _QUOTE
    if not quotes.any():
        return np.flatnonzero(ends)
    places = np.flatnonzero(quotes)
    opening, closing = places[::2], places[1::2]
    before, behind = data[opening[opening > 0] - 1], data[closing[closing + 1 < len(data)] + 1]
    if not _among(before, delimiter, _FEED, _QUOTE) or not _among(behind, delimiter, _FEED, _QUOTE, ord("\r")):
        return _ends_one_by_one(rows, delimiter)
    return np.flatnonzero(ends & ~np.logical_xor.accumulate(quotes))


def _among(values: Bytes, *allowed: int) -> bool:
    return bool(np.isin(values, allowed).all())


def _ends_one_by_one(rows: bytes, delimiter: int) -> Places:
    """The same where a quote stands within a value: only one at its begin opens, and only one before its end closes."""
    sign = re.escape(bytes([delimiter]))
    value = re.compile(
        rb'(?:"(?:[^"]|"")*+"(?=\r?\n|\r?\Z|' + sign + rb")|[^\n" + sign + rb"]*+)(?:\n|" + sign + rb"|\Z)"
    )
    places = (match.end() - 1 for match in value.finditer(rows) if match.end() > match.start())
    ends = np.fromiter(places, np.int64)
    return ends[np.isin(np.frombuffer(rows, np.uint8)[ends], (delimiter, _FEED))]


class _Block:
    """Whole rows of data."""

    def __init__(self, rows: bytes, ends: Places, form: Delimited, cards: Cards) -> None:
        self._ended = rows.endswith(b"\n")
        self._rows = rows if self._ended else rows + b"\n"
        self._form, self._cards = form, cards
        self._data = np.frombuffer(self._rows, np.uint8)
        self._ends = ends
        if not len(self._ends) or self._ends[-1] != len(self._rows) - 1:  # a quote that nothing closes
            self._ends = np.append(self._ends, len(self._rows) - 1)
        lasts = np.flatnonzero(self._data[self._ends] == _FEED)
        if not len(lasts) or lasts[-1] != len(self._ends) - 1:
            lasts = np.append(lasts, len(self._ends) - 1)
        self._firsts = np.concatenate(([0], lasts[:-1] + 1))
        self._widths = lasts - self._firsts + 1
        self._begins = np.concatenate(([0], self._ends[:-1] + 1))

    def tokenized(self) -> bytes:
        """The rows with tokens."""
        columns, counts = len(self._form.names), self._cards.counts
        lengths = self._ends[self._firsts + self._widths - 1] - self._begins[self._firsts]
        empty = (self._widths == 1) & ((lengths == 0) | ((lengths == 1) & self._carriage(self._begins[self._firsts])))
        empty &= columns > 1
        good = (self._widths == columns) | self._one_too_many(columns)
        bad = ~good & ~empty
        counts.rows += int((~empty).sum())
        counts.malformed += int(bad.sum())
        edits: list[tuple[int, int, bytes]] = []
        replaced = np.zeros(len(self._ends), bool)
        if self._form.card is not None:
            of_cards = self._firsts[good] + self._form.card
            replaced[of_cards] = True
            edits += self._tokens(of_cards)
        for row in np.flatnonzero(bad).tolist():
            first, width = int(self._firsts[row]), int(self._widths[row])
            replaced[first : first + width] = True
            for value in range(first, first + width):
                edits += self._masked(int(self._begins[value]), int(self._ends[value]))
        edits += self._elsewhere(replaced)
        return self._edited(sorted(edits))

    def _carriage(self, places: Places) -> Flags:
        found: Flags = self._data[places] == ord("\r")
        return found

    def _one_too_many(self, columns: int) -> Flags:
        """Which rows have nothing but one value too many, an empty one at the end: it moves nothing."""
        last = self._firsts + self._widths - 1
        length = self._ends[last] - self._begins[last]
        nothing = (length == 0) | ((length == 1) & self._carriage(self._begins[last]))
        found: Flags = (self._widths == columns + 1) & nothing
        return found

    def _tokens(self, values: Places) -> Iterator[tuple[int, int, bytes]]:
        begins, ends = self._begins[values].tolist(), self._ends[values].tolist()
        cards = [self._rows[begin:end] for begin, end in zip(begins, ends, strict=True)]
        tokens = {card: self._token(card, times) for card, times in Counter(cards).items()}
        yield from zip(begins, ends, map(tokens.__getitem__, cards), strict=True)

    def _token(self, value: bytes, times: int) -> bytes:
        """What stands in place of a value that stands there so often, with its quotes and carriage return."""
        text = value.decode(errors="replace")
        plain = text.removesuffix("\r")
        quoted = len(plain) > 1 and plain.startswith('"') and plain.endswith('"')
        made = f'"{self._cards.token(plain[1:-1], times)}"' if quoted else self._cards.token(plain, times)
        return f"{made}{text[len(plain) :]}".encode()

    def _masked(self, begin: int, end: int) -> Iterator[tuple[int, int, bytes]]:
        # value by value: were a delimiter masked with them, the row might get the header's width
        text = self._rows[begin:end].decode(errors="replace")
        if (masked := mask_card_numbers(text)) != text:
            yield begin, end, masked.encode()

    def _elsewhere(self, replaced: Flags) -> Iterator[tuple[int, int, bytes]]:
        """Card numbers outside of their column."""
        values = np.unique(np.searchsorted(self._ends, doubtful(self._data, self._ends)[0]))
        values = values[values < len(self._ends)]
        for value in values[~replaced[values]].tolist():
            begin, end = int(self._begins[value]), int(self._ends[value])
            text = self._rows[begin:end].decode(errors="replace")
            if holds_one(text):
                row = int(np.searchsorted(self._firsts, value, side="right")) - 1
                place = min(value - int(self._firsts[row]), len(self._form.names) - 1)
                self._cards.counts.masked[self._form.names[place]] += 1
                yield begin, end, mask_certain(text).encode()

    def _edited(self, edits: list[tuple[int, int, bytes]]) -> bytes:
        parts: list[bytes] = []
        done = 0
        for begin, end, made in edits:
            parts += (self._rows[done:begin], made)
            done = end
        parts.append(self._rows[done:] if self._ended else self._rows[done:-1])
        return b"".join(parts)
