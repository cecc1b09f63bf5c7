"""What S3 tells a queue of new objects: the messages of bucket notifications, parsed.

Page *notification-content-structure*: a message holds records of one bucket; keys are URL-encoded as in a form, so that a space
comes as `+`; a message may come twice, and messages come in any order. A queue that is named in a bucket's configuration first
gets a test event (page *notification-how-to-event-types-and-destinations*).

`sequencer` says which of two records about one key is the later one. The page has said both that the shorter of two is padded on
the left and on the right, so nothing here compares them: which version of an object counts, its bucket says.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import PurePosixPath
from typing import Any, NamedTuple
from urllib.parse import unquote_plus

TEST_EVENT = "s3:TestEvent"
CREATED = "ObjectCreated:"
MAJOR_VERSION = "2"
"""Of the messages' structure. Another major version may hold anything; a new minor one only adds to it."""


class UnreadableMessageError(ValueError):
    """A message is no notification of S3's: names what is wrong with it, and what is allowed."""


class Arrived(NamedTuple):
    """A new object.

    Attributes:
        key: as it was put, decoded.
        version: its version; None in a bucket without versions.
        etag: of its content, without quotes.
        sequencer: a hexadecimal number by which S3 orders the records about one key.
        size: in bytes.
    """

    bucket: str
    key: str
    version: str | None
    etag: str
    sequencer: str
    size: int

    @property
    def uri(self) -> str:
        """Its S3 URI."""
        return f"s3://{self.bucket}/{self.key}"

    @property
    def name(self) -> str:
        """Its name without its folders and without what follows the last dot: that of its data set.

        >>> Arrived("b", "glue_transformed/train/a.b.parquet", None, "e", "1", 5).name
        'a.b'
        """
        return PurePosixPath(self.key).stem

    @property
    def identity(self) -> str:
        """32 hexadecimal digits: the same for the same object however often S3 tells of it, another for any other.

        >>> Arrived("b", "k", None, "e", "1", 5).identity == Arrived("b", "k", None, "e", "2", 5).identity
        True
        """
        named = json.dumps([self.bucket, self.key, self.version or self.etag])
        return hashlib.sha256(named.encode()).hexdigest()[:32]


class Told(NamedTuple):
    """What a message says.

    Attributes:
        arrived: the objects that are new, in the message's order, each once.
        skipped: what else it tells of, in words.
    """

    arrived: list[Arrived]
    skipped: list[str]


def told(body: str) -> Told:
    """What the body of a message says.

    Raises:
        UnreadableMessageError: it is no notification.

    >>> told('{"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "b"}')
    Told(arrived=[], skipped=['s3:TestEvent of the bucket b'])
    """
    try:
        message = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise UnreadableMessageError("no JSON; allowed: a notification of S3") from error
    match message:
        case {"Event": "s3:TestEvent", **rest}:
            return Told([], [f"{TEST_EVENT} of the bucket {rest.get('Bucket')}"])
        case {"Records": [*records]} if records:
            return _records(records)
    raise UnreadableMessageError("no Records; allowed: a notification of S3")


def _records(records: list[object]) -> Told:
    arrived: dict[Arrived, None] = {}
    skipped: list[str] = []
    for place, record in enumerate(records):
        try:
            match record:
                case {"eventSource": "aws:s3", "eventVersion": str(version), "eventName": str(name), "s3": dict(of)}:
                    if version.partition(".")[0] != MAJOR_VERSION:
                        raise UnreadableMessageError(f"eventVersion; allowed: {MAJOR_VERSION}.x")
                    if name.startswith(CREATED):
                        arrived[_object(of)] = None
                    else:
                        skipped.append(f"{name} of {_object_key(of)}")
                case _:
                    raise UnreadableMessageError(
                        "eventSource, eventVersion, eventName or s3: missing; allowed: aws:s3's"
                    )
        except UnreadableMessageError as error:
            raise UnreadableMessageError(f"record {place}: {error}") from error
    return Told(list(arrived), skipped)


def _object(of: dict[str, Any]) -> Arrived:
    match of:
        case {"bucket": {"name": str(bucket)}, "object": {"eTag": str(etag), **rest}}:
            version, size = rest.get("versionId"), rest.get("size", 0)
            if not isinstance(version, str | None) or type(size) is not int:
                raise UnreadableMessageError("versionId or size; allowed: text, or none; a whole number")
            sequencer = str(rest.get("sequencer", ""))
            # S3 says `null` of an object that was put before its bucket had versions
            return Arrived(bucket, _object_key(of), version or None, etag.strip('"'), sequencer, size)
    raise UnreadableMessageError("bucket.name or object.eTag: missing; allowed: text")


def _object_key(of: dict[str, Any]) -> str:
    match of:
        case {"object": {"key": str(key)}} if key:
            try:
                return unquote_plus(key, errors="strict")
            except UnicodeDecodeError as error:
                raise UnreadableMessageError("object.key: no UTF-8; allowed: text, URL-encoded") from error
    raise UnreadableMessageError("object.key: missing; allowed: text")
