"""Serve the fraud model: script mode for the SageMaker XGBoost 3.2-0 container. Needs only xgboost, numpy and Python 3.10.

A request is rows of the model's vector: `text/csv` (a row a line, empty for missing), `application/x-npy` (a float32 array, NaN
for missing; a fifth of the others' cost), or `application/json` (null for missing):

    {"instances": [[12.5, null, ...], ...], "reasons": 3, "feature_names": [...]}

A number is written in ASCII digits, with a sign, a point and an exponent where it has them, as -12.5 or 1e-3; in CSV, spaces and
tabs may stand around it. Nothing else is a number: no `1_000`, no digits of another script, no `nan`, no `inf`, no `0x1p3`.
`reasons` (0 unless given) asks for each row's strongest features; `feature_names`, where given, must be the model's own. The
other types say so after themselves: `application/x-npy; reasons=3; feature-names=amount,category,...`.

Whoever does not know which features the model takes sends `application/x-named-npy`: a line of JSON, then a float32 array.

    {"feature_names": ["amount", "category", ...], "categories": {"category": ["travel", ...]}, "reasons": 3}

The line may say `exact_reasons` besides: how many rows get exact ones at most, for a caller that lets no payment wait.

The model takes its own features from it by name, and codes the categories as it learned them: the values of such a column are
places in the list that the line gives, NaN for missing. What the model takes and the line does not name is missing, and the
answer says so under `missing`. So a new model, and one from before, can be asked by the same caller.

The answer is one score a line where the caller would rather have `text/csv`, otherwise JSON:

    {"model_version": "...", "thresholds": {...}, "scores": [...], "reasons": [[["amount", 1.2], ...], ...], "missing": []}

A wrong request is answered with 400, 406 or 415 and `{"error": "..."}`, which repeats no value of the request's body.

A reason is a feature's contribution to the score's log-odds. Exact ones (TreeSHAP) cost 3 to 5 ms a row with 500 trees of depth
6; approximate ones (Saabas: along the row's own path) cost a seventieth of that, and 4 of 5 name the same features. So the rows
that a person will look at, from the review threshold up, get exact ones, at most EXACT_ROWS a request unless it says
how many; the rest approximate.
"""

from __future__ import annotations

import ast
import csv
import io
import json
import math
import os
import re
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xgboost as xgb

JSON, CSV, NPY, NAMED = "application/json", "text/csv", "application/x-npy", "application/x-named-npy"
MAX_ROWS = 20_000
"""A larger request is refused: the endpoint takes 6 MB."""
MAX_ANSWER_BYTES = 6_291_456
"""What InvokeEndpoint brings back (page API_runtime_InvokeEndpoint)."""
MAX_NPY_HEADER = 1_000
"""Bytes. numpy writes 118; the literal in it is parsed, so it must be small."""
MAX_HEAD = 1_000_000
"""Bytes of the line before a named array: names of features and categories."""
EXACT_ROWS = 8
"""Exact reasons a request at most, so that a burst of fraud cannot make payments wait, where the request does not say."""

# each part ends where the next begins, so that a long run of digits is read once
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_WEIGHT = re.compile(r"0(?:\.[0-9]*)?|1(?:\.0*)?|\.[0-9]+")
_BLANK = " \t"


class RefusedError(Exception):
    """The request is wrong in itself: the same one will be refused again.

    Attributes:
        status: 400 for the body, 406 for what the caller accepts, 415 for the body's type.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Model(NamedTuple):
    """The trees and their manifest."""

    booster: xgb.Booster
    manifest: dict[str, Any]

    @property
    def width(self) -> int:
        return len(self.manifest["feature_names"])


class Request(NamedTuple):
    """A request in the model's own columns.

    Attributes:
        rows: float32 (n, width); NaN is missing.
        reasons: how many are asked for.
        feature_names: of the columns, if given.
        exact: how many rows get exact reasons at most.
    """

    rows: np.ndarray
    reasons: int = 0
    feature_names: list[str] | None = None
    exact: int = EXACT_ROWS


class Named(NamedTuple):
    """A named array: rows of the caller's own columns.

    Attributes:
        rows: float32 (n, columns); NaN is missing.
        reasons: how many are asked for.
        feature_names: of the columns.
        categories: {feature: texts} of the columns that are no numbers: a value is a place among the texts.
        exact: how many rows get exact reasons at most.
    """

    rows: np.ndarray
    reasons: int
    feature_names: list[str]
    categories: dict[str, list[str]]
    exact: int = EXACT_ROWS


def model_fn(model_dir: str) -> Model:
    """The model in a folder that training wrote. The container calls it by this name.

    Raises:
        ValueError: the trees and the manifest do not belong together.
    """
    folder = Path(model_dir)
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    booster = xgb.Booster(model_file=os.fspath(folder / "model.ubj"))
    # More threads gain nothing at 100 rows, and the container runs a worker on each core.
    booster.set_param({"nthread": 1})
    if booster.feature_names != manifest["feature_names"]:
        raise ValueError(f"{folder}: model.ubj and manifest.json name different features")
    if isinstance(manifest["categories"], list):
        # as manifests held them before there was more than one feature of text
        manifest["categories"] = {"category": manifest["categories"]} if "category" in manifest["feature_names"] else {}
    model = Model(booster, manifest)
    # The first call sets things up inside the library; no payment should wait for that.
    predict(Request(np.full((1, model.width), np.nan, dtype=np.float32), reasons=1), model)
    return model


def transform_fn(model: Model, content: Any, content_type: str, accept: str) -> Any:
    """Answers a request. The container calls it by this name, and then must find no `input_fn`, `predict_fn` or `output_fn`.

    The container makes 500 of whatever a function of ours raises, its own UnsupportedFormatError included
    (sagemaker_containers 2.8.6, `_functions.error_wrapper`). A pair of text and type it answers with 200, and a response of its
    server's own as it is; so a refusal is returned as one.
    """
    try:
        return answer(model, content, content_type, accept)
    except RefusedError as refusal:
        from flask import Response  # noqa: PLC0415 - the container's server is Flask; whoever else asks the model has none

        return Response(json.dumps({"error": str(refusal)}), status=refusal.status, mimetype=JSON)


def answer(model: Model, content: bytes | str, content_type: str, accept: str) -> tuple[str, str]:
    """The answer's text and its type.

    Raises:
        RefusedError: the request is wrong.
    """
    kind = answer_type(accept)
    text = written(predict(read_request(content, content_type), model), kind)
    if len(text) > MAX_ANSWER_BYTES:
        raise RefusedError(
            400, f"an answer of {len(text)} bytes; allowed: {MAX_ANSWER_BYTES}; ask for fewer rows or reasons"
        )
    return text, kind


def read_request(content: bytes | str, content_type: str) -> Request | Named:
    """The request in a body. Of some types the container decodes the body itself, from UTF-8.

    Raises:
        RefusedError: of another type than those served, or not rows of numbers.

    >>> read_request(b"1.5,\\n2,3", "text/csv").rows.tolist()
    [[1.5, nan], [2.0, 3.0]]
    """
    kind, _, parameters = (content_type or "").partition(";")
    kind = kind.strip().lower()
    read = _READERS.get(kind)
    if read is None:
        raise RefusedError(415, f"content type {kind[:100]!r}; allowed: {', '.join(_READERS)}")
    body = content.encode(errors="replace") if isinstance(content, str) else bytes(content)
    try:
        request = read(body, _parameters(parameters))
    except (ValueError, RecursionError) as error:
        raise RefusedError(400, f"the body is not {kind} of numbers: {str(error)[:200]}") from error
    if not 1 <= len(request.rows) <= MAX_ROWS:
        raise RefusedError(400, f"{len(request.rows)} rows; allowed: 1 to {MAX_ROWS}")
    return request


def _parameters(text: str) -> dict[str, str]:
    """What stands after a content type, as `; reasons=3; charset="utf-8"`."""
    parameters: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in text.split(";"))):
        name, equals, value = part.partition("=")
        name = name.strip().lower()
        if not equals or name in parameters:
            raise ValueError(
                f"the content type's parameter {name[:50]!r} {'is given twice' if equals else 'has no value'}"
            )
        parameters[name] = value.strip().strip('"')
    return parameters


def _from_csv(body: bytes, parameters: dict[str, str]) -> Request:
    try:
        lines = list(csv.reader(io.StringIO(body.decode("utf-8-sig"), newline=""), strict=True))
    except csv.Error as error:
        raise ValueError(str(error)) from error
    while lines and "".join(lines[-1]).strip(_BLANK) == "" and len(lines[-1]) <= 1:
        lines.pop()
    # a line left out would move the scores of all that follow
    if (blank := next((number for number, line in enumerate(lines, 1) if not line), None)) is not None:
        raise ValueError(f"row {blank} is blank; a row has a cell for each feature, empty where it is missing")
    rows = [[_number(cell) for cell in line] for line in lines[: MAX_ROWS + 1]]
    return _with_parameters(_array(rows, "not a number, as -12.5 or 1e-3, or nothing where it is missing"), parameters)


def _number(cell: str) -> float | str:
    """The number in a cell, NaN if it is blank; the cell itself if it holds anything else."""
    text = cell.strip(_BLANK)
    if not text:
        return math.nan
    return float(text) if _NUMBER.fullmatch(text) else cell


def _from_npy(body: bytes, parameters: dict[str, str]) -> Request:
    # not numpy's own reader, which makes room for whatever size the header claims, and types that run code
    if body[:8] != b"\x93NUMPY\x01\x00":
        raise ValueError("not version 1.0 of the format")
    begin = 10 + int.from_bytes(body[8:10], "little")
    if not 10 <= begin <= min(len(body), MAX_NPY_HEADER):
        raise ValueError(f"the header is cut off, or longer than {MAX_NPY_HEADER} bytes")
    try:
        header = ast.literal_eval(body[10:begin].decode("ascii").strip())
        kind, by_columns, shape = header["descr"], header["fortran_order"], header["shape"]
        rows, columns = shape
    except Exception as error:  # whatever a parser of Python raises for noise; nothing of it was run
        raise ValueError(
            "the header is not a dictionary of descr, fortran_order and shape of two dimensions"
        ) from error
    if kind != "<f4" or by_columns is not False or not type(rows) is type(columns) is int or min(rows, columns) < 0:
        raise ValueError("not a float32 array ('<f4') of two dimensions, row by row")
    if 4 * rows * columns != len(body) - begin:
        raise ValueError("the shape is not the body's length")
    array = np.frombuffer(body, dtype="<f4", offset=begin).reshape(rows, columns)
    return _with_parameters(_finite(array), parameters)


def _from_named(body: bytes, parameters: dict[str, str]) -> Named:
    end = body.find(b"\n", 0, MAX_HEAD)
    if end < 0:
        raise ValueError(f"no line of JSON before the array, of at most {MAX_HEAD} bytes")
    head = json.loads(body[:end], object_pairs_hook=_each_once)
    if not isinstance(head, dict) or not _are_texts(head.get("feature_names")):
        raise ValueError("feature_names: not a list of different names")
    names, categories = head["feature_names"], head.get("categories")
    if not isinstance(categories, dict) or not all(_are_texts(texts) for texts in categories.values()):
        raise ValueError("categories: not an object of lists of different texts")
    request = _from_npy(body[end + 1 :], parameters)
    if request.rows.shape[1] != len(names):
        raise ValueError(f"rows of {request.rows.shape[1]} values; feature_names has {len(names)}")
    exact = _whole("exact_reasons", head.get("exact_reasons", EXACT_ROWS), MAX_ROWS)
    return Named(request.rows, _reasons(head.get("reasons", 0)), names, categories, exact)


def _are_texts(values: Any) -> bool:
    return isinstance(values, list) and all(type(value) is str for value in values) and len(set(values)) == len(values)


def _with_parameters(rows: np.ndarray, parameters: dict[str, str]) -> Request:
    names, reasons = parameters.get("feature-names"), parameters.get("reasons", "0")
    count = int(reasons) if re.fullmatch("[0-9]{1,3}", reasons) else None
    return Request(rows, _reasons(count), names.split(",") if names else None)


def _from_json(body: bytes, _: dict[str, str]) -> Request:
    text = body.removeprefix(b"\xef\xbb\xbf")
    document = json.loads(text, parse_constant=_not_a_number, object_pairs_hook=_each_once)
    if not isinstance(document, dict) or not isinstance(document.get("instances"), list):
        raise ValueError('no list under "instances"')
    rows = document["instances"]
    for number, row in enumerate(rows, 1):
        if type(row) is not list:
            raise ValueError(f"instance {number} is not a list")
    return Request(
        _array(rows, "neither a number nor null"), _reasons(document.get("reasons", 0)), document.get("feature_names")
    )


def _not_a_number(constant: str) -> None:
    raise ValueError(f"{constant}; missing is null")


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) < len(pairs):
        raise ValueError("a name is given twice")
    return document


_READERS: dict[str, Callable[[bytes, dict[str, str]], Request | Named]] = {
    CSV: _from_csv,
    JSON: _from_json,
    NPY: _from_npy,
    NAMED: _from_named,
}


def _reasons(count: Any) -> int:
    return _whole("reasons", count, 100)


def _whole(name: str, count: Any, most: int) -> int:
    if type(count) is not int or not 0 <= count <= most:
        raise ValueError(f"{name}: not a whole number from 0 to {most}")
    return count


def _array(rows: list[list[Any]], otherwise: str) -> np.ndarray:
    """float32 (n, width) of numbers; None is missing. `otherwise` says what any other value is."""
    if len({len(row) for row in rows}) > 1:
        raise ValueError("rows of different lengths")
    numbers = {float, int, type(None)}
    if not set(map(type, chain.from_iterable(rows))) <= numbers:
        row, column = next(
            (r, c) for r, row in enumerate(rows, 1) for c, x in enumerate(row, 1) if type(x) not in numbers
        )
        raise ValueError(f"row {row}, column {column}: {otherwise}")
    try:
        with np.errstate(over="ignore"):
            array = np.array(rows, dtype=np.float64).reshape(len(rows), len(rows[0]) if rows else 0).astype(np.float32)
    except OverflowError as error:
        raise ValueError("a number too large for a float") from error
    return _finite(array)


def _finite(rows: np.ndarray) -> np.ndarray:
    if np.isinf(rows).any():
        row, column = np.argwhere(np.isinf(rows))[0].tolist()
        raise ValueError(f"row {row + 1}, column {column + 1}: infinity, or a number too large for a float32")
    return rows


def predict(request: Request | Named, model: Model) -> dict[str, Any]:
    """The answer, ready for JSON: n scores (probabilities of fraud) and, where asked for, n lists of reasons.

    Raises:
        RefusedError: the rows are not the model's vector.
    """
    names = model.manifest["feature_names"]
    missing: list[str] = []
    if isinstance(request, Named):
        rows, missing = own_rows(request, model.manifest)
        request = Request(rows, request.reasons, exact=request.exact)
    if request.rows.shape[1] != model.width:
        raise RefusedError(
            400, f"rows of {request.rows.shape[1]} values; the model takes {model.width}: {', '.join(names)}"
        )
    if request.feature_names is not None and request.feature_names != names:
        raise RefusedError(400, f"feature_names are not the model's, in its order: {', '.join(names)}")
    scores = model.booster.inplace_predict(request.rows, validate_features=False)
    prediction = {
        "model_version": model.manifest["model_version"],
        # A threshold that nothing may reach is infinite, which JSON cannot say; no score reaches 2.
        "thresholds": {name: min(value, 2.0) for name, value in model.manifest["thresholds"].items()},
        "scores": scores.tolist(),
        "missing": missing,
    }
    if request.reasons:
        contributions = _contributions(request.rows, scores, model, request.exact)
        prediction["reasons"] = strongest(contributions, names, request.reasons)
    return prediction


def own_rows(request: Named, manifest: dict[str, Any]) -> tuple[np.ndarray, list[str]]:
    """The model's vector from the columns of a named array, float32 (n, width), and the features that were not given.

    >>> own = {"feature_names": ["category", "age"], "categories": {"category": ["home", "travel"]}}
    >>> given = Named(np.float32([[9, 0], [8, 1]]), 0, ["amount", "category"], {"category": ["travel", "new"]})
    >>> rows, missing = own_rows(given, own)
    >>> rows.tolist(), missing
    ([[1.0, nan], [nan, nan]], ['age'])
    """
    names, coded, given = manifest["feature_names"], manifest["categories"], request.categories
    # a text is no number, and a number no text
    places = {name: place for place, name in enumerate(request.feature_names) if (name in coded) == (name in given)}
    rows = np.full((len(request.rows), len(names)), np.nan, dtype=np.float32)
    for position, name in enumerate(names):
        if name in places:
            column = request.rows[:, places[name]]
            rows[:, position] = _coded(column, name, given[name], coded[name]) if name in coded else column
    return rows, [name for name in names if name not in places]


def _coded(column: np.ndarray, name: str, texts: list[str], known: list[str]) -> np.ndarray:
    codes = {text: code for code, text in enumerate(known)}
    lookup = np.array([codes.get(text, np.nan) for text in texts] + [np.nan], dtype=np.float32)
    none = np.isnan(column)
    if not (none | ((column >= 0) & (column < len(texts)) & (column == np.floor(column)))).all():
        raise RefusedError(400, f"{name}: not places in its list of {len(texts)} categories")
    return lookup[np.where(none, len(texts), column).astype(np.int64)]


def _contributions(rows: np.ndarray, scores: np.ndarray, model: Model, most: int) -> np.ndarray:
    """float32 (n, width): what each feature adds to each row's log-odds, exact of `most` rows at most."""
    looked_at = np.flatnonzero(scores >= model.manifest["thresholds"]["review"])
    exact = looked_at[np.argsort(-scores[looked_at], kind="stable")[:most]]
    contributions = np.empty(rows.shape, dtype=np.float32)
    if len(exact) < len(rows):
        contributions = _explain(rows, model, approximate=True)
    if len(exact):
        contributions[exact] = _explain(rows[exact], model, approximate=False)
    return contributions


def _explain(rows: np.ndarray, model: Model, *, approximate: bool) -> np.ndarray:
    matrix = xgb.DMatrix(
        rows,
        feature_names=model.manifest["feature_names"],
        feature_types=model.manifest["feature_types"],
        enable_categorical=True,
        nthread=1,
    )
    # the last column is the same for all rows: the base score
    return model.booster.predict(matrix, pred_contribs=True, approx_contribs=approximate)[:, :-1]


def strongest(contributions: np.ndarray, names: list[str], count: int) -> list[list[list[Any]]]:
    """Each row's `count` features of the largest contribution, whichever its sign, as [name, contribution].

    >>> strongest(np.array([[0.25, -2.0, 1.0]]), ["a", "b", "c"], 2)
    [[['b', -2.0], ['c', 1.0]]]
    """
    order = np.argsort(-np.abs(contributions), axis=1, kind="stable")[:, :count]
    values = np.take_along_axis(contributions, order, axis=1)
    return [
        [[names[column], value] for column, value in zip(columns, row, strict=True)]
        for columns, row in zip(order.tolist(), values.tolist(), strict=True)
    ]


def answer_type(accept: str) -> str:
    """The served type that the caller would rather have: of the greatest weight, then the one named first, then JSON.

    Raises:
        RefusedError: the caller accepts none of them.

    >>> answer_type("text/csv;q=0.5, application/json;q=0.4"), answer_type("application/json;q=0, */*")
    ('text/csv', 'text/csv')
    """
    if not (accept or "").strip():
        return JSON
    ranges = [_range(part) for part in accept.split(",") if part.strip()]
    offers = []
    for kind in (JSON, CSV):
        for pattern in (kind, kind.partition("/")[0] + "/*", "*/*"):  # the closest one decides
            at = next((at for at, (name, _) in enumerate(ranges) if name == pattern), None)
            if at is not None:
                offers.append((-ranges[at][1], at, kind))
                break
    best = min(offers, key=lambda offer: offer[:2], default=(0.0, 0, ""))
    if best[0] == 0:
        raise RefusedError(406, f"accept {accept[:100]!r}; served: {JSON}, {CSV}")
    return best[2]


def _range(text: str) -> tuple[str, float]:
    """A range of types and its weight, as `text/*;q=0.5`."""
    kind, *parameters = (part.strip().lower() for part in text.split(";"))
    weight = next(
        (value.strip() for name, _, value in (p.partition("=") for p in parameters) if name.strip() == "q"), "1"
    )
    if not _WEIGHT.fullmatch(weight):
        raise RefusedError(406, f"accept: the weight q={weight[:20]} is not a number from 0 to 1")
    return "*/*" if kind == "*" else kind, float(weight)


def written(prediction: dict[str, Any], kind: str) -> str:
    """The answer's text, in a type that `answer_type` chose."""
    if kind == CSV:
        return "".join(f"{score!r}\n" for score in prediction["scores"])
    return json.dumps(prediction, separators=(",", ":"))
