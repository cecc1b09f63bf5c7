"""Small tables with a few frauds, as a person brings them, and a model that learned of one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from cli import main as command


def frame(rows: int = 300, frauds: int = 40, seed: int = 1) -> pd.DataFrame:
    """Purchases by their time, some of them fraud: a whole number, cents, texts, and one number that is missing at times."""
    draws = np.random.default_rng(seed)
    fraud = np.zeros(rows, dtype=int)
    fraud[draws.choice(rows, frauds, replace=False)] = 1
    return pd.DataFrame(
        {
            "Time": np.sort(draws.integers(0, 100_000, rows)),
            "V1": draws.normal(size=rows) + 2 * fraud,
            "V2": np.where(draws.random(rows) < 0.1, np.nan, draws.normal(size=rows) - fraud),
            "shop": draws.choice(["web", "store", "kiosk"], rows),
            "Amount": np.round(draws.gamma(1, 40, rows) * (1 + fraud), 2),
            "Class": fraud,
        }
    )


def written(path: Path, table: pd.DataFrame) -> Path:
    """A table as a file, by its name's ending."""
    if path.suffix == ".csv":
        table.to_csv(path, index=False)
    else:
        table.to_parquet(path, index=False)
    return path


def contents(folder: Path) -> dict[str, bytes]:
    """What a folder holds, {path: bytes}."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def fitted(monkeypatch, folder: Path, *, table: pd.DataFrame | None = None, options: tuple[str, ...] = ()) -> Path:  # type: ignore[no-untyped-def]
    """The folder of a model that learned the frauds of `folder/data.parquet`, with the quickest of the generators."""
    data = written(folder / "data.parquet", frame() if table is None else table)
    given = ("--data", data, "--label", "Class", "--positive", "1", "--out", folder / "model", *options)
    run(monkeypatch, "fit", *(given if "--generator" in options else (*given, "--generator", "smote")))
    return folder / "model"


def run(monkeypatch, name: str, *given: str | Path) -> None:  # type: ignore[no-untyped-def]
    """Runs `fraud synthesize NAME`; an error is one of the test."""
    monkeypatch.setattr("sys.argv", ["fraud", "synthesize", name, *map(str, given)])
    command.main()
