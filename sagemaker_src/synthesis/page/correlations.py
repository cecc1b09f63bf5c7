"""Heat maps of correlations: of real rows, of synthetic ones, and their difference."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Any

from markupsafe import Markup

from sagemaker_src.synthesis.page.figures import Figures

MOST = 60
"""So many columns have a place in the maps: those whose correlations differ most."""
PAIRS = 8
"""So many pairs stand in the table below them."""
SHADES = 10
"""On each side of zero."""
_LOW, _MIDDLE, _HIGH = (47, 102, 158), (247, 248, 250), (178, 71, 32)

Matrix = list[list[float | None]]


@dataclass(frozen=True)
class HeatMaps:
    """The three maps.

    Attributes:
        names: of the columns, in the maps' order.
        left_out: how many columns have no place in them.
        maps: (title, `<svg>`) of each.
        pairs: (one column, other column, place in the real matrix, place in the synthetic one, difference), furthest first.
        data: what the program shows of a cell under the pointer.
    """

    names: tuple[str, ...]
    left_out: int
    maps: tuple[tuple[str, Markup], ...]
    pairs: tuple[tuple[str, str, str, str, float], ...]
    data: dict[str, Any]


def heat_maps(figures: Figures) -> HeatMaps | None:
    """The maps; None where fewer than two columns are numbers."""
    names: list[str] = figures.get("fidelity.correlation.names", [])
    real: Matrix = figures.get("fidelity.correlation.real", [])
    made: Matrix = figures.get("fidelity.correlation.synthetic", [])
    if len(names) < 2 or len(real) != len(names) or len(made) != len(names):
        return None
    kept = _most_different(real, made)
    one, two = (_chosen(matrix, kept) for matrix in (real, made))
    apart = [[_minus(b, a) for a, b in zip(*rows, strict=True)] for rows in zip(one, two, strict=True)]
    return HeatMaps(
        names=tuple(str(names[at]) for at in kept),
        left_out=len(names) - len(kept),
        maps=(("Real", _map(one)), ("Synthetic", _map(two)), ("Synthetic less real", _map(apart))),
        pairs=_pairs(names, real, made),
        data={"names": [str(names[at]) for at in kept], "maps": [_rounded(each) for each in (one, two, apart)]},
    )


def _minus(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one - other


def _most_different(real: Matrix, made: Matrix) -> list[int]:
    """Places of the columns that are drawn, in the table's order."""
    apart = [sum(abs(_minus(a, b) or 0.0) for a, b in zip(*rows, strict=True)) for rows in zip(real, made, strict=True)]
    return sorted(sorted(range(len(apart)), key=lambda at: (-apart[at], at))[:MOST])


def _chosen(matrix: Matrix, kept: list[int]) -> Matrix:
    return [[matrix[row][column] for column in kept] for row in kept]


def _pairs(names: list[str], real: Matrix, made: Matrix) -> tuple[tuple[str, str, str, str, float], ...]:
    apart = {
        (one, two): found
        for one, two in combinations(range(len(names)), 2)
        if (found := _minus(made[one][two], real[one][two])) is not None
    }
    furthest = sorted(apart, key=lambda pair: (-abs(apart[pair]), pair))[:PAIRS]
    place = "fidelity.correlation.{}.{}.{}"
    return tuple(
        (
            str(names[one]),
            str(names[two]),
            place.format("real", one, two),
            place.format("synthetic", one, two),
            apart[one, two],
        )
        for one, two in furthest
    )


def _map(matrix: Matrix) -> Markup:
    """Cells of one colour are one path: a map of 30 columns takes some 10 kB."""
    cells: dict[int, list[str]] = {}
    for y, row in enumerate(matrix):
        for x, value in enumerate(row):
            if value is not None:
                shade = round(SHADES * max(-1.0, min(1.0, value)))
                cells.setdefault(shade, []).append(f"M{x} {y}h1v1h-1z")
    paths = "".join(f'<path fill="{_colour(shade)}" d="{"".join(cells[shade])}"/>' for shade in sorted(cells))
    size = len(matrix)
    svg = f'<svg class="heat" viewBox="0 0 {size} {size}" shape-rendering="crispEdges" aria-hidden="true">{paths}</svg>'
    return Markup(svg)  # noqa: S704 - of numbers alone


def _colour(shade: int) -> str:
    """From blue (-SHADES) over near white (0) to red.

    >>> _colour(0), _colour(-SHADES)
    ('#f7f8fa', '#2f669e')
    """
    end, share = (_HIGH if shade > 0 else _LOW), abs(shade) / SHADES
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in zip(_MIDDLE, end, strict=True))


def _rounded(matrix: Matrix) -> Matrix:
    return [[None if each is None else round(each, 2) for each in row] for row in matrix]
