"""What reports and commands say of features that may give the fraud away."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from cli.progress import console
from fraud.vector import SAYS
from sagemaker_src.training.leakage import ALONE, DOMINATES, gain_shares, suspects
from sagemaker_src.training.train import Trained

_SHOWN = {
    "average_precision": "Average precision",
    "roc_auc": "ROC AUC",
    "recall_at_fpr_0.001": "Recall at 0.1% false positives",
}


class Leaks(NamedTuple):
    """What a page says of leakage; figures as text.

    Attributes:
        warnings: a sentence each on a feature that dominates, or that ranks the test alone.
        tried: whether the manifest says how features rank alone; one of an older release does not.
        without: of which features `rows` is without; none if that was not computed.
        rows: (measure, with all features, without those).
        limits: from when a feature is warned of.
    """

    warnings: tuple[tuple[str, str], ...]
    tried: bool
    without: tuple[str, ...]
    rows: tuple[tuple[str, str, str], ...]
    limits: str


def leaks(trained: Trained) -> Leaks:
    """What is known of a model's leakage."""
    said = trained.manifest.get("leakage") or {}
    gains, alone = gain_shares(trained.model), said.get("alone") or {}
    without = said.get("without") or {}
    features = tuple(without.get("features", ()))
    rows = _compared(trained.manifest["metrics"]["test"], without["test"]) if without else ()
    return Leaks(
        tuple((SAYS.get(name, name), _why(name, gains, alone)) for name in suspects(gains, alone)),
        bool(alone),
        tuple(SAYS.get(name, name) for name in features),
        rows,
        f"a share of the gain over {DOMINATES:.0%}, or alone a ROC AUC of {ALONE['roc_auc']:g} or an average precision of "
        f"{ALONE['average_precision']:g}",
    )


def say_leakage(trained: Trained) -> None:
    """Tells on the terminal of features that may give the fraud away."""
    found = leaks(trained)
    for feature, why in found.warnings:
        console.print(f"May give the fraud away: {feature} {why}", markup=False, soft_wrap=True)
    if found.without:
        figures = ", ".join(f"{name} {less} in place of {all_of}" for name, all_of, less in found.rows)
        console.print(f"Without {', '.join(found.without)}: {figures}", markup=False, soft_wrap=True)
    elif found.warnings:
        console.print("With --without-dominant the same command says what the model is worth without it")


def _why(name: str, gains: Mapping[str, float], alone: Mapping[str, Mapping[str, float]]) -> str:
    whys = []
    if gains[name] > DOMINATES:
        whys.append(f"has {gains[name]:.0%} of the total gain, more than all others together")
    found = alone.get(name, {})
    if any(found.get(each, 0) >= least for each, least in ALONE.items()):
        whys.append(
            f"alone ranks the test nearly perfectly: ROC AUC {found['roc_auc']:.4f}, average precision "
            f"{found['average_precision']:.4f}"
        )
    return "; it ".join(whys)


def _compared(all_of: Mapping[str, Any], less: Mapping[str, Any]) -> tuple[tuple[str, str, str], ...]:
    def shown(value: float | None) -> str:
        return "-" if value is None else f"{value:.4f}"

    return tuple((says, shown(all_of[name]), shown(less[name])) for name, says in _SHOWN.items())
