"""The requests that have a model score a file: all features of each row, as the stream and the nightly job give them.

    python -m sagemaker_src.scoring.requests --transactions FILE --archive FOLDER --out FOLDER

Features look back over the file and the archive, by the SQL that makes the training rows; risks, where they are declared, are of
what is archived alone (`--decisions` and `--labels`, too), as of each row's cut. Writes into OUT, whole or not at all:
`requests/part-NNNNN`, each a body that the model's program takes (application/x-named-npy, as the deciding step sends), `rows/`
with the same parts as Parquet, which `sagemaker_src.scoring.scores` joins the answers to, and `rows/report.json`.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb

from fraud.answers import REASONS
from fraud.features.catalogue import CATALOGUE
from fraud.model_request import MAX_ROWS, request_body
from fraud.row_counts import RowCountError, same_count
from fraud.sql_text import quoted
from sagemaker_src.processing.batch_features import Progress, compute, engine, feature_columns, load, made_rows, silent
from sagemaker_src.processing.duckdb_engine import DuckDbEngine
from sagemaker_src.processing.entity_risk import ArchiveError, tell, whole_archive
from sagemaker_src.processing.transactions import OPTIONAL, TransactionFilesError
from sagemaker_src.scoring.arrivals import ASKED, Arrived, read
from sagemaker_src.scoring.part import COLUMNS, read_part

ROWS = 10_000
"""Of a request. At 4 ms for exact reasons, none takes longer than the minute after which the container ends its worker."""
MAX_BYTES = 6_000_000
"""Of a request. A batch transform sends 6 MB unless it is told otherwise (page API_CreateTransformJob, MaxPayloadInMB)."""
MAX_HEAD = 1_000_000
"""Of its first line, the names of features and categories: what the model's program takes."""
REPORT = "report.json"

EXACT = {"as-streamed": MAX_ROWS, "approximate": 0, "none": 0}
"""{which reasons are asked for: how many rows of a request may have exact ones}. A streamed decision has them from the review
threshold up, unless many of those came together."""


def make(
    connection: duckdb.DuckDBPyConnection,
    transactions: Path,
    archive: Path | None,
    progress: Progress = silent,
    said: tuple[Path | None, Path | None] = (None, None),
) -> Arrived:
    """Makes the table `asked`: COLUMNS of each transaction of a file, in the file's order.

    Args:
        connection: from `batch_features.engine`.
        transactions, archive: as of `arrivals.read`.
        progress: is told of each step.
        said: for declared risks, the folders of archived decisions and labels.

    Raises:
        TransactionFilesError: as `arrivals.read`.
        ArchiveError: risks are declared, and the archive is not given, or is none.
        RowCountError: a join made other rows than it was given.
    """
    folders = whole_archive(archive, *said, CATALOGUE) if CATALOGUE.risks else None
    arrived = read(connection, transactions, archive)
    load(connection, "arrived", key="row")
    if folders:
        [(first, last)] = connection.execute(f"SELECT min(day), max(day) FROM transactions WHERE {ASKED}").fetchall()
        tell(DuckDbEngine(connection), *folders, last + 1, CATALOGUE, first)
    compute(connection, progress, asked=ASKED, told="told" if folders else None)
    own = ", ".join(f"t.{name}" for name in ("transaction_id", "category", *OPTIONAL, "amount_cents"))
    features = ", ".join(f"f.{name}" for name in ("event_ms", *feature_columns()))
    connection.execute("SET preserve_insertion_order = true")  # the parts are ranges of its rows
    made = made_rows(
        connection,
        f"""CREATE OR REPLACE TABLE asked AS SELECT {own}, {features}
        FROM arrived AS t JOIN features AS f ON t.row = f.row ORDER BY t.row""",
    )
    same_count("joining the features", arrived.asked, made)
    return arrived


def parts(connection: duckdb.DuckDBPyConnection, count: int, reasons: str) -> Iterator[tuple[str, bytes]]:
    """The parts of the table `asked`, each with what follows FROM in its SELECT, and its request.

    One whose request is too large, such as of very many categories, is divided.
    """
    start, size = 0, ROWS
    while start < count:
        source = f"asked WHERE rowid >= {start} AND rowid < {start + size} ORDER BY rowid"
        part = read_part(connection, source)
        body = request_body(part.vectors, part.given, 0 if reasons == "none" else REASONS, exact_reasons=EXACT[reasons])
        if size > 1 and (len(body) > MAX_BYTES or body.index(b"\n") >= MAX_HEAD):
            size //= 2
            continue
        yield source, body
        start, size = start + size, ROWS


def write(connection: duckdb.DuckDBPyConnection, arrived: Arrived, out: Path, reasons: str) -> int:
    """Writes the parts of the table `asked` and the report; gives how many parts there are."""
    folders = {name: out / f"{name}.part" for name in ("rows", "requests")}
    for folder in folders.values():
        shutil.rmtree(folder, ignore_errors=True)  # of a run that was ended
        folder.mkdir(parents=True)
    # without reasons nothing else is asked of a row again
    kept = "transaction_id" if reasons == "none" else ", ".join(COLUMNS)
    count = rows = 0
    for count, (source, body) in enumerate(parts(connection, arrived.asked, reasons), 1):
        name = f"part-{count - 1:05d}"
        path = folders["rows"] / f"{name}.parquet"
        rows += made_rows(connection, f"COPY (SELECT {kept} FROM {source}) TO {quoted(path)} (FORMAT parquet)")
        (folders["requests"] / name).write_bytes(body)
    same_count("writing the requests", arrived.asked, rows)
    report = {**arrived._asdict(), "parts": count, "reasons": reasons}
    (folders["rows"] / REPORT).write_text(json.dumps(report, indent=2) + "\n")
    for name, folder in folders.items():
        folder.replace(out / name)
    return count


def read_report(rows: Path) -> dict[str, Any]:
    """What `write` said of the rows in a folder. Raises OSError or ValueError."""
    report: dict[str, Any] = json.loads((rows / REPORT).read_text())
    return report


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(description="The requests that have a model score a file of transactions.")
    parser.add_argument(
        "--transactions",
        type=Path,
        required=True,
        help="Parquet file, or folder of them: transaction_id, cc_num (token), category, amount_cents, event_time (UTC)",
    )
    parser.add_argument(
        "--archive", type=Path, help="folder of the transactions before, as the function `archive` writes"
    )
    for name in ("decisions", "labels"):
        parser.add_argument(f"--{name}", type=Path, help=f"folder of archived {name}; needed where risks are declared")
    parser.add_argument("--out", type=Path, required=True, help="folder for rows/ and requests/; neither may be there")
    parser.add_argument(
        "--reasons",
        choices=list(EXACT),
        default="as-streamed",
        help="exact ones from the review threshold up, approximate ones of all rows, or none (default %(default)s)",
    )
    parser.add_argument(
        "--memory", default="1400MB", help="what DuckDB may hold before it spills (default %(default)s)"
    )
    options = parser.parse_args(arguments)
    for name in ("rows", "requests"):
        if (options.out / name).exists():
            parser.error(f"--out: {options.out / name} is there; allowed: a folder without it")
    try:
        with engine(options.memory) as connection:
            said = (options.decisions, options.labels)
            arrived = make(connection, options.transactions, options.archive, said=said)
            count = write(connection, arrived, options.out, options.reasons)
    except ArchiveError as error:
        parser.error(str(error))
    except (TransactionFilesError, RowCountError) as error:
        parser.error(f"--transactions: {error}")
    print(
        f"{arrived.asked} of {arrived.rows} rows in {count} requests; {arrived.repeated} repeated, {arrived.refused} refused"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
