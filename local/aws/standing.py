"""The application standing in the background, between `fraud up` and `fraud down`.

A runner process holds the emulated AWS; everything else ends with it, however it ends. A file says where it is, so that the next
command finds it, or clears away what a killed one has left.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import boto3
import psutil

from local.aws.account import REGION
from local.aws.assembly import AssemblyError, read_assembly
from local.aws.deployment import DeploymentError, deploy
from local.aws.emulator import EmulatedAws
from local.aws.ledger import UnknownTypeError, check_types
from local.aws.synthesis import synthesize
from local.processes import ProcessError

ROOT = Path(__file__).resolve().parents[2]
STATE = ROOT / "out" / "up.json"
"""Where the standing application is written down."""
START_TIMEOUT_S = 600
STOP_TIMEOUT_S = 60


class StandingError(RuntimeError):
    """It did not come up, stands already, or does not stand."""


@dataclass(frozen=True)
class Standing:
    """What is needed to use it, and to end it.

    Attributes:
        pid, started: the runner, and when it started: a number is used again, a time is not.
        folder: everything it wrote.
        endpoint, credentials, region: for AWS's own tools.
    """

    pid: int
    started: float
    folder: str
    endpoint: str
    credentials: dict[str, str]
    region: str

    def client(self, service: str) -> Any:
        """A client that acts for the account's root."""
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name=self.region,
            aws_access_key_id=self.credentials["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.credentials["AWS_SECRET_ACCESS_KEY"],
        )

    @property
    def running(self) -> bool:
        try:
            process = psutil.Process(self.pid)
            return process.create_time() == self.started and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False


def standing(state: Path = STATE) -> Standing | None:
    """What is written down; it may have been killed."""
    return Standing(**json.loads(state.read_text())) if state.exists() else None


def start(settings: Mapping[str, Any], told: Callable[[str], None], state: Path = STATE) -> Standing:
    """Synthesizes the application and leaves it standing; what a killed one left is cleared away.

    Args:
        settings: of the stacks.
        told: of each step.
        state: where it is written down.

    Raises:
        StandingError: it stands already, or did not come up.
    """
    before = standing(state)
    if before and before.running:
        raise StandingError(f"the application stands already, at {before.endpoint}; `fraud down` ends it")
    stop(state)
    folder = Path(tempfile.mkdtemp(prefix="fraud-up-"))
    progress, log = folder / "progress", folder / "runner.log"
    progress.touch()
    arguments = ["-m", "local.aws.standing", "--folder", str(folder), "--settings", json.dumps(dict(settings))]
    arguments += ["--state", str(state)]
    with log.open("wb") as output:
        runner = subprocess.Popen(
            [sys.executable, *arguments],
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    # until it stands, so that a `fraud down` or a kill on the way finds it
    _write(state, Standing(runner.pid, psutil.Process(runner.pid).create_time(), str(folder), "", {}, REGION))
    try:
        return _wait(state, runner, progress, log, told)
    except BaseException:
        stop(state)
        raise


def stop(state: Path = STATE) -> bool:
    """Ends the standing application and removes what it wrote; False if there was none."""
    found = standing(state)
    if found is None:
        return False
    if found.running:
        process = psutil.Process(found.pid)
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_TIMEOUT_S)
        except psutil.TimeoutExpired:
            process.kill()
            process.wait(STOP_TIMEOUT_S)
    shutil.rmtree(found.folder, ignore_errors=True)
    state.unlink(missing_ok=True)
    return True


def _wait(
    state: Path, runner: subprocess.Popen[bytes], progress: Path, log: Path, told: Callable[[str], None]
) -> Standing:
    shown, deadline = 0, time.monotonic() + START_TIMEOUT_S
    while True:
        lines = progress.read_text().splitlines()
        for line in lines[shown:]:
            told(line)
        shown = len(lines)
        found = standing(state)
        if found and found.endpoint:
            return found
        if runner.poll() is not None or time.monotonic() > deadline:
            raise StandingError(f"the application did not come up: {log.read_text(errors='replace')[-3000:]}")
        time.sleep(0.1)


def _write(state: Path, found: Standing) -> None:
    state.parent.mkdir(parents=True, exist_ok=True)
    part = state.with_suffix(".part")
    part.write_text(json.dumps(asdict(found), indent=2) + "\n")
    part.chmod(0o600)
    part.replace(state)


def main() -> int:
    """The runner's command line; returns the exit status."""
    parser = argparse.ArgumentParser(description="Hold the emulated AWS with the application on it, until SIGTERM.")
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--settings", type=json.loads, required=True)
    parser.add_argument("--state", type=Path, required=True)
    options = parser.parse_args()
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())

    def told(what: str) -> None:
        if ended.is_set():
            raise KeyboardInterrupt
        with (options.folder / "progress").open("a") as progress:
            progress.write(f"{what}\n")

    try:
        told("templates")
        synthesize(options.folder / "cdk.out", options.folder / "synth.log", options.settings)
        stacks = read_assembly(options.folder / "cdk.out")
        check_types(stacks)
        with EmulatedAws(options.folder / "aws") as aws:
            deploy(stacks, aws.client, told)
            started = psutil.Process().create_time()
            _write(
                options.state,
                Standing(os.getpid(), started, str(options.folder), aws.endpoint, aws.credentials, REGION),
            )
            while not ended.wait(1):
                aws.check()
    except (ProcessError, DeploymentError, AssemblyError, UnknownTypeError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
