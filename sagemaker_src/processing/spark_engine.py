"""`engines.Engine` on Spark, for paths on the driver's own disk."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession
from pyspark.sql import functions as f


class SparkEngine:
    """One session; see `engines.Engine`."""

    def __init__(self, spark: SparkSession) -> None:
        self._spark = spark
        # comparisons and arithmetic of moments are UTC only because the session is
        spark.conf.set("spark.sql.session.timeZone", "UTC")

    def ms(self, column: str) -> str:
        return f"unix_millis(CAST({column} AS TIMESTAMP))"

    def read(self, name: str, files: list[Path], columns: Mapping[str, str]) -> list[str]:
        frame = self._spark.createDataFrame([], ", ".join(f"{column} {kind}" for column, kind in columns.items()))
        if files:
            # a folder named day=... is no column: the rows say when they happened
            found = self._spark.read.option("mergeSchema", "true").parquet(*map(_address, files))
            given = [f.col(column).cast(columns.get(column, found.schema[column].dataType)) for column in found.columns]
            frame = frame.unionByName(
                found.select(*[each.alias(column) for each, column in zip(given, found.columns, strict=True)]),
                allowMissingColumns=True,
            )
        frame.createOrReplaceTempView(name)
        return list(frame.columns)

    def table(self, name: str, select: str) -> None:
        self._spark.sql(select).localCheckpoint().createOrReplaceTempView(name)

    def write(self, select: str, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Spark names its files by chance; a night that is repeated must replace its own
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".spark-") as folder:
            out = Path(folder, "out")
            self._spark.sql(select).coalesce(1).write.option("compression", "zstd").parquet(_address(out))
            [written] = out.glob("*.parquet")
            shutil.move(written, path)

    def rows(self, select: str) -> Iterator[dict[str, Any]]:
        for row in self._spark.sql(select).toLocalIterator():
            yield row.asDict()


def _address(path: Path) -> str:
    # as it is spelt: of an address that is escaped, Spark looks for the escapes, as `day%3D1`
    return f"file://{path.resolve()}"


@contextmanager
def open_engine() -> Iterator[SparkEngine]:
    """A session, stopped at the end."""
    spark = SparkSession.builder.appName("nightly").getOrCreate()
    try:
        yield SparkEngine(spark)
    finally:
        spark.stop()
