"""What a command writes: whole or not at all."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reading.errors import BadInputError

_MARK = ".made-by-fraud"
"""In each folder that a command wrote: {"command": its name, "files": [what it wrote]}."""


@contextmanager
def whole_folder(out: Path, command: str) -> Iterator[Path]:
    """A folder to write into that becomes `out` when all went well; an error or Ctrl-C leaves `out` as it was.

    A folder that an earlier run of the same command wrote is replaced, if nothing else is in it: so no command deletes what
    another wrote, its own input among it, nor what a person put there. Any other folder that is not empty is left alone.

    Args:
        command: its name.

    Raises:
        BadInputError: `out` is a file, cannot be made, or holds something that no earlier run of the command wrote.
    """
    check_folder(out, command)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    except OSError as error:
        raise BadInputError(f"--out: {out} cannot be made ({error.strerror}); name another folder") from error
    try:
        yield partial
        mark = {"command": command, "files": sorted(_files(partial))}
        (partial / _MARK).write_text(json.dumps(mark), encoding="utf-8")
        partial.chmod(0o755)
        if out.exists():
            shutil.rmtree(out)
        partial.rename(out)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def check_folder(out: Path, command: str) -> None:
    """Whether `whole_folder` would take `out`: asked before long work.

    Raises:
        BadInputError: it would not.
    """
    if not out.name:
        raise BadInputError("--out: empty, or the working folder; name a folder to write into")
    if out.exists() and not out.is_dir():
        raise BadInputError(f"--out: {out} is a file; name a folder")
    if out.is_dir():
        _check_replaceable(out, command)


@contextmanager
def whole_file(out: Path, suffixes: tuple[str, ...], *, force: bool = False) -> Iterator[Path]:
    """A file to write that becomes `out` when all went well; an error or Ctrl-C leaves `out` as it was.

    Args:
        suffixes: what its name may end with, as `.csv`.
        force: replace a file that is there.

    Raises:
        BadInputError: the name ends otherwise, a file is there already, or it cannot be written there.
    """
    if out.suffix.lower() not in suffixes:
        raise BadInputError(f"--out: {out} ends with '{out.suffix or out.name}'; allowed: {' or '.join(suffixes)}")
    if out.is_dir():
        raise BadInputError(f"--out: {out} is a folder; name a file")
    if out.exists() and not force:
        raise BadInputError(f"--out: {out} is there already; name another file, or replace it with --force")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    except OSError as error:
        raise BadInputError(f"--out: {out} cannot be made ({error.strerror}); name another file") from error
    try:
        partial = temporary / out.name
        yield partial
        partial.replace(out)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _check_replaceable(out: Path, command: str) -> None:
    there = _files(out)
    if not there:
        return
    try:
        mark = json.loads((out / _MARK).read_text(encoding="utf-8"))
        made_by, written = str(mark["command"]), set(mark["files"])
    except (OSError, ValueError, KeyError, TypeError):
        raise BadInputError(
            f"--out: {out} holds files that no earlier run wrote; name another folder, or empty it"
        ) from None
    if made_by != command:
        raise BadInputError(f"--out: {out} holds what `fraud {made_by}` wrote; name another folder, or empty it")
    if others := sorted(there - written):
        raise BadInputError(
            f"--out: {out} holds {others[0]}, which no earlier run wrote; name another folder, or move it"
        )


def _files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir() and path.name != _MARK}
