"""A version of the model registry with its evaluation: of the standing application, or of an AWS account."""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pandas as pd
from botocore.exceptions import BotoCoreError, ClientError

from cli.applications import application
from cli.reports.versions import SHOWN, ModelVersion, held_together, read_scores
from lambda_src.ports.model_registry import EVALUATION
from reading.errors import BadInputError
from sagemaker_src.training.evaluate_model import EvaluationError, read_model
from sagemaker_src.training.scored_rows import FILE
from sagemaker_src.training.train import Trained, outcomes

# the pattern ModelPackageArn of the API, with the version that a group's packages have
_ARN = re.compile(
    r"arn:aws[a-z\-]*:sagemaker:(?P<region>[a-z0-9\-]{9,16}):[0-9]{12}:model-package/(?P<group>[A-Za-z0-9\-]{1,63})/(?P<version>[0-9]{1,9})"
)
_EXAMPLE = "arn:aws:sagemaker:REGION:ACCOUNT:model-package/GROUP/VERSION"
_NONE_THERE = ("ValidationException", "ResourceNotFound", "ResourceNotFoundException")
"""What the service answers of a package that there is not."""
_NOT_IN_BUCKET = ("NoSuchKey", "404")


class _Package(NamedTuple):
    arn: str
    region: str
    group: str
    name: str


def is_arn(said: str) -> bool:
    """Whether a person means a version of the registry, and no folder."""
    return said.startswith("arn:")


def of_registry(arn: str, environment: str | None) -> ModelVersion:
    """A version of the registry, on the rows that it was evaluated on before it was registered.

    Args:
        arn: of the model package.
        environment: `dev` or `prod`, of the AWS account of boto3's default credentials; None: what `fraud up` left standing.

    Raises:
        BadInputError: there is no such version, nothing stands or answers there, or no scores were kept of it.
    """
    package = _package(arn)
    where = ""
    try:
        reached = application(environment)
        where = reached.says
        # the account's default region may be another one
        options = {} if environment is None else {"region_name": package.region}
        sagemaker, s3 = (reached.client(service, **options) for service in ("sagemaker", "s3"))
        described = _described(sagemaker, package, where)
        metadata = described.get("CustomerMetadataProperties", {})
        if EVALUATION not in metadata:
            raise BadInputError(
                f"{arn}: no scores are known of it: it was registered by a release before 2026-11-28, or by hand. "
                "`fraud evaluate` on its file makes a report of a model like it"
            )
        [container] = described["InferenceSpecification"]["Containers"]
        archive = urlsplit(container["ModelDataUrl"])
        folder = metadata[EVALUATION].rpartition("/")[0]
        with tempfile.TemporaryDirectory() as name:
            place = Path(name)
            for bucket_key, path in (
                (archive.path.lstrip("/"), place / "model.tar.gz"),
                (metadata[EVALUATION], place / "evaluation.json"),
                (f"{folder}/{FILE}", place / FILE),
            ):
                _fetch(s3, archive.netloc, bucket_key, path, package)
            return _read(place, package, where)
    except (BotoCoreError, ClientError) as error:
        raise BadInputError(f"{where or 'AWS'} does not answer as it must: {error}") from error


def _package(arn: str) -> _Package:
    found = _ARN.fullmatch(arn)
    if found is None:
        raise BadInputError(f"{arn}: no ARN of a version of the registry; allowed: as {_EXAMPLE}")
    return _Package(arn, found["region"], found["group"], f"v{found['version']}")


def _described(sagemaker: Any, package: _Package, where: str) -> dict[str, Any]:
    try:
        return dict(sagemaker.describe_model_package(ModelPackageName=package.arn))
    except ClientError as error:
        if error.response["Error"]["Code"] not in _NONE_THERE:
            raise
        raise BadInputError(f"{package.arn}: no such version in {where}; {_there(sagemaker, package)}") from error


def _there(sagemaker: Any, package: _Package) -> str:
    """Which versions there are, the newest first."""
    try:
        found = sagemaker.list_model_packages(
            ModelPackageGroupName=package.group, SortBy="CreationTime", SortOrder="Descending", MaxResults=10
        )["ModelPackageSummaryList"]
    except ClientError:
        return f"there is no registry {package.group} either"
    return f"there are: {', '.join(each['ModelPackageArn'] for each in found) or 'none'}"


def _fetch(s3: Any, bucket: str, key: str, path: Path, package: _Package) -> None:
    try:
        path.write_bytes(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    except ClientError as error:
        if error.response["Error"]["Code"] not in _NOT_IN_BUCKET:
            raise
        raise BadInputError(
            f"{package.arn}: s3://{bucket}/{key} is not there (any more); needed: what the training machine has written"
        ) from error


def _read(place: Path, package: _Package, where: str) -> ModelVersion:
    try:
        model = read_model(place)
        told = json.loads((place / "evaluation.json").read_text(encoding="utf-8"))
        held_out = told["held_out"]
        scores, version = read_scores(place / FILE)
        manifest = model.manifest | {"metrics": {**model.manifest["metrics"], "test": told["metrics"]}}
        notices = held_together(Trained(model.model, manifest, scores), version, f"{package.arn}: {FILE}")
        counted = outcomes(scores["is_fraud"].to_numpy(), scores["score"].to_numpy(), manifest["thresholds"])
    except (EvaluationError, ValueError, OSError) as error:
        raise BadInputError(f"{package.arn}: what was kept of it cannot be read: {error}") from error
    except KeyError as error:
        raise BadInputError(f"{package.arn}: its manifest or evaluation lacks {error.args[0]}") from error
    days = " to ".join(f"{pd.Timestamp(held_out[edge], unit='ms'):%Y-%m-%d}" for edge in ("from_ms", "to_ms"))
    files = f"{package.name} of {package.group}, {where}, tested on the transactions of {days}, which it had not seen"
    trained = Trained(model.model, manifest | {"outcomes": counted}, scores)
    # an evaluation of an earlier release holds less
    whole = told if not notices and all(name in told for name in SHOWN) else None
    return ModelVersion(package.name, trained, files, "as the archive has them", {}, notices, whole)
