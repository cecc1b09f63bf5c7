"""What must hold of all templates: each a function that gives what breaks it, in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from stacks.constructs.permissions import resource_text
from tests.stacks.stacks_under_test import Resource, Templates, listed, referred, resources, statements

POLICIES = "AWS::IAM::Policy"
QUEUE = "AWS::SQS::Queue"
FUNCTION = "AWS::Lambda::Function"
MAPPING = "AWS::Lambda::EventSourceMapping"

ENCRYPTED_BY = {
    QUEUE: ("KmsMasterKeyId",),
    FUNCTION: ("KmsKeyArn",),
    "AWS::SNS::Topic": ("KmsMasterKeyId",),
    "AWS::DynamoDB::Table": ("SSESpecification", "KMSMasterKeyId"),
    "AWS::Logs::LogGroup": ("KmsKeyId",),
    "AWS::SecretsManager::Secret": ("KmsKeyId",),
    "AWS::SageMaker::EndpointConfig": ("KmsKeyId",),
    "AWS::Events::EventBus": ("KmsKeyIdentifier",),
    "AWS::Scheduler::Schedule": ("KmsKeyArn",),
    "AWS::StepFunctions::StateMachine": ("EncryptionConfiguration", "KmsKeyId"),
    "AWS::KinesisAnalyticsV2::Application": ("ApplicationConfiguration", "ApplicationEncryptionConfiguration", "KeyId"),
    "AWS::MSK::Cluster": ("EncryptionInfo", "EncryptionAtRest", "DataVolumeKMSKeyId"),
}
"""Where each type says which key it is encrypted under."""

NAMES = (
    "AlarmName",
    "ApplicationName",
    "BucketName",
    "DashboardName",
    "EndpointConfigName",
    "EndpointName",
    "FunctionName",
    "GroupName",
    "LogGroupName",
    "ManagedPolicyName",
    "ModelName",
    "QueueName",
    "RoleName",
    "StateMachineName",
    "TableName",
    "TopicName",
)
"""Properties by which a resource would get a name of its own choice, which its replacement could not have."""
NEVER_REPLACED = ("AWS::SageMaker::Endpoint", "AWS::KinesisAnalyticsV2::Application")
"""Types that are updated in place in everything but their name, and the stream job, whose name another version changes."""

DATA = (
    "AWS::S3::Bucket",
    "AWS::DynamoDB::Table",
    "AWS::KMS::Key",
    "AWS::SecretsManager::Secret",
    "AWS::SageMaker::FeatureGroup",
    "AWS::Logs::LogGroup",
    "AWS::MSK::Cluster",
    "AWS::MSK::ServerlessCluster",
)


def managed_policies(templates: Templates) -> Iterator[str]:
    """No role has a managed policy: what AWS manages allows more than the code uses, and changes."""
    for role in resources(templates, "AWS::IAM::Role"):
        for policy in role.properties.get("ManagedPolicyArns", []):
            yield f"{role}: managed policy {policy}"


def wildcard_actions(templates: Templates) -> Iterator[str]:
    """No policy allows an action by wildcard, but a key's own to the account, which is what keeps keys manageable."""
    for resource in resources(templates):
        for statement in _allowing(resource):
            for action in listed(statement.get("Action", [])):
                if "*" in action and not _of_the_account(resource, statement):
                    yield f"{resource}: action {action}"


def wildcard_resources(templates: Templates) -> Iterator[str]:
    """A wildcard in a role's resource is acknowledged beside it, with the reason."""
    for policy in resources(templates, POLICIES):
        rules = policy.body.get("Metadata", {}).get("cdk_nag", {}).get("rules_to_suppress", [])
        reasons = {rule["id"]: rule["reason"] for rule in rules}
        for statement in _allowing(policy):
            for text in map(resource_text, listed(statement["Resource"])):
                if "*" in text and not reasons.get(f"AwsSolutions-IAM5[Resource::{text}]", "").strip():
                    yield f"{policy}: resource {text} without a reason"


def shared_roles(templates: Templates) -> Iterator[str]:
    """Each function, state machine, application and endpoint has a role of its own."""
    users: dict[str, list[str]] = {}
    for resource in resources(templates, FUNCTION, "AWS::StepFunctions::StateMachine", "AWS::SageMaker::Model"):
        properties = resource.properties
        role = properties.get("Role") or properties.get("RoleArn") or properties.get("ExecutionRoleArn")
        users.setdefault(f"{resource.stack}.{referred(role)}", []).append(str(resource))
    yield from (f"{role}: shared by {', '.join(names)}" for role, names in users.items() if len(names) > 1)


def queues_without_dead_letters(templates: Templates) -> Iterator[str]:
    """A queue has dead letters, or is one."""
    dead = set()
    for resource in resources(templates):
        properties = resource.properties
        targets = (
            properties.get("RedrivePolicy", {}).get("deadLetterTargetArn"),
            properties.get("DeadLetterConfig", {}).get("Arn"),
            properties.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination"),
            _inner(properties.get("Target", {}), "DeadLetterConfig", "Arn"),
            *(_inner(target, "DeadLetterConfig", "Arn") for target in properties.get("Targets", [])),
        )
        dead |= {(resource.stack, referred(target)) for target in targets}
    for queue in resources(templates, QUEUE):
        if "RedrivePolicy" not in queue.properties and (queue.stack, queue.id) not in dead:
            yield f"{queue}: no dead-letter queue"


def short_visibility(templates: Templates) -> Iterator[str]:
    """A message stays hidden for at least six times as long as its consumer may take."""
    for mapping in resources(templates, MAPPING):
        found = templates[mapping.stack]["Resources"]
        queue = found.get(referred(mapping.properties["EventSourceArn"]) or "", {})
        if queue.get("Type") != QUEUE:
            continue
        function = found[referred(mapping.properties["FunctionName"])]["Properties"]
        hidden, timeout = queue["Properties"].get("VisibilityTimeout", 30), function["Timeout"]
        if hidden < 6 * timeout:
            yield f"{mapping}: hidden {hidden} s, time-out {timeout} s"


def whole_batches_failing(templates: Templates) -> Iterator[str]:
    """Each consumer of batches reports the items that failed; one of a topic that may not is told to fail as a whole."""
    for mapping in resources(templates, MAPPING):
        reported = "ReportBatchItemFailures" in mapping.properties.get("FunctionResponseTypes", [])
        if "Topics" not in mapping.properties:
            if not reported:
                yield f"{mapping}: no partial failures"
            continue
        function = templates[mapping.stack]["Resources"][referred(mapping.properties["FunctionName"])]["Properties"]
        told = function["Environment"]["Variables"].get("PARTIAL_FAILURES")
        if told is not None and told != str(reported).lower():
            yield f"{mapping}: PARTIAL_FAILURES {told} of its function, but partial failures are {reported}"


def failures_lost(templates: Templates) -> Iterator[str]:
    """What fails for good has somewhere to go: a queue's dead letters, or a destination."""
    for mapping in resources(templates, MAPPING):
        source = _named(templates, mapping.stack, mapping.properties["EventSourceArn"])
        if source.get("Type") != QUEUE and not _inner(
            mapping.properties, "DestinationConfig", "OnFailure", "Destination"
        ):
            yield f"{mapping}: no destination of failures"


def _named(templates: Templates, stack: str, value: Any) -> dict[str, Any]:
    """The resource that a value names, also one of another stack by its output; empty if it names none."""
    if isinstance(value, dict) and "Fn::GetStackOutput" in value:
        asked = value["Fn::GetStackOutput"]
        stack = asked["StackName"].split("-")[-1]
        value = templates[stack]["Outputs"][asked["OutputName"]]["Value"]
    return dict(templates[stack]["Resources"].get(referred(value) or "", {}))


def pollers_not_provisioned(templates: Templates) -> Iterator[str]:
    """A Kafka consumer with settings of retries runs provisioned pollers: the service takes them only there."""
    retries = {
        "BisectBatchOnFunctionError",
        "MaximumRetryAttempts",
        "MaximumRecordAgeInSeconds",
        "FunctionResponseTypes",
    }
    for mapping in resources(templates, MAPPING):
        properties = mapping.properties
        if "Topics" in properties and retries & properties.keys() and not properties.get("ProvisionedPollerConfig"):
            yield f"{mapping}: settings of retries without provisioned pollers"


def pollers_without_a_way(templates: Templates) -> Iterator[str]:
    """Pollers on demand call Lambda and STS from the brokers' network; provisioned ones call from Lambda's own.

    Page *with-msk-cluster-network*: "On-demand mode: NAT gateway, or AWS PrivateLink endpoints"; "Provisioned mode: None".
    """
    endpoints = {
        service
        for endpoint in resources(templates, "AWS::EC2::VPCEndpoint")
        for service in ("lambda", "sts")
        if str(endpoint.properties["ServiceName"]).endswith(f".{service}")
    }
    nat = list(resources(templates, "AWS::EC2::NatGateway"))
    mappings = [one for one in resources(templates, MAPPING) if "Topics" in one.properties]
    on_demand = [one for one in mappings if not one.properties.get("ProvisionedPollerConfig")]
    if on_demand and not nat and endpoints != {"lambda", "sts"}:
        yield from (f"{mapping}: no way to Lambda and STS" for mapping in on_demand)
    if endpoints and (not on_demand or nat):
        yield f"endpoints of {', '.join(sorted(endpoints))} that nobody calls"


def pollers_paid_alone(templates: Templates) -> Iterator[str]:
    """Provisioned pollers share one group: each mapping outside of it pays event poller units of its own.

    Page *kafka-scaling-modes*: 100 mappings a group at most, 2000 pollers together.
    """
    groups: dict[str, list[int]] = {}
    for mapping in resources(templates, MAPPING):
        if pollers := mapping.properties.get("ProvisionedPollerConfig"):
            groups.setdefault(pollers.get("PollerGroupName", ""), []).append(pollers["MaximumPollers"])
    if "" in groups or len(groups) > 1:
        yield f"groups of pollers: {groups}"
    for name, most in groups.items():
        if len(most) > 100 or sum(most) > 2000:
            yield f"{name}: {len(most)} mappings, {sum(most)} pollers"


def not_encrypted(templates: Templates) -> Iterator[str]:
    """Everything at rest is under a key of ours; the bucket of access logs cannot be."""
    for resource in resources(templates, *ENCRYPTED_BY):
        if not _inner(resource.properties, *ENCRYPTED_BY[resource.type]):
            yield f"{resource}: {'.'.join(ENCRYPTED_BY[resource.type])} is missing"
    for bucket in resources(templates, "AWS::S3::Bucket"):
        rules = _inner(bucket.properties, "BucketEncryption", "ServerSideEncryptionConfiguration") or [{}]
        rule = rules[0].get("ServerSideEncryptionByDefault", {})
        takes_logs = "LoggingConfiguration" not in bucket.properties
        if rule.get("SSEAlgorithm") != ("AES256" if takes_logs else "aws:kms"):
            yield f"{bucket}: {rule or 'not encrypted'}"
    for group in resources(templates, "AWS::SageMaker::FeatureGroup"):
        stores = (("OnlineStoreConfig", "SecurityConfig"), ("OfflineStoreConfig", "S3StorageConfig"))
        for store, part in stores:
            if store in group.properties and not _inner(group.properties, store, part, "KmsKeyId"):
                yield f"{group}: {store} is not encrypted"


def not_tls(templates: Templates) -> Iterator[str]:
    """Buckets, queues and topics refuse what does not come under TLS; Kafka takes nothing else."""
    policies = {"AWS::S3::BucketPolicy": "Bucket", "AWS::SQS::QueuePolicy": "Queues", "AWS::SNS::TopicPolicy": "Topics"}
    kept = set()
    for policy in resources(templates, *policies):
        for statement in statements(policy.properties["PolicyDocument"]):
            if statement["Effect"] == "Deny" and statement.get("Condition", {}).get("Bool", {}).get(
                "aws:SecureTransport"
            ) in ("false", False):
                targets = listed(policy.properties[policies[policy.type]])
                kept |= {(policy.stack, referred(target)) for target in targets}
    for resource in resources(templates, "AWS::S3::Bucket", QUEUE, "AWS::SNS::Topic"):
        if (resource.stack, resource.id) not in kept:
            yield f"{resource}: takes requests without TLS"
    for cluster in resources(templates, "AWS::MSK::Cluster"):
        if _inner(cluster.properties, "EncryptionInfo", "EncryptionInTransit", "ClientBroker") != "TLS":
            yield f"{cluster}: takes clients without TLS"


def public(templates: Templates) -> Iterator[str]:
    """Nothing is open to everyone."""
    for bucket in resources(templates, "AWS::S3::Bucket"):
        block = bucket.properties.get("PublicAccessBlockConfiguration", {})
        if len(block) != 4 or not all(block.values()):
            yield f"{bucket}: public access is not blocked"
    for resource in resources(templates):
        for statement in _allowing(resource):
            principal = statement.get("Principal")
            if principal in ("*", {"AWS": "*"}) and not statement.get("Condition"):
                yield f"{resource}: open to everyone"
    for group in resources(templates, "AWS::EC2::SecurityGroup", "AWS::EC2::SecurityGroupIngress"):
        rules = [group.properties, *group.properties.get("SecurityGroupIngress", [])]
        if any(rule.get(open_) for rule in rules for open_ in ("CidrIp", "CidrIpv6")):
            yield f"{group}: lets addresses in, not groups"
    for cluster in resources(templates, "AWS::MSK::Cluster"):
        if _inner(cluster.properties, "BrokerNodeGroupInfo", "ConnectivityInfo", "PublicAccess"):
            yield f"{cluster}: public access"


def logs_kept_for_ever(templates: Templates) -> Iterator[str]:
    """Logs have a retention, and each function writes to a group that has."""
    for group in resources(templates, "AWS::Logs::LogGroup"):
        if not group.properties.get("RetentionInDays"):
            yield f"{group}: no retention"
    for function in resources(templates, FUNCTION):
        if not _inner(function.properties, "LoggingConfig", "LogGroup"):
            yield f"{function}: no log group of its own"


def physical_names(templates: Templates) -> Iterator[str]:
    """Nothing that a replacement must make again has a name of its own."""
    for resource in resources(templates):
        for name in NAMES:
            # a property of this name that refers to another resource names that one
            if isinstance(resource.properties.get(name), str) and resource.type not in NEVER_REPLACED:
                yield f"{resource}: {name} {resource.properties[name]!r}"


def unprotected_tables(templates: Templates) -> Iterator[str]:
    """Tables can be restored to any point in time; keys change each year."""
    for table in resources(templates, "AWS::DynamoDB::Table"):
        if not _inner(table.properties, "PointInTimeRecoverySpecification", "PointInTimeRecoveryEnabled"):
            yield f"{table}: no point-in-time recovery"
    for key in resources(templates, "AWS::KMS::Key"):
        if not key.properties.get("EnableKeyRotation"):
            yield f"{key}: does not rotate"


def unexplained(templates: Templates) -> Iterator[str]:
    """Each stack and each output says what it is."""
    for stack, template in templates.items():
        if not template.get("Description"):
            yield f"{stack}: no description"
        for name, output in template.get("Outputs", {}).items():
            if not output.get("Description") and not name.startswith("PublishOutput"):
                yield f"{stack}.{name}: an output without a description"


def checkpoints_off(templates: Templates) -> Iterator[str]:
    """The stream job keeps checkpoints and snapshots."""
    for job in resources(templates, "AWS::KinesisAnalyticsV2::Application"):
        settings = job.properties["ApplicationConfiguration"]
        if not _inner(settings, "FlinkApplicationConfiguration", "CheckpointConfiguration", "CheckpointingEnabled"):
            yield f"{job}: no checkpoints"
        if not _inner(settings, "ApplicationSnapshotConfiguration", "SnapshotsEnabled"):
            yield f"{job}: no snapshots"


def removal(templates: Templates, policy: str) -> Iterator[str]:
    """Data is deleted with its stack, or kept, as the settings say."""
    wanted = {"DeletionPolicy": policy, "UpdateReplacePolicy": policy.removesuffix("ExceptOnCreate")}
    for resource in resources(templates, *DATA):
        for name, value in wanted.items():
            if resource.body.get(name) != value:
                yield f"{resource}: {name} {resource.body.get(name)}, not {value}"


def _allowing(resource: Resource) -> Iterator[dict[str, Any]]:
    properties = resource.properties
    documents = [properties.get(name) for name in ("PolicyDocument", "KeyPolicy", "ResourcePolicy")]
    documents += [policy["PolicyDocument"] for policy in properties.get("Policies", [])]
    for document in documents:
        if isinstance(document, dict):
            yield from (statement for statement in statements(document) if statement["Effect"] == "Allow")


def _of_the_account(resource: Resource, statement: dict[str, Any]) -> bool:
    return resource.type == "AWS::KMS::Key" and ":root" in str(statement.get("Principal"))


def _inner(value: Any, *names: str) -> Any:
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value


INVARIANTS = (
    managed_policies,
    wildcard_actions,
    wildcard_resources,
    shared_roles,
    queues_without_dead_letters,
    short_visibility,
    whole_batches_failing,
    failures_lost,
    pollers_not_provisioned,
    pollers_without_a_way,
    pollers_paid_alone,
    not_encrypted,
    not_tls,
    public,
    logs_kept_for_ever,
    physical_names,
    unprotected_tables,
    unexplained,
    checkpoints_off,
)
"""All but `removal`, which the settings turn."""
