"""Feature Store: groups, and their online records in SQLite. The record with the newest event time stands.

Records for an offline store are checked alone: nothing is written to S3. A group gets features after it was made, and loses none.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import re
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from emulator.clock import now
from emulator.errors import ServiceError
from emulator.limits.table import LIMITS
from emulator.sagemaker.listing import Listing
from emulator.sagemaker.records import Records

_GROUPS = Listing(
    kind="FeatureGroup",
    answer="FeatureGroupSummaries",
    members=("FeatureGroupStatus",),
    status="FeatureGroupStatusEquals",
    order="Ascending",
)
UPDATE_S = 0.5
"""How long an update takes; those of the service take longer."""
_UNITS_S = {"Seconds": 1, "Minutes": 60, "Hours": 3600, "Days": 86_400, "Weeks": 604_800}
_LARGEST = 2**63 - 1
_PLAIN = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
_ISO_8601 = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?Z")
_FIRST_S, _AFTER_LAST_S = -62_167_219_200, 253_402_300_800
"""The years 0000 to 9999, in seconds since 1970."""
_TABLES = """
CREATE TABLE IF NOT EXISTS online (
  feature_group TEXT, identifier TEXT, event_us INTEGER, expires_us INTEGER, record TEXT,
  PRIMARY KEY (feature_group, identifier)
) WITHOUT ROWID;
"""
_PUT = """
INSERT INTO online VALUES (?, ?, ?, ?, ?)
ON CONFLICT (feature_group, identifier) DO UPDATE
SET event_us = excluded.event_us, expires_us = excluded.expires_us, record = excluded.record
WHERE excluded.event_us > online.event_us
"""

Record = list[dict[str, Any]]


class FeatureStore:
    """The operations on feature groups and on their records.

    Args:
        path: of the SQLite file, which is created.
    """

    def __init__(self, path: Path) -> None:
        self.groups = Records("feature-group", "FeatureGroup")
        self._types: dict[str, dict[str, str]] = {}
        self._updates: dict[str, tuple[float, dict[str, Any]]] = {}
        """{group: (when its update is through, what it changes)}."""
        self._updating = threading.Lock()
        path.parent.mkdir(parents=True, exist_ok=True)
        self._database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._database.executescript(_TABLES)
        self._database.execute("PRAGMA synchronous = OFF")
        self._lock = threading.Lock()

    def create_feature_group(self, **given: Any) -> dict[str, Any]:
        columns = {one["FeatureName"] for one in given["FeatureDefinitions"]}
        for name in ("RecordIdentifierFeatureName", "EventTimeFeatureName"):
            if given[name] not in columns:
                raise ServiceError("ValidationException", f"{name}: {given[name]} is none of the group's features")
        record = self.groups.add(given["FeatureGroupName"], given)
        record["FeatureGroupStatus"] = "Created"
        self._types[given["FeatureGroupName"]] = _types(given["FeatureDefinitions"])
        return {"FeatureGroupArn": record["FeatureGroupArn"]}

    def describe_feature_group(self, FeatureGroupName: str, **_: Any) -> dict[str, Any]:
        return {**self._group(FeatureGroupName), "NextToken": ""}

    def update_feature_group(self, FeatureGroupName: str, **given: Any) -> dict[str, Any]:
        if given.keys() not in ({"FeatureAdditions"}, {"OnlineStoreConfig"}):
            allowed = "either FeatureAdditions or OnlineStoreConfig"
            raise ServiceError("ValidationException", f"{', '.join(sorted(given)) or 'nothing'}; allowed: {allowed}")
        group = self._group(FeatureGroupName)
        with self._updating:
            if group["FeatureGroupName"] in self._updates:
                raise ServiceError("ValidationException", f"{FeatureGroupName} is being updated; its update goes first")
            if "OnlineStoreConfig" in given:
                changes = _with_ttl(group, given["OnlineStoreConfig"])
            else:
                changes = _with_features(group, given["FeatureAdditions"])
            LIMITS.check("feature-store:group", changes)
            group["LastUpdateStatus"] = {"Status": "InProgress"}
            self._updates[group["FeatureGroupName"]] = (time.monotonic() + UPDATE_S, changes)
        return {"FeatureGroupArn": group["FeatureGroupArn"]}

    def list_feature_groups(self, **given: Any) -> dict[str, Any]:
        return _GROUPS.page(self.groups.all(), given)

    def delete_feature_group(self, FeatureGroupName: str) -> None:
        name = self._group(FeatureGroupName)["FeatureGroupName"]
        self.groups.remove(name)
        with self._updating:
            self._updates.pop(name, None)
        with self._lock:
            self._database.execute("DELETE FROM online WHERE feature_group = ?", (name,))

    def put_record(
        self,
        FeatureGroupName: str,
        Record: Record,
        TargetStores: list[str] | None = None,
        TtlDuration: dict[str, Any] | None = None,
    ) -> None:
        with self._lock:
            self._put(FeatureGroupName, Record, TargetStores, TtlDuration)

    def batch_write_record(
        self, Entries: list[dict[str, Any]], TtlDuration: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        errors = []
        with self._lock:
            self._database.execute("BEGIN")
            try:
                for entry in Entries:
                    ttl = entry.get("TtlDuration", TtlDuration)
                    try:
                        self._put(entry["FeatureGroupName"], entry["Record"], entry.get("TargetStores"), ttl)
                    except ServiceError as error:
                        errors.append({"Entry": entry, "ErrorCode": error.code, "ErrorMessage": error.message})
            except BaseException:
                self._database.execute("ROLLBACK")
                raise
            self._database.execute("COMMIT")
        return {"Errors": errors, "UnprocessedEntries": []}

    def get_record(
        self,
        FeatureGroupName: str,
        RecordIdentifierValueAsString: str,
        FeatureNames: list[str] | None = None,
        **_: Any,
    ) -> dict[str, Any]:
        name = self._online(FeatureGroupName)
        found = self._read(name, [RecordIdentifierValueAsString], FeatureNames)
        return {"Record": found.get(RecordIdentifierValueAsString)}

    def batch_get_record(self, Identifiers: list[dict[str, Any]], **_: Any) -> dict[str, Any]:
        records: list[dict[str, Any]] = []
        errors: list[dict[str, Any]] = []
        for wanted in Identifiers:
            given, identifiers = wanted["FeatureGroupName"], wanted["RecordIdentifiersValueAsString"]
            try:
                found = self._read(self._online(given), identifiers, wanted.get("FeatureNames"))
            except ServiceError as error:
                said = {"ErrorCode": error.code, "ErrorMessage": error.message}
                errors += [
                    {"FeatureGroupName": given, "RecordIdentifierValueAsString": one, **said} for one in identifiers
                ]
                continue
            records += [
                {"FeatureGroupName": given, "RecordIdentifierValueAsString": one, "Record": record}
                for one, record in found.items()
            ]
        return {"Records": records, "Errors": errors, "UnprocessedIdentifiers": []}

    def _put(self, given: str, record: Record, stores: list[str] | None, ttl: dict[str, Any] | None) -> None:
        group = self._group(given)
        values = {one["FeatureName"]: one.get("ValueAsString") for one in record}
        types = self._types[group["FeatureGroupName"]]
        for name, value in values.items():
            _check(name, value, types)
        identifier, event_time = (
            _required(values, group[name]) for name in ("RecordIdentifierFeatureName", "EventTimeFeatureName")
        )
        LIMITS.check("feature-store:record", {"Record": record, "identifier": identifier})
        event_us = _microseconds(event_time)
        online = group.get("OnlineStoreConfig", {})
        name, text = group["FeatureGroupName"], json.dumps(record)
        if online.get("EnableOnlineStore") and (not stores or "OnlineStore" in stores):
            ttl = ttl or online.get("TtlDuration")
            expires = event_us + ttl["Value"] * _UNITS_S[ttl["Unit"]] * 1_000_000 if ttl else None
            if expires and expires > _LARGEST:
                raise ServiceError("ValidationError", f"{ttl}: nothing is kept for so long")
            self._database.execute(_PUT, (name, identifier, event_us, expires, text))

    def _read(self, group: str, identifiers: list[str], features: list[str] | None) -> dict[str, Record]:
        query = """SELECT identifier, record FROM online WHERE feature_group = ?
            AND identifier IN (SELECT value FROM json_each(?)) AND (expires_us IS NULL OR expires_us > ?)"""
        with self._lock:
            rows = self._database.execute(query, (group, json.dumps(identifiers), time.time() * 1e6)).fetchall()
        found = {identifier: json.loads(text) for identifier, text in rows}
        if features:
            return {key: [one for one in record if one["FeatureName"] in features] for key, record in found.items()}
        return found

    def _group(self, given: str) -> dict[str, Any]:
        try:
            group = self.groups.get(given)
        except ServiceError as error:
            raise ServiceError("ResourceNotFound", f"Resource Not Found: {self.groups.arn(given)}", 404) from error
        with self._updating:
            name = group["FeatureGroupName"]
            if name in self._updates and time.monotonic() >= self._updates[name][0]:
                group |= self._updates.pop(name)[1]
                self._types[name] = _types(group["FeatureDefinitions"])
                group |= {"LastUpdateStatus": {"Status": "Successful"}, "LastModifiedTime": now()}
        return group

    def _online(self, given: str) -> str:
        group = self._group(given)
        if not group.get("OnlineStoreConfig", {}).get("EnableOnlineStore"):
            raise ServiceError("ValidationError", f"{given} has no online store")
        return str(group["FeatureGroupName"])


def _types(definitions: list[dict[str, Any]]) -> dict[str, str]:
    return {one["FeatureName"]: one["FeatureType"] for one in definitions}


def _with_features(group: dict[str, Any], added: list[dict[str, Any]]) -> dict[str, Any]:
    known = list(_types(group["FeatureDefinitions"]))
    for name in (one["FeatureName"] for one in added):
        if name in known:
            raise ServiceError("ValidationException", f"{group['FeatureGroupName']} has a feature {name} already")
        known.append(name)
    return {"FeatureDefinitions": [*group["FeatureDefinitions"], *added]}


def _with_ttl(group: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    online = group.get("OnlineStoreConfig", {})
    if not online.get("EnableOnlineStore"):
        raise ServiceError("ValidationException", f"{group['FeatureGroupName']} has no online store")
    return {"OnlineStoreConfig": {**online, **given}}


def _required(values: dict[str, str | None], name: str) -> str:
    value = values.get(name)
    if value is None:
        raise ServiceError("ValidationError", f"the record misses {name}")
    return value


def _check(name: str, value: str | None, types: dict[str, str]) -> None:
    if name not in types:
        raise ServiceError("ValidationError", f"{name} is none of the group's features: {', '.join(types)}")
    if value is not None and not _ALLOWED[types[name]](value):
        raise ServiceError("ValidationError", f"{name}: {value!r}; allowed: {types[name]}")


def _integral(text: str) -> bool:
    """Whether it is an integer of 64 bits.

    >>> [_integral(text) for text in ("-7", "9223372036854775807", "9223372036854775808", "1_000", "")]
    [True, True, False, False, False]
    """
    return bool(re.fullmatch(r"[+-]?[0-9]{1,19}", text)) and -_LARGEST - 1 <= int(text) <= _LARGEST


def _fractional(text: str) -> bool:
    """Whether it is a number, or none (NaN).

    >>> [_fractional(text) for text in ("0.25", "-1e-3", "NaN", "0_1", "\\u0661", "")]
    [True, True, True, False, False, False]
    """
    return text == "NaN" or bool(_PLAIN.fullmatch(text))


_ALLOWED: dict[str, Callable[[str], bool]] = {
    "Integral": _integral,
    "Fractional": _fractional,
    "String": lambda _: True,
}


def _microseconds(event_time: str) -> int:
    """An event time in either of its forms: ISO 8601 in UTC, or seconds since 1970 with a fraction (page feature-store-quotas).

    >>> _microseconds("2026-01-31T00:00:00.001Z") == _microseconds("1769817600.001")
    True
    """
    if _ISO_8601.fullmatch(event_time):
        with contextlib.suppress(ValueError):  # as a 31st of February
            whole, _, fraction = event_time.removesuffix("Z").partition(".")
            moment = datetime.datetime.fromisoformat(f"{whole}+00:00")
            return round(moment.timestamp()) * 1_000_000 + int(fraction.ljust(6, "0")[:6] or 0)
    if _PLAIN.fullmatch(event_time) and _FIRST_S <= float(event_time) < _AFTER_LAST_S:
        return round(float(event_time) * 1e6)
    raise ServiceError(
        "ValidationError",
        f"event time {event_time!r}; allowed: yyyy-MM-ddTHH:mm:ssZ, with a fraction or without, or seconds",
    )
