"""Evaluate a trained model on the rows it has not seen, beside the champion where there is one:

    python -m sagemaker_src.training.evaluate_model --model model --features features.parquet --out evaluation

The held-out rows are those after the model's last training row and the label delay. Writes `evaluation.json`, for the gate,
and `scores.parquet`, the candidate's scores of these rows.
"""

from __future__ import annotations

import argparse
import json
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import xgboost as xgb

from fraud.decision_costs import DecisionCosts, DecisionCostsError
from fraud.durations import MS_PER_DAY
from fraud.model_input import ModelInputError, read_model_input
from fraud.vector import model_vector
from sagemaker_src.training.cost_options import add_cost_options, read_costs
from sagemaker_src.training.feature_rows import FeatureRowsError, read_feature_rows
from sagemaker_src.training.fitting import score
from sagemaker_src.training.judging import FILE, judged, span
from sagemaker_src.training.metrics import Scores
from sagemaker_src.training.scored_rows import scored_rows, write_scored_rows
from sagemaker_src.training.segments import intervals
from sagemaker_src.training.train import Trained


class EvaluationError(ValueError):
    """The model or the rows cannot be evaluated: says what is lacking."""


class Evaluated(NamedTuple):
    """A model's evaluation.

    Attributes:
        told: ready for JSON: `model_version`, `metrics` (see `sagemaker_src.training.metrics`), `at_thresholds`, `calibration`,
            `card_precision` and `card_precision_without_known` (see `sagemaker_src.training.operating`), `costs` (see
            `sagemaker_src.training.cost_curve`), `held_out` {from_ms, to_ms, rows, frauds}, `champion`: None, or of the champion
            the same up to `costs`, and what `sagemaker_src.training.segments.intervals`
            gives: `resampled`, `intervals`, `difference`.
        scores: of the candidate; see `scored_rows`.
    """

    told: dict[str, Any]
    scores: pd.DataFrame


def read_model(folder: Path) -> Trained:
    """The model in a folder of `model.ubj` and `manifest.json`, or of the `model.tar.gz` that holds them.

    Raises:
        EvaluationError: it is neither, or its manifest does not say what the model takes.
    """
    archive = folder / "model.tar.gz"
    if archive.exists():
        with tempfile.TemporaryDirectory() as name, tarfile.open(archive) as packed:
            packed.extractall(name, filter="data")
            return read_model(Path(name))
    if not (folder / "manifest.json").exists():
        raise EvaluationError(
            f"{folder} holds neither model.tar.gz nor manifest.json; name a folder that training wrote"
        )
    manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    try:
        read_model_input(manifest)
    except ModelInputError as error:
        raise EvaluationError(f"{folder / 'manifest.json'}: {error}") from error
    return Trained(xgb.Booster(model_file=str(folder / "model.ubj")), manifest, pd.DataFrame())


def held_out(rows: pd.DataFrame, manifest: dict[str, Any]) -> pd.DataFrame:
    """The rows that a model has not seen, none of whose labels were known when it was trained.

    Raises:
        EvaluationError: there are none.
    """
    delay_ms = int(manifest["settings"]["label_delay_days"] * MS_PER_DAY)
    unseen = rows[rows["event_ms"] > manifest["data"]["to_ms"] + delay_ms]
    if unseen.empty:
        latest = pd.Timestamp(int(rows["event_ms"].max()), unit="ms", tz="UTC") if len(rows) else "none"
        raise EvaluationError(f"no rows after the model's last training row and the label delay; the latest: {latest}")
    return unseen


def evaluate(
    candidate: Trained, rows: pd.DataFrame, champion: Trained | None = None, costs: DecisionCosts | None = None
) -> Evaluated:
    """The evaluation of a model.

    Args:
        candidate: the model to judge, on its own features.
        rows: `feature_rows.ROW_COLUMNS`, all rows known: they say which fraud was a card's first.
        champion: judged on the very same rows, on its own features.
        costs: what decisions cost; the defaults if there are none.
    """
    costs = costs or DecisionCosts()
    tested = held_out(rows, candidate.manifest)
    scores = _scores(candidate, tested)
    beside = None if champion is None else _scores(champion, tested)
    told = {
        **judged(candidate.manifest, tested, scores, rows, costs),
        "held_out": span(tested),
        "champion": (
            None if champion is None or beside is None else judged(champion.manifest, tested, beside, rows, costs)
        ),
        **intervals(tested, rows, scores, beside),
    }
    return Evaluated(told, scored_rows(tested, scores))


def _scores(model: Trained, tested: pd.DataFrame) -> Scores:
    return score(model.model, model_vector(tested, read_model_input(model.manifest)))


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Evaluate a trained model on the rows it has not seen.")
    parser.add_argument("--model", type=Path, required=True, help="folder of model.tar.gz, or of what is in it")
    parser.add_argument("--features", type=Path, required=True, help="Parquet file or folder of labelled feature rows")
    parser.add_argument("--champion", type=Path, help="folder of the model in service; one without a model is none")
    parser.add_argument("--out", type=Path, required=True, help="folder for evaluation.json and scores.parquet")
    add_cost_options(parser)
    return parser


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = _options()
    options = parser.parse_args(arguments)
    try:
        costs = read_costs(options)
        rows = read_feature_rows(options.features)
        candidate = read_model(options.model)
        champion = read_model(options.champion) if options.champion and _holds_model(options.champion) else None
        evaluation = evaluate(candidate, rows, champion, costs)
    except FeatureRowsError as error:
        parser.error(f"--features: {error}")
    except (EvaluationError, DecisionCostsError) as error:
        parser.error(str(error))
    options.out.mkdir(parents=True, exist_ok=True)
    part = options.out / f"{FILE}.part"
    # before what the gate waits for
    write_scored_rows(options.out, evaluation.scores, evaluation.told["model_version"])
    part.write_text(json.dumps(evaluation.told, indent=2) + "\n")
    part.rename(options.out / FILE)
    print(json.dumps(evaluation.told["metrics"], indent=2))
    return 0


def _holds_model(folder: Path) -> bool:
    return any((folder / name).exists() for name in ("model.tar.gz", "manifest.json"))


if __name__ == "__main__":
    sys.exit(main())
