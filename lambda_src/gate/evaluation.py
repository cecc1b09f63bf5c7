"""A model's evaluation, as `sagemaker_src/training/evaluate_model.py` writes it, parsed."""

from __future__ import annotations

import json
from typing import NamedTuple

from fraud.promotion import COMPARED, Change, Metrics


class EvaluationError(ValueError):
    """What is no evaluation: names the field, and what is allowed."""


class Evaluation(NamedTuple):
    """What the gate needs of an evaluation.

    Attributes:
        model_version: of the candidate.
        metrics: the candidate's.
        champion: the champion's on the same rows; None if it was not evaluated beside.
        changes: of the segments from the champion to the candidate; none if it was not evaluated beside.
    """

    model_version: str
    metrics: Metrics
    champion: Metrics | None
    changes: tuple[Change, ...] = ()


def parse_evaluation(text: bytes) -> Evaluation:
    """The evaluation in a file.

    Raises:
        EvaluationError: it is none.

    >>> parse_evaluation(b'{"model_version": "v1", "metrics": {"rows": 9}}')
    Traceback (most recent call last):
    ...
    lambda_src.gate.evaluation.EvaluationError: metrics: frauds: missing or no number; allowed: a whole number from 0
    """
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise EvaluationError(f"not JSON: {error}") from error
    match fields:
        case {"model_version": str(version), "metrics": dict(metrics)}:
            candidate = _metrics(metrics, "metrics", counted=True)
            return Evaluation(version, candidate, _champion(fields.get("champion")), _changes(fields.get("difference")))
    raise EvaluationError("model_version or metrics: missing; allowed: an evaluation.json")


def _champion(beside: object) -> Metrics | None:
    match beside:
        case None:
            return None
        case {"metrics": dict(metrics)}:
            return _metrics(metrics, "champion: metrics", counted=False)
    raise EvaluationError("champion: allowed: null, or an object with metrics")


def _changes(difference: object) -> tuple[Change, ...]:
    match difference:
        case None:
            return ()
        case {"segments": list(found)}:
            return tuple(_change(each) for each in found)
    raise EvaluationError("difference: allowed: null, or an object with segments")


def _change(fields: object) -> Change:
    match fields:
        case {
            "segment": str(segment), "group": str(group), "frauds": int(frauds),
            "value": float() | int() | None as value, "low": float() | int() | None as low,
            "high": float() | int() | None as high,
        }:  # fmt: skip
            return Change(f"{segment} {group}", frauds, value, low, high)
    raise EvaluationError("difference: segments: allowed: objects with segment, group, frauds, value, low and high")


def _metrics(fields: dict[str, object], place: str, *, counted: bool) -> Metrics:
    found: dict[str, float | None] = {}
    for name in ("rows", "frauds") if counted else ():
        value = fields.get(name)
        if type(value) is not int or value < 0:
            raise EvaluationError(f"{place}: {name}: missing or no number; allowed: a whole number from 0")
        found[name] = value
    for name in COMPARED:
        value = fields.get(name)
        if value is not None and not isinstance(value, int | float):
            raise EvaluationError(f"{place}: {name}: no number; allowed: a number, or null where there is none")
        found[name] = value
    return found
