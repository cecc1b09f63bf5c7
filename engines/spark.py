"""Spark on this machine: a script in the engines' environment, with a local master in place of a cluster."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from engines.installed import ENGINES, ROOT
from engines.processes import Process, ProcessError

PYTHON = ENGINES / "bin" / "python"


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
    cores = len(os.sched_getaffinity(0))
    settings = {
        "spark.driver.memory": memory,
        "spark.sql.shuffle.partitions": str(2 * cores),
        "spark.ui.enabled": "false",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.local.dir": str(folder),
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
    }
    conf = " ".join(f"--conf {name}={value}" for name, value in settings.items())
    process = Process(
        "Spark",
        [PYTHON, script, *arguments],
        {
            "PYSPARK_SUBMIT_ARGS": f"--master local[{cores}] {conf} pyspark-shell",
            "PYSPARK_PYTHON": str(PYTHON),
            "PYTHONPATH": str(ROOT),
        },
        log_path=folder / "spark.log",
    )
    with process:
        status = process.wait(timeout_s, waiting)
        if status:
            raise ProcessError(
                f"Spark ended with status {status}; the end of {process.log_path}:\n{process.log_tail()}"
            )
