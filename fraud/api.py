"""The scoring API's answers, and what it takes beside a transaction and a label.

`fraud.api_document` writes the OpenAPI document from these models, `lambda_src.api` answers by them, and the gateway's own
validation is made of them: each is declared here once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from fraud.decision import Decision, Outcome, Path
from fraud.durations import MS_PER_HOUR
from fraud.features.groups import event_time
from fraud.label import Label, Source
from fraud.transaction import format_event_time

TOGETHER = 100
"""Transactions or labels of one request, at most."""
AGE = "windows_age_s"
"""Among a decision's features: how old the card's windows were in the store. Only the API's decisions have it; missing: the card
had none."""
SLID = "windows_slid"
"""Among a decision's features: which windows may have slid (`fraud.stored_windows`), as `1h 1d`; missing: none."""

Door = Literal["api", "stream"]


class Answer(BaseModel):
    """Of every answer."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ReasonAnswer(Answer):
    """One reason of a decision."""

    feature: str = Field(description="the feature's name")
    value: float | str | None = Field(description="its value; null is missing")
    contribution: float | None = Field(description="what it adds to the score's log-odds; null in a fallback")
    says: str = Field(description="the reason as an analyst reads it")


class FeaturesAnswer(Answer):
    """How old the features were that a decision was made on."""

    windows_age_s: float | None = Field(
        description="seconds from the card's last stored transaction to this one; 0 in the stream; null: none was stored"
    )
    windows_slid: list[str] = Field(
        description="windows that may hold transactions that had left them: the store cannot know"
    )
    nightly_age_h: float | None = Field(
        description="hours from the nightly features' cut to the transaction; null: none"
    )


class DecisionAnswer(Answer):
    """A decision. Of a repeated request it is the first one's."""

    transaction_id: str
    outcome: Outcome
    path: Path = Field(description="what decided: the model, or the fallback rule where it could not be asked")
    door: Door = Field(description="which way the transaction came that was decided first")
    score: float | None = Field(description="probability of fraud; null in a fallback")
    model_version: str | None
    reasons: list[ReasonAnswer] = Field(description="the strongest first")
    features: FeaturesAnswer
    decided_at: str = Field(description="UTC, as 2026-01-31T12:00:00.000Z")
    why: str | None = Field(description="why the fallback rule decided")
    warning: str | None
    control_group: bool = Field(
        description="whether it would be blocked by its score, and was approved as one of the control group"
    )


class LabelAnswer(Answer):
    """A label of a transaction."""

    is_fraud: bool
    source: Source
    reported_by: str
    known_at: str = Field(description="UTC, as 2026-01-31T12:00:00.000Z")


class RecordedAnswer(DecisionAnswer):
    """A decision that was asked for, and what became known of its transaction since."""

    labels: list[LabelAnswer] = Field(
        description=f"the newest {TOGETHER}, in the order in which they became known: the last one counts"
    )


class ErrorDetail(Answer):
    """What is wrong."""

    field: str = Field(description="the field, or `message` or `request` for the whole")
    problem: str
    allowed: str


class ErrorAnswer(Answer):
    """Why there is no answer of another kind."""

    error: ErrorDetail


class BatchElement(Answer):
    """What became of one transaction of a batch: a decision, or an error."""

    status: Literal[200, 400, 409, 503] = Field(
        description="what the same transaction alone would have been answered with"
    )
    decision: DecisionAnswer | None = None
    error: ErrorDetail | None = None


class BatchAnswer(Answer):
    """What became of each transaction, in the order of the request."""

    results: list[BatchElement]


class LabelElement(Answer):
    """What became of one label."""

    status: Literal[202, 400, 503]
    error: ErrorDetail | None = None


class LabelsAnswer(Answer):
    """What became of each label, in the order of the request. An accepted one is on its way to the table of labels."""

    accepted: Annotated[int, Field(ge=0)]
    results: list[LabelElement]


class HealthAnswer(Answer):
    """The function answers; nothing behind it was asked."""

    status: Literal["ok"]


def recorded_answer(decision: Decision, labels: Sequence[Label]) -> RecordedAnswer:
    """A decision with its transaction's labels, in order."""
    told = [
        LabelAnswer(
            is_fraud=one.is_fraud,
            source=one.source,
            reported_by=one.reported_by,
            known_at=format_event_time(one.known_at),
        )
        for one in labels
    ]
    return RecordedAnswer(**dict(answer_of(decision)), labels=told)


def answer_of(decision: Decision) -> DecisionAnswer:
    """A decision as the API tells it: the same for the same decision, whenever and by whomever it is asked for.

    >>> decision = Decision(transaction_id="t1", cc_num="0" * 32, amount_cents=1250, trans_time=0, decided_at=9,
    ...     outcome="approve", path="model", score=0.1, model_version="v1", features={"amount": 12.5})
    >>> answer_of(decision).door
    'stream'
    """
    by_api = AGE in decision.features
    age, slid, cut = decision.features.get(AGE), decision.features.get(SLID), decision.nightly_cut
    return DecisionAnswer(
        transaction_id=decision.transaction_id,
        outcome=decision.outcome,
        path=decision.path,
        door="api" if by_api else "stream",
        score=decision.score,
        model_version=decision.model_version,
        reasons=[
            ReasonAnswer(feature=one.feature, value=one.value, contribution=one.contribution, says=one.text)
            for one in decision.reasons
        ],
        features=FeaturesAnswer(
            windows_age_s=(age if isinstance(age, int | float) else None) if by_api else 0.0,
            windows_slid=slid.split() if isinstance(slid, str) else [],
            nightly_age_h=None if cut is None else (decision.trans_time - cut) / MS_PER_HOUR,
        ),
        decided_at=event_time(decision.decided_at),
        why=decision.why,
        warning=decision.warning,
        control_group=decision.control_group,
    )
