"""Two models under one threshold: each figure, and each difference, is that of the data, counted by numpy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cli.reports.comparison import comparison_report
from cli.reports.evaluation import Costs
from cli.reports.versions import ModelVersion
from sagemaker_src.training.train import Trained, train_model
from tests.sagemaker_src.test_evaluate_model import SETTINGS, TEST_FROM, made_up_rows

COSTS = Costs(missed=120.5, review=3.0, blocked=7.25)
KINDS = ("same rows", "other rows", "another order", "ties")


def scored(kind: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The scores of two models."""
    draw = np.random.default_rng(11)
    rows = 900
    label = (draw.random(rows) < 0.06).astype("int8")
    one, other = (
        (1 / (1 + np.exp(-(draw.normal(-4, 1.5, rows) + label * draw.normal(3, 2, rows))))).astype(np.float32)
        for _ in range(2)
    )
    if kind == "ties":
        one, other = np.round(one, 1), np.round(other, 1)
    ids = [f"t{number}" for number in range(rows)]
    left = pd.DataFrame({"transaction_id": ids, "is_fraud": label, "score": one})
    right = left.assign(score=other)
    if kind == "another order":
        right = right.sample(frac=1, random_state=2, ignore_index=True)
    return left, right[300:] if kind == "other rows" else right


@pytest.fixture(scope="module")
def model() -> Trained:
    return train_model(made_up_rows(3_000), SETTINGS, test_from_ms=TEST_FROM)


@pytest.fixture
def opened(request: pytest.FixtureRequest, model: Trained, tmp_path: Path, look: Any) -> tuple[Any, Any]:
    frames = scored(request.param)
    thresholds = [{"review": 0.2, "block": 0.7}, {"review": 0.3, "block": 0.8}]
    versions = [
        ModelVersion(name, Trained(model.model, {**model.manifest, "thresholds": of}, frame), "made up", "", {}, ())
        for name, of, frame in zip(("v1", "v2"), thresholds, frames, strict=True)
    ]
    comparison_report(tmp_path / "page.html", *versions, COSTS)
    return look(tmp_path / "page.html", width=360), frames


def _text(page: Any, *ids: str) -> list[str]:
    found: list[str] = page.evaluate("ids => ids.map(id => document.getElementById(id).textContent)", list(ids))
    return found


def _number(text: str) -> float:
    return float(text.replace(",", "").replace("−", "-").replace("+", "").removesuffix(" points").removesuffix("%"))


def _holds(page: Any, frames: tuple[pd.DataFrame, pd.DataFrame]) -> float:
    """Holds all that is shown to the data at the threshold that is shown; returns that."""
    threshold = float(page.evaluate("document.getElementById('mover').dataset.threshold"))
    flagged = [frame["score"].to_numpy() >= np.float32(threshold) for frame in frames]
    label = [frame["is_fraud"].to_numpy() for frame in frames]
    counts = []
    for place, suffix in enumerate(("", "-2")):
        flag, fraud = flagged[place], label[place] == 1
        found = {
            "found": int((flag & fraud).sum()), "false-alarms": int((flag & ~fraud).sum()),
            "missed": int((~flag & fraud).sum()), "passed": int((~flag & ~fraud).sum()),
        }  # fmt: skip
        counts.append(found)
        assert [_number(each) for each in _text(page, *(f"{name}{suffix}" for name in found))] == list(found.values())
        total = 120.5 * found["missed"] + 3 * int(flag.sum()) + 7.25 * found["false-alarms"]
        shown = page.locator(f"#money{suffix}").get_attribute("data-total")
        assert float(shown) == pytest.approx(total, rel=1e-12)
    same = len(frames[0]) == len(frames[1])
    for name in counts[0]:
        one, other, difference = map(
            _number, _text(page, *(f"{each}-{name}" for each in ("of-one", "of-other", "difference")))
        )
        shares = [
            found[name] * (1 if same else 100_000 / len(frame)) for found, frame in zip(counts, frames, strict=True)
        ]
        near = 0 if same else 0.051
        assert (one, other) == pytest.approx(shares, abs=near)
        assert difference == pytest.approx(shares[1] - shares[0], abs=near)
    recalls = [found["found"] / (found["found"] + found["missed"]) for found in counts]
    [points] = _text(page, "difference-recall")
    assert _number(points) == pytest.approx(100 * (recalls[1] - recalls[0]), abs=0.00051)
    assert page.locator("#paired").count() == same
    if same:
        left, right = (frame.set_index("transaction_id") for frame in frames)
        right = right.loc[left.index]
        first, second = left["score"] >= np.float32(threshold), right["score"] >= np.float32(threshold)
        for kind, value in (("fraud", 1), ("legitimate", 0)):
            of = left["is_fraud"] == value
            wanted = [(first & second), (first & ~second), (~first & second), (~first & ~second)]
            ids = [f"{each}-{kind}" for each in ("both", "only-one", "only-other", "neither")]
            assert [_number(each) for each in _text(page, *ids)] == [int((each & of).sum()) for each in wanted]
    return threshold


@pytest.mark.slow
@pytest.mark.parametrize("opened", KINDS, indirect=True)
def test_every_position_shows_the_figures_of_both_and_their_difference(opened: Any) -> None:
    page, frames = opened
    slider = page.locator("#place")
    _holds(page, frames)
    distinct = np.unique(np.concatenate([frame["score"] for frame in frames]))
    slider.press("Home")
    for place in range(min(len(distinct), 6)):
        assert _holds(page, frames) == distinct[place]
        slider.press("ArrowRight")
    slider.press("End")
    assert _holds(page, frames) == np.inf
    for way in range(0, 1001, 100):
        slider.fill(str(way))
        _holds(page, frames)
    page.locator("[data-of='1'][data-go=review]").click()
    assert _holds(page, frames) == distinct[distinct >= 0.3].min()
    for place, frame in enumerate(frames):
        page.locator(f"[data-cheapest='{place}']").click()
        at = [*distinct, np.float32(np.inf)]
        score, fraud = frame["score"].to_numpy(), frame["is_fraud"].to_numpy() == 1
        totals = [
            120.5 * ((score < each) & fraud).sum() + 3 * (score >= each).sum() + 7.25 * ((score >= each) & ~fraud).sum()
            for each in at
        ]
        _holds(page, frames)
        shown = page.locator("#money-2" if place else "#money").get_attribute("data-total")
        assert float(shown) == pytest.approx(min(totals))
    assert page.evaluate("document.documentElement.scrollWidth") == 360


@pytest.mark.slow
@pytest.mark.parametrize("opened", ["same rows", "other rows"], indirect=True)
def test_the_page_says_whether_it_is_paired_and_is_read_aloud(opened: Any) -> None:
    page, frames = opened
    text = page.locator("main").inner_text()
    if len(frames[0]) == len(frames[1]):
        assert "Both were tested on the same 900 rows, so the difference is paired: row by row." in text
    else:
        assert "Not tested on the same rows: 600 are of both tests, 300 of v1 alone, 0 of v2 alone." in text
        assert "Of 100,000 transactions" in text
    assert page.get_by_role("status").text_content().startswith("v1: ")
    assert "v2: " in page.get_by_role("slider").get_attribute("aria-valuetext")
    assert all(each.get_attribute("aria-label") for each in page.get_by_role("img").all())
    assert all("v1: " in page.locator(f"#{name}").get_attribute("aria-label") for name in ("roc", "precision-recall"))
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map(each => each.id)")
    # matplotlib draws each chart with ids of its own
    ours = [
        each
        for each in ids
        if page.evaluate("id => !document.getElementById(id).closest('svg svg, svg:not([id])')", each)
    ]
    assert len(set(ours)) == len(ours)
    assert page.locator("input:not([type=range])").evaluate_all("all => all.every(each => each.labels.length === 1)")
