"""Where a job reads and writes: a folder of this machine, or a prefix of a bucket, by the same calls."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, Protocol

_PIECE = 1 << 20


class StoredFile(NamedTuple):
    """A file as it is listed.

    Attributes:
        name: below the store's place.
        size: in bytes.
        etag: another one if the content is another.
    """

    name: str
    size: int
    etag: str


class ChangedError(Exception):
    """A file is no longer what was listed: it was removed, or replaced."""


class Store(Protocol):
    """A place of files."""

    def files(self, below: str = "") -> list[StoredFile]:
        """Its files in the order of their names, those that are hidden (a name or folder beginning with . or _) left out."""

    def fetch(self, file: StoredFile, to: Path) -> None:
        """Copies a file to this machine; raises ChangedError."""

    def uri(self, name: str) -> str:
        """What Spark calls a file or folder."""

    def exists(self, name: str) -> bool:
        """Whether a file is there."""

    def content(self, name: str) -> bytes:
        """What a file holds."""

    def put(self, name: str, content: bytes) -> None:
        """Writes a file whole."""

    def only_file(self, folder: str) -> str:
        """The one file of data in a folder that Spark wrote."""

    def publish(self, name: str, to: str) -> None:
        """Gives a file its final name, whole and once: one that is there already stays."""

    def remove(self, file: StoredFile) -> None:
        """Removes a file, if it is still what was listed."""

    def remove_folder(self, name: str) -> None:
        """Removes whatever is below a folder."""


class Folder:
    """A folder, or a single file, of this machine; see `Store`."""

    def __init__(self, path: Path) -> None:
        self._root = path.parent if path.is_file() else path
        self._only = path.name if path.is_file() else None

    def files(self, below: str = "") -> list[StoredFile]:
        """Its files."""
        found = [self._root / self._only] if self._only else sorted((self._root / below).rglob("*"))
        names = [path.relative_to(self._root) for path in found if path.is_file()]
        return [self._listed(str(name)) for name in names if not _hidden(name.parts)]

    def fetch(self, file: StoredFile, to: Path) -> None:
        """Copies a file."""
        try:
            shutil.copyfile(self._root / file.name, to)
        except FileNotFoundError as error:
            raise ChangedError(f"{file.name} was removed while it was read") from error
        if _digest(to) != file.etag:
            raise ChangedError(f"{file.name} was replaced while it was read")

    def uri(self, name: str) -> str:
        """Its address."""
        return (self._root / name).resolve().as_uri()

    def exists(self, name: str) -> bool:
        """Whether it is there."""
        return (self._root / name).is_file()

    def content(self, name: str) -> bytes:
        """What it holds."""
        return (self._root / name).read_bytes()

    def put(self, name: str, content: bytes) -> None:
        """Writes it."""
        path = self._root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{path.name}.{os.getpid()}")
        partial.write_bytes(content)
        partial.replace(path)

    def only_file(self, folder: str) -> str:
        """Its name."""
        (found,) = (path for path in (self._root / folder).iterdir() if path.name.startswith("part-"))
        return str(found.relative_to(self._root))

    def publish(self, name: str, to: str) -> None:
        """Moves it."""
        path = self._root / to
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(self._root / name, path)
        except FileExistsError:
            return

    def remove(self, file: StoredFile) -> None:
        """Removes it."""
        path = self._root / file.name
        if path.is_file() and self._listed(file.name) == file:
            path.unlink()

    def remove_folder(self, name: str) -> None:
        """Removes it, and the folders above that nothing else is in."""
        folder = self._root / name
        shutil.rmtree(folder, ignore_errors=True)
        with suppress(OSError):
            for above in list(folder.parents)[: len(Path(name).parts) - 1]:
                above.rmdir()

    def _listed(self, name: str) -> StoredFile:
        path = self._root / name
        return StoredFile(name, path.stat().st_size, _digest(path))


class Bucket:
    """A prefix of a bucket; see `Store`.

    Args:
        client: of s3.
        bucket: its name.
        prefix: empty, or ending with /; or a single key.
    """

    def __init__(self, client: Any, bucket: str, prefix: str) -> None:
        self._client, self._bucket, self._prefix = client, bucket, prefix

    def files(self, below: str = "") -> list[StoredFile]:
        """Its files."""
        return [file for file in self._listed(below) if not _hidden(tuple(file.name.split("/")))]

    def fetch(self, file: StoredFile, to: Path) -> None:
        """Gets it."""
        from botocore.exceptions import ClientError  # noqa: PLC0415 - by hand, on folders, no SDK is needed

        try:
            body = self._client.get_object(Bucket=self._bucket, Key=self._key(file.name), IfMatch=file.etag)["Body"]
        except ClientError as error:
            if error.response["Error"]["Code"] in ("NoSuchKey", "404", "PreconditionFailed", "412"):
                raise ChangedError(f"{file.name} was removed or replaced while it was read") from error
            raise
        with to.open("wb") as out:
            shutil.copyfileobj(body, out, _PIECE)

    def uri(self, name: str) -> str:
        """Its address."""
        return f"s3://{self._bucket}/{self._key(name)}"

    def exists(self, name: str) -> bool:
        """Whether it is there."""
        found = self._client.list_objects_v2(Bucket=self._bucket, Prefix=self._key(name), MaxKeys=1)
        return any(each["Key"] == self._key(name) for each in found.get("Contents", []))

    def content(self, name: str) -> bytes:
        """What it holds."""
        held: bytes = self._client.get_object(Bucket=self._bucket, Key=self._key(name))["Body"].read()
        return held

    def put(self, name: str, content: bytes) -> None:
        """Puts it."""
        self._client.put_object(Bucket=self._bucket, Key=self._key(name), Body=content)

    def only_file(self, folder: str) -> str:
        """Its name."""
        (found,) = (file.name for file in self._listed(folder) if file.name.rsplit("/", 1)[-1].startswith("part-"))
        return found

    def publish(self, name: str, to: str) -> None:
        """Copies it. A set's files are always the same, so whoever comes second leaves them."""
        from botocore.exceptions import ClientError  # noqa: PLC0415 - as above

        if self.exists(to):
            return
        source = {"Bucket": self._bucket, "Key": self._key(name)}
        try:  # of two at once, the service lets one through
            self._client.copy_object(Bucket=self._bucket, Key=self._key(to), CopySource=source, IfNoneMatch="*")
        except ClientError as error:
            if error.response["Error"]["Code"] not in ("PreconditionFailed", "412"):
                raise

    def remove(self, file: StoredFile) -> None:
        """Deletes it."""
        if file in self._listed(file.name):
            self._client.delete_object(Bucket=self._bucket, Key=self._key(file.name))

    def remove_folder(self, name: str) -> None:
        """Deletes what is below it."""
        for file in self._listed(f"{name}/"):
            self._client.delete_object(Bucket=self._bucket, Key=self._key(file.name))

    def _key(self, name: str) -> str:
        return self._prefix if name == "" else f"{self._prefix}{name}"

    def _listed(self, below: str) -> Iterator[StoredFile]:
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=self._key(below))
        for page in pages:
            for each in page.get("Contents", []):
                if not each["Key"].endswith("/"):
                    yield StoredFile(each["Key"].removeprefix(self._prefix), each["Size"], each["ETag"].strip('"'))


def store(place: str) -> Store:
    """The store at a path, or at an address `s3://BUCKET/PREFIX`."""
    if not place.startswith("s3://"):
        return Folder(Path(place))
    import boto3  # noqa: PLC0415 - as above

    bucket, _, prefix = place.removeprefix("s3://").partition("/")
    return Bucket(boto3.client("s3"), bucket, f"{prefix.rstrip('/')}/" if prefix.rstrip("/") else "")


def _hidden(parts: tuple[str, ...]) -> bool:
    return any(part.startswith((".", "_")) for part in parts)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
