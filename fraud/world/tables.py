"""A world as others read it: Kaggle's columns, the stream's rows with tokens, the stream's messages."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from fraud.fields import OPTIONAL_FIELDS
from fraud.transaction import card_token
from fraud.world.generate import World

_HOLDER_BEFORE_PLACE = ("first", "last", "gender", "street", "city", "state", "zip")
_BATCH = 65_536
STREAM_COLUMNS = ("transaction_id", "cc_num", "amount_cents", "event_time", "merchant", "category", "merch_lat",
                  "merch_long")  # fmt: skip


def stream_columns(table: pa.Table) -> list[str]:
    """STREAM_COLUMNS and those of the declared fields that may be missing which a table has: what its messages hold."""
    return [*STREAM_COLUMNS, *(field.name for field in OPTIONAL_FIELDS if field.name in table.column_names)]


def to_kaggle(world: World) -> pa.Table:
    """The transactions in the 22 columns of Kaggle's `fraudTrain.csv`, times with milliseconds, amounts in dollars.

    >>> from fraud.world import WorldSettings, generate
    >>> len(to_kaggle(generate(WorldSettings(cards=5, days=5))).column_names)
    22
    """
    rows, holder = world.transactions, world.cards
    card = rows["card"].to_numpy()
    milliseconds = rows["event_time"].cast(pa.int64()).to_numpy()
    columns = {
        "trans_date_trans_time": rows["event_time"].cast(pa.timestamp("ms")),
        "cc_num": _of_card(holder["card_number"], card),
        "merchant": rows["merchant"],
        "category": rows["category"],
        "amt": pa.array(rows["amount_cents"].to_numpy() / 100),
        **{name: _of_card(holder[name], card) for name in _HOLDER_BEFORE_PLACE},
        **{name: pa.array(holder[name].to_numpy()[card]) for name in ("lat", "long", "city_pop")},
        **{name: _of_card(holder[name], card) for name in ("job", "dob")},
        "trans_num": rows["transaction_id"],
        "unix_time": pa.array(milliseconds // 1000),
        "merch_lat": rows["merch_lat"],
        "merch_long": rows["merch_long"],
        "is_fraud": rows["is_fraud"],
    }
    return pa.table(columns)


def to_file(world: World) -> pa.Table:
    """The transactions in Kaggle's columns, followed by the fields that may be missing, under their own names.

    >>> from fraud.world import WorldSettings, generate
    >>> to_file(generate(WorldSettings(cards=5, days=5))).column_names[-2:]
    ['device_id', 'terminal_id']
    """
    table = to_kaggle(world)
    for name in (field.name for field in OPTIONAL_FIELDS if field.name in world.transactions.column_names):
        table = table.append_column(name, world.transactions[name])
    return table


def _of_card(column: pd.Series, card: np.ndarray) -> pa.Array:
    codes, values = pd.factorize(column)
    return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32)[card]), pa.array(list(values), pa.string()))


def tokenised(world: World, key: bytes) -> pa.Table:
    """The transactions with each card's token in place of its number: `transaction_id`, `cc_num`, `amount_cents`,
    `event_time`, `merchant`, `category`, `merch_lat`, `merch_long`, `is_fraud`, `pattern` and those of `fraud.world.optional`.

    Args:
        key: the card-token key, at least 16 bytes; see `fraud.transaction.card_token`.
    """
    tokens = pa.array([card_token(number, key) for number in world.cards["card_number"]], pa.string())
    rows = world.transactions
    cc_num = pa.DictionaryArray.from_arrays(rows["card"].combine_chunks(), tokens)
    return rows.set_column(1, "cc_num", cc_num)


def stream_messages(table: pa.Table) -> Iterator[bytes]:
    """Each row of a tokenised table as the topic `transactions` carries it: one JSON object, no newline.

    Args:
        table: has the columns of `STREAM_COLUMNS`, and maybe fields that may be missing (a null is left out); others are
            skipped, so no label travels.

    >>> from fraud.world import WorldSettings, generate
    >>> from fraud.transaction import parse_transaction
    >>> table = tokenised(generate(WorldSettings(cards=5, days=5)), b"0123456789abcdef")
    >>> parse_transaction(next(stream_messages(table))).amount_cents == table["amount_cents"][0].as_py()
    True
    """
    optional = stream_columns(table)[len(STREAM_COLUMNS) :]
    for batch in table.select(stream_columns(table)).to_batches(max_chunksize=_BATCH):
        # Text is escaped once a distinct value, not once a row.
        merchant, category = (_quoted(batch.column(name)) for name in ("merchant", "category"))
        cents = batch.column("amount_cents").to_pylist()
        times = pc.strftime(batch.column("event_time"), format="%Y-%m-%dT%H:%M:%S").to_pylist()
        columns = (
            batch.column("transaction_id").to_pylist(),
            batch.column("cc_num").cast(pa.string()).to_pylist(),
            cents,
            times,
            merchant,
            category,
            batch.column("merch_lat").to_pylist(),
            batch.column("merch_long").to_pylist(),
        )
        besides = _members(batch.select(optional)) if optional else [""] * len(batch)
        for transaction, card, amount, time, shop, kind, lat, long, more in zip(*columns, besides, strict=True):
            yield (
                f'{{"transaction_id":"{transaction}","cc_num":"{card}","amount":"{amount // 100}.{amount % 100:02d}",'
                f'"event_time":"{time}Z","merchant":{shop},"category":{kind},"merch_lat":{lat!r},"merch_long":{long!r}{more}}}'
            ).encode()


def _members(batch: pa.RecordBatch) -> list[str]:
    """The further members of each row's object, each after a comma; none for a null."""
    columns = []
    for name in batch.schema.names:
        values = batch.column(name)
        if pa.types.is_dictionary(values.type):
            written = [f',"{name}":{json.dumps(value)}' for value in values.dictionary.to_pylist()]
            columns.append(["" if place is None else written[place] for place in values.indices.to_pylist()])
        else:
            columns.append(["" if value is None else f',"{name}":{json.dumps(value)}' for value in values.to_pylist()])
    return ["".join(row) for row in zip(*columns, strict=True)]


def _quoted(column: pa.Array) -> list[str]:
    if not isinstance(column, pa.DictionaryArray):
        column = column.dictionary_encode()
    quoted = [json.dumps(value) for value in column.dictionary.to_pylist()]
    return [quoted[index] for index in column.indices.to_pylist()]
