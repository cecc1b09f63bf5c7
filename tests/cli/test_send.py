"""`fraud send`: what it says of what was decided, and what it refuses."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest

from cli import send as module
from cli.send import SHOWN, summary
from fraud.decision import Decision
from fraud.transaction import card_token
from fraud.world import stream_messages
from local import background
from local.sending_api import Refused
from tests.cli.person_files import KEY, frame, fraud
from tests.cli.standing_application import STANDING, decision, rows
from tests.reading.test_columns import handbook


def test_outcomes_paths_and_the_attack_are_counted_apart() -> None:
    decided = [decision(1), decision(2, "review"), decision(3, "block"), decision(4, "block")]
    lines = summary(decided, frozenset({"t003", "t004"}), empty=False)
    assert lines[1] == "2 decided: 1 approved, 1 to review, 0 blocked; 2 by the model"
    assert lines[2].startswith("The attack, 2 small purchases on card 00000000: 0 approved, 0 to review, 2 blocked")
    assert lines[-1] == "`.venv/bin/fraud decisions` shows each with its reasons."


def test_an_empty_application_says_why_the_fallback_rule_decides_and_how_to_get_a_model() -> None:
    decided = [decision(number, path="fallback") for number in range(3)]
    said = " ".join(summary(decided, frozenset(), empty=True))
    assert "3 by the fallback" in said
    assert "The fallback rule decided 3: no model is deployed yet" in said
    assert "`fraud up` alone brings a trained model" in said


def test_nothing_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(module, "in_use", lambda: background.in_use(tmp_path / "up.json"))
    status, said = fraud(monkeypatch, capsys, "send")
    assert (status, said) == (2, "fraud: no application stands; `fraud up` stands one up")


def test_purchases_that_are_gone_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = replace(STANDING, following=str(tmp_path / "following.parquet"))
    monkeypatch.setattr(module, "in_use", lambda: gone)
    monkeypatch.setattr(module, "Application", lambda _: None)
    status, said = fraud(monkeypatch, capsys, "send")
    assert status == 2
    assert "following.parquet, what the cards of this application buy, cannot be read" in said


def test_the_last_decisions_are_shown_and_all_are_counted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sent: list[int] = []

    def decide(_: object, purchases: pa.Table, rate: float) -> list[dict[str, Any]]:
        sent.extend((purchases.num_rows, round(rate)))
        return rows([decision(number) for number in range(40)])

    monkeypatch.setattr(module, "in_use", lambda: STANDING)
    monkeypatch.setattr(module, "Application", lambda _: SimpleNamespace(card_token_key=b"0123456789abcdef"))
    monkeypatch.setattr(module.sending, "send", decide)
    status, said = fraud(monkeypatch, capsys, "send", "--count", "40", "--rate", "20")
    assert (status, sent) == (0, [40, 20])
    assert said.count(" approve ") == SHOWN
    assert "39.00" in said and "29.00" not in said
    assert "40 decided: 40 approved, 0 to review, 0 blocked; 40 by the model" in said


def test_rows_of_a_persons_file_are_sent_with_their_own_fields(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    handbook(frame(30)).to_csv(tmp_path / "t.csv", index=False)
    sent: list[dict[str, Any]] = []

    def decide(_: object, purchases: pa.Table, rate: float) -> list[dict[str, Any]]:
        now = pa.array([datetime(2026, 1, 2, tzinfo=timezone.utc)] * purchases.num_rows, pa.timestamp("ms", "UTC"))
        place = purchases.column_names.index("event_time")
        sent.extend(map(json.loads, stream_messages(purchases.set_column(place, "event_time", now))))
        ids = purchases["transaction_id"].to_pylist()
        return rows([decision(number, transaction_id=of) for number, of in enumerate(ids)])

    monkeypatch.setattr(module, "in_use", lambda: STANDING)
    monkeypatch.setattr(module, "Application", lambda _: SimpleNamespace(card_token_key=KEY))
    monkeypatch.setattr(module.sending, "send", decide)
    options = ("--data", tmp_path / "t.csv", "--columns", "handbook", "--count", "3")
    status, said = fraud(monkeypatch, capsys, "send", *options)
    assert status == 0, said
    assert "t.csv: 30 transactions; times without an offset taken as UTC (--timezone)" in said
    # the newest, oldest first: the last days of the month have an hour each
    newest = frame(30).sort_values("trans_date_trans_time").tail(3)
    assert [message["amount"] for message in sent] == newest["amt"].tolist()
    assert {message["terminal_id"] for message in sent} == {"3156"}
    assert {message["cc_num"] for message in sent} == {card_token(f"{596:012d}", KEY)}
    assert len({message["transaction_id"] for message in sent}) == 3
    assert not any("is_fraud" in message for message in sent)
    status, said = fraud(monkeypatch, capsys, "send", *options, "--attack")
    assert status == 0, said
    assert len(sent) == 3 + 13


def test_options_of_a_file_are_refused_without_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for option, value in (("--columns", "handbook"), ("--encoding", "utf-8"), ("--timezone", "UTC")):
        status, said = fraud(monkeypatch, capsys, "send", option, value)
        assert (status, "only with --data, the file that they are of" in said) == (2, True), said


@pytest.mark.parametrize("together", [None, "20"])
def test_through_the_api_what_it_answers_is_shown_and_what_it_refuses_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], together: str | None
) -> None:
    asked: list[tuple[int, int, int]] = []
    refused = [Refused(f"sent-{number}", 409, "transaction_id: is taken; allowed: another") for number in range(12)]

    def answered(post: Any, purchases: pa.Table, rate: float, together: int) -> list[Decision | Refused]:
        assert post.__self__.url == "http://127.0.0.1:1/_aws/execute-api/abc/live"
        asked.append((purchases.num_rows, round(rate), together))
        return [*(decision(number) for number in range(28)), *(refused if together > 1 else [])]

    url = {"ApiUrl": "https://abc.execute-api.us-east-1.amazonaws.com/live/"}
    credentials = {"AWS_ACCESS_KEY_ID": "AKIA1", "AWS_SECRET_ACCESS_KEY": "s"}
    monkeypatch.setattr(module, "in_use", lambda: replace(STANDING, credentials=credentials))
    monkeypatch.setattr(module, "Application", lambda _: SimpleNamespace(card_token_key=KEY, outputs=url))
    monkeypatch.setattr(module.sending_api, "send", answered)
    options = ("--api", "--count", "40", *(("--together", together) if together else ()))
    status, said = fraud(monkeypatch, capsys, "send", *options)
    assert asked == [(40, 50, int(together or 1))]
    assert "28 decided: 28 approved, 0 to review, 0 blocked; 28 by the model" in said
    assert status == (1 if together else 0), said
    if together:
        assert "fraud: the API refused 12: sent-0 (409): transaction_id: is taken; allowed: another" in " ".join(
            said.split()
        )
        assert "sent-9 (409)" in said and "sent-10" not in said and "and 2 more" in said


def test_what_does_not_go_with_the_api_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for options, says in (
        (("--together", "5"), "--together: only with --api"),
        (("--api", "--attack"), "--attack: not with --api"),
        (("--api", "--together", "101"), "101"),
    ):
        status, said = fraud(monkeypatch, capsys, "send", *options)
        assert (status, says in said) == (2, True), said
