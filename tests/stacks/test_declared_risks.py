"""Where risks are declared, the jobs that compute them are told where the archive is, and may read it; nowhere else."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from fraud.features.catalogue import with_risks
from tests.stacks.stacks_under_test import Templates, read_templates, resources, statements, synthesize

pytestmark = pytest.mark.slow

MACHINES = {
    "Features": ("Compute", ("archive", "decisions", "labels"), ()),
    "Batch": ("Requests", ("decisions", "labels"), ("decisions", "labels")),
}
"""{stack: the state of its job, the options that it then has more, what of them is mounted whole}."""


@pytest.fixture(scope="module")
def declared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Templates]:
    with pytest.MonkeyPatch.context() as patch:
        for construct in ("nightly", "scoring"):
            patch.setattr(f"stacks.constructs.{construct}.CATALOGUE", with_risks())
        yield read_templates(synthesize(tmp_path_factory.mktemp("declared"), env="dev"))


def definition(templates: Templates, stack: str, state: str) -> dict[str, Any]:
    """The states of the machine that has a state."""
    for machine in resources(templates, "AWS::StepFunctions::StateMachine"):
        if machine.stack == stack:
            given = machine.properties["DefinitionString"]
            parts = given["Fn::Join"][1] if isinstance(given, dict) else [given]
            states = json.loads("".join(part if isinstance(part, str) else "X" for part in parts))["States"]
            if state in states:
                return dict(states)
    raise AssertionError(f"no machine of {stack} has {state}")


def job(templates: Templates, stack: str) -> tuple[set[str], set[str], set[str]]:
    """The options of its job, the names of its inputs, and what is kept before it."""
    state, _, _ = MACHINES[stack]
    states = definition(templates, stack, state)
    asked = states[state]["Arguments"]
    options = {part for part in asked["AppSpecification"]["ContainerArguments"] if part.startswith("--")}
    return options, {each["InputName"] for each in asked["ProcessingInputs"]}, {
        name.removeprefix("Keep ") for name in states if name.startswith("Keep ")
    }  # fmt: skip


def allowed(templates: Templates, stack: str, action: str) -> str:
    """What an action is allowed on, in a stack, as text."""
    found = [
        statement["Resource"]
        for policy in resources(templates, "AWS::IAM::Policy", "AWS::IAM::Role")
        if policy.stack == stack
        for document in (
            policy.properties.get("PolicyDocument"),
            *(each["PolicyDocument"] for each in policy.properties.get("Policies", ())),
        )
        if document
        for statement in statements(document)
        if action in statement["Action"]
    ]
    return json.dumps(found)


@pytest.mark.parametrize("stack", MACHINES)
def test_a_job_gets_what_risks_are_computed_of(dev: Templates, declared: Templates, stack: str) -> None:
    _, more, mounted = MACHINES[stack]
    without, given = job(dev, stack), job(declared, stack)
    assert given[0] - without[0] == {f"--{name}" for name in more}
    assert given[1] - without[1] == set(mounted)
    assert given[2] - without[2] == set(mounted)
    assert len(given[1]) <= 10  # page API_CreateProcessingJob, ProcessingInputs: "Maximum number of 10 items"
    for prefix in ("decisions/", "labels/"):
        assert f"/{prefix}" in allowed(declared, stack, "s3:GetObject")
        assert f"/{prefix}" not in allowed(dev, stack, "s3:GetObject")
        assert (f"/{prefix}" in allowed(declared, stack, "s3:PutObject")) == bool(mounted)


def test_the_nightly_job_reads_the_days_itself_from_the_archive(declared: Templates) -> None:
    asked = definition(declared, "Features", "Compute")["Compute"]["Arguments"]
    given = asked["AppSpecification"]["ContainerArguments"]
    for name, prefix in (("archive", "transactions/"), ("decisions", "decisions/"), ("labels", "labels/")):
        assert re.fullmatch(f"s3://[^/]+/{prefix}", given[given.index(f"--{name}") + 1])
    assert not asked["NetworkConfig"]["EnableNetworkIsolation"]
