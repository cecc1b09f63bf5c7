"""What the deciding process is told: a JSON file, read once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from fraud.decision import FallbackRule


class DeciderSettings(BaseModel):
    """The settings of `local.decider`; paths are relative to the folder it is started in.

    Attributes:
        bootstrap_servers: the broker's HOST:PORT.
        decisions, nightly: the SQLite files of `local.stores`.
        scoring_url: where the model is served.
        group, member: the consumer group, and this process in it. A process that is started again under the same name takes
            up its partitions at once; two of the same name shut each other out.
        batch_size: transactions decided together, at most.
        linger_ms: how long the first of a batch waits for others.
        undecided_after_s: how long a transaction may wait for its features before the fallback rule decides.
        max_pending: transactions waiting at most; beyond them the topic is read no further until some are decided.
        nightly_too_old_after_h: older nightly features are used with a warning.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    bootstrap_servers: str
    decisions: Path
    nightly: Path
    scoring_url: Annotated[str, Field(pattern=r"^https?://")]
    transactions_topic: str = "transactions"
    features_topic: str = "features"
    quarantine_topic: str = "quarantine"
    group: str = "deciding"
    member: str = "1"
    batch_size: Annotated[int, Field(ge=1, le=1_000)] = 100
    linger_ms: Annotated[float, Field(ge=0, le=1_000)] = 3
    scoring_timeout_s: Annotated[float, Field(gt=0, le=60)] = 1
    undecided_after_s: Annotated[float, Field(gt=0, le=3_600)] = 10
    max_pending: Annotated[int, Field(ge=100, le=1_000_000)] = 20_000
    nightly_too_old_after_h: Annotated[float, Field(gt=0)] = 48
    fallback: FallbackRule = FallbackRule()
