"""What a path names: a file, a folder or a pattern of files; the form of each, and its content, unpacked."""

from __future__ import annotations

import gzip
import os
import shutil
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from glob import glob
from pathlib import Path
from typing import BinaryIO, Literal, get_args

import pyarrow as pa

from reading.errors import BadInputError

Form = Literal["csv", "jsonl", "parquet"]
Packing = Literal["none", "gzip", "zstd"]
FORMS: tuple[Form, ...] = get_args(Form)
PACKINGS: tuple[Packing, ...] = get_args(Packing)

_SUFFIXES: dict[str, Form] = {
    ".csv": "csv", ".tsv": "csv", ".txt": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl", ".parquet": "parquet",
}  # fmt: skip
_PACKED = {".gz": "gzip", ".zst": "zstd"}
_MAGIC: dict[bytes, Packing] = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}
_OTHERS = {b"PK\x03\x04": "a zip archive or an Excel workbook", b"\xd0\xcf\x11\xe0": "an Excel workbook"}
_PARQUET = b"PAR1"
_MOST_FILES = 1_000
PACKING_ERRORS = (OSError, EOFError, zlib.error)
"""What reading a packed file raises that ends in the middle, or is damaged."""
ALLOWED = f"{', '.join(_SUFFIXES)}, each also with {' or '.join(_PACKED)} behind it"
"""What a file of rows is named."""


@dataclass(frozen=True)
class Told:
    """What is said of files, so that it need not be found out.

    Attributes:
        encoding: of text, from `reading.text.checked_encoding`.
        delimiter: between the values of a CSV.
        form, packing: what the files hold; then they may be named anything.
    """

    encoding: str | None = None
    delimiter: str | None = None
    form: Form | None = None
    packing: Packing | None = None


NOTHING = Told()


def files_of(path: Path, told: Told) -> list[Path]:
    """The files that a path names, in the order of their names: itself, those of a folder, or those of a pattern.

    Raises:
        BadInputError: there is none, or there are too many.
    """
    if path.is_dir():
        inside = sorted(each for each in path.iterdir() if each.is_file() and not each.name.startswith((".", "_")))
        files = [each for each in inside if told.form or named_form(each)]
        if not files:
            raise BadInputError(f"{path}: a folder without a file of rows; allowed: {ALLOWED}")
    elif not path.exists() and any(mark in str(path) for mark in "*?["):
        # as a shell reads it
        files = sorted(Path(each) for each in glob(str(path), recursive=True) if Path(each).is_file())  # noqa: PTH207
        if not files:
            raise BadInputError(
                f"{path}: no file is named so; allowed: a file, a folder, or a pattern such as data/*.csv"
            )
    else:
        return [path]
    if len(files) > _MOST_FILES:
        raise BadInputError(f"{path}: {len(files):,} files; allowed: at most {_MOST_FILES:,}")
    return files


def named_form(path: Path) -> Form | None:
    """The form that a file's name says; None: none that is read."""
    named = path.with_suffix("") if path.suffix.lower() in _PACKED else path
    return _SUFFIXES.get(named.suffix.lower())


@contextmanager
def content(path: Path, told: Told) -> Iterator[tuple[Form, BinaryIO]]:
    """A file's form and its bytes: the very file, or a copy in memory of what is packed in it, never one on disk.

    Raises:
        BadInputError: there is no such file, it is named or begins as none that is read, it is empty, or its packing is broken.
    """
    form = told.form or named_form(path)
    if form is None:
        raise BadInputError(f"{path}: a file named '{path.suffix or path.name}'; allowed: {ALLOWED}")
    if not path.is_file():
        raise BadInputError(f"{path}: there is no such file")
    try:
        file = path.open("rb")
    except OSError as error:
        raise BadInputError(f"{path}: cannot be opened: {error.strerror}") from error
    with file:
        head = file.read(4)
        file.seek(0)
        packing = packing_of(head, told)
        if packing == "none":
            check_head(path, form, head)
            yield form, file
            return
        with os.fdopen(os.memfd_create("unpacked"), "w+b") as copy:
            _unpack(path, packing, copy)
            copy.seek(0)
            check_head(path, form, copy.read(4))
            copy.seek(0)
            yield form, copy


def _gzip(path: Path) -> BinaryIO:
    return gzip.open(path)  # type: ignore[return-value]


def _zstd(path: Path) -> BinaryIO:
    stream: BinaryIO = pa.input_stream(path, compression="zstd")
    return stream


_UNPACKERS: dict[str, Callable[[Path], BinaryIO]] = {"gzip": _gzip, "zstd": _zstd}


def _unpack(path: Path, packing: str, copy: BinaryIO) -> None:
    try:
        with _UNPACKERS[packing](path) as stream:
            shutil.copyfileobj(stream, copy, 1 << 22)
    except PACKING_ERRORS as error:
        raise broken_packing(path, packing, copy.tell(), error) from error


def broken_packing(path: Path, packing: str, behind: int, error: Exception) -> BadInputError:
    """What is wrong with a packed file of which so many bytes of content could be read."""
    cut = isinstance(error, EOFError) or "Truncated" in str(error)
    why = f"the {packing} ends in the middle" if cut else f"no {packing}, or damaged"
    return BadInputError(f"{path}: {why}, behind {behind:,} bytes of content; needed: the whole file, as it was packed")


def packing_of(head: bytes, told: Told) -> Packing:
    """How a file is packed that begins so."""
    found: Packing = next((each for magic, each in _MAGIC.items() if head.startswith(magic)), "none")
    return told.packing or found


def check_head(path: Path, form: Form, head: bytes) -> None:
    """Holds a file's first bytes to the form that its name says.

    Raises:
        BadInputError: there are none, or they are of another form.
    """
    if not head:
        raise BadInputError(f"{path}: the file is empty; needed: a header and at least one row")
    for magic, holds in _OTHERS.items():
        if head.startswith(magic):
            raise BadInputError(
                f"{path}: the content is {holds}; allowed: CSV, JSON lines or Parquet; unpack or export it first"
            )
    if (form == "parquet") != (head == _PARQUET):
        names = {"csv": "CSV", "jsonl": "JSON lines", "parquet": "Parquet"}
        is_ = "Parquet" if head == _PARQUET else "not Parquet"
        raise BadInputError(f"{path}: the content is {is_}, but the name says {names[form]}; name it by what it holds")
