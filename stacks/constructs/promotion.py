"""From a trained model to the endpoint: the gate, registration, and taking over behind a canary and its alarms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from stacks.constructs.endpoint import Endpoint
from stacks.constructs.state_machine import RUN, sagemaker_call
from stacks.constructs.steps import Choice, Fail, Step, Succeed, Task, Wait
from stacks.settings import Settings

EVALUATIONS = "evaluations/"
"""Prefix of the models bucket: what the gate judges by."""
GATE_RETRIES = [
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
    """

    settings: Settings
    key_arn: str
    endpoint: Endpoint
    gate_arn: str
    registry: str
    prefix: str

    def steps(self) -> dict[str, Step]:
        """The steps, in order."""
        return {**self._judging(), **self._deploying(), **self._watching()}

    def _judging(self) -> dict[str, Step]:
        evaluation = f"{{% '{EVALUATIONS}' & {RUN} & '/evaluation.json' %}}"
        return {
            "Gate": Task(
                resource="lambda:invoke",
                arguments={
                    "FunctionName": self.gate_arn,
                    "Payload": {"evaluation_key": evaluation, "run": f"{{% {RUN} %}}"},
                },
                reads=("run",),
                assigns={"verdict": "{% $states.result.Payload %}"},
                output="{% $states.result.Payload %}",
                retry=GATE_RETRIES,
            ),
            "Accepted?": Choice(
                reads=("verdict",), rules={"{% $verdict.accepted %}": "Register"}, otherwise="Champion stays"
            ),
            "Champion stays": Succeed(),
        }

    def _deploying(self) -> dict[str, Step]:
        container = self.endpoint.container("{% $model %}")
        model_name = f"{{% '{self.prefix}-' & {RUN} %}}"
        tags = [{"Key": "card-fraud:env", "Value": self.settings.env}]
        capture = {"DataCaptureConfig": self.endpoint.capture()} if self.settings.captured_percent else {}
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
                assigns={"registered": "{% $states.result.ModelPackageArn %}"},
            ),
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
            "Wait": Wait(seconds=30),
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
                    "{% $status in ['Creating', 'Updating', 'SystemUpdating', 'RollingBack'] %}": "Wait",
                    f"{{% $status = 'InService' and $serving = '{self.prefix}-' & {RUN} %}}": "Approve",
                    # a champion that does not come back is the champion still
                    "{% $again %}": "Rolled back",
                },
                otherwise="Reject",
            ),
            "Approve": _decided(
                "Approved", reads=("run", "verdict"), output={"run": f"{{% {RUN} %}}", "verdict": "{% $verdict %}"}
            ),
            "New champion": Succeed(),
            "Reject": _decided("Rejected"),
            "Rolled back": Fail(
                error="RolledBack",
                cause="An alarm went off while the new model took over, so the endpoint serves the one before.",
            ),
        }


def _decided(status: str, *, reads: Sequence[str] = (), output: Mapping[str, str] | None = None) -> Step:
    given = {"ModelPackageArn": "{% $registered %}", "ModelApprovalStatus": status}
    return sagemaker_call("updateModelPackage", given, reads=("registered", *reads), output=output)
