"""A world is the same for the same seed, keeps the contracts, and refuses settings with what is allowed."""

from __future__ import annotations

import hashlib
import io
from datetime import date
from itertools import islice

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fraud.fields import OPTIONAL_FIELDS
from fraud.transaction import card_token, parse_transaction
from fraud.world import (
    World,
    WorldSettings,
    WorldSettingsError,
    generate,
    stream_messages,
    to_kaggle,
    tokenised,
)
from fraud.world.rows import Rows, in_time_order

KEY = b"0123456789abcdef"
KAGGLE = [
    "trans_date_trans_time", "cc_num", "merchant", "category", "amt", "first", "last", "gender", "street", "city", "state",
    "zip", "lat", "long", "city_pop", "job", "dob", "trans_num", "unix_time", "merch_lat", "merch_long", "is_fraud",
]  # fmt: skip


@pytest.fixture(scope="module")
def world() -> World:
    return generate(WorldSettings(cards=200, days=30, seed=5))


def _hash(world: World) -> str:
    file = io.BytesIO()
    pq.write_table(to_kaggle(world), file)
    return hashlib.sha256(file.getvalue()).hexdigest()


@pytest.mark.slow
def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(world: World) -> None:
    assert _hash(generate(WorldSettings(cards=200, days=30, seed=5))) == _hash(world)
    assert _hash(generate(WorldSettings(cards=200, days=30, seed=6))) != _hash(world)


@pytest.mark.slow
@pytest.mark.parametrize("rate", [0.0, 0.0025, 0.05])
def test_rows_and_fraud_rate_are_those_asked_for(rate: float) -> None:
    made = generate(WorldSettings(cards=150, days=20, transactions=12_345, fraud_rate=rate))
    assert made.transactions.num_rows == 12_345
    assert abs(made.transactions["is_fraud"].to_numpy().sum() - 12_345 * rate) <= 8


@pytest.mark.slow
def test_the_smallest_worlds_can_be_made() -> None:
    for settings in (
        WorldSettings(cards=1, days=1, transactions=1, fraud_rate=0.1),
        WorldSettings(cards=1, days=1, transactions=60, fraud_rate=0.1),
        WorldSettings(cards=3, days=2, fraud_rate=0.1),
    ):
        assert generate(settings).transactions.num_rows == settings.rows


def test_full_size_is_five_million_four_hundred_thousand() -> None:
    assert WorldSettings.full().rows == 5_400_000


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"cards": 0}, "cards: 0; allowed: 1 to 200,000"),
        ({"days": 0}, "days: 0; allowed: 1 to 3,660"),
        ({"fraud_rate": 0.2}, "fraud_rate: 0.2; allowed: 0 to 0.1"),
        ({"fraud_rate": float("nan")}, "fraud_rate: nan; allowed: 0 to 0.1"),
        ({"seed": -1}, "seed: -1; allowed: 0 to 4,294,967,295"),
        ({"start": date(1999, 12, 31)}, "start: 1999-12-31; allowed: a period within 2000-01-01 to 2099-12-31"),
        ({"start": date(2099, 12, 1)}, "start: 2099-12-01; allowed: a period within 2000-01-01 to 2099-12-31"),
        ({"transactions": 0}, "transactions: 0; allowed: 1 to 50,000,000"),
        ({"cards": 200_000, "days": 400}, "cards x days: 80,000,000; allowed: at most 50,000,000"),
    ],
)
def test_a_setting_outside_its_range_says_what_is_allowed(change: dict[str, object], said: str) -> None:
    with pytest.raises(WorldSettingsError) as caught:
        WorldSettings(**change)  # type: ignore[arg-type]
    assert str(caught.value).startswith(said)


def test_transactions_lie_in_the_period_by_time_and_have_distinct_ids(world: World) -> None:
    rows = world.transactions
    times = rows["event_time"].to_numpy()
    assert rows.schema.field("event_time").type == pa.timestamp("ms", "UTC")
    assert (np.diff(times) >= np.timedelta64(0)).all()
    assert times[0] >= np.datetime64("2026-01-01") and times[-1] < np.datetime64("2026-01-31")
    assert len(set(rows["transaction_id"].to_pylist())) == rows.num_rows
    assert rows["amount_cents"].to_numpy().min() >= 100
    assert rows.schema.names == [
        "transaction_id", "card", "amount_cents", "event_time", "merchant", "category", "merch_lat", "merch_long",
        "is_fraud", "pattern", "entry_mode", "currency", "country", "mcc", "device_id", "terminal_id",
    ]  # fmt: skip


def test_card_numbers_are_distinct_pass_luhn_and_belong_to_no_issuer(world: World) -> None:
    numbers = world.cards["card_number"].tolist()
    assert len(set(numbers)) == len(numbers) == 200
    assert {len(number) for number in numbers} == {16}
    for number in numbers:
        doubled = [int(digit) * (2 - at % 2) for at, digit in enumerate(number)]
        assert sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0
    assert all(number.startswith("9999") for number in numbers)


def test_kaggle_columns_say_the_same_as_the_world(world: World) -> None:
    table = to_kaggle(world)
    assert table.column_names == KAGGLE
    rows = world.transactions
    for at in (0, 1_000, rows.num_rows - 1):
        row, of = table.slice(at, 1).to_pylist()[0], rows.slice(at, 1).to_pylist()[0]
        holder = world.cards.iloc[of["card"]]
        assert row["cc_num"] == holder["card_number"]
        assert {name: row[name] for name in ("first", "last", "zip", "dob", "lat", "city_pop")} == {
            name: holder[name] for name in ("first", "last", "zip", "dob", "lat", "city_pop")
        }
        assert round(row["amt"] * 100) == of["amount_cents"]
        assert row["trans_date_trans_time"] == of["event_time"].replace(tzinfo=None)
        assert row["unix_time"] == int(of["event_time"].timestamp())
    assert not any(name.startswith("fraud_") for name in table["merchant"].unique().to_pylist())


def test_a_tokenised_table_holds_tokens_and_no_card_number(world: World) -> None:
    table = tokenised(world, KEY)
    assert table.column_names == [
        "transaction_id", "cc_num", "amount_cents", "event_time", "merchant", "category", "merch_lat", "merch_long",
        "is_fraud", "pattern", "entry_mode", "currency", "country", "mcc", "device_id", "terminal_id",
    ]  # fmt: skip
    card = world.transactions["card"].to_pylist()
    numbers = world.cards["card_number"]
    assert table["cc_num"].slice(0, 50).to_pylist() == [card_token(numbers[index], KEY) for index in card[:50]]
    assert not set(table["cc_num"].unique().to_pylist()) & set(numbers)


def test_every_message_is_the_transaction_as_the_contract_writes_it(world: World) -> None:
    table = tokenised(world, KEY)
    rows = table.slice(0, 2_000).to_pylist()
    for row, message in zip(rows, islice(stream_messages(table), 2_000), strict=True):
        transaction = parse_transaction(message)
        assert message.decode() == transaction.to_json()
        optional = {field.name: row[field.name] for field in OPTIONAL_FIELDS if row[field.name] is not None}
        assert (transaction.optional, transaction.undeclared) == (optional, {})
        assert transaction.amount_cents == row["amount_cents"]
        assert transaction.event_time == row["event_time"]
        assert (transaction.transaction_id, transaction.cc_num) == (row["transaction_id"], row["cc_num"])
        assert (transaction.merchant, transaction.category) == (row["merchant"], row["category"])
        assert (transaction.merch_lat, transaction.merch_long) == (row["merch_lat"], row["merch_long"])


def test_messages_are_one_a_row_whatever_the_batches(world: World) -> None:
    table = tokenised(world, KEY)
    apart = pa.concat_tables([table.slice(0, 7), table.slice(7)])
    assert list(stream_messages(apart)) == list(stream_messages(table))


def test_rows_are_sorted_by_time_and_ties_carry_nothing() -> None:
    count = 4_096
    place = np.arange(count)
    zeros = np.zeros(count, dtype=np.int64)
    made = (place > count // 2).astype(np.int8)
    rows = in_time_order(Rows(place, zeros + 9, zeros, zeros, zeros, made), days=1)
    assert sorted(rows.card.tolist()) == place.tolist()
    assert abs(np.corrcoef(np.arange(count), rows.pattern)[0, 1]) < 0.1
    late_first = in_time_order(Rows(place, count - place, zeros, zeros, zeros, made), days=1)
    assert late_first.card.tolist() == place[::-1].tolist()
