"""A model's archive: what its manifest says that the model takes."""

from __future__ import annotations

import json
import tarfile
from pathlib import PurePosixPath
from typing import IO, Any

from botocore.exceptions import ClientError

from fraud.champion import Approved
from fraud.model_input import ModelInput, ModelInputError, read_model_input
from fraud.vector import uncomputed
from lambda_src.ports.clients import Client

_MANIFEST = PurePosixPath("manifest.json")
_NOT_THERE = ("NoSuchKey", "NoSuchBucket", "AccessDenied")
"""What S3 says of an object that is gone, the last to whoever may not list the bucket."""


class ModelArchiveError(ValueError):
    """An archive does not say what its model takes: the rest of a sentence that begins with the model's name."""


def model_input(client: Client, url: str) -> ModelInput:
    """What a model takes.

    Args:
        client: of s3.
        url: of its archive, `s3://BUCKET/KEY`.

    Raises:
        ModelArchiveError: it is not there, or holds no manifest that says it.
    """
    try:
        return read_model_input(manifest(client, url))
    except ModelInputError as error:
        raise ModelArchiveError(f"does not say what it takes: {url}: manifest.json: {error}") from error


def manifest(client: Client, url: str) -> dict[str, Any]:
    """What a model's archive says of it.

    Raises:
        ModelArchiveError: it is not there, or holds no manifest.
    """
    bucket, _, key = url.removeprefix("s3://").partition("/")
    try:
        packed = client.get_object(Bucket=bucket, Key=key)["Body"]
    except ClientError as error:
        if (code := error.response["Error"]["Code"]) not in _NOT_THERE:
            raise
        raise ModelArchiveError(f"has an archive that cannot be read: {url}: {code}") from error
    try:
        return _manifest(packed)
    except (tarfile.TarError, EOFError) as error:
        raise ModelArchiveError(f"has no archive that can be unpacked: {url}: {error}") from error
    except ValueError as error:
        raise ModelArchiveError(f"does not say what it takes: {url}: manifest.json: {error}") from error


def judged(client: Client, name: str, url: str, *, serves: bool) -> Approved:
    """Whether a model can be the champion: what it takes that this release does not compute, or why it cannot be read.

    Args:
        client: of s3.
        name: of the model, as `v7`.
        url: of its archive.
        serves: whether it does.
    """
    try:
        return Approved(name, serves, uncomputed(model_input(client, url)))
    except ModelArchiveError as error:
        return Approved(name, serves, problem=str(error))


def _manifest(packed: IO[bytes]) -> dict[str, Any]:
    with tarfile.open(fileobj=packed, mode="r|gz") as archive:
        for entry in archive:
            if PurePosixPath(entry.name) == _MANIFEST and (file := archive.extractfile(entry)):
                found = json.load(file)
                if isinstance(found, dict):
                    return found
                raise ModelInputError("no JSON object")
    raise ModelInputError("missing")
