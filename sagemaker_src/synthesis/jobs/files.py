"""The files of the jobs: a table and a generator, as SageMaker mounts them."""

from __future__ import annotations

import sys
import tarfile
from pathlib import Path

import pandas as pd

from sagemaker_src.synthesis.errors import SynthesisError

ROWS, MANIFEST = "rows.parquet", "manifest.json"
"""Of what is published: rows that the training job takes, and what they are; the manifest is written last."""


def table_in(path: Path) -> pd.DataFrame:
    """The table of a Parquet file, or of the one file in a folder.

    Raises:
        SynthesisError: there is none, or it cannot be read.
    """
    files = sorted(path.rglob("*.parquet")) if path.is_dir() else [path]
    if len(files) != 1:
        raise SynthesisError(f"{path} holds {len(files)} Parquet files; needed: one")
    try:
        return pd.read_parquet(files[0])
    except (OSError, ValueError) as error:
        raise SynthesisError(f"{files[0]} cannot be read as Parquet: {str(error).splitlines()[0]}") from error


def generator_in(folder: Path, work: Path) -> Path:
    """The folder of a generator: unpacked where a training job's `model.tar.gz` is mounted.

    Args:
        work: what is unpacked goes there.
    """
    packed = folder / "model.tar.gz"
    if not packed.exists():
        return folder
    with tarfile.open(packed) as archive:
        archive.extractall(work, filter="data")
    return work


def say(what: str, done: int, total: int) -> None:
    """Tells a job's log of progress, ten times at most."""
    if done == total or done % max(1, total // 10) == 0:
        print(f"{what}: {done}/{total}", file=sys.stderr, flush=True)
