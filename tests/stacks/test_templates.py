"""What the templates say agrees with the code that they deploy."""

from __future__ import annotations

import filecmp
import importlib
import json
import re
import subprocess
import sys
import tarfile
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any, get_args

import aws_cdk as cdk
import pytest

from flink_src.properties import parse_properties
from flink_src.version import job_version, read_back_ms
from fraud.durations import MS_PER_DAY
from fraud.features.catalogue import CATALOGUE
from fraud.features.groups import EVENT_TIME, FEATURE_GROUPS, nightly_group, stream_group, training_group
from fraud.features.windows import Window
from lambda_src.archive.rows import DECISIONS, TRANSACTIONS
from lambda_src.ports.nightly_feature_store import CARDS_PER_CALL
from lambda_src.record_labels.rows import LABELS
from stacks.constructs import feature_groups
from stacks.constructs.functions import TRACES
from stacks.constructs.jobs import names_in_place_of_wheels
from stacks.constructs.promotion import AWAITS, REFUSED
from stacks.data import Data
from stacks.features import Features
from stacks.images import TABLE, ask_sagemaker
from stacks.settings import Settings, read_settings
from tests.stacks.machine_invariants import MACHINE, definition
from tests.stacks.stacks_under_test import (
    Templates,
    context,
    listed,
    read_templates,
    referred,
    resources,
    statements,
    synthesize,
)

FUNCTION, EXTENDED = "AWS::Lambda::Function", "Custom::ExtendedFeatureGroups"
HANDLER = re.compile(r"lambda_src\.(\w+)\.handler\.handler")


def test_every_function_is_told_what_its_environment_reads(templates: Templates) -> None:
    found = {
        HANDLER.fullmatch(function.properties["Handler"])[1]: function for function in resources(templates, FUNCTION)
    }
    back_end = {"fraud-detector"} if "publish_detector" in found else {"sagemaker"}
    handlers = {path.parent.name for path in Path("lambda_src").glob("*/handler.py")}
    assert found.keys() | {"publish_detector", "track_run"} == handlers
    for name, function in found.items():
        model = importlib.import_module(f"lambda_src.{name}.environment").Environment
        variables = function.properties["Environment"]["Variables"]
        assert variables.keys() == model.variables(), function
        plain = {key: value if isinstance(value, str) else _plain(key, value) for key, value in variables.items()}
        read = model.model_validate(plain)
        assert read.service == name
        if "BACK_END" in variables:
            assert {read.back_end.kind} == back_end


def _plain(variable: str, value: dict) -> str:
    """A value in place of one that is known once it is deployed."""
    if variable == "TRACKING_SERVER_ARN":
        return "arn:aws:sagemaker:us-east-1:123456789012:mlflow-tracking-server/runs"
    if variable != "BACK_END":
        return "arn:aws:kafka:x"
    parts = value["Fn::Join"][1]
    arns = ("arn:aws:iam:x" if "Role" in json.dumps(part) else "arn:aws:states:x" for part in parts)
    return "".join(part if isinstance(part, str) else arn for part, arn in zip(parts, arns, strict=True))


def test_every_function_has_a_handler() -> None:
    for folder in Path("lambda_src").glob("*/environment.py"):
        assert (folder.parent / "handler.py").is_file(), folder


def test_feature_groups_are_the_declared_ones(templates: Templates) -> None:
    found = {
        group.properties["FeatureGroupName"]: group.properties
        for group in resources(templates, "AWS::SageMaker::FeatureGroup")
    }
    assert found.keys() == {declared.name for declared in FEATURE_GROUPS}
    (extended,) = resources(templates, EXTENDED)
    for declared in FEATURE_GROUPS:
        group = found[declared.name]
        columns = {column["FeatureName"]: column["FeatureType"] for column in group["FeatureDefinitions"]}
        # what no release changes; the function adds the others
        assert columns == {declared.identifier: "String", EVENT_TIME: "String"}
        assert extended.properties["Groups"][declared.name] == dict(declared.columns)
        assert group["RecordIdentifierFeatureName"] == declared.identifier
        assert group["EventTimeFeatureName"] == EVENT_TIME
        assert ("OnlineStoreConfig" in group, "OfflineStoreConfig" in group) == (declared.online, declared.offline)


def features_stack(folder: Path) -> dict[str, Any]:
    """The template of the stack Features alone."""
    app = cdk.App(context=context(env="dev"), outdir=str(folder))
    settings = read_settings(app.node.get_all_context())
    names_in_place_of_wheels(app, True)
    Features(app, settings, data=Data(app, settings))
    app.synth()
    return read_templates(folder)["Features"]


def test_a_release_with_more_features_changes_no_group(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    before = features_stack(tmp_path / "before")
    more = replace(CATALOGUE, windows=(*CATALOGUE.windows, Window(back="6h", aggregates=("count",))))
    groups = tuple(of(more) for of in (stream_group, nightly_group, training_group))
    monkeypatch.setattr(feature_groups, "FEATURE_GROUPS", groups)
    after = features_stack(tmp_path / "after")
    (extended,) = (name for name, body in before["Resources"].items() if body["Type"] == EXTENDED)
    asked = [template["Resources"][extended]["Properties"].pop("Groups") for template in (before, after)]
    assert before == after
    assert asked[1] == {group.name: dict(group.columns) for group in groups}
    assert asked[1] != asked[0] == {group.name: dict(group.columns) for group in FEATURE_GROUPS}


def test_nothing_writes_records_into_a_group_that_lacks_features(templates: Templates, dev_folder: Path) -> None:
    """The nightly job is made after the groups are extended, and the stack of the function that ingests after that."""
    (extended,) = resources(templates, EXTENDED)
    for machine in resources(templates, MACHINE, "AWS::Scheduler::Schedule"):
        if machine.stack == extended.stack:
            assert extended.id in machine.body["DependsOn"]
    groups = {group.id for group in resources(templates, "AWS::SageMaker::FeatureGroup")}
    assert groups < set(extended.body["DependsOn"])
    artifacts = json.loads((dev_folder / "manifest.json").read_text())["artifacts"]
    assert "CardFraud-Dev-Features" in artifacts["CardFraud-Dev-Streaming"]["dependencies"]


def definitions(templates: Templates) -> dict[str, dict[str, Any]]:
    """The definitions of the state machines, by their stacks; that of drift, the second one of its stack, by its name."""
    return {
        "Drift" if machine.id.startswith("Drift") else machine.stack: definition(machine)
        for machine in resources(templates, MACHINE)
    }


def test_jobs_run_modules_that_are_there(templates: Templates) -> None:
    modules = re.findall(r"sagemaker_src\.[a-z_.]+", json.dumps(definitions(templates)))
    # Fraud Detector reads the files and scores them itself; candidates are shadows there
    assert len(set(modules)) == (11 if "publish_detector" in json.dumps(templates) else 12)
    for module in modules:
        assert find_spec(module), module


def test_every_state_is_reached_and_leads_somewhere(templates: Templates) -> None:
    for name, machine in definitions(templates).items():
        states = machine["States"]
        leads_to = {machine["StartAt"]}
        for state in states.values():
            leads_to |= {
                state.get("Next"),
                state.get("Default"),
                *(way["Next"] for way in (*state.get("Choices", []), *state.get("Catch", []))),
            }
            assert state.keys() & {"Next", "Default", "End"} or state["Type"] in ("Succeed", "Fail"), (name, state)
        assert leads_to - {None} == states.keys(), name


def test_a_new_model_takes_over_behind_alarms(dev: Templates, prod: Templates) -> None:
    for templates, kind in ((dev, "ALL_AT_ONCE"), (prod, "CANARY")):
        update = definitions(templates)["Training"]["States"]["Update endpoint"]["Arguments"]["DeploymentConfig"]
        assert update["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"]["Type"] == kind
        assert len(update["AutoRollbackConfiguration"]["Alarms"]) == 3
        alarms = [one.properties for one in resources(templates, "AWS::CloudWatch::Alarm") if one.stack == "Serving"]
        # a model that takes another vector answers 4xx to all that `decide` sends
        assert {alarm["MetricName"] for alarm in alarms} == {
            "Invocation4XXErrors",
            "Invocation5XXErrors",
            "ModelLatency",
        }


def test_people_are_told_of_a_candidate_that_is_refused_or_awaits_approval(templates: Templates) -> None:
    states = definitions(templates)["Training"]["States"]
    refused = states[states["Accepted?"]["Default"]]
    (entry,) = refused["Arguments"]["Entries"]
    assert (entry["Source"], entry["DetailType"]) == ("card-fraud", REFUSED)
    assert entry["Detail"].keys() == {"run", "sentence", "evaluation"}
    assert states[refused["Next"]]["Type"] == "Succeed"
    (rule,) = [
        one.properties
        for one in resources(templates, "AWS::Events::Rule")
        if one.properties["EventPattern"].get("detail-type") == [REFUSED, AWAITS]
    ]
    (topic,) = resources(templates, "AWS::SNS::Topic")
    (target,) = rule["Targets"]
    assert referred(target["Arn"]) == topic.id


def updates_told(templates: Templates) -> dict[str, set[str]]:
    """{stack with a state machine: the stacks of whose updates' ends it is told}."""
    found = {}
    for rule in resources(templates, "AWS::Events::Rule"):
        if "aws.cloudformation" in rule.properties["EventPattern"]["source"]:
            detail = rule.properties["EventPattern"]["detail"]
            assert detail["status-details"]["status"] == ["UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"]
            arns = [json.dumps(one["prefix"]) for one in detail["stack-id"]]
            found[rule.stack] = {re.findall(r"CardFraud-\w+-(\w+)/", arn)[0] for arn in arns}
    return found


def test_thresholds_of_the_settings_reach_the_detector_with_the_deployment(templates: Templates) -> None:
    """The function that publishes has them, and its machine is told of its own stack's updates."""
    publishing = [one for one in resources(templates, FUNCTION) if "HIGH_FROM" in json.dumps(one.properties)]
    assert updates_told(templates).get("Batch", set()) == {one.stack for one in publishing}


def test_the_training_machine_is_told_of_what_may_change_which_model_is_to_serve(templates: Templates) -> None:
    """Of each end of an update of the stack with the endpoint, and of that with the function which knows the features."""
    told = updates_told(templates)["Training"]
    kinds = ("AWS::SageMaker::Endpoint", FUNCTION)
    assert told == {
        one.stack
        for one in resources(templates, *kinds)
        if one.properties.get("Handler") in (None, "lambda_src.champion.handler.handler")
    }


def test_topics_keep_the_brokers_time_and_a_replay_the_datas_own(dev: Templates, other: Templates) -> None:
    for templates, stamped, kept in ((dev, "LogAppendTime", "604800000"), (other, "CreateTime", "-1")):
        made = resources(templates, "Custom::KafkaTopics")
        topics = {topic["Name"]: topic["Config"] for one in made for topic in one.properties["Topics"]}
        assert topics["transactions"].items() >= {"message.timestamp.type": stamped, "retention.ms": kept}.items()
        (job,) = resources(templates, "AWS::KinesisAnalyticsV2::Application")
        groups = job.properties["ApplicationConfiguration"]["EnvironmentProperties"]["PropertyGroups"]
        features = {group["PropertyGroupId"]: group["PropertyMap"] for group in groups}["Features"]
        assert features["heartbeat"] == ("true" if templates is dev else "false")


def test_the_stream_job_understands_what_it_is_told(dev: Templates, prod: Templates) -> None:
    for templates, settings in ((dev, read_settings({})), (prod, read_settings({"env": "prod"}))):
        (job,) = resources(templates, "AWS::KinesisAnalyticsV2::Application")
        groups = job.properties["ApplicationConfiguration"]["EnvironmentProperties"]["PropertyGroups"]
        for group in groups:
            given = group["PropertyMap"]
            group["PropertyMap"] = {
                name: value if isinstance(value, str) else "b:9098" for name, value in given.items()
            }
        told = parse_properties(groups)
        assert told.partitions == settings.partitions
        assert (told.heartbeat_interval_ms, told.flush_interval_ms) == (settings.heartbeat_ms, settings.flush_ms)
        assert told.undeclared_fields == settings.undeclared_fields
        version = job_version(told, job.properties["RuntimeEnvironment"])
        assert (told.features_topic, told.group_id) == (f"features-{version}", f"stream-features-{version}")
        assert job.properties["ApplicationName"] == f"card-fraud-{settings.env}-stream-{version}"
        assert told.read_back_ms == read_back_ms(told) == 3 * MS_PER_DAY


@pytest.mark.parametrize("interval_ms", get_args(Settings.model_fields["heartbeat_ms"].annotation))
def test_every_heartbeat_that_can_be_set_is_one_that_the_stream_job_can_keep(interval_ms: int) -> None:
    beat = {"PropertyGroupId": "Features", "PropertyMap": {"heartbeat.interval.ms": str(interval_ms)}}
    brokers = {"PropertyGroupId": "Kafka", "PropertyMap": {"bootstrap.servers": "b:9098"}}
    assert parse_properties([brokers, beat]).heartbeat_interval_ms == interval_ms <= 500, (
        "a lone one waits a second at most"
    )


def test_what_is_decided_together_is_one_read_of_the_nightly_features(templates: Templates) -> None:
    mappings = [mapping.properties for mapping in resources(templates, "AWS::Lambda::EventSourceMapping")]
    (decide,) = [each for each in mappings if (referred(each["FunctionName"]) or "").startswith("FunctionsDecide")]
    assert decide["BatchSize"] == CARDS_PER_CALL


def test_a_run_that_its_machine_ends_for_its_time_rings_as_one_that_failed(templates: Templates) -> None:
    looked_at = [
        {
            metric["MetricStat"]["Metric"]["MetricName"]
            for metric in alarm.properties["Metrics"]
            if "MetricStat" in metric
        }
        for alarm in resources(templates, "AWS::CloudWatch::Alarm")
        if "AWS/States" in json.dumps(alarm.properties)
    ]
    assert looked_at
    assert all(names == {"ExecutionsFailed", "ExecutionsTimedOut"} for names in looked_at)


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
    order = [
        "Data",
        "Features",
        "Serving",
        "Streaming",
        "Labels",
        "Training",
        "Synthesis",
        "Api",
        "Batch",
        "Monitoring",
    ]
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
    types = {
        "string": "string",
        "bigint": "int64",
        "double": "double",
        "boolean": "bool",
        "timestamp": "timestamp[ms, tz=UTC]",
    }
    found = {
        table.properties["TableInput"]["Name"]: {
            column["Name"]: types[column["Type"]]
            for column in table.properties["TableInput"]["StorageDescriptor"]["Columns"]
        }
        for table in resources(templates, "AWS::Glue::Table")
    }
    written = {"transactions": TRANSACTIONS, "decisions": DECISIONS, "labels": LABELS}
    assert found == {name: {one.name: str(one.type) for one in schema} for name, schema in written.items()}


def test_leftovers_are_deleted_where_data_is_not_kept(dev: Templates) -> None:
    found = {resource.stack: resource.properties for resource in resources(dev, "Custom::Leftovers")}
    assert found.keys() == {"Batch", "Data", "Features", "Serving", "Synthesis", "Training"}
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
        changing = {action for action in allowed if action.split(":")[1].startswith(("Delete", "Put", "Stop"))}
        assert changing <= {"logs:PutLogEvents", *TRACES}


FLINK_METRICS = {"restartingTime", "cancellingTime", "failingTime", "runningTime", "numberOfFailedCheckpoints"}
"""What is watched of the stream job, of what Flink 2.2 has.

Page *flink-2-2*: "The fullRestarts metric has been removed"; "The uptime and downtime metrics are both marked as deprecated in
Flink 2.2 and will be removed soon"; the first four take their place.
"""


def test_the_stream_jobs_alarms_watch_what_flink_2_2_has(templates: Templates) -> None:
    watched: dict[str, set[str]] = {}
    for alarm in resources(templates, "AWS::CloudWatch::Alarm"):
        found = json.dumps(alarm.properties)
        if "AWS/KinesisAnalytics" in found:
            watched[alarm.id] = set(re.findall(r'"MetricName": "(\w+)"', found))
            if alarm.properties["TreatMissingData"] == "breaching":
                # no figures at all: at rest, or being deployed; only the first is told
                assert alarm.properties["EvaluationPeriods"] >= 15, alarm
    assert set().union(*watched.values()) == FLINK_METRICS
    (board,) = resources(templates, "AWS::CloudWatch::Dashboard")
    shown = re.findall(r"AWS/KinesisAnalytics\W+(\w+)", json.dumps(board.properties))
    assert shown
    assert set(shown) <= FLINK_METRICS


def test_the_dashboard_shows_what_was_let_through_as_control_group_by_each_door(templates: Templates) -> None:
    (board,) = resources(templates, "AWS::CloudWatch::Dashboard")
    shown = re.findall(r"ControlGroup\W+service\W+(\w+)", json.dumps(board.properties))
    assert shown == ["decide", "api"]


def test_a_model_brings_the_program_that_serves_it(dev_folder: Path, dev: Templates) -> None:
    """Without a network, a container cannot fetch one (page mkt-algo-model-internet-free)."""
    (model,) = resources(dev, "AWS::SageMaker::Model")
    container = model.properties["PrimaryContainer"]
    (copied,) = resources(dev, "Custom::FirstModel")
    key = copied.properties["From"]["Key"]
    manifest = json.loads((dev_folder / "CardFraud-Dev-Serving.assets.json").read_text())
    source = next(
        file["source"]["path"]
        for file in manifest["files"].values()
        if any(place["objectKey"].endswith(key) for place in file["destinations"].values())
    )
    with tarfile.open(dev_folder / source) as archive:
        assert sorted(archive.getnames()) == ["code/inference.py", "manifest.json", "model.ubj"]
    for given in (
        container["Environment"],
        definitions(dev)["Training"]["States"]["Create model"]["Arguments"]["PrimaryContainer"]["Environment"],
    ):
        assert given["SAGEMAKER_SUBMIT_DIRECTORY"] == "/opt/ml/model/code"
        assert given["SAGEMAKER_PROGRAM"] == "inference.py"


def test_whoever_registers_a_model_may_look_at_it(templates: Templates) -> None:
    """Page security-iam-awsmanpol-model-registry: s3:GetObject, ecr:BatchGetImage and ecr:DescribeImages."""
    (policy,) = (
        one
        for one in resources(templates, "AWS::IAM::Policy")
        if "sagemaker:CreateModelPackage" in json.dumps(one.properties)
    )
    allowed = {action for one in statements(policy.properties["PolicyDocument"]) for action in listed(one["Action"])}
    assert {"s3:GetObject", "ecr:BatchGetImage", "ecr:DescribeImages"} <= allowed
