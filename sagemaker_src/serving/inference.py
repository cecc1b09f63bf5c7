"""Serve the fraud model: script mode for the SageMaker XGBoost 3.2-0 container. Needs only xgboost, numpy and Python 3.10.

A request is rows of the model's vector: `text/csv` (a row a line, empty for missing), `application/x-npy` (a float32 array, a
fifth of the others' cost), or `application/json`:

    {"instances": [[12.5, null, ...], ...], "reasons": 3, "feature_names": [...]}

`reasons` (0 unless given) asks for each row's strongest features; `feature_names`, where given, must be the model's own. The
other types say so after themselves: `application/x-npy; reasons=3; feature-names=amount,category,...`.
The answer is one score a line for `Accept: text/csv`, otherwise JSON:

    {"model_version": "...", "thresholds": {...}, "categories": [...], "scores": [...], "reasons": [[["amount", 1.2], ...], ...]}

A reason is a feature's contribution to the score's log-odds. Exact ones (TreeSHAP) cost 3 to 5 ms a row with 500 trees of depth
6; approximate ones (Saabas: along the row's own path) cost a seventieth of that, and 4 of 5 name the same features. So the rows
that a person will look at, from the review threshold up, get exact ones, at most EXACT_ROWS a request; the rest approximate.
"""

from __future__ import annotations

import csv
import io
import json
import math
import os
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import xgboost as xgb

if TYPE_CHECKING or not find_spec("sagemaker_inference"):

    class BaseInferenceToolkitError(Exception):
        """The container's error, where there is no container: it has the status to answer with."""

        def __init__(self, status_code: int, message: str, phrase: str) -> None:
            self.status_code, self.message, self.phrase = status_code, message, phrase
            super().__init__(message)

else:  # the container turns this error, and only this, into its status
    from sagemaker_inference.errors import BaseInferenceToolkitError


MAX_ROWS = 20_000
"""A larger request is refused: the endpoint takes 6 MB."""
EXACT_ROWS = 8
"""Exact reasons a request at most, so that a burst of fraud cannot make payments wait."""


class BadRequestError(BaseInferenceToolkitError):
    """The request's body breaks the contract (HTTP 400)."""

    def __init__(self, message: str) -> None:
        super().__init__(400, message, "Bad Request")


class UnsupportedTypeError(BaseInferenceToolkitError):
    """The request's or the answer's type is not served (HTTP 415 or 406)."""

    def __init__(self, status_code: int, message: str) -> None:
        super().__init__(status_code, message, {415: "Unsupported Media Type", 406: "Not Acceptable"}[status_code])


class Model(NamedTuple):
    """The trees and their manifest."""

    booster: xgb.Booster
    manifest: dict[str, Any]

    @property
    def width(self) -> int:
        return len(self.manifest["feature_names"])


class Request(NamedTuple):
    """float32 rows (n, width; NaN is missing), how many reasons are asked for, and the names of the columns, if given."""

    rows: np.ndarray
    reasons: int = 0
    feature_names: list[str] | None = None


def model_fn(model_dir: str) -> Model:
    """The model in a folder that training wrote.

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
    model = Model(booster, manifest)
    # The first call sets things up inside the library; no payment should wait for that.
    predict_fn(Request(np.full((1, model.width), np.nan, dtype=np.float32), reasons=1), model)
    return model


def input_fn(request_body: Any, content_type: str) -> Request:
    """The request in a body, bytes or text.

    Raises:
        UnsupportedTypeError: of another type than text/csv and application/json.
        BadRequestError: not rows of numbers.

    >>> input_fn(b"1.5,\\n2,3", "text/csv").rows.tolist()
    [[1.5, nan], [2.0, 3.0]]
    """
    kind, *parameters = [part.strip() for part in (content_type or "").split(";")]
    kind = kind.lower()
    read = _READERS.get(kind)
    if read is None:
        raise UnsupportedTypeError(415, f"content type {kind!r}; allowed: {', '.join(_READERS)}")
    body = request_body.encode() if isinstance(request_body, str) else bytes(request_body)
    try:
        request = read(body, dict(parameter.split("=", 1) for parameter in parameters))
    except (ValueError, RecursionError) as error:
        raise BadRequestError(f"the body is not {kind} of numbers: {str(error)[:200]}") from error
    if not 1 <= len(request.rows) <= MAX_ROWS:
        raise BadRequestError(f"{len(request.rows)} rows; allowed: 1 to {MAX_ROWS}")
    return request


def _from_csv(body: bytes, parameters: dict[str, str]) -> Request:
    lines = [line for line in body.decode("utf-8").splitlines() if line]
    rows = [[float(cell) if cell.strip() else math.nan for cell in row] for row in csv.reader(lines)]
    return _with_parameters(_array(rows), parameters)


def _from_npy(body: bytes, parameters: dict[str, str]) -> Request:
    # not np.load, which makes room for whatever size the header claims
    stream = io.BytesIO(body)
    if np.lib.format.read_magic(stream) != (1, 0):
        raise ValueError("not version 1.0 of the format")
    shape, by_columns, dtype = np.lib.format.read_array_header_1_0(stream)
    if dtype != np.dtype("<f4") or by_columns or len(shape) != 2:
        raise ValueError("not a float32 array of two dimensions, row by row")
    if 4 * math.prod(shape) != len(body) - stream.tell():
        raise ValueError(f"shape {shape} is not the body's length")
    rows = np.frombuffer(body, dtype=np.float32, offset=stream.tell()).reshape(shape)
    return _with_parameters(_finite(rows), parameters)


def _with_parameters(rows: np.ndarray, parameters: dict[str, str]) -> Request:
    names = parameters.get("feature-names")
    reasons = parameters.get("reasons", "0")
    return Request(
        rows, _reasons(int(reasons) if reasons.isdecimal() else reasons), names.split(",") if names else None
    )


def _from_json(body_bytes: bytes, _: dict[str, str]) -> Request:
    body = json.loads(body_bytes, parse_constant=_not_a_number)
    if not isinstance(body, dict) or not isinstance(body.get("instances"), list):
        raise ValueError('no list under "instances"')
    rows = body["instances"]
    if not all(type(row) is list for row in rows):
        raise ValueError("an instance is not a list")
    if not set(map(type, chain.from_iterable(rows))) <= {float, int, type(None)}:
        raise ValueError("a value is neither a number nor null")
    return Request(_array(rows), _reasons(body.get("reasons", 0)), body.get("feature_names"))


_READERS = {"text/csv": _from_csv, "application/json": _from_json, "application/x-npy": _from_npy}


def _reasons(count: Any) -> int:
    if type(count) is not int or not 0 <= count <= 100:
        raise ValueError(f"reasons: {count!r}; allowed: a whole number, 0 to 100")
    return count


def _array(rows: list[list[Any]]) -> np.ndarray:
    if len({len(row) for row in rows}) > 1:
        raise ValueError("rows of different lengths")
    try:
        with np.errstate(over="ignore"):
            array = np.array(rows, dtype=np.float64).reshape(len(rows), len(rows[0]) if rows else 0).astype(np.float32)
    except OverflowError as error:
        raise ValueError("a number too large for a float") from error
    return _finite(array)


def _finite(rows: np.ndarray) -> np.ndarray:
    if np.isinf(rows).any():
        raise ValueError("infinity; missing is empty, null or NaN")
    return rows


def _not_a_number(constant: str) -> None:
    raise ValueError(f"{constant}; missing is null")


def predict_fn(request: Request, model: Model) -> dict[str, Any]:
    """The answer, ready for JSON: n scores (probabilities of fraud) and, where asked for, n lists of reasons.

    Raises:
        BadRequestError: the rows are not the model's vector.
    """
    names = model.manifest["feature_names"]
    if request.rows.shape[1] != model.width:
        raise BadRequestError(
            f"rows of {request.rows.shape[1]} values; the model takes {model.width}: {', '.join(names)}"
        )
    if request.feature_names is not None and request.feature_names != names:
        raise BadRequestError(f"feature_names are not the model's, in its order: {', '.join(names)}")
    scores = model.booster.inplace_predict(request.rows, validate_features=False)
    answer = {
        "model_version": model.manifest["model_version"],
        # A threshold that nothing may reach is infinite, which JSON cannot say; no score reaches 2.
        "thresholds": {name: min(value, 2.0) for name, value in model.manifest["thresholds"].items()},
        "categories": model.manifest["categories"],
        "scores": scores.tolist(),
    }
    if request.reasons:
        contributions = _contributions(request.rows, scores, model)
        answer["reasons"] = strongest(contributions, names, request.reasons)
    return answer


def _contributions(rows: np.ndarray, scores: np.ndarray, model: Model) -> np.ndarray:
    """float32 (n, width): what each feature adds to each row's log-odds."""
    looked_at = np.flatnonzero(scores >= model.manifest["thresholds"]["review"])
    exact = looked_at[np.argsort(-scores[looked_at], kind="stable")[:EXACT_ROWS]]
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


def output_fn(prediction: dict[str, Any], accept: str) -> tuple[str, str]:
    """The answer's text and its type.

    Raises:
        UnsupportedTypeError: the caller accepts neither JSON nor CSV.
    """
    kinds = [part.partition(";")[0].strip().lower() for part in (accept or "*/*").split(",")]
    for kind in kinds:
        if kind in ("application/json", "application/*", "*/*"):
            return json.dumps(prediction, separators=(",", ":")), "application/json"
        if kind in ("text/csv", "text/*"):
            return "".join(f"{score!r}\n" for score in prediction["scores"]), "text/csv"
    raise UnsupportedTypeError(406, f"accept {accept!r}; served: application/json, text/csv")
