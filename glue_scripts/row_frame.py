"""The rows of files as one data frame: each file is read whole by one task, in the memory of its worker."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession

from glue_scripts.stores import ChangedError, StoredFile, store
from reading.contents import ALLOWED, named_form
from reading.errors import BadInputError
from reading.judged_rows import SCHEMA, Judged, judged_rows
from reading.transactions import Reading

ROW, WRONG, LEFT_OUT, REFUSED = "transaction", "quarantined", "left out", "refused"
"""What a row of the frame is: a transaction; a row that is none; how many (`count`) a condition of the mapping leaves out; or a
file that cannot be read."""
FRAME = pa.schema(
    [
        *((name, pa.string()) for name in ("kind", "file", "what", "reason", "shown")),
        ("count", pa.int64()),
        *SCHEMA,
    ]
)
_SQL = {
    pa.string(): "string",
    pa.int64(): "bigint",
    pa.int8(): "tinyint",
    pa.float64(): "double",
    pa.bool_(): "boolean",
}
SPARK_SCHEMA = ", ".join(f"`{field.name}` {_SQL[field.type]}" for field in FRAME)
_BATCH = 65_536


def row_frame(spark: SparkSession, place: str, files: Sequence[StoredFile], key: bytes, reading: Reading) -> DataFrame:
    """The rows of files, in columns of FRAME.

    Args:
        spark: the session.
        place: where the files are, as `stores.store` takes it.
        files: those that are read.
        key: the card-token key. It is with the tasks, and nowhere on a disk.
        reading: how to read them.
    """

    def read(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for row in batch.to_pylist():
                yield from _batches(place, StoredFile(row["name"], row["size"], row["etag"]), key, reading)

    listed = spark.sparkContext.parallelize([tuple(file) for file in files], len(files))
    return spark.createDataFrame(listed, "name string, size bigint, etag string").mapInArrow(read, SPARK_SCHEMA)


def _batches(place: str, file: StoredFile, key: bytes, reading: Reading) -> Iterator[pa.RecordBatch]:
    # in memory alone, for a file may hold card numbers
    with os.fdopen(os.memfd_create("input"), "w+b") as copy:
        path = Path(f"/proc/self/fd/{copy.fileno()}")
        try:
            store(place).fetch(file, path)
            judged = judged_rows(path, key, _told(file.name, reading))
        except (BadInputError, ChangedError) as error:
            why = str(error).replace(str(path), file.name)
            yield _batch([{"kind": REFUSED, "file": file.name, "reason": why}])
            return
    yield from _judged(file.name, judged)


def _told(name: str, reading: Reading) -> Reading:
    """How a file is read that is called so, wherever it lies."""
    told = reading.mapping.told
    form = told.form or named_form(Path(name))
    if form is None:
        raise BadInputError(f"{name}: a file named '{Path(name).suffix or name}'; allowed: {ALLOWED}")
    return replace(reading, mapping=replace(reading.mapping, told=replace(told, form=form)))


def _judged(name: str, judged: Judged) -> Iterator[pa.RecordBatch]:
    said: list[dict[str, Any]] = [
        {"kind": LEFT_OUT, "file": name, "what": what, "count": count}
        for what, count in judged.left_out.items()
        if count
    ]
    said += [
        {"kind": WRONG, "file": name, "row": each.row, "what": each.what, "reason": each.reason,
         "shown": each.shown}
        for each in judged.wrong
    ]  # fmt: skip
    for start in range(0, len(said), _BATCH):
        yield _batch(said[start : start + _BATCH])
    for batch in judged.transactions.to_batches(_BATCH):
        same = {"kind": ROW, "file": name}
        columns = [
            batch.column(field.name)
            if field.name in SCHEMA.names
            else pa.array([same.get(field.name)] * len(batch), field.type)
            for field in FRAME
        ]
        yield pa.RecordBatch.from_arrays(columns, schema=FRAME)


def _batch(rows: list[dict[str, Any]]) -> pa.RecordBatch:
    arrays = [pa.array([row.get(field.name) for row in rows], field.type) for field in FRAME]
    return pa.RecordBatch.from_arrays(arrays, schema=FRAME)


def counted(rows: Sequence[Any]) -> dict[str, int]:
    """{what: how many} of rows with `what` and `count`, in the order of the names."""
    counts: Counter[str] = Counter()
    for row in rows:
        counts[row["what"]] += row["count"]
    return dict(sorted(counts.items()))
