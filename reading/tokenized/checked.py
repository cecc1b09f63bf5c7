"""A person's file before it is tokenized: whole, readable, and with the columns that the mapping needs."""

from __future__ import annotations

import codecs
import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from fraud.card_numbers import holds_card_number
from reading.columns import check_once
from reading.contents import ALLOWED, Form, Packing, check_head, named_form, packing_of
from reading.errors import BadInputError
from reading.forms.csv_rows import first_widths
from reading.forms.delimited import DELIMITERS, opened_delimited
from reading.forms.json_lines import opened_json_lines
from reading.forms.parquet import opened_parquet
from reading.mapping.expressions import ColumnMissingError, expression
from reading.mapping.parts import parts_of
from reading.mapping.toml_file import Mapping
from reading.text import CheckedText, checked_text
from reading.tokenized.packed import unpacked

_HEAD = 1 << 20
_LOOKED_AT = 100
"""Rows whose number of values is held against the header's."""


@dataclass(frozen=True)
class Identity:
    """Which file it is, and what is in it."""

    device: int
    inode: int
    size: int
    modified_ns: int
    sha256: str


@dataclass(frozen=True)
class CheckedFile:
    """A file that can be tokenized.

    Attributes:
        path: it.
        form, packing: what it holds.
        names: of its columns.
        card: the column of card numbers; None: no column has them as they stand, and the mapping makes them of others.
        labelled: whether it says what was fraud.
        identity: what it was when it was checked.
        delimiter: between the values of a CSV.
        text: how its text is written; None for Parquet.
        as_it_is: whether its text is UTF-8 with lines that end with a line feed, so that its bytes need no change.
    """

    path: Path
    form: Form
    packing: Packing
    names: tuple[str, ...]
    card: str | None
    labelled: bool
    identity: Identity
    delimiter: str = ","
    text: CheckedText | None = None
    as_it_is: bool = True

    @property
    def said(self) -> list[str]:
        """What was found out, and what will be otherwise in what is made of it."""
        said = [] if self.labelled else ["without labels: it is scored, and nothing is learned from it"]
        if self.text and self.text.said:
            said.append(self.text.said)
        if not self.as_it_is:
            said.append("made UTF-8 with line feeds")
        if self.packing == "zstd":
            said.append("packed with gzip in place of zstd, which a crawler does not read")
        return said

    @property
    def name(self) -> str:
        """What it is called when it is tokenized."""
        return self.path.with_suffix(".gz").name if self.packing == "zstd" else self.path.name


def identity(path: Path, file: BinaryIO) -> Identity:
    """Of an open file, of which each byte is read.

    Raises:
        BadInputError: it cannot be read.
    """
    try:
        file.seek(0)
        digest = hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type] # an opened file reads into buffers
    except OSError as error:
        raise BadInputError(f"{path}: cannot be read: {error.strerror}") from error
    told = os.fstat(file.fileno())
    return Identity(told.st_dev, told.st_ino, told.st_size, told.st_mtime_ns, digest)


@contextmanager
def opened_file(path: Path) -> Iterator[BinaryIO]:
    """A file's bytes.

    Raises:
        BadInputError: there is no such file, or it cannot be opened.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise BadInputError(f"{path}: cannot be opened: {error.strerror}") from error
    with file:
        yield file


def check_file(path: Path, mapping: Mapping, encoding: str | None = None) -> CheckedFile:
    """Reads a file to its end, in the memory of a block, and its header against a mapping.

    Args:
        path: CSV, JSON lines or Parquet, packed or not.
        mapping: which columns are needed, and which has the card numbers.
        encoding: of text, if the mapping says none.

    Raises:
        BadInputError: it is empty or of another form, its packing or text is broken, a column is missing, or its rows do not fit
            its header: in a sentence that names the file.
    """
    told = mapping.told
    form = told.form or named_form(path)
    if form is None:
        raise BadInputError(f"{path}: a file named '{path.suffix or path.name}'; allowed: {ALLOWED}")
    if holds_card_number(path.name):
        raise BadInputError(
            "a file's name holds a card number, or a number that cannot be told from one; name it otherwise"
        )
    with opened_file(path) as file:
        which = identity(path, file)
        file.seek(0)
        packing = packing_of(file.read(4), told)
        with unpacked(path, file, packing) as content:
            check_head(path, form, content.read(4))
            content.seek(0)
            if form == "parquet":
                if packing != "none":
                    raise BadInputError(
                        f"{path}: Parquet within {packing}; allowed: Parquet as it is, which is packed within"
                    )
                return replace(_parquet(path, file, mapping), identity=which)
            text = checked_text(path, content, told.encoding or encoding)
            with _head(content, text) as (head, feeds):
                found = _delimited(path, head, mapping) if form == "csv" else _json_lines(path, head, mapping)
    as_it_is = text.codec == "utf-8" and text.alike and feeds
    return replace(found, packing=packing, identity=which, text=text, as_it_is=as_it_is)


_UNKNOWN = Identity(0, 0, 0, 0, "")


@contextmanager
def _head(content: BinaryIO, text: CheckedText) -> Iterator[tuple[BinaryIO, bool]]:
    """The first whole lines as UTF-8, in memory; and whether line feeds end them."""
    content.seek(text.mark)
    block = content.read(_HEAD)
    decoded = codecs.getincrementaldecoder(text.codec)().decode(block, final=len(block) < _HEAD)
    feeds = "\n" in decoded or "\r" not in decoded
    lines = decoded.replace("\r\n", "\n").replace("\r", "\n")
    if len(block) == _HEAD and "\n" in lines:
        lines = lines[: lines.rindex("\n") + 1]
    with os.fdopen(os.memfd_create("head"), "w+b") as head:
        head.write(lines.encode())
        head.seek(0)
        yield head, feeds


def _delimited(path: Path, head: BinaryIO, mapping: Mapping) -> CheckedFile:
    with opened_delimited(path, head, "utf-8", mapping.told.delimiter) as part:
        names, delimiter = tuple(part.names), part.delimiter
    if any(map(holds_card_number, names)):
        raise BadInputError(f"{path}: a card number stands where the columns' names should; needed: a header")
    widths = first_widths(head, delimiter, _LOOKED_AT)
    if len(names) == 1 and not _has(mapping, names):
        signs = " ".join({"\t": "tab"}.get(each, each) for each in DELIMITERS)
        raise BadInputError(
            f"{path}: the header is one value by the delimiter {delimiter!r}; found out: one of {signs}; any other is said "
            "in the mapping, [file] delimiter"
        )
    if len(widths) < 2:
        raise BadInputError(f"{path}: a header without a row; needed: at least one row")
    if not any(width in (len(names), len(names) + 1) for width in widths[1:]):
        raise BadInputError(
            f"{path}: by the delimiter {delimiter!r} the header has {len(names)} values, the first row {widths[1]}, and no "
            "other as many as the header; needed: rows as the header says"
        )
    return replace(_mapped(path, names, mapping, head, delimiter), form="csv", delimiter=delimiter)


def _json_lines(path: Path, head: BinaryIO, mapping: Mapping) -> CheckedFile:
    with opened_json_lines(path, head, "utf-8") as part:
        names = tuple(part.names)
    if not names:
        raise BadInputError(f"{path}: no row; needed: at least one")
    return replace(_mapped(path, names, mapping), form="jsonl")


def _parquet(path: Path, content: BinaryIO, mapping: Mapping) -> CheckedFile:
    content.seek(0)
    with opened_parquet(path, content) as part:
        names, file = tuple(part.names), part.file
    if not file.metadata.num_rows:
        raise BadInputError(f"{path}: no row; needed: at least one")
    return replace(_mapped(path, names, mapping), form="parquet")


def _has(mapping: Mapping, names: Sequence[str]) -> bool:
    return mapping.fields["cc_num"] in names


def _mapped(
    path: Path, names: tuple[str, ...], mapping: Mapping, head: BinaryIO | None = None, delimiter: str = ","
) -> CheckedFile:
    check_once(path, names)
    try:
        expression(f"{mapping.named}: [label] column", mapping.label, names)
        labelled = True
    except ColumnMissingError:
        labelled = False
    # what the label is read from may be missing, as in a file that is to be scored
    try:
        parts = parts_of(path, mapping, names if labelled else (*names, mapping.label))
    except BadInputError:
        parts_of(path, mapping, names)  # which says it by the names that there are
        raise
    card = parts["fields", "cc_num"]
    if card.column is None and head is not None:
        _check_none(path, mapping, [names.index(name) for name in card.columns], head, delimiter)
    return CheckedFile(path, "csv", "none", names, card.column, labelled, _UNKNOWN)


def _check_none(path: Path, mapping: Mapping, places: Sequence[int], head: BinaryIO, delimiter: str) -> None:
    """Whether what a card number is made of is none itself: only a column's values as they stand become tokens.

    Raises:
        BadInputError: it is.
    """
    head.seek(0)
    for line in head.read().decode().splitlines()[1 : _LOOKED_AT + 1]:
        values = line.split(delimiter)
        if any(place < len(values) and holds_card_number(values[place]) for place in places):
            raise BadInputError(
                f"{path}: {mapping.named}: [fields] cc_num is an expression over a column that holds card numbers; to upload it: "
                "the column alone (spaces and dashes in the number do not count)"
            )


def check_alike(files: Sequence[CheckedFile]) -> None:
    """Holds files that lie in one folder to one form and the same columns in one order, but for the label's.

    Raises:
        BadInputError: one differs, or two have one name.
    """
    names: dict[str, CheckedFile] = {}
    for file in files:
        if other := names.get(file.name):
            raise BadInputError(
                f"{file.path}: is called {file.name} in the bucket, as {other.path.name} is; name one otherwise"
            )
        names[file.name] = file
        first = files[0]
        if file.form != first.form:
            raise BadInputError(
                f"{file.path}: of another form than {first.path.name}; allowed: files of one form in one upload"
            )
        if file.labelled == first.labelled and file.names != first.names:
            differing = next(
                (
                    name
                    for one, other in ((file, first), (first, file))
                    for name in one.names
                    if name not in other.names
                ),
                None,
            )
            why = f"the column {differing!r} is not in both" if differing else "the same columns in another order"
            raise BadInputError(
                f"{file.path}: other columns than {first.path.name}: {why}; allowed: the same in all files of an upload"
            )
