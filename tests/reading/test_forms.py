"""The forms of a person's file: found out, or said in the mapping; packed, or several of them in a folder."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cli.plain_table import read_table
from reading.errors import BadInputError
from reading.mapping.toml_file import SHIPPED
from reading.transactions import checked_reading
from tests.cli.person_files import CARD, csv, frame, parquet, read

ROWS = frame(8, merchant=[f"Café {row}" for row in range(8)])
NAMES = ("row", "transaction_id", "merchant", "amount_cents", "epoch_ms(event_time)", "is_fraud", "merch_long")
TEXT = ROWS.to_csv(index=False)


def zstd(content: bytes) -> bytes:
    packed: bytes = pa.Codec("zstd").compress(content, asbytes=True)
    return packed


def json_lines(rows: pd.DataFrame) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows.to_dict(orient="records"))


FORMS: dict[str, Callable[[], bytes]] = {
    "t.csv": TEXT.encode,
    "t.tsv": ROWS.to_csv(index=False, sep="\t").encode,
    "t.txt": ROWS.to_csv(index=False, sep=";").encode,
    "t.jsonl": json_lines(ROWS).encode,
    "t.json": lambda: json_lines(ROWS.assign(amt=ROWS["amt"].astype(float))).replace("\n", "\r\n\r\n").encode(),
    "t.ndjson": lambda: json_lines(ROWS).encode("utf-16"),
    "t.parquet": lambda: ROWS.to_parquet(index=False),
    "t.csv.gz": lambda: gzip.compress(TEXT[:300].encode()) + gzip.compress(TEXT[300:].encode()),
    "t.csv.zst": lambda: zstd(TEXT[:300].encode()) + zstd(TEXT[300:].encode()),
    "t.jsonl.gz": lambda: gzip.compress(json_lines(ROWS).encode()),
    "t.parquet.zst": lambda: zstd(ROWS.to_parquet(index=False)),
    "packed.csv": lambda: gzip.compress(TEXT.encode("windows-1252")),
}


@pytest.mark.parametrize("name", FORMS)
def test_the_same_rows_in_any_form_are_the_same_transactions(name: str, tmp_path: Path) -> None:
    (tmp_path / "plain.csv").write_text(TEXT)
    (tmp_path / name).write_bytes(FORMS[name]())
    assert read(tmp_path / name, columns=NAMES)[1] == read(tmp_path / "plain.csv", columns=NAMES)[1]
    assert read_table(tmp_path / name)["trans_num"].tolist() == ROWS["trans_num"].tolist()


@pytest.mark.parametrize("at", ["in", "in/*", "in/part-?.*"])
@pytest.mark.parametrize("kind", ["csv", "csv.gz", "jsonl", "parquet"])
def test_the_files_of_a_folder_or_a_pattern_are_one(at: str, kind: str, tmp_path: Path) -> None:
    (tmp_path / "plain.csv").write_text(TEXT)
    (tmp_path / "in").mkdir()
    parts = [ROWS[:3], ROWS[3:4], ROWS[4:].iloc[:, ::-1]]  # the order of columns may differ
    for place, rows in enumerate(parts):
        path = tmp_path / "in" / f"part-{place}.{kind}"
        if kind == "parquet":
            rows.to_parquet(path, index=False)
        else:
            text = (json_lines(rows) if kind == "jsonl" else rows.to_csv(index=False)).encode()
            path.write_bytes(gzip.compress(text) if kind == "csv.gz" else text)
    if at == "in":
        (tmp_path / "in" / f"_begun.{kind}").write_text("")
        (tmp_path / "in" / f".hidden.{kind}").write_text("")
        (tmp_path / "in" / "README.md").write_text("no rows")
    said, rows = read(tmp_path / at, columns=NAMES)
    assert rows == read(tmp_path / "plain.csv", columns=NAMES)[1]
    assert said.times.endswith("(--timezone); 3 files")
    assert read_table(tmp_path / at)["trans_num"].tolist() == ROWS["trans_num"].tolist()


def test_what_is_found_out_is_said(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(TEXT.encode("windows-1252"))
    assert read(tmp_path / "t.csv")[0].times.endswith("; read as windows-1252, which it looks like (--encoding)")
    (tmp_path / "t.csv").write_text(TEXT)
    assert read(tmp_path / "t.csv")[0].times.endswith("(--timezone)")


KAGGLE = (SHIPPED / "kaggle.toml").read_text()


def test_a_mapping_says_what_the_name_does_not(tmp_path: Path) -> None:
    said = 'format = "csv"\ncompression = "zstd"\ndelimiter = "~"\nencoding = "cp850"'
    (tmp_path / "own.toml").write_text(KAGGLE.replace("[file]", f"[file]\n{said}"))
    (tmp_path / "t.dat").write_bytes(zstd(TEXT.replace(",", "~").encode("cp850")))
    reading = checked_reading(None, None, str(tmp_path / "own.toml"))
    assert read(tmp_path / "t.dat", reading, ("merchant",))[1] == ROWS["merchant"].tolist()
    for key, value in (("format", "xlsx"), ("compression", "zip")):
        (tmp_path / "own.toml").write_text(KAGGLE.replace("[file]", f'[file]\n{key} = "{value}"'))
        with pytest.raises(BadInputError, match=rf"own.toml: \[file\] {key} is '{value}'; allowed: "):
            checked_reading(None, None, str(tmp_path / "own.toml"))


def refused(path: Path) -> str:
    with pytest.raises(BadInputError) as caught:
        read(path)
    assert CARD not in str(caught.value) and "/proc/" not in str(caught.value)
    return str(caught.value)


BROKEN: dict[str, tuple[str, bytes]] = {
    "t.csv.gz: the gzip ends in the middle, behind ": ("t.csv.gz", gzip.compress(TEXT.encode())[:-20]),
    "t.csv.zst: the zstd ends in the middle, behind ": ("t.csv.zst", zstd(TEXT.encode())[:-20]),
    "t.csv.gz: no gzip, or damaged, behind ": ("t.csv.gz", gzip.compress(TEXT.encode())[:40] + b"xxxx" * 99),
    "t.csv.zst: no zstd, or damaged, behind ": ("t.csv.zst", zstd(TEXT.encode())[:6] + b"xxxx" * 99),
    "t.csv.gz: the file is empty; needed: a header and at least one row": ("t.csv.gz", gzip.compress(b"")),
    "t.jsonl: the file is empty": ("t.jsonl", b""),
    "holds no transactions; needed: a header and at": ("t.csv.gz", gzip.compress(TEXT[: TEXT.index("\n") + 1].encode())),
    "holds no transactions; needed: ": ("t.parquet", ROWS[:0].to_parquet(index=False)),
    't.jsonl: line 3, row 2: no JSON object; allowed: a JSON object in each line, as {"': ("t.jsonl", b'{"a": 1}\n\n{"a": \n'),
    "t.jsonl: line 2, row 2: no JSON object": ("t.jsonl", b'{"a": 1}\n[1]\n'),
    "t.json: line 1, row 1: no JSON object": ("t.json", b'[{"a": 1},\n{"a": 2}]\n'),
    "t.csv: the content is JSON, but the name says CSV; name it .jsonl": ("t.csv", b'{"a": 1}\n'),
    "t.jsonl: none of the columns is there; needed: a header with trans_num, cc_num, amt": ("t.jsonl", b'{"a": 1}\n'),
    "the content is Parquet, but the name says JSON lines": ("t.jsonl.gz", gzip.compress(ROWS.to_parquet())),
}  # fmt: skip
"""{what is said: (the file, what is in it)}."""


@pytest.mark.parametrize("says", BROKEN)
def test_what_cannot_be_read_is_named(says: str, tmp_path: Path) -> None:
    name, content = BROKEN[says]
    (tmp_path / name).write_bytes(content)
    assert says in refused(tmp_path / name)


def test_a_value_that_is_wrong_in_json_lines_is_named_with_its_row(tmp_path: Path) -> None:
    for value in (None, "12,5", -1):
        (tmp_path / "t.jsonl").write_text(json_lines(ROWS.assign(amt=[1.5, 2, 3, value, 5, 6, 7, 8])))
        assert "t.jsonl: row 4: column amt: " in refused(tmp_path / "t.jsonl")


def test_what_differs_between_files_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.csv").write_text(TEXT)
    (folder / "b.csv").write_text(TEXT.replace("category", "Category"))
    said = (
        f"b.csv: the column 'category', which {folder}/a.csv has, is not there; allowed: the same columns in all files"
    )
    assert said in refused(folder)
    (folder / "b.csv").write_text(ROWS.assign(more=1).to_csv(index=False))
    assert f"a.csv: the column 'more', which {folder}/b.csv has, is not there" in refused(folder)
    (folder / "b.csv").unlink()
    parquet(folder / "b.parquet")
    assert f"b.parquet: of another form than {folder}/a.csv" in refused(folder)
    (folder / "a.csv").unlink()
    table = pq.read_table(folder / "b.parquet")
    place = table.column_names.index("merch_lat")
    pq.write_table(table.set_column(place, "merch_lat", table["merch_lat"].cast(pa.string())), folder / "c.parquet")
    says = (
        f"c.parquet: the column merch_lat holds text, but in {folder}/b.parquet number; allowed: the same in all files"
    )
    assert says in refused(folder)
    with pytest.raises(BadInputError, match=r"c.parquet: the column merch_lat holds string, but in .*b.parquet double"):
        read_table(folder)


def test_a_row_is_named_with_its_file(tmp_path: Path) -> None:
    for place in range(3):
        (tmp_path / f"{place}.csv").write_text(csv(4, trans_num=[f"{place}-{row}" for row in range(4)]))
    assert read(tmp_path)[0].transactions == 12
    (tmp_path / "1.csv").write_text(csv(4, trans_num=list("abcd"), amt=["1", "2", "3", "x"]))
    assert "1.csv: row 4: column amt: 'x'" in refused(tmp_path)
    (tmp_path / "1.csv").write_text(csv(4, trans_num=["a", "b", "2-1", "d"]))
    assert f"2.csv: row 2: column trans_num: '2-1' stands in {tmp_path}/1.csv: row 3 already" in refused(tmp_path)
    (tmp_path / "1.csv").write_text(csv(4, trans_num=["a", "b", "c", "b"]))
    assert "1.csv: row 4: column trans_num: 'b' stands in row 2 already" in refused(tmp_path)
    (tmp_path / "1.csv").write_text(csv(4).replace("33.98,", "", 1))
    assert "1.csv: line 2, row 1: 9 values; allowed: 10" in refused(tmp_path)
    (tmp_path / "1.csv").write_bytes(b"")
    assert "1.csv: the file is empty" in refused(tmp_path)


@pytest.mark.slow
def test_the_order_of_json_lines_is_the_files(tmp_path: Path) -> None:
    # more than what one thread reads at once
    text = "x" * 400
    rows = "".join(f'{{"a": {number}, "b": "{text}"}}\n' for number in range(150_000))
    (tmp_path / "long.jsonl").write_text(rows)
    assert read_table(tmp_path / "long.jsonl")["a"].tolist() == list(range(150_000))
