"""How a version and its evaluation are shown."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from rich.console import Console

from cli.models.registry import IN_SERVICE, PENDING, Models, Served, Version
from cli.reports.measures import MEASURES
from fraud.champion import Approved

_STATUSES = {PENDING: "pending"}
NONE = "-"


def screen() -> Console:
    """Standard output; a file or a pipe has no width of its own: wide enough for the longest table."""
    return Console(highlight=False, emoji=False, soft_wrap=True, width=None if sys.stdout.isatty() else 200)


def status(version: Version) -> str:
    """The status of its approval, in a word."""
    return _STATUSES.get(version.status, version.status.lower())


def when(version: Version) -> str:
    """When it was registered."""
    return f"{version.registered:%Y-%m-%d %H:%M}"


def figure(value: Any) -> str:
    """A figure of an evaluation: a count whole, a share with four digits.

    >>> figure(12_345), figure(0.98765), figure(None)
    ('12,345', '0.9877', '-')
    """
    if value is None:
        return NONE
    return f"{value:,}" if isinstance(value, int) else f"{value:.4f}"


def named(name: str) -> str:
    """A figure in words, as the pages have it.

    >>> named("roc_auc"), named("anything_else")
    ('ROC AUC', 'anything else')
    """
    return MEASURES.get(name, name.replace("_", " "))


def between(interval: Mapping[str, Any] | None, sign: str = "") -> str:
    """An interval; empty where there is none.

    >>> between({"value": 0.5, "low": 0.4, "high": 0.6})
    '0.4000 to 0.6000'
    """
    if not interval or interval["low"] is None or interval["high"] is None:
        return ""
    return f"{interval['low']:{sign}.4f} to {interval['high']:{sign}.4f}"


def scalars(metrics: Mapping[str, Any]) -> dict[str, float | int | None]:
    """The figures of an evaluation's metrics that are one number, or that there was nothing to compute from."""
    return {
        name: value
        for name, value in metrics.items()
        if value is None or (isinstance(value, int | float) and not isinstance(value, bool))
    }


def lacks(judged: Approved) -> str:
    """Why a version cannot be given all that it takes, as the rest of a sentence; empty if it can."""
    if judged.problem:
        return judged.problem
    if judged.uncomputed:
        return f"takes features that this release does not compute: {', '.join(judged.uncomputed)}"
    return ""


def serves(models: Models, versions: list[Version], served: Served) -> str:
    """Which version serves and why, and which is to, where that is another one."""
    settled = "" if served.status == IN_SERVICE else f"The endpoint is {served.status}. "
    now = next((one for one in versions if served.by_training and one.url == served.url), None)
    found = models.champion(versions, served)
    if now is not None and found.model is not None and found.model.name == now.name:
        return f"{settled}{found.sentence}"
    if now is not None:
        says = f"model {now.name} serves"
    else:
        first = "the first model serves, which knows nothing"
        says = "a model that is not registered serves" if served.by_training else first
    if found.model is None:
        return f"{settled}{says}: {found.why}"
    return (
        f"{settled}{says}; {found.model.name} is to: {found.why}; `fraud models promote {found.model.name}` brings it"
    )
