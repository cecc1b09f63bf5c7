"""A day's drift as one HTML file that fetches nothing: what has drifted, by how much, since when, then and now in pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from sagemaker_src.drift.baseline import Baseline, Watched
from sagemaker_src.drift.compare import PSI_LIMIT
from sagemaker_src.drift.realised import MISSED
from sagemaker_src.page_style import STYLE

_STYLE = f"""{STYLE}figure {{ margin: 1rem 0; }}
svg {{ display: block; margin-top: .5rem; width: 100%; max-width: 44rem; height: auto; }}
.before {{ fill: #5b8db8; }} .now {{ fill: #c0392b; }} text {{ fill: currentColor; font-size: 11px; }}
"""


def write_page(path: Path, report: Mapping[str, Any], baseline: Baseline) -> None:
    """Writes the page of a report of `sagemaker_src.drift.drift.judge`."""
    path.write_text(page(report, baseline), encoding="utf-8")


def page(report: Mapping[str, Any], baseline: Baseline) -> str:
    """The page as text: see `write_page`."""
    drifted = [each for each in report["drifted"] if each["psi"] is not None]
    title = f"Drift on {report['day']}"
    told = (
        f"{len(drifted)} of {len(report['series'])} watched series have drifted."
        if drifted
        else f"None of {len(report['series'])} watched series has drifted."
    )
    worse = len(report.get("realised", {}).get("worse", []))
    if worse:
        told += f" By labels the model does worse than it was tested to, in {worse} respect{'s' if worse > 1 else ''}."
    decisions, before = report["decisions"], report["baseline"]
    facts = (
        f"Model {report['model_version']}, compared with {before['days']} days from {before['from']} to {before['to']}. "
        f"{decisions['total']:,} decisions: {decisions['by_the_model']:,} by this model, "
        f"{decisions['by_other_models']:,} by another, {decisions['by_the_rule']:,} by the fallback rule."
    )
    pictures = "".join(_picture(each, report, baseline.watched[each["name"]]) for each in drifted)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_STYLE}</style></head><body>'
        f"<h1>{escape(title)}</h1><p><strong>{told}</strong></p><p>{escape(facts)}</p>"
        f"{_performance(report['performance'])}{_realised(report.get('realised'))}{pictures}"
        f"<h2>All that is watched</h2>{_table(report['series'])}"
        "<p>Index: population stability index, less what chance gives; a series has drifted if its index, or the share of its "
        "missing or unknown values, is over the limit and significantly so. The limit of the index is what the baseline's own "
        f"days reach, doubled, and {PSI_LIMIT:g} at least.</p></body></html>\n"
    )


def _performance(performance: Mapping[str, Mapping[str, float | None]]) -> str:
    rows = "".join(
        f"<tr><td>{name}</td><td>{_share(performance['expected'][name])}</td>"
        f"<td>{_share(performance['estimated'][name])}</td></tr>"
        for name in ("flagged", "precision", "recall")
    )
    return (
        '<h2>Performance before labels</h2><div class="wide" tabindex="0"><table><thead><tr><th>at the review threshold</th>'
        f"<th>when tested</th><th>estimated that day</th></tr></thead><tbody>{rows}</tbody></table></div>"
        "<p>Estimated by the scores: what share of transactions with such a score was fraud when the model was tested. A kind of "
        "fraud that the model does not see is not seen here either; labels tell it.</p>"
    )


def _realised(told: Mapping[str, Any] | None) -> str:
    """What labels say of the day that is as old as they take; empty where none were read."""
    if told is None:
        return ""
    rows = "".join(
        f"<tr><td>{each['name'].replace('_', ' ')}</td><td>{_share(each['value'])}</td><td>{_interval(each)}</td>"
        f"<td>{_share(each['estimated'])}</td><td>{_share(each['expected'])}</td>"
        f"<td>{_share(together[each['name']]) if each['name'] in together else ''}</td></tr>"
        for together in [{each["name"]: each["value"] for each in told["together"]}]
        for each in told["figures"]
    )
    unlabelled = ", ".join(
        f"{count:,} with outcome {escape(name)}" for name, count in sorted(told["unlabelled"].items())
    )
    lacks = "" if all(each["value"] is not None for each in told["figures"]) else (
        "<p>Unknown is what labels do not tell: nothing, as long as none has come back, and no precision, as long as fewer than "
        "half of the flagged payments have one.</p>"
    )  # fmt: skip
    days = len(told["days"])
    return (
        f'<h2>Performance by labels, {told["day"]}</h2>{_worse(told["worse"])}<div class="wide" tabindex="0"><table><thead><tr>'
        "<th></th><th>that day</th><th>95% interval</th><th>estimated</th><th>when tested</th>"
        f"<th>{days} day{'' if days == 1 else 's'} together</th></tr></thead><tbody>{rows}</tbody></table></div>{lacks}"
        f"<p>{told['decisions']['by_the_model']:,} decisions by this model, "
        f"{told['decisions']['by_others']:,} by another or the rule; {told['labels']:,} have a label. Of payments without "
        f"one, the approved were taken as honest; of {unlabelled or 'none'} nobody knows: they count in no precision, and as "
        f"many of those that were flagged as found frauds as their scores let expect.</p>{_groups(told['worse'])}"
    )


def _worse(worse: Sequence[Mapping[str, Any]]) -> str:
    """The figures that are worse, a sentence each."""
    return "".join(f"<p><strong>Worse: {escape(each['says'])}.</strong></p>" for each in worse if not _missed(each))


def _groups(worse: Sequence[Mapping[str, Any]]) -> str:
    """The groups in which frauds are missed, as a table."""
    rows = "".join(
        f"<tr><td>{escape(each['name'].removeprefix(f'{MISSED}: '))}</td><td>{each['value']:,.0f}</td>"
        f"<td>{each['expected']:,.1f}</td></tr>"
        for each in worse
        if _missed(each)
    )
    return rows and (
        "<p><strong>Worse: more frauds below the review threshold than the scores let expect, in these groups.</strong></p>"
        '<div class="wide" tabindex="0"><table><thead><tr><th></th><th>frauds missed</th><th>to be expected</th></tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _missed(each: Mapping[str, Any]) -> bool:
    return str(each["name"]).startswith(f"{MISSED}: ")


def _interval(figure: Mapping[str, float | None]) -> str:
    return "" if figure["low"] is None else f"{_share(figure['low'])} to {_share(figure['high'])}"


def _table(series: list[Mapping[str, Any]]) -> str:
    rows = "".join(
        f"<tr><td>{escape(each['name'])}</td><td>{', '.join(each['drifted']) or 'no'}</td><td>{each['psi']:.3f}</td>"
        f"<td>{each['psi_limit']:.3f}</td><td>{'' if each['ks'] is None else format(each['ks'], '.3f')}</td>"
        f"<td>{_share(each['missing_before'])}</td><td>{_share(each['missing'])}</td><td>{_share(each['unknown'])}</td>"
        f"<td>{each['values']:,}</td></tr>"
        for each in series
    )
    heads = ("", "drifted", "index", "limit", "KS", "missing before", "missing", "unknown", "values")
    head = "".join(f'<th scope="col">{each}</th>' for each in heads)
    return f'<div class="wide" tabindex="0"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'


def _picture(each: Mapping[str, Any], report: Mapping[str, Any], watched: Watched) -> str:
    """Bars of the shares of the bins, before and now."""
    before = watched.days.sum(axis=0)
    now = report["counts"][each["name"]]
    pairs = list(zip(before / max(before.sum(), 1), (value / max(sum(now), 1) for value in now), strict=True))
    names = [*_names(watched), "unknown", "missing"]
    shown = [(name, *pair) for name, pair in zip(names, pairs, strict=True) if max(pair) > 0]
    most = max(max(then, today) for _, then, today in shown)
    rows = "".join(
        f'<text x="150" y="{y + 12}" text-anchor="end">{escape(name)}</text>'
        f'<rect class="before" x="156" y="{y}" width="{then / most * 260:.1f}" height="7"/>'
        f'<rect class="now" x="156" y="{y + 8}" width="{today / most * 260:.1f}" height="7"/>'
        f'<text x="422" y="{y + 12}">{then:.1%}, {today:.1%}</text>'
        for y, (name, then, today) in ((row * 20, one) for row, one in enumerate(shown))
    )
    says = (
        f"{each['says']}: {', '.join(each['drifted'])}; index {each['psi']:.2f}, limit {each['psi_limit']:.2f}; since "
        f"{each['since']}; at least {_share(each['of_transactions'])} of the day's transactions have changed"
    )
    return (
        f"<figure><h2>{escape(each['name'])}</h2><figcaption>{escape(says)}. Blue: before, red: that day; "
        "shares of the values.</figcaption>"
        f'<svg viewBox="0 0 510 {len(shown) * 20}" role="img" aria-label="{escape(says)}">{rows}</svg></figure>'
    )


def _names(watched: Watched) -> list[str]:
    series = watched.series
    if series.kind == "category":
        return list(series.values)
    ends = [f"{edge:.4g}" for edge in series.edges]
    return [f"up to {end}" for end in ends] + [f"over {ends[-1]}" if ends else "any"]


def _share(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.2%}"
