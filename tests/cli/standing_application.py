"""An application that stands, for the commands that ask it: its decisions are given, and nothing runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from fraud.decision import Decision, Outcome, Path, Reason
from local.background import Standing

STANDING = Standing(1, "/tmp/fraud-up-x", "http://127.0.0.1:1", {"AWS_ACCESS_KEY_ID": "AKIA1"}, "us-east-1")  # noqa: S108 - nothing is there


def decision(number: int, outcome: Outcome = "approve", path: Path = "model", **fields: Any) -> Decision:
    """A decision, the later the higher its number."""
    by_model = path == "model"
    return Decision(
        **{
            "transaction_id": f"t{number:03}",
            "cc_num": f"{number:032x}",
            "amount_cents": 100 * number,
            "trans_time": 1000 * number,
            "decided_at": 1000 * number + 7,
            "outcome": outcome,
            "path": path,
            "score": 0.25 if by_model else None,
            "model_version": "v1" if by_model else None,
            "reasons": (
                Reason("num_trans_last_10m", 9.0, 2.0),
                Reason("amt_ratio2", 12.5, 1.0),
                Reason("amount", 3.0, -1.0),
            ),
            "features": {"amount": 3.0},
            "why": None if by_model else "no model is deployed yet",
            **fields,
        }
    )


class Feed:
    """Gives what it was told to, a batch a call; then what ends the watching."""

    def __init__(self, batches: Sequence[Sequence[Decision]], then: BaseException) -> None:
        self._batches, self._then = iter(batches), then

    def read(self) -> list[dict[str, Any]]:
        """The next batch.

        Raises:
            BaseException: there is none left.
        """
        for batch in self._batches:
            return rows(batch)
        raise self._then


class DecidedApplication:
    """Stands in for `local.application.Application`."""

    def __init__(self, decided: Sequence[Decision], feed: Feed | None = None) -> None:
        self._decided, self._feed = decided, feed or Feed([], KeyboardInterrupt())

    def decisions(self) -> Iterator[dict[str, Any]]:
        """Every decision."""
        yield from rows(self._decided)

    def feed(self) -> Feed:
        """What comes."""
        return self._feed


def rows(decided: Sequence[Decision]) -> list[dict[str, Any]]:
    """Decisions as the table's rows."""
    return [{"transaction_id": one.transaction_id, "decision": one.to_json()} for one in decided]
