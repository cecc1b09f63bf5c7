"""What the emulated AWS is told of this machine and of the application that it is for; it knows neither by itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class TopicProperties:
    """Which properties of a stream application say what it does with a cluster; its role is judged for that.

    Attributes:
        group: the property group's id.
        brokers, consumer_group: the properties that name them.
        reads, writes: the properties that name topics.
    """

    group: str
    brokers: str
    consumer_group: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class StandIns:
    """What stands in for what the cloud has.

    Attributes:
        functions: the Python that runs functions; its packages stand in for those of their layers and of Lambda's runtime.
        images: {an image's repository: the Python that stands in for its container}.
        programs: {a program that containers start: the Python that stands in for it}, where it is not the image's.
        topics: of stream applications.
        glue: {a version of Glue: the Python with its Spark that stands in for it}.
        deployment_waits: the share of its time that each wait of an endpoint's deployment lasts, and each period of the alarms
            that watch endpoints. 0: a new model takes over at once, watched by nothing, and alarms' periods last their time.
        item_counts_every_s: how old what a table says of its size may be, seconds; DynamoDB's is up to six hours old.

    >>> topics = TopicProperties(group="Kafka", brokers="servers", consumer_group="id", reads=("in",), writes=("out",))
    >>> one = StandIns(functions="/usr/bin/python3", images={"xgboost": "/usr/bin/python3"}, programs={}, topics=topics)
    >>> StandIns.from_json(one.to_json()) == one
    True
    """

    functions: str
    images: Mapping[str, str]
    programs: Mapping[str, str]
    topics: TopicProperties
    glue: Mapping[str, str] = field(default_factory=dict)
    deployment_waits: float = 0.0
    item_counts_every_s: float = 21_600.0

    def to_json(self) -> str:
        """As the host process is told it."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> StandIns:
        """What `to_json` gave."""
        given: dict[str, Any] = json.loads(text)
        topics: dict[str, Any] = given.pop("topics")
        lists: dict[str, Any] = {name: tuple(topics.pop(name)) for name in ("reads", "writes")}
        return cls(**given, topics=TopicProperties(**topics, **lists))
