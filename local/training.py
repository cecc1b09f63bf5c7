"""A model of a past, made and put behind the endpoint by the template's training machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa

from emulator.sagemaker.containers import extract
from local.application import Application, ApplicationError
from local.nightly import parquet


def start_training(application: Application, history: pa.Table) -> str:
    """Puts labelled rows where an event starts the machine; the execution's ARN."""
    application.put("CuratedBucket", "transactions/history.parquet", parquet(history))
    application.put("CuratedBucket", "transactions/_SUCCESS", b"")
    return application.started_by_event("TrainingStateMachine")


def new_champion(application: Application, training: str) -> dict[str, Any]:
    """Waits until the model of an execution serves; the execution's output.

    Raises:
        ApplicationError: the machine failed, or the model did not take over the endpoint.
    """
    ended = application.wait(training)
    if "New champion" not in application.steps(training):
        raise ApplicationError(f"the model did not take over the endpoint: {json.dumps(ended)[:500]}")
    return dict(ended)


def trained(application: Application, training: str, folder: Path) -> dict[str, Any]:
    """Waits until the model serves; writes it and its training set below a folder.

    Args:
        training: the execution's ARN.
        folder: gets `features.parquet` and `model/`.

    Returns:
        The model's evaluation.

    Raises:
        ApplicationError: the machine failed, or the model did not take over the endpoint.
    """
    run = new_champion(application, training)["run"]
    (folder / "features.parquet").write_bytes(application.get("CuratedBucket", f"training-sets/{run}/features.parquet"))
    (archive,) = [key for key in application.keys("ModelsBucket", "models/") if key.endswith("model.tar.gz")]
    extract(application.get("ModelsBucket", archive), folder / "model")
    return dict(json.loads(application.get("ModelsBucket", f"evaluations/{run}/evaluation.json")))
