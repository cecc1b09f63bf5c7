"""Which jobs can take over one another's state: those of the same version.

Flink's state belongs to the operators of one plan. A job whose SQL differs cannot go on from another's snapshot: it is another
job, writes a topic of its own, and reads back far enough to know what the other one knows.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace

from flink_src.properties import JobProperties
from flink_src.statements import insert_statements, table_statements
from fraud.durations import MS_PER_DAY
from fraud.features.catalogue import CATALOGUE, Catalogue

CHARACTERS = 8


def job_version(properties: JobProperties, runtime: str, catalogue: Catalogue = CATALOGUE) -> str:
    """The version: the same for jobs of the same SQL on the same runtime, wherever their brokers and topics are.

    Args:
        properties: a job's settings.
        runtime: of Flink, as the service calls it.
        catalogue: the windows, and the habits, whose columns go with each transaction.

    >>> one = JobProperties(bootstrap_servers="b:9098")
    >>> job_version(one, "FLINK-2_2") == job_version(JobProperties(bootstrap_servers="c:9098", group_id="other"), "FLINK-2_2")
    True
    >>> job_version(one, "FLINK-2_2") == job_version(JobProperties(bootstrap_servers="b", partitions=8), "FLINK-2_2")
    False
    """
    nowhere = JobProperties(bootstrap_servers="")
    anywhere = replace(
        properties,
        bootstrap_servers="",
        transactions_topic=nowhere.transactions_topic,
        features_topic=nowhere.features_topic,
        group_id=nowhere.group_id,
        startup_mode=nowhere.startup_mode,
        read_back_ms=None,
        client={},
    )
    # the parallelism may change over a snapshot
    texts = (runtime, *table_statements(anywhere, 1, catalogue), *insert_statements(anywhere, catalogue))
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:CHARACTERS]


def read_back_ms(properties: JobProperties, catalogue: Catalogue = CATALOGUE) -> int:
    """How far back a job without a state has to read, milliseconds, to give the features of now that an older one gives.

    Over the longest window, and before that for as long as a transaction's id is remembered: what is delivered again within it
    counts in no window.

    >>> read_back_ms(JobProperties(bootstrap_servers="b", state_ttl="2 d")) // MS_PER_DAY
    3
    """
    number, unit = properties.state_ttl.split()
    if unit != "d":
        raise ValueError(f"state_ttl: {properties.state_ttl!r}; allowed: whole days, as 2 d")
    return max((window.back_ms for window in catalogue.windows), default=0) + int(number) * MS_PER_DAY
