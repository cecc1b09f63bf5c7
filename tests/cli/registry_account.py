"""An account of moto's with a model registry, an endpoint, and the outputs that the commands find them by."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterable
from typing import Any

import boto3

from fraud.model_input import ModelInput
from fraud.vector import CATEGORY_FEATURES, FEATURE_NAMES
from lambda_src.ports.model_registry import registered_metadata

REGION, GROUP, BUCKET, ENDPOINT = "us-east-1", "card-fraud-dev", "models", "endpoint"
ROLE = "arn:aws:iam::123456789012:role/endpoint"
FEW = FEATURE_NAMES[:3]
DAY_MS = 86_400_000
START = 1_767_225_600_000


def manifest(number: int, names: Iterable[str] = FEW) -> dict[str, Any]:
    """What the archive of a version says of it."""
    takes = ModelInput(tuple(names), {name: ("home", "travel") for name in CATEGORY_FEATURES if name in names})
    return {
        "model_version": f"m{number}",
        **takes.manifest(),
        "thresholds": {"review": 0.5, "block": 0.9},
        "data": {
            "rows": 1000 * number,
            "frauds": 10,
            "from_ms": START,
            "to_ms": START + 50 * DAY_MS,
            "fingerprint": "f1",
            "training_set": {
                "fingerprint": "f2", "as_of": "2026-02-01T00:00:00.000Z", "label_delay_days": 7.0,
                "catalogue": {"version": "c1"},
            },
        },
    }  # fmt: skip


def evaluation(number: int, precision: float, beside: tuple[int, float] | None = None) -> dict[str, Any]:
    """What the training machine writes of a version.

    Args:
        precision: its average precision.
        beside: number and average precision of the champion.
    """

    def metrics(value: float) -> dict[str, Any]:
        return {"rows": 900, "frauds": 30, "average_precision": value, "roc_auc": None, "recall_at_fpr_0.001": 0.5}

    def interval(value: float, **more: Any) -> dict[str, Any]:
        return {**more, "value": value, "low": value - 0.01, "high": value + 0.01}

    def told(value: float, recall: float) -> dict[str, Any]:
        segments = [
            interval(value, segment="card", group="new", frauds=9),
            interval(0.0, segment="card", group="known", frauds=21),
        ]
        return {"average_precision": interval(value), "recall_at_fpr_0.001": interval(recall), "segments": segments}

    return {
        "model_version": f"m{number}",
        "metrics": metrics(precision),
        "held_out": {"from_ms": START + 60 * DAY_MS, "to_ms": START + 70 * DAY_MS, "rows": 900, "frauds": 30},
        "champion": beside and {"model_version": f"m{beside[0]}", "metrics": metrics(beside[1])},
        "intervals": told(precision, 0.5),
        "difference": beside and told(precision - beside[1], 0.0),
    }


OUTPUTS = {
    "CardFraud-Dev-Training": {
        "ModelRegistry": GROUP,
        "TrainingStateMachine": "arn:aws:states:::stateMachine:training",
    },
    "CardFraud-Dev-Serving": {"EndpointName": ENDPOINT},
    "CardFraud-Dev-Data": {"ModelsBucket": BUCKET},
}
"""{stack: its outputs}."""


class Account:
    """The account; within moto's mock."""

    def __init__(self) -> None:
        self.s3, self.sagemaker = self.client("s3"), self.client("sagemaker")
        self.s3.create_bucket(Bucket=BUCKET)
        self.sagemaker.create_model_package_group(ModelPackageGroupName=GROUP)
        self.machine = Machine(self)
        self.deploy("first", "s3://models/first/model.tar.gz")

    def client(self, service: str, **options: Any) -> Any:
        """A client of it."""
        if service == "stepfunctions":
            return self.machine
        return boto3.client(service, region_name=REGION, **options)

    def deploy(self, configuration: str, url: str) -> None:
        """What a run of the training machine does with a model: the endpoint serves it."""
        container = {"Image": "image", "ModelDataUrl": url}
        self.sagemaker.create_model(ModelName=configuration, ExecutionRoleArn=ROLE, PrimaryContainer=container)
        variant = {
            "VariantName": "v",
            "ModelName": configuration,
            "InstanceType": "ml.m5.large",
            "InitialInstanceCount": 1,
        }
        self.sagemaker.create_endpoint_config(EndpointConfigName=configuration, ProductionVariants=[variant])
        if configuration == "first":
            self.sagemaker.create_endpoint(EndpointName=ENDPOINT, EndpointConfigName=configuration)
        else:
            self.sagemaker.delete_endpoint(EndpointName=ENDPOINT)
            self.sagemaker.create_endpoint(EndpointName=ENDPOINT, EndpointConfigName=configuration)

    def register(
        self,
        status: str = "Approved",
        names: Iterable[str] = FEW,
        told: dict[str, Any] | None = None,
        *,
        number: int,
    ) -> str:
        """A version with its archive and its evaluation; the URL of its archive."""
        key, place = f"models/{number}/model.tar.gz", f"evaluations/{number}/evaluation.json"
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=archive(manifest(number, names)))
        metadata: dict[str, Any] = {}
        if told is not None:
            self.s3.put_object(Bucket=BUCKET, Key=place, Body=json.dumps(told).encode())
            metadata = {
                "CustomerMetadataProperties": registered_metadata(told["metrics"], told["model_version"], place)
            }
        url = f"s3://{BUCKET}/{key}"
        self.sagemaker.create_model_package(
            ModelPackageGroupName=GROUP,
            ModelApprovalStatus=status,
            InferenceSpecification={
                "Containers": [{"Image": "image", "ModelDataUrl": url}],
                "SupportedContentTypes": ["application/x-npy"],
                "SupportedResponseMIMETypes": ["application/json"],
            },
            **metadata,
        )
        return url

    def reject(self, number: int, says: str) -> None:
        """Rejects a version."""
        arn = f"arn:aws:sagemaker:{REGION}:123456789012:model-package/{GROUP}/{number}"
        self.sagemaker.update_model_package(
            ModelPackageArn=arn, ModelApprovalStatus="Rejected", ApprovalDescription=says
        )

    def says(self, number: int) -> str:
        """What is written beside the approval of a version."""
        arn = f"arn:aws:sagemaker:{REGION}:123456789012:model-package/{GROUP}/{number}"
        return str(self.sagemaker.describe_model_package(ModelPackageName=arn).get("ApprovalDescription") or "")

    def serves(self) -> str:
        """The URL of the archive of the model that serves."""
        name = self.sagemaker.describe_endpoint(EndpointName=ENDPOINT)["EndpointConfigName"]
        return str(self.sagemaker.describe_model(ModelName=name)["PrimaryContainer"]["ModelDataUrl"])

    def statuses(self) -> dict[int, str]:
        """{version: the status of its approval}."""
        found = self.sagemaker.list_model_packages(ModelPackageGroupName=GROUP)["ModelPackageSummaryList"]
        return {one["ModelPackageVersion"]: one["ModelApprovalStatus"] for one in found}


def archive(said: dict[str, Any]) -> bytes:
    """A model's archive with nothing but its manifest."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        content = json.dumps(said).encode()
        entry = tarfile.TarInfo("manifest.json")
        entry.size = len(content)
        tar.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


class Machine:
    """Stands in for Step Functions: a run of the training machine that looks which model is to serve.

    Attributes:
        given: the inputs of the runs.
        ends: how the next one does, in place of bringing the newest approved version: members of DescribeExecution's answer.
        uncomputed: the versions whose features the deployed release does not compute.
    """

    def __init__(self, account: Account) -> None:
        self._account = account
        self.given: list[str] = []
        self.ends: dict[str, Any] | None = None
        self.uncomputed: set[int] = set()
        self._polls = 0

    def start_execution(self, **given: str) -> dict[str, str]:
        """Starts one."""
        assert given["stateMachineArn"] == OUTPUTS["CardFraud-Dev-Training"]["TrainingStateMachine"]
        self.given.append(given["input"])
        self._polls = 0
        return {"executionArn": f"run-{len(self.given)}"}

    def describe_execution(self, **given: str) -> dict[str, Any]:
        """How it is, which it is only the second time that one asks."""
        self._polls += 1
        if self._polls == 1:
            return {"status": "RUNNING"}
        if self.ends is not None:
            return self.ends
        approved = (number for number, status in self._account.statuses().items() if status == "Approved")
        newest = max(number for number in approved if number not in self.uncomputed)
        self._account.deploy(f"{GROUP}-{given['executionArn']}", f"s3://{BUCKET}/models/{newest}/model.tar.gz")
        return {
            "status": "SUCCEEDED",
            "output": json.dumps({"sentence": f"model v{newest} serves: it is the newest approved"}),
        }
