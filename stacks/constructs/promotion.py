"""From a trained model to the endpoint: the gate, registration, and taking over behind a canary and its alarms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import aws_cdk as cdk

from stacks.constructs.endpoint import Endpoint
from stacks.constructs.state_machine import RUN, sagemaker_call
from stacks.settings import Settings

EVALUATIONS = "evaluations/"
"""Prefix of the models bucket: what the gate judges by."""


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

    def steps(self) -> dict[str, Any]:
        """The states, in order."""
        return {**self._judging(), **self._deploying()}

    def _judging(self) -> dict[str, Any]:
        return {
            "Gate": {
                "Type": "Task",
                "Resource": f"arn:{cdk.Aws.PARTITION}:states:::lambda:invoke",
                "Arguments": {
                    "FunctionName": self.gate_arn,
                    "Payload": {
                        "evaluation_key": f"{{% '{EVALUATIONS}' & {RUN} & '/evaluation.json' %}}",
                        "run": f"{{% {RUN} %}}",
                    },
                },
                "Assign": {"verdict": "{% $states.result.Payload %}"},
                "Output": "{% $states.result.Payload %}",
                "Retry": [
                    {
                        "ErrorEquals": ["Lambda.ServiceException", "Lambda.TooManyRequestsException"],
                        "IntervalSeconds": 2,
                        "BackoffRate": 2,
                        "MaxAttempts": 5,
                    }
                ],
            },
            "Accepted?": {
                "Type": "Choice",
                "Choices": [{"Condition": "{% $verdict.accepted %}", "Next": "Register"}],
                "Default": "Champion stays",
            },
            "Champion stays": {"Type": "Succeed"},
        }

    def _deploying(self) -> dict[str, Any]:
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
                        "SupportedContentTypes": ["application/json", "text/csv", "application/x-npy"],
                        "SupportedResponseMIMETypes": ["application/json", "text/csv"],
                    },
                },
            )
            | {"Assign": {"registered": "{% $states.result.ModelPackageArn %}"}},
            "Create model": sagemaker_call(
                "createModel",
                {
                    "ModelName": model_name,
                    "ExecutionRoleArn": self.endpoint.role.role_arn,
                    "EnableNetworkIsolation": True,
                    "PrimaryContainer": container,
                    "Tags": tags,
                },
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
            ),
            "Update endpoint": sagemaker_call(
                "updateEndpoint",
                {
                    "EndpointName": self.endpoint.name,
                    "EndpointConfigName": model_name,
                    "RetainAllVariantProperties": True,
                    "DeploymentConfig": self.endpoint.update(),
                },
            ),
            "Wait": {"Type": "Wait", "Seconds": 30},
            "Ask endpoint": {
                **sagemaker_call("describeEndpoint", {"EndpointName": self.endpoint.name}),
                "Assign": {
                    "status": "{% $states.result.EndpointStatus %}",
                    "serving": "{% $states.result.EndpointConfigName %}",
                },
            },
            "Taken over?": {
                "Type": "Choice",
                "Choices": [
                    {
                        "Condition": "{% $status in ['Creating', 'Updating', 'SystemUpdating', 'RollingBack'] %}",
                        "Next": "Wait",
                    },
                    {
                        "Condition": f"{{% $status = 'InService' and $serving = '{self.prefix}-' & {RUN} %}}",
                        "Next": "Approve",
                    },
                    # a champion that does not come back is the champion still
                    {"Condition": "{% $again %}", "Next": "Rolled back"},
                ],
                "Default": "Reject",
            },
            "Approve": {
                **_decide("Approved"),
                "Output": {"run": f"{{% {RUN} %}}", "verdict": "{% $verdict %}"},
            },
            "New champion": {"Type": "Succeed"},
            "Reject": _decide("Rejected"),
            "Rolled back": {
                "Type": "Fail",
                "Error": "RolledBack",
                "Cause": "An alarm went off while the new model took over, so the endpoint serves the one before.",
            },
        }


def _decide(status: str) -> dict[str, Any]:
    given = {"ModelPackageArn": "{% $registered %}", "ModelApprovalStatus": status}
    return sagemaker_call("updateModelPackage", given)
