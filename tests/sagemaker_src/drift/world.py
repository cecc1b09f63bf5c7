"""A world whose first weeks a model is trained on, and days after them: as they are, or changed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from fraud.durations import MS_PER_DAY
from fraud.features.catalogue import NIGHTLY_FEATURES, names
from fraud.vector import model_vector
from fraud.world.generate import generate
from fraud.world.settings import WorldSettings
from sagemaker_src.drift.baseline import Baseline, make_baseline
from sagemaker_src.drift.compare import Difference, compare
from sagemaker_src.drift.series import columns_of
from sagemaker_src.processing.batch_features import compute, engine, features_frame, load
from sagemaker_src.training.fitting import TrainingSettings, score
from sagemaker_src.training.train import Trained, train_model

FIRST, TEST_FROM, UNTIL, DAYS = 31, 62, 76, 95
"""Trained on the rows from FIRST on, tested on those from TEST_FROM to UNTIL; what comes after is watched."""


def made_transactions(seed: int, cards: int = 600) -> pd.DataFrame:
    """DAYS days of transactions, with `day` counted from the first."""
    rows = generate(WorldSettings(cards=cards, days=DAYS, seed=seed, fraud_rate=0.005)).transactions.to_pandas()
    rows["cc_num"] = rows["card"].map("{:032x}".format)
    moments = rows["event_time"].to_numpy("datetime64[ms]").astype(np.int64)
    rows["day"] = moments // MS_PER_DAY - moments.min() // MS_PER_DAY
    return rows.drop(columns=["card", "pattern"])


def features_of(transactions: pd.DataFrame) -> pd.DataFrame:
    """All features of transactions."""
    given = transactions.drop(columns="day")
    with engine() as connection:
        connection.register("given", given)
        load(connection, "given")
        compute(connection)
        rows = features_frame(connection, "given")
    return rows.merge(transactions[["transaction_id", "day"]], on="transaction_id")


@dataclass
class Watching:
    """A world, the model of its first weeks and its baseline."""

    transactions: pd.DataFrame
    rows: pd.DataFrame
    trained: Trained
    baseline: Baseline

    @classmethod
    def of(cls, transactions: pd.DataFrame) -> Watching:
        """Trains."""
        rows = features_of(transactions)
        known = rows[(rows["day"] >= FIRST) & (rows["day"] < UNTIL)].drop(columns="day")
        first_day = int(rows["event_ms"].min()) // MS_PER_DAY
        settings = TrainingSettings(rounds=30, eta=0.3)
        trained = train_model(known, settings, test_from_ms=(first_day + TEST_FROM) * MS_PER_DAY)
        return cls(transactions, rows, trained, make_baseline(trained.manifest, known, trained.scores))

    def judged(self, rows: pd.DataFrame) -> list[Difference]:
        """A day's rows against the baseline."""
        scores = score(self.trained.model, model_vector(rows, self.baseline.takes))
        watched = self.baseline.watched
        counts = {
            name: watched[name].series.counts(values, missing)
            for name, _, values, missing in columns_of(rows, self.baseline.takes, scores)
        }
        return compare(counts, watched)

    def drifted(self, rows: pd.DataFrame) -> list[str]:
        """The names of the series that have drifted."""
        return [each.name for each in self.judged(rows) if each.drifted]

    def day(self, day: int) -> pd.DataFrame:
        """The rows of a day as they are."""
        return self.rows[self.rows["day"] == day]

    def with_tripled(self, day: int, categories: list[str]) -> pd.DataFrame:
        """The rows of a day on which all amounts in some categories are three times what they were.

        The windows see the change, which reaches back over the day; the nightly features, of the days before, do not.
        """
        near = self.transactions[self.transactions["day"].isin((day - 1, day))].copy()
        hit = (near["day"] == day) & near["category"].isin(categories)
        near.loc[hit, "amount_cents"] *= 3
        changed = features_of(near).set_index("transaction_id")
        as_it_was = self.day(day).set_index("transaction_id")
        changed = changed.loc[as_it_was.index]
        nightly = list(names(NIGHTLY_FEATURES))
        changed[nightly] = as_it_was[nightly]
        return changed.reset_index()
