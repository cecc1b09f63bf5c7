"""The stream job whose operators keep Flink's default flush of 100 ms, started by `benchmarks.stream_features` as a yardstick."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from flink_src.main import submit
from flink_src.properties import read_properties
from flink_src.statements import insert_statements

if __name__ == "__main__":
    properties = read_properties()
    submit(properties, insert_statements(properties), flush=False).get_job_execution_result().result()
