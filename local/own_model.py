"""A model that someone trained by hand, registered and put behind the endpoint by the template's training machine."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from pathlib import Path

from emulator.account import REGION
from local.application import Application
from local.training import new_champion
from sagemaker_src.serving import inference
from stacks.images import image

KEY = "models/by-hand/output/model.tar.gz"
_PROGRAM = Path(inference.__file__)


def deploy_model(application: Application, model: Path) -> None:
    """Registers a model as approved, and has the machine put the newest approved one behind the endpoint.

    Args:
        model: its folder, as training writes it: `model.ubj` and `manifest.json`.

    Raises:
        ApplicationError: the machine failed, or the model did not take over the endpoint.
    """
    new_champion(application, start_deploying(application, KEY, archive(model), {}))


def start_deploying(application: Application, key: str, packed: bytes, metadata: Mapping[str, str]) -> str:
    """Registers a model as approved, and starts the machine for it; the execution's ARN.

    Args:
        key: of the model's archive in the bucket of models.
        packed: the archive.
        metadata: what it is registered with; empty for one that is never to be compared with another.
    """
    application.put("ModelsBucket", key, packed)
    application.register(f"s3://{application.outputs['ModelsBucket']}/{key}", image("xgboost", REGION), metadata)
    return application.start("TrainingStateMachine", {"redeploy": True})


def archive(model: Path) -> bytes:
    """A model's folder as the endpoint's container takes it: with the program that serves it."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name in ("model.ubj", "manifest.json"):
            tar.add(model / name, name)
        tar.add(_PROGRAM, "code/inference.py")
    return packed.getvalue()
