"""The stream job takes exactly the messages that `parse_transaction` takes, and goes on after every other."""

from __future__ import annotations

import pytest

from fraud.feature_record import model_fields
from fraud.transaction import InvalidTransactionError, Transaction, parse_transaction
from local.replayer import Record
from tests.parity.malformed import GOOD, drawn, handmade, written

pytestmark = pytest.mark.engines

DRAWN = 700
CARRIED = ("cc_num", "amount_cents", "merchant", "category", "merch_lat", "merch_long")
KEY = b"0123456789abcdef0123456789abcdef"


def accepted(message: bytes) -> Transaction | None:
    try:
        return parse_transaction(message)
    except InvalidTransactionError:
        return None


def own_ids(messages: list[bytes]) -> list[bytes]:
    """Each message with an id of its own where the placeholder stands, so that none is taken for another's redelivery."""
    return [message.replace(b'"ID"', b'"id%d"' % number, 1) for number, message in enumerate(messages)]


def test_exactly_the_valid_messages_come_through(replay_run) -> None:
    doubtful = [*handmade(), *drawn(DRAWN)]
    good = [written(GOOD).encode()] * (len(doubtful) // 10)
    # A good one after every ten: the job must go on, not only survive.
    mixed = own_ids(
        [each for number in range(len(good)) for each in (*doubtful[number * 10 : number * 10 + 10], good[number])]
    )
    valid = {transaction.transaction_id: transaction for each in mixed if (transaction := accepted(each))}
    assert len(mixed) - len(valid) > 1000
    assert len(valid) > len(good) + 300

    start = replay_run.stretch(days=1)
    records = [Record(start + number, KEY, message) for number, message in enumerate(mixed)]
    results = replay_run.run(records, expected=len(valid), timeout_s=60)

    came = sorted(each["transaction_id"] for each in results)
    wrong = set(came) ^ set(valid)
    assert not wrong, [message[:300] for message in mixed if any(f'"{each}"'.encode() in message for each in wrong)]
    assert came == sorted(valid)
    for each in results:
        transaction = valid[each["transaction_id"]]
        assert {name: each[name] for name in CARRIED} == {name: getattr(transaction, name) for name in CARRIED}
        assert model_fields(each) == model_fields(transaction.optional)
    assert sum("currency" in transaction.optional for transaction in valid.values()) > 100


def test_a_message_without_a_value_is_skipped(replay_run) -> None:
    start = replay_run.stretch(days=1)
    after = own_ids([written(GOOD).encode().replace(b"ID", b"after-a-tombstone")])[0]
    results = replay_run.run([Record(start, KEY, None), Record(start + 1, KEY, after)], expected=1, timeout_s=30)
    assert [each["transaction_id"] for each in results] == ["after-a-tombstone"]
