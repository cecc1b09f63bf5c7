"""Packed files as streams, in the memory of a block: unpacked while they are read, packed again while they are sent."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa

from reading.contents import PACKING_ERRORS, Packing, broken_packing

BLOCK = 1 << 17
"""Bytes read at once: what is made of them in between stays in the processor's cache."""
_LEVEL = 6
_GZIP = 31  # zlib's name for gzip's form, whose header then has no time


class _Kept:
    """A file that stays open when a reader of it ends."""

    closed = False

    def __init__(self, file: BinaryIO) -> None:
        self.read, self.seek, self.tell = file.read, file.seek, file.tell

    def close(self) -> None:
        """Nothing: it is another's."""


class _Zstd(io.RawIOBase):
    """A zstd file unpacked; to go back in it begins anew, as gzip's own does."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._place = 0
        self._stream = self._begun()

    def _begun(self) -> pa.NativeFile:
        self._file.seek(0)
        self._place = 0
        return pa.CompressedInputStream(pa.PythonFile(_Kept(self._file), mode="r"), "zstd")

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, place: int, whence: int = io.SEEK_SET) -> int:
        """To a place from the begin."""
        if whence != io.SEEK_SET:
            raise io.UnsupportedOperation("only from the begin")
        if place < self._place:
            self._stream = self._begun()
        while self._place < place and self.read(min(BLOCK, place - self._place)):
            pass
        return self._place

    def read(self, size: int = -1) -> bytes:
        """So many bytes, fewer only at the end."""
        block: bytes = self._stream.read(None if size < 0 else size)
        self._place += len(block)
        return block


class _Named(io.RawIOBase):
    """An unpacked file whose errors name it."""

    def __init__(self, path: Path, packing: Packing, file: BinaryIO) -> None:
        self._path, self._packing, self._file = path, packing, file

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._file.tell()

    def seek(self, place: int, whence: int = io.SEEK_SET) -> int:
        """To a place from the begin."""
        return self._file.seek(place, whence)

    def read(self, size: int = -1) -> bytes:
        """So many bytes.

        Raises:
            BadInputError: the packing ends in the middle, or is damaged.
        """
        try:
            return self._file.read(size)
        except PACKING_ERRORS as error:
            raise broken_packing(self._path, self._packing, self._file.tell(), error) from error


@contextmanager
def unpacked(path: Path, file: BinaryIO, packing: Packing) -> Iterator[BinaryIO]:
    """The content of an open file, from its begin. A read raises BadInputError where the packing is damaged.

    Args:
        path: its name, for errors.
        file: its bytes.
        packing: how they are packed.
    """
    file.seek(0)
    if packing == "gzip":
        with gzip.GzipFile(fileobj=file) as stream:
            yield _Named(path, packing, stream)  # type: ignore[arg-type, misc] # all of BinaryIO that is used
    elif packing == "zstd":
        yield _Named(path, packing, _Zstd(file))  # type: ignore[arg-type, misc]
    else:
        yield file


def packed(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Blocks as gzip: the same blocks give the same bytes."""
    packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP)
    for block in blocks:
        if made := packer.compress(block):
            yield made
    yield packer.flush()
