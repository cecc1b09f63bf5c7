"""Which frauds are held out, how many are added, and what an augmented table is like, for any numbers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sagemaker_src.synthesis.errors import SynthesisError
from sagemaker_src.synthesis.fitting import FitRequest, learn, load_fitted, split
from sagemaker_src.synthesis.sampling import augmented, rows_to_add, sampled


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=60), st.floats(0, 0.9), st.integers(0, 99))
def test_a_split_has_each_row_once_and_equal_rows_together(values: list[int], held_out: float, seed: int) -> None:
    rows = pd.DataFrame({"a": values})
    trained, apart = split(rows, held_out, seed)
    assert sorted([*trained, *apart]) == list(range(len(values)))
    assert len(trained)
    assert not set(rows["a"].iloc[trained]) & set(rows["a"].iloc[apart])
    again = split(rows, held_out, seed)
    assert np.array_equal(trained, again[0])


@settings(deadline=None, max_examples=60)
@given(st.integers(2, 2_000), st.floats(0, 0.9), st.integers(0, 99))
def test_of_distinct_rows_as_many_are_held_out_as_asked(rows: int, held_out: float, seed: int) -> None:
    _, apart = split(pd.DataFrame({"a": range(rows)}), held_out, seed)
    assert len(apart) == min(round(held_out * rows), rows - 1)


@settings(deadline=None, max_examples=60)
@given(st.integers(2, 10**6), st.data())
def test_a_share_is_met_within_one_row(rows: int, data: st.DataObject) -> None:
    fraud = data.draw(st.integers(1, rows - 1))
    share = data.draw(st.floats(0.0001, 0.95))
    try:
        added = rows_to_add(rows, fraud, f"{share:.6f}")
    except SynthesisError:
        assert (float(f"{share:.6f}") * rows - fraud) / (1 - float(f"{share:.6f}")) <= 0.5
        return
    wanted = float(f"{share:.6f}") * (rows + added)
    assert abs(fraud + added - wanted) <= 1


@settings(deadline=None, max_examples=60)
@given(st.integers(3, 10**6), st.data())
def test_balance_is_as_many_frauds_as_other_rows(rows: int, data: st.DataObject) -> None:
    fraud = data.draw(st.integers(1, (rows - 1) // 2))
    assert fraud + rows_to_add(rows, fraud, "balance") == rows - fraud


LABELS = {
    "numbers": ([0, 1, 0, 1, 2], "1", 1),
    "fractions": ([0.0, 1.0, 0.0, 1.0, 0.5], "1", 1.0),
    "yes or no": ([False, True, False, True, False], "true", True),
    "text": (["no", "yes", "no", "yes", "maybe"], "yes", "yes"),
}


@pytest.mark.parametrize("kind", LABELS)
def test_rows_come_with_the_label_as_the_table_has_it(kind: str, tmp_path) -> None:  # type: ignore[no-untyped-def]
    labels, positive, value = LABELS[kind]
    table = pd.DataFrame({"amount": [1.5, 2.5, 3.5, 4.5, 5.5], "outcome": labels, "shop": list("ababa")})
    request = FitRequest("outcome", positive, kind="resampling", held_out=0)
    learn(table, request, file="table", progress=lambda *_: None).save(tmp_path)
    made = pd.concat(list(sampled(tmp_path, 7, seed=1)), ignore_index=True)
    assert (list(made), len(made), set(made["outcome"])) == (list(table), 7, {value})
    assert made.dtypes.tolist() == table.dtypes.tolist()
    both = augmented(table, made)
    assert both["outcome"].dtype == table["outcome"].dtype
    assert both["is_synthetic"].tolist() == [False] * 5 + [True] * 7
    fitted = load_fitted(tmp_path)
    fraud = table[table["outcome"] == value].drop(columns="outcome")
    assert fitted.learned(fraud).tolist() == [True, True]
    with pytest.raises(SynthesisError, match="the model learned of 2 rows of table in which outcome is"):
        fitted.learned(fraud[::-1])


def test_a_share_to_hold_out_is_at_most_nine_tenths() -> None:
    with pytest.raises(SynthesisError, match=r"held out: 0\.95 of the rows; allowed: 0 to 0\.9"):
        FitRequest("label", "1", held_out=0.95)
