"""Whether probabilities that are calibrated on the validation rows are better than the model's own, on the test that follows.

python -m benchmarks.run calibration

The scores of the model that chooses the thresholds, on the validation rows, give two maps: Platt's (a line of the log-odds) and
an isotonic one. Both are put on the scores of the model that is served, as they would have to be. Differences are paired, with
95% intervals of draws of as many cards as there are.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from benchmarks.data import HANDBOOK, SPARKOV, needs
from benchmarks.evaluate import TEST_FROM
from cli.times import parse_moment
from fraud.durations import MS_PER_DAY
from reading.transactions import AS_USUAL, checked_reading, read_transactions
from sagemaker_src.processing.batch_features import compute, engine, features_frame, load
from sagemaker_src.training.fitting import TrainingSettings, fit, score, silent
from sagemaker_src.training.operating import calibration
from sagemaker_src.training.split import split
from sagemaker_src.training.train import in_order, taken

DATA = {
    "sparkov_dev": (SPARKOV, None, TEST_FROM),
    "handbook_dev": (HANDBOOK, "handbook", "2018-07-25"),
}
"""{name: (file, its columns, when the test begins)}."""
DRAWS = 1_000
Floats = NDArray[np.float64]


def rows_of(path: Path, columns: str | None) -> pd.DataFrame:
    """The file's transactions with their features, in order."""
    reading = AS_USUAL if columns is None else checked_reading(None, "UTC", columns)
    with engine("2GB") as connection:
        read_transactions(connection, path, "tx", secrets.token_bytes(32), reading)
        load(connection, "tx", key="row")
        compute(connection)
        return in_order(features_frame(connection, "tx", key="row"))


def log_odds(scores: Floats) -> Floats:
    """Of probabilities, as far from 0 and 1 as a float of 32 bits tells apart.

    >>> log_odds(np.array([0.5])).tolist()
    [0.0]
    """
    inside = np.clip(scores, 1e-7, 1 - 1e-7)
    found: Floats = np.log(inside / (1 - inside))
    return found


def maps(scores: Floats, label: Floats) -> dict[str, Callable[[Floats], Floats]]:
    """Each way to calibrate, learned of the scores and labels of n rows."""
    line = LogisticRegression(C=1e6).fit(log_odds(scores)[:, None], label)
    steps = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(scores, label)
    return {
        "as scored": lambda given: given,
        "Platt": lambda given: line.predict_proba(log_odds(given)[:, None])[:, 1],
        "isotonic": steps.predict,
    }


def differences(losses: Floats, than: Floats, card: NDArray[np.intp]) -> tuple[float, float, float]:
    """The mean of one loss less that of another on the same n rows, with its 95% interval."""
    count = np.bincount(card).astype(float)
    by_card = np.bincount(card, weights=losses - than)
    random = np.random.default_rng(1)
    drawn = [random.integers(0, len(count), len(count)) for _ in range(DRAWS)]
    low, high = np.quantile([by_card[cards].sum() / count[cards].sum() for cards in drawn], (0.025, 0.975))
    return float(np.mean(losses - than)), float(low), float(high)


def compared(name: str, rows: pd.DataFrame, test_from_ms: int) -> list[dict[str, Any]]:
    """The figures of one data set."""
    settings = TrainingSettings()
    event_ms, label = rows["event_ms"].to_numpy(), rows["is_fraud"].to_numpy()
    parts = split(int(event_ms[0]), test_from_ms, int(settings.label_delay_days * MS_PER_DAY))
    fitted, labelled = event_ms < parts.fitted_until, event_ms < parts.labelled_until
    validation, tested = (event_ms >= parts.validation_from) & labelled, event_ms >= test_from_ms
    takes, vectors = taken(rows, labelled)

    def scores(learnt: NDArray[np.bool_], asked: NDArray[np.bool_]) -> Floats:
        model = fit(vectors[learnt], label[learnt], takes, settings, "", silent)
        return score(model, vectors[asked]).astype(float)

    ways = maps(scores(fitted, validation), label[validation])
    own, truth = scores(labelled, tested), label[tested].astype(float)
    card = pd.factorize(rows.loc[tested, "cc_num"])[0]
    found = []
    for way, told in ways.items():
        said = told(own)
        figures = calibration(truth, said)
        value, low, high = differences((said - truth) ** 2, (own - truth) ** 2, card)
        against = "" if way == "as scored" else f" ({1e5 * value:+.2f}, {1e5 * low:+.2f} to {1e5 * high:+.2f})"
        found += [
            {"measure": f"{name}, {way}: Brier score x 100,000{against}", "value": round(1e5 * figures["brier"], 2)},
            {"measure": f"{name}, {way}: calibration error x 100,000", "value": round(1e5 * figures["error"], 2)},
        ]
    return [{**row, "unit": "", "target": None, "met": None} for row in found]


def measure() -> list[dict[str, Any]]:
    """The figures, as `benchmarks.run` collects them."""
    found = []
    for name, (path, columns, test_from) in DATA.items():
        found += needs(path) or compared(name, rows_of(path, columns), parse_moment("--test-from", test_from))
    return found


if __name__ == "__main__":
    print(json.dumps(measure(), indent=2))
