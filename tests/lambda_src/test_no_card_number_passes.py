"""Card numbers in every spelling, in every place of a message, through every function: nothing that any of them keeps, sends or
says lets one be read."""

from __future__ import annotations

import io
import json
import logging
import re
from typing import Any

import pyarrow.parquet as pq
import pytest
from aws_lambda_powertools.utilities.batch.exceptions import BatchProcessingError

from fraud.card_numbers import MASK
from fraud.features.nightly_records import nightly_record, population_records
from fraud.transaction import TRANSACTION_ID_PATTERN
from lambda_src.kafka_event import WholeBatchFailedError
from samples.deciding_world import (
    CARDS,
    MOMENT,
    POPULATION,
    card_record,
    feature_message,
    transaction_message,
    write_model,
)
from samples.kafka import EVENTS, kafka_event
from samples.labels import label, queued
from samples.lambda_context import CONTEXT
from samples.stand_ins import Endpoint
from tests.card_number_cases import CARD, NONE, SPELLINGS, readable
from tests.lambda_src.conftest import decisions

BATCH = 50
TEXTS = {kind: text for kind, text in SPELLINGS.items() if len(text) <= 100}
IDS = [text for text in SPELLINGS.values() if re.fullmatch(TRANSACTION_ID_PATTERN, text)]
NUMBERS = (CARD, "4.000056655665556E15", "4000056655665556.0", "4000056655665556e0", "40000566556655561229")


def _in_place_of(message: bytes, field: str, number: str) -> bytes:
    fields = json.loads(message)
    return json.dumps({**fields, field: "HERE"}).replace('"HERE"', number).encode()


def refused(make: Any) -> list[bytes]:
    """Messages that break the contract, and hold the number."""
    good = make(0)
    messages = [make(0, cc_num=text) for text in SPELLINGS.values()]
    messages += [make(0, cc_num=text, note=text) for text in SPELLINGS.values()]
    messages += [make(0, **{field: text}) for field in ("merchant", "category") for text in TEXTS.values()]
    messages += [make(0, transaction_id=text) for text in IDS]
    messages += [_in_place_of(good, field, number) for field in json.loads(good) for number in NUMBERS]
    messages += [make(0, cc_num="none", **{text: text}) for text in SPELLINGS.values()]
    messages += [
        json.dumps(json.loads(make(0, cc_num="none", note=text)), ensure_ascii=False).encode(encoding)
        for text in SPELLINGS.values()
        for encoding in ("utf-8", "utf-16", "utf-32")
    ]
    messages += [good[:-1] + f', "note": {text}'.encode() for text in SPELLINGS.values()]  # no JSON
    messages += [text.encode() for text in SPELLINGS.values()]
    messages += [good[:-1] + b', "note": "4000\xff0566\xff5566\xff5556"}', (CARD.encode() + b" ") * 3_000]
    # half a number at each place where a text may be cut
    messages += [b'{"note": "' + b"x" * cut + CARD.encode() for cut in range(1_960, 2_010)]
    messages += [b'{"note": "' + b"x " * 19_990 + b" " * cut + CARD.encode() for cut in range(20)]
    return messages


def kept(make: Any) -> list[bytes]:
    """Valid messages that hold the number in a field of their own; the same field twice, and the number as a name."""
    messages = []
    for number, text in enumerate(SPELLINGS.values()):
        messages.append(make(number, transaction_id=f"kept-{number}", note=text))
        name = json.dumps(text, ensure_ascii=False)
        if "\\" not in name and text.isprintable():  # no other name has the wire's form
            of_name = make(number, transaction_id=f"named-{number}")
            messages.append(of_name[:-1] + f", {name}: 1}}".encode())
        twice = make(number, transaction_id=f"twice-{number}", note=text)
        messages.append(twice[:-1] + b', "note": "fine"}')
    for number, text in enumerate(NUMBERS):
        messages.append(make(number, transaction_id=f"number-{number}")[:-1] + f', "card": {text}}}'.encode())
    return messages


class Witness(logging.Handler):
    """All that is said: every part of each log record, and what is printed, metrics among it."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(json.dumps(record.__dict__, default=str))
        self.said.append(logging.Formatter().format(record))


@pytest.fixture
def witness(capsys):
    """A function that asserts that nothing said of a loaded handler lets the number be read."""
    witness = Witness()

    def listen(function: Any) -> Any:
        function.logger.addHandler(witness)
        function.logger.setLevel(logging.DEBUG)
        return function

    logging.getLogger().addHandler(witness)
    yield listen
    logging.getLogger().removeHandler(witness)
    printed = capsys.readouterr()
    for said in (*witness.said, *printed.out.splitlines(), *printed.err.splitlines()):
        assert not readable(said), said


def assert_unreadable(*contents: Any) -> None:
    for content in contents:
        text = content if isinstance(content, str | bytes) else json.dumps(content, default=str)
        assert not readable(text), text


def through(function: Any, messages: list[bytes], topic: str) -> None:
    for start in range(0, len(messages), BATCH):
        batch = messages[start : start + BATCH]
        assert function.handler(kafka_event(*batch, topic=topic, offset=start), CONTEXT) == {"batchItemFailures": []}


def test_accept(load, aws, witness, quarantined) -> None:
    sqs = aws.client("sqs")
    url = sqs.create_queue(QueueName="watch")["QueueUrl"]
    function = witness(load("accept", WATCH_QUEUE_URL=url))
    sent = sent_by(function)
    bad, good = refused(transaction_message), kept(transaction_message)
    through(function, bad, "transactions")
    assert sent == []
    lines = [line for of_object in quarantined().values() for line in of_object]
    assert len(lines) == len(bad)
    assert_unreadable(*lines)
    assert sum(MASK in line["message"] for line in lines) > 0.9 * len(bad)
    through(function, good, "transactions")
    assert sum(len(of_object) for of_object in quarantined().values()) == len(bad)
    assert sum(len(json.loads(body)) for body in sent) == len(good)
    assert_unreadable(*sent)
    with pytest.raises(WholeBatchFailedError) as failed:
        aws.client("sqs").delete_queue(QueueUrl=url)
        function.handler(kafka_event(*good[:3], topic="transactions"), CONTEXT)
    assert_unreadable(str(failed.value))


def sent_by(function: Any) -> list[str]:
    """The bodies of what goes to the watch queue from now on."""
    sent: list[str] = []
    real = function.queue._client.send_message
    function.queue._client.send_message = lambda **given: (sent.append(given["MessageBody"]), real(**given))[1]
    return sent


def test_what_is_no_card_number_goes_through_accept_as_it_is(load, aws, quarantined) -> None:
    url = aws.client("sqs").create_queue(QueueName="watch")["QueueUrl"]
    function = load("accept", WATCH_QUEUE_URL=url)
    sent = sent_by(function)
    messages = [
        transaction_message(number, merchant=text, reference=text, **{text: 1})
        for number, text in enumerate(NONE.values())
        if text.isascii()
    ]
    through(function, messages, "transactions")
    assert quarantined() == {}
    assert [json.loads(message) for body in sent for message, _ in json.loads(body)] == list(map(json.loads, messages))


def test_archive(load, witness, bucket) -> None:
    function = witness(load("archive"))
    bad, good = refused(transaction_message), kept(transaction_message)
    through(function, bad, "transactions")
    assert bucket() == {}
    through(function, good, "transactions")
    objects = bucket()
    rows = [row for content in objects.values() for row in pq.read_table(io.BytesIO(content)).to_pylist()]
    assert len(rows) == len(good)
    assert sum(MASK in row["other"] for row in rows) > len(good) / 2
    assert_unreadable(*objects, *rows)


@pytest.fixture(scope="module")
def model_dir(tmp_path_factory):
    return write_model(tmp_path_factory.mktemp("model"))


@pytest.mark.slow
def test_decide(load, aws, witness, feature_store, table, bus, quarantined, model_dir) -> None:
    Endpoint(model_dir).register(aws.events)
    for card in CARDS:
        feature_store.put("cc-agg-batch-fg", nightly_record(card, card_record(MOMENT)))
    for record in population_records(POPULATION, MOMENT):
        feature_store.put("cc-agg-batch-fg", record)
    function = witness(load("decide"))
    bad = refused(feature_message)
    # what the function does not look at, it does not refuse, and does not keep either
    looked_at = [
        message for message in bad if not re.search(rb'"(merch_lat|merch_long|event_time)": ?4[0-9.e]', message)
    ]
    through(function, bad, "features")
    lines = [line for of_object in quarantined().values() for line in of_object]
    assert len(looked_at) - 10 <= len(lines) <= len(bad)
    assert_unreadable(*lines)
    good = kept(lambda number, **given: feature_message(number, amount_cents=99_000, **given))
    through(function, good, "features")
    decided = decisions(table)
    assert {f"kept-{number}" for number in range(len(SPELLINGS))} <= decided.keys()
    assert len(bus) >= len(good)
    items = table.scan(TableName="decisions")["Items"]
    assert_unreadable(*items, *bus, *feature_store.writes)


def test_ingest_features(load, witness, feature_store) -> None:
    function = witness(load("ingest_features"))
    through(function, refused(feature_message), "features")
    through(function, kept(feature_message), "features")
    assert feature_store.groups["cc-agg-fg"]
    assert_unreadable(dict(feature_store.groups), *feature_store.writes)


@pytest.mark.slow
def test_watch(load, aws, witness, table, bus) -> None:
    function = witness(load("watch"))
    [shape] = json.loads((EVENTS / "sqs.json").read_text())["Records"]

    def message(text: bytes, identity: str) -> dict[str, Any]:
        body = json.dumps([[text.decode(errors="replace"), MOMENT]])
        return shape | {"messageId": identity, "body": body}

    good = kept(lambda number, **given: transaction_message(number, amount="700.00", **given))
    through_queue = [message(text, f"good{number}") for number, text in enumerate(good)]
    assert function.handler({"Records": through_queue}, CONTEXT) == {"batchItemFailures": []}
    assert len(decisions(table)) == len(good)
    for text in refused(transaction_message):  # none of `accept`'s; someone else's, or of an older release
        try:
            function.handler({"Records": [message(text, "bad")]}, CONTEXT)
        except BatchProcessingError as error:
            assert_unreadable(str(error), repr(error))
    assert_unreadable(*table.scan(TableName="decisions")["Items"], *bus)


def test_record_labels(load, witness, table, labels_table, bucket, quarantined) -> None:
    function = witness(load("record_labels"))
    fields = json.loads(label().to_json())
    wrong: list[Any] = [{**fields, name: text} for name in fields for text in SPELLINGS.values()]
    wrong += [{**fields, text: 1} for text in SPELLINGS.values()] + [
        {**fields, "note": text} for text in SPELLINGS.values()
    ]
    wrong += [*SPELLINGS.values(), *({"note": text} for text in SPELLINGS.values()), [CARD], CARD, int(CARD)]
    for start in range(0, len(wrong), BATCH):
        messages = queued(*wrong[start : start + BATCH])
        assert function.handler(messages, CONTEXT) == {"batchItemFailures": []}
    assert labels_table.scan(TableName="labels")["Items"] == []
    lines = [line for of_object in quarantined().values() for line in of_object]
    assert len(lines) == len(wrong)
    assert_unreadable(*lines, *bucket())
