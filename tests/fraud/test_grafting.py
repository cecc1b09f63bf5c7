"""Grafted histories keep the contract, and nothing gives a grafted transaction away but what the attack does."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest
import xgboost
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from fraud.episodes import EpisodesError, Grafted, graft, learn, sample
from fraud.episodes.copying import copies
from fraud.episodes.ledger import APART_MS, COLUMNS
from fraud.transaction import parse_transaction
from fraud.world import WorldSettings, generate, stream_messages, tokenised
from sagemaker_src.processing.batch_features import compute, engine, features_frame, load
from tests.parity.naive import naive_stream_features
from tests.parity.naive_nightly import naive_nightly_features

KEY = b"0123456789abcdef"
LIMIT = 0.75
"""Of the classifier two-sample test, as everywhere (`sagemaker_src.synthesis.quality.verdict.Limits`)."""


def world_of(**options: object) -> pa.Table:
    return tokenised(generate(WorldSettings(**options)), KEY)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def world() -> pa.Table:
    return world_of(cards=400, days=40, fraud_rate=0.01, seed=5)


@pytest.fixture(scope="module")
def grafted(world: pa.Table) -> Grafted:
    return graft(sample(learn(world), 150, seed=1), world, seed=1)


def rows_of(table: pa.Table) -> pd.DataFrame:
    """By card and time, `ms` since 1970."""
    frame = table.drop_columns(["event_time"]).to_pandas()
    frame["ms"] = table["event_time"].cast(pa.int64()).to_numpy()
    return frame


def spans(rows: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    return rows.groupby(by)["ms"].agg(["min", "max"]).reset_index()


def hold(table: pa.Table, result: Grafted, count: int) -> None:
    """What must hold of transactions with attacks grafted onto them."""
    rows = rows_of(result.transactions).assign(synthetic=result.synthetic, episode=result.episode)
    given_rows = rows_of(table.select(COLUMNS))
    # The given ones are there, each once and unchanged.
    left = rows[~rows["synthetic"]].drop(columns=["synthetic", "episode"])
    order = ["ms", "transaction_id"]
    assert left.reset_index(drop=True).equals(
        given_rows.sort_values(order)[left.columns].reset_index(drop=True).astype(left.dtypes)
    )
    assert rows["transaction_id"].is_unique
    assert rows[order].equals(rows[order].sort_values(order))
    made = rows[rows["synthetic"]]
    assert set(made["episode"]) == set(range(count)) and (made["is_fraud"] == 1).all()
    assert (made.groupby("episode")["cc_num"].nunique() == 1).all()
    # Merchants and categories exist, and the merchant is one of that category.
    known = set(zip(given_rows["merchant"], given_rows["category"], strict=True))
    assert set(zip(made["merchant"], made["category"], strict=True)) <= known
    # Within the card's own history, with room to its own attacks and to other grafted ones.
    histories = spans(given_rows[given_rows["is_fraud"] == 0], ["cc_num"]).set_index("cc_num")
    attacks = spans(made, ["cc_num", "episode"])
    own = given_rows[given_rows["is_fraud"] == 1]
    for card, of_card in attacks.groupby("cc_num"):
        begins, ends = of_card["min"].to_numpy(), of_card["max"].to_numpy()
        assert histories.loc[card, "min"] <= begins.min() and ends.max() <= histories.loc[card, "max"]
        in_order = np.argsort(begins)
        assert (begins[in_order][1:] - ends[in_order][:-1] > APART_MS).all()
        for at in own.loc[own["cc_num"] == card, "ms"]:
            assert ((at < begins - APART_MS) | (at > ends + APART_MS)).all()
    for message in stream_messages(result.transactions.filter(pa.array(result.synthetic))):
        parse_transaction(message)


def test_grafted_histories_keep_the_contract(world: pa.Table, grafted: Grafted) -> None:
    hold(world, grafted, 150)


@pytest.mark.slow
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    cards=st.integers(3, 25),
    days=st.integers(6, 25),
    rate=st.sampled_from([0.01, 0.05, 0.1]),
    seed=st.integers(0, 2**20),
    count=st.integers(1, 6),
)
def test_grafted_histories_keep_the_contract_in_any_small_world(
    cards: int, days: int, rate: float, seed: int, count: int
) -> None:
    table = world_of(cards=cards, days=days, fraud_rate=rate, seed=seed, start=date(2026, 3, 1))
    try:
        result = graft(sample(learn(table), count, seed), table, seed)
    except EpisodesError as error:
        said = ("find no room", "hold no labelled fraud", "the honest transactions have not")
        assert any(each in str(error) for each in said)
        return
    hold(table, result, count)


def test_the_same_seed_grafts_the_same_rows(world: pa.Table, grafted: Grafted) -> None:
    episodes = sample(learn(world), 150, seed=1)
    assert graft(episodes, world, seed=1).transactions.equals(grafted.transactions)
    assert not graft(episodes, world, seed=2).transactions.equals(grafted.transactions)


def test_cards_without_an_attack_come_first(world: pa.Table, grafted: Grafted) -> None:
    rows = rows_of(grafted.transactions).assign(synthetic=grafted.synthetic)
    struck = set(rows.loc[~rows["synthetic"] & (rows["is_fraud"] == 1), "cc_num"])
    made = rows[rows["synthetic"]]
    assert not set(made["cc_num"]) & struck
    assert made["cc_num"].nunique() == 150


def test_nothing_is_grafted_from_a_moment_on(world: pa.Table) -> None:
    moment = int(np.median(world["event_time"].cast(pa.int64()).to_numpy()))
    result = graft(sample(learn(world), 60, seed=1), world, seed=1, before_ms=moment)
    assert rows_of(result.transactions.filter(pa.array(result.synthetic)))["ms"].max() < moment
    hold(world, result, 60)


def test_no_room_is_said_with_how_many_have_some(world: pa.Table) -> None:
    few = world.filter(
        pc.is_in(world["cc_num"].cast(pa.string()), pa.array(world["cc_num"].cast(pa.string()).unique()[:3]))
    )
    with pytest.raises(EpisodesError, match=r"500 episodes find no room; allowed here: \d+"):
        graft(sample(learn(world), 500, seed=1), few, seed=1)


@pytest.mark.parametrize("of", ["all", "honest ones"])
def test_a_category_that_the_transactions_lack_is_named(world: pa.Table, of: str) -> None:
    lacking = pc.equal(world["category"].cast(pa.string()), "shopping_net")
    if of == "honest ones":
        lacking = pc.and_(lacking, pc.equal(world["is_fraud"], 0))
    with pytest.raises(
        EpisodesError, match=r"category shopping_net: .* the honest transactions have not; allowed: [a-z]+"
    ):
        graft(sample(learn(world), 50, seed=1), world.filter(pc.invert(lacking)), seed=1)


def test_windows_and_nights_of_grafted_rows_are_what_the_naive_reference_counts() -> None:
    table = world_of(cards=12, days=20, fraud_rate=0.03, seed=4)
    result = graft(sample(learn(table), 5, seed=1), table, seed=1)
    with engine(threads=1) as connection:
        rows = result.transactions.append_column("row", pa.array(np.arange(result.transactions.num_rows)))
        connection.register("tx", rows)
        load(connection, "tx", key="row")
        compute(connection)
        found = features_frame(connection, "tx", key="row").set_index("transaction_id")
    plain = rows_of(result.transactions).rename(columns={"ms": "event_ms"}).to_dict("records")
    made = set(result.transactions["transaction_id"].filter(pa.array(result.synthetic)).to_pylist())
    for row, stream, nightly in zip(plain, naive_stream_features(plain), naive_nightly_features(plain), strict=True):
        if row["transaction_id"] in made:
            for name, value in {**stream, **nightly}.items():
                if name != "transaction_id":
                    got = found.loc[row["transaction_id"], name]
                    assert (pd.isna(got) and value is None) or got == value, name
    grafted_rows = found.loc[sorted(made)]
    # A row cannot carry a velocity; a history does.
    assert (grafted_rows["num_trans_last_1d"] > 1).any()


def artefacts(result: Grafted) -> pd.DataFrame:
    """Of the frauds what says nothing of how an attack unfolds: identifiers, merchants, places, digits, order in the file."""
    table = result.transactions
    rows = rows_of(table).assign(synthetic=result.synthetic)
    rows["place"] = np.arange(len(rows))
    rows["tie"] = rows.groupby("ms").cumcount()
    honest = rows[rows["is_fraud"] == 0]
    centre = honest.groupby("cc_num")[["merch_lat", "merch_long"]].median()
    rows["same_amount"] = rows.groupby("amount_cents")["ms"].transform("size")
    rows["same_place"] = rows.groupby(["merch_lat", "merch_long"])["ms"].transform("size")
    rows["merchant_rows"] = rows["merchant"].map(honest["merchant"].value_counts()).fillna(0)
    rows["card_rows"] = rows["cc_num"].map(honest["cc_num"].value_counts())
    fraud = rows[rows["is_fraud"] == 1].copy()
    home = centre.reindex(fraud["cc_num"]).to_numpy()
    digits = [f"{lat!r}{long!r}" for lat, long in zip(fraud["merch_lat"], fraud["merch_long"], strict=True)]
    return pd.DataFrame(
        {
            "card": fraud["cc_num"],
            "synthetic": fraud["synthetic"],
            "id_length": fraud["transaction_id"].str.len(),
            "id_head": [int(text[:6], 16) for text in fraud["transaction_id"]],
            "id_tail": [int(text[-6:], 16) for text in fraud["transaction_id"]],
            "merchant": pd.factorize(fraud["merchant"], sort=True)[0],
            "merchant_rows": fraud["merchant_rows"],
            "card_rows": fraud["card_rows"],
            "lat": fraud["merch_lat"],
            "long": fraud["merch_long"],
            "from_home": np.hypot(fraud["merch_lat"] - home[:, 0], fraud["merch_long"] - home[:, 1]),
            "digits": [len(text) for text in digits],
            "same_place": fraud["same_place"],
            "same_amount": fraud["same_amount"],
            "cents": fraud["amount_cents"] % 100,
            "last_digit": fraud["amount_cents"] % 10,
            "millisecond": fraud["ms"] % 1_000,
            "second": fraud["ms"] // 1_000 % 60,
            "minute": fraud["ms"] // 60_000 % 60,
            "weekday": fraud["ms"] // 86_400_000 % 7,
            "tie": fraud["tie"],
        }
    )


def two_sample_auc(rows: pd.DataFrame) -> float:
    """How well a model of half of the cards tells grafted from real ones on the other half; .5 is not at all."""
    cards = pd.factorize(rows["card"], sort=True)[0]
    half = np.random.default_rng(1).random(cards.max() + 1)[cards] < 0.5
    columns = rows.drop(columns=["card", "synthetic"])
    found = []
    for train in (half, ~half):
        matrix = xgboost.DMatrix(columns[train], rows["synthetic"][train], nthread=1)
        settings_ = {
            "objective": "binary:logistic",
            "max_depth": 4,
            "eta": 0.1,
            "subsample": 0.8,
            "seed": 1,
            "nthread": 1,
        }
        model = xgboost.train(settings_, matrix, 60)
        found.append(
            roc_auc_score(rows["synthetic"][~train], model.predict(xgboost.DMatrix(columns[~train], nthread=1)))
        )
    return float(np.mean(found))


@pytest.fixture(scope="module")
def many() -> Grafted:
    """About as many grafted frauds as real ones, on cards of the world that the real ones are of."""
    table = world_of(cards=700, days=45, fraud_rate=0.012, seed=8)
    return graft(sample(learn(table), 120, seed=2), table, seed=2)


@pytest.mark.slow
def test_what_is_not_fraud_does_not_give_grafted_ones_away(many: Grafted) -> None:
    assert two_sample_auc(artefacts(many)) < LIMIT


def _planted(result: Grafted, name: str, column: pa.Array) -> Grafted:
    table = result.transactions
    made = pa.array(result.synthetic)
    place = table.column_names.index(name)
    mixed = pc.if_else(made, column, table[name])
    return Grafted(table.set_column(place, name, mixed), result.synthetic, result.episode)


@pytest.mark.slow
@pytest.mark.parametrize("artefact", ["seconds", "identifiers", "decimals", "cents", "merchants", "from home"])
def test_an_artefact_would_be_found(many: Grafted, artefact: str) -> None:
    table = many.transactions
    ids, cents = table["transaction_id"].combine_chunks(), table["amount_cents"].to_numpy()
    times = table["event_time"].cast(pa.int64()).to_numpy() // 1000 * 1000
    rng = np.random.default_rng(1)
    rare = sorted(set(table["merchant"].to_pylist()))[:20]
    planted = {
        "seconds": ("event_time", pa.array(times).cast(pa.timestamp("ms", "UTC"))),
        "identifiers": ("transaction_id", pc.utf8_slice_codeunits(ids, 0, 30)),
        "decimals": ("merch_lat", pa.array(table["merch_lat"].to_numpy().round(2))),
        "cents": ("amount_cents", pa.array(cents // 100 * 100)),
        "merchants": ("merchant", pa.array(rng.choice(rare, table.num_rows))),
        "from home": ("merch_lat", pa.array(table["merch_lat"].to_numpy() + 1)),
    }
    assert two_sample_auc(artefacts(_planted(many, *planted[artefact]))) > LIMIT


def test_coordinates_of_a_file_without_fixed_places_are_new_and_as_precise(world: pa.Table) -> None:
    """As in Sparkov's files: each purchase has coordinates of its own around the holder's home, times are whole seconds."""
    rng = np.random.default_rng(3)
    card = pd.factorize(world["cc_num"].cast(pa.string()).to_pandas())[0]
    home = rng.uniform([30, -110], [45, -75], (card.max() + 1, 2))[card]
    at = (home + rng.uniform(-1, 1, home.shape)).round(5)
    times = world["event_time"].cast(pa.int64()).to_numpy() // 1000 * 1000
    table = world.select(COLUMNS)
    for name, column in (
        ("merch_lat", pa.array(at[:, 0])),
        ("merch_long", pa.array(at[:, 1])),
        ("event_time", pa.array(times).cast(pa.timestamp("ms", "UTC"))),
    ):
        table = table.set_column(table.column_names.index(name), name, column)
    result = graft(sample(learn(table), 100, seed=1), table, seed=1)
    hold(table, result, 100)
    rows = rows_of(result.transactions).assign(synthetic=result.synthetic)
    made = rows[rows["synthetic"]]
    assert (made["ms"] % 1000 == 0).all()
    assert (made["merch_lat"].round(5) == made["merch_lat"]).all()
    assert made["merch_lat"].round(4).ne(made["merch_lat"]).mean() > 0.8
    places = set(
        zip(rows.loc[~rows["synthetic"], "merch_lat"], rows.loc[~rows["synthetic"], "merch_long"], strict=True)
    )
    assert not places & set(zip(made["merch_lat"], made["merch_long"], strict=True))
    centre = rows[rows["is_fraud"] == 0].groupby("cc_num")[["merch_lat", "merch_long"]].median().loc[made["cc_num"]]
    assert np.abs(made[["merch_lat", "merch_long"]].to_numpy() - centre.to_numpy()).max() < 2.5


def test_copies_are_copies(world: pa.Table) -> None:
    """What sampled attacks are compared with must be the known ones, step for step."""
    model = learn(world, known=5, seed=1)
    made = copies(model, 10, seed=1)
    ends = np.append(model.start[1:], model.cents.size)
    known = {tuple(model.cents[begin:end].tolist()) for begin, end in zip(model.start, ends, strict=True)}
    assert {tuple(made.cents[begin:end].tolist()) for begin, end in zip(made.start, made.ends, strict=True)} == known


def test_attacks_on_few_cards_keep_apart_from_each_other_and_from_the_cards_own() -> None:
    """So many are grafted that every card suffers several: without the distance they would stand side by side."""
    world = world_of(cards=5, days=120, fraud_rate=0.01, seed=3)
    made = graft(sample(learn(world), 45, seed=1), world, seed=1)
    table = rows_of(made.transactions).assign(episode=made.episode)
    struck = table[table["is_fraud"] == 1].sort_values(["cc_num", "ms"])
    grafted_by_card = struck[struck["episode"] >= 0].groupby("cc_num")["episode"].nunique()
    assert grafted_by_card.min() >= 3
    for _, of_card in struck.groupby("cc_num"):
        ms, episode = of_card["ms"].to_numpy(), of_card["episode"].to_numpy()
        between = episode[1:] != episode[:-1]
        assert (np.diff(ms)[between] > APART_MS).all()
