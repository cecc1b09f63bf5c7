"""Encryption keys of the templates' resources, and what using such a resource asks of the caller.

The data are not encrypted here, but whoever may not use the key is refused, as in the cloud.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from emulator.account import ACCOUNT, REGION, arn

_NEEDS = {
    "s3:GetObject": ("kms:Decrypt",),
    "s3:PutObject": ("kms:GenerateDataKey",),
    "sqs:SendMessage": ("kms:GenerateDataKey", "kms:Decrypt"),
    "sqs:ReceiveMessage": ("kms:Decrypt",),
    "sns:Publish": ("kms:GenerateDataKey", "kms:Decrypt"),
    "secretsmanager:GetSecretValue": ("kms:Decrypt",),
    "dynamodb:GetItem": ("kms:Decrypt",),
    "dynamodb:PutItem": ("kms:Decrypt",),
    "dynamodb:UpdateItem": ("kms:Decrypt",),
    "dynamodb:DeleteItem": ("kms:Decrypt",),
    "dynamodb:Query": ("kms:Decrypt",),
    "dynamodb:Scan": ("kms:Decrypt",),
    "dynamodb:BatchGetItem": ("kms:Decrypt",),
    "dynamodb:BatchWriteItem": ("kms:Decrypt",),
    "dynamodb:GetRecords": ("kms:Decrypt",),
    "sagemaker:PutRecord": ("kms:GenerateDataKey", "kms:Decrypt"),
    "sagemaker:BatchWriteRecord": ("kms:GenerateDataKey", "kms:Decrypt"),
    "sagemaker:GetRecord": ("kms:Decrypt",),
    "sagemaker:BatchGetRecord": ("kms:Decrypt",),
}
"""What each action needs of the key of its resource."""


class Keys:
    """{resource: key}, as the stacks make them."""

    def __init__(self) -> None:
        self._keys: dict[str, str] = {}

    def made(
        self,
        _stack: str,
        _logical_id: str,
        kind: str,
        properties: dict[str, Any],
        physical_id: str,
        attributes: dict[str, Any],
    ) -> None:
        """Notes the key of a resource that a stack has made."""
        key = _key(kind, properties)
        if key and "alias/aws/" not in key:
            name = attributes.get("Arn") or (physical_id if physical_id.startswith("arn:") else _arn(kind, physical_id))
            self._keys[name] = key if key.startswith("arn:") else arn("kms", f"key/{key}")

    def needs(self, action: str, resource: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """The (action, key, condition keys) that an action on a resource needs besides itself."""
        if action not in _NEEDS:
            return
        service = action.partition(":")[0]
        if key := self._keys.get(_owner(service, resource)):
            context = {"kms:ViaService": f"{service}.{REGION}.amazonaws.com", "kms:CallerAccount": ACCOUNT}
            for needed in _NEEDS[action]:
                yield needed, key, context


def _owner(service: str, resource: str) -> str:
    """What has the key: the bucket of an object, the table of a stream or an index.

    >>> _owner("dynamodb", "arn:aws:dynamodb:us-east-1:123456789012:table/orders/index/by-shop")
    'arn:aws:dynamodb:us-east-1:123456789012:table/orders'
    """
    parts = {"s3": 1, "dynamodb": 2}.get(service)
    return "/".join(resource.split("/")[:parts])


def _key(kind: str, properties: dict[str, Any]) -> str | None:
    if kind == "AWS::S3::Bucket":
        rules = (properties.get("BucketEncryption") or {}).get("ServerSideEncryptionConfiguration") or [{}]
        return (rules[0].get("ServerSideEncryptionByDefault") or {}).get("KMSMasterKeyID")
    if kind == "AWS::DynamoDB::Table":
        return (properties.get("SSESpecification") or {}).get("KMSMasterKeyId")
    if kind == "AWS::SageMaker::FeatureGroup":
        store = properties.get("OnlineStoreConfig") or {}
        return (store.get("SecurityConfig") or {}).get("KmsKeyId")
    names = {
        "AWS::SQS::Queue": "KmsMasterKeyId",
        "AWS::SNS::Topic": "KmsMasterKeyId",
        "AWS::SecretsManager::Secret": "KmsKeyId",
    }
    return properties.get(names.get(kind, ""))


def _arn(kind: str, physical_id: str) -> str:
    return arn("sagemaker", f"feature-group/{physical_id}") if kind == "AWS::SageMaker::FeatureGroup" else physical_id
