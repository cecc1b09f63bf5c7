"""What an endpoint's variants were asked and answered, read from the files that SageMaker's data capture writes."""

from __future__ import annotations

import base64
import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from sagemaker_src.serving.inference import JSON, Named, RefusedError, read_request

AMOUNT = "amount"
"""The column of a request that holds what is paid."""


class CapturedError(ValueError):
    """A line is no captured request with its answer: says what it lacks, and repeats none of its values."""


class Answer(NamedTuple):
    """A variant's answer to a request of n rows.

    Attributes:
        request: the request's fingerprint. A model's answer depends on nothing but the request, so two answers to equal
            requests may be compared, whichever of several equal ones they were given to.
        model_version: of the model that answered.
        scores: float64 (n,), probabilities of fraud.
        review, block: the scores from which a transaction is reviewed or blocked.
        amounts: float64 (n,), what is paid; NaN where the request does not say.
    """

    request: bytes
    model_version: str
    scores: np.ndarray
    review: float
    block: float
    amounts: np.ndarray

    @property
    def outcomes(self) -> np.ndarray:
        """int8 (n,): 0 approved, 1 reviewed, 2 blocked; as `fraud.decision.Thresholds.outcome` has it."""
        return np.where(self.scores >= self.block, 2, self.scores >= self.review).astype(np.int8)


def read_captured(folder: Path, variant: str, counted: Counter[str]) -> Iterator[Answer]:
    """A variant's captured answers.

    Page *model-monitor-data-capture-endpoint*: JSON lines, below the endpoint's name, the variant's, and year/month/day/hour.

    Args:
        folder: what the capture's destination holds.
        variant: its name.
        counted: gets `captured`, the lines, and `unreadable`, those that are skipped.
    """
    for file in sorted(folder.glob(f"*/{variant}/**/*.jsonl")):
        with file.open("rb") as lines:
            for line in lines:
                counted["captured"] += 1
                try:
                    answer = read_line(line)
                except CapturedError:
                    counted["unreadable"] += 1
                else:
                    yield answer


def read_line(line: bytes) -> Answer:
    """The request and the answer of a line.

    Raises:
        CapturedError: it holds none, or not those of this product's model.
    """
    try:
        data = json.loads(line)["captureData"]
        asked, answered = data["endpointInput"], data["endpointOutput"]
        body, kind = _content(asked), asked["observedContentType"]
        answer = json.loads(_content(answered))
        if answered["observedContentType"].partition(";")[0].strip() != JSON:
            raise CapturedError(f"the answer is no {JSON}")
        scores = np.array(answer["scores"], dtype=np.float64)
        version, thresholds = answer["model_version"], answer["thresholds"]
        review, block = float(thresholds["review"]), float(thresholds["block"])
        request = read_request(body, kind)
    except RefusedError as error:
        raise CapturedError("the request is none that the model takes") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CapturedError(f"no captured request with its answer: {type(error).__name__}") from error
    if scores.shape != (len(request.rows),) or not np.isfinite(scores).all() or not isinstance(version, str):
        raise CapturedError("not one score for each row of the request")
    return Answer(hashlib.sha256(body).digest(), version, scores, review, block, _amounts(request))


def _content(part: dict[str, Any]) -> bytes:
    """The bytes of a request or an answer: those of a type that the capture was told of are text, the others BASE64."""
    if part["encoding"] == "BASE64":
        return base64.b64decode(part["data"], validate=True)
    return str(part["data"]).encode()


def _amounts(request: Any) -> np.ndarray:
    if isinstance(request, Named) and AMOUNT in request.feature_names and AMOUNT not in request.categories:
        return request.rows[:, request.feature_names.index(AMOUNT)].astype(np.float64)
    return np.full(len(request.rows), np.nan)
