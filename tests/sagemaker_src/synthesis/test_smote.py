"""SMOTE's neighbours and lines, beside the same written out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sagemaker_src.synthesis.columns import TableTransform
from sagemaker_src.synthesis.generators import load_generator
from sagemaker_src.synthesis.smote import SmoteGenerator, _nearest
from tests.sagemaker_src.synthesis.generator_properties import fitted
from tests.sagemaker_src.synthesis.random_tables import frauds


@pytest.mark.parametrize("most", [1, 4])
def test_neighbours_are_the_nearest_others_where_two_categories_that_differ_are_1_apart(most: int) -> None:
    random = np.random.default_rng(3)
    rows = pd.DataFrame(
        {"v": random.normal(size=40), "w": random.normal(size=40), "shop": random.choice(list("abc"), 40)}
    )
    transform = TableTransform.fit(rows)
    matrix = transform.forward(rows)
    values = matrix[:, [block.start for block in transform.blocks if block.kind == "value"]].astype(np.float64)
    squares = ((values[:, None] - values[None]) ** 2).sum(axis=2)
    differ = rows["shop"].to_numpy()[:, None] != rows["shop"].to_numpy()[None]
    apart = np.sqrt(squares + differ) + np.diag(np.full(40, np.inf))
    assert _nearest(matrix, transform.blocks, most).tolist() == np.argsort(apart, axis=1)[:, :most].tolist()


def test_of_more_twins_than_neighbours_none_is_its_own() -> None:
    rows = pd.DataFrame({"v": [1.0] * 9 + [2.0], "shop": ["a"] * 9 + ["b"]})
    transform = TableTransform.fit(rows)
    found = _nearest(transform.forward(rows), transform.blocks, 3)
    assert found.shape == (10, 3)
    assert not (found == np.arange(10)[:, None]).any()
    assert (found[:9] < 9).all()


def test_values_are_anywhere_on_the_line_and_the_category_is_the_nearer_ends() -> None:
    rows = pd.DataFrame({"v": [0.0, 8.0], "shop": ["a", "b"]})
    transform, arrays, _ = fitted(SmoteGenerator, rows)._known()  # type: ignore[attr-defined]
    value, shop = transform.blocks
    ends = arrays["matrix"]
    made = SmoteGenerator()._draw(transform, arrays, 4_000, np.random.default_rng(1))
    share = (made[:, value.start] - ends[0, value.start]) / (ends[1, value.start] - ends[0, value.start])
    assert share.min() >= 0 and share.max() <= 1
    np.testing.assert_allclose(np.quantile(share, [0.1, 0.5, 0.9]), [0.1, 0.5, 0.9], atol=0.03)
    of_second = (made[:, shop.start : shop.stop] == ends[1, shop.start : shop.stop]).all(axis=1)
    clear = np.abs(share - 0.5) > 1e-5
    assert (of_second[clear] == (share[clear] > 0.5)).all()


def test_a_seed_means_rows_drawn_65536_at_once() -> None:
    generator = fitted(SmoteGenerator, frauds(30)[["v1", "v2"]])
    transform, arrays, _ = generator._known()  # type: ignore[attr-defined]
    random = np.random.default_rng(5)
    parts = [SmoteGenerator()._draw(transform, arrays, count, random) for count in (65_536, 464)]
    pd.testing.assert_frame_equal(generator.sample(66_000, 5), transform.inverse(np.concatenate(parts)))


def test_how_many_neighbours_and_the_seed_are_saved_and_loaded(tmp_path: Path) -> None:
    fitted(lambda: SmoteGenerator(neighbours=2), frauds(20), seed=7).save(tmp_path)
    loaded = load_generator(tmp_path)
    assert isinstance(loaded, SmoteGenerator)
    assert loaded.settings() == {"neighbours": 2} and loaded._known()[2] == 7
