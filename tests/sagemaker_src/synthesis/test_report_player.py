"""The report's checkpoints, stepped and played through in Chromium."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from sagemaker_src.synthesis.page.scatter import scatter
from tests.sagemaker_src.synthesis import report_samples
from tests.sagemaker_src.synthesis.report_samples import decoded


def places(seen: Any) -> list[tuple[str, str]]:
    """Where the synthetic points are."""
    found: list[tuple[str, str]] = seen.evaluate(
        "[...document.querySelectorAll('#made circle')].map(it => [it.getAttribute('cx'), it.getAttribute('cy')])"
    )
    return [tuple(each) for each in found]


def where(seen: Any) -> str:
    return str(seen.locator("#where").text_content())


def test_it_opens_at_the_chosen_checkpoint_and_marks_it(report: Path, look: Any) -> None:
    seen = look(report)
    assert where(seen).startswith("Epoch 80, chosen (checkpoint 5 of 6), distance to held-out rows 0.1")
    assert seen.locator("#step").input_value() == "4" and seen.locator("#step").get_attribute("max") == "5"
    mark, slider = seen.locator("#chosen-step").bounding_box(), seen.locator("#step").bounding_box()
    middle = (mark["x"] + mark["width"] / 2 - slider["x"] - 8) / (slider["width"] - 16)
    assert middle == pytest.approx(4 / 5, abs=0.01)
    assert seen.locator("#chosen-epoch").text_content() == "80"
    assert seen.locator(".chosen-mark").count() == 2


def test_buttons_slider_and_keys_step_through_the_checkpoints(
    report: Path, look: Any, real_frauds: pd.DataFrame
) -> None:
    seen = look(report)
    found = {where(seen): places(seen)}

    def stepped(expected: str) -> None:
        assert where(seen).startswith(expected), where(seen)
        assert len(places(seen)) == len(real_frauds)
        assert found.setdefault(where(seen), places(seen)) == places(seen)

    seen.locator("#previous").click()
    stepped("Epoch 40 (checkpoint 4 of 6)")
    seen.locator("#next").click()
    stepped("Epoch 80, chosen")
    seen.locator("#stage").focus()
    pressed = {"ArrowLeft": "Epoch 40 ", "Home": "Epoch 0 ", "ArrowRight": "Epoch 10 ", "End": "Epoch 160 "}
    for key, expected in (*pressed.items(), ("ArrowRight", "Epoch 160 ")):
        seen.keyboard.press(key)
        stepped(expected)
    assert seen.locator("#next").get_attribute("aria-disabled") == "true"
    seen.locator("#step").fill("2")
    stepped("Epoch 20 ")
    assert seen.locator("#step").get_attribute("aria-valuetext") == "Epoch 20"
    seen.locator("#step").press("ArrowLeft")
    stepped("Epoch 10 ")
    assert "Epoch 10 " in seen.locator("#stage").get_attribute("aria-label")
    assert len({tuple(each) for each in found.values()}) == 6, "each checkpoint's points are its own"


def test_the_points_are_where_the_data_says(report: Path, look: Any, real_frauds: pd.DataFrame) -> None:
    data = scatter(report_samples.snapshots(real_frauds), real_frauds, report_samples.history())
    assert data is not None
    seen = look(report)
    names = [view["name"] for view in data["views"]]
    seen.locator("#across").select_option(label="V2")
    seen.locator("#up").select_option(label="V3")
    seen.locator("#step").fill("1")
    expected = zip(*(decoded(data["steps"][1][names.index(name)]) for name in ("V2", "V3")), strict=True)
    for (cx, cy), (x, y) in zip(places(seen), expected, strict=True):
        assert (float(cx), float(cy)) == pytest.approx((400 * x, 400 * (1 - y)), abs=0.06)
    assert seen.locator("#across-name").text_content() == "Across: V2. Up: V3."


def test_rows_that_lack_a_value_are_not_drawn_but_counted(report: Path, look: Any, real_frauds: pd.DataFrame) -> None:
    seen = look(report)
    seen.locator("#up").select_option(label="shop")
    there = int(report_samples.snapshots(real_frauds, (0,))["shop"].notna().sum())
    assert f"{there} of {len(real_frauds)} rows have both values" in where(seen)
    assert seen.locator('#made circle[visibility="visible"]').count() == there
    assert "grocery" in seen.locator("#ticks").text_content()


@pytest.mark.parametrize("by", ["button", "space"])
def test_it_plays_to_the_end_and_starts_anew_from_there(report: Path, look: Any, by: str) -> None:
    seen = look(report)
    seen.clock.install()
    seen.locator("#stage").press("Home")

    def toggle() -> None:
        seen.locator("#play").click() if by == "button" else seen.locator("#stage").press(" ")

    toggle()
    assert seen.locator("#play").text_content() == "Pause"
    shown = [where(seen).split(" (")[0]]
    for _ in range(5):
        seen.clock.run_for(500)
        shown.append(where(seen).split(" (")[0])
    assert shown == ["Epoch 0", "Epoch 10", "Epoch 20", "Epoch 40", "Epoch 80, chosen", "Epoch 160"]
    assert seen.locator("#play").text_content() == "Play"
    seen.clock.run_for(5_000)
    assert where(seen).startswith("Epoch 160")
    toggle()
    assert where(seen).startswith("Epoch 0")
    seen.clock.run_for(500)
    assert where(seen).startswith("Epoch 10")
    toggle()
    seen.clock.run_for(5_000)
    assert where(seen).startswith("Epoch 10"), "it was paused"
    toggle()
    seen.locator("#next").click()
    seen.clock.run_for(5_000)
    assert where(seen).startswith("Epoch 20"), "a step pauses it"


def test_who_asks_for_less_motion_gets_slower_and_plain_steps(report: Path, look: Any) -> None:
    style = "getComputedStyle(document.querySelector('#made circle')).transitionDuration"
    assert look(report, reduced_motion="no-preference").evaluate(style) != "0s"
    seen = look(report, reduced_motion="reduce")
    assert seen.evaluate(style) == "0s"
    seen.clock.install()
    seen.locator("#stage").press("Home")
    seen.locator("#play").click()
    seen.clock.run_for(1_900)
    assert where(seen).startswith("Epoch 0")
    seen.clock.run_for(200)
    assert where(seen).startswith("Epoch 10")


def test_words_beside_an_axis_have_room(report: Path, look: Any) -> None:
    seen = look(report, width=360)
    for axis, side, size in (("#up", ".up", "height"), ("#across", ".across", "width")):
        seen.locator(axis).select_option(label="shop")
        panel = seen.locator("#player").bounding_box()
        boxes = [each.bounding_box() for each in seen.locator(f"#ticks {side}").all()]
        assert len(boxes) == 4
        assert all(panel["x"] <= box["x"] and box["x"] + box["width"] <= panel["x"] + panel["width"] for box in boxes)
        start = {"height": "y", "width": "x"}[size]
        ends = sorted((box[start], box[start] + box[size]) for box in boxes)
        assert all(end <= following for (_, end), (following, _) in itertools.pairwise(ends))
        assert max(box["y"] + box["height"] for box in boxes) <= seen.locator("#across-name").bounding_box()["y"]
