"""The card-number detector: finds a card number however it is spelt, and leaves what is none."""

from __future__ import annotations

import json
import random
import re
import time
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from benchmarks.card_numbers import REFERENCES
from fraud.card_numbers import (
    MASK,
    check_digit,
    digit_count,
    holds_card_number,
    mask_card_numbers,
    mask_certain,
    without_card_numbers,
)
from fraud.card_text import normalized
from tests.card_number_cases import CARD, NONE, OTHERS, SPELLINGS, readable

PUBLISHED = (("4", 16), ("4", 13), ("4", 19), ("51", 16), ("2720", 16), ("34", 15), ("36", 14), ("6011", 16), ("3589", 16),
             ("62", 16), ("62", 19), ("5018", 12), ("6304", 19), ("2200", 16))  # fmt: skip
BETWEEN = " -./_:,;|=~'\"\n\t\u00a0\u2009\u200b\u2011\u2014\u00b7\u3000\ufeff\x00\ufffd"
SCRIPTS = [0x30, 0x660, 0x6F0, 0x966, 0xE50, 0xFF10, 0x1D7CE, 0x1D7F6]


@pytest.mark.parametrize("kind", SPELLINGS)
def test_a_card_number_is_found_and_masked_however_it_is_spelt(kind: str) -> None:
    text = f"before, {SPELLINGS[kind]}, behind"
    assert readable(text), "the search of the tests itself must see it"
    assert holds_card_number(text)
    for masked in (mask_certain(text), mask_card_numbers(text)):
        assert MASK in masked
        assert not readable(masked)
        assert masked.startswith("before, ")
        assert masked.endswith(", behind")


@pytest.mark.parametrize("kind", OTHERS)
def test_every_issuers_numbers_are_found(kind: str) -> None:
    assert mask_certain(f"({OTHERS[kind]})") == f"({MASK})"


@pytest.mark.parametrize("kind", NONE)
def test_what_is_no_card_number_is_kept_as_it_is(kind: str) -> None:
    for text in (NONE[kind], f"before {NONE[kind]}, behind"):
        assert not holds_card_number(text)
        assert mask_certain(text) == text
    assert without_card_numbers({NONE[kind]: [NONE[kind]]}) == {NONE[kind]: [NONE[kind]]}


@st.composite
def spelt(draw: st.DrawFn) -> tuple[str, str]:
    """A card number, and a text that holds it."""
    begin, length = draw(st.sampled_from(PUBLISHED))
    left = length - 1 - len(begin)
    digits = begin + draw(st.text("0123456789", min_size=left, max_size=left))
    card = digits + check_digit(digits)
    between = draw(st.text(BETWEEN, max_size=3))
    size = draw(st.sampled_from((4, 4, 1, 2, 16)))
    groups = [card[start : start + size] for start in range(0, length, size)]
    written = [
        "".join(chr(zero + int(digit)) for digit in group)
        for group in groups
        for zero in [draw(st.sampled_from(SCRIPTS))]
    ]
    words = st.text("abcdefgh XYZ\u00e9\u4e07", max_size=8)
    return card, f"{draw(words)} {between.join(written)} {draw(words)}"


@given(spelt())
@example(("4222222222222", "4222222222222"))
def test_any_number_of_an_issuer_is_found_with_any_separators_in_any_script(drawn: tuple[str, str]) -> None:
    card, text = drawn
    found = mask_certain(text)
    decimal = re.fullmatch(r"\D*\d+\s*\.\s*\d+\D*", text)  # one point makes a decimal number
    assert decimal or MASK in found or _article_number(card)
    for form in (text, json.dumps(text), json.dumps(json.dumps(text)), repr(text)):
        assert (MASK in mask_certain(form)) == (MASK in found), form


def _article_number(card: str) -> bool:
    return len(card) == 13 and sum(int(digit) * (1, 3)[place % 2] for place, digit in enumerate(card)) % 10 == 0


@given(st.text(st.sampled_from("0123456789 .-/:,eE+*#xABCDEFabcdef\\u%&;\u0664\u00a0\"'{}"), max_size=80))
@example("4000056655665556" * 3)
def test_masking_ends_and_leaves_nothing_to_mask(text: str) -> None:
    masked = mask_certain(text)
    assert holds_card_number(text) == (masked != text)
    assert mask_certain(mask_card_numbers(text)) == mask_card_numbers(mask_card_numbers(text))


def test_a_mistyped_number_is_masked_where_a_message_is_refused() -> None:
    mistyped = "4000 0566 5566 5557"
    assert not holds_card_number(mistyped)
    assert mask_card_numbers(f'{{"cc_num": "{mistyped}"}}') == f'{{"cc_num": "{MASK}"}}'


def test_the_digits_of_all_scripts_are_known() -> None:
    for code in range(0x80, 0x110000):
        character = chr(code)
        digit = unicodedata.digit(character, None)
        if digit is not None:
            assert normalized(character)[0] == str(digit), hex(code)
        elif unicodedata.category(character) != "Cn":
            assert not normalized(character)[0].isdigit(), hex(code)
    assert digit_count("4\u0664x\\u0664") == 3


def test_keys_and_nested_values_lose_their_numbers_and_nothing_else() -> None:
    value = {
        CARD: "x",
        f"VISA {CARD}": {"deep": [CARD, int(CARD), float(CARD), True, None, 1.5]},
        "4111111111111111": "y",
        "kept": "74537604221222800000017",
    }
    assert without_card_numbers(value) == {
        MASK: "x",
        f"VISA {MASK}": {"deep": [MASK, MASK, MASK, True, None, 1.5]},
        f"{MASK} 2": "y",
        "kept": "74537604221222800000017",
    }


@pytest.mark.parametrize("kind", REFERENCES)
def test_random_references_are_seldom_taken_for_card_numbers(kind: str) -> None:
    """The figures of a million each stand in benchmarks/README.md."""
    draw, count = random.Random(kind), 3_000
    alarms = sum(holds_card_number(REFERENCES[kind](draw)) for _ in range(count))
    of_digits = kind.startswith("random references")
    assert alarms <= (count * 0.05 if of_digits else 3)


HOSTILE = (
    "4 ",
    "4",
    "4.",
    "%20",
    "\\",
    "a1",
    "1e",
    "AB12",
    "+1 ",
    "*",
    "&",
    "f",
    "0",
    "1,",
    "1.1e",
    "5 4000 ",
    "DE44 ",
)


@pytest.mark.parametrize("unit", HOSTILE)
def test_a_hostile_text_costs_no_more_than_its_length(unit: str) -> None:
    """Quadratic would be 64 times as much for 8 times the length."""
    costs = []
    for length in (20_000, 160_000):
        text = (unit * length)[:length]
        began = time.process_time()
        mask_card_numbers(text)
        costs.append(time.process_time() - began)
    assert costs[1] < 24 * costs[0] + 0.05
