"""What the scatter plays through: synthetic rows of each checkpoint over real ones, in a plane fitted to the real rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sagemaker_src.synthesis.page.axes import Axis
from sagemaker_src.synthesis.page.plane import Plane
from sagemaker_src.synthesis.page.scatter_views import View, encoded, ticks_of, view_of
from sagemaker_src.synthesis.quality.values import plain

ROWS = 300
"""So many rows of a kind are shown at most."""
COLUMNS = 60
"""So many columns can be chosen, the first of the table."""
PLANE = ("First principal component", "Second principal component")


def moments_of(rows: pd.DataFrame | None) -> set[str]:
    """Names of the columns that hold moments."""
    if rows is None:
        return set()
    named = zip(rows.columns, rows.dtypes, strict=True)
    return {str(name) for name, kind in named if pd.api.types.is_datetime64_any_dtype(kind)}


def scatter(
    snapshots: pd.DataFrame | None, real: pd.DataFrame | None, history: Sequence[Mapping[str, Any]] | None
) -> dict[str, Any] | None:
    """The data of the scatter; None where there are no snapshots.

    Args:
        snapshots: the epoch first, then the table's columns.
        real: rows of these columns; None: the plane is fitted to the chosen checkpoint's rows.
        history: says which epoch was chosen, and each one's distance.

    Returns:
        {"epochs": k of them, "chosen": place among these or None, "distances": k, "views": v times {"name", "ticks"},
        "real": v texts or None, "steps": k times v texts}. A text holds a row in two signs: see `scatter_views.encoded`.
    """
    if snapshots is None or snapshots.empty or snapshots.shape[1] < 2:
        return None
    epochs, table = snapshots.iloc[:, 0].to_numpy(), snapshots.iloc[:, 1:]
    every = sorted({int(epoch) for epoch in epochs})
    chosen = next((int(row["epoch"]) for row in history or () if row.get("chosen")), None)
    final = table[epochs == (chosen if chosen in every else every[-1])]
    like = (final if real is None else real)[[name for name in table.columns if real is None or name in real.columns]]
    parts = [table[epochs == epoch].head(ROWS) for epoch in every]
    if real is not None:
        parts.append(real.iloc[_spread(len(real))])
    shown = plain(pd.concat([part[list(like.columns)] for part in parts], ignore_index=True), like)
    views = _views(plain(like.reset_index(drop=True), like), shown, [len(part) for part in parts], moments_of(like))
    cut = np.cumsum([len(part) for part in parts])[:-1]
    texts = [[encoded(shares) for shares in np.split(view.shares, cut)] for view in views]
    distances = {int(row["epoch"]): row.get("distance") for row in history or ()}
    return {
        "epochs": every,
        "chosen": every.index(chosen) if chosen in every else None,
        "distances": [distances.get(epoch) for epoch in every],
        "views": [{"name": view.name, "ticks": view.ticks} for view in views],
        "real": None if real is None else [of_view[-1] for of_view in texts],
        "steps": [[of_view[at] for of_view in texts] for at in range(len(every))],
    }


def _spread(count: int) -> NDArray[np.int64]:
    """Places of the rows that are shown, evenly over all of them."""
    return np.unique(np.linspace(0, max(count - 1, 0), min(count, ROWS)).round().astype(np.int64))


def _views(reference: pd.DataFrame, shown: pd.DataFrame, sizes: list[int], moments: set[str]) -> list[View]:
    """The two axes of the plane, then each column.

    Args:
        reference: plain rows that say the plane and the axes.
        shown: plain rows of every checkpoint, then the real ones.
        sizes: so many of each.
        moments: columns of seconds since 1970.
    """
    numbers = np.concatenate([np.arange(size) for size in sizes])
    columns = list(reference.columns)[:COLUMNS]
    seen = shown.tail(2 * ROWS)
    return [
        *_plane_views(reference, shown),
        *(
            view_of(str(name), reference[name], seen[name], shown[name], numbers, str(name) in moments)
            for name in columns
        ),
    ]


def _plane_views(reference: pd.DataFrame, shown: pd.DataFrame) -> Iterator[View]:
    plane = Plane(reference, shown)
    fitted, points = plane.project(reference), plane.project(shown)
    for at, name in enumerate(PLANE):
        low, high = np.quantile(np.concatenate([fitted[:, at], points[-2 * ROWS :, at]]), [0.01, 0.99])
        room = 0.25 * (high - low) or 1.0
        axis = Axis(float(low - room), float(high + room))
        yield View(name, ticks_of(axis), axis.shares(points[:, at]))
