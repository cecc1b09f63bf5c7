"""The Kafka topics, declared once: partitions and settings, for live traffic and for replays.

Live topics stamp a record on append, so time is monotonic in a partition. Replay topics keep the data's own times; retention
counts from a record's own time, so a replay of old data would vanish within minutes: those topics keep records for ever.
"""

from __future__ import annotations

from engines.topics import Topic

PARTITIONS = 4
"""Partitions of the topics keyed by card. A card's records share one partition, so their order holds."""


STAMPED_ON_APPEND = {"message.timestamp.type": "LogAppendTime"}
DATA_TIME_KEPT = {"message.timestamp.type": "CreateTime", "retention.ms": "-1"}

LIVE_TOPICS = {
    "transactions": Topic(partitions=PARTITIONS, config=STAMPED_ON_APPEND),
    "features": Topic(partitions=PARTITIONS, config=DATA_TIME_KEPT),
    "quarantine": Topic(partitions=1, config=STAMPED_ON_APPEND),
}
REPLAY_TOPICS = LIVE_TOPICS | {"transactions": Topic(partitions=PARTITIONS, config=DATA_TIME_KEPT)}
