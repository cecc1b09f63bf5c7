"""The quarantine's records."""

from __future__ import annotations

from fraud.quarantine import quarantine_record
from fraud.transaction import InvalidTransactionError


def test_a_long_message_is_cut_after_it_was_masked() -> None:
    error = InvalidTransactionError("message", "too long", "less")
    record = quarantine_record(b"x" * 1_990 + b" 4111111111111111" * 500 + b"\xff", error, "transactions", 0, 0)
    assert len(record["message"]) == 2_000
    assert "4111" not in record["message"]
