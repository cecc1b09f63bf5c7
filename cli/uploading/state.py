"""What is kept of an upload on its way, so that the next run goes on where this one was killed. Nothing of it is secret."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from threading import Lock
from typing import Any

from cli.uploading.parts import Part, Whole
from reading.errors import BadInputError

_ONE_AT_A_TIME = Lock()


@dataclass
class Unfinished:
    """An object of which S3 has parts.

    Attributes:
        upload: the id of its multipart upload.
        part: bytes of each part but the last.
        sent: {number: one that went}.
    """

    upload: str
    part: int
    sent: dict[int, Part] = field(default_factory=dict)


@dataclass
class State:
    """An upload of a folder to a bucket.

    Attributes:
        id: its own.
        unfinished: {key: what S3 has parts of}.
        whole: {key: what S3 has whole, and no manifest names yet}.
        rows: {key: of `whole`}.
    """

    path: Path
    id: str
    unfinished: dict[str, Unfinished] = field(default_factory=dict)
    whole: dict[str, Whole] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)

    def note(self, key: str, number: int, part: Part) -> None:
        """That a part has gone; from any thread."""
        with _ONE_AT_A_TIME:
            self.unfinished[key].sent[number] = part
            self.save()

    def save(self) -> None:
        """Writes it, whole or not at all."""
        told = asdict(self)
        del told["path"]
        partial = self.path.with_suffix(".partial")
        partial.write_text(json.dumps(told, indent=1), encoding="utf-8")
        partial.replace(self.path)

    def forget(self) -> None:
        """Nothing is to go on with."""
        self.path.unlink(missing_ok=True)


def new_id() -> str:
    """Of an upload: when it began, and what makes it its own."""
    return f"{datetime.now(timezone.utc):%Y%m%dT%H%M%S%fZ}-{secrets.token_hex(4)}"


def home() -> Path:
    """The folder of what is kept: as the XDG Base Directory Specification has it."""
    told = os.environ.get("XDG_STATE_HOME", "")
    return (Path(told) if Path(told).is_absolute() else Path.home() / ".local" / "state") / "fraud" / "uploads"


@contextmanager
def state(folder: Path, bucket: str) -> Iterator[State]:
    """What is kept of the upload of a folder to a bucket, or a new one; while this is open no other run has it.

    Raises:
        BadInputError: another run has it, or it cannot be kept.
    """
    named = hashlib.sha256(f"{bucket}\n{folder.resolve()}".encode()).hexdigest()[:32]
    path = home() / f"{named}.json"
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = path.with_suffix(".lock").open("w")
    except OSError as error:
        raise BadInputError(
            f"{path.parent}: cannot be written ({error.strerror}); XDG_STATE_HOME names another folder"
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise BadInputError(f"{folder} is being uploaded to {bucket} by another run; wait for its end") from error
        yield _kept(path) or State(path, new_id())


def _unfinished(told: dict[str, Any]) -> Unfinished:
    sent = {int(number): Part(**part) for number, part in told["sent"].items()}
    return Unfinished(told["upload"], told["part"], sent)


def _kept(path: Path) -> State | None:
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        return State(
            path,
            told["id"],
            {key: _unfinished(each) for key, each in told["unfinished"].items()},
            {key: Whole(**each) for key, each in told["whole"].items()},
            told["rows"],
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None  # there is none, or it is of another release: its parts expire
