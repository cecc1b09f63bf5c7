"""Child processes: started with a log file, waited for until ready, ended politely or at once, never left behind.

A child lives in a process group of its own under a small guard (`engines.guard`), which ends the group when this process ends
in whatever way. Ending a child therefore ends what it started, too.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from engines.waiting import wait_until

GUARD = Path(__file__).with_name("guard.py")
TAIL_LINES = 20
_FRAME = re.compile(r"\s+(at \S+\(|\.\.\. \d+ more)")


class ProcessError(RuntimeError):
    """A child process ended, or was not ready in time. The text holds the end of its log."""


def free_port() -> int:
    """A TCP port of the loopback address that no one listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answers(port: int) -> bool:
    """Whether someone accepts connections at the port of the loopback address."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Process:
    """One child process.

    Args:
        name: what error messages call it.
        argv: the program and its arguments.
        env: variables set on top of this process's own, or all of them.
        log_path: its output and errors are appended there. The folder is created.
        folder: where it starts; by default where this process is.
        inherit: False gives it no other variables than `env`.

    Example: a process that ends by itself.

    >>> import tempfile
    >>> log = Path(tempfile.mkdtemp(), "log")
    >>> with Process("greeter", [sys.executable, "-c", "print('hello')"], log_path=log) as greeter:
    ...     greeter.wait_until(lambda: "hello" in greeter.log_tail(), "greeted", timeout_s=20)
    >>> greeter.running
    False
    """

    def __init__(
        self,
        name: str,
        argv: Sequence[str | Path],
        env: Mapping[str, str] | None = None,
        *,
        log_path: Path,
        folder: Path | None = None,
        inherit: bool = True,
    ) -> None:
        self.name, self.argv, self.env, self.log_path = name, [str(part) for part in argv], dict(env or {}), log_path
        self._folder, self._inherit = folder, inherit
        self._child: subprocess.Popen[bytes] | None = None
        self._lifeline = -1

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Starts it. A process that ended can be started again; its log goes on."""
        if self.running:
            raise ProcessError(f"{self.name} is running already")
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        watched, self._lifeline = os.pipe()
        try:
            with self.log_path.open("ab") as log:
                self._child = subprocess.Popen(
                    [sys.executable, "-I", "-S", str(GUARD), str(watched), *self.argv],
                    env={**(os.environ if self._inherit else {}), **self.env},
                    cwd=self._folder,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    pass_fds=[watched],
                    start_new_session=True,
                )
        finally:
            os.close(watched)

    @property
    def running(self) -> bool:
        return self._child is not None and self._child.poll() is None

    @property
    def pid(self) -> int:
        """The id of the process group: the guard, the process and what it started. 0 before the start."""
        return self._child.pid if self._child else 0

    def wait_until(self, ready: Callable[[], bool], what: str, timeout_s: float = 60) -> None:
        """Waits until `ready()`; `what` names that state in the error.

        Raises:
            ProcessError: the process ended or the time ran out.
        """

        def done() -> bool:
            if ready():
                return True
            if not self.running:
                raise ProcessError(self._told(f"{self.name} ended before it {what}"))
            return False

        def late() -> ProcessError:
            return ProcessError(self._told(f"{self.name} had not {what} after {timeout_s:g} s"))

        wait_until(done, timeout_s, late, every_s=0.02)

    def wait(self, timeout_s: float, waiting: Callable[[], None] = lambda: None) -> int:
        """Waits until it ends by itself, calling `waiting` now and then; its exit status.

        Raises:
            ProcessError: the time ran out.
        """
        child = self._child
        if child is None:
            raise ProcessError(f"{self.name} was not started")

        def ended() -> bool:
            waiting()
            return child.poll() is not None

        def late() -> ProcessError:
            return ProcessError(self._told(f"{self.name} had not ended after {timeout_s:g} s"))

        wait_until(ended, timeout_s, late, every_s=0.05)
        return child.returncode

    def kill(self) -> None:
        """Ends it at once, as a crash would (SIGKILL to the whole group)."""
        self._signal(signal.SIGKILL)
        self._release()

    def stop(self, grace_s: float = 10) -> None:
        """Asks it to end (SIGTERM to the whole group) and kills what is left after `grace_s` seconds."""
        if self._child is None:
            return
        self._signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._child.wait(grace_s)
        self.kill()

    def log_tail(self, lines: int = TAIL_LINES) -> str:
        """The last lines of its log, without the frames of Java's stacks; empty before it wrote any."""
        if not self.log_path.exists():
            return ""
        with self.log_path.open("rb") as log:
            log.seek(max(0, self.log_path.stat().st_size - 65_536))
            written = log.read().decode(errors="replace").splitlines()
        return "\n".join([line for line in written if not _FRAME.match(line)][-lines:])

    def _told(self, sentence: str) -> str:
        return f"{sentence}; the end of {self.log_path}:\n{self.log_tail()}"

    def _signal(self, number: int) -> None:
        if self._child is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._child.pid, number)

    def _release(self) -> None:
        if self._child is not None:
            self._child.wait()
        # taken first: another thread may end it at the same time
        lifeline, self._lifeline = self._lifeline, -1
        if lifeline >= 0:
            os.close(lifeline)
