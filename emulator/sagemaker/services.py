"""SageMaker's services as this host has them, with what each operation needs the caller to be allowed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from emulator.account import arn
from emulator.protocol.service import Permission, Service
from emulator.protocol.wire import Wire
from emulator.sagemaker.containers import repository_arn
from emulator.sagemaker.endpoints import Endpoints
from emulator.sagemaker.feature_store import FeatureStore
from emulator.sagemaker.jobs import Jobs
from emulator.sagemaker.mlflow_wire import MlflowWire, needs
from emulator.sagemaker.records import named
from emulator.sagemaker.registry import Registry
from emulator.sagemaker.tracking_servers import KIND as TRACKING_SERVER
from emulator.sagemaker.tracking_servers import TrackingServers
from emulator.sagemaker.transforms import Transforms
from emulator.sagemaker.tuning import TuningJobs

_KINDS = {
    "Model": "model",
    "EndpointConfig": "endpoint-config",
    "Endpoint": "endpoint",
    "FeatureGroup": "feature-group",
    "ModelPackageGroup": "model-package-group",
    "ModelPackage": "model-package",
    "TrainingJob": "training-job",
    "ProcessingJob": "processing-job",
    "TransformJob": "transform-job",
    "HyperParameterTuningJob": "hyper-parameter-tuning-job",
}
_VERBS = ("Create", "Describe", "Delete", "Stop")

Needs = Callable[[dict[str, Any]], Iterable[Permission]]


def _on(action: str, kind: str, member: str) -> Needs:
    return lambda given: [(action, named(kind, given[member]))]


def _anywhere(action: str) -> Needs:
    return lambda _: [(action, "*")]


def _on_both(action: str) -> Needs:
    """An endpoint's creation and its update are judged on its configuration, too."""
    members = {"endpoint": "EndpointName", "endpoint-config": "EndpointConfigName"}
    return lambda given: [(action, named(kind, given[member])) for kind, member in members.items()]


def _updating(given: dict[str, Any]) -> Iterable[Permission]:
    """Page *deployment-guardrails-configuration*: whoever names alarms for a rollback may look at them."""
    yield from _on_both("sagemaker:UpdateEndpoint")(given)
    rollback = (given.get("DeploymentConfig") or {}).get("AutoRollbackConfiguration") or {}
    for alarm in rollback.get("Alarms", []):
        yield "cloudwatch:DescribeAlarms", arn("cloudwatch", f"alarm:{alarm['AlarmName']}")


def _on_groups(entries: str, *actions: str) -> Needs:
    return lambda given: sorted(
        {(action, named("feature-group", one["FeatureGroupName"])) for action in actions for one in given[entries]}
    )


def _with_tags(needs: Needs) -> Needs:
    """Creating something with tags is tagging, too."""

    def both(given: dict[str, Any]) -> Iterable[Permission]:
        permissions = list(needs(given))
        tagging = [("sagemaker:AddTags", permissions[0][1])] if given.get("Tags") else []
        return [*permissions, *tagging]

    return both


def _registering(given: dict[str, Any]) -> Iterable[Permission]:
    """Whoever registers a model may look at its images: page *security-iam-awsmanpol-model-registry*."""
    yield "sagemaker:CreateModelPackage", named("model-package-group", given["ModelPackageGroupName"])
    for container in given.get("InferenceSpecification", {}).get("Containers", []):
        if repository := repository_arn(container.get("Image", "")):
            yield from ((action, repository) for action in ("ecr:BatchGetImage", "ecr:DescribeImages"))


def _listing_packages(given: dict[str, Any]) -> Iterable[Permission]:
    group = given.get("ModelPackageGroupName")
    yield "sagemaker:ListModelPackages", named("model-package-group", group) if group else "*"


CONTROL: dict[str, Needs] = {
    f"{verb}{kind}": _with_tags(_on(f"sagemaker:{verb}{kind}", name, f"{kind}Name"))
    for kind, name in _KINDS.items()
    for verb in _VERBS
} | {
    "CreateEndpoint": _with_tags(_on_both("sagemaker:CreateEndpoint")),
    "UpdateEndpoint": _updating,
    "UpdateFeatureGroup": _on("sagemaker:UpdateFeatureGroup", "feature-group", "FeatureGroupName"),
    "CreateModelPackage": _with_tags(_registering),
    "UpdateModelPackage": _on("sagemaker:UpdateModelPackage", "model-package", "ModelPackageArn"),
    **{f"List{kind}s": _anywhere(f"sagemaker:List{kind}s") for kind in _KINDS},
    "ListModelPackages": _listing_packages,
    "ListTrainingJobsForHyperParameterTuningJob": _on(
        "sagemaker:ListTrainingJobsForHyperParameterTuningJob",
        "hyper-parameter-tuning-job",
        "HyperParameterTuningJobName",
    ),
    **{
        f"{verb}MlflowTrackingServer": _with_tags(
            _on(f"sagemaker:{verb}MlflowTrackingServer", TRACKING_SERVER, "TrackingServerName")
        )
        for verb in ("Create", "Describe", "Delete")
    },
    "ListMlflowTrackingServers": _anywhere("sagemaker:ListMlflowTrackingServers"),
}

RECORDS: dict[str, Needs] = {
    "PutRecord": _on("sagemaker:PutRecord", "feature-group", "FeatureGroupName"),
    "GetRecord": _on("sagemaker:GetRecord", "feature-group", "FeatureGroupName"),
    "BatchGetRecord": _on_groups("Identifiers", "sagemaker:BatchGetRecord"),
    "BatchWriteRecord": _on_groups("Entries", "sagemaker:BatchWriteRecord", "sagemaker:PutRecord"),
}

INVOCATION: dict[str, Needs] = {"InvokeEndpoint": _on("sagemaker:InvokeEndpoint", "endpoint", "EndpointName")}


def services(
    jobs: Jobs,
    tuning: TuningJobs,
    transforms: Transforms,
    endpoints: Endpoints,
    registry: Registry,
    store: FeatureStore,
) -> list[Service]:
    """The control plane, the record service, the invocation service, and tracking servers' own."""
    tracking = TrackingServers()
    return [
        Service(Wire("sagemaker"), (jobs, tuning, transforms, endpoints, registry, store, tracking), CONTROL),
        Service(Wire("sagemaker-featurestore-runtime"), (store,), RECORDS),
        Service(Wire("sagemaker-runtime"), (endpoints,), INVOCATION),
        Service(MlflowWire(), (tracking,), needs()),
    ]
