"""A Flink program in Python on this machine, in a process of its own, with Flink's embedded cluster.

The program is submitted as Managed Service for Apache Flink submits it: Flink's own command runs it under Flink's own guard,
which refuses a program that sets what `engines.managed_flink` does not list. What differs between here and the cloud is the
application properties and the cluster's configuration, and this module writes both.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Self

import urllib3

from engines.installed import ENGINES
from engines.managed_flink import PROGRAMMATIC, SET_BY_FLINK
from engines.processes import Process, ProcessError, free_port

PYTHON = ENGINES / "bin" / "python"
JVM = "-Xms1g -Xmx2g -XX:+UseSerialGC -XX:TieredStopAtLevel=1"
"""With the quick compiler alone: on a few cores a run of minutes ends before the thorough one has paid for itself."""
OPENED = tuple(
    f"--add-opens=java.base/{package}=ALL-UNNAMED"
    for package in (
        *("java.io", "java.lang", "java.lang.reflect", "java.net", "java.nio", "java.text", "java.time", "java.util"),
        *("java.util.concurrent", "java.util.concurrent.atomic", "java.util.concurrent.locks", "sun.nio.ch"),
    )
)
"""What Flink and its serializers look into, as Flink's own scripts open it."""
COMMAND = "org.apache.flink.client.cli.CliFrontend"

LOG_SETTINGS = """\
rootLogger.level = WARN
rootLogger.appenderRef.out.ref = out
appender.out.name = out
appender.out.type = CONSOLE
appender.out.target = SYSTEM_OUT
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d{ISO8601} %p %c{1} %m%n%throwable{8}
logger.metrics.name = org.apache.flink.metrics.MetricGroup
logger.metrics.level = ERROR
logger.metrics2.name = org.apache.flink.runtime.metrics.groups
logger.metrics2.level = ERROR
"""


def duration(ms: int) -> str:
    """A duration as Flink itself writes it: its guard compares settings as text.

    >>> duration(10_000), duration(1500)
    ('10 s', '1500 ms')
    """
    return f"{ms} ms" if ms % 1000 else f"{ms // 1000} s" if ms % 60_000 else f"{ms // 60_000} min"


class FlinkJob:
    """A program, as a context manager: `start` returns once all its tasks run.

    Args:
        folder: its configuration, checkpoints and log. Give a temporary one; nothing else is written.
        program: the file.
        properties: {group: {key: value}}, the application properties that the program reads.
        jars: what its SQL needs beside Flink itself.
        parallelism: of every operator.
        checkpoint_interval_ms: how far a restart goes back at most.
        configuration: further settings of Flink itself, by its own names.
        jvm: Java's options; its memory holds the state.

    Raises:
        ProcessError: the environment or a jar is missing, or the job did not start or ended. The text holds the end of its log.

    Example::

        with FlinkJob(folder / "flink", program, {"Kafka": {"bootstrap.servers": broker.address}}, jars=jars) as job:
            ...
            job.kill()     # as a crash would
            job.restart()  # from the newest checkpoint
    """

    def __init__(
        self,
        folder: Path,
        program: Path,
        properties: Mapping[str, Mapping[str, str]],
        *,
        jars: Sequence[Path],
        parallelism: int = 2,
        checkpoint_interval_ms: int = 5000,
        configuration: Mapping[str, str] = MappingProxyType({}),
        jvm: str = JVM,
    ) -> None:
        self.folder, self._temporary = folder, folder.resolve() / "tmp"
        self._rest_port = free_port()
        self._properties, self._jars = properties, tuple(jars)
        self._configuration = {
            "execution.target": "local",
            "execution.program-config.enabled": "false",
            "execution.program-config.wildcards": ";".join(sorted(PROGRAMMATIC | SET_BY_FLINK)),
            "python.client.executable": str(PYTHON),
            "parallelism.default": str(parallelism),
            "execution.checkpointing.interval": duration(checkpoint_interval_ms),
            "execution.checkpointing.dir": f"file://{folder.resolve()}/checkpoints",
            "execution.checkpointing.externalized-checkpoint-retention": "RETAIN_ON_CANCELLATION",
            "restart-strategy.type": "none",
            "io.tmp.dirs": str(self._temporary),
            "rest.port": str(self._rest_port),
            "rest.bind-address": "127.0.0.1",
            "taskmanager.bind-host": "127.0.0.1",
            **configuration,
        }
        self._process = Process(
            "Flink",
            self._command(program, jvm),
            {
                "APPLICATION_PROPERTIES_FILE": str(folder.resolve() / "application_properties.json"),
                "FLINK_CONF_DIR": str(folder.resolve()),
                "FLINK_OPT_DIR": str(self._flink() / "opt"),
                "TMPDIR": str(self._temporary),
                # a program finds its own modules beside it: another checkout's would shadow them
                "PYTHONPATH": "",
            },
            log_path=folder / "flink.log",
        )

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def running(self) -> bool:
        return self._process.running

    @property
    def pid(self) -> int:
        """The id of its process group; 0 before the first start."""
        return self._process.pid

    def start(self, from_checkpoint: Path | None = None, timeout_s: float = 120) -> None:
        """Starts it, afresh or from a checkpoint, and waits until every task runs (about 10 s)."""
        self._write_settings(from_checkpoint)
        self._process.start()
        try:
            self._process.wait_until(self._consumes, "ran all its tasks", timeout_s)
        except BaseException:
            self._process.kill()
            raise

    def restart(self, timeout_s: float = 120) -> None:
        """Starts a job that was killed, from its newest checkpoint.

        A job that had completed none starts afresh, from the beginning of the topic: everything comes out again, with the same
        values.
        """
        self.start(self.newest_checkpoint(), timeout_s)

    def kill(self) -> None:
        """Ends it as a crash would."""
        self._process.kill()
        self._tidy()

    def stop(self) -> None:
        """Ends it. Its checkpoints stay."""
        self._process.stop(grace_s=5)
        self._tidy()

    def newest_checkpoint(self) -> Path | None:
        """The folder of the newest completed checkpoint."""
        completed = self.folder.glob("checkpoints/*/chk-*/_metadata")
        return max((file.parent for file in completed), key=lambda folder: folder.stat().st_mtime_ns, default=None)

    def rest(self, path: str) -> dict[str, object]:
        """An answer of Flink's REST interface, for example of `/jobs/overview`.

        Raises:
            urllib3.exceptions.HTTPError: it does not answer.
        """
        url = f"http://127.0.0.1:{self._rest_port}{path}"
        return dict(urllib3.request("GET", url, retries=False, timeout=5).json())

    def _tidy(self) -> None:
        # Flink unpacks 60 MB of itself at each start, and one that is killed leaves them
        shutil.rmtree(self._temporary, ignore_errors=True)

    def _consumes(self) -> bool:
        try:
            jobs = self.rest("/jobs/overview").get("jobs")
        except (urllib3.exceptions.HTTPError, ValueError):
            return False
        return bool(jobs) and all(0 < job["tasks"]["total"] == job["tasks"]["running"] for job in jobs)  # type: ignore[attr-defined]

    def _command(self, program: Path, jvm: str) -> list[str | Path]:
        flink = self._flink()
        java = ["java", *jvm.split(), *OPENED, f"-Djava.io.tmpdir={self._temporary}"]
        java.append(f"-Dlog4j.configurationFile=file:{(self.folder / 'log4j.properties').resolve()}")
        classes = f"{flink}/lib/*:{next((flink / 'opt').glob('flink-python-*.jar'), '')}"
        return [
            *java,
            *("-cp", classes, COMMAND, "run"),
            *(part for jar in self._jars for part in ("--classpath", f"file://{jar.resolve()}")),
            *("--python", program),
        ]

    def _flink(self) -> Path:
        return next(ENGINES.glob("lib/python3.*/site-packages/pyflink"), ENGINES)

    def _write_settings(self, from_checkpoint: Path | None) -> None:
        missing = [str(path) for path in (PYTHON, *self._jars) if not path.exists()]
        if missing:
            raise ProcessError(f"Flink misses {', '.join(missing)}: run `make setup`")
        configuration = dict(self._configuration)
        if from_checkpoint:
            configuration["execution.state-recovery.path"] = f"file://{from_checkpoint.resolve()}"
        self._tidy()
        self._temporary.mkdir(parents=True)
        groups = [{"PropertyGroupId": name, "PropertyMap": dict(given)} for name, given in self._properties.items()]
        (self.folder / "application_properties.json").write_text(json.dumps(groups, indent=2))
        lines = (f"{key}: {json.dumps(value)}\n" for key, value in configuration.items())
        (self.folder / "config.yaml").write_text("".join(lines))
        (self.folder / "log4j.properties").write_text(LOG_SETTINGS)
