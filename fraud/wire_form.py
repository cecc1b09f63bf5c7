r"""The form of a transaction's message as one regular expression, the same for Python and for SQL engines on Java.

The stream job runs no Python, so what it accepts must be said in SQL. Two JSON libraries never agree on everything that is
almost JSON; one expression does. It describes a flat JSON object: the declared fields (`fraud.fields`) in any order, each in its
valid form, and any other fields that hold text, a number, true, false or null. Every repetition is possessive (`*+`): nothing is
tried twice, so a hostile message costs no more than its length, and Java needs no deep stack.

>>> bool(WIRE_FORM.fullmatch('{"cc_num": "0123456789abcdef0123456789abcdef", "note": "caf\\u00e9"}'))
True
>>> bool(WIRE_FORM.fullmatch('{"cc_num": "4111111111111111"}'))
False
"""

from __future__ import annotations

import re
from typing import Literal

from fraud.fields import DECLARED, REQUIRED_FIELDS, Field

MAX_MESSAGE_CHARACTERS = 16_384
"""A longer message is refused unread: the longest valid one is under 1 KiB."""

QUOTED = '"\\\\'
SPACE = r"[ \t\r\n]*+"
HEX = r"[0-9a-fA-F]"
UNICODE_ESCAPE = (
    rf"\\u(?:[0-9a-cA-CefEF]{HEX}{{3}}|[dD][0-7]{HEX}{{2}}|[dD][89abAB]{HEX}{{2}}\\u[dD][c-fC-F]{HEX}{{2}})"
)
ASCII = f"[{''.join(re.escape(chr(code)) for code in range(0x20, 0x7F) if chr(code) not in QUOTED)}]"
"""A plain ASCII character. Java looks one up in a table if a class lists each of its own, and asks range after range if not."""
PLAIN = r'[^"\\\x00-\x1f\ufffd]'
"""One character of a JSON text. U+FFFD stands for bytes that were not UTF-8, so it is refused; so is half a surrogate pair."""
ESCAPE = rf'(?:\\["\\/bfnrt]|{UNICODE_ESCAPE})'

# What a text may not begin with, written plainly or as an escape: else it could look blank.
BLANK = (
    r"(?:[\x20\x7f-\xa0\u1680\u2000-\u200f\u2028-\u202f\u205f\u3000\ufeff]"
    r"|\\[bfnrt]|\\u(?:00[0-2]|007[fF]|00[89]|00[aA]0|1680|20[0-2]|205[fF]|3000|[fF][eE][fF][fF]))"
)
FRACTION = r"(?:\.[0-9]{1,40}+)?+"
EXPONENT = r"(?:[eE][+-]?[0-9]{1,2}+)?+"
NUMBER = rf"-?(?:0|[1-9][0-9]{{0,39}}+){FRACTION}{EXPONENT}"
# A number within bounds is in plain digits; an exponent only for what is near 0, as 1e-05.
SMALL = r"(?:[eE]-[0-9]{1,2}+)?+"
WHOLE = r"(?:\.0{1,40}+)?+"
# Texts are read a run of plain characters at a time: an engine is several times faster at that than at one by one.
TEXT = rf'"{ASCII}*+(?:(?:{PLAIN}|{ESCAPE}){ASCII}*+)*+"'
OTHER = rf"(?:{TEXT}|{NUMBER}|true|false|null)"
NAME = rf'"(?!{BLANK})(?:{ASCII}{{1,100}}+(?=")|(?:{PLAIN}|{ESCAPE}){{1,100}}+)"'

ID_CHARACTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:-"

DATE = (
    r"20(?:[0-9]{2}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
    r"|02-(?:0[1-9]|1[0-9]|2[0-8]))|(?:[02468][048]|[13579][26])-02-29)"
)
TIME = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]\.[0-9]{3}"

CORE_FORMS = {
    "identity": rf'"[{ID_CHARACTERS}]{{1,64}}+"',
    "card": r'"[0123456789abcdef]{32}+"',
    "amount": r'(?:"[0-9]{1,6}+(?:\.[0-9]{1,2}+)?+"|(?:0|[1-9][0-9]{0,5}+)(?:\.[0-9]{1,2}+)?+(?![0-9.eE]))',
    "moment": rf'"{DATE}T{TIME}Z"',
    "flag": "(?:true|false)",
}


def number_form(least: int, most: int) -> str:
    """The decimals from `least` to `most`, both included, as an expression.

    >>> [bool(re.fullmatch(number_form(-5, 120), text)) for text in ("120.00", "120.1", "-5", "-5.5", "07", "1e-3", "1e1")]
    [True, False, True, False, False, True, False]
    """
    signed = {"-?": (0, most)} if least == -most else {"": (least, most), "-": (-most, -least)}
    halves = [rf"{sign}(?:{_magnitudes(max(low, 0), high)})" for sign, (low, high) in signed.items() if high >= 0]
    # what is scaled towards 0 stays within bounds on both sides of it
    return f"(?:{'|'.join(halves)}){SMALL if least <= 0 <= most else ''}"


def _magnitudes(low: int, high: int) -> str:
    whole = _whole_numbers(low, high - 1)
    return rf"{high}{WHOLE}" + (rf"|(?:{'|'.join(whole)}){FRACTION}" if whole else "")


def _whole_numbers(low: int, high: int) -> list[str]:
    """The whole numbers from `low` to `high`, none below 0, without leading zeros: an expression for each run of them."""
    found: list[str] = []
    while low <= high:
        # the longest run that begins at `low` and fills its last digits
        free = 0
        while low % 10 ** (free + 1) == 0 and low + 10 ** (free + 1) - 1 <= high and low > 0:
            free += 1
        step = 10**free
        last = low
        while last // step % 10 < 9 and last + 2 * step - 1 <= high:
            last += step
        head, first, final = str(low // step)[:-1], str(low // step)[-1], str(last // step)[-1]
        digit = first if first == final else f"[{first}-{final}]"
        found.append(head + digit + "[0-9]" * free)
        low = last + step
    return found[::-1]


def value_form(field: Field) -> str:
    """The form of a field's value. One that may be missing may be null."""
    if field.is_text:
        form = NAME if field.form is None else rf'"(?:{field.form})"'
    elif field.least is not None and field.most is not None:
        form = number_form(field.least, field.most)
    else:
        form = CORE_FORMS[field.kind]
    return form if field.required else f"(?:{form}|null)"


FIELDS = {field.name: value_form(field) for field in DECLARED}
"""Each declared field and the form of its value."""

REQUIRED_NAMES = tuple(field.name for field in REQUIRED_FIELDS)
"""Those that every message has."""


def _pair(name: str, value: str) -> str:
    return rf'{name}"{SPACE}:{SPACE}{value}'


PLAIN_KEY = rf'(?!(?:{"|".join(FIELDS)})"){PLAIN}*+"'
"""The key of another field, after its first quote. Escapes are refused in it: they could spell a field of the contract."""

Undeclared = Literal["keep", "refuse"]
"""What is done with a message that holds fields which are not declared."""


def pattern(undeclared: Undeclared = "keep") -> str:
    """The whole message. It says nothing of which fields are there: that each is there once is checked beside it.

    >>> [bool(re.fullmatch(pattern(each), '{"note": "x"}')) for each in ("keep", "refuse")]
    [True, False]
    """
    others = [rf"{PLAIN_KEY}{SPACE}:{SPACE}{OTHER}"] if undeclared == "keep" else []
    pairs = "|".join([*(_pair(name, value) for name, value in FIELDS.items()), *others])
    return rf'{SPACE}\{{{SPACE}(?:"(?:{pairs}){SPACE}(?:,{SPACE}(?=")|(?=\}})))*+\}}{SPACE}'


WIRE_FORM = re.compile(pattern())
