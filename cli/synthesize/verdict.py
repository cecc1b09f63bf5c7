"""The verdict on synthetic frauds on screen."""

from __future__ import annotations

from typing import Any

from rich.table import Table

from cli.progress import console
from sagemaker_src.synthesis.quality.verdict import AT_LEAST

_COLOURS = {"yes": "bold green", "no": "bold yellow", "unclear": "bold yellow", "harms": "bold red"}


_NAMES = {
    "two_sample_auc": "told from real frauds (AUC)",
    "ks_ratio": "columns' distance (real frauds: 1)",
    "least_gain": "average precision gained",
    "exact_copies": "exact copies of learned frauds",
    "closest_ratio": "distance to learned (unseen: 1)",
    "adversarial_loss": "closer to learned than to unseen",
    "membership_auc": "who was learned is told (AUC)",
    "singling_out": "frauds that are singled out",
    "linkability": "frauds whose halves are joined",
}


def show_verdict(quality: dict[str, Any]) -> None:
    """The figures that the verdict rests on, each with its limit, and the verdict in words."""
    verdict = quality["verdict"]
    table = Table("measured", "value", "limit", "", box=None, padding=(0, 2, 0, 0), header_style="bold")
    for each in verdict["limits"]:
        name, value = each["name"], each["value"]
        kept = "not measured" if value is None else "kept" if each["kept"] else "[red]not kept[/]"
        most = "at least" if name in AT_LEAST else "at most"
        table.add_row(_NAMES.get(name, name), _figure(value), f"{most} {_figure(each['limit'])}", kept)
    console.print()
    console.print(table)
    console.print()
    console.print(_gains(quality["utility"]["gains"]))
    console.print()
    style = _COLOURS[verdict["helps"]] if verdict["safe"] else _COLOURS["harms"]
    for place, sentence in enumerate(verdict["sentences"]):
        console.print(sentence, style=style if place == 0 else None, markup=False, soft_wrap=not console.is_terminal)
    console.print()


def _gains(gains: list[dict[str, Any]]) -> Table:
    """The gain of each arm, a column for the splits by time and one for those at random."""
    splits = {"by_time": "on later frauds", "random": "at random"}
    table = Table("average precision with", *splits.values(), box=None, padding=(0, 2, 0, 0), header_style="bold")
    of = {(gain["arm"], gain["split"]): gain for gain in gains}
    for arm in dict.fromkeys(gain["arm"] for gain in gains):
        table.add_row(arm, *(_interval(of.get((arm, split))) for split in splits))
    return table


def _interval(gain: dict[str, Any] | None) -> str:
    if gain is None or gain["mean"] is None:
        return "not measured"
    reach = "" if gain["low"] is None else f" ({gain['low']:+.3f} to {gain['high']:+.3f})"
    return f"{gain['mean']:+.3f}{reach}"


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"
