"""The card-number detector: false alarms on a million made-up references of each kind, and what it finds of spelt numbers.

python -m benchmarks.card_numbers
"""

from __future__ import annotations

import json
import random
import time
import uuid
from collections.abc import Callable
from functools import partial
from typing import Any

from fraud.card_numbers import check_digit, holds_card_number, mask_card_numbers, mask_certain

COUNT = 1_000_000
SPELT = 100_000
NOW_S = 1_767_225_600
YEAR_S = 31_536_000


def _digits(draw: random.Random, count: int, begin: str = "") -> str:
    return begin + str(draw.randrange(10 ** (count - len(begin)))).zfill(count - len(begin))


def _acquirer_reference(draw: random.Random) -> str:
    """Format 2, 7 or 8, an acquirer of Visa or Mastercard, year and day, film locator, check digit."""
    acquirer = _digits(draw, 6, draw.choice("45"))
    digits = f"{draw.choice('278')}{acquirer}{draw.randrange(10)}{draw.randrange(1, 367):03d}{_digits(draw, 11)}"
    return digits + check_digit(digits)


def _retrieval_reference(draw: random.Random) -> str:
    """Last digit of the year, day, hour, number: 12 digits of ISO 8583's field 37."""
    return f"{draw.randrange(10)}{draw.randrange(1, 367):03d}{draw.randrange(24):02d}{_digits(draw, 6)}"


def _moment(draw: random.Random) -> float:
    return NOW_S + draw.uniform(-10, 10) * YEAR_S


def _stamp(form: str) -> Callable[[random.Random], str]:
    return lambda draw: time.strftime(form, time.gmtime(_moment(draw)))


def _iban(draw: random.Random) -> str:
    account = _digits(draw, 18)
    rest = 98 - int(account + "131400") % 97
    whole = f"DE{rest:02d}{account}"
    return " ".join(whole[start : start + 4] for start in range(0, len(whole), 4))


REFERENCES: dict[str, Callable[[random.Random], str]] = {
    "acquirer references, 23 digits": _acquirer_reference,
    "retrieval references, 12 digits": _retrieval_reference,
    **{f"random references, {count} digits": partial(_digits, count=count) for count in range(12, 21)},
    "random references, 24 digits": lambda draw: _digits(draw, 24),
    "random references, 12 to 19 digits behind ORDER-": lambda draw: "ORDER-" + _digits(draw, draw.randrange(12, 20)),
    "UUIDs": lambda draw: str(uuid.UUID(int=draw.getrandbits(128), version=4)),
    "tokens, 32 hexadecimal": lambda draw: f"{draw.getrandbits(128):032x}",
    "trace ids, 16 hexadecimal": lambda draw: f"{draw.getrandbits(64):016x}",
    "hashes, 64 hexadecimal": lambda draw: f"{draw.getrandbits(256):064x}",
    "milliseconds since 1970": lambda draw: str(int(_moment(draw) * 1e3)),
    "microseconds since 1970": lambda draw: str(int(_moment(draw) * 1e6)),
    "nanoseconds since 1970": lambda draw: str(int(_moment(draw) * 1e9)),
    "date and time, 14 digits": _stamp("%Y%m%d%H%M%S"),
    "date and time, 31.12.2026 12:00:00": _stamp("%d.%m.%Y %H:%M:%S"),
    "date and time, 2026-12-31 12:00:00.000": lambda draw: _stamp("%Y-%m-%d %H:%M:%S")(draw) + f".{_digits(draw, 3)}",
    "coordinates, 6 decimals": lambda draw: f"{draw.uniform(-90, 90):.6f},{draw.uniform(-180, 180):.6f}",
    "doubles, 0 to 1": lambda draw: repr(draw.random()),
    "doubles, 0 to 100": lambda draw: repr(draw.random() * 100),
    "phone numbers, +49 and 11 digits": lambda draw: "+49" + _digits(draw, 11, "1"),
    "phone numbers, +1 555 123 4567": lambda draw: f"+1 {_digits(draw, 3, '5')} {_digits(draw, 3)} {_digits(draw, 4)}",
    "IBANs, in groups of four": _iban,
    "numbers blotted out already": lambda draw: f"{_digits(draw, 6, '4')}******{_digits(draw, 4)}",
}


def _card(draw: random.Random) -> str:
    begin, length = draw.choice(
        (("4", 16), ("4", 19), ("51", 16), ("2345", 16), ("37", 15), ("36", 14), ("6011", 16), ("3530", 16), ("62", 17))
    )
    digits = _digits(draw, length - 1, begin)
    return digits + check_digit(digits)


def _fours(separator: str) -> Callable[[str], str]:
    return lambda card: separator.join(card[start : start + 4] for start in range(0, len(card), 4))


SPELLINGS: dict[str, Callable[[str], str]] = {
    "bare": str,
    "grouped by any of 12 separators": lambda card: _fours(" -./_:,|\u00a0\u2009\u2011\u200b"[int(card[-1])])(card),
    "digit by digit": " ".join,
    "Arabic digits": lambda card: card.translate({48 + digit: 0x660 + digit for digit in range(10)}),
    "a double": lambda card: f"{card[0]}.{card[1:]}E{len(card) - 1}",
    "a brand before it": lambda card: f"VISA{card}",
    "expiry behind it": lambda card: f"{card}1229",
    "track 1": lambda card: f"%B{card}^DOE/JOHN^29121010000000000?",
    "track 2": lambda card: f";{card}=29121011234567890?",
    "JSON in JSON": lambda card: json.dumps(json.dumps({"pan": _fours("\u00a0")(card)})),
}


def measure() -> list[dict[str, Any]]:
    """The figures, each {"measure", "value", "unit", "target", "met"}; false alarms are in a million."""
    rows = []
    for kind, make in REFERENCES.items():
        draw = random.Random(kind)  # noqa: S311 - made-up numbers
        alarms = sum(holds_card_number(make(draw)) for _ in range(COUNT))
        rows.append(_figure(f"false alarms, {kind}", alarms, "of a million"))
    for kind, spell in SPELLINGS.items():
        draw = random.Random(kind)  # noqa: S311 - made-up numbers
        texts = [spell(_card(draw)) for _ in range(SPELT)]
        found = sum(map(holds_card_number, texts))
        rows.append(_figure(f"card numbers found, {kind}", 100 * found / SPELT, "%", 100))
    return rows + _costs()


def _costs() -> list[dict[str, Any]]:
    draw = random.Random("costs")  # noqa: S311
    tokens = [REFERENCES["tokens, 32 hexadecimal"](draw) for _ in range(SPELT)]
    message = json.dumps({"transaction_id": tokens[0], "merchant": "Kub and Mann", "note": "4000 0566 5566 5556"})
    return [
        _figure("a look at an identifier of 32 characters", _each_us(holds_card_number, tokens), "us"),
        _figure("a look at a merchant's name", _each_us(holds_card_number, ["Kub and Mann"] * SPELT), "us"),
        _figure("masking a message that holds one", _each_us(mask_certain, [message] * 1000), "us"),
        _figure("masking 16,000 digits with gaps", _each_us(mask_card_numbers, ["4 " * 16_000]), "us"),
    ]


def _each_us(look: Callable[[str], Any], texts: list[str]) -> float:
    began = time.process_time()
    for text in texts:
        look(text)
    return (time.process_time() - began) / len(texts) * 1e6


def _figure(name: str, value: float, unit: str, target: float | None = None) -> dict[str, Any]:
    met = None if target is None else value >= target
    return {"measure": name, "value": round(value, 2), "unit": unit, "target": target, "met": met}


if __name__ == "__main__":
    print(json.dumps(measure(), indent=2))
