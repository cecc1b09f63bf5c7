"""The job's SQL: the files of `sql/` with the settings filled in, around the features' own SQL."""

from __future__ import annotations

import time
from collections.abc import Mapping
from importlib.resources import files
from types import MappingProxyType

from flink_src.partition_keys import partition_keys
from flink_src.properties import JobProperties
from fraud.features.catalogue import CATALOGUE, Catalogue, names
from fraud.features.sql import stream_sql
from fraud.fields import BY_NAME, OPTIONAL_FEATURES, OPTIONAL_FIELDS, Field
from fraud.wire_form import MAX_MESSAGE_CHARACTERS, REQUIRED_NAMES, Undeclared, pattern

SINK_CLIENT = {"linger.ms": "1"}
NO_NAME = "(?!)"
"""An expression that nothing matches."""
NO_DEFAULTS: Mapping[str, str] = MappingProxyType({})


def sql_text(name: str, **parts: object) -> str:
    """The text of `sql/NAME.sql` without its comments, its {placeholders} filled in."""
    lines = files("flink_src").joinpath("sql", f"{name}.sql").read_text(encoding="utf-8").splitlines()
    text = "\n".join(line for line in lines if not line.lstrip().startswith("--"))
    for placeholder, value in parts.items():
        text = text.replace(f"{{{placeholder}}}", str(value))
    return text


def literal(text: str) -> str:
    """The text as a SQL string literal.

    >>> literal("it's")
    "'it''s'"
    """
    return "'" + text.replace("'", "''") + "'"


def table_statements(properties: JobProperties, parallelism: int, catalogue: Catalogue = CATALOGUE) -> list[str]:
    """The CREATE statements of the job: its function and its tables.

    Args:
        properties: its settings.
        parallelism: of its operators. The service's autoscaling may double it past the number of partitions.
        catalogue: the windows, and the habits, whose columns go with each transaction.
    """
    columns = ",\n  ".join(f"{feature.name} {feature.type}" for feature in catalogue.stream_features)
    statements = [
        sql_text("functions"),
        sql_text("transactions", options=_options(_source(properties, parallelism))),
        sql_text(
            "features",
            options=_options(_sink(properties)),
            field_columns="".join(f"{field.name} {_sql_type(field)},\n  " for field in carried_fields(catalogue)),
            feature_columns=columns,
        ),
    ]
    if properties.heartbeat:
        statements += [sql_text("ticks"), sql_text("heartbeats", options=_options(_heartbeat_sink(properties)))]
    return statements


def carried_fields(catalogue: Catalogue) -> tuple[Field, ...]:
    """The fields that may be missing and go with the features: those of a model, and those that habits are looked up by."""
    keys = (BY_NAME[name] for name in catalogue.habit_columns)
    return tuple(dict.fromkeys((*OPTIONAL_FEATURES, *(field for field in keys if not field.required))))


def valid_transactions(undeclared: Undeclared = "keep", catalogue: Catalogue = CATALOGUE) -> str:
    """The SELECT of the valid transactions, with the columns that windows look back by.

    Args:
        undeclared: whether those with undeclared fields are among them.
        catalogue: the windows.
    """
    return sql_text(
        "valid_transactions",
        max_characters=MAX_MESSAGE_CHARACTERS,
        wire_form=pattern(undeclared).replace("'", "''"),
        fields="|".join(REQUIRED_NAMES),
        optional_fields="|".join(sorted(field.name for field in OPTIONAL_FIELDS)) or NO_NAME,
        each_once="".join(
            rf'(?:{name}"[^\x01]*+(?:\x01|\z))?+' for name in sorted(field.name for field in OPTIONAL_FIELDS)
        ),
        key_columns="".join(f"{field_value_sql(BY_NAME[name])} AS {name},\n  " for name in catalogue.window_columns),
        optional_members=", ".join(f"optional[{place}]" for place in range(1, len(OPTIONAL_FIELDS) + 1)) or "''",
    )


def _sql_type(field: Field) -> str:
    return "STRING" if field.is_text else "BOOLEAN" if field.kind == "flag" else "DOUBLE"


def field_value_sql(field: Field) -> str:
    """The value of a field: from `pairs`, a text; or from `optional`, where it may be missing: NULL if it is missing or null.

    REGEXP_EXTRACT would say it shorter, but Flink compiles its expression anew for each row.
    """
    if field.required:
        return _text_sql(f"pairs[{sorted(REQUIRED_NAMES).index(field.name) + 1}]")
    form = {"STRING": r'"(?:[^"\\]|\\.)*+"', "BOOLEAN": "(?:true|false)", "DOUBLE": "[-+0-9.eE]++"}[_sql_type(field)]
    member = rf"""REGEXP_SUBSTR(ARRAY_JOIN(optional, CHR(1)), '(?:\A|\x01){field.name}"\s*+:\s*+{form}')"""
    if not field.is_text:
        value = f"CAST(REGEXP_SUBSTR({member}, '{form}$') AS {_sql_type(field)})"
    else:
        # a text of a form holds nothing that JSON escapes
        value = _text_sql(member) if field.form is None else f"SPLIT_INDEX({member}, '\"', 2)"
    return f"CASE WHEN CARDINALITY(optional) = 0 THEN NULL ELSE {value} END"


def _text_sql(member: str) -> str:
    """The text that a member of a JSON object holds."""
    return rf"""CASE WHEN POSITION('\' IN {member}) > 0 THEN JSON_UNQUOTE(REGEXP_SUBSTR({member}, '"(?:[^"\\]|\\.)*+"$'))
    ELSE SPLIT_INDEX({member}, '"', 2) END"""


def insert_statements(properties: JobProperties, catalogue: Catalogue = CATALOGUE) -> list[str]:
    """The INSERTs, which run together as one job."""
    keys = "".join(f"{name}, " for name in catalogue.window_columns)
    transactions = sql_text(
        "deduplicated", key_names=keys, source=valid_transactions(properties.undeclared_fields, catalogue)
    )
    features = ", ".join(names(catalogue.stream_features))
    statements = [insert_features(features, stream_sql(transactions, catalogue), catalogue)]
    if properties.heartbeat:
        interval_s = f"{properties.heartbeat_interval_ms / 1000:.3f}"
        keys = ", ".join(literal(key) for key in partition_keys(properties.partitions))
        statements.append(sql_text("insert_heartbeats", interval_s=interval_s, partition_keys=keys))
    return statements


def insert_features(features: str, source: str, catalogue: Catalogue = CATALOGUE) -> str:
    """The INSERT into the topic `features`.

    Args:
        features: SQL of the features' values, in the catalogue's order.
        source: a SELECT of valid transactions, with what the features' SQL reads.
        catalogue: the declarations.
    """

    def value(field: Field) -> str:
        return field.name if field.name in catalogue.window_columns else field_value_sql(field)

    return sql_text(
        "insert_features",
        merchant=value(BY_NAME["merchant"]),
        category=value(BY_NAME["category"]),
        field_values="".join(f"{value(field)},\n  " for field in carried_fields(catalogue)),
        feature_names=features,
        source=source,
    )


def _client(properties: JobProperties, defaults: Mapping[str, str] = NO_DEFAULTS) -> dict[str, str]:
    settings = {"bootstrap.servers": properties.bootstrap_servers} | dict(defaults) | dict(properties.client)
    return {"connector": "kafka"} | {f"properties.{key}": value for key, value in settings.items()}


def _source(properties: JobProperties, parallelism: int) -> dict[str, str]:
    # a reader without a partition never has a watermark, and would hold back that of all others: so there are no more readers
    # than partitions
    readers = {"scan.parallelism": str(properties.partitions)} if parallelism > properties.partitions else {}
    begin = {
        "properties.auto.offset.reset": "latest" if properties.startup_mode == "latest-offset" else "earliest",
        "scan.startup.mode": properties.startup_mode,
    }
    if properties.read_back_ms is not None:
        since_ms = time.time_ns() // 1_000_000 - properties.read_back_ms
        begin |= {"scan.startup.mode": "timestamp", "scan.startup.timestamp-millis": str(since_ms)}
    return _client(properties) | {
        **readers,
        **begin,
        "topic": properties.transactions_topic,
        "properties.group.id": properties.group_id,
        "format": "raw",
    }


def _sink(properties: JobProperties) -> dict[str, str]:
    return _client(properties, SINK_CLIENT) | {
        "topic": properties.features_topic,
        "key.format": "raw",
        "key.fields": "cc_num",
        "value.format": "json",
        "sink.delivery-guarantee": "at-least-once",
    }


def _heartbeat_sink(properties: JobProperties) -> dict[str, str]:
    return _client(properties, SINK_CLIENT) | {
        "topic": properties.transactions_topic,
        "key.format": "raw",
        "key.fields": "partition_key",
        "value.format": "json",
        "value.fields-include": "EXCEPT_KEY",
        "sink.parallelism": "1",
        "sink.delivery-guarantee": "none",
    }


def _options(options: dict[str, str]) -> str:
    return ", ".join(f"{literal(key)} = {literal(value)}" for key, value in options.items())
