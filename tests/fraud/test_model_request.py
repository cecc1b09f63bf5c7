"""The model's answers: what is taken for one; and how long an endpoint that fails is left alone."""

from __future__ import annotations

import json

import pytest

from fraud.model_request import FIRST_PAUSE_S, LONGEST_PAUSE_S, Pause, read_scores
from fraud.ports import ScorerUnavailableError, Scores

VALID = {
    "scores": [0.25],
    "reasons": [[["amount", 1.5]]],
    "model_version": "v",
    "thresholds": {"review": 0.0, "block": 1.0},
    "missing": ["shoe_size"],
}


def test_an_answer_is_read() -> None:
    scores = read_scores(json.dumps(VALID).encode())
    assert (scores.scores, scores.model_version, scores.missing) == ([0.25], "v", ("shoe_size",))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"<html>",
        b'{"scores": [1], "reasons": [[["amount"]]]}',
        json.dumps(VALID | {"scores": [1.5]}).encode(),
        json.dumps(VALID | {"scores": ["0.25"]}).encode(),
    ],
)
def test_an_answer_that_makes_no_sense_is_none(body: bytes) -> None:
    with pytest.raises(ScorerUnavailableError, match="is invalid"):
        read_scores(body)


class Endpoint:
    """Fails while it is down, and counts how often it is asked; time is what the test says."""

    def __init__(self) -> None:
        self.now, self.asked, self.down = 0.0, 0, True
        self.pause = Pause(clock=lambda: self.now)

    def _answer(self) -> Scores:
        self.asked += 1
        if self.down:
            raise ScorerUnavailableError("the model did not answer in time")
        return read_scores(json.dumps(VALID).encode())

    def tried(self) -> bool:
        """Whether a call reaches it; it fails either way."""
        before = self.asked
        with pytest.raises(ScorerUnavailableError, match="did not answer in time"):
            self.pause.asking(self._answer)
        return self.asked > before


def test_an_endpoint_that_fails_delays_one_call_and_no_more() -> None:
    endpoint = Endpoint()
    assert [endpoint.tried() for _ in range(50)] == [True] + [False] * 49


def test_pauses_grow_to_a_limit_and_end_with_the_first_success() -> None:
    endpoint = Endpoint()
    pauses = []
    for _ in range(6):
        began = endpoint.now
        while not endpoint.tried():
            endpoint.now += 0.125
        pauses.append(endpoint.now - began)
    assert pauses == [0, FIRST_PAUSE_S, 0.5, 1.0, LONGEST_PAUSE_S, LONGEST_PAUSE_S]
    endpoint.now += LONGEST_PAUSE_S
    endpoint.down = False
    assert endpoint.pause.asking(endpoint._answer).scores == [0.25]
    endpoint.down = True
    assert endpoint.tried()
    endpoint.now += FIRST_PAUSE_S
    assert endpoint.tried()
