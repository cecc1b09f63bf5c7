"""The feature groups of the store, from their declaration in `fraud.features.groups`.

A group's name is published, so no release may make it anew, and the service can add features to a group but take none away. So
the template makes a group with its identifier and its event time, which no release changes, and a function adds the rest: what a
release declares is then never a change of the group itself, also where a release is rolled back.
"""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from fraud.features.groups import EVENT_TIME, FEATURE_GROUPS, FeatureGroup
from stacks.constructs.functions import Functions
from stacks.constructs.permissions import allow, allow_key, role
from stacks.constructs.storage import Store, removal_policy
from stacks.names import OFFLINE_DATABASE, offline_table
from stacks.settings import Settings

OFFLINE = "feature-store/"
EXTENDED_WITHIN_S = 900


def feature_groups(
    scope: Construct, settings: Settings, *, key: kms.IKey, curated: Store
) -> dict[str, sagemaker.CfnFeatureGroup]:
    """All feature groups by name, and the role under which the store writes the offline ones."""
    writer = role(scope, "OfflineStoreRole", "sagemaker.amazonaws.com", "The feature store writing its offline copies")
    because = "The store names the objects below its prefix itself."
    actions = ["s3:GetObject", "s3:PutObject", "s3:PutObjectAcl"]
    allow(writer, actions, [curated.objects(OFFLINE)], because=because)
    allow(writer, ["s3:GetBucketAcl", "s3:GetBucketLocation", "s3:ListBucket"], [curated.arn])
    stack = cdk.Stack.of(scope)
    catalogue = [
        stack.format_arn(service="glue", resource="catalog"),
        stack.format_arn(service="glue", resource="database", resource_name=OFFLINE_DATABASE),
        *(
            stack.format_arn(
                service="glue", resource="table", resource_name=f"{OFFLINE_DATABASE}/{offline_table(group)}*"
            )
            for group in FEATURE_GROUPS
            if group.offline
        ),
    ]
    because = "The store ends the names of its tables with a time."
    allow(writer, ["glue:GetTable", "glue:UpdateTable"], catalogue, because=because)
    allow_key(writer, key.key_arn)
    groups = {}
    for declared in FEATURE_GROUPS:
        groups[declared.name] = _feature_group(scope, settings, declared, writer, key, curated)
        groups[declared.name].node.add_dependency(writer)
    return groups


def extended(
    scope: Construct, settings: Settings, groups: dict[str, sagemaker.CfnFeatureGroup], *, key: kms.IKey
) -> cdk.CustomResource:
    """What stands once the groups hold all that is declared; whatever writes records depends on it."""
    extend = Functions(scope, "Functions", settings, key).function(
        "extend_features",
        says="adds to the feature groups what a release declares",
        environment={},
        timeout_s=EXTENDED_WITHIN_S,
        memory_mb=256,
    )
    arns = [group_arn(scope, name) for name in groups]
    allow(extend.role, ["sagemaker:DescribeFeatureGroup", "sagemaker:UpdateFeatureGroup"], arns)
    made = cdk.CustomResource(
        scope,
        "ExtendedFeatureGroups",
        service_token=extend.function.function_arn,
        resource_type="Custom::ExtendedFeatureGroups",
        properties={"Groups": {declared.name: dict(declared.columns) for declared in FEATURE_GROUPS}},
    )
    made.node.add_dependency(extend.role, *groups.values())
    return made


def group_arn(scope: Construct, name: str) -> str:
    """The ARN of a feature group."""
    stack = cdk.Stack.of(scope)
    return stack.format_arn(service="sagemaker", resource="feature-group", resource_name=name)


def _feature_group(
    scope: Construct, settings: Settings, declared: FeatureGroup, writer: iam.Role, key: kms.IKey, curated: Store
) -> sagemaker.CfnFeatureGroup:
    group = sagemaker.CfnFeatureGroup(
        scope,
        "".join(part.capitalize() for part in declared.name.split("-")),
        feature_group_name=declared.name,
        record_identifier_feature_name=declared.identifier,
        event_time_feature_name=EVENT_TIME,
        feature_definitions=[
            sagemaker.CfnFeatureGroup.FeatureDefinitionProperty(feature_name=name, feature_type=kind)
            for name, kind in declared.columns
            if name in (declared.identifier, EVENT_TIME)
        ],
        role_arn=writer.role_arn if declared.offline else None,
        online_store_config={
            "EnableOnlineStore": True,
            "SecurityConfig": {"KmsKeyId": key.key_arn},
            # the nightly records stay until the next night's; a card's recent behaviour is worth nothing after some days
            **({} if declared.offline else {"TtlDuration": {"Unit": "Days", "Value": settings.features_ttl_days}}),
        }
        if declared.online
        else None,
        offline_store_config={
            "S3StorageConfig": {"S3Uri": curated.uri(OFFLINE), "KmsKeyId": key.key_arn},
            "DisableGlueTableCreation": False,
            "TableFormat": "Iceberg",
        }
        if declared.offline
        else None,
    )
    group.apply_removal_policy(removal_policy(settings))
    return group
