"""What a deployment costs: a small model of its settings and its load, with every quantity that it assumes in view; prices stand
in `stacks.prices`.

python -m stacks.costs
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from stacks.names import SCORING_JOBS
from stacks.prices import PRICES
from stacks.settings import Settings, read_settings

HOURS = 730
SECONDS = HOURS * 3600


@dataclass(frozen=True, kw_only=True)
class Load:
    """What is sent through it.

    Attributes:
        transactions: a month.
        cards: with a nightly record.
        message_kb, features_kb, decision_kb: sizes of a transaction, its features and its decision.
        flagged_share: share of transactions that are reviewed or blocked.
        files, file_rows: that are dropped, each trained on or scored, half of them each; and the rows of one.
        api_share: share of the transactions that is asked of the scoring API as well.
        batch: transactions decided in one call, on average: few at a low rate, for a call waits for no others.
    """

    transactions: int
    cards: int
    batch: float
    files: int
    file_rows: int
    message_kb: float = 0.35
    features_kb: float = 0.6
    decision_kb: float = 3.0
    flagged_share: float = 0.005
    api_share: float = 0.01


LOADS = {
    "dev": Load(transactions=1_000_000, cards=3_500, batch=1.0, files=4, file_rows=100_000),
    "prod": Load(transactions=100_000_000, cards=1_000_000, batch=10.0, files=8, file_rows=1_300_000),
}
"""What the estimate is made for."""

READERS = 4
"""Functions that read a topic."""
POLLERS_A_UNIT = 10
"""Pollers that share an event poller unit; all mappings of a group do (page *kafka-scaling-modes*)."""
HEARTBEAT_KB, HEARTBEAT_EVENT_KB = 0.07, 0.25
"""A heartbeat in a topic, and in the event that a function is called with."""
FLINK_GB_A_KPU = 50
"""Page *how-pricing*: 50 GB of running application storage a KPU, and one KPU an application for orchestration."""
ALARM_METRICS = 67
"""That the alarms look at; a growing endpoint's make two more, Standard brokers' disks one each, Fraud Detector's one."""
METRICS = 21
"""The functions' own."""
MAPPING_METRICS = 9
"""A mapping of a topic: those of EventCount and KafkaMetrics (page *monitoring-metrics-types*), counted as if they were paid for,
which the page does not say."""
BROKER_METRICS = 34
"""An Express broker, level PER_BROKER (page *metrics-details-express*); those of the level DEFAULT are free."""
LAG_CALLS_A_SECOND = 1.0
"""Calls a second of a function that waits a second for its batch to fill, with heartbeats never silent."""

GLUE_DPUS = 2
"""A G.1X worker is one DPU (page *worker-types*), and the job has two; a crawl takes two, as in the examples of Glue's prices."""
CRAWL_LEAST_S, TRANSFORM_LEAST_S = 600, 60
"""What a run is paid for at least (Glue's page of prices)."""
TRANSFORM_S_A_ROW = 25e-6
SCORING_JOB_S, SCORING_S_A_ROW = 240, 144e-6
"""Until a machine of SageMaker's runs its container, and what a row takes there with its reasons (`benchmarks/README.md`)."""
SHADOWS_A_MONTH, SHADOW_JOB_H = 4.3, 0.1
"""A candidate a week, as they are trained, and the job that compares it with the champion."""
DETECTOR_TRAINING_H = 5.0
"""Compute hours of a training: as its machine is chosen by the service, they are more than those that pass."""


class Line(NamedTuple):
    """A line of the estimate."""

    part: str
    price: str
    quantity: float

    @property
    def usd(self) -> float:
        return PRICES[self.price].usd * self.quantity


def estimate(settings: Settings, load: Load) -> list[Line]:
    """What a month costs, line by line."""
    return [
        *_kafka(settings, load),
        *_stream(settings),
        *_functions(settings, load),
        *_model(settings),
        *_batch(settings, load),
        *_stores(settings, load),
        *_scoring_api(settings, load),
    ]


def _kafka(settings: Settings, load: Load) -> Iterator[Line]:
    beats = 1000 / settings.heartbeat_ms * settings.partitions * SECONDS
    transactions_gb = load.transactions * load.message_kb / 1e6 + beats * HEARTBEAT_KB / 1e6
    features_gb = load.transactions * load.features_kb / 1e6
    into = transactions_gb + features_gb
    # transactions go to Flink, accept and archive; features to decide and ingest_features
    out = 3 * transactions_gb + 2 * features_gb
    zones = settings.zones_needed
    if settings.streaming == "serverless":
        yield Line("Kafka", "MSK Serverless, cluster hour", HOURS)
        yield Line("Kafka", "MSK Serverless, partition hour", 2 * settings.partitions * HOURS)
        yield Line("Kafka", "MSK Serverless, GB in", into)
        yield Line("Kafka", "MSK Serverless, GB out", out)
        yield Line("Kafka", "MSK, GB month", into * 7 / 30)
    elif settings.streaming == "express":
        yield Line("Kafka", f"MSK Express, {settings.express_instance_type} hour", zones * HOURS)
        yield Line("Kafka", "MSK Express, GB in", into)
        yield Line("Kafka", "MSK, GB month", into * 7 / 30)
    else:
        yield Line("Kafka", f"MSK Standard, {settings.standard_instance_type} hour", zones * HOURS)
        yield Line("Kafka", "MSK, GB month", zones * settings.standard_storage_gb)
    # a client is in another zone than the broker that it writes to or reads from, more often than not
    yield Line("Network", "VPC, GB between zones", (into + out) * (zones - 1) / zones)
    through_endpoints = settings.pollers == "on-demand" and not settings.nat
    yield Line("Network", "VPC, endpoint hour in a zone", (3 if through_endpoints else 1) * HOURS)
    events_gb = 2 * (beats * HEARTBEAT_EVENT_KB / 1e6 + 1.5 * into - 1.5 * beats * HEARTBEAT_KB / 1e6)
    by_pollers = events_gb if settings.pollers == "on-demand" else 0.0
    yield Line("Network", "VPC, GB through an endpoint", by_pollers * through_endpoints)
    yield Line("Network", "VPC, NAT hour", HOURS * settings.nat)
    yield Line("Network", "VPC, GB through NAT", by_pollers * settings.nat)


def _stream(settings: Settings) -> Iterator[Line]:
    yield Line("Stream job", "Managed Flink, KPU hour", (settings.flink_parallelism + 1) * HOURS)
    yield Line("Stream job", "Managed Flink, GB month", FLINK_GB_A_KPU * settings.flink_parallelism)


def _functions(settings: Settings, load: Load) -> Iterator[Line]:
    decided = load.transactions / load.batch
    lingering = min(LAG_CALLS_A_SECOND * SECONDS, load.transactions)
    provisioned = settings.pollers == "provisioned"
    accepted = LAG_CALLS_A_SECOND * SECONDS * (settings.consumers_least if provisioned else 1)
    watched = load.transactions / 10
    units = math.ceil(READERS * settings.consumers_least / POLLERS_A_UNIT) if provisioned else 0
    yield Line("Functions", "Lambda, event poller unit hour", units * HOURS)
    yield Line("Functions", "Lambda, million calls", (decided + lingering + accepted + watched) / 1e6)
    seconds = {  # function: (GB, seconds a month)
        "decide": (1.73, decided * 0.035),
        "ingest_features": (0.5, lingering * 0.03),
        "accept": (0.5, accepted * 0.02 + load.transactions * 0.003),
        "watch": (0.5, watched * 0.02),
        "archive": (1.0, 2 * SECONDS / 300 * 2.0),
    }
    yield Line("Functions", "Lambda, GB second", sum(gb * busy for gb, busy in seconds.values()))
    # the calls that Kafka makes are not traced
    yield Line("Functions", "X-Ray, million traces", (_traced(watched) + _traced(SECONDS / 300)) / 1e6)
    yield Line("Functions", "SQS, million requests", (load.transactions + 2 * watched) / 1e6)
    yield Line("Functions", "CloudWatch, GB of logs", load.transactions * 0.1 / 1e6)


def _scoring_api(settings: Settings, load: Load) -> Iterator[Line]:
    calls = load.transactions * load.api_share
    yield Line("Scoring API", "API Gateway, million requests", calls / 1e6)
    yield Line("Scoring API", "Lambda, million calls", calls / 1e6)
    yield Line("Scoring API", "Lambda, GB second", calls * 1.73 * 0.05)
    # of both groups, and of all cards
    yield Line("Scoring API", "Feature Store, million reads", 3 * calls / 1e6)
    yield Line("Scoring API", "DynamoDB, million writes", 2 * load.decision_kb * calls / 1e6)
    yield Line("Scoring API", "CloudWatch, GB of logs", calls * 0.7 / 1e6)
    if settings.api_waf:
        yield Line("Scoring API", "WAF, access list month", 1)
        yield Line("Scoring API", "WAF, rule month", 2)
        yield Line("Scoring API", "WAF, million requests", calls / 1e6)


def _traced(calls: float) -> float:
    """Of so many calls of a function a month, those that Lambda traces: one a second, and one in twenty of the others."""
    first = min(calls, SECONDS)
    return first + (calls - first) / 20


def _batch(settings: Settings, load: Load) -> Iterator[Line]:
    half = load.files / 2
    glue_s = CRAWL_LEAST_S + max(TRANSFORM_LEAST_S, load.file_rows * TRANSFORM_S_A_ROW)
    yield Line("Batch", "Glue, DPU hour", load.files * GLUE_DPUS * glue_s / 3600)
    if settings.batch_back_end == "fraud-detector":
        yield Line("Batch", "Fraud Detector, training hour", half * DETECTOR_TRAINING_H)
        yield Line("Batch", "Fraud Detector, hosting hour", HOURS)
        yield Line("Batch", "Fraud Detector, thousand predictions", half * load.file_rows / 1000)
        return
    scoring_s = len(SCORING_JOBS) * SCORING_JOB_S + load.file_rows * SCORING_S_A_ROW
    yield Line("Batch", f"SageMaker, {settings.batch_instance_type} hour", half * scoring_s / 3600)
    yield Line("Batch", f"SageMaker, {settings.training_instance_type} hour", half * _training_h(settings))


def _training_h(settings: Settings) -> float:
    return 2.0 if settings.env == "prod" else 0.3


def _model(settings: Settings) -> Iterator[Line]:
    instance = f"SageMaker, {settings.endpoint_instance_type} hour"
    yield Line("Model", instance, HOURS * settings.endpoint_instances_least)
    yield Line(
        "Nightly job",
        f"SageMaker, {settings.nightly_instance_type} hour",
        30 * (0.5 if settings.env == "prod" else 0.1),
    )
    yield Line("Training", f"SageMaker, {settings.training_instance_type} hour", 4.3 * _training_h(settings))
    if settings.tuning_jobs:
        # a trial fits once where a training fits twice, and is judged on fewer rows; those that end early take less
        tuning_h = 4.3 * settings.tuning_jobs * _training_h(settings) / 2
        yield Line("Training", f"SageMaker, {settings.training_instance_type} hour", tuning_h)
    if settings.tracking == "managed":
        yield Line("Tracking", "SageMaker, Small tracking server hour", HOURS)
    if settings.shadow_percent:
        # beside the shadow's machines those of two updates of the endpoint, each with its waits; and a short job
        busy_h = settings.shadow_hours + 2 * 3 * settings.canary_wait_s / 3600
        yield Line("Model", instance, SHADOWS_A_MONTH * busy_h * settings.endpoint_instances_least)
        yield Line("Training", f"SageMaker, {settings.training_instance_type} hour", SHADOWS_A_MONTH * SHADOW_JOB_H)


def _stores(settings: Settings, load: Load) -> Iterator[Line]:
    writes = load.transactions + 30 * load.cards
    yield Line("Feature store", "Feature Store, million writes", writes / 1e6)
    yield Line("Feature store", "Feature Store, million reads", load.transactions / 1e6)
    yield Line("Feature store", "Feature Store, GB month", load.cards * 5 / 1e6)
    # a transactional write counts twice, a kilobyte each
    yield Line("Decisions", "DynamoDB, million writes", 2 * load.decision_kb * load.transactions / 1e6)
    decisions_gb = load.transactions * load.decision_kb / 1e6
    yield Line("Decisions", "DynamoDB, GB month with backups", decisions_gb)
    yield Line("Decisions", "EventBridge, million events", load.transactions * load.flagged_share / 1e6)
    kept_months = settings.archive_days / 30
    archived_gb = load.transactions * 0.4 / 1e6 * min(kept_months, 12)
    yield Line("Archive", "S3, GB month", archived_gb)
    yield Line("Archive", "S3, million puts", 2 * SECONDS / 300 / 1e6)
    yield Line("Keys and secrets", "KMS, key month", 1)
    yield Line("Keys and secrets", "KMS, million requests", load.transactions / load.batch * 2 / 1e6)
    yield Line("Keys and secrets", "Secrets Manager, secret month", 1)
    disks = settings.zones_needed if settings.streaming == "standard" else 0
    detector = settings.batch_back_end == "fraud-detector"
    yield Line("Monitoring", "CloudWatch, alarm month", ALARM_METRICS + 2 * settings.endpoint_grows + disks + detector)
    yield Line("Monitoring", "CloudWatch, dashboard month", 1)
    brokers = BROKER_METRICS * settings.zones_needed if settings.streaming == "express" else 0
    yield Line("Monitoring", "CloudWatch, metric month", METRICS + MAPPING_METRICS * READERS + brokers)


def _files(env: str) -> str:
    return f"{LOADS[env].files} files of {LOADS[env].file_rows / 1e6:g} million rows"


def tables() -> str:
    """The estimate of both environments, and the prices that it assumes, as Markdown."""
    settings = {"dev": read_settings({}), "prod": read_settings({"env": "prod"})}
    lines = {env: estimate(settings[env], LOADS[env]) for env in LOADS}
    parts = list(dict.fromkeys(line.part for env in lines for line in lines[env]))
    rows = [(part, *(sum(line.usd for line in lines[env] if line.part == part) for env in LOADS)) for part in parts]
    totals = [sum(line.usd for line in lines[env]) for env in LOADS]
    detected = {env: one.model_copy(update={"batch_back_end": "fraud-detector"}) for env, one in settings.items()}
    dev, prod = (sum(line.usd for line in _batch(detected[env], LOADS[env])) for env in LOADS)
    said = [
        f"For {LOADS['dev'].transactions / 1e6:g} million transactions a month in dev and "
        f"{LOADS['prod'].transactions / 1e6:g} million in prod, US dollars a month:",
        "",
        "| | dev | prod |",
        "| --- | ---: | ---: |",
        *(f"| {part} | {first:,.0f} | {second:,.0f} |" for part, first, second in rows),
        f"| **a month** | **{totals[0]:,.0f}** | **{totals[1]:,.0f}** |",
        "| **a million transactions** | "
        + " | ".join(
            f"**{total / LOADS[env].transactions * 1e6:,.0f}**" for env, total in zip(LOADS, totals, strict=True)
        )
        + " |",
        "",
        f"The batch: {_files('dev')} in dev and {_files('prod')} in prod, half of them trained on and half scored.",
        f"With Amazon Fraud Detector as its back end it is {dev:,.0f} and {prod:,.0f}, nearly all of it predictions at the price",
        "of a month's first ones.",
        "",
        "<details><summary>Prices assumed (list prices of us-east-1; compare them with today's)</summary>",
        "",
        "| | US dollars | read from |",
        "| --- | ---: | --- |",
        *(f"| {name} | {price.usd:g} | {price.read} |" for name, price in PRICES.items()),
        "",
        "</details>",
    ]
    return "\n".join(said)


if __name__ == "__main__":
    print(tables())
