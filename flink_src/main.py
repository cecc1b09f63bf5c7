"""The stream job: transactions from Kafka, each once, with the features of its card's recent past, back to Kafka.

It is SQL alone: a Python operator would cost thirty times as much. Parallelism, checkpoints and where to start from are the
cluster's to say: Managed Service for Apache Flink's settings there, `engines.flink` here.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from pyflink.common import Configuration
from pyflink.common.job_client import JobClient
from pyflink.datastream import StreamExecutionEnvironment
from pyflink.java_gateway import get_gateway
from pyflink.table import EnvironmentSettings, StreamTableEnvironment

# Flink runs this file from inside the application's folder, whose root holds the packages.
sys.path.append(str(Path(__file__).resolve().parent.parent))

from flink_src.configuration import NAME, configuration
from flink_src.exchanges import stay_in_task
from flink_src.flushing import flush_each_operator, submitted
from flink_src.properties import PATH_VARIABLE, JobProperties, read_properties
from flink_src.statements import insert_statements, table_statements
from fraud.features.catalogue import CATALOGUE
from fraud.features.windows import Window


def submit(
    properties: JobProperties, inserts: list[str], *, flush: bool, windows: tuple[Window, ...] = ()
) -> JobClient:
    """Starts these INSERTs as one job and returns at once; raises if Flink refuses them.

    Args:
        flush: whether each operator passes its records on at once (see `flink_src.flushing`).
        windows: those of the INSERTs, in order (see `flink_src.exchanges`).
    """
    own = Configuration()
    for key, value in configuration(properties).items():
        own.set_string(key, value)
    stream = StreamExecutionEnvironment.get_execution_environment(own)
    settings = EnvironmentSettings.new_instance().in_streaming_mode().with_configuration(own).build()
    tables = StreamTableEnvironment.create(stream, settings)
    for statement in table_statements(properties, stream.get_parallelism()):
        tables.execute_sql(statement)
    job = tables.create_statement_set()
    for statement in inserts:
        job.add_insert_sql(statement)
    job.attach_as_datastream()
    ends = stream._j_stream_execution_environment.getTransformations()
    stay_in_task(ends, [window.key for window in windows], get_gateway().jvm, log().warn)
    if flush:
        flush_each_operator(ends, properties.flush_interval_ms)
    return stream.execute_async(NAME)


def log() -> Any:
    """Java's logger, whose lines the service keeps."""
    return get_gateway().jvm.org.slf4j.LoggerFactory.getLogger(NAME)


if __name__ == "__main__":
    job_properties = read_properties()
    statements = insert_statements(job_properties)
    running = submitted(
        lambda flush: submit(job_properties, statements, flush=flush, windows=CATALOGUE.windows), log().warn
    )
    if PATH_VARIABLE in os.environ:
        # The embedded cluster ends with this process; a service's cluster goes on without it.
        running.get_job_execution_result().result()
