"""Rows of a saved generator, as many as asked for, in the columns of the table that it learned; and a table with them added."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from sagemaker_src.synthesis.errors import SynthesisError
from sagemaker_src.synthesis.fitting import Fitted, load_fitted
from sagemaker_src.synthesis.generators import load_generator

SYNTHETIC = "is_synthetic"
"""The column that an augmented table has more: true in the rows that were made."""
_PIECE = 250_000
"""Rows that are made at a time, so that millions need no more memory than these."""


def sampled(folder: Path, count: int, seed: int) -> Iterator[pd.DataFrame]:
    """`count` rows of the generator in a folder, in pieces: the columns of the table that it learned of, with its label.

    The same folder, count and seed give the same rows.

    Raises:
        SynthesisError: the folder holds no fitted generator.
    """
    fitted, generator = load_fitted(folder), load_generator(folder)
    for place, begin in enumerate(range(0, count, _PIECE)):
        own = seed if place == 0 else int(np.random.SeedSequence([seed, place]).generate_state(1)[0])
        yield labelled_as_learned(generator.sample(min(_PIECE, count - begin), own), fitted)


def labelled_as_learned(rows: pd.DataFrame, fitted: Fitted) -> pd.DataFrame:
    """Rows of the rare class with its label in their place among the columns."""
    label = pd.Series([fitted.label_value] * len(rows), index=rows.index).astype(fitted.label_type)
    return rows.assign(**{fitted.label: label})[list(fitted.columns)]


def write_pieces(pieces: Iterable[pd.DataFrame], path: Path) -> Iterator[int]:
    """Writes a table that comes in pieces, `.csv` or `.parquet`; gives how many rows are written until now."""
    write = _write_parquet if path.suffix.lower() == ".parquet" else _write_csv
    return write(pieces, path)


def _write_csv(pieces: Iterable[pd.DataFrame], path: Path) -> Iterator[int]:
    written = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        for piece in pieces:
            piece.to_csv(file, index=False, header=written == 0, lineterminator="\n")
            written += len(piece)
            yield written


def _write_parquet(pieces: Iterable[pd.DataFrame], path: Path) -> Iterator[int]:
    written, writer = 0, None
    try:
        for piece in pieces:
            table = pa.Table.from_pandas(piece, schema=writer.schema if writer else None, preserve_index=False)
            writer = writer or pq.ParquetWriter(path, table.schema)
            writer.write_table(table)
            written += len(piece)
            yield written
    finally:
        if writer is not None:
            writer.close()


def rows_to_add(rows: int, fraud: int, to: str) -> int:
    """How many rows of the rare class a table lacks.

    Args:
        rows: the table's, `fraud` of them of the rare class.
        to: `balance`: as many of the rare class as of all others; a share below 1, as `0.05`: of all rows then, met within
            one row; a whole number: so many.

    Raises:
        SynthesisError: it is none of these, or the table has that share already.

    >>> rows_to_add(1_000, 20, "balance"), rows_to_add(1_000, 20, "0.1"), rows_to_add(1_000, 20, "500")
    (960, 89, 500)
    """
    if to == "balance":
        wanted = rows - 2 * fraud
    elif to.isascii() and to.isdecimal():
        wanted = int(to)
    else:
        share = _share(to)
        wanted = round((share * rows - fraud) / (1 - share))
    if wanted <= 0:
        raise SynthesisError(
            f"to {to}: {fraud:,} of the {rows:,} rows are fraud already, {fraud / rows:.4g} of all; allowed: a larger share, "
            "or how many rows to add, as 500"
        )
    return wanted


def _share(to: str) -> float:
    try:
        share = float(to) if to.isascii() and set(to) <= set("0123456789.") else float("nan")
    except ValueError:
        share = float("nan")
    if not 0 < share < 1:
        raise SynthesisError(
            f"to {to}: allowed: balance, the share of fraud among all rows, as 0.05, or how many rows to add, as 500"
        )
    return share


def augmented(table: pd.DataFrame, synthetic: pd.DataFrame) -> pd.DataFrame:
    """A table with synthetic rows behind its own, told apart by the column `is_synthetic`.

    Columns that the synthetic rows lack are missing there; whole numbers stay whole numbers.

    Raises:
        SynthesisError: the table has such a column already, or lacks one of the synthetic rows.
    """
    if SYNTHETIC in table.columns:
        raise SynthesisError(f"the column {SYNTHETIC} is there already; needed: the table before it was augmented")
    lacking = [name for name in synthetic.columns if name not in table.columns]
    if lacking:
        raise SynthesisError(
            f"the column {', '.join(lacking)} is missing; needed: the columns that the model learned, "
            f"{', '.join(synthetic.columns)}"
        )
    own = table.copy()
    for name in table.columns.difference(synthetic.columns):
        if own[name].dtype.kind in "iub":
            own[name] = own[name].convert_dtypes()  # a type that may be missing
    both = pd.concat([own, synthetic.reindex(columns=[name for name in own if name in synthetic])], ignore_index=True)
    return both.assign(**{SYNTHETIC: np.arange(len(both)) >= len(table)})
