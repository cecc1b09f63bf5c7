"""Columns of a person's file that have the name of a declared field: read, checked, and taken to the model and the stream."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from cli.feature_frame import feature_frame
from fraud.fields import DECLARED, OPTIONAL_FIELDS, Field
from fraud.transaction import ALLOWED
from reading import rules, transactions
from reading.errors import BadInputError
from reading.mapping import parts, relation
from tests.cli.person_files import csv, fraud, parquet, read

NAMES = tuple(field.name for field in OPTIONAL_FIELDS)
FULL = {
    "entry_mode": "chip",
    "currency": ["EUR", "USD", "", "EUR", "EUR", "EUR", "EUR", "EUR"],
    "country": "FR",
    "mcc": "0742",
    "device_id": "d 1",
    "terminal_id": "t-7",
}


def silent(*_: object) -> None:
    """No progress."""


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_own_fields_are_read_where_they_are(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"mine.{kind}"
    if kind == "csv":
        path.write_text(csv(**FULL))
    else:
        parquet(path, **FULL)
    rows = read(path, columns=NAMES)[1]
    assert rows[0] == ("chip", "EUR", "FR", "0742", "d 1", "t-7")
    assert [row[1] for row in rows] == ["EUR", "USD", None, *["EUR"] * 5]


def test_codes_that_a_file_holds_as_numbers_are_text(tmp_path: Path) -> None:
    assert read(parquet(tmp_path / "mine.parquet", mcc=[5411] * 8), columns=("mcc",))[1] == ["5411"] * 8


def test_a_file_without_them_has_no_such_columns(tmp_path: Path) -> None:
    rows, _ = feature_frame(parquet(tmp_path / "mine.parquet"), silent)
    assert not set(NAMES) & set(rows.columns)


def test_those_of_the_model_come_with_the_features(tmp_path: Path) -> None:
    rows, _ = feature_frame(parquet(tmp_path / "mine.parquet", **FULL), silent)
    assert [name for name in NAMES if name in rows] == ["entry_mode", "currency", "country", "mcc"]
    rows = rows.set_index("transaction_id")
    assert rows.loc["id1", "currency"] == "USD"
    assert pd.isna(rows.loc["id2", "currency"])


@pytest.mark.parametrize(
    ("column", "value", "says"),
    [
        ("currency", "eur", "row 3: column currency: 'eur'; allowed: three capital letters (ISO 4217), as EUR"),
        ("mcc", "54115", "row 3: column mcc: '54115'; allowed: four digits (ISO 18245), as 5411"),
        ("country", "USA", "row 3: column country: 'USA'; allowed: two capital letters"),
        ("device_id", "x" * 101, "row 3: column device_id: 'xxx"),
        ("device_id", "4111 1111 1111 1111", "device_id"),
    ],
)
def test_a_wrong_value_is_named_with_its_row(column: str, value: str, says: str, tmp_path: Path) -> None:
    right = {"currency": "EUR", "mcc": "5411", "country": "US", "device_id": "d1"}[column]
    path = parquet(tmp_path / "mine.parquet", **{column: [right, right, value, *[right] * 5]})
    with pytest.raises(BadInputError) as refused:
        read(path)
    assert says in str(refused.value)
    assert "4111 1111" not in str(refused.value)


def test_numbers_and_flags_are_read_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fields = (
        Field(name="age_days", kind="number", says="an age", least=0, most=99),
        Field(name="present", kind="flag", says="present"),
    )
    monkeypatch.setattr(transactions, "OPTIONAL_FIELDS", fields)
    monkeypatch.setattr(parts, "OPTIONAL_FIELDS", fields)
    monkeypatch.setattr(relation, "DECLARED", (*DECLARED, *fields))
    monkeypatch.setattr(rules, "ALLOWED_VALUES", {**ALLOWED, "age_days": "0 to 99", "present": "true or false"})
    columns = {"age_days": ["1.5", "", *["7"] * 6], "present": ["true", "0", "", *["1"] * 5]}
    path = tmp_path / "mine.csv"
    path.write_text(csv(**columns))
    assert read(path, columns=("age_days", "present"))[1][:3] == [(1.5, True), (None, False), (7.0, None)]
    for column, value in (("age_days", "100"), ("age_days", "1e999"), ("age_days", "x"), ("present", "yes")):
        path.write_text(csv(**{**columns, column: [value, *["1"] * 7]}))
        with pytest.raises(BadInputError, match=f"row 1: column {column}: '{value}'; allowed: "):
            read(path)


@pytest.mark.slow
def test_a_made_up_world_trains_a_model_on_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    status, said = fraud(
        monkeypatch,
        capsys,
        "world",
        "--cards",
        "60",
        "--days",
        "60",
        "--fraud-rate",
        "0.02",
        "--out",
        tmp_path / "world",
    )
    assert status == 0, said
    path = tmp_path / "world" / "transactions.parquet"
    assert pq.read_schema(path).names[-6:] == list(NAMES)
    rows, _ = feature_frame(path, silent)
    assert rows["mcc"].notna().all()
