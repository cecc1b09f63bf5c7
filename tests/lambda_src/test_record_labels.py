"""The function `record_labels`: every label once in the table and in the archive, whatever comes, in whatever order."""

from __future__ import annotations

import io
import json
from datetime import datetime, timezone

import pyarrow.parquet as pq
import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fraud.label import known_as_of
from lambda_src.kafka_event import WholeBatchFailedError
from samples.deciding_world import CARDS
from samples.labels import label, queued
from samples.lambda_context import CONTEXT
from tests.lambda_src.test_archive import decision

DONE = {"batchItemFailures": []}
NOW = datetime(2026, 1, 3, tzinfo=timezone.utc)


@pytest.fixture
def function(load, table, labels_table, bucket):
    return load("record_labels")


def items(labels_table):
    return labels_table.scan(TableName="labels")["Items"]


def as_labels(found):
    return [
        label(
            transaction_id=item["transaction_id"]["S"],
            is_fraud=item["is_fraud"]["BOOL"],
            **{name: item[name]["S"] for name in ("source", "reported_by", "known_at")},
        )
        for item in found
    ]


def rows(bucket):
    objects = {key: content for key, content in bucket().items() if key.startswith("labels/")}
    return [row for content in objects.values() for row in pq.read_table(io.BytesIO(content)).to_pylist()]


def refused(*_, **__):
    raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "Operation")


def counted(capsys):
    """{metric: its sum} of what was printed."""
    found = {}
    for line in capsys.readouterr().out.splitlines():
        if "_aws" in (told := json.loads(line)):
            for metric in told["_aws"]["CloudWatchMetrics"][0]["Metrics"]:
                found[metric["Name"]] = found.get(metric["Name"], 0) + sum(told[metric["Name"]])
    return found


def test_a_label_is_in_the_table_and_in_the_archive(function, labels_table, bucket):
    function.decisions.record([decision(1)])
    assert function.handler(queued(label()), CONTEXT) == DONE
    [item] = items(labels_table)
    assert item.pop("recorded_at")["N"].isdigit()
    assert item == {
        "transaction_id": {"S": "t1"},
        "label_id": {"S": "2026-01-02T09:00:00.000Z#chargeback#issuer 7#fraud"},
        "is_fraud": {"BOOL": True},
        "source": {"S": "chargeback"},
        "reported_by": {"S": "issuer 7"},
        "known_at": {"S": "2026-01-02T09:00:00.000Z"},
        "known_transaction": {"BOOL": True},
    }
    [key] = bucket()
    assert key.startswith("labels/day=2026-01-02/")
    [row] = rows(bucket)
    assert abs(row.pop("recorded_at") - datetime.now(timezone.utc)).total_seconds() < 60
    assert row == label().model_dump()


def test_labels_that_contradict_each_other_all_stay(function, labels_table, bucket):
    history = [
        label(),
        label(is_fraud=False),
        label(is_fraud=False, source="dispute", known_at="2026-01-02T10:00:00.000Z"),
    ]
    assert function.handler(queued(*history), CONTEXT) == DONE
    assert set(as_labels(items(labels_table))) == set(history)
    assert len(rows(bucket)) == 3
    assert known_as_of(as_labels(items(labels_table)), NOW) == history[2]


def test_a_late_label_that_became_known_before_another_does_not_count_more(function, labels_table):
    newer = label(is_fraud=False, known_at="2026-01-02T10:00:00.000Z")
    for one in (newer, label()):
        assert function.handler(queued(one), CONTEXT) == DONE
    assert known_as_of(as_labels(items(labels_table)), NOW) == newer
    assert known_as_of(as_labels(items(labels_table)), label().known_at) == label()


def test_the_same_label_again_changes_nothing(function, labels_table, bucket):
    function.handler(queued(label(), label()), CONTEXT)
    before, archived = items(labels_table), bucket()
    assert len(before) == len(archived) == 1
    assert function.handler(queued(label()), CONTEXT) == DONE
    assert (items(labels_table), bucket()) == (before, archived)


def test_what_is_counted(function, capsys):
    function.decisions.record([decision(1)])
    function.handler(queued(label(), label(transaction_id="t99"), label(transaction_id="t99", is_fraud=False)), CONTEXT)
    assert counted(capsys) == {"Labels": 3, "LabelsUnknown": 2, "LabelsRepeated": 0}
    function.handler(queued(label()), CONTEXT)
    assert counted(capsys) == {"Labels": 0, "LabelsUnknown": 0, "LabelsRepeated": 1}


def test_a_label_of_an_unknown_transaction_is_kept_and_told_and_may_come_first(function, labels_table, caplog):
    assert function.handler(queued(label(transaction_id="t7")), CONTEXT) == DONE
    [item] = items(labels_table)
    assert item["known_transaction"] == {"BOOL": False}
    [said] = [record for record in caplog.records if "unknown transactions" in record.message]
    assert said.transaction_ids == ["t7"]
    function.decisions.record([decision(7)])  # the transaction comes after its label
    function.handler(queued(label(transaction_id="t7", is_fraud=False)), CONTEXT)
    assert [item["known_transaction"]["BOOL"] for item in items(labels_table)] == [False, True]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ("no JSON", "message: "),
        ({}, "transaction_id: missing"),
        ({"transaction_id": "t1", "is_fraud": "yes"}, "is_fraud: 'yes'"),
        ([], "detail: a JSON list; allowed: a label"),
        (None, "detail: missing"),
        (json.loads(label().to_json()) | {"known_at": "2099-01-01T00:00:00.000Z"}, "known_at: in the future; allowed:"),
    ],
)
def test_what_is_no_label_is_quarantined_and_stops_nothing(wrong, says, function, labels_table):
    assert function.handler(queued(wrong, label()), CONTEXT) == DONE
    assert as_labels(items(labels_table)) == [label()]
    [(key, [line])] = quarantined_alone(function).items()
    assert key.startswith("quarantine/labels/")
    assert line["reason"].startswith(says)


def quarantined_alone(function):
    s3, bucket = function.archive._client, function.environment.archive_bucket
    keys = [item["Key"] for item in s3.list_objects_v2(Bucket=bucket, Prefix="quarantine/").get("Contents", [])]
    return {
        key: [json.loads(line) for line in s3.get_object(Bucket=bucket, Key=key)["Body"].read().splitlines()]
        for key in keys
    }


def test_a_quarantine_that_refuses_has_the_message_again_and_no_other(function, labels_table, monkeypatch):
    monkeypatch.setattr(function.quarantine, "keep", lambda refused: [record for record, _ in refused])
    assert function.handler(queued({}, label()), CONTEXT) == {"batchItemFailures": [{"itemIdentifier": "m0"}]}
    assert len(items(labels_table)) == 1


def test_one_that_the_table_refuses_comes_again_alone(function, labels_table, bucket, monkeypatch):
    with monkeypatch.context() as patched:
        real = function._dynamodb.put_item
        patched.setattr(
            function._dynamodb,
            "put_item",
            lambda **given: refused() if given["Item"]["transaction_id"]["S"] == "t2" else real(**given),
        )
        messages = queued(label(), label(transaction_id="t2"), label(transaction_id="t2"))
        answer = function.handler(messages, CONTEXT)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "m1"}, {"itemIdentifier": "m2"}]}
    assert function.handler(queued(label(transaction_id="t2")), CONTEXT) == DONE
    assert len(items(labels_table)) == 2
    assert len(rows(bucket)) == 3  # the archive has it twice: a reader takes the first


def test_nothing_is_in_the_table_that_is_not_in_the_archive(function, labels_table, monkeypatch):
    monkeypatch.setattr(function.archive._client, "put_object", refused)
    with pytest.raises(WholeBatchFailedError):
        function.handler(queued(label()), CONTEXT)
    assert items(labels_table) == []


def test_hundreds_of_labels_are_read_a_hundred_at_a_time(function, labels_table, aws):
    many = [label(transaction_id=f"t{number}") for number in range(250)]
    aws.calls.clear()
    assert function.handler(queued(*many), CONTEXT) == DONE
    assert labels_table.scan(TableName="labels", Select="COUNT")["Count"] == 250
    assert aws.calls.count("dynamodb.BatchGetItem") == 6
    assert aws.calls.count("s3.PutObject") == 3


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_in_any_order_and_however_often_the_table_holds_each_label_once(data, function, labels_table):
    possible = [
        label(transaction_id=f"h{number}", is_fraud=fraud, reported_by=by)
        for number in range(2)
        for fraud in (True, False)
        for by in ("a", "a#fraud", "a#legitimate")
    ]
    for item in items(labels_table):
        labels_table.delete_item(TableName="labels", Key={name: item[name] for name in ("transaction_id", "label_id")})
    events = data.draw(st.lists(st.lists(st.sampled_from(possible), min_size=1, max_size=5), max_size=4))
    for event in events:
        assert function.handler(queued(*event), CONTEXT) == DONE
    found = as_labels(items(labels_table))
    assert len(found) == len(set(found))
    assert set(found) == {one for event in events for one in event}
    assert all(card not in json.dumps(items(labels_table)) for card in CARDS)
