"""`fraud evaluate` refuses a file that breaks the rules: exit status 2, file and column named, nothing written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from tests.cli.person_files import CARD, fraud
from tests.cli.person_files import frame as frame_of


def _set(column: str, value: object) -> Callable[[pd.DataFrame], pd.DataFrame]:
    def change(frame: pd.DataFrame) -> pd.DataFrame:
        frame[column] = frame[column].astype(object)
        frame.loc[6, column] = value
        return frame

    return change


BROKEN = {
    "a missing column": (lambda frame: frame.drop(columns="amt"), ["no column 'amt'", "allowed: "]),
    "a negative amount": (_set("amt", "-3.10"), ["amt", "row 7", "'-3.10'", "0.00 to 999999.99"]),
    "an amount that is not a number": (_set("amt", "NaN"), ["amt", "row 7"]),
    "no amount": (_set("amt", None), ["amt", "row 7", "missing"]),
    "an infinite amount": (_set("amt", "inf"), ["amt", "row 7"]),
    "three decimals": (_set("amt", "1.234"), ["amt", "row 7", "two decimal places"]),
    "an impossible date": (_set("trans_date_trans_time", "2020-02-30 10:00:00"), ["trans_date_trans_time", "row 7"]),
    "a date of another age": (_set("trans_date_trans_time", "9999-01-01 10:00:00"), ["trans_date_trans_time", "row 7"]),
    "a label other than 0 or 1": (_set("is_fraud", "2"), ["is_fraud", "row 7", "1 (fraud), 0 (honest)"]),
    "a repeated transaction": (_set("trans_num", "id3"), ["trans_num", "row 7", "row 4"]),
    "a card number of 11 digits": (_set("cc_num", "41111111111"), ["cc_num", "row 7", "12 to 19 digits"]),
    "an impossible place": (_set("merch_lat", "91"), ["merch_lat", "row 7"]),
    "no rows": (lambda frame: frame.head(0), ["no transactions"]),
}


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_file_is_refused(
    case: str, suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    change, said = BROKEN[case]
    frame = change(frame_of())
    file = tmp_path / f"transactions{suffix}"
    if suffix == ".csv":
        frame.to_csv(file, index=False)
    else:
        frame.astype({column: str for column in frame.columns if frame[column].dtype == object}).where(
            frame.notna(), None
        ).to_parquet(file, index=False)
    status, error = fraud(monkeypatch, capsys, "evaluate", "--data", file, "--out", tmp_path / "out")
    assert status == 2
    assert str(file) in error
    for words in said:
        assert words in error
    assert CARD not in error
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("empty.csv", b"", "empty"),
        ("empty.parquet", b"", "empty"),
        ("a.parquet", b"trans_num,amt\n1,2\n", "not Parquet"),
        ("a.csv", b"PAR1" + b"\0" * 100, "Parquet"),
        ("a.csv", b"\x89PNG\r\n\x1a\n\0\0\0", "a.csv"),
        ("a.parquet", b"PAR1 and then nonsense", "cannot be read"),
        ("a.xlsx", b"PK\x03\x04", "allowed: .csv, "),
    ],
)
def test_a_file_that_is_not_what_its_name_says(
    name: str,
    content: bytes,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    status, error = fraud(monkeypatch, capsys, "evaluate", "--data", file, "--out", tmp_path / "out")
    assert status == 2
    assert str(file) in error
    assert said in error
    assert list(tmp_path.iterdir()) == [file]


def test_options_that_cannot_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "t.csv"
    frame_of().to_csv(file, index=False)
    for arguments, said in (
        (["--data", tmp_path / "nowhere.csv"], "no such file"),
        (["--data", file, "--test-from", "soon"], "'soon' is not a time"),
        (["--data", file, "--test-from", "2021-01-01"], "no rows on one side"),
        (["--data", file, "--test-from", "2020-01-02", "--test-data", file], "name one of them"),
    ):
        status, error = fraud(monkeypatch, capsys, "evaluate", *arguments, "--out", tmp_path / "out")
        assert status == 2
        assert said in error
        assert list(tmp_path.iterdir()) == [file]


def test_a_folder_of_someone_elses_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("ten years")
    file = tmp_path / "t.csv"
    frame_of().to_csv(file, index=False)
    status, error = fraud(monkeypatch, capsys, "evaluate", "--data", file, "--out", tmp_path / "out")
    assert status == 2
    assert "no earlier run wrote" in error
    assert (tmp_path / "out" / "thesis.txt").read_text() == "ten years"
