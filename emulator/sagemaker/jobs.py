"""Training and processing jobs: real programs, run to their end in processes of their own.

Nothing is Completed that failed or was stopped, whatever it was at.
"""

from __future__ import annotations

import contextlib
import json
import logging
import shutil
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from emulator.clients import Clients
from emulator.clock import now
from emulator.errors import ServiceError
from emulator.protocol.service import Judge
from emulator.sagemaker.containers import Acting, container, pack, reason
from emulator.sagemaker.listing import Listing
from emulator.sagemaker.records import Records
from emulator.sagemaker.script_mode import started_by
from engines.processes import Process, ProcessError

_TRAINING = Listing(
    kind="TrainingJob",
    answer="TrainingJobSummaries",
    members=("LastModifiedTime", "TrainingJobStatus", "SecondaryStatus", "TrainingEndTime"),
    order="Ascending",
)
_PROCESSING = Listing(
    kind="ProcessingJob",
    answer="ProcessingJobSummaries",
    members=("LastModifiedTime", "ProcessingJobStatus", "ProcessingEndTime", "FailureReason"),
    order="Ascending",
)

_log = logging.getLogger(__name__)


class _StoppedError(Exception):
    """The job was told to stop."""


class Jobs:
    """The operations on jobs.

    Args:
        folder: each job gets a folder below it while it runs; logs stay.
        clients, judge: what a job does is done, and judged, in the name of its role.
        images: {repository: the Python that stands in for its images}.
        programs: {a program that containers start: the Python that stands in for it}, where it is not the image's.
    """

    def __init__(
        self, folder: Path, clients: Clients, judge: Judge, images: Mapping[str, str], programs: Mapping[str, str]
    ) -> None:
        self._folder, self._clients, self._judge = folder, clients, judge
        self._images, self._programs = images, programs
        self.training, self.processing = (
            Records("training-job", "TrainingJob"),
            Records("processing-job", "ProcessingJob"),
        )
        self._running: dict[str, Process] = {}
        self._lock = threading.Lock()

    def create_training_job(self, **given: Any) -> dict[str, Any]:
        record = self.training.add(given["TrainingJobName"], given)
        record |= {
            "TrainingJobStatus": "InProgress",
            "SecondaryStatus": "Starting",
            "ModelArtifacts": {"S3ModelArtifacts": f"{_output(record)}/model.tar.gz"},
        }
        self._start(record, "Training", self._train)
        return {"TrainingJobArn": record["TrainingJobArn"]}

    def describe_training_job(self, TrainingJobName: str) -> dict[str, Any]:
        return dict(self.training.get(TrainingJobName))

    def list_training_jobs(self, **given: Any) -> dict[str, Any]:
        return _TRAINING.page(self.training.all(), given)

    def stop_training_job(self, TrainingJobName: str) -> None:
        self._stop(self.training.get(TrainingJobName), "Training")

    def log(self, name: str) -> str:
        """What the container of a job has said so far."""
        path = self._folder / name / "log"
        return path.read_text(errors="replace") if path.is_file() else ""

    def create_processing_job(self, **given: Any) -> dict[str, Any]:
        record = self.processing.add(given["ProcessingJobName"], given)
        record["ProcessingJobStatus"] = "InProgress"
        self._start(record, "Processing", self._process)
        return {"ProcessingJobArn": record["ProcessingJobArn"]}

    def describe_processing_job(self, ProcessingJobName: str) -> dict[str, Any]:
        return dict(self.processing.get(ProcessingJobName))

    def list_processing_jobs(self, **given: Any) -> dict[str, Any]:
        return _PROCESSING.page(self.processing.all(), given)

    def stop_processing_job(self, ProcessingJobName: str) -> None:
        self._stop(self.processing.get(ProcessingJobName), "Processing")

    def stop(self) -> None:
        """Ends every running job."""
        for records, kind in ((self.training, "Training"), (self.processing, "Processing")):
            for record in records.all():
                if record[f"{kind}JobStatus"] == "InProgress":
                    record[f"{kind}JobStatus"] = "Stopping"
        for process in list(self._running.values()):
            process.kill()

    def _start(self, record: dict[str, Any], kind: str, work: Callable[[dict[str, Any], Acting, Path], None]) -> None:
        name = record[f"{kind}JobName"]
        acting = Acting(self._clients, self._judge, record["RoleArn"], name, record[f"{kind}JobArn"], self._images)

        def run() -> None:
            folder = self._folder / name
            why = None
            record[f"{kind}StartTime"] = now()
            try:
                folder.mkdir(parents=True)
                work(record, acting, folder)
                self._tidy(folder)
            except Exception as error:  # noqa: BLE001 - whatever it is, the job has failed and says so
                if not _stopping(record):
                    _log.exception("job %s failed", name)
                    why = reason(error)
                with contextlib.suppress(OSError):
                    self._tidy(folder)
            with self._lock:
                status = "Stopped" if _stopping(record) else "Failed" if why else "Completed"
                if status == "Failed":
                    record["FailureReason"] = why
                record[f"{kind}EndTime"] = record["LastModifiedTime"] = now()
                if kind == "Training":
                    record["SecondaryStatus"] = status
                # last: whoever waits for the end finds everything else in place
                record[f"{kind}JobStatus"] = status

        threading.Thread(target=run, name=name, daemon=True).start()

    def _stop(self, record: dict[str, Any], kind: str) -> None:
        name = record[f"{kind}JobName"]
        with self._lock:
            if record[f"{kind}JobStatus"] != "InProgress":
                raise ServiceError("ValidationException", f"{name} is not running")
            record[f"{kind}JobStatus"] = "Stopping"
        if process := self._running.get(name):
            process.kill()

    def _tidy(self, folder: Path) -> None:
        for path in folder.iterdir() if folder.exists() else ():
            if path.is_dir():
                shutil.rmtree(path)

    def _train(self, record: dict[str, Any], acting: Acting, folder: Path) -> None:
        algorithm = record["AlgorithmSpecification"]
        python = acting.pull(algorithm["TrainingImage"])
        for place in ("model", "output/data", "input/config"):
            (folder / place).mkdir(parents=True)
        parameters = record.get("HyperParameters", {})
        (folder / "input" / "config" / "hyperparameters.json").write_text(json.dumps(parameters))
        channels = {}
        for channel in record.get("InputDataConfig", []):
            _go_on(record)
            name = channel["ChannelName"]
            acting.download(channel["DataSource"]["S3DataSource"]["S3Uri"], folder / "input" / "data" / name)
            channels[f"SM_CHANNEL_{name.upper()}"] = f"/opt/ml/input/data/{name}"
        variables = {
            **channels,
            "SM_MODEL_DIR": "/opt/ml/model",
            "SM_OUTPUT_DATA_DIR": "/opt/ml/output/data",
            "SM_HPS": json.dumps(parameters),
            "SM_NUM_GPUS": "0",
            "SM_CURRENT_HOST": "algo-1",
            "SM_HOSTS": '["algo-1"]',
            "TRAINING_JOB_NAME": record["TrainingJobName"],
            **record.get("Environment", {}),
        }
        entry = algorithm.get("ContainerEntrypoint")
        argv = [*entry, *algorithm.get("ContainerArguments", [])] if entry else started_by(parameters, folder)
        record["SecondaryStatus"] = "Training"
        isolated = bool(record.get("EnableNetworkIsolation"))
        process = container(record["TrainingJobName"], argv, variables, acting, folder, python, isolated=isolated)
        self._run(record["TrainingJobName"], process, record)
        record["SecondaryStatus"] = "Uploading"
        packed = folder / "packed"
        packed.mkdir()
        pack(folder / "model", packed / "model.tar.gz")
        acting.upload(packed, _output(record), record["OutputDataConfig"].get("KmsKeyId"))

    def _process(self, record: dict[str, Any], acting: Acting, folder: Path) -> None:
        specification = record["AppSpecification"]
        pulled = acting.pull(specification["ImageUri"])
        if not specification.get("ContainerEntrypoint"):
            raise ServiceError("ValidationException", "only processing jobs with a ContainerEntrypoint run here")
        for given in record.get("ProcessingInputs", []):
            _go_on(record)
            source = given.get("S3Input")
            if source is None:
                raise ServiceError("ValidationException", f"{given['InputName']}: only S3 inputs are implemented here")
            acting.download(source["S3Uri"], _below(folder, source["LocalPath"]))
        outputs = record.get("ProcessingOutputConfig", {}).get("Outputs", [])
        for wanted in outputs:
            _below(folder, wanted["S3Output"]["LocalPath"]).mkdir(parents=True, exist_ok=True)
        argv = [*specification["ContainerEntrypoint"], *specification.get("ContainerArguments", [])]
        name = record["ProcessingJobName"]
        isolated = bool(record.get("NetworkConfig", {}).get("EnableNetworkIsolation"))
        python = Path(self._programs.get(Path(argv[0]).name, pulled))
        process = container(name, argv, record.get("Environment", {}), acting, folder, python, isolated=isolated)
        self._run(name, process, record)
        kms_key = record.get("ProcessingOutputConfig", {}).get("KmsKeyId")
        for wanted in outputs:
            _go_on(record)
            place = wanted["S3Output"]
            acting.upload(_below(folder, place["LocalPath"]), place["S3Uri"], kms_key)

    def _run(self, name: str, process: Process, record: dict[str, Any]) -> None:
        self._running[name] = process
        try:
            _go_on(record)
            process.start()
            _go_on(record)  # a stop in between has found no process to end
            code = process.wait(record.get("StoppingCondition", {}).get("MaxRuntimeInSeconds", 86_400))
        finally:
            process.kill()
            del self._running[name]
        if code:
            raise ProcessError(f"AlgorithmError: exit status {code}: {process.log_tail()}")
        _go_on(record)


def _stopping(record: dict[str, Any]) -> bool:
    return "Stopping" in (record.get("TrainingJobStatus"), record.get("ProcessingJobStatus"))


def _go_on(record: dict[str, Any]) -> None:
    if _stopping(record):
        raise _StoppedError


def _output(record: dict[str, Any]) -> str:
    """Where a training job's model goes, without the file's name."""
    return f"{record['OutputDataConfig']['S3OutputPath'].rstrip('/')}/{record['TrainingJobName']}/output"


def _below(folder: Path, container_path: str) -> Path:
    return folder / container_path.removeprefix("/opt/ml").lstrip("/")
