"""A generator that learns the frauds of a table, less those held out, and is saved with what says which they were.

The command line and the job in the cloud fit in this one way. Whatever is judged later, is judged by `fitted.json`: rows that the
generator learned of tell nothing of how new its rows are, only those held out do.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sagemaker_src.synthesis.errors import SynthesisError
from sagemaker_src.synthesis.generators import Generator, Progress, new_generator
from sagemaker_src.synthesis.table import labelled

FITTED = "fitted.json"
"""In the folder of a generator that was fitted here."""
HELD_OUT = 0.2
"""Of the frauds, the share that is held out unless another is asked for."""


@dataclass(frozen=True)
class FitRequest:
    """What is to be learned, and how.

    Attributes:
        label, positive: the column that says what a row is, and its value for the rows to learn (as text).
        without: columns that are left out: identifiers, names, whatever must not be imitated.
        kind: of `generators.KINDS`.
        settings: of that kind.
        held_out: share of the rows to learn that is kept apart to measure with, 0 to 0.9. With 0 every row is learned.
        seed: the same table, request and seed give the same generator, byte for byte.
    """

    label: str
    positive: str
    without: tuple[str, ...] = ()
    kind: str = "wgan"
    settings: Mapping[str, Any] = field(default_factory=dict)
    held_out: float = HELD_OUT
    seed: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.held_out <= 0.9:
            raise SynthesisError(f"held out: {self.held_out:g} of the rows; allowed: 0 to 0.9")


@dataclass(frozen=True)
class Fitted:
    """What a saved generator learned of: `fitted.json`.

    Attributes:
        kind, settings: of the generator.
        label, positive, without: as in `FitRequest`.
        label_type, label_value: how the label's column holds the positive value: a type of pandas, and the value itself.
        columns: the table's, label among them, in its order, less those left out.
        rows: how many rows of the rare class the table has.
        trained, held_out: their positions among these, in the table's order, from 0.
        seed: of the fit.
        file: the table's name.
        data_fingerprint: of the rows of the rare class; see `fingerprint`.
    """

    kind: str
    settings: Mapping[str, Any]
    label: str
    positive: str
    without: tuple[str, ...]
    label_type: str
    label_value: bool | int | float | str
    columns: tuple[str, ...]
    rows: int
    trained: tuple[int, ...]
    held_out: tuple[int, ...]
    seed: int
    file: str
    data_fingerprint: str

    def new(self) -> Generator:
        """A generator of the same kind and settings that has learned nothing: to be fitted to other rows."""
        return new_generator(self.kind, **self.settings)

    def learned(self, fraud: pd.DataFrame) -> NDArray[np.bool_]:
        """Which rows were learned, for the same rows of the rare class that the generator was given.

        Args:
            fraud: all of them, in the table's order.

        Raises:
            SynthesisError: they are other rows.
        """
        if fingerprint(fraud) != self.data_fingerprint:
            raise SynthesisError(
                f"the model learned of {self.rows:,} rows of {self.file} in which {self.label} is {self.positive}, and these are "
                f"others ({len(fraud):,}); needed: the very table that it was fitted with"
            )
        mask = np.zeros(self.rows, dtype=bool)
        mask[list(self.trained)] = True
        return mask


@dataclass(frozen=True)
class Learned:
    """A generator with what it learned of, not saved yet."""

    generator: Generator
    fitted: Fitted

    def save(self, folder: Path) -> None:
        """Writes both into a folder that is there."""
        self.generator.save(folder)
        (folder / FITTED).write_text(json.dumps(asdict(self.fitted)) + "\n", encoding="utf-8")


def learn(
    table: pd.DataFrame, request: FitRequest, *, file: str, progress: Progress, work: Path | None = None
) -> Learned:
    """Fits a generator to the rare class of a table.

    Args:
        file: the table's name, to be told of.
        work: a folder for checkpoints; see `generators.Generator.fit`.

    Raises:
        SynthesisError: the label, the columns or a setting are wrong, or nothing can be learned.
    """
    labels = labelled(table, request.label, request.positive, request.without)
    fraud = labels.fraud_rows
    trained, held_out = split(fraud, request.held_out, request.seed)
    generator = new_generator(request.kind, **request.settings)
    generator.fit(fraud.iloc[trained].reset_index(drop=True), seed=request.seed, progress=progress, work=work)
    values = table[request.label]
    value = values[labels.fraud].iloc[0]
    fitted = Fitted(
        kind=request.kind,
        settings=dict(request.settings),
        label=request.label,
        positive=request.positive,
        without=tuple(request.without),
        label_type=str(values.dtype),
        label_value=value.item() if isinstance(value, np.generic) else value,
        columns=tuple(name for name in table.columns if name not in request.without),
        rows=len(fraud),
        trained=tuple(map(int, trained)),
        held_out=tuple(map(int, held_out)),
        seed=request.seed,
        file=file,
        data_fingerprint=fingerprint(fraud),
    )
    return Learned(generator, fitted)


def split(rows: pd.DataFrame, held_out: float, seed: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The positions of the rows to learn and of those held out, each in order; equal rows stay together.

    A row whose twin was learned would tell nothing of how new a generator's rows are. One distinct row is always learned.

    >>> split(pd.DataFrame({"a": [1, 1, 2, 3, 4]}), 0.4, seed=1)
    (array([0, 1, 3]), array([2, 4]))
    """
    _, groups = np.unique(pd.util.hash_pandas_object(rows, index=False).to_numpy(), return_inverse=True)
    order = np.random.default_rng(seed).permutation(groups.max() + 1)
    wanted, chosen, count = round(held_out * len(rows)), [], 0
    sizes = np.bincount(groups)
    for group in order[:-1]:
        if count + sizes[group] / 2 > wanted or count >= wanted:
            break
        chosen.append(group)
        count += sizes[group]
    apart = np.isin(groups, chosen)
    return np.flatnonzero(~apart), np.flatnonzero(apart)


def fingerprint(fraud: pd.DataFrame) -> str:
    """SHA-256 of rows in their order, as CSV: the same for a table read from CSV and from Parquet."""
    return hashlib.sha256(fraud.to_csv(index=False).encode()).hexdigest()


def load_fitted(folder: Path) -> Fitted:
    """What the generator in a folder learned of.

    Raises:
        SynthesisError: there is none, or it was not fitted here.
    """
    try:
        read: dict[str, Any] = json.loads((folder / FITTED).read_text(encoding="utf-8"))
        for name, value in read.items():
            read[name] = tuple(value) if isinstance(value, list) else value
        return Fitted(**read)
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise SynthesisError(
            f"{folder} holds no fitted generator ({FITTED}); needed: a folder that `fraud synthesize fit` wrote"
        ) from error
