"""What a long command has done until now, kept beside the folder that it will write, so that a killed one goes on."""

from __future__ import annotations

import fcntl
import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import typer

from cli.progress import console
from reading.errors import BadInputError

_ASKED = "asked.json"
_CHECKPOINTS = "checkpoints"


@dataclass(frozen=True)
class Work:
    """A command's folder.

    Attributes:
        checkpoints: for what does the work, and nobody else.
        resumed: whether an earlier run that was asked the same left something there.
        dropped: whether one that was asked otherwise did; it is gone.
    """

    checkpoints: Path
    resumed: bool
    dropped: bool


def work_place(out: Path, command: str) -> Path:
    """Where the work for a folder is kept.

    >>> work_place(Path("out/model"), "synthesize fit")
    PosixPath('out/.model-fit')
    """
    return out.with_name(f".{out.name}-{_last_word(command)}")


def _last_word(command: str) -> str:
    return command.rpartition(" ")[2]


@contextmanager
def work_folder(out: Path, asked: Mapping[str, Any], command: str) -> Iterator[Work]:
    """The work for `out`: gone when all went well, kept when the command was stopped after its first checkpoint.

    Args:
        out: the folder that the command writes in the end.
        asked: all that the result depends on. Only a run that was asked the same goes on from what is there.
        command: its name, as `synthesize fit`.

    Raises:
        BadInputError: another run is at it, or something else stands there.
    """
    place = work_place(out, command)
    checkpoints = place / _CHECKPOINTS
    try:
        place.mkdir(parents=True, exist_ok=True)
        lock = (place / "lock").open("w", encoding="utf-8")
    except OSError as error:
        raise BadInputError(f"--out: {place} cannot be made ({error.strerror}); name another folder") from error
    with lock:
        _only_one(lock, out, command)
        before = _before(place, _last_word(command))
        resumed, dropped = before == dict(asked), before is not None and before != dict(asked)
        if not resumed:
            shutil.rmtree(checkpoints, ignore_errors=True)
        checkpoints.mkdir(exist_ok=True)
        (place / _ASKED).write_text(json.dumps(asked), encoding="utf-8")
        begun = any(checkpoints.iterdir())
        try:
            yield Work(checkpoints, begun, dropped)
        except BaseException:
            if not any(checkpoints.iterdir()):
                shutil.rmtree(place)
            raise
        shutil.rmtree(place)


@contextmanager
def stopped_kindly(out: Path, command: str, what: str) -> Iterator[None]:
    """Says of a command that is stopped by Ctrl-C that it goes on, if it left any work.

    Args:
        out: the folder that the command writes in the end.
        command: its name.
        what: it goes on from, as "the trials that have ended".
    """
    try:
        yield
    except (KeyboardInterrupt, typer.Abort):
        place = work_place(out, command)
        if place.exists():
            says = f"fraud: stopped; the same command goes on from {what}, in {place}"
            console.print(says, markup=False, soft_wrap=True)
        raise


def _only_one(lock: TextIO, out: Path, command: str) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise BadInputError(
            f"--out: another `fraud {command}` is writing {out}; wait for it, or name another folder"
        ) from None


def _before(place: Path, word: str) -> dict[str, Any] | None:
    """What the run was asked whose work is there; None: there is none.

    Raises:
        BadInputError: it is of no such command.
    """
    there = sorted(path.name for path in place.iterdir() if path.name != "lock")
    try:
        read: dict[str, Any] = json.loads((place / _ASKED).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        if there and there != [_ASKED]:
            raise BadInputError(
                f"--out: {place} holds {there[0]}, which no {word} wrote; move it, or name another folder"
            ) from None
        return None
    return read
