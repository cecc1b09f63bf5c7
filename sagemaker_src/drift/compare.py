"""Whether a day differs from the baseline's days, by how much, and in what.

A series has drifted if all of this holds:

- **Significant.** A day's counts are not drawn from the baseline's distribution: by Kolmogorov-Smirnov (numbers) and chi-squared
  (all), the smaller p twice, held over all series to a chance of ALPHA of one false alarm a day (Holm).
- **Large.** The population stability index, less what chance alone gives so many values in so many bins, is over PSI_LIMIT; or
  the share that is missing or has no known value has moved by SHARE_LIMIT. So no alarm follows from the number of transactions.
- **Not by itself.** It is UNUSUAL times what the baseline's own days reach at most against those of its other half. So weekdays,
  ends of months and transactions that hang together (a card makes many) raise none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2, kstwobign

from sagemaker_src.drift.baseline import Watched
from sagemaker_src.drift.series import GROWING, Counts

ALPHA = 0.01
PSI_LIMIT = 0.2
"""The field's rule of thumb: under .1 no change worth speaking of, from .2 on one to act on."""
SHARE_LIMIT = 0.02
"""One transaction in fifty."""
UNUSUAL = 2.0
LEAST_VALUES = 30
"""With fewer values in a day nothing is said of a series."""
_SMOOTHED = 0.5
"""Added to each bin, so that an empty one has a logarithm."""


@dataclass(frozen=True)
class Difference:
    """A day against the baseline, in one series.

    Attributes:
        name: of the series.
        values: how many there are that day.
        psi: the population stability index, less what chance gives.
        ks: the largest difference of the two distribution functions at a bin's edge; None of a text.
        p: of no difference, before correction.
        moved: the least share of the series' values that must have changed for this (total variation).
        missing, unknown: shares that day; unknown: a text that the model does not know.
        missing_before, unknown_before: in the baseline.
        psi_limit, missing_limit, unknown_limit: over which it has drifted.
        drifted: in what: `distribution`, `missing`, `unknown values`; empty if in nothing.
    """

    name: str
    values: int
    psi: float
    ks: float | None
    p: float
    moved: float
    missing: float
    unknown: float
    missing_before: float
    unknown_before: float
    psi_limit: float
    missing_limit: float
    unknown_limit: float
    drifted: tuple[str, ...] = ()


def psi(day: NDArray[np.integer], reference: NDArray[np.integer]) -> float:
    """The population stability index of counts against other counts, less its mean by chance, not under 0.

    By chance it is (bins - 1) (1/n + 1/m) on average, where bins are those in which anything is.

    >>> round(psi(np.array([500, 500]), np.array([500, 500])), 3), round(psi(np.array([200, 800]), np.array([500, 500])), 2)
    (0.0, 0.41)
    """
    n, m = int(day.sum()), int(reference.sum())
    held = (day + reference) > 0
    if not n or not m or held.sum() < 2:
        return 0.0
    now, before = day[held] + _SMOOTHED, reference[held] + _SMOOTHED
    now, before = now / now.sum(), before / before.sum()
    chance = (held.sum() - 1) * (1 / n + 1 / m)
    return max(0.0, float(np.sum((now - before) * np.log(now / before))) - float(chance))


def kolmogorov_smirnov(day: NDArray[np.integer], reference: NDArray[np.integer]) -> tuple[float, float]:
    """The largest difference of the distribution functions at the bins' edges, and the chance of one so large.

    Values within a bin are taken as equal, so it is never larger than that of the values, and the chance never smaller.
    """
    n, m = int(day.sum()), int(reference.sum())
    if not n or not m:
        return 0.0, 1.0
    distance = float(np.max(np.abs(np.cumsum(day) / n - np.cumsum(reference) / m)))
    return distance, float(kstwobign.sf(distance * np.sqrt(n * m / (n + m))))


def chi_squared(day: NDArray[np.integer], reference: NDArray[np.integer]) -> float:
    """The chance that two sets of counts of one distribution differ so much (homogeneity).

    Bins in which fewer than five are expected of the day are taken together, for the statistic does not hold there.
    """
    n, m = int(day.sum()), int(reference.sum())
    if not n or not m:
        return 1.0
    expected = (day + reference) * (n / (n + m))
    small = expected < 5
    table = np.array([[*counts[~small], counts[small].sum()] for counts in (day, reference)], dtype=np.float64)
    table = table[:, table.sum(axis=0) > 0]
    if table.shape[1] < 2:
        return 1.0
    should = np.outer(table.sum(axis=1), table.sum(axis=0)) / (n + m)
    return float(chi2.sf(np.sum((table - should) ** 2 / should), table.shape[1] - 1))


def holm(chances: Sequence[float], alpha: float) -> NDArray[np.bool_]:
    """Which of several hypotheses fall, with at most a chance of `alpha` that a true one is among them.

    >>> holm([.04, .001, .02], .05).tolist()
    [True, True, True]
    >>> holm([.04, .001, .03], .05).tolist()
    [False, True, False]
    """
    if not len(chances):
        return np.zeros(0, dtype=bool)
    order = np.argsort(chances)
    limits = alpha / np.arange(len(chances), 0, -1)
    kept = np.asarray(chances)[order] > limits
    falls = np.zeros(len(chances), dtype=bool)
    falls[order[: int(np.argmax(kept)) if kept.any() else len(chances)]] = True
    return falls


def compare(counts: Mapping[str, Counts], watched: Mapping[str, Watched]) -> list[Difference]:
    """A day against a baseline, the largest differences first.

    Args:
        counts: {series: the day's counts over its bins}. A series that is not there is not compared.
        watched: the baseline's.
    """
    found = [_difference(counts[name], each) for name, each in watched.items() if name in counts]
    said = [(each, before) for each, before in found if each.values >= LEAST_VALUES and before]
    significant = holm([each.p for each, _ in said], ALPHA)
    judged = [_drifted(each) if falls else each for (each, _), falls in zip(said, significant, strict=True)] + [
        each for each, before in found if each.values < LEAST_VALUES or not before
    ]
    return sorted(judged, key=lambda each: (not each.drifted, -each.psi, each.name))


def _drifted(each: Difference) -> Difference:
    over = {
        "distribution": each.psi > each.psi_limit and each.name not in GROWING,
        "missing": abs(each.missing - each.missing_before) > each.missing_limit,
        "unknown values": each.unknown - each.unknown_before > each.unknown_limit,
    }
    return Difference(**{**vars(each), "drifted": tuple(what for what, is_over in over.items() if is_over)})


def _difference(counts: Counts, before: Watched) -> tuple[Difference, bool]:
    """The difference, and whether the baseline holds enough to say anything."""
    half = len(before.days) // 2
    halves = (before.days[:half], before.days[half:])
    reference = before.days.sum(axis=0)
    n, m = int(counts.sum()), int(reference.sum())
    there, held = counts[:-2], reference[:-2]
    distance, p_of_ks = kolmogorov_smirnov(there, held)
    number = before.series.kind == "number"
    p = min(1.0, 2 * min(chi_squared(counts, reference), p_of_ks if number else 1.0))
    # a day is like the days beside it, for they are of the same cards and look back over the same weeks: so to the other half
    own = [
        _figures(day, other.sum(axis=0))
        for part, other in (halves, halves[::-1])
        for day in part
        if day.sum() >= LEAST_VALUES
    ]
    limits = np.max(own, axis=0) if own else np.zeros(3)
    shares, shares_before = counts / max(n, 1), reference / max(m, 1)
    return (
        Difference(
            before.series.name,
            n,
            psi(there, held),
            distance if number else None,
            p,
            float(np.abs(shares - shares_before).sum() / 2),
            float(shares[-1]),
            float(shares[-2]),
            float(shares_before[-1]),
            float(shares_before[-2]),
            max(PSI_LIMIT, UNUSUAL * limits[0]),
            max(SHARE_LIMIT, UNUSUAL * limits[1]),
            max(SHARE_LIMIT, UNUSUAL * limits[2]),
        ),
        len(own) > 1,
    )


def _figures(day: Counts, reference: Counts) -> tuple[float, float, float]:
    """A day against others: index of the values that are there and known, moves of the shares of missing and of unknown ones."""
    n, m = max(int(day.sum()), 1), max(int(reference.sum()), 1)
    return (
        psi(day[:-2], reference[:-2]),
        float(abs(day[-1] / n - reference[-1] / m)),
        float(abs(day[-2] / n - reference[-2] / m)),
    )
