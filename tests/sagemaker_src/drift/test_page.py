"""The drift page as a reader sees it, in Chromium: what labels say, and no wider than the window."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from fraud.model_input import ModelInput
from sagemaker_src.drift.baseline import Baseline, Watched
from sagemaker_src.drift.compare import PSI_LIMIT
from sagemaker_src.drift.page import write_page
from sagemaker_src.drift.performance import Calibration
from sagemaker_src.drift.series import Series

SERIES = Series("amount of home", "number", edges=(10.0, 100.0))
BASELINE = Baseline(
    "v1", ModelInput(("amount",), {}), {"review": 0.5}, (0,), {SERIES.name: Watched(SERIES, np.array([[30, 40, 30, 0, 0]]))},
    Calibration((0.0, 1.0), (0.0, 1.0)), {},
)  # fmt: skip
DRIFTED: dict[str, Any] = {
    "name": SERIES.name, "says": "the amount of home", "drifted": ["distribution"], "psi": 0.75, "psi_limit": PSI_LIMIT,
    "ks": 0.4, "missing_before": 0.0, "missing": 0.0, "unknown": 0.0, "values": 100, "since": "2026-01-31",
    "of_transactions": 0.1,
}  # fmt: skip
NOTHING = {"value": None, "low": None, "high": None, "estimated": 0.3, "expected": 0.4}


def report(worse: list[dict[str, Any]], labels: int = 40) -> dict[str, Any]:
    recall = {"value": 0.65, "low": 0.49, "high": 0.78, "estimated": 0.97, "expected": 0.93} if labels else NOTHING
    figures = [
        {"name": "recall", **recall},
        *({"name": name, **NOTHING} for name in ("precision", "average_precision")),
    ]
    rates = {"flagged": 0.02, "precision": 0.3, "recall": None}
    return {
        "day": "2026-01-31", "model_version": "v1", "baseline": {"from": "1970-01-01", "to": "1970-01-01", "days": 1},
        "decisions": {"total": 100, "by_the_model": 100, "by_other_models": 0, "by_the_rule": 0},
        "performance": {"expected": rates, "estimated": rates}, "drifted": [DRIFTED, *({"psi": None, **one} for one in worse)],
        "series": [DRIFTED], "counts": {SERIES.name: [10, 20, 70, 0, 0]},
        "realised": {
            "day": "2026-01-24", "decisions": {"by_the_model": 90, "by_others": 10}, "labels": labels,
            "unlabelled": {"review": 3}, "figures": figures, "together": figures[:2], "days": [{}] if labels else [],
            "worse": worse,
        },
    }  # fmt: skip


WORSE = [
    {
        "name": "realised recall",
        "says": "the recall of 1 day whose labels are in: 0.650, 0.930 when the model was tested",
    },
    {"name": "frauds missed: category travel", "says": "frauds below ...", "value": 22.0, "expected": 0.14},
    {"name": "frauds missed: merchant <b>", "says": "frauds below ...", "value": 1_200.0, "expected": 3.0},
]


@pytest.mark.slow
@pytest.mark.parametrize("width", [1100, 390])
def test_what_labels_say_stands_in_tables_and_the_page_is_no_wider_than_the_window(width, look, tmp_path):
    write_page(tmp_path / "drift.html", report(WORSE), BASELINE)
    page = look(tmp_path / "drift.html", width=width)
    text = page.inner_text("body")
    assert (
        "1 of 1 watched series have drifted. By labels the model does worse than it was tested to, in 3 respects."
        in text
    )
    assert "Worse: the recall of 1 day whose labels are in: 0.650, 0.930 when the model was tested." in text
    rows = [row.split("\t") for row in page.locator("tr").all_inner_texts()]
    assert ["category travel", "22", "0.1"] in rows and ["merchant <b>", "1,200", "3.0"] in rows
    assert ["recall", "65.00%", "49.00% to 78.00%", "97.00%", "93.00%", "65.00%"] in rows
    assert ["precision", "unknown", "", "30.00%", "40.00%", "unknown"] in rows
    assert ["average precision", "unknown", "", "30.00%", "40.00%", ""] in rows
    assert "no precision, as long as fewer than half of the flagged payments have one" in text
    assert f"doubled, and {PSI_LIMIT:g} at least" in text
    assert page.locator("svg text").all_text_contents()[:2] == ["up to 10", "30.0%, 10.0%"]
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.slow
def test_where_nothing_is_worse_and_no_label_has_come_back_the_page_says_so(look, tmp_path):
    write_page(tmp_path / "drift.html", report([], labels=0), BASELINE)
    text = look(tmp_path / "drift.html").inner_text("body")
    assert "By labels" not in text and "Worse" not in text and "0 have a label" in text
    assert "Unknown is what labels do not tell: nothing, as long as none has come back" in text
