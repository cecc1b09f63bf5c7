"""The function `watch`: what has no decision in time gets the rule's, once."""

from __future__ import annotations

import json

import pytest
from aws_lambda_powertools.utilities.batch.exceptions import BatchProcessingError

from fraud.decision import Decision
from tests.deciding_world import CARDS, MOMENT, transaction_message
from tests.handlers.conftest import decisions
from tests.handlers.kafka import EVENTS


@pytest.fixture
def watch(load, table, bus):
    return load("watch")


def message(*numbers, received=1, identity="m1", body=None, **changes):
    [shape] = json.loads((EVENTS / "sqs.json").read_text())["Records"]
    waiting = [(transaction_message(number, **changes).decode(), MOMENT + number) for number in numbers]
    attributes = shape["attributes"] | {"ApproximateReceiveCount": str(received)}
    return shape | {"messageId": identity, "body": body or json.dumps(waiting), "attributes": attributes}


def event(*messages):
    return {"Records": list(messages)}


def decided_by_model(watch, number):
    decision = Decision(
        transaction_id=f"t{number}", cc_num=CARDS[0], amount_cents=1, trans_time=MOMENT, decided_at=MOMENT + 1,
        outcome="approve", path="model", score=0.1, model_version="v1", features={},
    )  # fmt: skip
    watch.store.record([decision])
    return decision


def test_what_is_decided_is_left_alone_with_one_call(watch, aws, table):
    for number in range(3):
        decided_by_model(watch, number)
    aws.calls.clear()
    assert watch.handler(event(message(0, 1, 2)), None) == {"batchItemFailures": []}
    assert aws.calls == ["dynamodb.BatchGetItem"]
    assert {decision.path for decision in decisions(table).values()} == {"model"}


def test_what_is_undecided_gets_the_rules_decision_and_is_told(watch, aws, table, bus, capsys):
    kept = decided_by_model(watch, 0)
    aws.calls.clear()
    assert watch.handler(event(message(0, 1, 2, amount="700.00")), None) == {"batchItemFailures": []}
    assert aws.calls == ["dynamodb.BatchGetItem", "dynamodb.TransactWriteItems", "events.PutEvents"]
    decided = decisions(table)
    assert decided["t0"] == kept
    assert (decided["t1"].path, decided["t1"].outcome) == ("fallback", "review")
    assert (decided["t1"].why, decided["t1"].trans_time) == ("no features within 10 s", MOMENT + 1)
    assert [json.loads(entry["Detail"])["transaction_id"] for entry in bus] == ["t1", "t2"]
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    assert [line["Undecided"] for line in lines if "Undecided" in line] == [[2.0]]


def test_a_transaction_twice_in_a_message_is_decided_once(watch, table):
    watch.handler(event(message(1, 1)), None)
    assert decisions(table).keys() == {"t1"}


def test_a_message_that_comes_again_changes_nothing_but_is_told_again(watch, table, bus):
    watch.handler(event(message(1, amount="700.00")), None)
    first = decisions(table)
    watch.handler(event(message(1, amount="700.00", received=2)), None)
    assert decisions(table) == first
    assert len(bus) == 2


def test_a_poison_message_comes_again_alone(watch, table):
    answer = watch.handler(event(message(body="no JSON", identity="bad"), message(1)), None)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "bad"}]}
    assert decisions(table).keys() == {"t1"}


def test_a_throttled_table_fails_the_message(watch, monkeypatch):
    def refuse(**_):
        return {"Responses": {}, "UnprocessedKeys": {"decisions": {"Keys": []}}}

    monkeypatch.setattr(watch.store._client, "batch_get_item", refuse)
    monkeypatch.setattr(watch.store, "_sleep", lambda _: None)
    with pytest.raises(BatchProcessingError, match="keys left unread"):
        watch.handler(event(message(1)), None)
