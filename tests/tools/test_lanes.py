"""Lanes of tests at once: progress, a last line, and the log of the one that failed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from _pytest.mark.expression import Expression

from tools.lanes import LANES, Lane, run

PASSES = "print('.... [100%]'); print('4 passed in 0.01s')"
FAILS = "print('..F. [100%]'); print('FAILED tests/test_a.py::test_b'); print('1 failed, 3 passed in 0.01s'); raise SystemExit(1)"
SAID = "1 passed in 1.00s"
SLOW = f"import time; time.sleep(1); print({SAID!r})"
WAITS = "import time; print('.. [ 50%]', flush=True); time.sleep(600)"


def lane(folder: Path, name: str, program: str) -> tuple[Lane, int]:
    return Lane(name, [sys.executable, "-c", program], folder / f"{name}.log"), 0


def test_the_last_line_says_that_all_passed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([lane(tmp_path, "a", PASSES), lane(tmp_path, "b", PASSES)]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[-1].endswith("test: passed: a 4 passed in 0.01s; b 4 passed in 0.01s")


@pytest.mark.parametrize("failing", [0, 1])
def test_a_lane_that_fails_is_shown_and_its_log_named(
    failing: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lanes = [lane(tmp_path, name, FAILS if place == failing else PASSES) for place, name in enumerate("ab")]
    assert run(lanes) == 1
    said = capsys.readouterr().out
    assert "FAILED tests/test_a.py::test_b" in said
    assert said.splitlines()[-1].endswith(f"test: FAILED: {'ab'[failing]}, see {tmp_path}/{'ab'[failing]}.log")


def test_a_run_that_is_broken_off_ends_its_lanes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lanes = [lane(tmp_path, "a", WAITS)]

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("tools.lanes._say", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(lanes, every_s=0.1)
    assert lanes[0][0].wait(0) is not None


def test_a_lane_waits_for_the_one_that_it_comes_after(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (first, _), (second, _) = lane(tmp_path, "first", SLOW), lane(tmp_path, "second", PASSES)
    second.after = [first]
    second.command = [sys.executable, "-c", f"assert {SAID!r} in open({str(first.log)!r}).read(); {PASSES}"]
    assert run([(second, 0), (first, 0)], every_s=0.1) == 0
    said = capsys.readouterr().out.splitlines()
    assert "second waits for first" in said[0]
    assert said[-1].endswith(f"second 4 passed in 0.01s; first {SAID}")


def test_a_lane_comes_after_one_that_fails_too(tmp_path: Path) -> None:
    first, second = lane(tmp_path, "first", FAILS), lane(tmp_path, "second", PASSES)
    second[0].after = [first[0]]
    assert run([first, second], every_s=0.1) == 1
    assert second[0].progress == "4 passed in 0.01s"


MARKS = [
    pytest.param({"engines", "stacks"}, "stacks", id="stacks beside others"),
    pytest.param({"engines"}, "engines", id="others that start engines"),
    pytest.param(set(), "others", id="all others"),
]


@pytest.mark.parametrize(("marks", "where"), MARKS)
def test_every_test_is_in_one_lane(marks: set[str], where: str) -> None:
    holding = [name for name, share in LANES.items() if Expression.compile(share.mark).evaluate(marks.__contains__)]
    assert holding == [where]
