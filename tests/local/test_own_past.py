"""A person's own transactions as a world to fill the application with: split, moved by whole days, refused with a reason."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from fraud.durations import MS_PER_DAY
from fraud.world import WorldSettings, generate, tokenised
from local.kept_world import keep, kept_world
from local.own_past import OwnFile, OwnPastError, digest, hand_over, handed_over, own_past

CUT_MS = 20_500 * MS_PER_DAY
KEY = "0123456789abcdef0123456789abcdef"


def rows_of(days: int, key: str = KEY) -> pa.Table:
    world = generate(WorldSettings(cards=200, days=days, fraud_rate=0.01))
    return tokenised(world, key.encode()).drop_columns("pattern")


def milliseconds(table: pa.Table) -> np.ndarray:
    return np.asarray(table["event_time"].cast(pa.timestamp("ms", "UTC")).cast(pa.int64()))


def without_frauds(table: pa.Table) -> pa.Table:
    return table.filter(pc.equal(table["is_fraud"], 0))


def test_the_earlier_days_are_the_past_and_what_its_cards_buy_honestly_follows() -> None:
    rows = rows_of(30)
    past = own_past(rows, KEY, CUT_MS)
    before, after = milliseconds(past.rows), milliseconds(past.following)
    assert CUT_MS - MS_PER_DAY <= before.max() < CUT_MS <= after.min() < CUT_MS + 6 * MS_PER_DAY
    # 24 of 30 days, each moved by the same whole days
    first = rows.filter(pc.is_in(rows["transaction_id"], past.rows["transaction_id"]))
    moved = np.sort(before) - np.sort(milliseconds(first))
    assert len(set(moved.tolist())) == 1
    assert moved[0] % MS_PER_DAY == 0
    assert set(past.following["cc_num"].to_pylist()) <= set(past.rows["cc_num"].to_pylist())
    frauds = set(rows.filter(pc.equal(rows["is_fraud"], 1))["transaction_id"].to_pylist())
    assert not frauds & set(past.following["transaction_id"].to_pylist())
    # own fields go along
    assert {"device_id", "terminal_id"} <= set(past.rows.column_names) & set(past.following.column_names)


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        pytest.param(rows_of(30).slice(0, 0), "of 0 days; allowed: 5 or more", id="no rows"),
        pytest.param(rows_of(4), "of 4 days; allowed: 5 or more", id="few days"),
        pytest.param(
            without_frauds(rows_of(30)), "the first 24 of its 30 days, .* hold 0 frauds among", id="no frauds"
        ),
    ],
)
def test_what_cannot_be_learnt_from_is_refused(rows: pa.Table, says: str) -> None:
    with pytest.raises(OwnPastError, match=says):
        own_past(rows, KEY, CUT_MS)


def test_cards_that_are_never_seen_again_are_refused() -> None:
    rows = rows_of(30)
    days = milliseconds(rows) // MS_PER_DAY
    cards = [f"{card}-{day}" for card, day in zip(rows["cc_num"].to_pylist(), days, strict=True)]
    rows = rows.set_column(rows.column_names.index("cc_num"), "cc_num", pa.array(cards))
    with pytest.raises(OwnPastError, match="no card of its first 24 days"):
        own_past(rows, KEY, CUT_MS)


def test_the_digest_is_of_the_rows_and_not_of_their_order_or_secret() -> None:
    rows = rows_of(10)
    assert digest(rows) == digest(
        rows_of(10, "another secret of enough bytes").sort_by([("amount_cents", "ascending")])
    )
    labels = pa.array(1 - np.asarray(rows["is_fraud"]))
    assert digest(rows) != digest(rows.set_column(rows.column_names.index("is_fraud"), "is_fraud", labels))
    assert digest(rows) != digest(rows.slice(1))
    assert digest(rows) != digest(rows.drop_columns("device_id"))


def test_it_is_handed_over_whole(tmp_path: Path) -> None:
    past, own = own_past(rows_of(30), KEY, CUT_MS), OwnFile("mine.csv", "abc")
    hand_over(past, own, tmp_path)
    file, found = handed_over(tmp_path)
    assert file == own
    assert dataclasses.replace(found, rows=past.rows, following=past.following) == past
    assert found.rows.equals(past.rows.cast(found.rows.schema))


def test_one_of_a_file_is_kept_beside_the_made_up_one_and_in_place_of_another_files(tmp_path: Path) -> None:
    past = own_past(rows_of(30), KEY, CUT_MS)
    for own in ("", "one", "other"):
        keep(past, {}, f"model of {own}".encode(), {}, tmp_path, own)
    assert kept_world(tmp_path, "one") is None
    for own in ("", "other"):
        found = kept_world(tmp_path, own)
        assert found
        assert found.model == f"model of {own}".encode()
    assert len(list(tmp_path.iterdir())) == 2
