"""A request of each size, for each row of the table of limits that is on requests: `REQUESTS`."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from tests.emulator.limits_standing import Name, Place

Send = Callable[[Place, int], Any]
REQUESTS: dict[Name, Send] = {}


def sends(of: str, path: str, what: str) -> Callable[[Send], Send]:
    """Notes what sends a request of a size, for a row of the table."""

    def noted(send: Send) -> Send:
        REQUESTS[of, path, what] = send
        return send

    return noted


STORE = "sagemaker-featurestore-runtime"


@sends(f"{STORE}:BatchGetRecord", "Identifiers", "identifiers_in_all")
def _(at: Place, size: int) -> None:
    # of two entries, neither of which breaks the model
    lists = [[f"card-{number}" for number in range(size - 1)], ["*"]]
    asked = [{"FeatureGroupName": "limits", "RecordIdentifiersValueAsString": each} for each in lists]
    at.client(STORE).batch_get_record(Identifiers=asked)


@sends(f"{STORE}:BatchGetRecord", "Identifiers[].RecordIdentifiersValueAsString[]", "octets")
def _(at: Place, size: int) -> None:
    asked = [{"FeatureGroupName": "limits", "RecordIdentifiersValueAsString": ["x" * size]}]
    at.client(STORE).batch_get_record(Identifiers=asked)


@sends(f"{STORE}:GetRecord", "RecordIdentifierValueAsString", "octets")
def _(at: Place, size: int) -> None:
    at.client(STORE).get_record(FeatureGroupName="limits", RecordIdentifierValueAsString="x" * size)


def _record(**values: str) -> list[dict[str, str]]:
    given = {"id": "1", "at": "2026-01-31T00:00:00Z", **values}
    return [{"FeatureName": name, "ValueAsString": value} for name, value in given.items()]


@sends("feature-store:record", "Record", "record_octets")
def _(at: Place, size: int) -> None:
    empty = sum(len(one["FeatureName"]) + len(one["ValueAsString"]) for one in _record(text=""))
    at.client(STORE).put_record(FeatureGroupName="limits", Record=_record(text="x" * (size - empty)))


@sends("feature-store:record", "identifier", "octets")
def _(at: Place, size: int) -> None:
    at.client(STORE).put_record(FeatureGroupName="limits", Record=_record(id="x" * size))


def _features(*names: str) -> list[dict[str, str]]:
    return [{"FeatureName": name, "FeatureType": "String"} for name in names]


def _group(at: Place, name: str, *features: str) -> None:
    at.client("sagemaker").create_feature_group(
        FeatureGroupName=name,
        RecordIdentifierFeatureName="id",
        EventTimeFeatureName="at",
        FeatureDefinitions=_features("id", "at", *features),
    )


@sends("feature-store:group", "FeatureDefinitions", "entries")
def _(at: Place, size: int) -> None:
    # a hundred of them by an update
    _group(at, f"large-{size}", *(f"of_the_group_{number}" for number in range(size - 102)))
    added = _features(*(f"added_{number}" for number in range(100)))
    at.client("sagemaker").update_feature_group(FeatureGroupName=f"large-{size}", FeatureAdditions=added)


@sends("sagemaker:CreateFeatureGroup", "FeatureDefinitions[].FeatureName", "reserved names")
def _(at: Place, size: int) -> None:
    _group(at, f"reserved-{size}", "write_time" if size else "time_of_writing")


@sends("sagemaker:UpdateFeatureGroup", "FeatureAdditions[].FeatureName", "reserved names")
def _(at: Place, size: int) -> None:
    _group(at, f"extended-{size}")
    added = _features("write_time" if size else "time_of_writing")
    at.client("sagemaker").update_feature_group(FeatureGroupName=f"extended-{size}", FeatureAdditions=added)


@sends("sagemaker:CreateTrainingJob", "StoppingCondition.MaxRuntimeInSeconds", "seconds")
def _(at: Place, size: int) -> None:
    at.client("sagemaker").create_training_job(
        TrainingJobName=f"long-{size}",
        AlgorithmSpecification={"TrainingInputMode": "File", "TrainingImage": "no-image"},
        RoleArn=at.made["role"],
        OutputDataConfig={"S3OutputPath": "s3://none"},
        ResourceConfig={"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1},
        StoppingCondition={"MaxRuntimeInSeconds": size},
    )


def _tuning(
    at: Place, name: str, *, hyper_parameters: int = 1, metrics: int = 1, runtime_s: int = 60, **limits: int
) -> None:
    """Starts a tuning job whose training jobs come to nothing, and stops it."""
    ranges = [{"Name": f"p{number}", "MinValue": "0", "MaxValue": "1"} for number in range(hyper_parameters)]
    defined = [{"Name": f"m{number}", "Regex": "m: (.*)"} for number in range(metrics)]
    sagemaker = at.client("sagemaker")
    sagemaker.create_hyper_parameter_tuning_job(
        HyperParameterTuningJobName=name,
        HyperParameterTuningJobConfig={
            "Strategy": "Random",
            "HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": "m0"},
            "ResourceLimits": {"MaxNumberOfTrainingJobs": 20, "MaxParallelTrainingJobs": 1, **limits},
            "ParameterRanges": {"ContinuousParameterRanges": ranges[:30], "IntegerParameterRanges": ranges[30:]},
        },
        TrainingJobDefinition={
            "AlgorithmSpecification": {
                "TrainingInputMode": "File",
                "TrainingImage": "no-image",
                "MetricDefinitions": defined,
            },
            "RoleArn": at.made["role"],
            "OutputDataConfig": {"S3OutputPath": "s3://none"},
            "ResourceConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1},
            "StoppingCondition": {"MaxRuntimeInSeconds": runtime_s},
        },
    )
    sagemaker.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)


TUNING, CONFIGURED = "sagemaker:CreateHyperParameterTuningJob", "HyperParameterTuningJobConfig"


@sends(TUNING, f"{CONFIGURED}.ResourceLimits.MaxNumberOfTrainingJobs", "training jobs")
def _(at: Place, size: int) -> None:
    _tuning(at, f"many-{size}", MaxNumberOfTrainingJobs=size)


@sends(TUNING, f"{CONFIGURED}.ResourceLimits.MaxParallelTrainingJobs", "training jobs at once")
def _(at: Place, size: int) -> None:
    _tuning(at, f"at-once-{size}", MaxParallelTrainingJobs=size)


@sends(TUNING, f"{CONFIGURED}.ParameterRanges", "hyper-parameters")
def _(at: Place, size: int) -> None:
    _tuning(at, f"wide-{size}", hyper_parameters=size)


@sends(TUNING, "TrainingJobDefinition.AlgorithmSpecification.MetricDefinitions", "metrics")
def _(at: Place, size: int) -> None:
    _tuning(at, f"metrics-{size}", metrics=size)


@sends(TUNING, "TrainingJobDefinition.StoppingCondition.MaxRuntimeInSeconds", "seconds")
def _(at: Place, size: int) -> None:
    _tuning(at, f"long-{size}", runtime_s=size)


@sends("dynamodb:BatchGetItem", "RequestItems", "keys_in_all")
def _(at: Place, size: int) -> None:
    # of two tables, neither of which breaks the model
    keys = [{"pk": {"S": str(number)}, "sk": {"S": "s"}} for number in range(size - 1)]
    asked = {at.made["table"]: {"Keys": keys}, at.made["other"]: {"Keys": [{"pk": {"S": "p"}}]}}
    at.client("dynamodb").batch_get_item(RequestItems=asked)


def _items(sizes: list[int]) -> list[dict[str, Any]]:
    """Items that take so many bytes each: two of one character under names of two, and a text under a name of one."""
    keys = [{"pk": {"S": chr(65 + number)}, "sk": {"S": "s"}} for number in range(len(sizes))]
    return [{**key, "t": {"S": "x" * (size - 7)}} for key, size in zip(keys, sizes, strict=True)]


@sends("dynamodb:TransactWriteItems", "TransactItems", "transaction_octets")
def _(at: Place, size: int) -> None:
    items = _items([400 * 1024] * 10 + [size - 4_096_000])
    puts = [{"Put": {"TableName": at.made["table"], "Item": item}} for item in items]
    at.client("dynamodb").transact_write_items(TransactItems=puts)


@sends("dynamodb:TransactWriteItems", "TransactItems[].Put.Item", "item_octets")
def _(at: Place, size: int) -> None:
    (item,) = _items([size])
    at.client("dynamodb").transact_write_items(TransactItems=[{"Put": {"TableName": at.made["table"], "Item": item}}])


def _put(at: Place, item: dict[str, Any], **more: Any) -> None:
    key = {"pk": {"S": "p"}, "sk": {"S": "s"}}
    at.client("dynamodb").put_item(TableName=at.made["table"], Item=key | item, **more)


@sends("dynamodb:PutItem", "Item", "item_octets")
def _(at: Place, size: int) -> None:
    _put(at, *_items([size]))


@sends("dynamodb:PutItem", "Item.pk.S", "octets")
def _(at: Place, size: int) -> None:
    _put(at, {"pk": {"S": "x" * size}})


@sends("dynamodb:PutItem", "Item.sk.S", "octets")
def _(at: Place, size: int) -> None:
    _put(at, {"sk": {"S": "x" * size}})


@sends("dynamodb:PutItem", "Item.number.N", "characters")
def _(at: Place, size: int) -> None:
    _put(at, {"number": {"N": "1" * size}})


@sends("dynamodb:PutItem", "ConditionExpression", "octets")
def _(at: Place, size: int) -> None:
    expression = "attribute_exists(pk) OR attribute_not_exists(pk)"
    _put(at, {}, ConditionExpression=expression.replace(" OR ", " OR ".ljust(size - len(expression) + 4)))


def _message(at: Place, **given: Any) -> None:
    at.client("sqs").send_message(QueueUrl=at.made["queue"], **{"MessageBody": "m", **given})


@sends("sqs:SendMessage", "", "message_octets")
def _(at: Place, size: int) -> None:
    attributes = {"k": {"DataType": "String", "StringValue": "v"}}  # 8 bytes
    body = {"MessageBody": "x" * (size - 8), "MessageAttributes": attributes} if size > 8 else {"MessageBody": ""}
    _message(at, **body)


@sends("sqs:SendMessage", "MessageBody", "wrong characters")
def _(at: Place, size: int) -> None:
    _message(at, MessageBody="a" + "\x00" * size)


@sends("sqs:SendMessage", "MessageAttributes", "entries")
def _(at: Place, size: int) -> None:
    value = {"DataType": "String", "StringValue": "v"}
    _message(at, MessageAttributes={f"k{number}": value for number in range(size)})


@sends("sqs:SendMessage", "DelaySeconds", "seconds")
def _(at: Place, size: int) -> None:
    _message(at, DelaySeconds=size)


def _batch(at: Place, entries: list[dict[str, Any]]) -> None:
    given = [{"MessageBody": "m", "Id": f"i{number}", **one} for number, one in enumerate(entries)]
    at.client("sqs").send_message_batch(QueueUrl=at.made["queue"], Entries=given)


@sends("sqs:SendMessageBatch", "Entries", "entries")
def _(at: Place, size: int) -> None:
    _batch(at, [{}] * size)


@sends("sqs:SendMessageBatch", "Entries", "messages_octets")
def _(at: Place, size: int) -> None:
    _batch(at, [{"MessageBody": "x" * (size // 2)}, {"MessageBody": "x" * (size - size // 2)}])


@sends("sqs:SendMessageBatch", "Entries[].Id", "characters")
def _(at: Place, size: int) -> None:
    _batch(at, [{"Id": "x" * size}])


@sends("sqs:SendMessageBatch", "Entries[].Id", "wrong characters")
def _(at: Place, size: int) -> None:
    _batch(at, [{"Id": "x" + "." * size}])


@sends("sqs:DeleteMessageBatch", "Entries", "entries")
def _(at: Place, size: int) -> None:
    entries = [{"Id": f"i{number}", "ReceiptHandle": "none"} for number in range(size)]
    at.client("sqs").delete_message_batch(QueueUrl=at.made["queue"], Entries=entries)


def _receive(at: Place, **given: Any) -> None:
    at.client("sqs").receive_message(QueueUrl=at.made["queue"], **given)


@sends("sqs:ReceiveMessage", "MaxNumberOfMessages", "messages")
def _(at: Place, size: int) -> None:
    _receive(at, MaxNumberOfMessages=size)


@sends("sqs:ReceiveMessage", "WaitTimeSeconds", "seconds")
def _(at: Place, size: int) -> None:
    _message(at)  # there is something, so that it need not wait
    _receive(at, WaitTimeSeconds=size)


@sends("sqs:ReceiveMessage", "VisibilityTimeout", "seconds")
def _(at: Place, size: int) -> None:
    _receive(at, VisibilityTimeout=size)


@sends("sqs:ChangeMessageVisibility", "VisibilityTimeout", "seconds")
def _(at: Place, size: int) -> None:
    _message(at)
    received = at.client("sqs").receive_message(QueueUrl=at.made["queue"], WaitTimeSeconds=5)["Messages"][0]
    at.client("sqs").change_message_visibility(
        QueueUrl=at.made["queue"], ReceiptHandle=received["ReceiptHandle"], VisibilityTimeout=size
    )


def _events(at: Place, *entries: dict[str, Any]) -> None:
    given = [{"Source": "tests", "DetailType": "made", "Detail": "{}", **one} for one in entries]
    answer = at.client("events").put_events(Entries=given)
    assert answer["FailedEntryCount"] == 0, answer


@sends("events:PutEvents", "Entries", "event_octets")
def _(at: Place, size: int) -> None:
    # two of them, together as long: source and type take 9 bytes, the quoted text 8 more
    halves = [size // 2, size - size // 2]
    _events(at, *({"Detail": json.dumps({"a": "x" * (half - 9 - 9)})} for half in halves))


@sends("events:PutEvents", "Entries[].DetailType", "characters")
def _(at: Place, size: int) -> None:
    _events(at, {"DetailType": "x" * size})


@sends("events:PutTargets", "Targets", "entries")
def _(at: Place, size: int) -> None:
    targets = [{"Id": f"t{number}", "Arn": at.made["queue_arn"]} for number in range(size)]
    at.client("events").put_targets(Rule=at.made["rule"].rpartition("/")[2], Targets=targets)


@sends("sns:Publish", "", "message_octets")
def _(at: Place, size: int) -> None:
    at.client("sns").publish(TopicArn=at.made["topic"], Message="x" * size)


@sends("sns:Publish", "Subject", "characters")
def _(at: Place, size: int) -> None:
    at.client("sns").publish(TopicArn=at.made["topic"], Message="m", Subject="x" * size)


@sends("stepfunctions:StartExecution", "input", "octets")
def _(at: Place, size: int) -> None:
    # fewer characters than bytes
    text = "é" + "x" * (size - 4)
    at.client("stepfunctions").start_execution(
        stateMachineArn=at.made["machine"], input=json.dumps(text, ensure_ascii=False)
    )


@sends("stepfunctions:StartExecution", "name", "wrong characters")
def _(at: Place, size: int) -> None:
    at.client("stepfunctions").start_execution(stateMachineArn=at.made["machine"], name="run" + ":" * size)


def _payload(size: int) -> bytes:
    return json.dumps({"pad": "x" * (size - len('{"pad": ""}'))}).encode()


@sends("lambda:Invoke", "", "bytes of payload")
def _(at: Place, size: int) -> None:
    answer = at.client("lambda").invoke(FunctionName=at.made["function"], Payload=_payload(size))
    assert "FunctionError" not in answer, answer["Payload"].read()


@sends("lambda:Invoke", "", "bytes of payload, asynchronously")
def _(at: Place, size: int) -> None:
    at.client("lambda").invoke(FunctionName=at.made["function"], Payload=_payload(size), InvocationType="Event")


def _object(at: Place, key: str, **given: Any) -> None:
    at.client("s3").put_object(Bucket=at.made["bucket"], Key=key, Body=b"", **given)


@sends("s3:PutObject", "Key", "octets")
def _(at: Place, size: int) -> None:
    _object(at, "x" * size)


@sends("s3:GetObject", "Key", "octets")
def _(at: Place, size: int) -> None:
    if size <= 1024:
        _object(at, "x" * size)
    at.client("s3").get_object(Bucket=at.made["bucket"], Key="x" * size)


@sends("s3:PutObject", "Metadata", "metadata_octets")
def _(at: Place, size: int) -> None:
    _object(at, "k", Metadata={"name": "x" * (size - 4)})


@sends("s3:DeleteObjects", "Delete.Objects", "entries")
def _(at: Place, size: int) -> None:
    objects = [{"Key": f"k{number}"} for number in range(size)]
    at.client("s3").delete_objects(Bucket=at.made["bucket"], Delete={"Objects": objects})


@sends("s3:DeleteObjects", "Delete.Objects[].Key", "octets")
def _(at: Place, size: int) -> None:
    at.client("s3").delete_objects(Bucket=at.made["bucket"], Delete={"Objects": [{"Key": "x" * size}]})


@sends("s3:PutBucketPolicy", "Policy", "octets")
def _(at: Place, size: int) -> None:
    statement = {"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject"}
    resource = f"arn:aws:s3:::{at.made['bucket']}/*"
    policy = json.dumps({"Version": "2012-10-17", "Statement": [{**statement, "Resource": resource}]})
    at.client("s3").put_bucket_policy(Bucket=at.made["bucket"], Policy=policy.ljust(size))
    at.client("s3").delete_bucket_policy(Bucket=at.made["bucket"])


@sends("logs:PutLogEvents", "logEvents", "log_octets")
def _(at: Place, size: int) -> None:
    logs = at.client("logs")
    logs.create_log_stream(logGroupName=at.made["logs"], logStreamName=str(size))
    events = [
        {"timestamp": 1_800_000_000_000, "message": "x" * length} for length in (size // 2 - 26, size - size // 2 - 26)
    ]
    logs.put_log_events(logGroupName=at.made["logs"], logStreamName=str(size), logEvents=events)


def _template(size: int) -> str:
    return json.dumps({"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}).ljust(size)


@sends("cloudformation:CreateStack", "TemplateBody", "octets")
def _(at: Place, size: int) -> None:
    at.client("cloudformation").create_stack(StackName=f"Template{size}", TemplateBody=_template(size))


@sends("cloudformation:CreateChangeSet", "TemplateBody", "octets")
def _(at: Place, size: int) -> None:
    at.client("cloudformation").create_change_set(
        StackName=f"Changed{size}", ChangeSetName="c", ChangeSetType="CREATE", TemplateBody=_template(size)
    )


def _job(**properties: Any) -> dict[str, Any]:
    command = {"Name": "glueetl", "ScriptLocation": "s3://scripts/job.py"}
    return {"Role": "arn:aws:iam::123456789012:role/limits", "Command": command, "GlueVersion": "5.1", **properties}


def _made_job(at: Place, **properties: Any) -> None:
    at.client("glue").delete_job(JobName="limits")
    at.client("glue").create_job(Name="limits", **_job(**properties))


@sends("glue:CreateJob", "Timeout", "minutes")
def _(at: Place, size: int) -> None:
    _made_job(at, Timeout=size)


@sends("glue:CreateJob", "MaxCapacity", "DPUs")
def _(at: Place, size: int) -> None:
    _made_job(at, MaxCapacity=size)


@sends("glue:CreateJob", "ExecutionProperty.MaxConcurrentRuns", "runs")
def _(at: Place, size: int) -> None:
    _made_job(at, ExecutionProperty={"MaxConcurrentRuns": size})


@sends("glue:UpdateJob", "JobUpdate.Timeout", "minutes")
def _(at: Place, size: int) -> None:
    _made_job(at)
    at.client("glue").update_job(JobName="limits", JobUpdate=_job(Timeout=size))


@sends("glue:UpdateJob", "JobUpdate.ExecutionProperty.MaxConcurrentRuns", "runs")
def _(at: Place, size: int) -> None:
    _made_job(at)
    at.client("glue").update_job(JobName="limits", JobUpdate=_job(ExecutionProperty={"MaxConcurrentRuns": size}))


@sends("glue:StartJobRun", "Timeout", "minutes")
def _(at: Place, size: int) -> None:
    _made_job(at)
    at.client("glue").start_job_run(JobName="limits", Timeout=size)


def _transform(at: Place, **properties: Any) -> None:
    sagemaker = at.client("sagemaker")
    try:
        sagemaker.describe_model(ModelName="limits")
    except ClientError:
        sagemaker.create_model(ModelName="limits", ExecutionRoleArn=at.made["role"], PrimaryContainer={"Image": "none"})
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://nothing/in/"}}
    sagemaker.create_transform_job(
        TransformJobName=f"limits-{uuid.uuid4().hex}",
        ModelName="limits",
        TransformInput={"DataSource": source},
        TransformOutput={"S3OutputPath": "s3://nothing/out/"},
        TransformResources={"InstanceType": "ml.m5.large", "InstanceCount": 1},
        **properties,
    )


@sends("sagemaker:CreateTransformJob", "MaxPayloadInMB", "MB")
def _(at: Place, size: int) -> None:
    _transform(at, MaxPayloadInMB=size)


@sends("sagemaker:CreateTransformJob", "", "MB of requests at once")
def _(at: Place, size: int) -> None:
    _transform(at, MaxPayloadInMB=1, MaxConcurrentTransforms=size)


@sends("s3:UploadPart", "PartNumber", "number")
def _(at: Place, size: int) -> None:
    place = {"Bucket": at.made["bucket"], "Key": "parts"}
    upload = at.client("s3").create_multipart_upload(**place)["UploadId"]
    at.client("s3").upload_part(**place, UploadId=upload, PartNumber=size, Body=b"a")
