"""The copula's correlations, beside the same written out."""

from __future__ import annotations

import numpy as np
import pytest

from sagemaker_src.synthesis.copula import _shrunk_correlations


def written_out(scores: np.ndarray) -> np.ndarray:
    """Schäfer and Strimmer's estimate of complete scores, a pair at a time."""
    rows, columns = scores.shape
    standard = (scores - scores.mean(axis=0)) / scores.std(axis=0)
    found, uncertain = np.eye(columns), 0.0
    for one in range(columns):
        for other in range(columns):
            if one != other:
                products = standard[:, one] * standard[:, other]
                found[one, other] = products.mean()
                uncertain += (np.mean(products**2) - products.mean() ** 2) / (rows - 1)
    shrinkage = min(1.0, uncertain / (np.sum(found**2) - columns))
    return found * (1 - shrinkage) + shrinkage * np.eye(columns)


@pytest.mark.parametrize(("rows", "spread"), [(200, 0.3), (40, 1.0), (12, 3.0)])
def test_correlations_of_complete_scores_are_those_written_out(rows: int, spread: float) -> None:
    random = np.random.default_rng(3)
    common = random.standard_normal((rows, 1))
    scores = common + spread * random.standard_normal((rows, 5))
    np.testing.assert_allclose(_shrunk_correlations(scores), written_out(scores), atol=1e-9)


def test_a_constant_score_goes_with_none() -> None:
    scores = np.random.default_rng(3).standard_normal((50, 3))
    scores[:, 1] = 0.25
    found = _shrunk_correlations(scores)
    assert found[1].tolist() == [0, 1, 0]


def test_a_pair_that_is_never_there_together_goes_together_not_at_all() -> None:
    scores = np.random.default_rng(3).standard_normal((50, 3))
    scores[:25, 0] = np.nan
    scores[25:, 1] = np.nan
    found = _shrunk_correlations(scores)
    assert found[0, 1] == found[1, 0] == 0
    assert np.linalg.eigvalsh(found).min() > 0
