"""What a deleted stack would leave, or could not be deleted for: a function deletes it, where data is not to be kept."""

from __future__ import annotations

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct, IConstruct

from fraud.detector import MODEL_TYPE
from fraud.features.groups import FEATURE_GROUPS
from stacks.base import FraudStack
from stacks.constructs.functions import Functions
from stacks.constructs.permissions import allow
from stacks.names import (
    JOB_LOG_GROUPS,
    JOBS,
    OFFLINE_DATABASE,
    TUNING_JOB,
    endpoint_log_group,
    files_security,
    model_prefix,
    offline_table,
    run_prefix,
    stack_name,
)
from stacks.settings import Settings

TIME_LIMIT_S = 900
LISTING = "Listing has no resource; only what has the environment's name is deleted."
NAMED_LATER = "Names begin with the environment's, and end with the run's."


class CleanUp(Construct):
    """The function, one for all stacks. Where data is kept it stands, too, but may delete nothing.

    It outlives the settings: a stack that had leftovers deleted and now keeps them tells the function so.
    """

    def __init__(self, scope: Construct, name: str, settings: Settings, key: kms.IKey) -> None:
        super().__init__(scope, name)
        self._settings = settings
        self.deployed = Functions(self, "Functions", settings, key).function(
            "clean_up",
            says="deletes what a deleted stack would leave",
            environment={},
            timeout_s=TIME_LIMIT_S,
            memory_mb=512,
        )
        self.arn = self.deployed.function.function_arn
        stacks = self._arn("cloudformation", "stack", f"{stack_name(settings, '*')}/*")
        because = "A stack's name ends with an id."
        allow(self.deployed.role, ["cloudformation:DescribeStacks"], [stacks], because=because)
        if settings.removal == "destroy":
            self._permissions()

    def may_empty(self, buckets: Sequence[s3.IBucket]) -> None:
        """Lets it delete all objects of these buckets."""
        if self._settings.removal == "destroy":
            role, arns = self.deployed.role, [bucket.bucket_arn for bucket in buckets]
            allow(role, ["s3:ListBucketVersions", "s3:PutBucketPolicy"], arns)
            objects = [f"{arn}/*" for arn in arns]
            actions = ["s3:DeleteObject", "s3:DeleteObjectVersion"]
            allow(role, actions, objects, because="All objects go.")

    def _permissions(self) -> None:
        role = self.deployed.role
        models = model_prefix(self._settings)
        made = [self._arn("sagemaker", kind, f"{models}-*") for kind in ("model", "endpoint-config")]
        jobs = [
            self._arn("sagemaker", f"{kind}-job", f"{run_prefix(self._settings, job)}-*")
            for kind in ("processing", "training", "transform")
            for job in JOBS
        ]
        listing = ["ListModels", "ListEndpointConfigs", "ListProcessingJobs", "ListTrainingJobs", "ListTransformJobs"]
        allow(role, [f"sagemaker:{one}" for one in listing], ["*"], because=LISTING)
        deleting = ["sagemaker:DeleteModel", "sagemaker:DeleteEndpointConfig"]
        allow(role, deleting, made, because=NAMED_LATER)
        stopping = ["sagemaker:StopProcessingJob", "sagemaker:StopTrainingJob", "sagemaker:StopTransformJob"]
        allow(role, stopping, jobs, because=NAMED_LATER)
        if self._settings.tuning_jobs:
            named = self._arn("sagemaker", "hyper-parameter-tuning-job", f"{run_prefix(self._settings, TUNING_JOB)}-*")
            allow(role, ["sagemaker:ListHyperParameterTuningJobs"], ["*"], because=LISTING)
            allow(role, ["sagemaker:StopHyperParameterTuningJob"], [named], because=NAMED_LATER)
        registry = [
            self._arn("sagemaker", "model-package-group", models),
            self._arn("sagemaker", "model-package", f"{models}/*"),
        ]
        versions = ["sagemaker:ListModelPackages", "sagemaker:DeleteModelPackage"]
        because = "Versions of a model are numbered as they are made."
        allow(role, versions, registry, because=because)
        groups = [arn for name in JOB_LOG_GROUPS for arn in self._log_group(name)]
        streams = ["logs:DescribeLogStreams", "logs:DeleteLogStream"]
        because = "SageMaker names a stream for each run."
        allow(role, streams, groups, because=because)
        own = self._log_group(endpoint_log_group(self._settings))
        allow(role, ["logs:DeleteLogGroup"], own, because="It goes with its streams.")
        of_files = self._log_group(f"/aws-glue/*-{files_security(self._settings)}*")[:1]
        because = "Glue names the groups after the roles of crawler and job, too."
        allow(role, ["logs:DeleteLogGroup"], of_files, because=because)
        tables = [
            self._arn("glue", "catalog", None),
            self._arn("glue", "database", OFFLINE_DATABASE),
            *(
                self._arn("glue", "table", f"{OFFLINE_DATABASE}/{offline_table(group)}*")
                for group in FEATURE_GROUPS
                if group.offline
            ),
        ]
        because = "The feature store ends the names of its tables with a time."
        allow(role, ["glue:DeleteTable"], tables, because=because)
        # reading tables is judged on each of the database's
        every = [*tables[:2], self._arn("glue", "table", f"{OFFLINE_DATABASE}/*")]
        allow(role, ["glue:GetTables"], every, because="Which tables there are is read before any is deleted.")

        if self._settings.batch_back_end == "fraud-detector":
            self._detector_permissions(role, models)

    def _detector_permissions(self, role: iam.Role, detector: str) -> None:
        """What Fraud Detector made at run time, of one detector and one model."""
        model = f"{MODEL_TYPE}/{detector.replace('-', '_')}"
        numbered = {
            "batch-prediction/*": ("CancelBatchPredictionJob", "DeleteBatchPredictionJob", "GetBatchPredictionJobs"),
            f"detector-version/{detector}/*": ("UpdateDetectorVersionStatus", "DeleteDetectorVersion"),
            f"rule/{detector}/*": ("DeleteRule",),
            f"model-version/{model}/*": ("UpdateModelVersionStatus", "DeleteModelVersion"),
        }
        for resource, actions in numbered.items():
            kind, _, name = resource.partition("/")
            arn = self._arn("frauddetector", kind, name)
            because = "Jobs, rules and versions are named as they are made."
            allow(role, [f"frauddetector:{one}" for one in actions], [arn], because=because)
        allow(role, ["frauddetector:DescribeDetector"], [self._arn("frauddetector", "detector", detector)])
        own = self._arn("frauddetector", "model", model)
        allow(role, ["frauddetector:GetModels", "frauddetector:DeleteModel"], [own])
        listing = ["DescribeModelVersions", "GetRules", "GetBatchPredictionJobs"]
        allow(role, [f"frauddetector:{one}" for one in listing], ["*"], because=LISTING)

    def _arn(self, service: str, kind: str, name: str | None) -> str:
        return cdk.Stack.of(self).format_arn(service=service, resource=kind, resource_name=name)

    def _log_group(self, name: str) -> list[str]:
        """A log group and its streams: some operations are on the one, some on the others."""
        by_colon = cdk.ArnFormat.COLON_RESOURCE_NAME
        return [
            cdk.Stack.of(self).format_arn(
                service="logs", resource="log-group", resource_name=resource, arn_format=by_colon
            )
            for resource in (name, f"{name}:*")
        ]


def leftovers(
    stack: FraudStack,
    function_arn: str,
    *,
    after: Sequence[IConstruct] = (),
    before: Sequence[IConstruct] = (),
    **properties: Sequence[str],
) -> None:
    """Has the function delete these when the stack is deleted, if data is not to be kept.

    Args:
        function_arn: the function's.
        after: what has to be gone by then, for it makes more of them.
        before: what cannot be deleted as long as they are there.
        properties: what is deleted, as `lambda_src.clean_up.handler` has it.
    """
    if stack.settings.removal == "retain":
        return
    resource = cdk.CustomResource(
        stack,
        "Leftovers",
        service_token=function_arn,
        service_timeout=cdk.Duration.seconds(TIME_LIMIT_S + 60),
        resource_type="Custom::Leftovers",
        properties={
            "".join(part.capitalize() for part in name.split("_")): list(of) for name, of in properties.items()
        },
    )
    # deleted in the opposite order of being made
    resource.node.add_dependency(*before)
    for each in after:
        each.node.add_dependency(resource)
