"""`fraud columns`: a first mapping of a person's own file."""

from __future__ import annotations

import secrets
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from cli.options import Encoding
from cli.output import whole_file
from cli.progress import console
from fraud.card_numbers import holds_card_number
from reading.contents import Told
from reading.errors import BadInputError
from reading.proposal.fields import proposal
from reading.proposal.guess import FILL_IN
from reading.proposal.profile import all_different, profiles
from reading.proposal.toml_text import shipped_text, text_of
from reading.source import opened
from reading.text import checked_encoding
from reading.transactions import checked_reading, read_transactions
from sagemaker_src.processing.batch_features import engine


def columns(
    file: Annotated[
        Path,
        typer.Argument(
            help="The file to look at: CSV, JSON lines or Parquet, packed or not, a folder of such files, or a pattern.",
            metavar="FILE",
        ),
    ],
    out: Annotated[
        Path | None, typer.Option(help="File to write, .toml; default: it is printed.", metavar="FILE")
    ] = None,
    encoding: Encoding = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file --out if it is there.")] = False,
) -> None:
    """Look at a file, and write a first mapping of its columns for --columns.

    It tells by names and contents which column is which field, how amounts and times are written, and what stands for fraud; what
    it cannot be sure of is marked, `# unsure: ...`. It says whether the file can be read by the mapping as it stands. A file that
    is there is never replaced without --force. Card numbers are neither printed nor written.

    Example: fraud columns till.csv

    Example: fraud columns 'in/2020-*.csv.gz' --out till.toml
    """
    asked = checked_encoding(encoding)
    text = mapping_text(file, asked)
    if out is None:
        typer.echo(text, nl=False)
    else:
        with whole_file(out, (".toml",), force=force) as partial:
            partial.write_text(text, encoding="utf-8")
    unsure = text.count("\n# unsure: ")
    marked = f"{unsure} line{'s' if unsure != 1 else ''} marked unsure" if unsure else "nothing marked unsure"
    written = f"Wrote {out}: {marked}" if out else marked
    console.print(f"{written}; {_tried(file, text, asked)}", markup=False, soft_wrap=True)


def mapping_text(file: Path, encoding: str | None) -> str:
    """The TOML of a first mapping; raises BadInputError if the file cannot be read."""
    with opened(file, lambda names: [name for name in names if name.strip()], Told(encoding)) as source:
        if any(map(holds_card_number, source.columns)):
            raise BadInputError(f"{file}: a card number stands where the columns' names should; needed: a header")
        if known := shipped_text(list(source.columns)):
            return known
        with engine() as connection:
            found = profiles(connection, source)
            made = proposal(found, lambda column: all_different(connection, source, column.name))
        return text_of(file, source.said, made)


def _tried(file: Path, text: str, encoding: str | None) -> str:
    """Whether the file can be read by a mapping, in words."""
    if FILL_IN in text:
        return f"what says {FILL_IN} must be filled in before the file can be read by it"
    with TemporaryDirectory(prefix="fraud-columns-") as folder, engine() as connection:
        path = Path(folder) / "mapping.toml"
        path.write_text(text, encoding="utf-8")
        try:
            read = read_transactions(
                connection, file, "tx", secrets.token_bytes(32), checked_reading(encoding, None, str(path))
            )
        except BadInputError as error:
            return f"as it stands, the file cannot be read by it: {str(error).replace(f'{path}: ', '')}"
    return f"as it stands, {read.transactions:,} transactions are read by it"
