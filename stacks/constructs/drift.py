"""Drift: each night a job compares the closed day's decisions with what the champion was trained on, and what labels say of the
day that is as old as they take with what was expected of it; and people are told."""

from __future__ import annotations

import math

from aws_cdk import aws_kms as kms
from constructs import Construct

from stacks.constructs.endpoint import MODELS
from stacks.constructs.functions import NAMESPACE, Deployed
from stacks.constructs.jobs import MOUNT, JobCode, ProcessingJob, allow_prefix, job_role
from stacks.constructs.permissions import allow
from stacks.constructs.promotion import FUNCTION_RETRIES
from stacks.constructs.state_machine import KEEP, StateMachine, keep
from stacks.constructs.steps import Choice, Step, Succeed, Task
from stacks.constructs.storage import Store
from stacks.images import image
from stacks.names import DRIFT_JOB, run_prefix
from stacks.settings import Settings

REPORTS = "drift/"
"""Prefix of the curated bucket: a folder a day, with `drift.json` and `drift.html`."""
EVENT = "drift found"
METRIC = "DriftedSeries"
_DAY_MS = 86_400_000


class Drift(Construct):
    """The state machine and what it may do.

    Args:
        archive, decisions, labels: a bucket and its prefixes: what was decided, and on what; and what was said of it later.
        curated: takes the reports.
        models: has the champion's archive.
        champion: the function that knows which model is the champion.
        bus: the name of the bus that is told, and its ARN.
    """

    def __init__(
        self,
        scope: Construct,
        name: str,
        settings: Settings,
        *,
        key: kms.IKey,
        archive: Store,
        decisions: str,
        labels: str,
        curated: Store,
        models: Store,
        champion: Deployed,
        bus: tuple[str, str],
    ) -> None:
        super().__init__(scope, name)
        code = JobCode.of(self, "drift", ())
        address = image("xgboost", settings.region)
        worker = job_role(
            self, "JobRole", "Compares days with the champion's", code=code, key_arn=key.key_arn, image_name=address
        )
        for prefix in (decisions, labels):
            allow_prefix(worker, archive, prefix, read=True)
        allow_prefix(worker, models, MODELS, read=True)
        allow_prefix(worker, curated, REPORTS, read=True, write=True)
        report = f"{{% 's3://{curated.name}/{REPORTS}day=' & $day & '/' %}}"
        job = ProcessingJob(
            name=run_prefix(settings, DRIFT_JOB),
            image=address,
            module="sagemaker_src.drift.drift",
            arguments=[
                *("--day", "{% $day %}", "--decisions", f"{MOUNT}/input/decisions", "--model", f"{MOUNT}/input/model"),
                *("--before", f"{MOUNT}/input/before", "--out", f"{MOUNT}/output/report"),
                *("--labels", f"{MOUNT}/input/labels", "--matured", f"{MOUNT}/input/matured"),
                *("--label-delay-days", str(settings.training_label_delay_days)),
            ],
            inputs={
                "decisions": f"{{% 's3://{archive.name}/{decisions}day=' & $day & '/' %}}",
                "labels": archive.uri(labels),
                "matured": f"{{% 's3://{archive.name}/{decisions}day=' & $matured & '/' %}}",
                "model": "{% $model %}",
                "before": f"{{% 's3://{curated.name}/{REPORTS}day=' & $before & '/' %}}",
            },
            outputs={"report": report},
            instance_type=settings.training_instance_type,
        )
        self.machine = StateMachine(
            self,
            "Machine",
            settings,
            says="drift of the closed day",
            key=key,
            steps={
                "Day": Step(assigns={"day": _DAY}),
                "Days before": Step(
                    reads=("day",),
                    assigns={
                        "before": _earlier(1),
                        "matured": _earlier(math.ceil(settings.training_label_delay_days)),
                    },
                ),
                "Champion": Task(
                    resource="lambda:invoke",
                    arguments={"FunctionName": champion.function.function_arn, "Payload": {}},
                    assigns={"model": "{% $states.result.Payload.model %}"},
                    retry=FUNCTION_RETRIES,
                ),
                "Is there one?": Choice(
                    reads=("model",),
                    rules={"{% $exists($model) and $model != null %}": "Keep decisions"},
                    otherwise="Nothing to compare",
                ),
                "Nothing to compare": Succeed(),
                "Keep decisions": keep(archive, decisions, "day"),
                "Keep matured": keep(archive, decisions, "matured"),
                "Keep labels": keep(archive, labels),
                "Keep before": keep(curated, REPORTS, "before"),
                "Compare": job.task(code, worker, key.key_arn, reads=("before", "day", "matured", "model")),
                "Report": Task(
                    resource="aws-sdk:s3:getObject",
                    arguments={"Bucket": curated.name, "Key": f"{{% '{REPORTS}day=' & $day & '/drift.json' %}}"},
                    reads=("day",),
                    assigns={"report": "{% $parse($states.result.Body) %}"},
                ),
                "Count": Task(
                    resource="aws-sdk:cloudwatch:putMetricData",
                    arguments={
                        "Namespace": NAMESPACE,
                        "MetricData": _METRICS,
                    },
                    reads=("report",),
                ),
                "Has any drifted?": Choice(
                    reads=("report",), rules={"{% $count($report.drifted) > 0 %}": "Tell"}, otherwise="Compared"
                ),
                "Tell": Task(
                    resource="events:putEvents",
                    arguments={
                        "Entries": [
                            {
                                "EventBusName": bus[0],
                                "Source": "card-fraud",
                                "DetailType": EVENT,
                                "Detail": {
                                    "day": "{% $day %}",
                                    "model_version": "{% $report.model_version %}",
                                    "drifted": "{% [$report.drifted.{'name': name, 'says': says, 'drifted': drifted, "
                                    "'since': since, 'psi': psi, 'of_transactions': of_transactions}] %}",
                                    "realised": "{% [$report.realised.figures.{'name': name, 'day': $report.realised.day, "
                                    "'value': value, 'estimated': estimated, 'expected': expected}] %}",
                                    "report": report,
                                },
                            }
                        ]
                    },
                    reads=("day", "report"),
                ),
                "Compared": Succeed(),
            },
        )
        machine = self.machine
        machine.may_run_jobs("processing", [job.name], [worker])
        machine.may_call([champion.function])
        because = "The day is in the key."
        allow(machine.role, ["s3:PutObject"], [archive.objects(decisions), curated.objects(REPORTS)], because=because)
        allow(machine.role, ["s3:PutObject"], [f"{archive.arn}/{labels}{KEEP}"])
        allow(machine.role, ["s3:GetObject"], [curated.objects(REPORTS)], because=because)
        allow(machine.role, ["events:PutEvents"], [bus[1]])
        allow(
            machine.role,
            ["cloudwatch:PutMetricData"],
            ["*"],
            because="CloudWatch has no resource for metrics; the condition keeps it to the application's.",
            conditions={"StringEquals": {"cloudwatch:namespace": NAMESPACE}},
        )
        machine.every("DriftSchedule", settings.drift_at, key, {"at": "<aws.scheduler.scheduled-time>"})


def _earlier(days: int) -> str:
    """The day so many days before `$day`."""
    return f"{{% $substring($fromMillis($toMillis($day & 'T00:00:00Z') - {days * _DAY_MS}), 0, 10) %}}"


_METRICS = (
    f"{{% $append([{{'MetricName': '{METRIC}', 'Value': $count($report.drifted), 'Unit': 'Count'}}], "
    "[$report.realised.figures[value != null].{'MetricName': metric, 'Value': value, 'Unit': 'None'}]) %}"
)
"""How many have drifted; and RealisedRecall, RealisedPrecision, RealisedAveragePrecision of the day whose labels are in, so far
as labels tell them: a metric is a number, or there is none."""
_DAY = (
    "{% $exists($states.input.day) ? $states.input.day : $substring($fromMillis($toMillis($substring("
    f"$exists($states.input.at) ? $states.input.at : $now(), 0, 10) & 'T00:00:00Z') - {_DAY_MS}), 0, 10) %}}"
)
"""The day, as 2026-01-31: given, or the last that is closed."""
