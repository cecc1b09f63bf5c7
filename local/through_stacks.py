"""A day through the stacks: the synthesized templates stand on the emulated AWS, a model serves, the day is decided, and all of
it is accounted for.

What stands in for the past is filled in by the templates' own machines; who runs this says how.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa

from emulator.process import EmulatedAws
from fraud.decision import Decision
from local.application import Application
from local.archived import Rule, deployed_rule
from local.attacks import Attack
from local.decided_again import Again, GoneError, Model, Past, decide_again
from local.decided_day import DecidedDay, summary
from local.deciding_ports import ModelScorer
from local.deployment import deploy
from local.ledger import Entry
from local.live_day import Faults, Pace, replay_day
from local.raw_rows import feature_messages, nightly_of
from local.run_reports import denials, write_account
from local.screen import Screen
from local.stand_ins import stand_ins
from local.streamed_features import differing_features, streamed_rows
from local.synthesis import synthesized_stacks


class DeniedError(RuntimeError):
    """A policy in the templates does not allow what was done: names role, action and resource."""


class NotHeldError(RuntimeError):
    """Something that every run holds did not hold; the text says what."""


@dataclass(frozen=True)
class Day:
    """A day to decide, and what came before it.

    Attributes:
        history: tokenised rows before the day.
        live: tokenised rows of the day.
        from_ms: when the day begins, 00:00 UTC, milliseconds since 1970.
        attacks: those of its rows that were staged.
    """

    history: pa.Table
    live: pa.Table
    from_ms: int
    attacks: list[Attack] = field(default_factory=list)


@dataclass(frozen=True)
class Decided:
    """What a run left.

    Attributes:
        figures: as summary.json holds them.
        entries, permissions: the ledger and the permission report.
    """

    figures: dict[str, Any]
    day: DecidedDay
    entries: list[Entry]
    permissions: list[dict[str, Any]]


def decide_through_stacks(
    day: Day,
    model: Path,
    prepare: Callable[[Application], None],
    pace: Pace,
    account: Path,
    temporary: Path,
    screen: Screen,
    *,
    context: Mapping[str, Any] | None = None,
    faults: Faults | None = None,
) -> Decided:
    """Stand the stacks up, prepare them, decide the day, and account for it all.

    Args:
        model: the folder of the model that serves once the stacks are prepared; it may be made then.
        prepare: fills the nightly features from the history and puts the model behind the endpoint.
        account: where `ledger.json` and `permissions.json` go.
        temporary: where everything else goes.
        context: further settings of the stacks.
        faults: harm to do while the day is decided.

    Raises:
        ProcessError, DeploymentError, ApplicationError: a part did not come up or did not do its work.
        DeniedError: a policy does not allow what was done.
        NotHeldError: a transaction was lost or decided twice, stream and batch differ, or a decision is another when it is
            made again.
    """
    screen.phase("templates")
    # a past day is sent again, with its own times
    settings = {"env": "dev", "replay": True, **(context or {})}
    stacks = synthesized_stacks(temporary, settings)
    screen.phase("stacks")
    with EmulatedAws(temporary / "aws", stand_ins(settings)) as aws:
        deploy(stacks, aws.client, lambda name: screen.progress(name, 0, 1))
        application = Application(aws.client)
        try:
            screen.phase("model")
            prepare(application)
            screen.phase("stream")
            run = replay_day(
                application, day.history, day.live, day.from_ms, pace, screen,
                faults=faults(aws, application) if faults else None,
            )  # fmt: skip
            dead = application.dead_letters()
            everything = list(application.decisions())
            rule = deployed_rule(application)
        finally:
            if aws.running:
                entries, permissions = write_account(aws, stacks, account)
                if refused := denials(permissions):
                    raise DeniedError("; ".join(refused))
    screen.phase("comparison")
    compared, different = differing_features(run.features, day.history, day.live, day.from_ms)
    again = all_again(everything, day, model, rule, screen)
    wanted = set(day.live["transaction_id"].to_pylist())
    decided = [row for row in everything if row["transaction_id"] in wanted]
    labels = dict(zip(day.live["transaction_id"].to_pylist(), day.live["is_fraud"].to_pylist(), strict=True))
    result = DecidedDay(run, decided, labels, compared, different, day.attacks)
    figures = {
        **summary(result),
        "decisions_compared": len(again),
        "decisions_different": sum(not one.equal for one in again),
        "dead_letters": sum(dead.values()),
    }
    if broken := _not_held(figures, dead, [one.text for one in again if not one.equal]):
        raise NotHeldError("; ".join(broken))
    return Decided(figures, result, entries, permissions)


def all_again(rows: Sequence[Mapping[str, Any]], day: Day, folder: Path, deployed: Rule, screen: Screen) -> list[Again]:
    """All decisions made again, those of the day before too, from the raw rows and the model's folder."""
    recorded = [Decision.from_json(row["decision"]) for row in rows]
    sent = streamed_rows(day.history, day.live, day.from_ms)
    model = Model(ModelScorer(folder), ModelScorer(folder, exact=False))

    def of_version(version: str) -> Model:
        if version != model.exact.version:
            raise GoneError(f"model {version}: only {model.exact.version} served")
        return model

    nightly = cache(lambda cut_ms: nightly_of(day.history, cut_ms))
    messages = feature_messages(sent, [one.transaction_id for one in recorded])
    past = Past(
        messages=messages,
        nightly=nightly,
        model=of_version,
        cuts=(day.from_ms,),
        rule=deployed.rule,
        nightly_too_old_after_ms=deployed.nightly_too_old_after_ms,
        control_group_percent=deployed.control_group_percent,
    )
    return decide_again(recorded, past, screen.progress)


def _not_held(figures: Mapping[str, Any], dead: Mapping[str, int], differences: Sequence[str]) -> list[str]:
    """What did not hold, a clause each."""
    clauses = {
        "undecided": "transactions were not decided",
        "decided_twice": "transactions were decided twice",
        "quarantined": "messages were refused",
        "features_different": "streamed feature records differ from batch",
        "decisions_different": f"decisions cannot be made again as they are, as {''.join(differences[:1])}",
        "dead_letters": f"messages could not be worked off, in {', '.join(dead)}",
    }
    return [f"{figures[name]} {clause}" for name, clause in clauses.items() if figures[name]]
