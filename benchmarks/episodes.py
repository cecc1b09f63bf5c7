"""What grafted attacks are worth to a team that knows 20, 50 or 100 of them: tested on real later fraud of other cards.

python -m benchmarks.episodes [--known 20] [--resplits 8] [--fresh]

Each resplit's figures are kept below benchmarks/out/episodes/ as they come: a run that was ended goes on where it stopped.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.data import SPARKOV, needs
from cli.times import parse_moment
from sagemaker_src.synthesis.episodes_use import ARMS, MEASURES, WITHOUT, Scores, Trial, Use, gains

TEST_FROM = "2020-03-01"
KNOWN = (20, 50, 100)
RESPLITS = 8
SEED = 1
KEPT = Path(__file__).resolve().parent / "out" / "episodes"
_NAMES = {
    "without": "known attacks alone",
    "episodes": "+ 200 sampled ones grafted",
    "copies": "+ the known ones themselves grafted 200 times",
    "repeated": "known rows weighing as if repeated as often",
    "class weights": "fraud and honest rows weighing the same",
}


def transactions(path: Path = SPARKOV) -> pa.Table:
    """A file in Kaggle's columns as `fraud.episodes.ledger.COLUMNS`, whole seconds taken as UTC. Cards keep their numbers: they
    stay in this process."""
    table = pq.read_table(path)
    cents = np.rint(table["amt"].to_numpy() * 100).astype(np.int64)
    time = table["trans_date_trans_time"].cast(pa.timestamp("ms")).cast(pa.timestamp("ms", "UTC"))
    same = {name: table[name] for name in ("cc_num", "merchant", "category", "merch_lat", "merch_long", "is_fraud")}
    ids = table["trans_num"].cast(pa.string())
    return pa.table({"transaction_id": ids, "amount_cents": pa.array(cents), "event_time": time, **same})


class Measuring:
    """Resplits of one number of known attacks, each measured once and kept below a folder."""

    def __init__(self, known: int, table: pa.Table, test_from_ms: int, kept: Path) -> None:
        self.trial, self.table, self.test_from_ms, self.kept = Trial(known=known), table, test_from_ms, kept
        self.use: Use | None = None

    def scores(self, resplit: int) -> Scores:
        """As they are kept, if they are of the same trial; else measured."""
        path = self.kept / f"{self.trial.known}-{resplit}.json"
        described = {"trial": asdict(self.trial), "test_from_ms": self.test_from_ms, "seed": SEED}
        old = json.loads(path.read_text()) if path.is_file() else {}
        if {name: old.get(name) for name in described} == described:
            kept: Scores = old["scores"]
            return kept
        self.use = self.use or Use(self.table, self.test_from_ms, self.trial, SEED)
        scores = self.use.scores(resplit)
        self.kept.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        part.write_text(json.dumps({**described, "scores": scores}, indent=1) + "\n")
        part.rename(path)
        print(f"{self.trial.known} known attacks, resplit {resplit + 1}", file=sys.stderr, flush=True)
        return scores


def rows_of(known: int, scores: list[Scores]) -> list[dict[str, Any]]:
    """The figures as `benchmarks.run` shows them."""
    rows = []
    for measure in (name + cards for name in MEASURES for cards in ("", WITHOUT)):
        for arm in ARMS:
            value = float(np.mean([each[arm][measure] for each in scores]))
            change = ""
            if arm != "without":
                gain = gains(scores, measure)[arm]
                change = f" ({gain['mean']:+.4f}, {gain['low']:+.4f} to {gain['high']:+.4f})"
            rows.append(
                {
                    "measure": f"{known} known attacks, {measure}, {_NAMES[arm]}{change}",
                    "value": round(value, 4),
                    "unit": "",
                    "target": None,
                    "met": None,
                }
            )
    return rows


def measure() -> list[dict[str, Any]]:
    """The figures, as `benchmarks.run` collects them."""
    return needs(SPARKOV) or _measure(KNOWN, RESPLITS, SPARKOV, TEST_FROM, KEPT)


def _measure(known: tuple[int, ...], resplits: int, path: Path, test_from: str, kept: Path) -> list[dict[str, Any]]:
    table, moment = transactions(path), parse_moment("--test-from", test_from)
    measuring = {each: Measuring(each, table, moment, kept) for each in known}
    # All numbers of one resplit before the next: a run that is ended has as much of each.
    found = [{each: measuring[each].scores(resplit) for each in known} for resplit in range(resplits)]
    return [row for each in known for row in rows_of(each, [scores[each] for scores in found])]


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--known", type=int, action="append", help=f"default: {KNOWN}")
    parser.add_argument("--resplits", type=int, default=RESPLITS)
    parser.add_argument("--fresh", action="store_true", help="forget what is kept")
    options = parser.parse_args()
    known = tuple(options.known or KNOWN)
    if options.fresh:
        for path in KEPT.glob("*.json"):
            path.unlink()
    print(json.dumps(needs(SPARKOV) or _measure(known, options.resplits, SPARKOV, TEST_FROM, KEPT), indent=2))


if __name__ == "__main__":
    main()
