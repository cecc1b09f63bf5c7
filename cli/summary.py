"""A run's figures on screen."""

from __future__ import annotations

from typing import Any

from rich.table import Table

from cli.progress import console
from cli.screen import COLOURS


def show_summary(summary: dict[str, Any], written: str) -> None:
    """The summary, and what was written where."""
    outcomes = ", ".join(f"{count:,} [{COLOURS[name]}]{name}[/]" for name, count in summary["by_outcome"].items())
    paths = summary["by_path"]
    facts = {
        "transactions": f"{summary['transactions']:,}, of them {summary['duplicates_sent']:,} delivered twice",
        "decisions": f"{summary['decisions']:,}: {outcomes}",
        "undecided, decided twice": f"{summary['undecided']}, {summary['decided_twice']}",
        "decided by": f"the model {paths['model']:,}, the fallback rule {paths['fallback']:,}",
        "stream against batch": f"{summary['features_compared']:,} compared, {summary['features_different']:,} different",
        **_again(summary),
        "Kafka in to decision": f"p50 {summary['latency_ms']['p50']} ms, p99 {summary['latency_ms']['p99']} ms, "
        f"at {summary['transactions_a_second']:g} a second",
    }
    if "model" in summary:
        facts["model"] = f"average precision {summary['model']['average_precision']:.3f} on its test days"
    if "permissions" in summary:
        counts = summary["permissions"]
        facts["permissions"] = (
            f"{counts['used']} used, {counts['unused_with_reason']} unused with a reason, {counts['unused']} without one"
        )
    if "seconds" in summary:
        facts["seconds"] = ", ".join(f"{name} {value:g}" for name, value in summary["seconds"].items())
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for name, value in facts.items():
        table.add_row(name, value)
    for attack in summary["attacks"]:
        table.add_row(
            attack["pattern"], " ".join(f"[{COLOURS.get(one, 'white')}]{one}[/]" for one in attack["outcomes"])
        )
    console.print()
    console.print(table)
    console.print(f"\nWrote {written}", markup=False, soft_wrap=True)


def _again(summary: dict[str, Any]) -> dict[str, str]:
    if "decisions_compared" not in summary:
        return {}
    compared, different = summary["decisions_compared"], summary["decisions_different"]
    return {"decisions made again": f"{compared:,} from the raw rows, {different:,} different"}
