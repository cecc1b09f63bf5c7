"""What grafted attacks are worth: a team knows only a few attacks, trains with and without grafted ones, and is tested on real
later fraud of other cards.

In each resplit other cards are tested and other attacks known. The frauds of the training time that are not known are left
out: nobody has labelled them. What is sampled is learned from that resplit's known attacks alone, and grafted onto the honest
cards that are trained on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import xgboost as xgb
from numpy.typing import NDArray

from fraud.episodes import Episodes, graft, learn, sample
from fraud.episodes.copying import copies
from fraud.episodes.ledger import COLUMNS, Flags, Ints, fraud_runs, read_ledger
from fraud.vector import declared_input, model_vector
from sagemaker_src.processing.batch_features import compute, engine, features_frame, load
from sagemaker_src.synthesis.errors import SynthesisError
from sagemaker_src.synthesis.quality.utility import gain
from sagemaker_src.training.fitting import TrainingSettings
from sagemaker_src.training.metrics import ranking_metrics

ARMS = ("without", "episodes", "copies", "repeated", "class weights")
"""Trained on the known attacks alone; with sampled attacks grafted; with the known ones themselves grafted onto other cards;
with the known rows weighing as if repeated as often; with fraud and honest rows weighing the same in all."""
MEASURES = ("average_precision", "recall_at_fpr_0.001")
WITHOUT = " without fraud-only cards"
_LEAST_HONEST = 5

Scores = dict[str, dict[str, float | None]]
"""{arm: {measure: value}}, each measure also as "... without fraud-only cards"."""


@dataclass(frozen=True)
class Trial:
    """How the use is measured.

    Attributes:
        known: attacks that the team knows.
        episodes: attacks that are grafted.
        cards: honest cards that are trained on, at most.
        resplits: how often.
        rounds, honest_rows: of the judge, which is the model of `sagemaker_src.training`.
        tested: the share of the cards that are tested on.
    """

    known: int
    episodes: int = 200
    cards: int = 200
    resplits: int = 8
    rounds: int = 120
    honest_rows: int = 40_000
    tested: float = 1 / 3


@dataclass(frozen=True)
class _Matrix:
    vectors: NDArray[np.float32]
    label: NDArray[np.int8]
    weight: NDArray[np.float64]
    ids: NDArray[Any]


class Use:
    """Transactions, the moment from which they are tested on, and how."""

    def __init__(self, transactions: pa.Table, test_from_ms: int, trial: Trial, seed: int) -> None:
        """Computes the features of all of the transactions once.

        Args:
            transactions: `fraud.episodes.ledger.COLUMNS`.

        Raises:
            SynthesisError: there are too few attacks before the moment, or no fraud after it.
        """
        self.transactions, self.trial, self.seed = transactions.select(COLUMNS), trial, seed
        ledger = read_ledger(transactions)
        self.ledger, self.before = ledger, ledger.time_ms < test_from_ms
        self.runs = fraud_runs(ledger)
        last = np.append(np.flatnonzero(self.runs.first)[1:], self.runs.row.size) - 1
        # An attack that lasts into the test is neither known nor tested on as if it were new.
        self._before = self.before[self.runs.row[last]] if self.runs.count else np.zeros(0, dtype=bool)
        self._card = ledger.card[self.runs.row[self.runs.first]]
        if not (ledger.fraud & ~self.before).any():
            raise SynthesisError("no fraud from the test's start on: name an earlier moment")
        if self._before.sum() * (1 - trial.tested) < trial.known + 2:
            raise SynthesisError(
                f"{trial.known} known attacks; allowed: at most {max(int(self._before.sum() * (1 - trial.tested)) - 2, 0)}, "
                f"as there are {int(self._before.sum())} before the test and {trial.tested:.0%} of the cards are tested on"
            )
        self._takes = declared_input({"category": list(ledger.categories)})
        rows = _features(self.transactions)
        later = rows["event_ms"].to_numpy() >= test_from_ms
        self._test = rows[later].reset_index(drop=True)
        self._test_vectors = model_vector(self._test, self._takes)
        code = {name: place for place, name in enumerate(ledger.cards)}
        self._test_card = self._test["cc_num"].map(code).to_numpy()
        honest_cards = np.bincount(ledger.card[~ledger.fraud], minlength=len(ledger.cards)) > 0
        self._mixed = honest_cards[self._test_card]

    def scores(self, resplit: int) -> Scores:
        """The measures of each arm in one resplit, numbered from 0."""
        rng = np.random.default_rng([self.seed, resplit])
        tested = rng.random(len(self.ledger.cards)) < self.trial.tested
        table = self.transactions.filter(pa.array(self._train_rows(rng, tested)))
        model = learn(table)
        seed = int(rng.integers(2**31))
        sampled = sample(model, self.trial.episodes, seed)
        plain = self._matrix(table, rng)
        with_it = {name: self._grafted(made, table, plain, seed) for name, made in (
            ("episodes", sampled), ("copies", copies(model, self.trial.episodes, seed)))}  # fmt: skip
        fraud = plain.label == 1
        repeats = float(with_it["episodes"].label.sum()) / max(float(fraud.sum()), 1.0)
        balance = float(plain.weight[~fraud].sum()) / max(float(fraud.sum()), 1.0)
        arms = {
            "without": plain,
            **with_it,
            "repeated": _weighing(plain, repeats),
            "class weights": _weighing(plain, balance),
        }
        test = tested[self._test_card]
        return {name: self._measured(self._fit(arms[name]), test) for name in ARMS}

    def _train_rows(self, rng: np.random.Generator, tested: Flags) -> Flags:
        """Which transactions are trained on: of the known attacks' cards and of honest ones, before the test."""
        ledger = self.ledger
        able = np.flatnonzero(self._before & ~tested[self._card])
        if able.size < self.trial.known:
            raise SynthesisError(f"{self.trial.known} known attacks; allowed in this resplit: at most {able.size}")
        known = self.runs.of(rng.choice(able, self.trial.known, replace=False))
        struck = np.bincount(ledger.card[ledger.fraud & self.before], minlength=len(ledger.cards)) > 0
        honest = np.bincount(ledger.card[self.before & ~ledger.fraud], minlength=len(ledger.cards)) >= _LEAST_HONEST
        others = np.flatnonzero(honest & ~struck & ~tested)
        taken = np.zeros(len(ledger.cards), dtype=bool)
        taken[rng.choice(others, min(self.trial.cards, others.size), replace=False)] = True
        taken[ledger.card[known.row]] = True
        labelled = np.zeros(ledger.size, dtype=bool)
        labelled[known.row] = True
        return np.asarray(self.before & taken[ledger.card] & (~ledger.fraud | labelled))

    def _matrix(self, table: pa.Table, rng: np.random.Generator) -> _Matrix:
        rows = _features(table)
        label = rows["is_fraud"].to_numpy()
        share = min(1.0, self.trial.honest_rows / max(int((label == 0).sum()), 1))
        kept = (label == 1) | (rng.random(label.size) < share)
        weight = np.where(label[kept] == 1, 1.0, 1.0 / share)
        ids = rows["transaction_id"].to_numpy()[kept]
        return _Matrix(model_vector(rows[kept], self._takes), label[kept], weight, ids)

    def _grafted(self, episodes: Episodes, table: pa.Table, plain: _Matrix, seed: int) -> _Matrix:
        """The same rows with attacks grafted onto them, and the attacks'."""
        grafted = graft(episodes, table, seed)
        rows = _features(grafted.transactions)
        made = set(grafted.transactions["transaction_id"].filter(pa.array(grafted.synthetic)).to_pylist())
        kept = rows["transaction_id"].isin(made | set(plain.ids)).to_numpy()
        rows = rows[kept]
        label = rows["is_fraud"].to_numpy()
        honest = float(plain.weight[plain.label == 0][0])
        ids = rows["transaction_id"].to_numpy()
        return _Matrix(model_vector(rows, self._takes), label, np.where(label == 1, 1.0, honest), ids)

    def _fit(self, train: _Matrix) -> xgb.Booster:
        settings = TrainingSettings()
        parameters = {
            "objective": "binary:logistic",
            "tree_method": "hist",
            "eta": settings.eta,
            "max_depth": settings.max_depth,
            "base_score": 0.5,
            "max_delta_step": 1,
            "seed": settings.seed,
            # On so few rows a second thread waits more than it works.
            "nthread": 1,
        }
        matrix = xgb.QuantileDMatrix(
            train.vectors,
            label=train.label,
            weight=train.weight,
            feature_names=list(self._takes.names),
            feature_types=list(self._takes.types),
            enable_categorical=True,
        )
        return xgb.train(parameters, matrix, self.trial.rounds)

    def _measured(self, model: xgb.Booster, test: Flags) -> dict[str, float | None]:
        found: dict[str, float | None] = {}
        tested = model.inplace_predict(self._test_vectors[test], validate_features=False)
        labels, mixed = self._test["is_fraud"].to_numpy()[test], self._mixed[test]
        for name, rows in (("", np.ones(mixed.size, dtype=bool)), (WITHOUT, mixed)):
            label, score = labels[rows], tested[rows]
            metrics = ranking_metrics(label, score, np.zeros(label.size, dtype=bool))
            found |= {measure + name: metrics[measure] for measure in MEASURES}
        return found


def _weighing(plain: _Matrix, times: float) -> _Matrix:
    weight = np.where(plain.label == 1, plain.weight * times, plain.weight)
    return _Matrix(plain.vectors, plain.label, weight, plain.ids)


def _features(table: pa.Table) -> pd.DataFrame:
    """`feature_rows.ROW_COLUMNS` of transactions."""
    rows: Ints = np.arange(table.num_rows)
    with engine("1400MB") as connection:
        connection.register("tx", table.append_column("row", pa.array(rows)))
        load(connection, "tx", key="row")
        compute(connection)
        # The engine gives rows in any order, and what is drawn of them depends on it.
        return features_frame(connection, "tx", key="row").sort_values("transaction_id", ignore_index=True)


def gains(scores: list[Scores], measure: str, *, tested: float = Trial.tested) -> dict[str, dict[str, float | None]]:
    """{arm: mean, low, high} of what each arm adds to "without", with the corrected 95% interval.

    Args:
        scores: of J resplits.
        measure: of `MEASURES`, alone or with `WITHOUT` behind it.
        tested: the share of the cards that was tested on.
    """
    without = [_value(each, "without", measure) for each in scores]
    ratio = tested / (1 - tested)
    return {
        arm: gain(without, [_value(each, arm, measure) for each in scores], ratio) for arm in ARMS if arm != "without"
    }


def _value(scores: Scores, arm: str, measure: str) -> float:
    value = scores[arm][measure]
    if value is None:
        raise SynthesisError("a resplit tests on no fraud; allowed: more cards, or an earlier start of the test")
    return value
