"""Resource types that the emulator lacks, or keeps without anything behind them: what each becomes here.

A type is made by the calls that CloudFormation itself would make, through the emulated AWS's own address, as the account's root.
What is only written down has nothing behind it: see `RECORDED`.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from emulator.account import arn
from emulator.clients import Clients
from emulator.hosted import ministack
from emulator.hosted.deliveries import Mappings
from emulator.hosted.feature_groups import FeatureGroupUpdate
from emulator.hosted.fraud_detector_types import types as fraud_detector_types
from emulator.hosted.glue_types import types as glue_types
from emulator.protocol.shapes import coerce
from emulator.protocol.wire import method_name, service_model
from engines.waiting import wait_until

Properties = dict[str, Any]
Made = tuple[str, dict[str, Any]]
"""A physical id and the attributes."""

ENDPOINT_TIMEOUT_S = 300


class MadeByCalls:
    """A type that one call creates and one deletes.

    Args:
        service: in botocore's name.
        kind: as in the operations' names, as `EndpointConfig` in CreateEndpointConfig.
        name: the property that holds its name; made up if a template leaves it out.
        by_arn: whether `Ref` gives its ARN rather than its name.
        prepare: a template's properties in the form of the call.
    """

    def __init__(
        self,
        clients: Clients,
        service: str,
        kind: str,
        name: str,
        *,
        by_arn: bool = True,
        prepare: Callable[[Properties], Properties] = dict,
    ) -> None:
        self._clients, self._service, self._kind, self._name = clients, service, kind, name
        self._by_arn, self._prepare = by_arn, prepare

    def create(self, logical_id: str, properties: Properties, stack: str) -> Made:
        given = {self._name: f"{stack}-{logical_id}-{uuid.uuid4().hex[:8]}"[-63:].lstrip("-"), **properties}
        answer = self._call("Create", self._prepare(given))
        name = given[self._name]
        found = next((value for key, value in answer.items() if key.lower().endswith("arn")), name)
        return (found if self._by_arn else name), {self._name: name, "Arn": found, f"{self._kind}Arn": found}

    def delete(self, physical_id: str, _properties: Properties) -> None:
        self._call("Delete", {self._name: physical_id.rsplit("/", 1)[-1]})

    def handlers(self) -> dict[str, Callable[..., Any]]:
        """As CloudFormation calls them."""
        return {"create": self.create, "delete": self.delete}

    def _call(self, verb: str, properties: Properties) -> dict[str, Any]:
        operation = f"{verb}{self._kind}"
        shape = service_model(self._service).operation_model(operation).input_shape
        unknown = {key.lower() for key in properties} - {name.lower() for name in shape.members}
        if unknown:
            raise ValueError(f"{operation} has no {', '.join(sorted(unknown))}")
        client = self._clients.admin(self._service)
        return dict(getattr(client, method_name(operation))(**coerce(shape, properties)))


class EndpointType(MadeByCalls):
    """An endpoint, which takes a while; its update takes another configuration."""

    def create(self, logical_id: str, properties: Properties, stack: str) -> Made:
        made = super().create(logical_id, properties, stack)
        self._wait(made[1]["EndpointName"])
        return made

    def update(self, physical_id: str, _old: Properties, new: Properties, _stack: str) -> Made:
        name = physical_id.rsplit("/", 1)[-1]
        config = new["EndpointConfigName"].rsplit("/", 1)[-1]
        self._clients.admin("sagemaker").update_endpoint(EndpointName=name, EndpointConfigName=config)
        self._wait(name)
        return physical_id, {"EndpointName": name, "Arn": physical_id, "EndpointArn": physical_id}

    def handlers(self) -> dict[str, Callable[..., Any]]:
        return {**super().handlers(), "update": self.update}

    def _wait(self, name: str) -> None:
        def serves() -> bool:
            found = self._clients.admin("sagemaker").describe_endpoint(EndpointName=name)
            if found["EndpointStatus"] == "Failed":
                raise ValueError(f"{name}: {found.get('FailureReason', '')}")
            return bool(found["EndpointStatus"] == "InService")

        wait_until(
            serves, ENDPOINT_TIMEOUT_S, lambda: ValueError(f"{name} was not in service after {ENDPOINT_TIMEOUT_S} s")
        )


class Recorded:
    """A type that is written down and nothing more.

    Args:
        attributes: what `Fn::GetAtt` may ask for.
    """

    def __init__(self, *attributes: str) -> None:
        self._attributes = attributes

    def create(self, logical_id: str, _properties: Properties, stack: str) -> Made:
        physical_id = f"{stack}-{logical_id}-{uuid.uuid4().hex[:8]}"
        return physical_id, dict.fromkeys(self._attributes, physical_id)

    def handlers(self) -> dict[str, Callable[..., Any]]:
        """As CloudFormation calls them."""
        return {"create": self.create, "delete": lambda _physical_id, _properties: None}


def _serverless(properties: Properties) -> Properties:
    networks = [
        {"SubnetIds": one["SubnetIds"], "SecurityGroupIds": one.get("SecurityGroups", [])}
        for one in properties["VpcConfigs"]
    ]
    inner = {"VpcConfigs": networks, "ClientAuthentication": properties["ClientAuthentication"]}
    named: Properties = {name: properties[name] for name in ("ClusterName", "Tags") if name in properties}
    return {**named, "Serverless": inner}


def _provisioned(properties: Properties) -> Properties:
    outer = {name: value for name, value in properties.items() if name in ("ClusterName", "Tags")}
    return {**outer, "Provisioned": _without(*outer)(properties)}


def _without(*names: str) -> Callable[[Properties], Properties]:
    return lambda properties: {name: value for name, value in properties.items() if name not in names}


def _config_by_name(properties: Properties) -> Properties:
    kept = _without("RetainAllVariantProperties", "ExcludeRetainedVariantProperties")(properties)
    return {**kept, "EndpointConfigName": properties["EndpointConfigName"].rsplit("/", 1)[-1]}


def _models_by_name(properties: Properties) -> Properties:
    variants = [{**one, "ModelName": one["ModelName"].rsplit("/", 1)[-1]} for one in properties["ProductionVariants"]]
    return {**properties, "ProductionVariants": variants}


class ClusterType(MadeByCalls):
    """A cluster: the call that deletes one is an older one."""

    def delete(self, physical_id: str, _properties: Properties) -> None:
        self._clients.admin("kafka").delete_cluster(ClusterArn=physical_id)


class ApplicationType(MadeByCalls):
    """A stream application. It is updated in place; another name is another application.

    The call that deletes one wants to know when it was made, as CloudFormation does.
    """

    def update(self, physical_id: str, old: Properties, new: Properties, stack: str) -> Made:
        if new.get("ApplicationName", physical_id) != physical_id:
            return self.create(physical_id, new, stack)
        asked: Properties = {}
        for name, member in (
            ("ServiceExecutionRole", "ServiceExecutionRoleUpdate"),
            ("RuntimeEnvironment", "RuntimeEnvironmentUpdate"),
        ):
            if new[name] != old[name]:
                asked[member] = new[name]
        before, after = old["ApplicationConfiguration"], new["ApplicationConfiguration"]
        if changed := {name: value for name, value in after.items() if value != before.get(name)}:
            asked["ApplicationConfigurationUpdate"] = _as_update(changed)
        client = self._clients.admin("kinesisanalyticsv2")
        shape = service_model(self._service).operation_model("UpdateApplication").input_shape
        version = client.describe_application(ApplicationName=physical_id)["ApplicationDetail"]["ApplicationVersionId"]
        given = {"ApplicationName": physical_id, "CurrentApplicationVersionId": version, **asked}
        client.update_application(**coerce(shape, given))
        return physical_id, {"ApplicationName": physical_id}

    def handlers(self) -> dict[str, Callable[..., Any]]:
        return {**super().handlers(), "update": self.update}

    def delete(self, physical_id: str, _properties: Properties) -> None:
        client = self._clients.admin("kinesisanalyticsv2")
        made = client.describe_application(ApplicationName=physical_id)["ApplicationDetail"]["CreateTimestamp"]
        client.delete_application(ApplicationName=physical_id, CreateTimestamp=made)


def _as_update(configuration: Properties) -> Properties:
    """A configuration in the form of an update.

    >>> _as_update({"EnvironmentProperties": {"PropertyGroups": []}, "FlinkApplicationConfiguration": {"Parallelism": 1}})
    {'EnvironmentPropertyUpdates': {'PropertyGroups': []}, 'FlinkApplicationConfigurationUpdate': {'ParallelismUpdate': 1}}
    """
    update: Properties = {}
    for name, value in configuration.items():
        if name == "EnvironmentProperties":
            update["EnvironmentPropertyUpdates"] = value
        else:
            update[f"{name}Update"] = _as_update(value) if isinstance(value, dict) else value
    return update


def _alarms() -> dict[str, Callable[..., Any]]:
    """Alarms on one metric are the emulator's, and evaluated; those on an expression over several are written down."""
    theirs = ministack.type_handlers("AWS::CloudWatch::Alarm")

    def create(logical_id: str, properties: Properties, stack: str) -> Made:
        if "Metrics" not in properties:
            made: Made = theirs["create"](logical_id, properties, stack)
            return made
        name = Recorded().create(logical_id, properties, stack)[0]
        return name, {"Arn": arn("cloudwatch", f"alarm:{name}")}

    def update(physical_id: str, old: Properties, new: Properties, *place: str) -> Made:
        if ("Metrics" in old) != ("Metrics" in new):
            raise ValueError(f"{physical_id}: from one metric to an expression, or back, is not implemented here")
        if "Metrics" not in new:
            updated: Made = theirs["update"](physical_id, old, new, *place)
            return updated
        return physical_id, {"Arn": arn("cloudwatch", f"alarm:{physical_id}")}

    return {**theirs, "create": create, "update": update}


RECORDED = {
    "AWS::ApplicationAutoScaling::ScalableTarget": Recorded("Id"),
    "AWS::ApplicationAutoScaling::ScalingPolicy": Recorded("Arn"),
    "AWS::EC2::SecurityGroupIngress": Recorded("Id"),
    "AWS::EC2::SecurityGroupEgress": Recorded("Id"),
    "AWS::EC2::FlowLog": Recorded("Id"),
    "AWS::EC2::EIP": Recorded("AllocationId", "PublicIp"),
    "AWS::EC2::NatGateway": Recorded("NatGatewayId"),
    "AWS::Events::Archive": Recorded("Arn", "ArchiveName"),
    "AWS::KinesisAnalyticsV2::ApplicationCloudWatchLoggingOption": Recorded("Id"),
    "AWS::Logs::QueryDefinition": Recorded("QueryDefinitionId"),
    "AWS::MSK::ClusterPolicy": Recorded("CurrentVersion"),
    "AWS::MSK::Configuration": Recorded("Arn", "LatestRevision.Revision"),
}
"""Types without anything behind them."""


def types(clients: Clients, mappings: Mappings) -> dict[str, dict[str, Callable[..., Any]]]:
    """{type: how CloudFormation makes it} of all types of this host."""
    sagemaker = "sagemaker"
    made: dict[str, MadeByCalls] = {
        "AWS::SageMaker::Model": MadeByCalls(clients, sagemaker, "Model", "ModelName"),
        "AWS::SageMaker::EndpointConfig": MadeByCalls(
            clients, sagemaker, "EndpointConfig", "EndpointConfigName", prepare=_models_by_name
        ),
        "AWS::SageMaker::Endpoint": EndpointType(
            clients, sagemaker, "Endpoint", "EndpointName", prepare=_config_by_name
        ),
        "AWS::SageMaker::FeatureGroup": MadeByCalls(
            clients, sagemaker, "FeatureGroup", "FeatureGroupName", by_arn=False
        ),
        "AWS::SageMaker::ModelPackageGroup": MadeByCalls(
            clients, sagemaker, "ModelPackageGroup", "ModelPackageGroupName"
        ),
        "AWS::SageMaker::MlflowTrackingServer": MadeByCalls(
            clients, sagemaker, "MlflowTrackingServer", "TrackingServerName", by_arn=False
        ),
        "AWS::MSK::ServerlessCluster": ClusterType(clients, "kafka", "ClusterV2", "ClusterName", prepare=_serverless),
        "AWS::MSK::Cluster": ClusterType(clients, "kafka", "ClusterV2", "ClusterName", prepare=_provisioned),
        "AWS::KinesisAnalyticsV2::Application": ApplicationType(
            clients,
            "kinesisanalyticsv2",
            "Application",
            "ApplicationName",
            by_arn=False,
            prepare=_without("RunConfiguration", "ApplicationMaintenanceConfiguration"),
        ),
    }
    updated = {"AWS::SageMaker::FeatureGroup": {"update": FeatureGroupUpdate(clients)}}
    return {
        **{name: {**one.handlers(), **updated.get(name, {})} for name, one in made.items()},
        **{name: one.handlers() for name, one in RECORDED.items()},
        **glue_types(clients),
        **fraud_detector_types(clients),
        "AWS::Lambda::EventSourceMapping": mappings.handlers(),
        "AWS::CloudWatch::Alarm": _alarms(),
    }
