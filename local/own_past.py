"""A person's own transactions as the world that `fraud up` fills the application with.

Their earlier days are the past that is learnt from, moved by whole days so that it ends at the last midnight; what the cards
known by then buy in the days after, honest, is what `fraud send` sends.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from pandas.util import hash_pandas_object

from fraud.durations import MS_PER_DAY
from local.kept_world import Past, later, read_past, split_past, write_past

FOLLOWING_SHARE = 0.2
"""Of the days of a file, how many follow the past."""
MOST_FOLLOWING_DAYS, LEAST_DAYS, LEAST_FRAUDS = 28, 5, 20
_OWN = "own.json"


class OwnPastError(ValueError):
    """No application can be filled with these transactions; the text says why, and what is needed."""


@dataclass(frozen=True)
class OwnFile:
    """Whose past it is.

    Attributes:
        name: of the file, to be shown.
        made_of: a digest of the rows, labels and times included.
    """

    name: str
    made_of: str


def own_past(rows: pa.Table, token_key: str, cut_ms: int) -> Past:
    """The past of someone's rows, moved so that it ends at `cut_ms`.

    Args:
        rows: tokenised and labelled, in the columns of `fraud.world.tables`.
        token_key: the secret of their tokens.
        cut_ms: a midnight (UTC), milliseconds since 1970.

    Raises:
        OwnPastError: too few days, or too few frauds in those that are learnt from.
    """
    days = rows["event_time"].cast(pa.timestamp("ms", "UTC")).cast(pa.int64()).to_numpy() // MS_PER_DAY
    count = int(days.max() - days.min()) + 1 if len(days) else 0
    if count < LEAST_DAYS:
        raise OwnPastError(f"its transactions are of {count} days; allowed: {LEAST_DAYS} or more")
    after = min(max(int(count * FOLLOWING_SHARE), 1), MOST_FOLLOWING_DAYS)
    made_ms = int(days.max() + 1 - after) * MS_PER_DAY
    past = split_past(later(rows, cut_ms - made_ms), token_key, cut_ms)
    labels = past.rows["is_fraud"].to_numpy()
    frauds, honest = int(np.sum(labels == 1)), int(np.sum(labels == 0))
    if frauds < LEAST_FRAUDS or not honest:
        raise OwnPastError(
            f"the first {count - after} of its {count} days, from which is learnt, hold {frauds} frauds among "
            f"{frauds + honest:,} transactions; allowed: {LEAST_FRAUDS} or more, and others"
        )
    if not past.following.num_rows:
        raise OwnPastError(f"no card of its first {count - after} days buys anything honest in the {after} after them")
    return past


def digest(rows: pa.Table) -> str:
    """What tells one file's rows from another's, whatever secret their tokens were made with."""
    # of each row, in the order of their ids: a file that is read again gives them in another
    frame = rows.drop_columns("cc_num").sort_by("transaction_id").to_pandas(strings_to_categorical=False)
    hashes = hash_pandas_object(frame, index=False).to_numpy()
    return hashlib.sha256(" ".join(sorted(rows.column_names)).encode() + hashes.tobytes()).hexdigest()[:16]


def hand_over(past: Past, own: OwnFile, folder: Path) -> None:
    """Writes a past for the process that fills the application."""
    write_past(past, folder)
    (folder / _OWN).write_text(json.dumps(asdict(own)) + "\n")


def handed_over(folder: Path) -> tuple[OwnFile, Past]:
    """What `hand_over` wrote."""
    return OwnFile(**json.loads((folder / _OWN).read_text())), read_past(folder)
