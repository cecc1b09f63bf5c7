"""The ledger: what became, in a run, of each resource of the templates. Four classes, and no resource in none of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from local.assembly import Stack

Class = Literal["executed real code", "emulated", "recorded only", "not run here"]
CLASSES: tuple[Class, ...] = ("executed real code", "emulated", "recorded only", "not run here")


class UnknownTypeError(ValueError):
    """A template holds a type that the ledger has no class for."""


@dataclass(frozen=True)
class Entry:
    """What became of one resource."""

    stack: str
    logical_id: str
    type: str
    class_: Class
    note: str

    def row(self) -> dict[str, str]:
        """As it stands in ledger.json."""
        return {name.rstrip("_"): value for name, value in asdict(self).items()}


_MINISTACK = "MiniStack"
_EMULATED = {
    **{
        f"AWS::ApiGateway::{kind}": f"{_MINISTACK}: requests are signed, judged, throttled and validated by it"
        for kind in (
            "RestApi",
            "Resource",
            "Method",
            "Model",
            "RequestValidator",
            "Deployment",
            "Stage",
            "GatewayResponse",
        )
    },
    **{
        f"AWS::ApiGateway::{kind}": f"{_MINISTACK}: keys of a plan alone are taken, each with its requests a day"
        for kind in ("ApiKey", "UsagePlan", "UsagePlanKey")
    },
    "AWS::ApiGateway::Authorizer": f"{_MINISTACK}: tokens verified with the pool's keys; which kind, by the method's scopes",
    "AWS::CloudWatch::Alarm": f"{_MINISTACK}: evaluated against the metrics put here",
    "AWS::DynamoDB::Table": f"{_MINISTACK}: in memory, with its stream; its size is known anew every five minutes, not six hours",
    "AWS::Events::EventBus": f"{_MINISTACK}: matches events with rules",
    "AWS::Events::Rule": f"{_MINISTACK}: delivers as its role may",
    "AWS::Glue::Classifier": "the crawler reads files by it",
    "AWS::Glue::Crawler": "looks into its files in its role's name and writes the catalogue",
    "AWS::Glue::Database": "tables in memory, as crawlers write them",
    "AWS::Glue::SecurityConfiguration": "who uses its key is judged; nothing is encrypted",
    "AWS::FraudDetector::Detector": "its rules are evaluated; nothing scores here, so a rule that needs a score does not match",
    **{
        f"AWS::FraudDetector::{kind}": "in memory; what names it is held to it"
        for kind in ("EntityType", "EventType", "Label", "Outcome", "Variable")
    },
    "AWS::IAM::Policy": "judges each call of its role",
    "AWS::IAM::ManagedPolicy": "judges each call of its roles",
    "AWS::IAM::Role": "each call in its name is judged by its policies",
    "AWS::KMS::Key": f"{_MINISTACK}: who uses what it encrypts is judged; nothing is encrypted",
    "AWS::Lambda::Permission": f"{_MINISTACK}: kept as the function's policy",
    "AWS::Logs::LogGroup": f"{_MINISTACK}: in memory",
    "AWS::Logs::LogStream": f"{_MINISTACK}: in memory",
    "AWS::S3::Bucket": f"{_MINISTACK}: in memory, with notifications",
    "AWS::S3::BucketPolicy": "judges each call on its bucket; the loopback address counts as TLS",
    "AWS::SNS::Subscription": f"{_MINISTACK}: delivers",
    "AWS::SNS::Topic": f"{_MINISTACK}: delivers to its subscriptions",
    "AWS::SNS::TopicPolicy": "judges each call on its topic",
    "AWS::SQS::Queue": f"{_MINISTACK}: in memory, with visibility, delays and dead letters",
    "AWS::SQS::QueuePolicy": "judges each call on its queue",
    "AWS::SSM::Parameter": f"{_MINISTACK}: in memory",
    "AWS::SageMaker::FeatureGroup": "online records in SQLite, the newest event time stands; offline rows are not kept",
    "AWS::SageMaker::MlflowTrackingServer": "runs in memory, by MLflow's operations that keep and find them; no page",
    "AWS::SageMaker::ModelPackageGroup": "versions in memory",
    "AWS::Scheduler::Schedule": f"{_MINISTACK}: fires at its time as its role may",
    "AWS::SecretsManager::Secret": f"{_MINISTACK}: in memory",
}
_NETWORK = "there is no network of the cloud on one machine"
_RECORDED = {
    "AWS::ApiGateway::Account": "no access log is written here",
    "AWS::Logs::MetricFilter": "no access log is written here",
    "AWS::ApplicationAutoScaling::ScalableTarget": "one process serves",
    "AWS::ApplicationAutoScaling::ScalingPolicy": "one process serves",
    "AWS::CloudWatch::Dashboard": "nothing draws it",
    "AWS::EC2::EIP": _NETWORK,
    "AWS::EC2::FlowLog": _NETWORK,
    "AWS::EC2::InternetGateway": _NETWORK,
    "AWS::EC2::NatGateway": _NETWORK,
    "AWS::EC2::Route": _NETWORK,
    "AWS::EC2::RouteTable": _NETWORK,
    "AWS::EC2::SecurityGroup": _NETWORK,
    "AWS::EC2::SecurityGroupEgress": _NETWORK,
    "AWS::EC2::SecurityGroupIngress": _NETWORK,
    "AWS::EC2::Subnet": _NETWORK,
    "AWS::EC2::SubnetRouteTableAssociation": _NETWORK,
    "AWS::EC2::VPC": _NETWORK,
    "AWS::EC2::VPCEndpoint": _NETWORK,
    "AWS::EC2::VPCGatewayAttachment": _NETWORK,
    "AWS::SageMaker::NotebookInstance": "no notebook is started here: `docs/synthetic-fraud.ipynb` runs on this machine",
    "AWS::SageMaker::NotebookInstanceLifecycleConfig": "no notebook is started here",
    "AWS::Events::Archive": "nothing is replayed from it",
    "AWS::Glue::Table": "no query engine reads it here",
    "AWS::KinesisAnalyticsV2::ApplicationCloudWatchLoggingOption": "the job logs to a file",
    "AWS::Logs::QueryDefinition": "nothing runs it",
    "AWS::MSK::ClusterPolicy": "the broker knows no roles",
    "AWS::MSK::Configuration": "the broker has settings of its own",
}
_LAYER = "built for the functions' platform; the same libraries, built for this machine, stand in"


def ledger(stacks: Sequence[Stack], physical: Mapping[str, Mapping[str, str]], work: Mapping[str, int]) -> list[Entry]:
    """The ledger of a run.

    Args:
        stacks: as they were deployed.
        physical: {stack: {logical id: physical id}}.
        work: {physical id: how often it did its work}: calls of functions and endpoints, records of mappings, executions, starts
            of applications and brokers.

    Raises:
        UnknownTypeError: a resource's type is in no class.
    """
    return [
        _entry(stack.name, logical_id, resource, work.get(physical[stack.name].get(logical_id, ""), 0))
        for stack in stacks
        for logical_id, resource in stack.template["Resources"].items()
    ]


def check_types(stacks: Sequence[Stack]) -> None:
    """Raises UnknownTypeError before anything is made, if a resource's type is in no class."""
    ledger(stacks, {stack.name: {} for stack in stacks}, {})


def counts(entries: Sequence[Entry]) -> dict[str, int]:
    """How many resources each class has."""
    found = Counter(entry.class_ for entry in entries)
    return {name: found[name] for name in CLASSES}


def _entry(stack: str, logical_id: str, resource: Mapping[str, Any], work: int) -> Entry:
    kind = resource["Type"]

    def made(class_: Class, note: str) -> Entry:
        return Entry(stack, logical_id, kind, class_, note)

    if kind in _WORKERS:
        did, idle = _WORKERS[kind]
        return made("executed real code", f"{did}: {work:,}") if work else made("not run here", idle)
    if kind == "AWS::CloudWatch::Alarm" and "Metrics" in resource["Properties"]:
        return made("recorded only", "an alarm on an expression over several metrics is not evaluated here")
    if kind in ("AWS::Lambda::LayerVersion", "AWS::CDK::Metadata"):
        return made("not run here", _LAYER if kind.startswith("AWS::Lambda") else "says which CDK wrote the template")
    if kind.startswith("Custom::") or kind in _REAL:
        return made("executed real code", _REAL.get(kind, "its function answered"))
    if kind in _EMULATED:
        return made("emulated", _EMULATED[kind])
    if kind in _RECORDED:
        return made("recorded only", _RECORDED[kind])
    raise UnknownTypeError(f"{stack} {logical_id}: {kind} is in none of the ledger's classes: {', '.join(CLASSES)}")


_BROKER = ("a Kafka broker of one node, without TLS; starts", "its broker did not start in this run")
_WORKERS = {
    "AWS::Lambda::Function": ("a process under Lambda's runtime client; calls", "not called in this run"),
    "AWS::Lambda::EventSourceMapping": ("read by its own rules; records", "nothing came in this run"),
    "AWS::StepFunctions::StateMachine": (
        "its definition interpreted, its tasks and jobs run; executions",
        "not started in this run",
    ),
    "AWS::SageMaker::Endpoint": (
        "a serving process, two while a canary is watched; calls",
        "serves, but was not asked in this run",
    ),
    "AWS::KinesisAnalyticsV2::Application": (
        "the stream job in Flink, from its asset; starts",
        "its job did not start in this run",
    ),
    "AWS::MSK::Cluster": _BROKER,
    "AWS::MSK::ServerlessCluster": _BROKER,
}
_REAL = {
    "AWS::SageMaker::EndpointConfig": "says what the serving process loads and which share of requests is captured",
    "AWS::SageMaker::Model": "loaded by the serving process",
    "AWS::Glue::Job": "its script in Spark, from its assets",
}
