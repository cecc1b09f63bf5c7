"""The report in Chromium: with parts missing, with names and values that are no friends of HTML, on a phone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from sagemaker_src.synthesis.page.page import write_page
from tests.browser import BrowserPages
from tests.sagemaker_src.synthesis import report_samples

EVIL = "</script><script>document.title='broken'</script><img src=x onerror=\"document.title='broken'\">\u2028&'"


NOT_MEASURED = [{"what": "utility", "why": "few"}]
ONE_RESPLIT = [{"arm": "synthetic", "split": "random", "mean": 0.0, "low": None, "high": None}]
CONSTANT = {"names": ["a", "b"], "real": [[None, None], [None, 1]], "synthetic": [[1, 0], [0, 1]]}
NONE_CHOSEN = [{"epoch": 0, "critic_loss": 1.0, "generator_loss": None, "distance": None, "chosen": False}]
PARTS: dict[str, dict[str, Any]] = {
    "everything": {},
    "no quality": {"quality": {}},
    "parts that are None": {"quality": dict.fromkeys(("rows", "fidelity", "privacy", "utility", "verdict"))},
    "no utility": {"quality": {"utility": {"judge": "x", "arms": [], "gains": [], "not_measured": NOT_MEASURED}}},
    "one resplit": {"quality": {"utility": {"gains": ONE_RESPLIT}}},
    "constant columns": {"quality": {"fidelity": {"correlation": CONSTANT}}},
    "no history": {"history": None},
    "no snapshots": {"snapshots": None},
    "no real rows": {"real": None},
    "one checkpoint": {"epochs": (80,)},
    "none was chosen": {"history": NONE_CHOSEN},
}


def test_letters_are_drawn(look: Any, tmp_path: Path) -> None:
    """Without a font a text has no width: nothing would hang over an edge, and no test would see it."""
    path = tmp_path / "page.html"
    path.write_text('<!doctype html><meta charset="utf-8"><span>Thirty letters, or some more.</span>')
    assert 100 < look(path).locator("span").bounding_box()["width"] < 400


@pytest.mark.parametrize("part", PARTS)
def test_a_report_stands_with_parts_missing(
    part: str, real_frauds: pd.DataFrame, quality: dict[str, Any], look: Any, tmp_path: Path
) -> None:
    given = PARTS[part]
    arguments: dict[str, Any] = {
        "history": report_samples.history(),
        "snapshots": report_samples.snapshots(real_frauds, given.get("epochs", report_samples.EPOCHS)),
        "real": real_frauds,
        **{name: given[name] for name in ("history", "snapshots", "real") if name in given},
    }
    path = tmp_path / "report.html"
    write_page(path, given.get("quality", quality), **arguments)
    seen = look(path, width=360)
    assert seen.locator("h2").first.text_content() == "Verdict"
    assert seen.locator("#player").count() == (arguments["snapshots"] is not None)
    assert seen.locator(".chart").count() == {"no history": 0, "none was chosen": 1}.get(part, 2)
    assert "NaN" not in seen.locator("main").inner_html() and "None" not in seen.locator("main").inner_text()
    if arguments["snapshots"] is not None:
        assert (seen.locator("#real circle").count() > 0) == (arguments["real"] is not None)
        assert seen.locator("#made circle").count() == len(real_frauds)
        seen.locator("#play").click()


def test_names_and_values_of_a_table_stay_text(
    look: Any, tmp_path: Path, quality: dict[str, Any], real_frauds: pd.DataFrame
) -> None:
    names = {"V1": EVIL, "shop": f"shop {EVIL}"}
    evil = json.loads(json.dumps(quality))
    for column in evil["fidelity"]["columns"]:
        column["name"] = names.get(column["name"], column["name"])
        for side in ("real", "synthetic"):
            if "values" in column[side]:
                column[side]["values"] = [EVIL + value for value in column[side]["values"]]
    evil["fidelity"]["correlation"]["names"] = [
        names.get(name, name) for name in evil["fidelity"]["correlation"]["names"]
    ]
    evil["verdict"]["sentences"], evil["utility"]["judge"] = [EVIL], EVIL
    evil["privacy"]["not_measured"] = [{"what": EVIL, "why": EVIL}]
    rows = real_frauds.rename(columns=names)
    rows[names["shop"]] = EVIL + rows[names["shop"]].fillna("")
    path = tmp_path / "report.html"
    snapshots = report_samples.snapshots(real_frauds).rename(columns=names)
    write_page(path, evil, history=report_samples.history(), snapshots=snapshots, real=rows,
                facts=[(EVIL, EVIL)], title=f"Title {EVIL}")  # fmt: skip
    seen = look(path)
    assert seen.title() == f"Title {EVIL}"
    assert seen.locator("img").count() == 0
    assert seen.locator(".verdict").text_content().count(EVIL) == 1
    assert seen.locator(".small b").all_text_contents().count(EVIL) == 1
    seen.locator("#up").select_option(label=EVIL)
    assert EVIL in seen.locator("#across-name").text_content()
    seen.locator("#maps svg").first.hover()
    assert "real" in seen.locator("#cell").text_content()


def test_it_is_read_on_a_phone(tmp_path: Path, look: Any) -> None:
    real = report_samples.fraud_rows(27)
    real = real.rename(columns={"V3": "a_name_of_a_column_without_any_place_to_break_it_that_is_long"})
    path = tmp_path / "report.html"
    write_page(path, report_samples.quality(real), history=report_samples.history(), snapshots=report_samples.snapshots(real),
               real=real, facts=[("Data fingerprint", "3f" * 32)])  # fmt: skip
    seen = look(path, width=360, height=740)
    assert seen.evaluate("document.documentElement.scrollWidth") == 360
    for inner in seen.locator(".wide").all():
        assert inner.evaluate("it => it.scrollWidth <= it.clientWidth"), inner.inner_text()[:80]
    for button in seen.locator(".buttons button").all():
        assert button.bounding_box()["height"] >= 32


def test_a_page_that_asks_for_another_fails_its_test(browser: Any, tmp_path: Path) -> None:
    (tmp_path / "there.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"/>')
    for inside, problem in {
        '<img src="there.svg">': "asks for file:.*there.svg",
        '<link rel="stylesheet" href="https://example.com/a.css">': "asks for https://example.com/a.css",
        "<script>nowhere()</script>": "nowhere is not defined",
    }.items():
        pages = BrowserPages(browser)
        path = tmp_path / "page.html"
        path.write_text(f"<!doctype html><h1>A page</h1>{inside}")
        pages(path).wait_for_load_state("networkidle")
        with pytest.raises(AssertionError, match=problem):
            pages.close()
