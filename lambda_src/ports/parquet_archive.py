"""The archive: Parquet files below a prefix of a bucket, a folder a day (UTC), one object a batch."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

Rows = Sequence[tuple[int, dict[str, Any]]]
"""Each row with the moment it belongs to, milliseconds since 1970 in UTC."""


class ParquetArchive:
    """Writes rows of one kind. The same batch delivered again writes the same objects.

    Args:
        client: of s3.
        bucket: its name.
        prefix: of the keys, ending with /.
        schema: of the rows.
    """

    def __init__(self, client: Any, bucket: str, prefix: str, schema: pa.Schema) -> None:
        self._client, self._bucket, self._prefix, self._schema = client, bucket, prefix, schema

    def put(self, name: str, rows: Rows) -> None:
        """Writes rows as `PREFIXday=DAY/NAME.parquet`, an object a day. Raises ClientError, BotoCoreError."""
        days: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for moment_ms, row in rows:
            days[str(datetime.fromtimestamp(moment_ms / 1000, timezone.utc).date())].append(row)
        for day, of_day in days.items():
            sink = pa.BufferOutputStream()
            pq.write_table(pa.Table.from_pylist(of_day, self._schema), sink, compression="zstd")
            self._client.put_object(
                Bucket=self._bucket,
                Key=f"{self._prefix}day={day}/{name}.parquet",
                Body=sink.getvalue().to_pybytes(),
                ContentType="application/vnd.apache.parquet",
            )
