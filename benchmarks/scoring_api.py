"""The function `api`: processor time of one scored transaction beside the calls. `python -m benchmarks.scoring_api`

The store, the model and the table are answered at once in their clients' place, which leaves the handler's own work: the request
read and held to the contract, windows joined, the vector, the decision and the answer.
"""

from __future__ import annotations

import importlib
import json
import os
import statistics
import time
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from fraud.decision import Thresholds
from fraud.feature_record import STREAM_NAMES
from fraud.features.groups import STREAM_GROUP, feature_values
from fraud.features.nightly_records import nightly_record, population_records
from fraud.ports import Scores
from samples.deciding_world import CARDS, MOMENT, POPULATION, card_record, feature_fields, transaction_message
from samples.environments import ENVIRONMENTS
from samples.lambda_context import CONTEXT

REQUESTS, RUNS = 300, 5
TARGET_MS = 3.0
SIGNED = {"AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none", "AWS_DEFAULT_REGION": "eu-west-1"}


class _Answers:
    """The store, the model and the table, at once."""

    def __init__(self) -> None:
        groups = ENVIRONMENTS["api"]["STREAM_FEATURE_GROUP"], ENVIRONMENTS["api"]["NIGHTLY_FEATURE_GROUP"]
        self._records: dict[tuple[str, str], Any] = {}
        for number, card in enumerate(CARDS):
            fields = feature_fields(number)
            windows = {"cc_num": card, **{name: fields[name] for name in STREAM_NAMES}}
            self._records[groups[0], card] = feature_values(STREAM_GROUP, windows, MOMENT)
            self._records[groups[1], card] = nightly_record(card, card_record(MOMENT))
        for record in population_records(POPULATION, MOMENT):
            self._records[groups[1], record[0]["ValueAsString"]] = record

    def batch_get_record(self, Identifiers: Any) -> Any:  # noqa: N803 - as botocore names it
        asked = [
            (one["FeatureGroupName"], name) for one in Identifiers for name in one["RecordIdentifiersValueAsString"]
        ]
        found = [
            {"FeatureGroupName": group, "RecordIdentifierValueAsString": name, "Record": self._records[group, name]}
            for group, name in asked
        ]
        return {"Records": found, "Errors": [], "UnprocessedIdentifiers": []}

    def score(self, vectors: Any, given: Any, reasons: int) -> Scores:
        named = [(name, 0.5) for name in given.names[:reasons]]
        return Scores([0.1] * len(vectors), [named] * len(vectors), "small", Thresholds(review=0.5, block=0.9))

    def transact_write_items(self, TransactItems: Any) -> None:  # noqa: N803 - as botocore names it
        """Takes all."""


def measure() -> list[dict[str, Any]]:
    """The figures, each {"measure", "value", "unit", "target", "met"}."""
    os.environ.update(ENVIRONMENTS["api"] | SIGNED)
    function: Any = importlib.import_module("lambda_src.api.handler")
    answers = _Answers()
    function.scoring.features._client = answers
    function.store._client = answers
    object.__setattr__(function.scoring, "scorer", answers)
    events = [_event(number) for number in range(REQUESTS)]
    runs = [_run(function, events) for _ in range(RUNS + 1)][1:]
    figures = (("best", min(runs)), ("median", statistics.median(runs)))
    return [
        {
            "measure": f"api, CPU of one scored transaction beside the calls, {which} of {RUNS}",
            "value": round(value, 3),
            "unit": "ms",
            "target": TARGET_MS,
            "met": value <= TARGET_MS,
        }
        for which, value in figures
    ]


def _event(number: int) -> dict[str, Any]:
    headers = {"Content-Type": ["application/json"], "Authorization": ["AWS4-HMAC-SHA256"], "User-Agent": ["benchmark"]}
    body = transaction_message(number).decode()
    path = "/v1/score"
    return {"resource": path, "path": path, "httpMethod": "POST", "multiValueHeaders": headers, "body": body}


def _run(function: Any, events: list[dict[str, Any]]) -> float:
    """Milliseconds of processor time a request."""
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
        began = time.process_time()
        for event in events:
            answer = function.handler(event, CONTEXT)
            if answer["statusCode"] != 200:
                raise RuntimeError(answer["body"])
        return (time.process_time() - began) / len(events) * 1000


if __name__ == "__main__":
    print(json.dumps(measure(), indent=2))
