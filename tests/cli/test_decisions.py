"""`fraud decisions`: the newest decisions in lines, in JSON, on terminals of any width, and those that come."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from botocore.exceptions import EndpointConnectionError

from cli.decision_lines import terminal_lines
from cli.decisions import listing as module
from local import background
from tests.cli.person_files import fraud
from tests.cli.standing_application import STANDING, DecidedApplication, Feed, decision

DECIDED = [decision(3, "block"), decision(1), decision(2, "review", "fallback"), decision(4)]


@pytest.fixture
def stands(monkeypatch: pytest.MonkeyPatch) -> None:
    stand(monkeypatch, DecidedApplication(DECIDED))


def stand(monkeypatch: pytest.MonkeyPatch, application: DecidedApplication) -> None:
    monkeypatch.setattr(module, "in_use", lambda: STANDING)
    monkeypatch.setattr(module, "Application", lambda _: application)


def shown(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *options: str) -> list[str]:
    """What the command writes to standard output, in lines."""
    monkeypatch.setattr("sys.argv", ["fraud", "decisions", *options])
    from cli.main import main  # noqa: PLC0415 - reads the arguments

    main()
    return capsys.readouterr().out.splitlines()


def test_the_newest_come_last_each_in_a_line_with_score_path_and_all_reasons(
    stands: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = shown(monkeypatch, capsys, "--count", "3")
    assert [line.split()[1] for line in lines] == ["review", "block", "approve"]
    assert lines[1].split()[2:4] == ["0.250", "model"]
    assert all(says in lines[1] for says in ("10 minutes (9) raises", "(12.5 times) raises", "(3.00) lowers"))
    assert lines[0].endswith("no model is deployed yet")


def test_an_outcome_is_picked_out(
    stands: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (line,) = shown(monkeypatch, capsys, "--outcome", "block")
    assert line.split()[1] == "block"


def test_json_holds_each_reason_with_its_text(
    stands: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = [json.loads(line) for line in shown(monkeypatch, capsys, "--json")]
    assert [one["transaction_id"] for one in found] == ["t001", "t002", "t003", "t004"]
    assert found[2]["reasons"][0]["feature"] == "num_trans_last_10m"
    assert found[2]["reasons"][0]["text"].endswith("raises the score")


def test_those_that_come_follow_each_once_until_ctrl_c_which_is_no_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # the table's stream may tell once more of what the table held when it was read
    feed = Feed([[DECIDED[0], decision(5)], [], [decision(6, "review")]], KeyboardInterrupt())
    stand(monkeypatch, DecidedApplication(DECIDED, feed))
    monkeypatch.setattr(module, "_EVERY_S", 0)
    lines = shown(monkeypatch, capsys, "--follow", "--count", "1")
    assert [line.split()[4] for line in lines] == ["4.00", "5.00", "6.00"]


def test_ctrl_c_before_all_is_shown_is_an_interruption(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    application = DecidedApplication(DECIDED)
    monkeypatch.setattr(application, "feed", lambda: Feed([], KeyboardInterrupt()).read())
    stand(monkeypatch, application)
    status, said = fraud(monkeypatch, capsys, "decisions")
    assert (status, said) == (130, "fraud: interrupted; nothing half-written is left")


def test_only_those_that_come(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    stand(monkeypatch, DecidedApplication(DECIDED, Feed([[decision(5)], [decision(6, "block")]], KeyboardInterrupt())))
    (line,) = shown(monkeypatch, capsys, "--follow", "--count", "0", "--outcome", "block")
    assert line.split()[4] == "6.00"


def test_nothing_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(module, "in_use", lambda: background.in_use(tmp_path / "up.json"))
    status, said = fraud(monkeypatch, capsys, "decisions")
    assert (status, said) == (2, "fraud: no application stands; `fraud up` stands one up")


def test_an_application_that_ends_while_it_is_watched_is_said_to_have_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = EndpointConnectionError(endpoint_url=STANDING.endpoint)
    stand(monkeypatch, DecidedApplication([], Feed([], gone)))
    states = iter([STANDING])
    monkeypatch.setattr(module, "in_use", lambda: next(states, None) or background.in_use(tmp_path / "up.json"))
    status, said = fraud(monkeypatch, capsys, "decisions", "--follow")
    assert (status, said) == (2, "fraud: no application stands; `fraud up` stands one up")


def test_a_reader_who_has_enough_is_no_error() -> None:
    program = """import sys
from cli.decisions import listing as module
from cli.main import main
from tests.cli.standing_application import STANDING, DecidedApplication, decision
module.in_use, module.Application = lambda: STANDING, lambda _: DecidedApplication([decision(n) for n in range(9000)])
sys.argv = ["fraud", "decisions", "--count", "9000"]
main()"""
    command = f'"{sys.executable}" -c "$0" | head -1'
    done = subprocess.run(["/bin/bash", "-c", command, program], capture_output=True, text=True, check=True)
    assert (len(done.stdout.splitlines()), done.stderr) == (1, "")


@pytest.mark.parametrize("width", [80, 120, 200])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    for one in (*DECIDED, decision(5, "review", "fallback", why="x" * 300)):
        lines = terminal_lines(one, width).plain.splitlines()
        assert max(map(len, lines)) <= width
        # an approved one shows the strongest reason, another one each of the three, and why there is no score
        reasons = 1 if one.outcome == "approve" else 3 + (one.path == "fallback")
        beside = width >= 120
        assert len(lines) == reasons + (not beside)
