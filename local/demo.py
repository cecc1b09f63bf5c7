"""The demo: a made-up world, whose past becomes a model by the template's training machine, and whose last day is decided."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from fraud.world import World, WorldSettings, generate, tokenised
from local.application import Application
from local.attacks import stage_attacks
from local.decided_day import DecidedDay, average_precision
from local.ledger import Entry, counts
from local.live_day import Faults, Pace
from local.nightly import start_nightly
from local.replayer import DAY_MS
from local.rows import split_by_time
from local.run_reports import permission_counts
from local.screen import Screen, Timed
from local.through_stacks import Day, decide_through_stacks
from local.training import start_training, trained


@dataclass(frozen=True, kw_only=True)
class DemoSettings:
    """How large the demo is.

    Attributes:
        cards, days, seed: of the world; its last day is the one replayed.
        rate: transactions a second in the replay; None for what this machine can hold.
        transactions: how many of the last day's are replayed at most, from its start.
        duplicates: share of the transactions that Kafka delivers twice.
    """

    cards: int = 3_500
    days: int = 61
    seed: int = 7
    rate: float | None = None
    transactions: int = 4_000
    duplicates: float = 0.05


@dataclass(frozen=True)
class DemoResult:
    """What the run left, for the screen and the report."""

    summary: dict[str, Any]
    day: DecidedDay
    entries: list[Entry]


def run_demo(
    settings: DemoSettings,
    folder: Path,
    temporary: Path,
    screen: Screen,
    *,
    context: Mapping[str, Any] | None = None,
    faults: Faults | None = None,
) -> DemoResult:
    """Make a world, stand the stacks up, train, compute the nightly features, decide the last day, and account for it all.

    Args:
        folder: where what a person keeps goes: ledger, permissions, the model, its training set.
        temporary: where everything else goes.
        context: further settings of the stacks.
        faults: harm to do while the day is decided.

    Raises:
        What `local.through_stacks.decide_through_stacks` raises.
    """
    timed = Timed(screen)
    timed.phase("world")
    world = generate(WorldSettings(cards=settings.cards, days=settings.days, seed=settings.seed))
    day = staged_day(world, settings.transactions)
    evaluation: dict[str, Any] = {}

    def prepare(application: Application) -> None:
        training = start_training(application, day.history)
        nightly = start_nightly(application, day.history, day.from_ms, temporary, timed)
        application.wait(nightly)
        timed.progress("training set, model, evaluation, endpoint", 0, 1)
        evaluation.update(trained(application, training, folder))

    pace = Pace(rate=settings.rate, duplicates=settings.duplicates)
    decided = decide_through_stacks(
        day, folder / "model", prepare, pace, folder, temporary, timed, context=context, faults=faults
    )
    metrics = {name: value for name, value in evaluation["metrics"].items() if name != "without_fraud_only_cards"}
    model = {"model_version": evaluation["model_version"], **metrics}
    figures = {
        **decided.figures,
        "model": {**model, "average_precision_of_the_stream": average_precision(decided.day)},
        "resources": counts(decided.entries),
        "permissions": permission_counts(decided.permissions),
        "seconds": timed.seconds(),
    }
    return DemoResult(figures, decided.day, decided.entries)


def staged_day(world: World, transactions: int) -> Day:
    """A world's last day with the staged transactions, and what came before it.

    Args:
        transactions: how many of the day's at most, from its start.
    """
    table = tokenised(world, secrets.token_bytes(32)).drop_columns("pattern")
    from_ms = int(pd.Timestamp(world.settings.end).value) // 1_000_000 - DAY_MS
    history, live = split_by_time(table, from_ms)
    staged, attacks = stage_attacks(history, live, from_ms)
    live = live.slice(0, transactions)
    with duckdb.connect() as connection:
        connection.register("live", live)
        connection.register("staged", staged)
        both = connection.sql(
            "SELECT * FROM live UNION ALL BY NAME SELECT * FROM staged ORDER BY event_time, transaction_id"
        )
        return Day(history, both.to_arrow_table(), from_ms, attacks)
