"""Checkpoints of a training: written whole or not at all, found again after a kill, taken by the fit alone that wrote them."""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

from sagemaker_src.synthesis.errors import SynthesisError

NAME = "checkpoint-{epoch:06d}.npz"
PATTERN = "checkpoint-*.npz"
KEPT = 2
"""How many stay: the newest, and the one before it."""


class Checkpoints:
    """The checkpoints of one fit in a folder.

    Args:
        folder: made at the first writing.
        fit: identifies rows, settings and seed (`fingerprint`).
        like: a tree of arrays with the structure of those that are written.
    """

    def __init__(self, folder: Path, fit: str, like: Any) -> None:
        self._folder = folder
        self._fit = fit
        self._tree = jax.tree.structure(like)

    def write(self, epoch: int, tree: Any, told: dict[str, Any]) -> None:
        """Writes a checkpoint: a tree of arrays, and what JSON takes; a kill leaves the ones before it."""
        self._folder.mkdir(parents=True, exist_ok=True)
        arrays = {f"a{place:04d}": np.asarray(leaf) for place, leaf in enumerate(jax.tree.leaves(tree))}
        about = json.dumps({"fit": self._fit, "epoch": epoch, **told})
        path = self._folder / NAME.format(epoch=epoch)
        written = path.with_suffix(".part")
        with written.open("wb") as file:
            np.savez(file, about=np.array(about), **arrays)  # type: ignore[arg-type]
            file.flush()
            os.fsync(file.fileno())
        written.replace(path)
        for old in sorted(self._folder.glob(PATTERN))[:-KEPT]:
            old.unlink()

    def newest(self) -> tuple[Any, dict[str, Any]] | None:
        """The newest whole checkpoint: its tree and what was told; None if there is none.

        Raises:
            SynthesisError: it is another fit's.
        """
        for path in sorted(self._folder.glob(PATTERN), reverse=True):
            try:
                with np.load(path) as stored:
                    about = json.loads(str(stored["about"]))
                    arrays = [stored[name] for name in stored.files if name != "about"]
            except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
                continue  # cut short by a full disk, say: the one before it is whole
            if about["fit"] != self._fit:
                raise SynthesisError(
                    f"{path} is of a fit of other rows, settings or seed: name an empty folder for checkpoints, or empty this one"
                )
            return jax.tree.unflatten(self._tree, arrays), about
        return None


def fingerprint(told: dict[str, Any], arrays: Iterable[np.ndarray[Any, Any]], versions: Sequence[str] = ()) -> str:
    """What a fit is known by: its settings and seed, the bytes of what it learns, the libraries' versions.

    >>> fingerprint({"seed": 1}, [np.zeros(2)]) == fingerprint({"seed": 1}, [np.ones(2)])
    False
    """
    digest = hashlib.sha256(json.dumps([told, *versions], sort_keys=True).encode())
    for array in arrays:
        digest.update(str((array.shape, array.dtype)).encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
