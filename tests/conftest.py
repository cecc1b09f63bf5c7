"""What starts Java or the emulated AWS is marked `engines`; a test without the mark that starts either fails, in every lane."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser import BrowserPages, chromium

os.environ["MLFLOW_TRACKING_URI"] = (
    "none"  # no test leaves a run where a person keeps theirs; those of tracking name a place
)
# Lanes share the cores, where an OpenMP thread that waits by spinning keeps the one it waits for from its core: XGBoost takes
# four to ten times the processor time.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

ENGINES = {"java"}
ENVIRONMENTS = {".venv-engines", ".venv-aws"}
MARKED_BY = {
    ("emulator", "aws"): "engines",
    ("parity", "broker"): "engines",
    **{("stacks", fixture): "slow" for fixture in ("dev_folder", "prod", "other", "templates")},
}
"""{(folder, its fixture): the mark of whoever asks for it}: the templates of the whole application take seconds each."""

_running: list[pytest.Item] = []


class UnmarkedEngineError(BaseException):
    """A test without the mark `engines` starts one. No `Exception`, so that no code under test takes it for its own."""


def is_engine(arguments: Any) -> bool:
    """Whether a command starts Java, or Python in the engines' or the emulated AWS's environment.

    >>> is_engine(["java", "-version"]), is_engine([".venv-aws/bin/python", "-m", "x"]), is_engine(["node"])
    (True, True, False)
    """
    words = [Path(str(each)) for each in arguments] if isinstance(arguments, (list, tuple)) else [Path(str(arguments))]
    return any(
        word.name in ENGINES or (word.name.startswith("python") and ENVIRONMENTS & set(word.parts)) for word in words
    )


def _no_unmarked_engine(event: str, given: tuple[Any, ...]) -> None:
    if event == "subprocess.Popen" and _running and is_engine(given[1]):
        item = _running[-1]
        if not item.get_closest_marker("engines"):
            raise UnmarkedEngineError(f"{item.nodeid} starts {given[1]}; a test that does is marked `engines`")


sys.addaudithook(_no_unmarked_engine)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    _running.append(item)
    yield
    _running.pop()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test that asks for such a fixture has its mark by that; one that looks at a page is slow; one with stacks has engines."""
    for item in items:
        if item.get_closest_marker("stacks"):
            item.add_marker("engines")
        for (folder, fixture), mark in MARKED_BY.items():
            if fixture in getattr(item, "fixturenames", ()) and item.path.parent.name == folder:
                item.add_marker(mark)
        if "browser" in getattr(item, "fixturenames", ()):
            item.add_marker("slow")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium. Of a module, as nothing that runs an event loop of its own can be tested while it is there."""
    with chromium() as running:
        yield running


@pytest.fixture
def look(browser: Any) -> Iterator[BrowserPages]:
    """Opens the page of a file; the test fails if the page asks for anything else or says an error."""
    pages = BrowserPages(browser)
    yield pages
    pages.close()
