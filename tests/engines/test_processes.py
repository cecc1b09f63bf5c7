"""Child processes end when they should, with all they started, and never outlive their parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from engines.processes import Process, ProcessError

# Starts a grandchild, prints its id, and stays.
FAMILY = (
    "import subprocess, sys, time;"
    "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']);"
    "print('grandchild', child.pid, flush=True); time.sleep(600)"
)


def until(condition: Callable[[], bool], timeout_s: float = 15) -> bool:
    deadline = time.monotonic() + timeout_s
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


def lives(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def grandchild_of(log: Path) -> int:
    assert until(lambda: log.exists() and "grandchild" in log.read_text())
    return int(log.read_text().split("grandchild ")[1].split()[0])


@pytest.mark.parametrize("end", [Process.kill, Process.stop])
def test_ending_a_process_ends_what_it_started(tmp_path: Path, end: Callable[[Process], None]) -> None:
    process = Process("family", [sys.executable, "-c", FAMILY], log_path=tmp_path / "log")
    process.start()
    grandchild = grandchild_of(tmp_path / "log")
    assert process.running
    assert lives(grandchild)
    end(process)
    assert not process.running
    assert until(lambda: not lives(grandchild))


def test_children_die_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    log = tmp_path / "log"
    program = (
        "import sys, time; from pathlib import Path; from engines.processes import Process;"
        f"Process('family', [sys.executable, '-c', {FAMILY!r}], log_path=Path({str(log)!r})).start();"
        "time.sleep(600)"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], cwd=Path(__file__).parents[2])
    grandchild = grandchild_of(log)
    child = psutil.Process(grandchild).ppid()
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    assert until(lambda: not lives(grandchild) and not lives(child))


def test_one_child_does_not_keep_another_alive(tmp_path: Path) -> None:
    # The second child starts while the first one's pipe is open here: had it inherited that, the first would outlive a stop.
    with Process("first", [sys.executable, "-c", FAMILY], log_path=tmp_path / "first") as first:
        grandchild = grandchild_of(tmp_path / "first")
        with Process("second", [sys.executable, "-c", FAMILY], log_path=tmp_path / "second"):
            os.close(first._lifeline)
            first._lifeline = -1
            assert until(lambda: not lives(grandchild))


def test_a_deaf_process_is_killed_after_its_grace(tmp_path: Path) -> None:
    deaf = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"
    )
    process = Process("deaf", [sys.executable, "-c", deaf], log_path=tmp_path / "log")
    process.start()
    process.wait_until(lambda: "deaf" in process.log_tail(), "ignored", timeout_s=20)
    process.stop(grace_s=0.2)
    assert not process.running


def test_an_early_end_is_told_with_the_log(tmp_path: Path) -> None:
    process = Process(
        "clumsy", [sys.executable, "-c", "raise SystemExit('the port is taken')"], log_path=tmp_path / "log"
    )
    process.start()
    with pytest.raises(ProcessError, match=r"clumsy ended before it answered(?s:.*)the port is taken"):
        process.wait_until(lambda: False, "answered", timeout_s=20)


def test_a_late_process_is_told_with_the_time(tmp_path: Path) -> None:
    with (
        Process("slow", [sys.executable, "-c", FAMILY], log_path=tmp_path / "log") as process,
        pytest.raises(ProcessError, match=r"slow had not answered after 0\.3 s"),
    ):
        process.wait_until(lambda: False, "answered", timeout_s=0.3)


def test_a_missing_program_is_told(tmp_path: Path) -> None:
    process = Process("absent", [tmp_path / "no-such-program"], log_path=tmp_path / "log")
    process.start()
    with pytest.raises(ProcessError, match=r"no-such-program: No such file"):
        process.wait_until(lambda: False, "answered", timeout_s=20)
