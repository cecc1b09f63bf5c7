"""Labels, and the events and messages that carry them."""

from __future__ import annotations

import json
from typing import Any

from fraud.label import Label, as_label
from samples.kafka import EVENTS

FIELDS = {
    "transaction_id": "t1",
    "is_fraud": True,
    "source": "chargeback",
    "reported_by": "issuer 7",
    "known_at": "2026-01-02T09:00:00.000Z",
}


def label(**changes: object) -> Label:
    """A label of FIELDS, with these changes."""
    return as_label({**FIELDS, **changes})


def queued(*details: object) -> dict[str, Any]:
    """The event of a queue whose messages m0, m1, ... are labels, or are of these details or bodies, as a rule hands them on."""
    [shape] = json.loads((EVENTS / "sqs.json").read_text())["Records"]
    envelope = json.loads((EVENTS / "transaction_labelled.json").read_text())
    records = []
    for place, each in enumerate(details):
        detail = json.loads(each.to_json()) if isinstance(each, Label) else each
        body = detail if isinstance(detail, str) else json.dumps({**envelope, "detail": detail})
        records.append({**shape, "messageId": f"m{place}", "body": body})
    return {"Records": records}
