"""The application standing in the background, between `fraud up` and `fraud down`.

A runner process holds the emulated AWS; everything else ends with it, however it ends. A file says where it is, so that the next
command finds it, or clears away what a killed one has left.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import boto3
import psutil

from emulator.account import REGION
from emulator.process import EmulatedAws
from engines.processes import ProcessError
from engines.waiting import wait_until
from local.application import Application, ApplicationError
from local.assembly import AssemblyError
from local.deployment import DeploymentError, deploy
from local.ledger import UnknownTypeError
from local.logs import keep_logs
from local.stand_ins import stand_ins
from local.synthesis import synthesized_stacks

ROOT = Path(__file__).resolve().parents[1]
STATE = ROOT / "out" / "up.json"
"""Where the standing application is written down."""
START_TIMEOUT_S = 900
OWN_TIMEOUT_S = 7200
"""A person's own file may be of millions of rows, and is learnt from on this machine."""
EXEC_TIMEOUT_S = 1
STOP_TIMEOUT_S = 60
ENDS = (signal.SIGTERM, signal.SIGINT)
"""What ends the runner."""
REMOVE_TIMEOUT_S = 20


class StandingError(RuntimeError):
    """It did not come up, stands already, does not stand, or could not be taken down."""


@dataclass(frozen=True)
class Standing:
    """What is needed to use it, and to end it.

    Attributes:
        pid: of the runner.
        folder: everything it wrote; its name is in the runner's command line, and in no other.
        endpoint, credentials, region: for AWS's own tools; empty until it stands.
        following: the Parquet file of what its world's cards buy next; empty for one that was stood up bare.
    """

    pid: int
    folder: str
    endpoint: str
    credentials: dict[str, str]
    region: str
    following: str = ""

    def client(self, service: str, **options: Any) -> Any:
        """A client that acts for the account's root, with options of boto3's besides."""
        return boto3.client(
            service,
            **options,
            endpoint_url=self.endpoint,
            region_name=self.region,
            aws_access_key_id=self.credentials["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.credentials["AWS_SECRET_ACCESS_KEY"],
        )

    @property
    def running(self) -> bool:
        # a process's number is used again, and its time of start moves with the clock
        try:
            process = psutil.Process(self.pid)
            # one that is just being started has no command line for a moment
            line = wait_until(process.cmdline, EXEC_TIMEOUT_S, lambda: psutil.NoSuchProcess(self.pid), every_s=0.01)
            return self.folder in line and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False

    @property
    def log(self) -> Path:
        """What the runner says."""
        return Path(self.folder) / "runner.log"


def standing(state: Path = STATE) -> Standing | None:
    """What is written down; it may have been killed.

    Raises:
        StandingError: the file is damaged.
    """
    try:
        return Standing(**json.loads(state.read_text()))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError) as error:
        raise StandingError(f"{state} cannot be read ({error}); if no application stands, delete it") from error


def in_use(state: Path = STATE) -> Standing:
    """The standing application.

    Raises:
        StandingError: none stands, it is still coming up, or it has ended.
    """
    found = standing(state)
    if found is None:
        raise StandingError("no application stands; `fraud up` stands one up")
    if not found.running:
        said = _tail(found.log)
        raise StandingError(f"the application has ended; `fraud up` stands one up again. It said last:\n{said}")
    if not found.endpoint:
        raise StandingError("the application is still coming up")
    return found


def start(
    settings: Mapping[str, Any],
    told: Callable[[str], None],
    state: Path = STATE,
    *,
    empty: bool = False,
    worlds: Path | None = None,
    own: Path | None = None,
) -> Standing:
    """Synthesizes the application and leaves it standing; what a killed one left is cleared away.

    Args:
        settings: of the stacks.
        told: of each step.
        state: where it is written down.
        empty: whether it stays without a trained model and nightly features.
        worlds: where the worlds are kept that others are filled with; below `.cache` if it is left out.
        own: what `local.own_past.hand_over` wrote, to be filled with in place of a made-up world.

    Raises:
        StandingError: it stands already, or did not come up; its logs are kept then.
    """
    with _alone(state):
        before = standing(state)
        if before and before.running:
            raise StandingError(f"the application stands already, at {before.endpoint}; `fraud down` ends it")
        stop(state)
        folder = Path(tempfile.mkdtemp(prefix="fraud-up-"))
        (folder / "progress").touch()
        arguments = ["-m", "local.background", "--folder", str(folder), "--settings", json.dumps(dict(settings))]
        arguments += ["--state", str(state), *(["--empty"] if empty else [])]
        arguments += ["--worlds", str(worlds)] if worlds else []
        arguments += ["--own", str(own)] if own else []
        with (folder / "runner.log").open("wb") as output:
            runner = subprocess.Popen(
                [sys.executable, *arguments],
                env=os.environ | {"PYTHONPATH": str(ROOT)},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        # until it stands, so that a `fraud down` or a kill on the way finds it
        _write(state, Standing(runner.pid, str(folder), "", {}, REGION))
        try:
            return _wait(state, runner, folder, told, OWN_TIMEOUT_S if own else START_TIMEOUT_S)
        except BaseException:
            stop(state)
            raise


def stop(state: Path = STATE) -> bool:
    """Ends the standing application and removes what it wrote; False if there was none.

    Raises:
        StandingError: what it wrote could not be removed.
    """
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
    _remove(Path(found.folder))
    state.unlink(missing_ok=True)
    return True


def _remove(folder: Path) -> None:
    deadline = time.monotonic() + REMOVE_TIMEOUT_S
    while folder.exists():
        try:
            shutil.rmtree(folder)
        except OSError as error:
            # what the runner started ends a moment after it, and writes until then
            if time.monotonic() > deadline:
                raise StandingError(f"{folder} cannot be removed: {error}") from error
            time.sleep(0.2)


@contextlib.contextmanager
def _alone(state: Path) -> Iterator[None]:
    """No two at once stand an application up."""
    state.parent.mkdir(parents=True, exist_ok=True)
    with state.with_suffix(".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise StandingError("another `fraud up` is at work; `fraud down` ends what it stands up") from error
        yield


def _wait(
    state: Path, runner: subprocess.Popen[bytes], folder: Path, told: Callable[[str], None], timeout_s: float
) -> Standing:
    shown: list[str] = []
    deadline = time.monotonic() + timeout_s
    while True:
        found = standing(state)
        if found is None:
            raise StandingError("the application was taken down while it came up")
        with contextlib.suppress(FileNotFoundError):  # it may be taken down at any moment
            lines = (folder / "progress").read_text().splitlines()
            for line in lines[len(shown) :]:
                told(line)
            shown = lines
        if found.endpoint:
            return found
        if runner.poll() is not None or time.monotonic() > deadline:
            what = "ended" if runner.poll() is not None else f"was not done after {timeout_s:g} s"
            kept = keep_logs(folder, state.with_name("up-logs"))
            step = shown[-1] if shown else "its start"
            said = _tail(folder / "runner.log")
            raise StandingError(f"the application {what} at {step}; its logs are in {kept}. It said last:\n{said}")
        time.sleep(0.1)


def _tail(log: Path) -> str:
    try:
        return log.read_text(errors="replace")[-3000:].strip() or "nothing"
    except FileNotFoundError:
        return "nothing"


def _write(state: Path, found: Standing) -> None:
    state.parent.mkdir(parents=True, exist_ok=True)
    part = state.with_suffix(".part")
    part.write_text(json.dumps(asdict(found), indent=2) + "\n")
    part.chmod(0o600)
    part.replace(state)


def main() -> int:
    """The runner's command line; returns the exit status."""
    # it trains, which no command that talks to the runner does: importing that takes seconds
    from local.filling import fill  # noqa: PLC0415
    from local.kept_world import WORLDS  # noqa: PLC0415

    parser = argparse.ArgumentParser(description="Hold the emulated AWS with the application on it, until SIGTERM.")
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--settings", type=json.loads, required=True)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--worlds", type=Path, help="where worlds are kept, if not below .cache")
    parser.add_argument("--empty", action="store_true", help="no trained model, no nightly features")
    parser.add_argument("--own", type=Path, help="a person's own transactions in place of a made-up world")
    options = parser.parse_args()

    def end(*_: object) -> None:
        for number in ENDS:  # once is enough; what follows is the clearing away
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    for number in ENDS:
        signal.signal(number, end)

    def told(what: str) -> None:
        with (options.folder / "progress").open("a") as progress:
            progress.write(f"{what}\n")

    try:
        told("templates")
        stacks = synthesized_stacks(options.folder, options.settings)
        with EmulatedAws(options.folder / "aws", stand_ins(options.settings)) as aws:
            deploy(stacks, aws.client, told)
            following = ""
            if not options.empty:
                application = Application(aws.client, stacks[0].name.rpartition("-")[0])
                following = str(fill(application, options.folder, told, options.worlds or WORLDS, options.own))
            found = Standing(os.getpid(), str(options.folder), aws.endpoint, aws.credentials, REGION, following)
            _write(options.state, found)
            while True:
                time.sleep(1)
                aws.check()
    except (ProcessError, DeploymentError, AssemblyError, UnknownTypeError, ApplicationError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0


if __name__ == "__main__":
    sys.exit(main())
