"""`fraud demo`: the whole system, once through."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from cli.ledger import show_ledger
from cli.options import decimal, whole
from cli.output import whole_folder
from cli.reports.stream import stream_report
from cli.run_failures import logs_kept
from cli.screen import new_screen
from cli.summary import show_summary
from local.demo import DemoSettings, run_demo

PHASES = {
    "world": "Making a world of cards",
    "templates": "Synthesizing the templates",
    "stacks": "Standing the stacks up",
    "model": "Nightly features, training",
    "stream": "Deciding the stream",
    "comparison": "Comparing with batch, deciding again",
}


def demo(
    out: Annotated[
        Path, typer.Option(help="Folder to write; replaced if an earlier run wrote it.", metavar="DIR")
    ] = Path("out/demo"),
    rate: Annotated[
        float | None, decimal("Transactions a second; without it, what this machine is found to hold.", 1, 2000)
    ] = None,
    transactions: Annotated[int, whole("How many to replay at most.", 100, 100_000)] = 4_000,
    duplicates: Annotated[float, decimal("Share that Kafka delivers twice.", 0, 0.5)] = 0.05,
    seed: Annotated[int, whole("Another seed makes another world.", 0, 2**32 - 1)] = 7,
) -> None:
    """Make a world, train on its past, and decide its last day as live traffic with attacks in it, through the stacks.

    Synthesizes the application, stands its templates up on an emulated AWS with the real engines, and ends all of it again.
    Writes summary.json, report.html, ledger.json, permissions.json, features.parquet and model/.

    Example: fraud demo --out out/demo --rate 400
    """
    settings = DemoSettings(rate=rate, transactions=transactions, duplicates=duplicates, seed=seed)
    with whole_folder(out, "demo") as folder, tempfile.TemporaryDirectory(prefix="fraud-demo-") as temporary:
        with logs_kept(out, Path(temporary), folder), new_screen(PHASES) as screen:
            result = run_demo(settings, folder, Path(temporary), screen)
        (folder / "summary.json").write_text(json.dumps(result.summary, indent=2) + "\n")
        sent, twice = result.summary["transactions"], result.summary["duplicates_sent"]
        lead = (
            "A made-up world of cards: a model trained on its past decided its last day as a live stream, through Kafka and "
            f"Flink; {twice:,} of the {sent:,} transactions were delivered twice."
        )
        stream_report(folder / "report.html", result.summary, result.day, lead)
    show_ledger(result.entries)
    written = "summary.json, report.html, ledger.json, permissions.json, features.parquet and model/"
    show_summary(result.summary, f"{out}/{written}")
