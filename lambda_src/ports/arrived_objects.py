"""Whether an object that S3 told of is still the one that its key stands for."""

from __future__ import annotations

from botocore.exceptions import ClientError

from lambda_src.object_events import Arrived
from lambda_src.ports.clients import Client


def superseded(client: Client, arrived: Arrived) -> str | None:
    """Why an object is not to be acted on: it was deleted or overwritten meanwhile; None if it is to be.

    What overwrote it has a message of its own, in whatever order the two come.

    Args:
        client: of s3. Its role may list the bucket: else S3 says of what is not there that it is forbidden.

    Raises:
        ClientError: S3 says something else of it.
    """
    try:
        standing = client.head_object(Bucket=arrived.bucket, Key=arrived.key)
    except ClientError as error:
        # the answer to HEAD has no body, and so no code but HTTP's
        if error.response["Error"]["Code"] not in ("404", "NoSuchKey"):
            raise
        return "it was deleted meanwhile"
    if arrived.version is not None:
        same = standing.get("VersionId") == arrived.version
    else:
        same = standing["ETag"].strip('"') == arrived.etag
    return None if same else "it was overwritten meanwhile"
