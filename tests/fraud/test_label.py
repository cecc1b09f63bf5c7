"""fraud.label: what a label may be, and which of several counts."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraud.label import FIELDS, SOURCES, Label, as_label, known_as_of, parse_label
from fraud.transaction import InvalidTransactionError
from tests.card_number_cases import SPELLINGS, readable

NOON = datetime(2026, 11, 28, 12, tzinfo=timezone.utc)
VALID = {
    "transaction_id": "t1",
    "is_fraud": True,
    "source": "chargeback",
    "reported_by": "issuer 7",
    "known_at": "2026-11-28T12:00:00.000Z",
}


def label(minutes: int, is_fraud: bool = True, source: str = "analyst", by: str = "ann") -> Label:
    fields = VALID | {"is_fraud": is_fraud, "source": source, "reported_by": by}
    return as_label(fields | {"known_at": NOON + timedelta(minutes=minutes)})


LABELS = st.lists(
    st.builds(label, st.integers(-3, 3), st.booleans(), st.sampled_from(SOURCES), st.sampled_from(("ann", "bo")))
)


def naive_known_as_of(labels: list[Label], cut: datetime) -> Label | None:
    """One after the other, as anyone would do it by hand."""
    counts = None
    for one in labels:
        if one.known_at > cut:
            continue
        if counts is None:
            counts = one
            continue
        ours = [one.known_at.timestamp(), one.source, one.reported_by, int(one.is_fraud)]
        theirs = [counts.known_at.timestamp(), counts.source, counts.reported_by, int(counts.is_fraud)]
        for mine, other in zip(ours, theirs, strict=True):
            if mine != other:
                if mine > other:
                    counts = one
                break
    return counts


@given(LABELS, st.integers(-4, 4))
def test_the_label_that_counts_is_that_of_the_naive_reference(labels, minutes):
    cut = NOON + timedelta(minutes=minutes)
    assert known_as_of(labels, cut) == naive_known_as_of(labels, cut)


@given(st.data(), LABELS, st.integers(-4, 4))
def test_in_any_order_and_however_often_the_same_label_counts(data, labels, minutes):
    again = data.draw(st.permutations(labels + data.draw(st.lists(st.sampled_from(labels))) if labels else labels))
    cut = NOON + timedelta(minutes=minutes)
    assert known_as_of(again, cut) == known_as_of(labels, cut)


@given(LABELS, LABELS, st.integers(-4, 4))
def test_what_became_known_after_the_cut_changes_nothing(labels, later, minutes):
    cut = NOON + timedelta(minutes=minutes)
    later = [one for one in later if one.known_at > cut]
    assert known_as_of(later + labels, cut) == known_as_of(labels, cut)


def test_a_later_label_corrects_an_earlier_one_from_its_moment_on():
    fraud, legitimate = label(0, True), label(60, False, "dispute")
    both = [legitimate, fraud]
    assert known_as_of(both, fraud.known_at - timedelta(milliseconds=1)) is None
    assert known_as_of(both, fraud.known_at) == fraud
    assert known_as_of(both, legitimate.known_at - timedelta(milliseconds=1)) == fraud
    assert known_as_of(both, legitimate.known_at) == legitimate


def test_labels_of_the_same_moment_that_contradict_each_other_have_an_order():
    contradicting = [label(0, False, "analyst"), label(0, True, "analyst"), label(0, False, "dispute")]
    assert known_as_of(contradicting, NOON) == label(0, False, "dispute")
    assert known_as_of(contradicting[:2], NOON) == label(0, True, "analyst")


@given(LABELS)
def test_the_wire_form_is_read_as_it_was_written_and_equal_labels_are_one(labels):
    assert [parse_label(one.to_json().encode()) for one in labels] == labels
    assert len(set(labels)) == len({one.to_json() for one in labels})


def test_the_wire_form():
    assert json.loads(as_label(VALID).to_json()) == VALID
    assert tuple(VALID) == FIELDS == tuple(Label.model_fields)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"transaction_id": ""}, "transaction_id: ''; allowed: 1 to 64 letters"),
        ({"transaction_id": 5}, "transaction_id: 5; allowed: 1 to 64 letters"),
        ({"is_fraud": 1}, "is_fraud: 1; allowed: true .fraud. or false"),
        ({"is_fraud": None}, "is_fraud: None"),
        ({"source": "rumour"}, "source: 'rumour'; allowed: analyst, chargeback, dispute, import"),
        ({"reported_by": "  "}, "reported_by: '  ' blank; allowed: who or what said it"),
        ({"reported_by": "x" * 101}, "reported_by: .*; allowed: who or what said it"),
        ({"known_at": "2026-11-28"}, "known_at: '2026-11-28' not of the form .*; allowed: UTC with milliseconds"),
        ({"known_at": "2026-02-30T00:00:00.000Z"}, "known_at: .*day is out of range"),
        ({"note": "called her"}, "message: a field 'note', which no label has; allowed: only transaction_id, is_fraud"),
    ],
)
def test_a_wrong_label_says_which_field_and_what_is_allowed(wrong, says):
    with pytest.raises(InvalidTransactionError, match=says):
        parse_label(json.dumps(VALID | wrong).encode())


@pytest.mark.parametrize("name", FIELDS)
def test_every_field_must_be_there(name):
    with pytest.raises(InvalidTransactionError, match=f"{name}: missing; allowed: .+"):
        as_label({field: value for field, value in VALID.items() if field != name})


def test_a_field_is_there_once():
    with pytest.raises(InvalidTransactionError, match="is_fraud is there 2 times"):
        parse_label(as_label(VALID).to_json().replace("{", '{"is_fraud":false,', 1).encode())


@pytest.mark.parametrize("message", [b"", b"[]", b"{", b'{"a":NaN}', b"\xff", b"[" * 9_000, b"x" * 70_000])
def test_what_is_no_json_object_is_no_label(message):
    with pytest.raises(InvalidTransactionError, match=r"^message: "):
        parse_label(message)


@pytest.mark.parametrize("kind", SPELLINGS)
def test_a_card_number_is_refused_in_every_field_and_not_repeated(kind):
    spelt = SPELLINGS[kind]
    wrong = [VALID | {field: spelt} for field in FIELDS] + [VALID | {spelt: "x"}, VALID | {"note": spelt}]
    for fields in wrong:
        with pytest.raises(InvalidTransactionError) as refused:
            parse_label(json.dumps(fields).encode())
        assert not readable(str(refused.value))
