"""A process that ends by itself is started again; one that ends again and again is given up; one that is ended stays so."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from emulator import flink
from emulator.supervision import TRIES, Keeper
from engines.processes import Process, ProcessError
from tests.emulator.conftest import until

STAYS, DIES = "import time; print('up', flush=True); time.sleep(600)", "print('up', flush=True)"


class Kept:
    """A process of this code under a keeper."""

    def __init__(self, folder: Path, code: str, again: str, pause_s: float = 0.0, steady_s: float = 60.0) -> None:
        self.given_up: list[str] = []
        self.starts = 1
        self.process = Process("it", [sys.executable, "-c", code], log_path=folder / "log")
        self.process.start()

        def start() -> None:
            self.starts += 1
            self.process.argv[-1] = again
            self.process.start()

        self.keeper = Keeper("it", self.process, start, self.given_up.append, pause_s=pause_s, steady_s=steady_s)

    def crash(self) -> None:
        pid = self.process.pid
        os.killpg(pid, signal.SIGKILL)
        until(lambda: self.process.running and self.process.pid != pid)


Made = Callable[..., Kept]


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Made]:
    made: list[Kept] = []

    def make(code: str, again: str, **times: float) -> Kept:
        made.append(Kept(tmp_path, code, again, **times))
        return made[-1]

    yield make
    for one in made:
        one.keeper.end()
        one.process.kill()


def test_it_is_started_again(kept: Made) -> None:
    one = kept(STAYS, STAYS)
    one.crash()
    assert one.starts == 2
    assert not one.given_up


def test_what_ends_again_and_again_is_given_up(kept: Made) -> None:
    one = kept(DIES, DIES)
    (why,) = until(lambda: one.given_up)
    assert one.starts == 1 + TRIES
    assert f"after {TRIES} restarts" in why


def test_the_reason_of_a_start_that_failed_is_told(kept: Made) -> None:
    one = kept(DIES, DIES)

    def fail() -> None:
        raise ProcessError("the model is broken")

    one.keeper._again = fail
    assert "the model is broken" in until(lambda: one.given_up)[0]


def test_whatever_goes_wrong_in_a_start_counts_as_an_end(kept: Made) -> None:
    one = kept(DIES, DIES)
    one.keeper._again = lambda: {}["checkpoint"]
    assert "'checkpoint'" in until(lambda: one.given_up)[0]


def test_one_that_has_run_for_long_starts_a_new_row(kept: Made) -> None:
    one = kept(STAYS, STAYS, steady_s=0.0)
    for _ in range(TRIES + 2):
        one.crash()
    assert not one.given_up


def test_what_is_ended_on_purpose_stays_ended(kept: Made) -> None:
    one = kept(STAYS, STAYS, pause_s=30.0)
    os.killpg(one.process.pid, signal.SIGKILL)
    until(lambda: not one.process.running)
    one.keeper.end()  # while it waits to start it again
    assert one.starts == 1
    assert not one.process.running


class ShortJob:
    """A stream job that starts and ends at once."""

    running, pid, starts = False, 0, 0

    def start(self, checkpoint: Path | None) -> None:
        self.starts += 1

    def newest_checkpoint(self) -> Path:
        return Path("chk-7")

    def kill(self) -> None:
        """It has ended."""

    stop = kill


def test_an_application_whose_job_ends_again_and_again_rests_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flink, "Keeper", partial(Keeper, pause_s=0.0))
    unused: Any = None
    applications, job = flink.Applications(tmp_path, unused, unused, unused, unused), ShortJob()
    applications.create_application(ApplicationName="stream")
    monkeypatch.setitem(applications._jobs, "stream", job)
    applications.start_application("stream")

    def shown() -> dict[str, Any]:
        return dict(applications.describe_application("stream")["ApplicationDetail"])

    until(lambda: "ApplicationDescription" in shown())
    assert shown()["ApplicationStatus"] == "READY"
    assert f"ended again after {TRIES} restarts" in shown()["ApplicationDescription"]
    assert job.starts == 1 + TRIES
