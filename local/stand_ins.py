"""What the emulated AWS is told: this checkout's environments, and what the stream job's properties are called."""

from __future__ import annotations

from pathlib import Path

from emulator.stand_ins import StandIns, TopicProperties

ROOT = Path(__file__).resolve().parents[1]
_APPLICATION, _ENGINES = (str(ROOT / name / "bin" / "python") for name in (".venv", ".venv-engines"))

PROGRAM = ROOT / "sagemaker_src" / "serving" / "inference.py"
"""What serves a model that is served by hand."""

STAND_INS = StandIns(
    functions=_APPLICATION,
    images={"sagemaker-xgboost": _APPLICATION, "sagemaker-spark-processing": _APPLICATION},
    programs={"smspark-submit": _ENGINES},
    topics=TopicProperties(
        group="Kafka",
        brokers="bootstrap.servers",
        consumer_group="group.id",
        reads=("transactions.topic",),
        # heartbeats go where transactions come from
        writes=("features.topic", "transactions.topic"),
    ),
    # the same Spark: Glue 5.1 has 3.5.6
    glue={"5.1": _ENGINES},
)
