"""`fraud demo`: the whole system, once through."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from cli.errors import BadInputError
from cli.output import whole_folder
from cli.report.stream import stream_report
from cli.screen import new_screen
from cli.summary import show_summary
from local.demo import DemoSettings, run_demo
from local.processes import ProcessError

PHASES = {
    "world": "Making a world of cards",
    "features": "Computing the training set",
    "training": "Training the model",
    "stream": "Deciding the stream",
    "comparison": "Comparing stream and batch",
}


def demo(
    out: Annotated[
        Path, typer.Option(help="Folder to write; replaced if an earlier run wrote it.", metavar="DIR")
    ] = Path("out/demo"),
    rate: Annotated[float, typer.Option(min=1, max=2000, help="Transactions a second.")] = 200,
    transactions: Annotated[int, typer.Option(min=100, max=100_000, help="How many to replay at most.")] = 8_000,
    duplicates: Annotated[float, typer.Option(min=0, max=0.5, help="Share that Kafka delivers twice.")] = 0.05,
    seed: Annotated[int, typer.Option(min=0, help="Another seed makes another world.")] = 7,
) -> None:
    """Make a world, train on its past, and decide its last day as live traffic with attacks in it.

    Starts a real Kafka broker and the real Flink job on this machine and ends them again. Writes summary.json, report.html,
    features.parquet and model/.

    Example: fraud demo --out out/demo --rate 400
    """
    settings = DemoSettings(rate=rate, transactions=transactions, duplicates=duplicates, seed=seed)
    with whole_folder(out) as folder:
        try:
            with new_screen(PHASES) as screen:
                result = run_demo(settings, folder, screen)
        except ProcessError as error:
            raise BadInputError(str(error)) from error
        (folder / "summary.json").write_text(json.dumps(result.summary, indent=2) + "\n")
        sent, twice = result.summary["transactions"], result.summary["duplicates_sent"]
        lead = (
            "A made-up world of cards: a model trained on its past decided its last day as a live stream, through Kafka and "
            f"Flink; {twice:,} of the {sent:,} transactions were delivered twice."
        )
        stream_report(folder / "report.html", result.summary, result.day, lead)
    show_summary(result.summary, f"{out}/summary.json, report.html, features.parquet and model/")
