"""Predictions: an event's rules evaluated, and files of events in batch.

Models give no scores here. A rule that needs one does not match; which those were, the log says once.
"""

from __future__ import annotations

import csv
import io
import json
import logging
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from botocore.exceptions import ClientError

from emulator.clients import Clients
from emulator.errors import ServiceError
from emulator.fraud_detector import expressions
from emulator.fraud_detector.catalogue import Catalogue, value_of
from emulator.fraud_detector.detectors import Detectors
from emulator.fraud_detector.models import Later, later
from emulator.fraud_detector.shelf import Record, Shelf, moment, page, refused, unknown, without
from emulator.fraud_detector.training import TrainingError, rows

_log = logging.getLogger(__name__)

CALLS_A_SECOND, MOST_BYTES, MOST_INPUTS = 200, 256 * 1024, 5_000
"""Page *limits*: of GetEventPrediction."""
LARGEST_BATCH_BYTES = 1024**3
"""Page *batch-predictions*: "The maximum size for the input data file is 1GB"."""
EVENT_COLUMNS = ("EVENT_TIMESTAMP", "ENTITY_TYPE", "ENTITY_ID", "EVENT_ID")
ADDED = ("MODEL_SCORES", "OUTCOMES", "STATUS", "RULE_RESULTS")
"""Page *batch-predictions*: the columns of an output file behind those of the input."""
_RUNNING = ("IN_PROGRESS_INITIALIZING", "IN_PROGRESS", "CANCEL_IN_PROGRESS")
_ID = re.compile("[0-9a-z_-]+")
"""What an event's id and its entity's are made of."""
_ISO_8601 = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,6})?Z")


class Predictions:
    """The operations on predictions.

    Args:
        clock: seconds that only grow.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        detectors: Detectors,
        clients: Clients | Any,
        later: Later = later,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._catalogue, self._detectors, self._clients = catalogue, detectors, clients
        self._later, self._clock = later, clock
        self.jobs = Shelf("batch-prediction", 1_000_000)
        self._calls: deque[float] = deque(maxlen=CALLS_A_SECOND)
        self._lock = threading.Lock()
        self._told: set[str] = set()

    def get_event_prediction(self, **given: Any) -> dict[str, Any]:
        self._throttle()
        if given.get("externalModelEndpointDataBlobs"):
            raise ServiceError("NotImplementedException", "external models are not implemented here", 501)
        if len(json.dumps(given).encode()) > MOST_BYTES or len(given["eventVariables"]) > MOST_INPUTS:
            raise refused(f"allowed: {MOST_BYTES} bytes and {MOST_INPUTS} variables a call")
        version, event_type = self._asked(given["detectorId"], given.get("detectorVersionId"), given["eventTypeName"])
        if not given["eventVariables"]:
            raise refused("eventVariables; allowed: at least one")
        return self._predict(
            version, event_type, given["eventId"], given["entities"], given["eventTimestamp"], given["eventVariables"]
        )

    def _asked(self, detector: str, number: str | None, event_type: str) -> tuple[Record, Record]:
        if self._detectors.detectors.get(detector)["eventTypeName"] != event_type:
            raise refused(f"detector {detector} is not of the event type {event_type}")
        if number is None:
            number = next(
                (
                    one["detectorVersionId"]
                    for one in self._detectors.versions.all(detector)
                    if one["status"] == "ACTIVE"
                ),
                None,
            )
        if number is None:
            raise unknown(f"detector {detector} has no version that is ACTIVE")
        version = self._detectors.versions.get(detector, number)
        return version, self._catalogue.event_types.get(event_type)

    def _predict(
        self,
        version: Record,
        event_type: Record,
        event: str,
        entities: list[Record],
        at: str,
        variables: dict[str, str],
    ) -> dict[str, Any]:
        if wrong := [name for name in (event, *(one["entityId"] for one in entities)) if not _ID.fullmatch(name)]:
            raise refused(f"{len(wrong)} of the ids of event and entities; allowed: {_ID.pattern}")
        if not _ISO_8601.fullmatch(at):
            raise refused("eventTimestamp; allowed: ISO 8601 in UTC, as 2019-11-30T13:01:01Z")
        if not entities or any(one["entityType"] not in event_type["entityTypes"] for one in entities):
            raise refused(f"entities; allowed: of the types {', '.join(event_type['entityTypes'])}")
        if strange := sorted(set(variables) - set(event_type["eventVariables"])):
            raise refused(f"eventVariables: {', '.join(strange)}; allowed: variables of {event_type['name']}")
        values: dict[str, Any] = {}
        for name in event_type["eventVariables"]:
            variable = self._catalogue.variables.get(name)
            values[name] = value_of(variable, variables[name] if name in variables else variable["defaultValue"])
        values |= {f"@{one['name']}": one["entries"] for one in self._catalogue.lists.all()}
        return {"modelScores": [], "ruleResults": self._matching(version, values), "externalModelOutputs": []}

    def _matching(self, version: Record, values: dict[str, Any]) -> list[Record]:
        matched = []
        for rule in version["rules"]:
            found = self._detectors.rules.get(*rule.values())
            read = expressions.read(found["expression"])
            if unscored := read.variables - set(values):
                self._tell(found, unscored)
            if read.matches(values):
                matched.append({"ruleId": found["ruleId"], "outcomes": found["outcomes"]})
                if version["ruleExecutionMode"] == "FIRST_MATCHED":
                    break
        return matched

    def _tell(self, rule: Record, unscored: Iterable[str]) -> None:
        if rule["arn"] not in self._told:
            self._told.add(rule["arn"])
            _log.warning("%s needs %s, which nothing scores here: it does not match", rule["arn"], sorted(unscored))

    def _throttle(self) -> None:
        with self._lock:
            at = self._clock()
            if len(self._calls) == CALLS_A_SECOND and at - self._calls[0] < 1:
                raise ServiceError("ThrottlingException", f"over {CALLS_A_SECOND} calls a second")
            self._calls.append(at)

    def create_batch_prediction_job(self, **given: Any) -> None:
        version, _ = self._asked(given["detectorName"], given.get("detectorVersion"), given["eventTypeName"])
        with self._lock:
            # page batch-predictions: "You can only run one batch prediction job at a time."
            running = [one["jobId"] for one in self.jobs.all() if one["status"] in _RUNNING]
            if running and given["jobId"] not in running:
                raise refused(f"the job {running[0]} runs; allowed: one batch prediction job at a time")
            # the model of a job's description has no room for a detector version as the service numbers them
            members = {key: value for key, value in given.items() if key not in ("tags", "detectorVersion")}
            job = self.jobs.add(given["jobId"], **members, status="IN_PROGRESS_INITIALIZING", startTime=moment())
        self._later(0, lambda: self._run(job, version))

    def get_batch_prediction_jobs(self, jobId: str | None = None, **given: Any) -> dict[str, Any]:
        found = [self.jobs.get(jobId)] if jobId else self.jobs.all()
        return page(without(found, "createdTime", "lastUpdatedTime"), given, 50, "batchPredictions")

    def cancel_batch_prediction_job(self, jobId: str) -> None:
        job = self.jobs.get(jobId)
        if job["status"] not in _RUNNING:
            raise refused(f"the job {jobId} is {job['status']}; allowed: {', '.join(_RUNNING)}")
        job["status"] = "CANCEL_IN_PROGRESS"

    def delete_batch_prediction_job(self, jobId: str) -> None:
        if self.jobs.has(jobId) and self.jobs.get(jobId)["status"] in _RUNNING:
            raise refused(f"the job {jobId} runs; cancel it first")
        self.jobs.remove(jobId)

    def _run(self, job: Record, version: Record) -> None:
        ended: Record = {"status": "COMPLETE"}
        try:
            self._predict_all(job, version)
        except (TrainingError, ServiceError, ClientError) as error:
            ended = {"status": "FAILED", "failureReason": str(error)}
        if job["status"] == "CANCEL_IN_PROGRESS":
            ended = {"status": "CANCELED"}
        self.jobs.put(job["jobId"], **ended, completionTime=moment())

    def _predict_all(self, job: Record, version: Record) -> None:
        s3 = self._clients.role("s3", job["iamRoleArn"], job["arn"])
        job["status"] = "IN_PROGRESS"
        event_type = self._catalogue.event_types.get(job["eventTypeName"])
        found = rows(s3, job["inputPath"], LARGEST_BATCH_BYTES)
        header = next(found, [])
        if missing := [name for name in EVENT_COLUMNS if name not in header]:
            raise TrainingError(f"the file has no column {', '.join(missing)}")
        if strange := [name for name in header if name not in (*event_type["eventVariables"], *EVENT_COLUMNS)]:
            raise TrainingError(f"the file has the columns {', '.join(strange)}, which are none of the event type's")
        written = io.StringIO()
        out = csv.writer(written, lineterminator="\n")
        out.writerow([*header, *ADDED])
        count = 0
        for row in found:
            if job["status"] == "CANCEL_IN_PROGRESS":
                return
            out.writerow([*row, *self._columns(version, event_type, dict(zip(header, row, strict=False)))])
            count += 1
            job |= {"processedRecordsCount": count, "lastHeartbeatTime": moment()}
        bucket, _, prefix = job["outputPath"].removeprefix("s3://").partition("/")
        # no page says what the service calls the file
        key = "/".join(part for part in (prefix.rstrip("/"), f"{job['jobId']}_output.csv") if part)
        s3.put_object(Bucket=bucket, Key=key, Body=written.getvalue().encode())
        job["totalRecordsCount"] = count

    def _columns(self, version: Record, event_type: Record, row: dict[str, str]) -> list[str]:
        """What is added to a row: one that cannot be evaluated has the reason, and its neighbours go on."""
        variables = {name: row[name] for name in event_type["eventVariables"] if row.get(name)}
        entities = [{"entityType": row.get("ENTITY_TYPE", ""), "entityId": row.get("ENTITY_ID", "")}]
        try:
            found = self._predict(
                version,
                event_type,
                row.get("EVENT_ID", ""),
                entities,
                row.get("EVENT_TIMESTAMP", ""),
                variables,
            )
        except ServiceError as error:
            return ["", "", error.code, ""]
        results = found["ruleResults"]
        outcomes = [outcome for one in results for outcome in one["outcomes"]]
        return ["[]", json.dumps(outcomes), "SUCCESS", json.dumps([one["ruleId"] for one in results])]
