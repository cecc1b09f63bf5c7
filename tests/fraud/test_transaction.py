"""What of the topic `transactions` is a heartbeat."""

from __future__ import annotations

import pytest

from fraud.transaction import is_heartbeat
from samples.deciding_world import transaction_message


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, True),
        (b"{}", True),
        (b"{ }", True),
        (b'{"transaction_id":null}', True),
        (b'{"transaction_id":""}', False),
        (b'{"cc_num":null}', False),
        (b"null", False),
        (b"", False),
        (b"[" * 64, False),
        (transaction_message(1), False),
    ],
)
def test_heartbeats(value: bytes | None, expected: bool) -> None:
    assert is_heartbeat(value) is expected
