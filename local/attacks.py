"""Attacks to put into a replay, on cards of the replayed world: what they buy, when, and for how much."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa

from fraud.world.tables import STREAM_COLUMNS

HOUR_MS = 3_600_000
ONLINE = "misc_net"

BURST_CENTS = (420, 605, 350, 799, 510, 650, 475, 920, 330, 540)
"""Ten small purchases, seconds apart: someone tries out a stolen number."""

SLOW_CENTS = (101, 2255, 9055, 6075)
"""A small purchase at night, then larger ones, within three minutes."""


@dataclass(frozen=True)
class Attack:
    """Transactions of one card put into the replay.

    Attributes:
        pattern: its name in the summary.
        fraud: whether it is one; a single ordinary purchase is not.
        transaction_ids: in order.
    """

    pattern: str
    fraud: bool
    transaction_ids: tuple[str, ...]


def stage_attacks(history: pa.Table, live: pa.Table, from_ms: int) -> tuple[pa.Table, list[Attack]]:
    """Three ordinary single purchases on three cards, ten small ones on a fourth within seconds, a slow attack on a fifth.

    The cards are ones with a history that make no other purchase in the replay or the day before it, so nothing else explains
    the outcome.

    Args:
        history: tokenised rows before `from_ms`.
        live: tokenised rows from then on.
        from_ms: the start of the replayed day.

    Returns:
        The rows to add, in the columns of STREAM_COLUMNS and `is_fraud`; and what they are.

    Raises:
        ValueError: the world has no five such cards.
    """
    known = history.select(
        ["cc_num", "category", "merchant", "amount_cents", "event_time", "merch_lat", "merch_long", "is_fraud"]
    )
    frame = known.to_pandas()
    event_ms = frame["event_time"].astype("datetime64[ms, UTC]").astype("int64")
    busy = set(live["cc_num"].to_pylist()) | set(frame.loc[event_ms >= from_ms - 24 * HOUR_MS, "cc_num"])
    busy |= set(frame.loc[frame["is_fraud"] == 1, "cc_num"])
    counts = frame["cc_num"].value_counts()
    quiet = [card for card in counts.index[counts >= 30].astype(str) if card not in busy]  # the most used first
    if len(quiet) < 5:
        raise ValueError(
            f"the attacks need five quiet cards with a history; this world has {len(quiet)}; make a longer one"
        )
    chosen = [_Habit(frame[frame["cc_num"] == card], event_ms) for card in quiet[:5]]
    # Stolen numbers are tried out where no card is shown.
    online = frame[frame["category"].astype(str) == ONLINE].iloc[-1]
    staged = [
        *(
            _Staged("an ordinary purchase", False, habit, habit.usual_hour, (habit.usual_cents,), 0, habit.shop)
            for habit in chosen[:3]
        ),
        _Staged(
            "ten small purchases within seconds", True, chosen[3], chosen[3].usual_hour, BURST_CENTS, 2_000, online
        ),
        _Staged("a slow attack at night", True, chosen[4], 3, SLOW_CENTS, 55_000, online),
    ]
    rows, attacks = [], []
    for number, one in enumerate(staged):
        identities = tuple(f"staged-{number}-{position}" for position in range(len(one.cents)))
        rows += one.rows(identities, from_ms)
        attacks.append(Attack(one.pattern, one.fraud, identities))
    table = pa.Table.from_pylist(rows)
    times = table["event_time"].cast(pa.timestamp("ms", "UTC"))
    return table.set_column(table.column_names.index("event_time"), "event_time", times), attacks


class _Habit:
    """What a card usually does: its most used category, there its median amount, its hour of the day."""

    def __init__(self, rows: pd.DataFrame, event_ms: pd.Series) -> None:
        self.card = str(rows["cc_num"].iloc[0])
        self.category = str(rows["category"].astype(str).mode().iloc[0])
        there = rows[rows["category"].astype(str) == self.category]
        self.usual_cents = int(np.median(there["amount_cents"]))
        self.usual_hour = int((event_ms[there.index] // HOUR_MS % 24).mode().iloc[0])
        self.shop = there.iloc[-1]


@dataclass(frozen=True)
class _Staged:
    pattern: str
    fraud: bool
    habit: _Habit
    hour: int
    cents: tuple[int, ...]
    gap_ms: int
    shop: pd.Series

    def rows(self, identities: tuple[str, ...], from_ms: int) -> list[dict[str, object]]:
        shop = self.shop
        first_ms = from_ms + self.hour * HOUR_MS + 17 * 60_000
        values = [
            (identity, self.habit.card, cents, first_ms + position * self.gap_ms, str(shop["merchant"]), str(shop["category"]),
             float(shop["merch_lat"]), float(shop["merch_long"]))
            for position, (identity, cents) in enumerate(zip(identities, self.cents, strict=True))
        ]  # fmt: skip
        return [{**dict(zip(STREAM_COLUMNS, row, strict=True)), "is_fraud": int(self.fraud)} for row in values]
