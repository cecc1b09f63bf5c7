"""Train the fraud model: script mode for the SageMaker XGBoost 3.2-0 container, runnable by hand on a file of features:

    python -m sagemaker_src.training.train --train features.parquet --model-dir model --test-from 2020-03-01

Rows are split by time, never at random: [fit | label delay | validation | label delay | test]. Thresholds come from validation;
the model that is kept is then fitted again on everything that would be labelled by the day the test begins.
Writes `model.ubj`, `manifest.json`, `drift-baseline.json`, what later days are compared with, and, for the container that serves
the model, `code/inference.py`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xgboost as xgb
from numpy.typing import NDArray

from fraud.decision_costs import DecisionCosts, DecisionCostsError
from fraud.durations import MS_PER_DAY
from fraud.model_input import ModelInput
from fraud.notation import decimal_number, iso_moment_ms, whole_number
from fraud.search_space import FILE, STUDY, ParametersError, read_parameters
from fraud.vector import CATEGORY_FEATURES, declared_input, model_vector
from sagemaker_src.drift.baseline import BaselineError, make_baseline
from sagemaker_src.options import typed
from sagemaker_src.training.cost_curve import cheapest, days_of, reviews_within, sums
from sagemaker_src.training.cost_options import THRESHOLDS_BY, add_cost_options, read_costs
from sagemaker_src.training.feature_rows import FeatureRowsError, read_feature_rows
from sagemaker_src.training.fitting import Progress, TrainingSettings, TrainingSettingsError, fit, score, silent
from sagemaker_src.training.leakage import Rows, leakage
from sagemaker_src.training.metrics import Labels, Scores, evaluate_rows, ranking_metrics, threshold_at_fpr
from sagemaker_src.training.scored_rows import scored_rows, write_scored_rows
from sagemaker_src.training.split import Split, default_test_from, split
from sagemaker_src.training.synthetic_rows import Synthetic, SyntheticError, read_synthetic

PIECE = 100_000
"""Rows whose vectors are made at once."""


class TrainingDataError(ValueError):
    """The rows cannot train or test a model: says what is lacking."""


@dataclass(frozen=True)
class Trained:
    """A model, what is to be known of it, and its scores of the test rows."""

    model: xgb.Booster
    manifest: dict[str, Any]
    scores: pd.DataFrame

    def save(self, folder: Path) -> None:
        """Write `model.ubj` and `manifest.json`; the manifest last, so that a folder with one is whole."""
        folder.mkdir(parents=True, exist_ok=True)
        self.model.save_model(folder / "model.ubj")
        part = folder / "manifest.json.part"
        part.write_text(json.dumps(self.manifest, indent=2) + "\n")
        part.rename(folder / "manifest.json")

    def save_scores(self, folder: Path) -> None:
        """Write `scores.parquet`, the scores of the test rows."""
        write_scored_rows(folder, self.scores, self.manifest["model_version"])


def version(model: xgb.Booster, thresholds: dict[str, float]) -> str:
    """What a model is known by: the same trees and thresholds have the same."""
    return hashlib.sha256(bytes(model.save_raw("ubj")) + json.dumps(thresholds).encode()).hexdigest()[:12]


def _fingerprint(rows: pd.DataFrame) -> str:
    hashes = pd.util.hash_pandas_object(rows[["transaction_id", "amount_cents", "event_ms", "is_fraud"]], index=False)
    return hashlib.sha256(np.sort(hashes.to_numpy()).tobytes()).hexdigest()[:16]


def in_order(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows in the order of time, of one moment in that of their ids; the frame itself if they are: copies are large.

    >>> in_order(pd.DataFrame({"event_ms": [2, 1, 1], "transaction_id": ["a", "c", "b"]}))["transaction_id"].to_list()
    ['b', 'c', 'a']
    >>> rows = pd.DataFrame({"event_ms": [1, 1, 2], "transaction_id": ["a", "b", "a"]})
    >>> in_order(rows) is rows
    True
    """
    moment, name = rows["event_ms"].to_numpy(), rows["transaction_id"]
    later = moment[1:] > moment[:-1]
    same = ~later & (moment[1:] == moment[:-1])
    named = name.iloc[1:][same].to_numpy() > name.iloc[:-1][same].to_numpy()
    at_rest = isinstance(rows.index, pd.RangeIndex) and rows.index.equals(pd.RangeIndex(len(rows)))
    if at_rest and bool(np.all(later | same)) and bool(np.all(named)):
        return rows
    return rows.sort_values(["event_ms", "transaction_id"], ignore_index=True)


def _parted(event_ms: NDArray[np.int64], parts: Split) -> str:
    """Where the parts of the rows lie, for who has chosen them so that one lacks something."""
    first, last, fitted, begin, labelled, tested = (
        f"{np.datetime64(moment, 'ms').astype('datetime64[m]')}".replace("T", " ")
        for moment in (int(event_ms[0]), int(event_ms[-1]), *parts)
    )
    return (
        f"The rows are of {first} to {last}; fitted on are those before {fitted}, thresholds chosen on those from {begin} to "
        f"{labelled}, and tested those from {tested} on (UTC), between them the label delay"
    )


def need_both(label: Labels, which: str) -> None:
    """Holds a part of the rows to having fraud and honest ones; raises TrainingDataError."""
    frauds = int(label.sum())
    if not 0 < frauds < len(label):
        raise TrainingDataError(
            f"the {which} rows hold {frauds} frauds of {len(label)} rows; needed: at least one fraud and one honest row"
        )


def train_model(
    rows: pd.DataFrame,
    settings: TrainingSettings,
    *,
    test_from_ms: int | None = None,
    test_rows: pd.DataFrame | None = None,
    synthetic: Synthetic | None = None,
    without_dominant: bool = False,
    costs: DecisionCosts | None = None,
    progress: Progress = silent,
) -> Trained:
    """Train on rows before a moment and test on those from it on, or train on all rows and test on others.

    Args:
        rows: `feature_rows.ROW_COLUMNS`, one row a transaction.
        settings: how to train.
        test_from_ms: when the test begins, milliseconds since 1970 in UTC.
        test_rows: rows of other cards to test on, instead.
        synthetic: frauds to fit on besides; no threshold is chosen and nothing is tested on them.
        without_dominant: fit and test once more without the features that dominate or give the fraud away alone, where there
            are any; see `sagemaker_src.training.leakage`.
        costs: the thresholds are those of least cost on the validation rows, within the reviewers' hours; None: those that
            review and block the shares of honest transactions that the settings allow.
        progress: called after each boosting round.

    Raises:
        TrainingDataError: a part of the split has no fraud or no honest row.
    """
    rows = in_order(rows)
    event_ms = rows["event_ms"].to_numpy()
    label = rows["is_fraud"].to_numpy()
    end = int(event_ms[-1]) + 1 if test_from_ms is None else test_from_ms
    delay = int(settings.label_delay_days * MS_PER_DAY)
    parts = split(int(event_ms[0]), end, delay, settings.validation_share, tested_in_time=test_rows is None)
    # rows are in the order of time, so that each part is a slice of them: masks would copy
    fitted, begin, labelled, past = (int(place) for place in np.searchsorted(event_ms, [*parts[:3], end]))
    fit_part, validation_part, train_part, test_part = (
        slice(fitted), slice(begin, labelled), slice(labelled), slice(past, None),
    )  # fmt: skip
    try:
        for part, which in ((fit_part, "fitting"), (validation_part, "validation")):
            need_both(label[part], which)
    except TrainingDataError as error:
        raise TrainingDataError(f"{error}. {_parted(event_ms, parts)}") from error

    takes, vectors = taken(rows, event_ms < parts.labelled_until)
    if test_rows is None:
        tested, test_vectors, history = rows.iloc[test_part], vectors[test_part], rows
    else:
        tested = history = in_order(test_rows)
        test_vectors = model_vector(tested, takes)
    need_both(tested["is_fraud"].to_numpy(), "test")

    made = model_vector(synthetic.rows, takes) if synthetic else vectors[:0]

    def with_made(part: slice) -> tuple[NDArray[np.float32], Labels]:
        if not len(made):
            return vectors[part], label[part]
        return np.concatenate([vectors[part], made]), np.concatenate([label[part], np.ones(len(made), label.dtype)])

    candidate = fit(*with_made(fit_part), takes, settings, "choosing thresholds", progress)
    validation_score = score(candidate, vectors[validation_part])
    thresholds = _thresholds(rows.iloc[validation_part], validation_score, settings, costs)
    learnt = Rows(*with_made(train_part))
    model = fit(*learnt, takes, settings, "fitting the model", progress)
    test_score = score(model, test_vectors)
    leaks = leakage(
        model,
        takes,
        learnt,
        Rows(test_vectors, tested["is_fraud"].to_numpy()),
        settings,
        lambda scored: evaluate_rows(tested, scored, history),
        refit=without_dominant,
        progress=progress,
    )
    manifest = {
        "model_version": version(model, thresholds),
        **takes.manifest(),
        "thresholds": thresholds,
        **({} if costs is None else {"costs": {name: str(value) for name, value in asdict(costs).items()}}),
        "settings": asdict(settings),
        "metrics": {
            "validation": ranking_metrics(
                label[validation_part], validation_score, np.zeros(len(validation_score), dtype=bool)
            ),
            "test": evaluate_rows(tested, test_score, history),
        },
        "outcomes": outcomes(tested["is_fraud"].to_numpy(), test_score, thresholds),
        "leakage": leaks,
        "data": {
            "rows": labelled,
            "frauds": int(label[train_part].sum()),
            "from_ms": int(event_ms[0]),
            "to_ms": int(event_ms[train_part][-1]),
            "fingerprint": _fingerprint(rows.iloc[train_part]),
            "synthetic": synthetic.manifest if synthetic else None,
        },
        "xgboost": xgb.__version__,
    }
    return Trained(model, manifest, scored_rows(tested, test_score))


def _thresholds(
    rows: pd.DataFrame, scores: Scores, settings: TrainingSettings, costs: DecisionCosts | None
) -> dict[str, float]:
    """The scores from which transactions are reviewed and blocked, chosen on validation rows."""
    label = rows["is_fraud"].to_numpy()
    if costs is None:
        return {
            "review": threshold_at_fpr(label, scores, settings.review_fpr),
            "block": threshold_at_fpr(label, scores, settings.block_fpr),
        }
    most = reviews_within(costs, days_of(rows["event_ms"].to_numpy()))
    chosen = cheapest(sums(label, scores, rows["amount_cents"].to_numpy(), costs), costs, most)
    return {"review": chosen.review, "block": chosen.block}


def taken(rows: pd.DataFrame, train_part: NDArray[np.bool_]) -> tuple[ModelInput, NDArray[np.float32]]:
    """What the model takes, and the vectors of all rows: the declared features of which the training part holds any value."""
    there = [name for name in CATEGORY_FEATURES if name in rows]
    known = {name: sorted(rows.loc[train_part, name].dropna().unique()) for name in there}
    declared = declared_input({name: [str(value) for value in values] for name, values in known.items()})
    vectors = np.empty((len(rows), len(declared.names)), dtype=np.float32)
    held = np.zeros(len(declared.names), dtype=bool)
    for place in _pieces(len(rows)):
        vectors[place] = model_vector(rows.iloc[place], declared)
        held |= np.any(~np.isnan(vectors[place][train_part[place]]), axis=0)
    if held.all():
        return declared, vectors
    names = tuple(name for name, has in zip(declared.names, held, strict=True) if has)
    categories = {name: values for name, values in declared.categories.items() if name in names}
    return ModelInput(names, categories), _columns(vectors, held)


def _pieces(rows: int) -> Iterator[slice]:
    """Slices that together are so many rows: what is made of a piece on the way is small."""
    return (slice(start, min(start + PIECE, rows)) for start in range(0, rows, PIECE))


def _columns(vectors: NDArray[np.float32], held: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Some columns, moved together where they are, so that the vectors never stand twice in memory."""
    flat, kept = vectors.reshape(-1), int(held.sum())
    for place in _pieces(len(vectors)):
        # what is written ends before the next piece begins
        flat[place.start * kept : place.stop * kept] = vectors[place][:, held].reshape(-1)
    return flat[: len(vectors) * kept].reshape(len(vectors), kept)


def outcomes(label: Labels, score: Scores, thresholds: dict[str, float]) -> dict[str, dict[str, int]]:
    """How many test rows each outcome would have got, honest and fraud."""
    blocked = score >= thresholds["block"]
    reviewed = (score >= thresholds["review"]) & ~blocked
    parts = {"approve": ~blocked & ~reviewed, "review": reviewed, "block": blocked}
    return {
        name: {"honest": int((label[part] == 0).sum()), "fraud": int((label[part] == 1).sum())}
        for name, part in parts.items()
    }


def set_manifest(folder: Path) -> dict[str, Any] | None:
    """What `sagemaker_src.processing.training_set` says of the rows of a folder; None of rows that were made otherwise."""
    file = folder / "manifest.json"
    return dict(json.loads(file.read_text(encoding="utf-8"))) if file.is_file() else None


def _add_program(model_dir: Path) -> None:
    """Puts the program that serves the model beside it: a container without a network can fetch none."""
    program = resources.files("sagemaker_src.serving").joinpath("inference.py").read_bytes()
    (model_dir / "code").mkdir(exist_ok=True)
    (model_dir / "code" / "inference.py").write_bytes(program)


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Train the fraud model on a file or folder of feature rows (Parquet).")
    environment = os.environ
    parser.add_argument(
        "--train", type=Path, default=environment.get("SM_CHANNEL_TRAIN"), help="Parquet file or folder"
    )
    parser.add_argument("--synthetic", type=Path, help="folder of published synthetic frauds; one without any is none")
    parser.add_argument(
        "--model-dir", type=Path, default=environment.get("SM_MODEL_DIR", "model"), help="where the model goes"
    )
    parser.add_argument(
        "--test-from",
        type=typed(iso_moment_ms),
        help="test on rows from this date or time (UTC) on (default: the last fifth)",
    )
    parser.add_argument(
        "--thresholds-by",
        choices=THRESHOLDS_BY,
        default="shares",
        help="what thresholds are chosen by: the shares of honest rows that may be reviewed and blocked, or what decisions cost",
    )
    add_cost_options(parser)
    parser.add_argument(
        "--tuned",
        type=Path,
        help="folder with parameters.json, in place of these options, and its study.json if there is one",
    )
    for field, default in asdict(TrainingSettings()).items():
        read = typed(whole_number if isinstance(default, int) else decimal_number)
        parser.add_argument("--" + field.replace("_", "-"), type=read, default=default, help="default %(default)s")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = _options()
    options = parser.parse_args(arguments)
    if options.train is None:
        parser.error("--train: name a Parquet file or folder of feature rows")
    try:
        chosen = read_parameters(options.tuned / FILE) if options.tuned else {}
        given = {field: getattr(options, field) for field in asdict(TrainingSettings())}
        settings = TrainingSettings(**{**given, **chosen})
        costs = read_costs(options) if options.thresholds_by == "costs" else None
        rows = in_order(read_feature_rows(Path(options.train)))
    except ParametersError as error:
        parser.error(f"--tuned: {error}")
    except (TrainingSettingsError, DecisionCostsError) as error:
        parser.error(str(error))
    except FeatureRowsError as error:
        parser.error(f"--train: {error}")
    test_from = default_test_from(rows["event_ms"].to_numpy()) if options.test_from is None else options.test_from
    try:
        synthetic = read_synthetic(options.synthetic, test_from) if options.synthetic else None
    except (SyntheticError, FeatureRowsError) as error:
        parser.error(f"--synthetic: {error}")

    def say(what: str, done: int, total: int) -> None:
        if done % 100 == 0 or done == total:
            print(f"{what}: {done}/{total} rounds", file=sys.stderr)

    try:
        trained = train_model(rows, settings, test_from_ms=test_from, synthetic=synthetic, costs=costs, progress=say)
    except TrainingDataError as error:
        parser.error(f"--train: {error}")
    if told := set_manifest(Path(options.train)):
        trained.manifest["data"]["training_set"] = told
    if options.tuned and (options.tuned / STUDY).is_file():
        trained.manifest["study"] = json.loads((options.tuned / STUDY).read_text(encoding="utf-8"))
    trained.save(options.model_dir)
    _add_program(options.model_dir)
    try:
        make_baseline(trained.manifest, rows, trained.scores).write(options.model_dir)
    except BaselineError as error:
        print(f"no day will be compared with these rows: {error}", file=sys.stderr)
    print(json.dumps(trained.manifest["metrics"]["test"], indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
