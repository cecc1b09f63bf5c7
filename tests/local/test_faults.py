"""Nothing is lost when everything fails: a day through the stacks, with kills that the emulated AWS mends by itself."""

from __future__ import annotations

import json
import os
import signal
import time
from collections import Counter
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


@dataclass
class Harm:
    """Kills -9: of the broker; once it is back, of the stream job; then of the model's process; then of those of the function
    that decides.

    Attributes:
        plan: what, and so many seconds after the one before.
        killed_ms: when each was done, milliseconds since 1970.
        features: in their topic when the broker was alive, or the stream job dead.
    """

    aws: EmulatedAws
    application: Application
    plan: list[tuple[float, str]] = field(
        default_factory=lambda: [(2, "cluster/"), (2, "application/"), (1, "endpoint/"), (7, "FunctionsDecide")]
    )
    since_s: float = 0.0
    killed_ms: dict[str, float] = field(default_factory=dict)
    features: int = 0

    def __call__(self, elapsed_s: float) -> bool:
        if not self.plan:
            return False
        if self._features() == self.features:
            self.since_s = elapsed_s  # what was killed is not back yet
            return True
        if elapsed_s >= self.since_s + self.plan[0][0]:
            self.since_s = elapsed_s
            self._kill(self.plan.pop(0)[1])
            return True
        # once the stream job is back, the two last kills take less time than it takes to send the rest of the day
        return len(self.plan) > 2

    def _features(self) -> int:
        try:
            return sum(topic_ends(self.application.brokers, self.application.features_topic).values())
        except KafkaException:
            return self.features  # the broker is not back yet

    def _kill(self, what: str) -> None:
        if what == "cluster/":
            self.features = self._features()
        for group in self._groups(what):
            os.killpg(group, signal.SIGKILL)
            self.killed_ms[what] = time.time() * 1000
        if what == "application/":
            self.features = self._features()

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
