"""The deciding step's ports, within this process: a model's folder, known nightly features, decisions in memory."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fraud.decision import Decision, Thresholds
from fraud.model_input import ModelInput, read_model_input
from fraud.model_request import ACCEPT, CONTENT_TYPE, read_scores, request_body
from fraud.payment import Payment
from fraud.ports import Nightly, NightlyUnavailableError, ScorerUnavailableError, Scores
from sagemaker_src.serving import inference


class ModelScorer:
    """A model's folder, asked in this process by the program that serves it.

    Args:
        folder: what training wrote.
        exact: whether rows over the review threshold are explained exactly, as far as EXACT_ROWS of a request go.
    """

    def __init__(self, folder: Path, *, exact: bool = True) -> None:
        self._model = inference.model_fn(str(folder))
        if not exact:  # no row is over these
            manifest = self._model.manifest | {"thresholds": {"review": 2.0, "block": 2.0}}
            self._model = self._model._replace(manifest=manifest)

    @property
    def version(self) -> str:
        """The model's."""
        return str(self._model.manifest["model_version"])

    @property
    def takes(self) -> tuple[str, ...]:
        """The features that the model was made for."""
        return tuple(self._model.manifest["feature_names"])

    @property
    def input(self) -> ModelInput:
        """What it takes, with the categories that it knows."""
        return read_model_input(self._model.manifest)

    @property
    def thresholds(self) -> Thresholds:
        """Those that its evaluation chose."""
        said = self._model.manifest["thresholds"]
        return Thresholds(review=said["review"], block=said["block"])

    def score(self, vectors: NDArray[np.float32], given: ModelInput, reasons: int) -> Scores:
        """The scores of n vectors of what is given."""
        text, _ = inference.answer(self._model, request_body(vectors, given, reasons), CONTENT_TYPE, ACCEPT)
        return read_scores(text.encode())


class KnownNightly:
    """Nightly features that are all known, as a port of the deciding step."""

    def __init__(self, known: Nightly) -> None:
        self._known = known

    def read(self, cards: Collection[str], _: Collection[str] = ()) -> Nightly:
        """The records of the cards that it knows, and of all that is known of all cards."""
        return Nightly(
            {card: self._known.cards[card] for card in cards & self._known.cards.keys()}, self._known.population
        )


class Unavailable:
    """A store and a model that do not answer, as they did not then.

    Args:
        why: what they say of it.
    """

    def __init__(self, why: str) -> None:
        self._why = why

    def read(self, _: Collection[str], __: Collection[str] = ()) -> Nightly:
        """Raises NightlyUnavailableError."""
        raise NightlyUnavailableError(self._why)

    def score(self, _: NDArray[np.float32], __: ModelInput, ___: int) -> Scores:
        """Raises ScorerUnavailableError."""
        raise ScorerUnavailableError(self._why)


class MadeDecisions:
    """Decisions in memory, as a port of the deciding step."""

    def __init__(self) -> None:
        self._made: dict[str, Decision] = {}

    def record(self, decisions: Sequence[Decision]) -> list[Decision]:
        """Those that stand, in order."""
        return [self._made.setdefault(one.transaction_id, one) for one in decisions]

    def decided(self, transaction_ids: Collection[str]) -> dict[str, Payment]:
        """Those that have a decision, each with its payment."""
        return {key: Payment.of(self._made[key]) for key in transaction_ids if key in self._made}
