"""Any table of a person's: what its columns hold, and what is said of a file that is none."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cli.plain_table import read_table, refuse_numbers_as_text
from reading.errors import BadInputError


def column(folder: Path, *texts: str) -> pd.Series:
    path = folder / "one.csv"
    path.write_text("a,b\n" + "".join(f"{text},x\n" for text in texts))
    return read_table(path)["a"]


@pytest.mark.parametrize(
    ("texts", "kind", "values"),
    [
        (("1", "-2", "+3"), "int64", [1, -2, 3]),
        (("1", "", "3"), "float64", [1, None, 3]),
        (("1", "NA", "NaN", "null", "2.5"), "float64", [1, None, None, None, 2.5]),
        (("1.5", "2e3", ".5", " 7 "), "float64", [1.5, 2000, 0.5, 7]),
        (("0.1", "0.30000000000000004"), "float64", [0.1, 0.30000000000000004]),
        (("1e999", "-inf"), "float64", [float("inf"), float("-inf")]),
        (("00417", "12"), "str", ["00417", "12"]),
        (("1_0", "2"), "str", ["1_0", "2"]),
        (("1", "two"), "str", ["1", "two"]),
        (("NA", "DE"), "str", ["NA", "DE"]),
        (("true", "false"), "str", ["true", "false"]),
        (("١", "2"), "str", ["١", "2"]),
        (("2020-01-02", "2020-01-03T04:05:06.5"), "datetime64[us]", ["2020-01-02", "2020-01-03 04:05:06.5"]),
        (("2020-13-02", "2020-01-03"), "str", ["2020-13-02", "2020-01-03"]),
        (("", ""), "float64", [None, None]),
    ],
)
def test_what_a_column_of_a_csv_holds_is_found_out(
    texts: tuple[str, ...], kind: str, values: list[object], tmp_path: Path
) -> None:
    read = column(tmp_path, *texts)
    assert str(read.dtype) == kind
    pd.testing.assert_series_equal(read, pd.Series(values, dtype=kind, name="a"))


@pytest.mark.parametrize(
    "text", ["a;b\n1;2,5\n", "a\tb\n1\t2,5\n", 'a;b\n1;"2,5"\n', '"a";"b, c"\n1;2,5\n', "a;b, c, d\n1;2,5\n"]
)
def test_other_separators_than_commas_are_found(text: str, tmp_path: Path) -> None:
    path = tmp_path / "one.csv"
    path.write_text(text)
    assert read_table(path).iloc[0].tolist() == [1, "2,5"]


@pytest.mark.slow
def test_the_order_of_rows_is_the_files(tmp_path: Path) -> None:
    # Longer than what one thread reads at once (32 MB): other threads' rows would come before.
    path = tmp_path / "long.csv"
    text = "x" * 2_000
    path.write_text("a,b\n" + "".join(f"{number},{text}\n" for number in range(20_000)))
    assert read_table(path)["a"].tolist() == list(range(20_000))


def test_parquet_keeps_its_types(tmp_path: Path) -> None:
    path = tmp_path / "one.parquet"
    table = pa.table(
        {
            "small": pa.array([1, 2], pa.int8()),
            "cents": pa.array(["1.50", "2.25"], pa.string()).cast(pa.decimal128(9, 2)),
            "kind": pa.array(["a", None], pa.string()).dictionary_encode(),
            "yes": [True, False],
            "day": pa.array([0, 1], pa.date32()),
            "none": pa.array([None, None], pa.null()),
        }
    )
    pq.write_table(table, path)
    read = read_table(path)
    assert read.dtypes.astype(str).to_dict() | {"day": "datetime64"} == {
        "small": "int8",
        "cents": "float64",
        "kind": "str",
        "yes": "bool",
        "day": "datetime64",
        "none": "float64",
    }
    assert read["cents"].tolist() == [1.5, 2.25]
    assert read["day"].tolist() == [pd.Timestamp("1970-01-01"), pd.Timestamp("1970-01-02")]


WRONG = {
    "with an unnamed column": (",a\n0,2\n", "column 1 has no name; needed: a name for each column"),
    "with a column twice": ("a,A \n1,2\n", "the column 'a' is there twice"),
    "with a short row": ("a,b\n1,2\n3\n", "line 3, row 2: 1 values; allowed: 2, one for each column"),
    "with an open quote": ('a,b\n"1,2\n', "line 2, row 1: a quoted value that does not end"),
    "of a header alone": ("a,b\n", "the file holds no rows; needed: a header and at least one row"),
    "of nothing": ("", "the file is empty; needed: a header and at least one row"),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_csv_that_is_no_table_is_refused_in_a_sentence(what: str, tmp_path: Path) -> None:
    text, sentence = WRONG[what]
    path = tmp_path / "data.csv"
    path.write_text(text)
    with pytest.raises(BadInputError) as refused:
        read_table(path)
    assert str(refused.value).startswith(f"{path}: {sentence}")


def test_files_of_another_form_are_refused_in_a_sentence(tmp_path: Path) -> None:
    for name, content, sentence in (
        ("data.csv", b"PK\x03\x04", "the content is a zip archive or an Excel workbook"),
        ("data.csv", b"PAR1", "the content is Parquet, but the name says CSV"),
        ("data.parquet", b"a,b\n1,2\n", "the content is not Parquet, but the name says Parquet"),
        ("data.parquet", b"PAR1 and no more", "cannot be read as Parquet"),
        ("data.csv", b"a,b\n\xff,2\n", "line 2, byte 5: 0xFF is not UTF-8"),
        ("data.csv", b'{"a": 1}\n', "the content is JSON, but the name says CSV"),
        ("data.xlsx", b"PK", "a file named '.xlsx'; allowed: .csv, "),
    ):
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(BadInputError) as refused:
            read_table(path)
        assert sentence in str(refused.value)
    with pytest.raises(BadInputError, match="there is no such file"):
        read_table(tmp_path / "nowhere.csv")


def test_lists_in_parquet_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "lists.parquet"
    pq.write_table(pa.table({"a": [[1], [2]]}), path)
    with pytest.raises(
        BadInputError, match=r"the column a holds list<.*>; allowed: numbers, text, yes or no, dates and times"
    ):
        read_table(path)


def test_another_encoding_is_read_where_it_is_named(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_bytes("a,b\nMünchen,1\n".encode("windows-1252"))
    assert read_table(path, "windows-1252")["a"].tolist() == ["München"]
    path.write_bytes("a,b\nMünchen,1\n".encode("utf-16"))
    assert read_table(path)["a"].tolist() == ["München"]


def test_a_large_table_is_read_exactly(tmp_path: Path) -> None:
    draws = np.random.default_rng(1)
    table = pd.DataFrame({f"V{place}": draws.normal(size=5_000) for place in range(8)})
    table.to_csv(tmp_path / "data.csv", index=False)
    assert read_table(tmp_path / "data.csv").equals(table)


@pytest.mark.parametrize(
    "texts",
    [
        ("69,18", "7,00"),
        ("", "1.234,56", "12"),
        ("$5", "$1,234.50"),
        ("12 %", "3 %"),
        ("-3,5 €", "4 €"),
        ("1 234,5", "2"),
    ],
)
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_numbers_that_are_written_as_text_are_no_categories(texts: tuple[str, ...], kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"data.{kind}"
    table = pd.DataFrame({"Amount": texts, "b": "x"})
    table.to_csv(path, index=False) if kind == "csv" else table.to_parquet(path)
    row = next(place for place, text in enumerate(texts, 1) if any(sign in text for sign in ",.$%€"))
    said = f"data.{kind}: row {row}: column Amount: {texts[row - 1]!r} is a number written as text, as is all of the column; "
    with pytest.raises(
        BadInputError, match=re.escape(said) + "allowed: numbers as 69.18, or leave it out: --without Amount"
    ):
        refuse_numbers_as_text(path, read_table(path))
    refuse_numbers_as_text(path, read_table(path), ["Amount"])


@pytest.mark.parametrize(
    "texts",
    [("69,18", "n/a,"), ("00417", "12345"), ("10.0.0.1", "10.0.0.2"), ("01.02.2020", "02.02.2020"), ("10:00", "11:30"),
     ("A,1", "B,2"), ("", "")],
)  # fmt: skip
def test_texts_are_texts(texts: tuple[str, ...], tmp_path: Path) -> None:
    pd.DataFrame({"a": texts, "b": "x"}).to_parquet(tmp_path / "data.parquet")
    refuse_numbers_as_text(tmp_path / "data.parquet", read_table(tmp_path / "data.parquet"))
