"""The kinds of MSK clusters: what each takes when it is made, and of its topics. Each limit is a page's of MSK's developer guide.

Lengths and sizes of single members are held by MSK's own model, as for every service; what is left is how the parts of a
request go together, which is a matter of the kind. What a page calls a recommendation, as the partitions of a broker
(*bestpractices*), the service does not refuse, nor does this.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from emulator.errors import ServiceError

DAY_MS = "86400000"
WITHOUT_KAFKA = "use1-az3"
"""Page *aws-properties-msk-cluster-brokernodegroupinfo*: client subnets cannot be in this zone."""
VERSIONS = (
    "3.6.0",
    "3.7.x",
    "3.7.x.kraft",
    "3.8.x",
    "3.8.x.kraft",
    "3.9.x",
    "3.9.x.kraft",
    "4.0.x.kraft",
    "4.1.x.kraft",
)
"""Page *supported-kafka-versions*, without those that are no longer supported."""

_M7G = ("large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge")
Topics = Mapping[str, tuple[int, Mapping[str, str]]]
"""{topic: (partitions, settings of its own)}."""
ZonesOf = Callable[[Sequence[str]], Mapping[str, str]]
"""{subnet: the id of its zone} of these subnets; raises ValueError for one that is not there."""


@dataclass(frozen=True, kw_only=True)
class ClusterKind:
    """A kind of cluster.

    Attributes:
        name: as people call it.
        topic_settings: what a topic may be told, and each one's lowest and highest value; None: whatever Kafka knows.
        partitions: of all topics together, at most.
        made_at_once: partitions that may be made within five minutes.
        broker_settings: what its brokers run with, where that is not Kafka's own default.
        sizes: of its brokers.
        subnets: how many it may stand in.
    """

    name: str
    topic_settings: Mapping[str, tuple[int, int] | None] | None = None
    partitions: int | None = None
    made_at_once: int | None = None
    broker_settings: Mapping[str, str] = field(default_factory=dict)
    sizes: frozenset[str] = frozenset()
    subnets: tuple[int, ...] = ()

    def refused(self, before: Topics, after: Topics) -> Iterable[tuple[str, str]]:
        """(topic, what the cluster would not have taken of it) of the topics as they are, once they were as before.

        >>> list(SERVERLESS.refused({}, {"t": (1, {"segment.ms": "1000"})}))[0]
        ('t', 'MSK Serverless lets no topic set segment.ms')
        """
        for topic, (_, settings) in after.items():
            known = before.get(topic, (0, {}))[1]
            for name in settings.keys() - known.keys() | {one for one in known if settings.get(one) != known[one]}:
                if problem := self._setting_refused(name, settings.get(name), known.get(name), topic in before):
                    yield topic, problem
        count = {
            moment: sum(partitions for partitions, _ in topics.values())
            for moment, topics in (("before", before), ("after", after))
        }
        new = [topic for topic in after if topic not in before]
        if self.partitions is not None and count["after"] > self.partitions:
            yield from (
                (topic, f"{self.name} has {self.partitions} partitions at most, not {count['after']}") for topic in new
            )
        if self.made_at_once is not None and count["after"] - count["before"] > self.made_at_once:
            made = count["after"] - count["before"]
            yield from (
                (topic, f"{self.name} makes {self.made_at_once} partitions within 5 minutes, not {made}")
                for topic in new
            )

    def _setting_refused(self, name: str, value: str | None, known: str | None, changes: bool) -> str | None:
        if self.topic_settings is None or value is None:
            return None
        if name not in self.topic_settings:
            return f"{self.name} lets no topic set {name}"
        if name == "cleanup.policy" and self is SERVERLESS and changes and value != known:
            return f"{self.name} takes cleanup.policy only while a topic is made"
        if bounds := self.topic_settings[name]:
            least, most = bounds
            if not least <= int(value) <= most:
                return f"{self.name} takes {name} from {least} to {most}, not {value}"
        return None


SERVERLESS = ClusterKind(
    name="MSK Serverless",
    # page serverless-config: "All other topic-level configuration properties are not configurable"
    topic_settings={
        "cleanup.policy": None,
        "compression.type": None,
        "max.message.bytes": (0, 8_388_608),
        "message.timestamp.difference.max.ms": None,
        "message.timestamp.type": None,
        "retention.bytes": None,
        "retention.ms": None,
    },
    # page limits, MSK Serverless quota
    partitions=2400,
    made_at_once=250,
)
EXPRESS = ClusterKind(
    name="MSK Express",
    # page msk-configuration-express-read-write, topic-level configurations
    topic_settings={
        "cleanup.policy": None,
        "compression.type": None,
        "delete.retention.ms": None,
        "max.message.bytes": None,
        "message.timestamp.after.max.ms": None,
        "message.timestamp.before.max.ms": None,
        "message.timestamp.type": None,
        "min.compaction.lag.ms": None,
        "max.compaction.lag.ms": (7 * int(DAY_MS), 2**63 - 1),
        "retention.bytes": None,
        "retention.ms": None,
    },
    # the same page: a day, where Kafka's own default is for ever
    broker_settings={"log.message.timestamp.before.max.ms": DAY_MS, "log.message.timestamp.after.max.ms": DAY_MS},
    sizes=frozenset(f"express.m7g.{size}" for size in _M7G),
    subnets=(3,),
)
STANDARD = ClusterKind(
    name="MSK Standard",
    sizes=frozenset(
        {
            "kafka.t3.small",
            "kafka.m5.24xlarge",
            *(f"kafka.{family}.{size}" for family in ("m5", "m7g") for size in _M7G),
        }
    ),
    subnets=(2, 3),
)


def kind_of(given: Mapping[str, Any], zones_of: ZonesOf) -> ClusterKind:
    """The kind of cluster that a request asks for.

    Args:
        given: what CreateClusterV2 is given.

    Raises:
        ServiceError: the service would not make it; says why.
    """
    if "Serverless" in given:
        _look_at_zones([subnet for one in given["Serverless"]["VpcConfigs"] for subnet in one["SubnetIds"]], zones_of)
        return SERVERLESS
    asked = given["Provisioned"]
    brokers = asked["BrokerNodeGroupInfo"]
    size, subnets = brokers["InstanceType"], brokers["ClientSubnets"]
    kind = EXPRESS if size.startswith("express.") else STANDARD
    if size not in kind.sizes:
        raise _refusal(f"there is no broker size {size}")
    if asked["KafkaVersion"] not in VERSIONS:
        raise _refusal(f"Kafka {asked['KafkaVersion']} is not supported")
    if len(subnets) not in kind.subnets:
        raise _refusal(f"{kind.name} stands in {' or '.join(map(str, kind.subnets))} subnets, not {len(subnets)}")
    if asked["NumberOfBrokerNodes"] % len(subnets):
        raise _refusal(f"{asked['NumberOfBrokerNodes']} brokers cannot be shared evenly by {len(subnets)} subnets")
    if kind is EXPRESS and brokers.get("StorageInfo"):
        raise _refusal("Express brokers have no storage to be set")
    by_iam = asked.get("ClientAuthentication", {}).get("Sasl", {}).get("Iam", {}).get("Enabled")
    to_clients = asked.get("EncryptionInfo", {}).get("EncryptionInTransit", {}).get("ClientBroker", "TLS")
    if by_iam and to_clients == "PLAINTEXT":
        raise _refusal("IAM access control needs TLS between clients and brokers")
    _look_at_zones(subnets, zones_of)
    return kind


def _look_at_zones(subnets: Sequence[str], zones_of: ZonesOf) -> None:
    try:
        zones = list(zones_of(subnets).values())
    except ValueError as error:
        raise _refusal(str(error)) from error
    if WITHOUT_KAFKA in zones:
        raise _refusal(f"client subnets cannot be in the zone {WITHOUT_KAFKA}")
    if len(set(zones)) != len(zones):
        raise _refusal("client subnets must be in different zones")


def _refusal(says: str) -> ServiceError:
    return ServiceError("BadRequestException", says, 400)
