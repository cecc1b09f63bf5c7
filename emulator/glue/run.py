"""One run of a job: its script and modules are fetched, and Spark runs it, all in the name of the job's role.

One Spark with a local master stands for the workers, whatever their type and number. The script gets its arguments as the service
gives them: each of the map as two, after those that name job and run (page *aws-glue-programming-etl-glue-arguments*).
"""

from __future__ import annotations

import contextlib
import logging
import platform
import re
import secrets
import shutil
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from emulator.account import REGION
from emulator.clients import Clients
from emulator.errors import ServiceError
from emulator.glue.records import named, role_arn
from emulator.glue.told import Log, log_group, why
from emulator.protocol.service import Judge
from engines.processes import Process, ProcessError
from engines.spark import on_s3

_PREFIX = "/aws-glue/jobs"
_OWN_GROUP, _OWN_STREAM = "--custom-logGroup-prefix", "--custom-logStream-prefix"
_NOT_HERE = ("--extra-jars", "--user-jars-first", "--class", "--scriptLocation")
_log = logging.getLogger(__name__)


class Run:
    """A run, not started yet.

    Args:
        job, run: their records.
        python: that stands in for the job's version of Glue.
        folder: what it writes on this machine goes there; its log stays.
        security: the job's security configuration.
    """

    def __init__(
        self,
        clients: Clients,
        judge: Judge,
        job: dict[str, Any],
        run: dict[str, Any],
        python: Path,
        folder: Path,
        security: dict[str, Any] | None,
    ) -> None:
        self._clients, self._job, self._run, self._python, self._folder = clients, job, run, python, folder
        self._role, self._taken_by = role_arn(job["Role"]), named("job", job["Name"])
        self._arguments = {
            **(job.get("DefaultArguments") or {}),
            **(run.get("Arguments") or {}),
            **(job.get("NonOverridableArguments") or {}),
        }
        self.log_group = log_group(_PREFIX, self._role, security)
        group = self._arguments.get(_OWN_GROUP, self.log_group)
        stream = f"{self._arguments.get(_OWN_STREAM, run['Id'])}-driver"
        self._output = Log(clients, judge, self._role, self._taken_by, (f"{group}/output", stream), security)
        self._process: Process | None = None
        self._stopped = threading.Event()

    @property
    def pid(self) -> int:
        """The id of its process group; 0 while there is none."""
        return self._process.pid if self._process and self._process.running else 0

    def go(self, running: Callable[[], None]) -> tuple[str, str]:
        """Does it, to its end: the state that it ends in, and what went wrong.

        Args:
            running: called once the program runs.
        """
        try:
            self._process = self._program()
            state, says = self._see_through(self._process, running)
        except (ServiceError, ClientError, BotoCoreError, ProcessError) as error:
            state, says = "FAILED", why(error)[-2000:]
        except Exception as error:  # noqa: BLE001 - whatever it is, the run has failed and says so
            _log.exception("run %s", self._run["Id"])
            state, says = "FAILED", f"Internal service failure: {error!r}"
        finally:
            self._tidy()
        return state, says

    def stop(self) -> None:
        """Ends its process; `go` returns."""
        self._stopped.set()
        if self._process:
            self._process.kill()

    def _see_through(self, process: Process, running: Callable[[], None]) -> tuple[str, str]:
        minutes, code = self._run["Timeout"], None
        try:
            if self._stopped.is_set():
                return "STOPPED", ""
            process.start()
            running()
            if not self._stopped.is_set():  # a stop in between has found no process to end
                code = process.wait(60 * minutes)
        except ProcessError:
            pass  # its time is over
        finally:
            process.kill()
        written = process.log_path.read_text(errors="replace").splitlines() if process.log_path.exists() else []
        self._output.write(written)
        if self._stopped.is_set():
            return "STOPPED", ""
        if code is None:
            return "TIMEOUT", f"Job run timed out after {minutes} minutes"
        return ("FAILED", _last_error(written, code)) if code else ("SUCCEEDED", "")

    def _program(self) -> Process:
        for name in _NOT_HERE:
            if name in self._arguments:
                raise ServiceError("NotImplementedException", f"the argument {name} is not implemented here", 501)
        place = self._folder / "work"
        place.mkdir(parents=True)
        script = self._fetch(self._job["Command"]["ScriptLocation"], place)
        modules = [self._fetch(uri, self._folder / "modules") for uri in self._several("--extra-py-files")]
        modules += [self._installed(uri) for uri in self._several("--additional-python-modules")]
        for uri in self._several("--extra-files"):
            self._fetch(uri, place)
        own = {"JOB_NAME": self._job["Name"], "JOB_ID": f"j_{secrets.token_hex(32)}", "JOB_RUN_ID": self._run["Id"]}
        given = {**{f"--{name}": value for name, value in own.items()}, **self._arguments}
        argv = [part for name, value in given.items() for part in (name, value)]
        credentials = self._clients.open_session(
            self._role, self._taken_by, f"GlueJobRunnerSession-{self._run['Id'][:12]}"
        )
        packages = [str(path) for path in sorted((self._python.parents[1] / "lib").glob("python3.*/site-packages"))]
        variables = {
            **on_s3(self._python, self._folder / "spark", self._clients.endpoint, self._settings()),
            **credentials,
            "AWS_ENDPOINT_URL": self._clients.endpoint,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "PATH": f"{self._python.parent}:/usr/local/bin:/usr/bin:/bin",
            "PYTHONPATH": ":".join([*map(str, modules), *packages]),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONUNBUFFERED": "1",
            "HOME": str(place),
            "TMPDIR": str(self._folder / "tmp"),
            "LANG": "C.UTF-8",
        }
        (self._folder / "tmp").mkdir()
        # without `site`: what is not in the job's folders or its packages cannot be imported
        command = [self._python, "-S", script, *argv]
        return Process(
            f"run {self._run['Id']}", command, variables, log_path=self._folder / "log", folder=place, inherit=False
        )

    def _settings(self) -> dict[str, str]:
        """Spark's settings among the arguments: `--conf a=b --conf c=d`, as the page of the arguments has them in one value."""
        given = re.split(r"\s+--conf\s+", self._arguments.get("--conf", ""))
        return dict(one.strip().split("=", 1) for one in given if "=" in one)

    def _several(self, name: str) -> Iterator[str]:
        return (one.strip() for one in self._arguments.get(name, "").split(",") if one.strip())

    def _fetch(self, uri: str, folder: Path) -> Path:
        found = re.fullmatch(r"s3://([^/]+)/(.+)", uri)
        if not found:
            raise ServiceError("InvalidInputException", f"{uri} is no S3 URI")
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / found[2].rsplit("/", 1)[-1]
        s3 = self._clients.role("s3", self._role, self._taken_by)
        path.write_bytes(s3.get_object(Bucket=found[1], Key=found[2])["Body"].read())
        return path

    def _installed(self, uri: str) -> Path:
        """The modules of a wheel, or of a zip of wheels. What has to be fetched from an index of packages is not there.

        A wheel that was built for another machine than this one, or that is no more than a name, is left to the packages of the
        stand-in.
        """
        if not uri.endswith((".whl", ".gluewheels.zip")):  # page *aws-glue-programming-python-libraries*
            says = f"{uri}: only wheels (.whl) and zips of wheels (.gluewheels.zip) in S3 are installed here"
            raise ServiceError("NotImplementedException", says, 501)
        fetched = self._fetch(uri, self._folder / "wheels")
        wheels = [fetched]
        if fetched.suffix == ".zip":
            with zipfile.ZipFile(fetched) as packed:
                packed.extractall(fetched.with_suffix(""))
            wheels = sorted(fetched.with_suffix("").rglob("*.whl"))
        place = self._folder / "modules" / fetched.stem
        place.mkdir(parents=True)
        for wheel in (one for one in wheels if self._fits(one) and zipfile.is_zipfile(one)):
            with zipfile.ZipFile(wheel) as packed:
                packed.extractall(place)
        return place

    def _fits(self, wheel: Path) -> bool:
        (packages,) = (self._python.parents[1] / "lib").glob("python3.*")
        version = packages.name.removeprefix("python").replace(".", "")
        *_, python, abi, machine = wheel.stem.split("-")
        built_for_it = python == f"cp{version}" or (abi == "abi3" and python.startswith("cp3"))
        return machine == "any" or (machine.endswith(platform.machine()) and built_for_it)

    def _tidy(self) -> None:
        with contextlib.suppress(OSError):
            for path in self._folder.iterdir():
                if path.is_dir():
                    shutil.rmtree(path)


def _last_error(lines: list[str], code: int) -> str:
    """What a run's ErrorMessage says: the error that ended the script.

    >>> _last_error(["Traceback (most recent call last):", "  File ...", "ValueError: no rows", "bye"], 1)
    'ValueError: no rows'
    >>> _last_error([], 3)
    'SystemExit: 3'
    """
    traces = [number for number, line in enumerate(lines) if line.startswith("Traceback (most recent call last)")]
    below = lines[traces[-1] + 1 :] if traces else []
    return next((line for line in below if not line.startswith(" ")), f"SystemExit: {code}")[:2000]
