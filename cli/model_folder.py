"""The folder of a model that a command is given."""

from __future__ import annotations

from pathlib import Path

from xgboost.core import XGBoostError

from fraud.vector import FEATURE_NAMES
from reading.errors import BadInputError
from sagemaker_src.serving.inference import model_fn


def check_model(model: Path) -> None:
    """Says which features of a model are not computed here.

    Raises:
        BadInputError: the folder holds no model that can be served, or one that takes none of the features.
    """
    if not (model / "manifest.json").is_file():
        inside = model / "model"
        there = f"; {inside} does" if (inside / "manifest.json").is_file() else ""
        raise BadInputError(f"--model: {model} holds no manifest.json; `fraud train` writes one{there}")
    try:
        names = model_fn(str(model)).manifest["feature_names"]
    except XGBoostError as error:
        # what it says goes on with its own stack
        why = f"{model / 'model.ubj'} is no model of XGBoost"
        raise BadInputError(f"--model: {why}; `fraud train` writes one") from error
    except KeyError as error:
        why = f"{model / 'manifest.json'} lacks {error.args[0]}"
        raise BadInputError(f"--model: {why}; `fraud train` writes it") from error
    except ValueError as error:
        raise BadInputError(f"--model: {model} cannot be served ({error}); `fraud train` writes what can") from error
    unknown = [name for name in names if name not in FEATURE_NAMES]
    if len(unknown) == len(names):
        raise BadInputError(f"--model: {model} takes none of the features; allowed: some of {', '.join(FEATURE_NAMES)}")
    if unknown:
        print(f"{model} takes features that are not computed here, and counts them as missing: {', '.join(unknown)}")
