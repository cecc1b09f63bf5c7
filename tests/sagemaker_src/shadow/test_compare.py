"""The comparison of a shadow with the champion, on files as SageMaker's data capture writes them."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fraud.model_input import ModelInput
from fraud.model_request import request_body
from sagemaker_src.shadow import compare
from sagemaker_src.shadow.captured import CapturedError, read_line
from sagemaker_src.shadow.compare import Limits, Measured, report, verdict

NAMED = "application/x-named-npy"
GIVEN = ModelInput(("amount", "hour"), {})
FINE = Measured(1000, 0, 4.0, 9.0)
LIMITS = Limits(errors=0.01, latency_ms=250, percent=100, hours=4)


def asked(*amounts: float) -> bytes:
    return request_body(np.array([[amount, 12] for amount in amounts], np.float32), GIVEN, 3)


def line(request: bytes, scores: list[float], version: str = "m1", **thresholds: float) -> str:
    """As page *model-monitor-data-capture-endpoint* shows one."""
    answer = {"model_version": version, "thresholds": {"review": 0.5, "block": 0.9, **thresholds}, "scores": scores}
    data = {
        "endpointInput": {
            "observedContentType": NAMED, "mode": "INPUT", "data": base64.b64encode(request).decode(), "encoding": "BASE64",
        },
        "endpointOutput": {
            "observedContentType": "application/json", "mode": "OUTPUT",
            "data": base64.b64encode(json.dumps(answer).encode()).decode(), "encoding": "BASE64",
        },
    }  # fmt: skip
    event = {"eventId": "0f1e", "inferenceTime": "2026-01-31T10:00:00Z"}
    return json.dumps({"captureData": data, "eventMetadata": event, "eventVersion": "0"})


def captured(folder: Path, variant: str, *lines: str, hour: str = "10") -> None:
    file = folder / "card-fraud-dev" / variant / "2026/01/31" / hour / "00-00-1.jsonl"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(f"{one}\n" for one in lines))


def compared(folder: Path, champion: Measured = FINE, candidate: Measured = FINE) -> dict[str, Any]:
    return report(folder, ("main", "shadow"), (champion, candidate), LIMITS)


def test_answers_to_the_same_requests_are_compared_whatever_their_order(tmp_path: Path) -> None:
    one, two, three = asked(10), asked(20, 30), asked(40)
    captured(tmp_path, "main", line(one, [0.1]), line(two, [0.2, 0.95]), line(three, [0.6]))
    captured(tmp_path, "shadow", line(two, [0.3, 0.55], "m2"), hour="11")
    captured(tmp_path, "shadow", line(one, [0.1], "m2"), line(asked(99), [0.4], "m2"))
    found = compared(tmp_path)
    assert (found["requests"], found["rows"], found["alone"]) == (2, 3, 1)
    assert (found["champion"]["model_version"], found["candidate"]["model_version"]) == ("m1", "m2")
    assert (found["champion"]["captured"], found["candidate"]["captured"]) == (3, 3)
    scores = found["scores"]
    assert scores["quantiles"]["0"] == pytest.approx(-0.4) and scores["quantiles"]["1"] == pytest.approx(0.1)
    assert scores["distance"] == pytest.approx((0.1 + 0.4 + 0) / 3)
    assert scores["correlation"] == pytest.approx(np.corrcoef([0.1, 0.2, 0.95], [0.1, 0.3, 0.55])[0, 1])
    assert found["decisions"]["pairs"] == [
        {"champion": "approve", "candidate": "approve", "rows": 2, "amount": 30.0},
        {"champion": "block", "candidate": "review", "rows": 1, "amount": 30.0},
    ]
    assert (found["decisions"]["differ"], found["decisions"]["share"]) == (1, pytest.approx(1 / 3))


def test_of_answers_that_cannot_be_compared_the_verdict_says_so(tmp_path: Path) -> None:
    captured(tmp_path, "main", line(asked(10), [0.5]))
    captured(tmp_path, "shadow", line(asked(11), [0.5]))
    found = compared(tmp_path)
    assert found["accepted"] and found["why"].endswith(
        "no answer of it and the champion's to the same request was captured"
    )
    captured(tmp_path, "shadow", line(asked(10), [0.5]))
    assert compared(tmp_path)["why"].endswith("; 0.00% of 1 decisions differ")


def test_each_model_decides_by_its_own_thresholds_and_a_score_on_one_is_over_it(tmp_path: Path) -> None:
    captured(tmp_path, "main", line(asked(10), [0.5]))
    captured(tmp_path, "shadow", line(asked(10), [0.5], review=0.6))
    [pair] = compared(tmp_path)["decisions"]["pairs"]
    assert (pair["champion"], pair["candidate"]) == ("review", "approve")


def test_one_bad_line_is_counted_and_stops_none_of_its_neighbours(tmp_path: Path) -> None:
    good = line(asked(10), [0.1])
    bad = (
        "",
        "{}",
        "null",
        "[1]",
        good[:-20],
        line(b"noise", [0.1]),
        line(asked(1, 2), [0.1]),
        line(asked(1), [float("nan")]),
    )
    captured(tmp_path, "main", *bad, good)
    captured(tmp_path, "shadow", good)
    found = compared(tmp_path)
    assert (found["champion"]["captured"], found["champion"]["unreadable"]) == (len(bad) + 1, len(bad))
    assert found["requests"] == 1


def test_a_line_that_cannot_be_read_is_told_of_without_what_it_holds() -> None:
    with pytest.raises(CapturedError) as raised:
        read_line(line(b"4000001234567899", [0.1]).encode())
    assert "4000" not in str(raised.value)


def test_a_capture_that_was_told_of_types_of_text_holds_text(tmp_path: Path) -> None:
    text = json.loads(line(asked(10), [0.25]))
    output = text["captureData"]["endpointOutput"]
    output.update(data=base64.b64decode(output["data"]).decode(), encoding="JSON")
    text["captureData"]["endpointInput"] = {
        "observedContentType": "text/csv", "mode": "INPUT", "data": "1.5,2\n", "encoding": "CSV",
    }  # fmt: skip
    answer = read_line(json.dumps(text).encode())
    assert answer.scores.tolist() == [0.25] and np.isnan(answer.amounts).all()


@pytest.mark.parametrize(
    ("champion", "candidate", "accepted", "says"),
    [
        (FINE, FINE, True, "as a shadow 0 of its 1,000 answers were errors, 0.00%"),
        (FINE, Measured(1000, 10, 4.0, 9.0), True, "10 of its 1,000 answers were errors, 1.00%"),
        (FINE, Measured(1000, 11, 4.0, 9.0), False, "11 of its 1,000 answers were errors, 1.10%; allowed: 1%"),
        (FINE, Measured(1000, 0, 4.0, 250.0), True, "errors"),
        (FINE, Measured(1000, 0, 4.0, 251.0), False, "it was slow: 99th percentile 251 ms; allowed: 250 ms"),
        # of an application that nobody uses
        (
            Measured(0, 0, None, None),
            Measured(0, 0, None, None),
            True,
            "it was asked nothing, for 0 requests came in 4 h",
        ),
        (Measured(29, 0, 4.0, 9.0), Measured(0, 0, None, None), True, "it was asked nothing, for 29 requests"),
        (FINE, Measured(0, 0, None, None), False, "it was asked none of the 1,000 requests that were meant for it"),
    ],
)
def test_errors_and_latency_decide(champion: Measured, candidate: Measured, accepted: bool, says: str) -> None:
    found = verdict(champion, candidate, LIMITS, {"rows": 0})
    assert found[0] is accepted
    assert says in found[1]


def options(folder: Path, **other: str) -> list[str]:
    measured = json.dumps({"asked": 9, "errors": 1, "p50_us": 4000, "p99_us": 9000})
    given = {
        "captured": str(folder), "champion": "main", "candidate": "shadow", "champion-measured": measured,
        "candidate-measured": measured, "percent": "100", "hours": "4", "most-errors-percent": "1",
        "most-latency-ms": "250", "out": str(folder / "out"), **other,
    }  # fmt: skip
    return [text for name, value in given.items() for text in (f"--{name}", value)]


def test_the_files_say_who_was_refused_and_why_and_the_job_has_not_failed(tmp_path: Path) -> None:
    captured(tmp_path, "main", line(asked(10), [0.1], "<b>m1"))
    captured(tmp_path, "shadow", line(asked(10), [0.95], "m2"))
    assert compare.main(options(tmp_path)) == 0
    found = json.loads((tmp_path / "out" / "comparison.json").read_text())
    assert (found["accepted"], found["why"]) == (
        False, "as a shadow 1 of its 9 answers were errors, 11.11%; allowed: 1%"
    )  # fmt: skip
    page = (tmp_path / "out" / "comparison.html").read_text()
    assert found["why"] in page and "<td>block</td>" in page
    assert "&lt;b&gt;m1" in page and "<b>m1" not in page
    assert "http" not in page, "it needs nothing from elsewhere"


def test_without_any_request_there_is_a_report(tmp_path: Path) -> None:
    (tmp_path / "_keep").write_text("")
    nothing = json.dumps({"asked": 0, "errors": 0, "p50_us": 0, "p99_us": 0})
    assert compare.main(options(tmp_path, **{"champion-measured": nothing, "candidate-measured": nothing})) == 0
    found = json.loads((tmp_path / "out" / "comparison.json").read_text())
    assert "0 requests came in" in found["why"]
    assert (found["accepted"], found["rows"], found["scores"], found["candidate"]["p99_ms"]) == (True, 0, None, None)


@pytest.mark.parametrize(
    "wrong", ["", "{}", "[]", '{"asked": 1}', "nan", '{"asked": -1, "errors": 0, "p50_us": 0, "p99_us": 0}']
)
def test_wrong_figures_are_refused_with_what_is_allowed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], wrong: str
) -> None:
    with pytest.raises(SystemExit):
        compare.main(options(tmp_path, **{"candidate-measured": wrong}))
    assert "allowed: an object with asked, errors, p50_us and p99_us" in capsys.readouterr().err
