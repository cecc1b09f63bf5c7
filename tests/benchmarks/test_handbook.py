"""The handbook's features, its split and its card precision are those of loops that anyone can read."""

from __future__ import annotations

from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest

from benchmarks.handbook_yardstick import DELAY_DAYS, card_precision, rows_tested, yardstick_sql
from fraud.durations import MS_PER_DAY, MS_PER_HOUR

FIRST_DAY = 17_717  # 2018-07-05, a Thursday
DELAY = DELAY_DAYS * MS_PER_DAY


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    """Few cards and terminals over seven weeks; some transactions stand a window apart, or a millisecond less or more."""
    random = np.random.default_rng(5)
    count = 400
    event_ms = FIRST_DAY * MS_PER_DAY + random.integers(0, 49 * 24 * 4, count) * MS_PER_HOUR // 4
    event_ms[:60] = event_ms[60:120] + np.resize([1, 7, 30, 8, 14, 37], 60) * MS_PER_DAY
    event_ms[:60] += np.repeat([-1, 0, 1], 20)
    event_ms[120:130] = event_ms[130:140]
    return pd.DataFrame(
        {
            "row": np.arange(count),
            "cc_num": random.choice(list("abcdefghij"), count),
            "terminal_id": random.choice(["t", "u"], count),
            "amount_cents": random.integers(1, 30_000, count),
            "event_ms": event_ms,
            "is_fraud": (random.random(count) < 0.1).astype(int),
        }
    ).assign(day=lambda made: made["event_ms"] // MS_PER_DAY)


def naive(every: list[dict[str, Any]], row: dict[str, Any]) -> dict[str, float]:
    now = row["event_ms"]
    moment = pd.Timestamp(now, unit="ms")
    found = {
        "TX_AMOUNT": row["amount_cents"] / 100,
        "TX_DURING_WEEKEND": float(moment.weekday() >= 5),
        "TX_DURING_NIGHT": float(moment.hour <= 6),
    }
    for days in (1, 7, 30):
        length = days * MS_PER_DAY
        of_card = [each for each in every if each["cc_num"] == row["cc_num"] and now - length < each["event_ms"] <= now]
        known = [
            each
            for each in every
            if each["terminal_id"] == row["terminal_id"] and now - DELAY - length < each["event_ms"] <= now - DELAY
        ]
        frauds = sum(each["is_fraud"] for each in known)
        found[f"CUSTOMER_ID_NB_TX_{days}DAY_WINDOW"] = len(of_card)
        found[f"CUSTOMER_ID_AVG_AMOUNT_{days}DAY_WINDOW"] = (
            sum(each["amount_cents"] for each in of_card) / len(of_card) / 100
        )
        found[f"TERMINAL_ID_NB_TX_{days}DAY_WINDOW"] = len(known)
        found[f"TERMINAL_ID_RISK_{days}DAY_WINDOW"] = frauds / len(known) if known else 0.0
    return found


def test_the_features_are_a_loop_written_out(rows: pd.DataFrame) -> None:
    with duckdb.connect() as connection:
        connection.register("given", rows)
        found = connection.execute(f"{yardstick_sql('given')} ORDER BY row").df()
    every = rows.to_dict("records")
    for row, of_row in zip(every, found.drop(columns="row").to_dict("records"), strict=True):
        assert of_row == pytest.approx(naive(every, row), rel=1e-12), row
    assert found.filter(like="RISK").max().min() > 0


def test_tested_are_the_days_after_the_delay_without_cards_known_by_then(rows: pd.DataFrame) -> None:
    start = FIRST_DAY + 7
    expected, every = [], rows.to_dict("records")
    frauds = [each for each in every if each["is_fraud"] and each["day"] >= start]
    for row in every:
        known = {each["cc_num"] for each in frauds if each["day"] + DELAY_DAYS < row["day"]}
        expected.append(
            start + 3 + DELAY_DAYS <= row["day"] < start + 3 + DELAY_DAYS + 5 and row["cc_num"] not in known
        )
    found = rows_tested(rows, start, 3, 5)
    assert found.tolist() == expected
    of_days = rows["day"].between(start + 3 + DELAY_DAYS, start + 3 + DELAY_DAYS + 4)
    assert 0 < found.sum() < of_days.sum()


def test_card_precision_is_a_loop_written_out(rows: pd.DataFrame) -> None:
    every = rows.to_dict("records")
    score = np.random.default_rng(2).permutation(len(rows)) / len(rows)
    found: list[str] = []
    precisions = []
    for day in sorted(set(rows["day"])):
        highest: dict[str, float] = {}
        compromised = set()
        for row, value in zip(every, score.tolist(), strict=True):
            if row["day"] == day and row["cc_num"] not in found:
                highest[row["cc_num"]] = max(value, highest.get(row["cc_num"], 0.0))
                compromised |= {row["cc_num"]} if row["is_fraud"] else set()
        top = sorted(highest, key=lambda card: -highest[card])[:2]
        precisions.append(sum(card in compromised for card in top) / 2)
        found += [card for card in top if card in compromised]
    assert card_precision(rows, score, top=2) == pytest.approx(np.mean(precisions))
    assert len(found) >= 2
