"""What a deployment costs: a small model of its settings and its load, with every price and quantity that it assumes in view.

python -m stacks.costs            # prints the tables
python -m stacks.costs --readme   # writes them into README.md
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from stacks.settings import Settings, read_settings

HOURS = 730
SECONDS = HOURS * 3600

PRICES = {
    "MSK Serverless, cluster hour": 0.75,
    "MSK Serverless, partition hour": 0.0015,
    "MSK Serverless, GB in": 0.10,
    "MSK Serverless, GB out": 0.05,
    "MSK Express, express.m7g.large hour": 0.408,
    "MSK Express, GB in": 0.01,
    "MSK, GB month": 0.10,
    "Managed Flink, KPU hour": 0.11,
    "Managed Flink, GB month": 0.10,
    "Lambda, million calls": 0.20,
    "Lambda, GB second": 0.0000133334,
    "Lambda, poller hour": 0.00925,
    "SageMaker, ml.m5.large hour": 0.115,
    "SageMaker, ml.m5.xlarge hour": 0.23,
    "SageMaker, ml.m5.4xlarge hour": 0.922,
    "SageMaker, ml.c5.xlarge hour": 0.204,
    "Feature Store, million writes": 1.25,
    "Feature Store, million reads": 0.25,
    "Feature Store, GB month": 0.45,
    "DynamoDB, million writes": 0.625,
    "DynamoDB, GB month with backups": 0.45,
    "EventBridge, million events": 1.00,
    "SQS, million requests": 0.40,
    "KMS, key month": 1.00,
    "KMS, million requests": 3.00,
    "S3, GB month": 0.023,
    "S3, million puts": 5.00,
    "VPC, endpoint hour": 0.01,
    "VPC, NAT hour": 0.045,
    "CloudWatch, alarm month": 0.10,
    "CloudWatch, dashboard month": 3.00,
    "CloudWatch, metric month": 0.30,
    "CloudWatch, GB of logs": 0.50,
    "Secrets Manager, secret month": 0.40,
}
"""Assumed prices in US dollars: list prices of us-east-1, no discounts, no free tier. Compare them with today's first."""


@dataclass(frozen=True, kw_only=True)
class Load:
    """What is sent through it.

    Attributes:
        transactions: a month.
        cards: with a nightly record.
        message_kb, features_kb, decision_kb: sizes of a transaction, its features and its decision.
        told_share: share of transactions that are reviewed or blocked.
        batch: transactions decided in one call, on average: few at a low rate, for a call waits for no others.
        heartbeat_hz: empty records a second and partition, which keep the clock going.
    """

    transactions: int
    cards: int
    batch: float
    message_kb: float = 0.35
    features_kb: float = 0.6
    decision_kb: float = 3.0
    told_share: float = 0.005
    heartbeat_hz: float = 100.0


LOADS = {
    "dev": Load(transactions=1_000_000, cards=3_500, batch=1.0),
    "prod": Load(transactions=100_000_000, cards=1_000_000, batch=10.0),
}
"""What the estimate is made for."""

READERS = 4
"""Functions that read a topic."""
LAG_CALLS_A_SECOND = 1.0
"""Calls a second of a function that waits a second for its batch to fill, with heartbeats never silent."""


class Line(NamedTuple):
    """A line of the estimate."""

    part: str
    price: str
    quantity: float

    @property
    def usd(self) -> float:
        return PRICES[self.price] * self.quantity


def estimate(settings: Settings, load: Load) -> list[Line]:
    """What a month costs, line by line."""
    return [
        *_kafka(settings, load),
        *_stream(settings),
        *_functions(settings, load),
        *_model(settings),
        *_stores(settings, load),
    ]


def _kafka(settings: Settings, load: Load) -> Iterator[Line]:
    heartbeats_gb = load.heartbeat_hz * settings.partitions * SECONDS * 0.07 / 1e6
    transactions_gb = load.transactions * load.message_kb / 1e6 + heartbeats_gb
    features_gb = load.transactions * load.features_kb / 1e6
    into = transactions_gb + features_gb
    # transactions go to Flink, accept and archive; features to decide and ingest_features
    out = 3 * transactions_gb + 2 * features_gb
    if settings.streaming == "serverless":
        yield Line("Kafka", "MSK Serverless, cluster hour", HOURS)
        yield Line("Kafka", "MSK Serverless, partition hour", 2 * settings.partitions * HOURS)
        yield Line("Kafka", "MSK Serverless, GB in", into)
        yield Line("Kafka", "MSK Serverless, GB out", out)
    else:
        yield Line("Kafka", f"MSK Express, {settings.express_instance_type} hour", 3 * HOURS)
        yield Line("Kafka", "MSK Express, GB in", into)
    yield Line("Kafka", "MSK, GB month", into * 7 / 30)
    zones = 2 if settings.streaming == "serverless" else 3
    yield Line("Network", "VPC, endpoint hour", 3 * zones * HOURS)
    yield Line("Network", "VPC, NAT hour", HOURS * settings.nat)


def _stream(settings: Settings) -> Iterator[Line]:
    yield Line("Stream job", "Managed Flink, KPU hour", (settings.flink_parallelism + 1) * HOURS)
    yield Line("Stream job", "Managed Flink, GB month", 50 * settings.flink_parallelism)


def _functions(settings: Settings, load: Load) -> Iterator[Line]:
    decided = load.transactions / load.batch
    lingering = min(LAG_CALLS_A_SECOND * SECONDS, load.transactions)
    accepted = LAG_CALLS_A_SECOND * SECONDS * settings.consumers_least
    watched = load.transactions / 10
    yield Line("Functions", "Lambda, poller hour", READERS * settings.consumers_least * HOURS)
    yield Line("Functions", "Lambda, million calls", (decided + lingering + accepted + watched) / 1e6)
    seconds = {  # function: (GB, seconds a month)
        "decide": (1.73, decided * 0.035),
        "ingest_features": (0.5, lingering * 0.03),
        "accept": (0.5, accepted * 0.02 + load.transactions * 0.003),
        "watch": (0.5, watched * 0.02),
        "archive": (1.0, 2 * SECONDS / 300 * 2.0),
    }
    yield Line("Functions", "Lambda, GB second", sum(gb * busy for gb, busy in seconds.values()))
    yield Line("Functions", "SQS, million requests", (load.transactions + 2 * watched) / 1e6)
    yield Line("Functions", "CloudWatch, GB of logs", load.transactions * 0.1 / 1e6)


def _model(settings: Settings) -> Iterator[Line]:
    instance = f"SageMaker, {settings.endpoint_instance_type} hour"
    yield Line("Model", instance, HOURS * settings.endpoint_instances_least)
    yield Line(
        "Nightly job",
        f"SageMaker, {settings.nightly_instance_type} hour",
        30 * (0.5 if settings.env == "prod" else 0.1),
    )
    yield Line(
        "Training", f"SageMaker, {settings.training_instance_type} hour", 4.3 * (2.0 if settings.env == "prod" else 0.3)
    )


def _stores(settings: Settings, load: Load) -> Iterator[Line]:
    writes = load.transactions + 30 * load.cards
    yield Line("Feature store", "Feature Store, million writes", writes / 1e6)
    yield Line("Feature store", "Feature Store, million reads", load.transactions / 1e6)
    yield Line("Feature store", "Feature Store, GB month", load.cards * 5 / 1e6)
    # a transactional write counts twice, a kilobyte each
    yield Line("Decisions", "DynamoDB, million writes", 2 * load.decision_kb * load.transactions / 1e6)
    decisions_gb = load.transactions * load.decision_kb / 1e6
    yield Line("Decisions", "DynamoDB, GB month with backups", decisions_gb)
    yield Line("Decisions", "EventBridge, million events", load.transactions * load.told_share / 1e6)
    kept_months = settings.archive_days / 30
    archived_gb = load.transactions * 0.4 / 1e6 * min(kept_months, 12)
    yield Line("Archive", "S3, GB month", archived_gb)
    yield Line("Archive", "S3, million puts", 2 * SECONDS / 300 / 1e6)
    yield Line("Keys and secrets", "KMS, key month", 1)
    yield Line("Keys and secrets", "KMS, million requests", load.transactions / load.batch * 2 / 1e6)
    yield Line("Keys and secrets", "Secrets Manager, secret month", 1)
    yield Line("Monitoring", "CloudWatch, alarm month", 30)
    yield Line("Monitoring", "CloudWatch, dashboard month", 1)
    yield Line("Monitoring", "CloudWatch, metric month", 20)


def tables() -> str:
    """The estimate of both environments, and the prices that it assumes, as Markdown."""
    settings = {"dev": read_settings({}), "prod": read_settings({"env": "prod"})}
    lines = {env: estimate(settings[env], LOADS[env]) for env in LOADS}
    parts = list(dict.fromkeys(line.part for env in lines for line in lines[env]))
    rows = [(part, *(sum(line.usd for line in lines[env] if line.part == part) for env in LOADS)) for part in parts]
    totals = [sum(line.usd for line in lines[env]) for env in LOADS]
    said = [
        f"For {LOADS['dev'].transactions / 1e6:g} million transactions a month in dev and "
        f"{LOADS['prod'].transactions / 1e6:g} million in prod, US dollars a month:",
        "",
        "| | dev | prod |",
        "| --- | ---: | ---: |",
        *(f"| {part} | {dev:,.0f} | {prod:,.0f} |" for part, dev, prod in rows),
        f"| **a month** | **{totals[0]:,.0f}** | **{totals[1]:,.0f}** |",
        "| **a million transactions** | "
        + " | ".join(
            f"**{total / LOADS[env].transactions * 1e6:,.0f}**" for env, total in zip(LOADS, totals, strict=True)
        )
        + " |",
        "",
        "<details><summary>Prices assumed (list prices of us-east-1; compare them with today's)</summary>",
        "",
        "| | US dollars |",
        "| --- | ---: |",
        *(f"| {name} | {price:g} |" for name, price in PRICES.items()),
        "",
        "</details>",
    ]
    return "\n".join(said)


if __name__ == "__main__":
    print(tables())
