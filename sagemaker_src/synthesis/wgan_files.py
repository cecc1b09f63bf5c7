"""A saved WganGenerator: the files of its folder."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from sagemaker_src.synthesis.bounded_columns import BoundedTransform
from sagemaker_src.synthesis.calibration import Calibration
from sagemaker_src.synthesis.columns import TableTransform
from sagemaker_src.synthesis.errors import SynthesisError
from sagemaker_src.synthesis.generators import DESCRIPTION
from sagemaker_src.synthesis.networks import Shape
from sagemaker_src.synthesis.privacy_budget import PrivacyBudget
from sagemaker_src.synthesis.wgan_rows import RowMaker

if TYPE_CHECKING:
    from sagemaker_src.synthesis.wgan import Fitted, Settings

VERSION = 1
WEIGHTS, TRANSFORM, HISTORY, SNAPSHOTS = "weights.npz", "transform.json", "history.json", "snapshots.parquet"


def save(folder: Path, settings: Settings, fitted: Fitted) -> None:
    """Writes all of it, the description last: a folder without one holds no generator."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / DESCRIPTION).unlink(missing_ok=True)
    maker = fitted.maker
    arrays = {"shares": maker.shares}
    for layer, (weights, biases) in enumerate(maker.generator):
        arrays |= {f"weights{layer}": np.asarray(weights), f"biases{layer}": np.asarray(biases)}
    if maker.calibration is not None:
        arrays |= {
            f"calibration_{name}": array for name, array in vars(maker.calibration).items() if not name.startswith("_")
        }
    np.savez(folder / WEIGHTS, **arrays)  # type: ignore[arg-type]
    _write(folder / TRANSFORM, fitted.transform.to_json())
    _write(folder / HISTORY, fitted.history)
    fitted.snapshots.to_parquet(folder / SNAPSHOTS, index=False)
    budget = fitted.budget
    description = {
        "kind": "wgan",
        "version": VERSION,
        "settings": asdict(settings),
        "seed": fitted.seed,
        "chosen_epoch": fitted.chosen_epoch,
        "columns": [str(name) for name in fitted.snapshots.columns[1:]],
        "privacy": None if budget is None else budget.to_json(),
        "shape": asdict(maker.shape),
    }
    _write(folder / DESCRIPTION, description)


def load(folder: Path) -> tuple[dict[str, Any], Fitted]:
    """Its settings, and what it had learned.

    Raises:
        SynthesisError: a file is missing or cut short, or was written by another version.
    """
    from sagemaker_src.synthesis.wgan import Fitted  # noqa: PLC0415 (which imports this module)

    try:
        description = _read(folder / DESCRIPTION)
        if description["version"] != VERSION:
            raise SynthesisError(f"{folder}: written by version {description['version']}; {VERSION} is read here")
        with np.load(folder / WEIGHTS) as stored:
            arrays = {name: stored[name] for name in stored.files}
        transform, history = _read(folder / TRANSFORM), _read(folder / HISTORY)
        snapshots = pd.read_parquet(folder / SNAPSHOTS)
    except SynthesisError:
        raise
    except (OSError, ValueError, KeyError) as error:
        raise SynthesisError(f"{folder}: a file of the generator is missing or damaged: {error}") from error
    shape = dict(description["shape"])
    shape["choices"] = tuple((start, stop) for start, stop in shape["choices"])
    layers = sum(name.startswith("weights") for name in arrays)
    generator = tuple((arrays[f"weights{layer}"], arrays[f"biases{layer}"]) for layer in range(layers))
    table = {
        name.removeprefix("calibration_"): array for name, array in arrays.items() if name.startswith("calibration_")
    }
    maker = RowMaker(Shape(**shape), arrays["shares"], generator, Calibration(**table) if table else None)
    privacy = description["privacy"]
    fitted = Fitted(
        seed=description["seed"],
        transform=(BoundedTransform if transform.get("bounded") else TableTransform).from_json(transform),
        maker=maker,
        chosen_epoch=description["chosen_epoch"],
        history=history,
        snapshots=snapshots,
        budget=None if privacy is None else PrivacyBudget(**privacy),
    )
    return description["settings"], fitted


def _write(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, indent=None if path.name == TRANSFORM else 2) + "\n", encoding="utf-8")


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))
