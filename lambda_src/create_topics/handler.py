"""Makes the topics that a template asks for, and tells the template where the brokers are.

Properties: `Topics`, a list of {"Name", "Partitions", "Config"}. Attribute: `BootstrapServers`. Deleting leaves the topics alone:
they go with their cluster, and not before.
"""

from __future__ import annotations

from typing import Any

from confluent_kafka.admin import AdminClient

from lambda_src.create_topics.environment import Environment
from lambda_src.custom_resource import Context, Request, custom_resource
from lambda_src.ports.clients import client, session
from lambda_src.ports.kafka_topics import TopicRequest, admin_settings, ensure_topics

environment = Environment.read()
kafka = client("kafka", timeout_s=10)


@custom_resource("topics")
def handler(request: Request, _: Context) -> dict[str, str]:
    """Works off a request of CloudFormation."""
    if request["RequestType"] == "Delete":
        return {}
    topics = [_topic(asked) for asked in request["ResourceProperties"]["Topics"]]
    brokers = kafka.get_bootstrap_brokers(ClusterArn=environment.cluster_arn)
    settings = admin_settings(
        {name: text for name, text in brokers.items() if name.startswith("BootstrapBroker")}, session
    )
    ensure_topics(AdminClient(settings), topics)
    return {"BootstrapServers": settings["bootstrap.servers"]}


def _topic(asked: dict[str, Any]) -> TopicRequest:
    # CloudFormation gives every number as text
    return TopicRequest(
        name=asked["Name"],
        partitions=int(asked["Partitions"]),
        config={name: str(value) for name, value in asked.get("Config", {}).items()},
    )
