"""Requests by name: a model takes its own features from whatever a caller has."""

from __future__ import annotations

import json

import numpy as np
import pytest

from fraud.model_input import ModelInput
from fraud.model_request import CONTENT_TYPE, request_body
from fraud.vector import model_vector
from sagemaker_src.serving.inference import EXACT_ROWS, RefusedError, model_fn, own_rows, predict, read_request
from samples.deciding_world import CATEGORIES, INPUT, write_model
from tests.sagemaker_src.served_model import as_npy


def named(rows, given, model):
    body = request_body(np.asarray(rows, dtype=np.float32), given, 2)
    return predict(read_request(body, CONTENT_TYPE), model)


def test_a_named_array_scores_as_the_models_own_vector(model, rows):
    own = predict(read_request(as_npy(rows), "application/x-npy; reasons=2"), model)
    assert named(rows, INPUT, model) == own
    # in another order, with columns that the model does not know, and with the categories of the request alone
    place = INPUT.names.index("category")
    some = sorted({CATEGORIES[int(code)] for code in rows[:, place] if not np.isnan(code)}, reverse=True)
    given = ModelInput((*reversed(INPUT.names), "shoe_size"), {"category": ("a new one", *some)})
    columns = {name: rows[:, position] for position, name in enumerate(INPUT.names)} | {"shoe_size": rows[:, 0]}
    codes = [np.nan if np.isnan(code) else 1 + some.index(CATEGORIES[int(code)]) for code in rows[:, place]]
    columns["category"] = np.array(codes)
    assert named(np.column_stack([columns[name] for name in given.names]), given, model) == own


def test_what_a_model_takes_and_is_not_given_is_missing_and_said(model, rows):
    place = INPUT.names.index("amt_ratio2")
    without = ModelInput(tuple(name for name in INPUT.names if name != "amt_ratio2"), INPUT.categories)
    said = named(np.delete(rows, place, axis=1), without, model)
    assert said["missing"] == ["amt_ratio2"]
    blank = rows.copy()
    blank[:, place] = np.nan
    assert said["scores"] == predict(read_request(as_npy(blank), "application/x-npy"), model)["scores"]


def test_a_category_that_the_model_has_not_seen_is_missing(model, rows):
    place = INPUT.names.index("category")
    new, none = rows[:1].copy(), rows[:1].copy()
    new[:, place], none[:, place] = 0, np.nan
    found = named(new, ModelInput(INPUT.names, {"category": ("a new one",)}), model)
    assert found["scores"] == predict(read_request(as_npy(none), "application/x-npy"), model)["scores"]


def test_text_for_a_number_and_a_number_for_text_are_missing(model, rows):
    given = ModelInput(INPUT.names, {"amount": tuple(map(str, range(2_000)))})
    places = np.zeros_like(rows[:1])
    assert named(places, given, model)["missing"] == ["amount", "category"]


def _head(**changes):
    head = {"feature_names": ["amount", "category"], "categories": {"category": ["a", "b"]}, "reasons": 1} | changes
    return json.dumps(head).encode() + b"\n" + as_npy(np.zeros((1, 2), "<f4"))


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "no line of JSON before the array"),
        (b"{}", "no line of JSON before the array"),
        (b"[]\n" + as_npy(np.zeros((1, 2), "<f4")), "feature_names: not a list of different names"),
        (_head(feature_names=["amount"]), "rows of 2 values; feature_names has 1"),
        (_head(feature_names=["amount", "amount"]), "feature_names: not a list of different names"),
        (_head(feature_names=[1, 2]), "feature_names: not a list of different names"),
        (_head(categories=["a"]), "categories: not an object of lists of different texts"),
        (_head(categories={"category": ["a", "a"]}), "categories: not an object of lists of different texts"),
        (_head(reasons=-1), "reasons: not a whole number from 0 to 100"),
        (_head(exact_reasons=20_001), "exact_reasons: not a whole number from 0 to 20000"),
        (_head(exact_reasons=True), "exact_reasons: not a whole number from 0 to 20000"),
        (_head()[:-1], "the shape is not the body's length"),
        (_head().replace(b'"reasons"', b'"feature_names"'), "a name is given twice"),
    ],
)
def test_a_named_array_that_is_none_is_refused(body, says):
    with pytest.raises(RefusedError, match=says) as refused:
        read_request(body, CONTENT_TYPE)
    assert refused.value.status == 400


@pytest.mark.parametrize("place", [-1, 2, 0.5])
def test_a_place_outside_the_list_of_categories_is_refused(model, place):
    given = ModelInput(("amount", "category"), {"category": ("a", "b")})
    with pytest.raises(RefusedError, match="category: not places in its list of 2 categories"):
        named([[1.0, place]], given, model)


def test_a_caller_that_lets_no_payment_wait_gets_more_exact_reasons_or_none(model, rows):
    rows = rows.copy()
    rows[::5, INPUT.names.index("amount")] = 400
    over = [place for place, score in enumerate(named(rows, INPUT, model)["scores"]) if score >= 0.5]
    assert len(over) > EXACT_ROWS

    def reasons(asked, exact=None):
        body = request_body(asked, INPUT, 3, exact_reasons=exact)
        return predict(read_request(body, CONTENT_TYPE), model)["reasons"]

    approximate, exact = reasons(rows, 0), reasons(rows, len(rows))
    differs = [place for place in range(len(rows)) if approximate[place] != exact[place]]
    assert differs == over
    assert [exact[place] for place in over] == [reasons(rows[[place]])[0] for place in over]
    usual = reasons(rows)
    assert (
        sum(usual[place] == exact[place] for place in over)
        == EXACT_ROWS
        == len(over) - sum(usual[place] == approximate[place] for place in over)
    )


def test_training_and_serving_code_categories_alike(model):
    """The vector that training builds is the one that the server builds from what the deciding step sends."""
    columns = {
        "event_ms": [0] * 3,
        "amount_cents": [100, 200, 300],
        "category": [CATEGORIES[3], "a new one", CATEGORIES[0]],
    }
    given = ModelInput(("amount", "category"), {"category": (CATEGORIES[0], "a new one", CATEGORIES[3])})
    sent = read_request(request_body(model_vector(columns, given), given, 0), CONTENT_TYPE)
    rows, _ = own_rows(sent, model.manifest)
    assert model.manifest["feature_names"][:2] == ["amount", "category"]
    np.testing.assert_array_equal(rows[:, :2], model_vector(columns, INPUT)[:, :2])


def test_a_manifest_of_before_with_a_list_of_categories_is_served(tmp_path, model, rows):
    folder = write_model(tmp_path / "model", categories=CATEGORIES)
    assert named(rows, INPUT, model_fn(str(folder))) == named(rows, INPUT, model)
