"""A comparison as one HTML page, which needs nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

from sagemaker_src.page_style import STYLE


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
        f"its answers. Allowed: {limits['errors']:.2%} errors, {limits['latency_ms']:g} ms at the 99th percentile."
    )
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{STYLE}</style></head><body>'
        f"<h1>{title}</h1><p><strong>{escape(told)}</strong></p><p>{escape(facts)}</p>"
        f"<h2>What each answered</h2>{_sides(report)}"
        f"{_scores(report)}{_decisions(report)}"
        "<p>How often each was asked, errors and latencies are CloudWatch's figures; latencies are those of the worst hour. "
        "Compared are answers to equal requests, of which both were captured. Labels of such young transactions are not "
        "known yet: which of the two is right where they differ, the evaluation says of older ones.</p></body></html>\n"
    )


def _sides(report: Mapping[str, Any]) -> str:
    sides = [report[name] for name in ("champion", "candidate")]
    rows = (
        ("model", [escape(side["model_version"] or "unknown") for side in sides]),
        ("asked", [f"{side['asked']:,}" for side in sides]),
        ("errors", [f"{side['errors']:,} ({side['error_share']:.2%})" for side in sides]),
        ("latency, median, ms", [_number(side["p50_ms"]) for side in sides]),
        ("latency, 99th percentile, ms", [_number(side["p99_ms"]) for side in sides]),
        ("answers captured", [f"{side['captured']:,}" for side in sides]),
        ("of those unreadable", [f"{side['unreadable']:,}" for side in sides]),
    )
    return _table(("", "champion", "candidate"), rows) + (
        f"<p>{report['requests']:,} requests of {report['rows']:,} transactions were answered by both; "
        f"{report['alone']:,} answers of the candidate's are to requests without a captured answer of the champion's.</p>"
    )


def _scores(report: Mapping[str, Any]) -> str:
    scores = report["scores"]
    if scores is None:
        return ""
    correlation = "none" if scores["correlation"] is None else f"{scores['correlation']:.4f}"
    heads = ("quantile", *(f"{float(at):.0%}" for at in scores["quantiles"]))
    row = ("candidate less champion", [f"{value:+.4f}" for value in scores["quantiles"].values()])
    return (
        f"<h2>How the scores differ</h2>{_table(heads, [row])}"
        f"<p>Mean distance {scores['distance']:.4f}, correlation {correlation}.</p>"
    )


def _decisions(report: Mapping[str, Any]) -> str:
    decisions = report["decisions"]
    if decisions is None:
        return ""
    rows = [
        (each["champion"], [each["candidate"], f"{each['rows']:,}", f"{each['amount']:,.2f}"])
        for each in decisions["pairs"]
    ]
    return (
        f"<h2>Decisions</h2><p>By the thresholds of each, {decisions['differ']:,} of {report['rows']:,} would differ "
        f"({decisions['share']:.2%}).</p>{_table(('champion', 'candidate', 'transactions', 'amount'), rows)}"
    )


def _table(heads: Any, rows: Any) -> str:
    head = "".join(f'<th scope="col">{escape(each)}</th>' for each in heads)
    body = "".join(
        f"<tr><td>{escape(name)}</td>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>" for name, cells in rows
    )
    return f'<div class="wide" tabindex="0"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:,.1f}"
