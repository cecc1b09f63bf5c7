"""Where the benchmarks find the public-style data sets that are not part of the project."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

FOLDER = Path(os.environ.get("FRAUD_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
"""Set FRAUD_DATA to another folder that holds them."""

SPARKOV = FOLDER / "sparkov_dev.parquet"
BURST = FOLDER / "burst_dev.parquet"
ULB = FOLDER / "ulb_dev.parquet"
HANDBOOK = FOLDER / "handbook_dev.parquet"


def needs(path: Path) -> list[dict[str, Any]]:
    """Nothing if the file is there; otherwise the one row that says it was not measured."""
    if path.is_file():
        return []
    return [{"measure": f"not measured: {path.name} is not in {path.parent.name}/ (set FRAUD_DATA)", "value": None, "unit": "",
             "target": None, "met": None}]  # fmt: skip
