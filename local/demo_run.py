"""The whole system through its stacks: what `make demo` runs.

The synthesized templates stand on the emulated AWS. A world's past becomes a model by the template's training machine, which an
event starts, and nightly features by the template's nightly machine; its last day goes into the stack's topic and is decided by
the stack's functions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emulator.process import EmulatedAws
from fraud.world import WorldSettings, generate
from local.application import Application
from local.decided_again import differing_decisions, write_nightly_of
from local.decided_day import DecidedDay, Screen, average_precision, summary
from local.demo import DemoSettings, Timed, staged_world
from local.deployment import deploy
from local.ledger import Entry, counts
from local.live_day import Faults, readers_of, replay_day
from local.nightly_and_training import train
from local.run_reports import denials, permission_counts, write_account
from local.stream_run import differing_features
from local.synthesis import synthesized_stacks


class DeniedError(RuntimeError):
    """A policy in the templates does not allow what was done: names role, action and resource."""


class NotHeldError(RuntimeError):
    """Something that every run holds did not hold; the text says what."""


@dataclass(frozen=True)
class StackedDemo:
    """What the run left, for the screen and the report."""

    summary: dict[str, Any]
    day: DecidedDay
    entries: list[Entry]


def run_through_stacks(
    settings: DemoSettings,
    folder: Path,
    temporary: Path,
    screen: Screen,
    *,
    context: Mapping[str, Any] | None = None,
    faults: Faults | None = None,
) -> StackedDemo:
    """Make a world, stand the stacks up, train, compute the nightly features, decide the last day, and account for it all.

    Args:
        folder: where what a person keeps goes: ledger, permissions, the model, its training set.
        temporary: where everything else goes.
        context: further settings of the stacks.
        faults: harm to do while the day is decided.

    Raises:
        ProcessError, DeploymentError, ApplicationError: a part did not come up or did not do its work.
        DeniedError: a policy does not allow what was done.
        NotHeldError: a transaction was lost or decided twice, or stream and batch, or stacks and local core, differ.
    """
    timed = Timed(screen)
    timed.phase("templates")
    # a past day is sent again, with its own times
    stacks = synthesized_stacks(temporary, {"env": "dev", "replay": True, **(context or {})})
    timed.phase("world")
    world = generate(WorldSettings(cards=settings.cards, days=settings.days, seed=settings.seed))
    history, live, attacks, from_ms = staged_world(world, settings)
    timed.phase("stacks")
    with EmulatedAws(temporary / "aws") as aws:
        deploy(stacks, aws.client, lambda name: screen.progress(name, 0, 1))
        application = Application(aws.client)
        try:
            timed.phase("training")
            evaluation = train(application, history, from_ms, folder, temporary, screen)
            timed.phase("stream")
            run = replay_day(
                application, readers_of(stacks, "features"), history, live, from_ms, settings, screen,
                while_running=faults(aws, application) if faults else lambda _: None,
            )  # fmt: skip
            dead = application.dead_letters()
            wanted = set(live["transaction_id"].to_pylist())
            decided = [row for row in application.decisions() if row["transaction_id"] in wanted]
        finally:
            if aws.running:
                entries, permissions = write_account(aws, stacks, folder)
                if refused := denials(permissions):
                    raise DeniedError("; ".join(refused))
    timed.phase("comparison")
    compared, different = differing_features(run.features, history, live, from_ms)
    nightly = temporary / "nightly.db"
    write_nightly_of(history, from_ms, nightly)
    again = differing_decisions(decided, run.features, nightly, folder / "model", temporary / "again")
    labels = dict(zip(live["transaction_id"].to_pylist(), live["is_fraud"].to_pylist(), strict=True))
    day = DecidedDay(run, decided, labels, compared, different, attacks)
    metrics = {name: value for name, value in evaluation["metrics"].items() if name != "without_fraud_only_cards"}
    model = {"model_version": evaluation["model_version"], **metrics}
    figures = {
        **summary(day),
        "decisions_compared": again[0],
        "decisions_different": len(again[1]),
        "dead_letters": sum(dead.values()),
        "model": {**model, "average_precision_of_the_stream": average_precision(day)},
        "resources": counts(entries),
        "permissions": permission_counts(permissions),
        "seconds": timed.seconds(),
    }
    if broken := _not_held(figures, dead, again[1]):
        raise NotHeldError("; ".join(broken))
    return StackedDemo(figures, day, entries)


def _not_held(figures: Mapping[str, Any], dead: Mapping[str, int], differences: Sequence[str]) -> list[str]:
    """What did not hold, a clause each."""
    clauses = {
        "undecided": "transactions were not decided",
        "decided_twice": "transactions were decided twice",
        "quarantined": "messages were refused",
        "features_different": "streamed feature records differ from batch",
        "decisions_different": f"decisions differ from the local core's, as {''.join(differences[:1])}",
        "dead_letters": f"messages could not be worked off, in {', '.join(dead)}",
    }
    return [f"{figures[name]} {clause}" for name, clause in clauses.items() if figures[name]]
