"""The stream job on Managed Service for Apache Flink: transactions in, features out."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_kinesisanalyticsv2 as flink
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3_assets as s3_assets
from constructs import Construct

from flink_src.properties import JobProperties
from flink_src.version import job_version, read_back_ms
from stacks.assets import stream_code
from stacks.constructs.functions import allow_network
from stacks.constructs.kafka import FEATURES_TOPICS, TRANSACTIONS_TOPIC, Cluster
from stacks.constructs.logs import log_group
from stacks.constructs.network import Network
from stacks.constructs.permissions import allow, allow_key, role
from stacks.names import stream_prefix
from stacks.settings import Settings

RUNTIME = "FLINK-2_2"
CHECKPOINT_MS = 10_000
"""How far a restart goes back at most."""
GROUP = "stream-features-"
"""What the name of each job's consumer group begins with; its version follows."""

IAM_CLIENT = {
    "properties.security.protocol": "SASL_SSL",
    "properties.sasl.mechanism": "AWS_MSK_IAM",
    "properties.sasl.jaas.config": "software.amazon.msk.auth.iam.IAMLoginModule required;",
    "properties.sasl.client.callback.handler.class": "software.amazon.msk.auth.iam.IAMClientCallbackHandler",
}
"""How the job's Kafka clients prove themselves."""


def stream_version(settings: Settings) -> str:
    """The version of the stream job that these settings ask for (see `flink_src.version`)."""
    return job_version(_properties(settings), RUNTIME)


def _properties(settings: Settings) -> JobProperties:
    return JobProperties(
        bootstrap_servers="",
        partitions=settings.partitions,
        undeclared_fields=settings.undeclared_fields,
        # a replayer brings its own heartbeats, with the data's time
        heartbeat=not settings.replay,
        heartbeat_interval_ms=settings.heartbeat_ms,
        flush_interval_ms=settings.flush_ms,
    )


class StreamJob(Construct):
    """The application. It is created at rest; `start_stream` starts it.

    Another version is another application, with a topic and a role of its own, so that it can stand beside the one before.

    Args:
        version: as `stream_version` gives it.
        brokers: HOST:PORT, several separated by commas.

    Attributes:
        application: the resource; its name ends with the version.
        group: its consumer group.
        topic: that it writes.
    """

    def __init__(
        self,
        scope: Construct,
        name: str,
        settings: Settings,
        *,
        version: str,
        cluster: Cluster,
        brokers: str,
        network: Network,
        key: kms.IKey,
    ) -> None:
        super().__init__(scope, f"{name}{version}")
        self.group, self.topic = f"{GROUP}{version}", f"{FEATURES_TOPICS}{version}"
        code = s3_assets.Asset(self, "Code", path=str(stream_code()))
        group = log_group(self, "Logs", settings, key)
        stream = logs.CfnLogStream(self, "LogStream", log_group_name=group.log_group_name)
        worker = role(self, "Role", "kinesisanalytics.amazonaws.com", "The stream job")
        allow(
            worker,
            ["s3:GetObject", "s3:GetObjectVersion"],
            [code.bucket.arn_for_objects(code.s3_object_key)],
        )
        cluster.may_connect(worker, writes=True)
        cluster.may_read(worker, TRANSACTIONS_TOPIC, self.group)
        cluster.may_write(worker, [TRANSACTIONS_TOPIC, self.topic])
        allow(
            worker,
            ["logs:PutLogEvents", "logs:DescribeLogStreams"],
            [group.log_group_arn],
        )
        allow_network(worker)
        allow(
            worker,
            ["ec2:CreateNetworkInterfacePermission", "ec2:DescribeDhcpOptions"],
            ["*"],
            because="Describing has no resource, and an interface has no name before it is made.",
        )
        allow_key(worker, key.key_arn)
        self.application = flink.CfnApplication(
            self,
            "Application",
            # not CloudFormation's: whoever starts it may start those of all versions
            application_name=f"{stream_prefix(settings)}{version}",
            application_description="Each transaction with the features of its card's recent past",
            runtime_environment=RUNTIME,
            service_execution_role=worker.role_arn,
            application_configuration=self._configuration(settings, code, brokers, network, key),
        )
        self.application.node.add_dependency(worker)
        place = f"log-group:{group.log_group_name}:log-stream:{stream.ref}"
        option = flink.CfnApplicationCloudWatchLoggingOption(
            self,
            "Logging",
            application_name=self.application.ref,
            cloud_watch_logging_option={
                "logStreamArn": cdk.Stack.of(self).format_arn(
                    service="logs", resource=place, arn_format=cdk.ArnFormat.NO_RESOURCE_NAME
                )
            },
        )
        self.ready = option
        """Once this is made, the application can be started."""

    def _configuration(
        self, settings: Settings, code: s3_assets.Asset, brokers: str, network: Network, key: kms.IKey
    ) -> flink.CfnApplication.ApplicationConfigurationProperty:
        asked = _properties(settings)
        groups = {
            "kinesis.analytics.flink.run.options": {
                "python": "flink_src/main.py",
                "jarfile": "lib/stream-features.jar",
            },
            "Kafka": {
                "bootstrap.servers": brokers,
                "transactions.topic": TRANSACTIONS_TOPIC,
                "features.topic": self.topic,
                "group.id": self.group,
                "partitions": str(asked.partitions),
                # a replay's times are the data's: it is read from its beginning
                **({} if settings.replay else {"read.back.ms": str(read_back_ms(asked))}),
                **IAM_CLIENT,
            },
            "Features": {
                "heartbeat": str(asked.heartbeat).lower(),
                "heartbeat.interval.ms": str(asked.heartbeat_interval_ms),
                "undeclared.fields": asked.undeclared_fields,
                "flush.interval.ms": str(asked.flush_interval_ms),
            },
        }
        return flink.CfnApplication.ApplicationConfigurationProperty(
            application_code_configuration={
                "codeContentType": "ZIPFILE",
                "codeContent": {
                    "s3ContentLocation": {"bucketArn": code.bucket.bucket_arn, "fileKey": code.s3_object_key}
                },
            },
            application_encryption_configuration={"keyType": "CUSTOMER_MANAGED_KEY", "keyId": key.key_arn},
            application_snapshot_configuration={"snapshotsEnabled": True},
            application_system_rollback_configuration={"rollbackEnabled": True},
            environment_properties={
                "propertyGroups": [{"propertyGroupId": name, "propertyMap": values} for name, values in groups.items()]
            },
            flink_application_configuration={
                "checkpointConfiguration": {
                    "configurationType": "CUSTOM",
                    "checkpointingEnabled": True,
                    "checkpointInterval": CHECKPOINT_MS,
                    "minPauseBetweenCheckpoints": CHECKPOINT_MS // 2,
                },
                "monitoringConfiguration": {
                    "configurationType": "CUSTOM",
                    "logLevel": "WARN" if settings.log_level == "WARNING" else settings.log_level,
                    "metricsLevel": "APPLICATION",
                },
                "parallelismConfiguration": {
                    "configurationType": "CUSTOM",
                    "autoScalingEnabled": True,
                    "parallelism": settings.flink_parallelism,
                    "parallelismPerKpu": 1,
                },
            },
            vpc_configurations=[
                {
                    "subnetIds": network.subnet_ids,
                    "securityGroupIds": [network.clients.security_group_id],
                }
            ],
        )
