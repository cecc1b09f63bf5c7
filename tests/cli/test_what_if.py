"""`fraud what-if`: the figures of its table, its JSON and its page are those of the comparison; what cannot be is refused."""

from __future__ import annotations

import csv
import json
from datetime import datetime, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest

from cli import what_if as module
from fraud.decision import Decision
from lambda_src.archive.rows import DECISIONS, decision_row
from samples.deciding_world import write_model
from stacks.settings import Settings
from tests.cli.person_files import fraud
from tests.local.proven_application import ProvenApplication
from tests.local.test_what_if import LABELS, label, put

pytestmark = pytest.mark.slow
KNOWN = datetime(2021, 1, 1, tzinfo=timezone.utc)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> ProvenApplication:
    """A third of the payments is labelled as fraud, a third as honest; half of them is archived alone."""
    found = ProvenApplication(tmp_path_factory.mktemp("application"))
    ids = sorted(found.decided)
    rows = [label(identity, place % 3 == 0, KNOWN) for place, identity in enumerate(ids) if place % 3 < 2]
    put(found, "labels/day=2021-01-01/a.parquet", pa.Table.from_pylist(rows, LABELS))
    archived = [found.decided[identity] for identity in ids[: len(ids) // 2]]
    rows = [decision_row(one) for one in archived]
    put(found, f"decisions/day={found.cut}/a.parquet", pa.Table.from_pylist(rows, DECISIONS))
    for one in archived:
        del found.table[one.transaction_id]
    return found


@pytest.fixture
def commanded(made: ProvenApplication, monkeypatch: pytest.MonkeyPatch) -> ProvenApplication:
    monkeypatch.setattr(
        module, "application", lambda _: SimpleNamespace(client=None, prefix="x", says="the application")
    )
    monkeypatch.setattr(module, "Application", lambda *_: made)
    return made


def told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *options: Any) -> str:
    """What the command writes to standard output."""
    monkeypatch.setattr("sys.argv", ["fraud", "what-if", *map(str, options)])
    from cli.main import main  # noqa: PLC0415 - reads the arguments

    main()
    return capsys.readouterr().out


def kind(made: ProvenApplication, one: Decision) -> str:
    return ("fraud", "honest", "unlabelled")[sorted(made.decided).index(one.transaction_id) % 3]


def test_the_figures_are_those_of_the_payments(
    commanded: ProvenApplication, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    scores = sorted(one.score for one in commanded.decided.values() if one.score is not None)
    review, block = scores[len(scores) // 3], scores[-20]
    limits = ("--review-threshold", review, "--block-threshold", block)
    prices = ("--cost-missed-share", 0.5, "--cost-review", 2.5, "--cost-blocked", 40, "--review-minutes", 6)
    said = json.loads(
        told(monkeypatch, capsys, "--from", commanded.cut, *limits, *prices, "--json", "--out", tmp_path / "out")
    )

    def other(one: Decision) -> str:
        if one.score is None:
            return one.outcome
        return "block" if one.score >= block else "review" if one.score >= review else "approve"

    everyone = list(commanded.decided.values())
    for side, outcome in (("recorded", lambda one: one.outcome), ("what_if", other)):
        missed = [one for one in everyone if kind(commanded, one) == "fraud" and outcome(one) == "approve"]
        caught = [one for one in everyone if kind(commanded, one) == "fraud" and outcome(one) != "approve"]
        reviews = [one for one in everyone if outcome(one) == "review"]
        blocked = [one for one in everyone if outcome(one) == "block"]
        honest = [one for one in blocked if kind(commanded, one) == "honest"]
        wanted = {
            "fraud_caught": len(caught),
            "fraud_caught_cents": sum(one.amount_cents for one in caught),
            "fraud_missed": len(missed),
            "fraud_missed_cents": sum(one.amount_cents for one in missed),
            "blocked": len(blocked),
            "blocked_honest": len(honest),
            "blocked_unlabelled": sum(kind(commanded, one) == "unlabelled" for one in blocked),
            "reviews": len(reviews),
            "reviews_unlabelled": sum(kind(commanded, one) == "unlabelled" for one in reviews),
            "review_minutes": 6 * len(reviews),
            "cost_missed_cents": sum((one.amount_cents + 1) // 2 for one in missed),
            "cost_review_cents": 250 * len(reviews),
            "cost_blocked_cents": 4_000 * len(honest),
        }
        assert {name: said[side][name] for name in wanted} == wanted
        assert said[side]["cost_cents"] == sum(wanted[f"cost_{name}_cents"] for name in ("missed", "review", "blocked"))
    changed = [one for one in everyone if other(one) != one.outcome]
    assert said["changed"] == len(changed) > 10
    assert (said["payments"], said["by_fallback_rule"]) == (len(everyone), 10)
    assert said["unlabelled"] == len(everyone) // 3
    assert json.loads((tmp_path / "out" / "what-if.json").read_text()) == said
    with (tmp_path / "out" / "changed.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert {(line["transaction_id"], line["recorded"], line["what_if"], line["label"]) for line in lines} == {
        (one.transaction_id, one.outcome, other(one), kind(commanded, one)) for one in changed
    }


def test_the_table_and_the_page_say_the_same_and_what_nobody_knows(
    commanded: ProvenApplication, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    asked = ("--from", commanded.cut, "--review-threshold", 0.001, "--out", tmp_path / "out")
    shown = told(monkeypatch, capsys, *asked)
    page = (tmp_path / "out" / "report.html").read_text()
    said = json.loads((tmp_path / "out" / "what-if.json").read_text())
    for text in (shown, page):
        assert "have no label and count as neither" in text
        assert "10 were decided by the fallback rule" in text
        assert f"{said['what_if']['cost_cents'] / 100:,.2f}" in text
        assert "Reviewers&#39; hours" in text or "Reviewers' hours" in text
        assert "whether that was right nobody knows" in text
    assert f"{said['changed']:,} decisions change" in shown
    assert f'<b id="changed">{said["changed"]:,}</b>' in page
    (line,) = [line for line in shown.splitlines() if line.startswith("approve to review")]
    move = next(one for one in said["changes"] if one["recorded"] == "approve")
    assert line.split()[3:] == [str(move[name]) for name in ("payments", "fraud", "honest", "unlabelled")]


def test_a_model_is_named_by_version_or_by_folder(
    commanded: ProvenApplication, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    period = ("--from", commanded.cut, "--json")
    assert json.loads(told(monkeypatch, capsys, *period, "--model", "small"))["changed"] == 0
    assert json.loads(told(monkeypatch, capsys, *period, "--model", "v1"))["model"] == "small"
    limits = {"review": 0.3, "block": 0.5}
    folder = write_model(tmp_path / "model", rounds=7, model_version="other", thresholds=limits)
    said = json.loads(told(monkeypatch, capsys, *period, "--model", folder))
    assert said["model"] == "other"
    assert said["changed"] > 0
    assert said["recorded_models"] == {"small": len(commanded.decided) - 10}


@pytest.mark.parametrize("width", [1100, 360])
def test_the_page_does_not_scroll_sideways(
    width: int,
    commanded: ProvenApplication,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    look: Any,
) -> None:
    told(monkeypatch, capsys, "--from", commanded.cut, "--review-threshold", 0.001, "--out", tmp_path / "out")
    seen = look(tmp_path / "out" / "report.html", width=width)
    assert seen.evaluate("document.documentElement.scrollWidth") == width
    assert seen.locator("#largest tr").count() == 26


def test_costs_are_as_the_application_is_set_and_options_stand_in_their_place(
    commanded: ProvenApplication, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ("--from", commanded.cut, "--review-threshold", 0.001, "--json")
    usual = {"cost_missed_share": "1", "cost_review": "3", "cost_blocked": "15"}
    usual |= {"review_hours_a_day": "0", "review_minutes": "5"}
    assert json.loads(told(monkeypatch, capsys, *asked))["costs"] == usual, "of a release that does not tell them"
    settings = Settings(cost_missed_share="0.25", cost_review="2.50", review_hours_a_day="0.5", review_minutes="10")
    monkeypatch.setattr(commanded, "outputs", commanded.outputs | {"DecisionCosts": settings.told_costs})
    said = json.loads(told(monkeypatch, capsys, *asked, "--cost-review", 4))
    assert said["costs"] == json.loads(settings.told_costs) | {"cost_review": "4"}
    assert said["what_if"]["cost_review_cents"] == 400 * said["what_if"]["reviews"]
    shown = told(monkeypatch, capsys, *asked[:-1])
    assert "The reviewers' 0.5 hours a day are 3 reviews: 0 of 1 days had more, and 1 would have." in shown
    monkeypatch.setattr(commanded, "outputs", commanded.outputs | {"DecisionCosts": '{"cost_review": "many"}'})
    status, said = fraud(monkeypatch, capsys, "what-if", *map(str, asked))
    assert (status, "the output DecisionCosts of the stack Training is" in said) == (2, True)


def test_what_a_control_group_would_cost_is_said_beforehand(
    commanded: ProvenApplication, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    prices = ("--cost-missed-share", 0.5, "--cost-blocked", 40)
    asked = ("--from", commanded.cut, "--control-group-percent", 2, *prices)
    assert json.loads(told(monkeypatch, capsys, *asked, "--json"))["changed"] == 0
    limit = sorted(one.score for one in commanded.decided.values() if one.score is not None)[-40]
    asked += ("--review-threshold", limit, "--block-threshold", limit)
    said = json.loads(told(monkeypatch, capsys, *asked, "--json"))
    blocked = [one for one in commanded.decided.values() if one.score is not None and one.score >= limit]
    fraudulent = sum(one.amount_cents for one in blocked if kind(commanded, one) == "fraud")
    honest = sum(kind(commanded, one) == "honest" for one in blocked)
    assert min(fraudulent, honest) > 0
    group = said["control_group"]
    assert (group["percent"], group["would_block"], group["let_through_then"]) == (2, len(blocked), 0)
    assert group["expected_cents"] == pytest.approx(0.02 * sum(one.amount_cents for one in blocked))
    cost = 0.02 * (0.5 * fraudulent - 4_000 * honest)
    assert group["expected_cost_cents"] == pytest.approx(cost, abs=0.02)
    shown = told(monkeypatch, capsys, *asked)
    assert (
        f"A control group of 2% is expected to let through {0.02 * len(blocked):,.1f} of the {len(blocked):,}" in shown
    )
    assert f"and to cost {group['expected_cost_cents'] / 100:,.2f}: " in shown
    # without the option it is the one that is set
    assert "control group" not in told(monkeypatch, capsys, *asked[:2], "--review-threshold", 0.001)
    monkeypatch.setattr(commanded, "percent", 3.0)
    assert "A control group of 3% is" in told(monkeypatch, capsys, *asked[:2], "--review-threshold", 0.001)


def test_what_is_being_done_is_said_of_a_single_day_too(
    commanded: ProvenApplication, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["fraud", "what-if", "--from", str(commanded.cut), "--model", "small"])
    from cli.main import main  # noqa: PLC0415 - reads the arguments

    main()
    lines = capsys.readouterr().err.splitlines()
    assert "deciding day after day again" in lines
    assert "days" not in lines


REFUSED = {
    "nothing": ((), "name what shall be otherwise"),
    "order": (("--review-threshold", "0.9", "--block-threshold", "0.2"), "block threshold 0.2 is below the review"),
    "own": (("--block-threshold", "0.1"), "below the review threshold 0.5 (model small); allowed: review <= block"),
    "range": (("--review-threshold", "3"), "allowed: 0 to 2"),
    "version": (("--model", "v9"), "--model: model v9 is not in the model registry"),
    "moment": (("--model", "small", "--to", "yesterday"), "--to:"),
    "before": (("--model", "small", "--to", "2020-01-01"), "--to: 2020-01-01 00:00:00 is not after --from"),
    "cents": (("--model", "small", "--cost-review", "0.001"), "--cost-review: 0.001; allowed: multiples of 0.01"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_is_refused_in_a_sentence(
    what: str, commanded: ProvenApplication, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    options, sentence = REFUSED[what]
    status, said = fraud(monkeypatch, capsys, "what-if", "--from", str(commanded.cut), *options)
    assert status == 2
    assert sentence in said


def test_a_period_without_decisions_is_said_before_all_labels_are_read(
    commanded: ProvenApplication, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def read(*_: object) -> None:
        raise AssertionError("the labels were read")

    monkeypatch.setattr(module, "labels_as_of", read)
    period = ("--from", "2020-01-01", "--to", "2020-02-01")
    status, said = fraud(monkeypatch, capsys, "what-if", *period, "--model", "small")
    assert (status, "has no decision about a payment of 2020-01-01 00:00:00 to 2020-02-01" in said) == (2, True)
