"""Fit a generator to the frauds of a table:

    python -m sagemaker_src.synthesis.jobs.fit --table table.parquet --model-dir model

A fifth of the frauds is held out to judge by. With --checkpoints, a fit that was ended goes on from the newest one.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from fraud.notation import decimal_number, whole_number
from sagemaker_src.options import typed
from sagemaker_src.synthesis.errors import SynthesisError
from sagemaker_src.synthesis.fitting import FitRequest, learn
from sagemaker_src.synthesis.generators import KINDS
from sagemaker_src.synthesis.jobs.extract import LABEL
from sagemaker_src.synthesis.jobs.files import say, table_in


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(description="Fit a generator of synthetic fraud to the frauds of a table.")
    parser.add_argument(
        "--table", type=Path, required=True, help="Parquet file, or folder with one, as extract wrote it"
    )
    parser.add_argument("--model-dir", type=Path, required=True, help="where the generator goes")
    parser.add_argument("--generator", choices=list(KINDS), default="wgan", help="default %(default)s")
    parser.add_argument("--epochs", type=typed(whole_number), help="of the wgan; default: its own")
    parser.add_argument("--epsilon", type=typed(decimal_number), help="of differential privacy; default: none")
    parser.add_argument("--checkpoints", type=Path, help="folder to go on from")
    parser.add_argument("--seed", type=typed(whole_number), default=1, help="default %(default)s")
    options = parser.parse_args(arguments)
    settings = {name: getattr(options, name) for name in ("epochs", "epsilon") if getattr(options, name) is not None}
    try:
        request = FitRequest(label=LABEL, positive="1", kind=options.generator, settings=settings, seed=options.seed)
        learned = learn(table_in(options.table), request, file="table", progress=say, work=options.checkpoints)
    except SynthesisError as error:
        parser.error(str(error))
    options.model_dir.mkdir(parents=True, exist_ok=True)
    learned.save(options.model_dir)
    print(f"learned {len(learned.fitted.trained)} frauds, held out {len(learned.fitted.held_out)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
