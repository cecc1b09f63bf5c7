"""Uploads in parts, as S3 takes them: page *qfacts*. What is put together is in order, and no part but the last is small."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

from emulator.hosted.ministack.names import s3
from emulator.limits.units import MIB

LEAST = 5 * MIB
"""Page *qfacts*: "5 MiB to 5 GiB. There is no minimum size limit on the last part"."""


def put_parts_together_as_the_service() -> None:
    """Puts the service's own checks before an upload is completed."""
    complete = s3._complete_multipart_upload

    def checked(
        bucket: str, key: str, body: bytes, query: dict[str, Any], headers: dict[str, str] | None = None
    ) -> Any:
        given = query.get("uploadId", "")
        upload = s3._multipart_uploads.get(given[0] if isinstance(given, list) else given)
        if upload and (wrong := _wrong(body, upload["parts"])):
            return s3._error(*wrong, 400, f"/{bucket}/{key}")
        return complete(bucket, key, body, query, headers)

    s3._complete_multipart_upload = checked


def _wrong(body: bytes, parts: dict[int, dict[str, Any]]) -> tuple[str, str] | None:
    """Code and message of what S3 does not take; None if it takes it."""
    try:
        numbers = [int(one.text or 0) for one in ElementTree.fromstring(body).iter() if one.tag.endswith("PartNumber")]  # noqa: S314
    except (ElementTree.ParseError, ValueError):
        return None  # refused by what comes after
    if not numbers:
        return (
            "MalformedXML",
            "The XML you provided was not well-formed or did not validate against our published schema",
        )
    if numbers != sorted(set(numbers)):
        return "InvalidPartOrder", "The list of parts was not in ascending order. Parts must be ordered by part number."
    small = [number for number in numbers[:-1] if number in parts and len(parts[number]["body"]) < LEAST]
    if small:
        return "EntityTooSmall", f"Your proposed upload is smaller than the minimum allowed size: part {small[0]}"
    return None
