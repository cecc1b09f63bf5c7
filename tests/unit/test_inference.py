"""sagemaker_src.serving.inference: the functions that the XGBoost container calls."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
import xgboost as xgb

from fraud.vector import FEATURE_NAMES, FEATURE_TYPES
from sagemaker_src.serving import inference
from sagemaker_src.serving.inference import input_fn, model_fn, output_fn, predict_fn
from tests.deciding_world import CATEGORIES, THRESHOLDS, trees, write_model


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return model_fn(str(write_model(tmp_path_factory.mktemp("model"))))


@pytest.fixture(scope="module")
def rows():
    random = np.random.default_rng(2)
    vectors = random.gamma(2, 40, size=(100, len(FEATURE_NAMES))).astype(np.float32)
    vectors[:, FEATURE_NAMES.index("category")] = random.integers(0, len(CATEGORIES), len(vectors))
    vectors[random.random(vectors.shape) < 0.1] = np.nan
    return vectors


def as_json(rows, **fields):
    instances = [[None if np.isnan(value) else float(value) for value in row] for row in rows]
    return json.dumps({"instances": instances, **fields}).encode()


def as_csv(rows):
    return "\n".join(",".join("" if np.isnan(value) else repr(float(value)) for value in row) for row in rows).encode()


def as_npy(rows):
    file = io.BytesIO()
    np.save(file, rows)
    return file.getvalue()


def matrix(rows):
    names, types = list(FEATURE_NAMES), list(FEATURE_TYPES)
    return xgb.DMatrix(rows, feature_names=names, feature_types=types, enable_categorical=True)


def test_every_form_of_a_request_scores_as_the_trees_themselves(model, rows):
    expected = trees(60).predict(matrix(rows)).tolist()
    for body, kind in (
        (as_json(rows), "application/json"),
        (as_json(rows).decode(), "application/json; charset=utf-8"),
        (as_csv(rows), "text/csv"),
        (bytearray(as_npy(rows)), "application/x-npy"),
    ):
        assert predict_fn(input_fn(body, kind), model)["scores"] == expected


def test_the_answer_says_which_model_gave_it_and_how_to_read_it(model, rows):
    answer = predict_fn(input_fn(as_json(rows[:1]), "application/json"), model)
    assert (answer["model_version"], answer["thresholds"], answer["categories"]) == ("small", THRESHOLDS, CATEGORIES)
    assert "reasons" not in answer


def test_a_threshold_out_of_reach_stays_lawful_json(tmp_path, rows):
    model = model_fn(str(write_model(tmp_path, thresholds={"review": 0.5, "block": float("inf")})))
    text, _ = output_fn(predict_fn(input_fn(as_csv(rows), "text/csv"), model), "application/json")
    assert json.loads(text, parse_constant=pytest.fail)["thresholds"] == {"review": 0.5, "block": 2.0}


@pytest.mark.parametrize("approximate", [True, False])
def test_contributions_add_up_to_the_score(model, rows, approximate):
    contributions = trees(60).predict(matrix(rows), pred_contribs=True, approx_contribs=approximate)
    margin = trees(60).predict(matrix(rows), output_margin=True)
    np.testing.assert_allclose(contributions.sum(axis=1), margin, atol=1e-4)
    np.testing.assert_array_equal(inference._explain(rows, model, approximate=approximate), contributions[:, :-1])


def test_reasons_are_the_strongest_first_and_exact_where_someone_looks(model, rows):
    answer = predict_fn(input_fn(as_json(rows, reasons=3), "application/json"), model)
    scores = np.array(answer["scores"])
    exact = np.argsort(-scores, kind="stable")[: inference.EXACT_ROWS]
    exact = [row for row in exact if scores[row] >= THRESHOLDS["review"]]
    assert 0 < len(exact) < len(rows)
    for row in range(len(rows)):
        contributions = inference._explain(rows[[row]], model, approximate=row not in exact)[0]
        strongest = sorted(range(len(FEATURE_NAMES)), key=lambda column: -abs(contributions[column]))[:3]
        assert answer["reasons"][row] == [
            [FEATURE_NAMES[column], pytest.approx(float(contributions[column]), abs=1e-6)] for column in strongest
        ]


def test_exact_reasons_of_a_burst_of_fraud_are_bounded(model, rows, monkeypatch):
    asked = []
    explain = inference._explain
    monkeypatch.setattr(
        inference,
        "_explain",
        lambda rows, *a, **k: asked.append((len(rows), k["approximate"])) or explain(rows, *a, **k),
    )
    fraud = rows.copy()
    fraud[:, 0] = 900
    predict_fn(input_fn(as_csv(fraud), "text/csv; reasons=3"), model)
    predict_fn(input_fn(as_csv(fraud[:4]), "text/csv; reasons=3"), model)
    assert asked == [(100, True), (inference.EXACT_ROWS, False), (4, False)]


def test_one_row_and_few_reasons(model, rows):
    answer = predict_fn(input_fn(as_npy(rows[:1]), "application/x-npy; reasons=1"), model)
    assert [len(row) for row in answer["reasons"]] == [1]


@pytest.mark.parametrize(
    ("body", "kind", "says"),
    [
        (b"", "text/csv", "0 rows; allowed: 1 to"),
        (b"1,2\n3", "text/csv", "rows of different lengths"),
        (b"1,abc", "text/csv", "'abc'"),
        (b"1,inf", "text/csv", "infinity"),
        (b"1,1e39", "text/csv", "infinity"),
        (b"\xff", "text/csv", "decode"),
        (b"1,2", "text/csv; reasons=many", "reasons: 'many'; allowed"),
        (b"1,2", "text/csv; reasons", "the body is not text/csv"),
        (b"nonsense", "application/json", "Expecting value"),
        (b"[" * 100_000, "application/json", "recursion"),
        (b"{}", "application/json", 'no list under "instances"'),
        (b'{"instances": [1]}', "application/json", "an instance is not a list"),
        (b'{"instances": [["1"]]}', "application/json", "neither a number nor null"),
        (b'{"instances": [[true]]}', "application/json", "neither a number nor null"),
        (b'{"instances": [[NaN]]}', "application/json", "NaN; missing is null"),
        (b'{"instances": [[1]], "reasons": -1}', "application/json", "reasons: -1; allowed: a whole number"),
        (b'{"instances": [[1' + b"0" * 400 + b"]]}", "application/json", "too large"),
        (b'{"instances": []}', "application/json", "0 rows"),
        (b"\x93NUMPY", "application/x-npy", "the body is not application/x-npy"),
        (as_npy(np.zeros((2, 2))), "application/x-npy", "not a float32 array"),
        (as_npy(np.zeros((2, 2), dtype=np.float32))[:-1], "application/x-npy", "is not the body's length"),
        (as_npy(np.array([[{}]], dtype=object)), "application/x-npy", "not a float32 array"),
    ],
)
def test_garbage_is_a_bad_request(body, kind, says):
    with pytest.raises(inference.BadRequestError) as refused:
        input_fn(body, kind)
    assert refused.value.status_code == 400
    assert says in refused.value.message


@pytest.mark.parametrize("kind", ["", None, "text/libsvm", "application/x-python-pickle"])
def test_other_content_types_are_refused(kind):
    with pytest.raises(inference.UnsupportedTypeError, match="allowed: text/csv, application/json") as refused:
        input_fn(b"1,2", kind)
    assert refused.value.status_code == 415


def test_rows_of_another_width_are_refused(model):
    with pytest.raises(inference.BadRequestError, match=r"rows of 2 values; the model takes 38: amount, category"):
        predict_fn(input_fn(b"1,2", "text/csv"), model)


def test_columns_in_another_order_are_refused(model, rows):
    names = ",".join(reversed(FEATURE_NAMES))
    with pytest.raises(inference.BadRequestError, match="feature_names are not the model's"):
        predict_fn(input_fn(as_csv(rows), f"text/csv; feature-names={names}"), model)
    with pytest.raises(inference.BadRequestError, match="feature_names are not the model's"):
        predict_fn(input_fn(as_json(rows, feature_names=["amount"]), "application/json"), model)
    named = input_fn(as_csv(rows), f"text/csv; feature-names={','.join(FEATURE_NAMES)}")
    assert len(predict_fn(named, model)["scores"]) == len(rows)


def test_answers_as_csv_and_json(model, rows):
    prediction = predict_fn(input_fn(as_csv(rows[:3]), "text/csv"), model)
    text, kind = output_fn(prediction, "text/csv")
    assert kind == "text/csv"
    assert [float(line) for line in text.splitlines()] == prediction["scores"]
    for accept in ("", "*/*", "application/json", "text/html, application/json;q=0.9"):
        text, kind = output_fn(prediction, accept)
        assert (kind, json.loads(text)) == ("application/json", prediction)
    with pytest.raises(inference.UnsupportedTypeError, match="served: application/json, text/csv") as refused:
        output_fn(prediction, "image/png")
    assert refused.value.status_code == 406


def test_a_manifest_of_other_trees_is_refused(tmp_path):
    write_model(tmp_path, feature_names=["amount"])
    with pytest.raises(ValueError, match="name different features"):
        model_fn(str(tmp_path))
