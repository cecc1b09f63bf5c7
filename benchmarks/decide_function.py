"""The function `decide`: processor time, cold import and size of its package. `python -m benchmarks.decide_function`

Batches of 100 records as the event source mapping gives them, through the handler. Once with every AWS call answered at once in
its client's place, which leaves the handler's own work; once through botocore too, requests written and answers read, with only
the network left out. The model's answers are a real model's, 500 trees with three reasons.

The cold import is that of the folders that are shipped, their layer built for this machine, by the functions' version of Python.
It is looked for on the PATH, or named by PYTHON_OF_FUNCTIONS; without one this program's own Python imports, and the figure's
name says so.
"""

from __future__ import annotations

import gc
import importlib
import io
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from base64 import b64decode
from collections.abc import Callable
from contextlib import redirect_stdout, suppress
from pathlib import Path
from typing import Any

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.session import Session

from fraud.features.nightly_records import nightly_record, population_records
from samples.deciding_world import CARDS, MOMENT, POPULATION, card_record, feature_message, write_model
from samples.environments import ENVIRONMENTS
from samples.kafka import kafka_event
from samples.lambda_context import CONTEXT
from samples.stand_ins import Endpoint, FeatureStore, answer
from stacks.assets import FUNCTIONS_PLATFORM, function_code, layer

BATCH = 99
BATCHES = 30
RUNS = 5
TREES = 500
TARGET_MS, TARGET_IMPORT_S, TARGET_MB = 0.3, 1.0, 40
GROUP = "cc-agg-batch-fg"
SIGNED = {"AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none", "AWS_DEFAULT_REGION": "eu-west-1"}
NAMED_BY = "PYTHON_OF_FUNCTIONS"
VERSION = "import sys; print('.'.join(map(str, sys.version_info[:2])), sys.implementation.name)"
IMPORT = """import sys
import time
sys.path[:0] = sys.argv[1:]
began = time.perf_counter()
import lambda_src.decide.handler
print(time.perf_counter() - began)"""


def measure() -> list[dict[str, Any]]:
    """The figures, each {"measure", "value", "unit", "target", "met"}, with "yardstick" and "ratio" where there is one."""
    return [*_cpu(), *_cold_import(), _size()]


class _Kept:
    """Answers a stand-in gave, given again without its work: what is measured is the function, not the stand-in."""

    def __init__(self) -> None:
        self.answers: dict[str, bytes] = {}

    def keep(self, stand_in: Any) -> Callable[..., AWSResponse]:
        def send(request: AWSPreparedRequest, **_: Any) -> AWSResponse:
            if request.url not in self.answers:
                self.answers[request.url] = stand_in.serve(request).content
            return answer(request, self.answers[request.url])

        return send


def _nothing(request: AWSPreparedRequest, **_: Any) -> AWSResponse:
    return answer(request, b"{}")


def _cpu() -> list[dict[str, Any]]:
    os.environ.update(ENVIRONMENTS["decide"] | SIGNED)
    with tempfile.TemporaryDirectory() as folder:
        endpoint = Endpoint(write_model(Path(folder), rounds=TREES))
    store = FeatureStore()
    for card in CARDS:
        store.put(GROUP, nightly_record(card, card_record(MOMENT)))
    for record in population_records(POPULATION, MOMENT):
        store.put(GROUP, record)
    kept, session = _Kept(), Session()
    events = session.get_component("event_emitter")
    events.register("before-send.sagemaker-featurestore-runtime", kept.keep(store))
    events.register("before-send.sagemaker-runtime", kept.keep(endpoint))
    events.register("before-send.dynamodb", _nothing)
    clients: Any = importlib.import_module("lambda_src.ports.clients")
    clients.session = session
    function = importlib.import_module("lambda_src.decide.handler")
    batch = kafka_event(*[feature_message(number, amount_cents=2_000) for number in range(BATCH)])
    _handle(function, batch, 2)
    gc.freeze()  # what an instance has loaded when it starts stays for good
    through = [_run(function, batch) for _ in range(RUNS)]
    _answer_in_place(function, kept)
    _handle(function, batch, 2)
    alone = [_run(function, batch) for _ in range(RUNS)]
    parsing = [_cpu_ms(lambda: _parse(batch)) for _ in range(RUNS)]
    name = f"decide, CPU a transaction in batches of {BATCH}"
    return [
        _figure(f"{name}, beside the calls, best of {RUNS}", min(alone), "ms", TARGET_MS)
        | _against(min(alone), min(parsing)),
        _figure(f"{name}, beside the calls, median", statistics.median(alone), "ms", TARGET_MS),
        _figure(
            f"{name}, requests written and answers read by botocore included, median", statistics.median(through), "ms"
        ),
    ]


def _answer_in_place(function: Any, kept: _Kept) -> None:
    """Every client's operation gives what its client gave before, at once."""
    nightly, scorer, table = function.deciding.nightly, function.deciding.scorer, function.deciding.store
    [records] = [json.loads(text) for url, text in kept.answers.items() if url.endswith("/BatchGetRecord")]
    [scores] = [text for url, text in kept.answers.items() if url.endswith("/invocations")]
    nightly._client.batch_get_record = lambda **_: records
    scorer._client.invoke_endpoint = lambda **_: {"Body": io.BytesIO(scores)}
    table._client.transact_write_items = lambda **_: {}


def _run(function: Any, batch: dict[str, Any]) -> float:
    return _cpu_ms(lambda: _handle(function, batch, BATCHES)) / BATCHES


def _handle(function: Any, batch: dict[str, Any], times: int) -> None:
    said = io.StringIO()
    with redirect_stdout(said):
        for _ in range(times):
            if function.handler(batch, CONTEXT) != {"batchItemFailures": []}:
                raise RuntimeError("not all were decided")
    if '"path":"fallback"' in said.getvalue():
        raise RuntimeError("not decided by the model")


def _parse(batch: dict[str, Any]) -> None:
    for records in batch["records"].values():
        for record in records:
            json.loads(b64decode(record["value"]))


def _cpu_ms(work: Callable[[], Any]) -> float:
    began = time.process_time()
    work()
    return (time.process_time() - began) / BATCH * 1000


def _cold_import() -> list[dict[str, Any]]:
    name = "decide, cold import, clients made"
    python = _python_of_functions()
    with tempfile.TemporaryDirectory() as empty:
        if python:
            # nothing but the shipped folders can be imported, and nothing is written into them
            alone = [python, "-I", "-S", "-B", "-c", IMPORT]
            machine = f"{platform.machine()}-{FUNCTIONS_PLATFORM[0].split('-', 1)[1]}"
            shipped = {"code": function_code("decide"), "layer": layer("functions", machine)}
            for part, folder in shipped.items():
                shutil.copytree(folder, Path(empty) / part, ignore=shutil.ignore_patterns("__pycache__"))
            name += f", as it ships, on Python {FUNCTIONS_PLATFORM[1]}"
            compiled = [_import([*alone, *_imported_from(shipped)]) for _ in range(RUNS)]
            sources = [
                _import([*alone, *_imported_from({part: Path(empty) / part for part in shipped})]) for _ in range(RUNS)
            ]
        else:
            name += f", not as it ships: on Python {platform.python_version()} with its own bytecode"
            own = [sys.executable, "-c", IMPORT]
            compiled = [_import(own, **os.environ) for _ in range(RUNS)]
            elsewhere = os.environ | {"PYTHONPYCACHEPREFIX": empty, "PYTHONDONTWRITEBYTECODE": "1"}
            sources = [_import(own, **elsewhere) for _ in range(RUNS)]
    return [
        _figure(f"{name}, best of {RUNS}", min(compiled), "s", TARGET_IMPORT_S),
        _figure(f"{name}, median", statistics.median(compiled), "s", TARGET_IMPORT_S),
        _figure(f"{name}, but from sources alone, best of {RUNS}", min(sources), "s"),
        _figure(f"{name}, but from sources alone, median", statistics.median(sources), "s"),
    ]


def _imported_from(folders: dict[str, Path]) -> list[str]:
    return [str(folders["code"]), str(folders["layer"] / "python")]


def _python_of_functions() -> str | None:
    """A CPython of the functions' version that runs, if one is found; a launcher of that name may have none to start."""
    named = os.environ.get(NAMED_BY)
    for python in [named] if named else [sys.executable, shutil.which(f"python{FUNCTIONS_PLATFORM[1]}")]:
        if python:
            with suppress(OSError):
                said = subprocess.run([python, "-c", VERSION], capture_output=True, text=True, check=False).stdout
                if said.split() == [FUNCTIONS_PLATFORM[1], "cpython"]:
                    return python
    if named:
        raise SystemExit(f"{NAMED_BY}: {named} is no CPython {FUNCTIONS_PLATFORM[1]} that runs")
    return None


def _import(command: list[str], **environment: str) -> float:
    environment |= ENVIRONMENTS["decide"] | SIGNED
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return float(done.stdout)


def _size() -> dict[str, Any]:
    """Code and layer as they are uploaded: zipped."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for folder in (function_code("decide"), layer("functions")):
            for file in sorted(path for path in folder.rglob("*") if path.is_file()):
                archive.write(file, f"{folder.name}/{file.relative_to(folder)}")
    return _figure("decide, package with its layer, zipped", len(packed.getvalue()) / 1e6, "MB", TARGET_MB)


def _figure(name: str, value: float, unit: str, target: float | None = None) -> dict[str, Any]:
    met = None if target is None else value <= target
    return {"measure": name, "value": round(value, 4), "unit": unit, "target": target, "met": met}


def _against(value: float, yardstick: float) -> dict[str, Any]:
    said = f"base64 and json.loads of the same records: {yardstick:.4f} ms"
    return {"yardstick": said, "ratio": round(value / yardstick, 1)}


if __name__ == "__main__":
    print(json.dumps(measure(), indent=2))
