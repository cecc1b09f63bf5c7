"""What a model was trained on, day by day, to compare later days with. Training writes it beside the model.

Features come from all rows, scores from those that the model has not seen, for a model is surer of those that it has. Kept are
counts over bins alone, of each day: no transaction can be told from them. That days differ by themselves (weekdays, ends of
months, pay days) is told from the baseline's own days; the more of them, the better: from LEAST_DAYS on, five weeks are good.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fraud.durations import MS_PER_DAY
from fraud.model_input import ModelInput, read_model_input
from sagemaker_src.drift.performance import Calibration
from sagemaker_src.drift.series import SCORE, Series, columns_of, quantile_edges

LEAST_DAYS = 7
MOST_DAYS = 92
"""The newest days of the rows that are taken: longer ago, life was another."""
FILE = "drift-baseline.json"


class BaselineError(ValueError):
    """What cannot be a baseline, or be read as one: says what is wrong and what is needed."""


@dataclass(frozen=True)
class Watched:
    """One series and its counts of each day: (days, bins + 2)."""

    series: Series
    days: NDArray[np.int64]


@dataclass(frozen=True)
class Baseline:
    """What later days are compared with.

    Attributes:
        model_version: the model whose features and scores these are.
        takes: its input.
        thresholds: {review, block}.
        days: the first moments of the days, milliseconds since 1970 in UTC.
        watched: {name: series and counts}.
        calibration: what share of transactions with a score was fraud, in the held-out rows.
        expected: what the model did on them: recall, precision, flagged share.
    """

    model_version: str
    takes: ModelInput
    thresholds: Mapping[str, float]
    days: tuple[int, ...]
    watched: Mapping[str, Watched]
    calibration: Calibration
    expected: Mapping[str, float | None]

    def write(self, folder: Path) -> Path:
        """Writes FILE into a folder, whole or not at all."""
        said = {
            "model_version": self.model_version,
            **self.takes.manifest(),
            "thresholds": dict(self.thresholds),
            "days": list(self.days),
            "series": [
                {
                    "name": each.series.name,
                    "kind": each.series.kind,
                    "edges": list(each.series.edges),
                    "values": list(each.series.values),
                    "part": each.series.part,
                    "counts": each.days.tolist(),
                }
                for each in self.watched.values()
            ],
            "calibration": {"scores": list(self.calibration.scores), "shares": list(self.calibration.shares)},
            "expected": dict(self.expected),
        }
        folder.mkdir(parents=True, exist_ok=True)
        part = folder / f"{FILE}.part"
        part.write_text(json.dumps(said, allow_nan=False) + "\n")
        return part.rename(folder / FILE)


def read_baseline(path: Path) -> Baseline:
    """What `Baseline.write` wrote, in a file or a folder.

    Raises:
        BaselineError: there is none, or it is not what was written.
    """
    file = path / FILE if path.is_dir() else path
    try:
        said: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        watched = {
            each["name"]: Watched(
                Series(each["name"], each["kind"], tuple(each["edges"]), tuple(each["values"]), each["part"]),
                np.array(each["counts"], dtype=np.int64),
            )
            for each in said["series"]
        }
        return Baseline(
            said["model_version"],
            read_model_input(said),
            said["thresholds"],
            tuple(said["days"]),
            watched,
            Calibration(tuple(said["calibration"]["scores"]), tuple(said["calibration"]["shares"])),
            said["expected"],
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BaselineError(f"{file}: {error!r}; needed: what training wrote beside the model") from error


def make_baseline(manifest: Mapping[str, Any], rows: pd.DataFrame, scores: pd.DataFrame) -> Baseline:
    """The baseline of a model.

    Args:
        manifest: the model's.
        rows: `feature_rows.ROW_COLUMNS`: what it was trained on and what came after.
        scores: of those rows that it has not seen: `event_time` (UTC), `is_fraud`, `score`.

    Raises:
        BaselineError: the rows are of fewer than LEAST_DAYS days.
    """
    takes = read_model_input(manifest)
    score, label = scores["score"].to_numpy(np.float64), scores["is_fraud"].to_numpy()
    score_day = scores["event_time"].to_numpy("datetime64[ms]").astype(np.int64) // MS_PER_DAY
    day_of = rows["event_ms"] // MS_PER_DAY
    last = int(day_of.max())
    rows = rows[day_of > last - MOST_DAYS]
    days = sorted(set((rows["event_ms"] // MS_PER_DAY).tolist()))
    if len(days) < LEAST_DAYS:
        raise BaselineError(f"the rows are of {len(days)} days; needed: {LEAST_DAYS} at least, better five weeks")
    series = {
        name: Series(name, "category", values=takes.categories[name])
        if name in takes.categories
        else Series(name, "number", edges=quantile_edges(values), part=part)
        for name, part, values, _ in columns_of(rows, takes, None)
    }
    series[SCORE] = Series(SCORE, "number", edges=quantile_edges(score))
    counts: dict[str, list[NDArray[np.int64]]] = {name: [] for name in series}
    for day, of_day in rows.groupby(rows["event_ms"] // MS_PER_DAY, sort=True):
        for name, _, values, missing in columns_of(of_day, takes, score[score_day == day]):
            counts[name].append(series[name].counts(values, missing))
    thresholds = manifest["thresholds"]
    calibration = Calibration.fitted(score, label)
    return Baseline(
        manifest["model_version"],
        takes,
        thresholds,
        tuple(day * MS_PER_DAY for day in days),
        {name: Watched(series[name], np.stack(counts[name])) for name in series},
        calibration,
        calibration.realised(score, label, thresholds["review"]),
    )
