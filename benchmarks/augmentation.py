"""What synthetic frauds are worth on real card fraud (ULB's): average precision with them against without, over resplits.

python -m benchmarks.augmentation [--frauds 50] [--resplits 8]

In each resplit the network learns that resplit's training frauds alone, and as many synthetic ones are added as were learned.
"""

from __future__ import annotations

import argparse
import sys
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.data import ULB, needs
from benchmarks.run import shown
from sagemaker_src.synthesis.generators import new_generator
from sagemaker_src.synthesis.quality.bench import Trial
from sagemaker_src.synthesis.quality.utility import utility
from sagemaker_src.synthesis.table import labelled

FEW = 50
RESPLITS = 8
TRAINED = 0.75
"""Share of the frauds that a random resplit trains on."""
TARGET = -0.005


def gains(frauds: int | None, resplits: int) -> dict[str, Any]:
    """`utility` of the network's rows.

    Args:
        frauds: how many there are; None: all. Of a table with few, the test holds as few, so its figures are coarse.
    """
    table = labelled(pd.read_parquet(ULB), "Class", "1")
    rows, fraud = table.rows, table.fraud
    if frauds is not None:
        dropped = np.random.default_rng(1).permutation(np.flatnonzero(fraud))[round(frauds / TRAINED) :]
        kept = ~np.isin(np.arange(len(fraud)), dropped)
        rows, fraud = rows[kept].reset_index(drop=True), fraud[kept]
    return utility(
        rows,
        fraud,
        # their number alone counts where there is a generator
        rows[fraud].head(round(fraud.sum() * TRAINED)),
        time="Time",
        generator=lambda: new_generator("wgan"),
        trial=Trial(resplits=resplits),
        seed=1,
        progress=lambda what, done, total: print(f"{what}: {done}/{total}", file=sys.stderr, flush=True),
    )


def measure(which: tuple[int | None, ...] = (None, FEW), resplits: int = RESPLITS) -> list[dict[str, Any]]:
    """A row for each way to get more frauds, and each way to split."""
    if lacking := needs(ULB):
        return lacking
    rows = []
    for frauds in which:
        found = gains(frauds, resplits)
        base = {split: np.mean(arm[split]) for arm in found["arms"][:1] for split in ("by_time", "random")}
        for each in found["gains"]:
            judged = each["arm"] == "synthetic"
            rows.append(
                {
                    "measure": f"{each['arm']}, {frauds or 'all'} frauds to train on, {resplits} resplits {each['split']} "
                    f"(without: {base[each['split']]:.3f}); 95% interval {each['low']:+.3f} to {each['high']:+.3f}",
                    "value": round(each["mean"], 4),
                    "unit": "average precision",
                    "target": f">= {TARGET}" if judged else None,
                    "met": each["mean"] >= TARGET if judged else None,
                }
            )
    return rows


def main() -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(description="What synthetic frauds are worth on ULB's card fraud.")
    parser.add_argument("--frauds", type=int, help=f"train on so few (default: all, then {FEW})")
    parser.add_argument("--all", action="store_true", help="train on all alone")
    parser.add_argument(
        "--resplits", type=int, default=RESPLITS, help="by time, and as many at random (default %(default)s)"
    )
    options = parser.parse_args()
    which: tuple[int | None, ...] = (options.frauds,) if options.frauds else (None,) if options.all else (None, FEW)
    for row in measure(which, options.resplits):
        print(shown(row))
    return 0


if __name__ == "__main__":
    sys.exit(main())
