"""Generators: what learns rows of the rare class and makes new ones, each kind behind one interface."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

import pandas as pd

from sagemaker_src.synthesis.errors import SynthesisError

Progress = Callable[[str, int, int], None]
"""Told (what is being done, steps done, steps in all)."""

KINDS = {
    "wgan": "sagemaker_src.synthesis.wgan:WganGenerator",
    "copula": "sagemaker_src.synthesis.copula:CopulaGenerator",
    "smote": "sagemaker_src.synthesis.smote:SmoteGenerator",
    "resampling": "sagemaker_src.synthesis.resampling:ResamplingGenerator",
}
"""{kind: module:class}, imported when it is asked for: the first needs JAX."""
DESCRIPTION = "generator.json"
"""In the folder of a saved generator: {"kind": its kind, ...}."""


class Generator(Protocol):
    """Learns the rows of a table, and makes new rows like them."""

    def fit(self, rows: pd.DataFrame, *, seed: int, progress: Progress, work: Path | None = None) -> None:
        """Learns n rows, every one of them.

        Args:
            rows: of the rare class alone, without the label's column.
            work: a folder for checkpoints; a fit that was killed goes on from the newest there, with the same result.

        Raises:
            SynthesisError: nothing can be learned of these rows.
        """

    def sample(self, count: int, seed: int) -> pd.DataFrame:
        """So many new rows, in the columns, their order and the types of those that were learned."""

    def save(self, folder: Path) -> None:
        """Writes the generator into a folder, `generator.json` last."""

    @classmethod
    def load(cls, folder: Path) -> Generator:
        """The generator that was saved there."""


def new_generator(kind: str, **settings: Any) -> Generator:
    """A generator of a kind, which has learned nothing yet.

    Raises:
        SynthesisError: there is no such kind, or a setting is wrong.
    """
    made: Generator = _class(kind)(**settings)
    return made


def load_generator(folder: Path) -> Generator:
    """The generator that was saved in a folder.

    Raises:
        SynthesisError: none was.
    """
    try:
        kind = str(json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))["kind"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SynthesisError(
            f"{folder} holds no generator ({DESCRIPTION}): name a folder that `fraud synthesize fit` wrote"
        ) from error
    loaded: Generator = _class(kind).load(folder)
    return loaded


def _class(kind: str) -> Any:
    if kind not in KINDS:
        raise SynthesisError(f"{kind}: no such generator; allowed: {', '.join(KINDS)}")
    module, _, name = KINDS[kind].partition(":")
    return getattr(import_module(module), name)
