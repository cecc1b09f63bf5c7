"""Spark on this machine: a script in the engines' environment, with a local master in place of a cluster."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from engines.installed import ENGINES, ROOT, SPARK_JARS
from engines.processes import Process, ProcessError

PYTHON = ENGINES / "bin" / "python"
JVM = "-XX:+UseSerialGC -XX:TieredStopAtLevel=1"
"""With the quick compiler alone, as Flink here: what a run of half a minute saves by thorough code, it pays to have it made."""


def run_spark(
    script: Path,
    arguments: Sequence[str | Path],
    folder: Path,
    *,
    memory: str = "3g",
    waiting: Callable[[], None] = lambda: None,
    timeout_s: float = 1800,
) -> None:
    """Run a Spark script to its end.

    Args:
        script: the file, as a cluster would get it.
        arguments: its own.
        folder: for Spark's shuffle files and its log.
        memory: of the one JVM.
        waiting: called again and again while it runs, for progress.

    Raises:
        ProcessError: the engines are not set up, or the script failed. The text holds the end of its log.
    """
    if not PYTHON.exists():
        raise ProcessError(f"no Spark in {PYTHON.parent.parent}: run `make setup`")
    process = Process(
        "Spark",
        [PYTHON, script, *arguments],
        {**_variables(PYTHON, _settings(folder, memory)), "PYTHONPATH": str(ROOT)},
        log_path=folder / "spark.log",
    )
    with process:
        status = process.wait(timeout_s, waiting)
        if status:
            raise ProcessError(
                f"Spark ended with status {status}; the end of {process.log_path}:\n{process.log_tail()}"
            )


def on_s3(python: Path, folder: Path, endpoint: str, settings: Mapping[str, str], memory: str = "3g") -> dict[str, str]:
    """The variables with which a script's Spark reads and writes s3:// at an address, with the credentials of the environment.

    Args:
        python: that runs the script.
        folder: for Spark's shuffle files.
        endpoint: of S3, over HTTP.
        settings: of Spark, beside its own.
        memory: of the one JVM.

    Raises:
        ProcessError: the jars for it are not set up.
    """
    jars = sorted(SPARK_JARS.glob("*.jar"))
    if not jars:
        raise ProcessError(f"no jars in {SPARK_JARS}: run `make setup`")
    s3 = {
        "spark.hadoop.fs.s3.impl": "org.apache.hadoop.fs.s3a.S3AFileSystem",
        "spark.hadoop.fs.s3a.endpoint": endpoint,
        "spark.hadoop.fs.s3a.endpoint.region": "us-east-1",
        "spark.hadoop.fs.s3a.path.style.access": "true",
        "spark.hadoop.fs.s3a.connection.ssl.enabled": "false",
        "spark.hadoop.fs.s3a.aws.credentials.provider": "com.amazonaws.auth.EnvironmentVariableCredentialsProvider",
        # no deletions above what is written
        "spark.hadoop.fs.s3a.directory.marker.retention": "keep",
        "spark.hadoop.fs.s3a.buffer.dir": str(folder),
        "spark.driver.extraClassPath": ":".join(map(str, jars)),
    }
    folder.mkdir(parents=True, exist_ok=True)
    return _variables(python, {**_settings(folder, memory), **s3, **settings})


def _settings(folder: Path, memory: str) -> dict[str, str]:
    return {
        "spark.driver.memory": memory,
        "spark.driver.extraJavaOptions": JVM,
        "spark.sql.shuffle.partitions": str(2 * _cores()),
        "spark.ui.enabled": "false",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.local.dir": str(folder),
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
    }


def _variables(python: Path, settings: Mapping[str, str]) -> dict[str, str]:
    conf = " ".join(f"--conf {shlex.quote(f'{name}={value}')}" for name, value in settings.items())
    return {
        "PYSPARK_SUBMIT_ARGS": f"--master local[{_cores()}] {conf} pyspark-shell",
        "PYSPARK_PYTHON": str(python),
    }


def _cores() -> int:
    return len(os.sched_getaffinity(0))
