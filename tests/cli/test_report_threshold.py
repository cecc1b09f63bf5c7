"""The threshold that a reader of the report moves: each figure is that of the data, counted by numpy."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from cli.reports.evaluation import Costs, evaluation_report
from cli.reports.packed import ScoresError, packed_scores
from sagemaker_src.training.train import Trained, train_model
from tests.sagemaker_src.test_evaluate_model import SETTINGS, TEST_FROM, made_up_rows

COSTS = Costs(missed=120.5, review=3.0, blocked=7.25)
Rows = tuple[NDArray[np.float32], NDArray[np.int64]]


def _drawn(rows: int, share: float, seed: int, places: int | None = None) -> Rows:
    draw = np.random.default_rng(seed)
    label = (draw.random(rows) < share).astype(np.int64)
    score = (1 / (1 + np.exp(-(draw.normal(-5, 1.5, rows) + label * draw.normal(4, 2, rows))))).astype(np.float32)
    return (score if places is None else np.round(score, places)), label


CASES: dict[str, Rows] = {
    "many": _drawn(3_000, 0.03, 1),
    "ties": _drawn(2_000, 0.1, 2, places=1),
    "all fraud": (np.float32([0.1, 0.9, 0.9]), np.array([1, 1, 1])),
    "no fraud": (np.float32([0.1, 0.9, 0.9, 0.0]), np.array([0, 0, 0, 0])),
    "one row": (np.float32([0.25]), np.array([1])),
    "no row": (np.float32([]), np.array([], dtype=np.int64)),
    "the ends": (np.float32([0, -0.0, 1, 1, 1e-45, 0.5]), np.array([0, 1, 1, 0, 1, 0])),
    "missing": (np.float32([0.1, np.nan, 0.7, 0.7, np.nan]), np.array([0, 1, 1, 0, 0])),
}


THRESHOLDS = {"review": float(np.sort(CASES["many"][0])[-50]), "block": 0.987654}
"""One that is a score, and one that is none."""


@pytest.fixture(scope="module")
def model() -> Trained:
    return train_model(made_up_rows(), SETTINGS, test_from_ms=TEST_FROM)


@pytest.fixture
def opened(request: pytest.FixtureRequest, model: Trained, tmp_path: Path, look: Any) -> tuple[Any, Rows]:
    score, label = CASES[request.param]
    manifest = {**model.manifest, "thresholds": THRESHOLDS}
    scored = Trained(model.model, manifest, pd.DataFrame({"is_fraud": label, "score": score}))
    evaluation_report(tmp_path / "report.html", scored, "made-up rows", "as they are", costs=COSTS)
    there = ~np.isnan(score)
    return look(tmp_path / "report.html", width=360), (score[there], label[there])


def _shown(page: Any) -> dict[str, Any]:
    texts = page.evaluate(
        "Object.fromEntries(['found', 'missed', 'false-alarms', 'passed', 'found-share', 'precision', 'recall', 'fpr', 'told']"
        ".map(id => [id, document.getElementById(id).textContent]))"
    )
    data = page.evaluate("({...document.getElementById('mover').dataset})")
    return {
        **texts,
        "threshold": float(data["threshold"]),
        "total": float(page.locator("#money").get_attribute("data-total")),
    }


def _holds(page: Any, rows: Rows) -> float:
    """Holds what is shown to the data at the threshold that is shown; returns that."""
    score, label = rows
    shown = _shown(page)
    flagged = score >= np.float32(shown["threshold"])
    tp, fp = int((flagged & (label == 1)).sum()), int((flagged & (label == 0)).sum())
    fn, tn = int((label == 1).sum()) - tp, int((label == 0).sum()) - fp
    counts = {name: int(shown[name].replace(",", "")) for name in ("found", "false-alarms", "missed", "passed")}
    assert counts == {"found": tp, "false-alarms": fp, "missed": fn, "passed": tn}
    assert shown["total"] == pytest.approx(120.5 * fn + 3 * (tp + fp) + 7.25 * fp, rel=1e-12)
    of_100k = float(shown["found-share"].partition(" ")[0].replace(",", ""))
    assert of_100k == pytest.approx(100_000 * tp / max(len(score), 1), abs=0.051)
    for name, part, of in (("precision", tp, tp + fp), ("recall", tp, tp + fn), ("fpr", fp, fp + tn)):
        if of:
            assert float(shown[name].removesuffix("%")) == pytest.approx(100 * part / of, abs=0.00051)
        else:
            assert "%" not in shown[name]
    assert shown["told"].startswith(f"{tp:,} of {tp + fn:,} frauds are flagged and {fp:,} of {fp + tn:,} legitimate")
    return float(shown["threshold"])


@pytest.mark.slow
@pytest.mark.parametrize("opened", CASES, indirect=True)
def test_every_position_shows_the_figures_of_the_data(opened: tuple[Any, Rows]) -> None:
    page, rows = opened
    slider = page.locator("#place")
    _holds(page, rows)
    distinct = np.unique(rows[0])
    slider.press("Home")
    assert _holds(page, rows) == (distinct[0] if len(distinct) else np.inf)
    for place in range(min(len(distinct), 12)):
        assert _holds(page, rows) == distinct[place]
        slider.press("ArrowRight")
    slider.press("End")
    assert _holds(page, rows) == np.inf
    slider.press("ArrowRight")
    assert _holds(page, rows) == np.inf
    for place in range(min(len(distinct), 5)):
        slider.press("ArrowLeft")
        assert _holds(page, rows) == distinct[-1 - place]
    for way in range(0, 1001, 50):
        slider.fill(str(way))
        _holds(page, rows)
    seen = [_holds(page, rows)]
    for _ in range(21):
        slider.press("PageDown")
        seen.append(_holds(page, rows))
    assert seen == sorted(seen, reverse=True)
    assert page.evaluate("document.documentElement.scrollWidth") == 360


@pytest.mark.slow
@pytest.mark.parametrize("opened", ["many"], indirect=True)
def test_buttons_go_to_the_models_thresholds_and_to_the_cheapest(opened: tuple[Any, Rows]) -> None:
    page, (score, label) = opened
    for name, threshold in THRESHOLDS.items():
        page.locator(f"[data-go={name}]").click()
        reached = score[score >= threshold]
        assert _holds(page, (score, label)) == (reached.min() if len(reached) else np.inf)
    page.locator("[data-cheapest]").press("Enter")
    at = [*np.unique(score), np.float32(np.inf)]
    totals = [
        120.5 * ((score < each) & (label == 1)).sum()
        + 3 * (score >= each).sum()
        + 7.25 * ((score >= each) & (label == 0)).sum()
        for each in at
    ]
    _holds(page, (score, label))
    assert _shown(page)["total"] == pytest.approx(min(totals))
    page.locator("#cost-missed").fill("0")
    page.locator("[data-cheapest]").click()
    assert _shown(page)["threshold"] == np.inf


@pytest.mark.slow
@pytest.mark.parametrize("opened", ["many"], indirect=True)
def test_it_is_used_by_keyboard_and_read_aloud(opened: tuple[Any, Rows]) -> None:
    page, _ = opened
    order = []
    for _ in range(10):
        page.keyboard.press("Tab")
        order.append(
            page.evaluate("(it => it.id || it.dataset.go || `cheapest ${it.dataset.cheapest}`)(document.activeElement)")
        )
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
    costs = ["cost-missed", "cost-review", "cost-blocked"]
    assert order == ["place", "lower", "higher", "review", "block", "cheapest 0", "exact", *costs]
    assert re.match("Threshold", page.get_by_role("slider").evaluate("it => it.labels[0].textContent"))
    assert "frauds are flagged" in page.get_by_role("slider").get_attribute("aria-valuetext")
    assert page.get_by_role("status").get_attribute("aria-live") == "polite"
    assert page.get_by_role("img").count() == 7
    assert all(each.get_attribute("aria-label") for each in page.get_by_role("img").all())


@pytest.mark.slow
@pytest.mark.parametrize("opened", ["many"], indirect=True)
def test_the_threshold_is_shown_short_and_is_exact_in_the_control(opened: tuple[Any, Rows]) -> None:
    page, (score, label) = opened
    exact = page.locator("#exact")
    for way in (50, 400, 800, 990):
        page.locator("#place").fill(str(way))
        at = _holds(page, (score, label))
        assert float(exact.input_value()) == at and np.float32(at) in score
        shown = page.locator("#threshold").text_content()
        assert len(re.sub(r"e.*|^0[.]0*|[.]", "", shown)) <= 4
        assert float(shown) == pytest.approx(at, rel=5e-4)
    exact.fill("0.5")
    assert _holds(page, (score, label)) == score[score >= 0.5].min()
    assert exact.input_value() == "0.5"
    exact.press("Tab")
    assert float(exact.input_value()) == score[score >= 0.5].min()
    exact.fill("1")
    exact.press("Tab")
    assert (_holds(page, (score, label)), exact.input_value()) == (np.inf, "")
    floors = page.get_by_role("region", name="What the thresholds would have done").locator("td:nth-child(2)")
    assert floors.all_text_contents() == ["0", f"{THRESHOLDS['review']:.4g}", f"{THRESHOLDS['block']:.4g}"]


@pytest.mark.slow
@pytest.mark.parametrize("opened", ["many"], indirect=True)
def test_each_cost_is_in_the_total_alone_and_together(opened: tuple[Any, Rows]) -> None:
    page, (score, label) = opened
    page.locator("[data-go=review]").click()
    flagged = score >= np.float32(_shown(page)["threshold"])
    counts = {
        "missed": (~flagged & (label == 1)).sum(),
        "review": flagged.sum(),
        "blocked": (flagged & (label == 0)).sum(),
    }
    for name in counts:
        page.locator(f"#cost-{name}").fill("")
    assert page.locator("#money").get_attribute("data-total") is None
    for name, count in counts.items():
        page.locator(f"#cost-{name}").fill("0.1")
        assert _shown(page)["total"] == pytest.approx(0.1 * count, rel=1e-12)
        page.locator(f"#cost-{name}").fill("")
    page.locator("#cost-blocked").fill("2")
    assert f"wrongly blocked payments {2 * counts['blocked']:,}" in page.locator("#money").text_content()


@pytest.mark.slow
@pytest.mark.parametrize("opened", ["many"], indirect=True)
def test_nothing_moves_by_itself_where_the_reader_does_not_want_it(opened: tuple[Any, Rows]) -> None:
    page, _ = opened
    page.emulate_media(reduced_motion="reduce")
    page.add_style_tag(
        content="button { transition: background 9s; animation: turn 9s; } @keyframes turn { to { opacity: 0; } }"
    )
    page.locator("#higher").click()
    assert page.evaluate("document.getAnimations().length") == 0
    style = "[...document.querySelectorAll('*')].map(it => getComputedStyle(it).transitionDuration)"
    assert set(page.evaluate(style)) == {"0s"}


@pytest.mark.slow
@pytest.mark.parametrize("opened", ["many"], indirect=True)
def test_a_wide_table_scrolls_inside_itself_and_by_keyboard(opened: tuple[Any, Rows]) -> None:
    page, _ = opened
    region = page.get_by_role("region", name="What the thresholds would have done")
    inside, outside = region.evaluate("it => [it.scrollWidth, it.clientWidth]")
    assert inside > outside
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    region.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("it => it.scrollLeft > 0", arg=region.element_handle())
    assert page.get_by_role("table").count() > 3


@pytest.mark.slow
@pytest.mark.parametrize("opened", ["many"], indirect=True)
def test_the_page_has_one_word_for_what_is_no_fraud(opened: tuple[Any, Rows]) -> None:
    page, _ = opened
    text = page.locator("main").inner_text() + str(
        page.locator("[aria-label]").evaluate_all("all => all.map(it => it.ariaLabel)")
    )
    assert "legitimate" in text and "honest" not in text.lower()


def _unpacked(text: str) -> list[tuple[float, int]]:
    """The rows again, in the plainest way."""
    rows, bits, number, shift = [], 0, 0, 0
    for byte in base64.b64decode(text):
        number |= (byte & 127) << shift
        shift += 7
        if not byte & 128:
            bits += number >> 1
            rows.append((float(np.uint32(bits).view(np.float32)), number & 1))
            number = shift = 0
    return rows


@pytest.mark.parametrize("case", CASES)
def test_packed_scores_hold_every_row(case: str) -> None:
    score, label = CASES[case]
    packed = packed_scores(pd.DataFrame({"score": score, "is_fraud": label}))
    there = ~np.isnan(score)
    assert _unpacked(packed.text) == sorted(zip((score[there] + 0.0).tolist(), label[there].tolist(), strict=True))
    assert (packed.rows, packed.unscored) == (there.sum(), (~there).sum())


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ({"is_fraud": [0]}, "no column 'score'"),
        ({"is_fraud": [0], "score": [1.5]}, "score: 1.5; allowed: 0 to 1"),
        ({"is_fraud": [2], "score": [0.5]}, "is_fraud: 2; allowed: 0 .legitimate. and 1 .fraud."),
        ({"is_fraud": [1], "score": [0.1]}, "finer than float32"),
        ({"is_fraud": [1], "score": ["high"]}, "allowed: numbers"),
    ],
)
def test_what_cannot_be_shown_is_refused(rows: dict[str, list[Any]], says: str) -> None:
    with pytest.raises(ScoresError, match=says):
        packed_scores(pd.DataFrame(rows))
