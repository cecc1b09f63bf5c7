"""JSON lines with tokens in place of card numbers, whatever else stands in a line byte for byte."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from fraud.card_numbers import mask_card_numbers, without_card_numbers
from reading.tokenized.cards import Cards, holds_one
from reading.tokenized.doubtful import doubtful

LONGEST_LINE = 16_000_000
"""Bytes: what a line may hold."""
_FEED = ord("\n")
_BOM = b"\xef\xbb\xbf"


def tokenized_lines(blocks: Iterable[bytes], card: str | None, cards: Cards) -> Iterator[bytes]:
    """The lines of a file with tokens.

    A line that is no object goes on with every run of digits masked that may be a card number. One that holds a card number under
    another key is written anew, without it.

    Args:
        blocks: the file in UTF-8, in pieces of any length.
        card: the key of card numbers; None: under no key they stand as they are.
        cards: makes the tokens, and counts.
    """
    first = True
    for lines in _whole_lines(blocks):
        mark = len(_BOM) if first and lines.startswith(_BOM) else 0
        first = False
        yield lines[:mark] + _Block(lines[mark:], card, cards).tokenized()


def _whole_lines(blocks: Iterable[bytes]) -> Iterator[bytes]:
    left = b""
    for block in blocks:
        left += block
        cut = left.rfind(b"\n") + 1
        if not cut and len(left) > LONGEST_LINE:
            cut = len(left)
        if cut:
            yield left[:cut]
            left = left[cut:]
    if left:
        yield left


class _Block:
    """Whole lines."""

    def __init__(self, lines: bytes, card: str | None, cards: Cards) -> None:
        self._lines, self._card, self._cards = lines, card, cards
        self._data = np.frombuffer(lines, np.uint8)
        self._ends = np.flatnonzero(self._data == _FEED)

    def tokenized(self) -> bytes:
        """The lines with tokens."""
        found = self._values()
        lines = np.searchsorted(self._ends, [match.start() for match in found]) if found else np.zeros(0, np.int64)
        counts = np.bincount(lines, minlength=len(self._ends) + 1)
        anew = set(np.flatnonzero(counts != 1).tolist()) if self._card is not None else set()
        anew |= self._holding({int(line): match.span(1) for line, match in zip(lines, found, strict=True)})
        edits = []
        for line, match in zip(lines.tolist(), found, strict=True):
            if line in anew or match[1] == b"null":
                continue
            plain = match[1][1:-1] if match[1].startswith(b'"') else match[1]
            if b"\\" in plain:
                anew.add(line)
            else:
                edits.append((*match.span(1), b'"' + self._cards.token(plain.decode(errors="replace")).encode() + b'"'))
        edits += [edit for line in anew for edit in self._anew(line)]
        starts = np.concatenate(([0], self._ends + 1))
        stops = np.append(self._ends, len(self._lines))
        blank = sum(
            not self._lines[starts[line] : stops[line]].strip() for line in np.flatnonzero(stops - starts < 3).tolist()
        )
        self._cards.counts.rows += len(stops) - blank
        return self._edited(sorted(edits))

    def _values(self) -> list[re.Match[bytes]]:
        if self._card is None:
            return []
        key = re.escape(json.dumps(self._card, ensure_ascii=False).encode())
        value = rb'("(?:[^"\\\n]|\\.)*+"|-?[0-9][0-9.eE+-]*+|null|true|false)'
        return list(re.finditer(rb"(?<!\\)" + key + rb"[ \t]*+:[ \t]*+" + value, self._lines))

    def _holding(self, cards: dict[int, tuple[int, int]]) -> set[int]:
        """The lines that hold a card number elsewhere."""
        holding: set[int] = set()
        begins, stops = doubtful(self._data, self._ends)
        lines = np.searchsorted(self._ends, begins)
        for line, begin, stop in zip(lines.tolist(), begins.tolist(), stops.tolist(), strict=True):
            if line not in holding and any(map(holds_one, self._literals(begin, stop, cards.get(line, (0, 0))))):
                holding.add(line)
        return holding

    def _literals(self, begin: int, stop: int, card: tuple[int, int]) -> Iterator[str]:
        """The texts and numbers that reach into a stretch of a line, without the card's own."""
        place = max(self._lines.rfind(b'"', 0, begin), self._lines.rfind(b"\n", 0, begin)) + 1
        found = [each for each in (self._lines.find(b'"', stop), self._lines.find(b"\n", stop)) if each >= 0]
        for piece in self._lines[place : min(found, default=len(self._lines))].split(b'"'):
            own = slice(max(card[0] - place, 0), max(card[1] - place, 0))
            rest = piece[: own.start] + piece[own.stop :] if own.stop > own.start else piece
            if text := rest.decode(errors="replace").strip(" \t\r,:{}[]"):
                yield text
            place += len(piece) + 1

    def _anew(self, line: int) -> Iterator[tuple[int, int, bytes]]:
        begin = int(self._ends[line - 1]) + 1 if line else 0
        end = int(self._ends[line]) if line < len(self._ends) else len(self._lines)
        text = self._lines[begin:end].decode(errors="replace")
        if not text.strip():
            return
        made = self._line(text)
        if made != text:
            yield begin, end, made.encode()

    def _line(self, text: str) -> str:
        counts = self._cards.counts
        try:
            # numbers as they are written: a float would round them
            row: Any = json.loads(text, parse_float=_Written, parse_int=_Written)
        except (ValueError, RecursionError):
            row = None
        if not isinstance(row, dict):
            counts.malformed += 1
            return mask_card_numbers(text)
        made = dict(row)
        if self._card is not None and row.get(self._card) is not None:
            made[self._card] = self._cards.token(_text(row[self._card]))
        clean: dict[str, Any] = {}
        for key, value in made.items():
            one = without_card_numbers({key: value})
            if one != {key: value}:
                counts.masked[mask_card_numbers(key)] += 1
            clean |= one
        return text if clean == row and self._once(text) else _dumped(clean)

    def _once(self, text: str) -> bool:
        return self._card is None or text.count(json.dumps(self._card, ensure_ascii=False)) <= 1

    def _edited(self, edits: list[tuple[int, int, bytes]]) -> bytes:
        parts: list[bytes] = []
        done = 0
        for begin, end, made in edits:
            parts += (self._lines[done:begin], made)
            done = end
        parts.append(self._lines[done:])
        return b"".join(parts)


class _Written(str):
    """A number as it is written."""

    __slots__ = ()


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _dumped(value: Any) -> str:
    if isinstance(value, _Written):
        return str(value)
    if isinstance(value, dict):
        return (
            "{"
            + ", ".join(f"{json.dumps(key, ensure_ascii=False)}: {_dumped(one)}" for key, one in value.items())
            + "}"
        )
    if isinstance(value, list):
        return "[" + ", ".join(map(_dumped, value)) + "]"
    return json.dumps(value, ensure_ascii=False)
