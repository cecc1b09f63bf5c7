"""An application in memory that decided a day of a small world: archive, sums, registry, table, by the code that writes them."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from botocore.exceptions import ClientError

from fraud.columns import DECISION_ATTRIBUTES
from fraud.deciding import Deciding, decide_without_features
from fraud.decision import Decision, FallbackRule
from fraud.durations import MS_PER_DAY
from fraud.label import Label
from fraud.transaction import parse_transaction
from fraud.world import WorldSettings, generate, tokenised
from lambda_src.archive.rows import DECISIONS, TRANSACTIONS, decision_row, transaction_row
from local.deciding_ports import KnownNightly, MadeDecisions, ModelScorer, Unavailable
from local.own_model import archive as packed
from local.raw_rows import feature_messages, nightly_of
from local.rows import records, split_by_time
from local.streamed_features import streamed_rows
from sagemaker_src.processing import nightly
from samples.deciding_world import write_model

WORLD = WorldSettings(cards=80, days=42, seed=3)
WHY = {"fallback": "the model did not answer in time", "late": "no features within 30 s"}


def table_row(one: Decision) -> dict[str, Any]:
    """A decision as `Application.decisions` gives it."""
    return {**{c.name: getattr(one, c.name) for c in DECISION_ATTRIBUTES}, "decision": one.to_json()}


class ProvenApplication:
    """Stands in for `local.application.Application`.

    Args:
        folder: for the model and the sums.
    """

    outputs = {"ModelRegistry": "models"}  # noqa: RUF012

    def __init__(self, folder: Path) -> None:
        table = tokenised(generate(WORLD), b"0123456789abcdef").drop_columns("pattern")
        self.cut = date.fromisoformat(str(WORLD.end)[:10]) - timedelta(days=1)
        self.cut_ms = (self.cut - date(1970, 1, 1)).days * MS_PER_DAY
        self.history, self.live = split_by_time(table, self.cut_ms)
        self.model = write_model(folder / "model")
        self.objects: dict[tuple[str, str], bytes] = {}
        self.percent = 0.0  # of the control group; a release without one has no such variable
        self.rule, self.since = FallbackRule(), "2020-01-01T00:00:00.000+0000"
        self._archive_transactions()
        self._sum_up(folder)
        self.decided = {one.transaction_id: one for one in self._decide()}
        self.table = {key: table_row(one) for key, one in self.decided.items()}

    def _archive_transactions(self) -> None:
        sent = records(streamed_rows(self.history, self.live, self.cut_ms))
        days: dict[str, list[Any]] = {}
        for record in sent:
            row = transaction_row(parse_transaction(record.value), record.timestamp_ms)
            days.setdefault(str(date(1970, 1, 1) + timedelta(days=record.timestamp_ms // MS_PER_DAY)), []).append(row)
        for day, rows in days.items():
            half = len(rows) // 2
            # a part of what was archived is archived again
            for name, part in (("0-0-9", rows[: half + 5]), ("0-10-99", rows[half:])):
                self._put(
                    f"transactions/day={day}/transactions-{name}.parquet", pa.Table.from_pylist(part, TRANSACTIONS)
                )
        # what did not come through the topic never passed the stream's windows
        other = [{**row, "transaction_id": f"other-{place}"} for place, row in enumerate(days[str(self.cut)])]
        self._put(f"transactions/day={self.cut}/history.parquet", pa.Table.from_pylist(other, TRANSACTIONS))

    def _put(self, key: str, table: pa.Table) -> None:
        sink = io.BytesIO()
        pq.write_table(table, sink)
        self.objects["ArchiveBucket", key] = sink.getvalue()

    def _sum_up(self, folder: Path) -> None:
        (folder / "past").mkdir()
        pq.write_table(self.history.drop_columns("is_fraud"), folder / "past" / "history.parquet")
        given = ("--cut", str(self.cut), "--transactions", str(folder / "past"), "--daily", str(folder / "daily"))
        (folder / "daily").mkdir()
        nightly.main([*given, "--daily-out", str(folder / "daily"), "--training-out", str(folder / "training")])
        for path in (folder / "daily").rglob("*.parquet"):
            self.objects["CuratedBucket", f"daily/{path.relative_to(folder / 'daily')}"] = path.read_bytes()

    def _decide(self) -> Iterator[Decision]:
        ids = self.live["transaction_id"].to_pylist()
        messages = feature_messages(streamed_rows(self.history, self.live, self.cut_ms), ids)
        known, scorer = KnownNightly(nightly_of(self.history, self.cut_ms)), ModelScorer(self.model)
        absent = Unavailable(WHY["fallback"])
        stamp = lambda: self.cut_ms + MS_PER_DAY  # noqa: E731
        by_model = Deciding(nightly=known, scorer=scorer, store=MadeDecisions(), clock=stamp)
        by_rule = Deciding(nightly=absent, scorer=absent, store=MadeDecisions(), clock=stamp)
        late, few, rest = ids[:5], ids[5:10], ids[10:]
        sent = {json.loads(one.value)["transaction_id"]: one for one in records(self.live)}
        waiting = [(parse_transaction(sent[key].value), sent[key].timestamp_ms) for key in late]
        found = decide_without_features(
            waiting, WHY["late"], store=MadeDecisions(), fallback=FallbackRule(), clock=stamp
        )
        found += by_rule.decide_batch([messages[key] for key in few]).decisions
        for start in range(0, len(rest), 20):
            found += by_model.decide_batch([messages[key] for key in rest[start : start + 20]]).decisions
        return (Decision.from_json(one.to_json()) for one in found)

    def to_archive(self, transaction_id: str) -> None:
        """Moves a decision from the table into the archive."""
        one = Decision.from_json(self.table.pop(transaction_id)["decision"])
        self._put(f"decisions/day={self.cut}/1-1.parquet", pa.Table.from_pylist([decision_row(one)], DECISIONS))

    def decisions(self) -> Iterator[dict[str, Any]]:
        yield from self.table.values()

    def decision(self, transaction_id: str) -> dict[str, Any] | None:
        return self.table.get(transaction_id)

    def labels(self, transaction_id: str) -> list[Label]:
        known = [datetime(2026, 3, day, tzinfo=timezone.utc) for day in (1, 2)]
        return [
            Label(transaction_id=transaction_id, is_fraud=day == 0, source="analyst", reported_by="ann", known_at=at)
            for day, at in enumerate(known)
        ]

    def function(self, _: str) -> dict[str, Any]:
        said = {"FALLBACK_RULE": self.rule.model_dump_json(), "NIGHTLY_TOO_OLD_AFTER_H": "48"}
        if self.percent:
            said["CONTROL_GROUP_PERCENT"] = f"{self.percent:g}"
        return {"Environment": {"Variables": said}, "LastModified": self.since}

    def keys(self, bucket: str, prefix: str) -> list[str]:
        return sorted(key for of, key in self.objects if of == bucket and key.startswith(prefix))

    def get(self, bucket: str, key: str) -> bytes:
        return self.objects[bucket, key]

    def client(self, service: str) -> Any:
        return {"sagemaker": _Registry(self), "s3": _Models(self)}[service]


class _Registry:
    """Two models: a newer one that is not asked for, whose archive is gone, and the one that decided."""

    def __init__(self, application: ProvenApplication) -> None:
        self._application = application

    def get_paginator(self, _: str) -> Any:
        packages = [{"ModelPackageArn": f"arn/{number}", "ModelPackageVersion": number} for number in (2, 1)]
        return SimpleNamespace(paginate=lambda **_: [{"ModelPackageSummaryList": packages}])

    def describe_model_package(self, ModelPackageName: str) -> Any:  # noqa: N803
        container = {"ModelDataUrl": f"s3://models/{ModelPackageName}.tar.gz"}
        return {"InferenceSpecification": {"Containers": [container]}}


class _Models:
    def __init__(self, application: ProvenApplication) -> None:
        self._application = application

    def get_object(self, Bucket: str, Key: str) -> Any:  # noqa: N803
        if Key.endswith("2.tar.gz"):
            raise ClientError({"Error": {"Code": "NoSuchKey"}}, "GetObject")
        return {"Body": io.BytesIO(packed(self._application.model))}
