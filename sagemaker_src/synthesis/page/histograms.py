"""A small picture of each column's distribution, real and synthetic."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from sagemaker_src.synthesis.page.axes import Axis, percent
from sagemaker_src.synthesis.page.figures import Figures

BARS = 6
"""Of a category, so many values are drawn: the most frequent."""
SIGNS = 22
"""Of a category's value, so many signs are shown."""


@dataclass(frozen=True)
class Bar:
    """A value of a category: its text, and its shares of the real and the synthetic rows in percent of the greatest share."""

    value: str
    real: str
    synthetic: str


@dataclass(frozen=True)
class ColumnPicture:
    """A column's picture.

    Attributes:
        name: of the column.
        place: in `quality.json`.
        distance: for the order; None where it was not measured.
        picture: of a number: an `<svg>`; else None.
        low, high: what its ends mean.
        bars: of a category.
        missing: shares of missing values in percent, real and synthetic; None where there are none.
    """

    name: str
    place: str
    distance: float | None
    picture: Markup | None
    low: str
    high: str
    bars: tuple[Bar, ...]
    missing: tuple[str, str] | None


def column_pictures(figures: Figures, moments: Set[str]) -> list[ColumnPicture]:
    """Of each column, the one that differs most first.

    Args:
        moments: names of the columns whose numbers are seconds since 1970.
    """
    columns = figures.get("fidelity.columns", [])
    pictures = [_picture(at, column, str(column["name"]) in moments) for at, column in enumerate(columns)]
    return sorted(pictures, key=lambda each: -1.0 if each.distance is None else each.distance, reverse=True)


def _picture(at: int, column: dict[str, Any], moments: bool) -> ColumnPicture:
    real, synthetic = column.get("real") or {}, column.get("synthetic") or {}
    edges = real.get("edges") or []
    axis = Axis(edges[0], edges[-1], moments=moments) if edges else Axis(0.0, 1.0)
    missing = real.get("missing") or 0.0, synthetic.get("missing") or 0.0
    return ColumnPicture(
        name=str(column["name"]),
        place=f"fidelity.columns.{at}",
        distance=column.get("distance"),
        picture=_histogram(real.get("shares") or [], synthetic.get("shares") or []) if edges else None,
        low=axis.text(axis.low) if edges else "",
        high=axis.text(axis.high) if edges else "",
        bars=() if edges else _bars(real, synthetic),
        missing=(f"{missing[0]:.1%}", f"{missing[1]:.1%}") if any(missing) else None,
    )


def _histogram(real: list[float], synthetic: list[float]) -> Markup:
    top = max([*real, *synthetic, 1e-9])
    svg = (
        '<svg viewBox="0 0 100 40" preserveAspectRatio="none" aria-hidden="true">'
        f'<path class="real-area" d="{_steps(real, top)}V40H0Z"/><path class="made-line" d="{_steps(synthetic, top)}V40"/></svg>'
    )
    return Markup(svg)  # noqa: S704 - of numbers alone


def _steps(shares: list[float], top: float) -> str:
    width = 100 / max(len(shares), 1)
    return "M0 40" + "".join(f"V{40 - 39 * share / top:.4g}H{width * (at + 1):.4g}" for at, share in enumerate(shares))


def _bars(real: dict[str, Any], synthetic: dict[str, Any]) -> tuple[Bar, ...]:
    triples = zip(real.get("values") or [], real.get("shares") or [], synthetic.get("shares") or [], strict=False)
    most = sorted(triples, key=lambda each: -max(each[1], each[2]))[:BARS]
    top = max([max(one, two) for _, one, two in most], default=0.0) or 1.0
    return tuple(Bar(_cut(str(value)), percent(one / top), percent(two / top)) for value, one, two in most)


def _cut(text: str) -> str:
    return text if len(text) <= SIGNS else text[: SIGNS - 1] + "…"
