"""The decisions of a day whose labels are in: what each turned out to be, as known at a moment.

Which label counts says `fraud.label.known_as_of`; this is the same for a day's transactions at once, by Arrow, which is all that
the job's container has. A label counts if it was known by the moment and the archive had it by then. Without one, an approved
payment was honest, for what is not disputed as long as labels take was in order; of a reviewed or blocked one nobody knows.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from fraud.columns import LABEL_COLUMNS
from fraud.durations import MS_PER_DAY
from fraud.vector import CATEGORY_FEATURES
from sagemaker_src.drift.decisions import PIECE, DecisionsError

READ = ("transaction_id", "cc_num", "amount_cents", "trans_time", "decided_at", "outcome", "score", "model_version")
UNKNOWN = -1
"""In place of 0 (honest) and 1 (fraud)."""
SAMPLED = 50_000
"""Of so many of the payments that were not flagged the groups are read; of all it would cost as much as comparing a day does."""
MISSING = "missing"
AMOUNT, HOUR = "amount", "hour_utc"
_AMOUNTS = (1_000, 10_000, 100_000)
_BANDS = ("below 10", "10 to 100", "100 to 1,000", "from 1,000")
_HOURS = ("00 to 06", "06 to 12", "12 to 18", "18 to 24")
Groups = dict[str, str]
"""{segmentation: the group that a transaction is in}; amounts and hours in the bands of an evaluation."""


@dataclass(frozen=True)
class Labelled:
    """A day's decisions by one model, n of them.

    Attributes:
        scores: n.
        labels: n of 1 (fraud), 0 (honest) and UNKNOWN.
        cards: n codes: the same for the same card.
        back: how many of the n have a label that came back.
        unlabelled: {outcome: how many are UNKNOWN}.
        missed: the groups of each fraud below the threshold.
        sample: places of honest or fraudulent ones below the threshold, of which the groups were read; each stands for `stands`.
        sample_groups: their groups.
        stands: for how many each of the sample stands.
        others: decisions of the day by another model, or by the fallback rule.
    """

    scores: NDArray[np.float64]
    labels: NDArray[np.int8]
    cards: NDArray[np.int64]
    back: int
    unlabelled: Mapping[str, int]
    missed: Sequence[Groups]
    missed_cards: Sequence[int]
    sample: NDArray[np.int64]
    sample_groups: Sequence[Groups]
    stands: NDArray[np.int64]
    others: int


def read_labelled(decisions: Path, labels: Path, as_of_ms: int, model_version: str, threshold: float) -> Labelled:
    """The day's decisions with their labels.

    Args:
        decisions: folder of the day's archived decisions; one without files is a day without any.
        labels: folder of the archive of labels.
        as_of_ms: the moment, milliseconds since 1970 in UTC.
        model_version: whose decisions are taken.
        threshold: from which score on a payment is flagged.

    Raises:
        DecisionsError: a file cannot be read, or holds something else.
    """
    table = _once(pa.concat_tables([_read(file, READ) for file in sorted(decisions.rglob("*.parquet"))] or [_EMPTY]))
    own = pc.fill_null(pc.equal(table.column("model_version"), model_version), False)
    others = table.num_rows - int(pc.sum(own).as_py() or 0)
    table = table.filter(own)
    ids = table.column("transaction_id").combine_chunks()
    known, fraud = known_labels(labels, as_of_ms, ids)
    place = pc.index_in(ids, value_set=known)
    found = pc.is_valid(place).to_numpy(zero_copy_only=False)
    label = np.full(len(ids), UNKNOWN, dtype=np.int8)
    outcomes = table.column("outcome").combine_chunks()
    label[pc.equal(outcomes, "approve").to_numpy(zero_copy_only=False)] = 0
    label[found] = fraud[place.drop_null().to_numpy()]
    scores = table.column("score").to_numpy().astype(np.float64)
    below = (scores < threshold) & (label != UNKNOWN)
    lacks = outcomes.filter(pa.array(label == UNKNOWN))
    sample, stands = _sampled(np.flatnonzero(below), scores)
    missed = np.flatnonzero(below & (label == 1))
    wanted = np.union1d(sample, missed)
    groups = dict(zip(wanted.tolist(), _groups(decisions, table.take(pa.array(wanted))), strict=True))
    cards = pc.dictionary_encode(table.column("cc_num").combine_chunks()).indices.to_numpy().astype(np.int64)
    return Labelled(
        scores,
        label,
        cards,
        int(found.sum()),
        {each["values"]: each["counts"] for each in pc.value_counts(lacks).to_pylist()},
        [groups[each] for each in missed.tolist()],
        cards[missed].tolist(),
        sample,
        [groups[each] for each in sample.tolist()],
        stands,
        others,
    )


def known_labels(folder: Path, as_of_ms: int, ids: pa.Array) -> tuple[pa.Array, NDArray[np.int8]]:
    """The label that counts of each of these transactions that has one: ids, each once, and 1 for fraud, 0 for honest.

    Raises:
        DecisionsError: a file holds no labels.
    """
    names = [column.name for column in LABEL_COLUMNS]
    parts = [_EMPTY_LABELS]
    for file in sorted(folder.rglob("*.parquet")):
        labels = _read(file, names)
        of_day = pc.is_in(labels.column("transaction_id"), value_set=ids)
        in_time = pc.and_(_by(labels.column("known_at"), as_of_ms), _by(labels.column("recorded_at"), as_of_ms))
        parts.append(labels.filter(pc.and_(of_day, in_time)).cast(_EMPTY_LABELS.schema))
    order = [(name, "ascending") for name in ("known_at", "source", "reported_by", "is_fraud")]
    # the last of a transaction is the newest, by the order of `fraud.label.Label`
    newest = {row["transaction_id"]: row["is_fraud"] for row in pa.concat_tables(parts).sort_by(order).to_pylist()}
    return pa.array(list(newest), pa.string()), np.fromiter(newest.values(), dtype=np.int8, count=len(newest))


def _by(moments: pa.ChunkedArray, as_of_ms: int) -> pa.ChunkedArray:
    return pc.less_equal(_ms(moments), as_of_ms)


def _ms(moments: pa.ChunkedArray) -> pa.ChunkedArray:
    return moments.cast(pa.timestamp("ms", "UTC"), safe=False).cast(pa.int64())


def _sampled(places: NDArray[np.int64], scores: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """SAMPLED of these places at most, and for how many each stands: those with the highest scores, where most of the frauds
    are that are to be expected, for themselves, and every n-th of the others for n."""
    order = places[np.argsort(-scores[places], kind="stable")]
    top, rest = order[: SAMPLED // 2], np.sort(order[SAMPLED // 2 :])
    step = max(1, -(-len(rest) // (SAMPLED // 2)))
    some = rest[::step]
    return np.append(top, some), np.append(np.ones(len(top), np.int64), np.full(len(some), step, np.int64))


def _once(table: pa.Table) -> pa.Table:
    """Each transaction once, with what was decided first: the archive may hold a decision twice."""
    if pc.count_distinct(table.column("transaction_id")).as_py() == table.num_rows:
        return table
    place = pa.array(np.arange(table.num_rows))
    order = table.select(["transaction_id", "decided_at", "outcome"]).append_column("place", place)
    order = order.sort_by([("decided_at", "ascending"), ("outcome", "ascending"), ("place", "ascending")])
    first: dict[str, int] = {}
    for name, row in zip(order.column("transaction_id").to_pylist(), order.column("place").to_pylist(), strict=True):
        first.setdefault(name, row)
    return table.take(pa.array(sorted(first.values())))


def _groups(decisions: Path, rows: pa.Table) -> Iterator[Groups]:
    """The groups of some of a day's decisions, in their order."""
    wanted = rows.column("transaction_id").combine_chunks()
    made_on: dict[str, dict[str, Any]] = {}
    for file in sorted(decisions.rglob("*.parquet")) if len(wanted) else ():
        with pq.ParquetFile(file) as content:
            for batch in content.iter_batches(PIECE, columns=["transaction_id", "features"]):
                part = batch.filter(pc.is_in(batch.column("transaction_id"), value_set=wanted))
                texts = part.column("features").to_pylist()
                for name, text in zip(part.column("transaction_id").to_pylist(), texts, strict=True):
                    features = json.loads(text)
                    made_on[name] = {each: features.get(each) for each in CATEGORY_FEATURES}
    amounts = np.searchsorted(_AMOUNTS, rows.column("amount_cents").to_numpy(), side="right")
    hours = _ms(rows.column("trans_time")).to_numpy() % MS_PER_DAY * 4 // MS_PER_DAY
    for name, amount, hour in zip(wanted.to_pylist(), amounts.tolist(), hours.tolist(), strict=True):
        texts = {each: value or MISSING for each, value in made_on[name].items()}
        yield {**texts, AMOUNT: _BANDS[amount], HOUR: _HOURS[hour]}


def _read(file: Path, names: Sequence[str]) -> pa.Table:
    try:
        with pq.ParquetFile(file) as content:
            if lacking := sorted(set(names) - set(content.schema_arrow.names)):
                raise DecisionsError(f"{file} lacks the columns {', '.join(lacking)}; needed: {', '.join(names)}")
            return content.read(list(names))
    except (pa.ArrowException, OSError) as error:
        raise DecisionsError(f"{file} cannot be read: {str(error).splitlines()[0]}") from error


_MOMENT = pa.timestamp("ms", "UTC")
_EMPTY_LABELS = pa.schema(
    [
        *((name, pa.string()) for name in ("transaction_id", "source", "reported_by")),
        ("is_fraud", pa.bool_()),
        *((name, _MOMENT) for name in ("known_at", "recorded_at")),
    ]
).empty_table()
_EMPTY_LABELS = _EMPTY_LABELS.select([column.name for column in LABEL_COLUMNS])
_EMPTY = pa.schema(
    [
        *((name, pa.string()) for name in ("transaction_id", "cc_num")),
        ("amount_cents", pa.int64()),
        *((name, _MOMENT) for name in ("trans_time", "decided_at")),
        ("outcome", pa.string()),
        ("score", pa.float64()),
        ("model_version", pa.string()),
    ]
).empty_table()
