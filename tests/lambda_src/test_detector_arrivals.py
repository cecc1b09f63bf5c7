"""The function `train_model` on Amazon Fraud Detector: mode and version of the settings, and states that allow no training."""

from __future__ import annotations

import json

import pytest
from aws_lambda_powertools.utilities.batch.exceptions import BatchProcessingError

from samples.s3 import s3_message
from tests.lambda_src.arrivals import NONE, OnFraudDetector


@pytest.fixture
def made(load, aws):
    """Makes the function with the settings given."""

    def make(mode="update", version="1.0"):
        return OnFraudDetector("train_model", load, aws, mode, version)

    return make


def done(batch, name, body=b"rows"):
    """What the log says that was done with a new object."""
    assert batch.process(s3_message(batch.put(name, body))) == NONE


def refused(batch, name):
    with pytest.raises(BatchProcessingError) as caught:
        batch.process(s3_message(batch.put(name)))
    return str(caught.value)


@pytest.mark.parametrize("mode", ["create", "update"])
def test_the_first_object_makes_the_version(made, mode):
    batch = made(mode)
    done(batch, "a")
    assert list(batch.versions()) == ["1.0"]
    assert batch.machines.started == [{"version": "1.0"}]


def test_with_update_further_objects_make_the_next_minor_versions(made):
    batch = made()
    for name in "abc":
        done(batch, name)
        batch.end()
    assert {number: one["externalEventsDetail"]["dataLocation"] for number, one in batch.versions().items()} == {
        "1.0": f"s3://batch/{batch.key('a')}",
        "1.01": f"s3://batch/{batch.key('b')}",
        "1.02": f"s3://batch/{batch.key('c')}",
    }
    assert batch.machines.started == [{"version": number} for number in ("1.0", "1.01", "1.02")]


def test_with_create_a_further_object_is_refused_with_what_is_allowed(made):
    batch = made("create")
    done(batch, "a")
    batch.end()
    assert "version 1.0 cannot be created: there are 1.0; allowed: detector_version 2.0" in refused(batch, "b")
    assert list(batch.versions()) == ["1.0"]


def test_an_object_during_a_training_is_a_line_and_no_retry(made, caplog):
    batch = made()
    done(batch, "a")
    done(batch, "b")
    (line,) = [vars(one)["done"] for one in caplog.records if "not trained on" in str(vars(one).get("done"))]
    assert line == "not trained on: version 1.0 is in training, and the service takes one training at a time"
    assert list(batch.versions()) == ["1.0"]


@pytest.mark.parametrize(
    ("mode", "version", "says"),
    [
        ("update", "3.0", "version 3.x cannot be updated: there are 1.x"),
        ("create", "3.0", "there are 1.0; allowed: detector_version 2.0"),
    ],
)
def test_an_unknown_version_is_refused(made, load, mode, version, says):
    batch = made()
    done(batch, "a")
    batch.end()
    back_end = json.dumps({**json.loads(batch.environment["BACK_END"]), "mode": mode, "version": version})
    batch.function = load("train_model", **batch.environment | {"BACK_END": back_end})
    assert says in refused(batch, "b")
    assert list(batch.versions()) == ["1.0"]


def test_a_version_none_of_whose_trainings_succeeded_is_refused(made):
    batch = made()
    batch.service.fails = "the file has no column amount"
    done(batch, "a")
    batch.end()
    assert "version 1.x cannot be updated: 1.0 ERROR" in refused(batch, "b")


def test_the_last_minor_version_is_followed_by_none(made):
    batch = made()
    for number in range(100):
        done(batch, f"{number}")
        batch.end()
    assert list(batch.versions())[-1] == "1.99"
    assert "1.99 is the last that the service numbers; allowed: detector_mode create with detector_version 2.0" in (
        refused(batch, "one more")
    )


def test_a_training_whose_publishing_could_not_be_started_is_published_when_the_message_comes_again(made):
    batch = made()
    message = s3_message(batch.put())
    batch.refused["StartExecution"] = "StateMachineDeleting"
    with pytest.raises(BatchProcessingError):
        batch.process(message)
    batch.refused.clear()
    batch.end()
    assert batch.process(message) == NONE
    assert list(batch.versions()) == ["1.0"]
    assert batch.machines.started == [{"version": "1.0"}]


def test_an_object_that_was_overwritten_after_its_training_is_trained_on_again(made, monkeypatch):
    batch = made()
    with monkeypatch.context() as earlier:
        earlier.setattr("emulator.fraud_detector.shelf.moment", lambda: "2026-01-01T00:00:00.000Z")
        done(batch, "a", b"old")
    batch.end()
    message = s3_message(batch.put("a", b"new"))
    assert batch.process(message) == NONE
    batch.end()
    assert list(batch.versions()) == ["1.0", "1.01"]
    assert batch.process(message) == NONE
    assert list(batch.versions()) == ["1.0", "1.01"]
