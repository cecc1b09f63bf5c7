"""The adversarial generator: what it learns from, and what comes out."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings

from sagemaker_src.synthesis.errors import SynthesisError
from sagemaker_src.synthesis.generators import load_generator
from sagemaker_src.synthesis.networks import Shape, softened, through
from sagemaker_src.synthesis.wgan import WganGenerator
from sagemaker_src.synthesis.wgan_batches import Noise, Recipe, epoch_batches
from sagemaker_src.synthesis.wgan_epochs import Plan, Run, Trained
from sagemaker_src.synthesis.wgan_training import critic_loss
from tests.sagemaker_src.synthesis.generator_properties import check_rows, check_saving, check_seeds
from tests.sagemaker_src.synthesis.random_tables import tables

SMALL = {"epochs": 3, "hidden": 8, "latent": 4, "batch": 16}


def table(rows: int = 60) -> pd.DataFrame:
    """Amounts in cents, whole numbers, categories with missing ones, numbers with missing ones."""
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

    history = json.loads((tmp_path / "history.json").read_text())
    assert [row["epoch"] for row in history] == [1, 2, 3]
    measured = {row["epoch"]: row["distance"] for row in history}
    chosen = json.loads((tmp_path / "generator.json").read_text())["chosen_epoch"]
    assert measured[chosen] == min(measured.values())
    assert [row["epoch"] for row in history if row["chosen"]] == [chosen]
    snapshots = pd.read_parquet(tmp_path / "snapshots.parquet")
    assert snapshots.columns.tolist() == ["epoch", *table().columns]
    assert snapshots["epoch"].value_counts().to_dict() == {0: 60, 1: 60, 2: 60, 3: 60}


@pytest.mark.slow
def test_what_comes_out_keeps_the_learned_columns():
    rows = table()
    made = fitted(rows, epochs=1).sample(3000, 2)
    assert made["amount"].between(rows["amount"].min(), rows["amount"].max()).all()
    np.testing.assert_allclose(made["amount"] * 100, (made["amount"] * 100).round(), atol=1e-6)
    assert set(made["shop"].dropna()) == {"web", "store"}
    assert made["score"].isna().any()
    # Even a generator that has learned next to nothing has each column's distribution, by calibration.
    assert abs(made["amount"].median() / rows["amount"].median() - 1) < 0.1
    assert abs(made["score"].median() - rows["score"].median()) < 0.1


@pytest.mark.slow
@settings(max_examples=4, deadline=None, derandomize=True, database=None)
@given(rows=tables())
def test_any_table_gives_as_many_rows_like_its_own_or_says_why_not(rows):
    try:
        check_rows(lambda: WganGenerator(**{**SMALL, "epochs": 1}), rows)
    except SynthesisError as error:
        assert len(rows) < 5, error
        assert "a wgan needs at least 5 rows" in str(error)


@pytest.mark.slow
def test_the_same_seeds_give_the_same_rows_before_and_after_saving():
    check_seeds(lambda: WganGenerator(**SMALL), table(40))
    check_saving(lambda: WganGenerator(**SMALL), table(40))


@pytest.mark.slow
def test_bounds_of_ones_own_hold():
    made = fitted(table(), epochs=1, bounds={"amount": (10.0, 20.0)}).sample(500, 2)
    assert made["amount"].between(10, 20).all()


@pytest.mark.parametrize("count", [1, 4])
def test_too_few_rows_say_how_many_are_needed(count):
    with pytest.raises(SynthesisError, match=f"at least 5 rows .* there are {count}"):
        fitted(table(count))


@pytest.mark.slow
def test_few_rows_and_constant_columns_are_learned():
    assert len(fitted(table(5), epochs=1).sample(7, 1)) == 7
    constant = pd.DataFrame({"amount": [3.5] * 9, "shop": ["web"] * 9})
    pd.testing.assert_frame_equal(fitted(constant, epochs=1).sample(2, 1), constant.head(2))


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"epochs": 0}, "epochs 0: allowed is 1 or more"),
        ({"held_out_share": 0.9}, "allowed is 0 to 0.5"),
        ({"epsilon": 0.0}, "epsilon 0.0: allowed is above 0"),
        ({"delta": 1e-5}, "delta without epsilon"),
        ({"layers": 3}, "layers: no setting of the wgan; allowed: epochs"),
    ],
)
def test_wrong_settings_say_what_is_allowed(settings, said):
    with pytest.raises(SynthesisError, match=said):
        WganGenerator(**settings)


def test_nothing_is_sampled_before_it_is_fitted():
    with pytest.raises(SynthesisError, match="fit it first"):
        WganGenerator().sample(3, 1)


@pytest.mark.parametrize("rows", [5, 60, 128, 492])
def test_an_epoch_shows_every_row_to_each_step_of_the_critic(rows):
    recipe = Recipe()
    everything = np.arange(rows, dtype=np.int32)
    for seed in range(3):
        batches = epoch_batches(everything, recipe.steps(rows), recipe, np.random.default_rng(seed))
        for step in range(recipe.critic_steps):
            assert set(batches[:, step].ravel()) == set(everything)


def test_the_main_run_sees_all_rows_and_the_scout_those_not_held_out():
    shape = Shape(2, (), 1, 4, 8)
    plan = Plan(shape, Recipe(batch=16), 2, 1, 1)
    matrix, clusters = np.zeros((50, 2), np.float32), np.ones((50, 1), np.float32)
    main = Run(plan, matrix, clusters, np.arange(50, dtype=np.int32), 0)
    scout = Run(plan, matrix, clusters, np.arange(40, dtype=np.int32), 1)
    for epoch in (1, 2):
        assert set(main.seen(epoch)[0].ravel()) == set(range(50))
        assert set(scout.seen(epoch)[0].ravel()) == set(range(40))
    assert not np.array_equal(main.seen(1)[0], main.seen(2)[0])


def test_the_penalty_is_each_rows_own():
    shape = Shape(3, (), 2, 4, 8)
    draws = np.random.default_rng(0)
    critic = shape.critic(draws)
    real, made, between = (draws.standard_normal((6, 3)).astype(np.float32) for _ in range(3))
    cluster = np.eye(2, dtype=np.float32)[[0, 1, 0, 1, 1, 0]]

    @jax.jit
    def score(row, of):
        return through(critic, jnp.concatenate((row, of)))[0]

    slope_of = jax.jit(jax.grad(score))
    expected = 0.0
    for row in range(6):
        slope = slope_of(jnp.asarray(between[row]), cluster[row])
        expected += float(score(made[row], cluster[row]) - score(real[row], cluster[row])) / 6
        expected += 10 * (float(jnp.linalg.norm(slope)) - 1) ** 2 / 6
    assert float(critic_loss(critic, real, made, between, cluster, 10.0)) == pytest.approx(expected, rel=1e-5)


def test_a_choice_comes_out_as_often_as_its_softmax_says():
    shape = Shape(4, ((1, 4),), 1, 2, 4)
    batches = np.zeros((1, 1, 20_000), np.int32)
    noise = Noise.of(shape, batches, np.random.default_rng(0))
    share = np.array([0.6, 0.3, 0.1])
    raw = np.broadcast_to(np.r_[0.0, np.log(share)].astype(np.float32), (20_000, 4))
    soft = np.asarray(softened(raw, shape.choices, noise.gumbel[0, 0]))
    np.testing.assert_allclose(soft[:, 1:].sum(1), 1, rtol=1e-5)
    np.testing.assert_allclose(np.bincount(soft[:, 1:].argmax(1)) / 20_000, share, atol=0.015)


def test_the_epoch_closest_to_the_held_out_rows_is_chosen():
    history = [{"epoch": epoch, "distance": distance} for epoch, distance in ((1, 0.5), (2, 0.2), (3, None), (4, 0.3))]
    assert Trained(4, {}, history).chosen() == 2
    assert Trained(4, {}, [{"epoch": 4, "distance": None}]).chosen() == 4


PROGRAM = """
import hashlib, sys
import pandas as pd
from sagemaker_src.synthesis.wgan import WganGenerator
generator = WganGenerator(epochs=2, hidden=16, clusters=3)
generator.fit(pd.read_parquet(sys.argv[1]), seed=3, progress=lambda *_: None)
print(hashlib.sha256(generator.sample(20_000, 4).to_csv().encode()).hexdigest())
"""


@pytest.mark.slow
def test_same_seed_same_bytes_on_one_processor_and_on_two(tmp_path):
    path = tmp_path / "rows.parquet"
    table(300).to_parquet(path)
    command = ["taskset", "-c", "0", sys.executable, "-c", PROGRAM, str(path)]
    on_one = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    generator = WganGenerator(epochs=2, hidden=16, clusters=3)
    generator.fit(pd.read_parquet(path), seed=3, progress=lambda *_: None)
    assert hashlib.sha256(generator.sample(20_000, 4).to_csv().encode()).hexdigest() == on_one.strip()


@pytest.mark.slow
def test_a_column_may_be_called_as_the_snapshots_own(tmp_path):
    generator = fitted(table().rename(columns={"count": "epoch"}))
    generator.save(tmp_path)
    snapshots = pd.read_parquet(tmp_path / "snapshots.parquet")
    assert list(snapshots)[:3] == ["epoch_", "amount", "epoch"]
    assert sorted(set(snapshots["epoch_"])) == [0, 1, 2, 3]
    assert len(load_generator(tmp_path).sample(5, 1)) == 5
