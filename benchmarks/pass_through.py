"""The stream job without deduplication and windows, started by `benchmarks.stream_features` as a yardstick."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from flink_src.main import submit
from flink_src.properties import read_properties
from flink_src.statements import insert_features, valid_transactions
from fraud.features.catalogue import STREAM_FEATURES

if __name__ == "__main__":
    nothing = ", ".join(f"CAST(NULL AS {feature.type})" for feature in STREAM_FEATURES)
    inserts = [insert_features(nothing, valid_transactions())]
    submit(read_properties(), inserts, flush=True).get_job_execution_result().result()
