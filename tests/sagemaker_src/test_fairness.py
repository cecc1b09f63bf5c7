"""Figures of a protected field's groups are counts that anyone can make, with Wilson's intervals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from fraud.fields import Field
from sagemaker_src.training.fairness import FEW, MISSING, MOST_GROUPS, REST, by_group, group_names, wilson

THRESHOLDS = {"review": 0.6, "block": 0.8}


def declared(kind: str, **bounds: int) -> Field:
    return Field(name="it", kind=kind, says="it", protected=True, **bounds)  # type: ignore[arg-type]


def test_each_groups_figures_are_a_plain_count() -> None:
    random = np.random.default_rng(4)
    label = (random.random(3_000) < 0.1).astype(int)
    score = np.round(random.random(3_000), 1)  # some stand on the thresholds
    group = random.choice(np.array(["a", "b", "none"], dtype=object), 3_000, p=[0.94, 0.05, 0.01])
    group[label == 1] = np.where(group[label == 1] == "none", "a", group[label == 1])
    found = by_group(label, score, group, THRESHOLDS)
    assert [each.name for each in found] == ["a", "b", "none"]
    for each in found:
        of_group = [(label[row], score[row]) for row in range(3_000) if group[row] == each.name]
        honest, frauds = ([value for fraud, value in of_group if fraud == which] for which in (0, 1))
        assert (each.rows, each.frauds) == (len(of_group), len(frauds))
        assert each.false_positive_rate.value == sum(value >= 0.6 for value in honest) / len(honest)
        assert each.recall.value == (sum(value >= 0.6 for value in frauds) / len(frauds) if frauds else None)
        assert each.review_rate.value == sum(0.6 <= value < 0.8 for _, value in of_group) / len(of_group)
        assert each.recall.few == (len(frauds) < FEW)
    assert [each.recall.few for each in found] == [False, True, True]


@pytest.mark.parametrize(("count", "of"), [(0, 1), (1, 1), (0, 7), (3, 7), (7, 7), (12, 10_000), (10_000, 10_000)])
def test_an_interval_is_wilsons(count: int, of: int) -> None:
    found, expected = wilson(count, of), binomtest(count, of).proportion_ci(method="wilson")
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-7)


def test_a_text_is_its_own_group_and_the_rarest_are_one() -> None:
    values = [f"v{number:02d}" for number in range(20) for _ in range(20 - number)]
    found = group_names(declared("category"), pd.Series([*values, None]))
    kept = [f"v{number:02d}" for number in range(MOST_GROUPS)]
    assert found.tolist() == [*(value if value in kept else REST for value in values), MISSING]


def test_a_flag_is_yes_or_no() -> None:
    found = group_names(declared("flag"), pd.Series([True, None, False], dtype=object))
    assert found.tolist() == ["yes", MISSING, "no"]


def test_a_number_is_in_one_of_four_groups_of_like_size_named_by_their_ends() -> None:
    numbers = np.random.default_rng(1).permutation(np.repeat(np.arange(20, 60), 3)).astype(float)
    found = group_names(declared("number", least=0, most=130), pd.Series([*numbers, np.nan]))
    assert found[-1] == MISSING
    assert sorted(set(found[:-1])) == ["1: 20 to 29", "2: 30 to 39", "3: 40 to 49", "4: 50 to 59"]
    for name, number in zip(found, numbers, strict=False):
        low, high = name.split(": ")[1].split(" to ")
        assert float(low) <= number <= float(high)


@pytest.mark.parametrize("same", [1, 40])
def test_a_number_that_is_mostly_one_value_still_has_its_groups(same: int) -> None:
    found = group_names(declared("number", least=0, most=130), pd.Series([30.0] * same + [1.0, 2, 3, 4, 5, 6]))
    assert MISSING not in found
    few = group_names(declared("number", least=0, most=130), pd.Series([30.0, 30.0]))
    assert few.tolist() == ["30", "30"]
