"""The models that a report is made of: of a folder or of the registry, each with the scores of its test."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import pyarrow.parquet as pq
import xgboost as xgb
from pyarrow.lib import ArrowException
from sklearn.metrics import average_precision_score

from fraud.fields import PROTECTED_FIELDS, Field
from reading.errors import BadInputError
from sagemaker_src.training.fairness import Group, Rate
from sagemaker_src.training.judging import FILE as EVALUATION
from sagemaker_src.training.scored_rows import FILE, MODEL_VERSION
from sagemaker_src.training.train import Trained

WRITES = "`fraud evaluate` and `fraud train` write it"
SHOWN = ("card_precision", "card_precision_without_known", "costs", "intervals", "resampled")
"""What the page takes of an evaluation."""
_NEAR = 1e-6
"""How far apart an average precision may be, computed on one machine and on another."""


class ModelVersion(NamedTuple):
    """A model, its scores and what is said of them.

    Attributes:
        name: short, for the column of a comparison.
        trained: the model, its manifest and the scores of its test.
        files, times: what it was trained and tested on, and how those files' times were taken.
        groups: {protected field: the figures of its groups}.
        notices: what the reader must know of the scores.
        told: the evaluation of the tested rows, as evaluation.json holds it; None where none was kept.
    """

    name: str
    trained: Trained
    files: str
    times: str
    groups: Mapping[Field, Sequence[Group]]
    notices: tuple[str, ...]
    told: Mapping[str, Any] | None = None

    @property
    def of_cards(self) -> bool:
        """Whether it is a model of transactions, not of a table without cards."""
        return "without_fraud_only_cards" in self.trained.manifest["metrics"]["test"]


def of_folder(folder: Path) -> ModelVersion:
    """The model of a folder that `fraud evaluate` or `fraud train` wrote.

    Raises:
        BadInputError: it holds none, or its scores are not this model's.
    """
    if not folder.is_dir():
        raise BadInputError(f"{folder}: no folder; name one that `fraud evaluate` or `fraud train` wrote")
    holds = folder / "model" if (folder / "model" / "manifest.json").is_file() else folder
    scores, version = read_scores(folder / FILE)
    trained = _trained(holds, scores)
    try:
        notices = held_together(trained, version, str(folder / FILE))
    except KeyError as error:
        raise BadInputError(f"{holds / 'manifest.json'} lacks {error.args[0]}; {WRITES}") from error
    name = folder.resolve().name
    files = f"The model and the scores of {name}"
    told = None if notices else _told(folder / EVALUATION, trained)
    return ModelVersion(name, trained, files, "as they were taken in the test", _groups(folder), notices, told)


def _told(path: Path, trained: Trained) -> dict[str, Any] | None:
    """The evaluation beside a model; None where a release before 2026-11-28 wrote none.

    Raises:
        BadInputError: it is of another model, or lacks what the page shows.
    """
    if not path.is_file():
        return None
    told = read_json(path)
    ours = trained.manifest["model_version"]
    if told.get("model_version") != ours:
        raise BadInputError(f"{path}: an evaluation of the model {told.get('model_version')}; needed: that of {ours}")
    if lacking := [name for name in SHOWN if name not in told]:
        raise BadInputError(f"{path} lacks {lacking[0]}; {WRITES}")
    return told


def read_scores(path: Path) -> tuple[pd.DataFrame, str | None]:
    """The scores of a file, and the model version that it says it is of.

    Raises:
        BadInputError: there is none, or it is no Parquet file.
    """
    if not path.is_file():
        raise BadInputError(f"{path.parent} holds no {FILE}; {WRITES}")
    try:
        scores = pd.read_parquet(path)
        said = (pq.read_schema(path).metadata or {}).get(MODEL_VERSION)
    except (OSError, ArrowException) as error:
        raise BadInputError(f"{path} is no Parquet file; {WRITES}") from error
    # as releases before 2026-11-28 named it
    named = scores if "is_fraud" in scores else scores.rename(columns={"label": "is_fraud"})
    return named, None if said is None else said.decode(errors="replace")


def held_together(trained: Trained, version: str | None, place: str) -> tuple[str, ...]:
    """Holds scores to the model they are shown with; returns what a reader must know of them.

    Args:
        trained: model, manifest and scores.
        version: of the model that the scores say they are of; None: they do not say.
        place: where the scores are from.

    Raises:
        BadInputError: they are another model's, not whole, or not of the test that the manifest tells of.
    """
    ours = trained.manifest["model_version"]
    if version not in (None, ours):
        raise BadInputError(f"{place}: scores of the model {version}; needed: those of {ours}, whose manifest this is")
    scores, told = trained.scores, trained.manifest["metrics"]["test"]
    if lacking := [name for name in ("is_fraud", "score") if name not in scores]:
        raise BadInputError(f"{place}: no column {lacking[0]!r}; needed: is_fraud (0 or 1) and score (0 to 1)")
    differs = _difference(scores, told)
    if differs is None:
        return ()
    if version == ours:
        raise BadInputError(
            f"{place}: {differs}; needed: the scores of the test that the manifest tells of. Was it cut short, or changed?"
        )
    return (
        f"The scores do not say which model gave them, and they are not those of the test that the manifest tells of: {differs}. "
        "What the threshold does is counted from the scores; the tables below are of the manifest's test.",
    )


def _difference(scores: pd.DataFrame, told: Mapping[str, Any]) -> str | None:
    """What tells scores from those of a test, as words; None where nothing does."""
    if len(scores) != told["rows"]:
        return f"{len(scores):,} rows, and {told['rows']:,} in the manifest"
    known = pd.to_numeric(scores["score"], errors="coerce").notna()
    if not known.all():
        return f"{int((~known).sum()):,} rows without a score, and the model scores every row"
    label = pd.to_numeric(scores["is_fraud"], errors="coerce")
    if label.sum() != told["frauds"]:
        return f"{label.sum():g} frauds, and {told['frauds']:,} in the manifest"
    precision = told["average_precision"]
    if precision is not None and label.isin((0, 1)).all():
        found = float(average_precision_score(label, scores["score"]))
        if abs(found - precision) > _NEAR:
            return f"average precision {found:.6f}, and {precision:.6f} in the manifest"
    return None


def _trained(folder: Path, scores: pd.DataFrame) -> Trained:
    manifest = read_json(folder / "manifest.json")
    path = folder / "model.ubj"
    try:
        return Trained(xgb.Booster(model_file=str(path)), manifest, scores)
    except xgb.core.XGBoostError as error:
        # what it says goes on with its own stack
        raise BadInputError(f"{path} is no model of XGBoost; {WRITES}") from error


def read_json(path: Path) -> dict[str, Any]:
    """An object of JSON; raises BadInputError if there is none."""
    try:
        read: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInputError(f"{path} is not there, or no JSON; {WRITES}") from error
    return read


def _groups(folder: Path) -> dict[Field, list[Group]]:
    """The groups of protected fields that `fraud evaluate` told in metrics.json; none where there is no such file."""
    if not (folder / "metrics.json").is_file():
        return {}
    told = read_json(folder / "metrics.json").get("fairness", {})
    return {field: [_group(each) for each in told[field.name]] for field in PROTECTED_FIELDS if field.name in told}


def _group(told: dict[str, Any]) -> Group:
    rates = ("false_positive_rate", "recall", "review_rate")
    return Group(
        told["name"],
        told["rows"],
        told["frauds"],
        *(Rate(**{name: told[rate][name] for name in Rate._fields}) for rate in rates),
    )
