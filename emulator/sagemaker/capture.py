"""An endpoint's captured requests and answers, in S3 as SageMaker writes them: a share of them, some time after they came."""

from __future__ import annotations

import base64
import json
import logging
import random
import threading
import uuid
from typing import Any

from emulator.account import arn
from emulator.clients import Clients
from emulator.clock import now
from emulator.sagemaker.containers import split_uri

MOST = 200
EVERY_S = 10.0

_log = logging.getLogger(__name__)


class Capture:
    """Captures what an endpoint is asked and answers.

    Args:
        clients, role_arn: objects are written in the name of the model's role.
        endpoint, variant: their names.
        config: the endpoint configuration's DataCaptureConfig.
    """

    def __init__(self, clients: Clients, role_arn: str, endpoint: str, variant: str, config: dict[str, Any]) -> None:
        self._clients, self._role, self._config = clients, role_arn, config
        self._taken_by = arn("sagemaker", f"endpoint/{endpoint}")
        self._bucket, prefix = split_uri(config["DestinationS3Uri"])
        self._folder = "/".join(part for part in (prefix.strip("/"), endpoint, variant) if part)
        self._share = config["InitialSamplingPercentage"] / 100
        self._modes = {one["CaptureMode"] for one in config["CaptureOptions"]}
        self._lines: list[str] = []
        self._lock, self._full, self._ended = threading.Lock(), threading.Event(), False
        threading.Thread(target=self._write, name=f"capture of {endpoint}", daemon=True).start()

    def keep(self, asked: bytes, asked_type: str, answered: bytes, answered_type: str) -> None:
        """Keeps a request and its answer, if they are in the share."""
        if random.random() >= self._share:  # noqa: S311 - a sample, no secret
            return
        data = {}
        for mode, content, kind in (("Input", asked, asked_type), ("Output", answered, answered_type)):
            if mode in self._modes:
                told = {"observedContentType": kind, "mode": mode.upper(), **self._encoded(content, kind)}
                data[f"endpoint{mode}"] = told
        event = {"eventId": str(uuid.uuid4()), "inferenceTime": f"{now():%Y-%m-%dT%H:%M:%SZ}"}
        line = json.dumps({"captureData": data, "eventMetadata": event, "eventVersion": "0"})
        with self._lock:
            self._lines.append(line)
            if len(self._lines) >= MOST:
                self._full.set()

    def end(self, *, write: bool = True) -> None:
        """Captures no more; what is kept is written, or dropped."""
        self._ended = True
        self._full.set()
        if write:
            self.flush()

    def flush(self) -> None:
        """Writes what is kept."""
        with self._lock:
            lines, self._lines = self._lines, []
        if not lines:
            return
        key = f"{self._folder}/{now():%Y/%m/%d/%H/%M-%S}-{uuid.uuid4()}.jsonl"
        kms_key = self._config.get("KmsKeyId")
        encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": kms_key} if kms_key else {}
        try:
            s3 = self._clients.role("s3", self._role, self._taken_by, "capture")
            s3.put_object(
                Bucket=self._bucket, Key=key, Body="".join(f"{one}\n" for one in lines).encode(), **encryption
            )
        except Exception:  # noqa: BLE001 - the endpoint serves on without it, as in the cloud
            _log.exception("%s: %d captured requests were not written", self._folder, len(lines))

    def _encoded(self, content: bytes, kind: str) -> dict[str, str]:
        headers = self._config.get("CaptureContentTypeHeader") or {}
        for encoding in ("Csv", "Json"):
            if kind in headers.get(f"{encoding}ContentTypes", []):
                return {"data": content.decode(errors="replace"), "encoding": encoding.upper()}
        return {"data": base64.b64encode(content).decode(), "encoding": "BASE64"}

    def _write(self) -> None:
        while not self._ended:
            self._full.wait(EVERY_S)
            self._full.clear()
            if not self._ended:
                self.flush()
