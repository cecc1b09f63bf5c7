"""Every row of a file is a transaction or has what is wrong with it; none takes another along."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from fraud.transaction import card_token
from reading.errors import BadInputError
from reading.judged_rows import SCHEMA, judged_rows
from reading.transactions import AS_USUAL, checked_reading
from tests.cli.person_files import CARD, KEY, csv, frame, parquet


def test_wrong_rows_are_told_apart_and_numbered_as_the_file_has_them(tmp_path: Path) -> None:
    lines = csv(12).splitlines()
    lines[3] = lines[3].replace("personal_care", "4111 1111 1111 1111")
    lines[4] += ",x,y"
    lines[5] = lines[5].replace(",2.00,", ",-1,")
    lines[6] = lines[6].replace("2020-01-06 10:00:05", "yesterday")
    lines[7] = lines[7].replace("fraud_Kirlin", '"fraud_Kirlin')  # a quote that nothing closes
    lines[8] = lines[8].replace(CARD, "4111")
    lines[9] = lines[9][:-1] + "maybe"
    (tmp_path / "f.csv").write_text("\r\n".join(lines) + "\r\n", encoding="utf-8-sig", newline="")
    found = judged_rows(tmp_path / "f.csv", KEY, AS_USUAL)
    assert found.transactions["row"].to_pylist() == [1, 2, 10, 11, 12]
    assert found.transactions.schema.equals(SCHEMA)
    assert set(found.transactions["cc_num"].to_pylist()) == {card_token(CARD, KEY)}
    assert [(each.row, each.what) for each in found.wrong] == [
        (3, "category"), (4, "form"), (5, "amount"), (6, "event_time"), (7, "form"), (8, "cc_num"), (9, "is_fraud"),
    ]  # fmt: skip
    said = json.dumps([(each.reason, each.shown) for each in found.wrong])
    assert CARD not in said and "4111" not in said
    assert "amount: -1; allowed: 0.00 to 999999.99 with at most two decimal places" in said


def test_the_other_forms_and_rows_without_a_label(tmp_path: Path) -> None:
    rows = frame(5).drop(columns="is_fraud")
    rows.to_json(tmp_path / "f.jsonl", orient="records", lines=True)
    with (tmp_path / "f.jsonl").open("a") as file:
        file.write("[1]\n{half\n")
    found = judged_rows(tmp_path / "f.jsonl", KEY, AS_USUAL)
    assert found.transactions["is_fraud"].to_pylist() == [None] * 5
    assert [(each.row, each.what) for each in found.wrong] == [(6, "form"), (7, "form")]
    found = judged_rows(parquet(tmp_path / "f.parquet", 6, amt=["1", "x", "2", "3", "4", "5"]), KEY, AS_USUAL)
    assert (len(found.transactions), [each.row for each in found.wrong]) == (5, [2])


def test_a_token_stays_what_it_is(tmp_path: Path) -> None:
    token = card_token(CARD, KEY)
    (tmp_path / "f.csv").write_text(csv(3, cc_num=[token, CARD, token.upper()]))
    found = judged_rows(tmp_path / "f.csv", b"another key of 16", AS_USUAL)
    assert found.transactions["cc_num"].to_pylist() == [token, card_token(CARD, b"another key of 16")]
    assert [each.what for each in found.wrong] == ["cc_num"]


def test_an_hour_that_never_was_is_wrong_where_it_stands(tmp_path: Path) -> None:
    times = ["2020-03-08 01:30:00", "2020-03-08 02:30:00", "2020-03-08 03:30:00"]
    (tmp_path / "f.csv").write_text(csv(3, trans_date_trans_time=times))
    found = judged_rows(tmp_path / "f.csv", KEY, checked_reading(None, "America/New_York"))
    assert found.transactions["row"].to_pylist() == [1, 3]
    assert [(each.row, each.what) for each in found.wrong] == [(2, "event_time")]
    assert "the clocks were put forward over it" in found.wrong[0].reason


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (gzip.compress(csv(50).encode())[:-30], "the gzip ends in the middle"),
        (b"", "the file is empty"),
        (csv(3).replace(",", "^").encode(), "none of the columns is there"),
        (frame(3).drop(columns="amt").to_csv(index=False).encode(), "amt"),
        (csv(3).replace("\n", ",1,2,3\n").replace(",1,2,3\n", "\n", 1).encode(), "13 values; allowed: 10"),
    ],
    ids=["truncated", "empty", "delimiter", "column", "more broken than whole"],
)
def test_a_file_that_is_none_is_refused_whole(content: bytes, says: str, tmp_path: Path) -> None:
    (tmp_path / "f.csv").write_bytes(content)
    with pytest.raises(BadInputError, match=says):
        judged_rows(tmp_path / "f.csv", KEY, AS_USUAL)


MAPPING = """
[fields]
transaction_id = "trans_num"
cc_num = "format('{:012d}', CAST(card AS BIGINT))"
amount = "CAST(amt AS DOUBLE) / 100"
event_time = "trans_date_trans_time"
merchant = "merchant"
category = "category"
merch_lat = "0"
merch_long = "0"
entry_mode = "CASE WHEN CAST(mode AS INTEGER) = 1 THEN 'chip' END"
[time]
format = "%d.%m.%Y"
[label]
column = "CAST(is_fraud AS INTEGER)"
fraud = [1]
honest = [0]
[leave_out]
refunds = "CAST(amt AS INTEGER) < 0"
"""


def test_a_row_at_which_an_expression_fails_takes_no_other_with_it(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(MAPPING)
    rows = frame(9, card=7, amt="100", trans_date_trans_time="31.01.2020", mode="1").astype(object)
    wrong = {
        "card": "x",
        "amt": "x",
        "trans_date_trans_time": "2020-01-31",
        "mode": "x",
        "is_fraud": "x",
        "merchant": "",
    }
    for row, (name, value) in enumerate(wrong.items(), 1):
        rows.loc[row, name] = value
    rows.loc[7, "amt"] = "-5"
    (tmp_path / "f.csv").write_text(rows.to_csv(index=False))
    found = judged_rows(tmp_path / "f.csv", KEY, checked_reading(None, None, str(tmp_path / "mine.toml")))
    assert found.transactions["row"].to_pylist() == [1, 9]
    assert found.transactions["entry_mode"].to_pylist() == ["chip", "chip"]
    assert found.left_out == {"refunds": 1}
    assert [(each.row, each.what) for each in found.wrong] == [
        (2, "cc_num"), (3, "refunds"), (4, "event_time"), (5, "entry_mode"), (6, "column"), (7, "merchant"),
    ]  # fmt: skip
    assert "[fields] entry_mode of" in found.wrong[3].reason and "fails; allowed:" in found.wrong[3].reason


def test_a_file_of_wrong_rows_alone_is_read_as_well(tmp_path: Path) -> None:
    (tmp_path / "f.csv").write_text(csv(3, amt="-1"))
    found = judged_rows(tmp_path / "f.csv", KEY, AS_USUAL)
    assert (len(found.transactions), [each.row for each in found.wrong]) == (0, [1, 2, 3])


@pytest.mark.parametrize("first", ["2020-03-01 10:00:00", "2020-03-01T10:00:00-05:00"])
def test_the_first_time_says_whether_times_have_an_offset(first: str, tmp_path: Path) -> None:
    others = ["2020-03-02 10:00:00", "2020-03-02T10:00:00Z", "2020-03-02 10:00:00+99:00"]
    (tmp_path / "f.csv").write_text(csv(4, trans_date_trans_time=[first, *others]))
    found = judged_rows(tmp_path / "f.csv", KEY, AS_USUAL)
    assert found.transactions["row"].to_pylist() == ([1, 2] if first.endswith("0:00:00") else [1, 3])
    assert [each.what for each in found.wrong] == ["event_time"] * 2
    assert sum("the rows before it" in each.reason for each in found.wrong) == 1
