"""The attacks find a generator that has learned rows by heart, hidden by noise or not, and pass one that has not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars
import pytest
from anonymeter.evaluators import LinkabilityEvaluator, SinglingOutEvaluator
from anonymeter.evaluators.singling_out_evaluator import univariate_singling_out_queries
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import NearestNeighbors

from sagemaker_src.synthesis.quality import attacks as module
from sagemaker_src.synthesis.quality.attacks import as_many, attacks, halves, linkable, queryable
from sagemaker_src.synthesis.quality.libraries import singling_out
from sagemaker_src.synthesis.quality.privacy import adversarial_accuracy, membership_auc, privacy
from sagemaker_src.synthesis.quality.values import plain
from sagemaker_src.synthesis.quality.verdict import OF_PRIVACY, Limits, judge
from tests.sagemaker_src.synthesis.made_up_frauds import copies, frauds, near_copies, silent

pytestmark = pytest.mark.slow

LIKE = frauds(5, 0)
TRAINED, HELD_OUT, FRESH = (plain(frauds(count, seed), LIKE) for count, seed in ((240, 1), (60, 2), (240, 3)))


def measured(synthetic: pd.DataFrame, held_out: pd.DataFrame | None = HELD_OUT) -> dict[str, Any]:
    near = privacy(TRAINED, held_out, synthetic, seed=1)
    attacked = attacks(TRAINED, held_out, synthetic, seed=1, progress=silent, most=100)
    return {**near, **attacked, "not_measured": [*near["not_measured"], *attacked["not_measured"]]}


def broken(found: dict[str, Any]) -> set[str]:
    return {each.name for each in judge({"privacy": found}, Limits()).limits if not each.kept} & set(OF_PRIVACY)


@pytest.fixture(scope="module")
def fresh() -> dict[str, Any]:
    return measured(FRESH)


def test_rows_of_the_true_distribution_keep_every_limit(fresh: dict[str, Any]) -> None:
    assert broken(fresh) == set()
    verdict = judge({"privacy": fresh}, Limits())
    assert verdict.safe
    assert verdict.sentences[-1].startswith("It is safe to share by every limit")


def test_rows_learned_by_heart_are_found_by_every_attack() -> None:
    found = measured(copies(TRAINED, 480, 1))
    assert broken(found) == set(OF_PRIVACY)
    assert found["exact_copies"] == 480


def test_a_little_noise_does_not_hide_them() -> None:
    found = measured(near_copies(TRAINED, 480, 1))
    assert found["exact_copies"] == 0
    assert {"closest_ratio", "membership_auc", "adversarial_loss", "linkability"} <= broken(found)


def test_a_few_copies_among_fresh_rows_are_counted() -> None:
    mixed = pd.concat([FRESH, TRAINED[:3]], ignore_index=True)
    assert privacy(TRAINED, HELD_OUT, mixed, seed=1)["exact_copies"] == 3
    again = pd.concat([HELD_OUT, TRAINED[:2]], ignore_index=True)
    assert privacy(TRAINED, again, FRESH, seed=1)["exact_copies_held_out"] == 2


def test_singling_out_is_what_anonymeter_computes(fresh: dict[str, Any]) -> None:
    learned, unseen = as_many(TRAINED, HELD_OUT, 1)
    assert len(learned) == len(unseen)
    tables = {"ori": queryable(learned), "syn": queryable(FRESH), "control": queryable(unseen)}
    evaluator = SinglingOutEvaluator(**tables, n_attacks=100, seed=1, max_attempts=20_000)
    risk = evaluator.evaluate(mode="multivariate").risk(confidence_level=0.95)
    assert fresh["singling_out"]["multivariate"] == {"risk": risk.value, "low": risk.ci[0], "high": risk.ci[1]}


def test_singling_out_by_one_column_is_what_anonymeter_computes_with_all_its_queries() -> None:
    """With fewer, it draws other ones each time."""
    few, others = (rows[["v0", "v1", "shop"]] for rows in (TRAINED[:60], HELD_OUT))
    made = copies(few, 60, 1)
    learned, unseen = as_many(few, others, 1)
    tables = {"ori": queryable(learned), "syn": queryable(made), "control": queryable(unseen)}
    queries = univariate_singling_out_queries(
        polars.DataFrame(queryable(made)).unique(), 1000, np.random.default_rng(1)
    )
    evaluator = SinglingOutEvaluator(**tables, n_attacks=len(queries), seed=1).evaluate(mode="univariate")
    risk = evaluator.risk(confidence_level=0.95)
    found = attacks(few, others, made, seed=1, progress=silent, most=1000)["singling_out"]["univariate"]
    assert found == {"risk": risk.value, "low": risk.ci[0], "high": risk.ci[1]}
    assert found["risk"] > 0.5


def test_the_order_in_which_the_library_gives_its_queries_is_no_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    def turned() -> Any:
        library = singling_out()

        class Turned:
            @staticmethod
            def univariate_singling_out_queries(*given: Any) -> list[Any]:
                return list(library.univariate_singling_out_queries(*given))[::-1]

            multivariate_singling_out_queries = staticmethod(library.multivariate_singling_out_queries)

        return Turned

    asked: list[list[str]] = []
    counted = module._singled_out

    def noted(frame: Any, queries: list[Any]) -> int:
        asked.append([str(query) for query in queries])
        return counted(frame, queries)

    monkeypatch.setattr(module, "_singled_out", noted)
    attacks(TRAINED, HELD_OUT, FRESH, seed=1, progress=silent, most=50)
    monkeypatch.setattr(module, "singling_out", turned)
    attacks(TRAINED, HELD_OUT, FRESH, seed=1, progress=silent, most=50)
    given, again = asked[::2]
    assert len(given) == 50
    assert given == again


def test_linkability_is_what_anonymeter_computes(fresh: dict[str, Any]) -> None:
    np.random.seed(1)
    evaluator = LinkabilityEvaluator(
        ori=linkable(TRAINED, TRAINED), syn=linkable(FRESH, TRAINED), control=linkable(HELD_OUT, TRAINED), n_attacks=60,
        aux_cols=halves(list(TRAINED.columns)),
    )  # fmt: skip
    risk = evaluator.evaluate(n_jobs=1).risk(confidence_level=0.95)
    assert fresh["linkability"] == {"risk": risk.value, "low": risk.ci[0], "high": risk.ci[1]}


def test_membership_is_what_scikit_learn_computes() -> None:
    rng = np.random.default_rng(1)
    learned, unseen, made = rng.normal(size=(40, 3)), rng.normal(size=(20, 3)), rng.normal(size=(50, 3))
    near = NearestNeighbors(n_neighbors=1).fit(made).kneighbors(np.concatenate([learned, unseen]))[0][:, 0]
    expected = roc_auc_score(np.repeat([1, 0], [40, 20]), -near)
    assert membership_auc(learned, unseen, made) == pytest.approx(expected)


def test_adversarial_accuracy_counts_neighbours_of_ones_own_kind() -> None:
    rng = np.random.default_rng(1)
    real = rng.normal(size=(60, 2))
    assert adversarial_accuracy(real, real + 1e-6) == 0
    assert adversarial_accuracy(real, real + 100) == 1
    assert adversarial_accuracy(real, rng.normal(size=(60, 2))) == pytest.approx(0.5, abs=0.15)


def test_without_held_out_rows_nothing_is_called_safe() -> None:
    found = measured(FRESH, None)
    assert {each["what"] for each in found["not_measured"]} == {
        "adversarial_accuracy", "membership_auc", "singling_out univariate", "singling_out multivariate", "linkability",
    }  # fmt: skip
    verdict = judge({"privacy": found}, Limits())
    assert not verdict.safe
    assert verdict.sentences[-1].startswith("It is not shown to be safe to share: not measured:")
    assert "no real frauds were held out" in verdict.sentences[-1]


def test_few_rows_are_told_of() -> None:
    found = attacks(TRAINED, HELD_OUT[:19], FRESH, seed=1, progress=silent)
    assert all("only 19 different held-out rows" in each["why"] for each in found["not_measured"])
    assert found["linkability"] is None


def test_attacks_leave_numpys_random_numbers_as_they_were() -> None:
    np.random.seed(5)
    expected = np.random.random(3)
    np.random.seed(5)
    attacks(TRAINED, HELD_OUT, FRESH, seed=1, progress=silent, most=30)
    assert np.random.random(3).tolist() == expected.tolist()
