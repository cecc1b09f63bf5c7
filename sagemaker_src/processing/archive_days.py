"""The days of the archive that something is computed of: which files lie in them, and how a job gets them where they are in S3.

The function `archive` puts a row into the folder of the day on which it happened, however late it comes, and `record_labels` puts
a label into that of the day on which it became known. So whoever needs some days lists and reads these alone.

A job reads them itself: SageMaker mounts a prefix whole, or what a manifest names object by object (page
*API_ProcessingS3Input*), which a function would have to list first: thousands of objects a day of some hundred days.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from fraud.sql_text import quoted
from sagemaker_src.processing.batch_features import engine
from sagemaker_src.processing.transactions import sql_paths

EPOCH = date(1970, 1, 1)
READERS = 16
"""Objects that are read at a time: a call is mostly waiting."""

_IN_S3 = re.compile("s3://[^/]+/.+/")
_OF_A_DAY = re.compile(r"day=[^/]+")


class Part(NamedTuple):
    """What is read of one of the archive's parts.

    Attributes:
        name: `transactions`, `decisions` or `labels`, as its prefix.
        days: counted from 1970.
        columns: {name: SQL type} of those that are read.
        required: those that each file of the archive has.
    """

    name: str
    days: range
    columns: Mapping[str, str]
    required: tuple[str, ...]

    @property
    def folders(self) -> list[str]:
        """The days as the archive's folders.

        >>> Part("labels", range(20_454, 20_456), {}, ()).folders
        ['day=2026-01-01', 'day=2026-01-02']
        """
        return [f"day={EPOCH + timedelta(days=day)}" for day in self.days]

    @property
    def months(self) -> list[str]:
        """What the folders' names begin with, for fewer listings than days.

        >>> Part("labels", range(20_453, 20_456), {}, ()).months
        ['day=2025-12-', 'day=2026-01-']
        """
        return sorted({folder[:-2] for folder in self.folders})

    def files(self, folder: Path) -> list[Path]:
        """The Parquet files below a folder, but for those of other days. Of files in no day's folder all may be needed."""
        of_days = set(self.folders)
        return [
            path.resolve()
            for path in sorted(folder.rglob("*.parquet"))
            if all(part in of_days for part in path.relative_to(folder).parent.parts if _OF_A_DAY.fullmatch(part))
        ]


def is_in_s3(place: str) -> bool:
    """Whether a place is a prefix in S3.

    >>> is_in_s3("s3://archive/labels/"), is_in_s3("archive/labels")
    (True, False)
    """
    return _IN_S3.fullmatch(place) is not None


@contextmanager
def at_hand(places: Sequence[str], parts: Sequence[Part]) -> Iterator[list[Path]]:
    """A folder for each place: its own, or where it is in S3 one with the days of its part, removed at the end.

    Args:
        places: folders, or prefixes as `s3://BUCKET/PREFIX/`.
        parts: what is needed of each.

    Raises:
        ClientError, BotoCoreError: S3 refuses, or does not answer.
    """
    with tempfile.TemporaryDirectory(prefix="archive-") as temporary:
        folders = []
        for place, part in zip(places, parts, strict=True):
            folders.append(Path(temporary, part.name) if is_in_s3(place) else Path(place))
            if is_in_s3(place):
                _fetch(place, part, folders[-1])
        yield folders


def _fetch(place: str, part: Part, folder: Path) -> None:
    """A file for each day that has any, with the columns that are read: of a decision they are a tenth.

    A day's objects are there at a time, so the machine's disk need not hold the archive.
    """
    # by hand, on folders, the programs need no SDK
    import boto3  # noqa: PLC0415
    from botocore.config import Config  # noqa: PLC0415

    bucket, prefix = place.removeprefix("s3://").split("/", maxsplit=1)
    client = boto3.client("s3", config=Config(max_pool_connections=READERS, retries={"total_max_attempts": 8}))
    pages = client.get_paginator("list_objects_v2")
    with engine() as connection, ThreadPoolExecutor(READERS) as readers:
        for day in part.folders:
            listed = pages.paginate(Bucket=bucket, Prefix=f"{prefix}{day}/")
            keys = [each["Key"] for page in listed for each in page.get("Contents", ())]
            # under its day and name, which what is wrong with a file is told by
            raw = folder / day / "raw"
            raw.mkdir(parents=True)
            given = [
                (key, raw / f"{number}-{key.rsplit('/')[-1]}")
                for number, key in enumerate(keys)
                if key.endswith(".parquet")
            ]
            for _ in readers.map(lambda each: client.download_file(bucket, each[0], str(each[1])), given):
                pass
            if given:
                _keep(connection, [path for _, path in given], part, folder / day / "part.parquet")
            shutil.rmtree(raw)


def _keep(connection: Any, files: list[Path], part: Part, out: Path) -> None:
    """One file of the columns that are read, as far as they are there."""
    source = f"read_parquet({sql_paths(files)}, union_by_name=true, hive_partitioning=false)"
    there = [row[0] for row in connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()]
    kept = ", ".join(name for name in part.columns if name in there) or "*"
    connection.execute(f"COPY (SELECT {kept} FROM {source}) TO {quoted(out)} (FORMAT parquet, COMPRESSION zstd)")
