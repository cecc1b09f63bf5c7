"""`--columns`: files of a person's own columns, by a mapping."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import date
from pathlib import Path

import duckdb
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cli.feature_frame import feature_frame
from cli.replay import _read as read_for_replay
from cli.times import start_ms
from fraud.fields import OPTIONAL_FIELDS
from fraud.transaction import card_token
from local.rows import records
from reading.errors import BadInputError
from reading.mapping.relation import sealed
from reading.mapping.toml_file import SHIPPED, shipped
from reading.source import opened
from reading.transactions import Reading, checked_reading
from tests.cli.person_files import CARD, KEY, csv, frame, fraud, read

MINE = """
[fields]
transaction_id = "id"
cc_num = "Card"
amount = "replace(Sum, ',', '.')"
event_time = "When"
merchant = "Shop"
category = "'any'"
merch_lat = "0"
merch_long = "0"

[time]
format = "%d.%m.%Y %H:%M"
zone = "Europe/Berlin"

[label]
column = "Fraud"
fraud = ["Yes", "Y"]
honest = ["No"]

[leave_out]
refunds = "starts_with(Sum, '-')"
declined = "State = 'declined'"
"""
HEADER = "id;Card;Sum;When;Shop;Fraud;State\n"
ROWS = (
    f"a;{CARD};1,50;01.02.2020 10:00;x;No;\n"
    f"b;{CARD};-1,50;01.02.2020 10:01;x;No;declined\n"
    f"c;{CARD};7,00;01.07.2020 10:02;x;Y;\n"
    f"d;{CARD};8,00;01.07.2020 10:03;x;No;declined\n"
)
KAGGLE_ROWS = 60


def silent(*_: object) -> None:
    """No progress."""


def reading(tmp_path: Path, text: str = MINE, name: str = "mine.toml") -> Reading:
    path = tmp_path / name
    path.write_text(text)
    return checked_reading(None, None, str(path))


def file(tmp_path: Path, text: str = HEADER + ROWS) -> Path:
    path = tmp_path / "data.csv"
    path.write_text(text)
    return path


def test_own_columns_are_read_as_the_fields(tmp_path: Path) -> None:
    names = ("row", "transaction_id", "amount_cents", "strftime(event_time, '%m-%d %H:%M')", "category", "is_fraud")
    said, rows = read(file(tmp_path), reading(tmp_path), names)
    assert rows == [(1, "a", 150, "02-01 09:00", "any", 0), (3, "c", 700, "07-01 08:02", "any", 1)]
    assert said.transactions == 2
    assert said.times.endswith("left out: refunds 1, declined 1")


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(delimiter: str, tmp_path: Path) -> None:
    text = (HEADER + ROWS).replace(",", ".").replace(";", delimiter)
    assert read(file(tmp_path, text), reading(tmp_path), ("amount_cents",))[1] == [150, 700]


def test_a_delimiter_can_be_said(tmp_path: Path) -> None:
    said = reading(tmp_path, MINE + '[file]\ndelimiter = "~"\n')
    assert read(file(tmp_path, (HEADER + ROWS).replace(";", "~")), said, ("amount_cents",))[1] == [150, 700]


def test_every_declared_field_may_be_mapped(tmp_path: Path) -> None:
    values = {"entry_mode": "chip", "currency": "EUR", "country": "FR", "mcc": "0742"}
    named = {field.name: values.get(field.name, "t-7") for field in OPTIONAL_FIELDS}
    text = MINE.replace(
        "[fields]", "[fields]\n" + "\n".join(f"{name} = \"'{value}'\"" for name, value in named.items())
    )
    assert read(file(tmp_path), reading(tmp_path, text), tuple(named))[1] == [tuple(named.values())] * 2


def test_a_transaction_without_an_id_has_its_row(tmp_path: Path) -> None:
    text = MINE.replace('transaction_id = "id"', "")
    assert read(file(tmp_path), reading(tmp_path, text), ("transaction_id",))[1] == ["1", "3"]


@pytest.mark.parametrize(
    ("of", "by", "says"),
    [
        ('"Card"', '"Crad"', r"mine.toml: \[fields\] cc_num: the file has no column 'Crad' \(near: 'Card'\); allowed: 'id', "),
        ("replace(Sum", "replce(Sum", r"\[fields\] amount: Catalog Error: .*replce"),
        ("replace(Sum", "replace((Sum", r"\[fields\] amount: .* is no expression: syntax error"),
        ("\"'any'\"", "\"(SELECT content FROM read_text('/etc/passwd'))\"", r"category: holds a query"),
        ("\"'any'\"", '"1 FROM range(9)"', r"category: .* is no expression"),
        ("\"'any'\"", '"1), (2"', r"category: .* is no expression"),
        ("\"'any'\"", '"[1]"', r"\[fields\] category: gives INTEGER\[\]; allowed: text, a number"),
        ("\"'any'\"", '"Fraud"', r"\[fields\] category: reads Fraud, which tells the label"),
        ("category =", "categry =", r"\[fields\] 'categry' is not known \(near: category\); allowed: transaction_id, "),
        ("category =", "# category =", r"\[fields\] lacks category; needed: cc_num, "),
        ("[time]", "[tiem]", r"'tiem' is not known \(near: time\)"),
        ("zone =", "zne =", r"\[time\] 'zne' is not known \(near: zone\); allowed: format, zone"),
        ("[time]", "[time", r"no TOML: .*at line"),
        ('honest = ["No"]', "", r"\[label\] lacks honest"),
        ('honest = ["No"]', 'honest = ["No", "Y"]', r"'Y' is both fraud and honest"),
        ('honest = ["No"]', "honest = [1.5]", r"\[label\] honest is \[1.5\]; allowed: one or more values"),
        ('"Y"', '"J"', r"row 3: column Fraud: 'Y'; allowed: Yes, J \(fraud\), No \(honest\), as "),
        ("Europe/Berlin", "Europe/Berln", "Europe/Berln"),
        ("%d.%m.%Y", "%m/%d/%Y", r"row 1: .*\[fields\] event_time fails of When '01.02.2020 10:00'"),
        ("\"replace(Sum, ',', '.')\"", '"CAST(Sum AS INTEGER) + 0 * len(Card)"', r"row 1: .* amount fails of Sum '1,50'; "),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(of: str, by: str, says: str, tmp_path: Path) -> None:
    assert of in MINE
    with pytest.raises(BadInputError, match=f"(?s){says}") as caught:
        read(file(tmp_path), reading(tmp_path, MINE.replace(of, by)))
    assert CARD not in str(caught.value)
    assert "allowed:" in str(caught.value) or "needed:" in str(caught.value)


def test_the_row_at_which_an_expression_fails_is_named_and_no_card(tmp_path: Path) -> None:
    lines = [f"{n};{CARD};1,50;01.02.2020 10:{n:02d};x;No;\n" for n in range(30)]
    lines[16] = lines[16].replace("1,50", "oops")
    text = MINE.replace("\"replace(Sum, ',', '.')\"", "\"CAST(replace(Sum, ',', '.') AS DOUBLE)\"")
    with pytest.raises(BadInputError, match=r"data.csv: row 17: .*\[fields\] amount fails of Sum 'oops'; allowed"):
        read(file(tmp_path, HEADER + "".join(lines)), reading(tmp_path, text))
    lines[16] = f"17;{CARD}x;1,50;01.02.2020 10:17;x;No;\n"
    text = MINE.replace('"Card"', '"CAST(CAST(Card AS BIGINT) AS VARCHAR)"')
    with pytest.raises(BadInputError, match=r"row 17: .*\[fields\] cc_num fails; allowed") as caught:
        read(file(tmp_path, HEADER + "".join(lines)), reading(tmp_path, text))
    assert CARD not in str(caught.value)


@pytest.mark.parametrize("row", range(1, 10))
def test_whichever_row_it_is_at_which_an_expression_fails_it_is_named(row: int, tmp_path: Path) -> None:
    lines = [f"{n};{CARD};1,50;01.02.2020 10:{n:02d};x;No;\n" for n in range(1, 10)]
    lines[row - 1 :] = [line.replace("1,50", "oops") for line in lines[row - 1 :]]
    number = "CAST(replace(Sum, ',', '.') AS DOUBLE)"
    text = MINE.replace("\"replace(Sum, ',', '.')\"", f'"{number}"')
    with pytest.raises(BadInputError, match=rf"row {row}: .*\[fields\] amount fails of Sum 'oops'; allowed"):
        read(file(tmp_path, HEADER + "".join(lines)), reading(tmp_path, text))
    text = MINE.replace("refunds = \"starts_with(Sum, '-')\"", f'refunds = "{number} < 0"')
    with pytest.raises(BadInputError, match=rf"row {row}: .*\[leave_out\] refunds fails of Sum 'oops'; allowed"):
        read(file(tmp_path, HEADER + "".join(lines)), reading(tmp_path, text))


def test_a_rule_that_is_broken_names_the_column_or_the_field(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"row 1: column Sum: '1,50'; allowed: an amount"):
        read(file(tmp_path), reading(tmp_path, MINE.replace("\"replace(Sum, ',', '.')\"", '"Sum"')))
    with pytest.raises(BadInputError, match=r"row 1: field amount: '1,50 '; allowed: an amount"):
        read(file(tmp_path), reading(tmp_path, MINE.replace("\"replace(Sum, ',', '.')\"", "\"Sum || ' '\"")))


@pytest.mark.parametrize("call", ["read_blob", "read_text", "read_csv", "glob"])
def test_an_expression_reads_no_other_file(call: str, tmp_path: Path) -> None:
    other = tmp_path / "other.csv"
    other.write_text("secret\n1\n")
    with pytest.raises(BadInputError) as caught:
        read(file(tmp_path), reading(tmp_path, MINE.replace("\"'any'\"", f"\"{call}('{other}')\"")))
    assert "secret" not in str(caught.value)


def test_expressions_have_a_connection_that_opens_the_file_alone(tmp_path: Path) -> None:
    other = tmp_path / "other.csv"
    other.write_text("secret\n1\n")
    with (
        opened(file(tmp_path)) as source,
        sealed(source) as alone,
    ):
        assert alone.execute(f"SELECT count(*) FROM {source.relation}").fetchall() == [(4,)]
        for query in (
            f"FROM read_csv('{other}')",
            f"FROM '{other}'",
            f"COPY (SELECT 1) TO '{tmp_path / 'new.csv'}'",
        ):
            with pytest.raises(duckdb.PermissionException):
                alone.execute(query)
        with pytest.raises(duckdb.Error, match="locked"):
            alone.execute("SET enable_external_access=true")


def test_options_that_say_otherwise_are_refused(tmp_path: Path) -> None:
    reading(tmp_path)
    with pytest.raises(BadInputError, match=r"--timezone: Asia/Tokyo, but .*mine.toml says Europe/Berlin"):
        checked_reading(None, "Asia/Tokyo", str(tmp_path / "mine.toml"))
    with pytest.raises(BadInputError, match=r"--timezone: UTC, but .*mine.toml says Europe/Berlin"):
        checked_reading(None, "UTC", str(tmp_path / "mine.toml"))
    with pytest.raises(
        BadInputError, match=r"--columns: none: cannot be opened: .*; allowed: handbook, kaggle, tabformer, "
    ):
        checked_reading(None, None, "none")


def handbook(rows: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "TRANSACTION_ID": rows["trans_num"],
            "TX_DATETIME": pd.to_datetime(rows["trans_date_trans_time"]),
            "CUSTOMER_ID": 596,
            "TERMINAL_ID": 3156,
            "TX_AMOUNT": rows["amt"].astype(float),
            "TX_TIME_SECONDS": 0,
            "TX_TIME_DAYS": 0,
            "TX_FRAUD": rows["is_fraud"],
            "TX_FRAUD_SCENARIO": rows["is_fraud"],
        }
    )


def tabformer(rows: pd.DataFrame) -> pd.DataFrame:
    times = pd.to_datetime(rows["trans_date_trans_time"])
    made = pd.DataFrame(
        {
            "User": rows.get("User", 0),
            "Card": rows.get("Card", 1),
            "Year": times.dt.year,
            "Month": times.dt.month,
            "Day": times.dt.day,
            "Time": times.dt.strftime("%H:%M"),
            "Amount": "$" + rows["amt"],
            "Use Chip": "Swipe Transaction",
            "Merchant Name": -4500542936415012428,
            "Merchant City": "La Verne",
            "Merchant State": "CA",
            "Zip": 91750.0,
            "MCC": 742,
            "Errors?": None,
            "Is Fraud?": rows["is_fraud"].map({0: "No", 1: "Yes"}),
        }
    )
    return pd.concat([made.assign(Amount="$-5.00").head(2), made])


def features(path: Path, columns: str) -> pd.DataFrame:
    rows = feature_frame(path, silent, checked_reading(None, None, columns))[0]
    given = ["cc_num", "transaction_id", "category", "merchant", *(field.name for field in OPTIONAL_FIELDS)]
    return rows.drop(columns=[name for name in given if name in rows]).sort_values("event_ms", ignore_index=True)


@pytest.mark.parametrize(("columns", "form"), [("handbook", handbook), ("tabformer", tabformer)])
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_the_same_rows_in_another_form_have_the_same_features(
    columns: str, form: Callable[[pd.DataFrame], pd.DataFrame], kind: str, tmp_path: Path
) -> None:
    times = pd.date_range("2020-01-01 10:00", periods=KAGGLE_ROWS, freq="7h1min").strftime("%Y-%m-%d %H:%M:%S")
    amounts = [f"{1 + row * 7 % 90}.{row:02d}" for row in range(KAGGLE_ROWS)]
    same = {"category": "unknown" if columns == "handbook" else "0742"}
    rows = frame(KAGGLE_ROWS, trans_date_trans_time=times, amt=amounts, **same)
    (tmp_path / "kaggle.csv").write_text(rows.to_csv(index=False))
    other = tmp_path / f"other.{kind}"
    if kind == "csv":
        form(rows).to_csv(other, index=False)
    else:
        form(rows).to_parquet(other, index=False)
    expected = features(tmp_path / "kaggle.csv", "kaggle")
    said = feature_frame(other, silent, checked_reading(None, None, columns))[1]
    assert said.endswith({"handbook": "(--timezone)", "tabformer": "; left out: refunds 2"}[columns])
    pd.testing.assert_frame_equal(features(other, columns), expected, check_exact=True)
    assert expected["is_fraud"].sum() == KAGGLE_ROWS / 2


PURCHASES = st.lists(
    st.tuples(
        st.integers(0, 60 * 24 * 45),  # the minute
        st.integers(0, 99_999_999),  # cents
        st.sampled_from([(0, 0), (0, 1), (17, 0), (1999, 8)]),  # the user and the card
        st.booleans(),
    ),
    min_size=2,
    max_size=25,
    unique_by=lambda purchase: purchase[0],
)


@pytest.mark.slow
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(purchases=PURCHASES)
def test_any_rows_have_the_same_features_in_all_forms(
    purchases: list[tuple[int, int, tuple[int, int], bool]], tmp_path: Path
) -> None:
    minutes, cents, cards, frauds = zip(*purchases, strict=True)
    times = pd.Timestamp("2020-02-27") + pd.to_timedelta(list(minutes), unit="min")
    rows = frame(
        len(purchases),
        trans_date_trans_time=times.strftime("%Y-%m-%d %H:%M:%S"),
        cc_num=[f"{user:09d}{card:03d}" for user, card in cards],
        amt=[f"{each // 100}.{each % 100:02d}" for each in cents],
        is_fraud=[int(each) for each in frauds],
    )
    rows.to_csv(tmp_path / "kaggle.csv", index=False)
    handbook(rows).assign(CUSTOMER_ID=rows["cc_num"].astype(int)).to_parquet(tmp_path / "handbook.parquet")
    users = pd.DataFrame(list(cards), columns=["User", "Card"])
    form = tabformer(rows.assign(**users))
    form.to_csv(tmp_path / "tabformer.csv", index=False)
    expected = features(tmp_path / "kaggle.csv", "kaggle")
    assert len(expected) == len(purchases)
    for path, columns in ((tmp_path / "handbook.parquet", "handbook"), (tmp_path / "tabformer.csv", "tabformer")):
        pd.testing.assert_frame_equal(features(path, columns), expected, check_exact=True)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_kaggles_columns_are_the_fields_of_their_names(kind: str, tmp_path: Path) -> None:
    rows = frame(9, merchant=[f"shop {row}" for row in range(9)], category=[f"c{row}" for row in range(9)], mcc="5411")
    path = tmp_path / f"kaggle.{kind}"
    path.write_bytes(rows.to_csv(index=False).encode() if kind == "csv" else rows.to_parquet(index=False))
    names = ("transaction_id", "merchant", "category", "amount_cents", "epoch_ms(event_time)", "merch_lat", "merch_long",
             "is_fraud", "mcc", "cc_num")  # fmt: skip
    times = pd.to_datetime(rows["trans_date_trans_time"]).astype("datetime64[ms]").astype("int64")
    expected = zip(
        rows["trans_num"], rows["merchant"], rows["category"], (rows["amt"].astype(float) * 100).round().astype(int), times,
        rows["merch_lat"], rows["merch_long"], rows["is_fraud"], rows["mcc"], [card_token(CARD, KEY)] * 9, strict=True,
    )  # fmt: skip
    assert read(path, columns=names)[1] == list(expected)


def test_the_terminals_of_the_handbook_reach_the_stream(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    handbook(frame(28)).assign(TERMINAL_ID=range(3000, 3028)).to_parquet(path)
    said = checked_reading(None, None, "handbook")
    history, live, _ = read_for_replay(path, start_ms(date(2020, 1, 20)), said)
    assert (history.num_rows, live.num_rows) == (19, 1)
    [message] = map(json.loads, (record.value for record in records(live)))
    assert (message["terminal_id"], message["merchant"]) == ("3019", "3019")


def test_the_command_says_what_was_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    reading(tmp_path)
    options = ("--data", file(tmp_path), "--columns", tmp_path / "mine.toml", "--out", tmp_path / "out")
    status, said = fraud(monkeypatch, capsys, "features", *options)
    assert (status, said.endswith("(mine.toml); left out: refunds 1, declined 1")) == (0, True), said
    rows = pd.read_parquet(tmp_path / "out" / "features.parquet")
    assert len(rows) == 2
    assert not rows.astype(str).isin([CARD]).any().any()


def test_the_example_of_the_page_runs(tmp_path: Path) -> None:
    page = (SHIPPED.parent.parent / "docs" / "your-files.md").read_text(encoding="utf-8")
    mapping, data = (re.findall(rf"```{kind}\n(.*?)```", page, re.DOTALL)[0] for kind in ("toml", "csv"))
    said, rows = read(
        file(tmp_path, data), reading(tmp_path, mapping, "till.toml"), ("amount_cents", "entry_mode", "is_fraud")
    )
    assert rows == [(1290, "chip", 0), (89900, "online", 1)]
    assert "refunds 1, declined 1" in said.times
    assert said.times in page


def test_each_shipped_mapping_is_offered() -> None:
    assert shipped() == ["handbook", "kaggle", "tabformer"]
    assert all(checked_reading(None, None, name).mapping for name in shipped())
    assert SHIPPED.is_dir()


def test_a_file_of_features_in_place_of_transactions_is_said(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(csv(40))
    features = tmp_path / "features.parquet"
    feature_frame(tmp_path / "t.csv", lambda *_: None)[0].to_parquet(features)
    says = "holds features, as `fraud features` writes them; allowed: the transactions that they were computed of, in the columns"
    with pytest.raises(BadInputError, match=says):
        read(features)
