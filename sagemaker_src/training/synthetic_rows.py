"""Published synthetic frauds as a training job takes them: rows that are whole, and learned of nothing that it tests on."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from sagemaker_src.training.feature_rows import read_feature_rows

ROWS, MANIFEST = "rows.parquet", "manifest.json"


class SyntheticError(ValueError):
    """The rows are not what their manifest says, or may not be used: says why, and what is allowed."""


@dataclass(frozen=True)
class Synthetic:
    """Synthetic frauds: `feature_rows.ROW_COLUMNS`, and what their manifest says of them."""

    rows: pd.DataFrame
    manifest: dict[str, Any]


def read_synthetic(folder: Path, test_from_ms: int) -> Synthetic | None:
    """The synthetic frauds of a folder; None where none is published.

    Args:
        test_from_ms: when the test begins, milliseconds since 1970 in UTC.

    Raises:
        SyntheticError: they are other rows than the manifest's, or were learned of frauds that are tested on.
        FeatureRowsError: they are no feature rows.
    """
    path = folder / MANIFEST
    if not path.is_file():
        return None
    try:
        manifest: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        until, sha256 = int(manifest["learned_until_ms"]), str(manifest["sha256"])
    except (ValueError, KeyError, TypeError) as error:
        raise SyntheticError(f"{path} is no manifest of synthetic frauds: {type(error).__name__}: {error}") from error
    rows = folder / ROWS
    if not rows.is_file() or hashlib.sha256(rows.read_bytes()).hexdigest() != sha256:
        raise SyntheticError(f"{rows} is not what {MANIFEST} says; needed: both of one run")
    if until > test_from_ms:
        raise SyntheticError(
            f"the rows were learned of frauds until {_day(until)}, and the test begins on {_day(test_from_ms)}: what is "
            "tested on would be known; allowed: rows learned of what came before"
        )
    return Synthetic(read_feature_rows(rows), manifest)


def _day(ms: int) -> str:
    return f"{pd.Timestamp(ms, unit='ms'):%Y-%m-%d}"
