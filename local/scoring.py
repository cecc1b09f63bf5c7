"""A file scored on this machine: by the programs of the batch jobs, and the model's own program between them."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fraud.model_request import ACCEPT, CONTENT_TYPE
from sagemaker_src.processing.batch_features import engine
from sagemaker_src.scoring import requests, scores
from sagemaker_src.scoring.answers import OUT
from sagemaker_src.serving import inference

Report = Callable[[str, int, int], None]
"""Called with (what is being done, steps done, steps in all)."""


def score_transactions(
    transactions: Path, archive: Path | None, model: Path, out: Path, *, name: str, reasons: str, report: Report
) -> dict[str, Any]:
    """Writes scores.parquet, scores.csv and summary.json of a file of tokenised transactions.

    Args:
        transactions: Parquet, as `sagemaker_src.scoring.requests` reads it.
        archive: a folder of the transactions before them.
        model: a model's folder, as training writes it.
        out: the folder to write into.
        name: what the scores are called.
        reasons: one of `requests.EXACT`.
        report: is told of the progress.

    Returns:
        What summary.json says.

    Raises:
        TransactionFilesError: a file cannot be read as transactions, or has no row that can be scored.
    """
    with tempfile.TemporaryDirectory(prefix="scoring-") as temporary:
        folder = Path(temporary)
        with engine() as connection:
            arrived = requests.make(connection, transactions, archive, lambda _, done, of: report("features", done, of))
            requests.write(connection, arrived, folder, reasons)
        _answer(model, folder, report)
        rows = folder / "rows"
        with engine() as connection:
            asked = requests.read_report(rows)
            answered = scores.read(connection, rows, folder / "answers", explained=reasons != "none")
            said = scores.summary(connection, name, answered, asked)
            scores.write(connection, out, said)
    return said


def _answer(model: Path, folder: Path, report: Report) -> None:
    """What a batch transform does: has the model's program answer each request."""
    served = inference.model_fn(str(model))
    answers = folder / "answers"
    answers.mkdir()
    asked = sorted((folder / "requests").iterdir())
    for done, request in enumerate(asked):
        report("scoring", done, len(asked))
        text, _ = inference.answer(served, request.read_bytes(), CONTENT_TYPE, ACCEPT)
        (answers / f"{request.name}{OUT}").write_text(text)
    report("scoring", len(asked), len(asked))
