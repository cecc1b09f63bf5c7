"""Transactions of a request in, for each what it is answered with: one read of the store, one call of the model, one write."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from fraud.api import AGE, SLID, BatchElement, ErrorDetail, answer_of
from fraud.deciding import Batch, Deciding, now_ms
from fraud.decision import FallbackRule
from fraud.feature_record import KEY_FIELDS, STREAM_NAMES, FeatureRecord, model_fields
from fraud.features.nightly import entity_identifiers
from fraud.ports import DecisionStore, Nightly, NightlyUnavailableError, Scorer
from fraud.stored_windows import joined
from fraud.transaction import InvalidTransactionError, Transaction, format_event_time
from lambda_src.ports.card_feature_store import CardFeatures, CardFeatureStore


@dataclass(frozen=True, kw_only=True)
class Scoring:
    """Decides transactions on what the store knows of their cards, joined with themselves.

    Attributes:
        features, scorer, store: where features come from, the model, and where decisions go.
        fallback: what decides where the model or the store cannot be asked.
        nightly_too_old_after_ms, control_group_percent: as in `fraud.deciding.Deciding`.
        stated: whether a transaction's time is the one that its producer states, rather than now.
        clock: milliseconds since 1970 in UTC.
    """

    features: CardFeatureStore
    scorer: Scorer
    store: DecisionStore
    fallback: FallbackRule
    nightly_too_old_after_ms: int
    control_group_percent: float
    stated: bool
    clock: Callable[[], int] = now_ms

    def decide(self, transactions: Sequence[tuple[int, Transaction]]) -> Batch:
        """Decides and records transactions, each with its place in the request; raises as `Deciding.decide_batch` does."""
        found: CardFeatures | NightlyUnavailableError
        try:
            found = self.features.read(
                {transaction.cc_num for _, transaction in transactions},
                {name for _, transaction in transactions for name in entity_identifiers(_keys(transaction))},
            )
        except NightlyUnavailableError as error:
            found = error
        deciding = Deciding(
            nightly=_Read(found if isinstance(found, NightlyUnavailableError) else found.nightly),
            scorer=self.scorer,
            store=self.store,
            fallback=self.fallback,
            nightly_too_old_after_ms=self.nightly_too_old_after_ms,
            control_group_percent=self.control_group_percent,
            clock=self.clock,
        )
        now = self.clock()
        return deciding.decide_records([(place, self._record(each, found, now)) for place, each in transactions])

    def _record(
        self, transaction: Transaction, found: CardFeatures | NightlyUnavailableError, now: int
    ) -> FeatureRecord:
        moment = round(transaction.event_time.timestamp() * 1000) if self.stated else now
        features: dict[str, float | None] = dict.fromkeys(STREAM_NAMES)
        said: dict[str, str | float | None] = {AGE: None}
        if isinstance(found, CardFeatures):
            stored = found.windows.get(transaction.cc_num)
            windows = joined(stored, transaction.amount_cents, moment)
            features |= windows.features
            said[AGE] = None if stored is None else (moment - stored.moment_ms) / 1000
            if windows.slid:
                said[SLID] = " ".join(windows.slid)
        optional: Mapping[str, object] = transaction.optional
        return FeatureRecord(
            transaction_id=transaction.transaction_id,
            cc_num=transaction.cc_num,
            category=transaction.category,
            amount_cents=transaction.amount_cents,
            trans_time=moment,
            event_time=format_event_time(transaction.event_time),
            fields={**model_fields(optional), **said},  # type: ignore[dict-item] # None is missing, as in every decision
            features=features,
            keys={name: value for name, value in _keys(transaction).items() if name != "category"},
        )


def _keys(transaction: Transaction) -> dict[str, str]:
    """What nightly features are looked up by, as far as a transaction has it."""
    values = {
        field.name: transaction.optional.get(field.name, getattr(transaction, field.name, None)) for field in KEY_FIELDS
    }
    return {"category": transaction.category} | {
        name: str(value) for name, value in values.items() if value is not None
    }


class _Read:
    """The nightly features that were read already, as deciding asks for them."""

    def __init__(self, found: Nightly | NightlyUnavailableError) -> None:
        self._found = found

    def read(self, cards: Collection[str], entities: Collection[str]) -> Nightly:
        if isinstance(self._found, NightlyUnavailableError):
            raise self._found
        return self._found


def elements(
    batch: Batch,
    transactions: Sequence[tuple[int, Transaction]],
    invalid: Mapping[int, InvalidTransactionError],
    unpublished: Collection[str],
) -> list[BatchElement]:
    """What each transaction of a request is answered with, in order.

    Args:
        batch: what was decided.
        transactions: each with its place in the request.
        invalid: {place: what is wrong with it}, of the others.
        unpublished: ids of decisions whose events are yet to be published.
    """
    standing = {decision.transaction_id: decision for decision in batch.decisions}
    collided = {each.position: each.collision for each in batch.collided}
    found = {place: BatchElement(status=400, error=detail(error)) for place, error in invalid.items()}
    for place, transaction in transactions:
        name = transaction.transaction_id
        if place in collided:
            said = f"another payment has it, with another {' and '.join(collided[place].differs)}"
            error = ErrorDetail(field="transaction_id", problem=said, allowed="an id that no other payment has")
            found[place] = BatchElement(status=409, error=error)
        elif name in unpublished:
            found[place] = BatchElement(status=503, error=AGAIN)
        else:
            found[place] = BatchElement(status=200, decision=answer_of(standing[name]))
    return [found[place] for place in sorted(found)]


def detail(error: InvalidTransactionError) -> ErrorDetail:
    """An error as an answer has it."""
    return ErrorDetail(field=error.field, problem=error.problem, allowed=error.allowed)


AGAIN = ErrorDetail(
    field="request", problem="cannot be answered at the moment", allowed="the same request again: it is decided once"
)
