"""Protection is taken from what never stood alone; `test_failed_deployments.py` shows that the CDK tool then goes on."""

from __future__ import annotations

from typing import Any

import pytest

from stacks.recovery import clear, main

OURS = ["CardFraud-Prod-Data", "CardFraud-Prod-Features", "CardFraud-Prod-Serving", "CardFraud-Prod-Streaming"]


class CloudFormation:
    """CloudFormation as far as it is asked: {stack: (status, whether it is protected)}."""

    def __init__(self, **standing: tuple[str, bool]) -> None:
        self.standing = {f"CardFraud-Prod-{name}": value for name, value in standing.items()}

    def get_paginator(self, operation: str) -> Any:
        assert operation == "describe_stacks"
        stacks = [
            {"StackName": name, "StackStatus": status, "EnableTerminationProtection": protected}
            for name, (status, protected) in self.standing.items()
        ]
        return type("Paginator", (), {"paginate": lambda _: [{"Stacks": stacks[:1]}, {"Stacks": stacks[1:]}]})()

    def update_termination_protection(self, StackName: str, EnableTerminationProtection: bool) -> None:  # noqa: N803
        self.standing[StackName] = (self.standing[StackName][0], EnableTerminationProtection)


def test_only_what_never_stood_is_not_protected_any_more() -> None:
    cloudformation, told = (
        CloudFormation(
            Data=("CREATE_COMPLETE", True),
            Features=("ROLLBACK_COMPLETE", True),
            Serving=("UPDATE_ROLLBACK_FAILED", True),
            Streaming=("ROLLBACK_FAILED", True),
            Monitoring=("ROLLBACK_COMPLETE", True),  # not asked for
        ),
        list[str](),
    )
    cleared = clear(cloudformation, OURS, told.append)
    assert cleared == ["CardFraud-Prod-Features", "CardFraud-Prod-Streaming"]
    assert [text.split(":")[0] for text in told] == cleared
    protected = [name for name, (_, is_protected) in cloudformation.standing.items() if is_protected]
    assert protected == ["CardFraud-Prod-Data", "CardFraud-Prod-Serving", "CardFraud-Prod-Monitoring"]
    assert clear(cloudformation, OURS, told.append) == []


def test_a_wrong_setting_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--context", "env=test"]) == 1
    assert capsys.readouterr().err == "deploy: env: 'test'; allowed: dev or prod\n"
