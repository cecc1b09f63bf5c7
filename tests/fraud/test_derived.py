"""Derived features: what a formula may hold, and declarations that cannot be."""

from __future__ import annotations

import numpy as np
import pytest

from fraud.features.derived import BASE_COLUMNS, DERIVED_FEATURES, KNOWN_COLUMNS, Derived, DerivedError, check_derived
from fraud.features.formula import Formula, FormulaError


def derived(name: str, formula: str) -> Derived:
    return Derived(name=name, formula=formula, says=name)


@pytest.mark.parametrize(
    "text",
    [
        "a ** b", "a // b", "a % b", "-a", "a if b else c", "a < b", "a and b", "a[0]", "a.b", "f(a)", "lambda: a", "'a'",
        "True", "hour_of_day", "hour_of_day()", "hour_of_day(a, b)", "weekday(ms=a)", "__import__('os')", "a; b", "", "a +",
        "1 + 2", "[a]", "a := 1", "1j * a",
    ],
)  # fmt: skip
def test_whatever_is_no_formula_is_refused(text: str) -> None:
    with pytest.raises(FormulaError, match="allowed: names, numbers"):
        Formula(text)


def test_a_formula_follows_the_rules_of_arithmetic() -> None:
    columns = {"a": np.array([8.0, np.nan, 0.0]), "b": np.array([2.0, 1.0, 4.0])}
    assert Formula("(a - b) / 2 + a * b").of(columns.__getitem__).tolist()[::2] == [19.0, -2.0]
    assert np.isnan(Formula("a + b").of(columns.__getitem__)[1])


@pytest.mark.parametrize(
    ("declared", "says"),
    [
        ([derived("amount_cents", "event_ms / 2")], "amount_cents: the name is taken"),
        ([derived("twice", "amount_cents * 2"), derived("twice", "amount_cents * 3")], "twice: the name is taken"),
        ([derived("ratio", "amount_cents / avg_amt")], "ratio: reads 'avg_amt', which is not declared; allowed: amount"),
        ([derived("own", "own / 2")], "own: is computed from itself, by way of own"),
        ([derived("one", "two / 2"), derived("two", "one / 2")], "one: is computed from itself, by way of one and two"),
    ],
)  # fmt: skip
def test_a_wrong_declaration_is_refused_with_a_sentence(declared: list[Derived], says: str) -> None:
    with pytest.raises(DerivedError) as refused:
        check_derived(declared, BASE_COLUMNS)
    assert says in str(refused.value)


def test_a_declaration_with_a_wrong_formula_is_named() -> None:
    with pytest.raises(FormulaError, match=r"^steep: 'amount \*\* 2'"):
        derived("steep", "amount ** 2")


def test_all_that_are_declared_are_right() -> None:
    check_derived(DERIVED_FEATURES, KNOWN_COLUMNS)
