"""A run's decisions, held to those that the local core makes of the same features with the same model."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from fraud.deciding import Deciding
from fraud.decision import Decision
from fraud.model_input import ModelInput
from fraud.model_request import ACCEPT, CONTENT_TYPE, read_scores, request_body
from fraud.payment import Payment
from fraud.ports import Nightly, Scores
from sagemaker_src.processing.batch_features import daily_sums, engine, load, nightly_snapshot
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

    def score(self, vectors: NDArray[np.float32], given: ModelInput, reasons: int) -> Scores:
        """The scores of n vectors of what is given."""
        text, _ = inference.answer(self._model, request_body(vectors, given, reasons), CONTENT_TYPE, ACCEPT)
        return read_scores(text.encode())


class KnownNightly:
    """Nightly features that are all known, as a port of the deciding step."""

    def __init__(self, known: Nightly) -> None:
        self._known = known

    def read(self, cards: Collection[str]) -> Nightly:
        """The records of the cards that it knows, and of all categories."""
        return Nightly(
            {card: self._known.cards[card] for card in cards & self._known.cards.keys()}, self._known.population
        )


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


def nightly_of(history: pa.Table, from_ms: int) -> Nightly:
    """The nightly features that batch computes from the rows before a cut."""
    with engine() as connection:
        connection.register("history", history)
        load(connection, "history")
        daily_sums(connection)
        return Nightly(*nightly_snapshot(connection, from_ms))


def differing_decisions(
    decided: Sequence[dict[str, Any]], features: Sequence[dict[str, Any]], nightly: Nightly, model: Path
) -> tuple[int, list[str]]:
    """What the model decided in a run, decided again.

    All that a decision says but when it was made is compared, bit for bit: outcome, path, score, model version, the features it
    was made on, and the reasons. A row over the review threshold has one of two explanations, the exact one or, where more than
    EXACT_ROWS of its request were over it, the approximate one: its reasons must be those of either.

    Args:
        decided: a row of the decision store each. Those that the fallback rule made are passed over: they have no score.
        features: the records of the topic `features`.
        nightly: the nightly features, of every card.
        model: the model's folder.

    Returns:
        How many were compared, and a sentence for each that differs.
    """
    messages = {record["transaction_id"]: json.dumps(record).encode() for record in features}
    of_model = [Decision.from_json(row["decision"]) for row in decided if row["path"] == "model"]
    different = []
    core = Deciding(nightly=KnownNightly(nightly), scorer=ModelScorer(model), store=MadeDecisions())
    in_haste = Deciding(nightly=KnownNightly(nightly), scorer=ModelScorer(model, exact=False), store=MadeDecisions())
    # so few at a time that each is explained exactly that may be
    for start in range(0, len(of_model), inference.EXACT_ROWS):
        batch = [(one, messages.get(one.transaction_id, b"")) for one in of_model[start : start + inference.EXACT_ROWS]]
        again = {one.transaction_id: one for one in core.decide_batch([each for _, each in batch]).decisions}
        for run, message in batch:
            made = again.get(run.transaction_id)
            if made and made.reasons != run.reasons and made.outcome != "approve":
                made = replace(made, reasons=in_haste.decide_batch([message]).decisions[0].reasons)
            different += _difference(run, made)
    return len(of_model), different


def _difference(run: Decision, core: Decision | None) -> list[str]:
    """What the two say differently; empty if nothing."""
    if core is None:
        return [f"{run.transaction_id}: the stream gave no features to decide it on again"]
    said, other = _said(run), _said(core)
    different = [
        f"{name} {said.get(name)!r}, the local core {other.get(name)!r}"
        for name in said | other
        if said.get(name) != other.get(name)
    ]
    return [f"{run.transaction_id}: {'; '.join(different)}"] if different else []


def _said(decision: Decision) -> dict[str, Any]:
    """All that a decision says but when it was made."""
    plain = {one.name: getattr(decision, one.name) for one in fields(Decision)}
    del plain["decided_at"], plain["features"]
    return plain | {f"feature {name}": value for name, value in decision.features.items()}
