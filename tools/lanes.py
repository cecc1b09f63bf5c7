"""All tests, in lanes at once: those that start engines wait much, and the others fill their pauses at the lowest priority; when
one of both has ended, the stacks that may stand beside others take its core.

python -m tools.lanes
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple


class Share(NamedTuple):
    """The tests of a lane.

    Attributes:
        mark: of the tests.
        niceness: what asks how fast something happens is among the engines, before which all else gives way.
        after: the lanes of which it waits for one.
    """

    mark: str
    niceness: int
    after: tuple[str, ...] = ()


LANES = {
    "engines": Share("engines and not stacks", 0),
    "others": Share("not engines", 19),
    "stacks": Share("stacks", 10, after=("engines", "others")),
}
"""All tests, each in one of them."""
EVERY_S = 30.0
_SHARE = re.compile(r"\[ *(\d+)%\]")
_TOTAL = re.compile(r"^\d+ \w+.* in [\d.]+s.*$", re.MULTILINE)


@dataclass
class Lane:
    """A run of pytest, what it says in a log of its own. It starts once a lane has ended of those that it comes after.

    >>> lane = Lane("quick", [sys.executable, "-c", "print('.... [100%]'); print('4 passed in 0.01s')"], Path("/dev/null"))
    >>> lane.start(niceness=0), lane.wait()
    (None, 0)
    >>> Lane("next", [], Path("/dev/null"), [Lane("still to start", [], Path("/dev/null")), lane]).may_start
    True
    """

    name: str
    command: Sequence[str]
    log: Path
    after: Sequence[Lane] = ()
    _child: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def start(self, niceness: int) -> None:
        """Starts it."""
        with self.log.open("wb") as log:
            self._child = subprocess.Popen(
                ["nice", "-n", str(niceness), *self.command], stdout=log, stderr=subprocess.STDOUT
            )

    @property
    def may_start(self) -> bool:
        """Whether it was not started yet, and waits for no other."""
        return self._child is None and (not self.after or any(lane.wait(0) is not None for lane in self.after))

    def wait(self, timeout_s: float | None = None) -> int | None:
        """Its exit status, or None if it still runs after that time, or was not started."""
        if self._child is None:
            return None
        try:
            return self._child.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return None

    def stop(self) -> None:
        """Ends it."""
        if self._child is not None:
            self._child.terminate()
            self._child.wait()

    @property
    def said(self) -> str:
        """What it has said by now."""
        return self.log.read_text(errors="replace") if self._child else ""

    @property
    def progress(self) -> str:
        """How far it is, or how it ended."""
        if self._child is None and self.after:
            return f"waits for {' or '.join(lane.name for lane in self.after)}"
        return ended(self.said) or f"{shared(self.said)}%"


def shared(said: str) -> int:
    """Percent of the tests that are done.

    >>> shared("....... [ 12%]\\n..F.... [ 24%]\\n...")
    24
    """
    found = _SHARE.findall(said)
    return int(found[-1]) if found else 0


def ended(said: str) -> str:
    """pytest's own last line, or nothing.

    >>> ended("..F [100%]\\nFAILED tests/test_a.py::test_b\\n1 failed, 2 passed in 3.20s\\n")
    '1 failed, 2 passed in 3.20s'
    """
    found = _TOTAL.findall(said)
    return found[-1] if found else ""


def failures(said: str) -> str:
    """What pytest says of what failed; all it said where it says nothing of that.

    >>> failures("..F [100%]\\n==== FAILURES ====\\n___ test_b ___")
    '==== FAILURES ====\\n___ test_b ___'
    """
    found = re.search(r"^=+ (FAILURES|ERRORS) =+$", said, re.MULTILINE)
    return said[found.start() :] if found else said


def run(lanes: Sequence[tuple[Lane, int]], every_s: float = EVERY_S) -> int:
    """Runs all lanes, tells of their progress, and in the end which failed and where its log is."""
    began = time.monotonic()
    try:
        left = [lane for lane, _ in lanes]
        while left:
            for lane, niceness in lanes:
                if lane.may_start:
                    lane.start(niceness)
            until = time.monotonic() + every_s
            left = [lane for lane in left if lane.wait(max(0.0, until - time.monotonic()) / len(left)) is None]
            _say(began, "; ".join(f"{lane.name} {lane.progress}" for lane, _ in lanes))
    finally:
        for lane, _ in lanes:
            lane.stop()
    failed = [lane for lane, _ in lanes if lane.wait()]
    for lane in failed:
        print(failures(lane.said))
    if failed:
        _say(began, "test: FAILED: " + "; ".join(f"{lane.name}, see {lane.log}" for lane in failed))
    else:
        _say(began, "test: passed: " + "; ".join(f"{lane.name} {lane.progress}" for lane, _ in lanes))
    return 1 if failed else 0


def _say(began: float, what: str) -> None:
    minutes, seconds = divmod(int(time.monotonic() - began), 60)
    print(f"{minutes:3}:{seconds:02}  {what}", flush=True)


def main(out: Path = Path("out")) -> int:
    """Runs all lanes of the whole tree."""
    out.mkdir(exist_ok=True)
    made: dict[str, Lane] = {}
    for name, share in LANES.items():
        command = [sys.executable, "-m", "pytest", "-m", share.mark, "--durations=40", "--durations-min=5"]
        made[name] = Lane(name, command, out / f"tests-{name}.log", [made[each] for each in share.after])
    return run([(lane, LANES[name].niceness) for name, lane in made.items()])


if __name__ == "__main__":
    sys.exit(main())
