"""The scoring API alone, deployed on an emulated AWS with its setting of who may call, and requests to it that nothing signs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import urllib3

from emulator.process import EmulatedAws
from local.api_caller import emulated_url
from local.deployment import deploy, outputs
from local.synthesis import synthesized_stacks
from samples.parts import table_and_bus

PARTS = ("Data", "Features", "Serving", "Streaming", "Labels", "Api")


def deployed_api(aws: EmulatedAws, folder: Path, settings: Mapping[str, Any]) -> str:
    """Brings the API there, with no more of the application than it needs; where it answers."""
    stacks = {stack.name.rpartition("-")[2]: stack for stack in synthesized_stacks(folder, settings)}
    for part in ("Streaming", "Labels"):
        stacks[part] = table_and_bus(stacks[part])
    deploy([stacks[part] for part in PARTS], aws.client)
    return emulated_url(aws.endpoint, outputs(aws.client, stacks["Api"].name)["ApiUrl"])


def asked(method: str, url: str, headers: Mapping[str, str | None], body: bytes | None = None) -> tuple[int, Any]:
    """The status and the JSON of an answer.

    Args:
        headers: None is left out.
    """
    given = {name: value for name, value in headers.items() if value is not None}
    answer = urllib3.request(
        method, url, body=body, headers={"Content-Type": "application/json", **given}, retries=False, timeout=60
    )
    return answer.status, json.loads(answer.data)
