"""A period of the past, as the application keeps it: its decisions, and the labels that are known now."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from fraud.clock import day_of
from fraud.decision import Decision
from fraud.transaction import InvalidTransactionError
from local.archived import Archive, archived_decision
from sagemaker_src.processing.batch_features import engine
from sagemaker_src.processing.known_labels import known_labels
from sagemaker_src.processing.transactions import sql_paths

_ROWS = 2_000
_DOING = "deciding day after day again"


@dataclass
class Period:
    """Decisions about transactions of a period, each once, a day of them at a time.

    Args:
        archive: what they are read from.
        from_ms, to_ms: of the transactions' times, milliseconds since 1970; the end is not of it.
        waiting: decisions that may not be archived yet, of any time.

    Attributes:
        unreadable: rows of the archive that are no decisions, as far as it was read.
    """

    archive: Archive
    from_ms: int
    to_ms: int
    waiting: Iterable[Decision] = ()
    unreadable: int = field(default=0, init=False)

    def days(self, report: Any = lambda *_: None) -> Iterator[list[Decision]]:
        """The decisions of each day that has any, in the order of time."""
        waiting: dict[str, list[Decision]] = {}
        for one in self.waiting:
            if self.from_ms <= one.trans_time < self.to_ms:
                waiting.setdefault(day_of(one.trans_time), []).append(one)
        first, last = day_of(self.from_ms), day_of(self.to_ms - 1)
        archived = [day for day in self.archive.decision_days() if first <= day <= last]
        wanted = sorted({*archived, *waiting})
        for done, day in enumerate(wanted):
            report(_DOING, done, len(wanted))
            found = {one.transaction_id: one for one in self._archived(day)}
            for one in waiting.get(day, ()):
                found.setdefault(one.transaction_id, one)
            if found:
                yield sorted(found.values(), key=lambda one: (one.trans_time, one.transaction_id))
        report(_DOING, len(wanted), len(wanted))

    def _archived(self, day: str) -> Iterator[Decision]:
        keys = self.archive.application.keys("ArchiveBucket", f"decisions/day={day}/")
        files = self.archive.download("ArchiveBucket", keys)
        if not files:
            return
        read = f"read_parquet({sql_paths(files)}, union_by_name=true, hive_partitioning=false)"
        with engine() as connection:
            # what was delivered twice may be archived twice
            found = connection.sql(
                f"""SELECT * FROM {read} WHERE epoch_ms(trans_time::TIMESTAMP) >= ? AND epoch_ms(trans_time::TIMESTAMP) < ?
                QUALIFY row_number() OVER (PARTITION BY transaction_id ORDER BY decided_at) = 1""",
                params=[self.from_ms, self.to_ms],
            )
            for batch in found.to_arrow_reader(_ROWS):
                for row in batch.to_pylist():
                    try:
                        yield archived_decision(row)
                    except InvalidTransactionError:
                        self.unreadable += 1


def labels_as_of(archive: Archive, now_ms: int, report: Any = lambda *_: None) -> dict[str, bool]:
    """{transaction_id: whether it is fraud}, by the label that counts at a moment, of those that the archive had by then.

    Args:
        now_ms: milliseconds since 1970 in UTC.
    """
    keys = archive.application.keys("ArchiveBucket", "labels/")
    archive.download("ArchiveBucket", keys, report)
    with engine() as connection:
        known_labels(connection, archive.folder / "ArchiveBucket" / "labels", now_ms)
        found = connection.execute("SELECT transaction_id, is_fraud FROM known_labels").fetchall()
    return {str(identity): bool(is_fraud) for identity, is_fraud in found}
