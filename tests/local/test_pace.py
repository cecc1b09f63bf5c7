"""How the pace is found that a machine can hold."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from local import live_day
from local.application import Application
from local.replayer import Record, Replayer
from local.screen import SilentScreen

FROM_MS = 10_000_000


class Machine:
    """A machine that decides so many transactions a second, with a clock of its own."""

    def __init__(self, a_second: float) -> None:
        self._a_second, self.now_s, self._idle_from_s = a_second, 0.0, 0.0
        self.sent: list[Record] = []
        self.rate = 0.0
        self.beats: list[int] = []

    def replay(self, rows: list[Record], *, rate: float | None = None, finish: bool = True) -> None:
        assert not finish
        began, self.rate = self.now_s, rate or 0.0
        self.sent += rows
        self.now_s += len(rows) / rate if rate else 0.0
        self._idle_from_s = max(began + len(rows) / self._a_second, self.now_s)

    def heartbeat(self, time_ms: int) -> None:
        self.beats.append(time_ms)

    def busy_share(self) -> float:
        return min(1.0, self.rate / self._a_second)

    def decided(self, _feed: Any, _count: int) -> None:
        self.now_s = max(self.now_s, self._idle_from_s)


@pytest.mark.parametrize(
    ("a_second", "rows", "found"),
    [(130, 5000, 60.0), (10, 5000, 30.0), (10_000, 5000, 180.0), (10_000, 0, 30.0), (10_000, 700, 60.0)],
)
def test_the_pace_is_three_quarters_of_what_was_kept_up_with_and_every_row_is_sent_once(
    monkeypatch: pytest.MonkeyPatch, a_second: float, rows: int, found: float
) -> None:
    machine = Machine(a_second)
    monkeypatch.setattr(live_day, "Replayer", lambda _brokers: machine)
    monkeypatch.setattr(live_day, "_decided", machine.decided)
    monkeypatch.setattr(live_day, "busy_share", machine.busy_share)
    monkeypatch.setattr(live_day, "time", SimpleNamespace(monotonic=lambda: machine.now_s))
    before = [Record(number, b"card", b"{}") for number in range(rows)]
    application = cast(Application, SimpleNamespace(brokers=""))
    rate = live_day._found(application, cast(Replayer, machine), cast(Any, None), before, FROM_MS, SilentScreen())
    assert rate == found
    assert machine.sent == before
    assert machine.beats == sorted(machine.beats)
    assert machine.beats[-1] == FROM_MS
