"""The model's endpoint: its container, its role, its first configuration, and the alarms that take a new model back."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_applicationautoscaling as autoscaling
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from stacks.constructs.first_model import PROGRAM, FirstModel
from stacks.constructs.jobs import allow_image
from stacks.constructs.permissions import allow, allow_key, role
from stacks.constructs.storage import Store
from stacks.images import image
from stacks.names import endpoint_log_group, model_prefix
from stacks.settings import Settings

VARIANT, SHADOW = "main", "shadow"
"""The variant that serves, and that of a candidate beside it."""
MODELS = "models/"


class Endpoint(Construct):
    """The endpoint, deployed with a model that knows nothing; training puts others in its place.

    Args:
        captured: prefix of the archive under which the share of requests that is kept goes.
        shadowed: prefix of the archive for what a candidate and the champion are asked while the one is the other's shadow.
    """

    def __init__(
        self,
        scope: Construct,
        name: str,
        settings: Settings,
        *,
        key: kms.IKey,
        models: Store,
        archive: Store,
        captured: str,
        shadowed: str,
    ) -> None:
        super().__init__(scope, name)
        self._settings, self._key = settings, key
        first = FirstModel(self, "First", settings, key=key, models=models)
        self._captured = archive.uri(captured)
        self.image = image("xgboost", settings.region)
        self.role = role(self, "Role", "sagemaker.amazonaws.com", "The model's endpoint")
        self._permissions(first, models, archive, [captured] + [shadowed] * bool(settings.shadow_percent))
        model = sagemaker.CfnModel(
            self,
            "BootstrapModel",
            execution_role_arn=self.role.role_arn,
            enable_network_isolation=True,
            primary_container=_l1(self.container(first.url)),
        )
        model.node.add_dependency(self.role, first.copied)
        configuration = sagemaker.CfnEndpointConfig(
            self,
            "BootstrapConfiguration",
            kms_key_id=key.key_arn,
            production_variants=[_l1(self.variant(model.attr_model_name))],
            data_capture_config=_l1(self.capture()) if settings.captured_percent else None,
        )
        self.resource = sagemaker.CfnEndpoint(
            self,
            "Endpoint",
            # known beforehand, for its logs are named after it; only another name would replace it
            endpoint_name=model_prefix(settings),
            endpoint_config_name=configuration.attr_endpoint_config_name,
        )
        self.name = self.resource.attr_endpoint_name
        self.arn = self.resource.ref
        if settings.endpoint_grows:
            self._autoscaling()
        self.alarms = self._alarms()

    def container(self, model_url: str) -> dict[str, Any]:
        """The container of a model, in the form of SageMaker's API.

        Isolated from the network, it cannot fetch its program: it comes in the model's archive.
        """
        return {
            "Image": self.image,
            "ModelDataUrl": model_url,
            "Environment": {
                "SAGEMAKER_PROGRAM": "inference.py",
                "SAGEMAKER_SUBMIT_DIRECTORY": f"/opt/ml/model/{PurePosixPath(PROGRAM).parent}",
                # the container installs its program as a package; 0 keeps pip from asking an index for setuptools
                "PIP_NO_BUILD_ISOLATION": "0",
                "SAGEMAKER_REGION": cdk.Stack.of(self).region,
            },
        }

    def variant(self, model_name: str) -> dict[str, Any]:
        """The endpoint's only production variant with a model, in the form of SageMaker's API."""
        return {
            "VariantName": VARIANT,
            "ModelName": model_name,
            "InstanceType": self._settings.endpoint_instance_type,
            "InitialInstanceCount": self._settings.endpoint_instances_least,
            "InitialVariantWeight": 1,
        }

    def shadow(self, model_name: str) -> dict[str, Any]:
        """A shadow variant with a model: its share of the requests is the ratio of the variants' weights."""
        weight = self._settings.shadow_percent / 100
        return {**self.variant(model_name), "VariantName": SHADOW, "InitialVariantWeight": weight}

    def capture(self, destination: str | None = None, *, percent: int | None = None) -> dict[str, Any]:
        """Which requests and answers are kept, in the form of SageMaker's API.

        Args:
            destination: an S3 URI; that of all requests unless it is given.
            percent: share of the requests; that of the settings unless it is given.
        """
        return {
            "EnableCapture": True,
            "InitialSamplingPercentage": self._settings.captured_percent if percent is None else percent,
            "DestinationS3Uri": destination or self._captured,
            "KmsKeyId": self._key.key_arn,
            "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
        }

    def update(self) -> dict[str, Any]:
        """How a new model takes over, in the form of SageMaker's API: watched, and taken back if an alarm goes off."""
        routing: dict[str, Any] = {
            "Type": "ALL_AT_ONCE",
            "WaitIntervalInSeconds": self._settings.canary_wait_s,
        }
        if self._settings.canary_percent:
            size = {"Type": "CAPACITY_PERCENT", "Value": self._settings.canary_percent}
            routing |= {"Type": "CANARY", "CanarySize": size}
        return {
            "BlueGreenUpdatePolicy": {
                "TrafficRoutingConfiguration": routing,
                "TerminationWaitInSeconds": self._settings.canary_wait_s,
                "MaximumExecutionTimeoutInSeconds": 4 * 3600,
            },
            "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": alarm.alarm_name} for alarm in self.alarms]},
        }

    def metric(self, name: str, statistic: str, **more: Any) -> cloudwatch.Metric:
        """A metric of the endpoint's."""
        return cloudwatch.Metric(
            namespace="AWS/SageMaker",
            metric_name=name,
            dimensions_map={"EndpointName": self.name, "VariantName": VARIANT},
            statistic=statistic,
            period=cdk.Duration.minutes(1),
            **more,
        )

    def _permissions(self, first: FirstModel, models: Store, archive: Store, captured: list[str]) -> None:
        allow(self.role, ["s3:GetObject"], [first.arn])
        because = "Each training run's model has a name of its own."
        allow(self.role, ["s3:GetObject"], [models.objects(MODELS)], because=because)
        allow(self.role, ["s3:ListBucket"], [models.arn])
        because = "The endpoint names what it captures."
        allow(self.role, ["s3:PutObject"], [archive.objects(prefix) for prefix in captured], because=because)
        allow_image(self.role, self.image)
        allow_key(self.role, self._key.key_arn, for_volumes=True)
        logs = cdk.Stack.of(self).format_arn(
            service="logs",
            resource="log-group",
            resource_name=f"{endpoint_log_group(self._settings)}:*",
            arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
        )
        allow(
            self.role,
            ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"],
            [logs],
            because="SageMaker names the streams of the endpoint's log group.",
        )

    def _autoscaling(self) -> None:
        target = autoscaling.CfnScalableTarget(
            self,
            "Scaling",
            service_namespace="sagemaker",
            scalable_dimension="sagemaker:variant:DesiredInstanceCount",
            resource_id=f"endpoint/{self.name}/variant/{VARIANT}",
            min_capacity=self._settings.endpoint_instances_least,
            max_capacity=self._settings.endpoint_instances_most,
        )
        autoscaling.CfnScalingPolicy(
            self,
            "ScalingPolicy",
            policy_name="calls-a-machine",
            policy_type="TargetTrackingScaling",
            scaling_target_id=target.ref,
            target_tracking_scaling_policy_configuration={
                "targetValue": self._settings.endpoint_calls_a_minute,
                "predefinedMetricSpecification": {"predefinedMetricType": "SageMakerVariantInvocationsPerInstance"},
                "scaleOutCooldown": 60,
                "scaleInCooldown": 300,
            },
        )

    def _alarms(self) -> list[cloudwatch.Alarm]:
        latency_us = self._settings.alarm_model_latency_ms * 1000
        watched = (
            ("Errors", self.metric("Invocation5XXErrors", "Sum"), 1, "The endpoint answers with errors"),
            ("Refusals", self.metric("Invocation4XXErrors", "Sum"), 1, "The endpoint rejects what `decide` sends"),
            ("Latency", self.metric("ModelLatency", "p99"), latency_us, "The endpoint's latency is high"),
        )
        return [
            cloudwatch.Alarm(
                self,
                name,
                metric=metric,
                threshold=threshold,
                evaluation_periods=2,
                comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
                treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
                alarm_description=says,
            )
            for name, metric, threshold, says in watched
        ]


def _l1(api: Any) -> Any:
    """A value in the form of an API, with the names that CDK gives them."""
    if isinstance(api, dict):
        return {
            name[0].lower() + name[1:] if name[0].isupper() and not name.isupper() else name: _l1(value)
            for name, value in api.items()
        }
    return [_l1(part) for part in api] if isinstance(api, list) else api
