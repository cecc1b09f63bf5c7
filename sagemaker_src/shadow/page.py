"""A comparison in tables, and as one HTML page, which needs nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

from sagemaker_src.page_style import STYLE

_STYLE = f"""{STYLE}.words td:nth-child(-n+2), .words th:nth-child(-n+2) {{ text-align: left; }}
@media (max-width: 30rem) {{
  table {{ font-size: .9rem; }} th, td {{ padding: .25rem .3rem; }} th, td:first-child {{ white-space: normal; }}
}}
"""


class Table(NamedTuple):
    """Figures of a comparison as text.

    Attributes:
        title: above it.
        says: a sentence about it.
        heads: of the columns.
        rows: as many cells each.
        words: how many columns hold words; the others are numbers.
    """

    title: str
    says: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    words: int = 1


def tables(report: Mapping[str, Any]) -> list[Table]:
    """What a report of `sagemaker_src.shadow.compare.report` says, table by table; without those that it has nothing for."""
    return [
        _sides(report),
        *([_scores(report["scores"])] if report["scores"] else []),
        *([_decisions(report)] if report["decisions"] else []),
    ]


def write_page(path: Path, report: Mapping[str, Any]) -> None:
    """Writes the page of a report of `sagemaker_src.shadow.compare.report`."""
    path.write_text(page(report), encoding="utf-8")


def page(report: Mapping[str, Any]) -> str:
    """The page as text: see `write_page`."""
    title = "A candidate as a shadow of the champion"
    limits = report["limits"]
    told = f"{'Accepted' if report['accepted'] else 'Refused'}: {report['why']}."
    facts = (
        f"For {limits['hours']:g} h the candidate was to be asked {limits['percent']:g}% of the champion's requests; nobody got "
        f"its answers. Allowed: {limits['errors'] * 100:g}% errors, {limits['latency_ms']:g} ms at the 99th percentile."
    )
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_STYLE}</style></head><body>'
        f"<h1>{title}</h1><p><strong>{escape(told)}</strong></p><p>{escape(facts)}</p>"
        f"{''.join(map(_drawn, tables(report)))}"
        "<p>How often each was asked, errors and latencies are CloudWatch's figures; latencies are those of the worst hour. "
        "Compared are answers to equal requests, of which both were captured. Labels of such young transactions are not "
        "known yet: which of the two is right where they differ, the evaluation says of older ones.</p></body></html>\n"
    )


def _sides(report: Mapping[str, Any]) -> Table:
    sides = [report[name] for name in ("champion", "candidate")]
    return Table(
        "What each answered",
        f"Champion: {_model(sides[0])}. Candidate: {_model(sides[1])}. Captured answers of both to the same request: "
        f"{report['requests']:,}, of {report['rows']:,} transactions. "
        f"The candidate's without one of the champion's: {report['alone']:,}.",
        ("", "champion", "candidate"),
        [
            ("asked", *(f"{side['asked']:,}" for side in sides)),
            ("errors", *(f"{side['errors']:,} ({side['error_share']:.2%})" for side in sides)),
            ("latency, median, ms", *(_number(side["p50_ms"]) for side in sides)),
            ("latency, 99th percentile, ms", *(_number(side["p99_ms"]) for side in sides)),
            ("answers captured", *(f"{side['captured']:,}" for side in sides)),
            ("of those unreadable", *(f"{side['unreadable']:,}" for side in sides)),
        ],
    )


def _scores(scores: Mapping[str, Any]) -> Table:
    correlation = "none" if scores["correlation"] is None else f"{scores['correlation']:.4f}"
    return Table(
        "How the scores differ",
        f"Mean distance {scores['distance']:.4f}, correlation {correlation}.",
        ("quantile", "candidate less champion"),
        [(f"{float(at):.0%}", _signed(value)) for at, value in scores["quantiles"].items()],
    )


def _decisions(report: Mapping[str, Any]) -> Table:
    decisions = report["decisions"]
    return Table(
        "Decisions",
        f"By the thresholds of each, {decisions['differ']:,} of {report['rows']:,} would differ ({decisions['share']:.2%}).",
        ("champion", "candidate", "transactions", "amount"),
        [
            (each["champion"], each["candidate"], f"{each['rows']:,}", f"{each['amount']:,.2f}")
            for each in decisions["pairs"]
        ],
        words=2,
    )


def _drawn(table: Table) -> str:
    head = "".join(f'<th scope="col">{escape(each)}</th>' for each in table.heads)
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in table.rows)
    kind = "wide words" if table.words > 1 else "wide"
    return (
        f'<h2>{escape(table.title)}</h2><div class="{kind}" tabindex="0"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div><p>{escape(table.says)}</p>"
    )


def _model(side: Mapping[str, Any]) -> str:
    """Which model it was.

    >>> _model({"model_version": "m1"}), _model({"model_version": None})
    ('model m1', 'a model of which no answer was captured')
    """
    return f"model {side['model_version']}" if side["model_version"] else "a model of which no answer was captured"


def _signed(value: float) -> str:
    """A difference with its sign; what rounds to nothing has none.

    >>> _signed(-0.00001), _signed(0.5)
    ('0.0000', '+0.5000')
    """
    said = f"{value:+.4f}"
    return said[1:] if float(said) == 0 else said


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:,.1f}"
