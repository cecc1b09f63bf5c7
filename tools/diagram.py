"""The picture of the stacks and the main flow between them, drawn from `cdk.out`:

python -m tools.diagram
"""

from __future__ import annotations

import sys
from html import escape
from pathlib import Path
from typing import NamedTuple

from tools.flow import Flow, Node, Templates, flow, read_templates

ROOT = Path(__file__).resolve().parent.parent
PICTURE = ROOT / "docs" / "stacks.svg"

WIDTH, HEIGHT, GAP = 132, 42, 22
"""Of a node, and between two, one above the other."""
COLUMN = 196
"""From a column of nodes to the next."""
TITLE, MARGIN = 36, 18
STORES = {"bucket", "table", "feature group", "registry", "Kafka topic", "queue", "event bus"}
ROWS = (
    ("Streaming", "Api"),
    ("Labels", "Features", "Serving", "Training", "Synthesis", "Monitoring"),
    ("Batch",),
    ("Data",),
)

STYLE = """\
    .stack { fill: #f4f6f9; stroke: #b9c6d3; } .store { fill: #fdf6e7; stroke: #d68910; } .step { fill: #fff; stroke: #1c2733; }
    text { fill: #1c2733; text-anchor: middle; } .small { font-size: 11px; fill: #5d6b7a; }
    .title { font-weight: 600; text-anchor: start; }
    path.flow { fill: none; stroke: #5b8db8; stroke-width: 1.4; marker-end: url(#arrow); }"""


class Place(NamedTuple):
    """Where a node's upper left corner is."""

    x: float
    y: float


def drawing(templates: Templates) -> str:
    """The picture as SVG; the same templates give the same text."""
    shown = flow(templates)
    places, boxes, width, height = _arranged(shown)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" '
        'font-family="system-ui, DejaVu Sans, sans-serif" font-size="13">',
        f"  <style>\n{STYLE}\n  </style>",
        '  <defs><marker id="arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0 8 4 0 8z" fill="#5b8db8"/></marker></defs>',
        f'  <rect width="{width:g}" height="{height:g}" fill="#fff"/>',
    ]
    for stack, (x, y, wide, high) in boxes.items():
        lines.append(f'  <rect class="stack" x="{x:g}" y="{y:g}" width="{wide:g}" height="{high:g}" rx="8"/>')
        lines.append(f'  <text class="title" x="{x + 12:g}" y="{y + 20:g}">{escape(stack)}</text>')
    ordered = sorted(shown.edges, key=lambda edge: (places[edge[0]], places[edge[1]]))
    lines += [_arrow(places[source], places[target], source.stack == target.stack) for source, target in ordered]
    lines += [_node(node, places[node]) for node in shown.nodes]
    return "\n".join([*lines, "</svg>", ""])


def _arranged(shown: Flow) -> tuple[dict[Node, Place], dict[str, tuple[float, float, float, float]], float, float]:
    places: dict[Node, Place] = {}
    boxes: dict[str, tuple[float, float, float, float]] = {}
    y = float(MARGIN)
    for row in ROWS:
        x, bottom = float(MARGIN), y
        for stack in row:
            columns = _columns(shown, stack)
            wide = COLUMN * (len(columns) - 1) + WIDTH + 2 * MARGIN
            high = TITLE + max(map(len, columns)) * (HEIGHT + GAP)
            boxes[stack] = (x, y, wide, high)
            for number, column in enumerate(columns):
                for line, node in enumerate(column):
                    places[node] = Place(x + MARGIN + number * COLUMN, y + TITLE + line * (HEIGHT + GAP) + 4)
            x, bottom = x + wide + 3 * GAP, max(bottom, y + high)
        y = bottom + 3 * GAP
    width = max(x + wide for x, _, wide, _ in boxes.values()) + MARGIN
    return places, boxes, width, y - 3 * GAP + MARGIN


def _columns(shown: Flow, stack: str) -> list[list[Node]]:
    """A stack's nodes by how far down the flow they are, within the stack."""
    nodes = [node for node in shown.nodes if node.stack == stack]
    rank = dict.fromkeys(nodes, 0)
    for _ in nodes:  # as many rounds as a chain can be long, so a circle ends as well
        for source, target in sorted(shown.edges, key=str):
            if source in rank and target in rank and rank[target] <= rank[source] < len(nodes):
                rank[target] = rank[source] + 1
    if len(ROWS[-1]) == 1 and stack in ROWS[-1]:
        return [[node] for node in nodes]
    return [found for number in range(len(nodes)) if (found := [node for node in nodes if rank[node] == number])] or [
        []
    ]


def _arrow(source: Place, target: Place, inside: bool) -> str:
    if inside and target.x - source.x > COLUMN and source.y == target.y:  # over those between
        start, end = (source.x + WIDTH / 2, source.y), (target.x + WIDTH / 2, target.y)
        curve = f"C{start[0] + COLUMN:g} {start[1] - 30:g} {end[0] - COLUMN:g} {end[1] - 30:g} {end[0]:g} {end[1]:g}"
    elif inside or abs(source.y - target.y) < HEIGHT:
        forward = target.x >= source.x
        start = (source.x + WIDTH * forward, source.y + HEIGHT / 2)
        end = (target.x + WIDTH * (not forward), target.y + HEIGHT / 2)
        bend = (end[0] - start[0]) / 2
        curve = f"C{start[0] + bend:g} {start[1]:g} {end[0] - bend:g} {end[1]:g} {end[0]:g} {end[1]:g}"
    else:
        down = target.y > source.y
        # up and down beside each other, so that both arrows of a pair are seen
        shift = 8 if down else -8
        start = (source.x + WIDTH / 2 + shift, source.y + HEIGHT * down)
        end = (target.x + WIDTH / 2 + shift, target.y + HEIGHT * (not down))
        bend = (end[1] - start[1]) / 2
        curve = f"C{start[0]:g} {start[1] + bend:g} {end[0]:g} {end[1] - bend:g} {end[0]:g} {end[1]:g}"
    return f'  <path class="flow" d="M{start[0]:g} {start[1]:g} {curve}"/>'


def _node(node: Node, place: Place) -> str:
    look = "store" if node.kind in STORES else "step"
    middle = place.x + WIDTH / 2
    return (
        f'  <rect class="{look}" x="{place.x:g}" y="{place.y:g}" width="{WIDTH}" height="{HEIGHT}" rx="6"/>'
        f'<text x="{middle:g}" y="{place.y + 18:g}">{escape(node.name)}</text>'
        f'<text class="small" x="{middle:g}" y="{place.y + 34:g}">{escape(node.kind)}</text>'
    )


def main() -> int:
    """Draws what `make synth` wrote."""
    templates = read_templates(ROOT / "cdk.out")
    if not templates:
        print("diagram: cdk.out holds no templates; `make synth` writes them", file=sys.stderr)
        return 1
    PICTURE.write_text(drawing(templates), encoding="utf-8")
    print(f"wrote {PICTURE.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
