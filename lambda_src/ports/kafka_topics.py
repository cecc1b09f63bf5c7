"""The topics of an MSK cluster."""

from __future__ import annotations

import time
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.session import Session
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    NewTopic,
    ResourceType,
)

from lambda_src.ports.clients import Client

TOKEN_VALID_S = 900
WITHIN_S = 30.0
ANSWER_WITHIN_S = 120.0
"""How long the cluster may refuse, or not answer, before the request fails."""
PAUSE_S = 5.0


class TopicError(ValueError):
    """What is asked of a topic cannot be: names the topic, what is wrong, and what is allowed."""


@dataclass(frozen=True, kw_only=True)
class TopicRequest:
    """A topic as a template asks for it."""

    name: str
    partitions: int
    config: Mapping[str, str] = field(default_factory=dict)


def brokers_of(client: Client, cluster_arn: str) -> dict[str, str]:
    """The ways to reach a cluster, for `admin_settings`.

    Args:
        client: of kafka.
        cluster_arn: the cluster's.
    """
    told = client.get_bootstrap_brokers(ClusterArn=cluster_arn)
    return {name: text for name, text in told.items() if name.startswith("BootstrapBroker")}


def admin_settings(brokers: Mapping[str, str], session: Session) -> dict[str, Any]:
    """How to reach a cluster: under the caller's own role where it offers that, else as it offers.

    Args:
        brokers: as `brokers_of` gives them.
        session: whose region and credentials sign.

    Raises:
        TopicError: the cluster offers no way that is known here.
    """
    if signed := brokers.get("BootstrapBrokerStringSaslIam"):
        return {
            "bootstrap.servers": signed,
            "security.protocol": "SASL_SSL",
            "sasl.mechanisms": "OAUTHBEARER",
            "oauth_cb": lambda _: iam_token(session),
        }
    if plain := brokers.get("BootstrapBrokerString"):
        return {"bootstrap.servers": plain}
    raise TopicError(f"the cluster offers {', '.join(brokers) or 'no brokers'}; known here: IAM and plaintext")


def iam_token(session: Session) -> tuple[str, float]:
    """The token that MSK takes for a role: a pre-signed request to connect, and when it expires (seconds since 1970)."""
    region = session.get_config_variable("region")
    request = AWSRequest("GET", f"https://kafka.{region}.amazonaws.com/?Action=kafka-cluster%3AConnect")
    credentials = session.get_credentials().get_frozen_credentials()
    SigV4QueryAuth(credentials, "kafka-cluster", region, expires=TOKEN_VALID_S).add_auth(request)
    signed = f"{request.url}&User-Agent=card-fraud"
    return urlsafe_b64encode(signed.encode()).decode().rstrip("="), _signed_at(request) + TOKEN_VALID_S


def _signed_at(request: AWSRequest) -> float:
    moment = datetime.strptime(request.context["timestamp"], "%Y%m%dT%H%M%SZ")
    return moment.replace(tzinfo=timezone.utc).timestamp()


def ensure_topics(admin: AdminClient, topics: list[TopicRequest]) -> None:
    """Creates the topics that are missing, and gives the others the partitions and settings asked for.

    Raises:
        TopicError: a topic has more partitions than asked for: Kafka cannot take partitions away.
        KafkaException: the cluster refused.
    """
    known = {name: len(topic.partitions) for name, topic in _listed(admin).items()}
    for topic in topics:
        if known.get(topic.name, 0) > topic.partitions:
            raise TopicError(
                f"{topic.name} has {known[topic.name]} partitions, {topic.partitions} are asked for; "
                f"allowed: as many or more"
            )
    missing = [topic for topic in topics if topic.name not in known]
    there = [topic for topic in topics if topic.name in known]
    if missing:
        _done(admin.create_topics([_new(topic) for topic in missing], operation_timeout=WITHIN_S))
    grown = [NewPartitions(topic.name, topic.partitions) for topic in there if topic.partitions > known[topic.name]]
    if grown:
        _done(admin.create_partitions(grown, operation_timeout=WITHIN_S))
    changed = [_settings(topic) for topic in there if topic.config]
    if changed:
        _done(admin.incremental_alter_configs(changed))


def delete_topics(admin: AdminClient, names: list[str]) -> None:
    """Deletes topics; those that are not there are no error.

    Raises:
        KafkaException: the cluster refused.
    """
    known = _listed(admin)
    if there := [name for name in names if name in known]:
        _done(admin.delete_topics(there, operation_timeout=WITHIN_S), KafkaError.UNKNOWN_TOPIC_OR_PART)


def _listed(admin: AdminClient) -> dict[str, Any]:
    """The topics. A role that was made a moment ago is not known to all brokers yet, so a refusal is asked again for a while."""
    deadline = time.monotonic() + ANSWER_WITHIN_S
    while True:
        try:
            admin.poll(0)  # signs in
            return dict(admin.list_topics(timeout=WITHIN_S).topics)
        except KafkaException:
            if time.monotonic() > deadline:
                raise
            time.sleep(PAUSE_S)


def _new(topic: TopicRequest) -> NewTopic:
    # -1: as many copies as the cluster makes by default
    return NewTopic(topic.name, topic.partitions, replication_factor=-1, config=dict(topic.config))


def _settings(topic: TopicRequest) -> ConfigResource:
    entries = [
        ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET) for name, value in topic.config.items()
    ]
    return ConfigResource(ResourceType.TOPIC, topic.name, incremental_configs=entries)


def _done(futures: Mapping[Any, Any], passed: int = KafkaError.TOPIC_ALREADY_EXISTS) -> None:
    """Waits for answers. Another call may have done the same meanwhile: that error is passed."""
    for future in futures.values():
        try:
            future.result(timeout=WITHIN_S)
        except KafkaException as error:
            if error.args[0].code() != passed:
                raise
