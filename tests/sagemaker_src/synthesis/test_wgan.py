"""The adversarial generator: what it learns from, and what comes out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sagemaker_src.synthesis.generators import load_generator
from sagemaker_src.synthesis.wgan import WganGenerator

SMALL = {"epochs": 3, "hidden": 8, "latent": 4, "batch": 16}


def table(rows: int = 60) -> pd.DataFrame:
    draws = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "amount": draws.lognormal(3, 1, rows).round(2),
            "count": draws.poisson(3, rows),
            "shop": draws.choice(["web", "store", None], rows),
            "score": np.where(draws.random(rows) < 0.2, np.nan, draws.standard_normal(rows)),
        }
    )


def fitted(rows: pd.DataFrame, seed: int = 1, work: Path | None = None, **settings: object) -> WganGenerator:
    generator = WganGenerator(**{**SMALL, **settings})
    generator.fit(rows, seed=seed, progress=lambda *_: None, work=work)
    return generator


@pytest.mark.slow
def test_a_saved_generator_samples_the_same_rows(tmp_path):
    generator = fitted(table())
    generator.save(tmp_path)
    made = generator.sample(100, 5)
    pd.testing.assert_frame_equal(load_generator(tmp_path).sample(100, 5), made)
    assert len(made) == 100
    assert made.dtypes.equals(table().dtypes)
