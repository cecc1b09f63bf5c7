"""Windows joined from the store: equal to the naive reference wherever they are not said to have slid."""

from __future__ import annotations

import random

import pytest

from fraud.features.catalogue import CATALOGUE
from fraud.stored_windows import StoredWindows, joined

MINUTE = 60_000


def naive(past: list[tuple[int, int]], now: int) -> dict[str, float | None]:
    """The windows of the last of (moment, cents), computed over the transactions themselves."""
    found: dict[str, float | None] = {}
    for window in CATALOGUE.windows:
        held = [(moment, cents) for moment, cents in past if now - window.back_ms <= moment <= now]
        others = len(held) - 1
        values = {
            "count": len(held),
            "mean": float(sum(cents for _, cents in held)) / len(held) / 100,
            "mean age": (len(held) * now - sum(moment for moment, _ in held)) / others / 1000 if others else None,
        }
        found |= {
            feature.name: values[aggregate]
            for aggregate, feature in zip(window.aggregates, window.features, strict=True)
        }
    return found


def test_a_window_that_has_not_slid_is_the_streams_to_the_last_digit() -> None:
    random_ = random.Random(1)
    exact = slid = 0
    for _ in range(3000):
        moments, moment = [], 1_767_225_600_000
        for _ in range(random_.randrange(1, 12)):
            moment += random_.choice([1, 30_000, 5 * MINUTE, 40 * MINUTE, 300 * MINUTE, 2000 * MINUTE])
            moments.append((moment, random_.randrange(0, 99_999_999)))
        stored = StoredWindows(moment, naive(moments, moment))
        now = moment + random_.choice([1, 30_000, 10 * MINUTE, 59 * MINUTE, 700 * MINUTE, 1441 * MINUTE])
        cents = random_.randrange(0, 99_999_999)
        found = joined(stored, cents, now)
        expected = naive([*moments, (now, cents)], now)
        for window in CATALOGUE.windows:
            names = [feature.name for feature in window.features]
            if window.back in found.slid:
                slid += 1
                assert found.features[names[0]] >= expected[names[0]]
            else:
                exact += 1
                assert {name: found.features[name] for name in names} == {name: expected[name] for name in names}
    assert exact > 3000
    assert slid > 500


def test_the_last_transaction_of_the_same_moment_is_this_one() -> None:
    features = naive([(0, 100), (5, 250)], 5)
    assert joined(StoredWindows(5, features), 250, 5) == (features, ())


@pytest.mark.parametrize("late", [1, 30 * MINUTE])
def test_a_late_transaction_may_have_slid(late: int) -> None:
    now = 10**12
    assert joined(StoredWindows(now, naive([(now, 100)], now)), 250, now - late).slid == ("10m", "1h", "1d")


def test_a_feature_that_the_store_lacks_is_missing() -> None:
    found = joined(StoredWindows(10**12, {}), 250, 10**12 + 1)
    assert set(found.features.values()) == {None}
    assert found.slid == ("10m", "1h", "1d")
