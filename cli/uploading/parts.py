"""A file into a bucket as it comes: in one request if it is small, else in parts, each with its digest, several at once.

Limits by Amazon S3's page "Amazon S3 multipart upload limits": 10,000 parts, each but the last of 5 MiB to 5 GiB.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from threading import Semaphore
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NoConnectionError

from fraud.retries import tries

MIB = 1 << 20
PART, LARGEST_PART, MOST_PARTS = 8 * MIB, 5 << 30, 10_000
AT_ONCE = 4
"""Parts on the way together; as many wait in memory."""
TRIES, PAUSE_S = 6, 0.5
_AGAIN = {
    "BadDigest", "InternalError", "RequestTimeout", "ServiceUnavailable", "SlowDown", "Throttling", "ThrottlingException",
    "XAmzContentSHA256Mismatch", "OperationAborted", "500", "502", "503", "504",
}  # fmt: skip
"""Errors of S3 that may be another one's the next time."""


def part_bytes(size: int) -> int:
    """How long a part of a file is, so that they are few enough even if what is made of the file is four times as long.

    >>> part_bytes(300 * MIB) // MIB, part_bytes(1 << 40) // MIB
    (8, 420)
    """
    wanted = -(-size * 4 // (MOST_PARTS * MIB)) * MIB
    return min(max(PART, wanted), LARGEST_PART)


@dataclass(frozen=True)
class Part:
    """A part that S3 has: its digest in Base64, and S3's name for it."""

    sha256: str
    etag: str


@dataclass(frozen=True)
class Whole:
    """An object that is there, whole.

    Attributes:
        etag: as S3 gave it.
        sha256: of its bytes, in hexadecimal.
        parts, reused: how many, and how many of them an earlier run had sent.
    """

    etag: str
    size: int
    sha256: str
    parts: int = 1
    reused: int = 0


class Outgoing:
    """An object on its way. It appears with `finish`, and only then.

    Args:
        s3: a client.
        bucket, key: where to.
        part: bytes of each part but the last.
        upload: the id of a multipart upload that an earlier run began; its parts that are the same are not sent again.
        noted: {number: part} of those that the earlier run knew of.
        begun: is told the id of one that begins.
        sent: is told of each part that S3 has.
    """

    def __init__(
        self, s3: Any, bucket: str, key: str, part: int = PART, upload: str | None = None,
        noted: Mapping[int, Part] | None = None, begun: Callable[[str], None] = lambda _: None,
        sent: Callable[[int, Part], None] = lambda *_: None,
    ) -> None:  # fmt: skip
        self._s3, self._where, self._part = s3, {"Bucket": bucket, "Key": key}, part
        self._begun, self._told = begun, sent
        self._left = bytearray()
        self._digest, self._size, self._reused = hashlib.sha256(), 0, 0
        self._pool = ThreadPoolExecutor(AT_ONCE)
        self._room = Semaphore(2 * AT_ONCE)
        self._sent: list[Future[dict[str, Any]]] = []
        self._digests: list[bytes] = []
        self.upload = upload
        self._there = {} if upload is None else self._parts(noted or {})

    def _parts(self, noted: Mapping[int, Part]) -> dict[int, Part]:
        """{number: part} of those that S3 has and of which the digest is known."""
        try:
            pages = self._s3.get_paginator("list_parts").paginate(**self._where, UploadId=self.upload)
            listed = {part["PartNumber"]: part for page in pages for part in page.get("Parts", [])}
        except ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchUpload":
                raise
            self.upload = None
            return {}
        known = {
            number: part for number, part in noted.items() if number in listed and listed[number]["ETag"] == part.etag
        }
        said = {number: Part(part.get("ChecksumSHA256", ""), part["ETag"]) for number, part in listed.items()}
        return {number: known.get(number, part) for number, part in said.items()}

    def write(self, block: bytes) -> None:
        """Takes the next bytes, and sends what is a part."""
        self._digest.update(block)
        self._size += len(block)
        self._left += block
        while len(self._left) > self._part:  # not at once when it is full: it may be the only one
            self._send(bytes(self._left[: self._part]))
            del self._left[: self._part]

    def _send(self, body: bytes) -> None:
        if self.upload is None:
            made = again(
                lambda: self._s3.create_multipart_upload(
                    **self._where, ChecksumAlgorithm="SHA256", ChecksumType="COMPOSITE"
                )
            )
            self.upload = str(made["UploadId"])
            self._begun(self.upload)
        number = len(self._digests) + 1
        digest = hashlib.sha256(body).digest()
        self._digests.append(digest)
        there = self._there.get(number)
        if there and there.sha256 == base64_of(digest):
            self._reused += 1
            kept: Future[dict[str, Any]] = Future()
            kept.set_result(_named(number, there))
            self._sent.append(kept)
            return
        self._fail_early()
        self._room.acquire()
        self._sent.append(self._pool.submit(self._sent_part, number, body, base64_of(digest)))

    def _fail_early(self) -> None:
        for each in self._sent:
            if each.done() and (error := each.exception()):
                raise error

    def _sent_part(self, number: int, body: bytes, digest: str) -> dict[str, Any]:
        try:
            sent = again(
                lambda: self._s3.upload_part(
                    **self._where, UploadId=self.upload, PartNumber=number, Body=body, ChecksumSHA256=digest
                )
            )
        finally:
            self._room.release()
        made = Part(digest, sent["ETag"])
        self._told(number, made)
        return _named(number, made)

    def finish(self) -> Whole:
        """Makes it appear, once all of it is there."""
        if self.upload is None or not self._digests:
            body = bytes(self._left)
            checksum = base64_of(hashlib.sha256(body).digest())
            put = again(lambda: self._s3.put_object(**self._where, Body=body, ChecksumSHA256=checksum))
            if self.upload is not None:  # an earlier run's, when the file was longer
                self.abort()
            return Whole(put["ETag"], self._size, self._digest.hexdigest())
        self._send(bytes(self._left))
        parts = [each.result() for each in self._sent]
        made = again(
            lambda: self._s3.complete_multipart_upload(
                **self._where, UploadId=self.upload, MultipartUpload={"Parts": parts}, ChecksumType="COMPOSITE"
            )
        )
        expected = f"{base64_of(hashlib.sha256(b''.join(self._digests)).digest())}-{len(parts)}"
        if made.get("ChecksumSHA256", expected) != expected:
            raise ChecksumError(f"the object's checksum is {made['ChecksumSHA256']}, that of what was sent {expected}")
        return Whole(made["ETag"], self._size, self._digest.hexdigest(), len(parts), self._reused)

    def abort(self) -> None:
        """Takes back what was sent of it."""
        self.stop()
        if self.upload is not None:
            abort(self._s3, self._where["Bucket"], self._where["Key"], self.upload)
            self.upload = None

    def stop(self) -> None:
        """Sends no more; what was sent stays, for a later run."""
        self._pool.shutdown(wait=True, cancel_futures=True)


class ChecksumError(Exception):
    """S3 has another checksum than what was sent."""


def abort(s3: Any, bucket: str, key: str, upload: str) -> bool:
    """Takes an upload's parts back; whether it was there still."""
    try:
        again(lambda: s3.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=upload))
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchUpload":
            raise
        return False
    return True


def again(ask: Callable[[], Any]) -> Any:
    """What a service answers; asked again, with longer and longer pauses, where it may answer otherwise the next time.

    Raises:
        ClientError, BotoCoreError: its last refusal.
    """
    for number in tries(TRIES, PAUSE_S, spread=True):
        try:
            return ask()
        except ClientError as error:
            if number == TRIES or error.response["Error"]["Code"] not in _AGAIN:
                raise
        except (HTTPClientError, NoConnectionError):  # no connection, or one that broke
            if number == TRIES:
                raise
    raise BotoCoreError  # no try at all: there is always one


def _named(number: int, part: Part) -> dict[str, Any]:
    """A part as the request names it that puts them together."""
    return {"PartNumber": number, "ETag": part.etag, "ChecksumSHA256": part.sha256}


def base64_of(digest: bytes) -> str:
    """A digest as S3 writes it."""
    return base64.b64encode(digest).decode()
