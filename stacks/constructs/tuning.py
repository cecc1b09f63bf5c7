"""Tuning before a training: a tuning job of SageMaker over the declared search space, whose best parameters the training takes.

The best parameters and the study stand as two files in a folder of the run, which the training job mounts. The training jobs of a
tuning job take no entry point of their own (page *API_HyperParameterAlgorithmSpecification*): the container's script mode starts
the runner of jobs, hyper-parameters are its options.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam

from fraud.search_space import FILE, OBJECTIVE, OBJECTIVE_REGEX, STUDY, parameter_ranges
from stacks.constructs.jobs import CHANNELS, JOB_SLACK_S, JobCode, allow_prefix, channel
from stacks.constructs.permissions import allow
from stacks.constructs.remedies import STAYS
from stacks.constructs.state_machine import RETRIES, StateMachine, run_uri, sagemaker_call
from stacks.constructs.steps import Choice, Fail, Step, Task
from stacks.constructs.storage import Store
from stacks.names import TUNING_JOB, run_prefix
from stacks.settings import Settings

STUDIES = "tuning/"
"""Prefix of the models bucket: a folder a run, with the best parameters and the study."""
TRIALS = "trials/"
"""Prefix of the models bucket for what a trial leaves, which is nothing but its name: it keeps no model."""
LONGEST_S = 12 * 3600
"""Of a tuning job: within the day that a run may take, with training, evaluation and taking over after it."""
_KIND = "hyper-parameter-tuning-job"
_NAME_ID = 16
"""Characters of a run's id in a tuning job's name, of which 32 are allowed (page *API_CreateHyperParameterTuningJob*)."""


@dataclass(frozen=True, kw_only=True)
class Tuning:
    """The steps before a training.

    Attributes:
        resources: where and on what a training job runs: image, machine, volume, key; as `CreateTrainingJob` has it.
        features: the URI of the run's training set (JSONata).
    """

    settings: Settings
    code: JobCode
    image: str
    models: Store
    trainer: iam.Role
    resources: Mapping[str, Any]
    features: str
    key_arn: str

    def channel(self) -> dict[str, Any]:
        """What the training job finds the parameters and the study in."""
        return channel("tuned", run_uri(self.models, STUDIES))

    def steps(self, then: str) -> dict[str, Step]:
        """The steps, the first of them `Tune`; they lead to another step."""
        best = "$states.result.BestTrainingJob"
        study = (
            "{% {'tuning_job': $tuning_job, 'best': $best.TrainingJobName, 'trials': [$states.result.TrainingJobSummaries.{"
            "'name': TrainingJobName, 'status': TrainingJobStatus, 'parameters': TunedHyperParameters, "
            "'average_precision': FinalHyperParameterTuningJobObjectiveMetric.Value}]} %}"
        )
        parameters = (
            "{% $merge($each($best.TunedHyperParameters, "
            "function($value, $name) { {$replace($name, '-', '_'): $number($value)} })) %}"
        )
        return {
            "Tune": Task(
                resource="sagemaker:createHyperParameterTuningJob.sync",
                arguments=self._job(),
                reads=("run",),
                assigns={
                    "tuning_job": "{% $states.result.HyperParameterTuningJobName %}",
                    "best": f"{{% $exists({best}.TunedHyperParameters) ? {best} : null %}}",
                },
                retry=RETRIES,
                timeout_s=LONGEST_S + JOB_SLACK_S,
            ),
            "Tuned?": Choice(reads=("best",), rules={"{% $best != null %}": "List trials"}, otherwise="Not tuned"),
            "Not tuned": Fail(
                error="NotTuned",
                cause="{% 'The tuning job ' & $tuning_job & ' ended before any of its training jobs had completed. "
                f"{STAYS}' %}}",
                reads=("tuning_job",),
            ),
            "List trials": sagemaker_call(
                "listTrainingJobsForHyperParameterTuningJob",
                {
                    "HyperParameterTuningJobName": "{% $tuning_job %}",
                    # all that there may be: the setting goes no further
                    "MaxResults": 100,
                    "SortBy": "CreationTime",
                    "SortOrder": "Ascending",
                },
                reads=("best", "tuning_job"),
                assigns={"study": study},
            ),
            "Keep study": self._kept(STUDY, "{% $study %}", ("run", "study")),
            "Keep parameters": self._kept(FILE, parameters, ("best", "run"), then=then),
        }

    def _kept(self, name: str, body: str, reads: tuple[str, ...], then: str | None = None) -> Task:
        return Task(
            resource="aws-sdk:s3:putObject",
            arguments={
                "Bucket": self.models.name,
                "Key": f"{{% '{STUDIES}' & $run & '/{name}' %}}",
                "Body": body,
            },
            reads=reads,
            then=then,
        )

    def _job(self) -> dict[str, Any]:
        mounted = f"{CHANNELS}/code/{self.code.code.s3_object_key}"
        channels = {
            "code": self.code.code.s3_object_url,
            "program": self.code.runner.s3_object_url,
            "train": self.features,
        }
        name = run_prefix(self.settings, TUNING_JOB)
        return {
            "HyperParameterTuningJobName": f"{{% '{name}-' & $substring($replace($run, '-', ''), 0, {_NAME_ID}) %}}",
            "HyperParameterTuningJobConfig": {
                "Strategy": "Bayesian",
                "HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": OBJECTIVE},
                "ResourceLimits": {
                    "MaxNumberOfTrainingJobs": self.settings.tuning_jobs,
                    "MaxParallelTrainingJobs": self.settings.tuning_parallel,
                    "MaxRuntimeInSeconds": LONGEST_S,
                },
                "ParameterRanges": parameter_ranges(),
                "TrainingJobEarlyStoppingType": "Auto",
            },
            "TrainingJobDefinition": {
                "StaticHyperParameters": {
                    "sagemaker_program": self.code.runner.s3_object_key,
                    "sagemaker_submit_directory": f"{CHANNELS}/program",
                    "label-delay-days": str(self.settings.training_label_delay_days),
                },
                "AlgorithmSpecification": {
                    "TrainingImage": self.image,
                    "TrainingInputMode": "File",
                    "MetricDefinitions": [{"Name": OBJECTIVE, "Regex": OBJECTIVE_REGEX}],
                },
                "RoleArn": self.trainer.role_arn,
                "Environment": {"JOB_ARCHIVES": mounted, "JOB_MODULE": "sagemaker_src.tuning.trial"},
                "InputDataConfig": [channel(name, uri) for name, uri in channels.items()],
                "OutputDataConfig": {"S3OutputPath": self.models.uri(TRIALS), "KmsKeyId": self.key_arn},
                **self.resources,
            },
        }

    def let(self, machine: StateMachine) -> None:
        """Lets the machine tune, and the training job's role read what was found."""
        stack = cdk.Stack.of(machine)
        jobs = [
            stack.format_arn(
                service="sagemaker", resource=_KIND, resource_name=f"{run_prefix(self.settings, TUNING_JOB)}-*"
            )
        ]
        actions = [f"sagemaker:{verb}HyperParameterTuningJob" for verb in ("Create", "Describe", "Stop")]
        actions += ["sagemaker:ListTrainingJobsForHyperParameterTuningJob", "sagemaker:AddTags", "sagemaker:ListTags"]
        allow(machine.role, actions, jobs, because="A run's name ends with an id of its own.")
        # as page *sample-hyper-tuning* names it
        rule = stack.format_arn(
            service="events", resource="rule", resource_name="StepFunctionsGetEventsForSageMakerTuningJobsRule"
        )
        allow(machine.role, ["events:PutTargets", "events:PutRule", "events:DescribeRule"], [rule])
        files = [f"{self.models.arn}/{STUDIES}*/{name}" for name in (FILE, STUDY)]
        allow(machine.role, ["s3:PutObject"], files, because="Each run has a folder.")
        allow_prefix(self.trainer, self.models, STUDIES, read=True)
        allow_prefix(self.trainer, self.models, TRIALS, write=True)
