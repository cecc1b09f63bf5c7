"""Two payments under one id: counted, logged, and stored below the quarantine prefix with both sides, for a person to look at."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from fraud.clock import UNDATED
from fraud.payment import Collision
from lambda_src.ports.clients import Client, client
from lambda_src.telemetry import MetricUnit, logger, metrics

FOLDER = "collisions"


class CollisionArchive:
    """One object for all collisions of a batch, a JSON line each. The same collisions again write the same object.

    Args:
        bucket: its name.
        prefix: the quarantine's, ending with /.
    """

    def __init__(self, bucket: str, prefix: str) -> None:
        self._bucket, self._prefix = bucket, prefix
        self._client: Client = None

    def keep(self, collisions: Sequence[Collision]) -> None:
        """Counts, logs and stores them. Raises ClientError, BotoCoreError: they are not stored."""
        if not collisions:
            return
        metrics.add_metric("Collisions", MetricUnit.Count, len(collisions))
        for each in collisions:
            said = {"transaction_id": each.other.transaction_id, "differs": each.differs}
            logger.error("two payments under one id; the decision of the first stands", extra=said)
        if self._client is None:  # made for the first: most instances never need it
            self._client = client("s3")
        body = "".join(f"{json.dumps(_line(each))}\n" for each in collisions).encode()
        day = (collisions[0].other.event_time or UNDATED)[:10]
        self._client.put_object(
            Bucket=self._bucket,
            Key=f"{self._prefix}{FOLDER}/{day}/{hashlib.sha256(body).hexdigest()[:32]}.jsonl",
            Body=body,
            ContentType="application/jsonl",
        )


def _line(each: Collision) -> dict[str, object]:
    return {
        "transaction_id": each.other.transaction_id,
        "differs": each.differs,
        "standing": each.standing._asdict(),
        "other": each.other._asdict(),
    }
