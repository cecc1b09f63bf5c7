"""`fraud world`: make up cards, merchants and transactions, some of them fraud."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import typer
from rich.table import Table

from cli.options import TokenKeyFile, decimal, whole
from cli.output import whole_folder
from cli.progress import Report, console, progress
from cli.times import parse_day
from cli.token_key import token_key
from fraud.world import World, WorldSettings, WorldSettingsError, generate, stream_messages, to_file, tokenised
from reading.errors import BadInputError

_BATCH = 262_144
_OPTIONS = {"fraud_rate": "--fraud-rate", "cards x days": "--cards and --days", "transactions": "--cards and --days"}
_STREAM_STEP = 10_000


class Format(StrEnum):
    """How the transactions are written."""

    PARQUET = "parquet"
    CSV = "csv"


def world(
    *,
    out: Annotated[
        Path, typer.Option(help="Folder to write; replaced if an earlier run wrote it.", metavar="DIR")
    ] = Path("out/world"),
    cards: Annotated[int, whole("How many cards, 1 to 200,000.")] = 1000,
    days: Annotated[int, whole("How many days, 1 to 3,660; a card has about 3.5 transactions a day.")] = 90,
    start: Annotated[str, typer.Option(help="The first day.", metavar="YYYY-MM-DD")] = "2026-01-01",
    fraud_rate: Annotated[float, decimal("Share of the transactions that are fraud, 0 to 0.1.")] = 0.0025,
    seed: Annotated[int, whole("The same settings and seed give the same world.")] = 1,
    full: Annotated[
        bool, typer.Option("--full", help="10,000 cards, 152 days, 5.4 million transactions; not with --cards, --days.")
    ] = False,
    format_: Annotated[Format, typer.Option("--format", help="Of the file of transactions.")] = Format.PARQUET,
    stream_days: Annotated[int, whole("Write the last N days as the stream's messages too; 0 for none.")] = 1,
    token_key_file: TokenKeyFile = None,
    force: Annotated[bool, typer.Option("--force", help="Replace --out even if something else wrote it.")] = False,
) -> None:
    """Make up a world of cards and their transactions, with fraud in it, to try everything else on.

    Writes transactions.parquet (the columns of Kaggle's fraudTrain.csv and the fields that may be missing; made-up card numbers
    that no issuer has), stream.jsonl (the last days as the topic carries them: tokens, no card number, no label) and world.json
    (settings, counts by pattern of fraud). The same options give the same transactions.

    Example: fraud world --cards 2000 --days 60 --seed 7 --out out/world
    """
    settings = _settings(cards=cards, days=days, start=start, fraud_rate=fraud_rate, seed=seed, full=full)
    if not 0 <= stream_days <= settings.days:
        raise BadInputError(f"--stream-days: {stream_days}; allowed: 0 to {settings.days}, the days of the world")
    key = token_key(token_key_file)
    with _folder(out, force=force) as folder, progress() as report:
        report("Making the world", 0, 1)
        made = generate(settings)
        report("Making the world", 1, 1)
        transactions = folder / f"transactions.{format_.value}"
        write_transactions(transactions, to_file(made), report)
        written = [transactions.name]
        streamed = _write_stream(folder / "stream.jsonl", made, key, stream_days, report) if stream_days else 0
        written += ["stream.jsonl"] if stream_days else []
        counts = _counts(made)
        (folder / "world.json").write_text(json.dumps(_summary(settings, counts, streamed), indent=2) + "\n")
    _say(made, counts, out, [*written, "world.json"])


def _settings(*, cards: int, days: int, start: str, fraud_rate: float, seed: int, full: bool) -> WorldSettings:
    first = parse_day("--start", start)
    if full and (cards, days) != (1000, 90):
        raise BadInputError("--full: sets 10,000 cards and 152 days; leave --cards and --days out, or leave out --full")
    try:
        if full:
            return WorldSettings.full(start=first, fraud_rate=fraud_rate, seed=seed)
        return WorldSettings(cards=cards, days=days, start=first, fraud_rate=fraud_rate, seed=seed)
    except WorldSettingsError as error:
        option = _OPTIONS.get(error.setting, f"--{error.setting}")
        raise BadInputError(f"{option}: {error.value}; allowed: {error.allowed}") from error


@contextmanager
def _folder(out: Path, *, force: bool) -> Iterator[Path]:
    """A folder to write into that becomes `out` at the end; with `force` whatever else was there goes only then."""
    if not force or not out.is_dir():
        with whole_folder(out, "world") as folder:
            yield folder
        return
    place = out.resolve()
    if Path.cwd().is_relative_to(place) or Path.home().is_relative_to(place):
        raise BadInputError(f"--force: {out} holds the working or the home folder; name another folder")
    new = place.with_name(f".{place.name}-new")
    with whole_folder(new, "world") as folder:
        yield folder
    shutil.rmtree(place)
    new.rename(place)


def write_transactions(path: Path, table: pa.Table, report: Report) -> None:
    """Writes `.parquet` or `.csv` in batches, so that there is progress to tell of and Ctrl-C is heard."""
    with _writer(path, table.schema) as writer:
        for begin in range(0, table.num_rows, _BATCH):
            batch = table.slice(begin, _BATCH)
            writer.write_table(batch if path.suffix == ".parquet" else _plain(batch))
            report("Writing transactions", min(begin + _BATCH, table.num_rows), table.num_rows)


def _writer(path: Path, schema: pa.Schema) -> pq.ParquetWriter | pacsv.CSVWriter:
    if path.suffix == ".csv":
        return pacsv.CSVWriter(path, _plain(schema.empty_table()).schema)
    # A dictionary of times or identifiers, all different, would be built only to be thrown away.
    repeated = [field.name for field in schema if field.name not in ("trans_date_trans_time", "trans_num", "unix_time")]
    return pq.ParquetWriter(path, schema, use_dictionary=repeated, compression={n: _codec(n) for n in schema.names})


def _codec(column: str) -> str:
    return "none" if column == "trans_num" else "snappy"


def _plain(table: pa.Table) -> pa.Table:
    """The table with every dictionary spelt out, as CSV needs it."""
    plain = [pa.field(f.name, f.type.value_type if pa.types.is_dictionary(f.type) else f.type) for f in table.schema]
    return table.cast(pa.schema(plain))


def _write_stream(path: Path, made: World, key: bytes, days: int, report: Report) -> int:
    last = np.datetime64(made.settings.end) - np.timedelta64(days, "D")
    since = pa.scalar(last.astype("datetime64[ms]").astype(np.int64), pa.int64()).cast(pa.timestamp("ms", "UTC"))
    recent = made.transactions.filter(pc.greater_equal(made.transactions["event_time"], since))
    table = tokenised(World(made.settings, recent, made.cards, made.merchants), key)
    with path.open("wb") as file:
        for done, message in enumerate(stream_messages(table), start=1):
            file.write(message + b"\n")
            if done % _STREAM_STEP == 0 or done == table.num_rows:
                report("Writing the stream", done, table.num_rows)
    return int(table.num_rows)


def _counts(made: World) -> dict[str, int]:
    """Rows by pattern, honest first."""
    values = pc.value_counts(made.transactions["pattern"].cast(pa.string())).to_pylist()
    counts = {row["values"] or "honest": int(row["counts"]) for row in values}
    return dict(sorted(counts.items(), key=lambda item: (item[0] != "honest", item[0])))


def _summary(settings: WorldSettings, counts: dict[str, int], streamed: int) -> dict[str, object]:
    shown = {name: getattr(settings, name) for name in ("cards", "days", "fraud_rate", "seed")}
    period: dict[str, date] = {"start": settings.start, "end": settings.end}
    return {
        "settings": {**shown, **{name: day.isoformat() for name, day in period.items()}},
        "transactions": sum(counts.values()),
        "by_pattern": counts,
        "stream_messages": streamed,
    }


def _say(made: World, counts: dict[str, int], out: Path, written: list[str]) -> None:
    table = Table("pattern", "transactions", "share")
    for name, count in counts.items():
        table.add_row(name, f"{count:,}", f"{count / sum(counts.values()):.3%}")
    console.print(table)
    settings = made.settings
    console.print(f"{settings.cards:,} cards, {settings.start} to {settings.end} (not included), seed {settings.seed}")
    console.print(f"Wrote to {out}: {', '.join(written)}", markup=False, soft_wrap=True)
