"""Differential privacy: the noise an epsilon needs, how rows are drawn, and that no row has more say than the clip."""

from __future__ import annotations

import dp_accounting
import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
from dp_accounting import pld, rdp

from sagemaker_src.synthesis.bounded_columns import BoundedTransform
from sagemaker_src.synthesis.errors import SynthesisError
from sagemaker_src.synthesis.generators import load_generator
from sagemaker_src.synthesis.networks import Shape
from sagemaker_src.synthesis.privacy_budget import PrivacyBudget, places_of, poisson_batches
from sagemaker_src.synthesis.private_training import clipped_rows, private_gradient
from sagemaker_src.synthesis.wgan import WganGenerator


@pytest.mark.slow
@pytest.mark.parametrize("epsilon", [1.0, 10.0])
def test_the_noise_keeps_to_the_epsilon_by_two_accountants(epsilon):
    budget = PrivacyBudget.of(epsilon, 1e-4, rows=500, batch=50, steps=200)
    step = dp_accounting.PoissonSampledDpEvent(0.1, dp_accounting.GaussianDpEvent(budget.noise_multiplier))
    spent = rdp.RdpAccountant().compose(dp_accounting.SelfComposedDpEvent(step, 200)).get_epsilon(1e-4)
    assert 0.99 * epsilon < spent <= epsilon
    tighter = pld.PLDAccountant(value_discretization_interval=1e-3)
    assert tighter.compose(dp_accounting.SelfComposedDpEvent(step, 200)).get_epsilon(1e-4) <= epsilon


def test_what_no_noise_keeps_to_says_what_is_allowed():
    with pytest.raises(SynthesisError, match="allowed are epsilon above 0 and delta between 0 and 1"):
        PrivacyBudget.of(1.0, 1.5, rows=100, batch=10, steps=10)


def test_each_row_is_drawn_by_itself():
    budget = PrivacyBudget(1.0, 1e-5, 1.0, 1.0, rate=0.2, steps=4000)
    counts = places_of(20, budget, seed=1)
    batches = poisson_batches(20, counts, int(counts.max()), np.random.default_rng(2))
    drawn = np.stack([(batches == row).any(1) for row in range(20)], 1)
    assert (batches >= 0).sum(1).tolist() == counts.tolist() == drawn.sum(1).tolist()
    np.testing.assert_allclose(drawn.mean(0), 0.2, atol=0.025)  # 4 standard deviations
    together = np.corrcoef(drawn.T)[np.triu_indices(20, 1)]
    assert abs(together.mean()) < 0.01  # batches of one fixed size would have -1/19
    assert counts.std() == pytest.approx(np.sqrt(20 * 0.2 * 0.8), rel=0.1)


def network_rows(count):
    shape = Shape(3, (), 1, 4, 8)
    draws = np.random.default_rng(0)
    critic = shape.critic(draws)
    real, made, between = (draws.standard_normal((count, 3)).astype(np.float32) for _ in range(3))
    return critic, (real * 50, made, between, np.ones((count, 1), np.float32))


def length(tree):
    return float(jnp.sqrt(sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(tree))))


@pytest.mark.slow
def test_no_row_moves_the_gradient_further_than_the_clip():
    critic, rows = network_rows(12)
    gradient = jax.jit(private_gradient(PrivacyBudget(1.0, 1e-5, 0.0, 0.7, 0.5, 10), 10.0, expected=1.0))
    key = np.arange(4, dtype=np.uint32)
    everyone = np.arange(12)
    _, whole = gradient(critic, key, everyone, *rows)
    for row in range(12):
        _, without = gradient(critic, key, np.where(everyone == row, -1, everyone), *rows)
        assert 0 < length(jax.tree.map(jnp.subtract, whole, without)) <= 0.7 * 1.001


def test_rows_are_clipped_over_all_layers_and_short_ones_stay():
    slopes = ((np.array([[3.0, 0.0], [0.3, 0.0]]), np.array([[4.0], [0.4]])),)
    clipped = clipped_rows(slopes, 1.0)
    np.testing.assert_allclose(clipped[0][0], [[0.6, 0.0], [0.3, 0.0]], rtol=1e-6)
    np.testing.assert_allclose(clipped[0][1], [[0.8], [0.4]], rtol=1e-6)


@pytest.mark.slow
def test_the_noise_on_the_gradient_is_as_stated():
    critic, rows = network_rows(4)
    gradient = jax.jit(private_gradient(PrivacyBudget(1.0, 1e-5, 5.0, 0.7, 0.5, 10), 10.0, expected=2.0))
    _, noised = gradient(critic, np.arange(4, dtype=np.uint32), np.full(4, -1), *rows)
    drawn = np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(noised)])
    assert drawn.std() == pytest.approx(5.0 * 0.7 / 2.0, rel=0.15)


def test_numbers_without_public_bounds_are_refused():
    rows = pd.DataFrame({"amount": np.arange(20.0), "age": np.arange(20), "shop": ["a", "b"] * 10})
    with pytest.raises(SynthesisError, match=r"needs public bounds.*missing: age"):
        WganGenerator(epsilon=3.0, bounds={"amount": (0, 20)}).fit(rows, seed=1, progress=lambda *_: None)


def test_the_bounded_transform_keeps_no_value():
    one = pd.DataFrame({"amount": [1.0, 2.5], "age": [3, 4], "shop": ["a", "b"]})
    other = pd.DataFrame({"amount": [7.0, 9.25], "age": [9, 1], "shop": ["b", "a"]})
    bounds = {"amount": (0.0, 10.0), "age": (0.0, 10.0)}
    transform = BoundedTransform.fit(one, bounds)
    assert transform.to_json() == BoundedTransform.fit(other, bounds).to_json()
    pd.testing.assert_frame_equal(transform.inverse(transform.forward(other)).round(4), other)
    beyond = transform.inverse(np.full((1, transform.width), 50, np.float32))
    assert beyond[["amount", "age"]].iloc[0].tolist() == [10, 10]


@pytest.mark.slow
def test_a_private_generator_says_what_it_keeps_to(tmp_path):
    draws = np.random.default_rng(0)
    rows = pd.DataFrame({"amount": draws.lognormal(1, 1, 40), "shop": draws.choice(["a", "b", None], 40)})
    generator = WganGenerator(
        epochs=2, hidden=8, latent=4, batch=8, epsilon=3.0, delta=1e-3, bounds={"amount": (0.0, 30.0)}
    )
    generator.fit(rows, seed=1, progress=lambda *_: None)
    budget = generator.fitted.budget
    assert (budget.epsilon, budget.delta, budget.rate, budget.steps) == (
        *(3.0, 1e-3, 0.2),
        # epochs, the generator's steps in each, the critic's for each of these
        2 * 5 * 4,
    )
    assert generator.fitted.maker.shares.tolist() == [1.0]
    assert generator.fitted.maker.calibration is None
    assert [(row["distance"], row["critic_loss"]) for row in generator.fitted.history] == [(None, None)] * 2
    generator.save(tmp_path)
    made = generator.sample(50, 2)
    pd.testing.assert_frame_equal(load_generator(tmp_path).sample(50, 2), made)
    assert made["amount"].between(0, 30).all()
    # nobody who knows the seed knows the noise
    again = WganGenerator(**vars(generator.settings))
    again.fit(rows, seed=1, progress=lambda *_: None)
    assert not again.sample(50, 2).equals(made)


def test_the_bounded_transform_keeps_what_is_missing_and_the_columns_after_it():
    rows = pd.DataFrame(
        {
            "amount": [1.0, np.nan, 2.5, 10.0],
            "age": [3, 4, 0, 9],
            "shop": ["a", None, "b", "a"],
            "visits": pd.array([1, None, 5, 7], dtype="Int64"),
            "last": [0.0, 1.0, 9.5, 4.25],
        }
    )
    bounds = dict.fromkeys(("amount", "age", "visits", "last"), (0.0, 10.0))
    transform = BoundedTransform.fit(rows, bounds)
    again = transform.inverse(transform.forward(rows))
    pd.testing.assert_frame_equal(again.round(4), rows, check_dtype=False)
    assert transform.width == sum(width for block in ((1, 2), (1,), (3,), (1, 2), (1,)) for width in block)
    middle = transform.inverse(np.zeros((1, transform.width), np.float32))
    assert middle[["amount", "age", "last"]].iloc[0].tolist() == [5, 5, 5]
