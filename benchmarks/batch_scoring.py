"""Scoring files in batch on one core: rows a second of processor time, our two programs and the model's apart.

python -m benchmarks.batch_scoring

A model of 500 trees is trained on the rows before 2020-03-01. The imports are not counted: a job does them once.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import numpy as np

from benchmarks.data import SPARKOV, needs
from fraud.model_request import ACCEPT, CONTENT_TYPE
from fraud.notation import iso_moment_ms
from fraud.sql_text import quoted
from sagemaker_src.processing import batch_features
from sagemaker_src.scoring import requests, scores
from sagemaker_src.serving import inference
from sagemaker_src.training.feature_rows import read_feature_rows
from sagemaker_src.training.fitting import TrainingSettings
from sagemaker_src.training.train import train_model

SPLIT = "2020-03-01"
RUNS = 3
TARGET = 50_000


class Spent(NamedTuple):
    """Seconds of processor time of one scoring.

    Attributes:
        rows: how many were scored.
        requests, serving, scores: the two programs and the model's between them.
        yardstick: XGBoost's predict alone, on the ready matrix.
    """

    rows: int
    requests: float
    serving: float
    scores: float
    yardstick: float

    @property
    def total(self) -> float:
        """All three."""
        return self.requests + self.serving + self.scores


def measure() -> list[dict[str, Any]]:
    """The figures, as `benchmarks.run` collects them."""
    missing = needs(SPARKOV)
    if missing:
        return missing
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _files(folder)
        _train(folder)
        # in a process of its own, so that the training's memory is none of it
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.batch_scoring", str(folder)], check=True, stdout=subprocess.PIPE
        )
    found: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return found


def _files(folder: Path) -> None:
    columns = """trans_num AS transaction_id, md5(cc_num) AS cc_num, category, CAST(round(amt * 100) AS BIGINT) AS amount_cents,
        trans_date_trans_time AS event_time, is_fraud"""
    parts = {"all": "TRUE", "file": f"event_time >= '{SPLIT}'", "archive/rows": f"event_time < '{SPLIT}'"}
    (folder / "archive").mkdir()
    with duckdb.connect() as connection:
        connection.execute(
            f"CREATE TABLE rows AS SELECT {columns} FROM read_parquet({quoted(SPARKOV)}) ORDER BY event_time"
        )
        for name, condition in parts.items():
            path = folder / f"{name}.parquet"
            connection.execute(f"COPY (SELECT * FROM rows WHERE {condition}) TO {quoted(path)} (FORMAT parquet)")


def _train(folder: Path) -> None:
    batch_features.main(["--transactions", str(folder / "all.parquet"), "--out", str(folder / "features.parquet")])
    rows = read_feature_rows(folder / "features.parquet")
    model = folder / "model"
    model.mkdir()
    train_model(rows, TrainingSettings(), test_from_ms=iso_moment_ms(SPLIT)).save(model)


def _score(folder: Path, file: str, archive: str | None, reasons: str) -> Spent:
    """One scoring, from the file to its scores."""
    model = inference.model_fn(str(folder / "model"))
    with tempfile.TemporaryDirectory(dir=folder) as name:
        out = Path(name)
        before = [] if archive is None else ["--archive", str(folder / archive)]
        given = ["--transactions", str(folder / file), *before, "--out", str(out), "--reasons", reasons]
        answers = out / "answers"
        answers.mkdir()

        def serve() -> None:
            for request in (out / "requests").iterdir():
                text, _ = inference.answer(model, request.read_bytes(), CONTENT_TYPE, ACCEPT)
                (answers / f"{request.name}.out").write_text(text)

        joined = ["--rows", str(out / "rows"), "--answers", str(answers), "--out", str(out), "--set", "scored"]
        asking, serving, joining = (
            _cpu_s(lambda: requests.main(given)),
            _cpu_s(serve),
            _cpu_s(lambda: scores.main(joined)),
        )
        ready: list[np.ndarray[Any, Any]] = []
        for request in (out / "requests").iterdir():
            read = inference.read_request(request.read_bytes(), CONTENT_TYPE)
            assert isinstance(read, inference.Named)  # noqa: S101 - for mypy
            ready.append(inference.own_rows(read, model.manifest)[0])
        matrix = np.concatenate(ready)
        predict = _cpu_s(lambda: model.booster.inplace_predict(matrix, validate_features=False))
        return Spent(len(matrix), asking, serving, joining, predict)


def _cpu_s(step: Callable[[], object]) -> float:
    began = time.process_time()
    step()
    return time.process_time() - began


def _measured(folder: Path) -> list[dict[str, Any]]:
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    none = [_score(folder, "all.parquet", None, "none") for _ in range(RUNS)]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    count = f"{none[0].rows:,} rows scored without reasons, 500 trees"
    value = statistics.median(one.rows / one.total for one in none)
    yardstick = statistics.median(one.rows / one.yardstick for one in none)
    plain = "XGBoost's predict on the ready matrix"
    found = [
        _figure(f"{count}, median of {RUNS}", value, TARGET)
        | {"ratio": round(value / yardstick, 2), "yardstick": f"{plain}, {yardstick:,.0f}/s"},
        _figure("of that the model's program alone", statistics.median(one.rows / one.serving for one in none)),
        _figure("of that features and requests alone", statistics.median(one.rows / one.requests for one in none)),
        _figure("of that scores and outcomes alone", statistics.median(one.rows / one.scores for one in none)),
        {"measure": "peak memory of that, DuckDB's limit 1,400 MB", "value": round(peak, 2), "unit": "GiB", "target": None,
         "met": None},
    ]  # fmt: skip
    later = _score(folder, "file.parquet", "archive", "none")
    name = f"{later.rows:,} rows after {none[0].rows - later.rows:,} archived ones, without reasons"
    found.append(_figure(name, later.rows / later.total))
    for reasons, target in (("approximate", TARGET), ("as-streamed", None)):
        one = _score(folder, "file.parquet", None, reasons)
        name = {"approximate": "approximate reasons", "as-streamed": "reasons as streamed decisions have them"}[reasons]
        name = f"{one.rows:,} rows with {name}; features {one.requests / one.rows * 1e6:.1f}"
        name += f", model {one.serving / one.rows * 1e6:.1f}, scores {one.scores / one.rows * 1e6:.1f} us a row"
        found.append(_figure(name, one.rows / one.total, target))
    return found


def _figure(name: str, value: float, target: int | None = None) -> dict[str, Any]:
    met = None if target is None else value >= target
    return {"measure": name, "value": round(value), "unit": "rows/s", "target": target, "met": met}


if __name__ == "__main__":
    print(json.dumps(_measured(Path(sys.argv[1])) if sys.argv[1:] else measure()))
