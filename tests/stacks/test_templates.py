"""What the templates say agrees with the code that they deploy."""

from __future__ import annotations

import filecmp
import importlib
import json
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from fraud.features.groups import EVENT_TIME, FEATURE_GROUPS
from lambda_src.archive.rows import DECISIONS, TRANSACTIONS
from lambda_src.ports.nightly_feature_store import MOST_CARDS
from stacks.images import TABLE, ask_sagemaker
from tests.stacks.stacks_under_test import Templates, listed, referred, resources, statements, synthesize

FUNCTION = "AWS::Lambda::Function"
HANDLER = re.compile(r"lambda_src\.(\w+)\.handler\.handler")


def test_every_function_is_told_what_its_environment_reads(templates: Templates) -> None:
    found = {
        HANDLER.fullmatch(function.properties["Handler"])[1]: function for function in resources(templates, FUNCTION)
    }
    assert found.keys() == {path.parent.name for path in Path("lambda_src").glob("*/handler.py")}
    for name, function in found.items():
        model = importlib.import_module(f"lambda_src.{name}.environment").Environment
        variables = function.properties["Environment"]["Variables"]
        assert variables.keys() == model.variables(), function
        plain = {key: value if isinstance(value, str) else "arn:aws:kafka:x" for key, value in variables.items()}
        assert model.model_validate(plain).service == name


def test_every_function_has_a_handler() -> None:
    for folder in Path("lambda_src").glob("*/environment.py"):
        assert (folder.parent / "handler.py").is_file(), folder


def test_feature_groups_are_the_declared_ones(templates: Templates) -> None:
    found = {
        group.properties["FeatureGroupName"]: group.properties
        for group in resources(templates, "AWS::SageMaker::FeatureGroup")
    }
    assert found.keys() == {declared.name for declared in FEATURE_GROUPS}
    for declared in FEATURE_GROUPS:
        group = found[declared.name]
        columns = [(column["FeatureName"], column["FeatureType"]) for column in group["FeatureDefinitions"]]
        assert columns == list(declared.columns)
        assert group["RecordIdentifierFeatureName"] == declared.identifier
        assert group["EventTimeFeatureName"] == EVENT_TIME
        assert ("OnlineStoreConfig" in group, "OfflineStoreConfig" in group) == (declared.online, declared.offline)


def definitions(templates: Templates) -> dict[str, dict[str, Any]]:
    """The state machines' definitions, what only a deployment knows written as `?`."""
    found = {}
    for machine in resources(templates, "AWS::StepFunctions::StateMachine"):
        text = machine.properties["DefinitionString"]
        parts = text["Fn::Join"][1] if isinstance(text, dict) else [text]
        found[machine.stack] = json.loads("".join(part if isinstance(part, str) else "?" for part in parts))
    return found


def test_jobs_run_modules_that_are_there(templates: Templates) -> None:
    modules = re.findall(r"sagemaker_src\.[a-z_.]+", json.dumps(definitions(templates)))
    assert len(set(modules)) == 4
    for module in modules:
        assert find_spec(module), module


def test_every_state_is_reached_and_leads_somewhere(templates: Templates) -> None:
    for name, definition in definitions(templates).items():
        states = definition["States"]
        leads_to = {definition["StartAt"]}
        for state in states.values():
            leads_to |= {
                state.get("Next"),
                state.get("Default"),
                *(choice["Next"] for choice in state.get("Choices", [])),
            }
            assert state.keys() & {"Next", "Default", "End"} or state["Type"] in ("Succeed", "Fail"), (name, state)
        assert leads_to - {None} == states.keys(), name


def test_a_new_model_takes_over_behind_alarms(dev: Templates, prod: Templates) -> None:
    for templates, kind in ((dev, "ALL_AT_ONCE"), (prod, "CANARY")):
        update = definitions(templates)["Training"]["States"]["Update endpoint"]["Arguments"]["DeploymentConfig"]
        assert update["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"]["Type"] == kind
        assert len(update["AutoRollbackConfiguration"]["Alarms"]) == 2


def test_topics_keep_the_brokers_time_and_a_replay_the_datas_own(dev: Templates, other: Templates) -> None:
    for templates, stamped, kept in ((dev, "LogAppendTime", "604800000"), (other, "CreateTime", "-1")):
        (made,) = resources(templates, "Custom::KafkaTopics")
        topics = {topic["Name"]: topic["Config"] for topic in made.properties["Topics"]}
        assert topics["transactions"] == {"message.timestamp.type": stamped, "retention.ms": kept}
        (job,) = resources(templates, "AWS::KinesisAnalyticsV2::Application")
        groups = job.properties["ApplicationConfiguration"]["EnvironmentProperties"]["PropertyGroups"]
        heartbeat = {group["PropertyGroupId"]: group["PropertyMap"] for group in groups}["Features"]["heartbeat"]
        assert heartbeat == ("true" if templates is dev else "false")


def test_streaming_flavours(dev: Templates, prod: Templates) -> None:
    assert [len(list(resources(dev, f"AWS::MSK::{kind}"))) for kind in ("ServerlessCluster", "Cluster")] == [1, 0]
    assert [len(list(resources(prod, f"AWS::MSK::{kind}"))) for kind in ("ServerlessCluster", "Cluster")] == [0, 1]
    assert not list(resources(dev, "AWS::EC2::NatGateway"))


def test_what_is_decided_together_is_one_read_of_the_nightly_features(templates: Templates) -> None:
    mappings = [mapping.properties for mapping in resources(templates, "AWS::Lambda::EventSourceMapping")]
    (decide,) = [each for each in mappings if (referred(each["FunctionName"]) or "").startswith("FunctionsDecide")]
    assert decide["BatchSize"] == MOST_CARDS


def test_two_payments_under_one_id_have_an_alarm_of_their_own(templates: Templates) -> None:
    (alarm,) = [
        each.properties
        for each in resources(templates, "AWS::CloudWatch::Alarm")
        if each.properties.get("MetricName") == "Collisions"
    ]
    assert (alarm["Statistic"], alarm["Threshold"], alarm["Namespace"]) == ("Sum", 1, "CardFraud")
    assert alarm["Dimensions"] == [{"Name": "service", "Value": "watch"}]
    assert alarm["TreatMissingData"] == "notBreaching"


def test_nothing_depends_on_a_stack_that_comes_later(templates: Templates) -> None:
    order = ["Data", "Features", "Serving", "Streaming", "Training", "Monitoring"]
    for stack, template in templates.items():
        for name in re.findall(r'"StackName": "CardFraud-\w+-(\w+)"', json.dumps(template)):
            assert order.index(name) < order.index(stack)


def test_the_endpoint_answers_from_the_first_deployment(templates: Templates) -> None:
    (endpoint,) = resources(templates, "AWS::SageMaker::Endpoint")
    configuration = templates["Serving"]["Resources"][referred(endpoint.properties["EndpointConfigName"])]
    assert (
        referred(configuration["Properties"]["ProductionVariants"][0]["ModelName"]) in templates["Serving"]["Resources"]
    )


def test_two_syntheses_give_the_same_bytes(dev_folder: Path, tmp_path: Path) -> None:
    again = synthesize(tmp_path, env="dev")
    names = sorted(path.name for path in dev_folder.glob("*.json"))
    assert len(names) > 12
    assert filecmp.cmpfiles(dev_folder, again, names, shallow=False) == (names, [], [])


@pytest.mark.parametrize("env", ["dev", "prod"])
def test_cfn_lint_finds_nothing(env: str, dev: Templates, prod: Templates, tmp_path: Path) -> None:
    templates = {"dev": dev, "prod": prod}[env]
    for stack, template in templates.items():
        (tmp_path / f"{stack}.template.json").write_text(json.dumps(template))
    paths = map(str, sorted(tmp_path.iterdir()))
    done = subprocess.run(
        [Path(sys.executable).with_name("cfn-lint"), *paths], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_images_are_sagemakers() -> None:
    assert json.loads(TABLE.read_text()) == ask_sagemaker(), "run python -m stacks.images"


def test_an_unacknowledged_finding_fails_the_synthesis(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = importlib.import_module("stacks.data")
    monkeypatch.setattr(data, "acknowledge", lambda *_: None)
    with pytest.raises(RuntimeError, match="AwsSolutions-SMG4"):
        synthesize(tmp_path, env="dev")


def test_other_settings_reach_the_templates(other: Templates) -> None:
    assert list(resources(other, "AWS::EC2::NatGateway"))
    (subscription,) = resources(other, "AWS::SNS::Subscription")
    assert subscription.properties["Endpoint"] == "fraud@example.com"
    (configuration,) = resources(other, "AWS::SageMaker::EndpointConfig")
    assert "DataCaptureConfig" not in configuration.properties
    assert "smspark-submit" in json.dumps(definitions(other)["Features"])


def test_the_archives_tables_have_the_columns_that_are_written(templates: Templates) -> None:
    types = {"string": "string", "bigint": "int64", "double": "double", "timestamp": "timestamp[ms, tz=UTC]"}
    found = {
        table.properties["TableInput"]["Name"]: {
            column["Name"]: types[column["Type"]]
            for column in table.properties["TableInput"]["StorageDescriptor"]["Columns"]
        }
        for table in resources(templates, "AWS::Glue::Table")
    }
    written = {"transactions": TRANSACTIONS, "decisions": DECISIONS}
    assert found == {name: {one.name: str(one.type) for one in schema} for name, schema in written.items()}


def test_leftovers_are_deleted_where_data_is_not_kept(dev: Templates) -> None:
    found = {resource.stack: resource.properties for resource in resources(dev, "Custom::Leftovers")}
    assert found.keys() == {"Data", "Features", "Serving", "Training"}
    buckets = {resource.id for resource in resources(dev, "AWS::S3::Bucket")}
    assert {referred(bucket) for bucket in found["Data"]["Buckets"]} == buckets


@pytest.mark.parametrize("kept", ["prod", "other"])
def test_what_is_to_be_kept_nothing_may_delete(kept: str, request: pytest.FixtureRequest) -> None:
    templates = request.getfixturevalue(kept)
    assert not list(resources(templates, "Custom::Leftovers"))
    policies = [one for one in resources(templates, "AWS::IAM::Policy") if one.id.startswith("CleanUp")]
    assert policies
    for policy in policies:
        allowed = {
            action for one in statements(policy.properties["PolicyDocument"]) for action in listed(one["Action"])
        }
        assert not {action for action in allowed if action.split(":")[1].startswith(("Delete", "Put", "Stop"))} - {
            "logs:PutLogEvents"
        }
