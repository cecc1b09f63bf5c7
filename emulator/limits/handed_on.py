"""Limits of what AWS itself hands on: answers of functions, what goes through a state machine, metrics in logs."""

from __future__ import annotations

from emulator.limits import resource_units as resource
from emulator.limits.limit import Limit
from emulator.limits.units import MIB, STATE, SYNCHRONOUS, entries, number, octets

_METRICS, _MALFORMED = "logs:embedded-metrics", "InvalidParameterException"
_METRICS_PAGE = "CloudWatch_Embedded_Metric_Format_Specification"
_STATES_PAGE = "Step Functions service-quotas"

HANDED_ON = (
    # of a poller or a service; that of a direct call is a request
    Limit("lambda:event", "event", octets, SYNCHRONOUS, "RequestTooLargeException", "API_Invoke"),
    Limit("lambda:answer", "Payload", octets, SYNCHRONOUS, "Function.ResponseSizeTooLarge", "gettingstarted-limits"),
    Limit("stepfunctions:state", "data", octets, STATE, "States.DataLimitExceeded", _STATES_PAGE),
    Limit(
        "stepfunctions:execution",
        "events",
        number,
        25_000,
        "States.Runtime",
        _STATES_PAGE,
        what="events",
    ),
    # of a bucket, whether by a call or by a template
    Limit("s3:notifications", "Configurations", entries, 100, "InvalidArgument", "S3 service quotas"),
    Limit("cloudformation:custom-resource", "body", octets, 4096, "ValidationError", "crpg-ref-responses"),
    Limit(_METRICS, "line", octets, MIB, _MALFORMED, _METRICS_PAGE),
    Limit(_METRICS, "document._aws.CloudWatchMetrics[].Metrics", entries, 100, _MALFORMED, _METRICS_PAGE),
    Limit(_METRICS, "document._aws.CloudWatchMetrics[].Dimensions[]", entries, 30, _MALFORMED, _METRICS_PAGE),
    Limit(_METRICS, "document", resource.longest_list, 100, _MALFORMED, _METRICS_PAGE),
)
