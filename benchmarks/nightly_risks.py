"""The nightly job's reading of the archive where risks are declared: all of it, and the days that a cut needs.

python -m benchmarks.nightly_risks

Both give the same tables of risks, which is checked. All of it is laid in no day's folder, so that all of it is read.
"""

from __future__ import annotations

import json
import sys
import tempfile
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb

from benchmarks.batch_features import timed
from fraud.features.catalogue import with_risks
from fraud.sql_text import quoted

CUT = date(2026, 11, 28)
DAYS, A_DAY = 730, 12_300
"""As many rows as 90 days of 100,000, over two years: a bank's archive only grows, and what a night needs does not."""
TERMINALS, MERCHANTS = 10_000, 4_000
LABELLED = 0.01
"""The share of transactions that get a label, up to 120 days later."""

_MOMENT = "DATE '{day}' + INTERVAL (n * 86400000 // {count}) MILLISECOND"
_PARTS = {
    "transactions": f"""SELECT '{{day}}-' || n AS transaction_id, md5((n * 7919 % 100000)::VARCHAR) AS cc_num,
        'category ' || n % 14 AS category, n % 50000 AS amount_cents, {_MOMENT} AS event_time,
        'merchant ' || hash(n, '{{day}}') % {MERCHANTS} AS merchant, 't' || hash('{{day}}', n) % {TERMINALS} AS terminal_id
        FROM range({{count}}) AS t(n)""",
    "decisions": f"""SELECT '{{day}}-' || n AS transaction_id, CASE WHEN n % 200 = 0 THEN 'block' ELSE 'approve' END AS outcome,
        {_MOMENT} + INTERVAL 1 SECOND AS decided_at, repeat(md5(n::VARCHAR), 20) AS features FROM range({{count}}) AS t(n)""",
    "labels": f"""SELECT *, known_at AS recorded_at FROM (SELECT '{{of}}-' || n AS transaction_id,
        hash(n) % 3 > 0 AS is_fraud, 'chargeback' AS source, 'issuer' AS reported_by,
        {_MOMENT} AS known_at FROM range({{count}}) AS t(n)) WHERE hash(transaction_id) % 10000 < {LABELLED * 10_000}""",
}


def lay(folder: Path, days: int, a_day: int) -> int:
    """An archive in folders of days before CUT; gives how many transactions it has."""
    with duckdb.connect() as connection:
        for back in range(days, 0, -1):
            day = CUT - timedelta(days=back)
            # each day's labels are of a day up to 120 before
            of = day - timedelta(days=back * 37 % 121)
            for part, select in _PARTS.items():
                into = folder / part / f"day={day}"
                into.mkdir(parents=True)
                given = select.format(day=day, count=a_day, of=of)
                connection.execute(
                    f"COPY ({given}) TO {quoted(into / 'part.parquet')} (FORMAT parquet, COMPRESSION zstd)"
                )
    return days * a_day


def flat(folder: Path, out: Path) -> None:
    """The same files in no day's folder."""
    for path in folder.rglob("day=*/*.parquet"):
        kind, day = path.relative_to(folder).parts[:2]
        (out / kind).mkdir(parents=True, exist_ok=True)
        (out / kind / f"{day}.parquet").hardlink_to(path)


def measure(days: int = DAYS, a_day: int = A_DAY) -> list[dict[str, Any]]:
    """The figures, as `benchmarks.run` collects them."""
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        rows = lay(root / "days", days, a_day)
        flat(root / "days", root / "whole")
        found = {name: _computed(root / name, root / f"{name}-out") for name in ("whole", "days")}
        _same(root / "whole-out", root / "days-out")
    (whole_s, whole_gib), (days_s, days_gib) = found["whole"], found["days"]
    name = f"risks of a night, {rows:,} transactions in {days} days"
    return [
        {"measure": f"{name}, all of the archive", "value": round(whole_s, 1), "unit": "s", "target": None, "met": None},
        {"measure": "peak memory of that", "value": round(whole_gib, 2), "unit": "GiB", "target": None, "met": None},
        {"measure": f"{name}, the days that it needs", "value": round(days_s, 1), "unit": "s", "target": None, "met": None,
         "ratio": round(days_s / whole_s, 2), "yardstick": "all of the archive"},
        {"measure": "peak memory of that", "value": round(days_gib, 2), "unit": "GiB", "target": None, "met": None,
         "ratio": round(days_gib / whole_gib, 2), "yardstick": "all of the archive"},
    ]  # fmt: skip


def _computed(archive: Path, out: Path) -> tuple[float, float]:
    program: list[str | Path] = [sys.executable, "-m", "sagemaker_src.processing.entity_risk", "--cut", str(CUT)]
    given: list[str | Path] = ["--archive", archive / "transactions", "--decisions", archive / "decisions"]
    return timed([*program, *given, "--labels", archive / "labels", "--out", out])


def _same(one: Path, other: Path) -> None:
    for risk in with_risks().risks:
        first, second = (f"SELECT * FROM read_parquet({quoted(out / f'{risk.table}.parquet')})" for out in (one, other))
        with duckdb.connect() as connection:
            differing = f"(({first}) EXCEPT ({second})) UNION ALL (({second}) EXCEPT ({first}))"
            [(count, rows)] = connection.execute(
                f"SELECT (SELECT count(*) FROM ({differing})), (SELECT count(*) FROM ({first}))"
            ).fetchall()
        if count or not rows:
            raise RuntimeError(f"{risk.table}: {count} rows differ, of {rows}")


if __name__ == "__main__":
    print(json.dumps(measure(), indent=2))
