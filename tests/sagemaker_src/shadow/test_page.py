"""The page of a shadow's comparison, looked at in a browser."""

from __future__ import annotations

from pathlib import Path

from sagemaker_src.shadow.page import write_page
from tests.browser import BrowserPages, chromium
from tests.sagemaker_src.shadow.test_compare import asked, captured, compared, line


def test_all_figures_stand_on_a_phone_and_differences_that_are_none_have_no_sign(tmp_path: Path) -> None:
    amounts = [float(amount) for amount in range(1_001, 1_301)]
    long = "2026-01-20T02-00-00Z-c0ffee12"
    captured(tmp_path, "main", *(line(asked(amount), [0.6], f"{long}-champion") for amount in amounts))
    captured(tmp_path, "shadow", *(line(asked(amount), [0.6 - 1e-6], f"{long}-candidate") for amount in amounts))
    write_page(tmp_path / "page.html", compared(tmp_path))
    with chromium() as browser:
        pages = BrowserPages(browser)
        page = pages(tmp_path / "page.html", width=380, height=800)
        wider = page.evaluate(
            "[document.documentElement, ...document.querySelectorAll('.wide')]"
            ".filter(it => it.scrollWidth > it.clientWidth).length"
        )
        said = page.locator("body").inner_text()
        pages.close()
    assert wider == 0
    assert f"Champion: model {long}-champion. Candidate: model {long}-candidate." in said
    assert "-0.0000" not in said and "50%\t0.0000" in said
    assert "review\treview\t300\t345,150.00" in said
