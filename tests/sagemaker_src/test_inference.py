"""sagemaker_src.serving.inference: the functions that the XGBoost container calls."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
import xgboost as xgb

from sagemaker_src.serving import inference
from sagemaker_src.serving.inference import RefusedError, answer, answer_type, model_fn, predict, read_request
from samples.deciding_world import INPUT, THRESHOLDS, trees, write_model
from tests.sagemaker_src.served_model import as_npy


def as_json(rows, **fields):
    instances = [[None if np.isnan(value) else float(value) for value in row] for row in rows]
    return json.dumps({"instances": instances, **fields}).encode()


def as_csv(rows):
    return "\n".join(",".join("" if np.isnan(value) else repr(float(value)) for value in row) for row in rows).encode()


def matrix(rows):
    names, types = list(INPUT.names), list(INPUT.types)
    return xgb.DMatrix(rows, feature_names=names, feature_types=types, enable_categorical=True)


def test_every_form_of_a_request_scores_as_the_trees_themselves(model, rows):
    expected = trees(60).predict(matrix(rows)).tolist()
    for body, kind in (
        (as_json(rows), "application/json"),
        (as_json(rows).decode(), "application/json; charset=utf-8"),
        (as_csv(rows), "text/csv"),
        (bytearray(as_npy(rows)), "application/x-npy"),
    ):
        assert predict(read_request(body, kind), model)["scores"] == expected


def test_the_answer_says_which_model_gave_it_and_how_to_read_it(model, rows):
    said = predict(read_request(as_json(rows[:1]), "application/json"), model)
    assert (said["model_version"], said["thresholds"], said["missing"]) == ("small", THRESHOLDS, [])
    assert "reasons" not in said


def test_a_threshold_out_of_reach_stays_valid_json(tmp_path, rows):
    model = model_fn(str(write_model(tmp_path, thresholds={"review": 0.5, "block": float("inf")})))
    text, _ = answer(model, as_csv(rows), "text/csv", "application/json")
    assert json.loads(text, parse_constant=pytest.fail)["thresholds"] == {"review": 0.5, "block": 2.0}


@pytest.mark.parametrize("approximate", [True, False])
def test_contributions_add_up_to_the_score(model, rows, approximate):
    contributions = trees(60).predict(matrix(rows), pred_contribs=True, approx_contribs=approximate)
    margin = trees(60).predict(matrix(rows), output_margin=True)
    np.testing.assert_allclose(contributions.sum(axis=1), margin, atol=1e-4)
    np.testing.assert_array_equal(inference._explain(rows, model, approximate=approximate), contributions[:, :-1])


def test_reasons_are_the_strongest_first_and_exact_where_someone_looks(model, rows):
    said = predict(read_request(as_json(rows, reasons=3), "application/json"), model)
    scores = np.array(said["scores"])
    exact = np.argsort(-scores, kind="stable")[: inference.EXACT_ROWS]
    exact = [row for row in exact if scores[row] >= THRESHOLDS["review"]]
    assert 0 < len(exact) < len(rows)
    for row in range(len(rows)):
        contributions = inference._explain(rows[[row]], model, approximate=row not in exact)[0]
        strongest = sorted(range(len(INPUT.names)), key=lambda column: -abs(contributions[column]))[:3]
        assert said["reasons"][row] == [
            [INPUT.names[column], pytest.approx(float(contributions[column]), abs=1e-6)] for column in strongest
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
    predict(read_request(as_csv(fraud), "text/csv; reasons=3"), model)
    predict(read_request(as_csv(fraud[:4]), "text/csv; reasons=3"), model)
    assert asked == [(100, True), (inference.EXACT_ROWS, False), (4, False)]


def test_one_row_and_few_reasons(model, rows):
    said = predict(read_request(as_npy(rows[:1]), "application/x-npy; reasons=1"), model)
    assert [len(row) for row in said["reasons"]] == [1]


def npy(header, data=b"\0" * 8, length=None):
    text = header if isinstance(header, bytes) else header.encode()
    return b"\x93NUMPY\x01\x00" + (len(text) if length is None else length).to_bytes(2, "little") + text + data


HEADER = "{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}\n"


def header(descr="'<f4'", order="False", shape="(1, 2)"):
    return HEADER.format(descr=descr, order=order, shape=shape)


def test_headers_of_other_writers_are_read():
    for text in (header(), "{'shape':(1,2),'fortran_order':False,'descr':'<f4'}", header() + " " * 50):
        assert read_request(npy(text), "application/x-npy").rows.tolist() == [[0, 0]]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x93NUMPY",
        b"\x93NUMPY\x02\x00\x10\x00",
        npy(""),
        npy("{"),
        npy("[1, 2]"),
        npy("'descr'"),
        npy("None"),
        npy("{'descr': '<f4'}"),
        npy("{[]: 1}"),
        npy("{1: 2, 'descr': '<f4', (): 3}"),
        npy(b"\xff" * 20),
        npy("{'descr': '<f4\0'}"),
        npy("(" * 900),
        npy("-" * 900 + "1"),
        npy(header() + " " * 1000),
        npy(header(), length=60_000),
        npy(header(descr="[('a', '<f4')]")),
        npy(header(descr="'|O'")),
        npy(header(descr="'<f8'")),
        npy(header(descr="'>f4'")),
        npy(header(order="True")),
        npy(header(order="0")),
        npy(header(shape="2")),
        npy(header(shape="(2,)")),
        npy(header(shape="(1, 1, 2)")),
        npy(header(shape="(True, 2)")),
        npy(header(shape="(1.0, 2)")),
        npy(header(shape="(-1, -2)")),
        npy(header(shape="(-1, 2)")),
        npy(header(shape="(1, 2000000000000)")),
        npy(header(shape="(0, 2)")),
        npy(header(shape="(2, 0)"), b""),
        npy(header(shape="(" + "9" * 800 + ", 1)")),
        npy(header(shape="__import__('os').getpid()")),
        npy(header(), b"\0" * 7),
        npy(header(), b"\0" * 9),
        npy(header(), np.array([1, np.inf], dtype="<f4").tobytes()),
        as_npy(np.zeros((2, 2))),
        as_npy(np.zeros((2, 2), dtype=np.float32))[:-1],
        as_npy(np.array([[{}]], dtype=object)),
    ],
)
def test_a_malformed_array_is_a_bad_request(body, model):
    with pytest.raises(RefusedError) as refused:  # no rows are for `predict` to see, others for the reader
        predict(read_request(body, "application/x-npy"), model)
    assert refused.value.status == 400


NUMBERS = ("1", "-1", "+1", "007", "1.5", "1.", ".5", "-.5e-3", "1E5", "1e+05", " 1\t", "-0")
NO_NUMBERS = (
    *("1_000", "1_0.5", "1e1_0", "\u0661", "\uff11\uff12", "1\u0662", "\u00b2", "\u2460", "\u4e00", "\u2212" + "1"),
    *("nan", "NaN", "-nan", "inf", "-inf", "Infinity", "infinity", "1e999", "-1e999", "3.5e38"),
    *(
        "0x10",
        "0x1p3",
        "0b1",
        "1L",
        "1f",
        "1d",
        "1e",
        "e1",
        ".",
        "+",
        "-",
        "+-1",
        "--1",
        "1 2",
        "1,5".replace(",", ";"),
    ),
    *("\u00a0" + "1", "1\u2003", "1\x0b", "1\x1c", "\x0c1", "$1", "1%", "None", "null", "NA", "abc", "1\x00"),
)


@pytest.mark.parametrize("cell", NUMBERS)
def test_plain_decimal_numbers_are_numbers(cell):
    assert read_request(f"{cell},2\n".encode(), "text/csv").rows.tolist() == [[np.float32(float(cell)), 2]]
    assert read_request(f'"{cell}",2', "text/csv").rows.tolist() == [[np.float32(float(cell)), 2]]


@pytest.mark.parametrize("cell", NO_NUMBERS)
def test_nothing_else_is_a_number(cell):
    for body in (f"2,{cell}\n", f'2,"{cell}"\n', f"2,3\n4,{cell}"):
        for content in (body, body.encode()):
            with pytest.raises(RefusedError, match=r"row [12], column 2: ") as refused:
                read_request(content, "text/csv")
            assert refused.value.status == 400


@pytest.mark.parametrize("value", [cell for cell in (*NO_NUMBERS, "+1", "007", "1.", ".5") if cell != "null"])
def test_nothing_else_is_a_number_in_json(value):
    for written in (value, json.dumps(value)):
        with pytest.raises(RefusedError) as refused:
            read_request(f'{{"instances": [[2, {written}]]}}', "application/json")
        assert refused.value.status == 400


@pytest.mark.parametrize("count", ["\u0663", "1_0", "+3", "-1", " ", "3.0", "0x3", "1000", "101", "many", "\u00b2"])
def test_a_count_of_reasons_is_plain_too(count):
    for body, kind in (
        (b"1,2", f"text/csv; reasons={count}"),
        (as_npy(np.zeros((1, 2), "<f4")), f"application/x-npy; reasons={count}"),
    ):
        with pytest.raises(RefusedError, match="reasons: not a whole number from 0 to 100"):
            read_request(body, kind)


def test_what_is_in_a_body_is_not_told_again():
    card = "4111 1111 1111 1111"
    quoted = json.dumps(card)
    for body, kind in (
        (f"1,{card}", "text/csv"),
        (f'1,"{card}', "text/csv"),
        (f'{{"instances": [[{quoted}]]}}', "application/json"),
        (f'{{"instances": [{quoted}]}}', "application/json"),
        (f'{{"instances": [[1]], "reasons": {quoted}}}', "application/json"),
        (f"{{{quoted}: 1, {quoted}: 2}}", "application/json"),
        (f"{card}", "application/json"),
        (npy(f"{{'descr': '{card}', 'fortran_order': False, 'shape': (1, 2)}}"), "application/x-npy"),
    ):
        with pytest.raises(RefusedError) as refused:
            read_request(body, kind)
        assert "1111" not in str(refused.value)


@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\n\n", "\r\n\r\n", "\n \t\n", "\n\n\n  "])
@pytest.mark.parametrize("kind", ["text/csv", "text/csv;", "TEXT/CSV ; charset=utf-8;", 'text/csv; charset="utf-8"'])
def test_blank_lines_at_the_end_are_no_rows(end, kind):
    for body in (f"1,2\n3,{end}", f"1,2\r\n3,{end}", f"\ufeff1,2\n3,{end}"):
        for content in (body, body.encode()):
            rows = read_request(content, kind).rows
            np.testing.assert_array_equal(rows, [[1, 2], [3, np.nan]])


@pytest.mark.parametrize(
    ("body", "kind", "says"),
    [
        (b"", "text/csv", "0 rows; allowed: 1 to"),
        (b"\n\n", "text/csv", "0 rows; allowed: 1 to"),
        (b"1,2\n3", "text/csv", "rows of different lengths"),
        (b"1,2\n\n3,4", "text/csv", "row 2 is blank"),
        ("1,2\u20283,4".encode(), "text/csv", "row 1, column 2: not a number"),
        (b"1,abc", "text/csv", "row 1, column 2: not a number, as -12.5 or 1e-3, or nothing where it is missing"),
        (b"1,1e39", "text/csv", "row 1, column 2: infinity, or a number too large"),
        (b"\xff", "text/csv", "decode"),
        (b'1,"2', "text/csv", "unexpected end of data"),
        (b'1,"2"3', "text/csv", "expected after"),
        (b"1" * 140_000, "text/csv", "field larger than field limit"),
        (b'"' * 140_001, "text/csv", "the body is not text/csv"),
        (b"1" * 130_000, "text/csv", "too large"),
        (b"1\n" * 20_001, "text/csv", "20001 rows; allowed: 1 to 20000"),
        (b"1,2", "text/csv; reasons", "parameter 'reasons' has no value"),
        (b"1,2", "text/csv; reasons=1; Reasons=2", "parameter 'reasons' is given twice"),
        (b"nonsense", "application/json", "Expecting value"),
        (b"\xff\xfe", "application/json", "the body is not application/json"),
        (b"[" * 100_000, "application/json", "recursion"),
        (b'{"instances":' * 100_000, "application/json", "recursion"),
        (b"{}", "application/json", 'no list under "instances"'),
        (b"[]", "application/json", 'no list under "instances"'),
        (b"1", "application/json", 'no list under "instances"'),
        (b'{"instances": {}}', "application/json", 'no list under "instances"'),
        (b'{"instances": [[1], 1]}', "application/json", "instance 2 is not a list"),
        (b'{"instances": [[1], [[1]]]}', "application/json", "row 2, column 1: neither a number nor null"),
        (b'{"instances": [["1"]]}', "application/json", "neither a number nor null"),
        (b'{"instances": [[1, true]]}', "application/json", "row 1, column 2: neither a number nor null"),
        (b'{"instances": [[{"a": 1}]]}', "application/json", "neither a number nor null"),
        (b'{"instances": [[NaN]]}', "application/json", "NaN; missing is null"),
        (b'{"instances": [[-Infinity]]}', "application/json", "-Infinity; missing is null"),
        (b'{"instances": [[1e999]]}', "application/json", "row 1, column 1: infinity"),
        (b'{"instances": [[1]], "reasons": -1}', "application/json", "reasons: not a whole number from 0 to 100"),
        (b'{"instances": [[1]], "reasons": true}', "application/json", "reasons: not a whole number from 0 to 100"),
        (b'{"instances": [[1]], "reasons": 3.0}', "application/json", "reasons: not a whole number from 0 to 100"),
        (b'{"instances": [[1]], "instances": [[2]]}', "application/json", "a name is given twice"),
        (b'{"instances": [[1' + b"0" * 400 + b"]]}", "application/json", "too large"),
        (b'{"instances": [[1' + b"0" * 5_000 + b"]]}", "application/json", "the body is not application/json"),
        (b'{"instances": []}', "application/json", "0 rows"),
    ],
)
def test_garbage_is_a_bad_request(body, kind, says):
    with pytest.raises(RefusedError, match=re.escape(says)) as refused:
        read_request(body, kind)
    assert refused.value.status == 400
    assert len(str(refused.value)) < 400


@pytest.mark.parametrize(
    "kind", ["", None, ";", "text/libsvm", "application/x-python-pickle", "text", "text/csv,text/csv", "é"]
)
def test_other_content_types_are_refused(kind):
    with pytest.raises(RefusedError, match="allowed: text/csv, application/json") as refused:
        read_request(b"1,2", kind)
    assert refused.value.status == 415


def test_feature_names_of_any_shape_that_are_not_the_models_are_refused(model, rows):
    for names in ([], [None], {"a": 1}, 3, "\ud800", ["\ud800"] * 38, [[]] * 38, True):
        with pytest.raises(RefusedError, match="feature_names are not the model's") as refused:
            predict(read_request(as_json(rows[:1], feature_names=names), "application/json"), model)
        assert refused.value.status == 400


def test_rows_of_another_width_are_refused(model):
    with pytest.raises(RefusedError, match=r"rows of 2 values; the model takes 38: amount, category"):
        predict(read_request(b"1,2", "text/csv"), model)


def test_columns_in_another_order_are_refused(model, rows):
    names = ",".join(reversed(INPUT.names))
    with pytest.raises(RefusedError, match="feature_names are not the model's"):
        predict(read_request(as_csv(rows), f"text/csv; feature-names={names}"), model)
    with pytest.raises(RefusedError, match="feature_names are not the model's"):
        predict(read_request(as_json(rows, feature_names=["amount"]), "application/json"), model)
    named = read_request(as_csv(rows), f"text/csv; feature-names={','.join(INPUT.names)}")
    assert len(predict(named, model)["scores"]) == len(rows)


def test_answers_as_csv_and_json(model, rows):
    prediction = predict(read_request(as_csv(rows[:3]), "text/csv"), model)
    text, kind = answer(model, as_csv(rows[:3]), "text/csv", "text/csv")
    assert kind == "text/csv"
    assert [float(line) for line in text.splitlines()] == prediction["scores"]
    text, kind = answer(model, as_csv(rows[:3]), "text/csv", "application/json")
    assert (kind, json.loads(text)) == ("application/json", prediction)


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("", "application/json"),
        (None, "application/json"),
        ("*/*", "application/json"),
        ("*", "application/json"),
        ("Application/JSON", "application/json"),
        ("text/html, application/json;q=0.9", "application/json"),
        ("text/csv, application/json", "text/csv"),
        ("application/json, text/csv", "application/json"),
        ("text/csv;q=0.5, application/json;q=0.4", "text/csv"),
        ("text/csv;q=0.4, application/json;q=0.5", "application/json"),
        ("text/csv; q=0, application/json", "application/json"),
        ("application/json;q=0, text/csv", "text/csv"),
        ("application/json;q=0, */*;q=0.1", "text/csv"),
        ("application/json;q=0.000, text/*;q=.1", "text/csv"),
        ("text/*;q=1.0, application/*;q=0.999", "text/csv"),
        ("*/*;q=0.1, text/csv;q=0.2", "text/csv"),
        ("text/csv;charset=utf-8;q=0.3,application/json;indent=2;Q=0.2", "text/csv"),
        ("text/csv;q=1,,", "text/csv"),
        ("text/html, image/gif, *; q=.2, */*; q=.2", "application/json"),
    ],
)
def test_the_caller_gets_what_it_would_rather_have(accept, kind):
    assert answer_type(accept) == kind


@pytest.mark.parametrize(
    "accept",
    [
        *(
            "image/png",
            "application/json;q=0",
            "*/*;q=0",
            "text/csv;q=0, application/json;q=0.0",
            "json",
            ",",
            ";",
            "text/",
        ),
        *(
            "application/json;q=2",
            "application/json;q=-1",
            "application/json;q=a",
            "application/json;q=",
            "text/csv;q=1_0",
        ),
        *("text/csv;q=\u0661", "text/csv;q=nan", "text/csv;q=1.5"),
    ],
)
def test_who_accepts_nothing_that_is_served_is_told(accept):
    with pytest.raises(RefusedError, match="accept") as refused:
        answer_type(accept)
    assert refused.value.status == 406


@pytest.mark.slow
def test_an_answer_that_the_service_would_not_bring_is_refused(model):
    rows = np.zeros((20_000, len(INPUT.names)), dtype=np.float32)
    with pytest.raises(RefusedError, match=r"an answer of \d+ bytes; allowed: 6291456; ask for fewer") as refused:
        answer(model, as_npy(rows), "application/x-npy; reasons=38", "application/json")
    assert refused.value.status == 400


def test_the_container_finds_its_two_functions_and_none_that_it_would_not_take_beside_them():
    """sagemaker_xgboost_container.serving: transform_fn together with input_fn, predict_fn or output_fn is an error."""
    found = {name for name in vars(inference) if name.endswith("_fn")}
    assert found == {"model_fn", "transform_fn"}


def test_a_manifest_of_other_trees_is_refused(tmp_path):
    write_model(tmp_path, feature_names=["amount"])
    with pytest.raises(ValueError, match="name different features"):
        model_fn(str(tmp_path))
