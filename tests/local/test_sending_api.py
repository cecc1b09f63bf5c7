"""Sending through the scoring API: what is sent again, what is refused, what ends the sending."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from typing import Any

import pyarrow as pa
import pytest
from botocore.exceptions import ReadTimeoutError

from fraud.api import TOGETHER, answer_of
from fraud.decision import Decision, Reason
from local import sending_api
from local.application import ApplicationError
from local.sending import of_unknown_cards
from local.sending_api import AT_ONCE, Refused, send

KEY = b"0123456789abcdef"
PROBLEM = {"field": "transaction_id", "problem": "another payment has it", "allowed": "an id that no other payment has"}


def answer(fields: dict[str, Any]) -> dict[str, Any]:
    """What the API answers of a transaction."""
    decision = Decision(
        transaction_id=fields["transaction_id"],
        cc_num=fields["cc_num"],
        amount_cents=round(float(fields["amount"]) * 100),
        trans_time=0,
        decided_at=1_768_000_000_123,
        outcome="review",
        path="model",
        score=0.5,
        model_version="v1",
        reasons=(Reason("amount", 3.0, 1.0),),
        features={"amount": 3.0},
    )
    return dict(json.loads(answer_of(decision).model_dump_json()))


class Api:
    """Answers as the API does, after the statuses that it was told to give first.

    Args:
        first: of each path's first requests; 0 is no answer.
        refused: ids that are refused.
        late: ids that a batch cannot decide the first time.
    """

    def __init__(self, *first: int, refused: frozenset[str] = frozenset(), late: frozenset[str] = frozenset()) -> None:
        self._first, self._refused, self._late, self._lock = list(first), refused, set(late), threading.Lock()
        self.asked: list[tuple[str, int]] = []
        self.seen: Counter[str] = Counter()

    def post(self, path: str, body: bytes) -> tuple[int, str]:
        fields = json.loads(body)
        several = fields["transactions"] if path == "/v1/score/batch" else [fields]
        with self._lock:
            self.asked.append((path, len(several)))
            if self._first:
                status = self._first.pop(0)
                if not status:
                    raise ReadTimeoutError(endpoint_url="http://127.0.0.1")
                return status, json.dumps({"message": "Too Many Requests"})
            elements = [self._element(one) for one in several]
        if path == "/v1/score/batch":
            return 200, json.dumps({"results": elements})
        (element,) = elements
        return element["status"], json.dumps(element.get("decision") or {"error": element["error"]})

    def _element(self, fields: dict[str, Any]) -> dict[str, Any]:
        name = fields["transaction_id"]
        self.seen[name] += 1
        if name in self._refused:
            return {"status": 409, "error": PROBLEM}
        if name in self._late:
            self._late.remove(name)
            return {"status": 503, "error": PROBLEM}
        return {"status": 200, "decision": answer(fields)}


@pytest.fixture(scope="module")
def rows() -> pa.Table:
    return of_unknown_cards(60, attack=False, key=KEY).rows


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending_api, "FIRST_WAIT_S", 0.001)
    monkeypatch.setattr(sending_api, "PATIENCE_S", 0.2)


@pytest.mark.parametrize(("together", "requests"), [(1, 60), (25, 3), (TOGETHER, 1)])
def test_each_is_decided_once_with_its_own_card_and_amount(rows: pa.Table, together: int, requests: int) -> None:
    api = Api()
    decided = list(send(api.post, rows, 100_000, together))
    assert len(api.asked) == requests
    assert {path for path, _ in api.asked} == {"/v1/score" if together == 1 else "/v1/score/batch"}
    found = {one.transaction_id: one for one in decided if isinstance(one, Decision)}
    assert len(found) == len(decided) == 60
    for row in rows.to_pylist():
        one = found[row["transaction_id"]]
        assert (one.cc_num, one.amount_cents) == (row["cc_num"], row["amount_cents"])
        assert (one.outcome, one.decided_at, one.reasons[0].feature) == ("review", 1_768_000_000_123, "amount")


def test_what_is_throttled_unavailable_or_without_an_answer_is_sent_again(rows: pa.Table) -> None:
    api = Api(429, 0, 503, 504)
    assert len(list(send(api.post, rows.slice(0, 5), 100_000))) == 5
    assert (len(api.asked), set(api.seen.values())) == (9, {1})


def test_the_pauses_grow(rows: pa.Table, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending_api.random, "uniform", lambda low, high: high)
    monkeypatch.setattr(sending_api, "FIRST_WAIT_S", 0.02)
    began = time.monotonic()
    assert len(list(send(Api(429, 429, 429).post, rows.slice(0, 1), 100_000))) == 1
    assert time.monotonic() - began >= 0.02 + 0.04 + 0.08


def test_one_that_is_refused_keeps_no_other(rows: pa.Table) -> None:
    wrong = rows["transaction_id"][7].as_py()
    for together in (1, 20):
        found = list(send(Api(refused=frozenset({wrong})).post, rows, 100_000, together))
        assert [one for one in found if isinstance(one, Refused)] == [
            Refused(wrong, 409, "transaction_id: another payment has it; allowed: an id that no other payment has")
        ]
        assert len(found) == 60


def test_a_batch_that_is_refused_whole_is_sent_one_by_one(rows: pa.Table) -> None:
    api = Api(400)
    assert len(list(send(api.post, rows.slice(0, 10), 100_000, 10))) == 10
    assert api.asked == [("/v1/score/batch", 10), *[("/v1/score", 1)] * 10]


def test_of_a_batch_only_what_could_not_be_decided_is_sent_again(rows: pa.Table) -> None:
    late = frozenset(rows["transaction_id"].to_pylist()[:3])
    api = Api(late=late)
    assert len(list(send(api.post, rows, 100_000, TOGETHER))) == 60
    assert api.asked == [("/v1/score/batch", 60), ("/v1/score/batch", 3)]


@pytest.mark.parametrize(
    ("status", "says"),
    [
        (401, r"refuses the caller \(401: Too Many Requests\); allowed: a request signed"),
        (403, r"refuses the caller \(403"),
        (404, r"answers 404 to /v1/score"),
    ],
)
def test_what_no_request_can_change_ends_the_sending_with_a_sentence(rows: pa.Table, status: int, says: str) -> None:
    api = Api(status)
    with pytest.raises(ApplicationError, match=says):
        list(send(api.post, rows.slice(0, 1), 100_000))
    assert len(api.asked) == 1


def test_an_api_that_never_answers_ends_it_too(rows: pa.Table) -> None:
    with pytest.raises(ApplicationError, match=r"has not decided a request for 0\.2 s; its last answer: 503"):
        list(send(Api(*[503] * 1000).post, rows.slice(0, 2), 100_000))


def test_the_rate_is_kept_and_no_more_are_unanswered_than_allowed(rows: pa.Table) -> None:
    api, now, most = Api(), [0], [0]
    lock = threading.Lock()

    def slow(path: str, body: bytes) -> tuple[int, str]:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        time.sleep(0.05)
        with lock:
            now[0] -= 1
        return api.post(path, body)

    began = time.monotonic()
    assert len(list(send(api.post, rows.slice(0, 20), 100))) == 20
    assert time.monotonic() - began >= 0.19
    assert len(list(send(slow, rows, 100_000))) == 60
    assert most[0] <= AT_ONCE
