"""Compares a candidate that was a shadow with the champion that served, on the requests that both answered.

    python -m sagemaker_src.shadow.compare --captured captured --champion main --candidate shadow --percent 100 --hours 4 \
        --champion-measured '{"asked": 900, "errors": 0, "p50_us": 4000, "p99_us": 9000}' \
        --candidate-measured '{"asked": 900, "errors": 0, "p50_us": 4100, "p99_us": 9300}' \
        --most-errors-percent 1 --most-latency-ms 250 --out comparison

Writes `comparison.json` and `comparison.html`. How often each was asked, its errors and its latencies are CloudWatch's figures,
for captured are answers alone. The exit status is 0 whichever way the candidate is judged: the file says it.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from fraud.notation import NotationError, decimal_number
from sagemaker_src.options import typed
from sagemaker_src.shadow.captured import Answer, read_captured
from sagemaker_src.shadow.page import write_page

FILE, PAGE = "comparison.json", "comparison.html"
OUTCOMES = ("approve", "review", "block")
QUANTILES = (0.0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0)
EXPECTED = 30
"""A shadow that so many requests were meant for and that was asked nothing was not there."""


@dataclass(frozen=True)
class Measured:
    """What CloudWatch counted of a variant.

    Attributes:
        asked: how often it was.
        errors: answers of status 4xx and 5xx, and requests without any.
        p50_ms, p99_ms: of its answers' latencies, of the worst hour; None if it was not asked.
    """

    asked: int
    errors: int
    p50_ms: float | None
    p99_ms: float | None

    @property
    def error_share(self) -> float:
        return self.errors / self.asked if self.asked else 0.0


def read_measured(text: str) -> Measured:
    """What an option says, `{"asked": 9, "errors": 0, "p50_us": 4000, "p99_us": 9000}`, latencies in microseconds.

    Raises:
        NotationError: it is no such object.

    >>> read_measured('{"asked": 9, "errors": 1, "p50_us": 4000, "p99_us": 9000.5}')
    Measured(asked=9, errors=1, p50_ms=4.0, p99_ms=9.0005)
    """
    try:
        match json.loads(text):
            case {
                "asked": float() | int() as asked, "errors": float() | int() as errors,
                "p50_us": float() | int() as half, "p99_us": float() | int() as most,
            } if all(0 <= value < math.inf for value in (asked, errors, half, most)):  # fmt: skip
                times = (half / 1000, most / 1000) if asked else (None, None)
                return Measured(round(asked), round(errors), *times)
    except ValueError:
        pass
    raise NotationError("allowed: an object with asked, errors, p50_us and p99_us, numbers from 0")


class Limits(NamedTuple):
    """What a shadow must keep.

    Attributes:
        errors: share of its answers that may be errors.
        latency_ms: the 99th percentile at most.
        percent: of the requests, that it was meant to be asked.
        hours: how long.
    """

    errors: float
    latency_ms: float
    percent: float
    hours: float


class Both(NamedTuple):
    """Two answers to the same request."""

    champion: Answer
    candidate: Answer


def paired(champion: Iterable[Answer], candidate: Iterable[Answer], counted: Counter[str]) -> list[Both]:
    """The answers to the same requests.

    Args:
        counted: gets `alone`, the candidate's answers to requests of which no answer of the champion's was captured.
    """
    answers = {answer.request: answer for answer in champion}
    found = []
    for answer in candidate:
        other = answers.get(answer.request)
        if other is None or len(other.scores) != len(answer.scores):
            counted["alone"] += 1
        else:
            found.append(Both(other, answer))
    return found


def compared(pairs: list[Both]) -> dict[str, Any]:
    """What the answers to the same requests have in common, ready for JSON.

    Returns:
        `requests`, `rows`; `scores`, with the `quantiles` of candidate less champion, the mean `distance` and the `correlation`
        (None where there is none); `decisions`, how many `differ`, the `share`, and of each pair of outcomes `champion` and
        `candidate` how many `rows` and what `amount`.
    """
    rows = sum(len(each.champion.scores) for each in pairs)
    if not rows:
        return {"requests": len(pairs), "rows": 0, "scores": None, "decisions": None}
    before, after = (np.concatenate([one.scores for one in side]) for side in zip(*pairs, strict=True))
    was, becomes = (np.concatenate([one.outcomes for one in side]) for side in zip(*pairs, strict=True))
    amounts = np.concatenate([each.champion.amounts for each in pairs])
    change = after - before
    varies = rows > 1 and before.std() > 0 and after.std() > 0
    differ = int((was != becomes).sum())
    return {
        "requests": len(pairs),
        "rows": rows,
        "scores": {
            "quantiles": {f"{at:g}": float(value) for at, value in zip(QUANTILES, np.quantile(change, QUANTILES), strict=True)},
            "distance": float(np.abs(change).mean()),
            "correlation": float(np.corrcoef(before, after)[0, 1]) if varies else None,
        },
        "decisions": {
            "differ": differ,
            "share": differ / rows,
            "pairs": [
                {
                    "champion": OUTCOMES[one],
                    "candidate": OUTCOMES[other],
                    "rows": int(both.sum()),
                    "amount": round(float(np.nansum(amounts[both])), 2),
                }
                for one in range(len(OUTCOMES))
                for other in range(len(OUTCOMES))
                if (both := (was == one) & (becomes == other)).any()
            ],
        },
    }  # fmt: skip


def verdict(champion: Measured, candidate: Measured, limits: Limits, figures: dict[str, Any]) -> tuple[bool, str]:
    """Whether the candidate may go on, and why: the rest of a sentence.

    How much the two differ decides nothing: a better model does differ.

    Args:
        figures: of `compared`.

    >>> fine = Measured(1000, 0, 4.0, 9.0)
    >>> verdict(fine, Measured(1000, 30, 4.0, 9.0), Limits(0.01, 250, 100, 4), {"rows": 0})
    (False, 'as a shadow 30 of its 1,000 answers were errors, 3.00%; allowed: 1%')
    """
    if not candidate.asked:
        meant = champion.asked * limits.percent / 100
        if meant >= EXPECTED:
            return False, f"as a shadow it was asked none of the {meant:,.0f} requests that were meant for it"
        return True, f"as a shadow it was asked nothing, for {champion.asked:,} requests came in {limits.hours:g} h"
    errors = f"{candidate.errors:,} of its {candidate.asked:,} answers were errors, {candidate.error_share:.2%}"
    if candidate.error_share > limits.errors:
        return False, f"as a shadow {errors}; allowed: {limits.errors * 100:g}%"
    if candidate.p99_ms is not None and candidate.p99_ms > limits.latency_ms:
        return False, (
            f"as a shadow it was slow: 99th percentile {candidate.p99_ms:,.0f} ms; allowed: {limits.latency_ms:g} ms"
        )
    decisions = figures.get("decisions")
    if not decisions:
        return True, f"as a shadow {errors}; no answer of it and the champion's to the same request was captured"
    return True, f"as a shadow {errors}; {decisions['share']:.2%} of {figures['rows']:,} decisions differ"


def report(
    folder: Path, variants: tuple[str, str], measured: tuple[Measured, Measured], limits: Limits
) -> dict[str, Any]:
    """The comparison, ready for JSON.

    Args:
        folder: what was captured.
        variants: the names of the champion's and the candidate's.
        measured: of each.

    Returns:
        `accepted`, `why`; `champion` and `candidate`, what is measured of each with `error_share`, `model_version` (None where no
        answer was captured), `captured` and `unreadable`; `alone`, see `paired`; `limits`; and what `compared` returns.
    """
    counts: tuple[Counter[str], Counter[str], Counter[str]] = (Counter(), Counter(), Counter())
    first, second = (list(read_captured(folder, name, counts[at])) for at, name in enumerate(variants))
    figures = compared(paired(first, second, counts[2]))
    accepted, why = verdict(*measured, limits, figures)
    sides = {
        name: {
            "model_version": answers[-1].model_version if answers else None,
            **asdict(of),
            "error_share": of.error_share,
            "captured": counted["captured"],
            "unreadable": counted["unreadable"],
        }
        for name, answers, of, counted in zip(
            ("champion", "candidate"), (first, second), measured, counts, strict=False
        )
    }
    return {
        "accepted": accepted,
        "why": why,
        **sides,
        "alone": counts[2]["alone"],
        "limits": limits._asdict(),
        **figures,
    }


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Compare a candidate that was a shadow with the champion that served.")
    parser.add_argument("--captured", type=Path, required=True, help="folder of the captured requests and answers")
    for name in ("champion", "candidate"):
        parser.add_argument(f"--{name}", required=True, help=f"name of the {name}'s variant")
        parser.add_argument(
            f"--{name}-measured",
            type=typed(read_measured),
            required=True,
            help=f"what was measured of the {name}, as JSON",
        )
    number = typed(decimal_number)
    parser.add_argument(
        "--percent", type=number, required=True, help="of the requests, that the shadow was to be asked"
    )
    parser.add_argument("--hours", type=number, required=True, help="how long it was one")
    parser.add_argument("--most-errors-percent", type=number, required=True, help="of its answers, that may be errors")
    parser.add_argument("--most-latency-ms", type=number, required=True, help="99th percentile of its latency, at most")
    parser.add_argument("--out", type=Path, required=True, help=f"folder for {FILE} and {PAGE}")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    options = _options().parse_args(arguments)
    limits = Limits(options.most_errors_percent / 100, options.most_latency_ms, options.percent, options.hours)
    found = report(
        options.captured,
        (options.champion, options.candidate),
        (options.champion_measured, options.candidate_measured),
        limits,
    )
    options.out.mkdir(parents=True, exist_ok=True)
    write_page(options.out / PAGE, found)
    part = options.out / f"{FILE}.part"
    part.write_text(json.dumps(found, indent=2, allow_nan=False) + "\n")
    part.rename(options.out / FILE)
    print(("accepted: " if found["accepted"] else "refused: ") + found["why"])
    return 0


if __name__ == "__main__":
    sys.exit(main())
