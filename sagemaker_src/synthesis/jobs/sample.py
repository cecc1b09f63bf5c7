"""Rows of a fitted generator, in the form that the training job takes:

    python -m sagemaker_src.synthesis.jobs.sample --model model --rows 2000 --out out

Writes `sampled.parquet`, the generator's own columns, and `rows.parquet`: those of `feature_rows`, each row a transaction of a
card of its own.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from fraud.durations import MS_PER_DAY
from fraud.notation import whole_number
from sagemaker_src.options import typed
from sagemaker_src.synthesis.errors import SynthesisError
from sagemaker_src.synthesis.jobs.extract import DAY, LABEL, TIME_OF_DAY
from sagemaker_src.synthesis.jobs.files import ROWS, generator_in
from sagemaker_src.synthesis.sampling import sampled
from sagemaker_src.training.feature_rows import OPTIONAL_COLUMNS, ROW_COLUMNS

SAMPLED = "sampled.parquet"


def feature_rows(made: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Sampled rows as the training job takes them.

    Args:
        made: DAY, TIME_OF_DAY, category, amount_cents, the features and the label; and the fields that a model takes and that
            the learned rows had: without them, a field that is missing would tell the synthetic frauds from all others.
        seed: of the ids and card tokens, which are of nobody.
    """
    tokens = np.random.default_rng([seed, 1]).bytes(16 * len(made)).hex()
    return made.assign(
        transaction_id=[f"synthetic-{seed}-{number}" for number in range(len(made))],
        cc_num=[tokens[start : start + 32] for start in range(0, len(tokens), 32)],
        event_ms=made[DAY].to_numpy(dtype=np.int64) * MS_PER_DAY + made[TIME_OF_DAY].to_numpy(dtype=np.int64),
        is_fraud=made[LABEL].astype("int8"),
    )[[*ROW_COLUMNS, *(name for name in OPTIONAL_COLUMNS if name in made)]]


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(description="Rows of a fitted generator of synthetic fraud.")
    parser.add_argument("--model", type=Path, required=True, help="folder of the generator, or of its model.tar.gz")
    parser.add_argument("--rows", type=typed(whole_number), required=True, help="how many")
    parser.add_argument("--out", type=Path, required=True, help="folder to write into")
    parser.add_argument("--seed", type=typed(whole_number), default=1, help="default %(default)s")
    options = parser.parse_args(arguments)
    try:
        with tempfile.TemporaryDirectory() as work:
            pieces = list(sampled(generator_in(options.model, Path(work)), options.rows, options.seed))
    except SynthesisError as error:
        parser.error(str(error))
    made = pd.concat(pieces, ignore_index=True)
    options.out.mkdir(parents=True, exist_ok=True)
    made.to_parquet(options.out / SAMPLED, index=False)
    feature_rows(made, options.seed).to_parquet(options.out / ROWS, index=False)
    print(f"made {len(made)} rows")
    return 0


if __name__ == "__main__":
    sys.exit(main())
