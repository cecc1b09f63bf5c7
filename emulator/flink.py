"""Managed Service for Apache Flink: an application is the real job, from its code in S3, with the template's properties.

Locally the brokers answer without TLS, so the security settings of the Kafka clients are left out; nothing else of the
properties is changed. Parallelism and checkpoint interval are the application's own. A job that ends by itself goes on from its
newest checkpoint; one that ends again and again leaves its application READY. A stopped application starts again from its newest
checkpoint, unless it is told otherwise. A job that does not start leaves its application READY, and its description says why.
"""

from __future__ import annotations

import logging
import shutil
import threading
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from emulator.account import arn
from emulator.clients import Clients
from emulator.clock import now
from emulator.counts import Counts
from emulator.errors import ServiceError
from emulator.kafka.clusters import Clusters, reading, writing
from emulator.protocol.service import Judge, Service
from emulator.protocol.wire import Wire
from emulator.stand_ins import TopicProperties
from emulator.supervision import Keeper
from engines.flink import FlinkJob, duration

RUN_OPTIONS = "kinesis.analytics.flink.run.options"

_OTHERWISE_CALLED = {"EnvironmentPropertyUpdates": "EnvironmentProperties"}
"""What an update replaces as a whole: {its member: the configuration's}."""

_log = logging.getLogger(__name__)


class Applications:
    """The operations on applications.

    Args:
        folder: code, checkpoints and logs go below it.
        clients, judge: the code is fetched, and the topics are used, in the name of the application's role.
        clusters: to know which cluster the brokers in the properties belong to.
        topics: which properties say what an application does with its cluster.

    Attributes:
        starts: of each application's job, by the application's name.
    """

    def __init__(
        self, folder: Path, clients: Clients, judge: Judge, clusters: Clusters, topics: TopicProperties
    ) -> None:
        self._folder, self._clients, self._judge, self._clusters = folder, clients, judge, clusters
        self._topics = topics
        self._applications: dict[str, dict[str, Any]] = {}
        self._jobs: dict[str, FlinkJob] = {}
        self._keepers: dict[str, Keeper] = {}
        self._starting: dict[str, _Starting] = {}
        self._lock = threading.Lock()
        self.starts = Counts()

    def create_application(self, **given: Any) -> dict[str, Any]:
        name = given["ApplicationName"]
        if name in self._applications:
            raise ServiceError("ResourceInUseException", f"application {name} exists already")
        self._applications[name] = {
            **given,
            "ApplicationARN": arn("kinesisanalytics", f"application/{name}"),
            "ApplicationStatus": "READY",
            "ApplicationVersionId": 1,
            "CreateTimestamp": now(),
        }
        return {"ApplicationDetail": self._shown(name)}

    def describe_application(self, ApplicationName: str, **_: Any) -> dict[str, Any]:
        return {"ApplicationDetail": self._shown(ApplicationName)}

    def list_applications(self, Limit: int = 50, NextToken: str = "", NamePrefix: str = "") -> dict[str, Any]:
        names = sorted(name for name in self._applications if name > NextToken and name.startswith(NamePrefix))
        members = (
            "ApplicationARN",
            "ApplicationName",
            "ApplicationStatus",
            "ApplicationVersionId",
            "RuntimeEnvironment",
        )
        shown = [{member: self._applications[name].get(member) for member in members} for name in names[:Limit]]
        return {"ApplicationSummaries": shown, "NextToken": names[Limit - 1] if len(names) > Limit else None}

    def start_application(self, ApplicationName: str, RunConfiguration: dict[str, Any] | None = None) -> dict[str, Any]:
        application = self._find(ApplicationName)
        restore = (RunConfiguration or {}).get("ApplicationRestoreConfiguration", {})
        afresh = restore.get("ApplicationRestoreType") == "SKIP_RESTORE_FROM_SNAPSHOT"
        with self._lock:
            if application["ApplicationStatus"] != "READY":
                raise ServiceError("ResourceInUseException", f"{ApplicationName} is {application['ApplicationStatus']}")
            application.update(ApplicationStatus="STARTING", Failure=None)
            self._starting[ApplicationName] = _Starting(
                lambda ended: self._start(ApplicationName, application, ended, afresh=afresh)
            )
        return {}

    def update_application(
        self,
        ApplicationName: str,
        CurrentApplicationVersionId: int | None = None,
        ApplicationConfigurationUpdate: dict[str, Any] | None = None,
        ServiceExecutionRoleUpdate: str | None = None,
        RuntimeEnvironmentUpdate: str | None = None,
        **_: Any,
    ) -> dict[str, Any]:
        """A running job is stopped and goes on with the new settings from its newest checkpoint; the service makes a snapshot."""
        application = self._find(ApplicationName)
        with self._lock:
            status, version = application["ApplicationStatus"], application["ApplicationVersionId"]
            if status not in ("READY", "RUNNING"):
                raise ServiceError("ResourceInUseException", f"{ApplicationName} is {status}")
            if CurrentApplicationVersionId not in (None, version):
                said = f"{ApplicationName} has version {version}, not {CurrentApplicationVersionId}"
                raise ServiceError("ConcurrentModificationException", said)
            configuration = _updated(application["ApplicationConfiguration"], ApplicationConfigurationUpdate or {})
            application.update(
                ApplicationConfiguration=configuration,
                ServiceExecutionRole=ServiceExecutionRoleUpdate or application["ServiceExecutionRole"],
                RuntimeEnvironment=RuntimeEnvironmentUpdate or application["RuntimeEnvironment"],
                ApplicationVersionId=version + 1,
            )
            if status == "RUNNING":
                application["ApplicationStatus"] = "UPDATING"
        self._end(ApplicationName)
        self._jobs.pop(ApplicationName, None)
        if status == "RUNNING":
            self._starting[ApplicationName] = _Starting(
                lambda ended: self._start(ApplicationName, application, ended, afresh=False)
            )
        return {"ApplicationDetail": self._shown(ApplicationName)}

    def stop_application(self, ApplicationName: str, Force: bool = False, **_: Any) -> dict[str, Any]:
        application = self._find(ApplicationName)
        if application["ApplicationStatus"] not in (("STARTING", "UPDATING", "RUNNING") if Force else ("RUNNING",)):
            raise ServiceError("ResourceInUseException", f"{ApplicationName} is {application['ApplicationStatus']}")
        self._end(ApplicationName)
        application["ApplicationStatus"] = "READY"
        return {}

    def delete_application(self, ApplicationName: str, **_: Any) -> dict[str, Any]:
        self._find(ApplicationName)
        self._end(ApplicationName)
        self._jobs.pop(ApplicationName, None)
        del self._applications[ApplicationName]
        # its snapshots go with it: another application of the name begins without
        shutil.rmtree(self._folder / ApplicationName, ignore_errors=True)
        return {}

    def stop(self) -> None:
        """Ends every job."""
        for name in list(self._applications):
            self._end(name)

    def processes(self) -> dict[str, list[int]]:
        """{application: the process group of its job}."""
        return {name: [job.pid] for name, job in list(self._jobs.items()) if job.running}

    def _end(self, name: str) -> None:
        if starting := self._starting.pop(name, None):
            starting.end(lambda: self._jobs.get(name))
        if keeper := self._keepers.pop(name, None):
            keeper.end()
        if job := self._jobs.get(name):
            job.stop()

    def _go_on(self, name: str, job: FlinkJob) -> None:
        checkpoint = job.newest_checkpoint()
        _log.warning("application %s: goes on from %s", name, checkpoint.name if checkpoint else "the beginning")
        job.start(checkpoint)
        self.starts.add(name)

    def _start(self, name: str, application: dict[str, Any], ended: threading.Event, *, afresh: bool) -> None:
        try:
            job = self._jobs.get(name) or self._job(name, application)
            self._jobs[name] = job
            checkpoint = None if afresh else job.newest_checkpoint()
            if not ended.is_set():
                job.start(checkpoint)
        except Exception as error:  # noqa: BLE001 - whatever it is, the application says it
            if not ended.is_set():
                _log.exception("application %s: did not start", name)
                application["Failure"] = f"did not start: {type(error).__name__}: {error}"
        if ended.is_set() or application["Failure"]:
            application["ApplicationStatus"] = "READY"
            return
        self.starts.add(name)
        application["ApplicationStatus"] = "RUNNING"

        def gave_up(why: str) -> None:
            application.update(ApplicationStatus="READY", Failure=f"the job is given up: {why[-1000:]}")

        self._keepers[name] = Keeper(f"application {name}", job, lambda: self._go_on(name, job), gave_up)

    def _job(self, name: str, application: dict[str, Any]) -> FlinkJob:
        configuration = application["ApplicationConfiguration"]
        role = application["ServiceExecutionRole"]
        given = configuration["EnvironmentProperties"]["PropertyGroups"]
        groups: dict[str, dict[str, str]] = {one["PropertyGroupId"]: one["PropertyMap"] for one in given}
        options = groups.get(RUN_OPTIONS, {})
        needed = ((RUN_OPTIONS, "python"), *((self._topics.group, one) for one in self._topic_names()))
        for group, wanted in needed:
            if not groups.get(group, {}).get(wanted):
                raise ServiceError("InvalidApplicationConfigurationException", f"{group} has no property {wanted}")
        self._judge_topics(role, application["ApplicationARN"], groups[self._topics.group])
        place = configuration["ApplicationCodeConfiguration"]["CodeContent"]["S3ContentLocation"]
        s3 = self._clients.role("s3", role, application["ApplicationARN"])
        bucket = place["BucketARN"].rsplit(":", 1)[-1]
        folder = self._folder / name
        folder.mkdir(parents=True, exist_ok=True)
        packed = folder / "code.zip"
        packed.write_bytes(s3.get_object(Bucket=bucket, Key=place["FileKey"])["Body"].read())
        with zipfile.ZipFile(packed) as archive:
            archive.extractall(folder / "code")
        settings = configuration.get("FlinkApplicationConfiguration", {})
        checkpoints = settings.get("CheckpointConfiguration", {})
        # the service keeps state in RocksDB, whatever a program says (its page reference-flink-settings)
        parallelism = settings.get("ParallelismConfiguration", {}).get("Parallelism", 1)
        own = {"state.backend.type": "rocksdb", "parallelism.default": str(parallelism)}
        if interval := checkpoints.get("CheckpointInterval"):
            own["execution.checkpointing.interval"] = duration(interval)
        if pause := checkpoints.get("MinPauseBetweenCheckpoints"):
            own["execution.checkpointing.min-pause"] = duration(pause)
        code = folder / "code"
        return FlinkJob(
            folder / "job",
            (code / options["python"]).resolve(),
            {name: _plain(properties) for name, properties in groups.items()},
            jars=[code / jar for jar in (options.get("jarfile"),) if jar],
            configuration=own,
        )

    def _topic_names(self) -> tuple[str, ...]:
        asked = self._topics
        return (asked.brokers, asked.consumer_group, *asked.reads, *asked.writes)

    def _judge_topics(self, role: str, application_arn: str, kafka: Mapping[str, str]) -> None:
        """What the job does with the cluster: the topics that it reads and writes."""
        cluster = self._clusters.cluster_at(kafka[self._topics.brokers])
        key = self._clients.open_session(role, application_arn)["AWS_ACCESS_KEY_ID"]
        group = kafka[self._topics.consumer_group]
        needs = [need for name in self._topics.reads for need in reading(cluster, kafka[name], group)]
        needs += [need for name in self._topics.writes for need in writing(cluster, kafka[name])]
        for action, resource in dict.fromkeys(needs):
            self._judge(key, action, resource, None)

    def _find(self, name: str) -> dict[str, Any]:
        if name not in self._applications:
            raise ServiceError("ResourceNotFoundException", f"application {name} does not exist")
        return self._applications[name]

    def _shown(self, name: str) -> dict[str, Any]:
        application = self._find(name)
        names = (
            *("ApplicationARN", "ApplicationDescription", "ApplicationName", "RuntimeEnvironment"),
            *("ServiceExecutionRole", "ApplicationStatus", "ApplicationVersionId", "CreateTimestamp"),
        )
        shown = {key: application[key] for key in names if application.get(key) is not None}
        failure = application.get("Failure")
        return {**shown, "ApplicationDescription": failure[:1024]} if failure else shown


class _Starting:
    """A start under way, which can be ended.

    Args:
        start: told by an event that it is to end.
    """

    def __init__(self, start: Callable[[threading.Event], None]) -> None:
        self._ended = threading.Event()
        self._thread = threading.Thread(target=start, args=(self._ended,), daemon=True)
        self._thread.start()

    def end(self, job: Callable[[], FlinkJob | None]) -> None:
        """Ends it, whatever it is at; a start that is over stays as it is."""
        self._ended.set()
        while self._thread.is_alive():
            if started := job():
                started.kill()
            self._thread.join(0.1)


def _updated(known: dict[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration with an update: each member of the one is called as in the other, with `Update` behind it.

    >>> _updated({"Checkpoint": {"Interval": 1, "Pause": 2}}, {"CheckpointUpdate": {"IntervalUpdate": 3}})
    {'Checkpoint': {'Interval': 3, 'Pause': 2}}
    """
    merged = dict(known)
    for name, value in given.items():
        plain = _OTHERWISE_CALLED.get(name, name.removesuffix("Update"))
        if name not in _OTHERWISE_CALLED and plain == name:
            raise ServiceError("UnsupportedOperationException", f"an update of {name} is not implemented here")
        whole = name in _OTHERWISE_CALLED or not isinstance(value, dict)
        merged[plain] = value if whole else _updated(known.get(plain, {}), value)
    return merged


def _plain(properties: Mapping[str, str]) -> dict[str, str]:
    """Without the security settings of Kafka clients: the broker here has no TLS."""
    security = ("properties.security.", "properties.sasl.", "properties.ssl.")
    return {key: value for key, value in properties.items() if not key.startswith(security)}


def service(applications: Applications) -> Service:
    """The service, with what each operation needs the caller to be allowed."""
    verbs = ("Create", "Describe", "Start", "Stop", "Update", "Delete")

    def on_application(verb: str) -> Any:
        action = f"kinesisanalytics:{verb}Application"
        return lambda given: [(action, arn("kinesisanalytics", f"application/{given['ApplicationName']}"))]

    needs = {f"{verb}Application": on_application(verb) for verb in verbs}
    needs["ListApplications"] = lambda _: [("kinesisanalytics:ListApplications", "*")]
    return Service(Wire("kinesisanalyticsv2"), (applications,), needs)
