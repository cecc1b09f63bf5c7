"""The function `watch`: what has no decision in time gets the rule's, once."""

from __future__ import annotations

import json

import pytest
from aws_lambda_powertools.utilities.batch.exceptions import BatchProcessingError

from fraud.decision import Decision
from samples.deciding_world import CARDS, MOMENT, feature_fields, transaction_message
from samples.kafka import EVENTS
from samples.lambda_context import CONTEXT
from tests.lambda_src.conftest import decisions


@pytest.fixture
def watch(load, table, bus, bucket):
    return load("watch")


def message(*numbers, received=1, identity="m1", body=None, **changes):
    [shape] = json.loads((EVENTS / "sqs.json").read_text())["Records"]
    waiting = [(transaction_message(number, **changes).decode(), MOMENT + number) for number in numbers]
    attributes = shape["attributes"] | {"ApproximateReceiveCount": str(received)}
    return shape | {"messageId": identity, "body": body or json.dumps(waiting), "attributes": attributes}


def event(*messages):
    return {"Records": list(messages)}


def decided_by_model(watch, number, amount_cents=None):
    """The decision about `transaction_message(number)`; another clock than the message's, as after a producer's second try."""
    own = feature_fields(number)
    decision = Decision(
        transaction_id=f"t{number}", cc_num=own["cc_num"], amount_cents=amount_cents or own["amount_cents"],
        event_time=own["event_time"], trans_time=MOMENT - 500, decided_at=MOMENT + 1,
        outcome="approve", path="model", score=0.1, model_version="v1", features={},
    )  # fmt: skip
    watch.store.record([decision])
    return decision


def test_what_is_decided_is_left_alone_with_one_call(watch, aws, table):
    for number in range(3):
        decided_by_model(watch, number)
    aws.calls.clear()
    assert watch.handler(event(message(0, 1, 2)), CONTEXT) == {"batchItemFailures": []}
    assert aws.calls == ["dynamodb.BatchGetItem"]
    assert {decision.path for decision in decisions(table).values()} == {"model"}


def test_what_is_undecided_gets_the_rules_decision_and_is_told(watch, aws, table, bus, capsys):
    kept = decided_by_model(watch, 0, amount_cents=70_000)
    aws.calls.clear()
    assert watch.handler(event(message(0, 1, 2, amount="700.00")), CONTEXT) == {"batchItemFailures": []}
    assert aws.calls == ["dynamodb.BatchGetItem", "dynamodb.TransactWriteItems", "events.PutEvents"]
    decided = decisions(table)
    assert decided["t0"] == kept
    assert (decided["t1"].path, decided["t1"].outcome) == ("fallback", "review")
    assert (decided["t1"].why, decided["t1"].trans_time) == ("no features within 10 s", MOMENT + 1)
    assert [json.loads(entry["Detail"])["transaction_id"] for entry in bus] == ["t1", "t2"]
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    assert [line["Undecided"] for line in lines if "Undecided" in line] == [[2.0]]


def test_a_transaction_twice_in_a_message_is_decided_and_told_once(watch, table, bus, quarantined):
    watch.handler(event(message(1, 1, amount="700.00")), CONTEXT)
    assert decisions(table).keys() == {"t1"}
    assert (len(bus), quarantined()) == (1, {})


def test_a_message_that_comes_again_changes_nothing_but_is_told_again(watch, table, bus):
    watch.handler(event(message(1, amount="700.00")), CONTEXT)
    first = decisions(table)
    watch.handler(event(message(1, amount="700.00", received=2)), CONTEXT)
    assert decisions(table) == first
    assert len(bus) == 2


def test_a_poison_message_comes_again_alone(watch, table):
    answer = watch.handler(event(message(body="no JSON", identity="bad"), message(1)), CONTEXT)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "bad"}]}
    assert decisions(table).keys() == {"t1"}


def test_items_of_a_message_that_cannot_be_read_fail_it_and_the_others_are_processed(watch, table, caplog):
    valid = transaction_message(1).decode()
    items = [
        None, [], [valid], [valid, MOMENT, 1], ["no JSON", MOMENT], [5, MOMENT], [valid, "now"], [valid, MOMENT * 1_000],
        [valid, -1], [valid, None], [valid.replace("t1", "\ud800"), MOMENT], [valid, MOMENT],
    ]  # fmt: skip
    bad = message(body=json.dumps(items), identity="bad")
    assert watch.handler(event(bad, message(2)), CONTEXT) == {"batchItemFailures": [{"itemIdentifier": "bad"}]}
    assert decisions(table).keys() == {"t1", "t2"}
    assert decisions(table)["t1"].trans_time == MOMENT
    assert "11 items of the message could not be read" in caplog.text


@pytest.mark.slow
def test_a_message_of_more_than_a_call_takes_is_processed_in_parts(watch, table):
    # page API_BatchGetItem: up to 100 items; page API_TransactWriteItems: up to 100 actions
    assert watch.handler(event(message(*range(250))), CONTEXT) == {"batchItemFailures": []}
    assert len(decisions(table)) == 250


FIRST = {"transaction_id": "t1", "cc_num": CARDS[1], "amount_cents": 1007, "event_time": "2026-01-01T00:00:00.000Z"}


@pytest.mark.parametrize(
    ("changes", "differs"),
    [
        ({"cc_num": CARDS[7]}, {"cc_num": CARDS[7]}),
        ({"amount": "990.00"}, {"amount_cents": 99_000}),
        ({"event_time": "2026-01-01T00:00:00.001Z"}, {"event_time": "2026-01-01T00:00:00.001Z"}),
    ],
)
@pytest.mark.parametrize("received", [1, 2])
def test_a_second_payment_that_the_stream_took_for_a_redelivery_is_counted_logged_and_kept(
    watch, table, bus, quarantined, capsys, caplog, changes, differs, received
):
    first = decided_by_model(watch, 1)
    twins = message(1, received=received), message(1, received=received, **changes)
    assert watch.handler(event(*twins), CONTEXT) == {"batchItemFailures": []}
    assert decisions(table) == {"t1": first}
    [(key, [line])] = quarantined().items()
    assert key.startswith("quarantine/collisions/2026-01-01/")
    assert line == {"transaction_id": "t1", "differs": [*differs], "standing": FIRST, "other": FIRST | differs}
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    assert [line["Collisions"] for line in lines if "Collisions" in line] == [[1.0]]
    assert [record.transaction_id for record in caplog.records if "two payments" in record.message] == ["t1"]


def test_of_two_undecided_payments_under_one_id_the_first_is_decided(watch, table, quarantined):
    items = [(transaction_message(1, amount=amount).decode(), MOMENT) for amount in ("10.07", "20.00")]
    watch.handler(event(message(body=json.dumps(items))), CONTEXT)
    assert decisions(table)["t1"].amount_cents == 1_007
    [[line]] = quarantined().values()
    assert (line["differs"], line["standing"]) == (["amount_cents"], FIRST)


def test_a_collision_that_cannot_be_kept_has_its_message_come_again(watch, aws, table):
    aws.client("s3").delete_bucket(Bucket="archive")
    decided_by_model(watch, 1)
    answer = watch.handler(event(message(1, amount="990.00", identity="m1"), message(2, identity="m2")), CONTEXT)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "m1"}]}
    assert decisions(table).keys() == {"t1", "t2"}


def test_a_decision_of_before_its_time_was_kept_is_compared_by_what_it_has(watch, table, quarantined):
    decided_by_model(watch, 1)
    key = {"transaction_id": {"S": "t1"}}
    table.update_item(TableName="decisions", Key=key, UpdateExpression="REMOVE event_time")
    watch.handler(event(message(1)), CONTEXT)
    assert quarantined() == {}


def test_a_throttled_table_fails_the_message(watch, monkeypatch):
    def refuse(**_):
        return {"Responses": {}, "UnprocessedKeys": {"decisions": {"Keys": []}}}

    monkeypatch.setattr(watch.store._client, "batch_get_item", refuse)
    monkeypatch.setattr(watch.store, "_sleep", lambda _: None)
    with pytest.raises(BatchProcessingError, match="keys left unread"):
        watch.handler(event(message(1)), CONTEXT)
