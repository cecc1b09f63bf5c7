"""A past period decided otherwise: by another model or by other thresholds, on what each decision was made on.

Each decision holds its features, so that what decides otherwise sees what was known then, and nothing of later. Where the model
could not be asked then, it could not have been asked by another name: what the fallback rule decided stands. Who was of the
control group then is of it again, where what decides otherwise would block the payment, too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from fraud.answers import checked
from fraud.clock import day_of
from fraud.deciding import NIGHTLY_NAMES
from fraud.decision import Decision, Outcome, Thresholds
from fraud.feature_record import STREAM_NAMES
from fraud.ports import Scorer
from fraud.vector import CATEGORY_FEATURES, INPUT_COLUMNS, Columns, given_input, model_vector, uncomputed
from fraud.what_if import Cell, Comparison, Kind, kind_of
from lambda_src.batches import batches
from local.decided_again import read_by
from local.deciding_ports import ModelScorer

_TOGETHER = 2_000
_OF_TEXT = frozenset(CATEGORY_FEATURES)
_NUMBERS = tuple(name for name in INPUT_COLUMNS if name not in _OF_TEXT and name not in ("amount_cents", "event_ms"))
_ALWAYS = frozenset((*STREAM_NAMES, *NIGHTLY_NAMES))
"""What every decision by a model holds, be it as missing: another one may be of a field that the transaction has not."""


class WrongThresholdsError(ValueError):
    """Thresholds that cannot be together: the text says which, and what is allowed."""


def held_together(review: float, block: float, whose: str = "") -> Thresholds:
    """Both, if they go together.

    Raises:
        WrongThresholdsError: nothing could be reviewed.
    """
    if block < review:
        raise WrongThresholdsError(
            f"the block threshold {block:g} is below the review threshold {review:g}{whose}; allowed: review <= block"
        )
    return Thresholds(review=review, block=block)


class Changed(NamedTuple):
    """A payment that would have another outcome.

    Attributes:
        transaction_id, trans_time, amount_cents: as its decision has them.
        kind: what it counts as.
        recorded, otherwise: the outcomes.
        score, other_score: the model's scores; the same where thresholds alone are others.
    """

    transaction_id: str
    trans_time: int
    amount_cents: int
    kind: Kind
    recorded: Outcome
    otherwise: Outcome
    score: float | None
    other_score: float | None


@dataclass
class WhatIf:
    """What became of a period.

    Attributes:
        comparison: all payments.
        changed: those with another outcome, in the order of time.
        by_rule: how many the fallback rule decided: their outcome stands.
        models: {version: decisions that it made}.
        lacks: {feature: decisions without it}: what the other model reads, and was declared after those decisions. Missing to it.
        would_block: {what they count as: the payments that what decides otherwise would block by the score}, those of the
            control group among them: what such a group is drawn of.
        let_through: how many of those are of the control group.
        reviews: {day: (reviews as it was, as it would have been)}.
        uncomputed: what it takes and nothing here computes: missing to it.
    """

    comparison: Comparison = field(default_factory=Comparison)
    changed: list[Changed] = field(default_factory=list)
    by_rule: int = 0
    models: Counter[str] = field(default_factory=Counter)
    lacks: Counter[str] = field(default_factory=Counter)
    would_block: dict[Kind, Cell] = field(default_factory=dict)
    let_through: int = 0
    reviews: dict[str, tuple[int, int]] = field(default_factory=dict)
    uncomputed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Otherwise:
    """What decides instead.

    Attributes:
        model: another model; None: each score as it was recorded.
        thresholds_of: the thresholds of a model by its version, as its evaluation chose them; asked once a version.
        review, block: thresholds in their place; None: the model's.
    """

    model: ModelScorer | None
    thresholds_of: Callable[[str], Thresholds]
    review: float | None = None
    block: float | None = None

    def thresholds(self, version: str) -> Thresholds:
        """What a model's scores are held to.

        Raises:
            WrongThresholdsError: one that is given does not go with the model's own other one.
            GoneError: the model's own are not known any more.
        """
        review, block = self.review, self.block
        if review is None or block is None:
            own = self.thresholds_of(version) if self.model is None else self.model.thresholds
            review, block = (own.review if review is None else review), (own.block if block is None else block)
        whose = "" if self.review is not None and self.block is not None else f" (model {version})"
        return held_together(review, block, whose)


def what_if(days: Iterable[Sequence[Decision]], labels: Mapping[str, bool], otherwise: Otherwise) -> WhatIf:
    """Decides a period's payments otherwise.

    Args:
        days: the decisions, a part at a time.
        labels: {transaction_id: whether it is fraud}, as far as that is known.
        otherwise: by what.

    Raises:
        WrongThresholdsError, GoneError: as `Otherwise.thresholds` does.
        ScorerUnavailableError: the other model's answer is none.
    """
    model = otherwise.model
    found = WhatIf(uncomputed=() if model is None else uncomputed(model.input))
    reads = frozenset() if model is None else read_by(model.takes) & _ALWAYS
    thresholds = cache(otherwise.thresholds)
    for day in days:
        for batch in batches(day, _TOGETHER):
            _decide(batch, labels, model, thresholds, reads, found)
    return found


def _decide(
    batch: Sequence[Decision],
    labels: Mapping[str, bool],
    model: ModelScorer | None,
    thresholds: Callable[[str], Thresholds],
    reads: frozenset[str],
    found: WhatIf,
) -> None:
    by_model = [one for one in batch if one.path == "model" and one.score is not None]
    scores = dict(zip((one.transaction_id for one in by_model), _scores(by_model, model), strict=True))
    for one in batch:
        outcome, score, kind = one.outcome, scores.get(one.transaction_id), kind_of(labels.get(one.transaction_id))
        if score is None:
            found.by_rule += 1
        else:
            version = one.model_version or ""
            found.models[version] += 1
            outcome = thresholds(version if model is None else model.version).outcome(score)
            found.lacks.update(reads - one.features.keys())
            if outcome == "block":
                there = found.would_block.get(kind, Cell())
                found.would_block[kind] = Cell(there.payments + 1, there.cents + one.amount_cents)
                found.let_through += one.control_group
                outcome = "approve" if one.control_group else outcome
        found.comparison.add(one.outcome, outcome, kind, one.amount_cents)
        day = day_of(one.trans_time)
        were, would = found.reviews.get(day, (0, 0))
        found.reviews[day] = were + (one.outcome == "review"), would + (outcome == "review")
        if outcome != one.outcome:
            times = one.transaction_id, one.trans_time, one.amount_cents
            found.changed.append(Changed(*times, kind, one.outcome, outcome, one.score, score))


def _scores(decisions: Sequence[Decision], model: Scorer | None) -> list[float]:
    """The scores of decisions by another model, or as they are."""
    if model is None or not decisions:
        return [one.score for one in decisions if one.score is not None]
    columns = recorded_columns(decisions)
    given = given_input(columns)
    vectors = model_vector(columns, given)
    answer = model.score(vectors, given, 0)._replace(reasons=[()] * len(vectors))  # none were asked for
    return list(checked(answer, given, len(vectors)).scores)


def recorded_columns(decisions: Sequence[Decision]) -> Columns:
    """What `model_vector` reads, from the features that decisions were made on; what one does not hold is missing."""
    return {
        "amount_cents": np.array([one.amount_cents for one in decisions], dtype=np.int64),
        "event_ms": np.array([one.trans_time for one in decisions], dtype=np.int64),
        **{name: [_text(one.features.get(name)) for one in decisions] for name in CATEGORY_FEATURES},
        **{
            name: np.array([_number(one.features.get(name)) for one in decisions], dtype=np.float64)
            for name in _NUMBERS
        },
    }


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else float("nan")
