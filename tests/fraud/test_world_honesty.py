"""Nothing in a world gives fraud away but behaviour."""

from __future__ import annotations

import duckdb
import numpy as np
import pandas as pd
import pytest
import xgboost
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, roc_auc_score

from fraud.features.sql import stream_sql
from fraud.world import WorldSettings, generate
from fraud.world.incidents import PATTERNS

SETTINGS = WorldSettings(cards=2_000, days=60, seed=3)


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    """By card and time: the columns of a world, `ms`, `gap_s` since the card's transaction before, `seen` before it."""
    world = generate(SETTINGS)
    table = world.transactions
    frame = table.drop_columns(["event_time"]).to_pandas()
    frame["ms"] = table["event_time"].to_numpy().astype("datetime64[ms]").astype(np.int64)
    frame["place"] = np.arange(len(frame))
    frame = frame.sort_values(["card", "ms"]).reset_index(drop=True)
    frame["gap_s"] = frame.groupby("card")["ms"].diff() / 1000
    frame["seen"] = frame.groupby("card").cumcount()
    frame["hour"] = frame["ms"] // 3_600_000 % 24
    frame["amt"] = frame["amount_cents"] / 100
    home = world.cards.loc[frame["card"], ["lat", "long"]].to_numpy()
    frame["degrees_from_home"] = np.hypot(frame["merch_lat"] - home[:, 0], frame["merch_long"] - home[:, 1])
    return frame


def _scores(rows: pd.DataFrame, columns: list[str], rounds: int = 80) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Labels and scores of the last 30% by time, of a model of the rows before."""
    cut = rows["ms"].quantile(0.7)
    train, test = rows[rows["ms"] < cut], rows[rows["ms"] >= cut]
    settings = {"objective": "binary:logistic", "max_depth": 6, "eta": 0.15, "max_delta_step": 1, "nthread": 2,
                "base_score": 0.0025, "min_child_weight": 0.05, "tree_method": "hist"}  # fmt: skip
    matrices = [
        xgboost.DMatrix(part[columns], part["is_fraud"], enable_categorical=True, nthread=2) for part in (train, test)
    ]
    model = xgboost.train(settings, matrices[0], rounds)
    return test["is_fraud"].to_numpy(), model.predict(matrices[1])


def test_the_fraud_rate_is_the_one_asked_for_and_every_pattern_occurs(rows: pd.DataFrame) -> None:
    assert rows["is_fraud"].mean() == pytest.approx(SETTINGS.fraud_rate, rel=0.02)
    counts = rows.loc[rows["is_fraud"] == 1, "pattern"].value_counts()
    assert all(counts[pattern.name] >= 40 for pattern in PATTERNS)
    assert ((rows["pattern"] == "") == (rows["is_fraud"] == 0)).all()


def test_no_card_has_only_fraud_and_some_suffer_it_twice(rows: pd.DataFrame) -> None:
    share = rows.groupby("card")["is_fraud"].mean()
    assert share.max() < 1
    assert 0.02 < (share > 0).mean() < 0.25
    fraud = rows[rows["is_fraud"] == 1]
    apart = fraud.groupby("card")["ms"].diff() > 8 * 86_400_000
    assert fraud.loc[apart, "card"].nunique() >= 4


def test_cards_differ_much_in_activity(rows: pd.DataFrame) -> None:
    old = rows.groupby("card").size() / SETTINGS.days
    assert old.quantile(0.02) < 0.3
    assert 12 < old.quantile(0.995) < 60


def test_fraud_strikes_cards_with_long_history_with_little_and_with_none(rows: pd.DataFrame) -> None:
    fraud = rows[rows["is_fraud"] == 1]
    honest_before = rows["is_fraud"].eq(0).groupby(rows["card"]).cumsum()[fraud.index]
    assert (honest_before > 100).mean() > 0.2
    assert (honest_before < 10).mean() > 0.12
    assert (honest_before == 0).sum() >= 5
    new = rows[(rows["seen"] == 0) & (rows["ms"] > rows["ms"].min() + 5 * 86_400_000)]
    assert new["is_fraud"].mean() < 0.2


def test_no_range_of_amounts_is_fraud_alone(rows: pd.DataFrame) -> None:
    fraud, honest = (rows.loc[rows["is_fraud"] == label, "amount_cents"] for label in (1, 0))
    assert honest.min() <= fraud.min()
    assert fraud.max() <= honest.max()
    edges = np.geomspace(100, 160_000, 31)
    share = np.histogram(honest, edges)[0] / np.maximum(np.histogram(rows["amount_cents"], edges)[0], 1)
    assert share.min() > 0.2
    exact = rows.groupby("amount_cents")["is_fraud"].agg(["size", "mean"])
    assert (exact.loc[exact["size"] >= 10, "mean"] < 1).all()
    assert (rows["amount_cents"].value_counts(normalize=True) < 0.02).all()


def test_fraud_and_honest_rows_share_hours_categories_and_merchants(rows: pd.DataFrame) -> None:
    fraud, honest = (rows[rows["is_fraud"] == label] for label in (1, 0))
    assert set(fraud["category"]) <= set(honest["category"])
    assert set(fraud["merchant"]) <= set(honest["merchant"])
    assert fraud["hour"].nunique() == honest["hour"].nunique() == 24
    assert (honest["hour"] < 6).mean() > 0.03
    assert (fraud["hour"].between(9, 20)).mean() > 0.2


def test_honest_bursts_exist_but_seldom_within_seconds(rows: pd.DataFrame) -> None:
    honest = rows[(rows["is_fraud"] == 0) & (rows["is_fraud"].shift() == 0)]
    assert (honest["gap_s"] < 600).mean() > 0.12
    assert honest["gap_s"].between(15, 120).mean() > 0.022
    third = (honest["gap_s"] < 300) & (honest["gap_s"].shift() < 300)
    assert third.sum() > 4_500
    small = honest["amount_cents"] < 3_000
    assert honest.loc[small, "gap_s"].between(1, 10).mean() < 0.001
    rapid = rows[(rows["pattern"] == "rapid_testing") & (rows["pattern"].shift() == "rapid_testing")]
    assert rapid["gap_s"].between(1, 12).mean() > 0.8


def test_honest_cards_travel_and_buy_big_now_and_then(rows: pd.DataFrame) -> None:
    shops = rows[(rows["is_fraud"] == 0) & ~rows["category"].astype(str).str.endswith("_net")]
    assert 0.02 < (shops["degrees_from_home"] > 5).mean() < 0.2
    assert (shops["amt"] > 2_000).sum() >= 7
    lost = rows[rows["pattern"] == "lost_or_stolen"]
    assert 0.6 < (lost["degrees_from_home"] > 5).mean() < 0.95


def test_what_identifies_a_row_carries_nothing(rows: pd.DataFrame) -> None:
    cents = rows["amount_cents"] % 100
    same_ms = rows.sort_values("place").groupby("ms").cumcount().reindex(rows.index)
    columns = {
        "millisecond": rows["ms"] % 1000,
        "cents": cents,
        "last_digit": cents % 10,
        "id_head": rows["transaction_id"].str[:6].map(lambda text: int(text, 16)),
        "id_tail": rows["transaction_id"].str[-6:].map(lambda text: int(text, 16)),
        "place_in_same_ms": same_ms,
    }
    artefacts = pd.DataFrame({**columns, "is_fraud": rows["is_fraud"], "ms": rows["ms"]})
    label, score = _scores(artefacts, list(columns), rounds=20)
    assert 0.45 < roc_auc_score(label, score) < 0.55


def test_history_tells_fraud_far_better_than_the_purchase_alone(rows: pd.DataFrame) -> None:
    source = rows.assign(
        cc_num=rows["card"], event_ms=rows["ms"], event_time=rows["ms"].to_numpy().astype("datetime64[ms]")
    )[["cc_num", "amount_cents", "event_time", "event_ms", "amt", "category", "hour", "is_fraud", "ms", "place"]]
    with duckdb.connect() as connection:
        connection.register("source", source.assign(category=source["category"].astype(str)))
        frame = connection.execute(stream_sql("SELECT * FROM source")).df()
    frame["category"] = frame["category"].astype("category")
    alone = ["amt", "category", "hour"]
    stream = [name for name in frame.columns if "_last_" in name]
    alone_ap = average_precision_score(*_scores(frame, alone))
    stream_ap = average_precision_score(*_scores(frame, alone + stream))
    assert 0.1 < alone_ap <= 0.785
    assert stream_ap > 0.8
    assert stream_ap - alone_ap > 0.25


def test_the_fields_that_may_be_missing_are_those_of_the_purchase(rows: pd.DataFrame) -> None:
    online = rows["entry_mode"].astype(str) == "online"
    assert (rows["device_id"].notna() == online).all()
    assert (rows["terminal_id"].isna() == online).all()
    assert rows.loc[online, "category"].astype(str).str.endswith("_net").all()
    assert (rows.loc[~online, "country"].astype(str) == "US").all()
    # a merchant has one code, one country, and few terminals
    place = [rows["merchant"].astype(str), rows["merch_lat"], rows["merch_long"]]
    assert rows.groupby(place)["mcc"].nunique().max() == 1
    assert rows.groupby(place)["country"].nunique().max() == 1
    assert rows.groupby(place)["terminal_id"].nunique().max() <= 3


def test_no_field_that_may_be_missing_gives_fraud_away_by_itself(rows: pd.DataFrame) -> None:
    label, score = _scores(rows, ["entry_mode", "currency", "country", "mcc"])
    assert 0.5 < roc_auc_score(label, score) < 0.8
