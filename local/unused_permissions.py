"""Why a run here does not use what a role is allowed. Whatever is allowed, not used and not in this table may be removed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import NamedTuple


class Unused(NamedTuple):
    """A reason.

    Attributes:
        why: what it is that does not happen here.
        actions, resources, roles: patterns of what it holds for. A role goes by its logical id without the digits at its end.
    """

    why: str
    actions: tuple[str, ...]
    resources: str = "*"
    roles: tuple[str, ...] = ("*",)

    def fits(self, role: str, action: str, resource: str) -> bool:
        """Whether it holds for an action on a resource."""
        return _any_fits(self.roles, role) and _any_fits(self.actions, action) and fnmatchcase(resource, self.resources)


_CLEAN_UP = "CleanUpFunctionsCleanUpRole"
_STREAM_JOB = "StreamJob*Role"
_CUSTOM_RESOURCES = (
    "FilesFunctionsPlaceFileRole",
    "ModelFirstFunctionsFirstModelRole",
    *(f"Functions{name}Role" for name in ("CatchUp", "CreateTopics", "ExtendFeatures", "StartStream")),
)
_MACHINES = ("NightlyMachineRole", "ModelsMachineRole")
_SCHEDULES = ("NightlyMachineEachNightRole", "ModelsMachineOnScheduleRole")
_KEY = "the service uses the key on behalf of the role, which no run here needs"
_SCHEDULED = "the schedule itself fires in the cloud; here its target is started by hand"
_STORE = "the store writes its offline copy itself; the one here keeps none"

UNUSED = (
    Unused(
        "this run makes no synthetic frauds: tests/local/test_synthesis_machine.py runs their machine",
        ("*",),
        roles=("Synthetic*",),
    ),
    Unused(
        "no day is compared for drift in this run: tests/local/test_batch.py compares one", ("*",), roles=("Drift*",)
    ),
    Unused(
        "no candidate is refused in this run: tests/local/test_refusal.py has one told of",
        ("*",),
        roles=("RefusedRole",),
    ),
    Unused(
        "this run drops no files: tests/local/test_batch.py does",
        ("*",),
        roles=(
            *("FilesCrawlerRole", "FilesTransformRole", "Scoring*"),
            *(f"Functions{name}Role" for name in ("StartCrawl", "StartTransform", "TrainModel", "PredictBatch")),
        ),
    ),
    Unused(
        "this run drops no files: tests/local/test_batch.py does",
        ("s3:GetObject", "s3:PutObject"),
        resources="*/_working/*",
        roles=("ModelRole",),
    ),
    Unused(
        "this run drops no files: tests/local/test_batch.py does",
        ("s3:GetObject",),
        resources="*/glue_transformed/train/*",
        roles=("ModelsJobsRole",),
    ),
    Unused(
        "nobody asks the scoring API in this run: tests/local/test_api.py does",
        ("*",),
        roles=("FunctionsApiRole",),
    ),
    Unused("no access log is written here", ("logs:*",), roles=("GatewayLogsRole",)),
    Unused(
        "nobody labels anything in this run: tests/local/test_labels.py does",
        ("*",),
        roles=("FunctionsRecordLabelsRole",),
    ),
    Unused(
        "this run learns from a file: tests/local/test_labels.py learns from the archive",
        ("s3:GetObject", "s3:ListBucket"),
        resources="*rchive*",
        roles=("ModelsJobsRole",),
    ),
    Unused(
        "this run learns from a file: tests/local/test_labels.py learns from the archive",
        ("s3:PutObject",),
        resources="*rchive*/_keep",
        roles=("ModelsMachineRole",),
    ),
    Unused(
        "this run learns from a file: tests/local/test_labels.py learns from the archive",
        ("s3:PutObject",),
        resources="*/training-sets/none/_keep",
        roles=("ModelsMachineRole",),
    ),
    Unused(
        "no second training run waits for its turn in this run: tests/local/test_turn.py runs two",
        ("dynamodb:GetItem", "states:DescribeExecution"),
        roles=("ModelsMachineRole",),
    ),
    Unused(
        "only deleting a stack calls it",
        (
            *("cloudformation:DescribeStacks", "glue:GetTables", "glue:DeleteTable", "sagemaker:*", "s3:*"),
            *("logs:DescribeLogStreams", "logs:DeleteLogStream", "logs:DeleteLogGroup"),
        ),
        roles=(_CLEAN_UP,),
    ),
    Unused(
        "only deleting the stack stops it", ("kinesisanalytics:StopApplication",), roles=("FunctionsStartStreamRole",)
    ),
    Unused(
        "the service writes the logs itself; processes here write theirs to files",
        ("logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"),
        roles=(
            "CleanUpFunctions*",
            "FilesFunctions*",
            "Functions*",
            "ModelFirstFunctions*",
            "ModelsFunctions*",
            "*Job*Role",
            "*TrainingRole",
            "ModelRole",
            "*FlowLogsRole",
        ),
    ),
    Unused(
        "the service writes the logs itself; processes here write theirs to files",
        (
            *("logs:CreateLogDelivery", "logs:GetLogDelivery", "logs:UpdateLogDelivery", "logs:DeleteLogDelivery"),
            *(
                "logs:ListLogDeliveries",
                "logs:PutResourcePolicy",
                "logs:DescribeResourcePolicies",
                "logs:DescribeLogGroups",
            ),
        ),
        roles=_MACHINES,
    ),
    Unused(
        "the emulated AWS takes no traces",
        ("xray:PutTraceSegments", "xray:PutTelemetryRecords", "xray:GetSamplingRules", "xray:GetSamplingTargets"),
    ),
    Unused("the service puts the machine's metrics itself", ("cloudwatch:PutMetricData",)),
    Unused(
        "the service makes the network interfaces itself; processes here have none",
        (
            *("ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface", "ec2:CreateNetworkInterfacePermission"),
            *("ec2:DescribeNetworkInterfaces", "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs"),
            "ec2:DescribeDhcpOptions",
        ),
    ),
    Unused(_KEY, ("kms:CreateGrant", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKeyWithoutPlaintext")),
    Unused(
        _KEY,
        ("kms:Decrypt",),
        roles=(*(_CLEAN_UP, *_CUSTOM_RESOURCES, "OfflineStoreRole", _STREAM_JOB, *_MACHINES, *_SCHEDULES),),
    ),
    Unused(
        _KEY,
        ("kms:GenerateDataKey",),
        roles=(
            *(_CLEAN_UP, *_CUSTOM_RESOURCES, "FunctionsDecideRole", "FunctionsWatchRole"),
            *("ModelsFunctionsGateRole", "ModelsFunctionsChampionRole", "OfflineStoreRole", _STREAM_JOB, *_SCHEDULES),
        ),
    ),
    Unused(_STORE, ("s3:*", "glue:GetTable", "glue:UpdateTable"), roles=("OfflineStoreRole",)),
    Unused("the service looks for models itself", ("s3:ListBucket",), roles=("ModelRole",)),
    Unused(
        "only a run that is stopped by hand stops its job",
        ("sagemaker:StopProcessingJob", "sagemaker:StopTrainingJob"),
        roles=_MACHINES,
    ),
    Unused(
        "the service tags the jobs it waits for",
        ("sagemaker:AddTags", "sagemaker:ListTags"),
        resources="*-job/*",
        roles=_MACHINES,
    ),
    Unused(_SCHEDULED, ("states:StartExecution", "sqs:SendMessage"), roles=_SCHEDULES),
    Unused(
        "nobody counts labels in this run: tests/local/test_labels.py does",
        ("*",),
        roles=("Count*",),
    ),
    Unused(
        "no labels are counted in this run, and no drift is found: tests/local/test_labels.py tells of labels",
        ("states:StartExecution",),
        roles=("ModelsMachineOnDriftOrLabelsRole",),
    ),
    Unused(
        "no labels are counted in this run, and no drift is found: tests/local/test_labels.py tells of labels",
        ("dynamodb:UpdateItem",),
        roles=("ModelsMachineRole",),
    ),
    Unused("only a request by hand starts it", ("states:StartExecution",), roles=("ModelsMachineOnRequestRole",)),
    Unused(
        "the emulated CloudFormation tells of no stack's status",
        ("states:StartExecution",),
        roles=("ModelsMachineOnStackUpdatedRole",),
    ),
    Unused("the broker here asks for no permission", ("kafka-cluster:DescribeCluster",)),
    Unused(
        "the poller here asks for no configuration of the cluster",
        ("kafka-cluster:DescribeClusterDynamicConfiguration",),
    ),
    Unused(
        "the broker here asks for no permission",
        ("kafka-cluster:DescribeTopic", "kafka-cluster:DescribeGroup"),
        roles=("FunctionsCatchUpRole",),
    ),
    Unused(
        "only an update of the stack to another stream job deletes the topic of the one before",
        ("kafka-cluster:DeleteTopic",),
        roles=("FunctionsCreateTopicsRole",),
    ),
    Unused(
        "only an update of the stack changes topics that stand",
        (
            *("kafka-cluster:AlterTopic", "kafka-cluster:AlterTopicDynamicConfiguration"),
            "kafka-cluster:DescribeTopicDynamicConfiguration",
        ),
        roles=("FunctionsCreateTopicsRole",),
    ),
    Unused(
        "only invalid messages are put there",
        ("s3:PutObject",),
        resources="*/quarantine/*",
        roles=("FunctionsAcceptRole", "FunctionsArchiveRole", "FunctionsDecideRole"),
    ),
    Unused(
        "only two payments under one id are put there",
        ("s3:PutObject",),
        resources="*/quarantine/*",
        roles=("FunctionsWatchRole",),
    ),
    Unused("only batches that fail for good are put there", ("s3:PutObject",), resources="*/aws/lambda/*"),
    Unused("only batches that fail for good are sent there", ("sqs:SendMessage",), roles=("FunctionsArchiveRole",)),
    Unused(
        "only a transaction without features in time is decided by the watch",
        ("dynamodb:PutItem", "events:PutEvents"),
        roles=("FunctionsWatchRole",),
    ),
    Unused(
        "only a transaction that comes again has a decision to be read",
        ("dynamodb:BatchGetItem",),
        roles=("FunctionsDecideRole",),
    ),
    Unused("the code has no versions here", ("s3:GetObjectVersion",), roles=(_STREAM_JOB,)),
    Unused(
        "only a run after the first has a champion to be read",
        ("sagemaker:DescribeModelPackage",),
        roles=("ModelsFunctionsGateRole", "ModelsFunctionsChampionRole"),
    ),
    Unused(
        "only a run after the first has a champion to be read",
        ("s3:GetObject", "kms:Decrypt", "sagemaker:DescribeModel", "sagemaker:DescribeEndpointConfig"),
        roles=("ModelsFunctionsChampionRole",),
    ),
    Unused(
        "the emulated registry does not look at the model",
        ("s3:GetObject",),
        resources="*/models/*",
        roles=("ModelsMachineRole",),
    ),
    Unused(
        "only a run that brings a model names the alarms that may take it back",
        ("cloudwatch:DescribeAlarms",),
        roles=("ModelsMachineRole",),
    ),
)
"""All reasons; the first that fits says why."""


def why_unused(role: str, action: str, resources: Iterable[str]) -> str | None:
    """Why nothing here uses the action on any of the resources; None if one of them is in no row of the table.

    Args:
        role: its logical id.

    >>> why_unused("FunctionsDecideRole1A2B3C4D", "dynamodb:BatchGetItem", ["arn:aws:dynamodb:::table/decisions"])
    'only a transaction that comes again has a decision to be read'
    >>> why_unused("FunctionsDecideRole1A2B3C4D", "s3:PutObject", ["arn:aws:s3:::archive/quarantine/*", "arn:aws:s3:::archive/*"])
    """
    name = re.sub(r"[0-9A-F]{8}$", "", role)
    found = [next((row.why for row in UNUSED if row.fits(name, action, resource)), None) for resource in resources]
    known = list(dict.fromkeys(why for why in found if why))
    return "; ".join(known) if None not in found else None


def _any_fits(patterns: Iterable[str], text: str) -> bool:
    return any(fnmatchcase(text, pattern) for pattern in patterns)
