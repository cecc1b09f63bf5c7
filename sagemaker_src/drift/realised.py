"""How well a model has done, as labels say, on a day that is as old as labels take; and whether that is surely worse than tested.

A day's figures stand beside what its scores had let expect and what the model did when it was tested. Judged are the newest
DAYS such days together, for a day has few frauds:

- **Worse.** Recall or precision is lower than when the model was tested by more than LIMIT, and the difference is not by chance
  (Newcombe's interval, by Kish's effective numbers: a card's frauds come together, so they say less than so many apart).
- **Missed frauds.** In a category, or a band of amounts or hours, there are MANY times as many frauds below the review threshold
  as the scores let expect, not by chance (Poisson, Holm over all groups), on these days or on the newest alone: a kind of fraud
  that the model does not see. A group that holds nearly all of them, as the one country of all payments, tells nothing.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import inf, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, poisson

from sagemaker_src.drift.compare import holm
from sagemaker_src.drift.labelled import UNKNOWN, Labelled
from sagemaker_src.drift.performance import Calibration, average_precision

DAYS = 7
LIMIT = 0.05
MANY = 2.0
CHANCE = 0.001
"""Of a false alarm a night. Less than of a series, for the same days are looked at in DAYS nights."""
LEAST_MISSED = 5
NEARLY_ALL = 0.9
"""Of the missed frauds and of those to be expected: a group with so many is no part."""
HALF = 0.5
"""Where fewer of the flagged payments have a label, nothing is said of the precision."""
RESAMPLES = 200
LEVEL = 0.95
FIGURES = {
    "recall": "RealisedRecall",
    "precision": "RealisedPrecision",
    "average_precision": "RealisedAveragePrecision",
}
"""{figure: its metric}."""
MISSED = "frauds missed"
_COUNTED = ("frauds", "found", "frauds_apart", "flagged", "right", "flagged_apart", "flagged_unlabelled")
Report = dict[str, Any]


def realised(day: str, labelled: Labelled, threshold: float, calibration: Calibration, expected: Mapping[str, Any],
             before: Sequence[Report]) -> Report:  # fmt: skip
    """The report of a day, ready for JSON.

    Args:
        day: whose decisions these are, as 2026-01-24.
        threshold: from which score on a payment is flagged.
        expected: what the model did when it was tested.
        before: `days` of the report of the day before.

    Returns:
        `day`; `decisions` by the model, and by others; `labels` that came back; `unlabelled` {outcome: how many of which
        nobody knows}; `figures` of the day, each with its metric, value and 95% interval, and what was estimated and expected;
        `together`, the figures of the newest DAYS days, of which `days` has the counts; `worse`, what has drifted.
    """
    counts = _counts(day, labelled, threshold, calibration)
    days = [*(each for each in before if each["day"] != day), *([counts] if counts["labels"] else [])]
    days = sorted(days, key=lambda each: str(each["day"]))[-DAYS:]
    figures = _figures([counts] if counts["labels"] else [])
    share = _average_precision(labelled) if counts["labels"] else None
    estimated = calibration.estimated(labelled.scores, threshold)
    figures.append({"name": "average_precision", **(share or _NOTHING)})
    for each in figures:
        each["metric"] = FIGURES[each["name"]]
        each["estimated"] = estimated.get(each["name"])
        each["expected"] = expected.get(each["name"])
    together = _figures(days)
    for each in together:
        each["expected"] = expected.get(each["name"])
    return {
        "day": day,
        "decisions": {"by_the_model": len(labelled.scores), "by_others": labelled.others},
        "labels": counts["labels"],
        "unlabelled": dict(labelled.unlabelled),
        "figures": figures,
        "together": together,
        "days": days,
        "worse": [*_worse(together, days, expected), *_missed(days)] if counts["labels"] else [],
    }


def _counts(day: str, labelled: Labelled, threshold: float, calibration: Calibration) -> Report:
    flagged, fraud = labelled.scores >= threshold, labelled.labels == 1
    known = labelled.labels != UNKNOWN
    # a fraud that was stopped and that nobody has labelled was found all the same: as many as the scores let expect
    unseen = float(calibration.of(labelled.scores[flagged & ~known]).sum())
    missed: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for groups in labelled.missed:
        for name, group in groups.items():
            missed[name][group] += 1
    likely: defaultdict[str, defaultdict[str, float]] = defaultdict(lambda: defaultdict(float))
    of_sample = calibration.of(labelled.scores[labelled.sample]) * labelled.stands
    for groups, share in zip(labelled.sample_groups, of_sample.tolist(), strict=True):
        for name, group in groups.items():
            likely[name][group] += share
    return {
        "day": day,
        "decisions": len(labelled.scores),
        "labels": labelled.back,
        "frauds": float(fraud.sum()) + unseen,
        "found": float((fraud & flagged).sum()) + unseen,
        "unseen": unseen,
        "frauds_apart": _apart(labelled.cards[fraud]) + unseen,
        "flagged": int((flagged & known).sum()),
        "right": int((flagged & fraud).sum()),
        "flagged_apart": _apart(labelled.cards[flagged & known]),
        "flagged_unlabelled": int((flagged & ~known).sum()),
        "missed_frauds": len(labelled.missed),
        "missed_apart": _apart(np.asarray(labelled.missed_cards, dtype=np.int64)),
        "missed": {
            name: {
                group: [missed[name][group], likely[name][group]] for group in sorted({*missed[name], *likely[name]})
            }
            for name in sorted({*missed, *likely})
        },
    }


def _apart(cards: NDArray[np.int64]) -> float:
    """As how many independent ones n of some cards count, where those of a card are all alike (Kish's effective size).

    >>> _apart(np.array([1, 2, 3])), _apart(np.array([1, 1, 1]))
    (3.0, 1.0)
    """
    times = np.unique(cards, return_counts=True)[1].astype(np.float64)
    return float(times.sum() ** 2 / (times**2).sum()) if len(times) else 0.0


_NOTHING: dict[str, float | None] = {"value": None, "low": None, "high": None}


def _figures(days: Sequence[Report]) -> list[Report]:
    """Recall and precision of days together."""
    total = {name: sum(each[name] for each in days) for name in _COUNTED}
    told = total["flagged"] >= HALF * (total["flagged"] + total["flagged_unlabelled"])
    return [
        {"name": "recall", **_share(total["found"], total["frauds"], total["frauds_apart"])},
        {
            "name": "precision",
            **(_share(total["right"], total["flagged"], total["flagged_apart"]) if told else _NOTHING),
        },
    ]


def _share(some: float, of: float, apart: float) -> dict[str, float | None]:
    if not of:
        return dict(_NOTHING)
    low, high = wilson(some / of, apart, float(norm.isf((1 - LEVEL) / 2)))
    return {"value": some / of, "low": low, "high": high}


def wilson(share: float, n: float, z: float) -> tuple[float, float]:
    """Wilson's interval of a share of n.

    >>> [round(each, 3) for each in wilson(0.9, 10, 1.96)]
    [0.596, 0.982]
    """
    if n == inf:
        return share, share
    middle, wide = share + z * z / (2 * n), z * sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(0.0, (middle - wide) / (1 + z * z / n)), min(1.0, (middle + wide) / (1 + z * z / n))


def _worse(together: Iterable[Report], days: Sequence[Report], expected: Mapping[str, Any]) -> list[Report]:
    z = float(norm.isf(CHANCE / 2))
    found = []
    for each in together:
        name, of, apart, before = {
            "recall": ("recall", "frauds", "frauds_apart", "frauds"),
            "precision": ("precision", "flagged", "flagged_apart", "flagged_rows"),
        }[each["name"]]
        now, then = each["value"], expected.get(name)
        if now is None or then is None or then - now <= LIMIT:
            continue
        n = sum(one[apart] for one in days)
        tested = expected.get(before)
        # its cards are not known any more: as much alike as those of these days; a baseline of before has no number
        m = inf if not tested else tested * n / sum(one[of] for one in days)
        high, low = wilson(now, n, z)[1], wilson(then, m, z)[0]
        if now - then + sqrt((high - now) ** 2 + (then - low) ** 2) >= 0:
            continue
        found.append(
            {
                "name": f"realised {name}",
                "says": f"the {name} of {_days(days)} whose labels are in: {now:.3f}, {then:.3f} when the model was tested",
                "drifted": ["performance"],
                "value": now,
                "expected": then,
                "of_transactions": (then - now) * sum(one[of] for one in days) / sum(one["decisions"] for one in days),
            }
        )
    return found


def _days(days: Sequence[Report]) -> str:
    return "1 day" if len(days) == 1 else f"{len(days)} days"


def _missed(days: Sequence[Report]) -> list[Report]:
    """The groups with many more missed frauds than expected, on the newest day or on all together; the largest excess first."""
    looked = [each for part in (days[-1:], days) for each in _groups_of(part)]
    falls = holm([chance for *_, chance in looked], CHANCE)
    found: dict[str, Report] = {}
    for (group, some, likely, over, _), unlikely in zip(looked, falls, strict=True):
        if not unlikely or some < LEAST_MISSED or some <= MANY * likely:
            continue
        found[f"{MISSED}: {group}"] = {
            "name": f"{MISSED}: {group}",
            "says": f"frauds below the review threshold in {group}: {some:.0f} in {_days(over)}, {likely:.1f} to be expected "
            "by their scores",
            "drifted": ["performance"],
            "value": some,
            "expected": likely,
            "of_transactions": some / sum(each["decisions"] for each in over),
        }
    return sorted(found.values(), key=lambda each: float(each["expected"] - each["value"]))


def _groups_of(days: Sequence[Report]) -> Iterator[tuple[str, float, float, Sequence[Report], float]]:
    """Each group's name, missed frauds, those to be expected, the days, and the chance of so many."""
    total: defaultdict[str, defaultdict[str, NDArray[np.float64]]] = defaultdict(
        lambda: defaultdict(lambda: np.zeros(2))
    )
    for each in days:
        for name, groups in each["missed"].items():
            for group, counts in groups.items():
                total[name][group] += counts
    # frauds of a card come together: so many count as one
    alike = max(
        1.0, sum(each["missed_frauds"] for each in days) / max(1e-9, sum(each["missed_apart"] for each in days))
    )
    for name, by_group in total.items():
        nearly_all = NEARLY_ALL * np.sum(list(by_group.values()), axis=0)
        for group, both in by_group.items():
            some, likely = both.tolist()
            if some < nearly_all[0] or likely < nearly_all[1]:
                chance = float(poisson.sf(np.ceil(some / alike) - 1, max(likely / alike, 1e-9)))
                yield f"{name} {group}", some, likely, days, chance


def _average_precision(labelled: Labelled) -> dict[str, float | None] | None:
    """Of the decisions of which somebody knows, with its interval: frauds are drawn by card, honest ones each (Poisson)."""
    fraud, honest = labelled.labels == 1, np.sort(labelled.scores[labelled.labels == 0])
    if not fraud.any():
        return None
    value = average_precision(labelled.scores[labelled.labels != UNKNOWN], labelled.labels[labelled.labels != UNKNOWN])
    order = np.argsort(-labelled.scores[fraud], kind="stable")
    score, card = labelled.scores[fraud][order], np.unique(labelled.cards[fraud][order], return_inverse=True)[1]
    last = np.append(np.flatnonzero(np.diff(score)), len(score) - 1)
    above = len(honest) - np.searchsorted(honest, score[last], side="left")
    steps = np.diff(above, prepend=0)
    rng, drawn = np.random.default_rng(1), []
    for _ in range(RESAMPLES):
        right = np.cumsum(rng.poisson(1, int(card.max()) + 1)[card])[last].astype(np.float64)
        wrong = np.cumsum(rng.poisson(steps))
        if right[-1]:
            drawn.append(np.sum(np.diff(right, prepend=0) * right / np.maximum(right + wrong, 1)) / right[-1])
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return {"value": value, "low": float(low), "high": float(high)}
