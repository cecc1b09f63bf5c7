"""Where files are uploaded to: the application that `fraud up` left standing, or the one in an AWS account."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from cli.applications import application
from reading.errors import BadInputError


@dataclass(frozen=True)
class Place:
    """Where files go.

    Attributes:
        s3: a client of its S3.
        bucket: the raw bucket.
        key: the secret that card tokens are made with.
        says: what it is, for people.
    """

    s3: Any
    bucket: str
    key: bytes
    says: str


ONCE = Config(retries={"total_max_attempts": 1}, connect_timeout=10, read_timeout=60)
"""One try a request: `cli.uploading.parts.again` tries again, and waits longer."""


def place(environment: str | None, bucket: str | None) -> Place:
    """Where to, by the outputs of the application's stacks.

    Args:
        environment: `dev` or `prod`, of the AWS account of boto3's default credentials; None: what `fraud up` left standing.
        bucket: in place of the one that the stack says.

    Raises:
        BadInputError: nothing stands there, it does not answer, or it may not be asked.
    """
    reached = application(environment)
    try:
        s3 = reached.client("s3", config=ONCE)
        found = bucket or reached.output("Data", "RawBucket")
        secret = reached.output("Data", "CardTokenKeySecret")
        key = str(reached.client("secretsmanager").get_secret_value(SecretId=secret)["SecretString"]).encode()
    except (BotoCoreError, ClientError) as error:
        raise BadInputError(f"{reached.says} does not answer as it must: {error}") from error
    return Place(s3, found, key, reached.says)
