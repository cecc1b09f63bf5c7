"""What `fraud up`, `send` and `down` say when something is amiss: none stands, it has ended, it is coming up, two at once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import psutil
import pytest

from local import background as module
from local.background import Standing, StandingError, in_use, standing, start, stop


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "fraud-up-x"
    (made / "aws").mkdir(parents=True)
    (made / "runner.log").write_text("no space left on device\n")
    return made


@pytest.fixture
def runner(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process whose command line names the folder, as a runner's does."""
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", "--folder", str(folder)])
    yield process
    process.kill()
    process.wait()


def written(state: Path, found: Standing) -> Path:
    state.write_text(json.dumps(asdict(found)))
    return state


def test_none_stands(tmp_path: Path) -> None:
    with pytest.raises(StandingError, match="`fraud up` stands one up"):
        in_use(tmp_path / "up.json")
    assert stop(tmp_path / "up.json") is False


def test_a_damaged_file_is_named_and_nothing_is_ended(tmp_path: Path) -> None:
    state = tmp_path / "up.json"
    for text in ("", '{"pid": 1}'):
        state.write_text(text)
        with pytest.raises(StandingError, match=r"up\.json cannot be read .*delete it"):
            stop(state)


def test_one_that_has_ended_says_what_it_said_last(tmp_path: Path, folder: Path) -> None:
    state = written(tmp_path / "up.json", Standing(2**22 + 1, str(folder), "http://127.0.0.1:1", {}, "us-east-1"))
    with pytest.raises(StandingError, match=r"has ended; .*\nno space left on device"):
        in_use(state)
    assert stop(state)
    assert not folder.exists()
    assert standing(state) is None


def test_another_process_of_its_number_is_not_ended(tmp_path: Path, folder: Path) -> None:
    state = written(tmp_path / "up.json", Standing(os.getpid(), str(folder), "http://127.0.0.1:1", {}, "us-east-1"))
    assert not standing(state).running
    assert stop(state)


def test_one_that_is_coming_up_is_not_used_yet(tmp_path: Path, folder: Path, runner: subprocess.Popen[bytes]) -> None:
    state = written(tmp_path / "up.json", Standing(runner.pid, str(folder), "", {}, "us-east-1"))
    with pytest.raises(StandingError, match="still coming up"):
        in_use(state)
    with pytest.raises(StandingError, match="stands already"):
        start({}, lambda _: None, state)
    assert stop(state)
    assert not psutil.pid_exists(runner.pid)


def test_one_that_was_just_started_has_not_ended(
    tmp_path: Path, folder: Path, runner: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between a program's start and its first instruction, its command line is empty."""
    lines = iter([[], [], ["--folder", str(folder)]])
    monkeypatch.setattr(psutil.Process, "cmdline", lambda _: next(lines))
    assert Standing(runner.pid, str(folder), "", {}, "us-east-1").running


def test_two_at_once_do_not_stand_up_two(tmp_path: Path) -> None:
    state = tmp_path / "up.json"
    with module._alone(state), pytest.raises(StandingError, match="another `fraud up` is at work"):
        start({}, lambda _: None, state)


def test_one_that_does_not_come_up_says_why_and_keeps_its_logs(tmp_path: Path) -> None:
    state = tmp_path / "up.json"
    said: list[str] = []
    with pytest.raises(
        StandingError, match=r"ended at templates; .*up-logs.*\n(.|\n)*env: 'live'; allowed: dev or prod"
    ):
        start({"env": "live"}, said.append, state)
    assert said == ["templates"]
    assert standing(state) is None
    assert "allowed: dev or prod" in (tmp_path / "up-logs" / "synth.log").read_text()
