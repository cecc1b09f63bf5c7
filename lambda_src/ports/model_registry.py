"""The model registry: which models there are, and what was measured of one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from fraud.notation import decimal_number
from fraud.promotion import COMPARED, Metrics
from lambda_src.ports.clients import Client


class Registered(NamedTuple):
    """A model package.

    Attributes:
        name: its version, as `v7`.
        url: of the model's archive.
        approved: whether it is; one that is not yet is being brought behind the endpoint, or never was.
    """

    arn: str
    name: str
    url: str
    approved: bool


EVALUATION = "evaluation"
"""A package's property: the key of its evaluation.json, in the bucket of its archive."""


def registered_metadata(metrics: Metrics, model_version: str, evaluation_key: str) -> dict[str, str]:
    """What a model package carries, for `figures` and reports to read: CustomerMetadataProperties, all of them text.

    Args:
        metrics, model_version: of its evaluation.
        evaluation_key: where that is; the scores of its rows lie beside.
    """
    found = {name: repr(float(figure)) for name in COMPARED if (figure := metrics[name]) is not None}
    return {"model_version": model_version, EVALUATION: evaluation_key, **found}


def registered(client: Client, group: str) -> Iterator[Registered]:
    """The models of a group that are not rejected, the newest first; each is asked for when it is wanted.

    Args:
        client: of sagemaker.
        group: its name.
    """
    pages = client.get_paginator("list_model_packages").paginate(
        ModelPackageGroupName=group, SortBy="CreationTime", SortOrder="Descending"
    )
    for package in (package for page in pages for package in page["ModelPackageSummaryList"]):
        if package["ModelApprovalStatus"] != "Rejected":
            arn = package["ModelPackageArn"]
            found = client.describe_model_package(ModelPackageName=arn)
            [container] = found["InferenceSpecification"]["Containers"]
            approved = package["ModelApprovalStatus"] == "Approved"
            yield Registered(arn, f"v{package['ModelPackageVersion']}", container["ModelDataUrl"], approved)


def served_url(client: Client, configuration: str) -> str:
    """The URL of the model's archive that an endpoint configuration serves.

    Args:
        client: of sagemaker.
        configuration: its name.
    """
    [variant] = client.describe_endpoint_config(EndpointConfigName=configuration)["ProductionVariants"]
    return str(client.describe_model(ModelName=variant["ModelName"])["PrimaryContainer"]["ModelDataUrl"])


def figures(client: Client, arn: str) -> dict[str, float]:
    """The figures that a model was registered with.

    Args:
        client: of sagemaker.
        arn: of its package.

    Raises:
        ValueError: it was registered without those that decide.
    """
    kept = client.describe_model_package(ModelPackageName=arn).get("CustomerMetadataProperties", {})
    missing = [name for name in COMPARED if name not in kept]
    if missing:
        raise ValueError(f"{arn} lacks the metadata {', '.join(missing)}; needed of a champion: {', '.join(COMPARED)}")
    return {name: decimal_number(kept[name]) for name in COMPARED}
