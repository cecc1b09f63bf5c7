"""Tables with their label apart: what is taken for fraud, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from sagemaker_src.synthesis.errors import SynthesisError
from sagemaker_src.synthesis.table import labelled, read_parquet, write_table

CARD = "4000056655665556"


def table(labels: Any, **columns: Any) -> pd.DataFrame:
    return pd.DataFrame({"amount": [float(row) for row in range(len(labels))], **columns, "Class": labels})


@pytest.mark.parametrize(
    ("labels", "positive"),
    [
        ([1, 0, 1], "1"),
        ([1.0, 0.0, 1.0], "1"),
        ([True, False, True], "1"),
        ([True, False, True], "True"),
        ([True, False, True], "true"),
        ([False, True, False], "0"),
        (["1", "0", "1"], "1"),
        (["Yes", "No", "Yes"], "Yes"),
        (["Yes", "maybe", "Yes"], "Yes"),
        ([1, 0, 1], "1.0"),
        ([-1, 2, -1], "-1"),
        (pd.Categorical(["Yes", "No", "Yes"]), "Yes"),
        (pd.array([1, 0, 1], "Int64"), "1"),
        (pd.array([True, False, True], "boolean"), "true"),
        (np.array([1, 0, 1], "uint8"), "1"),
        (pd.Series(["1", 0, 1], dtype=object), "1"),
    ],
)
def test_the_label_is_matched_as_text(labels: Any, positive: str) -> None:
    found = labelled(table(labels), "Class", positive)
    assert found.fraud.tolist() == [True, False, True]
    assert found.fraud.dtype == bool
    assert (list(found.rows), found.label, found.positive) == (["amount"], "Class", positive)
    assert found.fraud_rows["amount"].tolist() == [0.0, 2.0]


def test_a_label_of_three_values() -> None:
    assert labelled(table([0, 1, 2]), "Class", "2").fraud.tolist() == [False, False, True]


@pytest.mark.parametrize("near", ["01x", "yes", " Yes", "YES"])
def test_text_is_matched_as_it_stands(near: str) -> None:
    with pytest.raises(SynthesisError, match=r"Class: no row is .*; there are No, Yes"):
        labelled(table(["Yes", "No"]), "Class", near)


def test_columns_are_left_out_and_rows_numbered() -> None:
    given = table([1, 0], card=[CARD, CARD]).set_axis([7, 7])
    found = labelled(given, "Class", "1", without=["card"])
    assert list(found.rows) == ["amount"]
    assert found.rows.index.tolist() == [0, 1]
    assert list(given) == ["amount", "card", "Class"], "the given table is left as it was"


@pytest.mark.parametrize(
    ("given", "label", "positive", "without", "says"),
    [
        (table([1, 0]), "Klasse", "1", [], "Klasse: no such column; there are Class, amount"),
        (table([1, 0]), "Class", "1", ["x"], "x: no such column; there are Class, amount"),
        (table([1, 0]), "Class", "1", ["Class"], "Class is the label: it cannot be left out"),
        (table([1, 0]), "Class", "1", ["amount"], "no column but the label Class"),
        (table([1, 0]), "Class", "2", [], "Class: no row is 2; there are 0, 1$"),
        (table(list(range(30))), "Class", "x", [], "there are 0, 1, 10, .*, and 10 more"),
        (
            table(list(range(21))),
            "Class",
            "1",
            [],
            "Class: has 21 different values, so it is no label; allowed: .* 20 at",
        ),
        (table([1.0, None]), "Class", "1", [], "Class: row 2 has no label; .* \\(1 of 2\\)"),
        (table([]), "Class", "1", [], "the table has no rows"),
        (table([1] * 20, id=[f"t{row}" for row in range(20)]), "Class", "1", [], "id: .*leave it out: --without id"),
        (pd.DataFrame([[1, 2, 1]], columns=["a", "a", "Class"]), "Class", "1", [], "a: two columns have this name"),
        (pd.DataFrame([[1, 1]], columns=[5, "Class"]), "Class", "1", [], "column 1: its name is no text"),
        (pd.DataFrame([[1, 1]], columns=[CARD, "Class"]), "Class", "1", [], "column 1: its name is a card number"),
    ],
)
def test_what_is_wrong_is_named(given: pd.DataFrame, label: str, positive: str, without: list[str], says: str) -> None:
    with pytest.raises(SynthesisError, match=says) as caught:
        labelled(given, label, positive, without)
    assert CARD not in str(caught.value)


CARDS = {
    "text": ["x", CARD],
    "grouped": ["x", "4000-0566 5566.5556".replace(".", " ")],
    "inside a text": ["x", f"paid with {CARD}, thanks"],
    "whole": [1, int(CARD)],
    "float": [1.5, float(CARD)],
    "nullable": pd.array([None, int(CARD)], "Int64"),
    "object": pd.Series([1.5, int(CARD)], dtype=object),
    "object of floats": pd.Series([None, float(CARD)], dtype=object),
    "category": pd.Categorical(["x", CARD]),
}


@pytest.mark.parametrize("kind", CARDS)
def test_card_numbers_are_refused_wherever_they_stand(kind: str) -> None:
    rows = table([1, 0], what=CARDS[kind])
    with pytest.raises(SynthesisError, match=r"what: holds card numbers.*--without what") as caught:
        labelled(rows, "Class", "1")
    digits = "".join(filter(str.isdigit, str(caught.value)))
    assert digits == "", "nothing of the number is repeated"
    assert labelled(rows, "Class", "1", without=["what"]).fraud.tolist() == [True, False]


def test_a_label_of_card_numbers_is_refused_before_its_values_are_listed() -> None:
    with pytest.raises(SynthesisError, match="Class: holds card numbers") as caught:
        labelled(table([CARD, "x"]), "Class", "y")
    assert "4000" not in str(caught.value)


def test_a_card_number_asked_for_is_not_repeated() -> None:
    for asked in ((CARD, "1", []), ("Class", CARD, []), ("Class", "1", [CARD])):
        with pytest.raises(SynthesisError) as caught:
            labelled(table([1, 0]), *asked)
        assert "4000" not in str(caught.value)


def test_no_more_is_refused_than_must_be() -> None:
    rows = 25
    given = table(
        [1] + [0] * (rows - 1),
        score=np.random.default_rng(0).standard_normal(rows),
        nanoseconds=pd.Timestamp("2020-01-01").value + np.arange(rows),
        time=pd.Timestamp("2020-01-01") + pd.to_timedelta(np.arange(rows), unit="s"),
        repeated=[f"t{row}" for row in range(rows - 1)] + ["t0"],
        missing=[None] * rows,
        huge=np.full(rows, 1e300),
    )
    assert labelled(given, "Class", "1").rows.shape == (rows, 7)
    few = table([1] * 19, shop=[f"shop {row}" for row in range(19)])
    assert list(labelled(few, "Class", "1").rows) == ["amount", "shop"], "so few may all be different"


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_tables_are_written_by_their_ending(tmp_path, ending: str) -> None:
    path = tmp_path / "new" / f"rows{ending}"
    rows = table([1, 0], shop=["web", None])
    write_table(rows, path)
    again = read_parquet(path) if ending == ".parquet" else pd.read_csv(path)
    pd.testing.assert_frame_equal(again, rows)
    assert list(path.parent.iterdir()) == [path]


def test_a_table_that_cannot_be_written_leaves_what_was_there(tmp_path) -> None:
    path = tmp_path / "rows.parquet"
    write_table(table([1, 0]), path)
    before = path.read_bytes()
    with pytest.raises(Exception, match=r"mixed|Conversion|convert|Expected"):
        write_table(table([1, 0], what=pd.Series([b"x", 1], dtype=object)), path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_files_that_are_no_tables(tmp_path) -> None:
    with pytest.raises(SynthesisError, match=r"ends in \.csv or \.parquet"):
        write_table(table([1]), tmp_path / "rows.xlsx")
    (tmp_path / "rows.parquet").write_text("no Parquet")
    for name in ("rows.parquet", "none.parquet"):
        with pytest.raises(SynthesisError, match=f"{name}: no Parquet file that can be read"):
            read_parquet(tmp_path / name)
