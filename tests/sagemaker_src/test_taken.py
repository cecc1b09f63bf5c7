"""What a model takes, made in pieces: the same as of all rows at once."""

from __future__ import annotations

import numpy as np
import pytest

from fraud.vector import declared_input, model_vector
from sagemaker_src.training import train
from tests.sagemaker_src.test_evaluate_model import made_up_rows

LACKING = ("num_trans_last_10m", "avg_amt_last_1h")


@pytest.mark.parametrize("piece", [1, 7, 100, 299, 300, 1000])
@pytest.mark.parametrize("lacking", ["everywhere", "before", "nowhere"])
def test_pieces_of_any_size_make_the_vectors_of_all_rows(
    piece: int, lacking: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = made_up_rows(300)
    part = np.arange(300) < 190
    gone = {"everywhere": slice(None), "before": slice(190), "nowhere": slice(0)}[lacking]
    for name in LACKING:
        rows.iloc[gone, rows.columns.get_loc(name)] = np.nan
    rows.loc[~part, "category"] = "unseen"
    monkeypatch.setattr(train, "PIECE", piece)
    takes, vectors = train.taken(rows, part)

    declared = declared_input({"category": ["home", "travel"]})
    expected = model_vector(rows, declared)
    held = [place for place in range(len(declared.names)) if not np.isnan(expected[part, place]).all()]
    assert takes.names == tuple(declared.names[place] for place in held)
    assert bool(set(LACKING) & set(takes.names)) == (lacking == "nowhere")
    np.testing.assert_array_equal(vectors, expected[:, held])
    assert vectors.flags.c_contiguous
