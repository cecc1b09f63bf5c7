"""The scoring API through the emulated gateway at 200 requests a second for 60 s: errors and latencies.

`python -m benchmarks.run gateway_load`. The application's own stacks as far as the API needs them, on the emulated AWS:
signatures, schema, function, feature store, endpoint, table and bus are those of `fraud up`, in processes of this machine, as is
who asks. The endpoint serves the model that knows nothing, which a deployment begins with. A request's latency counts from the
moment at which it was due, so that one that had to wait for its turn is not made to look fast.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSPreparedRequest, AWSRequest
from botocore.credentials import Credentials
from botocore.httpsession import URLLib3Session

from emulator.process import EmulatedAws
from local.api_caller import emulated_url
from local.deployment import deploy, outputs
from local.stand_ins import STAND_INS
from local.synthesis import synthesized_stacks
from samples.deciding_world import transaction_message
from samples.parts import table_and_bus

PARTS = ("Data", "Features", "Serving", "Streaming", "Labels", "Api")
RATE, SECONDS, CALLERS = 200, 60, 64
LATE_S = 15
"""So long after the last was due no more are sent: a machine that does not keep up is told of, not waited for."""
WARM_UP = 200
"""Requests before, for processes to start."""


@dataclass(frozen=True)
class _Asked:
    """What became of one request: its status, 0 without one, how long it took, and what decided."""

    status: int
    ms: float
    path: str


def measure() -> list[dict[str, Any]]:
    """The figures, as `benchmarks.run` collects them."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        stacks = {stack.name.rpartition("-")[2]: stack for stack in synthesized_stacks(folder, {})}
        for part in ("Streaming", "Labels"):
            stacks[part] = table_and_bus(stacks[part])
        with EmulatedAws(folder / "aws", STAND_INS) as aws:
            deploy([stacks[part] for part in PARTS], aws.client)
            url = f"{emulated_url(aws.endpoint, outputs(aws.client, stacks['Api'].name)['ApiUrl'])}/v1/score"
            known = Credentials(aws.credentials["AWS_ACCESS_KEY_ID"], aws.credentials["AWS_SECRET_ACCESS_KEY"])
            _run(_signed(url, known, range(WARM_UP)), RATE / 4)
            before = os.getloadavg()[0]
            requests = _signed(url, known, range(WARM_UP, WARM_UP + RATE * SECONDS))
            began = time.monotonic()
            found = _run(requests, RATE)
            seconds = time.monotonic() - began
    return _figures(found, seconds, before)


def _signed(url: str, known: Credentials, numbers: range) -> list[AWSPreparedRequest]:
    found = []
    for number in numbers:
        asked = AWSRequest("POST", url, data=transaction_message(number), headers={"Content-Type": "application/json"})
        SigV4Auth(known, "execute-api", "us-east-1").add_auth(asked)
        found.append(asked.prepare())
    return found


def _run(requests: list[AWSPreparedRequest], rate: float) -> list[_Asked]:
    session = URLLib3Session(timeout=60, max_pool_connections=CALLERS)
    begin = time.monotonic()

    def one(number: int) -> _Asked:
        due = begin + number / rate
        time.sleep(max(due - time.monotonic(), 0))
        if time.monotonic() - begin > len(requests) / rate + LATE_S:
            return _Asked(0, (time.monotonic() - due) * 1000, "not sent in time")
        try:
            answer = session.send(requests[number])
        except Exception as error:  # noqa: BLE001 - a request without an answer is an error, whatever its kind
            return _Asked(0, (time.monotonic() - due) * 1000, type(error).__name__)
        ms = (time.monotonic() - due) * 1000
        path = json.loads(answer.text).get("path", "") if answer.status_code == 200 else ""
        return _Asked(answer.status_code, ms, path)

    with ThreadPoolExecutor(CALLERS) as callers:
        return list(callers.map(one, range(len(requests))))


def _figures(found: list[_Asked], seconds: float, load: float) -> list[dict[str, Any]]:
    wrong = [one for one in found if one.status != 200]
    kinds = ", ".join(f"{count} x {kind}" for kind, count in Counter(one.status or one.path for one in wrong).items())
    decided = ", ".join(
        f"{count:,} by {path}" for path, count in Counter(one.path for one in found if one.path).items()
    )
    ms = [one.ms for one in found if one.path != "not sent in time"]
    answered = sum(one.status == 200 for one in found) / seconds
    p50, p99 = np.percentile(ms, (50, 99))
    what = f"{RATE} requests/s for {SECONDS} s through the emulated gateway, load {load:.1f} before"
    return [
        {
            "measure": f"errors of {len(found):,} requests ({kinds or 'none'}; {decided}), {what}",
            "value": len(wrong),
            "unit": "",
            "target": 0,
            "met": not wrong,
        },
        {
            "measure": "answered a second",
            "value": round(answered, 1),
            "unit": "/s",
            "target": RATE,
            "met": answered >= RATE,
        },
        {"measure": "latency from when each was due, p50", "value": round(p50, 1), "unit": "ms", "target": None, "met": None},
        {"measure": "latency from when each was due, p99", "value": round(p99, 1), "unit": "ms", "target": None, "met": None},
    ]  # fmt: skip


if __name__ == "__main__":
    print(json.dumps(measure(), indent=2))
