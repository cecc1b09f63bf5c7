"""Limits of requests. What the services' models say of single members (lengths, patterns) is not repeated here."""

from __future__ import annotations

from emulator.limits import units
from emulator.limits.limit import Limit
from emulator.limits.units import KIB, MIB, STATE, SYNCHRONOUS, characters, entries, number, octets

_STORE, _STORE_QUOTAS = "sagemaker-featurestore-runtime", "feature-store-quotas"
_WRONG_VALUE, _QUEUES = "InvalidParameterValue", "SQS quotas-messages"
_NOT_VALID, _TRANSFORM = "ValidationException", "API_CreateTransformJob"
_TUNING, _TUNED = "sagemaker:CreateHyperParameterTuningJob", "automatic-model-tuning-limits"
_WRONG_INPUT = "InvalidInputException"
_DYNAMODB = "Constraints (DynamoDB)"
_TEXT = r"\t\n\r\u0020-\uD7FF\uE000-\uFFFD\U00010000-\U0010FFFF"
_NO_NAME = r"""\s<>{}\[\]?*"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f"""

REQUESTS = (
    # Feature Store
    Limit(f"{_STORE}:BatchGetRecord", "Identifiers", units.identifiers_in_all, 100, "ValidationError", _STORE_QUOTAS),
    Limit(
        f"{_STORE}:BatchGetRecord",
        "Identifiers[].RecordIdentifiersValueAsString[]",
        octets,
        2 * KIB,
        "ValidationError",
        _STORE_QUOTAS,
    ),
    Limit(f"{_STORE}:GetRecord", "RecordIdentifierValueAsString", octets, 2 * KIB, "ValidationError", _STORE_QUOTAS),
    # a record by PutRecord, or one of those of BatchWriteRecord; the page does not say what of it is counted
    Limit("feature-store:record", "Record", units.record_octets, 350 * KIB, "ValidationError", _STORE_QUOTAS),
    Limit("feature-store:record", "identifier", octets, 2 * KIB, "ValidationError", _STORE_QUOTAS),
    # a group with what an update adds; the model says it of a group that is made
    Limit("feature-store:group", "FeatureDefinitions", entries, 2_500, "ResourceLimitExceeded", _STORE_QUOTAS),
    *(
        Limit(
            operation,
            f"{features}[].FeatureName",
            units.any_of("is_deleted", "write_time", "api_invocation_time"),
            0,
            "ValidationException",
            _STORE_QUOTAS,
            what="reserved names",
        )
        for operation, features in (
            ("sagemaker:CreateFeatureGroup", "FeatureDefinitions"),
            ("sagemaker:UpdateFeatureGroup", "FeatureAdditions"),
        )
    ),
    # SageMaker's jobs
    Limit(
        "sagemaker:CreateTrainingJob",
        "StoppingCondition.MaxRuntimeInSeconds",
        number,
        28 * 86_400,
        "ValidationException",
        "API_StoppingCondition",
        what="seconds",
    ),
    *(
        Limit(_TUNING, f"HyperParameterTuningJobConfig.{path}", unit, most, "ResourceLimitExceeded", _TUNED, what=what)
        for path, unit, most, what in (
            # without more having been asked for
            ("ResourceLimits.MaxNumberOfTrainingJobs", number, 750, "training jobs"),
            ("ResourceLimits.MaxParallelTrainingJobs", number, 10, "training jobs at once"),
            ("ParameterRanges", units.entries_in_all, 30, "hyper-parameters"),
        )
    ),
    Limit(
        _TUNING,
        "TrainingJobDefinition.AlgorithmSpecification.MetricDefinitions",
        entries,
        20,
        "ResourceLimitExceeded",
        _TUNED,
        what="metrics",
    ),
    Limit(
        _TUNING,
        "TrainingJobDefinition.StoppingCondition.MaxRuntimeInSeconds",
        number,
        28 * 86_400,
        _NOT_VALID,
        "API_StoppingCondition",
        what="seconds",
    ),
    Limit("sagemaker:CreateTransformJob", "MaxPayloadInMB", number, 100, _NOT_VALID, _TRANSFORM, what="MB"),
    Limit(
        "sagemaker:CreateTransformJob",
        "",
        units.payloads_at_once,
        100,
        _NOT_VALID,
        _TRANSFORM,
        what="MB of requests at once",
    ),
    # Glue's jobs
    *(
        Limit(operation, f"{path}Timeout", number, 10_080, _WRONG_INPUT, "API_CreateJob", what="minutes")
        for operation, path in (("glue:CreateJob", ""), ("glue:UpdateJob", "JobUpdate."), ("glue:StartJobRun", ""))
    ),
    *(
        Limit(
            operation,
            f"{path}ExecutionProperty.MaxConcurrentRuns",
            number,
            1000,
            _WRONG_INPUT,
            "Glue endpoints and quotas",
            1,
            what="runs",
        )
        for operation, path in (("glue:CreateJob", ""), ("glue:UpdateJob", "JobUpdate."))
    ),
    Limit("glue:CreateJob", "MaxCapacity", number, 100, _WRONG_INPUT, "API_CreateJob", 2, what="DPUs"),
    # DynamoDB
    Limit("dynamodb:BatchGetItem", "RequestItems", units.keys_in_all, 100, "ValidationException", "API_BatchGetItem"),
    Limit(
        "dynamodb:TransactWriteItems",
        "TransactItems",
        units.transaction_octets,
        4 * MIB,
        "ValidationException",
        "API_TransactWriteItems",
    ),
    Limit(
        "dynamodb:TransactWriteItems",
        "TransactItems[].Put.Item",
        units.item_octets,
        400 * KIB,
        "ValidationException",
        _DYNAMODB,
        beneath=True,
    ),
    Limit("dynamodb:PutItem", "Item", units.item_octets, 400 * KIB, "ValidationException", _DYNAMODB, beneath=True),
    Limit("dynamodb:PutItem", "Item.pk.S", octets, 2 * KIB, "ValidationException", _DYNAMODB, 1, beneath=True),
    Limit("dynamodb:PutItem", "Item.sk.S", octets, KIB, "ValidationException", _DYNAMODB, 1, beneath=True),
    Limit("dynamodb:PutItem", "Item.number.N", characters, 38, "ValidationException", _DYNAMODB, 1, beneath=True),
    Limit("dynamodb:PutItem", "ConditionExpression", octets, 4 * KIB, "ValidationException", _DYNAMODB, beneath=True),
    # SQS
    Limit("sqs:SendMessage", "", units.message_octets, MIB, _WRONG_VALUE, "API_SendMessage", 1),
    Limit(
        "sqs:SendMessage",
        "MessageBody",
        units.outside(_TEXT),
        0,
        "InvalidMessageContents",
        _QUEUES,
        what="wrong characters",
    ),
    Limit("sqs:SendMessage", "MessageAttributes", entries, 10, _WRONG_VALUE, _QUEUES),
    Limit("sqs:SendMessage", "DelaySeconds", number, 900, _WRONG_VALUE, "API_SendMessage", what="seconds"),
    Limit("sqs:SendMessageBatch", "Entries", entries, 10, "TooManyEntriesInBatchRequest", _QUEUES, 1),
    Limit("sqs:SendMessageBatch", "Entries", units.messages_octets, MIB, "BatchRequestTooLong", "API_SendMessageBatch"),
    Limit("sqs:SendMessageBatch", "Entries[].Id", characters, 80, "InvalidBatchEntryId", _QUEUES, 1),
    Limit(
        "sqs:SendMessageBatch",
        "Entries[].Id",
        units.outside(r"a-zA-Z0-9_\-"),
        0,
        "InvalidBatchEntryId",
        _QUEUES,
        what="wrong characters",
    ),
    Limit("sqs:DeleteMessageBatch", "Entries", entries, 10, "TooManyEntriesInBatchRequest", _QUEUES, 1),
    Limit(
        "sqs:ReceiveMessage", "MaxNumberOfMessages", number, 10, _WRONG_VALUE, "API_ReceiveMessage", 1, what="messages"
    ),
    Limit("sqs:ReceiveMessage", "WaitTimeSeconds", number, 20, _WRONG_VALUE, "API_CreateQueue", what="seconds"),
    Limit("sqs:ReceiveMessage", "VisibilityTimeout", number, 43_200, _WRONG_VALUE, _QUEUES, what="seconds"),
    Limit("sqs:ChangeMessageVisibility", "VisibilityTimeout", number, 43_200, _WRONG_VALUE, _QUEUES, what="seconds"),
    # EventBridge: less than 1 MB
    Limit("events:PutEvents", "Entries", units.event_octets, MIB - 1, "ValidationException", "API_PutEvents"),
    Limit(
        "events:PutEvents", "Entries[].DetailType", characters, 128, "ValidationException", "API_PutEventsRequestEntry"
    ),
    Limit("events:PutTargets", "Targets", entries, 5, "LimitExceededException", "API_PutTargets"),
    # SNS
    Limit("sns:Publish", "", units.message_octets, 256 * KIB, "InvalidParameter", "API_Publish"),
    Limit("sns:Publish", "Subject", characters, 99, "InvalidParameter", "API_Publish", 1),
    # Step Functions
    Limit(
        "stepfunctions:StartExecution", "input", octets, STATE, "InvalidExecutionInput", "Step Functions service-quotas"
    ),
    Limit(
        "stepfunctions:StartExecution",
        "name",
        units.inside(_NO_NAME),
        0,
        "InvalidName",
        "API_StartExecution",
        what="wrong characters",
    ),
    # Lambda
    Limit(
        "lambda:Invoke",
        "",
        units.invocation_octets("RequestResponse"),
        SYNCHRONOUS,
        "RequestTooLargeException",
        "API_Invoke",
        what="bytes of payload",
        status=413,
    ),
    Limit(
        "lambda:Invoke",
        "",
        units.invocation_octets("Event"),
        MIB,
        "RequestTooLargeException",
        "API_Invoke",
        what="bytes of payload, asynchronously",
        status=413,
    ),
    # S3
    Limit("s3:PutObject", "Key", octets, KIB, "KeyTooLongError", "object-keys"),
    Limit("s3:GetObject", "Key", octets, KIB, "KeyTooLongError", "object-keys"),
    Limit("s3:PutObject", "Metadata", units.metadata_octets, 2 * KIB, "MetadataTooLarge", "UsingMetadata"),
    Limit("s3:UploadPart", "PartNumber", number, 10_000, "InvalidArgument", "qfacts", 1, beneath=True),
    Limit("s3:DeleteObjects", "Delete.Objects", entries, 1000, "MalformedXML", "API_DeleteObjects"),
    Limit("s3:DeleteObjects", "Delete.Objects[].Key", octets, KIB, "KeyTooLongError", "object-keys"),
    # the page names no error
    Limit("s3:PutBucketPolicy", "Policy", octets, 20 * KIB, "MalformedPolicy", "bucket-policies"),
    # CloudWatch Logs
    Limit("logs:PutLogEvents", "logEvents", units.log_octets, MIB, "InvalidParameterException", "API_PutLogEvents"),
    # CloudFormation
    Limit("cloudformation:CreateStack", "TemplateBody", octets, 51_200, "ValidationError", "API_CreateStack"),
    Limit("cloudformation:CreateChangeSet", "TemplateBody", octets, 51_200, "ValidationError", "API_CreateChangeSet"),
)
