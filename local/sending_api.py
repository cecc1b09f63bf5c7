"""Transactions of now through the scoring API, and what it answers of each."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from threading import Event
from typing import Any

import pyarrow as pa
from botocore.exceptions import HTTPClientError

from fraud.decision import Decision, Reason
from fraud.world import stream_messages
from local.application import ApplicationError

AT_ONCE = 32
"""Requests that wait for their answers at a time, at most."""
PATIENCE_S = 90
"""How long a request is sent again; as long as `local.sending` waits for a decision."""
FIRST_WAIT_S, LONGEST_WAIT_S = 0.1, 5.0
"""Before a request is sent again: twice as long each time, and a random share of it (page *sdkref-feature-retry-behavior*)."""
AGAIN = {429, 500, 502, 503, 504}
"""Statuses of too many requests and of a service that cannot answer at the moment: a transaction is decided once, however often
it is sent."""

Post = Callable[[str, bytes], tuple[int, str]]
"""(path, body) to (status, text), as `local.api_caller.ApiCaller.post`."""


@dataclass(frozen=True)
class Refused:
    """A transaction that the API did not take.

    Attributes:
        status: of its answer.
        says: why, and what is allowed.
    """

    transaction_id: str
    status: int
    says: str


@dataclass(frozen=True)
class _Message:
    """What is sent of one row, and what an answer does not repeat of it."""

    transaction_id: str
    cc_num: str
    amount_cents: int
    body: bytes


def send(post: Post, rows: pa.Table, rate: float, together: int = 1) -> Iterator[Decision | Refused]:
    """Sends the rows, and gives what became of each as it is answered.

    A request that is throttled, or that a service cannot answer, is sent again. No more than AT_ONCE are unanswered at a time, so
    an API that is slower than the rate is not flooded. A decision has what the API answers: the features that it was made on
    are not among it.

    Args:
        rows: as `local.sending.Purchases.rows`.
        rate: transactions a second.
        together: how many go in one request, 1 to `fraud.api.TOGETHER`; more than one by `POST /v1/score/batch`.

    Raises:
        ApplicationError: the API refuses the caller, or gave no answer for a while.
    """
    now = pa.array([int(time.time() * 1000)] * rows.num_rows, pa.timestamp("ms", "UTC"))
    rows = rows.set_column(rows.column_names.index("event_time"), "event_time", now)
    columns = (rows[name].to_pylist() for name in ("transaction_id", "cc_num", "amount_cents"))
    messages = map(_Message, *columns, stream_messages(rows))
    waiting: set[Future[list[Decision | Refused]]] = set()
    callers, ended = ThreadPoolExecutor(AT_ONCE), Event()
    due = time.monotonic()
    try:
        while some := list(islice(messages, together)):
            while len(waiting) >= AT_ONCE or (left := due - time.monotonic()) > 0:
                done, waiting = wait(waiting, None if len(waiting) >= AT_ONCE else left, FIRST_COMPLETED)
                for one in done:
                    yield from one.result()
                if not waiting and (left := due - time.monotonic()) > 0:
                    time.sleep(left)
            waiting.add(callers.submit(_decided, post, some, ended))
            due += len(some) / rate
        while waiting:
            done, waiting = wait(waiting, None, FIRST_COMPLETED)
            for one in done:
                yield from one.result()
    finally:
        ended.set()
        callers.shutdown(wait=False, cancel_futures=True)


def _decided(post: Post, messages: Sequence[_Message], ended: Event) -> list[Decision | Refused]:
    """What became of the transactions of one request."""
    found: list[Decision | Refused] = []
    tries = _Tries(ended)
    while messages:
        if len(messages) == 1:
            status, answer = tries.answered(post, "/v1/score", messages[0].body)
            return [*found, _outcome(messages[0], status, answer if status == 200 else answer.get("error"))]
        body = b'{"transactions":[' + b",".join(one.body for one in messages) + b"]}"
        status, answer = tries.answered(post, "/v1/score/batch", body)
        if status != 200:  # one of them keeps the others from being read
            return [*found, *(each for one in messages for each in _decided(post, [one], ended))]
        again: list[_Message] = []
        for one, element in zip(messages, answer["results"], strict=True):
            if element["status"] == 503:
                again.append(one)
            else:
                said = element.get("decision") if element["status"] == 200 else element.get("error")
                found.append(_outcome(one, element["status"], said))
        if again:
            tries.pause("503: not all of a batch could be decided")
        messages = again
    return found


class _Tries:
    """The tries of one request, which has so long for all of them, and no more once the sending has ended."""

    def __init__(self, ended: Event) -> None:
        self._ended = ended
        self._deadline, self._wait_s = time.monotonic() + PATIENCE_S, FIRST_WAIT_S

    def answered(self, post: Post, path: str, body: bytes) -> tuple[int, Any]:
        """A status that says something of the request, and the JSON of the answer."""
        while True:
            try:
                status, text = post(path, body)
            except HTTPClientError as error:
                self.pause(f"no answer ({type(error).__name__})")
                continue
            if status in AGAIN:
                self.pause(f"{status}: {_said(text)}")
                continue
            if status in (401, 403):
                raise ApplicationError(
                    f"the scoring API refuses the caller ({status}: {_said(text)}); allowed: a request signed with a key "
                    "whose policy has execute-api:Invoke on the output ApiArn"
                )
            if status not in (200, 400, 409):
                raise ApplicationError(f"the scoring API answers {status} to {path}: {_said(text)}")
            return status, json.loads(text)

    def pause(self, why: str) -> None:
        """Waits before the next try.

        Raises:
            ApplicationError: there is no time for another.
        """
        if time.monotonic() + self._wait_s > self._deadline:
            raise ApplicationError(
                f"the scoring API has not decided a request for {PATIENCE_S} s; its last answer: {why}"
            )
        # a random share, so that callers do not come back all at once
        if self._ended.wait(self._wait_s * random.uniform(0.5, 1)):  # noqa: S311 - no secret
            raise ApplicationError(f"the sending has ended; the last answer: {why}")
        self._wait_s = min(2 * self._wait_s, LONGEST_WAIT_S)


def _outcome(message: _Message, status: int, said: Any) -> Decision | Refused:
    if status != 200:
        error = said or {"field": "request", "problem": "is refused", "allowed": "what /v1/openapi.json says"}
        why = f"{error['field']}: {error['problem']}; allowed: {error['allowed']}"
        return Refused(message.transaction_id, status, why)
    decided_at = round(datetime.fromisoformat(said["decided_at"]).timestamp() * 1000)
    return Decision(
        transaction_id=message.transaction_id,
        cc_num=message.cc_num,
        amount_cents=message.amount_cents,
        trans_time=decided_at,
        decided_at=decided_at,
        outcome=said["outcome"],
        path=said["path"],
        score=said["score"],
        model_version=said["model_version"],
        reasons=tuple(Reason(one["feature"], one["value"], one["contribution"]) for one in said["reasons"]),
        features={},
        why=said["why"],
        warning=said["warning"],
        control_group=said["control_group"],
    )


def _said(text: str) -> str:
    """The message of an answer that is none of the API's own models."""
    try:
        found = json.loads(text)
    except ValueError:
        return "no JSON"
    message = found.get("message") or found.get("Message") or (found.get("error") or {}).get("problem")
    return str(message or "without a message")
