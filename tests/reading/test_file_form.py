"""The form of a person's file: its encoding, its columns each once, its lines and quotes; every refusal says where and what."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reading.errors import BadInputError
from reading.text import ENCODINGS, utf8_text
from reading.transactions import AS_USUAL, Reading, checked_reading
from tests.cli.person_files import CARD, csv, frame, fraud, parquet, read

PLAIN = csv()
ACCENTS = csv(merchant="fraud_Café, Ñandú")


def _file(folder: Path, content: bytes, name: str = "t.csv") -> Path:
    file = folder / name
    file.write_bytes(content)
    return file


def _merchants(file: Path, reading: Reading = AS_USUAL) -> list[str]:
    return read(file, reading, ("merchant",))[1]


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (ACCENTS.encode(), None),
        (ACCENTS.encode("utf-8-sig"), None),
        (ACCENTS.encode("utf-16"), None),
        (ACCENTS.encode("utf-16-le"), None),
        (ACCENTS.encode("utf-16-be"), None),
        (ACCENTS.encode("windows-1252"), None),
        (b"\xff\xfe" + ACCENTS.encode("utf-16-le"), None),
        (b"\xfe\xff" + ACCENTS.encode("utf-16-be"), None),
        (ACCENTS.encode("utf-32"), None),
        (ACCENTS.encode(), "utf-8"),
        (ACCENTS.encode("utf-8-sig"), "UTF-8"),
        (ACCENTS.encode("utf-16"), "utf-16"),
        (ACCENTS.encode("utf-16-le"), "utf-16-le"),
        (ACCENTS.encode("utf-16-be"), "utf-16-be"),
        (b"\xff\xfe" + ACCENTS.encode("utf-16-le"), "utf-16-le"),
        (ACCENTS.encode("windows-1252"), "windows-1252"),
        (ACCENTS.encode("windows-1252"), "cp1252"),
        (ACCENTS.encode("latin-1"), "latin-1"),
        (ACCENTS.replace("\n", "\r\n").encode("cp850"), "cp850"),
    ],
)
def test_it_is_read_in_its_encoding(content: bytes, encoding: str | None, tmp_path: Path) -> None:
    assert _merchants(_file(tmp_path, content), checked_reading(encoding, "UTC")) == ["fraud_Café, Ñandú"] * 8


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_encoding_that_may_be_named_is_read(encoding: str, tmp_path: Path) -> None:
    assert (
        _merchants(_file(tmp_path, PLAIN.encode(encoding)), checked_reading(encoding, "UTC"))
        == ["fraud_Kirlin and Sons"] * 8
    )


def _at(content: bytes, byte: bytes) -> str:
    place = content.index(byte)
    return f"line {content[:place].count(10) + 1}, byte {place + 1:,}"


NOT_UTF8 = ACCENTS.encode("windows-1252")
NOT_1252 = NOT_UTF8.replace(b"\xe9", b"\x81")
UNMARKED = PLAIN.encode("utf-16-le")
NOT_LATIN = csv(merchant="Кафе на углу").encode("koi8-r")
TWO = NOT_UTF8.split(b"\n")
TWO[5] = TWO[5].decode("windows-1252").encode()
TWO = b"\n".join(TWO)


@pytest.mark.parametrize(
    ("content", "encoding", "said"),
    [
        (NOT_LATIN, None, [_at(NOT_LATIN, b"\xeb"), "0xEB is not UTF-8", "allowed: UTF-8, UTF-16 or UTF-32",
                           "--encoding windows-1252"]),
        (TWO, None, [_at(TWO, b"\xe9"), "0xE9 is not UTF-8", "line 6 holds a letter of UTF-8: two encodings are in the file"]),
        (PLAIN.encode() + b"\xc3", None, ["line 10, byte", "0xC3 is not UTF-8"]),
        (NOT_UTF8, "utf-8", [_at(NOT_UTF8, b"\xe9"), "0xE9 is not utf-8, as --encoding says"]),
        (NOT_1252, "windows-1252", [_at(NOT_1252, b"\x81"), "0x81 is not windows-1252, as --encoding says"]),
        (UNMARKED, "utf-8", ["line 1, byte 2", "a NUL", "looks like UTF-16 without its mark: --encoding utf-16-le"]),
        (PLAIN.encode("utf-16-be"), "utf-8", ["line 1, byte 1", "--encoding utf-16-be"]),
        (UNMARKED, "utf-16", ["does not begin with the mark of utf-16", "--encoding utf-16-le or utf-16-be"]),
        (ACCENTS.encode("utf-16")[:-1], None, ["line 9, byte", "is not UTF-16, as its mark says"]),
        (ACCENTS.encode("utf-8-sig"), "windows-1252", ["begins with the mark of UTF-8, but --encoding says windows-1252"]),
        (ACCENTS.encode("utf-16"), "utf-8", ["begins with the mark of UTF-16"]),
        (PLAIN.replace("id3", "id\0").encode(), None, ["line 5, byte", "a NUL, which is no text"]),
        (PLAIN.replace("id3", "id\0").encode("utf-16"), None, ["line 5, byte", "a NUL, which is no text; read as UTF-16"]),
    ],
)  # fmt: skip
def test_what_is_not_of_the_encoding_is_named_with_byte_and_line(
    content: bytes, encoding: str | None, said: list[str], tmp_path: Path
) -> None:
    with pytest.raises(BadInputError) as refused:
        read(_file(tmp_path, content), checked_reading(encoding, "UTC"))
    for words in ("t.csv: ", *said):
        assert words in str(refused.value)


def test_the_byte_is_named_wherever_it_stands(tmp_path: Path) -> None:
    """The bytes are read in pieces: a file of three of them, broken at their edges."""
    text = PLAIN.encode()
    long = text + b"".join(text.split(b"\n", 1)[1] for _ in range((12 << 20) // len(text)))
    for place in (4 << 20, (4 << 20) - 1, (8 << 20) + 1, len(long)):
        broken = long[:place] + b"\xff" + long[place:]
        with (
            pytest.raises(BadInputError, match=f"line {broken[:place].count(10) + 1}, byte {place + 1:,}: 0xFF"),
            _file(tmp_path, broken).open("rb") as content,
            utf8_text(tmp_path / "t.csv", content, None),
        ):
            pass


def test_the_byte_is_named_behind_a_letter_of_two_pieces(tmp_path: Path) -> None:
    edge = 4 << 20
    content = b"x" * (edge - 1) + "é".encode() + b"\n\xff"
    file = _file(tmp_path, content)
    said = f"line 2, byte {edge + 3:,}: 0xFF"
    with pytest.raises(BadInputError, match=said), file.open("rb") as content, utf8_text(file, content, None):
        pass


@pytest.mark.parametrize("name", ["windows-1253x", "utf-7", "rot13", "base64", "idna", "", "ütf-8", "undefined"])
def test_an_encoding_that_is_none_is_refused_before_the_file_is_read(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for command in (("features",), ("evaluate",), ("replay", "--model", tmp_path, "--day", "2020-01-02")):
        status, error = fraud(
            monkeypatch, capsys, *command, "--data", "none.csv", "--out", tmp_path / "out", "--encoding", name
        )
        assert (status, "--encoding" in error, "windows-1252" in error) == (2, True, True), error


def test_a_copy_in_another_encoding_is_never_on_disk(tmp_path: Path) -> None:
    file = _file(tmp_path, PLAIN.encode("utf-16"))
    with file.open("rb") as content, utf8_text(file, content, None) as (text, _):
        assert CARD.encode() in text.read()
        assert Path(f"/proc/self/fd/{text.fileno()}").readlink().as_posix().startswith("/memfd:")
    assert list(tmp_path.iterdir()) == [file]


ENDS = {
    "CRLF": lambda text: text.replace("\n", "\r\n"),
    "CR": lambda text: text.replace("\n", "\r"),
    "LF after CRLF": lambda text: text.replace("\n", "\r\n", 3),
    "CRLF after LF": lambda text: text[: len(text) // 2] + text[len(text) // 2 :].replace("\n", "\r\n"),
    "CR after CRLF": lambda text: text.replace("\n", "\r\n", 3).replace("\n", "\r"),
    "blank lines between": lambda text: text.replace("\n", "\n\n"),
    "no end of the last line": lambda text: text.rstrip("\n"),
    "a comma more on every line": lambda text: text.replace("\n", ",\n"),
    "semicolons between": lambda text: text.replace(",", ";"),
    "tabs between": lambda text: text.replace(",", "\t"),
    "a name in another case": lambda text: text.replace("amt", "Amt"),
    "a line's end in a quoted value": lambda text: text.replace("fraud_Kirlin and Sons", '"fraud_Kirlin\nand Sons"'),
}


@pytest.mark.parametrize("ends", ENDS)
def test_lines_may_end_in_any_way(ends: str, tmp_path: Path) -> None:
    file = _file(tmp_path, ENDS[ends](PLAIN).encode())
    assert read(file, columns=("transaction_id",))[1] == [f"id{row}" for row in range(8)]


def _change(old: str, new: str) -> Callable[[str], str]:
    return lambda text: text.replace(old, new, 1)


FORMS = {
    "a value too few": (_change("id3,33.98,", "id3,"), ["line 5, row 4", "9 values; allowed: 10"]),
    "a value too many": (_change("id3,", "id3,7,"), ["line 5, row 4", "11 values; allowed: 10"]),
    "too few after a quoted line": (
        lambda text: text.replace("fraud_Kirlin and Sons", '"a\nb"').replace("id3,33.98,", "id3,"),
        ["line 8, row 4", "9 values"],
    ),
    "a quote that is not closed": (_change("fraud_Kirlin and Sons", '"fraud_Kirlin'), ["line 2, row 1", "does not end"]),
    "one in the last line": (lambda text: text.rstrip("\n") + ',"0', ["line 9, row 8"]),
    "a quote within a quoted value": (_change("fraud_Kirlin and Sons", '"fraud"x'), ["line 2, row 1", '"" for a quote']),
    "a header alone": (lambda text: text.splitlines()[0] + "\n", ["no transactions"]),
    "no header": (lambda text: text.split("\n", 1)[1], ["none of the columns is there", "needed: a header with"]),
    "an empty first line": (lambda text: "\n" + text, ["line 1 is empty; needed: a header"]),
    "lines alone": (lambda text: "\n\n\n", ["line 1 is empty"]),
    "carets": (lambda text: text.replace(",", "^"), ["none of the columns is there"]),
    "another name": (_change("amt", "amnt"), ["[fields] amount: the file has no column 'amt' (near: 'amnt')"]),
    "the label twice": (
        lambda text: "".join(f"{line},{'is_fraud' if not place else 1}\n" for place, line in enumerate(text.splitlines())),
        ["the column 'is_fraud' is there twice", "column 10", "column 11"],
    ),
    **{
        f"a column twice: {name!r}": (_change("Unnamed: 0", name), ["is there twice", "column 1 is", "column 6 is 'amt'"])
        for name in ("amt", "Amt", " amt", "amt ", "AMT\u00a0", "\ufeffamt", "\u200bamt", '"""amt"""', '" amt"', "ａｍｔ")
    },
    "another column twice": (_change("Unnamed: 0", "x,X"), ["the column 'x' is there twice", "column 2 is 'X'"]),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_form_that_is_no_table_is_refused(form: str, encoding: str, tmp_path: Path) -> None:
    change, said = FORMS[form]
    with pytest.raises(BadInputError) as refused:
        read(_file(tmp_path, change(PLAIN).encode(encoding)))
    for words in ("t.csv: ", *said):
        assert words in str(refused.value)
    assert CARD not in str(refused.value)


def test_columns_without_a_name_are_no_columns_twice(tmp_path: Path) -> None:
    text = "\n".join(f",,{line}" for line in PLAIN.splitlines())
    assert read(_file(tmp_path, text.encode()))[0].transactions == 8


def test_names_may_be_quoted(tmp_path: Path) -> None:
    assert read(_file(tmp_path, PLAIN.replace("amt", '"amt"').encode("utf-8-sig")))[0].transactions == 8


@pytest.mark.parametrize("name", ["amt", "Amt", " amt ", "AMT\u200b"])
def test_a_column_twice_in_parquet_is_refused(name: str, tmp_path: Path) -> None:
    table = pq.read_table(parquet(tmp_path / "t.parquet"))
    pq.write_table(table.append_column(name, table["amt"]), tmp_path / "t.parquet")
    with pytest.raises(BadInputError, match="the column 'amt' is there twice: column 6 is 'amt', column 11 is"):
        read(tmp_path / "t.parquet")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        (
            "t.csv.bz2",
            b"BZh",
            "a file named '.bz2'; allowed: .csv, .tsv, .txt, .jsonl, .ndjson, .json, .parquet, each also with .gz",
        ),
        ("t.csv", b"PK\x03\x04...", "a zip archive or an Excel workbook"),
        ("t.parquet", b"PAR1 and no more", "cannot be read as Parquet"),
        ("t.parquet", PLAIN.encode(), "not Parquet"),
        ("t.csv", b"", "the file is empty"),
        ("t.csv", b"\xef\xbb\xbf", "line 1 is empty"),
    ],
)
def test_what_is_no_table_at_all_is_refused(name: str, content: bytes, said: str, tmp_path: Path) -> None:
    with pytest.raises(BadInputError) as refused:
        read(_file(tmp_path, content, name))
    assert said in str(refused.value)


def test_a_folder_without_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.csv").mkdir()
    with pytest.raises(BadInputError, match=r"a folder without a file of rows; allowed: \.csv, "):
        read(tmp_path / "t.csv")


@pytest.mark.parametrize(
    ("column", "value"),
    [("amt", value) for value in ("1_000", "١٢", "1e2", "+5", " 5", "0x10", "12,50", "$5", "inf")]
    + [("merch_lat", value) for value in ("1_0", "٣", "inf", "nan", " 1")]
    + [("is_fraud", value) for value in ("١", "1_0", "Yes", "1.0", "true")],
)
def test_a_number_is_written_in_one_way(column: str, value: str, tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=f"row 1: column {column}: "):
        read(_file(tmp_path, csv(**{column: [value] * 8}).encode()))


@pytest.mark.parametrize(
    "amounts",
    [
        pa.array([1.1, 1234.56], pa.float32()),
        pa.array([1.1, 1234.56], pa.float64()),
        pa.array([1.1, 1234.56]).cast(pa.decimal128(10, 2)),
        pa.array(["1.1", "1234.56"]),
        pa.array([b"1.1", b"1234.56"]),
        pa.array(["1.1", "1234.56"]).dictionary_encode(),
    ],
    ids=lambda amounts: str(amounts.type),
)
def test_parquet_amounts_of_any_kind_are_the_same_cents(amounts: pa.Array, tmp_path: Path) -> None:
    table = pa.Table.from_pandas(frame(2), preserve_index=False)
    place = table.column_names.index("amt")
    pq.write_table(table.set_column(place, "amt", amounts), tmp_path / "t.parquet")
    assert read(tmp_path / "t.parquet", columns=("amount_cents",))[1] == [110, 123_456]


def test_a_card_number_in_another_column_is_in_no_error(tmp_path: Path) -> None:
    for column, value in (("trans_num", "4111 1111 1111 1111"), ("trans_num", CARD), ("amt", CARD), ("is_fraud", CARD)):
        with pytest.raises(BadInputError) as refused:
            read(_file(tmp_path, csv(**{column: [value] * 8}).encode()))
        assert value not in str(refused.value)


@pytest.mark.slow
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=st.one_of(
        st.binary(max_size=400),
        st.builds(
            lambda at, bytes_: PLAIN.encode()[:at] + bytes_ + PLAIN.encode()[at + len(bytes_) :],
            st.integers(0, len(PLAIN)),
            st.binary(min_size=1, max_size=4),
        ),
        st.builds(
            lambda at, count: PLAIN[:at] + PLAIN[at + count :],
            st.integers(0, len(PLAIN)),
            st.integers(1, 40),
        ).map(str.encode),
    ),
    encoding=st.sampled_from([None, "windows-1252", "utf-16-le", "gb18030"]),
)
def test_any_file_is_read_or_refused_in_words(content: bytes, encoding: str | None, tmp_path: Path) -> None:
    file = _file(tmp_path, content)
    try:
        said, rows = read(file, Reading(encoding=encoding))
    except BadInputError as error:
        assert "t.csv: " in str(error) and "/proc/" not in str(error)
    else:
        assert said.transactions == len(rows) > 0
