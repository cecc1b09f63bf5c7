"""The training machine's runs are kept at a tracking server, where the settings say so."""

from __future__ import annotations

from typing import Any

import pytest

from stacks.constructs.tracking import KEEP_RUN, KEEPING
from stacks.costs import LOADS, estimate
from stacks.settings import read_settings
from tests.stacks.stacks_under_test import Templates, resources
from tests.stacks.test_approval import from_
from tests.stacks.test_templates import definitions

TYPE = "AWS::SageMaker::MlflowTrackingServer"


def statements(templates: Templates, role: str) -> list[dict[str, Any]]:
    """What a role of the stack Training may, by the beginning of its logical id."""
    return [
        statement
        for policy in resources(templates, "AWS::IAM::Policy")
        if any(str(one.get("Ref", "")).startswith(role) for one in policy.body["Properties"]["Roles"])
        for statement in policy.body["Properties"]["PolicyDocument"]["Statement"]
    ]


def test_without_the_setting_there_is_no_server_and_no_step(dev: Templates) -> None:
    assert not [*resources(dev, TYPE)]
    assert KEEP_RUN not in definitions(dev)["Training"]["States"]
    assert "TrackingServer" not in dev["Training"]["Outputs"]


def test_the_server_writes_below_its_prefix_of_an_encrypted_bucket_and_registers_nothing(other: Templates) -> None:
    [server] = resources(other, TYPE)
    assert server.stack == "Training"
    properties = server.body["Properties"]
    assert (properties["TrackingServerSize"], properties["AutomaticModelRegistration"]) == ("Small", False)
    assert str(properties["ArtifactStoreUri"]).endswith("/tracking']]}")
    assert server.body["DeletionPolicy"] == "RetainExceptOnCreate", "of the setting removal"
    allowed = statements(other, "ModelsTrackingRole")
    assert {action for one in allowed for action in ([one["Action"]] if isinstance(one["Action"], str) else one["Action"])} == {
        "s3:GetObject", "s3:PutObject", "s3:ListBucket", "kms:Decrypt", "kms:GenerateDataKey"
    }  # fmt: skip


def test_who_keeps_runs_may_do_that_alone_at_that_server(other: Templates) -> None:
    [mlflow] = [
        one for one in statements(other, "ModelsFunctionsTrackRunRole") if "sagemaker-mlflow" in str(one["Action"])
    ]
    assert mlflow["Action"] == sorted(f"sagemaker-mlflow:{action}" for action in KEEPING)
    assert "mlflow-tracking-server/card-fraud-dev" in str(mlflow["Resource"])
    assert "*" not in str(mlflow["Resource"])


def test_a_run_is_kept_after_the_verdict_and_whatever_becomes_of_that_it_goes_on(other: Templates) -> None:
    states = definitions(other)["Training"]["States"]
    keep = states[KEEP_RUN]
    assert states["Gate"]["Next"] == KEEP_RUN
    assert keep["Next"] == "Accepted?"
    assert [(one["ErrorEquals"], one["Next"]) for one in keep["Catch"]] == [(["States.ALL"], "Accepted?")]
    assert KEEP_RUN not in from_(states, "Accepted?")


def test_it_is_paid_for_by_the_hour() -> None:
    without, managed = (
        sum(line.usd for line in estimate(read_settings({"tracking": tracking}), LOADS["dev"]))
        for tracking in ("none", "managed")
    )
    assert managed - without == pytest.approx(730 * 0.60)
