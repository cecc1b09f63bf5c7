"""An AWS of moto's with the raw bucket and the card-token secret, and the command that uploads to it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from cli import applications as places
from reading.mapping.toml_file import read_mapping
from tests.cli.person_files import KEY, ran

BUCKET = "raw"
_OUTPUTS = {
    "CardFraud-Dev-Data": {
        "RawBucket": BUCKET,
        "CardTokenKeySecret": "card-token-key",
        "RawColumns": read_mapping("kaggle").meaning,
    }
}


class Account:
    """What stands, and what was asked of S3.

    Attributes:
        asked: (operation, parameters), in their order.
        refuse: is asked before each request of S3's; what it raises comes in place of an answer.
    """

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.refuse: Any = lambda operation, parameters: None
        self.s3 = boto3.client("s3", region_name="us-east-1")
        self.s3.create_bucket(Bucket=BUCKET)
        boto3.client("secretsmanager", region_name="us-east-1").create_secret(
            Name="card-token-key", SecretString=KEY.decode()
        )

    def client(self, service: str, **options: Any) -> Any:
        """A client whose requests are noted and may be refused, and which never looks into a file that lies in `input/`."""
        made = boto3.client(service, region_name="us-east-1", **options)
        if service == "s3":
            made.meta.events.register("before-call.s3", self._before)
            made.meta.events.register("provide-client-params.s3", self._note)
        return made

    def _note(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        self.asked.append((model.name, dict(params)))
        # by the bucket's policy
        assert not (
            model.name in ("HeadObject", "GetObject", "GetObjectAttributes") and params["Key"].startswith("input/")
        )

    def _before(self, model: Any, params: dict[str, Any], **_: Any) -> None:
        self.refuse(model.name, self.asked[-1][1])

    def operations(self, name: str) -> list[dict[str, Any]]:
        """The parameters of the requests of an operation."""
        return [parameters for operation, parameters in self.asked if operation == name]

    def objects(self, prefix: str = "") -> dict[str, bytes]:
        """{key: content}."""
        found = self.s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])
        return {each["Key"]: self.s3.get_object(Bucket=BUCKET, Key=each["Key"])["Body"].read() for each in found}

    def manifests(self) -> list[dict[str, Any]]:
        """What the manifests say, the oldest first."""
        return [json.loads(each) for _, each in sorted(self.objects("uploads/").items())]

    def unfinished(self) -> list[str]:
        """The keys of uploads that are not complete."""
        return [each["Key"] for each in self.s3.list_multipart_uploads(Bucket=BUCKET).get("Uploads", [])]


def _outputs(_: object, stack: str) -> dict[str, str]:
    if stack not in _OUTPUTS:
        raise ClientError(
            {"Error": {"Code": "ValidationError", "Message": f"{stack} does not exist"}}, "DescribeStacks"
        )
    return _OUTPUTS[stack]


@contextmanager
def account(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Iterator[Account]:
    """An account in which the application stands, as `fraud up` leaves it, and a folder to keep states in."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("XDG_STATE_HOME", str(folder))
    with mock_aws():
        made = Account()
        monkeypatch.setattr(places, "outputs", _outputs)
        monkeypatch.setattr(places, "in_use", lambda: SimpleNamespace(client=made.client))
        yield made


def upload(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], folder: Path, *options: str | Path
) -> tuple[int, str, str]:
    """Runs `fraud upload`: exit status, standard output, and standard error, its lines joined."""
    done = ran(monkeypatch, capsys, "upload", "--local-dir", folder, *options)
    return done.status, done.out, " ".join(done.err.split())


def states(folder: Path) -> list[Path]:
    """What is kept of uploads."""
    return sorted((folder / "fraud" / "uploads").glob("*.json"))
