r"""The form of a transaction's message as one regular expression, the same for Python and for SQL engines on Java.

The stream job runs no Python, so what it accepts must be said in SQL. Two JSON libraries never agree on everything that is
almost JSON; one expression does. It describes a flat JSON object: the contract's fields in any order, each in its valid form,
and any other fields that hold text, a number, true, false or null. Every repetition is possessive (`*+`): nothing is tried
twice, so a hostile message costs no more than its length, and Java needs no deep stack.

>>> bool(WIRE_FORM.fullmatch('{"cc_num": "0123456789abcdef0123456789abcdef", "note": "caf\\u00e9"}'))
True
>>> bool(WIRE_FORM.fullmatch('{"cc_num": "4111111111111111"}'))
False
"""

from __future__ import annotations

import re

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
# Degrees in plain digits; an exponent only for what is near 0, as 1e-05.
SMALL = r"(?:[eE]-[0-9]{1,2}+)?+"
LATITUDE = rf"-?(?:90(?:\.0{{1,40}}+)?+|[1-8]?[0-9]{FRACTION}){SMALL}"
LONGITUDE = rf"-?(?:180(?:\.0{{1,40}}+)?+|(?:1[0-7][0-9]|[1-9]?[0-9]){FRACTION}){SMALL}"
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

FIELDS = {
    "transaction_id": rf'"[{ID_CHARACTERS}]{{1,64}}+"',
    "cc_num": r'"[0123456789abcdef]{32}+"',
    "amount": r'(?:"[0-9]{1,6}+(?:\.[0-9]{1,2}+)?+"|(?:0|[1-9][0-9]{0,5}+)(?:\.[0-9]{1,2}+)?+(?![0-9.eE]))',
    "event_time": rf'"{DATE}T{TIME}Z"',
    "merchant": NAME,
    "category": NAME,
    "merch_lat": LATITUDE,
    "merch_long": LONGITUDE,
}
"""Each field of the contract and the form of its value."""


def _pair(name: str, value: str) -> str:
    return rf'{name}"{SPACE}:{SPACE}{value}'


PLAIN_KEY = rf'(?!(?:{"|".join(FIELDS)})"){PLAIN}*+"'
"""The key of another field, after its first quote. Escapes are refused in it: they could spell a field of the contract."""

PAIRS = "|".join([*(_pair(name, value) for name, value in FIELDS.items()), rf"{PLAIN_KEY}{SPACE}:{SPACE}{OTHER}"])
PATTERN = rf'{SPACE}\{{{SPACE}(?:"(?:{PAIRS}){SPACE}(?:,{SPACE}(?=")|(?=\}})))*+\}}{SPACE}'
"""The whole message. It says nothing of which fields are there: that each is there once is checked beside it."""

WIRE_FORM = re.compile(PATTERN)
