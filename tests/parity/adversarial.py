"""Transactions that are hard on windows: ties, gaps of exactly a window's length and a millisecond either side, lone cards."""

from __future__ import annotations

import hashlib
import json
import random

WINDOW_LENGTHS_MS = (600_000, 3_600_000, 86_400_000)
EDGE_GAPS_MS = tuple(length + off for length in WINDOW_LENGTHS_MS for off in (-1, 0, 1))
SMALLEST_CENTS, LARGEST_CENTS = 1, 99_999_999


def adversarial_rows(count: int, start_ms: int, seed: int = 0, prefix: str = "a") -> list[dict]:
    """At least `count` rows in time order: transaction_id, cc_num, amount_cents, event_ms from `start_ms` on; and merchant,
    category and device_id of few values each, of which a third of the rows has no device.

    A tenth of the rows are cards' only ones. The others are of cards with 20 to 400 each. The same seed gives the same rows;
    `prefix` begins every transaction_id and sets the cards apart from those of other calls.

    >>> rows = adversarial_rows(1000, start_ms=0)
    >>> len(rows) >= 1000, rows == adversarial_rows(1000, start_ms=0)
    (True, True)
    """
    random_ = random.Random(seed)
    rows: list[dict] = []
    card = 0
    while len(rows) < count:
        times = [start_ms + random_.randrange(20 * 86_400_000)]
        if random_.random() > 0.96:
            for _ in range(random_.randint(20, 400)):
                times.append(times[-1] + _gap(random_))
        elif random_.random() > 0.6:
            times = []
        token = hashlib.sha256(f"{prefix}{card}".encode()).hexdigest()[:32]
        rows += [{"cc_num": token, "amount_cents": _amount(random_), "event_ms": moment} for moment in times]
        card += 1
    rows.sort(key=lambda row: row["event_ms"])
    return [{"transaction_id": f"{prefix}{number}", **row, **_at(number)} for number, row in enumerate(rows)]


def _at(number: int) -> dict[str, str | None]:
    return {
        "merchant": f'Café "{number % 7}" & Söhne',
        "category": ("travel", "grocery_pos", "misc\\net")[number % 13 % 3],
        "device_id": None if number % 3 == 0 else f"d{number % 11}",
    }


def _gap(random_: random.Random) -> int:
    choice = random_.random()
    if choice < 0.25:
        return 0
    if choice < 0.35:
        return 1
    if choice < 0.60:
        return random_.choice(EDGE_GAPS_MS)
    return int(random_.expovariate(1 / random_.choice((5_000, 400_000, 2_000_000, 20_000_000))))


def _amount(random_: random.Random) -> int:
    return random_.choice(
        (SMALLEST_CENTS, LARGEST_CENTS, random_.randint(1, 100_000), random_.randint(1, LARGEST_CENTS))
    )


def message(row: dict, number: int = 0) -> bytes:
    """The row as the topic `transactions` carries it; every fourth one has its amount as a JSON number."""
    amount = f"{row['amount_cents'] // 100}.{row['amount_cents'] % 100:02d}"
    text = json.dumps(
        {
            "transaction_id": row["transaction_id"],
            "cc_num": row["cc_num"],
            "amount": amount,
            "event_time": "2026-01-31T12:00:00.000Z",
            "merchant": row.get("merchant", "a merchant"),
            "category": row.get("category", "grocery_pos"),
            "merch_lat": 40.7128 - number % 100,
            "merch_long": -74.006 + number % 100,
            # missing is either null or not there
            **({"device_id": row.get("device_id")} if row.get("device_id") or number % 2 else {}),
        }
    )
    return (text.replace(f'"{amount}"', amount) if number % 4 == 0 else text).encode()
