"""What a tuning job tries next, by its ranges, and which of its trials it stops early."""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

_AUTO_LOGARITHMIC = 100
"""From so many times its least on, a range with scaling Auto is searched by orders of magnitude; no page says from where."""
_DRAWN = 3
"""So many proposals are drawn before one follows from those before."""
_NEAR = 0.15
"""How far from the best a proposal is drawn, as a share of a range; of the farther ones there are fewer."""

Values = dict[str, str]
"""{name of a hyper-parameter: its value}, text as the service has it."""


class Search:
    """Proposes hyper-parameters, by what those before came to. Of one thread at a time.

    How the service chooses is its own; here `Random` draws, and of `Bayesian` every second proposal is near the best so far.

    Args:
        ranges: `ParameterRanges` that `check` has let through.
        strategy: Bayesian or Random.
        maximize: whether more of the objective is better.
        seed: the same gives the same proposals where trials run one after the other; None: another each time.
    """

    def __init__(self, ranges: Mapping[str, Any], strategy: str, *, maximize: bool, seed: int | None) -> None:
        self._numbers = {
            one["Name"]: _Range(one, whole=kind == "Integer")
            for kind in ("Integer", "Continuous")
            for one in ranges.get(f"{kind}ParameterRanges", [])
        }
        self._categories = {one["Name"]: one["Values"] for one in ranges.get("CategoricalParameterRanges", [])}
        self._follows, self._maximize = strategy == "Bayesian", maximize
        self._random = random.Random(seed)  # noqa: S311 - no secret
        self._proposed = 0
        self._best: tuple[float, Values] | None = None

    def propose(self) -> Values:
        """The next to try."""
        self._proposed += 1
        near = (
            self._best[1] if self._best and self._follows and self._proposed > _DRAWN and self._proposed % 2 else None
        )
        draw = self._random
        numbers = {
            name: each.text(draw.gauss(each.place(near[name]), _NEAR) if near else draw.random())
            for name, each in self._numbers.items()
        }
        kept = near and draw.random() > _NEAR
        categories = {
            name: near[name] if near and kept else draw.choice(values) for name, values in self._categories.items()
        }
        return {**numbers, **categories}

    def told(self, values: Values, objective: float) -> None:
        """What a proposal came to."""
        known = self._best and self._best[0]
        if known is None or (objective > known if self._maximize else objective < known):
            self._best = objective, values


class _Range:
    """A range of numbers, and where in it a value stands: 0 is its least, 1 its most."""

    def __init__(self, one: Mapping[str, str], *, whole: bool) -> None:
        self._whole, self._least, self._most = whole, float(one["MinValue"]), float(one["MaxValue"])
        scaling = one.get("ScalingType", "Auto")
        far = self._least > 0 and self._most / self._least >= _AUTO_LOGARITHMIC
        self._scale = (
            "log" if scaling == "Logarithmic" or (scaling == "Auto" and far)
            else "reverse" if scaling == "ReverseLogarithmic"
            else "linear"
        )  # fmt: skip

    def text(self, place: float) -> str:
        """The value at a place; those beyond the ends are at them."""
        ends = [self._scaled(end) for end in (self._least, self._most)]
        at = ends[0] + min(max(place, 0.0), 1.0) * (ends[1] - ends[0])
        value = math.exp(at) if self._scale == "log" else 1 - math.exp(-at) if self._scale == "reverse" else at
        value = min(max(value, self._least), self._most)
        return str(round(value) if self._whole else value)

    def place(self, text: str) -> float:
        """Where a value stands."""
        least, at, most = (self._scaled(value) for value in (self._least, float(text), self._most))
        return (at - least) / (most - least)

    def _scaled(self, value: float) -> float:
        if self._scale == "log":
            return math.log(value)
        return -math.log(1 - value) if self._scale == "reverse" else value


def hopeless(told: Sequence[float], before: Sequence[Sequence[float]], *, maximize: bool) -> bool:
    """Whether a trial is stopped early: its objective now is worse than the median of the running averages of those before it, up
    to as many epochs (page *automatic-model-tuning-early-stopping*).

    Args:
        told: the objective after each of its epochs so far.
        before: those of the training jobs that have completed.

    >>> hopeless([0.5, 0.6], [[0.7, 0.8, 0.9], [0.4, 0.5, 0.6], [0.7, 0.7, 0.7]], maximize=True)
    True
    >>> hopeless([0.5, 0.75], [[0.7, 0.8, 0.9], [0.4, 0.5, 0.6], [0.7, 0.7, 0.7]], maximize=True)
    False
    """
    averages = [statistics.fmean(each[: len(told)]) for each in before if each and told]
    if not averages:
        return False
    middle = statistics.median(averages)
    return told[-1] < middle if maximize else told[-1] > middle
