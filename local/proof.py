"""One decision of the application, proven: made again from what the application keeps, and held to what it recorded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from fraud.card_numbers import mask_card_numbers
from fraud.columns import DECISION_ATTRIBUTES
from fraud.decision import Decision
from fraud.durations import MS_PER_DAY
from fraud.feature_record import parse_feature_record
from local.application import Application
from local.archived import Archive, deployed_rule
from local.decided_again import Again, Difference, Past, decide_again
from local.raw_rows import feature_messages

Report = Callable[[str, int, int], None]


class UnknownDecisionError(Exception):
    """There is no decision of this id."""


@dataclass(frozen=True)
class Proof:
    """What became of it.

    Attributes:
        again: the decision made again.
        source: where the recorded one stands: `table`, or `archive`.
        rows: raw rows that its windows look back on, its own among them.
    """

    again: Again
    source: str
    rows: int


def prove(
    application: Application,
    transaction_id: str,
    folder: Path,
    *,
    topic: bool,
    report: Report = lambda *_: None,
) -> Proof:
    """Makes a recorded decision again.

    Args:
        folder: for what is read; the caller removes it.
        topic: whether what is not archived yet is read from Kafka.
        report: is told of the progress.

    Raises:
        UnknownDecisionError: there is none.
        InvalidTransactionError: what is recorded is no decision.
    """
    archive = Archive(application, folder, topic)
    row = application.decision(transaction_id)
    recorded = archive.decision(transaction_id, report) if row is None else Decision.from_json(row["decision"])
    if recorded is None:
        raise UnknownDecisionError(
            f"no decision of {mask_card_numbers(transaction_id)} is in the table or in the archive"
        )
    rows = archive.rows_of(recorded, report)
    messages = feature_messages(rows, [transaction_id] if rows.num_rows else [])
    if row is None and transaction_id in messages:
        recorded = replace(recorded, event_time=parse_feature_record(messages[transaction_id]).event_time)
    deployed = deployed_rule(application)
    day_ms = recorded.trans_time // MS_PER_DAY * MS_PER_DAY
    past = Past(
        messages=messages,
        nightly=lambda cut_ms: archive.nightly(cut_ms, [recorded.cc_num]),
        model=archive.model,
        cuts=(day_ms, day_ms - MS_PER_DAY),
        rule=deployed.rule,
        nightly_too_old_after_ms=deployed.nightly_too_old_after_ms,
        control_group_percent=deployed.control_group_percent,
    )
    if recorded.transaction_id != transaction_id:
        named = Difference("transaction_id", recorded.transaction_id, transaction_id)
        return Proof(Again(recorded, None, "", (named,)), "table", rows.num_rows)
    (again,) = decide_again([recorded], past, report)
    if row is not None and (beside := _beside(row, recorded)):
        again = again._replace(differences=(*again.differences, *beside))
    if (which := _of_settings(again)) and _ms(deployed.since) > recorded.decided_at:
        again = again._replace(gone=f"the {which} was deployed anew at {deployed.since}, after this decision")
    return Proof(again, "archive" if row is None else "table", rows.num_rows)


def _of_settings(again: Again) -> str:
    """What of the settings may be why a decision differs; empty where none can be."""
    if not again.differences:
        return ""
    if again.recorded.path == "fallback":
        return "fallback rule"
    drawn_otherwise = {one.what for one in again.differences} == {"outcome", "control_group"}
    return "share of the control group" if drawn_otherwise else ""


def _beside(row: dict[str, Any], recorded: Decision) -> list[Difference]:
    """In what the table's attributes differ from the whole decision beside them."""
    pairs = ((column.name, row.get(column.name), getattr(recorded, column.name)) for column in DECISION_ATTRIBUTES)
    return [Difference(f"attribute {name}", attribute, whole) for name, attribute, whole in pairs if attribute != whole]


def _ms(moment: str) -> int:
    return round(datetime.fromisoformat(moment).timestamp() * 1000)
