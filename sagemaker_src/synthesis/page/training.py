"""Pictures of a generator's training: losses and the distance to held-out rows, epoch by epoch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from sagemaker_src.synthesis.page.axes import Axis, percent, spanned

POINTS = 400
"""So many points of a line are drawn at most: each the mean of the epochs that it stands for."""
LINES = (
    ("Distance to held-out rows (smaller is better)", (("distance", "distance"),)),
    ("Losses", (("critic_loss", "critic"), ("generator_loss", "generator"))),
)


@dataclass(frozen=True)
class Chart:
    """A picture of lines over epochs.

    Attributes:
        title: what is drawn.
        lines: (class, what it is) of each line, for the legend.
        picture: an `<svg>` that is stretched to its frame.
        across, up: (percent from the left or the top, text) of each tick.
        chosen: percent from the left of the chosen epoch; None: there is none.
    """

    title: str
    lines: tuple[tuple[str, str], ...]
    picture: Markup
    across: tuple[tuple[str, str], ...]
    up: tuple[tuple[str, str], ...]
    chosen: str | None


@dataclass(frozen=True)
class Training:
    """How the training went: `epochs` were trained, the model of `chosen` is used, whose distance is `distance`."""

    epochs: int
    chosen: int | None
    distance: float | None
    charts: tuple[Chart, ...]


def training(history: Sequence[Mapping[str, Any]]) -> Training | None:
    """The pictures of a history; None where there is none."""
    if not history:
        return None
    best = next((row for row in history if row.get("chosen")), None)
    epochs = [float(row["epoch"]) for row in history]
    across = spanned(epochs, 0.02)
    across = Axis(min(0.0, *epochs), max(epochs) if max(epochs) > 0 else across.high)
    charts = [_chart(title, names, history, across, best) for title, names in LINES]
    return Training(
        epochs=int(max(epochs)),
        chosen=None if best is None else int(best["epoch"]),
        distance=None if best is None else best.get("distance"),
        charts=tuple(each for each in charts if each is not None),
    )


def _chart(
    title: str,
    names: tuple[tuple[str, str], ...],
    history: Sequence[Mapping[str, Any]],
    across: Axis,
    best: Mapping[str, Any] | None,
) -> Chart | None:
    lines = {name: _line(history, name) for name, _ in names}
    values = [value for line in lines.values() for _, value in line]
    if not values:
        return None
    up = spanned(values)
    drawn = [
        f'<path class="{name}" d="M{"L".join(f"{1000 * across.share(x):.5g} {300 - 300 * up.share(y):.5g}" for x, y in line)}"/>'
        for name, line in lines.items()
        if line
    ]
    at = None if best is None else across.share(float(best["epoch"]))
    if at is not None:
        drawn.insert(0, f'<path class="chosen" d="M{1000 * at:.5g} 0V300"/>')
        if best is not None and best.get("distance") is not None and "distance" in lines:
            drawn.append(f'<path class="dot own" d="M{1000 * at:.5g} {300 - 300 * up.share(best["distance"]):.5g}h0"/>')
    svg = f'<svg viewBox="0 0 1000 300" preserveAspectRatio="none" aria-hidden="true">{"".join(drawn)}</svg>'
    return Chart(
        title=title,
        lines=tuple((name, says) for name, says in names if lines[name]) if len(names) > 1 else (),
        picture=Markup(svg),  # noqa: S704 - of numbers alone
        across=tuple((percent(share), text) for share, text in across.ticks(4)),
        up=tuple((percent(1 - share), text) for share, text in up.ticks(4)),
        chosen=None if at is None else percent(at),
    )


def _line(history: Sequence[Mapping[str, Any]], name: str) -> list[tuple[float, float]]:
    points = [
        (float(row["epoch"]), float(row[name]))
        for row in history
        if row.get(name) is not None and math.isfinite(row[name])
    ]
    size = -(-len(points) // POINTS)
    groups = [points[start : start + size] for start in range(0, len(points), size)] if size else []
    return [(sum(x for x, _ in each) / len(each), sum(y for _, y in each) / len(each)) for each in groups]
