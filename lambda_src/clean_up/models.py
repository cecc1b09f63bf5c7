"""What training runs leave: registered versions, models, endpoint configurations."""

from __future__ import annotations

from lambda_src.clean_up.unfinished import unfinished
from lambda_src.ports.clients import client
from lambda_src.telemetry import logger
from lambda_src.time_left import TimeLeft


def delete_versions(registry: str, time_left: TimeLeft) -> None:
    """Deletes all versions of a model package group, without which it cannot be deleted."""
    sagemaker = client("sagemaker", timeout_s=10)
    pages = sagemaker.get_paginator("list_model_packages").paginate(ModelPackageGroupName=registry)
    versions = [each["ModelPackageArn"] for page in pages for each in page["ModelPackageSummaryList"]]
    for version in versions:
        time_left.check(unfinished(registry))
        sagemaker.delete_model_package(ModelPackageName=version)
    logger.info("deleted versions", extra={"registry": registry, "versions": len(versions)})


def delete_models(prefix: str, time_left: TimeLeft) -> None:
    """Deletes the models and endpoint configurations whose names begin with a prefix."""
    sagemaker = client("sagemaker", timeout_s=10)
    kinds = (
        ("list_endpoint_configs", "EndpointConfigs", "EndpointConfigName", sagemaker.delete_endpoint_config),
        ("list_models", "Models", "ModelName", sagemaker.delete_model),
    )
    for operation, listed, member, delete in kinds:
        pages = sagemaker.get_paginator(operation).paginate(NameContains=prefix)
        names = [each[member] for page in pages for each in page[listed] if each[member].startswith(prefix)]
        for name in names:
            time_left.check(unfinished(name))
            delete(**{member: name})
        logger.info("deleted", extra={"kind": listed, "names": names})
