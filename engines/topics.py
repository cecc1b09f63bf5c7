"""What Kafka topics are created with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Topic:
    """What a topic is created with."""

    partitions: int
    config: dict[str, str] = field(default_factory=dict)


def suffixed(topics: Mapping[str, Topic], suffix: str) -> dict[str, Topic]:
    """The same topics under names of their own, so that several runs share a broker.

    >>> list(suffixed({"payments": Topic(partitions=4)}, "-a"))
    ['payments-a']
    """
    return {name + suffix: topic for name, topic in topics.items()}
