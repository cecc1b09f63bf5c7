"""A decision is proven from what the application keeps: equal if nobody touched it, and what was changed or deleted is named."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cli.decisions import show as module
from fraud.decision import Decision, FallbackRule
from local.application import Application
from local.archived import Rule
from local.proof import Proof, UnknownDecisionError, prove
from local.screen import SilentScreen
from local.through_stacks import Day, all_again
from tests.cli.person_files import fraud
from tests.local.proven_application import ProvenApplication, table_row

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> ProvenApplication:
    return ProvenApplication(tmp_path_factory.mktemp("application"))


@pytest.fixture
def application(made: ProvenApplication, monkeypatch: pytest.MonkeyPatch) -> ProvenApplication:
    """Whatever a test does to it is undone."""
    monkeypatch.setattr(made, "table", dict(made.table))
    monkeypatch.setattr(made, "objects", dict(made.objects))
    monkeypatch.setattr(made, "rule", made.rule)
    monkeypatch.setattr(made, "since", made.since)
    return made


def proven(application: Any, identity: str, folder: Path) -> Proof:
    return prove(application, identity, folder, topic=False)


def of_path(application: ProvenApplication, path: str, flagged: bool = False) -> Decision:
    found = (one for one in application.decided.values() if one.path == path)
    return next(one for one in found if not flagged or one.outcome != "approve")


def test_decisions_of_each_path_are_equal(application: ProvenApplication, tmp_path: Path) -> None:
    by_model = [one for one in application.decided.values() if one.path == "model"]
    flagged = of_path(application, "model", flagged=True)
    chosen = [*list(application.decided.values())[:10:3], *by_model[:: max(1, len(by_model) // 6)], flagged]
    assert {one.path for one in chosen} == {"model", "fallback"}
    assert any(one.features.get("num_trans_last_1d", 0) != 1 for one in chosen if one.path == "model"), "windows matter"
    for one in chosen:
        proof = proven(application, one.transaction_id, tmp_path)
        assert (proof.again.text, proof.source) == (f"{one.transaction_id}: equal", "table")
        assert proof.rows >= 1


def test_one_that_the_table_has_no_more_is_found_in_the_archive(application: ProvenApplication, tmp_path: Path) -> None:
    one = of_path(application, "model", flagged=True)
    application.to_archive(one.transaction_id)
    proof = proven(application, one.transaction_id, tmp_path)
    assert (proof.again.text, proof.source) == (f"{one.transaction_id}: equal", "archive")
    assert proof.again.recorded == one
    with pytest.raises(UnknownDecisionError, match="no decision of nobody"):
        proven(application, "nobody", tmp_path)


CHANGES: dict[str, tuple[Callable[[Decision], Decision], str]] = {
    "score": (lambda one: replace(one, score=(one.score or 0) / 2), "score"),
    "feature": (
        lambda one: replace(one, features={**one.features, "num_trans_last_1w": 99}),
        "feature num_trans_last_1w",
    ),
    "outcome": (lambda one: replace(one, outcome="approve"), "outcome"),
    "reason": (lambda one: replace(one, reasons=one.reasons[::-1]), "reasons"),
    "cut": (lambda one: replace(one, nightly_cut=None), "feature num_trans_all"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_record_that_was_changed_is_found(what: str, application: ProvenApplication, tmp_path: Path) -> None:
    one = of_path(application, "model", flagged=True)
    change, named = CHANGES[what]
    application.table[one.transaction_id] = table_row(change(one))
    again = proven(application, one.transaction_id, tmp_path).again
    assert named in {each.what for each in again.differences}
    assert not again.gone


def test_an_attribute_beside_the_whole_record_that_was_changed_is_found(
    application: ProvenApplication, tmp_path: Path
) -> None:
    one = of_path(application, "model")
    application.table[one.transaction_id] = {**application.table[one.transaction_id], "outcome": "block"}
    (found,) = proven(application, one.transaction_id, tmp_path).again.differences
    assert found.text == "attribute outcome 'block', made again 'approve'"


def test_a_model_that_was_deleted_or_rows_that_are_gone_are_said(
    application: ProvenApplication, tmp_path: Path
) -> None:
    one = of_path(application, "model")
    application.table[one.transaction_id] = table_row(replace(one, model_version="another"))
    assert "model another is not in the model registry" in proven(application, one.transaction_id, tmp_path).again.gone
    application.table[one.transaction_id] = table_row(one)
    for key in list(application.objects):
        if key[1].startswith("transactions/"):
            del application.objects[key]
    assert "not among the raw rows" in proven(application, one.transaction_id, tmp_path / "2").again.gone


def test_sums_that_cannot_tell_the_cut_any_more_are_said(application: ProvenApplication, tmp_path: Path) -> None:
    one = of_path(application, "model")
    day = application.cut_ms // 86_400_000
    for bucket, key in list(application.objects):
        if key.endswith(f"/{day - 1}.parquet"):
            del application.objects[bucket, key]
    gone = proven(application, one.transaction_id, tmp_path).again.gone
    assert gone == f"no night has summed up the day before {application.cut} in daily_card"


def test_a_rule_that_was_deployed_since_is_no_difference_of_the_record(
    application: ProvenApplication, tmp_path: Path
) -> None:
    one = of_path(application, "fallback")
    application.rule = FallbackRule(review_from_amount="0.01")
    assert proven(application, one.transaction_id, tmp_path).again.differences[0].what == "outcome"
    application.since = "2099-01-01T00:00:00.000+0000"
    assert "deployed anew at 2099" in proven(application, one.transaction_id, tmp_path).again.gone


def test_a_control_group_that_was_set_anew_is_no_difference_of_the_record(
    application: ProvenApplication, tmp_path: Path
) -> None:
    blocked = next(one for one in application.decided.values() if one.path == "model" and one.outcome == "block")
    one = replace(blocked, outcome="approve", control_group=True)
    application.table[one.transaction_id] = table_row(one)
    again = proven(application, one.transaction_id, tmp_path).again
    assert [each.what for each in again.differences] == ["outcome", "control_group"]
    application.since = "2099-01-01T00:00:00.000+0000"
    gone = proven(application, one.transaction_id, tmp_path).again.gone
    assert gone == f"the share of the control group was deployed anew at {application.since}, after this decision"
    application.percent = 100
    assert proven(application, one.transaction_id, tmp_path).again.equal


def test_all_of_a_run_are_made_again(application: ProvenApplication) -> None:
    day = Day(application.history, application.live, application.cut_ms)
    rule = Rule(application.rule, 48 * 3_600_000, application.since)
    agains = all_again(list(application.decisions()), day, application.model, rule, SilentScreen())
    assert len(agains) == application.live.num_rows > 50
    assert [one.text for one in agains if not one.equal] == []


@pytest.fixture
def commanded(application: ProvenApplication, monkeypatch: pytest.MonkeyPatch) -> ProvenApplication:
    reached = SimpleNamespace(client=None, prefix="CardFraud-Dev", says="the application")
    monkeypatch.setattr(module, "application", lambda _: reached)
    monkeypatch.setattr(module, "Application", lambda *_: application)
    monkeypatch.setattr(module, "prove", lambda *given, topic, report: prove(*given, topic=False, report=report))
    return application


def test_the_command_says_equal(
    commanded: ProvenApplication, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    one = of_path(commanded, "model", flagged=True)
    monkeypatch.setattr("sys.argv", ["fraud", "decisions", "show", one.transaction_id])
    from cli.main import main  # noqa: PLC0415 - reads the arguments

    main()
    shown = capsys.readouterr().out
    assert shown.splitlines()[-1] == "equal"
    assert f"and model {one.model_version}" in shown
    assert "  label: fraud, by analyst ann, known 2026-03-01T00:00:00.000Z\n" in shown
    assert "  label: legitimate, by analyst ann, known 2026-03-02T00:00:00.000Z; it counts\n" in shown


def test_the_command_says_what_differs_with_status_1_and_what_is_gone_with_2(
    commanded: ProvenApplication, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    one = of_path(commanded, "model", flagged=True)
    key = one.transaction_id
    commanded.table[key] = table_row(replace(one, score=0.123456))
    status, said = fraud(monkeypatch, capsys, "decisions", "show", key)
    assert status == 1
    assert said.endswith(f"fraud: {key} differs from what was recorded")
    monkeypatch.setattr("sys.argv", ["fraud", "decisions", "show", key, "--json"])
    from cli.main import main  # noqa: PLC0415 - reads the arguments

    with pytest.raises(SystemExit, match="1"):
        main()
    told = json.loads(capsys.readouterr().out)
    assert told["differences"] == [{"what": "score", "recorded": 0.123456, "again": one.score}]
    assert [label["is_fraud"] for label in told["labels"]] == [True, False]
    assert (told["equal"], told["recorded"]["score"], told["made_again"]["score"]) == (False, 0.123456, one.score)
    commanded.table[key] = table_row(replace(one, model_version="v9"))
    status, said = fraud(monkeypatch, capsys, "decisions", "show", key)
    assert status == 2
    assert "cannot be made again: model v9 is not in the model registry" in said
    assert fraud(monkeypatch, capsys, "decisions", "show", "nobody")[0] == 2


def test_the_standing_application_is_asked_as_this_one_is() -> None:
    for name in ("decision", "function", "keys", "get", "client", "decisions", "labels"):
        assert hasattr(Application, name)
