"""The model registry: which model is the champion, and what was measured of it."""

from __future__ import annotations

from typing import NamedTuple

from fraud.notation import decimal_number
from fraud.promotion import COMPARED, Metrics
from lambda_src.ports.clients import Client


class Champion(NamedTuple):
    """The newest approved model package, and the figures that it was registered with."""

    arn: str
    metrics: dict[str, float]


def registered_metadata(metrics: Metrics, model_version: str) -> dict[str, str]:
    """What a model package carries, for `champion` to read: CustomerMetadataProperties, all of them text."""
    figures = {name: repr(float(figure)) for name in COMPARED if (figure := metrics[name]) is not None}
    return {"model_version": model_version, **figures}


def champion(client: Client, group: str) -> Champion | None:
    """The champion of a group of model packages; None if none was approved yet.

    Args:
        client: of sagemaker.
        group: its name.

    Raises:
        ValueError: it was registered without the figures that decide.
    """
    newest = client.list_model_packages(
        ModelPackageGroupName=group,
        ModelApprovalStatus="Approved",
        SortBy="CreationTime",
        SortOrder="Descending",
        MaxResults=1,
    )["ModelPackageSummaryList"]
    if not newest:
        return None
    arn = newest[0]["ModelPackageArn"]
    kept = client.describe_model_package(ModelPackageName=arn).get("CustomerMetadataProperties", {})
    missing = [name for name in COMPARED if name not in kept]
    if missing:
        raise ValueError(f"{arn} lacks the metadata {', '.join(missing)}; needed of a champion: {', '.join(COMPARED)}")
    return Champion(arn, {name: decimal_number(kept[name]) for name in COMPARED})
