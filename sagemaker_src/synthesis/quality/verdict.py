"""The verdict: does it help here, by how much, is it safe to share; each limit with its value and whether it is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from sagemaker_src.synthesis.errors import SynthesisError
from sagemaker_src.synthesis.quality.sentences import said

Helps = Literal["yes", "no", "harms", "unclear"]
WIDE = 0.05
"""An interval that reaches further than this to either side of its middle says neither that rows help nor that they do not."""


@dataclass(frozen=True)
class Limits:
    """What synthetic rows must keep. Each is the furthest value that is still kept.

    Attributes:
        two_sample_auc: at most so well may a classifier tell synthetic from held-out real frauds (.5: not at all). Half to 1.
        ks_ratio: the mean distance of the columns' distributions, at most so many times that between real rows. 1 to 100.
        least_gain: in average precision, on average over the resplits: at least so much. -1 to 1.
        exact_copies: so many synthetic rows may equal a row that was learned. 0 to a billion.
        closest_ratio: synthetic rows are at least so many times as far from the closest learned row as held-out rows. 0 to 1.
        adversarial_loss: nearest-neighbour adversarial accuracy on held-out rows is at most so much over that on learned. 0 to 1.
        membership_auc: at most so well may an attacker tell learned from held-out rows (.5: not at all). Half to 1.
        singling_out, linkability: the share of attacks that succeed because a row was learned. 0 to 1.

    Raises:
        SynthesisError: one is outside its range.

    >>> Limits(membership_auc=2)
    Traceback (most recent call last):
        ...
    sagemaker_src.synthesis.errors.SynthesisError: membership_auc: 2; allowed: 0.5 to 1
    """

    two_sample_auc: float = 0.75
    ks_ratio: float = 1.25
    least_gain: float = -0.005
    exact_copies: int = 0
    closest_ratio: float = 0.8
    adversarial_loss: float = 0.1
    membership_auc: float = 0.6
    singling_out: float = 0.08
    linkability: float = 0.15

    def __post_init__(self) -> None:
        for field in fields(self):
            least, most = _RANGES[field.name]
            value = getattr(self, field.name)
            if not least <= value <= most:
                raise SynthesisError(f"{field.name}: {value}; allowed: {least} to {most}")


_RANGES: dict[str, tuple[float, float]] = {
    "two_sample_auc": (0.5, 1),
    "ks_ratio": (1, 100),
    "least_gain": (-1, 1),
    "exact_copies": (0, 10**9),
    "closest_ratio": (0, 1),
    "adversarial_loss": (0, 1),
    "membership_auc": (0.5, 1),
    "singling_out": (0, 1),
    "linkability": (0, 1),
}
AT_LEAST = ("least_gain", "closest_ratio")
"""Limits that a value must reach; every other one it must not pass."""
OF_PRIVACY = ("exact_copies", "closest_ratio", "adversarial_loss", "membership_auc", "singling_out", "linkability")


@dataclass(frozen=True)
class Kept:
    """A limit, the value (None: it could not be measured), and whether it is kept; what was not measured is not kept."""

    name: str
    value: float | None
    limit: float
    kept: bool


@dataclass(frozen=True)
class Verdict:
    """What synthetic rows are worth here.

    Attributes:
        helps: `yes`: the whole interval of the gain is above 0. `harms`: below 0, or the mean gain breaks its limit
            and the interval is not wide, or the mean loss is.
            `no`: neither was shown, or the rows are mostly copies. `unclear`: too few frauds or resplits
            to say, or a gain that is but an upper bound.
        gain, low, high: in average precision, with its 95% interval; None where it could not be measured.
        safe: every limit of privacy was measured and is kept.
        sentences: the verdict in words.
        limits: each of them.
    """

    helps: Helps
    gain: float | None
    low: float | None
    high: float | None
    safe: bool
    sentences: tuple[str, ...]
    limits: tuple[Kept, ...]

    @property
    def passed(self) -> bool:
        """Whether every limit, of quality and of privacy, was measured and is kept."""
        return all(each.kept for each in self.limits)

    def as_json(self) -> dict[str, Any]:
        """As it stands in `quality.json`."""
        return {**asdict(self), "sentences": list(self.sentences), "limits": [asdict(each) for each in self.limits]}


def judge(quality: Mapping[str, Any], limits: Limits, arm: str = "synthetic") -> Verdict:
    """The verdict on what was measured.

    Args:
        quality: `rows`, `fidelity`, `privacy` and `utility` of `quality.json`; what is missing there was not measured.
        limits: what must be kept.
        arm: whose gain is judged.
    """
    gain = main_gain(quality, arm)
    values = _values(quality, gain)
    kept = tuple(_kept(name, values[name], float(getattr(limits, name))) for name in values)
    helps = _helps(quality, gain, limits)
    safe = all(each.kept for each in kept if each.name in OF_PRIVACY)
    mean, low, high = (None, None, None) if gain is None else (gain["mean"], gain["low"], gain["high"])
    sentences = said(quality, arm=arm, helps=helps, gain=gain, limits=kept, of_privacy=OF_PRIVACY, safe=safe)
    return Verdict(helps, mean, low, high, safe, tuple(sentences), kept)


def main_gain(quality: Mapping[str, Any], arm: str = "synthetic") -> dict[str, Any] | None:
    """The gain that counts: over resplits by time where there are any, as a model is used; else over random ones."""
    gains = [
        each for each in _part(quality, "utility").get("gains", []) if each["arm"] == arm and each["mean"] is not None
    ]
    return min(gains, key=lambda each: str(each["split"]) != "by_time", default=None)


def _helps(quality: Mapping[str, Any], gain: dict[str, Any] | None, limits: Limits) -> Helps:
    if gain is None or gain["low"] is None or gain["high"] is None:
        return "unclear"
    wide = gain["high"] - gain["low"] > 2 * WIDE
    if gain["high"] < 0 or (gain["mean"] < limits.least_gain and (not wide or gain["mean"] < -WIDE)):
        return "harms"
    if _mostly_copies(quality):
        return "no"
    if gain["low"] > 0:
        # What was made from the frauds that it is tested on may help by knowing them: an upper bound shows no help.
        return "unclear" if _part(quality, "utility").get("seen_test_rows") else "yes"
    return "unclear" if wide else "no"


def _mostly_copies(quality: Mapping[str, Any]) -> bool:
    """Rows that repeat known ones bring nothing that repeating them does not."""
    copies, rows = _part(quality, "privacy").get("exact_copies"), _part(quality, "rows").get("synthetic")
    return bool(copies and rows and copies > rows / 2)


def _values(quality: Mapping[str, Any], gain: Mapping[str, Any] | None) -> dict[str, float | None]:
    fidelity, privacy = _part(quality, "fidelity"), _part(quality, "privacy")
    closest, singling_out = privacy.get("distance_to_closest") or {}, privacy.get("singling_out") or {}
    risks = [(singling_out.get(mode) or {}).get("risk") for mode in ("univariate", "multivariate")]
    known = [risk for risk in risks if risk is not None]
    return {
        "two_sample_auc": fidelity.get("two_sample_auc"),
        "ks_ratio": _ratio(fidelity.get("mean_ks"), fidelity.get("floor_ks")),
        "least_gain": None if gain is None else gain["mean"],
        "exact_copies": privacy.get("exact_copies"),
        "closest_ratio": _ratio(
            (closest.get("synthetic") or {}).get("median"), (closest.get("held_out") or {}).get("median")
        ),
        "adversarial_loss": (privacy.get("adversarial_accuracy") or {}).get("loss"),
        "membership_auc": privacy.get("membership_auc"),
        "singling_out": max(known) if len(known) == len(risks) else None,
        "linkability": (privacy.get("linkability") or {}).get("risk"),
    }


def _ratio(value: float | None, floor: float | None) -> float | None:
    if value is None or floor is None:
        return None
    if floor == 0:
        return 1.0 if value == 0 else 1e6
    return round(value / floor, 6)


def _kept(name: str, value: float | None, limit: float) -> Kept:
    if value is None:
        return Kept(name, None, limit, False)
    return Kept(name, value, limit, bool(value >= limit if name in AT_LEAST else value <= limit))


def _part(quality: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    return quality.get(name) or {}
