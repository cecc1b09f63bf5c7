"""The streaming-features article's data: amount and the three ratios, on features that came through Kafka and Flink.

python -m benchmarks.stream_model
"""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import xgboost as xgb
from sklearn.metrics import average_precision_score

from benchmarks.data import BURST, needs
from engines.broker import Broker
from local.replayer import Replayer
from local.rows import records
from local.stream_job import StreamJob
from local.topic_contents import read_messages, topic_ends
from local.topics import REPLAY_TOPICS
from sagemaker_src.processing.batch_features import compute, engine, features_select, load

TRAIN_TO = pd.Timestamp("2020-05-15", tz="UTC").value // 1_000_000
TARGET = 0.67
WITHIN = 0.001


def measure() -> list[dict[str, Any]]:
    """The figures, as `benchmarks.run` collects them."""
    missing = needs(BURST)
    if missing:
        return missing
    batch = _batch()
    streamed = _streamed()
    both = batch.merge(streamed, on="transaction_id", suffixes=("", "_streamed"))
    model = _fit(_inputs(batch), batch)
    tested = (both["event_ms"] >= TRAIN_TO).to_numpy()
    label = both.loc[tested, "is_fraud"]
    of_batch = average_precision_score(label, model.inplace_predict(_inputs(both)[tested]))
    for name in ("num_trans_last_10m", "avg_amt_last_10m"):
        both[name] = both[f"{name}_streamed"]
    of_stream = average_precision_score(label, model.inplace_predict(_inputs(both)[tested]))
    apart = abs(of_stream - of_batch)

    def row(measure: str, value: float, target: str, met: bool, unit: str = "") -> dict[str, Any]:
        return {"measure": measure, "value": value, "unit": unit, "target": target, "met": bool(met)}

    return [
        row(f"average precision on streamed features, {int(label.sum())} frauds in the test", round(of_stream, 4),
            f"at least {TARGET}", of_stream >= TARGET),
        row("its distance from the same model on batch features", round(apart, 6), f"at most {WITHIN}", apart <= WITHIN),
        row("transactions that came out of the stream", len(both), f"all {len(batch)}", len(both) == len(batch)),
    ]  # fmt: skip


def _source() -> str:
    return f"""(SELECT tid AS transaction_id, md5(cc_num::VARCHAR) AS cc_num, 'misc_net' AS category, 'none' AS merchant,
        0e0 AS merch_lat, 0e0 AS merch_long, CAST(round(amount * 100) AS BIGINT) AS amount_cents, datetime AS event_time,
        fraud_label AS is_fraud FROM '{BURST}')"""


def _batch() -> pd.DataFrame:
    with engine() as connection:
        load(connection, _source())
        compute(connection)
        return connection.execute(features_select(_source(), ("is_fraud", "category"))).df()


def _streamed() -> pd.DataFrame:
    with duckdb.connect() as connection:
        table = connection.sql(f"SELECT * EXCLUDE (is_fraud) FROM {_source()}").to_arrow_table()
    sent = records(table)
    with tempfile.TemporaryDirectory() as temporary, Broker(Path(temporary) / "kafka") as broker:
        broker.create_topics(REPLAY_TOPICS)
        with StreamJob(Path(temporary) / "flink", broker.address, heartbeat=False):
            Replayer(broker.address).replay(sent)
            deadline = time.monotonic() + 600
            while sum(topic_ends(broker.address, "features").values()) < len(sent) and time.monotonic() < deadline:
                time.sleep(1)
        return pd.DataFrame([json.loads(message) for message in read_messages(broker.address, "features")])


def _inputs(rows: pd.DataFrame) -> np.ndarray:
    week = rows["num_trans_last_1w"].replace(0, np.nan)
    columns = {
        "amount": rows["amount_cents"] / 100,
        "amt_ratio1": rows["avg_amt_last_10m"] / rows["avg_amt_last_1w"],
        "amt_ratio2": rows["amount_cents"] / 100 / rows["avg_amt_last_1w"],
        "count_ratio": rows["num_trans_last_10m"] / week,
    }
    return np.column_stack([column.to_numpy(dtype=np.float32) for column in columns.values()])


def _fit(inputs: np.ndarray, rows: pd.DataFrame) -> xgb.Booster:
    before = (rows["event_ms"] < TRAIN_TO).to_numpy()
    data = xgb.QuantileDMatrix(inputs[before], label=rows.loc[before, "is_fraud"])
    parameters = {
        "objective": "binary:logistic",
        "max_depth": 4,
        "eta": 0.05,
        "max_delta_step": 1,
        "base_score": 0.5,
        "seed": 1,
    }
    return xgb.train(parameters, data, 300)


if __name__ == "__main__":
    print(json.dumps(measure(), indent=2))
