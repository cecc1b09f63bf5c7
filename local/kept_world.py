"""The worlds that `fraud up` fills the application with, made up or of a person's own file, kept below `.cache/worlds`.

What is kept is the world's past and what its following weeks will bring, the sums of its nights, and the model that the training
machine made of the past. The folder's name is a digest of all that these are made of, so a change to any of it makes a new one.
One made-up world is kept, and one of a file.

Whenever the application is filled, the past is moved by whole days, so that it ends at the last midnight: nothing that is made
of it, the model included, knows dates other than by their distance.
"""

from __future__ import annotations

import hashlib
import io
import json
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from fraud.durations import MS_PER_DAY
from fraud.world import WorldSettings, generate, tokenised
from local.attacks import HOUR_MS

ROOT = Path(__file__).resolve().parents[1]
WORLDS = ROOT / ".cache" / "worlds"
PAST_DAYS = 45
WORLD = WorldSettings(cards=800, days=PAST_DAYS + 28, fraud_rate=0.005, seed=7)
"""Small enough to train on within a minute, and with fraud enough to learn from; the days after the past are what its cards buy
next."""
MADE_OF = (
    *("fraud/**/*.py", "fraud/**/*.sql", "sagemaker_src/**/*.py", "stacks/images.json"),
    *(
        "requirements/jobs.txt",
        "requirements/serving.txt",
        "local/kept_world.py",
        "local/own_past.py",
        "local/filling.py",
    ),
)
"""The files, below the root, that a world, its features and its model come of."""

_OF_FILE = "-of-"
"""Between the digest of the code and that of a person's file, in the name of a world that was made of it."""
_PAST, _FOLLOWING, _SUMS, _MODEL, _ABOUT = "past.parquet", "following.parquet", "sums", "model.tar.gz", "about.json"
_EVALUATION = "evaluation"


@dataclass(frozen=True)
class Past:
    """A world up to the last midnight, and what follows.

    Attributes:
        token_key: the secret that its tokens are made with; the application's secret has to be the same.
        rows: tokenised and labelled, before `cut_ms`.
        following: what the cards known by then buy in the days after, honest, with times that are those days' own.
        cut_ms: the last midnight (UTC), milliseconds since 1970.
    """

    token_key: str
    rows: pa.Table
    following: pa.Table
    cut_ms: int


def last_midnight_ms() -> int:
    """The last 00:00 UTC, milliseconds since 1970."""
    return int(time.time()) // 86_400 * MS_PER_DAY


def made_past(cut_ms: int) -> Past:
    """The world, made anew, with a past that ends at `cut_ms`.

    >>> past = made_past(last_midnight_ms())
    >>> past.rows["event_time"].cast(pa.int64())[-1].as_py() < past.cut_ms
    True
    """
    token_key = secrets.token_urlsafe(48)
    table = tokenised(generate(WORLD), token_key.encode()).drop_columns("pattern")
    made_ms = int(pd.Timestamp(WORLD.start).value) // 1_000_000 + PAST_DAYS * MS_PER_DAY
    # cards of all time zones, so that it is day for most of them at whatever hour someone looks
    card = table["cc_num"].combine_chunks().indices.to_numpy().astype(np.int64)
    return split_past(later(table, cut_ms - made_ms + card % 24 * HOUR_MS), token_key, cut_ms)


def split_past(table: pa.Table, token_key: str, cut_ms: int) -> Past:
    """Tokenised and labelled rows as a past up to `cut_ms`, and what its cards buy after it."""
    table = table.sort_by([("event_time", "ascending"), ("transaction_id", "ascending")])
    times = table["event_time"].cast(pa.int64())
    rows, after = table.filter(pc.less(times, cut_ms)), table.filter(pc.greater_equal(times, cut_ms))
    known = pc.is_in(after["cc_num"].cast(pa.string()), rows["cc_num"].cast(pa.string()).unique())
    honest = after.filter(pc.and_(known, pc.equal(after["is_fraud"], 0)))
    return Past(token_key, rows, honest.drop_columns("is_fraud"), cut_ms)


@dataclass(frozen=True)
class About:
    """What else is kept of a world.

    Attributes:
        token_key: the secret of its tokens; the folder is its owner's alone.
        cut_ms: the midnight at which its past ended when it was made.
        metadata: what its model was registered with.
    """

    token_key: str
    cut_ms: int
    metadata: dict[str, str]


class KeptWorld:
    """A world that was made, and learnt from, before.

    Args:
        folder: where it is kept.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._about = About(**json.loads((folder / _ABOUT).read_text()))

    @property
    def model(self) -> bytes:
        """The archive of the model, as the training job left it."""
        return (self._folder / _MODEL).read_bytes()

    @property
    def evaluation(self) -> dict[str, bytes]:
        """{name: file} of what the model's evaluation wrote."""
        return {path.name: path.read_bytes() for path in sorted((self._folder / _EVALUATION).glob("*"))}

    @property
    def metadata(self) -> dict[str, str]:
        """What the model was registered with."""
        return self._about.metadata

    def past(self, cut_ms: int) -> Past:
        """The world, with a past that ends at `cut_ms`."""
        by_ms, kept = cut_ms - self._about.cut_ms, read_past(self._folder)
        return Past(kept.token_key, later(kept.rows, by_ms), later(kept.following, by_ms), cut_ms)

    def sums(self, cut_ms: int) -> dict[str, bytes]:
        """The sums that the nights before the last have left, {path below `daily/`: file}, for a past that ends at `cut_ms`."""
        by_days = (cut_ms - self._about.cut_ms) // MS_PER_DAY
        return dict(_later_sums(self._folder / _SUMS, by_days))


def kept_world(worlds: Path = WORLDS, own: str = "") -> KeptWorld | None:
    """The kept world, if it was made of what stands here now.

    Args:
        own: what tells someone's own transactions from others; empty for the made-up world.
    """
    folder = worlds / _name(own)
    return KeptWorld(folder) if folder.is_dir() else None


def keep(
    past: Past,
    sums: Mapping[str, bytes],
    model: bytes,
    metadata: dict[str, str],
    worlds: Path = WORLDS,
    own: str = "",
    evaluation: Mapping[str, bytes] = MappingProxyType({}),
) -> None:
    """Keeps a world, whole or not at all, in place of those that were made of something else.

    Args:
        sums: as `KeptWorld.sums` gives them, for the same cut.
        model, metadata: the model's archive, and what it was registered with.
        worlds: where.
        own: as of `kept_world`.
        evaluation: {name: file} of what the model's evaluation wrote.
    """
    worlds.mkdir(parents=True, exist_ok=True)
    code = made_of()
    for other in worlds.iterdir():  # and what a killed run has left
        of_code, _, of_file = other.name.partition(_OF_FILE)
        if of_code != code or bool(of_file) == bool(own):
            shutil.rmtree(other)
    part = Path(tempfile.mkdtemp(prefix=".part-", dir=worlds))
    write_past(past, part, metadata)
    for path, content in sums.items():
        (part / _SUMS / path).parent.mkdir(parents=True, exist_ok=True)
        (part / _SUMS / path).write_bytes(content)
    (part / _EVALUATION).mkdir()
    for name, content in evaluation.items():
        (part / _EVALUATION / name).write_bytes(content)
    (part / _MODEL).write_bytes(model)
    part.rename(worlds / _name(own))


def write_past(past: Past, folder: Path, metadata: Mapping[str, str] | None = None) -> None:
    """Writes a past into a folder that is its owner's alone, with what its model was registered with."""
    pq.write_table(past.rows, folder / _PAST)
    pq.write_table(past.following, folder / _FOLLOWING)
    about = About(past.token_key, past.cut_ms, dict(metadata or {}))
    (folder / _ABOUT).write_text(json.dumps(asdict(about), indent=2) + "\n")


def read_past(folder: Path) -> Past:
    """What `write_past` wrote."""
    about = About(**json.loads((folder / _ABOUT).read_text()))
    rows, following = (pq.read_table(folder / name) for name in (_PAST, _FOLLOWING))
    return Past(about.token_key, rows, following, about.cut_ms)


def _name(own: str) -> str:
    return f"{made_of()}{_OF_FILE}{own}" if own else made_of()


def made_of() -> str:
    """A digest of what a world, its features and its model come of."""
    digest = hashlib.sha256()
    for path in sorted(found for pattern in MADE_OF for found in ROOT.glob(pattern)):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(ROOT)} {len(content)}\n".encode() + content)
    return digest.hexdigest()[:16]


def later(table: pa.Table, by_ms: int | NDArray[np.int64]) -> pa.Table:
    """The rows so many milliseconds later."""
    place, column = table.column_names.index("event_time"), table["event_time"].cast(pa.timestamp("ms", "UTC"))
    moved = pa.array(column.cast(pa.int64()).to_numpy() + by_ms).cast(pa.timestamp("ms", "UTC"))
    return table.set_column(place, "event_time", moved)


def _later_sums(folder: Path, by_days: int) -> Iterator[tuple[str, bytes]]:
    """Each file of sums with its days, in its name and in its rows, so many days later."""
    for path in sorted(folder.rglob("*.parquet")):
        table = pq.read_table(path)
        table = table.set_column(table.column_names.index("day"), "day", pc.add(table["day"], by_days))
        name = f"{int(path.stem) + by_days}.parquet" if path.stem.isdigit() else path.name
        moved = io.BytesIO()
        pq.write_table(table, moved)
        yield f"{path.parent.relative_to(folder)}/{name}", moved.getvalue()
