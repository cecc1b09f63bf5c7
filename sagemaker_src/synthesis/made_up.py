"""A table to try synthesis on: transactions of a made-up world, one in a hundred of them fraud, with the features of each."""

from __future__ import annotations

import numpy as np
import pandas as pd

from fraud.world import WorldSettings, generate, tokenised
from sagemaker_src.processing.batch_features import compute, engine, features_frame, load
from sagemaker_src.synthesis.generators import Progress

LABEL, POSITIVE, TIME = "is_fraud", "1", "event_time"
COLUMNS = (
    TIME, "category", "amount", "num_trans_last_10m", "avg_amt_last_10m", "num_trans_last_1d", "avg_amt_last_1d",
    "num_trans_last_1w", "avg_amt_last_1w", "max_amt_last_30d", "num_trans_category_all", "num_trans_hour_all", LABEL,
)  # fmt: skip
"""Of a table made here: the time (UTC), what was bought and for how much, and what the card had done until then."""

_FRAUD_RATE = 0.01


def made_up_table(cards: int, days: int, seed: int, progress: Progress) -> pd.DataFrame:
    """The transactions of a world by their time, in COLUMNS; one in a hundred is fraud.

    No column tells whose card it was. A card makes about 3.5 transactions a day.
    """
    progress("making up a world", 0, 1)
    world = generate(WorldSettings(cards=cards, days=days, fraud_rate=_FRAUD_RATE, seed=seed))
    transactions = tokenised(world, np.random.default_rng(seed).bytes(32))
    progress("making up a world", 1, 1)
    with engine() as connection:
        connection.register("made", transactions)
        load(connection, "made")
        compute(connection, lambda _, done, total: progress("computing features", done, total + 1))
        rows = features_frame(connection, "made")
    progress("computing features", 1, 1)
    rows = rows.sort_values(["event_ms", "transaction_id"], ignore_index=True)
    rows = rows.assign(
        event_time=pd.to_datetime(rows["event_ms"], unit="ms"), amount=rows["amount_cents"] / 100
    ).astype({"category": "str"})
    return rows[list(COLUMNS)]
