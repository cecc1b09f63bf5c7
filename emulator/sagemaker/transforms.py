"""Transform jobs: a model is served as an endpoint's is, and asked about every object; the answers are written as `KEY.out`.

Page *batch-transform*: an object of which one request fails has no output, the others go on, and the job has failed.
"""

from __future__ import annotations

import contextlib
import logging
import shutil
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import urllib3
from botocore.exceptions import BotoCoreError, ClientError

from emulator.clients import Clients
from emulator.clock import now
from emulator.errors import ServiceError
from emulator.protocol.service import Judge
from emulator.sagemaker.containers import Acting, reason, split_uri
from emulator.sagemaker.listing import Listing
from emulator.sagemaker.records import Records
from emulator.sagemaker.served_model import serve
from emulator.sagemaker.serving_process import ServingProcess

MIB = 1024 * 1024
_PAYLOAD_MB, _TIMEOUT_S, _RETRIES = 6, 600, 3
"""Pages *API_CreateTransformJob* and *API_ModelClientConfig*: the defaults."""
_LIST = Listing(
    kind="TransformJob",
    answer="TransformJobSummaries",
    members=("LastModifiedTime", "TransformJobStatus", "TransformEndTime", "FailureReason"),
    order="Ascending",
)
_log = logging.getLogger(__name__)


class _RequestError(Exception):
    """A request that failed, or could not be made; the text says which and why."""


class Transforms:
    """The operations on transform jobs.

    Args:
        folder: each job gets a folder below it while it runs; logs stay.
        clients, judge: what a job does is done, and judged, in the name of its model's role.
        images: {repository: the Python that stands in for its images}.
        models: the models.
    """

    def __init__(
        self, folder: Path, clients: Clients, judge: Judge, images: Mapping[str, str], models: Records
    ) -> None:
        self._folder, self._clients, self._judge, self._images = folder, clients, judge, images
        self._models, self._jobs = models, Records("transform-job", "TransformJob")
        self._serving: dict[str, ServingProcess] = {}
        self._lock = threading.Lock()

    def create_transform_job(self, **given: Any) -> dict[str, Any]:
        _check(given)
        model = self._models.get(given["ModelName"])
        record = self._jobs.add(given["TransformJobName"], given)
        record["TransformJobStatus"] = "InProgress"
        name = record["TransformJobName"]
        threading.Thread(target=self._run, args=(record, dict(model)), name=name, daemon=True).start()
        return {"TransformJobArn": record["TransformJobArn"]}

    def describe_transform_job(self, TransformJobName: str) -> dict[str, Any]:
        return dict(self._jobs.get(TransformJobName))

    def list_transform_jobs(self, **given: Any) -> dict[str, Any]:
        return _LIST.page(self._jobs.all(), given)

    def stop_transform_job(self, TransformJobName: str) -> None:
        record = self._jobs.get(TransformJobName)
        with self._lock:
            if record["TransformJobStatus"] != "InProgress":
                raise ServiceError("ValidationException", f"{TransformJobName} is not running")
            record["TransformJobStatus"] = "Stopping"
            serving = self._serving.get(TransformJobName)
        if serving:
            serving.end()

    def stop(self) -> None:
        """Ends every job."""
        for record in self._jobs.all():
            if record["TransformJobStatus"] == "InProgress":
                with contextlib.suppress(ServiceError):
                    self.stop_transform_job(record["TransformJobName"])

    def processes(self) -> dict[str, list[int]]:
        """{job: the process group of its model}."""
        return {name: [one.process.pid] for name, one in list(self._serving.items()) if one.process.running}

    def _run(self, record: dict[str, Any], model: dict[str, Any]) -> None:
        name, why = record["TransformJobName"], ""
        folder, taken_by = self._folder / name, record["TransformJobArn"]
        acting = Acting(self._clients, self._judge, model["ExecutionRoleArn"], name, taken_by, self._images)
        record["TransformStartTime"] = now()
        try:
            serving = serve(model, "transform", acting, folder, lambda *_: None, _variables(record))
            with self._lock:
                self._serving[name] = serving
            try:
                why = self._transform(record, acting, serving)
            finally:
                with self._lock:
                    del self._serving[name]
                serving.end(grace_s=5)
        except Exception as error:  # noqa: BLE001 - whatever it is, the job has failed and says so
            if not self._stopping(record):
                _log.exception("transform job %s failed", name)
            why = reason(error)
        for path in folder.iterdir() if folder.exists() else ():
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
        with self._lock:
            status = "Stopped" if self._stopping(record) else "Failed" if why else "Completed"
            if status == "Failed":
                record["FailureReason"] = why[:1000]
            record["TransformEndTime"] = record["LastModifiedTime"] = now()
            # last: whoever waits for the end finds everything else in place
            record["TransformJobStatus"] = status

    def _stopping(self, record: dict[str, Any]) -> bool:
        return bool(record["TransformJobStatus"] == "Stopping")

    def _transform(self, record: dict[str, Any], acting: Acting, serving: ServingProcess) -> str:
        """Does all objects; what went wrong with the first one that failed."""
        source = record["TransformInput"]["DataSource"]["S3DataSource"]["S3Uri"]
        output = record["TransformOutput"]
        (bucket, prefix), (there, place) = split_uri(source), split_uri(output["S3OutputPath"])
        at_once = int(record.get("MaxConcurrentTransforms") or 1)
        asking = _Asking(record, serving.url, at_once)

        def one(key: str) -> str:
            if self._stopping(record):
                return "stopped"
            try:
                answer = asking.about(acting.fetch(f"s3://{bucket}/{key}"))
                inner = "/".join(part for part in (place.strip("/"), f"{_below(prefix, key)}.out") if part)
                acting.put(there, inner, answer, output.get("KmsKeyId"))
            except _RequestError as error:
                return f"ClientError: s3://{bucket}/{key}: {error}"
            except (ServiceError, ClientError, BotoCoreError) as error:
                return f"ClientError: s3://{bucket}/{key}: {reason(error)}"
            return ""

        with ThreadPoolExecutor(at_once) as pool:
            failed = [says for says in pool.map(one, acting.keys(source)) if says]
        return failed[0] if failed else ""


class _Asking:
    """Requests to a model, as a job makes them."""

    def __init__(self, record: dict[str, Any], url: str, at_once: int) -> None:
        given, client = record["TransformInput"], record.get("ModelClientConfig") or {}
        self._url = f"{url}/invocations"
        self._most = int(record.get("MaxPayloadInMB", _PAYLOAD_MB)) * MIB
        self._lines, self._single = given.get("SplitType") == "Line", record.get("BatchStrategy") == "SingleRecord"
        self._joined_by = b"\n" if record["TransformOutput"].get("AssembleWith") == "Line" else b""
        accept = record["TransformOutput"].get("Accept")
        self._headers = {
            **({"Content-Type": given["ContentType"]} if given.get("ContentType") else {}),
            **({"Accept": accept} if accept else {}),
        }
        self._retries = int(client.get("InvocationsMaxRetries", _RETRIES))
        timeout_s = client.get("InvocationsTimeoutInSeconds", _TIMEOUT_S)
        self._pool = urllib3.PoolManager(maxsize=at_once, retries=False, timeout=timeout_s)

    def about(self, body: bytes) -> bytes:
        """What is written for an object.

        Raises:
            _RequestError: a request fails.
        """
        return b"".join(self._answer(part) + self._joined_by for part in self._requests(body))

    def _requests(self, body: bytes) -> Iterator[bytes]:
        if not self._lines:
            yield self._checked(body)
            return
        # the end of a line is no part of a record, but stands between several
        records = [self._checked(line) for line in body.split(b"\n") if line.strip()]
        held: list[bytes] = []
        size = 0
        for record in records:
            if held and (self._single or (self._most and size + len(record) + 1 > self._most)):
                yield b"\n".join(held)
                held, size = [], 0
            held.append(record)
            size += len(record) + 1
        if held:
            yield b"\n".join(held)

    def _checked(self, record: bytes) -> bytes:
        """A record that a request may hold; a limit of 0 is none."""
        if self._most and len(record) > self._most:
            raise _RequestError(f"a record of {len(record)} bytes; allowed: at most {self._most} (MaxPayloadInMB)")
        return record

    def _answer(self, body: bytes) -> bytes:
        for left in range(self._retries, -1, -1):
            try:
                answer = self._pool.request("POST", self._url, body=body, headers=self._headers)
            except urllib3.exceptions.HTTPError as error:
                says, final = f"no answer: {error}", False
            else:
                if answer.status == 200:
                    return bytes(answer.data)
                says = f"HTTP {answer.status}: {answer.data[:500].decode(errors='replace')}"
                final = answer.status < 500
            if final or not left:
                raise _RequestError(says)
        raise AssertionError("unreachable")


def _check(given: dict[str, Any]) -> None:
    for name in ("DataProcessing", "DataCaptureConfig", "ExperimentConfig"):
        if given.get(name):
            raise ServiceError("NotImplementedException", f"a transform job's {name} is not implemented here", 501)
    source = given["TransformInput"]
    kinds = {
        "S3DataType": (source["DataSource"]["S3DataSource"]["S3DataType"], ("S3Prefix",)),
        "CompressionType": (source.get("CompressionType", "None"), ("None",)),
        "SplitType": (source.get("SplitType", "None"), ("None", "Line")),
    }
    for name, (value, here) in kinds.items():
        if value not in here:
            raise ServiceError("NotImplementedException", f"{name} {value} is not implemented here", 501)


def _variables(record: dict[str, Any]) -> dict[str, str]:
    """The container's variables: page *your-algorithms-batch-code*."""
    return {
        "SAGEMAKER_BATCH": "true",
        "SAGEMAKER_MAX_PAYLOAD_IN_MB": str(record.get("MaxPayloadInMB", _PAYLOAD_MB)),
        "SAGEMAKER_BATCH_STRATEGY": record.get("BatchStrategy", "MultiRecord").upper().replace("RECORD", "_RECORD"),
        "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS": str(record.get("MaxConcurrentTransforms") or 1),
        **record.get("Environment", {}),
    }


def _below(prefix: str, key: str) -> str:
    """Where below the output an object's answer goes.

    >>> _below("in", "in/day/a.csv"), _below("in/", "in/a.csv"), _below("in/a", "in/a.csv")
    ('day/a.csv', 'a.csv', 'a.csv')
    """
    folder = f"{prefix.rstrip('/')}/"
    return key.removeprefix(folder) if key.startswith(folder) else key[prefix.rfind("/") + 1 :]
