"""Each function's environment: what it reads, and what it says to a wrong value."""

from __future__ import annotations

from importlib import import_module

import pytest
from pydantic import ValidationError

from samples.environments import ENVIRONMENTS


@pytest.mark.parametrize("function", ENVIRONMENTS)
def test_the_variables_are_read(function, monkeypatch):
    model = import_module(f"lambda_src.{function}.environment").Environment
    for name, value in ENVIRONMENTS[function].items():
        monkeypatch.setenv(name, value)
    assert model.variables() == ENVIRONMENTS[function].keys()
    assert model.read().service == function


@pytest.mark.parametrize(
    ("function", "variable", "value", "says"),
    [
        ("decide", "FALLBACK_RULE", '{"review_from_amount": "9.00", "block_from_amount": "1.00"}', "review <= block"),
        ("decide", "FALLBACK_RULE", "no JSON", "FALLBACK_RULE"),
        ("accept", "PARTIAL_FAILURES", "sometimes", "PARTIAL_FAILURES"),
        ("decide", "QUARANTINE_PREFIX", "/quarantine", "allowed: text that ends with /"),
        ("decide", "LOG_LEVEL", "LOUD", "LOG_LEVEL"),
        ("accept", "UNDECIDED_AFTER_S", "901", "UNDECIDED_AFTER_S"),
        ("accept", "UNDECIDED_AFTER_S", "1_0", "digits 0 to 9"),
        ("watch", "UNDECIDED_AFTER_S", "\u0661\u0660", "UNDECIDED_AFTER_S"),
        ("ingest_features", "FEATURES_TTL_DAYS", "1_0", "digits 0 to 9"),
        ("decide", "NIGHTLY_TOO_OLD_AFTER_H", "inf", "digits 0 to 9"),
        ("decide", "FALLBACK_RULE", '{"review_from_amount": "1_000"}', "digits 0 to 9"),
        ("create_topics", "CLUSTER_ARN", "cluster", "CLUSTER_ARN"),
    ],
)
def test_a_wrong_value_is_named(function, variable, value, says, monkeypatch):
    for name, sound in (ENVIRONMENTS[function] | {variable: value}).items():
        monkeypatch.setenv(name, sound)
    with pytest.raises(ValidationError, match=says):
        import_module(f"lambda_src.{function}.environment").Environment.read()


def test_a_missing_variable_is_named(monkeypatch):
    for name in ENVIRONMENTS["gate"]:
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ValidationError, match="MODELS_BUCKET"):
        import_module("lambda_src.gate.environment").Environment.read()
