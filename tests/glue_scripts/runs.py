"""Runs of the transform job on folders, and what they wrote."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from engines.installed import ROOT
from engines.spark import JVM, PYTHON

KEY = b"a key of the tests' own"
SPLIT = ("--train-until", "2020-02-01", "--predict-from", "2020-03-01")
SETTINGS = {
    "spark.sql.shuffle.partitions": "2",
    "spark.ui.enabled": "false",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.memory": "1g",
    "spark.driver.extraJavaOptions": JVM,
}


class Made(NamedTuple):
    """What a run made.

    Attributes:
        status: of its exit.
        said: what it printed.
        out: the folder.
    """

    status: int
    said: str
    out: Path

    @property
    def report(self) -> dict[str, Any]:
        """The one report."""
        (path,) = (self.out / "reports").glob("*.json")
        report: dict[str, Any] = json.loads(path.read_text())
        assert report["set"] == path.stem
        return report

    @property
    def quarantined(self) -> list[dict[str, Any]]:
        """The rows that are none."""
        paths = list((self.out / "quarantine").glob("*.jsonl"))
        return [json.loads(line) for path in paths for line in path.read_text().splitlines()]

    def table(self, which: str) -> pa.Table | None:
        """The rows of `train` or `batch_predict`."""
        paths = list((self.out / "glue_transformed" / which).glob("*.parquet"))
        return pq.read_table(paths[0]) if paths else None

    def ids(self, which: str) -> list[str]:
        """Of those rows, in their order."""
        table = self.table(which)
        return [] if table is None else table["transaction_id"].to_pylist()

    @property
    def files(self) -> dict[str, str]:
        """{name: digest} of whatever lies in the folder."""
        found = (path for path in sorted(self.out.rglob("*")) if path.is_file())
        return {str(path.relative_to(self.out)): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


class Session:
    """The job on one session."""

    def __init__(self, child: subprocess.Popen[str], folder: Path) -> None:
        self._child, self._key = child, folder / "key"
        self._key.write_bytes(KEY)

    def run(self, given: Path, out: Path, *options: str) -> Made:
        """A run over a folder or file. What it read stays, unless an option says otherwise."""
        keep = () if "--keep-raw" in options else ("--keep-raw", "true")
        arguments = ["--input", str(given), "--out", str(out), "--token-key", str(self._key), *keep, *options]
        assert self._child.stdin is not None and self._child.stdout is not None
        self._child.stdin.write(json.dumps(arguments) + "\n")
        self._child.stdin.flush()
        for line in self._child.stdout:
            if line.startswith("answer "):
                status, said = json.loads(line.removeprefix("answer "))
                return Made(status, said, out)
        raise AssertionError(f"the session ended with {self._child.wait()}")


@contextmanager
def session(folder: Path) -> Iterator[Session]:
    """A session while this is open; its log is in the folder."""
    settings = " ".join(f"--conf {shlex.quote(f'{name}={value}')}" for name, value in SETTINGS.items())
    environment = {
        **os.environ,
        "PYSPARK_SUBMIT_ARGS": f"--master local[2] {settings} --conf spark.local.dir={folder} pyspark-shell",
        "PYSPARK_PYTHON": str(PYTHON),
        "PYTHONPATH": str(ROOT),
    }
    with (folder / "spark.log").open("wb") as log:
        child = subprocess.Popen(
            [PYTHON, ROOT / "tests" / "glue_scripts" / "one_session.py"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, env=environment, cwd=folder,
        )  # fmt: skip
        try:
            yield Session(child, folder)
        finally:
            assert child.stdin is not None
            child.stdin.close()
            try:
                child.wait(20)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


def adds_up(report: dict[str, Any]) -> bool:
    """Whether what was read is what was written, left out and quarantined."""
    parts: Sequence[dict[str, int]] = (report["written"], report["left_out"], report["quarantined"])
    return bool(report["read"] == sum(sum(part.values()) for part in parts))
