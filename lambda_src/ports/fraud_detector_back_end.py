"""The back end Amazon Fraud Detector: each object is a model version's training, or a batch prediction job."""

from __future__ import annotations

import csv
import json
from datetime import datetime
from typing import NamedTuple

from botocore.exceptions import ClientError

from fraud.detector import (
    EVENT_TYPE,
    FRAUD,
    LEGIT,
    MODEL_TYPE,
    PREDICT_METADATA,
    TRAIN_METADATA,
    HeaderError,
    Version,
    variables_in,
)
from lambda_src.object_events import Arrived
from lambda_src.ports.clients import Client
from lambda_src.ports.detector_service import UNFINISHED, ModelVersion, code_of, model_versions

LONGEST_HEADER = 64 * 1024
"""Bytes of an object that are read: its first line."""
LARGEST_BATCH = 1024**3
"""Page *batch-predictions*: "The maximum size for the input data file is 1GB"."""
LARGEST_TRAINING = 5 * 1024**3
"""Page *limits*: "Training data size 5 GB"."""
HIGHEST_MINOR = 99
"""Type FloatVersionString: two digits."""
SIMULTANEOUS = "Simultaneous training for the same major version"
"""What the service says to a second training of a version: it goes on with the first."""


class WrongVersionError(ValueError):
    """The version of the settings cannot be trained: says which there are, and what is allowed."""


class Clients(NamedTuple):
    """Of frauddetector, s3 and stepfunctions."""

    detector: Client
    s3: Client
    machines: Client


class Names(NamedTuple):
    """What the back end acts with.

    Attributes:
        role: the ARN of the role in whose name the service reads and writes the bucket.
        mode: `create` for the version of the settings, once; `update` for a further training of it with each object.
        version: of the settings.
        publishing: the ARN of the state machine that waits for a training and publishes it.
        out: where predictions go, a prefix of the bucket.
    """

    model: str
    detector: str
    role: str
    mode: str
    version: Version
    publishing: str
    out: str


class _Header(NamedTuple):
    """The first line of an object.

    Attributes:
        modified: when the object was put; S3 says it without fractions of a second.
    """

    columns: list[str]
    modified: datetime


class FraudDetectorBackEnd:
    """Trains and predicts. What an object has led to is found by its URI and its identity, so no message acts twice.

    The service knows objects by their URIs alone: one that was put anew after a training of its URI began is another one.
    """

    def __init__(self, clients: Clients, names: Names) -> None:
        self._clients, self._names = clients, names

    def train(self, arrived: Arrived) -> str:
        """Has the model trained on the object: a first time, or further.

        Raises:
            HeaderError: the object's columns are not the event type's.
            WrongVersionError: the version of the settings is unknown, or in a state that allows no training.
        """
        if arrived.size > LARGEST_TRAINING:
            raise HeaderError(f"{arrived.size} bytes; allowed: {LARGEST_TRAINING}")
        found = self._header(arrived)
        variables = variables_in(found.columns, TRAIN_METADATA)
        self._make_model()
        known = model_versions(self._clients.detector, self._names.model)
        if done := next((one for one in known if one.data == arrived.uri and found.modified <= one.created), None):
            self._publish(done.number, arrived)
            return f"version {done.number} was trained on it already"
        if busy := next((one for one in known if one.status == UNFINISHED), None):
            return self._skipped(busy.number)
        try:
            number = self._trained(arrived, variables, known)
        except ClientError as error:
            if SIMULTANEOUS not in error.response["Error"]["Message"]:
                raise
            return self._skipped(str(self._names.version))
        self._publish(number, arrived)
        return f"the training of version {number} was started"

    @staticmethod
    def _skipped(number: str) -> str:
        return f"not trained on: version {number} is in training, and the service takes one training at a time"

    def _trained(self, arrived: Arrived, variables: tuple[str, ...], known: list[ModelVersion]) -> str:
        wanted, names = self._names.version, self._names
        source = {"dataLocation": arrived.uri, "dataAccessRoleArn": names.role}
        model = {"modelId": names.model, "modelType": MODEL_TYPE}
        if names.mode == "update" and known:
            self._may_update(known)
            made = self._clients.detector.update_model_version(
                **model, majorVersionNumber=str(wanted.major), externalEventsDetail=source
            )
            return str(made["modelVersionNumber"])
        following = max((one.version.major for one in known), default=0) + 1
        if wanted != Version(following, 0):
            there = ", ".join(str(one.version) for one in known) or "none"
            raise WrongVersionError(
                f"version {wanted} cannot be created: there are {there}; allowed: detector_version {Version(following, 0)}, "
                "or detector_mode update with one that is there"
            )
        labels = {"labelMapper": {"FRAUD": [FRAUD], "LEGIT": [LEGIT]}, "unlabeledEventsTreatment": "IGNORE"}
        made = self._clients.detector.create_model_version(
            **model,
            trainingDataSource="EXTERNAL_EVENTS",
            trainingDataSchema={"modelVariables": list(variables), "labelSchema": labels},
            externalEventsDetail=source,
        )
        return str(made["modelVersionNumber"])

    def _may_update(self, known: list[ModelVersion]) -> None:
        wanted = self._names.version
        same = [one for one in known if one.version.major == wanted.major]
        if not same:
            there = ", ".join(sorted({f"{one.version.major}.x" for one in known}))
            raise WrongVersionError(
                f"version {wanted.major}.x cannot be updated: there are {there}; allowed: detector_version of one of these"
            )
        if all(one.status in ("ERROR", "TRAINING_CANCELLED") for one in same):
            statuses = ", ".join(f"{one.version} {one.status}" for one in same)
            raise WrongVersionError(
                f"version {wanted.major}.x cannot be updated: {statuses}; allowed: one whose training was complete, or "
                f"detector_mode create with detector_version {max(one.version.major for one in known) + 1}.0"
            )
        if (newest := max(one.version for one in same)).minor >= HIGHEST_MINOR:
            raise WrongVersionError(
                f"version {wanted.major}.x cannot be updated: {newest} is the last that the service numbers; allowed: "
                f"detector_mode create with detector_version {max(one.version.major for one in known) + 1}.0"
            )

    def _make_model(self) -> None:
        """Makes the model if there is none; the service then makes the variable that its score is in."""
        model = {"modelId": self._names.model, "modelType": MODEL_TYPE}
        try:
            if self._clients.detector.get_models(**model)["models"]:
                return
        except ClientError as error:
            if code_of(error) != "ResourceNotFoundException":
                raise
        try:
            self._clients.detector.create_model(**model, eventTypeName=EVENT_TYPE)
        except ClientError as error:
            # another call of the function was faster
            if "already exists" not in error.response["Error"]["Message"]:
                raise

    def _publish(self, number: str, arrived: Arrived) -> None:
        """Starts what waits for the training and publishes it, once an object and version."""
        try:
            self._clients.machines.start_execution(
                stateMachineArn=self._names.publishing,
                name=f"publish-{number.replace('.', '-')}-{arrived.identity}",
                input=json.dumps({"version": number}),
            )
        except ClientError as error:
            if code_of(error) != "ExecutionAlreadyExists":
                raise

    def score(self, arrived: Arrived) -> str:
        """Has the object's events predicted, in a job that is named after the object.

        Raises:
            HeaderError: the object's columns are not the event type's.
            ClientError: among others, that another job runs: the service takes one at a time, so the message comes again.
        """
        if arrived.size > LARGEST_BATCH:
            raise HeaderError(f"{arrived.size} bytes; allowed: {LARGEST_BATCH}")
        variables_in(self._header(arrived).columns, PREDICT_METADATA)
        job = f"batch-{arrived.identity}"
        try:
            self._clients.detector.create_batch_prediction_job(
                jobId=job,
                inputPath=arrived.uri,
                outputPath=f"s3://{arrived.bucket}/{self._names.out}{arrived.name}",
                eventTypeName=EVENT_TYPE,
                detectorName=self._names.detector,
                iamRoleArn=self._names.role,
            )
        except ClientError as error:
            if not self._is_there(job):
                raise error
            return f"the job {job} was there already"
        return f"the job {job} was started"

    def _is_there(self, job: str) -> bool:
        try:
            return bool(self._clients.detector.get_batch_prediction_jobs(jobId=job)["batchPredictions"])
        except ClientError as error:
            if code_of(error) == "ResourceNotFoundException":
                return False
            raise

    def _header(self, arrived: Arrived) -> _Header:
        # of the version that stands, as the service reads it: by a URI
        found = self._clients.s3.get_object(
            Bucket=arrived.bucket, Key=arrived.key, Range=f"bytes=0-{LONGEST_HEADER - 1}"
        )
        line, ended, _ = found["Body"].read().partition(b"\n")
        if not ended:
            raise HeaderError(f"no first line within {LONGEST_HEADER} bytes; allowed: a header, and rows")
        try:
            [header] = csv.reader([line.decode().rstrip("\r")], strict=True)
        except (UnicodeDecodeError, ValueError, csv.Error) as error:
            raise HeaderError("the first line is no CSV in UTF-8; allowed: a header") from error
        return _Header(header, found["LastModified"])
