"""The emulated AWS as a child process of whoever uses it."""

from __future__ import annotations

import json
import secrets
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import boto3
import urllib3
from botocore.config import Config
from botocore.exceptions import BotoCoreError
from urllib3.exceptions import HTTPError

from emulator.account import REGION
from emulator.command_line import variables
from emulator.stand_ins import StandIns
from engines.processes import Process, ProcessError, free_port

ROOT = Path(__file__).resolve().parents[1]
PYTHON = ROOT / ".venv-aws" / "bin" / "python"


class EmulatedAws:
    """The emulated AWS, as a context manager; leaving it ends every process that it started.

    Args:
        folder: data and logs. Give a temporary one.
        stand_ins: for what the cloud has.

    Raises:
        ProcessError: it did not come up.

    Example::

        with EmulatedAws(folder, stand_ins) as aws:
            aws.client("s3").list_buckets()
    """

    def __init__(self, folder: Path, stand_ins: StandIns) -> None:
        self.folder, self._port = folder, free_port()
        self.credentials = {
            "AWS_ACCESS_KEY_ID": f"AKIA{secrets.token_hex(8).upper()}",
            "AWS_SECRET_ACCESS_KEY": secrets.token_hex(20),
        }
        self._process = Process(
            "the emulated AWS",
            [
                *(PYTHON, "-m", "emulator.hosted.host", "--folder", folder, "--port", str(self._port)),
                *("--stand-ins", stand_ins.to_json()),
            ],
            {**self.credentials, "PYTHONPATH": str(ROOT)},
            log_path=folder / "aws.log",
        )

    def __enter__(self) -> Self:
        if not PYTHON.is_file():
            raise ProcessError(f"the emulated AWS is not installed: {PYTHON} is missing; `make setup` installs it")
        self._process.start()
        try:
            self._process.wait_until(self._answers, "answered", timeout_s=90)
        except BaseException:
            self._process.kill()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if isinstance(error, BotoCoreError | HTTPError):
                self.check()  # that it has ended says more than that it does not answer
        finally:
            self._process.stop(grace_s=20)

    @property
    def running(self) -> bool:
        return self._process.running

    @property
    def endpoint(self) -> str:
        """Its address, for `--endpoint-url` and AWS_ENDPOINT_URL."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def variables(self) -> dict[str, str]:
        """What a shell needs for AWS's own command line, which then acts for the account's root."""
        return variables(self.endpoint, REGION, self.credentials, self.folder)

    def check(self) -> None:
        """Raises ProcessError if it has ended by itself."""
        if not self._process.running:
            raise ProcessError(f"the emulated AWS has ended; the end of its log:\n{self._process.log_tail()}")

    @property
    def log_path(self) -> Path:
        """What it logs."""
        return self._process.log_path

    @cached_property
    def _session(self) -> boto3.Session:
        return boto3.Session(
            aws_access_key_id=self.credentials["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=self.credentials["AWS_SECRET_ACCESS_KEY"],
            region_name=REGION,
        )

    def client(self, service: str) -> Any:
        """A client that acts for the account's root."""
        config = Config(retries={"total_max_attempts": 2}, read_timeout=900)
        return self._session.client(service, endpoint_url=self.endpoint, config=config)

    def permissions(self) -> list[dict[str, Any]]:
        """What was used, denied and left unused; see `emulator.permissions`."""
        return list(self._page("/_local/permissions"))

    def work(self) -> dict[str, int]:
        """{physical id: how often it did its work}: calls of functions and endpoints, records of mappings."""
        return dict(self._page("/_local/work"))

    def mappings(self) -> dict[str, str]:
        """{an event source mapping's id: how its reader is}."""
        return dict(self._page("/_local/mappings"))

    def processes(self) -> dict[str, list[int]]:
        """{KIND/NAME: the process groups that are it}, of kind `application`, `cluster`, `endpoint`, `function`,
        `glue-job` or `transform-job`.

        `os.killpg` ends one.
        """
        return dict(self._page("/_local/processes"))

    def _answers(self) -> bool:
        try:
            self.work()
        except HTTPError:
            return False
        return True

    def _page(self, path: str) -> Any:
        answer = urllib3.request("GET", f"{self.endpoint}{path}", retries=False, timeout=30)
        return json.loads(answer.data)
