"""The nightly features: once a night, a job adds the closed day to the daily sums and refills the nightly feature group."""

from __future__ import annotations

from collections.abc import Mapping

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from constructs import Construct

from fraud.features.catalogue import CATALOGUE
from fraud.features.groups import NIGHTLY_GROUP, TRAINING_GROUP
from stacks.constructs.feature_groups import group_arn
from stacks.constructs.jobs import MOUNT, SPARK_PYTHON, JobCode, ProcessingJob, allow_prefix, job_role
from stacks.constructs.permissions import allow
from stacks.constructs.state_machine import StateMachine, keep
from stacks.constructs.steps import Step
from stacks.constructs.storage import Store
from stacks.images import image
from stacks.names import run_prefix
from stacks.settings import Settings

DAILY = "daily/"
TRAINING = "training/"
_DAY_MS = 86_400_000


class Nightly(Construct):
    """The state machine and what it may do.

    Args:
        transactions: the archive's prefix of transactions.
        said: {option of the job: prefix} of what else is archived that declared risks are computed of.
    """

    def __init__(
        self,
        scope: Construct,
        name: str,
        settings: Settings,
        *,
        key: kms.IKey,
        archive: Store,
        transactions: str,
        said: Mapping[str, str],
        curated: Store,
    ) -> None:
        super().__init__(scope, name)
        code = JobCode.of(self, "nightly")
        address = image("spark", settings.region)
        worker = job_role(
            self,
            "JobRole",
            "The nightly job: sums in, features out",
            code=code,
            key_arn=key.key_arn,
            image_name=address,
        )
        allow_prefix(worker, archive, transactions, read=True)
        allow_prefix(worker, curated, DAILY, read=True, write=True)
        allow_prefix(worker, curated, TRAINING, write=True)
        groups = [group_arn(self, group.name) for group in (NIGHTLY_GROUP, TRAINING_GROUP)]
        allow(worker, ["sagemaker:BatchWriteRecord", "sagemaker:PutRecord"], groups)
        inputs = {
            "transactions": (archive, transactions, "closed"),
            "before": (archive, transactions, "before"),
            "daily": (curated, DAILY, None),
        }
        # a label is about a transaction of weeks ago: of these the job itself reads the days that it needs, for a mount is of a
        # prefix whole; where no risk is declared, no night reads more than its day
        read = {"archive": transactions, **said} if CATALOGUE.risks else {}
        for prefix in read.values():
            allow_prefix(worker, archive, prefix, read=True)
        job = ProcessingJob(
            name=run_prefix(settings, "nightly"),
            image=address,
            python=SPARK_PYTHON,
            module="sagemaker_src.processing.nightly",
            arguments=[
                *("--engine", settings.nightly_engine, "--cut", "{% $cut %}"),
                *(part for given in inputs for part in (f"--{given}", f"{MOUNT}/input/{given}")),
                *(part for given, prefix in read.items() for part in (f"--{given}", archive.uri(prefix))),
                *("--daily-out", f"{MOUNT}/output/daily", "--training-out", f"{MOUNT}/output/training"),
                *("--nightly-group", NIGHTLY_GROUP.name, "--training-group", TRAINING_GROUP.name),
            ],
            inputs={name: _uri(*place) for name, place in inputs.items()},
            outputs={"daily": curated.uri(DAILY), "training": _uri(curated, TRAINING, "closed")},
            instance_type=settings.nightly_instance_type,
            environment={"AWS_DEFAULT_REGION": cdk.Stack.of(self).region},
            spark=settings.nightly_engine == "spark",
            libraries="jobs",
            # it fills the feature store by calls of AWS
            isolated=False,
        )
        self.machine = StateMachine(
            self,
            "Machine",
            settings,
            says="nightly features",
            key=key,
            steps={
                "Cut": Step(assigns={"cut": _CUT}),
                "Days": Step(reads=("cut",), assigns={"closed": _before_cut(1), "before": _before_cut(2)}),
                **{f"Keep {given}": keep(*place) for given, place in inputs.items()},
                "Compute": job.task(code, worker, key.key_arn, reads=("before", "closed", "cut")),
            },
        )
        self.machine.may_run_jobs("processing", [job.name], [worker])
        allow(
            self.machine.role,
            ["s3:PutObject"],
            [archive.objects(transactions), curated.objects(DAILY)],
            because="The day is in the key.",
        )
        self.machine.every("EachNight", settings.nightly_at, key, {"cut": "<aws.scheduler.scheduled-time>"})


_CUT = "{% $substring($exists($states.input.cut) ? $states.input.cut : $now(), 0, 10) %}"
"""The cut, as 2026-01-31: given, or today's."""


def _before_cut(days: int) -> str:
    return f"{{% $substring($fromMillis($toMillis($cut & 'T00:00:00Z') - {days * _DAY_MS}), 0, 10) %}}"


def _uri(store: Store, prefix: str, day: str | None) -> str:
    return f"{{% 's3://{store.name}/{prefix}day=' & ${day} & '/' %}}" if day else store.uri(prefix)
