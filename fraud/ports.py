"""What deciding needs of the world: its ports."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from fraud.decision import Decision, Thresholds
from fraud.features.nightly import CardRecord, Population
from fraud.model_input import ModelInput
from fraud.payment import Payment


class NightlyUnavailableError(Exception):
    """The nightly features could not be read, retries included."""


class ScorerUnavailableError(Exception):
    """The model could not be asked, retries included, or its answer is invalid."""


class Nightly(NamedTuple):
    """What the nightly store knows of some cards: their records, and what is known of all cards together.

    Attributes:
        malformed: {card, or identifier of another record: what is wrong}, of the records that cannot be read. Such a card is no
            card without history.
    """

    cards: Mapping[str, CardRecord]
    population: Population
    malformed: Mapping[str, str] = MappingProxyType({})


class NightlyStore(Protocol):
    """Where the nightly job leaves its features."""

    def read(self, cards: Collection[str], entities: Collection[str]) -> Nightly:
        """The records of the cards that it knows, and what is known of all cards. Raises NightlyUnavailableError.

        Args:
            cards: tokens.
            entities: `fraud.features.nightly.entity_identifiers` of their transactions: of what has a record of its own, the
                population holds these at least.
        """
        ...


class Scores(NamedTuple):
    """A model's answer about n vectors.

    Attributes:
        scores: n probabilities of fraud.
        reasons: n lists of (feature, contribution to the log-odds), the strongest first.
        model_version: the model that answered.
        thresholds: those that its evaluation chose.
        missing: the features that the model takes and that were not given.
    """

    scores: Sequence[float]
    reasons: Sequence[Sequence[tuple[str, float]]]
    model_version: str
    thresholds: Thresholds
    missing: tuple[str, ...] = ()


class Scorer(Protocol):
    """The model behind its endpoint."""

    def score(self, vectors: NDArray[np.float32], given: ModelInput, reasons: int) -> Scores:
        """The scores of n vectors, in one call. Raises ScorerUnavailableError.

        Args:
            vectors: float32 of shape (n, len(given.names)).
            given: what they hold. The model takes of it what it was made for.
            reasons: how many are asked for.
        """
        ...


class DecisionStore(Protocol):
    """Where decisions are kept, one a transaction."""

    def record(self, decisions: Sequence[Decision]) -> list[Decision]:
        """Records each decision whose transaction has none yet; all or none of them.

        Returns:
            The decision that stands for each transaction, in order: the given one, or the one it already had.
        """
        ...

    def decided(self, transaction_ids: Collection[str]) -> Mapping[str, Payment]:
        """Those of the transactions that have a decision, each with the payment that it was made about."""
        ...
