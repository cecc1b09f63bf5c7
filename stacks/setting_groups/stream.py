"""Settings of the stream: the network, Kafka, the stream job, and what reads the topics."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, model_validator

from stacks.setting_groups.deployment import Deployment
from stacks.setting_kinds import SWITCH, ExpressSize, StandardSize, number, setting, zone_ids
from stacks.zones import usable, zones_problem

PARTITIONS_LIMITS = {"kafka.t3.small": 100, "MSK Serverless": 125}
"""{what takes no more: partitions of a topic}. A kafka.t3.small bears 300 replicas (page *bestpractices*): each of the two
brokers holds all of both topics, and what is Kafka's own. MSK Serverless makes 250 partitions in five minutes (page *limits*)."""
MORE_PARTITIONS_BY = {
    "kafka.t3.small": ", or a larger standard_instance_type",
    "MSK Serverless": ", or another streaming",
}


class Stream(Deployment):
    """The network, Kafka, the stream job, and what reads the topics."""

    streaming: Literal["standard", "express", "serverless"] = setting(
        "standard",
        "the Kafka cluster: two provisioned Standard brokers, three Express brokers, or MSK Serverless",
        "standard, express or serverless",
    )
    standard_instance_type: StandardSize = setting(
        "kafka.t3.small",
        "size of a Standard broker",
        "kafka.t3.small, or kafka.m5 or kafka.m7g with .large, .xlarge, .2xlarge and so on to .16xlarge (m5: .24xlarge)",
    )
    standard_storage_gb: int = number(25, "disk of a Standard broker, GiB; it can grow, never shrink", 1, 16_384)
    express_instance_type: ExpressSize = setting(
        "express.m7g.large",
        "size of an Express broker",
        "express.m7g.large, .xlarge, .2xlarge, .4xlarge, .8xlarge, .12xlarge or .16xlarge",
    )
    zones: Annotated[tuple[str, ...], BeforeValidator(zone_ids)] = setting(
        (),
        "availability zones of the network, by id; empty: the first of the region that Kafka can stand in",
        "two ids, three with express, with a comma between, as use1-az1,use1-az2",
    )
    replay: bool = setting(
        False, "whether topics keep the data's own times, for past days that a replayer sends again", SWITCH
    )
    nat: bool = setting(False, "whether the network reaches the internet through a NAT gateway", SWITCH)
    partitions: int = number(4, "partitions of the topics keyed by card", 1, 200)
    undeclared_fields: Literal["keep", "refuse"] = setting(
        "keep",
        "whether a transaction with fields that are not declared is taken, and they are archived, or refused",
        "keep or refuse",
    )
    heartbeat_ms: Literal[10, 20, 50, 100, 200, 500] = setting(
        200,
        "how often the stream job writes empty records, on which a lone transaction waits, milliseconds",
        "10, 20, 50, 100, 200 or 500",
    )
    flush_ms: int = number(
        0,
        "how long a record may wait between operators of the stream job, milliseconds; 0 is dear at thousands a second",
        0,
        100,
    )
    flink_parallelism: int = number(1, "parallelism of the stream job (a Kinesis Processing Unit each)", 1, 32)
    catch_up_minutes: int = number(
        60, "how long a new stream job may take to read back what its windows need, minutes", 10, 1440
    )
    pollers: Literal["provisioned", "on-demand"] = setting(
        "on-demand",
        "what reads Kafka for the functions: pollers of our own, which cost by the hour, or Lambda's shared ones",
        "provisioned or on-demand",
    )
    consumers_least: int = number(1, "provisioned pollers that read for each function, at least", 1, 200)
    consumers_most: int = number(2, "provisioned pollers that read for each function, at most", 1, 500)
    features_ttl_days: int = number(7, "how long the store keeps a card's stream features, days", 1, 365)

    @model_validator(mode="after")
    def _stream_possible(self) -> Self:
        self._ordered(("consumers_least", "consumers_most"), ("flink_parallelism", "partitions"))
        if self.replay and self.env == "prod":
            raise ValueError(
                "replay (true) with env=prod would let producers set the clock; allowed: replay=true with env=dev"
            )
        problem = zones_problem(self.network_zones, self.region, self.zones_needed)
        if problem:
            raise ValueError(f"zones: {problem}")
        on = {"standard": self.standard_instance_type, "serverless": "MSK Serverless"}.get(self.streaming, "")
        most = PARTITIONS_LIMITS.get(on)
        if most is not None and self.partitions > most:
            raise ValueError(
                f"partitions ({self.partitions}) are more than {on} takes; allowed: 1 to {most}{MORE_PARTITIONS_BY[on]}"
            )
        return self

    @property
    def zones_needed(self) -> int:
        """How many zones: Express brokers stand in three (page *msk-create-cluster*), the others in two."""
        return 3 if self.streaming == "express" else 2

    @property
    def network_zones(self) -> tuple[str, ...]:
        """The ids of the network's zones, in order: the same ones are the same network."""
        return tuple(sorted(self.zones or usable(self.region)[: self.zones_needed]))
