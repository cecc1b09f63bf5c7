"""The use case: messages of the topic `features` in, one recorded decision a transaction out.

What it needs of the world stands in `fraud.ports`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import isnan
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fraud.answers import REASONS, checked, reasons_of
from fraud.control_group import drawn
from fraud.decision import Decision, FallbackRule
from fraud.durations import MS_PER_DAY, MS_PER_HOUR
from fraud.feature_record import KEY_FIELDS, STREAM_NAMES, FeatureRecord, model_fields, parse_feature_record
from fraud.features.catalogue import NIGHTLY_FEATURES, names
from fraud.features.nightly import entity_identifiers, nightly_columns
from fraud.fields import OPTIONAL_FEATURES
from fraud.payment import Collision, Payment, collision
from fraud.ports import (
    DecisionStore,
    Nightly,
    NightlyStore,
    NightlyUnavailableError,
    Scorer,
    ScorerUnavailableError,
    Scores,
)
from fraud.transaction import InvalidTransactionError, Transaction, format_event_time
from fraud.vector import Columns, given_input, model_vector

NIGHTLY_NAMES = names(NIGHTLY_FEATURES)

MISSING_SHOWN = 5
"""Of the features that a model takes and that this release does not compute, a decision names so many."""
WHY_CHARACTERS = 300
"""Of why the fallback decided, and of a warning: an error may repeat what it was given, and a table's items are limited."""


class Rejected(NamedTuple):
    """An invalid message: its place in the batch, and what is wrong with it."""

    position: int
    error: InvalidTransactionError


class Collided(NamedTuple):
    """A message with another payment under an id that has its decision: its place in the batch, and both payments."""

    position: int
    collision: Collision


class Batch(NamedTuple):
    """What became of a batch.

    Attributes:
        decisions: those that stand, one a transaction.
        new: those of them that were made now; the others' transactions had theirs before.
        rejected: the invalid messages.
        collided: valid messages that got no decision: their id stands for another payment.
        places: {transaction_id: its message's place in the batch, the first if there are several}.
    """

    decisions: list[Decision]
    new: list[Decision]
    rejected: list[Rejected]
    collided: list[Collided]
    places: dict[str, int]


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
        control_group_percent: of a hundred payments that the model would block, so many are approved as the control group. What
            the fallback rule blocks, it blocks: its limits are somebody's, and no model learns from them.
        clock: gives `decided_at`.
    """

    nightly: NightlyStore
    scorer: Scorer
    store: DecisionStore
    fallback: FallbackRule = field(default_factory=FallbackRule)
    nightly_too_old_after_ms: int = 48 * MS_PER_HOUR
    control_group_percent: float = 0
    clock: Callable[[], int] = now_ms

    def decide_batch(self, messages: Sequence[bytes]) -> Batch:
        """Decides and records every valid message; a transaction that already has a decision keeps it.

        Args:
            messages: values of the topic `features`.

        Raises:
            Whatever the decision store raises: nothing is recorded then, and the batch can be given again.
        """
        kept: list[tuple[int, FeatureRecord]] = []
        rejected = []
        for position, message in enumerate(messages):
            try:
                kept.append((position, parse_feature_record(message)))
            except InvalidTransactionError as error:
                rejected.append(Rejected(position, error))
        return self.decide_records(kept, rejected)

    def decide_records(self, kept: list[tuple[int, FeatureRecord]], rejected: Sequence[Rejected] = ()) -> Batch:
        """Decides and records transactions whose features are at hand; one that already has a decision keeps it.

        Args:
            kept: each with its place in the batch.
            rejected: what of the batch is invalid.

        Raises:
            As `decide_batch` does.
        """
        records: dict[str, FeatureRecord] = {}
        places: dict[str, int] = {}
        for position, record in kept:
            records.setdefault(record.transaction_id, record)
            places.setdefault(record.transaction_id, position)
        decided = self._decide(list(records.values())) if records else []
        standing = self.store.record(decided) if decided else []
        new = [made for made, stands in zip(decided, standing, strict=True) if made == stands]
        collided = [] if len(new) == len(kept) else _collided(kept, standing)
        return Batch(standing, new, list(rejected), collided, places)

    def _decide(self, records: list[FeatureRecord]) -> list[Decision]:
        try:
            nightly = self.nightly.read({record.cc_num for record in records}, entities_of(records))
        except NightlyUnavailableError as error:
            return self._by_rule(records, str(error))
        if nightly.malformed:
            return self._decide_apart(records, nightly)
        return self._decide_on(records, nightly)

    def _decide_apart(self, records: list[FeatureRecord], nightly: Nightly) -> list[Decision]:
        """Decides those of which a nightly record is malformed by the fallback rule, and the others by the model."""
        flaws = [_flaw(record, nightly.malformed) for record in records]
        others = [record for record, flaw in zip(records, flaws, strict=True) if flaw is None]
        decided = iter(self._decide_on(others, nightly) if others else ())
        return [
            next(decided) if flaw is None else self._by_rule([record], f"a nightly record is malformed: {flaw}")[0]
            for record, flaw in zip(records, flaws, strict=True)
        ]

    def _decide_on(self, records: list[FeatureRecord], nightly: Nightly) -> list[Decision]:
        columns = _columns(records, nightly)
        given = given_input(columns)
        vectors = model_vector(columns, given)
        try:
            answer = checked(self.scorer.score(vectors, given, REASONS), given, len(vectors))
        except ScorerUnavailableError as error:
            return self._by_rule(records, str(error))
        positions = {name: position for position, name in enumerate(given.names)}
        return self._by_model(records, nightly, columns, vectors, positions, answer)

    def _by_rule(self, records: list[FeatureRecord], why: str) -> list[Decision]:
        decided_at = self.clock()
        return [_by_rule(record, self.fallback, decided_at, why) for record in records]

    def _by_model(
        self,
        records: list[FeatureRecord],
        nightly: Nightly,
        columns: Columns,
        vectors: NDArray[np.float32],
        positions: Mapping[str, int],
        answer: Scores,
    ) -> list[Decision]:
        decided_at = self.clock()
        decisions = []
        habits = zip(*[columns[name].tolist() for name in NIGHTLY_NAMES], strict=True)
        rows = zip(records, habits, vectors.tolist(), answer.scores, answer.reasons, strict=True)
        for record, of_card, vector, score, contributions in rows:
            features = _stated(record)
            for name, value in zip(NIGHTLY_NAMES, of_card, strict=True):
                features[name] = None if isnan(value) else value
            card = nightly.cards.get(record.cc_num)
            cut = None if card is None else card.cut_ms
            outcome = answer.thresholds.outcome(score)
            let_through = outcome == "block" and drawn(record.transaction_id, record.cc_num, self.control_group_percent)
            decisions.append(
                Decision(
                    transaction_id=record.transaction_id,
                    cc_num=record.cc_num,
                    amount_cents=record.amount_cents,
                    trans_time=record.trans_time,
                    event_time=record.event_time,
                    decided_at=decided_at,
                    outcome="approve" if let_through else outcome,
                    path="model",
                    score=score,
                    model_version=answer.model_version,
                    reasons=reasons_of(contributions, vector, positions, features),
                    features=features,
                    nightly_cut=cut,
                    warning=self._warning(record.trans_time, cut, answer.missing),
                    control_group=let_through,
                )
            )
        return decisions

    def _warning(self, trans_time: int, cut: int | None, missing: Sequence[str]) -> str | None:
        found = []
        if cut is not None and trans_time - cut > self.nightly_too_old_after_ms:
            found.append(f"nightly features are {(trans_time - cut) / MS_PER_DAY:.1f} days old")
        if missing:
            shown = ", ".join(missing[:MISSING_SHOWN])
            more = f" and {len(missing) - MISSING_SHOWN} more" if len(missing) > MISSING_SHOWN else ""
            found.append(f"the model takes features that are not computed here: {shown}{more}")
        return "; ".join(found)[:WHY_CHARACTERS] or None


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
        record = FeatureRecord(
            transaction_id=transaction.transaction_id,
            cc_num=transaction.cc_num,
            category=transaction.category,
            amount_cents=transaction.amount_cents,
            trans_time=trans_time,
            event_time=format_event_time(transaction.event_time),
            fields=model_fields(transaction.optional),
            features={},
        )
        decisions.append(_by_rule(record, fallback, decided_at, why))
    return store.record(decisions)


def entities_of(records: Iterable[FeatureRecord]) -> set[str]:
    """The identifiers of the nightly records that transactions need besides their cards'."""
    return {name for record in records for name in _entities(record)}


def _entities(record: FeatureRecord) -> tuple[str, ...]:
    return entity_identifiers({"category": record.category, **record.keys})


def _flaw(record: FeatureRecord, malformed: Mapping[str, str]) -> str | None:
    return next((malformed[name] for name in (record.cc_num, *_entities(record)) if name in malformed), None)


def _by_rule(record: FeatureRecord, fallback: FallbackRule, decided_at: int, why: str) -> Decision:
    outcome, reasons = fallback.decide(
        amount_cents=record.amount_cents, num_trans_last_10m=record.features.get("num_trans_last_10m")
    )
    return Decision(
        transaction_id=record.transaction_id,
        cc_num=record.cc_num,
        amount_cents=record.amount_cents,
        trans_time=record.trans_time,
        event_time=record.event_time,
        decided_at=decided_at,
        outcome=outcome,
        path="fallback",
        reasons=reasons,
        features=_stated(record),
        why=why if len(why) <= WHY_CHARACTERS else f"{why[: WHY_CHARACTERS - 3]}...",
    )


def _stated(record: FeatureRecord) -> dict[str, float | str | None]:
    """The features that came with a transaction."""
    return {"amount": record.amount_cents / 100, "category": record.category, **record.fields, **record.features}


def _collided(kept: list[tuple[int, FeatureRecord]], standing: Sequence[Decision]) -> list[Collided]:
    payments = {decision.transaction_id: Payment.of(decision) for decision in standing}
    found = []
    for position, record in kept:
        if collides := collision(payments[record.transaction_id], Payment.of(record)):
            found.append(Collided(position, collides))
    return found


def _columns(records: list[FeatureRecord], nightly: Nightly) -> Columns:
    """The columns of the vectors."""
    category = [record.category for record in records]
    event_ms = np.array([record.trans_time for record in records], dtype=np.int64)
    cards = [nightly.cards.get(record.cc_num) for record in records]
    stream = {name: [record.features[name] for record in records] for name in STREAM_NAMES}
    keys = {field.name: [record.keys.get(field.name) for record in records] for field in KEY_FIELDS}
    return {
        "amount_cents": np.array([record.amount_cents for record in records], dtype=np.int64),
        "category": category,
        **{field.name: [record.fields.get(field.name) for record in records] for field in OPTIONAL_FEATURES},
        "event_ms": event_ms,
        **{name: np.array(values, dtype=np.float64) for name, values in stream.items()},
        **nightly_columns({"category": category, **keys}, event_ms, cards, nightly.population),
    }
