"""Card numbers in text: one detector for every door, store and log.

**What is taken for a card number**, in digits of any script, with anything but letters between them, whatever stands around it:

1. 12 to 19 digits with a valid check digit (Luhn) whose first digits and length are those of an issuer. Luhn alone is right for
   one number in ten; an issuer's range besides leaves one to four in a hundred of random numbers, and none of timestamps.
   The digits stand together (behind a brand's name too), or in groups as people write them (4-4-4-4, 4-6-5, ...), or in any
   groups if one kind of separator holds them together and nothing else.
2. Such a number with its expiry and security code behind it without a gap, or a track's data, or its expiry before it, or
   zeros before it. Of a longer run of digits only such a form counts: some window of it would nearly always pass a check.
3. Scientific notation of at least ten digits, in an issuer's range; its last digit is often lost, so no check digit is asked.

**What is not**: decimal numbers (one point with digits on both sides), identifiers in hexadecimal of 20 characters or more and
UUIDs, acquirer references (23 digits with their own check digit), article numbers (13 digits with theirs), IBANs (with theirs),
phone numbers that begin with +, numbers masked already (400005******5556).

No library does this: python-stdnum has the check digit alone; detectors of personal data know four brands in two spellings and
bring a language model. Tables and expressions stand in `card_numbers.txt`, which the stream job's Java reads too.

>>> mask_certain("paid with VISA 4000 0566 5566 5556, ref 74537604221222800000017")
'paid with VISA [card number], ref 74537604221222800000017'
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from fraud.card_text import TABLE, normalized

MASK = "[card number]"
SHORTEST, LONGEST = 12, 19
SIGNIFICANT = 10
"""Digits that scientific notation has at least."""

_ISSUERS = re.compile("|".join(pattern for name, pattern in TABLE.items() if name.startswith("issuer.")))
_ALONE = re.compile(f"{_ISSUERS.pattern}|{TABLE['alone.uatp']}")

_SCIENTIFIC = re.compile(TABLE["scientific"])
_BEHIND, _BEFORE = re.compile(TABLE["behind"]), re.compile(TABLE["before"])
_ACQUIRER_REFERENCE = re.compile(TABLE["acquirer-reference"])
_IDENTIFIER, _IBAN = re.compile(TABLE["identifier"]), re.compile(TABLE["iban"])
_GROUPINGS = frozenset(tuple(map(int, sizes.split("-"))) for sizes in TABLE["groupings"].split())
_GROUPS_LIMIT = max(map(len, _GROUPINGS))

_RUN = re.compile(r"[0-9](?:[^0-9A-Za-z]*+[0-9])*+")
_GROUP = re.compile(r"[0-9](?:\0*+[0-9])*+")
_TEN_DIGITS = re.compile(r"[0-9](?:[^0-9A-Za-z]*+[0-9]){9}")
"""A first look: most texts have not so many without a letter between them, and nothing is taken for a number that has fewer."""
_UNSEEN = str.maketrans("", "", " \0")
_DOUBLED = str.maketrans("0123456789", "0246813579")

Span = tuple[int, int]


def holds_card_number(text: str) -> bool:
    """Whether a text holds what is taken for a card number.

    >>> [holds_card_number(text) for text in ("4000.0566.5566.5556", "4.000056655665556E15", "400005******5556")]
    [True, True, False]
    """
    return _worth_a_look(text) and next(_spans(text, doubtful=False), None) is not None


def digit_count(text: str) -> int:
    """How many digits, of any script, a text holds."""
    return sum("0" <= character <= "9" for character in normalized(text)[0])


def mask_certain(text: str) -> str:
    """The text with every card number masked: for what is kept of valid messages."""
    return _masked(text, doubtful=False)


def mask_card_numbers(text: str) -> str:
    """The text with everything masked that has the shape of a card number, be its check digit and issuer right or not: for
    refused messages, errors and logs, where a mistyped number may stand.

    >>> mask_card_numbers('{"cc_num": "4111 1111 1111 1112", "amount": 12.5}')
    '{"cc_num": "[card number]", "amount": 12.5}'
    """
    return _masked(text, doubtful=True)


def without_card_numbers(value: Any) -> Any:
    """A JSON value with every card number in its texts, numbers and keys masked; itself if it holds none.

    >>> without_card_numbers({"pan": 4000056655665556, "tags": ["4000-0566-5566-5556", 7]})
    {'pan': '[card number]', 'tags': ['[card number]', 7]}
    """
    if isinstance(value, str):
        return mask_certain(value)
    if isinstance(value, dict):
        kept: dict[str, Any] = {}
        for key, inner in value.items():
            name = free = mask_certain(str(key))
            while free in kept:
                free = f"{name} {len(kept)}"
            kept[free] = without_card_numbers(inner)
        return kept
    if isinstance(value, list | tuple):
        return [without_card_numbers(inner) for inner in value]
    if value is None or isinstance(value, bool):
        return value
    return MASK if holds_card_number(str(value)) else value


def _masked(text: str, *, doubtful: bool) -> str:
    if not _worth_a_look(text):
        return text
    parts: list[str] = []
    end = 0
    for start, stop in sorted(_spans(text, doubtful=doubtful)):
        if start >= end:
            parts += (text[end:start], MASK)
        end = max(end, stop)
    return "".join((*parts, text[end:]))


def _worth_a_look(text: str) -> bool:
    return bool(_TEN_DIGITS.search(text)) or not text.isascii() or "\\" in text or "%" in text or "&" in text


def _spans(text: str, *, doubtful: bool) -> Iterator[Span]:
    """Where card numbers stand, in no order; some may overlap."""
    plain, starts = normalized(text)
    plain = _IBAN.sub(lambda match: _blank(match) if _is_iban(match[0]) else match[0], _IDENTIFIER.sub(_blank, plain))
    for start, end in _plain_spans(plain, doubtful=doubtful):
        yield (start, end) if starts is None else (starts[start], starts[end])


def _plain_spans(plain: str, *, doubtful: bool) -> Iterator[Span]:
    for match in _SCIENTIFIC.finditer(plain):
        if _is_scientific(*match.groups(""), doubtful=doubtful):
            yield match.span()
    for run in _RUN.finditer(plain):
        if run.end() - run.start() >= SHORTEST:
            yield from _spans_of_run(plain, [group.span() for group in _GROUP.finditer(plain, *run.span())], doubtful)


def _spans_of_run(plain: str, groups: list[Span], doubtful: bool) -> Iterator[Span]:
    digits = [plain[start:end].replace("\0", "") for start, end in groups]
    between = [plain[end:start].translate(_UNSEEN) for (_, end), (start, _) in pairwise(groups)]
    point = [one == "." and between[max(i - 1, 0) : i + 2].count(".") == 1 for i, one in enumerate(between)]
    for i, group in enumerate(digits):
        if len(group) >= SHORTEST and not (i and point[i - 1]) and _is_number(group, doubtful):
            yield groups[i]
    if len(groups) == 1:
        return
    for first, last in _stretches(between):
        if not point[first] and _is_number("".join(digits[first : last + 1]), doubtful):
            yield groups[first][0], groups[last][1]
    sizes = [len(group) for group in digits]
    for first in range(len(groups)):
        for last in range(first + 2, min(first + _GROUPS_LIMIT, len(groups)) + 1):
            if tuple(sizes[first:last]) in _GROUPINGS and (doubtful or _is_card("".join(digits[first:last]))):
                yield groups[first][0], groups[last - 1][1]


def _stretches(between: list[str]) -> Iterator[Span]:
    """The first and last of the groups that one kind of separator holds together.

    >>> list(_stretches(["-", "-", ": ", "-"]))
    [(0, 2), (2, 3), (3, 4)]
    """
    first = 0
    for last in range(1, len(between) + 1):
        if last == len(between) or between[last] != between[first]:
            yield first, last
            first = last


def _is_number(digits: str, doubtful: bool) -> bool:
    """Whether digits that stand together are a card number, or a form that holds one at its begin or end."""
    if doubtful and SHORTEST <= len(digits) <= LONGEST:
        return True
    if len(digits) == 23 and _ACQUIRER_REFERENCE.fullmatch(digits) and _luhn(digits):
        return False
    digits = digits.lstrip("0")
    if _is_card(digits, _ALONE) or (_BEFORE.match(digits) and _is_card(digits[4:])):
        return True
    return any(
        _BEHIND.fullmatch(digits, length) and _is_card(digits[:length])
        for length in range(SHORTEST, min(LONGEST, len(digits) - 4) + 1)
    )


def _is_card(digits: str, issuers: re.Pattern[str] = _ISSUERS) -> bool:
    if not issuers.fullmatch(digits) or not _luhn(digits):
        return False
    return len(digits) != 13 or not _article_number(digits)


def _is_scientific(whole: str, fraction: str, exponent: str, *, doubtful: bool) -> bool:
    digits = (whole + fraction).lstrip("0")
    length = len(digits) - len(fraction) + int(exponent)
    number = digits[: max(length, 0)].ljust(length, "0")
    if len(digits.rstrip("0")) < SIGNIFICANT or not SHORTEST <= len(number) <= LONGEST:
        return False
    return doubtful or bool(_ISSUERS.fullmatch(number))


def check_digit(digits: str) -> str:
    """The digit that makes a card number of these (Luhn).

    >>> check_digit("400005665566555")
    '6'
    """
    return next(digit for digit in "0123456789" if _luhn(digits + digit))


def _luhn(digits: str) -> bool:
    return (sum(map(int, digits[-1::-2])) + sum(map(int, digits[-2::-2].translate(_DOUBLED)))) % 10 == 0


def _article_number(digits: str) -> bool:
    return (sum(map(int, digits[-1::-2])) + 3 * sum(map(int, digits[-2::-2]))) % 10 == 0


def _is_iban(text: str) -> bool:
    letters = text.replace(" ", "")
    return int("".join(str(int(letter, 36)) for letter in letters[4:] + letters[:4])) % 97 == 1


def _blank(match: re.Match[str]) -> str:
    return "x" * len(match[0])
