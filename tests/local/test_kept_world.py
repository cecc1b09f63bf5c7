"""The world that is made once and kept: put back it is the same, moved by whole days, and only if it was made of this code."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from fraud.durations import MS_PER_DAY
from fraud.world import generate
from local import kept_world as module
from local.filling import put_evaluation, read_evaluation
from local.kept_world import Past, keep, kept_world, last_midnight_ms, made_past

CUT_MS = 20_000 * MS_PER_DAY
SUMS = {"daily_card/19998.parquet": 19_998, "daily_card/history.parquet": 19_953}


@pytest.fixture(scope="module")
def past() -> Past:
    return made_past(CUT_MS)


def sums() -> dict[str, bytes]:
    files = {}
    for path, day in SUMS.items():
        file = io.BytesIO()
        pq.write_table(pa.table({"cc_num": ["c"], "day": pa.array([day], pa.int64()), "n": [3]}), file)
        files[path] = file.getvalue()
    return files


def milliseconds(table: pa.Table) -> list[int]:
    found: list[int] = table["event_time"].cast(pa.int64()).to_pylist()
    return found


def test_the_past_ends_at_the_cut_and_known_honest_cards_go_on_after_it(past: Past) -> None:
    assert CUT_MS - MS_PER_DAY <= max(milliseconds(past.rows)) < CUT_MS <= min(milliseconds(past.following))
    assert set(past.following["cc_num"].to_pylist()) <= set(past.rows["cc_num"].to_pylist())
    assert sum(past.rows["is_fraud"].to_pylist()) > 100
    made = generate(module.WORLD).transactions
    frauds = set(made.filter(pc.equal(made["is_fraud"], 1))["transaction_id"].to_pylist())
    assert not frauds & set(past.following["transaction_id"].to_pylist())


def test_the_last_midnight_is_a_midnight() -> None:
    assert last_midnight_ms() % MS_PER_DAY == 0


def test_it_is_put_back_moved_by_whole_days(past: Past, tmp_path: Path) -> None:
    keep(past, sums(), b"model", {"model_version": "v1"}, tmp_path)
    found = kept_world(tmp_path)
    assert found is not None
    assert (found.model, found.metadata) == (b"model", {"model_version": "v1"})
    later = found.past(CUT_MS + 3 * MS_PER_DAY)
    assert later.token_key == past.token_key
    for before, after in ((past.rows, later.rows), (past.following, later.following)):
        assert milliseconds(after) == [at_ms + 3 * MS_PER_DAY for at_ms in milliseconds(before)]
        assert after.drop_columns("event_time").equals(before.drop_columns("event_time"))
    moved = {path: pq.read_table(io.BytesIO(file)) for path, file in found.sums(CUT_MS + 3 * MS_PER_DAY).items()}
    assert {path: table["day"].to_pylist() for path, table in moved.items()} == {
        "daily_card/20001.parquet": [20_001],
        "daily_card/history.parquet": [19_956],
    }
    assert all(table["n"].to_pylist() == [3] for table in moved.values())


def test_what_the_evaluation_wrote_lies_again_where_the_registration_says(past: Past, tmp_path: Path) -> None:
    class Bucket:
        def __init__(self, objects: dict[str, bytes]) -> None:
            self.objects = objects

        def keys(self, bucket: str, prefix: str) -> list[str]:
            return [key for key in self.objects if bucket == "ModelsBucket" and key.startswith(prefix)]

        def get(self, bucket: str, key: str) -> bytes:
            return self.objects[key]

        def put(self, bucket: str, key: str, body: bytes) -> None:
            self.objects[key] = body

    wrote = {"evaluations/run/evaluation.json": b"{}", "evaluations/run/scores.parquet": b"PAR1"}
    before: Any = Bucket({**wrote, "evaluations/run-2/evaluation.json": b"another's"})
    metadata = {"evaluation": "evaluations/run/evaluation.json"}
    keep(past, {}, b"model", metadata, tmp_path, evaluation=read_evaluation(before, metadata))
    after: Any = Bucket({})
    found = kept_world(tmp_path)
    assert found is not None
    put_evaluation(after, found)
    assert after.objects == wrote


def test_it_is_its_owners_alone(past: Past, tmp_path: Path) -> None:
    keep(past, {}, b"model", {}, tmp_path)
    assert [path.stat().st_mode & 0o077 for path in tmp_path.iterdir()] == [0]


def test_one_that_was_made_of_something_else_is_not_taken_and_goes_when_another_is_kept(
    past: Past, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "made_of", lambda: "of-before")
    keep(past, {}, b"model", {}, tmp_path)
    monkeypatch.undo()
    assert kept_world(tmp_path) is None
    (tmp_path / ".part-killed").mkdir()
    keep(past, {}, b"model", {}, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [module.made_of()]


def test_the_name_changes_with_what_it_is_made_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = set()
    monkeypatch.setattr(module, "ROOT", tmp_path)
    for path, text in (("fraud/a.py", "1"), ("fraud/a.py", "2"), ("fraud/world/b.sql", "1")):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
        names.add(module.made_of())
    assert len(names) == 3
