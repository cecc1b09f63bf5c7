"""A notebook instance to try synthetic fraud on: private, without root, encrypted, and stopped when nobody works on it."""

from __future__ import annotations

from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3_assets as s3_assets
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from stacks.assets import walk_through
from stacks.constructs.jobs import wheels_asset
from stacks.constructs.network import Network
from stacks.constructs.permissions import allow, allow_key, role
from stacks.names import notebook_name
from stacks.settings import Settings

PLATFORM = "notebook-al2023-v1"
"""The image: the default since May 2026; no instance of Amazon Linux 2 starts any more (page *nbi-al2*)."""
SCRIPT_LIMIT = 16_384
"""Characters of a script in base64, at most (page *API_NotebookInstanceLifecycleHook*)."""
LOG_GROUP = "/aws/sagemaker/NotebookInstances"
_START = Path(__file__).resolve().parents[1] / "notebook" / "on_start.sh"


class Notebook(Construct):
    """The instance, its role and what it runs when it starts.

    Args:
        network: it stands in its private subnets, and reaches what lies outside through the NAT gateway alone.
    """

    def __init__(self, scope: Construct, name: str, settings: Settings, *, key: kms.IKey, network: Network) -> None:
        super().__init__(scope, name)
        stack = cdk.Stack.of(self)
        code = s3_assets.Asset(self, "WalkThrough", path=str(walk_through()))
        libraries = wheels_asset(self, "Libraries", "notebook.txt")
        own = role(
            self, "Role", "sagemaker.amazonaws.com", "The notebook instance: its walk-through, and to stop itself"
        )
        assets = (code, libraries)
        allow(own, ["s3:GetObject"], [asset.bucket.arn_for_objects(asset.s3_object_key) for asset in assets])
        called = notebook_name(settings)
        itself = stack.format_arn(service="sagemaker", resource="notebook-instance", resource_name=called)
        allow(own, ["sagemaker:StopNotebookInstance"], [itself])
        group = stack.format_arn(
            service="logs",
            resource="log-group",
            resource_name=f"{LOG_GROUP}*",
            arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
        )
        allow(
            own,
            ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"],
            [group],
            because="SageMaker names the log group and the streams of an instance.",
        )
        allow_key(own, key.key_arn, for_volumes=True)
        script = cdk.Fn.base64(
            _filled(
                CODE=code.s3_object_url,
                LIBRARIES=libraries.s3_object_url,
                REGION=settings.region,
                MINUTES=str(settings.notebook_idle_minutes),
            )
        )
        started = sagemaker.CfnNotebookInstanceLifecycleConfig(self, "Start", on_start=[{"content": script}])
        # nothing is let in; SageMaker's own way to Jupyter is beside the network
        group_of_it = ec2.SecurityGroup(
            self, "Group", vpc=network.vpc, description="The notebook instance", allow_all_outbound=True
        )
        self.instance = sagemaker.CfnNotebookInstance(
            self,
            "Instance",
            # its role names it: it may stop itself and no other
            notebook_instance_name=called,
            instance_type=settings.notebook_instance_type,
            role_arn=own.role_arn,
            platform_identifier=PLATFORM,
            direct_internet_access="Disabled",
            root_access="Disabled",
            subnet_id=network.subnet_ids[0],
            security_group_ids=[group_of_it.security_group_id],
            kms_key_id=key.key_id,
            volume_size_in_gb=20,
            lifecycle_config_name=started.attr_notebook_instance_lifecycle_config_name,
            instance_metadata_service_configuration={"minimumInstanceMetadataServiceVersion": "2"},
        )
        self.instance.node.add_dependency(own)


def _filled(**values: str) -> str:
    """The script that starts it, with these in place of @NAME@."""
    text = _START.read_text(encoding="utf-8")
    for name, value in values.items():
        text = text.replace(f"@{name}@", value)
    return text
