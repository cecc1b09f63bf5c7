"""A model behind HTTP, as its container would serve it: for an endpoint, and for a transform job."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from emulator.errors import ServiceError
from emulator.sagemaker.containers import OPT_ML, Acting, extract, placed
from emulator.sagemaker.serving_process import GaveUp, ServingProcess


def serve(
    model: Mapping[str, Any],
    variant: str,
    acting: Acting,
    folder: Path,
    gave_up: GaveUp,
    variables: Mapping[str, str] | None = None,
) -> ServingProcess:
    """The process that serves a model, once it answers.

    Args:
        model: its record.
        variant: what it is served as.
        acting: fetches it in the name of its role.
        folder: what the container sees as /opt/ml.
        gave_up: told of it and why, when the process ended again and again.
        variables: of the container, beside the model's own.

    Raises:
        ServiceError: it is not implemented here, or the role may not.
        engines.processes.ProcessError: it does not come up.
    """
    primary = model["PrimaryContainer"]
    _check_reach(model)
    acting.pull(primary["Image"])
    given = {**primary.get("Environment", {}), **(variables or {})}
    extract(acting.fetch(_model_uri(primary)), folder / "model")
    if "SAGEMAKER_PROGRAM" not in given:
        raise ServiceError(
            "ValidationException", "only script mode is served here: SAGEMAKER_PROGRAM names the program"
        )
    # the program that serves is the one that was deployed with the model, whatever stands in this checkout
    submitted = given.get("SAGEMAKER_SUBMIT_DIRECTORY", f"{OPT_ML}/code")
    if submitted.startswith("s3://"):
        extract(acting.fetch(submitted), folder / "code")
    else:
        shutil.copytree(placed(submitted, folder), folder / "code")
    return ServingProcess(model["ModelName"], variant, folder, given, gave_up)


def _check_reach(model: Mapping[str, Any]) -> None:
    """A container without a network cannot fetch its program."""
    submitted = model["PrimaryContainer"].get("Environment", {}).get("SAGEMAKER_SUBMIT_DIRECTORY", "")
    if model.get("EnableNetworkIsolation") and submitted.startswith("s3://"):
        raise ServiceError(
            "ValidationException", f"{model['ModelName']}: isolated from the network, it cannot fetch {submitted}"
        )


def _model_uri(primary: dict[str, Any]) -> str:
    source = primary.get("ModelDataSource", {}).get("S3DataSource", {})
    uri = primary.get("ModelDataUrl") or source.get("S3Uri")
    if not uri or source.get("CompressionType", "Gzip") != "Gzip":
        raise ServiceError("ValidationException", "only models in one archive (model.tar.gz) are served here")
    return str(uri)
