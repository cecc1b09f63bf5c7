"""Where files are uploaded to: the application that `fraud up` left standing, or the one in an AWS account."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from cli.applications import application
from reading.errors import BadInputError
from reading.mapping.toml_file import Mapping


@dataclass(frozen=True)
class Place:
    """Where files go.

    Attributes:
        s3: a client of its S3.
        bucket: the raw bucket.
        key: the secret that card tokens are made with.
        says: what it is, for people.
        columns: the mapping that the application reads its files by (`Mapping.meaning`); None: it is not known.
    """

    s3: Any
    bucket: str
    key: bytes
    says: str
    columns: str | None = None

    def check_mapping(self, mapping: Mapping) -> None:
        """Files that pass here must pass there, too.

        Raises:
            BadInputError: the application reads its files by another mapping.
        """
        if self.columns in (None, mapping.meaning):
            return
        theirs, ours = self.columns.split()[0], mapping.path.stem
        differs = f"another one than its {theirs}" if theirs == ours else "another one"
        raise BadInputError(
            f"{mapping.named}: {self.says} reads its files by {theirs}.toml (setting batch_columns), and this is {differs}: "
            f"its rows would be refused or misread there; name that mapping, or deploy with -c batch_columns={ours}"
        )


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
        columns = None if bucket else reached.output("Data", "RawColumns")
        secret = reached.output("Data", "CardTokenKeySecret")
        key = str(reached.client("secretsmanager").get_secret_value(SecretId=secret)["SecretString"]).encode()
    except (BotoCoreError, ClientError) as error:
        raise BadInputError(f"{reached.says} does not answer as it must: {error}") from error
    return Place(s3, found, key, reached.says, columns)
