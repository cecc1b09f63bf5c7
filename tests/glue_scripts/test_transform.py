"""The transform job: rows in are rows written, left out and quarantined; files appear whole, the same whenever they are made."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fraud.detector import event_id
from fraud.transaction import card_token
from sagemaker_src.processing.batch_features import engine
from sagemaker_src.processing.transactions import parquet_source
from tests.card_number_cases import readable
from tests.cli.person_files import frame, read
from tests.glue_scripts.runs import KEY, SPLIT, Session, adds_up, session

pytestmark = pytest.mark.engines

CARD = "4000056655665556"
DAYS = [f"2020-{month:02d}-15 10:00:00" for month in (1, 2, 3)]


def table(rows: int = 30, **columns: Any) -> pd.DataFrame:
    """Rows of January, February and March in turn, with what identifies the holder."""
    holder = {"first": "Jeanette", "last": "Quill", "street": "9 Elm Row", "dob": "1970-02-03", "gender": "F"}
    times = [DAYS[row % 3] for row in range(rows)]
    return frame(rows, **{"cc_num": [CARD] * rows, "trans_date_trans_time": times, **holder, **columns})


def written(path: Path, rows: pd.DataFrame) -> Path:
    """Rows as a file, in the form that its name says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pandas(rows, preserve_index=False), path)
    else:
        text = rows.to_json(orient="records", lines=True) if ".jsonl" in path.name else rows.to_csv(index=False)
        path.write_bytes(gzip.compress(text.encode(), mtime=0) if path.suffix == ".gz" else text.encode())
    return path


def holds(folder: Path, text: bytes) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and text in path.read_bytes()]


@pytest.mark.parametrize("name", ["t.csv", "t.jsonl", "t.parquet", "t.csv.gz"])
def test_rows_are_split_by_time_as_tokens_without_the_holder(name: str, spark: Session, tmp_path: Path) -> None:
    given = written(tmp_path / "in" / name, table())
    made = spark.run(given, tmp_path / "out", *SPLIT)
    assert (made.status, made.quarantined) == (0, [])
    assert made.report["read"] == 30
    assert made.report["written"] == {"train": 10, "predict": 10}
    assert list(made.report["left_out"].values()) == [10]
    train = made.table("train")
    assert train is not None
    assert train["transaction_id"].to_pylist() == sorted(f"id{row}" for row in range(0, 30, 3))
    assert set(train["cc_num"].to_pylist()) == {card_token(CARD, KEY)}
    assert set(train.column_names) & {"first", "last", "street", "dob", "gender", "Unnamed: 0"} == set()
    for path in made.out.rglob("*"):
        assert not path.is_file() or not readable(path.read_bytes()), path
    for told in (b"Jeanette", b"Quill", b"Elm Row", b"1970-02-03"):
        assert holds(made.out, told) == []


def test_what_it_writes_is_what_the_trainings_programs_read(spark: Session, tmp_path: Path) -> None:
    """And the same values as `fraud evaluate` has of the file."""
    given = written(tmp_path / "in" / "t.csv", table(entry_mode="chip"))
    made = spark.run(given, tmp_path / "out")
    columns = (
        "transaction_id",
        "cc_num",
        "merchant",
        "category",
        "amount_cents",
        "event_time",
        "merch_lat",
        "is_fraud",
    )
    with engine("500MB", threads=1) as connection:
        (path,) = (made.out / "glue_transformed" / "train").iterdir()
        source = parquet_source(connection, path)
        assert connection.execute(f"SELECT count(*), min(entry_mode) FROM {source}").fetchall() == [(30, "chip")]
        found = connection.execute(
            f"SELECT {', '.join(columns)} FROM read_parquet('{path}') ORDER BY event_time, transaction_id"
        ).fetchall()
    wanted = sorted(read(given, columns=columns)[1], key=lambda row: (row[5], row[0]))
    tokens = {row[1] for row in wanted}
    assert len(tokens) == 1
    strip = [(*row[:1], *row[2:5], row[5].replace(tzinfo=None), *row[6:]) for row in found]
    assert strip == [(*row[:1], *row[2:5], row[5].replace(tzinfo=None), *row[6:]) for row in wanted]


def _again(spark: Session, tmp_path: Path, *options: str) -> None:
    for name in ("b.csv", "a.jsonl", "c.parquet"):
        rows = table(transactions := 40)
        rows["trans_num"] = [f"{name[0]}{row}" for row in range(transactions)]
        rows.loc[3, "amt"] = "-4"
        written(tmp_path / "in" / name, rows)
    first = spark.run(tmp_path / "in", tmp_path / "one", *SPLIT, *options)
    second = spark.run(tmp_path / "in", tmp_path / "two", *SPLIT, *options)
    third = spark.run(tmp_path / "in", tmp_path / "one", *SPLIT, *options)
    assert len(first.files) == 4  # train, predict, quarantine, report, and nothing else
    assert first.files == second.files == third.files


def test_two_runs_at_once_do_not_mix(spark: Session, tmp_path: Path) -> None:
    rows = table(300, trans_num=[f"x{row}" for row in range(300)])
    rows.loc[3, "amt"] = "-4"
    given = written(tmp_path / "in" / "t.csv", rows)
    alone = spark.run(given, tmp_path / "alone", *SPLIT)
    folder = tmp_path / "other"
    folder.mkdir()
    with session(folder) as other, ThreadPoolExecutor(2) as both:
        other.run(given, tmp_path / "warm", *SPLIT)
        runs = [both.submit(each.run, given, tmp_path / "out", *SPLIT) for each in (spark, other)]
        assert [run.result().status for run in runs] == [0, 0]
    assert runs[0].result().files == alone.files


def test_running_again_gives_the_same_bytes(spark: Session, tmp_path: Path) -> None:
    _again(spark, tmp_path)


def test_running_again_gives_the_same_bytes_for_fraud_detector(spark: Session, tmp_path: Path) -> None:
    _again(spark, tmp_path, "--back-end", "fraud-detector")


def test_files_for_fraud_detector_are_as_its_pages_want_them(spark: Session, tmp_path: Path) -> None:
    rows = table(6, merchant='Kirlin, "Sons"', amt="7.5", device_id=["d1", None] * 3)
    rows.loc[5, "trans_num"] = "T.5"
    made = spark.run(written(tmp_path / "in" / "t.csv", rows), tmp_path / "out", *SPLIT, "--back-end", "fraud-detector")
    (train,) = (made.out / "glue_transformed" / "train").glob("*.csv")
    (predict,) = (made.out / "glue_transformed" / "batch_predict").glob("*.csv")
    lines = train.read_text().splitlines()
    variables = "amount,merchant,category,merch_lat,merch_long"
    assert lines[0].startswith(variables)
    assert lines[0].endswith(",EVENT_TIMESTAMP,EVENT_LABEL")
    assert lines[1].startswith('7.50,"Kirlin, ""Sons""",personal_care,33.98,-81.2')
    assert lines[1].endswith(",2020-01-15T10:00:00Z,legit")
    assert lines[2].endswith(",2020-01-15T10:00:00Z,fraud")
    lines = predict.read_text().splitlines()
    assert lines[0].endswith(",EVENT_TIMESTAMP,ENTITY_TYPE,ENTITY_ID,EVENT_ID")
    ending = f",2020-03-15T10:00:00Z,customer,{card_token(CARD, KEY)},"
    # the service takes no capital letters or points in an event's id
    assert {line.removeprefix(line.split(ending)[0]) for line in lines[1:]} >= {
        f"{ending}id2",
        f"{ending}{event_id('T.5')}",
    }


def test_tokens_stay_as_they_are(spark: Session, tmp_path: Path) -> None:
    token = card_token(CARD, b"another key of theirs")
    made = spark.run(written(tmp_path / "in" / "t.csv", table(cc_num=token)), tmp_path / "out")
    train = made.table("train")
    assert train is not None and set(train["cc_num"].to_pylist()) == {token}


def test_without_a_split_labels_say_what_is_trained_on(spark: Session, tmp_path: Path) -> None:
    rows = table(20, is_fraud=[row % 2 if row < 12 else None for row in range(20)])
    given = written(tmp_path / "in" / "t.csv", rows.astype({"is_fraud": "Int64"}))
    made = spark.run(given, tmp_path / "out", "--train-until", "none", "--predict-from", "none")
    assert made.report["written"] == {"train": 12, "predict": 8}
    assert "is_fraud" not in made.table("batch_predict").column_names  # type: ignore[union-attr]


def test_the_first_of_an_id_is_kept(spark: Session, tmp_path: Path) -> None:
    for name, merchant in (("a.csv", "first"), ("b.csv", "second")):
        rows = table(6, merchant=merchant)
        rows.loc[5, "trans_num"] = "id0"
        written(tmp_path / "in" / name, rows)
    made = spark.run(tmp_path / "in", tmp_path / "out")
    assert made.report["read"] == 12 and adds_up(made.report)
    assert made.report["written"]["train"] == 5
    assert set(made.table("train")["merchant"].to_pylist()) == {"first"}  # type: ignore[index]
    again = [(row["file"], row["row"]) for row in made.quarantined]
    assert again == [("a.csv", 6), *(("b.csv", row) for row in range(1, 7))]
    assert all("allowed: each transaction once" in row["reason"] for row in made.quarantined)


def test_what_was_read_is_removed_unless_it_is_to_stay(spark: Session, tmp_path: Path) -> None:
    good = written(tmp_path / "in" / "good.csv", table())
    bad = tmp_path / "in" / "bad.csv.gz"
    bad.write_bytes(gzip.compress(table().to_csv(index=False).encode())[:-20])
    assert spark.run(tmp_path / "in", tmp_path / "kept").status == 1
    assert good.exists() and bad.exists()
    assert spark.run(tmp_path / "in", tmp_path / "out", "--keep-raw", "false").status == 1
    assert (good.exists(), bad.exists()) == (False, True), "what could not be read stays"


GOOD = table(12)
TEXT = GOOD.to_csv(index=False)


def _tenth_is_bad() -> bytes:
    rows = table(40)
    rows["trans_num"] = [f"x{row}" for row in range(40)]
    rows.loc[::10, "amt"] = "twelve"
    return rows.to_csv(index=False).encode()


def _fewer_values() -> bytes:
    lines = TEXT.replace("id", "y").splitlines()
    lines[2] = lines[2].rpartition(",")[0]
    lines[4] = lines[4].replace("personal_care", '"personal" care')
    return "\n".join(lines).encode()


WRONG_FILES: dict[str, tuple[str, Callable[[], bytes], str]] = {
    "a truncated gzip": ("bad.csv.gz", lambda: gzip.compress(TEXT.encode())[:-30], "the gzip ends in the middle"),
    "no gzip": ("bad.csv.gz", lambda: b"\x1f\x8b" + b"x" * 100, "bad.csv.gz"),
    "another delimiter": ("bad.csv", lambda: TEXT.replace(",", "^").encode(), "none of the columns is there"),
    "a column too few": (
        "bad.csv", lambda: GOOD.drop(columns="amt").to_csv(index=False).encode(), "the file has no column 'amt'",
    ),
    "empty": ("bad.csv", lambda: b"", "the file is empty"),
    "a header alone": ("bad.csv", lambda: TEXT.splitlines()[0].encode() + b"\n", "no transactions"),
    "Parquet cut off": ("bad.parquet", lambda: b"PAR1" + b"x" * 50, "cannot be read as Parquet"),
    "an Excel workbook": ("bad.csv", lambda: b"PK\x03\x04" + b"x" * 50, "an Excel workbook"),
    "of another name": ("bad.pdf", lambda: b"%PDF", "a file named '.pdf'"),
    "two encodings": ("bad.csv", lambda: TEXT.encode() + "é,ü".encode() + b"\xe9\xff\n", "bad.csv"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG_FILES)
def test_a_file_that_cannot_be_read_is_told_and_the_good_one_goes_on(case: str, spark: Session, tmp_path: Path) -> None:
    name, content, says = WRONG_FILES[case]
    written(tmp_path / "in" / "good.csv", GOOD)
    (tmp_path / "in" / name).write_bytes(content())
    made = spark.run(tmp_path / "in", tmp_path / "out")
    (refused,) = made.report["refused"]
    told = "transform: 1 of 2 files refused, the rows of the others are written: "
    assert made.status == 1 and made.said.splitlines()[-1].startswith(told + " ".join(refused["reason"].split())[:100])
    assert refused["file"] == name and says in refused["reason"], refused
    assert str(tmp_path) not in refused["reason"], "the name is the file's, not the machine's"
    assert made.report["read"] == made.report["written"]["train"] == 12
    assert not any(path.is_file() for path in (made.out / "_working").rglob("*"))


GOOD_FILES: dict[str, tuple[Callable[[], bytes], int, int]] = {
    "a byte-order mark": (lambda: b"\xef\xbb\xbf" + TEXT.encode(), 12, 0),
    "CRLF": (lambda: TEXT.replace("\n", "\r\n").encode(), 12, 0),
    "UTF-16": (lambda: TEXT.encode("utf-16"), 12, 0),
    "windows-1252": (lambda: TEXT.replace("Kirlin", "Café").encode("windows-1252"), 12, 0),
    "semicolons": (lambda: TEXT.replace(",", ";").encode(), 12, 0),
    "tabs": (lambda: TEXT.replace(",", "\t").encode(), 12, 0),
    "a tenth of its rows bad": (_tenth_is_bad, 36, 4),
    "a value too few and an open quote": (_fewer_values, 10, 2),
}


@pytest.mark.parametrize("case", GOOD_FILES)
def test_good_rows_are_never_lost(case: str, spark: Session, tmp_path: Path) -> None:
    content, good, bad = GOOD_FILES[case]
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "t.csv").write_bytes(content())
    made = spark.run(tmp_path / "in", tmp_path / "out")
    assert made.status == 0, made.said
    assert made.report["refused"] == []
    assert (made.report["written"]["train"], len(made.quarantined)) == (good, bad), made.quarantined
    assert adds_up(made.report)
    assert all(row["file"] == "t.csv" and row["row"] and "; allowed: " in row["reason"] for row in made.quarantined)
    assert not any(readable(path.read_bytes()) for path in made.out.rglob("*") if path.is_file())


def test_nothing_that_can_be_read_is_an_error(spark: Session, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "bad.csv").write_bytes(b"")
    made = spark.run(tmp_path / "in", tmp_path / "out")
    assert made.status == 1
    assert "1 of 1 files refused, nothing is written: bad.csv: " in made.said
    assert not (made.out / "glue_transformed").exists()
    empty = tmp_path / "none"
    empty.mkdir()
    assert spark.run(empty, tmp_path / "out2").status == 1


VALUES: dict[str, list[Any]] = {
    "amt": ["1.00", "0", "-1", "1.234", "x", None, "1e3", "1000000"],
    "trans_num": ["id1", "id2", "id3", "", None, "with space", CARD],
    "merchant": ["m", "ü", "", None, "x" * 101, CARD],
    "trans_date_trans_time": [*DAYS, "yesterday", None, "1999-01-01 00:00:00", "2020-01-01T00:00:00+99:00"],
    "cc_num": [CARD, "41", None, card_token(CARD, KEY), "4000 0566 5566 5556"],
    "merch_lat": ["1", "91", "north", None],
    "is_fraud": ["0", "1", None, "maybe"],
    "entry_mode": ["chip", "", "CHIP!", None],
}
ROWS = st.lists(
    st.fixed_dictionaries({name: st.sampled_from(values) for name, values in VALUES.items()}), min_size=1, max_size=12
)


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS, split=st.booleans(), broken=st.integers(0, 2))
@pytest.mark.parametrize("name", ["t.csv", "t.jsonl", "t.parquet"])
@pytest.mark.timeout(600)
def test_rows_in_are_rows_out(
    name: str, rows: list[dict[str, Any]], split: bool, broken: int, spark: Session, tmp_path_factory: Any
) -> None:
    folder = tmp_path_factory.mktemp("rows")
    given = written(folder / "in" / name, pd.DataFrame([{"category": "c", "merch_long": "1", **row} for row in rows]))
    if name != "t.parquet":
        with given.open("a") as file:
            file.write(("one,value\n" if name == "t.csv" else "[1]\n") * broken)
    else:
        broken = 0
    made = spark.run(folder / "in", folder / "out", *(SPLIT if split else ()))
    if made.report["refused"]:
        assert broken, made.report  # more broken rows than whole ones: no such file
        return
    assert made.report["read"] == len(rows) + broken
    assert adds_up(made.report)
    for which, count in (("train", "train"), ("batch_predict", "predict")):
        assert len(made.ids(which)) == made.report["written"][count]
    assert len(made.quarantined) == sum(made.report["quarantined"].values())
    ids = [*made.ids("train"), *made.ids("batch_predict")]
    assert len(ids) == len(set(ids))
    assert not any(readable(path.read_bytes()) for path in made.out.rglob("*") if path.is_file())
    assert json.loads(made.said.splitlines()[-1])["read"] == made.report["read"]
