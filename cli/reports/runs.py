"""The page of the runs that are kept."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlparse
from urllib.request import url2pathname

from cli.reports.measures import MEASURES
from cli.reports.page import write_page
from cli.runs.compare import differing
from cli.runs.kept import Kept, shown

_FIGURES = ("average_precision", "recall_at_fpr_0.001", "first_fraud_recall_at_fpr_0.001", "roc_auc")


def runs_page(path: Path, runs: Sequence[Kept], where: str) -> None:
    """Write the page: each run with its figures, its own page where it has one, and what it was asked that others were not.

    Args:
        path: the file.
        runs: newest first.
        where: they are kept.
    """
    asked = [*differing([run.parameters for run in runs])] if runs else []
    write_page(
        path,
        "runs.html",
        title="Card-fraud models: runs",
        lead=f"The runs of {where}, newest first: {len(runs):,}. Parameters that are the same in all are left out.",
        figures=[MEASURES[name] for name in _FIGURES],
        asked=asked,
        runs=[
            (
                run,
                f"{run.started:%Y-%m-%d %H:%M}",
                _page_of(run),
                [shown(name, run.metrics.get(name)) for name in _FIGURES],
                [run.parameters.get(name, "-") for name in asked],
            )
            for run in runs
        ],
    )


def _page_of(run: Kept) -> str | None:
    """The address of a run's own page on this machine."""
    told = urlparse(run.artifacts)
    page = Path(url2pathname(told.path)) / "report.html"
    return page.as_uri() if told.scheme in ("file", "") and page.is_absolute() and page.is_file() else None
