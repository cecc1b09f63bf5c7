"""The prices that the cost model assumes, each with where it was read: list prices of us-east-1, no discounts, no free tier."""

from __future__ import annotations

from typing import NamedTuple

LOOKED_UP = "2026-11-27"
_PRICE_LIST = f"a copy of AWS's price list, {LOOKED_UP}"
"""AWS's pricing pages fill in their figures only in a browser, so most of what can be read of them is copies."""
_AS_KNOWN = f"not found on {LOOKED_UP}, list price as known"

_AS_KNOWN_LATER = "not found on 2026-11-28, list price as known"


def _page(name: str) -> str:
    return f"page *{name}*, {LOOKED_UP}"


class Price(NamedTuple):
    """A price.

    Attributes:
        usd: US dollars.
        read: where and when.
    """

    usd: float
    read: str


PRICES = {
    "MSK Standard, kafka.t3.small hour": Price(0.0456, _PRICE_LIST),
    "MSK Express, express.m7g.large hour": Price(0.408, _AS_KNOWN),
    "MSK Express, GB in": Price(0.01, _AS_KNOWN),
    "MSK Serverless, cluster hour": Price(0.75, _AS_KNOWN),
    "MSK Serverless, partition hour": Price(0.0015, _AS_KNOWN),
    "MSK Serverless, GB in": Price(0.10, _AS_KNOWN),
    "MSK Serverless, GB out": Price(0.05, _AS_KNOWN),
    "MSK, GB month": Price(0.10, _PRICE_LIST),
    "Managed Flink, KPU hour": Price(0.11, _page("how-pricing")),
    "Managed Flink, GB month": Price(0.10, _page("how-pricing")),
    "Lambda, event poller unit hour": Price(0.185, _page("kafka-scaling-modes")),
    "Lambda, million calls": Price(0.20, _PRICE_LIST),
    "Lambda, GB second": Price(0.0000133334, _PRICE_LIST),
    "SageMaker, ml.t2.medium hour": Price(0.056, _AS_KNOWN),
    "SageMaker, ml.m5.large hour": Price(0.115, _AS_KNOWN),
    "SageMaker, ml.m5.xlarge hour": Price(0.23, _AS_KNOWN),
    "SageMaker, ml.m5.4xlarge hour": Price(0.922, _AS_KNOWN),
    "SageMaker, ml.c5.xlarge hour": Price(0.204, _AS_KNOWN),
    "SageMaker, Small tracking server hour": Price(0.60, _AS_KNOWN_LATER),
    "Glue, DPU hour": Price(0.44, "a copy of AWS's price list, 2026-11-28"),
    "Fraud Detector, training hour": Price(0.39, _AS_KNOWN_LATER),
    "Fraud Detector, hosting hour": Price(0.06, _AS_KNOWN_LATER),
    "Fraud Detector, thousand predictions": Price(30.0, _AS_KNOWN_LATER),
    "Feature Store, million writes": Price(1.25, _AS_KNOWN),
    "Feature Store, million reads": Price(0.25, _AS_KNOWN),
    "Feature Store, GB month": Price(0.45, _AS_KNOWN),
    "DynamoDB, million writes": Price(0.625, _AS_KNOWN),
    "DynamoDB, GB month with backups": Price(0.45, _PRICE_LIST),
    "EventBridge, million events": Price(1.00, _PRICE_LIST),
    "API Gateway, million requests": Price(3.50, _AS_KNOWN),
    "WAF, access list month": Price(5.00, _AS_KNOWN),
    "WAF, rule month": Price(1.00, _AS_KNOWN),
    "WAF, million requests": Price(0.60, _AS_KNOWN),
    "SQS, million requests": Price(0.40, _PRICE_LIST),
    "X-Ray, million traces": Price(5.00, _AS_KNOWN),
    "KMS, key month": Price(1.00, _PRICE_LIST),
    "KMS, million requests": Price(3.00, _PRICE_LIST),
    "S3, GB month": Price(0.023, _PRICE_LIST),
    "S3, million puts": Price(5.00, _PRICE_LIST),
    "VPC, endpoint hour in a zone": Price(0.01, _PRICE_LIST),
    "VPC, GB through an endpoint": Price(0.01, _PRICE_LIST),
    "VPC, GB between zones": Price(0.02, _AS_KNOWN),
    "VPC, NAT hour": Price(0.045, _PRICE_LIST),
    "VPC, GB through NAT": Price(0.045, _PRICE_LIST),
    "CloudWatch, alarm month": Price(0.10, _PRICE_LIST),
    "CloudWatch, dashboard month": Price(3.00, _PRICE_LIST),
    "CloudWatch, metric month": Price(0.30, _AS_KNOWN),
    "CloudWatch, GB of logs": Price(0.50, _PRICE_LIST),
    "Secrets Manager, secret month": Price(0.40, _PRICE_LIST),
}
"""A prediction of Fraud Detector is cheaper from the 100,000th of a month on, which is left out. An alarm is paid for each metric
that it looks at, traffic between zones at both ends, which is in its price here."""
