"""The main flow between the resources of synthesized templates: who hands what to whom, read from the templates alone."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Templates = dict[str, dict[str, Any]]
"""{stack, as `Streaming`: its template}."""

SHOWN = {
    "AWS::S3::Bucket": "bucket",
    "AWS::DynamoDB::Table": "table",
    "AWS::Events::EventBus": "event bus",
    "AWS::SQS::Queue": "queue",
    "AWS::Glue::Crawler": "crawler",
    "AWS::Glue::Job": "Spark job",
    "AWS::Lambda::Function": "function",
    "AWS::KinesisAnalyticsV2::Application": "Flink",
    "AWS::SageMaker::FeatureGroup": "feature group",
    "AWS::SageMaker::Endpoint": "endpoint",
    "AWS::SageMaker::ModelPackageGroup": "registry",
    "AWS::StepFunctions::StateMachine": "state machine",
    "AWS::SNS::Topic": "alarms",
    "AWS::CloudWatch::Dashboard": "dashboard",
}
"""The types that the picture shows, in its words."""
_READ = {"NIGHTLY_FEATURE_GROUP"}
"""Variables of functions that name what they read; all others name what they hand something to."""
_SUFFIXES = re.compile(r"([0-9a-f]{8})?(Machine|Endpoint|Application)?([0-9A-F]{8})?$")
"""What a resource's id has after the name that a person gave it, the version of a stream job too."""


@dataclass(frozen=True)
class Node:
    """A resource of the picture."""

    stack: str
    name: str
    kind: str


@dataclass
class Flow:
    """The resources, and who hands something to whom."""

    nodes: list[Node] = field(default_factory=list)
    edges: set[tuple[Node, Node]] = field(default_factory=set)


def read_templates(folder: Path) -> Templates:
    """The templates in a folder such as `cdk.out`."""
    paths = sorted(folder.glob("CardFraud-*.template.json"))
    return {path.name.split(".")[0].split("-")[-1]: json.loads(path.read_text(encoding="utf-8")) for path in paths}


def flow(templates: Templates) -> Flow:
    """What the picture shows of the templates: what hands something on or takes it, and the monitoring of all."""
    reader = _Reader(templates)
    for stack, template in templates.items():
        for name, body in template["Resources"].items():
            reader.read(stack, name, body)
    ends = {node for edge in reader.flow.edges for node in edge}
    reader.flow.nodes = [node for node in reader.flow.nodes if node in ends or node.stack == "Monitoring"]
    return reader.flow


class _Reader:
    def __init__(self, templates: Templates) -> None:
        self.templates, self.flow = templates, Flow()
        self.by_id: dict[tuple[str, str], Node] = {}
        self.by_name: dict[str, Node] = {}
        for stack, template in templates.items():
            for name, body in template["Resources"].items():
                for node in self._nodes(stack, name, body):
                    self.flow.nodes.append(node)
                    self.by_id.setdefault((stack, name), node)
                    self.by_name[node.name] = node

    def _nodes(self, stack: str, name: str, body: dict[str, Any]) -> Iterator[Node]:
        properties = body.get("Properties", {})
        if body["Type"] == "Custom::KafkaTopics":
            yield from (Node(stack, _of_any_version(topic["Name"]), "Kafka topic") for topic in properties["Topics"])
        elif body["Type"] == "AWS::Lambda::Function":
            yield Node(stack, properties["Handler"].split(".")[1], "function")
        elif body["Type"] in SHOWN and not (body["Type"] == "AWS::SQS::Queue" and "RedrivePolicy" not in properties):
            yield Node(stack, properties.get("FeatureGroupName") or _readable(name), SHOWN[body["Type"]])

    def node(self, stack: str, value: Any) -> Node | None:
        """The resource that a value names: by its own name, by a reference, by another stack's output."""
        if isinstance(value, str):
            return self.by_name.get(value)
        if not isinstance(value, dict):
            return None
        if "Fn::GetStackOutput" in value:
            asked = value["Fn::GetStackOutput"]
            other = asked["StackName"].split("-")[-1]
            return self.node(other, self.templates[other]["Outputs"][asked["OutputName"]]["Value"])
        name = value.get("Ref") or value.get("Fn::GetAtt", [None])[0]
        return self.by_id.get((stack, name))

    def edge(self, source: Node | None, target: Node | None) -> None:
        if source and target and source != target:
            self.flow.edges.add((source, target))

    def read(self, stack: str, name: str, body: dict[str, Any]) -> None:
        properties, type_ = body.get("Properties", {}), body["Type"]
        own = self.by_id.get((stack, name))
        if type_ == "AWS::Lambda::EventSourceMapping":
            function = self.node(stack, properties["FunctionName"])
            for topic in properties.get("Topics", []):
                self.edge(self.by_name[_of_any_version(topic)], function)
            self.edge(self.node(stack, properties["EventSourceArn"]), function)
        elif type_ == "AWS::Lambda::Function":
            self._function(stack, own, properties["Environment"]["Variables"])
        elif type_ == "AWS::KinesisAnalyticsV2::Application":
            self.edge(self.by_name["transactions"], own)
            self.edge(own, self.by_name["features"])
        elif type_ == "AWS::Events::Rule":
            for target in properties["Targets"]:
                self.edge(self.node(stack, properties.get("EventBusName")), self.node(stack, target["Arn"]))
        elif type_ in ("AWS::Glue::Crawler", "AWS::Glue::Job"):
            self._files(stack, own, properties)
        elif type_ == "AWS::StepFunctions::StateMachine":
            self._machine(stack, own, properties["DefinitionString"]["Fn::Join"][1])

    def _function(self, stack: str, own: Node | None, variables: dict[str, Any]) -> None:
        for variable, value in variables.items():
            if variable == "BACK_END":
                for machine in self._named_in(stack, value):
                    self.edge(own, machine)
            elif variable not in ("APPLICATION_NAME", "BATCH_BUCKET", "CLUSTER_ARN"):
                ends = (own, self.node(stack, value))
                self.edge(*(reversed(ends) if variable in _READ else ends))

    def _files(self, stack: str, own: Node | None, properties: dict[str, Any]) -> None:
        """A crawler reads files, and what it finds the job reads, which writes elsewhere."""
        for source in self._named_in(stack, properties.get("Targets", {})):
            self.edge(source, own)
            self.edge(source, next(each for each in self.flow.nodes if each.kind == SHOWN["AWS::Glue::Job"]))
        for target in self._named_in(stack, properties.get("DefaultArguments", {}).get("--out", "")):
            self.edge(own, target)

    def _named_in(self, stack: str, value: Any) -> Iterator[Node]:
        """The resources that are named anywhere in a value."""
        if found := self.node(stack, value):
            yield found
        elif isinstance(value, (dict, list)):
            for inner in value.values() if isinstance(value, dict) else value:
                yield from self._named_in(stack, inner)

    def _machine(self, stack: str, machine: Node | None, parts: list[Any]) -> None:
        named = {f"@{number}@": part for number, part in enumerate(parts) if not isinstance(part, str)}
        text = "".join(part if isinstance(part, str) else f"@{number}@" for number, part in enumerate(parts))
        for path, value in _texts(json.loads(text)):
            for mark in (mark for mark in named if mark in value):
                found = self.node(stack, named[mark])
                if path[-1] == "S3Uri" and ("S3Input" in path or "S3DataSource" in path):
                    self.edge(found, machine)
                elif path[-1] in ("S3Uri", "S3OutputPath", "EndpointName", "FunctionName"):
                    self.edge(machine, found)
            if "ContainerArguments" in path or path[-1] == "ModelPackageGroupName":
                self.edge(machine, self.by_name.get(value))


def _of_any_version(topic: str) -> str:
    """A topic's name without the version of the stream job that writes it.

    >>> _of_any_version("features-662e910c"), _of_any_version("transactions")
    ('features', 'transactions')
    """
    return topic.partition("-")[0]


def _readable(name: str) -> str:
    return _SUFFIXES.sub("", name, count=1)


def _texts(value: Any, path: tuple[str, ...] = ("",)) -> Iterator[tuple[tuple[str, ...], str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from _texts(inner, (*path, name))
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner, path)
