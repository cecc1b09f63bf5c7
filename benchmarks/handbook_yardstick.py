"""The Fraud Detection Handbook's own features, its split and its card precision, as it defines them."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fraud.durations import MS_PER_DAY, MS_PER_HOUR

DELAY_DAYS = 7
"""So long after a transaction its label is known."""
WINDOW_DAYS = (1, 7, 30)


def yardstick_sql(source: str) -> str:
    """The handbook's own features of every row of `source`, under its names.

    A card's windows end with the transaction and begin just after 1, 7 and 30 days before it; a terminal's are the same, ended
    DELAY_DAYS earlier. Risk is the share of frauds in such a window, 0 where it is empty. Transactions of the same instant see
    one another.

    Args:
        source: a relation with `row`, `cc_num`, `terminal_id`, `amount_cents`, `event_ms` and `is_fraud`.

    Returns:
        A SELECT of `row` and the features.
    """
    delay = DELAY_DAYS * MS_PER_DAY
    columns, windows = [], []
    for days in WINDOW_DAYS:
        back = days * MS_PER_DAY - 1
        windows += [
            f"card_{days} AS (PARTITION BY cc_num ORDER BY event_ms RANGE BETWEEN {back} PRECEDING AND CURRENT ROW)",
            f"terminal_{days} AS (PARTITION BY terminal_id ORDER BY event_ms "
            f"RANGE BETWEEN {delay + back} PRECEDING AND {delay} PRECEDING)",
        ]
        frauds, there = f"sum(is_fraud) OVER terminal_{days}", f"count(*) OVER terminal_{days}"
        columns += [
            f"count(*) OVER card_{days} AS CUSTOMER_ID_NB_TX_{days}DAY_WINDOW",
            f"avg(amount_cents) OVER card_{days} / 100 AS CUSTOMER_ID_AVG_AMOUNT_{days}DAY_WINDOW",
            f"{there} AS TERMINAL_ID_NB_TX_{days}DAY_WINDOW",
            f"coalesce({frauds} / nullif({there}, 0), 0) AS TERMINAL_ID_RISK_{days}DAY_WINDOW",
        ]
    return f"""SELECT row, amount_cents / 100 AS TX_AMOUNT,
  CAST((event_ms // {MS_PER_DAY} + 3) % 7 >= 5 AS INTEGER) AS TX_DURING_WEEKEND,
  CAST(event_ms // {MS_PER_HOUR} % 24 <= 6 AS INTEGER) AS TX_DURING_NIGHT,
  {", ".join(columns)}
FROM {source} WINDOW {", ".join(windows)}"""


def rows_tested(rows: pd.DataFrame, train_day: int, train_days: int, test_days: int) -> NDArray[np.bool_]:
    """Which rows are tested on: of the days DELAY_DAYS after the training's, without the cards that are known to be compromised.

    Known are the frauds of the training's days, and on each day of the test those of DELAY_DAYS and a day before, and earlier.

    Args:
        rows: n rows with `cc_num`, `day` (since 1970) and `is_fraud`.
        train_day: the first day of the training.
        train_days, test_days: how many days each has.
    """
    day, fraud = rows["day"].to_numpy(), rows["is_fraud"].to_numpy() == 1
    tested = np.zeros(len(rows), dtype=bool)
    for test_day in range(train_day + train_days + DELAY_DAYS, train_day + train_days + DELAY_DAYS + test_days):
        told = fraud & (day >= train_day) & (day < test_day - DELAY_DAYS)
        tested |= (day == test_day) & ~rows["cc_num"].isin(rows.loc[told, "cc_num"].unique()).to_numpy()
    return tested


def card_precision(rows: pd.DataFrame, score: NDArray[np.number], top: int = 100) -> float:
    """The mean over the days of the share of compromised cards among the `top` cards of the highest score that day.

    A card that was found on an earlier day is looked at no more.

    Args:
        rows: n rows with `cc_num`, `day` and `is_fraud`.
        score: n scores.
        top: how many cards are looked at each day; a day of fewer cards counts the rest as not compromised.

    >>> rows = pd.DataFrame({"cc_num": ["a", "b", "a", "c"], "day": [1, 1, 2, 2], "is_fraud": [1, 0, 1, 0]})
    >>> card_precision(rows, np.array([0.9, 0.1, 0.9, 0.2]), top=1)
    0.5
    """
    found: set[str] = set()
    precisions = []
    for _, of_day in rows.assign(score=score).groupby("day"):
        cards = of_day[~of_day["cc_num"].isin(found)].groupby("cc_num")[["score", "is_fraud"]].max()
        highest = cards.sort_values("score", ascending=False, kind="stable").head(top)
        compromised = highest.index[highest["is_fraud"] == 1]
        precisions.append(len(compromised) / top)
        found |= set(compromised)
    return float(np.mean(precisions))
