"""The demo's world and size, and what deciding its last day needs without a cloud; `local.demo_run` goes through the stacks."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa

from fraud.world import World, WorldSettings, generate, tokenised
from local.attacks import Attack, stage_attacks
from local.decided_day import Screen
from local.stores import write_nightly
from local.stream_run import DAY_MS, split_by_time
from sagemaker_src.processing.batch_features import compute, engine, features_select, load, nightly_snapshot
from sagemaker_src.training.train import Trained, TrainingSettings, train_model


@dataclass(frozen=True, kw_only=True)
class DemoSettings:
    """How large the demo is.

    Attributes:
        cards, days, seed: of the world; its last day is the one replayed.
        rate: transactions a second in the replay.
        transactions: how many of the last day's are replayed at most, from its start.
        duplicates: share of the transactions that Kafka delivers twice.
        undecided_after_s: when a transaction without features is decided by the fallback rule.
        test_days: of the history, the days that test the model.
        training: how the model is trained; smaller than for a real one, to be quick.
    """

    cards: int = 3_500
    days: int = 61
    seed: int = 7
    rate: float = 200.0
    transactions: int = 8_000
    duplicates: float = 0.05
    undecided_after_s: float = 10.0
    test_days: int = 10
    training: TrainingSettings = field(
        default_factory=lambda: TrainingSettings(rounds=300, eta=0.1, honest_rows=150_000, label_delay_days=3)
    )


@dataclass(frozen=True)
class Prepared:
    """All that deciding the last day needs.

    Attributes:
        history, live: tokenised rows before the day and of it, the staged ones among them.
        from_ms: the day's start, the cut of the nightly store.
        attacks: what was staged.
        model, nightly: the model's folder and the nightly store's file.
        trained: the model and what is known of it.
        card_numbers: of the world; they are in nothing that is written.
    """

    history: pa.Table
    live: pa.Table
    from_ms: int
    attacks: list[Attack]
    model: Path
    nightly: Path
    trained: Trained
    card_numbers: list[str]


class Timed:
    """A screen that also takes the time of each phase."""

    def __init__(self, screen: Screen) -> None:
        self.progress, self.live = screen.progress, screen.live
        self._screen, self._name, self._since = screen, "", time.perf_counter()
        self._seconds: dict[str, float] = {}

    def phase(self, name: str) -> None:
        self._end()
        self._name = name
        self._screen.phase(name)

    def seconds(self) -> dict[str, float]:
        self._end()
        return {**self._seconds, "total": round(sum(self._seconds.values()), 1)}

    def _end(self) -> None:
        now = time.perf_counter()
        if self._name:
            self._seconds[self._name] = round(now - self._since, 1)
        self._since = now


def prepare(settings: DemoSettings, folder: Path, screen: Screen) -> Prepared:
    """Make the world, the training set, the nightly store and the model; all but the world go below `folder`."""
    screen.phase("world")
    world = generate(WorldSettings(cards=settings.cards, days=settings.days, seed=settings.seed))
    history, live, attacks, from_ms = staged_world(world, settings)
    screen.phase("features")
    rows = _history_features(history, from_ms, folder / "nightly.db", screen)
    rows.to_parquet(folder / "features.parquet", index=False)
    screen.phase("training")
    test_from_ms = from_ms - settings.test_days * DAY_MS
    trained = train_model(rows, settings.training, test_from_ms=test_from_ms, progress=screen.progress)
    trained.save(folder / "model")
    numbers = world.cards["card_number"].tolist()
    return Prepared(history, live, from_ms, attacks, folder / "model", folder / "nightly.db", trained, numbers)


def staged_world(world: World, settings: DemoSettings) -> tuple[pa.Table, pa.Table, list[Attack], int]:
    """The tokenised rows before the world's last day and of it, the staged ones among them, and the day's start."""
    table = tokenised(world, secrets.token_bytes(32)).drop_columns("pattern")
    from_ms = int(pd.Timestamp(world.settings.end).value) // 1_000_000 - DAY_MS
    history, live = split_by_time(table, from_ms)
    staged, attacks = stage_attacks(history, live, from_ms)
    live = live.slice(0, settings.transactions)
    with duckdb.connect() as connection:
        connection.register("live", live)
        connection.register("staged", staged)
        both = connection.sql(
            "SELECT * FROM live UNION ALL BY NAME SELECT * FROM staged ORDER BY event_time, transaction_id"
        )
        return history, both.to_arrow_table(), attacks, from_ms


def _history_features(history: pa.Table, from_ms: int, nightly: Path, screen: Screen) -> pd.DataFrame:
    with engine() as connection:
        connection.register("curated", history)
        load(connection, "curated")
        compute(connection, lambda _, done, total: screen.progress("computing features", done, total))
        cards, population = nightly_snapshot(connection, from_ms)
        write_nightly(nightly, cards.items(), population)
        return connection.execute(features_select("curated", labelled=True)).df()
