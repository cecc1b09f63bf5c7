"""The pages of a study and of families, as Chromium shows them."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cli.reports.tuning import families_report, tuning_report
from cli.tuning.study import TrialRow
from fraud.search_space import SPACE
from sagemaker_src.tuning.families import Compared

PARTS = {
    "fitted_until": 1_580_000_000_000,
    "validation_from": 1_580_600_000_000,
    "labelled_until": 1_582_400_000_000,
    "test_from": 1_583_020_800_000,
    "fitted_rows": 700_000,
    "judged_rows": 200_000,
}


def trials(count: int = 30) -> list[TrialRow]:
    draws = np.random.default_rng(4)
    made = []
    for number in range(1, count + 1):
        given = {each.name: draws.uniform(each.least, each.most) for each in SPACE}
        parameters = {each.name: int(given[each.name]) if each.whole else given[each.name] for each in SPACE}
        early = number > 4 and bool(draws.random() < 0.4)
        value = float(draws.uniform(0.9, 0.98)) - 0.02 * early
        made.append(TrialRow(number, early, value, float(draws.uniform(5, 60)), parameters, {1: value}))
    return made


@pytest.mark.parametrize("width", [1_100, 360])
def test_the_page_of_a_study_shows_every_trial_the_best_first(width: int, look: Any, tmp_path: Path) -> None:
    rows = trials()
    tuning_report(tmp_path / "page.html", rows, PARTS, "features.parquet")
    page = look(tmp_path / "page.html", width=width)
    shown = page.evaluate(
        "[...document.querySelectorAll('#trials tr')].slice(1).map(row => row.children[0].textContent)"
    )
    whole = sorted((row for row in rows if not row.ended_early), key=lambda row: -row.value)
    assert [int(each) for each in shown[: len(whole)]] == [row.number for row in whole]
    assert len(shown) == len(rows)
    assert page.evaluate("document.querySelectorAll('svg').length") == 1 + len(SPACE)
    assert page.evaluate("document.querySelectorAll('#chosen tr').length") == 1 + len(SPACE)
    assert f"{whole[0].value:.4f}" in page.inner_text(".tiles")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("count", [2, 4, 30])
def test_what_stands_below_the_charts_are_numbers_as_they_are_typed_and_none_is_over_another(
    count: int, look: Any, tmp_path: Path
) -> None:
    tuning_report(tmp_path / "page.html", trials(count), PARTS, "features.parquet")
    charts = look(tmp_path / "page.html", width=1_100).evaluate(
        """[...document.querySelectorAll('svg')].map(chart => [...chart.querySelectorAll('g[id^=xtick] text')].map(text => {
            const box = text.getBoundingClientRect(); return [text.textContent, box.left, box.right] }))"""
    )
    whole = [True, *(each.whole for each in SPACE)]
    for labels, is_whole in zip(charts, whole, strict=True):
        assert len(labels) > 1
        assert all((int if is_whole else float)(text) >= 0 for text, _, _ in labels), labels
        assert all(right < left for (_, _, right), (_, left, _) in pairwise(labels)), labels


def test_one_trial_alone_makes_a_page(tmp_path: Path) -> None:
    tuning_report(tmp_path / "page.html", trials(1), PARTS, "<b>.parquet")
    assert "&lt;b&gt;.parquet: fitted on 700,000 rows before 2020-01-26" in (tmp_path / "page.html").read_text()


def test_the_page_of_families_shows_them_side_by_side(look: Any, tmp_path: Path) -> None:
    compared = [
        Compared("logistic regression", 0.5, 0.25, 12.34, 0.5, 12_000),
        Compared("XGBoost", 0.98, 0.97, 40, 9, 3e6),
    ]
    families_report(tmp_path / "page.html", compared, PARTS, "features.parquet")
    page = look(tmp_path / "page.html", width=360)
    cells = page.evaluate("[...document.querySelectorAll('#families tr:last-child > *')].map(cell => cell.textContent)")
    assert cells == ["XGBoost", "0.9800", "0.9700", "40.0", "9.0", "3.00"]
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
