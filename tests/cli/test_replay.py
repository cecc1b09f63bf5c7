"""`fraud replay` on a file of one's own: each transaction decided once through the stacks, and nothing of a card number stays."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.metrics import average_precision_score
from typer.testing import CliRunner

import cli.replay as command
from cli.main import app
from fraud.decision import Decision
from fraud.model_input import read_model_input
from fraud.transaction import card_token
from fraud.vector import model_vector
from fraud.world import World, WorldSettings, generate, tokenised
from local.attacks import Attack, stage_attacks
from local.decided_day import average_precision
from local.replayer import DAY_MS
from local.rows import split_by_time
from local.through_stacks import Decided
from sagemaker_src.training.fitting import TrainingSettings, score
from sagemaker_src.training.train import train_model
from samples.deciding_world import write_model
from tests.cli.person_files import fraud, parquet

WORLD = WorldSettings(cards=800, days=40, seed=7)
LIVE = 800
TRAINING = TrainingSettings(rounds=80, eta=0.2, honest_rows=40_000, label_delay_days=3)


def ran(*arguments: object) -> str:
    """Runs `fraud`; what it says."""
    answer = CliRunner().invoke(app, [str(part) for part in arguments], catch_exceptions=False)
    assert answer.exit_code == 0, answer.output
    return answer.output


def with_attacks(world: World) -> tuple[pa.Table, list[Attack], int]:
    """A world as a person's file, its last day cut short and attacks staged in it; and when that day begins."""
    key = b"any key will do, for tokens are undone"
    from_ms = int(pd.Timestamp(world.settings.end).value) // 1_000_000 - DAY_MS
    history, live = split_by_time(tokenised(world, key).drop_columns("pattern"), from_ms)
    staged, attacks = stage_attacks(history, live, from_ms)
    rows = pd.concat([part.to_pandas() for part in (history, live.slice(0, LIVE), staged)])
    numbers = {card_token(number, key): number for number in world.cards["card_number"]}
    file = {
        "trans_date_trans_time": rows["event_time"],
        "cc_num": rows["cc_num"].astype(str).map(numbers),
        "merchant": rows["merchant"].astype(str),
        "category": rows["category"].astype(str),
        "amt": rows["amount_cents"] / 100,
        "trans_num": rows["transaction_id"],
        "merch_lat": rows["merch_lat"],
        "merch_long": rows["merch_long"],
        "is_fraud": rows["is_fraud"],
    }
    return pa.Table.from_pandas(pd.DataFrame(file), preserve_index=False), attacks, from_ms


@dataclass(frozen=True)
class Replayed:
    """A replay that is over.

    Attributes:
        features: batch's, of the whole file.
        model: its booster and manifest.
        folder: everything that was written, data, logs and the command's own folder among them.
        numbers: the file's card numbers.
    """

    decided: Decided
    summary: dict[str, Any]
    attacks: list[Attack]
    features: pd.DataFrame
    model: Any
    folder: Path
    numbers: list[str]


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replayed]:
    own, folder = tmp_path_factory.mktemp("own"), tmp_path_factory.mktemp("written")
    world = generate(WORLD)
    table, attacks, from_ms = with_attacks(world)
    pq.write_table(table, own / "transactions.parquet")
    ran("features", "--data", own / "transactions.parquet", "--out", folder / "features")
    features = pd.read_parquet(folder / "features" / "features.parquet")
    past = features[features["event_ms"] < from_ms]
    trained = train_model(past, TRAINING, test_from_ms=from_ms - 8 * DAY_MS)
    trained.save(folder / "model")
    results = []
    (folder / "run").mkdir()
    with pytest.MonkeyPatch.context() as patched:
        through_stacks = command.replay_day
        patched.setattr(command, "TemporaryDirectory", lambda **_: nullcontext(str(folder / "run")))
        patched.setattr(command, "replay_day", lambda *given: results.append(through_stacks(*given)) or results[0])
        day = pd.Timestamp(from_ms, unit="ms").date()
        options = ("--day", day, "--rate", 100, "--duplicates", 0.05, "--out", folder / "out")
        ran("replay", "--data", own / "transactions.parquet", "--model", folder / "model", *options)
    summary = json.loads((folder / "out" / "summary.json").read_text())
    yield Replayed(results[0], summary, attacks, features, trained, folder, world.cards["card_number"].tolist())


heavy = [pytest.mark.engines, pytest.mark.timeout(900)]


class TestThroughTheStacks:
    """One replay; what must hold of it."""

    pytestmark = heavy

    def test_every_transaction_is_decided_once_by_the_model(self, replayed: Replayed) -> None:
        figures, day = replayed.summary, replayed.decided.day
        assert figures["transactions"] == figures["decisions"] == figures["by_path"]["model"] == len(day.labels)
        assert LIVE < figures["transactions"] <= LIVE + 20
        assert figures["duplicates_sent"] > 0.03 * figures["transactions"]
        assert (figures["undecided"], figures["decided_twice"], figures["quarantined"]) == (0, 0, 0)
        assert {row["transaction_id"] for row in day.decided} == day.labels.keys()

    def test_streamed_features_are_those_of_batch_and_decisions_the_models_own(self, replayed: Replayed) -> None:
        figures = replayed.summary
        assert min(figures["features_compared"], figures["decisions_compared"]) >= figures["transactions"]
        assert (figures["features_different"], figures["decisions_different"], figures["dead_letters"]) == (0, 0, 0)

    def test_the_staged_attacks(self, replayed: Replayed) -> None:
        outcome = {row["transaction_id"]: row["outcome"] for row in replayed.decided.day.decided}
        outcomes: dict[str, list[list[str]]] = {}
        for attack in replayed.attacks:
            outcomes.setdefault(attack.pattern, []).append([outcome[each] for each in attack.transaction_ids])
        assert outcomes["an ordinary purchase"] == [["approve"]] * 3
        (burst,) = outcomes["ten small purchases within seconds"]
        assert burst[0] == "approve"
        assert len(burst) == 10
        assert set(burst[1:]) <= {"review", "block"}
        (slow,) = outcomes["a slow attack at night"]
        assert {"review", "block"} & set(slow[:3])

    def test_streamed_features_score_as_batch_features_do(self, replayed: Replayed) -> None:
        day = replayed.decided.day
        rows = replayed.features[replayed.features["transaction_id"].isin(day.labels)].set_index("transaction_id")
        trained = replayed.model
        scores = score(trained.model, model_vector(rows, read_model_input(trained.manifest)))
        batch = dict(zip(rows.index, scores, strict=True))
        streamed = {row["transaction_id"]: row["score"] for row in day.decided}
        assert streamed.keys() == batch.keys()
        assert max(abs(streamed[identity] - batch[identity]) for identity in streamed) < 1e-6
        label = [day.labels[identity] for identity in batch]
        assert abs((average_precision(day) or 0) - average_precision_score(label, list(batch.values()))) < 0.001

    def test_every_decision_says_what_it_was_made_on(self, replayed: Replayed) -> None:
        for row in replayed.decided.day.decided:
            decision = Decision.from_json(row["decision"])
            assert len(decision.reasons) == 3
            assert decision.model_version == replayed.model.manifest["model_version"]
            assert decision.features["num_trans_last_10m"] >= 1

    def test_no_card_number_is_written_anywhere(self, replayed: Replayed) -> None:
        files = [file for file in replayed.folder.rglob("*") if file.is_file()]
        names = " ".join(map(str, files))
        for written in ("transactions-0", "summary.json", "report.html", "features.parquet"):
            assert written in names, "the topics' own files, and what the command wrote, must be among them"
        for file in files:
            if file.suffix == ".parquet":
                found = numbers_in(pd.read_parquet(file).to_csv().encode(), replayed.numbers)
            else:
                found = numbers_in(file.read_bytes(), replayed.numbers)
            assert not found, file

    def test_the_search_for_card_numbers_finds_one(self, replayed: Replayed) -> None:
        number = replayed.numbers[5]
        assert numbers_in(b"x9" + number.encode() + b"9", replayed.numbers) == {number.encode()}


def numbers_in(text: bytes, numbers: list[str]) -> set[bytes]:
    """Those of the card numbers that stand in a text."""
    runs = re.findall(rb"[0-9]{16,}", text)
    return {number.encode() for number in numbers} & {run[at : at + 16] for run in runs for at in range(len(run) - 15)}


@pytest.fixture
def given(tmp_path: Path) -> list[str | Path]:
    """Options that are all right."""
    model = write_model(tmp_path / "model")
    data = parquet(tmp_path / "own.parquet")
    return ["replay", "--data", data, "--model", model, "--day", "2020-01-07", "--out", tmp_path / "out"]


def nothing_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    def started(*_: Any) -> None:
        raise AssertionError("it must be refused before anything is started")

    monkeypatch.setattr(command, "replay_day", started)


@pytest.mark.parametrize(
    ("model", "says"),
    [
        ({"model": None}, "holds no manifest.json; `fraud train` writes one"),
        ({"feature_names": ["amount"]}, "model.ubj and manifest.json name different features"),
        ({"manifest": "{"}, "cannot be served"),
        ({"trees": b"no trees"}, "model.ubj is no model of XGBoost; `fraud train` writes one"),
        ({"manifest": "{}"}, "manifest.json lacks feature_names; `fraud train` writes it"),
    ],
)
def test_a_model_that_cannot_serve_is_refused_before_anything_is_started(
    model: dict[str, Any],
    says: str,
    given: list[str | Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    nothing_starts(monkeypatch)
    manifest = tmp_path / "model" / "manifest.json"
    if "model" in model:
        manifest.unlink()
    elif "manifest" in model:
        manifest.write_text(model["manifest"])
    elif "trees" in model:
        (tmp_path / "model" / "model.ubj").write_bytes(model["trees"])
    else:
        manifest.write_text(json.dumps(json.loads(manifest.read_text()) | model))
    status, said = fraud(monkeypatch, capsys, *given)
    assert status == 2
    assert "--model: " in said
    assert says in said
    assert not (tmp_path / "out").exists()


def test_a_model_of_other_features_is_refused(
    given: list[str | Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    nothing_starts(monkeypatch)
    monkeypatch.setattr("cli.model_folder.FEATURE_NAMES", ("another",))
    status, said = fraud(monkeypatch, capsys, *given)
    assert status == 2
    assert "takes none of the features; allowed: some of another" in said


def test_a_day_without_transactions_is_refused_before_anything_is_started(
    given: list[str | Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    nothing_starts(monkeypatch)
    given[given.index("2020-01-07")] = "2021-01-07"
    status, said = fraud(monkeypatch, capsys, *given)
    assert status == 2
    assert "has no transactions on 2021-01-07 (UTC)" in said
    assert not (tmp_path / "out").exists()


@pytest.mark.engines
@pytest.mark.timeout(300)
def test_ctrl_c_leaves_nothing(given: list[str | Path], tmp_path: Path) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    words = [sys.executable, "-m", "cli.main", *map(str, given)]
    process = subprocess.Popen(
        words, env=os.environ | {"TMPDIR": str(temporary)}, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    said = []
    assert process.stderr
    for line in process.stderr:
        said.append(line)
        if "CardFraud-Dev-Streaming" in line:  # the emulated AWS stands, and Kafka comes up
            break
    assert any("CardFraud-Dev-Streaming" in line for line in said), "".join(said)
    time.sleep(3)
    process.send_signal(signal.SIGINT)
    _, rest = process.communicate(timeout=60)
    assert process.returncode == 130, rest
    assert list(temporary.iterdir()) == []
    assert not [path for path in tmp_path.iterdir() if path.name.startswith((".out", "out"))]
    deadline = time.monotonic() + 20
    while left := [one.info["cmdline"] for one in psutil.process_iter(["cmdline"]) if of_run(one, temporary)]:
        assert time.monotonic() < deadline, left
        time.sleep(0.2)


def of_run(process: psutil.Process, temporary: Path) -> bool:
    """Whether a process has to do with a run's folder."""
    return str(temporary) in " ".join(process.info["cmdline"] or [])
