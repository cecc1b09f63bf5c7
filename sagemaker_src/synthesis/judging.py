"""What synthetic rows are worth, measured against the real table: `quality.json` and the page that shows it.

The command line and the job in the cloud measure in this one way.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from fraud.card_numbers import mask_certain
from sagemaker_src.synthesis.errors import SynthesisError
from sagemaker_src.synthesis.fitting import Fitted, load_fitted
from sagemaker_src.synthesis.generators import DESCRIPTION, Progress
from sagemaker_src.synthesis.page.page import write_page
from sagemaker_src.synthesis.quality.evaluation import FULL, Effort, evaluate
from sagemaker_src.synthesis.quality.resplits import moments
from sagemaker_src.synthesis.quality.verdict import Limits
from sagemaker_src.synthesis.sampling import SYNTHETIC
from sagemaker_src.synthesis.table import FraudTable, frauds_among

QUALITY, REPORT = "quality.json", "report.html"
RESPLITS = 8


@dataclass(frozen=True)
class JudgeRequest:
    """How to judge.

    Attributes:
        time: the column by which the rows are in time, to train on earlier ones and test on later ones; None: splits at random
            alone.
        resplits: how many times the table is split anew, by time and at random.
        limits: what the verdict allows.
        effort: how much is done for it.
        seed: of splits, attacks and judges.
    """

    time: str | None = None
    resplits: int = RESPLITS
    limits: Limits = field(default_factory=Limits)
    effort: Effort = FULL
    seed: int = 1


def judge(
    real: FraudTable,
    synthetic: pd.DataFrame,
    request: JudgeRequest,
    folder: Path,
    *,
    model: Path | None,
    progress: Progress,
) -> dict[str, Any]:
    """Measures, and writes `quality.json` and `report.html` into a folder.

    Args:
        real: the real rows, with the columns that the model learned.
        synthetic: from `matching`.
        model: the folder of the generator that made them. Without it nobody knows which real rows it learned, so what only
            that tells is not measured.

    Returns:
        What `quality.json` holds.

    Raises:
        SynthesisError: there is no such column of the time, the model learned of another table, or too little is there to
            judge by.
    """
    if request.time is not None:
        if request.time not in real.rows:
            raise SynthesisError(
                f"{request.time}: no such column to order the rows by; there are {', '.join(real.rows)}"
            )
        moments(real.rows[request.time])  # what cannot be ordered is told before anything is measured
    fitted = None if model is None else load_fitted(model)
    learned = None if fitted is None else fitted.learned(real.fraud_rows)
    quality = evaluate(
        real,
        synthetic,
        trained=None if learned is None or learned.all() else learned,
        time=request.time,
        generator=None if fitted is None else fitted.new,
        resplits=request.resplits,
        limits=request.limits,
        effort=request.effort,
        seed=request.seed,
        progress=progress,
    )
    text = json.dumps(quality, indent=1, allow_nan=False)
    (folder / QUALITY).write_text(text + "\n", encoding="utf-8")
    write_page(
        folder / REPORT,
        quality,
        history=_history(model),
        snapshots=_snapshots(model),
        real=real.fraud_rows,
        facts=[*_facts(fitted, model), ("seed of the measurement", str(request.seed))],
    )
    return quality


def matching(synthetic: pd.DataFrame, real: FraudTable) -> pd.DataFrame:
    """Synthetic rows in the columns, order and types of the real ones; of an augmented table, the synthetic ones alone.

    Raises:
        SynthesisError: a column is missing or holds something else, there is no row, or some are labelled as no fraud.
    """
    if SYNTHETIC in synthetic and SYNTHETIC not in real.rows:
        synthetic = synthetic[synthetic[SYNTHETIC].astype(str).str.lower() == "true"]
    if real.label in synthetic and (others := len(synthetic) - frauds_among(synthetic[real.label], real.positive)):
        raise SynthesisError(
            f"{real.label}: {others:,} of {len(synthetic):,} rows are not {mask_certain(real.positive)}; needed: synthetic "
            "frauds alone, or an augmented table with its column is_synthetic"
        )
    lacking = [name for name in real.rows if name not in synthetic]
    if lacking:
        raise SynthesisError(
            f"the synthetic rows lack the column {', '.join(lacking)}; needed: all that the real rows have, or leave it out "
            f"of these as well: --without {lacking[0]}"
        )
    if synthetic.empty:
        raise SynthesisError("there is no synthetic row; needed: at least one")
    rows = synthetic[list(real.rows)].reset_index(drop=True)
    return rows.assign(**{name: _as_real(rows[name], real.rows[name]) for name in rows})


def _as_real(made: pd.Series[Any], real: pd.Series[Any]) -> pd.Series[Any]:
    if made.dtype == real.dtype:
        return made
    if pd.api.types.is_string_dtype(real.dtype):
        return made.astype(real.dtype)
    try:
        whole = real.dtype.kind in "iu" and made.dtype.kind == "f"
        return made if whole else made.astype(real.dtype)
    except (TypeError, ValueError) as error:
        raise SynthesisError(
            f"{real.name}: holds {made.dtype} in the synthetic rows and {real.dtype} in the real ones; needed: the same"
        ) from error


def _history(model: Path | None) -> list[dict[str, Any]] | None:
    path = None if model is None else model / "history.json"
    if path is None or not path.exists():
        return None
    history: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return history


def _snapshots(model: Path | None) -> pd.DataFrame | None:
    path = None if model is None else model / "snapshots.parquet"
    return None if path is None or not path.exists() else pd.read_parquet(path)


def _facts(fitted: Fitted | None, model: Path | None) -> list[tuple[str, str]]:
    """What the page says of the generator."""
    if fitted is None or model is None:
        return [("generator", "unknown: the rows came without a model")]
    own = {name: value for name, value in fitted.settings.items() if name not in ("epsilon", "delta", "bounds")}
    settings = ", ".join(f"{name} {value}" for name, value in own.items())
    bounds = ", ".join(f"{name} {low:g} to {high:g}" for name, (low, high) in fitted.settings.get("bounds", {}).items())
    return [
        ("table", fitted.file),
        ("fraud is", f"{fitted.label} = {fitted.positive}"),
        ("generator", fitted.kind + (f" ({settings})" if settings else "")),
        *([("bounds given", bounds)] if bounds else []),
        ("differential privacy", _privacy(model)),
        ("seed of the fit", str(fitted.seed)),
    ]


def _privacy(model: Path) -> str:
    """What the generator's own description says of it."""
    path = model / DESCRIPTION
    kept = json.loads(path.read_text(encoding="utf-8")).get("privacy") if path.exists() else None
    return "none" if kept is None else f"epsilon {kept['epsilon']:g}, delta {kept['delta']:.2g}"
