"""Parquet whose bytes follow from its rows alone, whichever process writes it."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq


def rewritten(parquet: bytes) -> bytes:
    """A Parquet file written again, one group of rows in memory at a time: the same rows give the same bytes in any process.

    Spark's own footer lists a column's encodings in the order of a Java set of enumerators, which each process makes anew.
    """
    source, out = pq.ParquetFile(pa.BufferReader(parquet)), pa.BufferOutputStream()
    with pq.ParquetWriter(out, source.schema_arrow, compression="snappy", store_schema=False) as writer:
        for group in range(source.num_row_groups):
            writer.write_table(source.read_row_group(group))
    written: bytes = out.getvalue().to_pybytes()
    return written
