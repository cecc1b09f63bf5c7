"""Text as the card-number detector looks at it: ASCII, with the digits of every script as 0 to 9, and escapes read."""

from __future__ import annotations

import re
from importlib.resources import files


def _read_table(name: str) -> dict[str, str]:
    # as a resource, for a Glue job has this package in a zip file
    lines = files(__package__).joinpath(name).read_text(encoding="ascii").splitlines()
    pairs = (line.partition(" = ") for line in lines if line and not line.startswith("#"))
    return {name: value for name, _, value in pairs}


TABLE = _read_table("card_numbers.txt")
"""The detector's table: {name: value}."""

_ESCAPE = re.compile(TABLE["escape"])


def _digits() -> dict[int, str]:
    found: dict[int, str] = {}
    for zero in TABLE["zeros"].split():
        found |= {int(zero, 16) + digit: str(digit) for digit in range(10)}
    for one in TABLE["ones"].split():
        found |= {int(one, 16) + digit - 1: str(digit) for digit in range(1, 10)}
    for code, _, digit in (entry.partition(":") for entry in TABLE["single"].split()):
        found[int(code, 16)] = digit
    return found


def _invisible() -> dict[int, str]:
    ends = (part.split("-") for part in TABLE["invisible"].split())
    return {code: "\0" for first, last in ends for code in range(int(first, 16), int(last, 16) + 1)}


class _Characters(dict[int, str]):
    """{code point: its ASCII character}, for `str.translate`: of what is not listed a space, of the invisible a NUL."""

    def __missing__(self, code: int) -> str:
        self[code] = chr(code) if code < 128 else " "
        return self[code]


_BLOTS = {int(code, 16): "*" for code in TABLE["blots"].split()}
_CHARACTERS = _Characters(_digits() | _invisible() | _BLOTS)


def normalized(text: str) -> tuple[str, list[int] | None]:
    r"""The text in ASCII, and for each of its characters where it begins in the original, with the original's length at the end;
    None if each stands where it stood.

    >>> normalized("\u0664\u00a0a")
    ('4 a', None)
    >>> normalized(r"4\u00a05")
    ('4 5', [0, 1, 7, 8])
    """
    if text.isascii():
        plain = text
        if "\\" not in text and "%" not in text and "&" not in text:
            return plain, None
    else:
        plain = text.translate(_CHARACTERS)
    parts: list[str] = []
    starts: list[int] = []
    end = 0
    for escape in _ESCAPE.finditer(plain):
        parts += (plain[end : escape.start()], _character(escape))
        starts += range(end, escape.start() + 1)
        end = escape.end()
    if not parts:
        return plain, None
    return "".join((*parts, plain[end:])), [*starts, *range(end, len(plain) + 1)]


def _character(escape: re.Match[str]) -> str:
    high, low, *codes, decimal, hexadecimal = escape.groups()
    if high:
        return _CHARACTERS[0x10000 + ((int(high, 16) & 0x3FF) << 10 | int(low, 16) & 0x3FF)]
    for code, base in (*((code, 16) for code in codes), (decimal, 10), (hexadecimal, 16)):
        if code:
            return _CHARACTERS[int(code, base)]
    return " "
