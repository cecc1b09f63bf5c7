"""Where runs are kept: a file of SQLite on this machine, an MLflow server, or SageMaker's managed one.

The file is MLflow's own (`mlflow.db`), so any MLflow of its major version reads it; artifacts stand beside it. MLflow is imported
by whoever opens a store, and by nothing else: it takes a second.
"""

from __future__ import annotations

import fcntl
import logging
import os
import re
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from fraud.tracking import EXPERIMENT

if TYPE_CHECKING:
    from mlflow.entities import Run as Recorded
    from mlflow.tracking import MlflowClient

ENVIRONMENT = "MLFLOW_TRACKING_URI"
"""MLflow's own variable: where runs are kept, unless an option says it."""
NOWHERE = "none"
DEFAULT = Path("out") / "runs"
HELD_BY = "fraud.held_by"
"""The tag that names the file which a run's process holds locked as long as it lives."""
FOUND_DEAD = "fraud.found_dead"
"""The tag of a run whose process was gone: its end is when that was found, nobody knows when it was."""

ALLOWED = (
    "a folder, sqlite:///FILE, http(s)://HOST, the ARN of SageMaker's tracking server "
    "(arn:aws:sagemaker:REGION:ACCOUNT:mlflow-tracking-server/NAME), or none"
)
_ARN = re.compile(r"arn:[\w-]+:sagemaker:[\w-]+:\d{12}:mlflow-(tracking-server|app)/[\w-]+")
_QUIET = {
    # MLflow would tell its makers which of its functions are called; a bank's machine tells nobody.
    "MLFLOW_DISABLE_TELEMETRY": "true",
    # A server that is not there must not hold a training up: MLflow itself tries for minutes.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}


class TrackingUriError(ValueError):
    """No place where runs can be kept: says what is allowed."""


class Place(NamedTuple):
    """Where runs are kept.

    Attributes:
        uri: as MLflow takes it.
        folder: of the file on this machine; None of a server.
    """

    uri: str
    folder: Path | None

    def __str__(self) -> str:
        return self.uri if self.folder is None else str(self.folder)


def place(said: str | None = None) -> Place | None:
    """The place that an option names, else the environment, else the folder `out/runs`; None: runs are kept nowhere.

    Raises:
        TrackingUriError: it is none.

    >>> place("none") is None, place("https://mlflow.example.com").folder is None
    (True, True)
    >>> place("/tmp/runs").uri
    'sqlite:////tmp/runs/mlflow.db'
    """
    text = str(DEFAULT) if (given := said or os.environ.get(ENVIRONMENT)) is None else given.strip()
    if text == NOWHERE:
        return None
    if text.startswith("sqlite:///") and not text.endswith("/"):
        return _of_file(Path(text.removeprefix("sqlite:///")))
    if re.match(r"https?://[^/]", text) or _ARN.fullmatch(text):
        return Place(text, None)
    folder = Path(text.removeprefix("file://") if text.startswith("file:///") else text)
    if not text or (re.match(r"[A-Za-z][\w+-]*:", text) and not text.startswith("file:///")):
        raise TrackingUriError(f"{text!r} is no place for runs; allowed: {ALLOWED}")
    if folder.is_file():
        raise TrackingUriError(f"{folder} is a file; allowed: {ALLOWED}")
    return _of_file(folder / "mlflow.db")


def _of_file(file: Path) -> Place:
    return Place(f"sqlite:///{file.absolute()}", file.absolute().parent)


class Store:
    """An opened place.

    Args:
        where: it.
        create: whether to make the file and the experiment where there are none.

    Raises:
        TrackingUriError: there is nothing, and nothing is to be made.
        MlflowException, OSError, ...: it cannot be reached, or is of a later MLflow: whatever its makers raise.
    """

    def __init__(self, where: Place, *, create: bool = True) -> None:
        self.where, self.client = where, self._client(where, create)
        with self.alone():
            self.experiment = self._found() or (self._made() if create else None)
            self._mark_killed()

    def _client(self, where: Place, create: bool) -> MlflowClient:
        if where.folder is not None:
            if not create and not Path(where.uri.removeprefix("sqlite:///")).is_file():
                raise TrackingUriError(
                    f"{where}: no run is kept there; `fraud train`, `evaluate` and `tune` keep theirs"
                )
            where.folder.mkdir(parents=True, exist_ok=True)
        for name, value in _QUIET.items():
            os.environ.setdefault(name, value)
        import mlflow  # noqa: PLC0415 - takes a second, and most commands keep no run
        from mlflow.tracking import MlflowClient  # noqa: PLC0415

        for name in ("mlflow", "alembic"):
            logging.getLogger(name).setLevel(logging.WARNING)
        # where the server is not SageMaker's, its plugin finds no ARN to send along, and MLflow warns of that at each call
        logging.getLogger("mlflow.tracking.request_header.registry").setLevel(logging.ERROR)
        mlflow.set_tracking_uri(where.uri)  # what signs calls to SageMaker asks for it
        if where.folder is None:
            return MlflowClient(where.uri)
        with _locked(where.folder):  # the tables are made by one process
            return MlflowClient(where.uri)

    def _found(self) -> str | None:
        found = self.client.get_experiment_by_name(EXPERIMENT)
        return None if found is None else str(found.experiment_id)

    def _made(self) -> str:
        beside = None if self.where.folder is None else (self.where.folder / "artifacts").as_uri()
        try:
            return str(self.client.create_experiment(EXPERIMENT, beside))
        except Exception:
            if there := self._found():  # another command made it meanwhile, at a server
                return there
            raise

    @contextmanager
    def alone(self) -> Iterator[None]:
        """While no other command of ours writes to the same file: SQLite lets one write, and others give up after seconds."""
        if self.where.folder is None:
            yield
            return
        with _locked(self.where.folder):
            yield

    def runs(self, count: int, *, nested: bool = False) -> list[Recorded]:
        """The newest runs, newest first.

        Args:
            count: how many at most.
            nested: also the trials of a study.
        """
        if self.experiment is None:
            return []
        found: list[Recorded] = []
        token = None
        while len(found) < count:
            page = self.client.search_runs([self.experiment], max_results=1_000, page_token=token)
            found += [run for run in page if nested or "mlflow.parentRunId" not in run.data.tags]
            token = page.token
            if not token:
                break
        return found[:count]

    def children(self, run_id: str) -> Sequence[Recorded]:
        """The trials of a study, at most a thousand."""
        if self.experiment is None:
            return []
        wanted = f"tags.`mlflow.parentRunId` = '{run_id}'"
        return list(self.client.search_runs([self.experiment], wanted, max_results=1_000))

    def hold(self) -> Held | None:
        """What says that this process lives; None at a server, which nobody can tell it."""
        return None if self.where.folder is None else Held(self.where.folder)

    def _mark_killed(self) -> None:
        """Says of the runs whose process is gone that they were killed: a process that is killed cannot say so itself."""
        if self.where.folder is None or self.experiment is None:
            return
        for run in self.client.search_runs([self.experiment], "attributes.status = 'RUNNING'"):
            held_by = run.data.tags.get(HELD_BY)
            if held_by and not _held(self.where.folder, held_by):
                self.client.set_tag(run.info.run_id, FOUND_DEAD, "true")
                self.client.set_terminated(run.info.run_id, "KILLED", int(time.time() * 1000))


class Held:
    """A file that this process holds locked: the kernel lets go of it when the process ends, however it does."""

    def __init__(self, folder: Path) -> None:
        self.name = uuid.uuid4().hex
        self._path = _living(folder, self.name)
        self._path.parent.mkdir(exist_ok=True)
        self._file = self._path.open("w", encoding="utf-8")
        fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def release(self) -> None:
        """Lets go."""
        self._path.unlink(missing_ok=True)
        self._file.close()


def _living(folder: Path, name: str) -> Path:
    return folder / "running" / re.sub(r"[^0-9a-f]", "", name)


def _held(folder: Path, name: str) -> bool:
    """Whether a process holds a file; one that nobody holds is removed."""
    path = _living(folder, name)
    try:
        with path.open(encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    path.unlink(missing_ok=True)
    return False


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    with (folder / ".lock").open("w", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
