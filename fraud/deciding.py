"""The use case: messages of the topic `features` in, one recorded decision a transaction out.

The ports are what it needs of the world; `local` and the functions in the cloud each bring their own.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import isnan
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from fraud.decision import Decision, FallbackRule, Thresholds, reasons_of
from fraud.feature_record import STREAM_NAMES, FeatureRecord, parse_feature_record
from fraud.features.nightly import CardRecord, PopulationRecord, nightly_columns
from fraud.transaction import InvalidTransactionError, Transaction
from fraud.vector import FEATURE_NAMES, model_vector

REASONS = 3
"""A decision carries this many reasons."""


class NightlyUnavailableError(Exception):
    """The nightly features could not be read, retries included."""


class ScorerUnavailableError(Exception):
    """The model could not be asked, retries included, or its answer makes no sense."""


class Nightly(NamedTuple):
    """What the nightly store knows of some cards: their records, and every category's."""

    cards: Mapping[str, CardRecord]
    population: Mapping[str, PopulationRecord]


class NightlyStore(Protocol):
    """Where the nightly job leaves its features."""

    def read(self, cards: Collection[str]) -> Nightly:
        """The records of the cards that it knows, in one call. Raises NightlyUnavailableError."""
        ...


class Scores(NamedTuple):
    """A model's answer about n vectors.

    Attributes:
        scores: n probabilities of fraud.
        reasons: n lists of (feature, contribution to the log-odds), the strongest first.
        model_version: the model that answered.
        thresholds: those that its evaluation chose.
        categories: the categories it knows, in the order of their codes.
    """

    scores: Sequence[float]
    reasons: Sequence[Sequence[tuple[str, float]]]
    model_version: str
    thresholds: Thresholds
    categories: tuple[str, ...]


class Scorer(Protocol):
    """The model behind its endpoint."""

    def score(self, vectors: NDArray[np.float32], reasons: int) -> Scores:
        """The scores of n vectors of FEATURE_NAMES, in one call. Raises ScorerUnavailableError."""
        ...


class DecisionStore(Protocol):
    """Where decisions are kept, one a transaction."""

    def record(self, decisions: Sequence[Decision]) -> list[Decision]:
        """Records each decision whose transaction has none yet; all or none of them.

        Returns:
            The decision that stands for each transaction, in order: the given one, or the one it already had.
        """
        ...

    def decided(self, transaction_ids: Collection[str]) -> set[str]:
        """Those of the transactions that have a decision."""
        ...


class Rejected(NamedTuple):
    """A message that breaks the contract: its place in the batch, and what is wrong with it."""

    position: int
    error: InvalidTransactionError


class Batch(NamedTuple):
    """What became of a batch: the decisions that stand, and the messages that broke the contract."""

    decisions: list[Decision]
    rejected: list[Rejected]


def now_ms() -> int:
    """The wall clock in milliseconds since 1970 in UTC."""
    return time.time_ns() // 1_000_000


@dataclass(kw_only=True)
class Deciding:
    """Decides batches.

    Attributes:
        nightly, scorer, store: the ports.
        fallback: what decides when the model cannot be asked.
        nightly_too_old_after_ms: nightly features further than this before the transaction are still used, with a warning.
        clock: gives `decided_at`.
    """

    nightly: NightlyStore
    scorer: Scorer
    store: DecisionStore
    fallback: FallbackRule = field(default_factory=FallbackRule)
    nightly_too_old_after_ms: int = 48 * 3_600_000
    clock: Callable[[], int] = now_ms
    _categories: tuple[str, ...] = ()

    def decide_batch(self, messages: Sequence[bytes]) -> Batch:
        """Decides and records every sound message; a transaction that already has a decision keeps it.

        Args:
            messages: values of the topic `features`.

        Raises:
            Whatever the decision store raises: nothing is recorded then, and the batch can be given again.
        """
        records: dict[str, FeatureRecord] = {}
        rejected = []
        for position, message in enumerate(messages):
            try:
                record = parse_feature_record(message)
            except InvalidTransactionError as error:
                rejected.append(Rejected(position, error))
            else:
                records.setdefault(record["transaction_id"], record)
        return Batch(self.store.record(self._decide(list(records.values()))) if records else [], rejected)

    def _decide(self, records: list[FeatureRecord]) -> list[Decision]:
        try:
            nightly = self.nightly.read({record["cc_num"] for record in records})
            cards = [nightly.cards.get(record["cc_num"]) for record in records]
            vectors, answer = self._score(_columns(records, cards, nightly.population))
        except (NightlyUnavailableError, ScorerUnavailableError) as error:
            decided_at = self.clock()
            return [_by_rule(record, self.fallback, decided_at, str(error)) for record in records]
        return self._by_model(records, cards, vectors, answer)

    def _score(self, columns: Mapping[str, Any]) -> tuple[NDArray[np.float32], Scores]:
        # The codes of the categories belong to a model, and a deployment can change the model between two batches.
        for _ in range(2):
            vectors = model_vector(columns, self._categories)
            answer = _checked(self.scorer.score(vectors, REASONS), len(vectors))
            if answer.categories == self._categories:
                return vectors, answer
            self._categories = answer.categories
        raise ScorerUnavailableError("the model's categories changed twice within one batch")

    def _by_model(
        self,
        records: list[FeatureRecord],
        cards: list[CardRecord | None],
        vectors: NDArray[np.float32],
        answer: Scores,
    ) -> list[Decision]:
        decided_at = self.clock()
        decisions = []
        rows = zip(records, cards, vectors.tolist(), answer.scores, answer.reasons, strict=True)
        for record, card, values, score, contributions in rows:
            features = {
                name: None if isnan(value) else value for name, value in zip(FEATURE_NAMES, values, strict=True)
            }
            features["category"] = record["category"]
            cut = None if card is None else card.get("cut_ms")
            decisions.append(
                Decision(
                    transaction_id=record["transaction_id"],
                    cc_num=record["cc_num"],
                    amount_cents=record["amount_cents"],
                    trans_time=record["trans_time"],
                    decided_at=decided_at,
                    outcome=answer.thresholds.outcome(score),
                    path="model",
                    score=score,
                    model_version=answer.model_version,
                    reasons=reasons_of(contributions, features),
                    features=features,
                    nightly_cut=cut,
                    warning=None if cut is None else self._warning(record["trans_time"] - cut),
                )
            )
        return decisions

    def _warning(self, nightly_age_ms: int) -> str | None:
        if nightly_age_ms <= self.nightly_too_old_after_ms:
            return None
        return f"nightly features are {nightly_age_ms / 86_400_000:.1f} days old"


def decide_without_features(
    transactions: Iterable[tuple[Transaction, int]],
    why: str,
    *,
    store: DecisionStore,
    fallback: FallbackRule,
    clock: Callable[[], int] = now_ms,
) -> list[Decision]:
    """Decides and records transactions by the fallback rule alone: the stream gave no features in time.

    Args:
        transactions: each with its clock (`trans_time`), milliseconds since 1970 in UTC.
        why: what the decisions say of it.

    Returns:
        The decisions that stand: a transaction that already has one keeps it.
    """
    decided_at = clock()
    decisions = []
    for transaction, trans_time in transactions:
        record = {
            "transaction_id": transaction.transaction_id,
            "cc_num": transaction.cc_num,
            "amount_cents": transaction.amount_cents,
            "trans_time": trans_time,
            "category": transaction.category,
        }
        decisions.append(_by_rule(record, fallback, decided_at, why))
    return store.record(decisions)


def _by_rule(record: FeatureRecord, fallback: FallbackRule, decided_at: int, why: str) -> Decision:
    outcome, reasons = fallback.decide(
        amount_cents=record["amount_cents"], num_trans_last_10m=record.get("num_trans_last_10m")
    )
    return Decision(
        transaction_id=record["transaction_id"],
        cc_num=record["cc_num"],
        amount_cents=record["amount_cents"],
        trans_time=record["trans_time"],
        decided_at=decided_at,
        outcome=outcome,
        path="fallback",
        reasons=reasons,
        features={
            "amount": record["amount_cents"] / 100,
            "category": record["category"],
            **{name: record[name] for name in STREAM_NAMES if name in record},
        },
        why=why,
    )


def _columns(
    records: list[FeatureRecord], cards: list[CardRecord | None], population: Mapping[str, PopulationRecord]
) -> dict[str, Any]:
    category = [record["category"] for record in records]
    event_ms = np.array([record["trans_time"] for record in records], dtype=np.int64)
    stream = {name: np.array([record[name] for record in records], dtype=np.float64) for name in STREAM_NAMES}
    try:
        nightly = nightly_columns(category, event_ms, cards, population)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise NightlyUnavailableError(f"a nightly record is malformed: {error!r}") from error
    return {
        "amount_cents": np.array([record["amount_cents"] for record in records], dtype=np.int64),
        "category": category,
        "event_ms": event_ms,
        **stream,
        **nightly,
    }


def _checked(answer: Scores, n: int) -> Scores:
    if len(answer.scores) != n or len(answer.reasons) != n:
        counts = f"{len(answer.scores)} scores and {len(answer.reasons)} reasons"
        raise ScorerUnavailableError(f"the model answered {counts} to {n} transactions")
    for score in answer.scores:
        if not (isinstance(score, float) and 0 <= score <= 1):
            raise ScorerUnavailableError(f"the model answered a score of {score!r}; allowed: a probability, 0 to 1")
    return answer
