"""How far a consumer group is with a topic. It only asks, and never joins the group."""

from __future__ import annotations

from collections.abc import Mapping

from confluent_kafka import Consumer, TopicPartition

from lambda_src.ports.kafka_topics import TopicError

WITHIN_S = 30.0
ALL_MS = 0
"""Since when records matter, if all do."""

Offsets = Mapping[int, int]
"""{partition: offset}."""


class GroupProgress:
    """The committed offsets of a group, and a topic's own.

    Args:
        consumer: a consumer of the group that has not subscribed to anything.
        topic: its name.
    """

    def __init__(self, consumer: Consumer, topic: str) -> None:
        self._consumer, self._topic = consumer, topic

    def ends(self) -> Offsets:
        """Behind the newest records."""
        return {number: self._bounds(number)[1] for number in self._partitions()}

    def at(self, moment_ms: int) -> Offsets:
        """Of the first records that are not older than a moment, or behind the newest one."""
        asked = [TopicPartition(self._topic, number, moment_ms) for number in self._partitions()]
        found = self._consumer.offsets_for_times(asked, timeout=WITHIN_S)
        # -1: none is as young
        return {one.partition: one.offset if one.offset >= 0 else self._bounds(one.partition)[1] for one in found}

    def behind(self, wanted: Offsets, since_ms: int = ALL_MS) -> int:
        """How many records the group has still to read.

        Args:
            wanted: up to where.
            since_ms: records before this moment, milliseconds since 1970, do not matter to it.
        """
        begins = self.at(since_ms) if since_ms else {number: self._bounds(number)[0] for number in wanted}
        asked = [TopicPartition(self._topic, number) for number in wanted]
        done = {one.partition: one.offset for one in self._consumer.committed(asked, timeout=WITHIN_S)}
        # below 0: it has committed nothing there
        return sum(max(wanted[number] - max(done[number], begins[number]), 0) for number in wanted)

    def close(self) -> None:
        """Ends the connection."""
        self._consumer.close()

    def _partitions(self) -> list[int]:
        found = self._consumer.list_topics(self._topic, timeout=WITHIN_S).topics[self._topic]
        if found.error:
            raise TopicError(f"{self._topic}: {found.error}")
        return sorted(found.partitions)

    def _bounds(self, number: int) -> tuple[int, int]:
        low, high = self._consumer.get_watermark_offsets(TopicPartition(self._topic, number), timeout=WITHIN_S)
        return low, high
