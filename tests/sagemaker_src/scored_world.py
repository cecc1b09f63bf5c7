"""Hard transactions, some archived and some in a file; a model; and the decisions that the stream makes of them."""

from __future__ import annotations

import json
import random
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import xgboost as xgb

from fraud.deciding import Deciding
from fraud.decision import Decision
from fraud.features.nightly import CardRecord
from fraud.ports import Nightly
from fraud.transaction import parse_transaction
from fraud.vector import declared_input
from lambda_src.archive.rows import TRANSACTIONS, transaction_row
from lambda_src.ports.parquet_archive import ParquetArchive
from local.deciding_ports import KnownNightly, MadeDecisions, ModelScorer
from local.raw_rows import nightly_of
from sagemaker_src.serving import inference
from tests.parity.naive import naive_stream_features
from tests.parity.naive_nightly import DAY_MS

START = 1_767_225_600_000
"""2026-01-01 in UTC."""
DAYS = 40
ASKED_FROM = START + 37 * DAY_MS + 5
"""What is scored begins 5 ms after a cut: the cards' last ties are archived, and the file has others of the same days."""
CATEGORIES = ("grocery_pos", "misc\\net", "travel")
UNKNOWN = 'never seen, "quoted" & Söhne'
KNOWN = {"category": CATEGORIES, "currency": ("EUR", "USD")}
COLUMNS = ("transaction_id", "cc_num", "amount_cents", "event_ms", "category", "merchant", "device_id", "currency")


def transactions(count: int, seed: int = 1) -> list[dict[str, Any]]:
    """Rows in time order: ties, rows on either side of the cuts and of the windows' ends, cards that begin late."""
    chance = random.Random(seed)
    edges = (0, 1, DAY_MS - 1, 600_000, 600_001, 3_600_000, 3_600_001)
    rows = []
    for position in range(count):
        card = chance.randrange(14)
        first = DAYS - 2 if card > 11 else 0
        moment = START + chance.randrange(first, DAYS) * DAY_MS + chance.choice([*edges, chance.randrange(DAY_MS)])
        for _ in range(chance.choice((1, 1, 1, 2, 3))):  # ties
            rows.append({
                "transaction_id": f"t{position}-{len(rows)}", "cc_num": f"{card:032x}",
                "amount_cents": chance.choice((1, 99_999_999, chance.randrange(1, 50_000))), "event_ms": moment,
                "category": UNKNOWN if position % 17 == 0 else chance.choice(CATEGORIES), "merchant": f"m{card % 3}",
                "device_id": chance.choice((None, "d1")), "currency": chance.choice((None, "EUR", "USD", "XXX")),
            })  # fmt: skip
    return sorted(rows, key=lambda row: row["event_ms"])


def archived(rows: Iterable[dict[str, Any]], folder: Path, batch: int = 100) -> Path:
    """The rows as the function `archive` writes them, in many files of days."""

    class Client:
        def put_object(self, *, Key: str, Body: bytes, **_: Any) -> None:  # noqa: N803 - as the service names them
            (folder / Key).parent.mkdir(parents=True, exist_ok=True)
            (folder / Key).write_bytes(Body)

    archive = ParquetArchive(Client(), "archive", "transactions/", TRANSACTIONS)
    rows = list(rows)
    for start in range(0, len(rows), batch):
        taken = [
            (row["event_ms"], transaction_row(_message(row), row["event_ms"])) for row in rows[start : start + batch]
        ]
        assert not archive.put(f"transactions-0-{start}", taken)
    return folder


def _message(row: dict[str, Any]) -> Any:
    amount = f"{row['amount_cents'] // 100}.{row['amount_cents'] % 100:02d}"
    kept = {name: row[name] for name in ("transaction_id", "cc_num", "category", "merchant", "device_id", "currency")}
    stated = {"amount": amount, "event_time": "2026-01-31T12:00:00.000Z", "merch_lat": 40.5, "merch_long": -74.0}
    return parse_transaction(json.dumps({**kept, **stated}).encode())


def table(rows: list[dict[str, Any]], us: int = 0) -> pa.Table:
    """The rows as the job that transforms files writes them, each so many microseconds after its millisecond."""
    plain = pa.Table.from_pylist([{name: row[name] for name in COLUMNS} for row in rows])
    moments = pa.array([row["event_ms"] * 1000 + us for row in rows], pa.timestamp("us", "UTC"))
    return plain.drop_columns("event_ms").append_column("event_time", moments)


def in_file(rows: list[dict[str, Any]], path: Path) -> Path:
    """A file of the rows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table(rows, us=7), path)
    return path


def write_model(folder: Path, rounds: int = 40) -> Path:
    """A model of all features that a new one takes, the fields that may be missing included; a third of rows is reviewed."""
    takes = declared_input(KNOWN)
    chance = np.random.default_rng(3)
    vectors = (chance.gamma(2, 2, (3_000, len(takes.names))) * 10.0 ** chance.integers(0, 6, (3_000, 1))).astype(
        np.float32
    )
    for name in takes.categories:
        vectors[:, takes.names.index(name)] = chance.integers(0, max(1, len(takes.categories[name])), len(vectors))
    vectors[chance.random(vectors.shape) < 0.2] = np.nan
    dollars = vectors[:, takes.names.index("currency")] == KNOWN["currency"].index("USD")
    travels = vectors[:, takes.names.index("category")] == CATEGORIES.index("travel")
    label = np.log(np.nanmean(vectors, axis=1)) + 4 * dollars + 2 * travels + chance.normal(0, 2, 3_000) > 9
    types = list(takes.types)
    matrix = xgb.QuantileDMatrix(
        vectors, label=label, feature_names=list(takes.names), feature_types=types, enable_categorical=True
    )
    booster = xgb.train({"objective": "binary:logistic", "nthread": 1, "base_score": 0.5}, matrix, rounds)
    folder.mkdir(parents=True, exist_ok=True)
    booster.save_model(folder / "model.ubj")
    said = {"model_version": "hard", **takes.manifest(), "thresholds": {"review": 0.5, "block": 0.9}}
    (folder / "manifest.json").write_text(json.dumps(said))
    return folder


def streamed(rows: list[dict[str, Any]], asked: list[dict[str, Any]], model: Path) -> list[Decision]:
    """The decisions about some of the rows, in their order, as the stream makes them.

    Stream features come from the loop that anyone can read, the nightly records from the nightly job's snapshot of each cut; so
    few are decided at once that the model explains exactly whatever a person will look at.
    """
    of_stream = {found["transaction_id"]: found for found in naive_stream_features(rows)}
    by_cut: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in asked:
        by_cut[row["event_ms"] // DAY_MS * DAY_MS].append(row)
    made: dict[str, Decision] = {}
    for cut, of_day in by_cut.items():
        before = [row for row in rows if row["event_ms"] < cut]
        nightly = nightly_of(table(before), cut) if before else _nothing()
        core = Deciding(nightly=KnownNightly(nightly), scorer=ModelScorer(model), store=MadeDecisions())
        messages = [_features(row, of_stream[row["transaction_id"]]) for row in of_day]
        for start in range(0, len(messages), inference.EXACT_ROWS):
            batch = core.decide_batch(messages[start : start + inference.EXACT_ROWS])
            assert not batch.rejected
            made |= {decision.transaction_id: decision for decision in batch.decisions}
    return [made[row["transaction_id"]] for row in asked]


def _nothing() -> Nightly:
    cards: dict[str, CardRecord] = {}
    return Nightly(cards, {})


def _features(row: dict[str, Any], stream: dict[str, Any]) -> bytes:
    fields = {name: row[name] for name in COLUMNS if name != "event_ms"}
    return json.dumps({**fields, "trans_time": row["event_ms"], "event_time": None, **stream}).encode()


def answered(out: Path, model: Path) -> Path:
    """The answers of a model's program to the requests below a folder, as a batch transform leaves them."""
    served, folder = inference.model_fn(str(model)), out / "answers"
    folder.mkdir()
    for request in sorted((out / "requests").iterdir()):
        text, _ = inference.answer(served, request.read_bytes(), "application/x-named-npy", "application/json")
        (folder / f"{request.name}.out").write_text(text)
    return folder
