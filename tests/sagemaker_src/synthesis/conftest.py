"""Fixtures of the tests of synthesis: a report with everything in it, and what it was made from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from sagemaker_src.synthesis.page.page import write_page
from tests.sagemaker_src.synthesis import report_samples


@pytest.fixture(scope="module")
def real_frauds() -> pd.DataFrame:
    return report_samples.fraud_rows()


@pytest.fixture(scope="module")
def quality(real_frauds: pd.DataFrame) -> dict[str, Any]:
    return report_samples.quality(real_frauds)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory, real_frauds: pd.DataFrame, quality: dict[str, Any]) -> Path:
    """A report with everything in it."""
    path = tmp_path_factory.mktemp("report") / "report.html"
    write_page(
        path,
        quality,
        history=report_samples.history(),
        snapshots=report_samples.snapshots(real_frauds),
        real=real_frauds,
        facts=[("Table", "made-up.csv"), ("Seed", "1")],
    )
    return path
