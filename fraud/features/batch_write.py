"""Records into feature groups, many at once: BatchWriteRecord's rules, for whoever brings a client."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from fraud.features.groups import FeatureValues
from fraud.retries import tries

RECORDS_PER_CALL = 25
"""The service's limit."""
ATTEMPTS = 4
FIRST_PAUSE_S = 0.2


class Refused(NamedTuple):
    """A record that the store did not take: its place among those given, and why."""

    position: int
    why: str


def write_records(
    batch_write_record: Callable[..., Any],
    group: str,
    records: Sequence[FeatureValues],
    *,
    ttl_days: int | None = None,
    sleep: Callable[[float], None] | None = None,
) -> list[Refused]:
    """Writes records, RECORDS_PER_CALL at once; what the store leaves unprocessed is sent again after a growing pause.

    Args:
        batch_write_record: the operation of a client of sagemaker-featurestore-runtime. What it raises ends the writing.
        group: the feature group's name.
        records: each of another identifier: within a call the store promises no order.
        ttl_days: how long the online store keeps them after their event time; None leaves it to the group.
        sleep: waits so many seconds.

    Returns:
        The records that were not written, in order.
    """
    options = {} if ttl_days is None else {"TtlDuration": {"Unit": "Days", "Value": ttl_days}}
    refused: list[Refused] = []
    for start in range(0, len(records), RECORDS_PER_CALL):
        entries = [
            {"FeatureGroupName": group, "Record": record} for record in records[start : start + RECORDS_PER_CALL]
        ]
        places = {_key(entry): start + place for place, entry in enumerate(entries)}
        for _ in tries(ATTEMPTS, FIRST_PAUSE_S, sleep=sleep):
            answer = batch_write_record(Entries=entries, **options)
            for failed in answer["Errors"]:
                why = f"{failed['ErrorCode']}: {failed['ErrorMessage']}"
                refused.append(Refused(places[_key(failed["Entry"])], why))
            entries = answer["UnprocessedEntries"]
            if not entries:
                break
        refused += [Refused(places[_key(entry)], f"unprocessed after {ATTEMPTS} calls") for entry in entries]
    return sorted(refused)


def _key(entry: dict[str, Any]) -> str:
    # the first column of every group is its identifier
    return str(entry["Record"][0]["ValueAsString"])
