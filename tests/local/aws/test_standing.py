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

from local.aws.application import Application
from local.aws.sending import made_up, send
from local.aws.standing import Standing, StandingError, standing, start, stop
from tests.local.aws.conftest import until

pytestmark = [pytest.mark.engines, pytest.mark.timeout(900)]


def left_behind(folder: str) -> list[str]:
    """Processes that have to do with a run's folder."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        command = " ".join(process.info["cmdline"] or [])
        if folder in command:
            found.append(command)
    return found


def asked_by_tool(application: Standing, *words: str) -> Any:
    """What AWS's own command-line tool prints, told what `fraud up` says to paste."""
    done = subprocess.run(
        [str(Path(sys.executable).parent / "aws"), "--endpoint-url", application.endpoint, *words],
        env={**application.credentials, "AWS_DEFAULT_REGION": application.region, "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def brought(state: Path) -> Standing:
    return start({"env": "dev"}, lambda _: None, state)


def test_it_stands_is_attacked_is_killed_stands_again_and_leaves_nothing(tmp_path: Path) -> None:
    state = tmp_path / "up.json"
    before = set(Path(tempfile.gettempdir()).glob("fraud-up-*"))
    first = brought(state)
    try:
        with pytest.raises(StandingError, match="stands already"):
            brought(state)
        application = Application(first.client)
        rows = made_up(60, attack=True, key=application.card_token_key)
        decided = list(send(application, rows, rate=50))
        assert Counter(row["transaction_id"] for row in decided) == Counter(rows["transaction_id"].to_pylist())
        # no model is trained yet: the fallback rule decides, and the tenth purchase of one card in seconds is not approved
        assert {row["path"] for row in decided} == {"fallback"}
        newest = max(decided, key=lambda row: row["transaction_id"])
        assert newest["outcome"] == "review"
        stacks = asked_by_tool(first, "cloudformation", "describe-stacks")["Stacks"]
        assert {stack["StackStatus"] for stack in stacks} == {"CREATE_COMPLETE"}
        table = application.outputs["DecisionsTable"]
        assert asked_by_tool(first, "dynamodb", "scan", "--table-name", table)["Count"] == rows.num_rows
        os.kill(first.pid, signal.SIGKILL)
        until(lambda: not left_behind(first.folder))
        second = brought(state)
        assert not Path(first.folder).exists()
        assert second.endpoint != first.endpoint
    finally:
        stop(state)
    assert standing(state) is None
    assert not left_behind(second.folder)
    assert set(Path(tempfile.gettempdir()).glob("fraud-up-*")) <= before
