"""Which bytes of a block are worth the card-number detector's look: it takes microseconds, and there are millions of values."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fraud.card_numbers import SHORTEST, SIGNIFICANT

Bytes = NDArray[np.uint8]
Places = NDArray[np.int64]
Flags = NDArray[np.bool_]

_DIGIT, _LETTER, _LOOK, _EXPONENT = 1, 2, 4, 8


def _kinds() -> Bytes:
    """{byte: what it is to the detector}."""
    kinds = np.zeros(256, np.uint8)
    for letter in range(ord("A"), ord("Z") + 1):
        kinds[[letter, letter + 32]] = _LETTER
    kinds[[ord("e"), ord("E")]] |= _EXPONENT
    kinds[ord("0") : ord("9") + 1] = _DIGIT
    kinds[[ord(sign) for sign in "\\%&"]] = _LOOK  # escapes
    kinds[128:] = _LOOK  # other scripts
    return kinds


_KINDS = _kinds()
_NONE = np.zeros(1, np.int32)


def doubtful(data: Bytes, ends: Places) -> tuple[Places, Places]:
    """Where what may hold a card number begins and ends, ascending; each within one value.

    A value without a sign of another script and without an escape holds one only if 12 digits stand in it without a letter
    between them, or 10 before an exponent's E (`fraud/card_numbers.py`).

    Args:
        data: a block.
        ends: of its values, ascending: whatever stands at these places belongs to none.

    >>> block = np.frombuffer(b"a,4000056655665556,12.5,4.000056655665556E15,2020-01-02 03:04:05", np.uint8)
    >>> begins, stops = doubtful(block, np.flatnonzero(block == ord(",")))
    >>> begins.tolist(), stops.tolist()
    ([2, 24], [18, 41])
    """
    kinds = _KINDS[data]
    is_break = (kinds & _LETTER) > 0
    is_break[ends] = True
    breaks = np.flatnonzero(is_break)
    digits = np.concatenate((_NONE, np.cumsum(kinds == _DIGIT, dtype=np.int32)))
    begins = np.concatenate(([0], breaks + 1))
    stops = np.concatenate((breaks, [len(data)]))
    counts = digits[stops] - digits[begins]
    some = counts >= SIGNIFICANT
    begins, stops, counts = begins[some], stops[some], counts[some]
    exponents = np.zeros(len(stops), bool)
    inner = stops < len(data)
    exponents[inner] = (kinds[stops[inner]] & _EXPONENT) > 0
    wanted = ((counts >= SHORTEST) | exponents) & ~_times(data, begins, stops)
    signs = np.flatnonzero(kinds & _LOOK)
    begins, stops = np.concatenate((begins[wanted], signs)), np.concatenate((stops[wanted], signs + 1))
    order = np.argsort(begins, kind="stable")
    return begins[order], stops[order]


def _times(data: Bytes, begins: Places, stops: Places) -> Flags:
    """Which of the runs are a date and a time as `2020-01-02 03:04:05`, which every row has."""
    times: Flags = stops - begins == 19
    for place, sign in ((4, "-"), (7, "-"), (10, " "), (13, ":"), (16, ":")):
        times[times] = data[begins[times] + place] == ord(sign)
    return times
