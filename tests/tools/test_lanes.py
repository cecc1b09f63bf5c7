"""Lanes of tests at once: progress, a last line, and the log of the one that failed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tools.lanes import LANES, Lane, run

PASSES = "print('.... [100%]'); print('4 passed in 0.01s')"
FAILS = "print('..F. [100%]'); print('FAILED tests/test_a.py::test_b'); print('1 failed, 3 passed in 0.01s'); raise SystemExit(1)"
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


def test_the_lanes_hold_every_test_once() -> None:
    marks = sorted(mark for mark, _ in LANES.values())
    assert marks == ["engines", "not engines"]
