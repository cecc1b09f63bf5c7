"""`fraud columns`: a first mapping of a file, which the other commands read it by."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path

import pandas as pd
import pytest

from cli.columns import mapping_text
from cli.main import main
from reading.errors import BadInputError
from reading.transactions import checked_reading
from tests.cli.person_files import CARD, frame, fraud, read
from tests.reading.test_columns import handbook, tabformer

NAMES = (
    "transaction_id",
    "amount_cents",
    "strftime(event_time, '%Y-%m-%d %H:%M:%S')",
    "merchant",
    "category",
    "is_fraud",
)
ROWS = frame(8, is_fraud=[0, 0, 0, 1, 0, 0, 0, 0])
OTHER_CARD = "5500005555555559"
GERMAN = f"""Buchungsnr;Kartennummer;Betrag;Datum;Uhrzeit;Händler;Branche;Währung;Betrug
B-1;{CARD};1.234,56;01.02.2020;10:00;Bäckerei Süß;Brot;EUR;nein
B-2;{CARD};12,90;13.02.2020;10:07;Bäckerei Süß;Brot;EUR;nein
B-3;{CARD};-12,90;13.02.2020;10:09;Bäckerei Süß;Brot;EUR;nein
B-4;{OTHER_CARD};899,00;14.02.2020;03:15;Telefonhaus;Telefone;EUR;ja
"""


def read_back(file: Path, columns: tuple[str, ...] = NAMES) -> tuple[str, list[object]]:
    """The proposed mapping, and the rows that are read by it."""
    text = mapping_text(file, None)
    path = file.with_suffix(".toml")
    path.write_text(text)
    return text, read(file, checked_reading(None, None, str(path)), columns)[1]


@pytest.mark.parametrize("encoding", ["utf-8", "windows-1252"])
def test_a_german_table_is_read_by_it(encoding: str, tmp_path: Path) -> None:
    (tmp_path / "kasse.csv").write_bytes(GERMAN.encode(encoding))
    text, rows = read_back(tmp_path / "kasse.csv", (*NAMES, "currency"))
    assert rows == [
        ("B-1", 123456, "2020-02-01 10:00:00", "Bäckerei Süß", "Brot", 0, "EUR"),
        ("B-2", 1290, "2020-02-13 10:07:00", "Bäckerei Süß", "Brot", 0, "EUR"),
        ("B-4", 89900, "2020-02-14 03:15:00", "Telefonhaus", "Telefone", 1, "EUR"),
    ]
    assert "# unsure: rows whose amount is below zero are taken for no purchases\nrefunds = " in text
    assert '# unsure: what times without an offset mean; UTC if nothing is said\n# zone = "Europe/Berlin"' in text
    assert text.count("unsure:") == 2
    assert CARD not in text


def test_a_table_like_the_handbooks_is_read_by_it(tmp_path: Path) -> None:
    like = handbook(ROWS).rename(columns={"TRANSACTION_ID": "tx_id", "TX_FRAUD": "Is fraud", "TERMINAL_ID": "Terminal"})
    for kind in ("csv", "parquet", "jsonl"):
        path = tmp_path / f"like.{kind}"
        if kind == "parquet":
            like.to_parquet(path)
        elif kind == "csv":
            like.to_csv(path, index=False)
        else:
            like.astype({"TX_DATETIME": str}).to_json(path, orient="records", lines=True)
        text, rows = read_back(path, ("transaction_id", "amount_cents", "merchant", "terminal_id", "is_fraud"))
        amounts = (ROWS["amt"].astype(float) * 100).round().astype(int)
        expected = zip(ROWS["trans_num"], amounts, ["3156"] * 8, ["3156"] * 8, ROWS["is_fraud"], strict=True)
        assert rows == list(expected)
        assert "# unsure: a customer may have several cards\ncc_num" in text
        assert "# TX_FRAUD_SCENARIO seems to tell the label as well: never a field\n" in text


def test_a_table_like_tabformers_is_read_by_it(tmp_path: Path) -> None:
    like = tabformer(ROWS).rename(columns={"Use Chip": "Chip", "Is Fraud?": "Fraud"})
    (tmp_path / "like.csv.gz").write_bytes(gzip.compress(like.to_csv(index=False).encode()))
    text, rows = read_back(tmp_path / "like.csv.gz", ("amount_cents", NAMES[2], "mcc", "is_fraud"))
    times = pd.to_datetime(ROWS["trans_date_trans_time"]).dt.strftime("%Y-%m-%d %H:%M:00")
    amounts = (ROWS["amt"].astype(float) * 100).round().astype(int)
    assert rows == list(zip(amounts, times, ["0742"] * 8, ROWS["is_fraud"], strict=True))
    assert "# no column looks like an id of its own in each row" in text
    assert "-4500542936415012428" not in text


def test_a_table_like_kaggles_is_read_by_it(tmp_path: Path) -> None:
    ROWS.rename(columns={"trans_num": "ref", "category": "kind of category"}).to_csv(tmp_path / "like.csv", index=False)
    text, rows = read_back(tmp_path / "like.csv", ("transaction_id", "category", "merch_lat", "merch_long", "is_fraud"))
    assert rows == [(f"id{row}", "personal_care", 33.98, -81.2, int(row == 3)) for row in range(8)]
    assert text.count("unsure:") == 1


@pytest.mark.parametrize("name", ["kaggle", "handbook", "tabformer"])
def test_a_table_that_comes_with_a_mapping_gets_that(name: str, tmp_path: Path) -> None:
    table = {"kaggle": ROWS, "handbook": handbook(ROWS), "tabformer": tabformer(ROWS)}[name]
    table.to_csv(tmp_path / "t.csv", index=False)
    assert mapping_text(tmp_path / "t.csv", None).startswith(f"# As --columns {name} reads it: nothing need be written")


TILL = "When,Card,Sum,Fraud\n01/02/2020 10:00,{card},1.50,{honest}\n03/04/2020 10:00,{card},2.5,{fraud}\n"


@pytest.mark.parametrize(
    ("of", "by", "says"),
    [
        ("", "", '# unsure: the day or the month may come first\nevent_time = "When"'),
        ("Card", "Customer", "# unsure: made a number of 18 digits of a text\ncc_num"),
        ("When", "Shop", "# unsure: the day or the month may come first\nevent_time"),
        ("Sum", "Size", '# unsure: no column looks like an amount\namount = "FILL IN"'),
        ("/2020 10:00", "", '# unsure: no column looks like a date and time\nevent_time = "FILL IN"'),
        (" 10:00", "", "# unsure: the day or the month may come first\nevent_time"),
        ("03/04/2020 10:00", "1577961048", '# unsure: no column looks like a date and time\nevent_time = "FILL IN"'),
        ("Fraud\n", "Frail\n", '# unsure: no column looks like the label\ncolumn = "FILL IN"'),
    ],
)  # fmt: skip
def test_what_is_unsure_is_marked(of: str, by: str, says: str, tmp_path: Path) -> None:
    values = {"card": "a-card" if by == "Customer" else CARD, "honest": "0", "fraud": "1"}
    (tmp_path / "till.csv").write_text(TILL.replace(of, by).format(**values) if of else TILL.format(**values))
    text = mapping_text(tmp_path / "till.csv", None)
    assert says in text
    assert CARD not in text


def test_what_is_sure_is_not_marked(tmp_path: Path) -> None:
    (tmp_path / "till.csv").write_text(TILL.replace("03/04", "13/04").format(card=CARD, honest="0", fraud="1"))
    text, rows = read_back(tmp_path / "till.csv", (NAMES[2], "is_fraud"))
    assert rows == [("2020-02-01 10:00:00", 0), ("2020-04-13 10:00:00", 1)]
    assert re.findall("unsure: (.*?)[;\n]", text) == [
        "no column looks like a merchant",
        "no column looks like a category",
        "what times without an offset mean",
    ]


def test_of_two_values_of_no_meaning_the_rarer_one_is_taken_for_fraud(tmp_path: Path) -> None:
    row = TILL.splitlines()[1]
    text = TILL + row.replace("{honest}", "A") + "\n"
    (tmp_path / "till.csv").write_text(text.format(card=CARD, honest="A", fraud="B"))
    made = mapping_text(tmp_path / "till.csv", None)
    assert "# unsure: which of the values is fraud: B is the rarer one (A 2 times, B 1 times)\ncolumn = " in made
    assert 'fraud = ["B"]\nhonest = ["A"]' in made


def till_of(rows: int, **columns: object) -> pd.DataFrame:
    times = pd.date_range("2020-02-13", periods=rows, freq="h").strftime("%Y-%m-%d %H:%M:%S")
    plain = {"When": times, "Card": CARD, "Sum": "1.50", "Fraud": [int(row % 20 == 0) for row in range(rows)]}
    return pd.DataFrame({**plain, **columns})


def test_an_id_and_a_category_are_known_by_what_they_hold(tmp_path: Path) -> None:
    till = till_of(
        60, Vorgang=[f"V{row}" for row in range(60)], Art=[("food", "fuel", "travel")[row % 3] for row in range(60)]
    )
    till.to_csv(tmp_path / "till.csv", index=False)
    text, rows = read_back(tmp_path / "till.csv", ("transaction_id", "category"))
    assert rows == list(zip(till["Vorgang"], till["Art"], strict=True))
    assert '# unsure: its name does not say so, but no two rows have the same value\ntransaction_id = "Vorgang"' in text
    assert '# unsure: its name does not say so, but it has 3 values alone\ncategory = "Art"' in text


@pytest.mark.parametrize(
    "column",
    [
        pytest.param([f"V{min(row, 58)}" for row in range(60)], id="one twice"),
        pytest.param([f"{4000000000000000 + row * 10}" for row in range(60)], id="digits alone"),
        pytest.param([f"V {row}" for row in range(60)], id="another form"),
    ],
)
def test_what_is_no_id_is_not_taken_for_one(column: list[str], tmp_path: Path) -> None:
    till_of(60, Vorgang=column).to_csv(tmp_path / "till.csv", index=False)
    text, rows = read_back(tmp_path / "till.csv", ("transaction_id", "category"))
    assert rows[0] == ("1", "unknown")
    assert '"Vorgang"' not in text


def test_an_id_that_is_there_twice_is_none(tmp_path: Path) -> None:
    (tmp_path / "kasse.csv").write_text(GERMAN.replace("B-4", "B-1"))
    text, rows = read_back(tmp_path / "kasse.csv", ("transaction_id",))
    assert (
        "# no column looks like an id of its own in each row: the number of the row is the transaction's\ncc_num"
        in text
    )
    assert rows == ["1", "2", "4"]


def test_names_of_several_lines_stay_comments(tmp_path: Path) -> None:
    like = handbook(ROWS).rename(columns={"TX_FRAUD": "Is fraud", "TX_FRAUD_SCENARIO": "fraud\ncategory"})
    like.to_csv(tmp_path / "like\nthis.csv", index=False)
    text, rows = read_back(tmp_path / "like\nthis.csv", ("is_fraud",))
    assert "# A first mapping of like this.csv. Look at each line" in text
    assert "# fraud category seems to tell the label as well: never a field\n" in text
    assert "\ncategory = \"'unknown'\"\n" in text
    assert rows == ROWS["is_fraud"].tolist()


def test_a_file_without_a_header_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(f"2020-01-02 10:00:00,{CARD},1.50\n2020-01-03 10:00:00,{CARD},1.50\n")
    with pytest.raises(
        BadInputError, match=r"t\.csv: a card number stands where the columns' names should; needed: a header"
    ) as no:
        mapping_text(tmp_path / "t.csv", None)
    assert CARD not in str(no.value)


def test_moments_since_1970_are_unsure(tmp_path: Path) -> None:
    for unit, values in (("seconds", "1577961048"), ("milliseconds", "1577961048000")):
        (tmp_path / "t.csv").write_text(f"ts,card,amount,fraud\n{values},{CARD},1,0\n{values},{CARD},1,1\n")
        text, rows = read_back(tmp_path / "t.csv", (NAMES[2],))
        assert f"# unsure: taken for {unit} since 1970, in UTC\nevent_time" in text
        assert rows == ["2020-01-02 10:30:48"] * 2


def test_the_command_writes_it_and_says_whether_it_serves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "kasse.csv").write_text(GERMAN)
    out = tmp_path / "own.toml"
    status, said = fraud(monkeypatch, capsys, "columns", tmp_path / "kasse.csv", "--out", out)
    assert (status, said) == (0, f"Wrote {out}: 2 lines marked unsure; as it stands, 3 transactions are read by it")
    assert read(tmp_path / "kasse.csv", checked_reading(None, None, str(out)))[0].transactions == 3
    before = out.read_text()
    (tmp_path / "kasse.csv").write_text(GERMAN.replace("Betrug", "Urteil").replace("B-4", "B-1"))
    status, said = fraud(monkeypatch, capsys, "columns", tmp_path / "kasse.csv", "--out", out)
    assert (status, "own.toml is there already; name another file, or replace it with --force" in said) == (2, True)
    assert out.read_text() == before
    status, said = fraud(monkeypatch, capsys, "columns", tmp_path / "kasse.csv", "--out", out, "--force")
    assert (status, "what says FILL IN must be filled in before the file can be read by it" in said) == (0, True), said
    assert "FILL IN" in out.read_text()
    status, said = fraud(monkeypatch, capsys, "columns", tmp_path / "kasse.csv", "--out", tmp_path / "own.txt")
    assert (status, "own.txt ends with '.txt'; allowed: .toml" in said) == (2, True)


def test_the_command_prints_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "kasse.jsonl").write_text("".join(json.dumps({"id": n, "card": "x" * n}) + "\n" for n in range(3)))
    monkeypatch.setattr("sys.argv", ["fraud", "columns", str(tmp_path / "kasse.jsonl")])
    main()
    printed = capsys.readouterr()
    assert printed.out == mapping_text(tmp_path / "kasse.jsonl", None)
    assert "marked unsure; what says FILL IN must be filled in" in printed.err
    status, said = fraud(monkeypatch, capsys, "columns", tmp_path / "none.csv")
    assert (status, "none.csv: there is no such file" in said) == (2, True)
