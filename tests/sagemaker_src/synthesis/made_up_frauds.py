"""Frauds of a known distribution, and generators that stand in for good and bad ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from sagemaker_src.synthesis.generators import Progress
from sagemaker_src.synthesis.table import FraudTable

SHOPS = ["books", "fuel", "food", "travel"]


def frauds(count: int, seed: int) -> pd.DataFrame:
    """Mixed columns that hang together, some values missing."""
    rng = np.random.default_rng(seed)
    hidden = rng.normal(size=count)
    noise = rng.normal(size=(count, 5))
    rows = pd.DataFrame({f"v{at}": noise[:, at] + (0.8 - 0.2 * at) * hidden + 1.2 for at in range(5)})
    rows["amount"] = np.round(np.exp(3 + hidden + rng.normal(size=count) * 0.5), 2)
    rows["shop"] = rng.choice(SHOPS, count, p=[0.1, 0.2, 0.3, 0.4])
    rows["age"] = np.where(rng.random(count) < 0.2, np.nan, rng.normal(40, 10, count))
    return rows


def honest(count: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed + 10_000)
    rows = frauds(count, seed + 1)
    for at in range(5):
        rows[f"v{at}"] = rng.normal(size=count)
    return rows


def table(count: int, others: int, seed: int = 1) -> FraudTable:
    """So many frauds among so many others, in time."""
    rows = pd.concat([frauds(count, seed), honest(others, seed)], ignore_index=True)
    fraud = np.arange(len(rows)) < count
    order = np.random.default_rng(seed).permutation(len(rows))
    rows, fraud = rows.iloc[order].reset_index(drop=True), fraud[order]
    rows.insert(0, "when", np.arange(len(rows)) * 60.0)
    return FraudTable(rows, fraud, "fraud", "1")


def copies(rows: pd.DataFrame, count: int, seed: int) -> pd.DataFrame:
    """What a generator gives that has learned rows by heart."""
    return rows.sample(count, replace=True, random_state=seed).reset_index(drop=True)


def near_copies(rows: pd.DataFrame, count: int, seed: int) -> pd.DataFrame:
    """The same, hidden by a little noise."""
    made = copies(rows, count, seed)
    rng = np.random.default_rng(seed)
    for name in made.select_dtypes("number").columns:
        made[name] += rng.normal(size=count) * 0.01 * rows[name].std()
    return made


class Fresh:
    """A generator that gives rows of the true distribution, whatever it has learned; it remembers what that was."""

    learned: list[pd.DataFrame]

    def __init__(self) -> None:
        self.learned = []

    def fit(self, rows: pd.DataFrame, *, seed: int, progress: Progress, work: Path | None = None) -> None:
        self.learned.append(rows)

    def sample(self, count: int, seed: int) -> pd.DataFrame:
        made = frauds(count, seed + 77_000)
        made.insert(0, "when", 0.0)
        return made[list(self.learned[-1].columns)]

    def save(self, folder: Path) -> None:
        raise NotImplementedError

    @classmethod
    def load(cls, folder: Path) -> Fresh:
        raise NotImplementedError


def silent(what: str, done: int, total: int) -> None:
    """No progress shown."""
