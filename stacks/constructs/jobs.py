"""SageMaker jobs as steps of a state machine: the container, the module it runs, and what is mounted where.

A step waits until its job has ended (`.sync`). The mounts are SageMaker's: a processing job's below /opt/ml/processing, a
training job's below /opt/ml/input/data and /opt/ml/model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3_assets as s3_assets
from constructs import Construct

from stacks.assets import JOBS_PLATFORM, job_runner, jobs_code, libraries, wheels
from stacks.constructs.permissions import allow, allow_key, role
from stacks.constructs.state_machine import RETRIES
from stacks.constructs.steps import Task
from stacks.constructs.storage import Store
from stacks.settings import SettingsError

SPARK_PYTHON = "/usr/local/bin/python3"
"""Of the Spark image: what is first on its path is the system's, an older one."""
MOUNT = "/opt/ml/processing"
CHANNELS = "/opt/ml/input/data"
NAMES_ALONE = "card-fraud:names-of-wheels"
"""In CDK's context, where `names_in_place_of_wheels` alone puts it."""
JOB_S = 4 * 3600
"""How long a job may run: SageMaker ends it then, whatever waits for it."""
JOB_SLACK_S = 1800
"""What its step waits for beyond that: a machine is found, image and data are brought, results are taken. A step that stopped
waiting before its job is ended would leave it behind: of time-outs the service does not say that it stops what was waited for
(page *connect-to-resource*)."""
AS_WHEELS = ("synthesis",)
"""Lists of libraries that are too large to be shipped unpacked."""


@dataclass(frozen=True)
class JobCode:
    """The assets that a job's code comes in."""

    code: s3_assets.Asset
    runner: s3_assets.Asset
    libraries: Mapping[str, s3_assets.Asset]

    @classmethod
    def of(cls, scope: Construct, machine: str, requirements: Sequence[str] = ("jobs",)) -> JobCode:
        """The assets of a state machine's jobs, uploaded with the stack.

        Args:
            requirements: the lists in `requirements/` of which jobs bring libraries.
        """
        return cls(
            code=s3_assets.Asset(scope, "JobsCode", path=str(jobs_code(machine))),
            runner=s3_assets.Asset(scope, "JobRunner", path=str(job_runner())),
            libraries={name: _libraries(scope, name) for name in requirements},
        )


@dataclass(frozen=True, kw_only=True)
class ProcessingJob:
    """A processing job.

    Attributes:
        name: begins the names of its runs.
        image: the container.
        python: its Python, of the version that its libraries are for.
        module: what it runs, as `sagemaker_src.processing.nightly`.
        arguments: the module's; a JSONata expression in `{% %}` is filled in when the state machine runs.
        inputs, outputs: {name: S3 URI}; mounted at `/opt/ml/processing/input/NAME` and `/opt/ml/processing/output/NAME`.
        environment: the container's variables.
        spark: whether Spark's launcher starts it.
        libraries: the list in `requirements/` whose libraries it brings; none: those of its container alone.
        isolated: whether its container reaches nothing and no one, and has no credentials: SageMaker itself brings its inputs and
            takes its outputs. Not for one that calls AWS.
    """

    name: str
    image: str
    python: str = "python3"
    module: str
    arguments: Sequence[str]
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]
    instance_type: str
    instances: int = 1
    volume_gb: int = 30
    time_limit_s: int = JOB_S
    environment: Mapping[str, str] = field(default_factory=dict)
    spark: bool = False
    libraries: str | None = None
    isolated: bool = True

    def task(self, code: JobCode, job_role: iam.Role, key_arn: str, *, reads: Sequence[str]) -> Task:
        """The step that runs the job and waits for it.

        Args:
            reads: the variables that arguments, inputs and outputs read.
        """
        archives = {"code": code.code} | ({"libraries": code.libraries[self.libraries]} if self.libraries else {})
        paths = {name: f"{MOUNT}/input/{name}/{asset.s3_object_key}" for name, asset in archives.items()}
        inputs = {name: asset.s3_object_url for name, asset in archives.items()}
        launcher = [self.python, paths["code"]]
        if self.spark:
            inputs["script"] = code.runner.s3_object_url
            launcher = ["smspark-submit", f"{MOUNT}/input/script/{code.runner.s3_object_key}"]
        return Task(
            resource="sagemaker:createProcessingJob.sync",
            reads=reads,
            retry=RETRIES,
            timeout_s=self.time_limit_s + JOB_SLACK_S,
            arguments={
                "ProcessingJobName": run_name(self.name),
                "RoleArn": job_role.role_arn,
                "AppSpecification": {
                    "ImageUri": self.image,
                    "ContainerEntrypoint": [*launcher, self.module],
                    "ContainerArguments": list(self.arguments),
                },
                "Environment": {"JOB_ARCHIVES": ":".join(paths.values()), **self.environment},
                "ProcessingInputs": [_input(name, uri) for name, uri in {**inputs, **self.inputs}.items()],
                "ProcessingOutputConfig": {
                    "KmsKeyId": key_arn,
                    "Outputs": [_output(name, uri) for name, uri in self.outputs.items()],
                },
                "ProcessingResources": {
                    "ClusterConfig": {
                        "InstanceCount": self.instances,
                        "InstanceType": self.instance_type,
                        "VolumeSizeInGB": self.volume_gb,
                        "VolumeKmsKeyId": key_arn,
                    }
                },
                "NetworkConfig": {
                    "EnableInterContainerTrafficEncryption": self.instances > 1,
                    "EnableNetworkIsolation": self.isolated,
                },
                "StoppingCondition": {"MaxRuntimeInSeconds": self.time_limit_s},
            },
        )


def _libraries(scope: Construct, name: str) -> s3_assets.Asset:
    called = f"{name.removesuffix('s').capitalize()}Libraries"
    if name in AS_WHEELS:
        return wheels_asset(scope, called, f"{name}.txt")
    return s3_assets.Asset(scope, called, path=str(libraries(f"{name}.txt", JOBS_PLATFORM)))


def names_in_place_of_wheels(app: cdk.App, here: bool) -> None:
    """Whether lists of names stand in place of wheels: to look at templates without fetching any.

    Never to deploy with: the key of the asset is the same, so the wheels would not be uploaded after it. So it is said by a
    program that makes the application, and by no context, which the CDK tool passes on from its options, files and environment.

    Args:
        app: with no stack in it yet.
        here: whether they do.

    Raises:
        SettingsError: the context says it.
    """
    if app.node.try_get_context(NAMES_ALONE) is not None:
        raise SettingsError(
            f"{NAMES_ALONE}: what is made with it cannot run in AWS, and would stay there in place of what can; "
            "allowed: to leave it out"
        )
    if here:
        app.node.set_context(NAMES_ALONE, True)


def wheels_asset(
    scope: Construct, name: str, requirements: str, platform: tuple[str, str] = JOBS_PLATFORM
) -> s3_assets.Asset:
    """The wheels of a lock file as an asset; their names alone, under the same key, where `names_in_place_of_wheels` says so."""
    there = wheels(requirements, platform, names_alone=bool(scope.node.try_get_context(NAMES_ALONE)))
    return s3_assets.Asset(scope, name, path=str(there.path), asset_hash=there.asset_hash)


def run_name(name: str) -> str:
    """A job's name: the step's, and an id that no other run has (JSONata)."""
    return f"{{% '{name}-' & $uuid() %}}"


def channel(name: str, uri: str) -> dict[str, Any]:
    """What a training job finds below /opt/ml/input/data/NAME: everything under an S3 prefix."""
    source = {"S3DataType": "S3Prefix", "S3Uri": uri, "S3DataDistributionType": "FullyReplicated"}
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}}


def _input(name: str, uri: str) -> dict[str, Any]:
    return {
        "InputName": name,
        "S3Input": {
            "S3Uri": uri,
            "LocalPath": f"{MOUNT}/input/{name}",
            "S3DataType": "S3Prefix",
            "S3InputMode": "File",
            "S3DataDistributionType": "FullyReplicated",
        },
    }


def _output(name: str, uri: str) -> dict[str, Any]:
    return {
        "OutputName": name,
        "S3Output": {"S3Uri": uri, "LocalPath": f"{MOUNT}/output/{name}", "S3UploadMode": "EndOfJob"},
    }


def job_role(scope: Construct, name: str, says: str, *, code: JobCode, key_arn: str, image_name: str) -> iam.Role:
    """A role for a job's container: its code, its image, its logs and the key; what it works on is allowed by the caller."""
    stack = cdk.Stack.of(scope)
    made = role(scope, name, "sagemaker.amazonaws.com", says)
    assets = (code.code, code.runner, *code.libraries.values())
    allow(made, ["s3:GetObject"], [asset.bucket.arn_for_objects(asset.s3_object_key) for asset in assets])
    allow(made, ["s3:ListBucket"], [code.code.bucket.bucket_arn])
    allow_image(made, image_name)
    group = stack.format_arn(
        service="logs",
        resource="log-group",
        resource_name="/aws/sagemaker/*",
        arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
    )
    allow(
        made,
        ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"],
        [group],
        because="SageMaker names the log group and a stream for each run.",
    )
    allow(
        made,
        ["cloudwatch:PutMetricData"],
        ["*"],
        because="CloudWatch has no resource for metrics; the condition keeps it to SageMaker's namespaces.",
        conditions={"StringLike": {"cloudwatch:namespace": "/aws/sagemaker/*"}},
    )
    allow_key(made, key_arn, for_volumes=True)
    allow(made, ["kms:Encrypt"], [key_arn])
    return made


def image_arn(image_address: str) -> str:
    """The ARN of a container image's repository, given as ACCOUNT.dkr.ecr.REGION.amazonaws.com/REPOSITORY:TAG."""
    registry, repository = image_address.split(":", maxsplit=1)[0].split("/")
    account, _, _, region = registry.split(".")[:4]
    return f"arn:{cdk.Aws.PARTITION}:ecr:{region}:{account}:repository/{repository}"


def allow_image(grantee: iam.Role, image_address: str) -> None:
    """Lets the role pull a container image."""
    pulling = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    allow(grantee, pulling, [image_arn(image_address)])
    allow(
        grantee,
        ["ecr:GetAuthorizationToken"],
        ["*"],
        because="The login to registries has no resource.",
    )


def allow_prefix(grantee: iam.Role, store: Store, prefix: str, *, read: bool = False, write: bool = False) -> None:
    """Lets a job read or write the objects below a prefix."""
    because = "The job's files below its own prefix are named by the job."
    actions = ["s3:GetObject"] * read + ["s3:PutObject"] * write
    allow(grantee, actions, [store.objects(prefix)], because=because)
    allow(grantee, ["s3:ListBucket"], [store.arn])
