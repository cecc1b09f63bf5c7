"""Made-up worlds, each with a day that is watched for drift: as it was, and changed. With a rhythm of weeks and of months.

On the last three days of a month all amounts are a quarter higher. On Sundays half of the payments in supermarkets and at petrol
stations fall away, and more is spent on going out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from fraud.columns import LABEL_COLUMNS
from fraud.durations import MS_PER_DAY
from fraud.model_input import read_model_input
from fraud.vector import CATEGORY_FEATURES, INPUT_COLUMNS, model_vector
from fraud.world.generate import generate
from fraud.world.settings import WorldSettings
from lambda_src.archive.rows import DECISIONS
from lambda_src.ports.parquet_archive import schema
from sagemaker_src.drift import drift
from sagemaker_src.drift.baseline import Baseline, make_baseline
from sagemaker_src.processing.batch_features import compute, engine, features_frame, load
from sagemaker_src.training.fitting import score
from sagemaker_src.training.train import Trained

FIRST = 31
"""Days before the baseline, on which its features look back."""
MANY, FREQUENT = 100, 60
"""Payments a day in a category whose amounts are tripled, and in one that is changed otherwise. Of fewer than some fifty nothing
can be said, and of some sixty not always that amounts are three times what they were, where they differ widely by themselves."""
COINS = 6
"""Payments of a card in a run of the new pattern."""
_OUT = ("entertainment", "food_dining", "travel")
_SHUT = ("grocery_pos", "gas_transport")


def watched_on(seed: int) -> date:
    """The day that is watched: of even seeds the last of a month, of odd ones any.

    >>> watched_on(2), watched_on(3)
    (datetime.date(2026, 2, 28), datetime.date(2026, 1, 16))
    """
    if seed % 2 == 0:
        month = seed // 2 % 12
        return date(2026 + (month + 1) // 12, (month + 1) % 12 + 1, 1) - timedelta(days=1)
    return date(2026, 1, 1) + timedelta(days=5 * seed)


@dataclass(frozen=True)
class Change:
    """What is otherwise on the changed day.

    Attributes:
        tripled: two categories in which all amounts are three times what they were.
        tried: a third one, in which a new fraud is tried: card after card a few coins, six times within two minutes; as many
            payments as there are in it otherwise.
        unseen: a fourth one, in which a fifth of the payments, like all others, turn out to be fraud.
    """

    tripled: tuple[str, str]
    tried: str
    unseen: str


@dataclass(frozen=True)
class WatchedWorld:
    """A world up to its watched day.

    Attributes:
        transactions: all, with `cc_num`.
        rows: those of the baseline's days and of the watched one, with all features.
        day: the watched one; the first of them, where there are more.
        seed: what the world and its change are drawn from.
    """

    transactions: pd.DataFrame
    rows: pd.DataFrame
    day: date
    seed: int

    @classmethod
    def make(cls, seed: int, cards: int, days: int, watched_days: int = 1) -> WatchedWorld:
        """A world of so many cards, with so many days in its baseline before those that are watched."""
        watched = watched_on(seed)
        settings = WorldSettings(
            cards=cards, days=FIRST + days + watched_days, seed=seed, fraud_rate=0.005,
            start=watched - timedelta(days=FIRST + days),
        )  # fmt: skip
        transactions = generate(settings).transactions.to_pandas()
        transactions["cc_num"] = transactions["card"].map("{:032x}".format)
        transactions = _with_rhythm(transactions.drop(columns=["card", "pattern"]), seed)
        return cls(transactions, _features(transactions, watched - timedelta(days=days)), watched, seed)

    def before(self) -> pd.DataFrame:
        """The rows of the baseline's days."""
        return self.rows[self.rows["event_ms"] < _ms(self.day)]

    def as_it_was(self) -> pd.DataFrame:
        """The rows of the watched days."""
        return self.rows[self.rows["event_ms"] >= _ms(self.day)]

    def change(self) -> Change:
        """The change of this world, in categories with payments enough, by chance."""
        before = self.before()
        days = (_ms(self.day) - int(before["event_ms"].min())) / MS_PER_DAY
        a_day = before["category"].value_counts() / days
        draw = np.random.default_rng(self.seed)
        one, other = (str(name) for name in draw.choice(sorted(a_day.index[a_day >= MANY]), 2, replace=False))
        rest = sorted(set(a_day.index[a_day >= FREQUENT]) - {one, other})
        tried, unseen = (str(name) for name in draw.choice(rest, 2, replace=False))
        return Change((one, other), tried, unseen)

    def changed(self, change: Change) -> pd.DataFrame:
        """The rows of the watched days as they would have been: the features see the change."""
        draw = np.random.default_rng([self.seed, 1])
        transactions = self.transactions.copy()
        there = transactions["event_time"] >= _moment(self.day)
        transactions.loc[there & transactions["category"].isin(change.tripled), "amount_cents"] *= 3
        unseen = transactions.index[there & (transactions["category"] == change.unseen)]
        transactions.loc[draw.choice(unseen, len(unseen) // 5, replace=False), "is_fraud"] = 1
        like = transactions[there & (transactions["category"] == change.tried)]
        tried = [self._tried(draw, day, rows) for day, rows in like.groupby(like["event_time"].dt.date)]
        together = pd.concat([transactions, *tried], ignore_index=True).astype(transactions.dtypes)
        return _features(together.sort_values("event_time", ignore_index=True), self.day)

    def _tried(self, draw: np.random.Generator, day: date, like: pd.DataFrame) -> pd.DataFrame:
        """A day's payments of the new pattern, as many as those that they are like."""
        cards = round(len(like) / COINS)
        tried = like.sample(cards * COINS, replace=True, random_state=self.seed).reset_index(drop=True)
        of_world = self.transactions["cc_num"].unique()
        tried["cc_num"] = np.repeat(draw.choice(of_world, cards, replace=False), COINS)
        tried["amount_cents"] = draw.integers(100, 200, len(tried))
        begun = (
            np.repeat(draw.integers(0, MS_PER_DAY - 120_000, cards), COINS) + np.tile(np.arange(COINS), cards) * 20_000
        )
        tried["event_time"] = pd.to_datetime(_ms(day) + begun, unit="ms", utc=True).astype(like["event_time"].dtype)
        first = (day - self.day).days * len(self.transactions)
        tried["transaction_id"] = [f"{self.seed:08x}{first + place:024x}" for place in range(len(tried))]
        tried["is_fraud"] = 1
        return tried

    def baseline(self, trained: Trained) -> Baseline:
        """Of this world's days before the watched one, by a model that was trained on none of them, or of another world."""
        known = self.before()
        scores = pd.DataFrame(
            {
                "event_time": pd.to_datetime(known["event_ms"], unit="ms", utc=True),
                "is_fraud": known["is_fraud"],
                "score": score(trained.model, model_vector(known, read_model_input(trained.manifest))),
            }
        )
        return make_baseline(trained.manifest, known, scores)

    def found(
        self, trained: Trained, baseline: Baseline, rows: pd.DataFrame, folder: Path, day: date | None = None
    ) -> dict[str, Any]:
        """The drift job's own program on rows of a watched day and all their labels: its report.

        Args:
            trained: the model that decides.
            baseline: what the day is compared with.
            rows: the day's.
            folder: for the archive, the model's baseline, and `out`, the report and its page.
            day: which; the first watched one if it is left out.
        """
        day = day or self.day
        write_archive(rows, trained, folder / "decisions")
        write_labels(rows[rows["is_fraud"] == 1], day, folder / "labels")
        baseline.write(folder / "model")
        given = {"day": day, "decisions": folder / "decisions", "model": folder / "model", "labels": folder / "labels",
                 "matured": folder / "decisions", "label-delay-days": 0, "out": folder / "out"}  # fmt: skip
        drift.main([word for name, value in given.items() for word in (f"--{name}", str(value))])
        report: dict[str, Any] = json.loads((folder / "out" / drift.FILE).read_text(encoding="utf-8"))
        return report


def write_archive(rows: pd.DataFrame, trained: Trained, folder: Path) -> None:
    """The decisions of a model on rows, as the archive has them."""
    scores = score(trained.model, model_vector(rows, read_model_input(trained.manifest)))
    moments = pa.array(rows["event_ms"], pa.timestamp("ms", "UTC"))
    flagged = scores >= trained.manifest["thresholds"]["review"]
    given: dict[str, Any] = {
        "transaction_id": rows["transaction_id"], "cc_num": rows["cc_num"], "amount_cents": rows["amount_cents"],
        "trans_time": moments, "decided_at": moments, "outcome": np.where(flagged, "review", "approve"),
        "path": ["model"] * len(rows), "score": scores.astype(np.float64),
        "model_version": [trained.manifest["model_version"]] * len(rows), "features": list(_made_on(rows)),
    }  # fmt: skip
    columns = [
        pa.array(given[field.name]).cast(field.type) if field.name in given else pa.nulls(len(rows), field.type)
        for field in DECISIONS
    ]
    folder.mkdir(parents=True)
    pq.write_table(pa.Table.from_arrays(columns, names=DECISIONS.names), folder / "part.parquet")


def write_labels(frauds: pd.DataFrame, day: date, folder: Path) -> None:
    """Labels of frauds as the archive has them, known at the end of a day."""
    known = _moment(day) + timedelta(hours=23)
    rest = {"is_fraud": True, "source": "chargeback", "reported_by": "issuer", "known_at": known, "recorded_at": known}
    folder.mkdir(parents=True)
    labels = [{"transaction_id": name, **rest} for name in frauds["transaction_id"]]
    pq.write_table(pa.Table.from_pylist(labels, schema(LABEL_COLUMNS)), folder / "part.parquet")


def _made_on(rows: pd.DataFrame) -> Iterator[str]:
    """What each decision was made on, as JSON."""
    names = [name for name in INPUT_COLUMNS if name in rows and name not in ("amount_cents", "event_ms")]
    there = rows[names].astype({name: object for name in names if name in CATEGORY_FEATURES})
    there = there.astype({name: np.float64 for name in names if name not in CATEGORY_FEATURES}).astype(object)
    record: Mapping[Any, Any]
    for record in there.where(there.notna(), None).to_dict("records"):
        yield json.dumps(record)


def _with_rhythm(transactions: pd.DataFrame, seed: int) -> pd.DataFrame:
    days = transactions["event_time"].dt
    category, cents = transactions["category"], transactions["amount_cents"].astype(np.float64)
    sunday = days.day_of_week == 6
    cents = cents.mask((days.day + 3) > days.days_in_month, cents * 1.25).mask(
        sunday & category.isin(_OUT), cents * 1.2
    )
    falls = sunday & category.isin(_SHUT) & (np.random.default_rng([seed, 2]).random(len(transactions)) < 0.5)
    return transactions.assign(amount_cents=cents.round().astype(np.int64))[~falls]


def _features(transactions: pd.DataFrame, since: date) -> pd.DataFrame:
    """All features of the transactions from a day on; the others are their past."""
    asked = f"event_ms >= {_ms(since)}"
    with engine(threads=1) as connection:
        connection.register("given", pa.Table.from_pandas(transactions, preserve_index=False))
        load(connection, "given")
        compute(connection, asked=asked)
        rows = features_frame(connection, f"(SELECT * FROM given WHERE event_time >= TIMESTAMPTZ '{since}')")
    # each distinct text is looked up once, not each row
    return rows.astype({name: "category" for name in CATEGORY_FEATURES if name in rows})


def _moment(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=timezone.utc)


def _ms(day: date) -> int:
    return int(_moment(day).timestamp()) * 1_000
