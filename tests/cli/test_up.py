"""`fraud up`: what it asks to be stood up, and what it tells a newcomer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cli import up as module
from fraud.world import WorldSettings, generate, to_kaggle
from local.background import Standing, StandingError
from local.own_past import handed_over
from local.stand_ins import STAND_INS, stand_ins
from stacks.settings import Settings
from tests.cli.person_files import fraud
from tests.cli.standing_application import STANDING


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[Mapping[str, Any], bool]]:
    """What was asked to be stood up: the settings, and whether empty."""
    found: list[tuple[Mapping[str, Any], bool]] = []

    def start(
        settings: Mapping[str, Any], told: Callable[[str], None], *, empty: bool, own: Path | None = None
    ) -> Standing:
        found.append((settings, empty))
        if own:
            found.append(handed_over(own))
        told("templates")
        return replace(STANDING, folder=str(tmp_path), following="" if empty else "following.parquet")

    monkeypatch.setattr(module, "start", start)
    return found


def test_it_tells_of_each_step_and_of_what_to_do_next(
    asked: list[Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    status, said = fraud(monkeypatch, capsys, "up")
    assert (status, asked) == (0, [({"env": "dev", "replay": False}, False)])
    order = (
        "0 s templates",
        "a trained model serves",
        "fraud send",
        "fraud decisions",
        "export AWS_ACCESS_KEY_ID=AKIA1",
    )
    places = [said.index(part) for part in (*order, "export AWS_ENDPOINT_URL=http://127.0.0.1:1", "fraud down")]
    assert places == sorted(places)


def test_empty_says_that_there_is_no_model(
    asked: list[Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _, said = fraud(monkeypatch, capsys, "up", "--empty", "--replay")
    assert asked == [({"env": "dev", "replay": True}, True)]
    assert "no model is trained, so the fallback rule decides" in said


def test_with_a_canary_the_settings_ask_for_one(
    asked: list[Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fraud(monkeypatch, capsys, "up", "--canary")
    ((settings, _),) = asked
    assert Settings(**settings).canary_percent == 50
    # without one nothing is waited for, and `fraud up` takes as long as ever
    assert (stand_ins(settings).deployment_waits, STAND_INS.deployment_waits) == (0.1, 0)


def test_a_file_of_ones_own_is_handed_over(
    asked: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made = to_kaggle(generate(WorldSettings(cards=150, days=20, fraud_rate=0.02))).to_pandas()
    made.to_csv(tmp_path / "mine.csv", index=False)
    status, said = fraud(monkeypatch, capsys, "up", "--data", str(tmp_path / "mine.csv"))
    assert status == 0, said
    assert f"mine.csv: {len(made):,} transactions" in said
    (_, empty), (file, past) = asked
    assert (empty, file.name) == (False, "mine.csv")
    assert 0 < past.rows.num_rows < len(made)
    assert not set(past.rows["cc_num"].to_pylist()) & set(made["cc_num"].astype(str))


@pytest.mark.parametrize(
    ("given", "says"),
    [
        pytest.param(["--columns", "handbook"], "only with --data", id="columns of no file"),
        pytest.param(["--empty", "--data", "mine.csv"], "--empty: not with --data", id="empty and filled"),
        pytest.param(["--data", "mine.csv"], "mine.csv: its transactions are of 3 days; allowed: 5", id="few days"),
        pytest.param(["--data", "none.csv"], "none.csv", id="no such file"),
    ],
)
def test_wrong_files_and_options_get_a_sentence(
    given: list[str],
    says: str,
    asked: list[Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    to_kaggle(generate(WorldSettings(cards=50, days=3))).to_pandas().to_csv("mine.csv", index=False)
    status, said = fraud(monkeypatch, capsys, "up", *given)
    assert status == 2
    assert says in said
    assert not asked


def test_what_did_not_come_up_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def start(*_: object, **__: object) -> Standing:
        raise StandingError("the application ended at templates")

    monkeypatch.setattr(module, "start", start)
    assert fraud(monkeypatch, capsys, "up") == (2, "fraud: the application ended at templates")
