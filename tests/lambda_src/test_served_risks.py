"""Risks where the catalogue declares them: what `served_risks` holds, in a process that has such a catalogue."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HELD = Path(__file__).with_name("served_risks.py")
COUNT = 19


@pytest.mark.slow
def test_what_is_declared_is_served_as_it_is_trained_on() -> None:
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "tests.lambda_src.declared_risks",
        "-p",
        "no:cacheprovider",
        "-n",
        "0",
        str(HELD),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-6_000:]
    assert done.stdout.splitlines()[0].count(".") == COUNT
