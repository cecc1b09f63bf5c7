"""The columns of what is kept of a transaction and of a decision: one table of each.

The archive's Parquet files, the catalogue's tables over them, the decision table's attributes and `Decision.from_json` take
theirs from here. A reader skips a column that it does not know, for another version may have added it; a column that is missing
is missing, unless it is required.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from fraud.fields import OPTIONAL_FIELDS, Field

Kind = Literal["text", "whole number", "decimal number", "flag", "moment", "json"]
"""Of a column's values: `moment` is milliseconds since 1970 in UTC; `json` is text where a column can hold no structure."""


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column.

    Attributes:
        name: in every store.
        kind: of its values.
        required: whether a row without it is invalid.
        archived: whether the archive has it.
        attribute: whether the decision table has it as an attribute of its own, beside the whole decision as JSON.
    """

    name: str
    kind: Kind
    required: bool = False
    archived: bool = True
    attribute: bool = False


def _required(name: str, kind: Kind) -> Column:
    return Column(name=name, kind=kind, required=True)


def _decided(name: str, kind: Kind, *, required: bool = False, archived: bool = True) -> Column:
    return Column(name=name, kind=kind, required=required, archived=archived, attribute=True)


_KIND_OF: dict[str, Kind] = {"number": "decimal number", "flag": "flag"}


def _of_field(field: Field) -> Column:
    return Column(name=field.name, kind=_KIND_OF.get(field.kind, "text"))


TRANSACTION_COLUMNS = (
    _required("transaction_id", "text"),
    _required("cc_num", "text"),
    _required("category", "text"),
    _required("amount_cents", "whole number"),
    _required("event_time", "moment"),
    Column(name="stated_time", kind="moment"),
    Column(name="merchant", kind="text"),
    Column(name="merch_lat", kind="decimal number"),
    Column(name="merch_long", kind="decimal number"),
    Column(name="other", kind="json"),
    *map(_of_field, OPTIONAL_FIELDS),
)
"""`event_time` is the record's own time, the clock of all features; `stated_time` is what the message says; `other` holds the
fields that are not declared. What a release declares comes last: a table's columns are added to, never moved."""

DECISION_COLUMNS = (
    _decided("transaction_id", "text", required=True),
    _decided("cc_num", "text", required=True),
    _decided("amount_cents", "whole number", required=True),
    _decided("trans_time", "moment", required=True),
    _decided("event_time", "text", archived=False),
    _decided("decided_at", "moment", required=True),
    _decided("outcome", "text", required=True),
    _decided("path", "text", required=True),
    _decided("score", "decimal number"),
    _decided("model_version", "text"),
    Column(name="nightly_cut", kind="moment"),
    _decided("why", "text"),
    Column(name="warning", kind="text"),
    Column(name="reasons", kind="json"),
    Column(name="features", kind="json", required=True),
    Column(name="control_group", kind="flag"),
)
"""`fraud.decision.Decision` says what each is. `event_time` is text, as the producer states it; the archive has it with the
transaction, as `stated_time`. A decision of a release without a control group has no `control_group`, and is of none."""

DECISION_JSON = "decision"
"""The decision table's attribute that holds the whole decision."""

LABEL_COLUMNS = (
    _required("transaction_id", "text"),
    _required("is_fraud", "flag"),
    _required("source", "text"),
    _required("reported_by", "text"),
    _required("known_at", "moment"),
    _required("recorded_at", "moment"),
)
"""`fraud.label.Label` says what each is. `recorded_at` is when the archive got it: a label may be late, and become known to this
application long after it became known."""

ARCHIVED_DECISIONS = tuple(column for column in DECISION_COLUMNS if column.archived)
DECISION_ATTRIBUTES = tuple(column for column in DECISION_COLUMNS if column.attribute)
