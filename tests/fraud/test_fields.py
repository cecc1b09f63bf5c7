"""Fields declared once: what a declaration may be, and that Python and the one wire form take the same values of each kind."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraud.feature_record import model_fields, parse_feature_record
from fraud.fields import DECLARED, OPTIONAL_FIELDS, Field, FieldError, check_fields
from fraud.transaction import ALLOWED, InvalidTransactionError, Transaction, field_value, parse_transaction
from fraud.vector import FEATURE_NAMES
from fraud.wire_form import FIELDS, Undeclared, number_form, pattern, value_form
from samples.deciding_world import feature_message, transaction_message
from tests.parity.malformed import handmade

OF_EVERY_KIND = (
    Field(name="channel", kind="category", says="the channel"),
    Field(name="code", kind="category", says="a code", form="[A-Z]{2}[0-9]?", allowed="two capitals, maybe a digit"),
    Field(name="age_days", kind="number", says="an age", least=0, most=36_500),
    Field(name="balance", kind="number", says="a balance", least=-250, most=999),
    Field(name="floor", kind="number", says="a floor", least=3, most=12),
    Field(name="debt", kind="number", says="a debt", least=-70, most=-7),
    Field(name="chip", kind="flag", says="chip"),
    Field(name="shop", kind="key", says="a shop"),
    Field(name="memo", kind="kept", says="a memo"),
    Field(name="gender", kind="category", says="the holder's gender", protected=True),
)


def declared(**changes: Any) -> Field:
    return Field(**{"name": "channel", "kind": "category", "says": "the channel", **changes})


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (declared(name="cc_num"), None),
        (declared(name="Channel"), "'Channel': no name; allowed: 1 to 40 of a-z, 0-9 and _, a letter first"),
        (declared(name="day"), "day: the name is taken"),
        (declared(name="is_fraud"), "is_fraud: the name is taken"),
        (declared(kind="colour"), "channel: kind 'colour'; allowed: identity, card, amount, moment, category, number"),
        (declared(protected=True, model=True), "channel: protected and in the model; allowed: one of the two"),
        (
            declared(kind="key", model=True),
            "channel: in the model, and of kind key; allowed in a model: category, number",
        ),
        (declared(kind="amount"), "channel: kind amount, and not required; allowed: required"),
        (declared(kind="card", required=True, protected=True), "channel: protected, and of kind card"),
        (declared(kind="number"), "channel: a number without both bounds; allowed: least and most, whole numbers"),
        (declared(kind="number", least=5, most=5), "channel: bounds 5 to 5; allowed: -1,000,000,000 to 1,000,000,000"),
        (declared(kind="number", least=0, most=10**10), "channel: bounds 0 to 10000000000"),
        (declared(least=0), "channel: bounds of a category; allowed: bounds of a number"),
        (declared(kind="flag", form="x", allowed="x"), "channel: a form of a flag; allowed: of a text"),
        (declared(form="[A-Z]{3}"), "channel: form without allowed; allowed: both"),
        (declared(allowed="letters"), "channel: allowed without form; allowed: both, or neither"),
        (declared(form='a"b', allowed="x"), "channel: form 'a\"b'; allowed: an expression without quotes"),
        (declared(form="(a)", allowed="x"), "channel: form '(a)'; allowed: an expression without quotes"),
        (declared(form="[a-z]*", allowed="x"), "channel: form '[a-z]*'; allowed: an expression without quotes"),
    ],
)
def test_a_wrong_declaration_is_refused_with_a_sentence(wrong: Field, says: str | None) -> None:
    before = [] if says else [declared(name="cc_num")]
    with pytest.raises(FieldError) as refused:
        check_fields([*before, wrong])
    assert (says or "cc_num: the name is taken") in str(refused.value)


def test_all_kinds_can_be_declared() -> None:
    check_fields([*DECLARED, *OF_EVERY_KIND])
    assert [field.name for field in OF_EVERY_KIND if field.is_feature] == [
        "channel", "code", "age_days", "balance", "floor", "debt", "chip",
    ]  # fmt: skip


def taken(field: Field, text: str) -> bool:
    """Whether Python's checks take a JSON text as the field's value."""
    from decimal import Decimal  # noqa: PLC0415 - as the door reads numbers

    try:
        value = json.loads(text, parse_float=Decimal)
        return value is None or field_value(field, value) is not None
    except (ValueError, ArithmeticError):
        return False


JSON_TEXTS = st.one_of(
    st.sampled_from(
        ["null", "true", "false", '"AB"', '"AB7"', '"A"', '"4111111111111111"', '" x"', '"x "', "[]", "{}"]
    ),
    st.integers(-2_000, 40_000).map(str),
    st.decimals(-2_000, 40_000, allow_nan=False, places=2).map(str),
    st.text(max_size=110).map(lambda text: json.dumps(text, ensure_ascii=False)),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
)


@pytest.mark.parametrize("field", OF_EVERY_KIND, ids=lambda field: field.name)
@given(text=JSON_TEXTS)
def test_what_the_wire_form_takes_python_takes(field: Field, text: str) -> None:
    if re.fullmatch(value_form(field), text) and "4111" not in text:
        assert taken(field, text)


@pytest.mark.parametrize(
    "field", [field for field in OF_EVERY_KIND if field.kind in ("number", "flag")], ids=lambda field: field.name
)
@given(
    text=st.one_of(
        st.integers(-300, 40_000).map(str), st.decimals(-300, 40_000, places=3).map(lambda x: f"{x:f}"), JSON_TEXTS
    )
)
def test_plain_numbers_and_flags_that_python_takes_the_wire_form_takes(field: Field, text: str) -> None:
    plain = "e" not in text.lower() or text in ("true", "false")
    if plain and taken(field, text):
        assert re.fullmatch(value_form(field), text)


@pytest.mark.parametrize(
    ("least", "most"), [(0, 9), (0, 89), (5, 12_345), (99, 101), (-120, 45), (1_000, 2_000), (-70, -7)]
)
def test_the_form_of_a_number_is_its_bounds(least: int, most: int) -> None:
    form = re.compile(number_form(least, most))
    for number in range(least - 1_200, most + 1_200):
        assert bool(form.fullmatch(str(number))) == (least <= number <= most), number
        assert bool(form.fullmatch(f"{number}.5")) == (least <= float(f"{number}.5") <= most), number


def test_every_declared_field_has_a_form_and_says_what_is_allowed() -> None:
    assert FIELDS.keys() == ALLOWED.keys() == {field.name for field in DECLARED}
    for field in OPTIONAL_FIELDS:
        assert re.fullmatch(FIELDS[field.name], "null")
        assert ALLOWED[field.name].endswith("; or nothing")


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("eur", "'eur' of another form; allowed: three capital letters (ISO 4217), as EUR; or nothing"),
        (7, "7 not text; allowed: three capital letters"),
        ("4111 1111 1111 1111", "'[card number]' of another form"),
        ("", "'' 0 characters long"),
    ],
)
def test_a_wrong_optional_value_is_refused_with_a_sentence(value: object, problem: str) -> None:
    with pytest.raises(InvalidTransactionError) as refused:
        parse_transaction(transaction_message(1, currency=value))
    assert f"currency: {problem}" in str(refused.value)


def test_an_optional_field_may_be_there_null_or_not_at_all() -> None:
    plain = parse_transaction(transaction_message(1))
    full = parse_transaction(transaction_message(1, currency="EUR", device_id="d 1", mcc=None, note="x"))
    assert (plain.optional, plain.undeclared) == ({}, {})
    assert (full.optional, full.undeclared) == ({"currency": "EUR", "device_id": "d 1"}, {"note": "x"})
    assert parse_transaction(full.to_json().encode()) == full


def test_a_device_is_no_feature_and_a_card_number_in_it_is_refused() -> None:
    assert "device_id" not in FEATURE_NAMES
    assert model_fields({"device_id": "d1", "currency": "EUR"}) == {"currency": "EUR"}
    with pytest.raises(InvalidTransactionError, match=r"device_id: '\[card number\]' holds a card number"):
        parse_transaction(transaction_message(1, device_id="4111 1111 1111 1111"))


def test_a_feature_record_carries_the_optional_fields_of_the_model() -> None:
    record = parse_feature_record(feature_message(1, currency="EUR", mcc=None, device_id="d1"))
    assert record.fields == {"currency": "EUR"}
    with pytest.raises(InvalidTransactionError, match="mcc: 'x'; allowed: four digits"):
        parse_feature_record(feature_message(1, mcc="x"))


def test_undeclared_fields_are_kept_or_refused() -> None:
    message = transaction_message(1, note="x")
    assert parse_transaction(message, "keep").undeclared == {"note": "x"}
    with pytest.raises(
        InvalidTransactionError, match="message: a field 'note', which is not declared; allowed: only transaction_id, "
    ):
        parse_transaction(message, "refuse")
    with pytest.raises(InvalidTransactionError, match=re.escape("'[card number]'")):
        parse_transaction(transaction_message(1, **{"4111 1111 1111 1111": "x"}), "refuse")
    assert parse_transaction(transaction_message(1, currency="EUR"), "refuse").optional == {"currency": "EUR"}


def test_what_is_refused_for_undeclared_fields_the_stream_jobs_form_refuses_too() -> None:
    form, both = re.compile(pattern("refuse")), 0
    for message in handmade():
        if (kept := accepted(message)) is not None:
            both += (alone := accepted(message, "refuse")) is not None
            assert bool(form.fullmatch(message.decode())) == (alone is not None) == (not kept.undeclared), message
    assert both > 100


def accepted(message: bytes, undeclared: Undeclared = "keep") -> Transaction | None:
    try:
        return parse_transaction(message, undeclared)
    except InvalidTransactionError:
        return None
