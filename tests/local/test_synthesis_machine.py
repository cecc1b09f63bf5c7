"""The machine that makes synthetic frauds, as its templates have it: real scripts, and a gate that lets through or not."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from emulator.account import REGION
from emulator.command_line import variables
from emulator.process import ROOT, EmulatedAws
from engines.waiting import wait_until
from fraud.world import WorldSettings, generate, tokenised
from local.assembly import Stack
from local.deployment import deploy, outputs
from local.nightly import parquet
from local.stand_ins import STAND_INS
from local.synthesis import synthesized_stacks
from sagemaker_src.training.synthetic_rows import read_synthetic
from stacks.constructs.synthesis import FILES

pytestmark = [pytest.mark.stacks, pytest.mark.timeout(900)]

LENIENT = {
    "synthesis_epochs": 40,
    "synthesis_rows": 200,
    "synthesis_resplits": 2,
    "synthesis_two_sample_auc": 1,
    "synthesis_ks_ratio": 100,
    "synthesis_most_loss": 1,
    "synthesis_membership_auc": 1,
    "synthesis_singling_out": 1,
    "synthesis_linkability": 1,
}
"""Settings that a network which has hardly learned can pass."""
NEVER = 4_102_444_800_000


def bus_alone(stack: Stack) -> Stack:
    """The stack Streaming with nothing but its event bus: the machine needs no Kafka."""
    template = json.loads(stack.body)
    template["Resources"] = {
        name: one for name, one in template["Resources"].items() if one["Type"] == "AWS::Events::EventBus"
    }
    (bus,) = template["Resources"]
    template["Outputs"] = {
        name: one
        for name, one in template["Outputs"].items()
        if one["Value"] in ({"Ref": bus}, {"Fn::GetAtt": [bus, "Arn"]}, {"Fn::GetAtt": [bus, "Name"]})
    }
    return replace(stack, body=json.dumps(template), assets=())


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[EmulatedAws, dict[str, str]]]:
    folder = tmp_path_factory.mktemp("synthesis")
    stacks = {stack.name.rpartition("-")[2]: stack for stack in synthesized_stacks(folder, LENIENT)}
    with EmulatedAws(folder / "aws", STAND_INS) as aws:
        deploy([stacks["Data"], bus_alone(stacks["Streaming"]), stacks["Synthesis"]], aws.client)
        found = {
            name: value
            for part in ("Data", "Streaming", "Synthesis")
            for name, value in outputs(aws.client, stacks[part].name).items()
        }
        yield aws, found


def by_the_page(line: int, environment: dict[str, str], folder: Path) -> str:
    """What one of the page's commands for a run says, in a shell that has the function of their first line."""
    section = (ROOT / "docs" / "synthetic-fraud.md").read_text().partition("\n## In the cloud\n")[2]
    commands = section.split("```")[1].strip().splitlines()
    text = f"set -eu\n{commands[0]}\n{commands[line]}\n".replace(".venv/bin/", f"{ROOT}/.venv/bin/")
    shell = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **environment}
    done = subprocess.run(["bash", "-c", text], cwd=folder, env=shell, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def started(aws: EmulatedAws, found: dict[str, str]) -> str | None:
    """The execution that there is."""
    machine = found["SynthesisStateMachine"]
    executions = aws.client("stepfunctions").list_executions(stateMachineArn=machine)["executions"]
    return str(executions[0]["executionArn"]) if executions else None


def ended(aws: EmulatedAws, machine: str, given: dict[str, Any]) -> dict[str, Any]:
    states = aws.client("stepfunctions")
    return has_ended(aws, states.start_execution(stateMachineArn=machine, input=json.dumps(given))["executionArn"])


def has_ended(aws: EmulatedAws, execution: str) -> dict[str, Any]:
    states = aws.client("stepfunctions")

    def done() -> dict[str, Any] | None:
        found: dict[str, Any] = states.describe_execution(executionArn=execution)
        return found if found["status"] != "RUNNING" else None

    found: dict[str, Any] = wait_until(done, 800, lambda: AssertionError("the machine did not end"))
    assert found["status"] == "SUCCEEDED", f"{found.get('error')}: {found.get('cause')}"
    return found


def keys(aws: EmulatedAws, bucket: str, prefix: str) -> list[str]:
    pages = aws.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return [found["Key"] for page in pages for found in page.get("Contents", [])]


def test_frauds_are_made_judged_and_published(standing: tuple[EmulatedAws, dict[str, str]], tmp_path: Path) -> None:
    aws, found = standing
    bucket, s3 = found["CuratedBucket"], aws.client("s3")
    world = generate(WorldSettings(cards=100, days=60, fraud_rate=0.01, seed=3))
    transactions = tokenised(world, b"0" * 32)
    s3.put_object(Bucket=bucket, Key="transactions/history.parquet", Body=parquet(transactions))
    given = variables(aws.endpoint, REGION, aws.credentials, tmp_path)
    by_the_page(1, given, tmp_path)
    execution = wait_until(lambda: started(aws, found), 30, lambda: AssertionError("no event has started the machine"))
    has_ended(aws, execution)
    published = keys(aws, bucket, "synthetic/")
    (run,) = {key.split("/")[1] for key in published} - {"newest"}
    assert sorted(published) == sorted(
        [
            *(f"synthetic/{run}/{file}" for file in FILES),
            "synthetic/newest/rows.parquet",
            "synthetic/newest/manifest.json",
        ]
    )
    for file in ("rows.parquet", "manifest.json"):
        body = s3.get_object(Bucket=bucket, Key=f"synthetic/newest/{file}")["Body"].read()
        (tmp_path / file).write_bytes(body)
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert manifest["rows"] == 200
    assert manifest["passed"]
    assert manifest["sha256"] == hashlib.sha256((tmp_path / "rows.parquet").read_bytes()).hexdigest()
    taken = read_synthetic(tmp_path, NEVER)
    assert taken is not None
    assert (len(taken.rows), set(taken.rows["is_fraud"])) == (200, {1})
    # and whoever looks by the page sees it
    assert f"synthetic/{run}/rows.parquet" in by_the_page(3, given, tmp_path)
    by_the_page(4, given, tmp_path)
    assert (tmp_path / "out" / "candidates" / run / "report.html").stat().st_size > 10_000
    # no row is one of the frauds that were learned
    learned = set(map(str, transactions["cc_num"].to_pylist()))
    assert not learned & set(taken.rows["cc_num"])
    assert pq.read_table(tmp_path / "rows.parquet").num_rows == 200


def test_what_breaks_a_limit_is_not_published(standing: tuple[EmulatedAws, dict[str, str]]) -> None:
    aws, found = standing
    states = aws.client("stepfunctions")
    described = states.describe_state_machine(stateMachineArn=found["SynthesisStateMachine"])
    definition = json.loads(described["definition"])
    definition["States"]["Run"] |= {"Assign": {"run": "{% $states.input.run %}"}, "Next": "Gate"}
    gate = states.create_state_machine(
        name="from-the-gate-on", roleArn=described["roleArn"], definition=json.dumps(definition)
    )["stateMachineArn"]
    refused = {"passed": False, "broken": ["membership_auc"], "helps": "no", "safe": False, "sentences": ["It leaks."]}
    key = "synthetic-candidates/refused/manifest.json"
    aws.client("s3").put_object(Bucket=found["CuratedBucket"], Key=key, Body=json.dumps(refused).encode())
    output = json.loads(ended(aws, gate, {"run": "refused"})["output"])
    assert output["manifest"]["broken"] == ["membership_auc"]
    assert keys(aws, found["CuratedBucket"], "synthetic/refused/") == []
