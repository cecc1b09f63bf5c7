"""The stream job's function takes for a card number exactly what `fraud.card_numbers` does."""

from __future__ import annotations

import json
import random
import subprocess
import unicodedata

import pytest

from benchmarks.card_numbers import REFERENCES
from engines.flink import PYTHON
from fraud.card_numbers import check_digit, holds_card_number
from local.stream_job import FUNCTIONS
from tests.card_number_cases import CARD, CASES

pytestmark = pytest.mark.engines

DRAWN = 30_000
LONGEST = 100
"""Of a merchant's name, which is the longest text that the function is asked of."""
PARTS = (
    "4", "40", "4000", "0566", "5566", "5556", CARD, "VISA", "D", "E15", "E-1", ".", ",", "-", " ", "/", "*", "**", "+49",
    "+", "1229", "2912", "123", "\\", "\\u0034", "\\u00a0", "%20", "&nbsp;", "&#52;", "\\xa0", "\\U0001d7d2", "\\U7fffffff",
    "&#x34;", "\u0664", "\u00a0", "\u200b", "\u2022", "\U0001d7d2", "\u00e9", "\u4e07", "x", "a", "f", "DE44 ", '"', "\n",
    "\x00", "'", "0", "6011000990139424", "378282246310005", "ab12", "00", "=", "^", ";", "(", ")", "#",
)  # fmt: skip


def drawn() -> list[str]:
    draw = random.Random(1)
    texts = ["".join(draw.choices(PARTS, k=draw.randrange(2, 14))) for _ in range(DRAWN)]
    for kind, make in REFERENCES.items():
        of_kind = random.Random(kind)
        texts += [make(of_kind) for _ in range(DRAWN // 30)]
    for _ in range(DRAWN):
        digits = draw.choice(("4", "51", "2345", "37", "36", "6011", "3530", "62", "5018", "1", "9704"))
        digits += "".join(draw.choices("0123456789", k=draw.randrange(8, 18)))
        number = digits + check_digit(digits) + draw.choice(("", "", "1229", "2912123", "0", "291210112345"))
        size = draw.choice((1, 2, 3, 4, 4, 4, 5, 6, 8, 30))
        gap = draw.choice(("", " ", "-", ".", "\u00a0", ", ", draw.choice(PARTS)))
        texts.append(gap.join(number[start : start + size] for start in range(0, len(number), size)))
    for _ in range(DRAWN // 10):
        digits = draw.choice(("4", "51", "37", "36", "0", "9")) + "".join(
            draw.choices("0123456789", k=draw.randrange(6, 17))
        )
        point = draw.randrange(1, 4)
        texts.append(f"{digits[:point]}{draw.choice('.,')}{digits[point:]}{draw.choice('eE')}{draw.randrange(-3, 21)}")
        whole = digits[0] + "".join(draw.choices("0123456789", k=12))  # an article number or a card number of 13 digits
        texts.append("4" + whole[1:12] + draw.choice((whole[12], check_digit("4" + whole[1:12]))))
    return texts


def of_each_character() -> list[str]:
    """A character in the place of the first digit: all of the first planes, and each that Python knows for a digit."""
    codes = {code for code in range(0x110000) if unicodedata.digit(chr(code), None) is not None}
    codes |= (
        set(range(0x3100)) | set(range(0xF900, 0x10000)) | set(range(0x1D7C0, 0x1D810)) | set(range(0x1F000, 0x1FC00))
    )
    return [chr(code) + CARD[1:] for code in sorted(codes)] + [f"4000{chr(code)}{CARD[4:]}" for code in sorted(codes)]


def test_the_function_and_the_detector_take_the_same_for_card_numbers() -> None:
    given = [text for kinds in CASES.values() for text in kinds.values()] + drawn() + of_each_character()
    texts = [text for text in given if len(text) <= LONGEST]
    assert len(given) - len(texts) < 1_000
    draw = random.Random(2)
    members = [f'merchant": {json.dumps(text, ensure_ascii=draw.random() < 0.5)}' for text in texts]
    flink = PYTHON.parent.parent.glob("lib/python*/site-packages/pyflink/lib/flink-*.jar")
    done = subprocess.run(
        ["java", "-cp", ":".join(map(str, (FUNCTIONS, *flink))), "tests/parity/CardNumberLines.java"],
        input="\n".join(members).encode(),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    answers = [line == b"true" for line in done.stdout.splitlines()]
    assert len(answers) == len(texts)
    assert 10_000 < sum(answers) < len(texts) - 10_000
    different = [text for text, answer in zip(texts, answers, strict=True) if answer != holds_card_number(text)]
    assert not different, [(ascii(text), holds_card_number(text)) for text in different[:10]]
