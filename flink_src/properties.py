"""The job's settings, from the application properties of Managed Service for Apache Flink.

The service writes them to a file as a list of groups. On another machine, APPLICATION_PROPERTIES_FILE names that file.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

from fraud.durations import MS_PER_DAY
from fraud.wire_form import Undeclared

SERVICE_FILE = "/etc/flink/application_properties.json"
PATH_VARIABLE = "APPLICATION_PROPERTIES_FILE"
LONGEST_READ_BACK_MS = 30 * MS_PER_DAY
STARTUP_MODES = ("earliest-offset", "latest-offset", "group-offsets")


class PropertyError(ValueError):
    """A property is missing or has a value that is not allowed: names group, key and what is allowed."""


@dataclass(frozen=True, kw_only=True)
class JobProperties:
    """The job's settings.

    Attributes:
        bootstrap_servers: the brokers.
        transactions_topic: where transactions come from, and where heartbeats go.
        features_topic: where features go.
        group_id: the consumer group whose offsets are recorded.
        startup_mode: where a job without a checkpoint begins to read.
        read_back_ms: where a job without a checkpoint begins to read, if it is given: at the records of so long ago.
        partitions: of the transactions topic; each gets heartbeats.
        client: further settings of every Kafka client, as security ones; Kafka's own names.
        state_ttl: how long a transaction's id is remembered, in Flink's form of a duration.
        undeclared_fields: whether a transaction with fields that are not declared is taken (keep) or skipped (refuse).
        heartbeat: whether the job writes heartbeats. Not for replays: they write their own, with the data's time.
        heartbeat_interval_ms: how often.
        flush_interval_ms: how long a record may wait between two operators; 0 for not at all (see `flink_src.flushing`).
    """

    bootstrap_servers: str
    transactions_topic: str = "transactions"
    features_topic: str = "features"
    group_id: str = "stream-features"
    startup_mode: str = "earliest-offset"
    read_back_ms: int | None = None
    partitions: int = 4
    client: Mapping[str, str] = field(default_factory=dict)
    state_ttl: str = "2 d"
    undeclared_fields: Undeclared = "keep"
    heartbeat: bool = True
    heartbeat_interval_ms: int = 10
    flush_interval_ms: int = 2


def read_properties(path: Path | None = None) -> JobProperties:
    """The properties in the service's file, or in the one that APPLICATION_PROPERTIES_FILE names."""
    path = path or Path(os.environ.get(PATH_VARIABLE, SERVICE_FILE))
    return parse_properties(json.loads(path.read_text(encoding="utf-8")))


def parse_properties(groups: list[dict[str, object]]) -> JobProperties:
    """The properties in the service's form: groups `Kafka` and `Features`.

    Other groups are the service's own. Keys of `Kafka` that begin with `properties.` go to every Kafka client without it.

    Raises:
        PropertyError: a key is unknown or missing, or a value is not allowed.

    >>> parse_properties([{"PropertyGroupId": "Kafka", "PropertyMap": {"bootstrap.servers": "b:9098",
    ...     "properties.security.protocol": "SASL_SSL"}}]).client
    {'security.protocol': 'SASL_SSL'}
    >>> parse_properties([{"PropertyGroupId": "Kafka", "PropertyMap": {"bootstrap.servers": "b", "partitions": "none"}}])
    Traceback (most recent call last):
    ...
    flink_src.properties.PropertyError: Kafka partitions: 'none'; allowed: a whole number from 1 to 1000
    """
    by_id = {str(group["PropertyGroupId"]): dict(group["PropertyMap"]) for group in groups}  # type: ignore[call-overload]
    kafka, features = by_id.get("Kafka", {}), by_id.get("Features", {})
    client = {key.removeprefix("properties."): kafka.pop(key) for key in list(kafka) if key.startswith("properties.")}
    if not kafka.get("bootstrap.servers"):
        raise PropertyError("Kafka bootstrap.servers: missing; allowed: HOST:PORT, several separated by commas")
    settings = {
        "bootstrap_servers": kafka.pop("bootstrap.servers"),
        "transactions_topic": kafka.pop("transactions.topic", "transactions"),
        "features_topic": kafka.pop("features.topic", "features"),
        "group_id": kafka.pop("group.id", "stream-features"),
        "startup_mode": _one_of("Kafka startup.mode", kafka.pop("startup.mode", "earliest-offset"), STARTUP_MODES),
        "read_back_ms": _read_back(kafka.pop("read.back.ms", None)),
        "partitions": _whole_number("Kafka partitions", kafka.pop("partitions", "4"), 1, 1000),
        "client": client,
        "state_ttl": features.pop("state.ttl", "2 d"),
        "undeclared_fields": _one_of(
            "Features undeclared.fields", features.pop("undeclared.fields", "keep"), get_args(Undeclared)
        ),
        "heartbeat": _one_of("Features heartbeat", features.pop("heartbeat", "true"), ("true", "false")) == "true",
        "heartbeat_interval_ms": _heartbeat_interval(features.pop("heartbeat.interval.ms", "10")),
        "flush_interval_ms": _whole_number(
            "Features flush.interval.ms", features.pop("flush.interval.ms", "2"), 0, 100
        ),
    }
    for group, rest in (("Kafka", kafka), ("Features", features)):
        if rest:
            raise PropertyError(f"{group} {min(rest)}: unknown; see flink_src/properties.py for the keys")
    return JobProperties(**settings)


def _one_of(name: str, value: str, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        raise PropertyError(f"{name}: {value!r}; allowed: {', '.join(allowed)}")
    return value


def _whole_number(name: str, value: str, least: int, most: int) -> int:
    if not (value.isascii() and value.isdecimal() and least <= int(value) <= most):
        raise PropertyError(f"{name}: {value!r}; allowed: a whole number from {least} to {most}")
    return int(value)


def _read_back(value: str | None) -> int | None:
    return None if value is None else _whole_number("Kafka read.back.ms", value, 0, LONGEST_READ_BACK_MS)


def _heartbeat_interval(value: str) -> int:
    name = "Features heartbeat.interval.ms"
    interval = _whole_number(name, value, 1, 1000)
    if 2000 % interval:
        raise PropertyError(f"{name}: {value!r}; allowed: a divisor of 2000, for the beat's windows are 2 s long")
    return interval
