"""What an environment takes of its account's quotas, for the table in `docs/first-deployment.md`."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from stacks.costs import GLUE_DPUS, READERS
from stacks.settings import Settings, read_settings

CALLS_BESIDE = 10
"""Calls at once of the functions that no topic calls: the watch, the table's changes, custom resources, the gate."""


@dataclass(frozen=True)
class Quota:
    """A quota of an account in a region.

    Attributes:
        service, name: as in the console of Service Quotas.
        code: for `aws service-quotas`, where it is known.
        given: what accounts have, as AWS's page says; of new ones less where a page says so.
        page: which one.
    """

    service: str
    name: str
    code: str
    given: str
    page: str


_MACHINES = "0 of most types is reported of new accounts"
QUOTAS = {
    "concurrency": Quota(
        "AWS Lambda",
        "Concurrent executions",
        "L-B99A9384",
        "1,000; new accounts have less, 10 is reported",
        "gettingstarted-limits",
    ),
    "vpcs": Quota("Amazon VPC", "VPCs per Region", "L-F678F1CE", "5", "amazon-vpc-limits"),
    "addresses": Quota("Amazon EC2", "EC2-VPC Elastic IPs", "L-0263D0A3", "5", "amazon-vpc-limits"),
    "kpus": Quota("Managed Service for Apache Flink", "KPUs of an application", "", "64", "how-scaling"),
    "glue runs": Quota("AWS Glue", "Max concurrent job runs per account", "", "50", "glue"),
    "glue dpus": Quota("AWS Glue", "Max task DPUs per account", "", "see the console", "glue"),
    "detector trainings": Quota("Amazon Fraud Detector", "Concurrent training jobs per account", "", "3", "limits"),
    "detector versions": Quota("Amazon Fraud Detector", "Deployed model versions per account", "", "5", "limits"),
    "detectors": Quota("Amazon Fraud Detector", "Detectors per account", "", "100", "limits"),
    "brokers": Quota("Amazon MSK", "Brokers of the account, where they are provisioned", "", "90", "limits"),
}
"""All but those of SageMaker's machines, which are named after the machines."""


def needs(settings: Settings) -> dict[Quota, int]:
    """How much of each quota these settings take, at most.

    >>> {quota.name: count for quota, count in needs(read_settings({})).items()}["ml.t2.medium for endpoint usage"]
    2
    """
    machines: Counter[tuple[str, str]] = Counter()
    # a new model's machines come beside those of the one before
    machines[settings.endpoint_instance_type, "endpoint usage"] += 2 * settings.endpoint_instances_most
    at_once = settings.tuning_parallel if settings.tuning_jobs else 1
    machines[settings.training_instance_type, "training job usage"] += at_once
    for one in (settings.training_instance_type, settings.nightly_instance_type):
        machines[one, "processing job usage"] += 1
    own_batch = settings.batch_back_end == "sagemaker"
    if own_batch:
        # of a file: requests, then the transform, then the scores
        machines[settings.batch_instance_type, "processing job usage"] += 1
        machines[settings.batch_instance_type, "transform job usage"] += 1
    taken = {
        # a topic's reader is called once at a time for each partition
        "concurrency": READERS * settings.partitions + CALLS_BESIDE,
        "vpcs": 1,
        "addresses": int(settings.nat),
        # autoscaling may double the parallelism; one more is the orchestrator's
        "kpus": 2 * settings.flink_parallelism + 1,
        # one crawl, and one run of the transform at a time
        "glue runs": 1,
        "glue dpus": 2 * GLUE_DPUS,
        "detector trainings": int(not own_batch),
        # the new version is deployed beside the one before
        "detector versions": 2 * int(not own_batch),
        "detectors": int(not own_batch),
        "brokers": 0 if settings.streaming == "serverless" else settings.zones_needed,
    }
    page = "regions-quotas"
    return {
        **{
            Quota("Amazon SageMaker", f"{machine} for {use}", "", _MACHINES, page): count
            for (machine, use), count in machines.items()
        },
        **{QUOTAS[name]: count for name, count in taken.items()},
    }


def table() -> str:
    """Every quota that dev or prod takes of, as Markdown."""
    dev, prod = needs(read_settings({})), needs(read_settings({"env": "prod"}))
    rows = [
        [
            *(
                quota.service,
                quota.name,
                quota.code,
                quota.given,
                str(dev.get(quota, 0)),
                str(prod.get(quota, 0)),
                f"*{quota.page}*",
            )
        ]
        for quota in sorted({**dev, **prod}, key=lambda quota: (quota.service, quota.name))
        if dev.get(quota) or prod.get(quota)
    ]
    head = "| service | quota | code | given | dev takes | prod takes | page |"
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([head, "| --- | --- | --- | --- | ---: | ---: | --- |", *lines])
