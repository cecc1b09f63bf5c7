"""The life of a model: training set, training, evaluation, gate, registration, and taking over the endpoint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from fraud.search_space import options_of
from stacks.constructs.champion import AGAIN, NOTHING, Champion
from stacks.constructs.endpoint import MODELS, Endpoint
from stacks.constructs.functions import Functions
from stacks.constructs.jobs import (
    CHANNELS,
    JOB_S,
    JOB_SLACK_S,
    MOUNT,
    SPARK_PYTHON,
    JobCode,
    ProcessingJob,
    allow_image,
    allow_prefix,
    channel,
    image_arn,
    job_role,
    run_name,
)
from stacks.constructs.permissions import allow
from stacks.constructs.promotion import EVALUATIONS, JUDGED, Promotion
from stacks.constructs.remedies import STAYS, with_remedies
from stacks.constructs.retraining import OF_ITSELF, Retraining
from stacks.constructs.shadow import Shadow
from stacks.constructs.state_machine import KEEP, RETRIES, StateMachine, keep, run_uri
from stacks.constructs.steps import Choice, Fail, Step, Task
from stacks.constructs.storage import Store
from stacks.constructs.tracking import Tracking
from stacks.constructs.tuning import Tuning
from stacks.constructs.turn import Turn
from stacks.images import image
from stacks.names import SHADOW_JOB, model_prefix, run_prefix
from stacks.settings import Settings

LABELLED = "transactions/"
"""Prefix of the curated bucket: transactions with `is_fraud`, what a model is trained on."""
TRANSACTIONS = "{%% $exists($states.input.transactions) ? $states.input.transactions : '%s' %%}"
"""What a run learns from: the S3 URI of its input, which its worker's role must be able to read; or all that is labelled."""
LABELS = (
    f"{{%% $exists($states.input.labels) ? $states.input.labels : {OF_ITSELF} ? '%s' "
    ": $exists($states.input.transactions) ? 'file' : '%s' %%}"
)
"""Whose labels a run learns from: those of its file, those that came back (the archive), or both. Given a file, it takes its; one
that labels or drift have started, what came back."""
AS_OF = (
    f"{{% $exists($states.input.as_of) ? $states.input.as_of : {OF_ITSELF} ? $states.input.time "
    ": $substring($now(), 0, 10) %}"
)
"""As of when labels are taken: given, or the moment of the event that a run followed of itself, or the day's begin (UTC)."""
DETAIL = "{% $exists($states.input.detail) ? $states.input.detail : {} %}"
"""What the event says which has started a run."""
TRAINING_SETS = "training-sets/"
NO_FILES = f"{TRAINING_SETS}none/"
"""A prefix without files, in place of those of a run that learns from the archive alone."""
NEWEST = "synthetic/newest/"
"""Of the curated bucket: the newest published synthetic frauds."""


class Training(Construct):
    """The state machine, of which one run trains at a time, and the group in which its models are registered.

    Args:
        curated: labelled transactions, and what is made of them.
        archive: what was decided live.
        archived: {what: its prefix of the archive} of transactions, decisions and labels.
        shadowed: its prefix for what shadows were asked and have answered.
        models: takes the models and their evaluations.
        endpoint: serves the champion.
        bus: the name of the bus that is told which model serves, and its ARN.
    """

    def __init__(
        self,
        scope: Construct,
        name: str,
        settings: Settings,
        *,
        key: kms.IKey,
        curated: Store,
        archive: Store,
        archived: Mapping[str, str],
        shadowed: str,
        models: Store,
        endpoint: Endpoint,
        bus: tuple[str, str],
    ) -> None:
        super().__init__(scope, name)
        self._archive, self._archived = archive, archived
        self._settings, self._key, self._endpoint = settings, key, endpoint
        self._curated, self._models, self._bus = curated, models, bus
        self._code = JobCode.of(self, "training")
        self._xgboost = image("xgboost", settings.region)
        self.prefix = model_prefix(settings)
        self.group = sagemaker.CfnModelPackageGroup(
            self,
            "Registry",
            # the type asks for a name; nothing else about it can change
            model_package_group_name=self.prefix,
            model_package_group_description="Models that passed the gate",
        )
        functions = Functions(self, "Functions", settings, key)
        self.gate = functions.function(
            "gate",
            says="compares a candidate with the champion",
            environment={
                "MODELS_BUCKET": models.name,
                "AVERAGE_PRECISION_MARGIN": str(settings.gate_average_precision),
                "RECALL_MARGIN": str(settings.gate_recall),
                "SEGMENT_MARGIN": str(settings.gate_segment_recall),
            },
            timeout_s=60,
            memory_mb=256,
        )
        self.champion = functions.function(
            "champion",
            says="finds the newest approved model whose features this release computes",
            environment={"MODEL_PACKAGE_GROUP": self.group.model_package_group_name},
            timeout_s=60,
            memory_mb=256,
        )
        self._turn = Turn(self, "Turn", settings, key=key, of="training")
        self._retraining = Retraining(settings=settings, table=self._turn.table)
        worker, trainer = self._roles()
        self.worker = worker
        self.tracking = (
            Tracking(self, "Tracking", settings, key=key, models=models, functions=functions)
            if settings.tracking == "managed"
            else None
        )
        promotion = Promotion(
            settings=settings,
            key_arn=key.key_arn,
            endpoint=endpoint,
            gate_arn=self.gate.function.function_arn,
            registry=self.group.model_package_group_name,
            prefix=self.prefix,
            evaluations=models.uri(EVALUATIONS),
            bus=bus[0],
            kept=self.tracking.steps(JUDGED) if self.tracking else {},
        )
        shadow = Shadow(
            promotion=promotion, archive=archive, captured=shadowed, models=models, code=self._code, worker=worker
        )
        self._shadow = shadow if settings.shadow_percent else None
        self.machine = StateMachine(
            self,
            "Machine",
            settings,
            says="training set, training, evaluation, gate, registration, deployment",
            key=key,
            steps=with_remedies(
                {**self._building(worker, trainer), **(shadow.before() if self._shadow else promotion).steps()}
            ),
            remedy=STAYS,
        )
        self._permissions(worker, trainer)

    def _roles(self) -> tuple[iam.Role, iam.Role]:
        spark = image("spark", self._settings.region)
        code, key_arn = self._code, self._key.key_arn
        worker = job_role(self, "JobsRole", "Training set and evaluation", code=code, key_arn=key_arn, image_name=spark)
        allow_image(worker, self._xgboost)  # the evaluation's
        trainer = job_role(
            self, "TrainingRole", "The training job", code=code, key_arn=key_arn, image_name=self._xgboost
        )
        return worker, trainer

    def _building(self, worker: iam.Role, trainer: iam.Role) -> dict[str, Step]:
        features = run_uri(self._curated, TRAINING_SETS)
        champion = Champion(
            function_arn=self.champion.function.function_arn,
            endpoint=self._endpoint,
            prefix=self.prefix,
            models=self._models,
            bus=self._bus[0],
        )
        training_set = ProcessingJob(
            name=run_prefix(self._settings, "training-set"),
            image=image("spark", self._settings.region),
            python=SPARK_PYTHON,
            module="sagemaker_src.processing.batch_features",
            arguments=[
                *("--transactions", f"{MOUNT}/input/transactions"),
                *("--out", f"{MOUNT}/output/features/features.parquet"),
            ],
            inputs={"transactions": "{% $transactions %}"},
            outputs={"features": features},
            instance_type=self._settings.training_instance_type,
            libraries="jobs",
        )
        of_labels = ProcessingJob(
            name=run_prefix(self._settings, "training-set"),
            image=image("spark", self._settings.region),
            python=SPARK_PYTHON,
            module="sagemaker_src.processing.training_set",
            arguments=[
                *(part for each in self._archived for part in (f"--{each}", f"{MOUNT}/input/{each}")),
                *("--files", f"{MOUNT}/input/files", "--as-of", "{% $as_of %}"),
                *("--label-delay-days", str(self._settings.training_label_delay_days)),
                *("--out", f"{MOUNT}/output/features/features.parquet"),
            ],
            inputs={
                **{each: self._archive.uri(prefix) for each, prefix in self._archived.items()},
                "files": f"{{% $labels = 'both' ? $transactions : '{self._curated.uri(NO_FILES)}' %}}",
            },
            outputs={"features": features},
            instance_type=self._settings.training_instance_type,
            libraries="jobs",
        )
        evaluation = ProcessingJob(
            name=run_prefix(self._settings, "evaluation"),
            image=self._xgboost,
            module="sagemaker_src.training.evaluate_model",
            arguments=[
                *("--model", f"{MOUNT}/input/model", "--champion", f"{MOUNT}/input/champion"),
                *("--features", f"{MOUNT}/input/features", "--out", f"{MOUNT}/output/evaluation"),
                *self._settings.cost_options,
            ],
            inputs={"model": "{% $model %}", "champion": "{% $champion %}", "features": features},
            outputs={"evaluation": run_uri(self._models, EVALUATIONS)},
            instance_type=self._settings.training_instance_type,
        )
        newest = {"Keep synthetic": keep(self._curated, NEWEST)} if self._settings.training_with_synthetic else {}
        self._tuning = self._tuned_by(trainer, features)
        tuned = self._tuning.steps("Train") if self._tuning else {}
        made = next(iter({**newest, **tuned}), "Train")
        learned = self._retraining.learned()
        came_back = "both" if self._settings.training_labels == "both" else "archive"
        return {
            "Run": Step(
                assigns={
                    "run": "{% $uuid() %}",
                    "again": AGAIN,
                    "transactions": TRANSACTIONS % self._curated.uri(LABELLED),
                    "labels": LABELS % (came_back, self._settings.training_labels),
                    "as_of": AS_OF,
                    "detail": DETAIL,
                }
            ),
            **champion.again("Of itself?"),
            **self._retraining.steps("Take turn"),
            **self._turn.steps("Whose labels?"),
            "Whose labels?": Choice(
                reads=("labels",),
                rules={
                    "{% $labels = 'file' %}": "Training set",
                    "{% $labels in ['archive', 'both'] %}": next(iter(learned), "Keep no files"),
                },
                otherwise="Unknown labels",
            ),
            "Unknown labels": Fail(
                error="UnknownLabels",
                cause="The input's `labels` is none of those that there are; allowed: file, archive, both",
            ),
            "Training set": replace(
                training_set.task(self._code, worker, self._key.key_arn, reads=("run", "transactions")), then=made
            ),
            **learned,
            "Keep no files": keep(self._curated, NO_FILES),
            **{f"Keep {each}": keep(self._archive, prefix) for each, prefix in self._archived.items()},
            "Training set of labels": of_labels.task(
                self._code, worker, self._key.key_arn, reads=("as_of", "labels", "run", "transactions")
            ),
            **newest,
            **tuned,
            "Train": Task(
                resource="sagemaker:createTrainingJob.sync",
                arguments=self._training_job(trainer, features),
                reads=("run",),
                assigns={"model": "{% $states.result.ModelArtifacts.S3ModelArtifacts %}"},
                retry=RETRIES,
                timeout_s=JOB_S + JOB_SLACK_S,
            ),
            **champion.found(),
            "Evaluate": evaluation.task(self._code, worker, self._key.key_arn, reads=("champion", "model", "run")),
        }

    def _tuned_by(self, trainer: iam.Role, features: str) -> Tuning | None:
        if not self._settings.tuning_jobs:
            return None
        return Tuning(
            settings=self._settings,
            code=self._code,
            image=self._xgboost,
            models=self._models,
            trainer=trainer,
            resources=self._resources(),
            features=features,
            key_arn=self._key.key_arn,
        )

    def _resources(self) -> dict[str, Any]:
        return {
            "ResourceConfig": {
                "InstanceCount": 1,
                "InstanceType": self._settings.training_instance_type,
                "VolumeSizeInGB": 30,
                "VolumeKmsKeyId": self._key.key_arn,
            },
            "StoppingCondition": {"MaxRuntimeInSeconds": JOB_S},
            "EnableInterContainerTrafficEncryption": False,
            "EnableNetworkIsolation": True,
        }

    def _training_job(self, trainer: iam.Role, features: str) -> dict[str, Any]:
        code = f"{CHANNELS}/code/{self._code.code.s3_object_key}"
        channels = {"code": self._code.code.s3_object_url, "train": features}
        arguments = ["--train", f"{CHANNELS}/train", "--model-dir", "/opt/ml/model"]
        arguments += ["--label-delay-days", str(self._settings.training_label_delay_days)]
        arguments += options_of(self._settings.training_parameters)
        if self._settings.thresholds_by == "costs":
            arguments += ["--thresholds-by", "costs", *self._settings.cost_options]
        if self._settings.training_with_synthetic:
            channels["synthetic"] = self._curated.uri(NEWEST)
            arguments += ["--synthetic", f"{CHANNELS}/synthetic"]
        if self._tuning:
            arguments += ["--tuned", f"{CHANNELS}/tuned"]
        return {
            "TrainingJobName": run_name(run_prefix(self._settings, "training")),
            "RoleArn": trainer.role_arn,
            "AlgorithmSpecification": {
                "TrainingImage": self._xgboost,
                "TrainingInputMode": "File",
                "ContainerEntrypoint": ["python3", code, "sagemaker_src.training.train"],
                "ContainerArguments": arguments,
            },
            "Environment": {"JOB_ARCHIVES": code},
            "InputDataConfig": [
                *(channel(name, uri) for name, uri in channels.items()),
                *([self._tuning.channel()] if self._tuning else []),
            ],
            "OutputDataConfig": {"S3OutputPath": self._models.uri(MODELS), "KmsKeyId": self._key.key_arn},
            **self._resources(),
        }

    def _permissions(self, worker: iam.Role, trainer: iam.Role) -> None:
        allow_prefix(worker, self._curated, LABELLED, read=True)
        allow_prefix(worker, self._curated, TRAINING_SETS, read=True, write=True)
        for prefix in self._archived.values():
            allow_prefix(worker, self._archive, prefix, read=True)
        kept = [f"{self._archive.arn}/{prefix}{KEEP}" for prefix in self._archived.values()]
        allow(self.machine.role, ["s3:PutObject"], [f"{self._curated.arn}/{NO_FILES}{KEEP}", *kept])
        allow_prefix(worker, self._models, MODELS, read=True)
        allow_prefix(worker, self._models, EVALUATIONS, write=True)
        allow_prefix(trainer, self._curated, TRAINING_SETS, read=True)
        allow_prefix(trainer, self._models, MODELS, write=True)
        if self._settings.training_with_synthetic:
            allow_prefix(trainer, self._curated, NEWEST, read=True)
            allow(self.machine.role, ["s3:PutObject"], [f"{self._curated.arn}/{NEWEST}{KEEP}"])
        allow_prefix(worker, self._models, NOTHING, read=True)
        allow(self.machine.role, ["s3:PutObject"], [f"{self._models.arn}/{NOTHING}{KEEP}"])
        packages = self._arn("model-package", f"{self.prefix}/*")
        registry = self._arn("model-package-group", self.prefix)
        made = [self._arn(kind, f"{self.prefix}-*") for kind in ("model", "endpoint-config")]
        self._permissions_of_functions(registry, packages, made)

        machine = self.machine
        self._turn.let(machine)
        self._retraining.start(machine, self._key, self._bus[0])
        if self._tuning:
            self._tuning.let(machine)
        jobs = ["training-set", "evaluation"]
        if self._shadow:
            self._shadow.let(machine, made[1])
            jobs.append(SHADOW_JOB)
        processing = [run_prefix(self._settings, name) for name in jobs]
        machine.may_run_jobs("processing", processing, [worker])
        machine.may_run_jobs("training", [run_prefix(self._settings, "training")], [trainer])
        machine.may_pass([self._endpoint.role], "sagemaker.amazonaws.com")
        telling = [self.tracking.telling.function] if self.tracking else []
        machine.may_call([self.gate.function, self.champion.function, *telling])
        allow(machine.role, ["events:PutEvents"], [self._bus[1]])
        because = "Versions of a model are numbered as they are made."
        allow(
            machine.role,
            ["sagemaker:CreateModelPackage", "sagemaker:UpdateModelPackage"],
            [registry, packages],
            because=because,
        )
        # the service looks at what is registered in the name of whoever registers it: AWS's own policy for that, page
        # security-iam-awsmanpol-model-registry, has these on the archive and the image
        allow(machine.role, ["s3:GetObject"], [self._models.objects(MODELS)], because=because)
        allow(machine.role, ["ecr:BatchGetImage", "ecr:DescribeImages"], [image_arn(self._xgboost)])
        because = "A run names what it makes after itself."
        allow(
            machine.role,
            ["sagemaker:CreateModel", "sagemaker:CreateEndpointConfig", "sagemaker:AddTags"],
            made,
            because=because,
        )
        allow(machine.role, ["sagemaker:UpdateEndpoint"], [self._endpoint.arn, made[1]], because=because)
        allow(machine.role, ["sagemaker:DescribeEndpoint"], [self._endpoint.arn])
        allow(
            machine.role,
            ["cloudwatch:DescribeAlarms"],
            [alarm.alarm_arn for alarm in self._endpoint.alarms],
        )

    def _permissions_of_functions(self, registry: str, packages: str, made: list[str]) -> None:
        gate, champion = self.gate.role, self.champion.role
        allow(gate, ["s3:GetObject"], [self._models.objects(EVALUATIONS)], because="Each run has a folder.")
        because = "Each training run's model has a name of its own."
        allow(champion, ["s3:GetObject"], [self._models.objects(MODELS)], because=because)
        because = "Versions of a model are numbered as they are made."
        for reader in (gate, champion):
            allow(reader, ["sagemaker:DescribeModelPackage"], [packages], because=because)
        allow(champion, ["sagemaker:ListModelPackages"], [registry, packages], because=because)
        because = "A run names what it makes after itself."
        allow(champion, ["sagemaker:DescribeModel", "sagemaker:DescribeEndpointConfig"], made, because=because)

    def _arn(self, kind: str, name: str) -> str:
        return cdk.Stack.of(self).format_arn(service="sagemaker", resource=kind, resource_name=name)
