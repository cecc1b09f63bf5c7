"""From a trained model to the endpoint: the gate, registration, and taking over behind a canary and its alarms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from stacks.constructs.endpoint import Endpoint
from stacks.constructs.state_machine import RUN, sagemaker_call
from stacks.constructs.steps import Choice, Fail, Step, Succeed, Task, Wait
from stacks.settings import Settings

EVALUATIONS = "evaluations/"
"""Prefix of the models bucket: what the gate judges by."""
SERVES = "Model serves"
"""The type of the event that says which model serves and why."""
AWAITS = "Model awaits approval"
"""The type of the event that says which registered candidate a person is to promote, and by what it was accepted."""
REFUSED = "Model refused"
"""The type of the event that says which candidate was not deployed, why, and where its evaluation is."""
JUDGED = "Accepted?"
"""The state that goes on by the gate's verdict."""
POLL_S = 30
ON_THE_WAY = "{% $status in ['Creating', 'Updating', 'SystemUpdating', 'RollingBack'] %}"
"""Whether the endpoint is brought a model, at `$status`."""
FUNCTION_RETRIES = [
    {
        "ErrorEquals": ["Lambda.ServiceException", "Lambda.TooManyRequestsException"],
        "IntervalSeconds": 2,
        "BackoffRate": 2,
        "MaxAttempts": 5,
    }
]


@dataclass(frozen=True, kw_only=True)
class Promotion:
    """The steps after a model was trained, at `$model`, and evaluated.

    Attributes:
        gate_arn: the function that judges.
        registry: the group that accepted models are registered in.
        prefix: what the names of models and endpoint configurations begin with; the run's follows.
        evaluations: where evaluations are, an S3 URI that ends with EVALUATIONS.
        bus: the name of the bus that is told which model serves, and which candidate was refused.
        kept: steps between the gate's verdict and what follows from it.
        tested: steps that a candidate of the gate's goes through before it is registered; they lead to `Register`, or refuse it.
    """

    settings: Settings
    key_arn: str
    endpoint: Endpoint
    gate_arn: str
    registry: str
    prefix: str
    evaluations: str
    bus: str
    kept: Mapping[str, Step] = field(default_factory=dict)
    tested: Mapping[str, Step] = field(default_factory=dict)

    def steps(self) -> dict[str, Step]:
        """The steps, in order."""
        by_person = self._awaiting() if self.settings.approval == "person" else {}
        return {
            **self._judging(),
            **self.tested,
            **self._registering(),
            **by_person,
            **self._deploying(),
            **self._watching(),
        }

    def _judging(self) -> dict[str, Step]:
        evaluation = f"{{% '{EVALUATIONS}' & {RUN} & '/evaluation.json' %}}"
        return {
            "Gate": Task(
                resource="lambda:invoke",
                arguments={
                    "FunctionName": self.gate_arn,
                    "Payload": {"evaluation_key": evaluation, "champion": "{% $standing %}"},
                },
                reads=("run", "standing"),
                assigns={"verdict": "{% $states.result.Payload %}"},
                output="{% $states.result.Payload %}",
                retry=FUNCTION_RETRIES,
            ),
            **self.kept,
            JUDGED: Choice(
                reads=("verdict",),
                rules={"{% $verdict.accepted %}": next(iter(self.tested), "Register")},
                otherwise="Tell of refusal",
            ),
            "Tell of refusal": tell_of_refusal(self.bus, self.evaluations),
            "Champion stays": Succeed(),
        }

    def _registering(self) -> dict[str, Step]:
        """The candidate into the registry: pending until it serves, or until a person promotes it."""
        container = self.endpoint.container("{% $model %}")
        becomes = "awaits approval" if self.settings.approval == "person" else "serves"
        version = "$split($states.result.ModelPackageArn, '/')[-1]"
        return {
            "Register": sagemaker_call(
                "createModelPackage",
                {
                    "ModelPackageGroupName": self.registry,
                    # until it serves: the champion is the newest approved one
                    "ModelApprovalStatus": "PendingManualApproval",
                    "CustomerMetadataProperties": "{% $verdict.metadata %}",
                    "InferenceSpecification": {
                        "Containers": [container],
                        "SupportedContentTypes": [
                            "application/json",
                            "text/csv",
                            "application/x-npy",
                            "application/x-named-npy",
                        ],
                        "SupportedResponseMIMETypes": ["application/json", "text/csv"],
                    },
                },
                reads=("model", "verdict"),
                assigns={
                    "registered": "{% $states.result.ModelPackageArn %}",
                    "sentence": f"{{% 'model v' & {version} & ' {becomes}: ' & $verdict.why %}}",
                },
            ),
        }

    def _awaiting(self) -> dict[str, Step]:
        """Where a person approves: says so, and ends. The endpoint is untouched until `fraud models promote`."""
        says = {
            "run": f"{{% {RUN} %}}",
            "sentence": "{% $sentence %}",
            "package": "{% $registered %}",
            "evaluation": f"{{% '{self.evaluations}' & {RUN} & '/evaluation.json' %}}",
        }
        entry = {"EventBusName": self.bus, "Source": "card-fraud", "DetailType": AWAITS, "Detail": says}
        return {
            "Tell that it awaits": Task(
                resource="events:putEvents",
                arguments={"Entries": [entry]},
                reads=("registered", "run", "sentence"),
                output=says,
            ),
            "Awaits approval": Succeed(),
        }

    def _deploying(self) -> dict[str, Step]:
        container = self.endpoint.container("{% $model %}")
        model_name = f"{{% '{self.prefix}-' & {RUN} %}}"
        tags = [{"Key": "card-fraud:env", "Value": self.settings.env}]
        capture = {"DataCaptureConfig": self.endpoint.capture()} if self.settings.captured_percent else {}
        return {
            "Create model": sagemaker_call(
                "createModel",
                {
                    "ModelName": model_name,
                    "ExecutionRoleArn": self.endpoint.role.role_arn,
                    "EnableNetworkIsolation": True,
                    "PrimaryContainer": container,
                    "Tags": tags,
                },
                reads=("model", "run"),
            ),
            "Create configuration": sagemaker_call(
                "createEndpointConfig",
                {
                    "EndpointConfigName": model_name,
                    "KmsKeyId": self.key_arn,
                    "ProductionVariants": [self.endpoint.variant(model_name)],
                    "Tags": tags,
                    **capture,
                },
                reads=("run",),
            ),
            "Update endpoint": sagemaker_call(
                "updateEndpoint",
                {
                    "EndpointName": self.endpoint.name,
                    "EndpointConfigName": model_name,
                    "RetainAllVariantProperties": True,
                    "DeploymentConfig": self.endpoint.update(),
                },
                reads=("run",),
            ),
        }

    def _watching(self) -> dict[str, Step]:
        return {
            "Wait": Wait(seconds=POLL_S),
            "Ask endpoint": sagemaker_call(
                "describeEndpoint",
                {"EndpointName": self.endpoint.name},
                assigns={
                    "status": "{% $states.result.EndpointStatus %}",
                    "serving": "{% $states.result.EndpointConfigName %}",
                },
            ),
            "Taken over?": Choice(
                reads=("again", "run", "serving", "status"),
                rules={
                    ON_THE_WAY: "Wait",
                    f"{{% $status = 'InService' and $serving = '{self.prefix}-' & {RUN} %}}": "Approve",
                    # a champion that does not come back is the champion still
                    "{% $again %}": "Rolled back",
                },
                otherwise="Reject",
            ),
            "Approve": _decided("Approved"),
            "Tell": tell(self.bus, verdict="{% $verdict %}"),
            "New champion": Succeed(),
            "Reject": _decided("Rejected"),
            "Rolled back": Fail(
                error="RolledBack",
                cause="An alarm went off while the new model took over, so the endpoint serves the one before.",
            ),
        }


def tell(bus: str, **more: str) -> Task:
    """A step that says in an event which model serves: the sentence at `$sentence`, which the step's output holds, too."""
    says = {"run": f"{{% {RUN} %}}", "sentence": "{% $sentence %}"}
    entry = {"EventBusName": bus, "Source": "card-fraud", "DetailType": SERVES, "Detail": says}
    return Task(
        resource="events:putEvents",
        arguments={"Entries": [entry]},
        reads=("run", "sentence", *more),
        output={**says, **more},
    )


def tell_of_refusal(bus: str, evaluations: str, comparisons: str | None = None) -> Task:
    """A step that says in an event why a candidate, by the verdict at `$verdict`, is not deployed. Its output is the verdict.

    Args:
        evaluations: see `Promotion`.
        comparisons: where comparisons with the champion are, an S3 URI, if this one was refused by that.
    """
    says = {
        "run": f"{{% {RUN} %}}",
        "sentence": "{% 'the candidate is refused: ' & $verdict.why %}",
        "evaluation": f"{{% '{evaluations}' & {RUN} & '/evaluation.json' %}}",
        **({"comparison": f"{{% '{comparisons}' & {RUN} & '/comparison.html' %}}"} if comparisons else {}),
    }
    entry = {"EventBusName": bus, "Source": "card-fraud", "DetailType": REFUSED, "Detail": says}
    return Task(
        resource="events:putEvents",
        arguments={"Entries": [entry]},
        reads=("run", "verdict"),
        output="{% $verdict %}",
    )


def _decided(status: str) -> Step:
    given = {"ModelPackageArn": "{% $registered %}", "ModelApprovalStatus": status}
    return sagemaker_call("updateModelPackage", given, reads=("registered",))
