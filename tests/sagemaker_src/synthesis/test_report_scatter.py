"""The scatter's data: the plane, the values of each checkpoint, what is missing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from sagemaker_src.synthesis.page.plane import Plane
from sagemaker_src.synthesis.page.scatter import scatter
from tests.sagemaker_src.synthesis.report_samples import decoded


def test_the_plane_is_that_of_the_real_rows_principal_components() -> None:
    draws = np.random.default_rng(0)
    along = draws.standard_normal(500)
    rows = pd.DataFrame({"a": along, "b": along + 0.1 * draws.standard_normal(500), "c": draws.standard_normal(500)})
    points = Plane(rows, rows).project(rows)
    assert abs(np.corrcoef(points[:, 0], along)[0, 1]) > 0.99
    assert abs(np.corrcoef(points[:, 1], rows["c"])[0, 1]) > 0.99
    assert np.corrcoef(points[:, 0], along)[0, 1] > 0  # whatever sign the decomposition gave


def test_the_scatter_holds_each_checkpoints_values() -> None:
    real = pd.DataFrame({"amount": [0.0, 10.0, 20.0, np.nan], "shop": ["a", "a", "b", None]})
    made = pd.DataFrame({"epoch": [0, 0, 5, 5], "amount": [5.0, 10.0, 20.0, np.nan], "shop": ["b", "c", "a", None]})
    data = scatter(made, real, [{"epoch": 5, "distance": 0.25, "chosen": True}])
    assert data is not None
    assert (data["epochs"], data["chosen"], data["distances"]) == ([0, 5], 1, [None, 0.25])
    ticks = {text: share for share, text in data["views"][2]["ticks"]}
    assert decoded(data["steps"][0][2]) == pytest.approx([(ticks["0"] + ticks["10"]) / 2, ticks["10"]], abs=1e-3)
    assert decoded(data["steps"][1][2]) == pytest.approx([ticks["20"], np.nan], abs=1e-3, nan_ok=True)
    assert decoded(data["real"][2]) == pytest.approx(
        [ticks["0"], ticks["10"], ticks["20"], np.nan], abs=1e-3, nan_ok=True
    )
    stretch = 1 / 3
    values = [
        None if np.isnan(share) else int(share // stretch)
        for share in decoded(data["steps"][0][3] + data["steps"][1][3])
    ]
    assert values == [1, 2, 0, None]
