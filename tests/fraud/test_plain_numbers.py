"""Numbers from text, wherever the product reads any but a person's files: plain digits, and nothing that Python takes besides."""

from __future__ import annotations

import json

import numpy as np
import pytest
from pydantic import ValidationError

from fraud.decision import FallbackRule, Thresholds
from fraud.features.catalogue import CATALOGUE, names
from fraud.features.nightly import CardRecord
from fraud.features.nightly_records import MalformedRecordError, card_record, nightly_record
from fraud.model_request import read_scores
from fraud.notation import decimal_number, whole_number
from fraud.ports import ScorerUnavailableError
from fraud.promotion import COMPARED
from lambda_src.ports.model_registry import figures
from sagemaker_src.serving.inference import RefusedError, read_request

WRONG = (
    "1_000",
    "\u0661",
    "\uff11",
    "1\u0662",
    "\u00b2",
    "nan",
    "inf",
    "-Infinity",
    "0x10",
    "1e999",
    "1\u00a0",
    "",
    "1 000",
    "1,5",
)


@pytest.mark.parametrize("text", WRONG)
def test_one_notation_for_all(text):
    for read in (whole_number, decimal_number):
        with pytest.raises(ValueError, match="allowed"):
            read(text)
    if text not in ("", "1,5"):  # a missing cell, and two cells
        with pytest.raises(RefusedError):
            read_request(text, "text/csv")


@pytest.mark.parametrize(
    "text", [repr(float(value)) for value in np.random.default_rng(5).normal(size=50) ** 9] + ["1e-07", "1e+20", "0.0"]
)
def test_what_python_writes_is_read_alike_everywhere(text):
    assert decimal_number(text) == float(text)
    assert read_request(text, "text/csv").rows.tolist() == [[np.float32(float(text))]]


@pytest.mark.parametrize("text", WRONG)
@pytest.mark.parametrize("name", ["num_trans_all", "avg_amt_all"])
def test_a_value_of_the_store_that_is_no_number_is_no_record(name, text):
    record = CardRecord(0, dict.fromkeys(names(CATALOGUE.card_features)) | {name: 2})
    kept = {value["FeatureName"]: value["ValueAsString"] for value in nightly_record("c1", record)}
    assert card_record(kept).features[name] == 2
    with pytest.raises(MalformedRecordError, match="allowed"):
        card_record(kept | {name: text})


@pytest.mark.parametrize("text", WRONG)
@pytest.mark.parametrize("field", ["review_from_amount", "block_from_amount", "review_from_num_trans_last_10m"])
def test_a_limit_of_the_fallback_rule_is_written_plainly(field, text):
    with pytest.raises(ValidationError, match="allowed"):
        FallbackRule.model_validate_json(json.dumps({field: text}))


@pytest.mark.parametrize("text", WRONG)
def test_a_champion_whose_figures_are_no_numbers_is_none(text):
    class Registry:
        def describe_model_package(self, **_):
            return {"CustomerMetadataProperties": dict.fromkeys(COMPARED, text)}

    with pytest.raises(ValueError, match="allowed"):
        figures(Registry(), "arn")


SOUND = {
    "scores": [0.5, 1],
    "reasons": [[["amount", 1.5]], []],
    "model_version": "v1",
    "thresholds": {"review": 0.5, "block": 2},
    "missing": ["shoe_size"],
}


def test_a_sound_answer_of_the_model():
    scores = read_scores(json.dumps(SOUND | {"more": "of a later version"}).encode())
    assert (scores.scores, scores.reasons) == ([0.5, 1.0], [[("amount", 1.5)], []])
    assert (scores.model_version, scores.thresholds) == ("v1", Thresholds(review=0.5, block=2.0))
    assert scores.missing == ("shoe_size",)


@pytest.mark.parametrize(
    "wrong",
    [
        *({"scores": [value]} for value in ("0.5", "1_000", None, True, float("nan"), float("inf"), -0.1, 1.1, [0.5])),
        *({"reasons": [[["amount", value]]]} for value in ("1_000", "1", None, False, float("nan"), float("-inf"))),
        *({"reasons": value} for value in (None, [["amount", 1]], [[["amount"]]], [[[1, 1]]], "abc")),
        *(
            {"thresholds": value}
            for value in ({"review": "0.5", "block": 1}, {"review": 0.5}, {"review": True, "block": 1}, [])
        ),
        *({"model_version": value} for value in (3, None, ["v"])),
        *({"missing": value} for value in ("abc", [1], None, {"a": 1})),
    ],
)
def test_an_answer_that_makes_no_sense_is_none(wrong):
    with pytest.raises(ScorerUnavailableError, match="the model's answer is invalid: "):
        read_scores(json.dumps(SOUND | wrong).encode())


@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]", b"\xff", b"[" * 100_000, b'{"scores": [1' + b"0" * 5_000 + b"]}"]
)
def test_what_is_no_answer_at_all_is_none_either(body):
    with pytest.raises(ScorerUnavailableError, match="the model's answer is invalid: "):
        read_scores(body)
