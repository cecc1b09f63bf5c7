"""A model that someone trained by hand, registered and put behind the endpoint by the template's training machine."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

from emulator.account import REGION
from local.application import Application, ApplicationError
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
    application.put("ModelsBucket", KEY, archive(model))
    application.register(f"s3://{application.outputs['ModelsBucket']}/{KEY}", image("xgboost", REGION))
    execution = application.start("TrainingStateMachine", {"redeploy": True})
    ended = application.wait(execution)
    if "New champion" not in application.steps(execution):
        raise ApplicationError(f"the model did not take over the endpoint: {json.dumps(ended)[:500]}")


def archive(model: Path) -> bytes:
    """A model's folder as the endpoint's container takes it: with the program that serves it."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name in ("model.ubj", "manifest.json"):
            tar.add(model / name, name)
        tar.add(_PROGRAM, "code/inference.py")
    return packed.getvalue()
