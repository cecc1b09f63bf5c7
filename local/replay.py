"""A day of someone's own transactions, decided by their own model."""

from __future__ import annotations

from pathlib import Path

from local.application import Application
from local.live_day import Faults, Pace
from local.nightly import start_nightly
from local.own_model import deploy_model
from local.screen import Screen
from local.through_stacks import Day, Decided, decide_through_stacks


def replay(
    day: Day, model: Path, pace: Pace, temporary: Path, screen: Screen, *, faults: Faults | None = None
) -> Decided:
    """Stand the stacks up, register and deploy the model, compute the nightly features, and decide the day.

    Args:
        model: its folder, as training writes it.
        temporary: where everything that is written goes.
        faults: harm to do while the day is decided.

    Raises:
        What `local.through_stacks.decide_through_stacks` raises.
    """

    def prepare(application: Application) -> None:
        nightly = start_nightly(application, day.history, day.from_ms, temporary, screen)
        screen.progress("the model's registration and deployment", 0, 1)
        deploy_model(application, model)
        application.wait(nightly)

    return decide_through_stacks(day, model, prepare, pace, temporary, temporary, screen, faults=faults)
