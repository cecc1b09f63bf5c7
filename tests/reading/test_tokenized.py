"""Files with tokens in place of card numbers: the rest of each row as it was, and no card number left, however a file is cut."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraud.card_numbers import MASK, holds_card_number
from fraud.transaction import card_token
from reading.errors import BadInputError
from reading.tokenized.cards import NO_CARD, Cards, holds_one
from reading.tokenized.delimited import Delimited, tokenized_rows
from reading.tokenized.doubtful import doubtful
from reading.tokenized.json_lines import tokenized_lines
from reading.tokenized.packed import packed, unpacked
from reading.tokenized.parquet import tokenized_parquet

KEY = b"0123456789abcdef"
CARD, OTHER = "4000056655665556", "5555555555554444"
TOKEN = card_token(CARD, KEY)
NAMES = ("id", "cc_num", "note")
_CUTS = st.lists(st.integers(1, 60), min_size=1, max_size=8)
_PIECES = st.sampled_from(
    [
        CARD,
        ",",
        '"',
        "\n",
        "\r\n",
        " ",
        "abc",
        "12.5",
        "é",
        "４０",
        "-",
        '""',
        "\\",
        "%20",
        "{",
        "}",
        ":",
        "4111 1111 1111 1111",
    ]
)


def _cut(content: bytes, lengths: list[int]) -> Iterator[bytes]:
    place, turn = 0, 0
    while place < len(content):
        yield content[place : place + lengths[turn % len(lengths)]]
        place += lengths[turn % len(lengths)]
        turn += 1


def _rows(
    content: str, lengths: list[int] | None = None, delimiter: str = ",", card: int | None = 1
) -> tuple[str, Cards]:
    cards = Cards(KEY)
    form = Delimited(NAMES, delimiter, card)
    return b"".join(tokenized_rows(_cut(content.encode(), lengths or [1 << 20]), form, cards)).decode(), cards


def _lines(content: str, lengths: list[int] | None = None) -> tuple[str, Cards]:
    cards = Cards(KEY)
    return b"".join(tokenized_lines(_cut(content.encode(), lengths or [1 << 20]), "cc_num", cards)).decode(), cards


_VALUES = st.text(st.sampled_from('ab1 ,;"\n\r.é'), max_size=6)


@given(st.lists(st.tuples(_VALUES, st.sampled_from([CARD, OTHER, TOKEN, "", "12"]), _VALUES), min_size=1), _CUTS,
       st.sampled_from(",;"), st.sampled_from(["\n", "\r\n"]), st.booleans())  # fmt: skip
def test_whatever_a_csv_holds_its_other_values_stay(
    rows: list[tuple[str, str, str]], cuts: list[int], delimiter: str, ends: str, ended: bool
) -> None:
    def written(values: list[tuple[str, ...]]) -> str:
        text = io.StringIO()
        csv.writer(text, delimiter=delimiter, lineterminator=ends).writerows([NAMES, *values])
        return text.getvalue() if ended else text.getvalue().removesuffix(ends)

    made, cards = _rows(written(rows), cuts, delimiter)
    tokens = {CARD: TOKEN, OTHER: card_token(OTHER, KEY), TOKEN: TOKEN, "": "", "12": NO_CARD}
    expected = [(first, tokens[card], last) for first, card, last in rows]
    assert made == written(expected)
    assert cards.counts.rows == len(rows) and not cards.counts.malformed and not cards.counts.masked
    assert cards.counts.made == sum(card in (CARD, OTHER) for _, card, _ in rows)


@given(st.lists(_PIECES, max_size=60), _CUTS)
def test_however_malformed_a_csv_is_no_card_number_is_left(pieces: list[str], cuts: list[int]) -> None:
    made, _ = _rows("id,cc_num,note\n" + "".join(_apart(pieces)), cuts)
    assert CARD not in made and "4111 1111 1111 1111" not in made


@given(st.lists(_PIECES, max_size=60), _CUTS)
def test_however_malformed_json_lines_are_no_card_number_is_left(pieces: list[str], cuts: list[int]) -> None:
    made, _ = _lines('{"cc_num": "1"}\n' + "".join(_apart(pieces)), cuts)
    assert CARD not in made and "4111 1111 1111 1111" not in made


def _apart(pieces: list[str]) -> Iterator[str]:
    """Numbers with something between them: of a longer run of digits none is a card number."""
    for piece in pieces:
        yield piece
        if piece[-1:].isdigit():
            yield "x"


@given(st.lists(_PIECES, max_size=12).map("".join))
def test_what_holds_a_card_number_is_looked_at(text: str) -> None:
    if holds_card_number(text):
        begins, stops = doubtful(np.frombuffer(text.encode(), np.uint8), np.zeros(0, np.int64))
        assert len(begins) and (begins < stops).all()
        assert holds_one(text)


@pytest.mark.parametrize(
    "value", ["2020-01-01 10:00:00.000", "1325376018", "-82.0483151234567", "2020-01-01T10:00:00Z"]
)
def test_a_time_or_a_number_holds_none(value: str) -> None:
    assert not holds_one(value) and not holds_card_number(value)


def test_a_row_of_another_width_loses_every_number_of_a_cards_length() -> None:
    made, cards = _rows(f"id,cc_num,note\n1,{CARD},x\n2,x,{CARD},4111111111111112\n\n3,{CARD}\n")
    assert made == f"id,cc_num,note\n1,{TOKEN},x\n2,x,{MASK},{MASK}\n\n3,{MASK}\n"
    assert (cards.counts.rows, cards.counts.malformed, cards.counts.made) == (3, 2, 1)


def test_one_empty_value_too_many_moves_nothing() -> None:
    made, cards = _rows(f"id,cc_num,note\n1,{CARD},x,\r\n2,{CARD},y,z\n")
    assert made == f"id,cc_num,note\n1,{TOKEN},x,\r\n2,{MASK},y,z\n"
    assert cards.counts.malformed == 1


def test_a_quote_within_a_value_opens_nothing() -> None:
    rows = "".join(f'{row},{CARD},5" pipe\n' for row in range(5))
    made, cards = _rows(f'id,cc_num,note\n{rows}6,"{CARD}","a, ""b""\nc"\n', [7])
    assert made == f'id,cc_num,note\n{rows}6,"{CARD}","a, ""b""\nc"\n'.replace(CARD, TOKEN)
    assert (cards.counts.rows, cards.counts.malformed) == (6, 0)


def test_a_quote_that_nothing_closes_takes_no_more_memory_than_a_row() -> None:
    rows = "".join(f"{row},{CARD},x\n" for row in range(150_000))
    made, _ = _rows(f'id,cc_num,note\n1,{CARD},"x\n{rows}', [1 << 17])
    assert CARD not in made
    assert made.count("\n") == 150_002


def test_a_card_number_elsewhere_is_masked_and_counted_by_its_column() -> None:
    made, cards = _rows(f'id,cc_num,note\n1,{CARD},"pay {OTHER}, now"\n{OTHER},{CARD},4000 0566 5566 5556\n')
    assert made == f'id,cc_num,note\n1,{TOKEN},"pay {MASK}, now"\n{MASK},{TOKEN},{MASK}\n'
    assert cards.counts.masked == {"note": 2, "id": 1}


def test_without_a_column_of_them_every_card_number_is_masked() -> None:
    made, _ = _rows(f"id,cc_num,note\n1,{CARD},x\n", card=None)
    assert made == f"id,cc_num,note\n1,{MASK},x\n"


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-99999, 99999) | st.text(st.sampled_from('ab "\\é1'), max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "cc_num"]), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(st.lists(st.tuples(_JSON, st.sampled_from([CARD, int(CARD), None, "", 12])), min_size=1), _CUTS, st.booleans())
def test_whatever_json_lines_hold_their_other_values_stay(
    rows: list[tuple[Any, Any]], cuts: list[int], ascii_: bool
) -> None:
    tokens: dict[Any, Any] = {CARD: TOKEN, int(CARD): TOKEN, None: None, "": "", 12: NO_CARD}
    content = "".join(json.dumps({"note": note, "cc_num": card}, ensure_ascii=ascii_) + "\n" for note, card in rows)
    made, cards = _lines(content, cuts)
    assert cards.counts.rows == len(rows) and not cards.counts.malformed
    for line, (_, card) in zip(made.splitlines(), rows, strict=True):
        assert json.loads(line)["cc_num"] == tokens[card]
    if '"cc_num"' not in json.dumps([note for note, _ in rows]):
        assert [json.loads(line)["note"] for line in made.splitlines()] == [note for note, _ in rows]
        if not any(card in ("", 12) for _, card in rows):
            assert made == content.replace(f'"{CARD}"', f'"{TOKEN}"').replace(CARD, f'"{TOKEN}"')


@pytest.mark.parametrize(
    ("line", "made"),
    [
        (f'{{"cc_num": {CARD}, "note": {OTHER}}}', f'{{"cc_num": "{TOKEN}", "note": "{MASK}"}}'),
        (f'{{"cc_num":"{CARD}","n":"x {OTHER}","f":1.10}}', f'{{"cc_num": "{TOKEN}", "n": "x {MASK}", "f": 1.10}}'),
        (f'{{"cc\\u005fnum": "{CARD}", "x": 1.50}}', f'{{"cc_num": "{TOKEN}", "x": 1.50}}'),
        (f'{{"cc_num": "{OTHER}", "cc_num": "{CARD}"}}', f'{{"cc_num": "{TOKEN}"}}'),
        (f'{{"old": {{"cc_num": "{OTHER}"}}, "cc_num": "{CARD}"}}', f'{{"old": {{"cc_num": "{MASK}"}}, "cc_num": "{TOKEN}"}}'),
        (f'{{"note": "the \\"cc_num\\": {CARD}", "x": 1}}', f'{{"note": "the \\"cc_num\\": {MASK}", "x": 1}}'),
        (f'{{"cc_num": "{CARD}", "a": [4000056655665556E0]}}', f'{{"cc_num": "{TOKEN}", "a": ["{MASK}"]}}'),
        (f'{{"cc_num": "{CARD}", "n": ', f'{{"cc_num": "{TOKEN}", "n": '),
        (f'["{CARD}"]', f'["{MASK}"]'),
        ('{"cc_num": null}', '{"cc_num": null}'),
        ('{"x": 1}', '{"x": 1}'),
    ],
)  # fmt: skip
def test_lines_of_json(line: str, made: str) -> None:
    assert _lines(f"{line}\n{line}")[0] == f"{made}\n{made}"


def test_parquet_keeps_its_other_columns(tmp_path: Path) -> None:
    table = pa.table({
        "cc_num": pa.array([int(CARD), None, int(OTHER)], pa.int64()),
        "amt": pa.array(["1.00", "2.00", f"3 {CARD}"]).dictionary_encode(),
        "wide": pa.array([1, int(OTHER), 3], pa.int64()),
        "real": pa.array([1.5, float(OTHER), None], pa.float64()),
        "when": pa.array([1_577_836_800_000] * 3, pa.timestamp("ms", "UTC")),
        "list": pa.array([["a"], [CARD], []], pa.list_(pa.string())),
    })  # fmt: skip
    pq.write_table(table, tmp_path / "a.parquet", compression="zstd")
    cards = Cards(KEY)
    with (tmp_path / "a.parquet").open("rb") as file:
        made = b"".join(tokenized_parquet(tmp_path / "a.parquet", file, "cc_num", cards))
        file.seek(0)
        assert made == b"".join(tokenized_parquet(tmp_path / "a.parquet", file, "cc_num", Cards(KEY)))
    read = pq.read_table(pa.BufferReader(made))
    assert read.column("cc_num").to_pylist() == [TOKEN, None, card_token(OTHER, KEY)]
    assert read.column("amt").to_pylist() == ["1.00", "2.00", f"3 {MASK}"]
    assert read.column("wide").to_pylist() == [1, None, 3]
    assert read.column("real").to_pylist() == [1.5, None, None]
    assert read.column("when").equals(table.column("when"))
    assert read.column("list").to_pylist() == [["a"], None, []]
    assert cards.counts.masked == {"amt": 1, "wide": 1, "real": 1, "list": 1}
    assert pq.ParquetFile(pa.BufferReader(made)).metadata.row_group(0).column(0).compression == "ZSTD"


@given(st.binary(max_size=5000), st.sampled_from(["gzip", "zstd"]), st.integers(0, 5000))
def test_packed_is_read_from_any_place(content: bytes, packing: Any, place: int) -> None:
    if packing == "gzip":
        file: Any = io.BytesIO(b"".join(packed([content])))
    else:
        file = io.BytesIO(pa.compress(content, "zstd", asbytes=True))
    with unpacked(Path("a"), file, packing) as stream:
        assert stream.read(10_000) == content
        stream.seek(place)
        assert stream.read(10_000) == content[place:]
        stream.seek(0)
        assert stream.read(10_000) == content


@pytest.mark.parametrize(
    ("packing", "whole"),
    [("gzip", b"".join(packed([b"x" * 99]))), ("zstd", pa.compress(bytes(range(256)), "zstd", asbytes=True))],
)
def test_what_is_packed_and_cut_off_is_named(packing: Any, whole: bytes) -> None:
    with (
        unpacked(Path("a"), io.BytesIO(whole[:-5]), packing) as stream,
        pytest.raises(BadInputError, match=r"a: (the|no) "),
    ):
        while stream.read(100):
            pass
