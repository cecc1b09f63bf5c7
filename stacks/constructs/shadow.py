"""A candidate as a shadow: for hours it is asked what the champion is asked, nobody gets its answers, and a report compares them.

The endpoint gets a configuration with the champion's own model, and the candidate as its shadow variant (an endpoint with one has
one production variant and one shadow, page *shadow-tests-create*); afterwards one with the champion's alone. Whatever the shadow
does, callers get the champion's answers.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

from aws_cdk import aws_iam as iam

from fraud.shadow import COMPARISONS, LATENCIES, queries
from stacks.constructs.endpoint import SHADOW, VARIANT, Endpoint
from stacks.constructs.jobs import MOUNT, JobCode, ProcessingJob, allow_prefix
from stacks.constructs.permissions import allow
from stacks.constructs.promotion import ON_THE_WAY, POLL_S, Promotion, tell_of_refusal
from stacks.constructs.state_machine import KEEP, RUN, StateMachine, run_uri, sagemaker_call
from stacks.constructs.steps import Choice, Fail, Step, Task, Wait
from stacks.constructs.storage import Store
from stacks.names import SHADOW_JOB, run_prefix
from stacks.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Shadow:
    """The steps between the gate and the registry, for the candidate at `$model` with the gate's `$verdict`.

    Attributes:
        promotion: what else a candidate goes through.
        archive, captured: a bucket and its prefix, in which a folder a run takes what both are asked and answer.
        models: takes the comparisons.
        code, worker: the comparing job's.
    """

    promotion: Promotion
    archive: Store
    captured: str
    models: Store
    code: JobCode
    worker: iam.Role

    @property
    def settings(self) -> Settings:
        return self.promotion.settings

    @property
    def endpoint(self) -> Endpoint:
        return self.promotion.endpoint

    @property
    def prefix(self) -> str:
        return self.promotion.prefix

    def before(self) -> Promotion:
        """The promotion with these steps between the gate and the registry."""
        return replace(self.promotion, tested=self.steps())

    def steps(self) -> dict[str, Step]:
        """The steps, in order: after the last comes the registry. Where no model of training's serves, nothing is compared."""
        return {**self._coming(), **self._watching(), **self._going(), **self._comparing(), **self._judging()}

    def let(self, machine: StateMachine, configurations: str) -> None:
        """Lets the job and the machine do what the steps do, beside what bringing a model takes.

        Args:
            configurations: the ARN of all endpoint configurations of runs.
        """
        allow_prefix(self.worker, self.archive, self.captured, read=True)
        allow_prefix(self.worker, self.models, COMPARISONS, write=True)
        because = "A run names what it makes after itself."
        allow(machine.role, ["s3:PutObject"], [self.archive.objects(self.captured)], because=because)
        allow(machine.role, ["s3:GetObject"], [self.models.objects(COMPARISONS)], because=because)
        allow(machine.role, ["sagemaker:DescribeEndpointConfig"], [configurations], because=because)
        allow(machine.role, ["cloudwatch:GetMetricData"], ["*"], because="Reading metrics has no resource.")

    def _name(self, kind: str) -> str:
        return f"{{% '{self.prefix}-' & {RUN} & '-{kind}' %}}"

    def _described(self, **assigns: str) -> Step:
        found = {"status": "EndpointStatus", "serving": "EndpointConfigName"}
        read = {name: f"{{% $states.result.{member} %}}" for name, member in found.items()}
        return sagemaker_call("describeEndpoint", {"EndpointName": self.endpoint.name}, assigns={**read, **assigns})

    def _coming(self) -> dict[str, Step]:
        """The champion's own model with the candidate as its shadow behind the endpoint."""
        of_training = f"$substring($serving, 0, {len(self.prefix) + 1}) = '{self.prefix}-'"
        tags = [{"Key": "card-fraud:env", "Value": self.settings.env}]
        main = self.endpoint.variant("{% $champion_model %}")
        capture = {"DataCaptureConfig": self.endpoint.capture()} if self.settings.captured_percent else {}
        return {
            "Is there a champion?": Choice(
                reads=("standing",),
                rules={"{% $exists($standing) and $standing != null %}": "What is there?"},
                otherwise="Register",
            ),
            "What is there?": self._described(),
            # another run brings a model behind the endpoint, which takes no second one meanwhile
            "Free?": Choice(
                reads=("serving", "status"),
                rules={ON_THE_WAY: "Until it is free", f"{{% {of_training} %}}": "Whose model?"},
                otherwise="Register",
            ),
            "Until it is free": Wait(seconds=POLL_S, then="What is there?"),
            "Whose model?": sagemaker_call(
                "describeEndpointConfig",
                {"EndpointConfigName": "{% $serving %}"},
                reads=("serving",),
                assigns={"champion_model": "{% $states.result.ProductionVariants[0].ModelName %}"},
            ),
            "Create shadow": sagemaker_call(
                "createModel",
                {
                    "ModelName": self._name("shadow"),
                    "ExecutionRoleArn": self.endpoint.role.role_arn,
                    "EnableNetworkIsolation": True,
                    "PrimaryContainer": self.endpoint.container("{% $model %}"),
                    "Tags": tags,
                },
                reads=("model", "run"),
            ),
            "Configure shadow": sagemaker_call(
                "createEndpointConfig",
                {
                    "EndpointConfigName": self._name("shadow"),
                    "KmsKeyId": self.promotion.key_arn,
                    "ProductionVariants": [main],
                    "ShadowProductionVariants": [self.endpoint.shadow(self._name("shadow"))],
                    "DataCaptureConfig": self.endpoint.capture(run_uri(self.archive, self.captured), percent=100),
                    "Tags": tags,
                },
                reads=("champion_model", "run"),
            ),
            # made now, so that nothing but an update is to be done at the end; not the one before, which may have a shadow that a
            # run left behind which was stopped
            "Configure champion": sagemaker_call(
                "createEndpointConfig",
                {
                    "EndpointConfigName": self._name("champion"),
                    "KmsKeyId": self.promotion.key_arn,
                    "ProductionVariants": [main],
                    "Tags": tags,
                    **capture,
                },
                reads=("champion_model", "run"),
            ),
            "Add shadow": sagemaker_call(
                "updateEndpoint",
                {
                    "EndpointName": self.endpoint.name,
                    "EndpointConfigName": self._name("shadow"),
                    "RetainAllVariantProperties": True,
                    "DeploymentConfig": self.endpoint.update(),
                },
                reads=("run",),
            ),
        }

    def _watching(self) -> dict[str, Step]:
        is_there = f"{{% $serving = '{self.prefix}-' & {RUN} & '-shadow' %}}"
        return {
            "Until the shadow is there": Wait(seconds=POLL_S),
            "Ask for the shadow": self._described(since="{% $now() %}"),
            "Is it there?": Choice(
                reads=("run", "serving", "status"),
                rules={ON_THE_WAY: "Until the shadow is there", is_there: "Be a shadow"},
                otherwise="No shadow",
            ),
            "No shadow": Step(
                assigns={"verdict": _refused("it did not come to stand as a shadow beside the champion")},
                then="Tell of refusal",
            ),
            "Be a shadow": Wait(seconds=self.settings.shadow_hours * 3600),
            "Look again": self._described(),
            "Is it still there?": Choice(
                reads=("run", "serving", "status"),
                rules={ON_THE_WAY: "Until it has come", is_there: "Take shadow away"},
                otherwise="Overtaken",
            ),
            "Until it has come": Wait(seconds=POLL_S, then="Look again"),
            "Overtaken": Step(
                assigns={"verdict": _refused("another model was brought behind the endpoint while it was a shadow")},
                then="Tell of refusal",
            ),
        }

    def _going(self) -> dict[str, Step]:
        return {
            # no alarm brings this one back: the champion serves either way
            "Take shadow away": sagemaker_call(
                "updateEndpoint",
                {
                    "EndpointName": self.endpoint.name,
                    "EndpointConfigName": self._name("champion"),
                    "RetainAllVariantProperties": True,
                },
                reads=("run",),
            ),
            "Until it is gone": Wait(seconds=POLL_S),
            "Ask whether it is gone": self._described(),
            "Is it gone?": Choice(
                reads=("run", "serving", "status"),
                rules={
                    ON_THE_WAY: "Until it is gone",
                    f"{{% $serving = '{self.prefix}-' & {RUN} & '-shadow' %}}": "Shadow stays",
                },
                otherwise="Keep captured",
            ),
            "Shadow stays": Fail(
                error="ShadowStays",
                cause="The candidate's shadow could not be taken from the endpoint, whose champion serves on. It is taken away "
                'by a run with the input {"redeploy": true}.',
            ),
        }

    def _comparing(self) -> dict[str, Step]:
        settings = self.settings
        job = ProcessingJob(
            name=run_prefix(settings, SHADOW_JOB),
            image=self.endpoint.image,
            module="sagemaker_src.shadow.compare",
            arguments=[
                *("--captured", f"{MOUNT}/input/captured", "--champion", VARIANT, "--candidate", SHADOW),
                *(
                    "--champion-measured",
                    "{% $measured.champion %}",
                    "--candidate-measured",
                    "{% $measured.candidate %}",
                ),
                *("--percent", str(settings.shadow_percent), "--hours", str(settings.shadow_hours)),
                *("--most-errors-percent", str(settings.shadow_error_percent)),
                *("--most-latency-ms", str(settings.alarm_model_latency_ms)),
                *("--out", f"{MOUNT}/output/comparison"),
            ],
            inputs={"captured": run_uri(self.archive, self.captured)},
            outputs={"comparison": run_uri(self.models, COMPARISONS)},
            instance_type=settings.training_instance_type,
        )
        return {
            # of requests that nobody sent nothing is captured, and SageMaker mounts no empty prefix
            "Keep captured": Task(
                resource="aws-sdk:s3:putObject",
                arguments={
                    "Bucket": self.archive.name,
                    "Key": f"{{% '{self.captured}' & {RUN} & '/{KEEP}' %}}",
                    "Body": "",
                },
                reads=("run",),
            ),
            "Measure": Task(
                resource="aws-sdk:cloudwatch:getMetricData",
                arguments={
                    "StartTime": "{% $since %}",
                    "EndTime": "{% $now() %}",
                    "MetricDataQueries": [
                        query for variant in (VARIANT, SHADOW) for query in queries(self.endpoint.name, variant)
                    ],
                },
                reads=("since",),
                assigns={"measured": {"champion": _measured(VARIANT), "candidate": _measured(SHADOW)}},
            ),
            "Compare": job.task(self.code, self.worker, self.promotion.key_arn, reads=("measured", "run")),
            "Comparison": Task(
                resource="aws-sdk:s3:getObject",
                arguments={"Bucket": self.models.name, "Key": f"{{% '{COMPARISONS}' & {RUN} & '/comparison.json' %}}"},
                reads=("run",),
                assigns={
                    "comparison": "{% ($found := $parse($states.result.Body); "
                    "{'accepted': $found.accepted, 'why': $found.why}) %}"
                },
            ),
        }

    def _judging(self) -> dict[str, Step]:
        told = tell_of_refusal(self.promotion.bus, self.promotion.evaluations, comparisons=self.models.uri(COMPARISONS))
        return {
            "Has it passed?": Choice(
                reads=("comparison",), rules={"{% $comparison.accepted %}": "Passed"}, otherwise="Failed as a shadow"
            ),
            "Failed as a shadow": Step(
                reads=("comparison", "verdict"),
                assigns={"verdict": "{% $merge([$verdict, {'accepted': false, 'why': $comparison.why}]) %}"},
            ),
            "Tell of the shadow": replace(told, then="Champion stays"),
            "Passed": Step(
                reads=("comparison", "verdict"),
                assigns={"verdict": "{% $merge([$verdict, {'why': $verdict.why & '; ' & $comparison.why}]) %}"},
            ),
        }


def shadow_limits(settings: Settings) -> str:
    """What a shadow must keep and for how long it is one, as JSON: for who looks at it meanwhile."""
    return json.dumps(
        {
            "hours": settings.shadow_hours,
            "errors_percent": settings.shadow_error_percent,
            "latency_ms": settings.alarm_model_latency_ms,
        }
    )


def _refused(why: str) -> dict[str, object]:
    return {"accepted": False, "why": why}


def _measured(variant: str) -> str:
    """What CloudWatch has found of a variant, as the job reads it: sums over the hours, latencies (microseconds) of the worst."""

    def values(name: str) -> str:
        return f"$states.result.MetricDataResults[Id = '{variant}_{name}'].Values"

    sums = {
        "asked": f"$sum([0, {values('asked')}])",
        "errors": f"$sum([0, {values('refused')}, {values('failed')}])",
        **{f"{name}_us": f"$max([0, {values(name)}])" for name in LATENCIES},
    }
    return "{% $string({" + ", ".join(f"'{name}': {value}" for name, value in sums.items()) + "}) %}"
