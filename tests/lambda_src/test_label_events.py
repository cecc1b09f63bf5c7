"""lambda_src.ports.label_events: labels onto the bus."""

from __future__ import annotations

import json

import pytest

from fraud.label import Label, as_label, parse_label
from lambda_src.ports import clients
from lambda_src.ports.label_events import LabelsNotPublishedError, publish_labels


def labels(count: int, by: str = "ann") -> list[Label]:
    fields = {"is_fraud": True, "source": "analyst", "reported_by": by, "known_at": "2026-11-28T12:00:00.000Z"}
    return [as_label(fields | {"transaction_id": f"t{number}"}) for number in range(count)]


@pytest.fixture
def events(aws, bus):
    return clients.client("events")


def test_a_label_is_an_event_in_its_wire_form(events, bus):
    publish_labels(events, "decided", labels(1))
    (entry,) = bus
    assert (entry["EventBusName"], entry["Source"]) == ("decided", "card-fraud")
    assert entry["DetailType"] == "transaction labelled"
    assert json.loads(entry["Detail"]) == json.loads(labels(1)[0].to_json())


def test_many_labels_go_in_calls_of_ten(events, bus, aws):
    publish_labels(events, "decided", labels(25, by="é" * 100))
    assert [parse_label(entry["Detail"].encode()) for entry in bus] == labels(25, by="é" * 100)
    assert aws.calls.count("events.PutEvents") == 3


def test_one_that_the_bus_refuses_once_goes_again_alone(events, bus, monkeypatch):
    asked, pauses = [], []

    def refusing_once(*, Entries):  # noqa: N803 - boto's name
        asked.append([json.loads(entry["Detail"])["transaction_id"] for entry in Entries])
        refused = {"ErrorCode": "ThrottlingException", "ErrorMessage": "slow down"}
        return {"Entries": [refused if asked == [["t0", "t1", "t2"]] and at == 1 else {} for at in range(len(Entries))]}

    monkeypatch.setattr(events, "put_events", refusing_once)
    publish_labels(events, "decided", labels(3), pauses.append)
    assert (asked, pauses) == ([["t0", "t1", "t2"], ["t1"]], [0.2])


def test_labels_that_the_bus_goes_on_refusing_are_named_and_hold_up_no_other(events, monkeypatch):
    put = []

    def refusing_one(*, Entries):  # noqa: N803 - boto's name
        ids = [json.loads(entry["Detail"])["transaction_id"] for entry in Entries]
        put.extend(each for each in ids if each != "t3")
        return {"Entries": [{"ErrorCode": "InternalFailure"} if each == "t3" else {} for each in ids]}

    monkeypatch.setattr(events, "put_events", refusing_one)
    with pytest.raises(LabelsNotPublishedError, match="decided: 1 labels refused: InternalFailure") as refused:
        publish_labels(events, "decided", labels(12), lambda _: None)
    assert [each.transaction_id for each in refused.value.labels] == ["t3"]
    assert sorted(put) == sorted(each.transaction_id for each in labels(12) if each.transaction_id != "t3")
