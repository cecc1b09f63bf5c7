"""A test that starts Java or the emulated AWS without saying so fails, so the fast lane starts neither."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import is_engine

ROOT = Path(__file__).resolve().parent.parent
TESTS = """
import subprocess, sys
import pytest

def start(*command):
    return subprocess.run(command, check=False)

def test_java():
    start("{java}", "-version")

def test_java_behind_our_guard():
    start(sys.executable, "-c", "pass", "{java}")

def test_the_emulated_aws():
    start("{aws}", "-m", "emulator.hosted.host")

@pytest.mark.engines
def test_one_that_says_so():
    start("{java}", "-version")

def test_python():
    start(sys.executable, "-c", "pass")
"""


def test_an_engine_that_a_test_does_not_name_fails_it(tmp_path: Path) -> None:
    for name in ("java", ".venv-aws/bin/python"):
        program = tmp_path / name
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text("#!/bin/sh\n")
        program.chmod(0o755)
    text = TESTS.format(java=tmp_path / "java", aws=tmp_path / ".venv-aws/bin/python")
    (tmp_path / "test_engines.py").write_text(text)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "tests.conftest",
        "-c",
        ROOT / "pyproject.toml",
        "-p",
        "no:cacheprovider",
    ]
    done = subprocess.run([*command, "-rA", tmp_path], capture_output=True, text=True, check=False, cwd=ROOT)
    ended = {name: end for end, name in re.findall(r"^(PASSED|FAILED) .*::(\w+)", done.stdout, re.MULTILINE)}
    assert ended == {
        "test_java": "FAILED",
        "test_java_behind_our_guard": "FAILED",
        "test_the_emulated_aws": "FAILED",
        "test_one_that_says_so": "PASSED",
        "test_python": "PASSED",
    }, done.stdout
    assert "a test that does is marked `engines`" in done.stdout


@pytest.mark.parametrize(
    ("command", "engine"),
    [
        (["java", "-cp", "x"], True),
        (["/usr/bin/java"], True),
        (["mvn", "package"], False),
        (["python3", "guard.py", "5", "java", "-jar", "x"], True),
        ([Path("/somewhere/.venv-aws/bin/python"), "-m", "x"], True),
        (["/somewhere/.venv-engines/bin/python3"], True),
        ([sys.executable, "flink_src/java/x"], False),
        (["node", "aws-cdk"], False),
        ("git status", False),
    ],
)
def test_what_counts_as_an_engine(command: object, engine: bool) -> None:
    assert is_engine(command) is engine


def test_the_fast_lane_leaves_out_what_is_marked() -> None:
    rule = re.search(r"^test-fast:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert rule
    assert '-m "not engines and not slow"' in rule[1]
