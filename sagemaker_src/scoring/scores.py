"""The scores of a file's transactions, from a model's answers to the requests that `sagemaker_src.scoring.requests` made.

    python -m sagemaker_src.scoring.scores --rows OUT/rows --answers FOLDER --out FOLDER --set NAME

Writes FOLDER/NAME/scores.parquet and scores.csv, a row a transaction in the file's order: transaction_id, score (a probability of
fraud), outcome, the reasons in words, the strongest first, and model_version; and, last of all, summary.json.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from fraud.decision import OUTCOMES, Reason
from fraud.row_counts import RowCountError, same_count
from fraud.sql_text import quoted
from sagemaker_src.processing.batch_features import engine
from sagemaker_src.scoring.answers import AnswersError, Judged, Model, answer_files, judge, same_model
from sagemaker_src.scoring.part import file_source
from sagemaker_src.scoring.requests import REPORT, read_report

BINS = 20
"""Of the histogram of scores, of equal width."""
QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 0.999)
COLUMNS = "transaction_id, score, outcome, reasons, model_version"
_FORMATS = {"parquet": "FORMAT parquet, COMPRESSION zstd", "csv": "FORMAT csv, HEADER"}


def in_words(reasons: Sequence[Reason]) -> str:
    """A decision's reasons as one text.

    >>> in_words([Reason("amount", 612.5, 1.5), Reason("hour", 3.0, 0.5)])
    'the amount (612.50) raises the score; the hour of the day (03:00 UTC) raises the score'
    """
    return "; ".join([reason.text for reason in reasons])


def read(connection: duckdb.DuckDBPyConnection, rows: Path, answers: Path, *, explained: bool) -> Model:
    """Makes the table `scores`: COLUMNS of all rows, in the file's order; gives the model that answered.

    Raises:
        AnswersError: the answers are not those to the rows.
    """
    connection.execute("SET preserve_insertion_order = true")
    connection.execute("""CREATE OR REPLACE TABLE scores (transaction_id VARCHAR, score DOUBLE, outcome VARCHAR,
        reasons VARCHAR, model_version VARCHAR)""")
    models: list[Model] = []
    for path, answer in answer_files(rows, answers):
        model, judged = judge(connection, path, answer, explained=explained)
        models = [same_model([*models, model])]
        _add(connection, path, model, judged)
    return models[0]


def _add(connection: duckdb.DuckDBPyConnection, rows: Path, model: Model, judged: Judged) -> None:
    """Adds a part's rows to the table `scores`."""
    columns: dict[str, Any] = {
        "place": np.arange(len(judged.scores)),
        "score": np.array(judged.scores, dtype=np.float64),
        "outcome": np.array(judged.outcomes, dtype=object),
    }
    if judged.reasons is not None:
        columns["reasons"] = np.array([in_words(reasons) for reasons in judged.reasons], dtype=object)
    reasons = "''" if judged.reasons is None else "j.reasons"
    connection.register("judged", columns)
    connection.execute(
        f"""INSERT INTO scores SELECT r.transaction_id, j.score, j.outcome, {reasons}, {quoted(model.version)}
        FROM (SELECT transaction_id, file_row_number FROM {file_source(rows)}) AS r
        JOIN judged AS j ON r.file_row_number = j.place ORDER BY j.place"""
    )
    connection.unregister("judged")


def summary(connection: duckdb.DuckDBPyConnection, name: str, model: Model, report: dict[str, Any]) -> dict[str, Any]:
    """What summary.json says.

    Raises:
        RowCountError: a row of the file has neither a score nor another row's or a reason why it has none.
    """
    counts = dict(connection.execute("SELECT outcome, count(*) FROM scores GROUP BY outcome").fetchall())
    scored = sum(counts.values())
    refused = sum(report["refused"].values())
    same_count("scoring the file", report["rows"], scored + report["repeated"] + refused)
    [(least, most, mean, quantiles)] = connection.execute(
        f"SELECT min(score), max(score), avg(score), quantile_disc(score, {list(QUANTILES)}) FROM scores"
    ).fetchall()
    bins = dict(
        connection.execute(
            f"SELECT least(floor(score * {BINS})::INTEGER, {BINS - 1}) AS bin, count(*) FROM scores GROUP BY bin"
        ).fetchall()
    )
    return {
        "set": name,
        "model_version": model.version,
        "thresholds": model.thresholds.model_dump(),
        "missing_features": list(model.missing),
        "reasons": report["reasons"],
        "rows": report["rows"],
        "scored": scored,
        "repeated": report["repeated"],
        "refused": report["refused"],
        "archived": report["archived"],
        "other_payments": report["other_payments"],
        "outcomes": {outcome: counts.get(outcome, 0) for outcome in OUTCOMES},
        "scores": {
            "least": least,
            "most": most,
            "mean": mean,
            "quantiles": {str(share): value for share, value in zip(QUANTILES, quantiles, strict=True)},
            "histogram": [bins.get(place, 0) for place in range(BINS)],
        },
    }


def write(connection: duckdb.DuckDBPyConnection, folder: Path, said: dict[str, Any]) -> None:
    """Writes the table `scores` and the summary, each file whole, the summary last."""
    folder.mkdir(parents=True, exist_ok=True)
    for kind, options in _FORMATS.items():
        path, partial = _paths(folder, f"scores.{kind}")
        connection.execute(f"COPY (SELECT {COLUMNS} FROM scores) TO {quoted(partial)} ({options})")
        partial.replace(path)
    path, partial = _paths(folder, "summary.json")
    partial.write_text(json.dumps(said, indent=2) + "\n")
    partial.replace(path)


def _paths(folder: Path, name: str) -> tuple[Path, Path]:
    """Of a file, and of what it is called until it is whole."""
    return folder / name, folder / f"{name}.part"


def _set_name(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", text):
        raise argparse.ArgumentTypeError(
            f"{text!r}; allowed: 1 to 100 letters, digits and ._-, a letter or digit first"
        )
    return text


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(description="The scores of a file's transactions, from a model's answers.")
    parser.add_argument("--rows", type=Path, required=True, help="folder rows/ of sagemaker_src.scoring.requests")
    parser.add_argument("--answers", type=Path, required=True, help="folder of the answers, part-NNNNN.out each")
    parser.add_argument("--out", type=Path, required=True, help="folder to write the set's folder into")
    parser.add_argument("--set", type=_set_name, required=True, help="what the file's scores are called", dest="name")
    options = parser.parse_args(arguments)
    try:
        report = read_report(options.rows)
    except (OSError, ValueError) as error:
        parser.error(f"--rows: {options.rows / REPORT} cannot be read: {error}")
    try:
        with engine() as connection:
            model = read(connection, options.rows, options.answers, explained=report["reasons"] != "none")
            said = summary(connection, options.name, model, report)
            write(connection, options.out / options.name, said)
    except AnswersError as error:
        parser.error(f"--answers: {error}; nothing is written")
    except RowCountError as error:
        parser.error(f"--rows: {error}")
    outcomes = ", ".join(f"{count} {outcome}" for outcome, count in said["outcomes"].items())
    print(f"{said['scored']} of {said['rows']} rows scored by {model.version}: {outcomes}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
