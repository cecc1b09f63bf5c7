"""Where `make setup` has put the engines: environments and jars of their own below this checkout."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ENGINES = ROOT / ".venv-engines"
"""Flink and Spark."""
SERVING = ROOT / ".venv-serving"
"""The model's server."""
KAFKA_JARS = ROOT / ".jars" / "kafka"
SPARK_JARS = ROOT / ".jars" / "spark"
"""What Spark reads and writes s3:// with."""
