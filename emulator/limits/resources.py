"""Limits of resources, as CloudFormation makes them of a template."""

from __future__ import annotations

from emulator.limits import resource_units as resource
from emulator.limits import units
from emulator.limits.limit import Limit
from emulator.limits.units import KIB, MIB, characters, document, entries, number, octets

_FUNCTION, _MAPPING, _QUOTAS = "AWS::Lambda::Function", "AWS::Lambda::EventSourceMapping", "gettingstarted-limits"
_INVALID = "InvalidParameterValueException"
_QUEUE, _WRONG, _CREATE_QUEUE = "AWS::SQS::Queue", "InvalidAttributeValue", "API_CreateQueue"
_MACHINE = "AWS::StepFunctions::StateMachine"
_ALARM = "AWS::CloudWatch::Alarm"
_RETENTIONS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)

RESOURCES = (
    Limit(_FUNCTION, "FunctionName", characters, 64, _INVALID, "API_CreateFunction", 1),
    Limit(_FUNCTION, "Timeout", number, 900, _INVALID, _QUOTAS, 1, "seconds"),
    Limit(_FUNCTION, "MemorySize", number, 10_240, _INVALID, _QUOTAS, 128, "MB"),
    Limit(_FUNCTION, "Layers", entries, 5, _INVALID, _QUOTAS),
    Limit(_FUNCTION, "Environment.Variables", resource.variables_octets, 4 * KIB, _INVALID, _QUOTAS),
    Limit(_MAPPING, "", resource.batch_without_window, 10, _INVALID, "API_CreateEventSourceMapping"),
    Limit(
        _MAPPING,
        "",
        resource.error_handling_without_pollers,
        0,
        _INVALID,
        "kafka-retry-configurations",
        what="settings of error handling, which provisioned pollers alone take",
    ),
    Limit(_MAPPING, "", resource.too_young, 0, _INVALID, "kafka-retry-configurations"),
    Limit(
        _MAPPING,
        "ProvisionedPollerConfig.MaximumPollers",
        number,
        2000,
        _INVALID,
        "API_ProvisionedPollerConfig",
        1,
        "pollers",
    ),
    Limit(
        _MAPPING,
        "ProvisionedPollerConfig",
        resource.pollers_at_least_above_at_most,
        0,
        _INVALID,
        "API_ProvisionedPollerConfig",
    ),
    # of the queue and the function that a mapping joins
    Limit(
        "lambda:queue-mapping", "", resource.seconds_before_its_function, 0, _INVALID, "services-sqs-configure", -43_200
    ),
    Limit(_QUEUE, "DelaySeconds", number, 900, _WRONG, _CREATE_QUEUE, what="seconds"),
    Limit(_QUEUE, "VisibilityTimeout", number, 43_200, _WRONG, _CREATE_QUEUE, what="seconds"),
    Limit(
        _QUEUE,
        "MessageRetentionPeriod",
        number,
        1_209_600,
        _WRONG,
        _CREATE_QUEUE,
        60,
        "seconds",
    ),
    Limit(_QUEUE, "MaximumMessageSize", number, MIB, _WRONG, _CREATE_QUEUE, KIB, "bytes"),
    Limit(
        _QUEUE,
        "ReceiveMessageWaitTimeSeconds",
        number,
        20,
        _WRONG,
        _CREATE_QUEUE,
        what="seconds",
    ),
    Limit("AWS::SQS::QueuePolicy", "PolicyDocument", units.json_octets, 8192, "OverLimit", "quotas-policies"),
    Limit("AWS::SQS::QueuePolicy", "PolicyDocument.Statement", entries, 20, "OverLimit", "quotas-policies"),
    Limit(
        "AWS::SQS::QueuePolicy",
        "PolicyDocument.Statement[]",
        resource.actions_of_a_statement,
        7,
        "OverLimit",
        "quotas-policies",
    ),
    Limit("AWS::S3::BucketPolicy", "PolicyDocument", units.json_octets, 20 * KIB, "MalformedPolicy", "bucket-policies"),
    Limit(_MACHINE, "StateMachineName", characters, 80, "InvalidName", "API_CreateStateMachine", 1),
    Limit(
        _MACHINE,
        "DefinitionString",
        octets,
        MIB,
        "InvalidDefinition",
        "API_CreateStateMachine",
    ),
    Limit("AWS::Events::Rule", "Targets", entries, 5, "LimitExceededException", "API_PutTargets"),
    Limit("AWS::Events::Rule", "EventPattern", units.json_octets, 4 * KIB, "ValidationException", "API_PutRule"),
    Limit(
        "AWS::Logs::LogGroup",
        "RetentionInDays",
        units.none_of(*_RETENTIONS),
        0,
        "InvalidParameterException",
        "API_PutRetentionPolicy",
        what="wrong numbers of days",
    ),
    Limit(
        "AWS::IAM::Role",
        "AssumeRolePolicyDocument",
        document,
        2048,
        "LimitExceeded",
        "reference_iam-quotas",
        status=409,
    ),
    # all inline policies of a role together
    Limit("iam:inline-policies", "Policies", document, 10_240, "LimitExceeded", "reference_iam-quotas", status=409),
    Limit(_ALARM, "Period", resource.uneven_period, 0, "ValidationError", "API_PutMetricAlarm"),
    Limit(_ALARM, "", resource.watched_s, 86_400, "ValidationError", "API_PutMetricAlarm"),
    Limit(_ALARM, "", resource.watched_long_s, 604_800, "ValidationError", "API_PutMetricAlarm"),
)
