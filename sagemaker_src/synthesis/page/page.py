"""The quality report of synthetic frauds as one HTML file: pictures, style, program and data are in it, nothing is fetched."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from sagemaker_src.synthesis.page import wording
from sagemaker_src.synthesis.page.correlations import heat_maps
from sagemaker_src.synthesis.page.figures import Figures
from sagemaker_src.synthesis.page.gains import arm_rows, gain_rows, other_gains
from sagemaker_src.synthesis.page.histograms import column_pictures
from sagemaker_src.synthesis.page.scatter import moments_of, scatter
from sagemaker_src.synthesis.page.training import training

TITLE = "Synthetic frauds: what they are worth"
PICTURED = 60
"""So many columns have a picture: those that differ most."""

_templates = Environment(
    loader=PackageLoader("sagemaker_src.synthesis.page"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def write_page(
    path: Path,
    quality: Mapping[str, Any],
    *,
    history: Sequence[Mapping[str, Any]] | None = None,
    snapshots: pd.DataFrame | None = None,
    real: pd.DataFrame | None = None,
    facts: Sequence[tuple[str, str]] = (),
    title: str = TITLE,
) -> None:
    """Writes the report; the same arguments give the same bytes.

    Args:
        path: the file.
        quality: of `quality.json`; what is missing or None in it is said to be not measured.
        history: of `history.json`; None: the generator has no epochs.
        snapshots: of `snapshots.parquet`: a column `epoch`, then the table's; None: it kept none.
        real: real fraud rows to show beside the snapshots. None: the page holds no real row.
        facts: (what, value) of the table, the generator and its settings, to show as they are.
        title: of the page.
    """
    path.write_text(page(quality, history, snapshots, real, facts, title), encoding="utf-8")


def page(
    quality: Mapping[str, Any],
    history: Sequence[Mapping[str, Any]] | None = None,
    snapshots: pd.DataFrame | None = None,
    real: pd.DataFrame | None = None,
    facts: Sequence[tuple[str, str]] = (),
    title: str = TITLE,
) -> str:
    """The report as text: see `write_page`."""
    figures = Figures(quality)
    points = scatter(snapshots, real, history)
    maps = heat_maps(figures)
    return _templates.get_template("report.html").render(
        title=title,
        facts=facts,
        n=figures.number,
        got=figures.get,
        words=wording,
        gains=gain_rows(figures),
        arms=arm_rows(figures),
        others=other_gains(figures),
        columns=column_pictures(figures, moments_of(snapshots if real is None else real)),
        pictured=PICTURED,
        maps=maps,
        lines=training(history or []),
        points=points,
        has_real=real is not None and points is not None,
        data=None if points is None else embedded(points),
        map_data=None if maps is None else embedded(maps.data),
        file=_file,
    )


def embedded(data: Any) -> Markup:
    """Data as JSON that can stand in a `<script>` of a page, whatever text is in it.

    >>> embedded({"shop": "</script><b>"})
    Markup('{"shop":"\\\\u003c/script\\\\u003e\\\\u003cb\\\\u003e"}')
    """
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)  # noqa: S704 - every sign that means something in HTML is written as JSON's escape


def _file(name: str) -> Markup:
    """A style or a program of ours, as it is."""
    source = _templates.loader.get_source(_templates, name)[0] if _templates.loader else ""
    return Markup(source)  # noqa: S704 - written here
