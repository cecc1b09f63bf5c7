"""`fraud synthesize sample`: new frauds from a model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cli.options import whole
from cli.output import whole_file
from cli.progress import Report, console, progress
from cli.synthesize.inputs import MAX_SEED, TABLES, Force, Model, OutFile, fitted_model, said_of
from sagemaker_src.synthesis.sampling import sampled, write_pieces


def sample(
    model: Model,
    rows: Annotated[int, whole("How many rows; exactly so many are written.", 1, 100_000_000)],
    out: OutFile,
    seed: Annotated[int, whole("The same model, rows and seed give the same file.", 0, MAX_SEED)] = 1,
    force: Force = False,
) -> None:
    """Make new frauds with a model that `fit` wrote.

    Writes a table in the columns of the one that the model learned of, every row with the label of a fraud.

    Example: fraud synthesize sample --model out/model --rows 1000 --out out/synthetic.csv

    Example: fraud synthesize sample --model out/model --rows 1000000 --seed 7 --out out/many.parquet
    """
    fitted_model(model)
    with whole_file(out, TABLES, force=force) as partial, progress() as report, said_of("--model"):
        sample_into(partial, model, rows, seed, report)
    console.print(f"Wrote {out}: {rows:,} synthetic rows", markup=False, soft_wrap=True)


def sample_into(path: Path, model: Path, rows: int, seed: int, report: Report) -> None:
    """Writes rows of a model to a file; raises SynthesisError where it holds none."""
    for written in write_pieces(sampled(model, rows, seed), path):
        report("making rows", written, rows)
