"""Synthetic fraud: extract the frauds, fit a generator, sample, evaluate, and publish what keeps every limit."""

from __future__ import annotations

from typing import Any

from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from stacks.constructs.jobs import (
    CHANNELS,
    JOB_S,
    JOB_SLACK_S,
    MOUNT,
    SPARK_PYTHON,
    JobCode,
    ProcessingJob,
    allow_prefix,
    channel,
    job_role,
    run_name,
)
from stacks.constructs.permissions import allow
from stacks.constructs.state_machine import RETRIES, RUN, StateMachine, run_uri
from stacks.constructs.steps import Choice, Step, Succeed, Task
from stacks.constructs.storage import Store
from stacks.constructs.training import LABELLED, NEWEST
from stacks.images import image
from stacks.names import run_prefix
from stacks.settings import Settings

TABLES = "synthesis-tables/"
CANDIDATES = "synthetic-candidates/"
PUBLISHED = "synthetic/"
GENERATORS = "generators/"
FILES = ("rows.parquet", "sampled.parquet", "quality.json", "report.html", "manifest.json")
"""Of a candidate. The manifest is published last: a folder with one is whole."""
OF_TRAINING = ("rows.parquet", "manifest.json")
DETAIL_TYPES = {True: "Synthetic fraud published", False: "Synthetic fraud refused"}


class Synthesis(Construct):
    """The state machine and what it may do.

    Args:
        curated: labelled transactions, and what is made of them.
        models: takes the generators.
        bus: the name of the bus that is told how a run ended, and its ARN.
    """

    def __init__(
        self,
        scope: Construct,
        name: str,
        settings: Settings,
        *,
        key: kms.IKey,
        curated: Store,
        models: Store,
        bus: tuple[str, str],
    ) -> None:
        super().__init__(scope, name)
        self._settings, self._key, self._curated, self._models, self._bus = settings, key, curated, models, bus
        self._code = JobCode.of(self, "synthesis", ("jobs", "synthesis"))
        # the one image whose Python is known: the libraries are built for it
        self._image = image("spark", settings.region)
        worker = self._role("JobsRole", "Table, rows and evaluation of synthetic fraud")
        fitter = self._role("FitRole", "The job that fits a generator")
        self.machine = StateMachine(
            self,
            "Machine",
            settings,
            says="synthetic fraud: extract, fit, sample, evaluate, gate",
            key=key,
            steps={**self._making(worker, fitter), **self._gate(), **self._publishing()},
        )
        self._permissions(worker, fitter)

    def _role(self, name: str, says: str) -> iam.Role:
        return job_role(self, name, says, code=self._code, key_arn=self._key.key_arn, image_name=self._image)

    def _making(self, worker: iam.Role, fitter: iam.Role) -> dict[str, Step]:
        table, candidate = run_uri(self._curated, TABLES), run_uri(self._curated, CANDIDATES)
        extract = self._job(
            "extract",
            libraries="jobs",
            arguments=["--transactions", f"{MOUNT}/input/transactions", "--out", f"{MOUNT}/output/table/table.parquet"],
            inputs={"transactions": self._curated.uri(LABELLED)},
            outputs={"table": table},
        )
        sample = self._job(
            "sample",
            arguments=[
                *("--model", f"{MOUNT}/input/model", "--rows", str(self._settings.synthesis_rows)),
                *("--out", f"{MOUNT}/output/rows"),
            ],
            inputs={"model": "{% $model %}"},
            outputs={"rows": candidate},
        )
        evaluate = self._job(
            "evaluate",
            arguments=[
                *("--table", f"{MOUNT}/input/table", "--model", f"{MOUNT}/input/model"),
                *("--rows", f"{MOUNT}/input/rows", "--out", f"{MOUNT}/output/evaluation"),
                *("--resplits", str(self._settings.synthesis_resplits)),
                *(part for limit, value in self._limits().items() for part in (f"--{limit}", f"{value:g}")),
            ],
            inputs={"table": table, "model": "{% $model %}", "rows": candidate},
            outputs={"evaluation": candidate},
        )
        key_arn = self._key.key_arn
        return {
            "Run": Step(assigns={"run": "{% $uuid() %}"}),
            "Extract": extract.task(self._code, worker, key_arn, reads=("run",)),
            "Fit": Task(
                resource="sagemaker:createTrainingJob.sync",
                arguments=self._fit(fitter, table),
                reads=("run",),
                assigns={"model": "{% $states.result.ModelArtifacts.S3ModelArtifacts %}"},
                retry=RETRIES,
                timeout_s=JOB_S + JOB_SLACK_S,
            ),
            "Sample": sample.task(self._code, worker, key_arn, reads=("model", "run")),
            "Evaluate": evaluate.task(self._code, worker, key_arn, reads=("model", "run")),
        }

    def _limits(self) -> dict[str, float]:
        """{option of `jobs.evaluate`: the limit}."""
        settings = self._settings
        return {
            "two-sample-auc": settings.synthesis_two_sample_auc,
            "ks-ratio": settings.synthesis_ks_ratio,
            "least-gain": -settings.synthesis_most_loss,
            "membership-auc": settings.synthesis_membership_auc,
            "singling-out": settings.synthesis_singling_out,
            "linkability": settings.synthesis_linkability,
        }

    def _job(self, step: str, *, libraries: str = "synthesis", **parts: Any) -> ProcessingJob:
        return ProcessingJob(
            name=run_prefix(self._settings, f"synth-{step}"),
            image=self._image,
            python=SPARK_PYTHON,
            module=f"sagemaker_src.synthesis.jobs.{step}",
            instance_type=self._settings.synthesis_instance_type,
            libraries=libraries,
            **parts,
        )

    def _fit(self, fitter: iam.Role, table: str) -> dict[str, Any]:
        code, libraries = self._code.code, self._code.libraries["synthesis"]
        paths = {
            name: f"{CHANNELS}/{name}/{asset.s3_object_key}"
            for name, asset in (("code", code), ("libraries", libraries))
        }
        settings = self._settings
        uris = {"code": code.s3_object_url, "libraries": libraries.s3_object_url, "table": table}
        return {
            "TrainingJobName": run_name(run_prefix(settings, "synth-fit")),
            "RoleArn": fitter.role_arn,
            "AlgorithmSpecification": {
                "TrainingImage": self._image,
                "TrainingInputMode": "File",
                "ContainerEntrypoint": [SPARK_PYTHON, paths["code"], "sagemaker_src.synthesis.jobs.fit"],
                "ContainerArguments": [
                    *("--table", f"{CHANNELS}/table", "--model-dir", "/opt/ml/model"),
                    *("--epochs", str(settings.synthesis_epochs)),
                ],
            },
            "Environment": {"JOB_ARCHIVES": ":".join(paths.values())},
            "InputDataConfig": [channel(name, uri) for name, uri in uris.items()],
            "OutputDataConfig": {"S3OutputPath": self._models.uri(GENERATORS), "KmsKeyId": self._key.key_arn},
            "ResourceConfig": {
                "InstanceCount": 1,
                "InstanceType": settings.synthesis_instance_type,
                "VolumeSizeInGB": 30,
                "VolumeKmsKeyId": self._key.key_arn,
            },
            "StoppingCondition": {"MaxRuntimeInSeconds": JOB_S},
            "EnableInterContainerTrafficEncryption": False,
            "EnableNetworkIsolation": True,
        }

    def _gate(self) -> dict[str, Step]:
        return {
            "Gate": Task(
                resource="aws-sdk:s3:getObject",
                arguments={"Bucket": self._curated.name, "Key": _key(CANDIDATES, "manifest.json")},
                reads=("run",),
                assigns={"manifest": "{% $parse($states.result.Body) %}"},
            ),
            "Every limit kept?": Choice(
                reads=("manifest",), rules={"{% $manifest.passed %}": _publish(FILES[0])}, otherwise="Tell of refusal"
            ),
            "Tell of refusal": self._told(passed=False, then="Nothing published"),
            "Nothing published": Succeed(),
        }

    def _publishing(self) -> dict[str, Step]:
        return {
            **{_publish(file): self._copied(file, PUBLISHED) for file in FILES},
            **{f"Hand on {file}": self._copied(file, NEWEST, by_run=False) for file in OF_TRAINING},
            "Tell": self._told(passed=True),
            "Published": Succeed(),
        }

    def _copied(self, file: str, prefix: str, *, by_run: bool = True) -> Task:
        source = f"{{% '{self._curated.name}/{CANDIDATES}' & {RUN} & '/{file}' %}}"
        return Task(
            resource="aws-sdk:s3:copyObject",
            arguments={
                "Bucket": self._curated.name,
                "CopySource": source,
                "Key": _key(prefix, file) if by_run else f"{prefix}{file}",
            },
            reads=("run",),
        )

    def _told(self, *, passed: bool, then: str | None = None) -> Task:
        detail = {name: f"{{% $manifest.{name} %}}" for name in ("helps", "safe", "broken", "sentences")}
        return Task(
            resource="events:putEvents",
            arguments={
                "Entries": [
                    {
                        "EventBusName": self._bus[0],
                        "Source": "card-fraud",
                        "DetailType": DETAIL_TYPES[passed],
                        "Detail": {"run": f"{{% {RUN} %}}", **detail},
                    }
                ]
            },
            reads=("manifest", "run"),
            output={"run": f"{{% {RUN} %}}", "manifest": "{% $manifest %}"},
            then=then,
        )

    def _permissions(self, worker: iam.Role, fitter: iam.Role) -> None:
        curated, models, machine = self._curated, self._models, self.machine
        allow_prefix(worker, curated, LABELLED, read=True)
        allow_prefix(worker, curated, TABLES, read=True, write=True)
        allow_prefix(worker, curated, CANDIDATES, read=True, write=True)
        allow_prefix(worker, models, GENERATORS, read=True)
        allow_prefix(fitter, curated, TABLES, read=True)
        allow_prefix(fitter, models, GENERATORS, write=True)
        processing = [run_prefix(self._settings, f"synth-{step}") for step in ("extract", "sample", "evaluate")]
        machine.may_run_jobs("processing", processing, [worker])
        machine.may_run_jobs("training", [run_prefix(self._settings, "synth-fit")], [fitter])
        because = "Each run has a folder."
        allow(machine.role, ["s3:GetObject"], [curated.objects(CANDIDATES)], because=because)
        allow(machine.role, ["s3:PutObject"], [curated.objects(PUBLISHED)], because=because)
        allow(machine.role, ["events:PutEvents"], [self._bus[1]])


def _publish(file: str) -> str:
    return f"Publish {file}"


def _key(prefix: str, file: str) -> str:
    return f"{{% '{prefix}' & {RUN} & '/{file}' %}}"
