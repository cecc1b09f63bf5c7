"""Makes the topics that a template asks for, and gives the template the brokers' addresses.

Properties: `Topics`, a list of {"Name", "Partitions", "Config"}; `Deleted`, whether they are deleted with the resource. Else
deleting leaves them alone: they go with their cluster, and not before. Attribute: `BootstrapServers`.
"""

from __future__ import annotations

from confluent_kafka.admin import AdminClient

from lambda_src.create_topics.environment import Environment
from lambda_src.custom_resource import Request, custom_resource
from lambda_src.ports.clients import client, session
from lambda_src.ports.kafka_topics import (
    TopicError,
    TopicRequest,
    admin_settings,
    brokers_of,
    delete_topics,
    ensure_topics,
)
from lambda_src.telemetry import LambdaContext

environment = Environment.read()
kafka = client("kafka", timeout_s=10)


@custom_resource("topics")
def handler(request: Request, _: LambdaContext) -> dict[str, str]:
    """Processes a request of CloudFormation."""
    properties = request["ResourceProperties"]
    if request["RequestType"] == "Delete" and properties.get("Deleted") != "true":
        return {}
    asked = properties.get("Topics")
    if not isinstance(asked, list):
        raise TopicError(f"Topics: {'missing' if asked is None else type(asked).__name__}; allowed: a list")
    topics = [_topic(f"Topics[{place}]", each) for place, each in enumerate(asked)]
    settings = admin_settings(brokers_of(kafka, environment.cluster_arn), session)
    if request["RequestType"] == "Delete":
        delete_topics(AdminClient(settings), [topic.name for topic in topics])
    else:
        ensure_topics(AdminClient(settings), topics)
    return {"BootstrapServers": settings["bootstrap.servers"]}


def _topic(place: str, asked: object) -> TopicRequest:
    if not isinstance(asked, dict):
        raise TopicError(f"{place}: a {type(asked).__name__}; allowed: Name, Partitions, Config")
    if missing := {"Name", "Partitions"} - asked.keys():
        raise TopicError(f"{place}: {', '.join(sorted(missing))}: missing")
    try:
        partitions = int(asked["Partitions"])  # CloudFormation gives every number as text
    except (TypeError, ValueError) as error:
        raise TopicError(f"{place}: Partitions: {asked['Partitions']!r}; allowed: a whole number") from error
    config = {name: str(value) for name, value in asked.get("Config", {}).items()}
    return TopicRequest(name=asked["Name"], partitions=partitions, config=config)
