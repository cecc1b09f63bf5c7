"""`fraud replay`: a day of a person's own file, decided as a live stream."""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import pyarrow as pa
import typer

from cli.model_folder import check_model
from cli.options import Columns, Encoding, Timezone, TransactionsFile, decimal, whole
from cli.output import whole_folder
from cli.reports.stream import stream_report
from cli.run_failures import logs_kept
from cli.screen import new_screen
from cli.summary import show_summary
from cli.times import parse_day, start_ms
from local.live_day import Pace
from local.replay import replay as replay_day
from local.replayer import DAY_MS
from local.rows import split_by_time
from local.screen import Timed
from local.through_stacks import Day
from reading.errors import BadInputError
from reading.transactions import Reading, checked_reading, read_transactions
from sagemaker_src.processing.batch_features import engine

PHASES = {
    "history": "Reading the history",
    "templates": "Synthesizing the templates",
    "stacks": "Standing the stacks up",
    "model": "Nightly features, deploying the model",
    "stream": "Deciding the stream",
    "comparison": "Comparing with batch, deciding again",
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
    timezone: Timezone = None,
    columns: Columns = "kaggle",
) -> None:
    """Decide a day of a file as live traffic, through the stacks, with a model of your own.

    Synthesizes the application, stands its templates up on an emulated AWS with the real engines, registers and deploys the
    model, computes the nightly features of the file's earlier rows, and ends all of it again.

    Writes summary.json and report.html.

    Example: fraud replay --data fraudTest.csv --model out/model --day 2020-12-20 --out out/replay

    Example: fraud replay --data till.csv --timezone Asia/Tokyo --model out/model --day 2020-12-20 --out out/replay
    """
    from_ms = start_ms(parse_day("--day", day))
    reading = checked_reading(encoding, timezone, columns)
    check_model(model)
    with whole_folder(out, "replay") as folder, TemporaryDirectory(prefix="fraud-replay-") as temporary:
        with logs_kept(out, Path(temporary), folder), new_screen(PHASES) as screen:
            timed = Timed(screen)
            timed.phase("history")
            history, live, times = _read(data, from_ms, reading)
            if not live.num_rows:
                raise BadInputError(f"--day: {data} has no transactions on {day} (UTC)")
            rows = Day(history, live.slice(0, transactions), from_ms)
            decided = replay_day(rows, model, Pace(rate=rate, duplicates=duplicates), Path(temporary), timed)
        figures = {**decided.figures, "seconds": timed.seconds()}
        (folder / "summary.json").write_text(json.dumps(figures, indent=2) + "\n")
        lead = f"{day} (UTC) of {data.name}, decided as a live stream through Kafka and Flink; {times}."
        stream_report(folder / "report.html", figures, decided.day, lead)
    show_summary(figures, f"{out}/summary.json and report.html; {times}")


def _read(data: Path, from_ms: int, reading: Reading) -> tuple[pa.Table, pa.Table, str]:
    """The file's rows before and on the day, and how their times were taken."""
    with engine() as connection:
        read = read_transactions(connection, data, "tx", secrets.token_bytes(32), reading)
        rows = connection.sql(f"""SELECT * EXCLUDE (row, event_time), event_time::TIMESTAMPTZ AS event_time FROM tx
            WHERE epoch_ms(event_time) < {from_ms + DAY_MS} ORDER BY event_time, transaction_id""").to_arrow_table()
    times = rows["event_time"].cast(pa.timestamp("ms", "UTC"))
    rows = rows.set_column(rows.column_names.index("event_time"), "event_time", times)
    return *split_by_time(rows, from_ms), read.times
