"""What becomes of a model's answer: held to what was asked, and its reasons as a decision carries them.

The deciding step and the scoring of files read an answer by this alone, so one model says the same to both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite, isnan, nan

from fraud.decision import Reason
from fraud.model_input import ModelInput
from fraud.ports import ScorerUnavailableError, Scores
from fraud.vector import CATEGORY_FEATURES

REASONS = 3
"""A decision carries this many reasons."""
VERSION_CHARACTERS = 256
"""Of a model's version: as many as the model registry keeps."""


def checked(answer: Scores, given: ModelInput, n: int) -> Scores:
    """The answer, if it is one to n vectors of what was given.

    Raises:
        ScorerUnavailableError: it is none: says what is wrong with it.
    """
    if len(answer.scores) != n or len(answer.reasons) != n:
        counts = f"{len(answer.scores)} scores and {len(answer.reasons)} reasons"
        raise ScorerUnavailableError(f"the model answered {counts} to {n} transactions")
    unknown = {name for row in answer.reasons for name, _ in row} - {*given.names, *answer.missing}
    if unknown:
        raise ScorerUnavailableError(f"the model gave reasons that are no features: {', '.join(sorted(unknown))}")
    if len(answer.model_version) > VERSION_CHARACTERS:
        problem = f"a version of {len(answer.model_version)} characters"
        raise ScorerUnavailableError(f"the model answered {problem}; allowed: at most {VERSION_CHARACTERS}")
    for name, contribution in (each for row in answer.reasons for each in row):
        if not isfinite(contribution):
            raise ScorerUnavailableError(f"the model answered a contribution of {contribution} of {name}")
    for score in answer.scores:
        if not (isinstance(score, float) and 0 <= score <= 1):
            raise ScorerUnavailableError(f"the model answered a score of {score!r}; allowed: a probability, 0 to 1")
    return answer


def reasons_of(
    contributions: Sequence[tuple[str, float]],
    vector: Sequence[float],
    positions: Mapping[str, int],
    stated: Mapping[str, float | str | None],
) -> tuple[Reason, ...]:
    """The reasons of one decision, each with its feature's value.

    Args:
        contributions: (feature, contribution) each, the strongest first.
        vector: what the model was given.
        positions: {feature: its place in the vector}.
        stated: {feature: value} of those that are text.
    """
    reasons = []
    for name, contribution in contributions:
        if name in CATEGORY_FEATURES:
            shown = stated.get(name)
        else:
            value = vector[positions[name]] if name in positions else nan
            shown = None if isnan(value) else value
        reasons.append(Reason(name, shown, contribution))
    return tuple(reasons)
