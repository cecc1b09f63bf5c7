"""Options of all commands and programs: ISO dates, digits 0 to 9, one notation and a sentence that says it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.main import commands, verb
from fraud.notation import NotationError, decimal_number, iso_day, iso_moment_ms, whole_number
from sagemaker_src.processing import nightly
from sagemaker_src.training import train
from tests.cli.person_files import csv, fraud

NOT_DAYS = (
    *("04/10/2020", "10-2020", "9999-12-31", "1999-12-31", "2020-02-30", "2020-3-1", "20200301", "2020-W10-7", "2020-061"),
    *("٢٠٢٠-٠٣-٠١", "2020‑03‑01", "2020-03-01 ", " 2020-03-01", "2020-03", "today", "now", "", "nan", "1583020800"),
)  # fmt: skip
NOT_MOMENTS = (*NOT_DAYS, "2020-03-01T24:00", "2020-03-01T12", "2020-03-01T12:60", "2020-03-01T12:00 PM",
               "2020-03-01T12:00+25:00", "2020-03-01T12:00:00 UTC", "2020-03-01T١٢:00")  # fmt: skip


def _options_of_days(folder: Path) -> dict[str, list[str]]:
    (folder / "t.csv").write_text(csv(40))
    out = ["--out", str(folder / "out")]
    data = ["--data", str(folder / "t.csv")]
    return {
        "--cut": ["features", *data, *out],
        "--day": ["replay", *data, "--model", str(folder), *out],
        "--start": ["world", *out],
    }


@pytest.mark.parametrize("text", [*NOT_DAYS, "2020-03-01T12:00:00"])
@pytest.mark.parametrize("option", ["--cut", "--day", "--start"])
def test_what_is_no_iso_day_is_refused(
    option: str, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    status, error = fraud(monkeypatch, capsys, *_options_of_days(tmp_path)[option], option, text)
    assert status == 2
    assert (
        f"fraud: {option}: {text!r} is not a date; allowed: a date from 2000-01-01 to 2099-12-31, the year first"
        in error
    )
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("text", NOT_MOMENTS)
@pytest.mark.parametrize("command", ["evaluate", "train"])
def test_what_is_no_iso_moment_is_refused(
    command: str, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given = {"evaluate": "--data", "train": "--features"}[command]
    arguments = [command, given, "none.parquet", "--out", tmp_path / "out", "--test-from", text]
    status, error = fraud(monkeypatch, capsys, *arguments)
    said = f"fraud: --test-from: {text!r} is not a time; allowed: a date or a date and time from 2000 to 2099, the year first"
    assert status == 2
    assert " ".join(said.split()) in error


@pytest.mark.parametrize("text", NOT_DAYS)
def test_the_jobs_programs_take_the_same_dates(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folders = [
        part for name in ("transactions", "daily", "daily-out", "training-out") for part in (f"--{name}", str(tmp_path))
    ]
    with pytest.raises(SystemExit):
        nightly.main([*folders, f"--cut={text}"])
    assert f"argument --cut: {text!r} is not a date; allowed: a date from 2000-01-01" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        train.main(["--train", str(tmp_path), f"--test-from={text}"])
    assert (
        f"argument --test-from: {text!r} is not a time; allowed: a date or a date and time" in capsys.readouterr().err
    )


def test_an_offset_is_taken_at_its_moment() -> None:
    assert iso_moment_ms("2020-03-01T12:00:00-05:00") == iso_moment_ms("2020-03-01T17:00Z") == 1_583_082_000_000
    assert iso_moment_ms("2020-03-01 17:00:00.5") == 1_583_082_000_500


def _numbers() -> list[tuple[tuple[str, ...], str, Any]]:
    """Every option of every command that is a number: command, option, how it is declared."""
    found = []
    for command, _ in commands():
        for name, hint in get_type_hints(verb(*command), include_extras=True).items():
            kind, *declared = get_args(hint) if get_origin(hint) is Annotated else (hint,)
            if kind in (int, float):
                option = "--" + name.replace("_", "-")
                found.append((command, option, declared[0]))
    return found


NUMBERS = _numbers()


def test_no_option_reads_its_number_as_python_does() -> None:
    assert len(NUMBERS) >= 18
    assert not [(command, option) for command, option, declared in NUMBERS if declared.parser is None]


@pytest.mark.parametrize("text", ["1_0", "١", "１", "nan", "inf", "1e999", "0x1", "", " 1", "1.", "1,5"])
@pytest.mark.parametrize(("command", "option"), [number[:2] for number in NUMBERS])
def test_a_number_is_written_in_digits(
    command: tuple[str, ...],
    option: str,
    text: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    status, error = fraud(monkeypatch, capsys, *command, f"{option}={text}")
    assert status == 2
    assert f"fraud: {option}: {text!r} is not a " in error.replace("  ", " ") or not text.strip()
    assert "digits 0 to 9" in error


@pytest.mark.parametrize("option", ["--rounds", "--seed", "--max-depth", "--honest-rows"])
@pytest.mark.parametrize("text", ["1_0", "١", "1.5", "nan", ""])
def test_the_training_programs_whole_numbers_are_digits(
    option: str, text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        train.main(["--train", str(tmp_path), f"{option}={text}"])
    assert f"argument {option}: {text!r} is not a whole number; allowed: digits 0 to 9" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "text", "allowed"),
    [
        ("--rounds", "0", "1 to 5,000"),
        ("--eta", "-1", "0.001 to 1"),
        ("--review-fpr", "5", "0 to 0.5"),
        ("--block-fpr", "0.02", "blocked ones are part of both"),
        ("--label-delay-days", "-1", "0 to 3,660"),
        ("--seed", "-1", "0 to 4,294,967,295"),
        ("--validation-share", "1", "0.01 to 0.9"),
    ],
)
def test_the_training_programs_numbers_have_ranges(
    option: str, text: str, allowed: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        train.main(["--train", str(tmp_path), f"{option}={text}"])
    error = capsys.readouterr().err
    assert option in error and allowed in error


@given(st.text(max_size=12))
def test_no_text_is_a_number_or_date_by_chance(text: str) -> None:
    for read, letters in (
        (whole_number, "+-0123456789"),
        (decimal_number, "+-.eE0123456789"),
        (iso_day, "-0123456789"),
    ):
        try:
            read(text)
        except NotationError as error:
            assert "allowed" in str(error)
        else:
            assert set(text) <= set(letters)
