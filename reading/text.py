"""A person's file as UTF-8 text: what encoding it is in, and what in it is no text."""

from __future__ import annotations

import codecs
import io
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from reading.errors import BadInputError

ENCODINGS = (
    "utf-8", "utf-16", "utf-16-le", "utf-16-be", "utf-32",
    *(f"windows-125{number}" for number in range(9)),
    *(f"iso-8859-{number}" for number in (*range(1, 12), *range(13, 17))),
    "koi8-r", "koi8-u", "macintosh", "cp437", "cp850", "cp852", "cp866",
    "shift_jis", "euc-jp", "gb18030", "gbk", "big5", "euc-kr",
)  # fmt: skip
"""What `--encoding` may name; other spellings of these, as cp1252 or latin-1, are taken as well."""

WANTED = "UTF-8, UTF-16 or UTF-32, or any other that --encoding names, as --encoding windows-1252"

_BLOCK = 1 << 22
_MARKS = (
    (codecs.BOM_UTF8, "utf-8", "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32", "utf-32-le"),  # before UTF-16's, with which it begins
    (codecs.BOM_UTF32_BE, "utf-32", "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16", "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16", "utf-16-be"),
)


_SEVERAL_BYTES = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
"""A letter beyond ASCII in UTF-8."""

_WESTERN = re.compile("[\\x00-\\x7f€‚„…‘’“”–—Šš™ŒœŽžŸ\\xa0¡£§©ª«\\xad®°±²³´µ·¹º»¼½¾¿À-ÏÑ-ÖØ-Ýß-ïñ-öø-ý]*")
"""Text that is likely to be of windows-1252: of letters and signs that Western European languages use."""

_IN_WORDS = re.compile("[A-Za-z][€‚„…™¡£§©«®°±²³´¹»¼½¾¿][A-Za-z]|[À-ÿ]{3}")
"""What is not: signs within words, letters beyond ASCII in a row."""


class _NotDecodedError(BadInputError):
    """A byte is not of the encoding.

    Attributes:
        may_be_another: whether it may be of another encoding of a byte a letter; else it is none of any.
    """

    def __init__(self, says: str, *, may_be_another: bool) -> None:
        super().__init__(says)
        self.may_be_another = may_be_another


@dataclass(frozen=True)
class _Found:
    """How a file is to be decoded: Python's codec, the length of the mark before the text, and how we know."""

    codec: str
    mark: int
    says: str
    # what a person is told of it
    said: str = ""


def checked_encoding(name: str | None) -> str | None:
    """The encoding that `--encoding` names, as ENCODINGS spells it or as the person did.

    Raises:
        BadInputError: it is none of ENCODINGS.
    """
    if name is not None and _codec(name) not in {_codec(allowed) for allowed in ENCODINGS}:
        raise BadInputError(f"--encoding: {name!r} is not an encoding that is read; allowed: {', '.join(ENCODINGS)}")
    return name


def _codec(name: str) -> str | None:
    try:
        return codecs.lookup(name).name.removesuffix("-sig") if name.isascii() else None
    except (LookupError, ValueError):
        return None


@dataclass(frozen=True)
class CheckedText:
    """A file that was read to its end and is text.

    Attributes:
        codec: Python's name of its encoding.
        mark: the length of the mark before the text, in bytes.
        alike: whether all its lines end in the same way.
        said: what was found out of its encoding, or empty.
    """

    codec: str
    mark: int
    alike: bool
    said: str


def checked_text(path: Path, file: BinaryIO, encoding: str | None) -> CheckedText:
    """What a file is written in, of which each byte was read, in the memory of a block; arguments, errors as of `utf8_text`."""
    found, alike = _form(path, file, encoding)
    return CheckedText(found.codec, found.mark, alike, found.said)


@contextmanager
def utf8_text(path: Path, file: BinaryIO, encoding: str | None) -> Iterator[tuple[BinaryIO, str]]:
    """A file of the same text in UTF-8, every line ended alike: the very file, or a copy in memory, never one on disk; and what
    was found out of its encoding, or nothing.

    Args:
        path: the file's name, for errors.
        file: its bytes.
        encoding: what it is in, from `checked_encoding`; None: UTF-8, what its mark says, or what it looks like.

    Raises:
        BadInputError: a byte is not of the encoding, or the text holds a NUL: names the encoding, the byte and its line.
    """
    found, alike = _form(path, file, encoding)
    as_it_is = alike and found.codec == "utf-8"
    if as_it_is:
        file.seek(0)
        yield file, found.said
        return
    with os.fdopen(os.memfd_create("text"), "w+b") as copy:
        decoder = io.IncrementalNewlineDecoder(None, translate=True)
        for piece in _Text(path, file, found):
            copy.write(decoder.decode(piece).encode())
        copy.write(decoder.decode("", final=True).encode())
        copy.seek(0)
        yield copy, found.said


def _form(path: Path, file: BinaryIO, encoding: str | None) -> tuple[_Found, bool]:
    """How a file is to be decoded, and whether its lines end alike; reads all of it."""
    found = _encoding(path, file, encoding)
    try:
        return found, _ends_alike(_Text(path, file, found))
    except _NotDecodedError as error:
        if encoding is not None or found.mark:
            raise
        found = _looks_like(path, file, error)
    return found, _ends_alike(_Text(path, file, found))


def _looks_like(path: Path, file: BinaryIO, error: _NotDecodedError) -> _Found:
    """What a file that is not UTF-8 is in.

    Raises:
        BadInputError: that cannot be told, or it is two encodings.
    """
    file.seek(0)
    if unmarked := _unmarked_utf16(file.read(1 << 16)):
        return _Found(
            unmarked, 0, f"{unmarked}, which it looks like", f"read as {unmarked}, which it looks like (--encoding)"
        )
    file.seek(0)
    if not error.may_be_another:
        raise error
    before, western = b"", True
    for block in iter(lambda: file.read(_BLOCK), b""):
        if letter := _SEVERAL_BYTES.search(before + block):
            where = file.tell() - len(block) - len(before) + letter.start()
            line = _Text(path, file, _Found("utf-8", 0, "")).line(where)
            raise BadInputError(
                f"{error}; line {line} holds a letter of UTF-8: two encodings are in the file; needed: one"
            ) from error
        text = block.decode("windows-1252", errors="replace")
        western = western and bool(_WESTERN.fullmatch(text)) and not _IN_WORDS.search(text)
        before = block[-3:]
    if not western:
        raise error
    return _Found(
        "windows-1252", 0, "windows-1252, which it looks like", "read as windows-1252, which it looks like (--encoding)"
    )


def _encoding(path: Path, file: BinaryIO, asked: str | None) -> _Found:
    file.seek(0)
    head = file.read(4)
    marks = [(len(mark), family, codec) for mark, family, codec in _MARKS if head.startswith(mark)]
    length, family, codec = marks[0] if marks else (0, "", "")
    if asked is None:
        return _Found(codec, length, f"{family.upper()}, as its mark says") if marks else _Found("utf-8", 0, "UTF-8")
    wanted = _codec(asked) or asked
    if marks and wanted not in (family, codec):
        raise BadInputError(
            f"{path}: begins with the mark of {family.upper()}, but --encoding says {asked}; leave it out"
        )
    if not marks and wanted in ("utf-16", "utf-32"):
        raise BadInputError(
            f"{path}: does not begin with the mark of {asked}; allowed: --encoding {wanted}-le or {wanted}-be"
        )
    return _Found(codec or wanted, length, f"{asked}, as --encoding says")


@dataclass(frozen=True)
class _Text:
    """The text of a file, in pieces."""

    path: Path
    file: BinaryIO
    found: _Found

    def __iter__(self) -> Iterator[str]:
        self.file.seek(self.found.mark)
        decoder = codecs.getincrementaldecoder(self.found.codec)()
        while True:
            block = self.file.read(_BLOCK)
            begins = self.file.tell() - len(block) - len(decoder.getstate()[0])
            try:
                text = decoder.decode(block, final=not block)
            except UnicodeDecodeError as error:
                raise self._refused(begins + error.start, self._broken(error), may_be_another=bool(block)) from error
            if "\0" in text:
                before = len(text.partition("\0")[0].encode(self.found.codec))
                raise self._refused(begins + before, self._nul(block))
            if not block:
                return
            yield text

    def _refused(self, byte: int, why: str, *, may_be_another: bool = False) -> BadInputError:
        """For a byte counted from 0; people count from 1."""
        said = f"{self.path}: line {self.line(byte)}, byte {byte + 1:,}: {why}; allowed: {WANTED}"
        return _NotDecodedError(said, may_be_another=may_be_another)

    def line(self, byte: int) -> int:
        """The line, from 1, in which a byte stands."""
        self.file.seek(self.found.mark)
        decoder = io.IncrementalNewlineDecoder(
            codecs.getincrementaldecoder(self.found.codec)(errors="replace"), translate=True
        )
        line, left = 1, byte - self.found.mark
        while left and (block := self.file.read(min(left, _BLOCK))):
            line += decoder.decode(block).count("\n")
            left -= len(block)
        return line

    def _broken(self, error: UnicodeDecodeError) -> str:
        return f"0x{error.object[error.start]:02X} is not {self.found.says}"

    def _nul(self, block: bytes) -> str:
        unmarked = _unmarked_utf16(block[: 1 << 16])
        looks = f"; it looks like UTF-16 without its mark: --encoding {unmarked}" if unmarked else ""
        return f"a NUL, which is no text; read as {self.found.says}{looks}"


def _unmarked_utf16(head: bytes) -> str | None:
    """What zeros at every other byte tell."""
    even, odd = head[::2].count(0), head[1::2].count(0)
    if max(even, odd) * 4 < len(head):
        return None
    return f"utf-16-{'be' if even > odd else 'le'}"


def _ends_alike(text: _Text) -> bool:
    """Whether all lines end in the same way; reads it all."""
    feeds = returns = both = 0
    last = ""
    for piece in text:
        if "\r" in piece or last == "\r":
            returns += piece.count("\r")
            both += piece.count("\r\n") + (last == "\r" and piece.startswith("\n"))
        if returns or not feeds:
            feeds += piece.count("\n")
        last = piece[-1:]
    return not returns or feeds == returns == both or not feeds
