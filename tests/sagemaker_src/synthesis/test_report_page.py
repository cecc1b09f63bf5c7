"""The quality report: what stands on the page, what it leaves out, and how it is stepped and played through in Chromium."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sagemaker_src.synthesis.page import correlations
from sagemaker_src.synthesis.page.figures import FORMS, Figures
from sagemaker_src.synthesis.page.page import page
from tests.sagemaker_src.synthesis import report_samples


class Numbers(HTMLParser):
    """Each `<data>` of a page: (its attributes, its text)."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[dict[str, str | None], str]] = []
        self._open: dict[str, str | None] | None = None
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "data":
            self._open = dict(attrs)

    def handle_data(self, data: str) -> None:
        if self._open is not None:
            self.found.append((self._open, data))
            self._open = None


def leaves(value: Any, place: str = "") -> Iterator[tuple[str, float]]:
    """(place, number) of every number in `quality.json`."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inside:
        yield from leaves(each, f"{place}.{key}" if place else str(key))
    if isinstance(value, int | float) and not isinstance(value, bool):
        yield place, value


def test_every_number_on_the_page_is_that_of_its_place(report: Path, quality: dict[str, Any]) -> None:
    figures = Figures(quality)
    found = [(each, text) for each, text in Numbers(report.read_text()).found if "data-of" in each]
    for each, text in found:
        exact = figures.get(str(each["data-of"]))
        assert float(str(each["value"])) == exact, each
        assert text in {form.format(exact) for name, form in FORMS.items() if name != "count" or isinstance(exact, int)}


def test_every_number_is_on_the_page(report: Path, quality: dict[str, Any]) -> None:
    """But for what is drawn: shares and edges of histograms, correlations, the resplits' scores (their means are there)."""
    drawn = re.compile(
        r"fidelity\.columns\.\d+\.(real|synthetic)\.|fidelity\.correlation\.|utility\.arms\.|utility\.over_baselines\."
    )
    there = {each.get("data-of") for each, _ in Numbers(report.read_text()).found}
    lacking = [place for place, _ in leaves(quality) if not drawn.match(place) and place not in there]
    assert lacking == []


def test_the_mean_of_each_arm_is_that_of_its_resplits(report: Path, quality: dict[str, Any]) -> None:
    figures = Figures(quality)
    means = [
        (str(each["data-mean-of"]), each["value"])
        for each, _ in Numbers(report.read_text()).found
        if "data-mean-of" in each
    ]
    assert len(means) == 10
    for place, value in means:
        assert float(str(value)) == pytest.approx(np.mean(figures.get(place)))


def test_every_sentence_of_the_verdict_and_every_fact_is_there(report: Path, quality: dict[str, Any]) -> None:
    text = report.read_text()
    for sentence in quality["verdict"]["sentences"]:
        assert sentence in text
    assert (
        text.index("It helps here") < text.index('id="limits"') < text.index("made-up.csv") < text.index('id="utility"')
    )


def test_each_limit_says_whether_it_is_kept(report: Path, quality: dict[str, Any]) -> None:
    table = report.read_text().partition('<table id="limits"')[2].partition("</table>")[0]
    said = re.findall(r'<span class="badge \w+">([^<]*)</span>', table)
    assert said == ["kept", "not kept", *["kept"] * 6, "unknown: not kept"]
    assert len(said) == len(quality["verdict"]["limits"])


@pytest.mark.parametrize(
    ("changed", "badge"),
    [
        ({"helps": "no"}, '<span class="badge warn">It does not help here</span>'),
        ({"helps": "harms"}, '<span class="badge bad">It harms here</span>'),
        ({"helps": "unclear"}, '<span class="badge warn">Whether it helps is unclear</span>'),
        ({"safe": True}, '<span class="badge good">Safe to share by every limit</span>'),
        ({"safe": False}, '<span class="badge warn">Not shown to be safe to share</span>'),
        (
            {"limits": [{"name": "membership_auc", "value": 0.9, "limit": 0.6, "kept": False}]},
            '<span class="badge bad">Not safe to share</span>',
        ),
    ],
)
def test_the_verdict_is_told_by_a_badge(quality: dict[str, Any], changed: dict[str, Any], badge: str) -> None:
    assert badge in page({**quality, "verdict": {**quality["verdict"], **changed}})


def test_columns_stand_in_the_order_of_their_distance(report: Path, quality: dict[str, Any]) -> None:
    names = re.findall(r'<figcaption><b title="([^"]*)">', report.read_text())
    columns = quality["fidelity"]["columns"]
    assert names == [each["name"] for each in sorted(columns, key=lambda each: -each["distance"])]


def test_the_pairs_are_those_that_differ_most(report: Path, quality: dict[str, Any]) -> None:
    of = quality["fidelity"]["correlation"]
    apart = np.abs(np.array(of["synthetic"]) - np.array(of["real"]))
    one, two = np.unravel_index(np.triu(apart, 1).argmax(), apart.shape)
    table = report.read_text().partition('<table id="pairs"')[2]
    first = re.search(r"<td>([^<]*)</td>", table)
    assert first and first[1] == f"{of['names'][one]}, {of['names'][two]}"


def test_same_inputs_give_the_same_page(real_frauds: pd.DataFrame, quality: dict[str, Any], report: Path) -> None:
    again = page(
        copy.deepcopy(quality),
        report_samples.history(),
        report_samples.snapshots(real_frauds),
        real_frauds.copy(),
        [("Table", "made-up.csv"), ("Seed", "1")],
    )
    assert again == report.read_text()


def test_nothing_is_fetched(report: Path) -> None:
    assert not re.findall(
        r"(?:src|href)=|url\(|@import|fetch\(|XMLHttpRequest|https?://(?!www\.w3\.org/2000/svg)", report.read_text()
    )


def test_without_real_rows_none_is_on_the_page(real_frauds: pd.DataFrame, quality: dict[str, Any]) -> None:
    without = page(quality, report_samples.history(), report_samples.snapshots(real_frauds))
    with_them = page(quality, report_samples.history(), report_samples.snapshots(real_frauds), real_frauds)
    assert "This page holds no real row" in without and "as confidential as the data" not in without
    assert "as confidential as the data" in with_them
    assert json.loads(without.partition('id="scatter-data">')[2].partition("</script>")[0])["real"] is None


@pytest.mark.slow
def test_thirty_columns_and_twenty_checkpoints_take_less_than_one_and_a_half_megabytes() -> None:
    real = report_samples.fraud_rows(27, 2_000)
    snapshots = report_samples.snapshots(real, tuple(range(0, 500, 25)))
    text = page(report_samples.quality(real), report_samples.history(500), snapshots, real)
    assert 300_000 < len(text.encode()) < 1_500_000


def test_a_table_of_many_columns_is_cut_to_those_that_differ_most(
    monkeypatch: pytest.MonkeyPatch, quality: dict[str, Any]
) -> None:
    monkeypatch.setattr(correlations, "MOST", 3)
    maps = correlations.heat_maps(Figures(quality))
    assert maps is not None
    of = quality["fidelity"]["correlation"]
    apart = np.abs(np.array(of["synthetic"]) - np.array(of["real"])).sum(0)
    assert set(maps.names) == {of["names"][at] for at in np.argsort(-apart)[:3]}
    assert maps.left_out == len(of["names"]) - 3
