"""`fraud replay`: a day of a person's own file, decided as a live stream."""

from __future__ import annotations

import json
import secrets
import tempfile
from pathlib import Path
from typing import Annotated

import pyarrow as pa
import typer

from cli.errors import BadInputError
from cli.kaggle import Reading, checked_reading, read_transactions
from cli.options import Encoding, Timezone, TransactionsFile, decimal, whole
from cli.output import whole_folder
from cli.report.stream import stream_report
from cli.screen import new_screen
from cli.summary import show_summary
from cli.times import parse_day, start_ms
from engines.processes import ProcessError
from local.decided_day import decide_day, summary
from local.stores import write_nightly
from local.stream_run import DAY_MS, split_by_time
from sagemaker_src.processing.batch_features import daily_sums, engine, load, nightly_snapshot

PHASES = {
    "history": "Reading the history",
    "stream": "Deciding the stream",
    "comparison": "Comparing stream and batch",
}


def replay(
    data: TransactionsFile,
    model: Annotated[Path, typer.Option(help="A model's folder, as `fraud train` writes it.", metavar="DIR")],
    day: Annotated[
        str, typer.Option(help="The day (UTC) to replay; the file's earlier rows are its history.", metavar="DATE")
    ],
    out: Annotated[Path, typer.Option(help="Folder to write; replaced if an earlier run wrote it.", metavar="DIR")],
    rate: Annotated[float, decimal("Transactions a second.", 1, 2000)] = 200,
    transactions: Annotated[int, whole("How many to replay at most.", 1)] = 20_000,
    duplicates: Annotated[float, decimal("Share that Kafka delivers twice.", 0, 0.5)] = 0.0,
    encoding: Encoding = None,
    timezone: Timezone = "UTC",
) -> None:
    """Send a day of a file through Kafka and Flink as live traffic and decide every transaction.

    Writes summary.json and report.html.

    Example: fraud replay --data fraudTest.csv --model out/model --day 2020-12-20 --out out/replay

    Example: fraud replay --data till.csv --timezone Asia/Tokyo --model out/model --day 2020-12-20 --out out/replay
    """
    from_ms = start_ms(parse_day("--day", day))
    reading = checked_reading(encoding, timezone)
    if not (model / "manifest.json").is_file():
        raise BadInputError(f"--model: {model} holds no manifest.json; `fraud train` writes one")
    with (
        whole_folder(out, "replay") as folder,
        new_screen(PHASES) as screen,
        tempfile.TemporaryDirectory(prefix="fraud-") as temporary,
    ):
        screen.phase("history")
        nightly = Path(temporary) / "nightly.db"
        history, live, times = _read(data, from_ms, nightly, reading)
        if not live.num_rows:
            raise BadInputError(f"--day: {data} has no transactions on {day} (UTC)")
        try:
            decided = decide_day(
                history, live.slice(0, transactions), from_ms, model, nightly, screen, rate=rate, duplicates=duplicates
            )
        except ProcessError as error:
            raise BadInputError(str(error)) from error
        figures = summary(decided)
        (folder / "summary.json").write_text(json.dumps(figures, indent=2) + "\n")
        lead = f"{day} (UTC) of {data.name}, decided as a live stream through Kafka and Flink; {times}."
        stream_report(folder / "report.html", figures, decided, lead)
    show_summary(figures, f"{out}/summary.json and report.html; {times}")


def _read(data: Path, from_ms: int, nightly: Path, reading: Reading) -> tuple[pa.Table, pa.Table, str]:
    """The file's rows before and on the day, and how their times were taken; the nightly store is made on the way."""
    with engine() as connection:
        read = read_transactions(connection, data, "tx", secrets.token_bytes(32), reading)
        load(connection, "tx", key="row")
        daily_sums(connection)
        cards, population = nightly_snapshot(connection, from_ms)
        write_nightly(nightly, cards.items(), population)
        rows = connection.sql(f"""SELECT * EXCLUDE (row, event_time), event_time::TIMESTAMPTZ AS event_time FROM tx
            WHERE epoch_ms(event_time) < {from_ms + DAY_MS} ORDER BY event_time, transaction_id""").to_arrow_table()
    times = rows["event_time"].cast(pa.timestamp("ms", "UTC"))
    rows = rows.set_column(rows.column_names.index("event_time"), "event_time", times)
    return *split_by_time(rows, from_ms), read.times
