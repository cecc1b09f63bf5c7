"""The folder of a saved generator: its transform, its arrays and, last, the description that makes it one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from sagemaker_src.synthesis.columns import TableTransform
from sagemaker_src.synthesis.errors import SynthesisError
from sagemaker_src.synthesis.generators import DESCRIPTION

VERSION = 1
TRANSFORM, ARRAYS = "transform.json", "arrays.npz"
Arrays = dict[str, NDArray[Any]]


def save_generator(
    folder: Path, kind: str, transform: TableTransform, arrays: Arrays, *, settings: dict[str, Any], seed: int
) -> None:
    """Writes a generator into a folder; a kill leaves none there, or the whole one."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / DESCRIPTION).unlink(missing_ok=True)
    write_json(folder / TRANSFORM, transform.to_json())
    np.savez(folder / ARRAYS, allow_pickle=False, **arrays)
    columns = [column.name for column in transform.columns]
    described = {"kind": kind, "version": VERSION, "settings": settings, "seed": seed, "columns": columns}
    write_json(folder / DESCRIPTION, described)


def load_generator_parts(folder: Path) -> tuple[dict[str, Any], TableTransform, Arrays]:
    """Description, transform and arrays that `save_generator` wrote.

    Raises:
        SynthesisError: a file is lacking, broken, or of another version.
    """
    try:
        described = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
        if described["version"] != VERSION:
            raise SynthesisError(f"{folder}: the generator has version {described['version']}; {VERSION} is read here")
        transform = TableTransform.from_json(json.loads((folder / TRANSFORM).read_text(encoding="utf-8")))
        with np.load(folder / ARRAYS, allow_pickle=False) as stored:
            return described, transform, dict(stored)
    except SynthesisError:
        raise
    except (OSError, ValueError, KeyError, TypeError, EOFError, BadZipFile) as error:
        raise SynthesisError(f"{folder}: {type(error).__name__} while reading the generator; fit it again") from error


def write_json(path: Path, value: Any) -> None:
    """Writes JSON, whole or not at all."""
    part = path.with_name(path.name + ".part")
    part.write_text(json.dumps(value) + "\n", encoding="utf-8")
    part.replace(path)
