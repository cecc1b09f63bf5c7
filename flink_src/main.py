"""The stream job: transactions from Kafka, each once, with the features of its card's recent past, back to Kafka.

It is SQL alone: a Python operator would cost thirty times as much. Parallelism, checkpoints and where to start from are the
cluster's to say: Managed Service for Apache Flink's settings there, `local.flink` here.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from pyflink.common import Configuration  # type: ignore[import-not-found]
from pyflink.table import EnvironmentSettings, TableEnvironment, TableResult  # type: ignore[import-not-found]

# Flink runs this file from inside the application's folder, whose root holds the packages.
sys.path.append(str(Path(__file__).resolve().parent.parent))

from flink_src.properties import PATH_VARIABLE, JobProperties, read_properties
from flink_src.statements import insert_statements, table_statements

LATENCY_MS = "2 ms"
"""How long a row may wait in a buffer, and how often watermarks are sent."""


def submit(properties: JobProperties, inserts: list[str]) -> TableResult:
    """Starts these INSERTs as one job and returns at once; raises if Flink refuses them."""
    configuration = Configuration()
    for key, value in {
        "pipeline.name": "stream-features",
        "pipeline.object-reuse": "true",
        "pipeline.auto-watermark-interval": LATENCY_MS,
        "execution.buffer-timeout.interval": LATENCY_MS,
        "table.local-time-zone": "UTC",
        "table.exec.state.ttl": properties.state_ttl,
        **properties.cluster,
    }.items():
        configuration.set_string(key, value)
    settings = EnvironmentSettings.new_instance().in_streaming_mode().with_configuration(configuration).build()
    environment = TableEnvironment.create(settings)
    for statement in table_statements(properties):
        environment.execute_sql(statement)
    job = environment.create_statement_set()
    for statement in inserts:
        job.add_insert_sql(statement)
    return job.execute()


if __name__ == "__main__":
    job_properties = read_properties()
    running = submit(job_properties, insert_statements(job_properties))
    if PATH_VARIABLE in os.environ:
        # The embedded cluster ends with this process; a service's cluster goes on without it.
        running.wait()
