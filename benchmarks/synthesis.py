"""Synthetic fraud: how long a fit takes, how fast rows are made, how close they come to real ones, what privacy costs.

python -m benchmarks.synthesis [--part speed|sampling|fidelity|privacy] [--splits N]

Fidelity is measured on the fraud rows of `ulb_dev.parquet`: 3/4 of them at random are learned, the others held out, over 8
splits. The distance of a column is Kolmogorov and Smirnov's, from 10,000 made rows to the held-out ones; its floor is that of
the learned rows themselves. The classifier of the two-sample test is a random forest of 200 trees in 5 folds, on as many made
rows as are held out; beside it stands the same test with learned rows instead of made ones. Distances to the closest learned
row are Euclidean, each column in its standard deviations.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import ks_2samp
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.neighbors import NearestNeighbors

from benchmarks.data import ULB, needs
from benchmarks.run import shown
from sagemaker_src.synthesis.generators import KINDS, Generator, new_generator

ROWS, COLUMNS = 492, 30
FIT_S, ROWS_PER_S, KS_RATIO, AUC = 15, 1_000_000, 1.25, 0.75
"""The targets."""
SPLITS, PRIVATE_SPLITS = 8, 2
MADE = 10_000
EPSILONS = (1.0, 3.0, 10.0)
PRIVATE_EPOCHS = 50
"""Noise grows with the steps: a private generator has few."""

Rows = NDArray[np.float64]


def measure(part: str | None = None, splits: int = SPLITS) -> list[dict[str, Any]]:
    """The figures of a part, or of all: each {"measure", "value", "unit", "target", "met"}, some with a yardstick."""
    parts: dict[str, Callable[[], list[dict[str, Any]]]] = {
        "speed": speed,
        "sampling": sampling,
        "fidelity": lambda: fidelity(splits),
        "privacy": lambda: privacy(min(splits, PRIVATE_SPLITS)),
    }
    return [row for name, figures in parts.items() if part in {None, name} for row in figures()]


def figure(
    what: str, value: float, unit: str, target: str | None = None, met: bool | None = None, **more: Any
) -> dict[str, Any]:
    """One row of the table."""
    return {"measure": what, "value": value, "unit": unit, "target": target, "met": met, **more}


def yardstick() -> float:
    """Seconds of 60 products of square matrices of 1,024 single-precision numbers."""
    matrix = np.random.default_rng(0).standard_normal((1024, 1024), np.float32)
    began = time.perf_counter()
    for _ in range(60):
        matrix @ matrix
    return time.perf_counter() - began


def table(rows: int = ROWS) -> pd.DataFrame:
    """Rows of ULB's shape: 30 columns that go together."""
    draws = np.random.default_rng(0)
    values = draws.standard_normal((rows, COLUMNS)) @ draws.standard_normal((COLUMNS, COLUMNS))
    return pd.DataFrame(values, columns=[f"V{column}" for column in range(COLUMNS)])


def fitted(kind: str, rows: pd.DataFrame, seed: int, **settings: Any) -> Generator:
    """A generator of a kind that has learned the rows."""
    generator = new_generator(kind, **settings)
    generator.fit(rows, seed=seed, progress=lambda *_: None)
    return generator


def speed() -> list[dict[str, Any]]:
    """A fit of the default settings in a process of its own, from its start to its end; processor time beside it."""
    beside = yardstick()
    began = time.perf_counter()
    child = "import benchmarks.synthesis as s, time; s.fitted('wgan', s.table(), 1); print(time.process_time())"
    done = subprocess.run([sys.executable, "-c", child], check=True, capture_output=True, text=True)
    seconds = time.perf_counter() - began
    said = f"60 products of 1,024 x 1,024 in NumPy, {beside:.2f} s"
    return [
        figure(f"fit {ROWS} x {COLUMNS}, 500 epochs, with start and compilation", round(seconds, 1), "s", f"<= {FIT_S}",
               seconds <= FIT_S, yardstick=said, ratio=round(seconds / beside, 1)),
        figure("the same, processor time of both trainings", round(float(done.stdout), 1), "s"),
    ]  # fmt: skip


def sampling() -> list[dict[str, Any]]:
    """A million rows, each value back in its column; the best of 5."""
    generator = fitted("wgan", table(), 1, epochs=2)
    seconds, processor = [], []
    for _ in range(5):
        began, before = time.perf_counter(), time.process_time()
        generator.sample(1_000_000, 1)
        seconds.append(time.perf_counter() - began)
        processor.append(time.process_time() - before)
    rate = round(1_000_000 / min(seconds))
    beside = yardstick()
    return [
        figure("rows made a second, of a million", rate, "rows/s", f">= {ROWS_PER_S:,}", rate >= ROWS_PER_S,
               yardstick=f"60 products of 1,024 x 1,024 in NumPy, {beside:.2f} s", ratio=round(min(seconds) / beside, 2)),
        figure("the same, processor time of a million", round(min(processor), 2), "s"),
    ]  # fmt: skip


def distance(one: Rows, other: Rows) -> float:
    """The mean over the columns of Kolmogorov and Smirnov's distance."""
    return float(np.mean([ks_2samp(one[:, column], other[:, column]).statistic for column in range(one.shape[1])]))


def two_sample_auc(one: Rows, other: Rows) -> float:
    """How well a random forest tells them apart, by rows it has not seen; .5 is not at all."""
    rows, label = np.concatenate((one, other)), np.repeat([0, 1], [len(one), len(other)])
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    forest = RandomForestClassifier(200, random_state=0, n_jobs=2)
    return float(roc_auc_score(label, cross_val_predict(forest, rows, label, cv=folds, method="predict_proba")[:, 1]))


def closest(learned: Rows, rows: Rows) -> dict[str, float]:
    """The 5% point and the median of the distances of rows to the closest learned one."""
    scale = learned.std(0)
    lengths = NearestNeighbors(n_neighbors=1).fit(learned / scale).kneighbors(rows / scale)[0]
    return {"p5": float(np.quantile(lengths, 0.05)), "median": float(np.median(lengths))}


def split(fraud: pd.DataFrame, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Learned and held-out rows."""
    places = np.random.default_rng(seed).permutation(len(fraud))
    cut = len(fraud) // 4
    return fraud.iloc[places[cut:]], fraud.iloc[places[:cut]]


def compared(learned: pd.DataFrame, held_out: pd.DataFrame, made: pd.DataFrame) -> dict[str, float]:
    """What made rows are measured by."""
    real, kept, new = (rows.to_numpy(np.float64) for rows in (learned, held_out, made))
    copies = {row.tobytes() for row in real}
    lengths = closest(real, new[:2000])
    return {
        "ks": distance(new, kept),
        "auc": two_sample_auc(kept, new[: len(kept)]),
        "copies": sum(row.tobytes() in copies for row in new),
        **lengths,
    }


def fraud_rows() -> pd.DataFrame:
    """ULB's fraud rows."""
    rows = pd.read_parquet(ULB)
    return rows[rows["Class"] == 1].drop(columns="Class")


def fidelity(splits: int) -> list[dict[str, Any]]:
    """Every kind of generator on the same splits; means over them."""
    if lacking := needs(ULB):
        return lacking
    found: dict[str, list[dict[str, float]]] = {kind: [] for kind in ("real", *KINDS)}
    fraud = fraud_rows()
    for seed in range(splits):
        learned, held_out = split(fraud, seed)
        real, kept = learned.to_numpy(np.float64), held_out.to_numpy(np.float64)
        same = {"ks": distance(real, kept), "auc": two_sample_auc(kept, real[: len(kept)]), "copies": 0.0}
        found["real"].append({**same, **closest(real, kept)})
        for kind in KINDS:
            found[kind].append(compared(learned, held_out, fitted(kind, learned, seed).sample(MADE, seed)))
        print(
            seed, {kind: {k: round(v, 3) for k, v in rows[-1].items()} for kind, rows in found.items()}, file=sys.stderr
        )
    means = {kind: pd.DataFrame(rows).mean().to_dict() for kind, rows in found.items()}
    return [row for kind in KINDS for row in rows_of(kind, means[kind], means["real"], splits)]


def rows_of(kind: str, mean: dict[str, float], real: dict[str, float], splits: int) -> list[dict[str, Any]]:
    """The figures of a kind; targets are the wgan's."""
    aims = kind == "wgan"
    ratio = mean["ks"] / real["ks"]
    told = f"{kind}, {splits} splits: "

    def row(what: str, value: float, unit: str, target: str, met: bool, beside: str) -> dict[str, Any]:
        return figure(told + what, value, unit, target if aims else None, met if aims else None, yardstick=beside)

    return [
        row("mean Kolmogorov-Smirnov distance over the floor", round(ratio, 3), "", f"<= {KS_RATIO}", ratio <= KS_RATIO,
            f"{mean['ks']:.4f}; learned rows {real['ks']:.4f}"),
        row("two-sample AUC", round(mean["auc"], 3), "", f"<= {AUC}", mean["auc"] <= AUC, f"learned rows {real['auc']:.3f}"),
        row(f"exact copies among {MADE:,}", round(mean["copies"], 1), "rows", "0", mean["copies"] == 0, ""),
        row("median distance to the closest learned row", round(mean["median"], 2), "", "held-out rows'",
            mean["median"] >= real["median"], f"held-out rows {real['median']:.2f}"),
        row("5% point of it", round(mean["p5"], 2), "", "held-out rows'", mean["p5"] >= real["p5"],
            f"held-out rows {real['p5']:.2f}"),
    ]  # fmt: skip


def privacy(splits: int) -> list[dict[str, Any]]:
    """What an epsilon costs; the bounds are those of all rows of the file, taken as public."""
    if lacking := needs(ULB):
        return lacking
    everything = pd.read_parquet(ULB).drop(columns="Class")
    bounds = {name: (float(everything[name].min()), float(everything[name].max())) for name in everything}
    figures = []
    for epsilon in EPSILONS:
        found = []
        for seed in range(splits):
            learned, held_out = split(fraud_rows(), seed)
            settings = {"epochs": PRIVATE_EPOCHS, "epsilon": epsilon, "delta": 1e-4, "bounds": bounds}
            found.append(compared(learned, held_out, fitted("wgan", learned, seed, **settings).sample(MADE, seed)))
        mean = pd.DataFrame(found).mean()
        figures += [
            figure(f"epsilon {epsilon:g}, {PRIVATE_EPOCHS} epochs, {splits} splits: {what}", round(mean[name], 3), "")
            for what, name in (("mean Kolmogorov-Smirnov distance", "ks"), ("two-sample AUC", "auc"))
        ]
    return figures


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Measures synthetic fraud.")
    parser.add_argument("--part", choices=("speed", "sampling", "fidelity", "privacy"))
    parser.add_argument("--splits", type=int, default=SPLITS)
    options = parser.parse_args()
    for row in measure(options.part, options.splits):
        print(shown(row), flush=True)


if __name__ == "__main__":
    main()
