"""Requests and resources held to the services' models and to the table, before anything is made of them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from emulator.errors import ServiceError
from emulator.limits.table import LIMITS
from emulator.protocol.shapes import Problem, coerce, reader
from emulator.protocol.wire import Request, Wire, service_model

SERVICES = {
    "dynamodb": "dynamodb",
    "events": "events",
    "kms": "kms",
    "lambda": "lambda",
    "logs": "logs",
    "s3": "s3",
    "scheduler": "scheduler",
    "secretsmanager": "secretsmanager",
    "sns": "sns",
    "sqs": "sqs",
    "states": "stepfunctions",
    "cloudformation": "cloudformation",
}
"""{a service of the emulator beneath: botocore's name of it}."""

MADE_BY = {
    "AWS::CloudWatch::Alarm": ("cloudwatch", "PutMetricAlarm"),
    "AWS::DynamoDB::Table": ("dynamodb", "CreateTable"),
    "AWS::Events::Rule": ("events", "PutRule"),
    "AWS::IAM::Role": ("iam", "CreateRole"),
    "AWS::Lambda::EventSourceMapping": ("lambda", "CreateEventSourceMapping"),
    "AWS::Lambda::Function": ("lambda", "CreateFunction"),
    "AWS::Lambda::LayerVersion": ("lambda", "PublishLayerVersion"),
    "AWS::Logs::LogGroup": ("logs", "CreateLogGroup"),
    "AWS::Scheduler::Schedule": ("scheduler", "CreateSchedule"),
    "AWS::SecretsManager::Secret": ("secretsmanager", "CreateSecret"),
}
"""{a resource type: the service and the operation that make it}. The types of `emulator.hosted.resources` are made by calls."""


@cache
def _wire(service: str) -> Wire:
    return Wire(service)


def check_request(service: str, request: Request) -> None:
    """Holds a request to a service of the emulator beneath to its limits.

    Raises:
        ServiceError: it breaks one.
    """
    wire = _wire(SERVICES[service])
    found = wire.match(request)
    if found is None:
        return
    operation, in_path = found
    parameters, problems = wire.read(operation, request, in_path)
    _refuse(wire.validation_error, operation.name, problems)
    LIMITS.check(f"{wire.name}:{operation.name}", parameters)


def check_resource(kind: str, properties: Mapping[str, Any]) -> None:
    """Holds the properties of a resource of a template to the limits of its type and of the operation that makes it.

    Raises:
        ServiceError: they break one.
    """
    LIMITS.check(kind, properties)
    if kind in MADE_BY:
        service, operation = MADE_BY[kind]
        shape = service_model(service).operation_model(operation).input_shape
        # code in a template is text, in the call a zip
        given = coerce(shape, {name: value for name, value in properties.items() if name != "Code"})
        problems: list[Problem] = []
        reader(shape, located=True)(given, kind, problems)
        _refuse(_wire(service).validation_error, kind, problems)


def _refuse(code: str, what: str, problems: list[Problem]) -> None:
    says = [problem.says for problem in problems if problem.limit]
    if says:
        raise ServiceError(code, f"{what}: {'; '.join(says)}")
