"""What the emulated AWS is told: this checkout's environments, and what the stream job's properties are called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

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
    # who labels frauds on a laptop does not wait six hours for what follows
    item_counts_every_s=300.0,
)

PLAYED = 0.1
"""As state machines' waits: what they would notice in ten minutes, they notice here in one."""


def stand_ins(settings: Mapping[str, Any]) -> StandIns:
    """What the emulated AWS is told where an application with these settings is to stand.

    A canary that they ask for is played, with waits a tenth as long; otherwise a new model takes over without any.

    >>> stand_ins({"canary_percent": 50}).deployment_waits, stand_ins({}).deployment_waits
    (0.1, 0.0)
    """
    return replace(STAND_INS, deployment_waits=PLAYED) if settings.get("canary_percent") else STAND_INS
