"""The models that are explained, of the registry or of a folder, and the rows that they are explained on."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import xgboost as xgb

from cli.applications import Environment
from cli.models.registry import Models, Version, registry
from cli.reports.registered import of_registry
from fraud.clock import day_of
from reading.errors import BadInputError
from sagemaker_src.training.evaluate_model import EvaluationError, read_model
from sagemaker_src.training.feature_rows import FeatureRowsError, read_feature_rows
from sagemaker_src.training.train import Trained

TRAINING_SETS = "training-sets"
"""Prefix of the curated bucket: the rows of each run of the training machine."""


class Explainable(NamedTuple):
    """A model, and where its own rows are from.

    Attributes:
        name: for people: `v7`, or the folder's.
        trained: the model and its manifest; of a version also the scores of the rows that it was evaluated on.
        version: of the registry; None of a folder.
    """

    name: str
    trained: Trained
    version: Version | None


def explainable(said: str, env: Environment | None, *, with_rows: bool) -> Explainable:
    """The model that a person names.

    Args:
        said: a folder that there is, else a version.
        with_rows: whether the rows are needed that it was evaluated on.

    Raises:
        BadInputError: there is none.
    """
    folder = Path(said)
    if folder.is_dir():
        holds = folder / "model" if (folder / "model" / "manifest.json").is_file() else folder
        return Explainable(folder.resolve().name, _read(holds, said), None)
    if "/" in said and not said.startswith("arn:"):
        raise BadInputError(
            f"{said}: no folder; name one that `fraud train` or `fraud evaluate` wrote, or a version as v7"
        )
    with registry(env) as models:
        version = models.version(said, models.versions())
        if with_rows:
            return Explainable(
                version.name, of_registry(version.arn, None if env is None else env.value).trained, version
            )
        archive = models.content(version.url)
        if archive is None:
            raise BadInputError(f"{version.name}: {version.url} is not there (any more)")
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        (place / "model.tar.gz").write_bytes(archive)
        return Explainable(version.name, _read(place, version.name), version)


def own_rows(model: Explainable, env: Environment | None) -> tuple[pd.DataFrame, str]:
    """The feature rows that a version was evaluated on, and a sentence on them.

    Raises:
        BadInputError: it is of a folder, or what its run was made of is not there any more.
    """
    if model.version is None:
        raise BadInputError(
            f"--rows: needed with a folder: feature rows with labels, which `fraud features` writes ({model.name})"
        )
    with registry(env) as models, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run = str(model.version.evaluation_url).split("/")[-2]
        _fetch(models, f"{TRAINING_SETS}/{run}/", folder, model.version)
        rows = _rows(folder, f"the training set of {model.name}")
    tested = rows[rows["transaction_id"].isin(model.trained.scores["transaction_id"])].reset_index(drop=True)
    if len(tested) < len(model.trained.scores):
        missing = len(model.trained.scores) - len(tested)
        raise BadInputError(
            f"{model.name}: {missing:,} rows that it was evaluated on are not in its training set; give --rows"
        )
    days = f"{day_of(int(tested['event_ms'].min()))} to {day_of(int(tested['event_ms'].max()))}"
    return tested, f"the transactions of {days} that {model.name} was evaluated on, which it had not seen"


def given_rows(file: Path) -> tuple[pd.DataFrame, str]:
    """The rows of a file, and a sentence on them.

    Raises:
        BadInputError: they cannot be read.
    """
    return _rows(file, "--rows"), f"the rows of {file.name}"


def _rows(path: Path, says: str) -> pd.DataFrame:
    try:
        return read_feature_rows(path)
    except FeatureRowsError as error:
        raise BadInputError(f"{says}: {error}") from error


def _read(folder: Path, says: str) -> Trained:
    try:
        return read_model(folder)
    except (EvaluationError, xgb.core.XGBoostError, OSError, ValueError) as error:
        # what XGBoost says goes on with its own stack
        raise BadInputError(f"{says}: no model that can be read: {str(error).splitlines()[0]}") from error


def _fetch(models: Models, prefix: str, folder: Path, version: Version) -> None:
    """The Parquet files of a run's training set."""
    bucket = models.reached.output("Data", "CuratedBucket")
    pages = models.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    keys = [found["Key"] for page in pages for found in page.get("Contents", []) if found["Key"].endswith(".parquet")]
    if not keys:
        raise BadInputError(
            f"{version.name}: s3://{bucket}/{prefix} holds no rows (any more); --rows gives some: `fraud features` writes them"
        )
    for number, key in enumerate(keys):
        models.s3.download_file(bucket, key, str(folder / f"{number}.parquet"))
