"""Where files are uploaded to: the application that `fraud up` left standing, or the one in an AWS account."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from local.background import StandingError, in_use
from local.deployment import outputs
from reading.errors import BadInputError

STANDING = "Dev"
"""The environment that `fraud up` stands up."""


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
    if environment is None:
        try:
            client, name, where = in_use().client, STANDING, "the application that `fraud up` left standing"
        except StandingError as error:
            raise BadInputError(
                f"{error}, or --env dev|prod names the one in the AWS account of your credentials"
            ) from error
    else:
        client, name = boto3.Session().client, environment.capitalize()
        where = f"the application {environment} in the AWS account of your credentials"
    stack = f"CardFraud-{name}-Data"
    try:
        s3 = client("s3", config=ONCE)
        found = bucket or _output(client, stack, "RawBucket")
        secret = _output(client, stack, "CardTokenKeySecret")
        key = str(client("secretsmanager").get_secret_value(SecretId=secret)["SecretString"]).encode()
    except (BotoCoreError, ClientError) as error:
        raise BadInputError(f"{where} does not answer as it must: {error}") from error
    return Place(s3, found, key, where)


def _output(client: Any, stack: str, name: str) -> str:
    said = outputs(client, stack)
    if name not in said:
        raise BadInputError(f"the stack {stack} says no {name}: it is of a release without it; deploy this one")
    return said[name]
