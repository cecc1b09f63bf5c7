"""Nothing is lost when everything fails: a day through the stacks, with kills that the emulated AWS mends by itself."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from confluent_kafka import KafkaException

from emulator.process import EmulatedAws
from local.application import Application
from local.demo import DemoSettings, run_demo
from local.screen import SilentScreen
from local.topic_contents import topic_ends

pytestmark = [pytest.mark.engines, pytest.mark.timeout(600)]

SETTINGS = DemoSettings(cards=650, days=40, rate=50, transactions=2_500)
UNDECIDED_AFTER_S = 5
STILL_S = 3
"""A topic that has not grown for so long, and is read to its end, is caught up with."""


@dataclass
class Harm:
    """Kills -9: of the broker; once it is back, of the stream job; once that one is back and the model decides live traffic
    again, of the model's process; then of those of the function that decides.

    Attributes:
        killed_ms: when each was done, milliseconds since 1970.
    """

    aws: EmulatedAws
    application: Application
    killed_ms: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._feed, self._decided_ms, self._seen = self.application.feed(), 0.0, 0
        self._steps = self._course()

    def __call__(self, _: float) -> bool:
        by_model = [row["decided_at"] for row in self._feed.read() if row["path"] == "model"]
        self._decided_ms = max([self._decided_ms, *by_model])
        return next(self._steps, False)

    def _course(self) -> Iterator[bool]:
        """What is done, in order; each step says whether the rest of the day has to wait."""
        yield from self._pause(2, waits=True)
        before = self._features()
        self._kill("cluster/")
        while self._features() == before:
            yield True
        yield from self._pause(2, waits=True)
        self._kill("application/")
        before = self._features()
        while self._features() == before:
            yield True
        # What came meanwhile the watch has decided, and nobody asks the model for it: on a slow machine, one that is killed now
        # would be back before anybody missed it.
        yield from self._caught_up()
        sent_again_ms = time.time() * 1000
        while self._decided_ms < sent_again_ms:
            yield False
        self._kill("endpoint/")
        # from here on it takes less time than it takes to send the rest of the day
        yield from self._pause(7, waits=False)
        self._kill("FunctionsDecide")

    def _pause(self, seconds: float, *, waits: bool) -> Iterator[bool]:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            yield waits

    def _caught_up(self) -> Iterator[bool]:
        """Until the stream job has written nothing for some seconds, and the functions have read it all."""
        features, since = -1, time.monotonic()
        while time.monotonic() < since + STILL_S:
            if (now := self._features()) != features or self._behind():
                features, since = now, time.monotonic()
            yield True

    def _behind(self) -> int:
        return sum(self.application.lag(group, self.application.features_topic) for group in self.application.readers())

    def _features(self) -> int:
        with contextlib.suppress(KafkaException):  # the broker is not back yet
            self._seen = sum(topic_ends(self.application.brokers, self.application.features_topic).values())
        return self._seen

    def _kill(self, what: str) -> None:
        for group in self._groups(what):
            os.killpg(group, signal.SIGKILL)
            self.killed_ms[what] = time.time() * 1000

    def _groups(self, what: str) -> list[int]:
        return [pid for name, pids in self.aws.processes().items() if what in name for pid in pids]

    @property
    def log(self) -> str:
        return self.aws.log_path.read_text()


def test_nothing_is_lost_when_everything_fails(tmp_path: Path) -> None:
    harms: list[Harm] = []

    def faults(aws: EmulatedAws, application: Application) -> Harm:
        harms.append(Harm(aws, application))
        return harms[0]

    (tmp_path / "out").mkdir()
    # it fails by itself if one is undecided, decided twice, given up or refused, if a role was denied something, if features
    # differ from batch, or a decision, the fallback rule's and the watch's too, is another when it is made again
    demo = run_demo(
        SETTINGS, tmp_path / "out", tmp_path / "run", SilentScreen(),
        context={"undecided_after_s": UNDECIDED_AFTER_S}, faults=faults,
    )  # fmt: skip
    day, figures, (harm,) = demo.day, demo.summary, harms
    assert list(harm.killed_ms) == ["cluster/", "application/", "endpoint/", "FunctionsDecide"]
    for restarted in (
        "its broker goes on with its data",
        "goes on from chk-",
        "the model",
        "function CardFraud-Dev-Streaming-FunctionsDecide",
    ):
        assert restarted in harm.log

    assert Counter(row["transaction_id"] for row in day.decided) == Counter(day.labels.keys())
    assert figures["duplicates_sent"] > 0.03 * figures["transactions"]
    assert (figures["quarantined"], figures["dead_letters"], figures["features_different"]) == (0, 0, 0)
    assert {record["transaction_id"] for record in day.run.features} >= day.labels.keys()
    assert figures["decisions_compared"] >= figures["transactions"] == sum(figures["by_path"].values())

    permissions = json.loads((tmp_path / "out" / "permissions.json").read_text())
    assert sum(len(row["used"]) for row in permissions) > 100
    assert not [(row["role"], one) for row in permissions for one in row["removable"]], "unused, and no reason for it"

    why = Counter(str(row["why"]).partition(":")[0] for row in day.decided if row["path"] == "fallback")
    assert why[f"no features within {UNDECIDED_AFTER_S} s"] > 100, "while the stream job was down, the watch decided"
    assert why["the model's endpoint"] > 20, "while the model was down, the fallback rule decided"
    for what, at_ms in harm.killed_ms.items():
        assert any(row["path"] == "model" and row["decided_at"] > at_ms for row in day.decided), f"not after {what}"
    for row in day.decided:
        assert (row["path"] == "fallback") == bool(row["why"]) == (row["score"] is None)
