"""Amazon Fraud Detector behind botocore: the emulated service in this process, where no functions and no policies are needed."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from emulator.errors import ServiceError
from emulator.fraud_detector.services import service
from emulator.fraud_detector.training import TrainingError
from emulator.protocol.wire import Request
from fraud import detector as names

MODEL, DETECTOR = "card_fraud_dev", "card-fraud-dev"
ROLE = "arn:aws:iam::123456789012:role/data-access"


class Detector:
    """The service with what the template makes in it.

    Attributes:
        work: what takes the service a while; `run` lets it go on.
        fails: why trainings fail, if they do.
        asked: the operations that were called.
    """

    def __init__(self) -> None:
        self.work: list[Callable[[], None]] = []
        self.fails, self.at, self.asked = "", 0.0, list[str]()
        self.files: dict[str, bytes] = {}
        self._service = service(
            self,  # type: ignore[arg-type] # what acts in the name of roles
            later=lambda _, do: self.work.append(do),
            train=self._train,
            clock=self._clock,
        )
        for one in names.VARIABLES:
            given = {"name": one.name, "dataType": one.data_type, "variableType": one.variable_type}
            self("CreateVariable", **given, dataSource="EVENT", defaultValue=one.default)
        for label in (names.LEGIT, names.FRAUD):
            self("PutLabel", name=label)
        for outcome in names.OUTCOMES:
            self("PutOutcome", name=outcome)
        self("PutEntityType", name=names.ENTITY_TYPE)
        of = {"labels": [names.LEGIT, names.FRAUD], "entityTypes": [names.ENTITY_TYPE]}
        self("PutEventType", name=names.EVENT_TYPE, eventVariables=list(names.VARIABLE_NAMES), **of)
        self("PutDetector", detectorId=DETECTOR, eventTypeName=names.EVENT_TYPE)

    def __call__(self, operation: str, **given: Any) -> Any:
        """Calls an operation; raises ServiceError if the service refuses."""
        answer = self._answer(operation, json.dumps(given).encode())
        told = json.loads(answer.body or b"{}")
        if answer.status >= 400:
            raise ServiceError(told["__type"], told["message"], answer.status)
        return told

    def register(self, events: Any) -> None:
        """Answers what clients ask of the service."""
        events.register("before-send.frauddetector", self._sent)

    def run(self) -> None:
        """Lets all go on that takes time."""
        while self.work:
            self.work.pop(0)()

    def role(self, *_: Any) -> Any:
        """A client of S3, in the name of a role."""
        raise ServiceError("AccessDenied", "no bucket is read here")

    def _clock(self) -> float:
        self.at += 1
        return self.at

    def _train(self, *_: Any) -> None:
        if self.fails:
            raise TrainingError(self.fails)

    def _sent(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        operation = request.headers["X-Amz-Target"]
        operation = (operation.decode() if isinstance(operation, bytes) else operation).partition(".")[2]
        self.asked.append(operation)
        body = request.body if isinstance(request.body, bytes) else (request.body or "").encode()
        answer = self._answer(operation, body)
        response = AWSResponse(request.url, answer.status, answer.headers, None)
        response._content = answer.body
        return response

    def _answer(self, operation: str, body: bytes) -> Any:
        wire = self._service.wire
        model = wire.model.operation_model(operation)
        try:
            given = wire.parameters(model, Request("POST", "/", {}, body, {}), {})
            implement = self._service.implementing(operation)
            if implement is None:
                raise ServiceError("NotImplementedException", operation, 501)
            return wire.answer(model, implement(**given))
        except ServiceError as error:
            # a client can catch only what the operation's page names
            names = {shape.name for shape in model.error_shapes} | {"NotImplementedException"}
            if error.code not in names:
                raise AssertionError(f"{operation} knows no {error.code}: {error}") from error
            return wire.refusal(error)
