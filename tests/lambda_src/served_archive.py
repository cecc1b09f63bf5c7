"""An archive whose transactions name terminals, its nights, and what a loop finds of its risks, for `served_risks`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from fraud.features.catalogue import CATALOGUE, names
from sagemaker_src.processing import nightly
from samples.deciding_world import feature_message
from tests.sagemaker_src.archive_in_days import InDays
from tests.sagemaker_src.test_nightly import DAY_MS, START_MS, write
from tests.sagemaker_src.told_loop import shares

WORDS = {"merchant": "merchant", "terminal": "terminal_id", "category": "category"}
RISKS = names(CATALOGUE.risk_features)
CUT_MS = START_MS + 26 * DAY_MS
GROUP = "cc-agg-batch-fg"


class Served(InDays):
    """An archive whose transactions name terminals, and its nights."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        for place, row in enumerate(self.transactions):
            row["terminal_id"] = (None, "a", "b")[place % 3]
        self.write()

    def options(self, cut_ms: int) -> list[str]:
        before = [row for row in self.transactions if row["event_ms"] < cut_ms]
        return [
            *("--cut", str(date(1970, 1, 1) + timedelta(milliseconds=cut_ms))),
            *("--transactions", str(write(self.folder / f"landed-{cut_ms}", before))),
            *("--daily", str(self.folder / "sums"), "--daily-out", str(self.folder / "sums")),
            *("--training-out", str(self.folder / f"training-{cut_ms}"), "--nightly-group", GROUP),
        ]

    @property
    def whole(self) -> list[str]:
        named = {"archive": "transactions", "decisions": "decisions", "labels": "labels"}
        return [part for name, folder in named.items() for part in (f"--{name}", str(self.folder / folder))]

    def night(self, cut_ms: int = CUT_MS) -> list[dict[str, Any]]:
        """Runs the job over all that was before the cut; gives the training rows."""
        assert nightly.main([*self.options(cut_ms), *self.whole]) == 0
        rows: list[dict[str, Any]] = pq.read_table(self.folder / f"training-{cut_ms}" / "features.parquet").to_pylist()
        return rows

    def of_day(self, cut_ms: int = CUT_MS) -> list[dict[str, Any]]:
        return [row for row in self.transactions if cut_ms <= row["event_ms"] < cut_ms + DAY_MS]

    def naive(self, row: Mapping[str, Any], cut_ms: int) -> dict[str, float | None]:
        """The risks of a row as of a cut, by the loop."""
        settled = [
            each
            | {
                "settled_ms": each["event_ms"] + 7 * DAY_MS
                if self.outcomes[each["transaction_id"]] == "approve"
                else None
            }
            for each in self.transactions
            if each["event_ms"] < cut_ms
        ]
        return {
            f"{word}_risk_{back}": share
            for word, key in WORDS.items()
            for back, share in shares(settled, self.labels, key, row[key], cut_ms).items()
        }


def message(row: Mapping[str, Any], **changes: Any) -> bytes:
    kept = ("transaction_id", "cc_num", "category", "merchant", "terminal_id", "device_id", "amount_cents")
    given = {name: row[name] for name in kept if row[name] is not None}
    return feature_message(0, **{**given, "trans_time": row["event_ms"], "merchant": row["merchant"], **changes})
