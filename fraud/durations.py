"""Lengths of time in milliseconds, the unit of every moment here."""

from __future__ import annotations

MS_PER_HOUR = 3_600_000
MS_PER_DAY = 24 * MS_PER_HOUR
