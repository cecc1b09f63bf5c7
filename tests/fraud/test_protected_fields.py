"""A protected field that is declared is in no model, vector, record, decision and no log; the archive alone keeps it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from fraud.features.windows import Window
from tests.fraud.protected_program import AGE, NAMES, SECRET

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def found() -> dict[str, list[str]]:
    command = [sys.executable, "-m", "tests.fraud.protected_program"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told: dict[str, list[str]] = json.loads(done.stdout.splitlines()[-1])
    return told


def holds(texts: list[str]) -> list[str]:
    return [text for text in (*NAMES, SECRET, str(AGE), "61.4") if text in "\n".join(texts)]


def test_it_is_in_no_model_and_no_vector(found: dict[str, list[str]]) -> None:
    assert "amount" in found["vector"]
    assert holds(found["vector"]) == []


def test_it_goes_with_no_features_and_nothing_is_looked_back_by_it(found: dict[str, list[str]]) -> None:
    assert "merchant" in found["stored"]
    assert holds(found["stored"]) == []
    assert Window(key=("held_group",), back="1h", aggregates=("count",)).problem()


def test_it_is_in_no_decision(found: dict[str, list[str]]) -> None:
    assert len(found["decisions"]) == 2
    assert holds(found["decisions"]) == []


def test_its_values_are_in_no_log(found: dict[str, list[str]]) -> None:
    log = found["logs"][0]
    assert '"t1"' in log
    assert "could not be put into the quarantine" in log
    assert holds(found["logs"]) == []


def test_a_wrong_value_of_it_is_refused_unseen(found: dict[str, list[str]]) -> None:
    assert [text.partition(":")[0] for text in found["refusals"]] == ["held_group", "held_group", "held_age"]
    assert holds([text.partition(":")[2] for text in found["refusals"]]) == []


def test_the_archive_has_it(found: dict[str, list[str]]) -> None:
    assert set(NAMES) <= set(found["archived"])
