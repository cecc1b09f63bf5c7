"""`fraud detector`: status, publish, predict, teardown, on the emulated service."""

from __future__ import annotations

import json
import re
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import botocore.session
import pytest

from cli.endings import EndedError
from fraud.detector import MODEL_TYPE, REQUIRED
from reading.errors import BadInputError
from samples.detector import DETECTOR, MODEL, ROLE, Detector
from tests.card_number_cases import CARD

events, predict, publish, status, teardown = (
    import_module(f"cli.detector.{name}") for name in ("events", "predict", "publish", "status", "teardown")
)

EVENT = {
    "transaction_id": "t1",
    "cc_num": "a" * 32,
    "event_time": "2026-01-02T03:04:05.678Z",
    "amount": "12.50",
    "category": "grocery",
}


class Deployed(Detector):
    """The service beside the stack that made it.

    Attributes:
        outputs: of the stack.
    """

    outputs: dict[str, str]

    def stacks(self, StackName: str) -> dict[str, Any]:  # noqa: N803
        assert StackName == "CardFraud-Dev-Batch"
        shown = [{"OutputKey": name, "OutputValue": value} for name, value in self.outputs.items()]
        return {"Stacks": [{"Outputs": shown}]}

    def expressions(self, version: str) -> list[str]:
        """Of the rules of a detector version, without the names of scores."""
        found = self("GetDetectorVersion", detectorId=DETECTOR, detectorVersionId=version)["rules"]
        rules = [self("GetRules", **rule)["ruleDetails"][0]["expression"] for rule in found]
        return [rule.replace(f"${MODEL}_insightscore", "score") for rule in rules]


@pytest.fixture
def detector(monkeypatch: pytest.MonkeyPatch) -> Deployed:
    """With a trained model, in the application that stands."""
    made = Deployed()
    session = botocore.session.Session()
    client = session.create_client(
        "frauddetector",
        region_name="eu-west-1",
        aws_access_key_id="a",
        aws_secret_access_key="s",  # noqa: S106
    )
    made.register(client.meta.events)
    made.outputs = {"DetectorHigh": "910", "DetectorMedium": "720"}
    of = {"frauddetector": client, "cloudformation": SimpleNamespace(describe_stacks=made.stacks)}
    monkeypatch.setattr("cli.applications.in_use", lambda: SimpleNamespace(client=of.__getitem__))
    for module in (publish, teardown):
        monkeypatch.setattr(module.time, "sleep", lambda _: made.run())
    model = {"modelId": MODEL, "modelType": MODEL_TYPE}
    made("CreateModel", **model, eventTypeName="credit_card_transaction")
    labels = {"labelMapper": {"FRAUD": ["fraud"], "LEGIT": ["legit"]}}
    made(
        "CreateModelVersion",
        **model,
        trainingDataSource="EXTERNAL_EVENTS",
        trainingDataSchema={"modelVariables": list(REQUIRED), "labelSchema": labels},
        externalEventsDetail={"dataLocation": "s3://batch/a.csv", "dataAccessRoleArn": ROLE},
    )
    return made


def published(detector: Detector) -> None:
    detector.run()
    publish.publish()


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_status_says_what_became_of_each(detector: Detector, capsys: pytest.CaptureFixture[str]) -> None:
    status.status()
    assert "1.0  TRAINING_IN_PROGRESS  s3://batch/a.csv" in capsys.readouterr().out
    published(detector)
    status.status()
    said = capsys.readouterr().out
    assert "1.0  ACTIVE" in said
    assert "1  ACTIVE  1.0; rules high_risk, medium_risk, low_risk, no_score" in said


def test_publish_waits_for_training_and_deployment(detector: Detector) -> None:
    publish.publish()
    assert detector("GetDetectorVersion", detectorId=DETECTOR, detectorVersionId="1")["status"] == "ACTIVE"


def test_publish_takes_the_thresholds_that_were_deployed_unless_it_is_told_others(detector: Deployed) -> None:
    publish.publish()
    assert detector.expressions("1")[:3] == ["score >= 910", "score >= 720 and score < 910", "score < 720"]
    publish.publish(high=950)
    assert detector.expressions("2")[:3] == ["score >= 950", "score >= 720 and score < 950", "score < 720"]
    publish.publish()
    assert "1  ACTIVE" in " ".join(f"{one['detectorVersionId']}  {one['status']}" for one in detector(
        "DescribeDetector", detectorId=DETECTOR)["detectorVersionSummaries"])  # fmt: skip


def test_publish_where_the_stack_says_no_thresholds_needs_them_as_options(detector: Deployed) -> None:
    detector.outputs = {}
    with pytest.raises(BadInputError, match=r"CardFraud-Dev-Batch says no DetectorHigh.*or give --high"):
        publish.publish()
    publish.publish(high=900, medium=700)
    assert detector.expressions("1")[0] == "score >= 900"


def test_publish_without_a_trained_version_says_so(detector: Detector) -> None:
    detector.fails = "the file has no column amount"
    detector.run()
    with pytest.raises(EndedError, match="no version that was trained"):
        publish.publish()


def test_wrong_options_are_refused(detector: Detector, tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="--medium"):
        publish.publish(high=700, medium=700)
    with pytest.raises(BadInputError, match="--version"):
        publish.publish(version="one")
    with pytest.raises(BadInputError, match="cannot be read"):
        predict.predict(str(tmp_path / "none.json"))


def test_one_event_is_predicted(detector: Detector, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    published(detector)
    (tmp_path / "event.json").write_text(json.dumps(EVENT))
    predict.predict(str(tmp_path / "event.json"))
    captured = capsys.readouterr()
    assert json.loads(captured.out) == {
        "transaction_id": "t1",
        "outcomes": ["medium_risk"],
        "rules": ["no_score"],
        "scores": {},
    }
    assert "no model scores" in " ".join(captured.err.split())


@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_a_file_is_predicted_in_its_order_and_bad_rows_stop_no_others(
    detector: Detector, tmp_path: Path, form: str
) -> None:
    published(detector)
    rows = [{**EVENT, "transaction_id": f"t{number}"} for number in range(100)]
    rows[3]["amount"], rows[7]["event_time"], rows[9]["merchant"] = "much", "yesterday", CARD
    data, out = tmp_path / f"events.{form}", tmp_path / "out.jsonl"
    if form == "csv":
        names = [*EVENT, "merchant"]
        text = [",".join(names), *(",".join(str(row.get(name, "")) for name in names) for row in rows)]
    else:
        text = [json.dumps(row) for row in rows]
    data.write_text("\n".join(text))
    with pytest.raises(EndedError, match="3 of 100 events could not be predicted"):
        predict.predict(str(data), out=out, rate=200)
    found = lines(out)
    assert [place for place, one in enumerate(found) if "error" in one] == [3, 7, 9]
    assert [one.get("transaction_id") for one in found[:3]] == ["t0", "t1", "t2"]
    assert CARD not in out.read_text()
    assert [file.name for file in tmp_path.iterdir() if "unfinished" in file.name] == []


def test_the_rows_of_a_batch_file_are_events_too() -> None:
    row = {"amount": "1", "EVENT_TIMESTAMP": "2026-01-02T03:04:05Z", "ENTITY_ID": "a", "EVENT_ID": "t1"}
    assert events.event(row, DETECTOR)["eventId"] == "t1"
    # the service takes no capital letters, points or colons
    assert re.fullmatch("[0-9a-f]{64}", events.event({**row, "EVENT_ID": "T.7:a"}, DETECTOR)["eventId"])


def test_calls_are_no_faster_than_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    at = [100.0]
    monkeypatch.setattr(predict.time, "monotonic", lambda: at[0])
    monkeypatch.setattr(predict.time, "sleep", lambda seconds: at.__setitem__(0, at[0] + seconds))
    pace = predict._Pace(50)
    for _ in range(101):
        pace.wait()
    assert at[0] == pytest.approx(102.0)


def test_teardown_leaves_nothing_and_goes_on_where_it_was(
    detector: Detector, capsys: pytest.CaptureFixture[str]
) -> None:
    published(detector)
    teardown.teardown()
    assert detector("GetModels")["models"] == []
    assert detector("GetDetectors")["detectors"]
    teardown.teardown(whole=True)
    assert detector("GetVariables")["variables"] == []
    assert "deleted event type credit_card_transaction" in capsys.readouterr().out
    teardown.teardown(whole=True)
    assert capsys.readouterr().out == ""
