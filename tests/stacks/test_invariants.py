"""The invariants hold of every template, and each is seen to break."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.stacks import deployment_invariants, invariants, machine_invariants
from tests.stacks.stacks_under_test import Templates, resources

ALL = (*invariants.INVARIANTS, *deployment_invariants.INVARIANTS, *machine_invariants.INVARIANTS)


@pytest.mark.parametrize("invariant", ALL, ids=lambda invariant: invariant.__name__)
def test_holds_of_every_template(invariant: Callable[[Templates], Iterator[str]], templates: Templates) -> None:
    assert list(invariant(templates)) == []


def test_removal_is_as_set(dev: Templates, prod: Templates, other: Templates) -> None:
    for templates, policy in (
        (dev, "Delete"),
        (prod, "RetainExceptOnCreate"),
        (other, "RetainExceptOnCreate"),
    ):
        assert list(invariants.removal(templates, policy)) == []


def test_removal_that_is_not_as_set_is_found(dev: Templates) -> None:
    assert len(list(invariants.removal(dev, "RetainExceptOnCreate"))) > 10


Break = Callable[[dict[str, Any]], Any]

FULL_ACCESS = ["arn:aws:iam::aws:policy/AmazonS3FullAccess"]
WILD_ACTION = {"Effect": "Allow", "Action": ["s3:Get*"], "Resource": "x", "Principal": {"AWS": "x"}}
WILD_RESOURCE = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "arn:aws:sqs:*"}
OPEN = {"Effect": "Allow", "Action": "sns:Publish", "Principal": "*"}


def add(statement: dict[str, Any]) -> Break:
    return lambda properties: properties["PolicyDocument"]["Statement"].append(statement)


def no_statements(properties: dict[str, Any]) -> None:
    properties["PolicyDocument"]["Statement"].clear()


def without(*path: str) -> Break:
    def damage(properties: dict[str, Any]) -> None:
        for name in path[:-1]:
            properties = properties[name]
        del properties[path[-1]]

    return damage


def untrusting(key: str) -> Break:
    """Takes a condition out of a role's trust policy; KeyError where it has none."""

    def damage(properties: dict[str, Any]) -> None:
        (statement,) = properties["AssumeRolePolicyDocument"]["Statement"]
        operator = next((name for name, keys in statement["Condition"].items() if key in keys), key)
        del statement["Condition"][operator][key]

    return damage


def unexpiring(prefix: str) -> Break:
    """Takes a prefix's rule from a bucket; KeyError where it has none."""

    def damage(properties: dict[str, Any]) -> None:
        rules = properties["LifecycleConfiguration"]["Rules"]
        kept = [rule for rule in rules if rule.get("Prefix") != prefix]
        if len(kept) == len(rules):
            raise KeyError(prefix)
        properties["LifecycleConfiguration"]["Rules"] = kept

    return damage


def redefined(text: str, other: str) -> Break:
    """Puts another text in the place of one in a state machine's definition; KeyError where it has none."""

    def damage(properties: dict[str, Any]) -> None:
        parts = properties["DefinitionString"]["Fn::Join"][1]
        (number, *_) = [number for number, part in enumerate(parts) if text in str(part)] or [None]
        if number is None:
            raise KeyError(text)
        parts[number] = parts[number].replace(text, other, 1)

    return damage


BROKEN: list[tuple[Callable[[Templates], Iterator[str]], str, Break]] = [
    (
        invariants.managed_policies,
        "AWS::IAM::Role",
        lambda properties: properties.update(ManagedPolicyArns=FULL_ACCESS),
    ),
    (invariants.wildcard_actions, "AWS::IAM::Policy", add(WILD_ACTION)),
    (invariants.wildcard_actions, "AWS::S3::BucketPolicy", add(WILD_ACTION)),
    (invariants.wildcard_resources, "AWS::IAM::Policy", add(WILD_RESOURCE)),
    (invariants.queues_without_dead_letters, "AWS::SQS::Queue", without("RedrivePolicy")),
    (invariants.short_visibility, "AWS::SQS::Queue", without("VisibilityTimeout")),
    (invariants.whole_batches_failing, "AWS::Lambda::EventSourceMapping", without("FunctionResponseTypes")),
    (invariants.failures_lost, "AWS::Lambda::EventSourceMapping", without("DestinationConfig")),
    (invariants.pollers_not_provisioned, "AWS::Lambda::EventSourceMapping", without("ProvisionedPollerConfig")),
    (invariants.pollers_without_a_way, "AWS::Lambda::EventSourceMapping", without("ProvisionedPollerConfig")),
    (
        invariants.pollers_without_a_way,
        "AWS::EC2::VPCEndpoint",
        lambda properties: properties.update(ServiceName="com.amazonaws.us-east-1.sts"),
    ),
    (
        invariants.pollers_paid_alone,
        "AWS::Lambda::EventSourceMapping",
        without("ProvisionedPollerConfig", "PollerGroupName"),
    ),
    *((invariants.not_encrypted, type_, without(*path)) for type_, path in invariants.ENCRYPTED_BY.items()),
    (invariants.not_encrypted, "AWS::S3::Bucket", without("BucketEncryption")),
    (invariants.not_encrypted, "AWS::SageMaker::FeatureGroup", without("OnlineStoreConfig", "SecurityConfig")),
    (invariants.not_tls, "AWS::S3::BucketPolicy", no_statements),
    (invariants.not_tls, "AWS::SQS::QueuePolicy", no_statements),
    (invariants.public, "AWS::S3::Bucket", without("PublicAccessBlockConfiguration")),
    (invariants.public, "AWS::EC2::SecurityGroupIngress", lambda properties: properties.update(CidrIp="0.0.0.0/0")),
    (invariants.public, "AWS::SNS::TopicPolicy", add(OPEN)),
    (invariants.logs_kept_for_ever, "AWS::Logs::LogGroup", without("RetentionInDays")),
    (invariants.logs_kept_for_ever, "AWS::Lambda::Function", without("LoggingConfig")),
    (invariants.physical_names, "AWS::DynamoDB::Table", lambda properties: properties.update(TableName="decisions")),
    (invariants.unprotected_tables, "AWS::DynamoDB::Table", without("PointInTimeRecoverySpecification")),
    (invariants.unprotected_tables, "AWS::KMS::Key", without("EnableKeyRotation")),
    (
        invariants.checkpoints_off,
        "AWS::KinesisAnalyticsV2::Application",
        without("ApplicationConfiguration", "ApplicationSnapshotConfiguration"),
    ),
    (
        deployment_invariants.said_of_the_emulation,
        "AWS::IAM::Role",
        lambda properties: properties.update(Description="Not used on this machine"),
    ),
    (deployment_invariants.untraced, "AWS::Lambda::Function", without("TracingConfig")),
    (deployment_invariants.untraced, "AWS::StepFunctions::StateMachine", without("TracingConfiguration")),
    (deployment_invariants.taken_for_anyone, "AWS::IAM::Role", untrusting("aws:SourceAccount")),
    (deployment_invariants.taken_for_anyone, "AWS::IAM::Role", untrusting("aws:SourceArn")),
    (deployment_invariants.logs_in_the_accounts_policy, "AWS::Logs::LogGroup", without("LogGroupName")),
    (deployment_invariants.not_isolated, "AWS::SageMaker::Model", without("EnableNetworkIsolation")),
    (
        deployment_invariants.not_isolated,
        "AWS::StepFunctions::StateMachine",
        redefined('"EnableNetworkIsolation":true', '"EnableNetworkIsolation":false'),
    ),
    (
        machine_invariants.read_before_assigned,
        "AWS::StepFunctions::StateMachine",
        redefined('"Assign":{"champion":', '"Assign":{"winner":'),
    ),
    *(
        (machine_invariants.waits_for_ever, "AWS::StepFunctions::StateMachine", redefined(*change))
        for change in (('"TimeoutSeconds":120', '"Comment":"120"'), ('"States.ALL"', '"States.Timeout"'))
    ),
    (deployment_invariants.archived_for_ever, "AWS::S3::Bucket", unexpiring("aws/lambda/")),
]
"""How each is broken, on the templates of `prod`, which has every type: (invariant, type, what is done to one of them)."""


@pytest.mark.parametrize(
    ("invariant", "type_", "damage"), BROKEN, ids=[f"{invariant.__name__}-{type_}" for invariant, type_, _ in BROKEN]
)
def test_breaking_it_is_found(
    prod: Templates, invariant: Callable[[Templates], Iterator[str]], type_: str, damage: Break
) -> None:
    broken = json.loads(json.dumps(prod))
    for resource in resources(broken, type_):
        try:
            damage(resource.body["Properties"])
        except KeyError:
            continue  # this one has no such property
        break
    else:
        pytest.fail(f"no {type_} could be broken")
    assert list(invariant(broken))


def test_a_shared_role_is_found(dev: Templates) -> None:
    broken = json.loads(json.dumps(dev))
    first, second, *_ = resources({"Streaming": broken["Streaming"]}, "AWS::Lambda::Function")
    second.body["Properties"]["Role"] = first.properties["Role"]
    assert list(invariants.shared_roles(broken))


def test_a_stack_that_does_not_say_what_it_is_is_found(dev: Templates) -> None:
    assert list(invariants.unexplained({"Data": {**dev["Data"], "Description": ""}}))


def test_what_is_kept_after_a_failed_creation_is_found(prod: Templates) -> None:
    broken = json.loads(json.dumps(prod))
    next(resources(broken, "AWS::SageMaker::FeatureGroup")).body["DeletionPolicy"] = "Retain"
    assert len(list(deployment_invariants.in_the_next_deployments_way(broken))) == 1


def test_every_invariant_was_broken_once() -> None:
    elsewhere = {invariants.shared_roles, invariants.unexplained, deployment_invariants.in_the_next_deployments_way}
    assert {invariant for invariant, _, _ in BROKEN} | elsewhere == set(ALL)
