"""The application stands, is attacked, is killed, stands again, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import psutil
import pytest
from confluent_kafka.admin import AdminClient

from emulator.command_line import variables
from local.application import Application
from local.background import Standing, StandingError, standing, start, stop
from local.deployment import resources
from local.sending import of_unknown_cards, send
from tests.emulator.conftest import until
from tests.local.card_numbers import assert_no_card_number_stays

pytestmark = [pytest.mark.engines, pytest.mark.timeout(900)]


def left_behind(folder: str) -> list[str]:
    """Processes that have to do with a run's folder."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        command = " ".join(process.info["cmdline"] or [])
        if folder in command:
            found.append(command)
    return found


def temporary_folders() -> set[Path]:
    """What the application and its engines write beside a run's folder, if they write there."""
    names = ("fraud-*", "flink-*", "minicluster_*", "kafka*", "spark-*")
    return {path for name in names for path in Path(tempfile.gettempdir()).glob(name)}


def asked_by_tool(application: Standing, *words: str) -> Any:
    """What AWS's own command-line tool prints, told what `fraud up` says to paste."""
    given = variables(application.endpoint, application.region, application.credentials, Path(application.folder))
    done = subprocess.run(
        [str(Path(sys.executable).parent / "aws"), *words],
        env={**given, "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def brought(state: Path, **settings: Any) -> Standing:
    return start({"env": "dev", **settings}, lambda _: None, state, empty=True)


def decided(application: Application, count: int) -> list[dict[str, Any]]:
    """The decisions of so many transactions, the last ten an attack; each is decided once."""
    rows = of_unknown_cards(count, attack=True, key=application.card_token_key).rows
    found = list(send(application, rows, rate=50))
    assert Counter(row["transaction_id"] for row in found) == Counter(rows["transaction_id"].to_pylist())
    return found


def test_it_stands_is_attacked_is_killed_stands_again_as_production_and_leaves_nothing(tmp_path: Path) -> None:
    state = tmp_path / "up.json"
    before = temporary_folders()
    first = brought(state)
    try:
        with pytest.raises(StandingError, match="stands already"):
            brought(state)
        application = Application(first.client)
        rows = decided(application, 60)
        # no model is trained yet: the fallback rule decides, and the tenth purchase of one card in seconds is not approved
        assert {row["path"] for row in rows} == {"fallback"}
        newest = max(rows, key=lambda row: row["transaction_id"])
        assert newest["outcome"] == "review"
        assert_no_card_number_stays(application, Path(first.folder))
        rows = list(application.decisions())
        stacks = asked_by_tool(first, "cloudformation", "describe-stacks")["Stacks"]
        assert {stack["StackStatus"] for stack in stacks} == {"CREATE_COMPLETE"}
        table = application.outputs["DecisionsTable"]
        assert asked_by_tool(first, "dynamodb", "scan", "--table-name", table)["Count"] == len(rows)
        os.kill(first.pid, signal.SIGKILL)
        until(lambda: not left_behind(first.folder))
        # production differs in everything that a setting turns: Express brokers, Spark, twelve partitions
        second = brought(state, env="prod", nat=True)
        assert not Path(first.folder).exists()
        assert second.endpoint != first.endpoint
        streaming = "CardFraud-Prod-Streaming"
        assert {"AWS::MSK::Cluster", "AWS::EC2::NatGateway"} <= {
            kind for kind, _ in resources(second.client, streaming).values()
        }
        application = Application(second.client, "CardFraud-Prod")
        topics = AdminClient({"bootstrap.servers": application.brokers}).list_topics(timeout=20).topics
        assert [len(topics[name].partitions) for name in ("transactions", application.features_topic)] == [12, 12]
        decided(application, 20)
    finally:
        stop(state)
    assert standing(state) is None
    assert not left_behind(second.folder)
    assert temporary_folders() <= before
