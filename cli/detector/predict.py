"""`fraud detector predict`."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated, Any

import typer
from botocore.exceptions import ClientError

from cli.detector.events import EventError, event, read, rows
from cli.detector.service import Env, Service, service
from cli.endings import EndedError
from cli.options import whole
from cli.progress import console, progress
from reading.errors import BadInputError

QUOTA = 200
"""Page *limits*: "GetEventPrediction API calls per second 200 TPS"."""
AT_ONCE = 16


def predict(
    data: Annotated[
        str, typer.Option(help="JSON of one event, JSON lines, or CSV; - for standard input.", metavar="FILE")
    ],
    env: Env = None,
    out: Annotated[Path | None, typer.Option(help="JSON lines; default: standard output.", metavar="FILE")] = None,
    rate: Annotated[int, whole("Calls a second at most; the account's quota is 200.", 1, QUOTA)] = 150,
) -> None:
    """Have events predicted: one of a JSON file, or each row of a file, within the service's quota.

    Fields as of a transaction: transaction_id, cc_num (the card's token), event_time, amount, merchant, category, ...; or the
    columns of a file for batch predictions. A row that is no event, or that the service refuses, has an error in its line of the
    results, and the others go on; the exit status is 1 then.

    Example: fraud detector predict --data event.json --env dev

    Example: fraud detector predict --data events.csv --env dev --out predicted.jsonl
    """
    found = list(rows(sys.stdin.read() if data == "-" else read(Path(data)), data))
    if not found:
        raise BadInputError(f"{data}: no event; needed: at least one")
    if out is not None and not out.parent.is_dir():
        raise BadInputError(f"--out: {out.parent}: there is no such folder; needed: a folder that is there")
    results: list[dict[str, Any]] = []
    with service(env) as where, progress() as report:
        for one in _predicted(where, found, _Pace(rate)):
            results.append(one)
            report("predicted", len(results), len(found))
    lines = "".join(f"{json.dumps(one)}\n" for one in results)
    if out is None:
        typer.echo(lines, nl=False)
    else:
        unfinished = out.with_name(f".{out.name}.unfinished")
        unfinished.write_text(lines)
        unfinished.replace(out)
    counted = Counter(
        outcome for one in results if "error" not in one for outcome in one["outcomes"] or ["without outcome"]
    )
    failed = sum("error" in one for one in results)
    found_of = ", ".join(f"{many:,} {name}" for name, many in sorted(counted.items()))
    console.print(f"{len(results):,} events: {found_of or 'none predicted'}")
    if any("outcomes" in one for one in results) and not any(one.get("scores") for one in results):
        console.print("The answers hold no model scores: no model is published, or this is the emulated service.")
    if failed:
        raise EndedError(f"{failed:,} of {len(results):,} events could not be predicted; their lines say why", 1)


class _Pace:
    """Lets no more calls begin a second than allowed."""

    def __init__(self, rate: int) -> None:
        self._apart, self._next, self._lock = 1 / rate, 0.0, threading.Lock()

    def wait(self) -> None:
        with self._lock:
            at = max(self._next, time.monotonic())
            self._next = at + self._apart
        time.sleep(max(0.0, at - time.monotonic()))


def _predicted(where: Service, found: list[dict[str, Any]], pace: _Pace) -> Iterator[dict[str, Any]]:
    def one(row: dict[str, Any]) -> dict[str, Any]:
        try:
            asked = event(row, where.detector)
        except EventError as error:
            return {"error": str(error)}
        pace.wait()
        try:
            answer = where.client.get_event_prediction(**asked)
        except ClientError as error:
            if error.response["Error"]["Code"] in ("AccessDeniedException", "ResourceNotFoundException"):
                raise
            return {"transaction_id": asked["eventId"], "error": error.response["Error"]["Message"]}
        return {
            "transaction_id": asked["eventId"],
            "outcomes": [outcome for rule in answer["ruleResults"] for outcome in rule["outcomes"]],
            "rules": [rule["ruleId"] for rule in answer["ruleResults"]],
            "scores": {name: score for model in answer["modelScores"] for name, score in model["scores"].items()},
        }

    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield from pool.map(one, found)
