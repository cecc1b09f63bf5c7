"""The report of a replay: what was decided, how fast, and why."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup

from cli.reports.page import FRAUD, HONEST, INK, REVIEW, new_figure, svg, write_page
from fraud.decision import Decision
from local.decided_day import OUTCOMES, DecidedDay

_HIGHEST = 15


def stream_report(path: Path, summary: dict[str, Any], day: DecidedDay, lead: str) -> None:
    """Write the report of a replay as one HTML file.

    Args:
        path: the file.
        summary: what summary.json holds.
        day: what became of the day.
        lead: the sentence below the title.
    """
    latency = summary["latency_ms"]
    write_page(
        path,
        "stream.html",
        title="Card fraud, decided as it happens",
        lead=lead,
        tiles=[
            (f"{summary['decisions']:,}", "decisions"),
            (f"{summary['undecided']} / {summary['decided_twice']}", "undecided / decided twice"),
            (f"{summary['by_path']['fallback']:,}", "by the fallback rule"),
            (f"{latency['p50']} ms", f"p50, Kafka in to decision; p99 {latency['p99']} ms"),
            (
                f"{summary['features_different']:,}",
                f"of {summary['features_compared']:,} streamed features differ from batch",
            ),
            *_again_tiles(summary),
            *_model_tiles(summary),
        ],
        attacks=summary["attacks"],
        latency=_latency(day),
        outcomes_by_hour=_outcomes_by_hour(day),
        outcomes=_outcomes(day),
        highest=_highest(day),
        facts=[
            ("Model version", ", ".join(sorted({row["model_version"] for row in day.decided if row["model_version"]}))),
            *([("Seconds", _phases(summary["seconds"]))] if "seconds" in summary else []),
        ],
    )


def _again_tiles(summary: dict[str, Any]) -> list[tuple[str, str]]:
    if "decisions_compared" not in summary:
        return []
    compared = summary["decisions_compared"]
    return [
        (
            f"{summary['decisions_different']:,}",
            f"of {compared:,} decisions are others when they are made again from the raw rows",
        )
    ]


def _model_tiles(summary: dict[str, Any]) -> list[tuple[str, str]]:
    if "model" not in summary:
        return []
    return [(f"{summary['model']['average_precision']:.3f}", "average precision on the model's test days")]


def _phases(seconds: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:g}" for name, value in seconds.items())


def _latency(day: DecidedDay) -> Markup:
    waited = [
        row["decided_at"] - day.run.sent_ms[row["transaction_id"]] for row in day.decided if row["path"] == "model"
    ]
    figure = new_figure()
    axes = figure.add_subplot()
    if waited:
        edge = max(float(np.percentile(waited, 99.5)), 10.0)
        axes.hist(np.clip(waited, 0, edge), bins=60, color=HONEST)
        for percent in (50, 99):
            place = float(np.percentile(waited, percent))
            axes.axvline(min(place, edge), color=INK, linestyle="--", linewidth=0.8)
            axes.text(min(place, edge), axes.get_ylim()[1] * 0.93, f" p{percent}")
    axes.set(xlabel="ms", ylabel="Transactions")
    return svg(figure)


def _outcomes_by_hour(day: DecidedDay) -> Markup:
    hours = {
        outcome: Counter(row["trans_time"] // 3_600_000 % 24 for row in day.decided if row["outcome"] == outcome)
        for outcome in ("review", "block")
    }
    figure = new_figure()
    axes = figure.add_subplot()
    review, block = ([hours[outcome][hour] for hour in range(24)] for outcome in ("review", "block"))
    axes.bar(range(24), review, color=REVIEW, label="review")
    axes.bar(range(24), block, bottom=review, color=FRAUD, label="block")
    axes.set(xlabel="Hour (UTC)", ylabel="Transactions", xticks=range(0, 24, 3))
    axes.legend(frameon=False)
    return svg(figure)


def _outcomes(day: DecidedDay) -> list[tuple[str, str, str]]:
    counts = Counter((row["outcome"], day.labels[row["transaction_id"]]) for row in day.decided)
    return [(outcome, f"{counts[outcome, 0]:,}", f"{counts[outcome, 1]:,}") for outcome in OUTCOMES]


def _highest(day: DecidedDay) -> list[dict[str, Any]]:
    rows = sorted((row for row in day.decided if row["score"] is not None), key=lambda row: -row["score"])[:_HIGHEST]
    return [_shown(row) for row in rows]


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    decision = Decision.from_json(row["decision"])
    return {
        "time": f"{datetime.fromtimestamp(row['trans_time'] / 1000, timezone.utc):%H:%M:%S}",
        "card": row["cc_num"][:8],
        "amount": f"{row['amount_cents'] / 100:,.2f}",
        "category": decision.features["category"],
        "outcome": row["outcome"],
        "score": f"{row['score']:.4f}",
        "reasons": [reason.text for reason in decision.reasons],
    }
