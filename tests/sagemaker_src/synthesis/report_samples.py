"""A made-up `quality.json`, a training's history and snapshots, and real rows, for the report's tests."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from sagemaker_src.synthesis.page.scatter_views import LAST, MISSING, SIGNS

EPOCHS = (0, 10, 20, 40, 80, 160)
CHOSEN = 80


def fraud_rows(numbers: int = 4, rows: int = 60, seed: int = 0) -> pd.DataFrame:
    """Amounts, a category with missing values, a moment, and so many further numbers."""
    draws = np.random.default_rng(seed)
    made: dict[str, Any] = {
        "amount": draws.lognormal(4, 1.6, rows).round(2),
        "shop": pd.Series(draws.choice(["grocery", "travel", "electronics and games"], rows)).where(
            draws.random(rows) > 0.1
        ),
        "when": pd.Timestamp("2026-01-01") + pd.to_timedelta(draws.integers(0, 90 * 86_400, rows), unit="s"),
    }
    common = draws.standard_normal(rows)
    for at in range(numbers):
        made[f"V{at + 1}"] = common * (at % 3) / 2 + draws.standard_normal(rows)
    return pd.DataFrame(made)


def snapshots(real: pd.DataFrame, epochs: tuple[int, ...] = EPOCHS) -> pd.DataFrame:
    """Rows that come closer to the real ones from epoch to epoch."""
    parts = []
    for at, epoch in enumerate(epochs):
        part = fraud_rows(real.shape[1] - 3, len(real), seed=7)
        away = 3.0 * (1 - at / len(epochs))
        for name in part.columns[3:]:
            part[name] = part[name] + away
        part.columns = real.columns
        part.insert(0, "epoch", epoch)
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def history(epochs: int = 160, chosen: int = CHOSEN) -> list[dict[str, Any]]:
    """Losses of each epoch, the distance of every tenth."""
    draws = np.random.default_rng(1)
    return [
        {
            "epoch": epoch,
            "critic_loss": round(float(-2 + 1.5 * np.exp(-epoch / 30) + 0.1 * draws.standard_normal()), 4),
            "generator_loss": round(float(1.0 + 0.01 * epoch + 0.2 * draws.standard_normal()), 4),
            "distance": None
            if epoch % 10
            else round(0.12 + 0.4 * float(np.exp(-epoch / 25)) + 1e-6 * (epoch - chosen) ** 2, 6),
            "chosen": epoch == chosen,
        }
        for epoch in range(epochs + 1)
    ]


def decoded(text: str) -> list[float]:
    """Shares from a text of the scatter's data."""
    places = [SIGNS.index(text[at]) * 64 + SIGNS.index(text[at + 1]) for at in range(0, len(text), 2)]
    return [float("nan") if place == MISSING else place / LAST for place in places]


def _histogram(values: Any, edges: Any) -> dict[str, Any]:
    counts, _ = np.histogram(np.clip(values, edges[0], edges[-1]), bins=edges)
    return {"edges": edges.tolist(), "shares": (counts / len(values)).round(6).tolist(), "missing": 0.0}


def _shares(column: pd.Series, values: list[str]) -> dict[str, Any]:
    shares = [float((column == value).mean()) for value in values]
    return {"values": values, "shares": shares, "missing": float(column.isna().mean())}


def _column(name: str, real: pd.Series, made: pd.Series, at: int) -> dict[str, Any]:
    said = {"name": name, "distance": round(0.03 + 0.007 * (at * 7 % 13), 6), "floor": round(0.04 + 0.001 * at, 6)}
    if not pd.api.types.is_numeric_dtype(real):
        if pd.api.types.is_datetime64_any_dtype(real):
            real, made = real.astype("int64") / 1e6, made.astype("int64") / 1e6
        else:
            values = sorted(real.dropna().unique())
            return {**said, "kind": "category", "real": _shares(real, values), "synthetic": _shares(made, values)}
    edges = np.linspace(*np.quantile(real, [0.005, 0.995]), 25)
    return {**said, "kind": "number", "real": _histogram(real, edges), "synthetic": _histogram(made, edges)}


def quality(real: pd.DataFrame, seed: int = 3) -> dict[str, Any]:
    """As `evaluation.evaluate` gives it, every measure there."""
    draws = np.random.default_rng(seed)
    made = fraud_rows(real.shape[1] - 3, len(real), seed=11)
    made.columns = real.columns
    numbers = [name for at, name in enumerate(real) if at != 1]
    base = draws.uniform(0.55, 0.75, (2, 8))
    lifts = {"without": 0.0, "synthetic": 0.012, "smote": 0.004, "resampling": -0.002, "class weights": 0.001}
    splits = ("by_time", "random")
    arms = [
        {
            "name": name,
            **{
                split: (base[at] + lift + 0.01 * draws.standard_normal(8)).round(6).tolist()
                for at, split in enumerate(splits)
            },
        }
        for name, lift in lifts.items()
    ]
    gains = [
        {
            "arm": name,
            "split": split,
            "mean": round(lift + 0.0012 * at, 6),
            "low": round(lift - 0.011, 6),
            "high": round(lift + 0.013, 6),
        }
        for name, lift in lifts.items()
        if name != "without"
        for at, split in enumerate(splits)
    ]
    limits = [
        ("two_sample_auc", 0.681234, 0.75, True), ("ks_ratio", 1.312345, 1.25, False), ("least_gain", 0.012, -0.005, True),
        ("exact_copies", 0, 0, True), ("closest_ratio", 0.961111, 0.8, True), ("adversarial_loss", 0.021222, 0.1, True),
        ("membership_auc", 0.531333, 0.6, True), ("singling_out", 0.034444, 0.1, True), ("linkability", None, 0.1, False),
    ]  # fmt: skip
    return {
        "rows": {"real_fraud": 492, "trained": 394, "held_out": 98, "honest": 284315, "synthetic": 1000},
        "fidelity": {
            "mean_ks": 0.071111, "floor_ks": 0.058222,
            "columns": [_column(name, real[name], made[name], at) for at, name in enumerate(real)],
            "correlation_difference": 0.061, "floor_correlation_difference": 0.055123,
            "mutual_information_difference": 0.0191, "floor_mutual_information_difference": 0.0172,
            "two_sample_auc": 0.681234, "real_two_sample_auc": 0.507,
            "correlation": {
                "names": numbers,
                "real": real[numbers].corr().round(6).to_numpy().tolist(),
                "synthetic": made[numbers].corr().round(6).to_numpy().tolist(),
            },
        },
        "privacy": {
            "exact_copies": 0, "exact_copies_held_out": 2,
            "distance_to_closest": {"synthetic": {"p5": 0.913, "median": 2.7135}, "held_out": {"p5": 0.8421, "median": 2.8234}},
            "adversarial_accuracy": {"trained": 0.6012, "held_out": 0.622422, "loss": 0.021222},
            "membership_auc": 0.531333,
            "singling_out": {
                "univariate": {"risk": 0.0123, "low": 0.0, "high": 0.0456},
                "multivariate": {"risk": 0.034444, "low": 0.0011, "high": 0.0712},
            },
            "linkability": None,
            "not_measured": [{"what": "linkability", "why": "only 12 different held-out rows, 20 are needed"}],
        },
        "utility": {
            "judge": "XGBoost, 100 trees", "arms": arms, "gains": gains, "over_baselines": [],
            "synthetic_for_real": {"average_precision": 0.5512, "real_average_precision": 0.6534},
            "seen_test_rows": False, "not_measured": [],
        },
        "verdict": {
            "helps": "yes", "gain": 0.012, "low": 0.001, "high": 0.025, "safe": False,
            "sentences": [
                "It helps here: with the synthetic rows, average precision changes by +0.012 (95% interval +0.001 to +0.025).",
                "It is not shown to be safe to share: not measured: linkability.",
            ],
            "limits": [{"name": name, "value": value, "limit": limit, "kept": kept} for name, value, limit, kept in limits],
        },
    }  # fmt: skip
