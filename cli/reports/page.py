"""A page from a template, with charts drawn by matplotlib and inlined as SVG."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import matplotlib as mpl
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from matplotlib.figure import Figure

INK, HONEST, FRAUD, REVIEW = "#1c2733", "#5b8db8", "#c0392b", "#d68910"

_STYLE: dict[Any, Any] = {  # matplotlib types its three hundred keys one by one
    "svg.fonttype": "none",
    # Ids in the SVG come from this instead of a random number, so that the same figures give the same page.
    "svg.hashsalt": "fraud",
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "text.color": INK,
}

_templates = Environment(
    loader=PackageLoader("cli.reports"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def new_figure(width: float = 6.2, height: float = 3.4) -> Figure:
    """An empty figure in the reports' style, inches."""
    with mpl.rc_context(_STYLE):
        return Figure(figsize=(width, height), layout="constrained")


def svg(figure: Figure, says: str | None = None) -> Markup:
    """The figure as an `<svg>` element; `says` is what one hears who cannot see it."""
    drawn = io.StringIO()
    with mpl.rc_context(_STYLE):
        figure.savefig(drawn, format="svg", metadata={"Date": None}, transparent=True)
    text = drawn.getvalue()
    named = Markup("<svg") if says is None else Markup('<svg role="img" aria-label="{}"').format(says)
    return named + Markup(text[text.index("<svg") + len("<svg") :])  # noqa: S704 - drawn here, from numbers and our own labels


def template_text(*names: str) -> Markup:
    """Scripts or styles of ours, as they stand in `templates/`, one after the other."""
    folder = Path(__file__).parent / "templates"
    text = "".join((folder / name).read_text(encoding="utf-8") for name in names)
    return Markup(text)  # noqa: S704 - files of ours


def for_script(value: Any) -> Markup:
    """A value as JSON that may stand in a `<script>`: nothing in it ends the element."""
    return Markup(json.dumps(value, allow_nan=False).replace("<", "\\u003c"))  # noqa: S704 - escaped in the line itself


def write_page(path: Path, template: str, **values: Any) -> None:
    """Render `templates/TEMPLATE` to a file."""
    path.write_text(_templates.get_template(template).render(**values), encoding="utf-8")
