"""Files scored by the champion: requests with all features, a batch transform by the program that serves, scores and an event."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from constructs import Construct

from fraud.features.catalogue import CATALOGUE
from stacks.constructs.endpoint import Endpoint
from stacks.constructs.functions import Deployed
from stacks.constructs.jobs import MOUNT, SPARK_PYTHON, JobCode, ProcessingJob, allow_prefix, job_role
from stacks.constructs.permissions import allow
from stacks.constructs.promotion import FUNCTION_RETRIES
from stacks.constructs.state_machine import KEEP, RETRIES, RUN, StateMachine, keep, run_uri, sagemaker_call
from stacks.constructs.steps import FAILED, Catch, Choice, Fail, Step, Succeed, Task, Wait
from stacks.constructs.storage import Store
from stacks.images import image
from stacks.names import ARRIVING, SCORED, SCORING_JOBS, WORKING, model_prefix, run_prefix
from stacks.settings import Settings

SCORED_EVENT = "batch scored"
INVOCATION_S = 600
"""How long a request of ten thousand rows, all with exact reasons, may take."""
PAYLOAD_MB = 6
WAIT_S, WAITS = 60, 360
"""How long a file waits for the first model to be approved: six hours, longer than a training takes."""
TRANSFORM_S = 8 * 3600
"""How long a transform may take, which has no limit of its own: waiting for a model and the other jobs fit into a day with it."""
_REQUESTS, _TRANSFORM, _RESULTS = SCORING_JOBS


class Scoring(Construct):
    """The state machine and what it may do.

    Args:
        batch: has the files, takes the scores.
        archive, transactions: a bucket and its prefix: what the cards bought before.
        said: {option of the job: prefix} of what else is archived that declared risks are computed of.
        champion: the function that knows which model is the champion.
        endpoint: says what a model's container is.
        bus: the name of the bus that is told, and its ARN.
    """

    def __init__(
        self,
        scope: Construct,
        name: str,
        settings: Settings,
        *,
        key: kms.IKey,
        batch: Store,
        archive: Store,
        transactions: str,
        said: Mapping[str, str],
        champion: Deployed,
        endpoint: Endpoint,
        bus: tuple[str, str],
    ) -> None:
        super().__init__(scope, name)
        self._settings, self._key, self._batch, self._archive = settings, key, batch, archive
        self._transactions = transactions
        # what declared risks are computed of: {option of the job: prefix}
        self._said = dict(said) if CATALOGUE.risks else {}
        self._champion_arn, self._endpoint, self._bus = champion.function.function_arn, endpoint, bus
        self._code = JobCode.of(self, "scoring")
        spark = image("spark", settings.region)
        self._prefix = f"{model_prefix(settings)}-batch"
        self.worker = job_role(
            self, "JobsRole", "Requests and scores", code=self._code, key_arn=key.key_arn, image_name=spark
        )
        self.machine = StateMachine(
            self,
            "Machine",
            settings,
            says="files scored by the champion",
            key=key,
            steps=self._steps(),
            remedy="Remove the cause, and start the machine again with the input of this run: a file that is scored again has "
            "its scores in the same place.",
        )
        self._permissions(champion)

    def _steps(self) -> dict[str, Step]:
        model = f"{{% '{self._prefix}-' & $run %}}"
        made = run_uri(self._batch, f"{WORKING}scoring/")
        requests, rows, answers = (
            f"{{% 's3://{self._batch.name}/{WORKING}scoring/' & $run & '/{part}/' %}}"
            for part in ("parts/requests", "parts/rows", "answers")
        )
        return {
            "Run": Step(
                assigns={
                    "run": "{% $uuid() %}",
                    "file": "{% $states.input.transactions %}",
                    "set": "{% $states.input.set %}",
                    "asked": 0,
                }
            ),
            "Champion": Task(
                resource="lambda:invoke",
                arguments={"FunctionName": self._champion_arn, "Payload": {}},
                reads=("asked",),
                assigns={"model": "{% $states.result.Payload.model %}", "asked": "{% $asked + 1 %}"},
                retry=FUNCTION_RETRIES,
            ),
            # the first upload brings rows to train on and rows to score at once
            "Is there one?": Choice(
                reads=("asked", "model"),
                rules={
                    "{% $exists($model) and $model != null %}": "Keep archive",
                    f"{{% $asked < {WAITS} %}}": "Until there is one",
                },
                otherwise="No champion",
            ),
            "Until there is one": Wait(seconds=WAIT_S, then="Champion"),
            "No champion": Fail(
                error="NoChampion",
                cause="No model was approved for hours, so nothing can be scored; train one and send the file again.",
            ),
            "Keep archive": keep(self._archive, self._transactions),
            **{f"Keep {given}": keep(self._archive, prefix) for given, prefix in self._said.items()},
            "Requests": self._requests(made).task(self._code, self.worker, self._key.key_arn, reads=("file", "run")),
            "Create model": sagemaker_call(
                "createModel",
                {
                    "ModelName": model,
                    "ExecutionRoleArn": self._endpoint.role.role_arn,
                    "EnableNetworkIsolation": True,
                    "PrimaryContainer": self._container(),
                    "Tags": [{"Key": "card-fraud:env", "Value": self._settings.env}],
                },
                reads=("model", "run"),
            ),
            "Transform": self._waited_for(self._transform(model, requests, answers)),
            "Delete model": sagemaker_call("deleteModel", {"ModelName": model}, reads=("run",)),
            "Scores": self._scores(rows, answers).task(
                self._code, self.worker, self._key.key_arn, reads=("run", "set")
            ),
            "Summary": Task(
                resource="aws-sdk:s3:getObject",
                arguments={"Bucket": self._batch.name, "Key": f"{{% '{SCORED}' & $set & '/summary.json' %}}"},
                reads=("set",),
                assigns={"summary": "{% $parse($states.result.Body) %}"},
            ),
            "Tell": Task(
                resource="events:putEvents",
                arguments={
                    "Entries": [
                        {
                            "EventBusName": self._bus[0],
                            "Source": "card-fraud",
                            "DetailType": SCORED_EVENT,
                            "Detail": {
                                "set": "{% $set %}",
                                "rows": "{% $summary.rows %}",
                                "outcomes": "{% $summary.outcomes %}",
                                "model_version": "{% $summary.model_version %}",
                                "results": f"{{% 's3://{self._batch.name}/{SCORED}' & $set & '/' %}}",
                            },
                        }
                    ]
                },
                reads=("set", "summary"),
                output={"set": "{% $set %}", "summary": "{% $summary %}"},
            ),
            "Scored": Succeed(),
            **self._after_failure(model),
        }

    def _waited_for(self, transform: dict[str, Any]) -> Task:
        step = Task(
            resource="sagemaker:createTransformJob.sync",
            arguments=transform,
            reads=("run",),
            retry=RETRIES,
            timeout_s=TRANSFORM_S,
        )
        return replace(step, catch=[Catch(then="Stop transform", assigns=step.failure())])

    def _after_failure(self, model: str) -> dict[str, Step]:
        """What a failed transform leaves is taken away: first the transform itself, if it only took too long. The run ends with
        why it has failed, whatever becomes of these."""
        stop = sagemaker_call("stopTransformJob", {"TransformJobName": self._transform_name}, reads=("run",))
        delete = sagemaker_call("deleteModel", {"ModelName": model}, reads=("run",))
        told = "Delete model of a failed run"
        return {
            "Stop transform": replace(stop, retry=(), catch=[Catch(then=told)]),
            told: replace(delete, catch=[Catch(then=FAILED)], then=FAILED),
        }

    @property
    def _transform_name(self) -> str:
        """Of a run's own, so that it can be stopped."""
        return f"{{% '{run_prefix(self._settings, _TRANSFORM)}-' & {RUN} %}}"

    def _requests(self, made: str) -> ProcessingJob:
        return ProcessingJob(
            name=run_prefix(self._settings, _REQUESTS),
            image=image("spark", self._settings.region),
            python=SPARK_PYTHON,
            module="sagemaker_src.scoring.requests",
            arguments=[
                *("--transactions", f"{MOUNT}/input/transactions", "--archive", f"{MOUNT}/input/archive"),
                *(part for given in self._said for part in (f"--{given}", f"{MOUNT}/input/{given}")),
                # a folder that is not there yet
                *("--out", f"{MOUNT}/output/made/parts"),
            ],
            inputs={
                "transactions": "{% $file %}",
                "archive": self._archive.uri(self._transactions),
                **{given: self._archive.uri(prefix) for given, prefix in self._said.items()},
            },
            outputs={"made": made},
            instance_type=self._settings.batch_instance_type,
            libraries="jobs",
        )

    def _scores(self, rows: str, answers: str) -> ProcessingJob:
        return ProcessingJob(
            name=run_prefix(self._settings, _RESULTS),
            image=image("spark", self._settings.region),
            python=SPARK_PYTHON,
            module="sagemaker_src.scoring.scores",
            arguments=[
                *("--rows", f"{MOUNT}/input/rows", "--answers", f"{MOUNT}/input/answers"),
                *("--out", f"{MOUNT}/output/scored", "--set", "{% $set %}"),
            ],
            inputs={"rows": rows, "answers": answers},
            outputs={"scored": self._batch.uri(SCORED)},
            instance_type=self._settings.batch_instance_type,
            libraries="jobs",
        )

    def _container(self) -> dict[str, Any]:
        container = self._endpoint.container("{% $model %}")
        container["Environment"] |= {"SAGEMAKER_MODEL_SERVER_TIMEOUT": str(INVOCATION_S)}
        return container

    def _transform(self, model: str, requests: str, answers: str) -> dict[str, Any]:
        return {
            "TransformJobName": self._transform_name,
            "ModelName": model,
            "BatchStrategy": "SingleRecord",
            "MaxPayloadInMB": PAYLOAD_MB,
            "MaxConcurrentTransforms": 1,
            "ModelClientConfig": {"InvocationsTimeoutInSeconds": INVOCATION_S, "InvocationsMaxRetries": 1},
            "TransformInput": {
                "ContentType": "application/x-named-npy",
                "SplitType": "None",
                "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": requests}},
            },
            "TransformOutput": {
                "S3OutputPath": answers,
                "Accept": "application/json",
                "AssembleWith": "None",
                "KmsKeyId": self._key.key_arn,
            },
            "TransformResources": {
                "InstanceType": self._settings.batch_instance_type,
                "InstanceCount": 1,
                "VolumeKmsKeyId": self._key.key_arn,
            },
        }

    def _permissions(self, champion: Deployed) -> None:
        worker, machine, batch = self.worker, self.machine, self._batch
        allow_prefix(worker, batch, ARRIVING["Predict"], read=True)
        allow_prefix(worker, batch, WORKING, read=True, write=True)
        allow_prefix(worker, batch, SCORED, write=True)
        archived = (self._transactions, *self._said.values())
        for prefix in archived:
            allow_prefix(worker, self._archive, prefix, read=True)
        settings = self._settings
        machine.may_run_jobs("processing", [run_prefix(settings, job) for job in (_REQUESTS, _RESULTS)], [worker])
        machine.may_run_jobs("transform", [run_prefix(settings, _TRANSFORM)], [self._endpoint.role])
        machine.may_call([champion.function])
        allow(machine.role, ["s3:PutObject"], [f"{self._archive.arn}/{prefix}{KEEP}" for prefix in archived])
        allow(machine.role, ["s3:GetObject"], [batch.objects(SCORED)], because="Each set has a folder.")
        allow(machine.role, ["events:PutEvents"], [self._bus[1]])
        made = [cdk.Stack.of(self).format_arn(service="sagemaker", resource="model", resource_name=f"{self._prefix}-*")]
        because = "A run names what it makes after itself."
        allow(
            machine.role,
            ["sagemaker:CreateModel", "sagemaker:DeleteModel", "sagemaker:AddTags"],
            made,
            because=because,
        )
