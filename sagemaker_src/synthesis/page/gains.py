"""Pictures of utility: gains with their intervals, and what each resplit scored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from sagemaker_src.synthesis.page.axes import Axis, percent, spanned
from sagemaker_src.synthesis.page.figures import Figures, shown
from sagemaker_src.synthesis.page.wording import OWN

SPLITS = ("by_time", "random")
_ENDS = ("mean", "low", "high")


@dataclass(frozen=True)
class Row:
    """A row of a table with a picture.

    Attributes:
        arm, split: names of `quality.json`.
        place: of what is shown, in `quality.json`.
        count: of resplits.
        mean: of their scores.
        picture: an `<svg>` that is stretched to the cell.
    """

    arm: str
    split: str
    place: str
    count: int
    mean: float | None
    picture: Markup


@dataclass(frozen=True)
class Rows:
    """Rows over one axis."""

    rows: tuple[Row, ...]
    ticks: tuple[tuple[str, str], ...]


def gain_rows(figures: Figures) -> Rows:
    """Each arm's gain with its interval; a line at zero, a dashed one at the limit."""
    gains = [(at, gain) for at, gain in enumerate(figures.get("utility.gains", [])) if gain.get("mean") is not None]
    limits = [each["limit"] for each in figures.get("verdict.limits", []) if each.get("name") == "least_gain"]
    ends = [gain[name] for _, gain in gains for name in _ENDS if gain.get(name) is not None]
    axis = spanned([0.0, *limits, *ends])
    made = [
        Row(str(gain["arm"]), str(gain["split"]), f"utility.gains.{at}", 0, None, _interval(axis, gain, limits))
        for at, gain in sorted(
            gains, key=lambda pair: SPLITS.index(pair[1]["split"]) if pair[1]["split"] in SPLITS else 9
        )
    ]
    return Rows(tuple(made), _ticks(axis))


def arm_rows(figures: Figures) -> Rows:
    """Each arm's average precision in every resplit."""
    arms: list[dict[str, Any]] = figures.get("utility.arms", [])
    scores = [(each, split, list(each.get(split) or [])) for split in SPLITS for each in arms]
    axis = spanned([score for _, _, given in scores for score in given])
    made = [
        Row(
            str(each["name"]),
            split,
            f"utility.arms.{arms.index(each)}.{split}",
            len(given),
            sum(given) / len(given),
            _dots(axis, given),
        )
        for each, split, given in scores
        if given
    ]
    return Rows(tuple(made), _ticks(axis))


def other_gains(figures: Figures) -> list[dict[str, str | Markup]]:
    """Each arm's gain in the measures beside average precision: arm, measure, and mean, low and high as `<data>`."""
    measured: dict[str, dict[str, dict[str, float | None]]] = figures.get("utility.gains_of", {})
    return [
        {"arm": arm, "measure": measure, **{name: _number(measure, arm, name, gain.get(name)) for name in _ENDS}}
        for measure, arms in measured.items()
        if measure != "average_precision"
        for arm, gain in arms.items()
    ]


def _number(measure: str, arm: str, name: str, value: float | None) -> Markup:
    if value is None:
        return Markup('<span class="none">not measured</span>')
    # a measure's name may hold a point, so that it is no place as `Figures` reads one
    return Markup('<data data-gain="{}" value="{}">{}</data>').format(
        "|".join((measure, arm, name)), repr(value), shown(value, "gain")
    )


def _ticks(axis: Axis) -> tuple[tuple[str, str], ...]:
    return tuple((percent(share), text) for share, text in axis.ticks(5))


def _stretched(inside: str) -> Markup:
    svg = f'<svg viewBox="0 0 100 20" preserveAspectRatio="none" aria-hidden="true">{inside}</svg>'
    return Markup(svg)  # noqa: S704 - of numbers alone


def _interval(axis: Axis, gain: dict[str, Any], limits: list[float]) -> Markup:
    drawn = [f'<path class="zero" d="M{percent(axis.share(0.0))} 0V20"/>']
    drawn += [f'<path class="limit" d="M{percent(axis.share(each))} 0V20"/>' for each in limits]
    if gain.get("low") is not None and gain.get("high") is not None:
        drawn.append(
            f'<path class="reach" d="M{percent(axis.share(gain["low"]))} 10H{percent(axis.share(gain["high"]))}"/>'
        )
    # A line of no length with round ends is a dot, which stays round however the picture is stretched.
    drawn.append(
        f'<path class="dot {"own" if gain["arm"] in OWN else ""}" d="M{percent(axis.share(gain["mean"]))} 10h0"/>'
    )
    return _stretched("".join(drawn))


def _dots(axis: Axis, scores: list[float]) -> Markup:
    mean = sum(scores) / len(scores)
    dots = "".join(f"M{percent(axis.share(score))} 10h0" for score in scores)
    return _stretched(f'<path class="one" d="{dots}"/><path class="mean" d="M{percent(axis.share(mean))} 2V18"/>')
