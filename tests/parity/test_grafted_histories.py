"""Attacks grafted onto cards' histories, through the real stream job: every windowed feature arises by itself."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from fraud.episodes import graft, learn, sample
from fraud.features.catalogue import STREAM_FEATURES, names
from fraud.world import WorldSettings, generate, tokenised
from local.rows import records
from tests.parity.naive import naive_stream_features

pytestmark = pytest.mark.engines

DAYS = 30


def test_the_stream_computes_the_features_of_grafted_attacks_as_the_naive_loop_does(replay_run) -> None:
    world = tokenised(generate(WorldSettings(cards=150, days=DAYS, fraud_rate=0.01, seed=5)), b"0123456789abcdef")
    grafted = graft(sample(learn(world), 60, seed=1), world, seed=1)
    moved = _moved_to(grafted.transactions, replay_run.stretch(days=DAYS + 1))
    made = set(moved["transaction_id"].filter(pa.array(grafted.synthetic)).to_pylist())

    results = replay_run.run(records(moved), expected=moved.num_rows)

    rows = moved.select(["transaction_id", "cc_num", "amount_cents"]).to_pylist()
    for row, at in zip(rows, moved["event_time"].cast(pa.int64()).to_pylist(), strict=True):
        row["event_ms"] = at
    streamed = {each["transaction_id"]: {name: each[name] for name in names(STREAM_FEATURES)} for each in results}
    naive = {each.pop("transaction_id"): each for each in naive_stream_features(rows)}
    assert streamed == naive
    # a row of fraud has no velocity of its own: the attack's has come out of the stream
    in_a_burst = sum(streamed[identity]["num_trans_last_1h"] > 1 for identity in made)
    assert len(made) > 100
    assert in_a_burst > len(made) / 4


def _moved_to(table: pa.Table, start_ms: int) -> pa.Table:
    """The same transactions, the first at a moment."""
    times = table["event_time"].cast(pa.int64()).to_numpy()
    moved = pa.array(np.asarray(times) - int(times.min()) + start_ms).cast(pa.timestamp("ms", "UTC"))
    return table.set_column(table.column_names.index("event_time"), "event_time", moved)
