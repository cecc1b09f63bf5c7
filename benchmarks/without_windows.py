"""The stream job with deduplication and without windows, started by `benchmarks.window_costs`."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from flink_src.main import submit
from flink_src.properties import read_properties
from flink_src.statements import insert_features, sql_text, valid_transactions
from fraud.features.catalogue import STREAM_FEATURES

if __name__ == "__main__":
    nothing = ", ".join(f"CAST(NULL AS {feature.type})" for feature in STREAM_FEATURES)
    once = sql_text("deduplicated", key_names="", source=valid_transactions())
    submit(read_properties(), [insert_features(nothing, once)], flush=True).get_job_execution_result().result()
