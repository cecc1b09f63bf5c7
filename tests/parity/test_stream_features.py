"""The stream job through the real Kafka and the real Flink gives what a loop per card gives, bit for bit."""

from __future__ import annotations

import pytest

from fraud.features.catalogue import names
from local.replayer import Record
from tests.parity.adversarial import EDGE_GAPS_MS, adversarial_rows, message
from tests.parity.further import FURTHER, FURTHER_WINDOWS
from tests.parity.naive import naive_stream_features

pytestmark = pytest.mark.engines

ROWS = 200_000
DUPLICATES = 0.05
FEATURE_NAMES = names(FURTHER.stream_features)


def records_of(rows: list[dict]) -> list[Record]:
    return [Record(row["event_ms"], row["cc_num"].encode(), message(row, number)) for number, row in enumerate(rows)]


def features_of(results: list[dict], names: tuple[str, ...] = FEATURE_NAMES) -> dict[str, dict]:
    return {each["transaction_id"]: {name: each[name] for name in names} for each in results}


def test_known_table(replay_run) -> None:
    start = replay_run.stretch(days=1)
    rows = [
        {
            "transaction_id": f"known{number}",
            "cc_num": "0" * 32,
            "amount_cents": cents,
            "event_ms": start + number * 120_000,
        }
        for number, cents in enumerate((5_000, 20_000, 5_000, 50_000))
    ]
    results = sorted(replay_run.run(records_of(rows), expected=4), key=lambda each: each["trans_time"])
    assert [each["num_trans_last_10m"] for each in results] == [1, 2, 3, 4]
    assert [each["avg_amt_last_10m"] for each in results] == [50.0, 125.0, 100.0, 200.0]
    assert [each["mean_age_last_1h"] for each in results] == [None, 120.0, 180.0, 240.0]


def test_adversarial_rows_equal_the_naive_loop_bit_for_bit(replay_run) -> None:
    rows = adversarial_rows(ROWS, replay_run.stretch(days=400))
    gaps = {row["event_ms"] - before["event_ms"] for before, row in _neighbours_of_a_card(rows)}
    assert {0, *EDGE_GAPS_MS} <= gaps

    results = replay_run.run(records_of(rows), expected=len(rows), duplicates=DUPLICATES)

    assert len(results) == len(rows)
    wanted = features_of(naive_stream_features(rows, FURTHER_WINDOWS))
    assert features_of(results) == wanted
    assert {features["num_trans_device_last_10m"] is None for features in wanted.values()} == {True, False}
    carried = {each["transaction_id"]: (each["amount_cents"], each["trans_time"]) for each in results}
    assert carried == {row["transaction_id"]: (row["amount_cents"], row["event_ms"]) for row in rows}


def _neighbours_of_a_card(rows: list[dict]) -> list[tuple[dict, dict]]:
    last: dict[str, dict] = {}
    pairs = []
    for row in rows:
        if row["cc_num"] in last:
            pairs.append((last[row["cc_num"]], row))
        last[row["cc_num"]] = row
    return pairs
