"""A person's file that holds a card number where none is allowed is refused, and the number stands nowhere after."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from tests.card_number_cases import CARD, NONE, OTHERS, SPELLINGS, readable
from tests.cli.person_files import ran

MODEL = "sagemaker_src/serving/bootstrap"
COMMANDS = {
    "features": ("--data",),
    "evaluate": ("--data",),
    "replay": ("--day", "2020-01-07", "--model", MODEL, "--data"),
}
TEXTS = {kind: text for kind, text in (SPELLINGS | OTHERS).items() if len(text) <= 100 and text.strip()}


def frame(rows: int = 12) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "trans_date_trans_time": [f"2020-01-{1 + row:02d} 10:00:00" for row in range(rows)],
            "cc_num": "4111111111111111",
            "merchant": "fraud_Kirlin and Sons",
            "category": "personal_care",
            "amt": "12.50",
            "trans_num": [f"id{row}" for row in range(rows)],
            "merch_lat": 33.98,
            "merch_long": -81.2,
            "is_fraud": 0,
        }
    )


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@pytest.mark.parametrize(
    "column", ["merchant", "category", "trans_num", "cc_num", "amt", "trans_date_trans_time", "is_fraud"]
)
def test_a_file_with_a_card_number_in_a_text_is_refused(
    column: str, suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    several = (
        1 if (column, suffix) == ("merchant", ".csv") else 11
    )  # of the others each eleventh, for a run takes 0.1 s
    for kind, text in list(TEXTS.items())[::several]:
        if (column == "cc_num" and text.isascii() and text.isdecimal()) or "\r" in text:
            continue  # a card number where it belongs; CSV has its own view of a carriage return
        data = frame()
        data[column] = data[column].astype(str)
        data.loc[6, column] = text
        file = tmp_path / f"transactions{suffix}"
        data.to_csv(file, index=False) if suffix == ".csv" else data.to_parquet(file, index=False)
        done = ran(monkeypatch, capsys, "features", "--data", file, "--out", tmp_path / "out")
        assert done.status == 2, kind
        assert f"row 7: column {column}:" in done.said, kind
        assert not readable(done.said), kind
        assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_that_reads_transactions_refuses_it(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data = frame()
    data.loc[6, "merchant"] = f"PAYPAL {CARD}"
    file = tmp_path / "transactions.csv"
    data.to_csv(file, index=False)
    done = ran(monkeypatch, capsys, name, *COMMANDS[name], file, "--out", tmp_path / "out")
    assert (done.status, "row 7: column merchant: holds a card number" in done.said) == (2, True), done.said
    assert not readable(done.said)
    assert list(tmp_path.iterdir()) == [file]


def test_long_numbers_that_are_none_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    texts = list(NONE.values())
    data = frame(len(texts)).assign(merchant=texts, category=texts, trans_date_trans_time="2020-01-07 10:00:00")
    data.to_csv(tmp_path / "transactions.csv", index=False)
    done = ran(monkeypatch, capsys, "features", "--data", tmp_path / "transactions.csv", "--out", tmp_path / "out")
    assert done.status == 0, done.said
    assert len(pd.read_parquet(tmp_path / "out" / "features.parquet")) == len(texts)
