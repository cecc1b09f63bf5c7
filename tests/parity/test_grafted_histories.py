"""Attacks that `fraud synthesize episodes` grafts onto cards: stream, batch and nights see them as they see any other fraud."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from cli import main as command
from fraud.features.catalogue import NIGHTLY_FEATURES, STREAM_FEATURES, names
from fraud.world import WorldSettings, generate, to_kaggle
from local.replayer import DAY_MS
from local.rows import records
from reading.transactions import AS_USUAL, read_transactions
from sagemaker_src.processing import nightly
from sagemaker_src.processing.batch_features import engine
from tests.parity.naive import MINUTE_MS, naive_stream_features

DAYS = 20
KEY = b"0123456789abcdef"
STREAM, NIGHTLY = names(STREAM_FEATURES), names(NIGHTLY_FEATURES)


class Grafted(NamedTuple):
    """A file with grafted attacks in it.

    Attributes:
        path: `transactions.parquet`.
        table: its transactions, with tokens in place of cards.
        attacks: [[transaction_id of each step, in order], ...] of what was grafted.
    """

    path: Path
    table: pa.Table
    attacks: list[list[str]]

    @property
    def rows(self) -> list[dict]:
        """The transactions as the naive loops take them."""
        times = self.table["event_time"].cast(pa.timestamp("ms")).cast(pa.int64())
        return self.table.append_column("event_ms", times).to_pylist()


def run(monkeypatch: pytest.MonkeyPatch, *given: str | int | Path) -> None:
    """Runs `fraud`; an error is one of the test."""
    monkeypatch.setattr("sys.argv", ["fraud", *map(str, given)])
    command.main()


def grafted(monkeypatch: pytest.MonkeyPatch, folder: Path, from_ms: int) -> Grafted:
    """A world that begins on the first whole day from a moment on, and forty attacks on its cards, of which ten were known."""
    day = datetime.fromtimestamp(-(-from_ms // DAY_MS) * DAY_MS / 1000, UTC).date()
    world = generate(WorldSettings(cards=60, days=DAYS, start=day, fraud_rate=0.03, seed=2))
    pq.write_table(to_kaggle(world), folder / "world.parquet")
    options = ("--episodes", 40, "--known", 10, "--out", folder / "episodes")
    run(monkeypatch, "synthesize", "episodes", "--data", folder / "world.parquet", *options)
    path = folder / "episodes" / "transactions.parquet"
    with engine("500MB", threads=1) as connection:
        read_transactions(connection, path, "tx", KEY, AS_USUAL)
        table = connection.sql("SELECT * EXCLUDE (row) FROM tx").to_arrow_table()
    attacks = defaultdict(list)
    made = pq.read_table(folder / "episodes" / "episodes.parquet").sort_by(
        [("episode", "ascending"), ("step", "ascending")]
    )
    for row in made.to_pylist():
        attacks[row["episode"]].append(row["trans_num"])
    return Grafted(path, table, list(attacks.values()))


def features_of(rows: Iterable[dict]) -> dict[str, dict]:
    """{transaction_id: the stream's features}."""
    return {row["transaction_id"]: {name: row[name] for name in STREAM} for row in rows}


def batch(monkeypatch: pytest.MonkeyPatch, path: Path, folder: Path) -> dict[str, dict]:
    """{transaction_id: its row with all features}, as `fraud features` computes them."""
    (folder / "key").write_bytes(KEY)
    run(monkeypatch, "features", "--data", path, "--token-key-file", folder / "key", "--out", folder / "features")
    return {row["transaction_id"]: row for row in pq.read_table(folder / "features" / "features.parquet").to_pylist()}


@pytest.mark.engines
def test_the_stream_gives_grafted_attacks_the_features_that_batch_gives_them(replay_run, monkeypatch, tmp_path) -> None:
    file = grafted(monkeypatch, tmp_path, replay_run.stretch(days=DAYS + 2))
    found = batch(monkeypatch, file.path, tmp_path)

    results = replay_run.run(records(file.table), expected=file.table.num_rows, duplicates=0.05)

    streamed = features_of(results)
    assert len(results) == len(streamed) == file.table.num_rows
    assert streamed == features_of(found.values())
    assert streamed == features_of(naive_stream_features(file.rows))
    assert {each["transaction_id"]: each["cc_num"] for each in results} == {
        key: row["cc_num"] for key, row in found.items()
    }
    attacks_arise(file, streamed)


def attacks_arise(file: Grafted, features: dict[str, dict]) -> None:
    """Each step of an attack is counted with those before it that its window of ten minutes reaches."""
    moment = {row["transaction_id"]: row["event_ms"] for row in file.rows}
    assert {row["is_fraud"] for row in file.rows if row["transaction_id"] in set().union(*file.attacks)} == {1}
    in_bursts = 0
    for steps in file.attacks:
        for place, step in enumerate(steps):
            reached = sum(moment[step] - moment[each] <= 10 * MINUTE_MS for each in steps[: place + 1])
            assert features[step]["num_trans_last_10m"] >= reached
            in_bursts += reached > 1
    assert len(file.attacks) == 40
    assert in_bursts > 40


@pytest.mark.slow
def test_a_night_counts_grafted_attacks_among_what_their_cards_did(monkeypatch, tmp_path) -> None:
    file = grafted(monkeypatch, tmp_path, 1_767_225_600_000)
    found = batch(monkeypatch, file.path, tmp_path)
    made = set().union(*file.attacks)
    day_of = {row["transaction_id"]: row["event_ms"] // DAY_MS for row in file.rows}
    card_of = {row["transaction_id"]: row["cc_num"] for row in file.rows}
    [(day, _)] = Counter(day_of[each] for each in made).most_common(1)

    night(file, tmp_path / "first", day, range(day))
    rows = night(file, tmp_path / "second", day + 1, range(day, day + 1), tmp_path / "first")

    assert rows.keys() == {each for each, its in day_of.items() if its == day} and len(made & rows.keys()) > 10
    for each, row in rows.items():
        assert {name: row[name] for name in (*STREAM, *NIGHTLY)} == {
            name: found[each][name] for name in (*STREAM, *NIGHTLY)
        }
    # and without the attacks a card has exactly as many fewer behind it as were grafted onto it in earlier days
    plain = batch(monkeypatch, tmp_path / "world.parquet", tmp_path)
    grafted_before = Counter(card_of[each] for each in made if day_of[each] < day)
    more = {each: row["num_trans_all"] - plain[each]["num_trans_all"] for each, row in rows.items() if each not in made}
    assert more == {each: grafted_before[card_of[each]] for each in more}
    assert max(more.values()) > 1


def night(file: Grafted, folder: Path, cut: int, days: range, earlier: Path | None = None) -> dict[str, dict]:
    """The training rows, {transaction_id: row}, of a night that closes some days (since 1970), as its state machine runs it."""
    for name in ("sums", "landed", "before"):
        (folder / name).mkdir(parents=True)
    day = pa.array([row["event_ms"] // DAY_MS for row in file.rows])
    pq.write_table(file.table.filter(pc.is_in(day, pa.array(days))), folder / "landed" / "part.parquet")
    pq.write_table(file.table.filter(pc.equal(day, days[0] - 1)), folder / "before" / "part.parquet")
    options = {
        "--cut": date.fromordinal(nightly.EPOCH.toordinal() + cut),
        "--transactions": folder / "landed",
        "--before": folder / "before",
        "--daily": (earlier or folder) / "sums",
        "--daily-out": folder / "sums",
        "--training-out": folder / "training",
    }
    assert nightly.main([str(word) for option in options.items() for word in option]) == 0
    return {row["transaction_id"]: row for row in pq.read_table(folder / "training" / "features.parquet").to_pylist()}
