"""Parts of the rows in which a model is looked at by itself, and how sure its figures there are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fraud.durations import MS_PER_DAY
from sagemaker_src.training.metrics import Scores
from sagemaker_src.training.resampling import RESAMPLES, Ranking, drawn, interval

MOST_GROUPS = 30
"""Values of a field that are told apart, the most frequent; the rest are one group."""
REST, MISSING = "all others", "missing"
NEW_CARD_DAYS = 7
"""A card is new so long after its first row."""
BURST_DAYS = 7
"""A fraud begins a burst if its card had none so long before."""
AMOUNTS = (1_000, 10_000, 100_000)
"""Where bands of the amount begin, in cents."""
BANDS = ("below 10", "10 to 100", "100 to 1,000", "from 1,000")
_HOURS = ("00 to 06", "06 to 12", "12 to 18", "18 to 24")
_OPTIONAL = ("entry_mode",)
"""Fields that are segments where rows have them."""


def segments(rows: pd.DataFrame, history: pd.DataFrame) -> dict[str, pd.Series]:
    """{segmentation: the group of each row, None where it is in none}.

    Args:
        rows: n rows of `feature_rows.ROW_COLUMNS`.
        history: all rows known of the cards, `rows` included.
    """
    event = rows["event_ms"]
    first_seen = rows["cc_num"].map(history.groupby("cc_num")["event_ms"].min())
    found = {
        "category": _most(rows["category"]),
        "amount": _named(BANDS, np.searchsorted(AMOUNTS, rows["amount_cents"], side="right"), rows.index),
        "hour_utc": _named(_HOURS, (event % MS_PER_DAY * 4 // MS_PER_DAY).to_numpy(), rows.index),
        "card": _named(("known", "new"), (event - first_seen < NEW_CARD_DAYS * MS_PER_DAY).to_numpy(), rows.index),
        "burst": _burst(rows, history),
    }
    return found | {name: _most(rows[name]) for name in _OPTIONAL if name in rows and rows[name].notna().any()}


def intervals(rows: pd.DataFrame, history: pd.DataFrame, scores: Scores, beside: Scores | None) -> dict[str, Any]:
    """How sure a model's figures are, as a whole and by segment, and its difference from another on the same rows.

    Args:
        rows, history: see `segments`.
        scores: n scores of the model.
        beside: n scores of the model it is compared with; None if there is none.

    Returns:
        Ready for JSON: `resampled` {by, times}, `intervals` and `difference` {average_precision, recall_at_fpr_0.001, segments},
        a figure being {value, low, high}; those in `segments` are recalls at the threshold that flags .1% of all honest
        rows, with segment, group and frauds beside. `difference` is the model less the other; None if there is no other.
    """
    label = rows["is_fraud"].to_numpy()
    card, cards = pd.factorize(rows["cc_num"])
    named = {name: pd.factorize(groups, sort=True) for name, groups in segments(rows, history).items()}
    codes = np.array([codes for codes, _ in named.values()])
    width = int(codes.max()) + 1
    places = [
        (name, group, 2 + number * width + code, int(label[codes[number] == code].sum()))
        for number, (name, (_, groups)) in enumerate(named.items())
        for code, group in enumerate(groups)
    ]
    models = [each for each in (scores, beside) if each is not None]
    found = drawn([Ranking(label, each, card, codes) for each in models], len(cards))
    return {
        "resampled": {"by": "card", "times": RESAMPLES},
        "intervals": _told(found[0], places),
        "difference": None if beside is None else _told(found[0] - found[1], places),
    }


def _told(figures: NDArray[np.float64], places: list[tuple[str, str, int, int]]) -> dict[str, Any]:
    return {
        "average_precision": interval(figures[:, 0])._asdict(),
        "recall_at_fpr_0.001": interval(figures[:, 1])._asdict(),
        "segments": [
            {"segment": name, "group": group, "frauds": frauds, **interval(figures[:, place])._asdict()}
            for name, group, place, frauds in places
        ],
    }


def _named(names: tuple[str, ...], place: NDArray[Any], index: pd.Index) -> pd.Series:
    return pd.Series(np.array(names, dtype=object)[np.asarray(place, dtype=int)], index=index)


def _most(values: pd.Series) -> pd.Series:
    names = values.astype(object).where(values.notna(), MISSING).map(str)
    return names.where(names.isin(names.value_counts().index[:MOST_GROUPS]), REST)


def _burst(rows: pd.DataFrame, history: pd.DataFrame) -> pd.Series:
    """Of frauds: whether they begin a burst."""
    frauds = history[history["is_fraud"] == 1].sort_values(["cc_num", "event_ms", "transaction_id"])
    since = frauds.groupby("cc_num")["event_ms"].diff()
    later = frauds.loc[since < BURST_DAYS * MS_PER_DAY, "transaction_id"]
    burst = pd.Series(np.where(rows["transaction_id"].isin(later), "later fraud", "first fraud"), index=rows.index)
    return burst.astype(object).where(rows["is_fraud"] == 1, None)
