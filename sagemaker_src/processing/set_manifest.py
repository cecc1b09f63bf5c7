"""What a training set is made of: its content's fingerprint, the features' declarations, dates, and what has no label."""

from __future__ import annotations

import hashlib
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import duckdb

from fraud.durations import MS_PER_DAY
from fraud.features.catalogue import CATALOGUE, Catalogue
from fraud.features.sql import batch_steps
from sagemaker_src.processing.batch_features import feature_columns
from sagemaker_src.processing.transactions import LABEL
from sagemaker_src.training.split import default_test_from, split

VERSION = 1
"""Of the manifest's own form."""
_COUNTED = ("transactions", "fraud", "legitimate", "unlabelled_taken_as_honest", "unlabelled_left_out")
_COUNTS = f"""count(*), count(*) FILTER (WHERE source IS NOT NULL AND {LABEL} = 1),
    count(*) FILTER (WHERE source IS NOT NULL AND {LABEL} = 0), count(*) FILTER (WHERE source IS NULL AND {LABEL} = 0),
    count(*) FILTER (WHERE {LABEL} IS NULL)"""


def catalogue_version(catalogue: Catalogue = CATALOGUE) -> str:
    """12 hexadecimal digits: the same for the same declarations, by the SQL that computes them."""
    text = "\n".join(select for _, select in batch_steps(catalogue, identity="row"))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def manifest(
    connection: duckdb.DuckDBPyConnection,
    features: Path,
    recorded: int,
    as_of_ms: int,
    delay_days: float,
    catalogue: Catalogue = CATALOGUE,
) -> dict[str, Any]:
    """The manifest of a set; nothing in it says when it was made, so that of the same set is the same.

    Args:
        connection: after `training_set.collect`.
        features: the file that was written.
        recorded: how many labels the archive had.
        as_of_ms: milliseconds since 1970 in UTC.
        delay_days: the label delay.
        catalogue: the features' declarations.
    """
    rows, frauds = connection.execute(
        f"SELECT count(*), coalesce(sum({LABEL}), 0)::BIGINT FROM given WHERE {LABEL} IS NOT NULL"
    ).fetchall()[0]
    counted = dict(
        connection.execute(
            f"SELECT source, count(*) FROM given WHERE {LABEL} IS NOT NULL AND source IS NOT NULL GROUP BY source ORDER BY source"
        ).fetchall()
    )
    known, elsewhere = connection.execute("""SELECT count(*), count(*) FILTER (WHERE transaction_id NOT IN
        (SELECT transaction_id FROM given)) FROM known_labels""").fetchall()[0]
    return {
        "manifest": VERSION,
        "fingerprint": _sha256(features),
        "catalogue": {"version": catalogue_version(catalogue), "features": list(feature_columns(catalogue))},
        "as_of": _text(as_of_ms),
        "label_delay_days": delay_days,
        "rows": rows,
        "frauds": frauds,
        "labels": {
            "recorded": recorded,
            "transactions": known,
            "not_in_the_set": elsewhere,
            "counted_by_source": counted,
        },
        "by_outcome": _by_outcome(connection),
        "control_group": _control_group(connection),
        "split": _split(connection, delay_days),
    }


def _by_outcome(connection: duckdb.DuckDBPyConnection) -> dict[str, dict[str, int]]:
    """{outcome, or `undecided`, or `file`: of the transactions before the set's end, how many have which label, or none}."""
    found = connection.execute(f"SELECT outcome, {_COUNTS} FROM given GROUP BY outcome ORDER BY outcome").fetchall()
    return {outcome: dict(zip(_COUNTED, counts, strict=True)) for outcome, *counts in found}


def _control_group(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """The same counts of the control group, which the approved hold, too: what would have been blocked, and has its label."""
    (counts,) = connection.execute(f"SELECT {_COUNTS} FROM given WHERE control_group").fetchall()
    return dict(zip(_COUNTED, counts, strict=True))


def _split(connection: duckdb.DuckDBPyConnection, delay_days: float) -> dict[str, Any] | None:
    """In the order of time, as training parts the set: where each part begins and ends, its rows and frauds. None of no rows."""
    found = connection.execute(
        f"SELECT epoch_ms(event_time::TIMESTAMP) AS ms, {LABEL} AS label FROM given WHERE {LABEL} IS NOT NULL ORDER BY ms"
    ).fetchnumpy()
    ms, label = found["ms"], found["label"]
    if not len(ms):
        return None
    parts = split(int(ms[0]), default_test_from(ms), int(delay_days * MS_PER_DAY))
    places = {
        "train": (int(ms[0]), parts.fitted_until),
        "validation": (parts.validation_from, parts.labelled_until),
        "test": (parts.test_from, int(ms[-1]) + 1),
    }

    def told(begin: int, end: int) -> dict[str, Any]:
        within = (ms >= begin) & (ms < end)
        return {
            "from": _text(begin),
            "until": _text(end),
            "rows": int(within.sum()),
            "frauds": int(label[within].sum()),
        }

    return {name: told(*place) for name, place in places.items()}


def _sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _text(ms: int) -> str:
    at = datetime.fromtimestamp(ms // 1000, timezone.utc)
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{ms % 1000:03d}Z"
