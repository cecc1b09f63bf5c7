"""The page on grafted attacks: the numbers that were measured, beside copies, repeats and weights, on a desk and on a phone."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sagemaker_src.synthesis.episodes_quality import SAID, utility_of
from sagemaker_src.synthesis.episodes_use import ARMS, MEASURES, WITHOUT, Scores, Trial
from sagemaker_src.synthesis.page.figures import Figures, shown
from sagemaker_src.synthesis.page.page import page, write_page
from tests.sagemaker_src.synthesis.test_report_page import Numbers, leaves

TRIAL = Trial(known=20, episodes=200, resplits=6)


@pytest.fixture(scope="module")
def quality(quality: dict[str, Any]) -> dict[str, Any]:
    """As `episodes_quality` gives it, of scores that were drawn."""
    draws = np.random.default_rng(4)
    names = [measure + cards for measure in MEASURES for cards in ("", WITHOUT)]
    scores: list[Scores] = [
        {arm: {name: float(draws.uniform(0.3, 0.9)) for name in names} for arm in ARMS} for _ in range(TRIAL.resplits)
    ]
    return {**quality, "utility": utility_of(TRIAL, scores)}


def test_every_number_of_the_use_is_on_the_page(quality: dict[str, Any]) -> None:
    numbers = Numbers(page(quality)).found
    figures = Figures(quality)
    there = {str(each["data-of"]): float(str(each["value"])) for each, _ in numbers if "data-of" in each}
    gains = dict(leaves({"utility": {"gains": quality["utility"]["gains"]}}))
    assert len(gains) == 3 * (len(ARMS) - 1)
    assert {place: there[place] for place in gains} == gains
    means = {str(each["data-mean-of"]): float(str(each["value"])) for each, _ in numbers if "data-mean-of" in each}
    assert means == {
        f"utility.arms.{place}.by_time": pytest.approx(np.mean(figures.get(f"utility.arms.{place}.by_time")))
        for place in range(len(ARMS))
    }


def test_the_gains_in_every_other_measure_are_there(quality: dict[str, Any]) -> None:
    found = {
        tuple(str(each["data-gain"]).split("|")): (float(str(each["value"])), text)
        for each, text in Numbers(page(quality)).found
        if "data-gain" in each
    }
    measured = {name: arms for name, arms in quality["utility"]["gains_of"].items() if name != "average_precision"}
    assert len(measured) == 3
    assert found == {
        (name, arm, end): (value, shown(value, "gain"))
        for name, arms in measured.items()
        for arm, gain in arms.items()
        for end, value in gain.items()
    }


def test_the_judged_arm_is_the_grafted_attacks(quality: dict[str, Any]) -> None:
    text = page(quality)
    own = re.findall(r'<tr class="own"><td>([^<]*)</td>', text)
    assert own == ["with the grafted attacks"] * 5
    assert text.count('class="dot own"') == 1
    assert "In place of the real frauds" not in text
    assert "None" not in re.sub(r"<[^>]*>", "", text)
    assert {"with the known attacks grafted", "with frauds repeated", "with frauds weighted"} <= set(
        re.findall(r"<td>(with [^<]*)</td>", text)
    )
    assert len(SAID) == len(ARMS) - 1


@pytest.mark.parametrize("width", [1100, 360])
def test_nothing_hangs_over_its_edge(width: int, quality: dict[str, Any], look: Any, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    write_page(path, quality, facts=[("attacks known", "20")], title="Grafted attacks")
    seen = look(path, width=width)
    assert seen.evaluate("document.documentElement.scrollWidth") == width
    for inner in seen.locator(".wide").all():
        assert inner.evaluate("it => it.scrollWidth <= it.clientWidth"), inner.inner_text()[:80]
    assert seen.locator("#gains tr.own").inner_text().startswith("with the grafted attacks")
