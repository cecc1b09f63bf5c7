"""A SageMaker container as a process here: its environment, its folders below a folder of this machine, its S3 traffic.

The Python of an environment stands in for an image, with its packages. Paths that begin
with /opt/ml, in arguments and variables, name the same place below the container's folder. Nothing of this process's environment
is passed on.
"""

from __future__ import annotations

import io
import re
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from botocore.exceptions import ClientError

from emulator.account import REGION
from emulator.clients import Clients
from emulator.errors import ServiceError
from emulator.protocol.service import Judge
from engines.processes import Process, ProcessError

OPT_ML = "/opt/ml"
PULL = ("ecr:BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage")
THREADS = {"OMP_WAIT_POLICY": "PASSIVE"}
"""A container has its machine to itself. Here it shares the cores, where an OpenMP thread that waits by spinning keeps the one it
waits for from its core: training then takes several times the processor time."""


@dataclass(frozen=True)
class Acting:
    """Someone who acts in a role's name: who may pull images, and what S3 lets through.

    Attributes:
        taken_by: the ARN of what SageMaker takes the role for.
        images: {repository: the Python that stands in for its images}.
    """

    clients: Clients
    judge: Judge
    role_arn: str
    session: str
    taken_by: str
    images: Mapping[str, str]

    @property
    def credentials(self) -> dict[str, str]:
        return self.clients.open_session(self.role_arn, self.taken_by, self.session)

    def pull(self, image: str) -> Path:
        """Has the role judged as one that pulls an image; the Python that stands in for it.

        Raises:
            ServiceError: it may not, or nothing stands in for the image.
        """
        repository = repository_arn(image)
        python = self.images.get(repository.rsplit("/", 1)[-1])
        if python is None:
            raise ServiceError("ValidationException", f"nothing here stands in for the image {image}")
        key = self.credentials["AWS_ACCESS_KEY_ID"]
        self.judge(key, "ecr:GetAuthorizationToken", "*", None)
        for action in PULL:
            self.judge(key, action, repository, None)
        return Path(python)

    def download(self, uri: str, folder: Path) -> None:
        """Everything under an S3 prefix, below a folder, or the one object of that name.

        Raises:
            botocore.exceptions.ClientError: the role may not.
            ServiceError: nothing is there.
        """
        bucket, prefix = split_uri(uri)
        s3 = self.clients.role("s3", self.role_arn, self.taken_by, self.session)
        for key in self.keys(uri):
            path = folder / (key[len(prefix) :].lstrip("/") or key.rsplit("/", 1)[-1])
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(s3.get_object(Bucket=bucket, Key=key)["Body"].read())

    def fetch(self, uri: str) -> bytes:
        """One object."""
        bucket, key = split_uri(uri)
        s3 = self.clients.role("s3", self.role_arn, self.taken_by, self.session)
        return bytes(s3.get_object(Bucket=bucket, Key=key)["Body"].read())

    def upload(self, folder: Path, uri: str, kms_key: str | None = None) -> None:
        """Every file below a folder, under an S3 prefix."""
        bucket, prefix = split_uri(uri)
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            key = "/".join(part for part in (prefix.rstrip("/"), str(path.relative_to(folder))) if part)
            self.put(bucket, key, path.read_bytes(), kms_key)

    def put(self, bucket: str, key: str, body: bytes, kms_key: str | None = None) -> None:
        """Writes one object, under a key if there is one."""
        encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": kms_key} if kms_key else {}
        s3 = self.clients.role("s3", self.role_arn, self.taken_by, self.session)
        s3.put_object(Bucket=bucket, Key=key, Body=body, **encryption)

    def keys(self, uri: str) -> list[str]:
        """The keys of all objects under an S3 prefix, folders aside.

        Raises:
            botocore.exceptions.ClientError: the role may not.
            ServiceError: nothing is there.
        """
        bucket, prefix = split_uri(uri)
        s3 = self.clients.role("s3", self.role_arn, self.taken_by, self.session)
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        keys = [found["Key"] for page in pages for found in page.get("Contents", []) if not found["Key"].endswith("/")]
        if not keys:
            raise ServiceError("ValidationException", f"no object under {uri}")
        return keys


def repository_arn(image: str) -> str:
    """The ARN of an image's repository; empty for an image elsewhere.

    >>> repository_arn("683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0")
    'arn:aws:ecr:us-east-1:683313688378:repository/sagemaker-xgboost'
    """
    found = re.fullmatch(r"(\d+)\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com/([^:]+):.+", image)
    return f"arn:aws:ecr:{REGION}:{found[1]}:repository/{found[2]}" if found else ""


def reason(error: Exception) -> str:
    """What is said of a failure: the end of its text, and of what kind it is where the text alone does not say it."""
    known = isinstance(error, (ServiceError, ClientError, ProcessError))
    return (str(error) if known else f"{type(error).__name__}: {error}")[-1000:]


def split_uri(uri: str) -> tuple[str, str]:
    """Bucket and key of an S3 URI.

    >>> split_uri("s3://models/champion/model.tar.gz")
    ('models', 'champion/model.tar.gz')
    """
    found = re.fullmatch(r"s3://([^/]+)/?(.*)", uri)
    if not found:
        raise ServiceError("ValidationException", f"{uri} is no S3 URI")
    return found[1], found[2]


def extract(archive: bytes, folder: Path) -> None:
    """Unpacks a model's or a program's archive."""
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(fileobj=io.BytesIO(archive)) as packed:
        packed.extractall(folder, filter="data")


def pack(folder: Path, archive: Path) -> None:
    """Packs a folder as a model's archive."""
    with tarfile.open(archive, "w:gz", compresslevel=1) as packed:
        for path in sorted(folder.iterdir()):
            packed.add(path, arcname=path.name)


def container(
    name: str,
    argv: Sequence[str],
    variables: Mapping[str, str],
    acting: Acting,
    folder: Path,
    python: Path,
    *,
    isolated: bool = False,
) -> Process:
    """The process that stands in for a container, not started yet.

    Args:
        isolated: without a network, as SageMaker calls it. Here it is without credentials, as there, and without AWS's address.
        argv, variables: as the container would get them; /opt/ml in them is `folder`.
        folder: what the container sees as /opt/ml.
        python: stands in for the image.
    """
    here = {key: placed(value, folder) for key, value in variables.items()}
    packages = [str(path) for path in sorted((python.parents[1] / "lib").glob("python3.*/site-packages"))]
    paths = [path for path in here.pop("PYTHONPATH", "").split(":") if path]
    command = [placed(part, folder) for part in _command(list(argv), paths, folder)]
    aws = {} if isolated else {**acting.credentials, "AWS_ENDPOINT_URL": acting.clients.endpoint}
    return Process(
        name,
        # without `site`: what is not in the container's folders or its packages cannot be imported
        [python, "-S", *command],
        {
            **THREADS,
            **here,
            **aws,
            "PATH": f"{python.parent}:/usr/local/bin:/usr/bin:/bin",
            "PYTHONPATH": ":".join([*paths, *packages]),
            "PYTHONDONTWRITEBYTECODE": "1",
            "HOME": str(folder),
            "TMPDIR": str(folder),
            "LANG": "C.UTF-8",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
        },
        log_path=folder / "log",
        folder=folder,
        inherit=False,
    )


def _command(argv: list[str], paths: list[str], folder: Path) -> list[str]:
    program = Path(argv[0]).name
    if program == "smspark-submit":
        rest = argv[1:]
        while rest and rest[0].startswith("--"):
            if rest[0] == "--py-files":
                paths += [placed(path, folder) for path in rest[1].split(",")]
            rest = rest[2:]
        return rest
    if program.startswith("python"):
        return argv[1:]
    raise ServiceError("ValidationException", f"{argv[0]} cannot be run here; allowed: python3, smspark-submit")


def placed(text: str, folder: Path) -> str:
    """A text in which /opt/ml is the container's folder here."""
    return re.sub(rf"(?<![\w/]){OPT_ML}(?=/|$)", str(folder), text)
