"""What must hold of all templates to be deployed, deployed again and trusted: functions that give what breaks it, in words."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from tests.stacks.machine_invariants import definition
from tests.stacks.stacks_under_test import Templates, listed, referred, resources, statements

_OF_THE_EMULATION = re.compile("emulat|ministack|(this|local) machine|locally|local run|laptop", re.IGNORECASE)
FIRST_CONDITIONS = ("StringEquals", "StringEqualsIfExists", "ArnLike", "ArnLikeIfExists")


def taken_for_anyone(templates: Templates) -> Iterator[str]:
    """A service takes a role for this account alone: `aws:SourceAccount`, and what it takes it for, but for Lambda's."""
    for role in resources(templates, "AWS::IAM::Role"):
        for statement in statements(role.properties["AssumeRolePolicyDocument"]):
            conditions = statement.get("Condition", {})
            keys = {key for operator in FIRST_CONDITIONS for key in conditions.get(operator, {})}
            wanted = {"aws:SourceAccount", "aws:SourceArn"}
            if statement.get("Principal") == {"Service": "lambda.amazonaws.com"}:
                wanted = {"aws:SourceAccount"}
            if not wanted <= keys:
                yield f"{role}: taken for {', '.join(sorted(wanted - keys))} of any kind"


def in_the_next_deployments_way(templates: Templates) -> Iterator[str]:
    """What is to be kept is not kept where the deployment that makes it fails: `RetainExceptOnCreate`."""
    for resource in resources(templates):
        if resource.body.get("DeletionPolicy") == "Retain":
            yield f"{resource}: kept even where the deployment that makes it fails"


def logs_in_the_accounts_policy(templates: Templates) -> Iterator[str]:
    """Groups that services deliver logs to by the account's policy are named so that they take no place in it.

    Page *bp-cwl*: "CloudWatch Logs resource policies are limited to 5120 characters. ... prefix your CloudWatch Logs log group
    names with /aws/vendedlogs/". And each has the stack's own id in its name: one that is kept is not in a later stack's way.
    """
    for resource in resources(templates, "AWS::StepFunctions::StateMachine", "AWS::MSK::Cluster"):
        for id_ in _log_groups(resource.properties):
            name = json.dumps(templates[resource.stack]["Resources"][id_]["Properties"].get("LogGroupName", ""))
            if "/aws/vendedlogs/" not in name or "AWS::StackId" not in name:
                yield f"{resource}: its logs go to {name}"


def not_isolated(templates: Templates) -> Iterator[str]:
    """Models and jobs have no network, but for the nightly job, which fills the feature store by calls of AWS."""
    for model in resources(templates, "AWS::SageMaker::Model"):
        if model.properties.get("EnableNetworkIsolation") is not True:
            yield f"{model}: reaches the network"
    for machine in resources(templates, "AWS::StepFunctions::StateMachine"):
        for name, state in definition(machine)["States"].items():
            operation = state.get("Resource", "").rsplit(":", 1)[-1].removesuffix(".sync")
            arguments = state.get("Arguments", {})
            given = arguments.get("NetworkConfig", {}) if operation == "createProcessingJob" else arguments
            makes = operation in (
                "createProcessingJob",
                "createTrainingJob",
                "createModel",
                "createHyperParameterTuningJob",
            )
            given = given.get("TrainingJobDefinition", given)
            if makes and given.get("EnableNetworkIsolation") is not (name != "Compute"):
                yield f"{machine}: {name}: EnableNetworkIsolation {given.get('EnableNetworkIsolation')}"


def said_of_the_emulation(templates: Templates) -> Iterator[str]:
    """What is deployed says nothing of how it is run elsewhere."""
    for stack, template in templates.items():
        rest = {name: part for name, part in template.items() if name != "Resources"}
        parts = {**template["Resources"], "beside its resources": rest}
        for name, part in parts.items():
            yield from (f"{stack}.{name}: {found[0]!r}" for found in _OF_THE_EMULATION.finditer(json.dumps(part)))


def untraced(templates: Templates) -> Iterator[str]:
    """Every function and every state machine sends traces."""
    for function in resources(templates, "AWS::Lambda::Function"):
        if function.properties.get("TracingConfig") != {"Mode": "Active"}:
            yield f"{function}: TracingConfig {function.properties.get('TracingConfig')}"
    for machine in resources(templates, "AWS::StepFunctions::StateMachine"):
        if machine.properties.get("TracingConfiguration") != {"Enabled": True}:
            yield f"{machine}: TracingConfiguration {machine.properties.get('TracingConfiguration')}"


def archived_for_ever(templates: Templates) -> Iterator[str]:
    """Whatever may be put into the archive bucket expires: it holds tokens of cards."""
    (bucket,) = (one for one in resources(templates, "AWS::S3::Bucket") if one.id.startswith("Archive"))
    rules = bucket.properties.get("LifecycleConfiguration", {}).get("Rules", [])
    expiring = {rule.get("Prefix") for rule in rules if rule.get("ExpirationInDays")}
    for policy in resources(templates, "AWS::IAM::Policy"):
        for statement in statements(policy.properties["PolicyDocument"]):
            if "s3:PutObject" in listed(statement["Action"]):
                for prefix in filter(None, map(_archive_prefix, listed(statement["Resource"]))):
                    if not any(prefix.startswith(each) for each in filter(None, expiring)):
                        yield f"{policy}: what is put under {prefix} of {bucket} never expires"


def _archive_prefix(resource: Any) -> str:
    """The prefix of the archive bucket that an ARN of objects names; empty if it is of another bucket."""
    text = json.dumps(resource)
    if "ArchiveBucketArn" not in text or not isinstance(resource, dict):
        return ""
    return str(resource["Fn::Join"][1][-1]).lstrip("/").removesuffix("*")


def _log_groups(value: Any) -> Iterator[str]:
    """The ids of the log groups that a resource's logging names."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in ("LogGroupArn", "LogGroup"):
                yield str(referred(inner))
            else:
                yield from _log_groups(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _log_groups(inner)


INVARIANTS = (
    taken_for_anyone,
    in_the_next_deployments_way,
    logs_in_the_accounts_policy,
    not_isolated,
    archived_for_ever,
    said_of_the_emulation,
    untraced,
)
