"""What `fraud send` sends: purchases of known cards at this time of the day, of unknown ones, and an attack."""

from __future__ import annotations

from collections import Counter

import pyarrow as pa
import pytest

from fraud.card_numbers import holds_card_number
from fraud.durations import MS_PER_DAY
from fraud.transaction import parse_transaction
from fraud.world import WorldSettings, generate, stream_messages, tokenised
from local import sending
from local.attacks import BURST_CENTS, HOUR_MS, ONLINE
from local.sending import of_known_cards, of_unknown_cards

KEY = b"0123456789abcdef"


@pytest.fixture(scope="module")
def following() -> pa.Table:
    return tokenised(generate(WorldSettings(cards=120, days=20)), KEY).drop_columns(["pattern", "is_fraud"])


def bought(following: pa.Table, rows: pa.Table) -> list[tuple[str, str, int]]:
    names = ("cc_num", "merchant", "amount_cents")
    return [tuple(row[name] for name in names) for row in rows.to_pylist()]  # type: ignore[misc]


@pytest.mark.parametrize("hour", [0, 3, 12, 23])
def test_each_is_what_its_card_buys_about_this_time_of_the_day(following: pa.Table, hour: int) -> None:
    rows = of_known_cards(following, 15, attack=False, now_ms=90 * MS_PER_DAY + hour * HOUR_MS).rows
    theirs: dict[tuple[str, str, int], list[int]] = {}
    times = following["event_time"].cast(pa.int64()).to_pylist()
    for one, at_ms in zip(bought(following, following), times, strict=True):
        theirs.setdefault(one, []).append(at_ms % MS_PER_DAY)
    for one in bought(following, rows):
        away = [(at_ms - hour * HOUR_MS) % MS_PER_DAY for at_ms in theirs[one]]
        assert min(min(ms, MS_PER_DAY - ms) for ms in away) <= 2 * HOUR_MS


def test_no_card_buys_twice_before_every_card_has_bought_once(following: pa.Table) -> None:
    cards = len(following["cc_num"].unique())
    counts = Counter(of_known_cards(following, cards + 10, attack=False, now_ms=0).rows["cc_num"].to_pylist())
    assert (len(counts), max(counts.values())) == (cards, 2)


def test_more_than_the_cards_will_ever_buy_is_sent_all_the_same(following: pa.Table) -> None:
    rows = of_known_cards(following, following.num_rows + 5, attack=False, now_ms=0).rows
    assert len(set(rows["transaction_id"].to_pylist())) == following.num_rows + 5


def test_an_attack_is_ten_small_purchases_online_on_one_card_that_buys_nothing_else(following: pa.Table) -> None:
    purchases = of_known_cards(following, 30, attack=True, now_ms=0)
    honest, burst = purchases.rows.slice(0, 30), purchases.rows.slice(30)
    assert set(burst["transaction_id"].to_pylist()) == purchases.attack
    assert burst["amount_cents"].to_pylist() == list(BURST_CENTS)
    assert {str(category) for category in burst["category"].to_pylist()} == {ONLINE}
    (card,) = set(burst["cc_num"].to_pylist())
    assert card not in honest["cc_num"].to_pylist()


def test_both_kinds_are_messages_that_the_application_takes(following: pa.Table) -> None:
    known = of_known_cards(following, 5, attack=True, now_ms=0).rows
    unknown = of_unknown_cards(5, attack=True, key=KEY).rows
    for rows in (known, unknown):
        assert [len(parse_transaction(message).cc_num) for message in stream_messages(rows)] == [32] * 15


def test_no_id_is_a_card_number(following: pa.Table, monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight digits at random and the five behind them are one in some runs, and a transaction that holds one is refused."""
    monkeypatch.setattr(sending.secrets, "token_hex", lambda octets: "41804629"[: 2 * octets])
    rows = of_known_cards(following, 500, attack=False, now_ms=90 * MS_PER_DAY).rows
    assert not [identity for identity in rows["transaction_id"].to_pylist() if holds_card_number(identity)]
    assert not any(map(str.isdigit, "".join(identity.split("-")[1] for identity in rows["transaction_id"].to_pylist())))
