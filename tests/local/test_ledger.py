"""The ledger has a class for each resource, and permissions a reason for what is not used."""

from __future__ import annotations

import json
from typing import Any

import pytest

from emulator.permissions import Usage, with_reasons
from local.assembly import Stack
from local.ledger import UnknownTypeError, check_types, counts, ledger


def stack(**resources: dict[str, Any]) -> Stack:
    return Stack("Streaming", json.dumps({"Resources": resources}), (), ())


def test_what_did_its_work_is_executed_and_what_did_not_is_not_run() -> None:
    functions = {name: {"Type": "AWS::Lambda::Function"} for name in ("Decide", "Watch")}
    physical = {"Streaming": {"Decide": "decide-1", "Watch": "watch-1"}}
    entries = ledger([stack(**functions, Table={"Type": "AWS::DynamoDB::Table"})], physical, {"decide-1": 1200})
    rows = {entry.logical_id: entry.row() for entry in entries}
    assert rows["Decide"] == {
        "stack": "Streaming",
        "logical_id": "Decide",
        "type": "AWS::Lambda::Function",
        "class": "executed real code",
        "note": "a process under Lambda's runtime client; calls: 1,200",
    }
    assert [rows[name]["class"] for name in ("Watch", "Table")] == ["not run here", "emulated"]
    assert counts(entries) == {"executed real code": 1, "emulated": 1, "recorded only": 0, "not run here": 1}


def test_an_application_whose_job_never_started_is_not_run() -> None:
    kinds = {"Job": "AWS::KinesisAnalyticsV2::Application", "Cluster": "AWS::MSK::ServerlessCluster"}
    resources = {name: {"Type": kind} for name, kind in kinds.items()}
    physical = {"Streaming": {"Job": "job-1", "Cluster": "cluster-1"}}
    entries = {one.logical_id: one for one in ledger([stack(**resources)], physical, {"cluster-1": 1})}
    assert entries["Cluster"].class_ == "executed real code"
    assert (entries["Job"].class_, entries["Job"].note) == ("not run here", "its job did not start in this run")


def test_a_type_of_no_class_fails() -> None:
    with pytest.raises(UnknownTypeError, match="Streaming Odd: AWS::Braket::Device is in none"):
        check_types([stack(Odd={"Type": "AWS::Braket::Device"})])


def test_an_alarm_on_an_expression_is_only_written_down() -> None:
    alarms = {
        "One": {"Type": "AWS::CloudWatch::Alarm", "Properties": {"MetricName": "Undecided"}},
        "Several": {"Type": "AWS::CloudWatch::Alarm", "Properties": {"Metrics": []}},
    }
    entries = ledger([stack(**alarms)], {"Streaming": {}}, {})
    assert {entry.logical_id: entry.class_ for entry in entries} == {"One": "emulated", "Several": "recorded only"}


def test_permissions_tell_used_denied_and_unused_apart() -> None:
    usage = Usage()
    usage.judged("decide", "s3:PutObject", "arn:aws:s3:::archive/quarantine/a", True)
    usage.judged("decide", "s3:GetObject", "arn:aws:s3:::archive/quarantine/a", False)
    usage.judged("decide", "kms:Decrypt", "arn:aws:kms:::key/a", True)

    def allowed(*actions: str, on: str) -> dict[str, object]:
        return {"Effect": "Allow", "Action": list(actions), "Resource": on}

    statements = [
        allowed("s3:PutObject", on="arn:aws:s3:::archive/quarantine/*"),
        allowed("s3:PutObject", "kms:Encrypt", on="arn:aws:s3:::archive/own/*"),
        allowed("s3:PutObject", on="arn:aws:s3:::archive/other/*"),
        allowed("kms:Decrypt", on="*"),
    ]

    def reason(role: str, action: str, resources: list[str]) -> str | None:
        by_hand = {("s3:PutObject", "arn:aws:s3:::archive/own/*"), ("kms:Decrypt", "*")}
        return "by hand" if {(action, resource) for resource in resources} <= by_hand else None

    (row,) = with_reasons(usage.report([("decide", statements)]), reason)
    assert [call["calls"] for call in row["used"]] == [1, 1]
    assert [call["action"] for call in row["denied"]] == ["s3:GetObject"]
    # a reason holds for its own action and resource: neither for another prefix nor for what stands beside it
    assert row["allowed_but_unused"] == [
        {"action": "s3:PutObject", "resource": ["arn:aws:s3:::archive/own/*"], "reason": "by hand"}
    ]
    assert row["removable"] == [
        {"action": "kms:Encrypt", "resource": ["arn:aws:s3:::archive/own/*"]},
        {"action": "s3:PutObject", "resource": ["arn:aws:s3:::archive/other/*"]},
    ]
    assert [one["action"] for one in row["used_though_reasoned"]] == ["kms:Decrypt"]
