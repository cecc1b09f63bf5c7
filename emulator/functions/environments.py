"""Functions as processes: each under Lambda's own runtime client, with the template's environment, memory and time-out.

A process serves one request at a time and is kept warm for the next. It sees its code, the libraries of its own layers as this
machine has them (`emulator.functions.layers`), and no other variables than the template's and those that the service sets.
"""

from __future__ import annotations

import io
import json
import logging
import queue
import shutil
import threading
import time
import uuid
import zipfile
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import chain
from pathlib import Path
from typing import Any

import psutil

from emulator.counts import Counts
from emulator.functions.layers import LayerError, Layers
from engines.processes import Process

START_TIMEOUT_S = 60
"""More than Lambda's ten seconds: this machine has fewer cores for everything at once."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Function:
    """What the template says of a function, and who it is.

    Attributes:
        code: the asset's zip.
        code_digest: of the code.
        timeout_s, memory_mb: its limits.
        environment: the template's variables.
        credentials: AWS_ACCESS_KEY_ID and so on, of a session of its role.
        layers: {ARN: zip} of its layers, in their order.
    """

    name: str
    arn: str
    version: str
    handler: str
    runtime: str
    code: bytes
    code_digest: str
    timeout_s: float
    memory_mb: int
    environment: Mapping[str, str]
    credentials: Mapping[str, str]
    region: str
    layers: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def identity(self) -> tuple[str, str]:
        """Which function it is, however it changes."""
        return self.arn, self.version

    @property
    def key(self) -> str:
        """Another one needs processes of its own."""
        named = [*self.identity, self.code_digest, self.handler, self.timeout_s, self.memory_mb, list(self.layers)]
        return json.dumps([*named, self.credentials["AWS_ACCESS_KEY_ID"], dict(self.environment)], sort_keys=True)


@dataclass(frozen=True)
class Outcome:
    """What an invocation gave.

    Attributes:
        payload: the handler's JSON, or the error's.
        failed: whether it is an error.
        log: what the function printed meanwhile.
    """

    payload: bytes
    failed: bool
    log: str


def refused(kind: str, why: str, log: str) -> Outcome:
    """An invocation that failed for a reason of the service's own."""
    return Outcome(json.dumps({"errorType": kind, "errorMessage": why}).encode(), True, log)


class _RuntimeApi(BaseHTTPRequestHandler):
    """The Lambda Runtime API of one process: GET .../next waits for a request, POST .../response or .../error answers it."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    worker: Worker

    def do_GET(self) -> None:
        request = self.worker.requests.get()
        if request is None:
            self.close_connection = True
            return
        request_id, body = request
        self.worker.handed_over = time.monotonic()
        deadline_ms = int((time.time() + self.worker.function.timeout_s) * 1000)
        headers = {
            "Lambda-Runtime-Aws-Request-Id": request_id,
            "Lambda-Runtime-Deadline-Ms": str(deadline_ms),
            "Lambda-Runtime-Invoked-Function-Arn": self.worker.function.arn,
            "Content-Type": "application/json",
        }
        self._answer(200, headers, body)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.worker.outcomes.put((body, not self.path.endswith("/response")))
        self._answer(202, {}, b"")

    def _answer(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Silent."""


class Worker:
    """One process of a function.

    Args:
        folder: its code and its log, while it is.
        libraries: where it imports from beside its code.
        endpoint: the address of the emulated AWS.
        python: runs it.
    """

    def __init__(self, function: Function, folder: Path, libraries: list[Path], endpoint: str, python: Path) -> None:
        self.function, self._folder, self._libraries = function, folder, libraries
        self.requests: queue.Queue[tuple[str, bytes] | None] = queue.Queue()
        self.outcomes: queue.Queue[tuple[bytes, bool]] = queue.Queue()
        self.handed_over = float("inf")
        self._children: list[psutil.Process] = []
        self._api = ThreadingHTTPServer(("127.0.0.1", 0), type("Api", (_RuntimeApi,), {"worker": self}))
        self._api.daemon_threads = True
        threading.Thread(target=self._api.serve_forever, kwargs={"poll_interval": 0.2}, daemon=True).start()
        code = folder / "code"
        zipfile.ZipFile(io.BytesIO(function.code)).extractall(code)
        self._process = Process(
            f"function {function.name}",
            # without `site`, so that nothing but the code and the layers can be imported
            [python, "-S", "-m", "awslambdaric", function.handler],
            self._environment(code, endpoint),
            log_path=folder / "log",
            folder=code,
            inherit=False,
        )
        self._process.start()

    @property
    def running(self) -> bool:
        return self._process.running

    @property
    def pid(self) -> int:
        """The id of its process group."""
        return self._process.pid

    def invoke(self, event: bytes) -> Outcome:
        """Hands an event to the handler and waits for its answer, within the function's limits."""
        request_id, log_from = str(uuid.uuid4()), self._log_size()
        self.handed_over, asked = float("inf"), time.monotonic()
        self.requests.put((request_id, event))
        while True:
            try:
                payload, failed = self.outcomes.get(timeout=0.05)
                break
            except queue.Empty:
                broken = self._broken_limit(asked)
            if broken:
                self._process.kill()
                kind, what = broken
                message = {"errorType": kind, "errorMessage": f"RequestId: {request_id} Error: {what}"}
                payload, failed = json.dumps(message).encode(), True
                break
        return Outcome(payload, failed, self._log_since(log_from))

    def stop(self) -> None:
        """Ends the process and removes its folder."""
        self._process.kill()
        self.requests.put(None)
        self._api.shutdown()
        self._api.server_close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _broken_limit(self, asked: float) -> tuple[str, str] | None:
        if not self._process.running:
            return "Runtime.ExitError", "Runtime exited without providing a reason"
        # The handler's time counts, not the start of its process, which has a limit of its own.
        if min(self.handed_over - asked, time.monotonic() - asked) > START_TIMEOUT_S:
            return "Sandbox.Timedout", f"the process had not started after {START_TIMEOUT_S} s"
        if time.monotonic() - self.handed_over > self.function.timeout_s:
            return "Sandbox.Timedout", f"Task timed out after {self.function.timeout_s:.2f} seconds"
        if self._memory_mb() > self.function.memory_mb:
            return "Runtime.OutOfMemory", f"Runtime exited with error: signal: killed ({self.function.memory_mb} MB)"
        return None

    def _memory_mb(self) -> float:
        try:
            if not self._children:  # found once: to look for them is to look at every process
                self._children = psutil.Process(self._process.pid).children(recursive=True)
            return float(sum(child.memory_info().rss for child in self._children) / 2**20)
        except psutil.NoSuchProcess:
            return 0

    def _environment(self, code: Path, endpoint: str) -> dict[str, str]:
        function = self.function
        host, port = self._api.server_address[:2]
        return {
            **function.environment,
            **function.credentials,
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "LANG": "en_US.UTF-8",
            "TZ": ":UTC",
            "PYTHONPATH": ":".join(str(path) for path in (code, *self._libraries)),
            "PYTHONDONTWRITEBYTECODE": "1",
            "LAMBDA_TASK_ROOT": str(code),
            "AWS_REGION": function.region,
            "AWS_DEFAULT_REGION": function.region,
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{function.runtime}",
            "AWS_LAMBDA_FUNCTION_NAME": function.name,
            "AWS_LAMBDA_FUNCTION_VERSION": function.version,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
            "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{function.name}",
            "AWS_LAMBDA_LOG_STREAM_NAME": uuid.uuid4().hex,
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_RUNTIME_API": f"{host!s}:{port}",
            "_HANDLER": function.handler,
        }

    def _log_size(self) -> int:
        path = self._process.log_path
        return path.stat().st_size if path.exists() else 0

    def _log_since(self, offset: int) -> str:
        if not self._process.log_path.exists():
            return ""  # it was stopped meanwhile
        with self._process.log_path.open("rb") as log:
            log.seek(offset)
            return log.read().decode(errors="replace")


@dataclass
class Functions:
    """All functions' processes.

    Args:
        folder: each process gets a folder below it.
        endpoint: the address of the emulated AWS.
        python: runs them; its packages stand in for those of their layers.
        after: asked once a function has answered what it did beside its calls; its sentence fails the invocation.
        calls: of each function, by its name.
    """

    folder: Path
    endpoint: str
    python: Path
    after: Callable[[Function], str | None] = lambda _: None
    calls: Counts = field(default_factory=Counts)
    _idle: dict[str, list[Worker]] = field(default_factory=lambda: defaultdict(list))
    _keys: dict[tuple[str, str], str] = field(default_factory=dict)
    _busy: set[Worker] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _stopped: bool = False

    def __post_init__(self) -> None:
        packages = sorted((self.python.parents[1] / "lib").glob("python3.*/site-packages"))
        self._layers = Layers(self.folder / "layers", packages)

    def invoke(self, function: Function, event: bytes) -> Outcome:
        """Runs the function once, in a warm process or a new one.

        The number of processes follows the number of calls at a time; the service's own concurrency limits come before.
        """
        key = function.key
        try:
            worker = self._take(function, key)
        except LayerError as error:
            return refused("Runtime.ImportError", str(error), "")
        self.calls.add(function.name)
        try:
            outcome = worker.invoke(event)
        finally:
            with self._lock:
                self._busy.discard(worker)
                kept = worker.running and not self._stopped and self._keys[function.identity] == key
                if kept:
                    self._idle[key].append(worker)
            if not kept:
                self._discard(worker)
        if denied := self.after(function):
            return refused("AccessDeniedException", denied, outcome.log)
        return outcome

    def processes(self) -> dict[str, list[int]]:
        """{function: the process groups of its environments}."""
        found: dict[str, list[int]] = defaultdict(list)
        with self._lock:
            for worker in (*self._busy, *chain.from_iterable(self._idle.values())):
                if worker.running:
                    found[worker.function.name].append(worker.pid)
        return dict(found)

    def stop(self) -> None:
        """Ends every process."""
        with self._lock:
            self._stopped = True
            workers = [*self._busy, *chain.from_iterable(self._idle.values())]
        for worker in workers:
            worker.stop()

    def _discard(self, worker: Worker) -> None:
        if not self._stopped and not worker.running:
            _log.warning("function %s: a process has ended; the next call gets a new one", worker.function.name)
        worker.stop()

    def _take(self, function: Function, key: str) -> Worker:
        for worker in self._outdated(function, key):
            worker.stop()
        while True:
            with self._lock:
                warm = self._idle[key].pop() if self._idle[key] else None
                if warm and warm.running:
                    self._busy.add(warm)
                    return warm
            if warm is None:
                break
            self._discard(warm)
        folder = self.folder / f"{function.name[:40]}-{uuid.uuid4().hex[:8]}"
        worker = Worker(function, folder, self._layers.paths(function.layers), self.endpoint, self.python)
        with self._lock:
            self._busy.add(worker)
        return worker

    def _outdated(self, function: Function, key: str) -> list[Worker]:
        """The idle processes of the function as it was before it changed, which are no longer kept."""
        with self._lock:
            known = self._keys.get(function.identity)
            self._keys[function.identity] = key
            return self._idle.pop(known, []) if known is not None and known != key else []
