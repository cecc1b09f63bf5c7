"""`fraud upload` of 300 MB into the emulated bucket: how much of the time is ours. `python -m benchmarks.upload [MB]`

Ours is all of the main thread's processor time: reading, the checks before the first byte, tokens, the look for card numbers,
digests. The rest is botocore's part of the requests, in threads of their own, and the emulated AWS. For comparison the same file
as it is by boto3's own `upload_file`, in parts as long. The memory is what the upload takes beyond that of a file of 3 MB.
"""

from __future__ import annotations

import hashlib
import os
import random
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from boto3.s3.transfer import TransferConfig

from cli.uploading.parts import AT_ONCE, PART
from cli.uploading.place import ONCE, Place
from cli.uploading.run import upload_files
from cli.uploading.state import state
from emulator.process import EmulatedAws
from fraud.card_numbers import check_digit
from local.stand_ins import STAND_INS
from reading.mapping.toml_file import read_mapping
from reading.tokenized.checked import check_file
from reading.transactions import USUAL

MEGABYTES, WARM_UP_MEGABYTES, CARDS = 300, 3, 1_000
KEY = b"a secret of the benchmark's own"
BUCKET = "raw"
NAMES = (
    ",trans_date_trans_time,cc_num,merchant,category,amt,first,last,gender,street,city,state,zip,lat,long,city_pop,job,dob,"
    "trans_num,unix_time,merch_lat,merch_long,is_fraud\n"
)


@dataclass(frozen=True)
class Run:
    """One upload, in seconds.

    Attributes:
        wall: from the check's begin until the manifest is there.
        ours: processor time of the main thread.
        process: of the whole process.
        checked: wall time of the check.
    """

    wall: float
    ours: float
    process: float
    checked: float


def write_file(path: Path, megabytes: float) -> int:
    """Rows in Kaggle's columns, as long as Kaggle's; how many."""
    draw = random.Random(1)  # noqa: S311 - made-up rows
    begins = ["4" + "".join(draw.choices("0123456789", k=14)) for _ in range(CARDS)]
    cards = [digits + check_digit(digits) for digits in begins]
    row = 0
    with path.open("w", encoding="utf-8") as file:
        file.write(NAMES)
        while file.tell() < megabytes * 1_000_000:
            for _ in range(10_000 if megabytes > 10 else 1_000):
                job = '"Engineer, biomedical"' if row % 5 == 0 else "Psychologist"
                file.write(
                    f"{row},2019-{1 + row % 12:02d}-{1 + row % 28:02d} {row % 24:02d}:{row % 60:02d}:{row * 7 % 60:02d},"
                    f"{draw.choice(cards)},fraud_Kirlin and Sons,grocery_pos,{draw.randrange(100, 20_000) / 100},Jennifer,Banks,"
                    f"F,561 Perry Cove,Moravian Falls,NC,28654,36.0788,-81.1781,3495,{job},1988-03-09,"
                    f"{hashlib.sha256(str(row).encode()).hexdigest()[:32]},{1_325_376_018 + row},"
                    f"{36.011293 + row % 1000 / 1000:.6f},{-82.048315 + row % 1000 / 1000:.6f},{int(row % 200 == 0)}\n"
                )
                row += 1
    return row


def measure(megabytes: int = MEGABYTES) -> list[dict[str, Any]]:
    """The figures, as `benchmarks.run` collects them."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        os.environ["XDG_STATE_HOME"] = str(folder / "state")
        small, large = folder / "small", folder / "large"
        for each, size in ((small, WARM_UP_MEGABYTES), (large, megabytes)):
            each.mkdir()
            rows = write_file(each / "a.csv", size)
        with EmulatedAws(folder / "aws", STAND_INS) as aws:
            s3 = aws.client("s3")
            s3.meta.config.merge(ONCE)
            s3.create_bucket(Bucket=BUCKET)
            place = Place(s3, BUCKET, KEY, "the benchmark")
            _uploaded(place, small)
            s3.delete_object(Bucket=BUCKET, Key="input/a.csv")  # or it is compared first
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            run = _uploaded(place, large)
            memory = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
            plain = _timed(lambda: _plainly(s3, large / "a.csv"))
            there = _timed(lambda: _uploaded(place, large))
    what = f"`fraud upload` of {megabytes} MB, {rows:,} rows, into the emulated bucket"
    yardstick = {"yardstick": "boto3's `upload_file` of the file as it is", "ratio": round(run.wall / plain, 2)}
    figures = [
        {"measure": what, "value": round(run.wall, 1), "unit": "s", **yardstick},
        {"measure": "share of that in our code (processor time of the main thread)", "value": round(100 * run.ours / run.wall),
         "unit": "%"},
        {"measure": "of it: ours", "value": round(run.ours, 1), "unit": "s of CPU"},
        {"measure": "of it: the check before the first byte", "value": round(run.checked, 1), "unit": "s"},
        {"measure": "of it: botocore's part of the requests", "value": round(run.process - run.ours, 1), "unit": "s of CPU"},
        {"measure": "memory beyond that of a file of 3 MB", "value": round(memory), "unit": "MB"},
        {"measure": "the same again, all of it there already", "value": round(there, 1), "unit": "s"},
    ]  # fmt: skip
    return [{"target": None, "met": None, **row} for row in figures]


def _uploaded(place: Place, folder: Path) -> Run:
    wall, ours, process = time.monotonic(), time.thread_time(), time.process_time()
    checked = check_file(folder / "a.csv", read_mapping(USUAL))
    after_check = time.monotonic()
    with state(folder, place.bucket) as kept:
        done = upload_files(place, [checked], USUAL, kept, lambda *_: None)
    if failed := [each.why for each in done.outcomes if each.status == "failed"]:
        raise RuntimeError(failed[0])
    return Run(
        time.monotonic() - wall, time.thread_time() - ours, time.process_time() - process, after_check - wall
    )  # fmt: skip


def _plainly(s3: Any, path: Path) -> None:
    parts = TransferConfig(multipart_threshold=PART, multipart_chunksize=PART, max_concurrency=AT_ONCE)
    s3.upload_file(str(path), BUCKET, "plain/a.csv", Config=parts)


def _timed(work: Callable[[], Any]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began


if __name__ == "__main__":
    for row in measure(*map(int, sys.argv[1:])):
        print(f"{row['measure']}: {row['value']} {row['unit']}", row.get("yardstick", ""), row.get("ratio", ""))
