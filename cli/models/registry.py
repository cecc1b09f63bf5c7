"""The model registry of an application, and what its endpoint serves."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from cli.applications import Environment, Reached, application
from fraud.champion import Approved, Champion, champion
from lambda_src.ports.model_archive import ModelArchiveError, judged, manifest
from lambda_src.ports.model_registry import EVALUATION, served_url
from reading.errors import BadInputError

APPROVED, PENDING, REJECTED = "Approved", "PendingManualApproval", "Rejected"
IN_SERVICE = "InService"
_NOT_THERE = ("NoSuchKey", "NoSuchBucket", "404")


@dataclass(frozen=True, kw_only=True)
class Version:
    """A version of the model.

    Attributes:
        number: of the model package.
        status: of its approval: `Approved`, `PendingManualApproval` or `Rejected`.
        says: what whoever changed the status wrote beside it.
        url: of the model's archive.
        metadata: what it was registered with: its figures, and where its evaluation lies.
    """

    number: int
    arn: str
    status: str
    says: str
    registered: datetime
    url: str
    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """As `v7`."""
        return f"v{self.number}"

    @property
    def bucket(self) -> str:
        """The models bucket."""
        return self.url.removeprefix("s3://").partition("/")[0]

    @property
    def evaluation_url(self) -> str | None:
        """Where its evaluation.json lies; None of one that was registered without."""
        key = self.metadata.get(EVALUATION)
        return f"s3://{self.bucket}/{key}" if key else None


class Served(NamedTuple):
    """What the endpoint serves.

    Attributes:
        status: of the endpoint.
        url: of the model's archive.
        by_training: whether a run of the training machine has brought it; else it is the first model, which knows nothing.
    """

    status: str
    url: str
    by_training: bool


class Models:
    """The registry and the endpoint.

    Args:
        reached: the application.
    """

    def __init__(self, reached: Reached) -> None:
        self.reached = reached
        self.group = reached.output("Training", "ModelRegistry")
        self.endpoint = reached.output("Serving", "EndpointName")
        self.sagemaker, self.s3 = reached.client("sagemaker"), reached.client("s3")
        self._judged: dict[str, Approved] = {}

    def versions(self) -> list[Version]:
        """All versions, the newest first."""
        pages = self.sagemaker.get_paginator("list_model_packages").paginate(
            ModelPackageGroupName=self.group, SortBy="CreationTime", SortOrder="Descending"
        )
        found = [self._described(one["ModelPackageArn"]) for page in pages for one in page["ModelPackageSummaryList"]]
        return sorted(found, key=lambda one: -one.number)

    def version(self, said: str, versions: list[Version]) -> Version:
        """The version that a person means by `v7`, `7` or its ARN.

        Args:
            versions: all.

        Raises:
            BadInputError: there is none.
        """
        number = re.fullmatch(r"(?:v|arn:.*/)?([0-9]{1,9})", said)
        if number is None:
            raise BadInputError(f"{said}: no version; allowed: as v7, 7, or the ARN of a model package")
        arn = said.startswith("arn:")
        found = [one for one in versions if (one.arn == said if arn else one.number == int(number[1]))]
        if not found:
            there = ", ".join(one.name for one in versions) or "none"
            raise BadInputError(f"{said}: no such version in {self.group} of {self.reached.says}; there are: {there}")
        return found[0]

    def served(self) -> Served:
        """What the endpoint serves now."""
        said = self.sagemaker.describe_endpoint(EndpointName=self.endpoint)
        configuration = said["EndpointConfigName"]
        by_training = configuration.startswith(f"{self.group}-")
        return Served(said["EndpointStatus"], served_url(self.sagemaker, configuration), by_training)

    def champion(self, versions: list[Version], served: Served) -> Champion:
        """Which is to serve, as the function `champion` finds it."""
        serving = served.url if served.by_training else None
        possible = (one for one in versions if one.status == APPROVED or (one.status == PENDING and one.url == serving))
        return champion(self.judged(one, served) for one in possible)

    def judged(self, version: Version, served: Served) -> Approved:
        """What of a version is not computed here, or why it cannot be served."""
        if version.arn not in self._judged:
            serves = version.url == served.url
            self._judged[version.arn] = judged(self.s3, version.name, version.url, serves=serves)
        return self._judged[version.arn]

    def manifest(self, version: Version) -> dict[str, Any]:
        """What its archive says of it; nothing where it cannot be read, which `judged` tells."""
        try:
            return manifest(self.s3, version.url)
        except ModelArchiveError:
            return {}

    def evaluation(self, version: Version) -> dict[str, Any] | None:
        """Its evaluation; None of one that was registered without, or whose file is gone."""
        url = version.evaluation_url
        content = None if url is None else self.content(url)
        try:
            return None if content is None else dict(json.loads(content))
        except ValueError as error:
            raise BadInputError(
                f"{url}: no evaluation: {error}; needed: what the training machine has written"
            ) from error

    def content(self, url: str) -> bytes | None:
        """An object; None if there is none."""
        bucket, _, key = url.removeprefix("s3://").partition("/")
        try:
            return bytes(self.s3.get_object(Bucket=bucket, Key=key)["Body"].read())
        except ClientError as error:
            if error.response["Error"]["Code"] not in _NOT_THERE:
                raise
            return None

    def decide(self, version: Version, status: str, says: str) -> None:
        """Changes the status of its approval."""
        # the text may have 1024 characters (page API_UpdateModelPackage)
        self.sagemaker.update_model_package(
            ModelPackageArn=version.arn, ModelApprovalStatus=status, ApprovalDescription=says[:1024]
        )

    def _described(self, arn: str) -> Version:
        said = self.sagemaker.describe_model_package(ModelPackageName=arn)
        [container] = said["InferenceSpecification"]["Containers"]
        return Version(
            number=int(said["ModelPackageVersion"]),
            arn=arn,
            status=str(said["ModelApprovalStatus"]),
            says=said.get("ApprovalDescription") or "",
            registered=said["CreationTime"],
            url=container["ModelDataUrl"],
            metadata=said.get("CustomerMetadataProperties") or {},
        )


@contextmanager
def registry(env: Environment | None) -> Iterator[Models]:
    """The models of an environment; within it what a service refuses ends the command with a sentence."""
    reached = application(None if env is None else env.value)
    try:
        yield Models(reached)
    except (BotoCoreError, ClientError) as error:
        raise BadInputError(f"{reached.says} does not answer as it must: {error}") from error
