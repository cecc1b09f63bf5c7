"""What lies in the raw bucket, as far as one who uploads may see: the list of files, and what uploads' manifests say of them.

Only the crawler's and the job's roles may read the files themselves.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from typing import Any

from botocore.exceptions import ClientError

from cli.uploading.parts import Whole, again, base64_of

FILES, MANIFESTS = "input/", "uploads/"
_REFUSED = ("AccessDenied", "403")


@dataclass(frozen=True)
class Entry:
    """A file that went whole, as a manifest says it."""

    key: str
    bytes: int
    sha256: str
    rows: int
    etag: str


@dataclass(frozen=True)
class Contents:
    """What is there.

    Attributes:
        etags: {key: of the object}; None: one may not list them.
        told: {(key, ETag): SHA-256 of what was sent}, of manifests.
    """

    etags: Mapping[str, str] | None
    told: Mapping[tuple[str, str], str]

    def digest(self, key: str) -> str | None:
        """The SHA-256 of what lies there, if an upload's manifest tells of it."""
        return self.told.get((key, (self.etags or {}).get(key, "")))

    def lies(self, key: str, etag: str) -> bool:
        """Whether an object that was sent lies there still, as far as one may see."""
        return self.etags is None or self.etags.get(key) == etag.strip('"')


def contents(s3: Any, bucket: str) -> Contents:
    """What lies in the bucket."""
    try:
        etags = dict(_listed(s3, bucket, FILES))
        told = {}
        for key, _ in _listed(s3, bucket, MANIFESTS) if etags else ():
            for found in _entries(s3, bucket, key):
                told[found["key"], str(found.get("etag", "")).strip('"')] = found["sha256"]
    except ClientError as error:
        if error.response["Error"]["Code"] not in _REFUSED:
            raise
        return Contents(None, {})
    return Contents(etags, told)


def _listed(s3: Any, bucket: str, prefix: str) -> list[tuple[str, str]]:
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return [(each["Key"], each["ETag"].strip('"')) for page in pages for each in page.get("Contents", [])]


def _entries(s3: Any, bucket: str, key: str) -> list[dict[str, Any]]:
    try:
        read = json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
        return [each for each in read["files"] if {"key", "sha256"} <= set(each)]
    except (ValueError, KeyError, TypeError):
        return []  # nobody's manifest


def write_manifest(s3: Any, bucket: str, upload: str, columns: str, files: Sequence[Entry]) -> str:
    """Says which files an upload has brought, whole; the crawl begins with it. Returns its key."""
    key = f"{MANIFESTS}{upload}.json"
    told = {
        "files": [asdict(each) for each in files],
        "columns": columns,
        "uploaded_at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }
    body = (json.dumps(told, indent=1) + "\n").encode()
    checksum = base64_of(hashlib.sha256(body).digest())
    again(
        lambda: s3.put_object(
            Bucket=bucket, Key=key, Body=body, ContentType="application/json", ChecksumSHA256=checksum
        )
    )
    return key


def entry(key: str, whole: Whole, rows: int) -> Entry:
    """What a manifest says of a file."""
    return Entry(key, whole.size, whole.sha256, rows, whole.etag)
