"""Stops the notebook instance when nobody has worked on it for a while: `python3 stop_when_idle.py MINUTES`, each 5 minutes.

It runs on the instance, and uses what every Python has: the instance's own has no library of ours.
"""

from __future__ import annotations

import json
import ssl
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from urllib.request import urlopen

JUPYTER = "https://localhost:8443/api"
"""Jupyter's server on the instance; its certificate is for another name, and nothing leaves the machine."""
METADATA = Path("/opt/ml/metadata/resource-metadata.json")


def idle_minutes(kernels: Iterable[Mapping[str, Any]], terminals: Iterable[Mapping[str, Any]], up_s: float) -> float:
    """For how long nothing has happened; 0 while a kernel computes.

    Args:
        kernels, terminals: as Jupyter's server lists them.
        up_s: how long the machine has been up: what has not been opened yet is not idle for longer.

    >>> idle_minutes([{"execution_state": "busy", "last_activity": "2026-01-01T00:00:00Z"}], [], 7200)
    0.0
    >>> idle_minutes([], [], 7200)
    120.0
    """
    kernels = list(kernels)
    if any(kernel["execution_state"] == "busy" for kernel in kernels):
        return 0.0
    since = [_age_s(each["last_activity"]) for each in (*kernels, *terminals)]
    return max(0.0, min([up_s, *since]) / 60)


def _age_s(moment: str) -> float:
    last = datetime.strptime(moment[:19], "%Y-%m-%dT%H:%M:%S").replace(tzinfo=timezone.utc)
    return (datetime.now(timezone.utc) - last).total_seconds()


def _listed(what: str) -> list[dict[str, Any]]:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with urlopen(f"{JUPYTER}/{what}", timeout=10, context=context) as answer:  # noqa: S310 - the address is above
        found: list[dict[str, Any]] = json.load(answer)
    return found


def main() -> int:
    """The command line; returns the exit status."""
    minutes = int(sys.argv[1])
    up_s = time.clock_gettime(time.CLOCK_BOOTTIME)
    try:
        idle = idle_minutes(_listed("kernels"), _listed("terminals"), up_s)
    except OSError as error:  # nobody works on a server that does not answer
        print(f"Jupyter does not answer: {error}")
        idle = up_s / 60
    print(f"idle for {idle:.0f} of {minutes} minutes")
    if idle < minutes:
        return 0
    name = json.loads(METADATA.read_text())["ResourceName"]
    return subprocess.run(
        ["aws", "sagemaker", "stop-notebook-instance", "--notebook-instance-name", name], check=False
    ).returncode


if __name__ == "__main__":
    sys.exit(main())
