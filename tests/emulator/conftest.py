"""One emulated AWS for all tests of this folder; each test brings a template of its own."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from emulator.process import EmulatedAws
from engines.waiting import wait_until
from local.assembly import Asset, Stack
from local.deployment import deploy, outputs
from local.stand_ins import STAND_INS

_NAMES = (f"Test{number}" for number in itertools.count(1))


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatedAws]:
    with EmulatedAws(tmp_path_factory.mktemp("aws"), STAND_INS) as emulated:
        yield emulated


Deployed = Callable[..., dict[str, str]]


@pytest.fixture
def deployed(aws: EmulatedAws) -> Deployed:
    """Deploys resources as a stack of their own and gives its outputs."""

    def bring(
        resources: dict[str, Any], wanted: dict[str, Any] | None = None, assets: tuple[Asset, ...] = ()
    ) -> dict[str, str]:
        template = {
            "Resources": resources,
            "Outputs": {name: {"Value": value} for name, value in (wanted or {}).items()},
        }
        stack = Stack(next(_NAMES), json.dumps(template), assets, ())
        deploy([stack], aws.client)
        return outputs(aws.client, stack.name)

    return bring


def role(service: str, *statements: tuple[str | list[str], Any]) -> dict[str, Any]:
    """A role that a service may take, allowed these (actions, resources)."""
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": f"{service}.amazonaws.com"}}
    allowed = [{"Effect": "Allow", "Action": actions, "Resource": on} for actions, on in statements]
    policy = {"PolicyName": "allowed", "PolicyDocument": {"Version": "2012-10-17", "Statement": allowed}}
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]},
            "Policies": [policy] if allowed else [],
        },
    }


def function(code: str, role_name: str, **properties: Any) -> dict[str, Any]:
    """A Python function with this code, whose `handler` is called."""
    return {
        "Type": "AWS::Lambda::Function",
        "Properties": {
            "Runtime": "python3.13",
            "Handler": "index.handler",
            "Code": {"ZipFile": code},
            "Role": attribute(role_name, "Arn"),
            "Timeout": 20,
            "MemorySize": 256,
            **properties,
        },
    }


def attribute(name: str, of: str) -> dict[str, Any]:
    return {"Fn::GetAtt": [name, of]}


def ref(name: str) -> dict[str, str]:
    return {"Ref": name}


def until(found: Callable[[], Any], timeout_s: float = 40) -> Any:
    """The first truthy answer of `found`."""
    return wait_until(found, timeout_s, lambda: AssertionError("it did not happen"))


def received(aws: EmulatedAws, queue_url: str, count: int = 1) -> list[str]:
    """The bodies of messages in a queue, waited for."""
    bodies: list[str] = []

    def take() -> bool:
        answer = aws.client("sqs").receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10)
        for message in answer.get("Messages", []):
            bodies.append(message["Body"])
            aws.client("sqs").delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
        return len(bodies) >= count

    until(take)
    return bodies
