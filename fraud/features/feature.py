"""A feature: its name, type and unit, the transactions it looks back over, and what it says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Feature:
    """One feature.

    Attributes:
        name: its column, in every table, topic and feature group.
        type: its SQL type.
        unit: of its values.
        window: the transactions it looks back over.
        missing: what it is when the window holds nothing to compute it from.
        says: the feature in plain words, for a reason shown to an analyst.
    """

    name: str
    type: Literal["BIGINT", "DOUBLE"]
    unit: str
    window: str
    missing: str
    says: str
