"""The function `archive`: Parquet of transactions and of decisions."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import datetime, timezone

import pyarrow.parquet as pq
import pytest
from botocore.exceptions import ClientError

from fraud.columns import DECISION_COLUMNS
from fraud.decision import Decision, Reason
from samples.deciding_world import CARDS, MOMENT, transaction_message
from samples.kafka import EVENTS, failures, kafka_event
from samples.lambda_context import CONTEXT

DAY_MS = 86_400_000


@pytest.fixture
def archive(load, bucket):
    return load("archive")


def tables(bucket):
    return {key: pq.read_table(io.BytesIO(content)).to_pylist() for key, content in bucket().items()}


def event(*messages, **place):
    return kafka_event(*messages, topic="transactions", **place)


def moment(ms):
    return datetime.fromtimestamp(ms / 1000, timezone.utc)


def test_a_happy_batch_is_one_object_with_the_records_own_time(archive, aws, bucket):
    messages = [transaction_message(number, note="kept") for number in range(100)]
    assert archive.handler(event(*messages, partition=3, offset=500), CONTEXT) == failures()
    assert aws.calls == ["s3.PutObject"]
    [(key, rows)] = tables(bucket).items()
    assert key == "transactions/day=2026-01-01/transactions-3-500-599.parquet"
    assert len(rows) == 100
    row = rows[7]
    assert (row["transaction_id"], row["cc_num"], row["amount_cents"]) == ("t7", CARDS[7], 1_049)
    assert (row["event_time"], row["stated_time"]) == (moment(MOMENT + 7), moment(MOMENT))
    assert json.loads(row["other"]) == {"note": "kept"}


def test_a_batch_over_midnight_is_an_object_a_day(archive, bucket):
    batch = event(transaction_message(1), transaction_message(2))
    batch["records"]["transactions-0"][1]["timestamp"] = MOMENT + DAY_MS
    archive.handler(batch, CONTEXT)
    days = {key.split("/")[1]: [row["transaction_id"] for row in rows] for key, rows in tables(bucket).items()}
    assert days == {"day=2026-01-01": ["t1"], "day=2026-01-02": ["t2"]}


def test_the_same_batch_again_writes_the_same_object(archive, bucket):
    for _ in range(2):
        archive.handler(event(transaction_message(1)), CONTEXT)
    assert len(bucket()) == 1


def test_a_part_of_a_batch_that_comes_again_does_not_replace_the_whole(archive, bucket):
    archive.handler(event(transaction_message(1), transaction_message(2)), CONTEXT)
    archive.handler(event(transaction_message(1)), CONTEXT)
    kept = {row["transaction_id"] for rows in tables(bucket).values() for row in rows}
    assert kept == {"t1", "t2"}


def test_poison_and_heartbeats_are_skipped(archive, bucket):
    archive.handler(
        event(b"{}", transaction_message(1), b"\xff", transaction_message(2, cc_num="4111111111111111")), CONTEXT
    )
    [rows] = tables(bucket).values()
    assert [row["transaction_id"] for row in rows] == ["t1"]
    assert archive.handler(event(b"{}", None), CONTEXT) == failures()
    assert len(bucket()) == 1


@pytest.mark.parametrize("timestamp", [MOMENT * 1_000, MOMENT * 1_000_000, -1, None])
def test_a_record_of_an_impossible_time_is_rejected_and_the_others_are_archived(archive, bucket, caplog, timestamp):
    batch = event(transaction_message(1), transaction_message(2), transaction_message(3))
    batch["records"]["transactions-0"][1]["timestamp"] = timestamp
    assert archive.handler(batch, CONTEXT) == failures()
    [rows] = tables(bucket).values()
    assert [row["transaction_id"] for row in rows] == ["t1", "t3"]
    [rejected] = [record for record in caplog.records if record.message == "skipped: invalid"]
    assert rejected.reason.startswith("timestamp: ")


def decision(number):
    return Decision(
        transaction_id=f"t{number}", cc_num=CARDS[0], amount_cents=1250, trans_time=MOMENT, decided_at=MOMENT + 9,
        outcome="review", path="model", score=0.5, model_version="v1", features={"amount": 12.5},
        reasons=(Reason("amount", 12.5, 0.5),), nightly_cut=MOMENT,
    )  # fmt: skip


def stream_event(*decided, name="INSERT"):
    [shape] = json.loads((EVENTS / "dynamodb_stream.json").read_text())["Records"]
    images = [{"transaction_id": {"S": each.transaction_id}, "decision": {"S": each.to_json()}} for each in decided]
    return {
        "Records": [
            shape | {"eventName": name, "dynamodb": shape["dynamodb"] | {"NewImage": image}} for image in images
        ]
    }


def test_decisions_are_archived_from_the_tables_stream(archive, bucket):
    assert archive.handler(stream_event(decision(1), decision(2)), CONTEXT) == failures()
    [(key, rows)] = tables(bucket).items()
    assert key == "decisions/day=2026-01-01/4421584500000000017450439091-2.parquet"
    assert (rows[1]["transaction_id"], rows[1]["decided_at"], rows[1]["nightly_cut"]) == (
        "t2", moment(MOMENT + 9), moment(MOMENT)
    )  # fmt: skip
    assert json.loads(rows[0]["reasons"]) == [["amount", 12.5, 0.5]]
    assert json.loads(rows[0]["features"]) == {"amount": 12.5}


def test_a_decision_of_an_impossible_time_is_kept_with_its_reason_and_the_others_are_archived(archive, bucket):
    late = replace(decision(2), trans_time=MOMENT * 1_000)
    assert archive.handler(stream_event(decision(1), late, decision(3)), CONTEXT) == failures()
    kept = {key: content for key, content in bucket().items() if key.startswith("decisions/")}
    [rows] = [pq.read_table(io.BytesIO(content)).to_pylist() for content in kept.values()]
    assert [row["transaction_id"] for row in rows] == ["t1", "t3"]
    [key] = bucket().keys() - kept.keys()
    assert key == "quarantine/decisions/2026-01-01/0-4421584500000000017450439091.jsonl"
    line = json.loads(bucket()[key])
    assert line["reason"].startswith("trans_time: 16 digits, which would be 2026-01-01 in microseconds; allowed: ")
    assert '"t2"' in line["message"]


def test_a_decision_that_fits_no_column_is_kept_with_its_reason_and_the_others_are_archived(archive, bucket):
    odd = replace(decision(2), model_version="\ud800")  # no UTF-8
    assert archive.handler(stream_event(decision(1), odd), CONTEXT) == failures()
    content = bucket()
    assert [key.split("/")[0] for key in sorted(content)] == ["decisions", "quarantine"]
    [line] = [json.loads(text) for key, text in content.items() if key.startswith("quarantine/")]
    assert line["reason"].startswith("row: ")


@pytest.mark.parametrize(
    ("column", "value"),
    [("amount_cents", "much"), ("cc_num", None), ("outcome", "maybe"), ("path", 5), ("score", []), ("reasons", [["amount"]]),
     ("features", {"amount": {}}), ("nightly_cut", "yesterday")],
)  # fmt: skip
def test_a_decision_with_an_invalid_column_is_kept_with_its_reason(archive, bucket, column, value):
    row = json.loads(decision(1).to_json()) | {column: value}
    event = stream_event(decision(1))
    event["Records"][0]["dynamodb"]["NewImage"]["decision"]["S"] = json.dumps(row)
    assert archive.handler(event, CONTEXT) == failures()
    [text] = bucket().values()
    assert json.loads(text)["reason"].startswith(f"{column}: ")


def test_the_archive_its_tables_and_the_decision_table_have_the_columns_of_one_table(archive):
    assert {column.name for column in DECISION_COLUMNS} == set(Decision.__slots__)
    row = archive.decision_row(decision(1))
    assert [*row] == [column.name for column in DECISION_COLUMNS if column.archived]
    assert archive.DECISIONS.names == [*row]


def test_what_can_neither_be_archived_nor_kept_comes_again(archive, aws):
    aws.client("s3").delete_bucket(Bucket="archive")
    with pytest.raises(archive.NotQuarantinedError):
        archive.handler({"Records": [{"eventName": "INSERT"}]}, CONTEXT)


def test_a_decision_of_another_version_is_archived(archive, bucket):
    newer = stream_event(decision(1))
    image = newer["Records"][0]["dynamodb"]["NewImage"]
    image["decision"]["S"] = json.dumps(json.loads(image["decision"]["S"]) | {"of_another_version": {}})
    assert archive.handler(newer, CONTEXT) == failures()
    [rows] = tables(bucket).values()
    assert [row["transaction_id"] for row in rows] == ["t1"]


def test_expired_decisions_are_not_archived_again(archive, bucket):
    assert archive.handler(stream_event(decision(1), name="REMOVE"), CONTEXT) == failures()
    assert bucket() == {}


def test_a_bucket_that_refuses_has_the_batch_come_again(archive, aws):
    aws.client("s3").delete_bucket(Bucket="archive")
    with pytest.raises(ClientError, match="NoSuchBucket"):
        archive.handler(event(transaction_message(1)), CONTEXT)
