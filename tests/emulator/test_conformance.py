"""What AWS does and the emulator must do: custom resources, alarms, transactions, keys, secrets, stacks that need each other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.process import EmulatedAws
from local.assembly import Asset, read_assembly
from local.deployment import DeploymentError, deploy, outputs
from tests.emulator.conftest import Deployed, attribute, function, received, ref, role

ANSWERS = """
import json, urllib.request

def handler(event, context):
    if event['RequestType'] == 'Create' and event['ResourceProperties'].get('Fail'):
        raise RuntimeError('no topics today')
    answer = {'Status': 'SUCCESS', 'PhysicalResourceId': 'topics', 'StackId': event['StackId'],
              'RequestId': event['RequestId'], 'LogicalResourceId': event['LogicalResourceId'],
              'Data': {'Count': len(event['ResourceProperties']['Topics'])}}
    body = json.dumps(answer).encode()
    urllib.request.urlopen(urllib.request.Request(event['ResponseURL'], data=body, method='PUT'))
"""


def custom(**properties: Any) -> dict[str, Any]:
    return {
        "Role": role("lambda"),
        "Function": function(ANSWERS, "Role"),
        "Topics": {
            "Type": "Custom::Topics",
            "Properties": {
                "ServiceToken": attribute("Function", "Arn"),
                "ServiceTimeout": 20,
                "Topics": ["a", "b"],
                **properties,
            },
        },
    }


def test_a_custom_resource_answers_and_gives_attributes(deployed: Deployed) -> None:
    assert deployed(custom(), {"count": attribute("Topics", "Count")}) == {"count": "2"}


def test_a_custom_resource_that_raises_fails_its_stack_at_once(deployed: Deployed) -> None:
    with pytest.raises(DeploymentError, match=r"Topics.*no topics today"):
        deployed(custom(Fail="yes", ServiceTimeout=3600))


MEASURES = """
import json

def handler(event, context):
    metrics = [{'Namespace': 'CardFraud', 'Dimensions': [['service']], 'Metrics': [{'Name': 'Undecided', 'Unit': 'Count'}]}]
    print(json.dumps({'_aws': {'CloudWatchMetrics': metrics}, 'service': 'watch', 'Undecided': [2.0]}))
"""


def test_a_functions_metric_sets_off_an_alarm_which_tells_a_topic_and_a_queue(
    aws: EmulatedAws, deployed: Deployed
) -> None:
    sent = {
        "Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": "*"
    }  # fmt: skip
    made = deployed(
        {
            "Role": role("lambda"),
            "Function": function(MEASURES, "Role"),
            "Queue": {"Type": "AWS::SQS::Queue"},
            "Sent": {
                "Type": "AWS::SQS::QueuePolicy",
                "Properties": {
                    "Queues": [ref("Queue")],
                    "PolicyDocument": {"Version": "2012-10-17", "Statement": [sent]},
                },
            },
            "Topic": {"Type": "AWS::SNS::Topic"},
            "Subscription": {
                "Type": "AWS::SNS::Subscription",
                "Properties": {"TopicArn": ref("Topic"), "Protocol": "sqs", "Endpoint": attribute("Queue", "Arn")},
            },
            "Alarm": {
                "Type": "AWS::CloudWatch::Alarm",
                "Properties": {
                    "Namespace": "CardFraud",
                    "MetricName": "Undecided",
                    "Dimensions": [{"Name": "service", "Value": "watch"}],
                    "Statistic": "Sum",
                    "Period": 60,
                    "EvaluationPeriods": 1,
                    "Threshold": 1,
                    "ComparisonOperator": "GreaterThanOrEqualToThreshold",
                    "AlarmActions": [ref("Topic")],
                },
            },
        },
        {"queue": ref("Queue"), "alarm": ref("Alarm"), "function": ref("Function")},
    )
    aws.client("lambda").invoke(FunctionName=made["function"])
    (body,) = received(aws, made["queue"])
    told = json.loads(json.loads(body)["Message"])
    assert (told["AlarmName"], told["NewStateValue"]) == (made["alarm"], "ALARM")


TABLE = {
    "Type": "AWS::DynamoDB::Table",
    "Properties": {
        "KeySchema": [{"AttributeName": "transaction_id", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "transaction_id", "AttributeType": "S"}],
        "BillingMode": "PAY_PER_REQUEST",
        "StreamSpecification": {"StreamViewType": "NEW_IMAGE"},
    },
}


def test_a_transaction_is_cancelled_whole_and_says_which_condition_failed(aws: EmulatedAws, deployed: Deployed) -> None:
    table = deployed({"Table": TABLE}, {"name": ref("Table")})["name"]
    dynamodb = aws.client("dynamodb")

    def write(*ids: str) -> None:
        put = [
            {
                "Put": {
                    "TableName": table,
                    "Item": {"transaction_id": {"S": one}},
                    "ConditionExpression": "attribute_not_exists(transaction_id)",
                    "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
                }
            }
            for one in ids
        ]
        dynamodb.transact_write_items(TransactItems=put)

    write("t1")
    with pytest.raises(ClientError) as refused:
        write("t2", "t1", "t3")
    reasons = refused.value.response["CancellationReasons"]
    assert [one["Code"] for one in reasons] == ["None", "ConditionalCheckFailed", "None"]
    assert reasons[1]["Item"] == {"transaction_id": {"S": "t1"}}
    assert [item["transaction_id"]["S"] for item in dynamodb.scan(TableName=table)["Items"]] == ["t1"]
    write(*(f"many-{number}" for number in range(100)))


STREAMED = """
import boto3, json, os

def handler(event, context):
    keys = [(r['dynamodb']['SequenceNumber'], r['dynamodb']['NewImage']['transaction_id']['S']) for r in event['Records']]
    bad = [number for number, key in keys if key == 'poison']
    done = [key for number, key in keys if not bad or int(number) < int(min(bad, key=int))]
    for key in done:
        boto3.client('sqs').send_message(QueueUrl=os.environ['QUEUE'], MessageBody=key)
    return {'batchItemFailures': [{'itemIdentifier': one} for one in bad]}
"""


def test_a_tables_stream_is_delivered_in_order_and_a_poison_record_goes_to_the_destination(
    aws: EmulatedAws, deployed: Deployed
) -> None:
    read = ["dynamodb:DescribeStream", "dynamodb:GetShardIterator", "dynamodb:GetRecords"]
    queues = [attribute("Queue", "Arn"), attribute("Given", "Arn")]
    made = deployed(
        {
            "Queue": {"Type": "AWS::SQS::Queue"},
            "Given": {"Type": "AWS::SQS::Queue"},
            "Table": TABLE,
            "Role": role(
                "lambda",
                (read, attribute("Table", "StreamArn")),
                ("dynamodb:ListStreams", "*"),
                ("sqs:SendMessage", queues),
            ),
            "Function": function(STREAMED, "Role", Environment={"Variables": {"QUEUE": ref("Queue")}}),
            "Mapping": {
                "Type": "AWS::Lambda::EventSourceMapping",
                "Properties": {
                    "FunctionName": ref("Function"),
                    "EventSourceArn": attribute("Table", "StreamArn"),
                    "StartingPosition": "TRIM_HORIZON",
                    "BatchSize": 2,
                    "MaximumRetryAttempts": 1,
                    "FunctionResponseTypes": ["ReportBatchItemFailures"],
                    "DestinationConfig": {"OnFailure": {"Destination": attribute("Given", "Arn")}},
                },
            },
        },
        {"table": ref("Table"), "queue": ref("Queue"), "given": ref("Given")},
    )

    def put(*keys: str) -> None:
        for key in keys:
            aws.client("dynamodb").put_item(TableName=made["table"], Item={"transaction_id": {"S": key}})

    put("t1", "t2", "t3", "poison")
    (given,) = received(aws, made["given"])
    assert json.loads(given)["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert json.loads(given)["DDBStreamBatchInfo"]["batchSize"] == 1
    put("t4")
    assert sorted(received(aws, made["queue"], 4)) == ["t1", "t2", "t3", "t4"]


SECRET = "import boto3, os\ndef handler(event, context):\n    return boto3.client('secretsmanager').get_secret_value(SecretId=os.environ['SECRET'])['SecretString']\n"  # noqa: E501


@pytest.mark.parametrize("may_use_key", [True, False])
def test_a_secret_needs_its_key_too(aws: EmulatedAws, deployed: Deployed, may_use_key: bool) -> None:
    owner = {"Effect": "Allow", "Principal": {"AWS": {"Fn::Sub": "arn:aws:iam::${AWS::AccountId}:root"}}}
    policy = {"Version": "2012-10-17", "Statement": [{**owner, "Action": "kms:*", "Resource": "*"}]}
    used = [("kms:Decrypt", attribute("Key", "Arn"))] if may_use_key else []
    made = deployed(
        {
            "Key": {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": policy}},
            "Secret": {
                "Type": "AWS::SecretsManager::Secret",
                "Properties": {"SecretString": "k", "KmsKeyId": attribute("Key", "Arn")},
            },
            "Role": role("lambda", ("secretsmanager:GetSecretValue", ref("Secret")), *used),
            "Function": function(SECRET, "Role", Environment={"Variables": {"SECRET": ref("Secret")}}),
        },
        {"name": ref("Function"), "key": attribute("Key", "Arn")},
    )
    answer = json.loads(aws.client("lambda").invoke(FunctionName=made["name"])["Payload"].read())
    if may_use_key:
        assert answer == "k"
    else:
        assert f"kms:Decrypt on resource: {made['key']}" in answer["errorMessage"]


def test_a_synthesized_folder_is_deployed_with_its_assets_and_what_stacks_give_each_other(
    aws: EmulatedAws, tmp_path: Path
) -> None:
    bucket = "cdk-hnb659fds-assets-${AWS::AccountId}-${AWS::Region}"
    code = tmp_path / "asset.code"
    code.mkdir()
    (code / "index.py").write_text("import os\ndef handler(event, context):\n    return os.environ['TABLE']\n")
    place = {"here": {"bucketName": bucket, "objectKey": "code.zip"}}
    asset = {"source": {"path": "asset.code", "packaging": "zip"}, "destinations": place}
    function_ = function("", "Role", Environment={"Variables": {"TABLE": {"Fn::ImportValue": "TableName"}}})
    function_["Properties"]["Code"] = {"S3Bucket": {"Fn::Sub": bucket}, "S3Key": "code.zip"}
    version = {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/cdk-bootstrap/hnb659fds/version"}
    exported = {"Table": {"Value": ref("Table"), "Export": {"Name": "TableName"}}}
    files = {
        "Data.json": {"Parameters": {"BootstrapVersion": version}, "Resources": {"Table": TABLE}, "Outputs": exported},
        "Streaming.json": {
            "Resources": {"Role": role("lambda"), "Function": function_},
            "Outputs": {"Name": {"Value": ref("Function")}},
        },
        "Streaming.assets.json": {"files": {"code": asset}},
        "manifest.json": {
            "artifacts": {
                "Streaming.assets": {"type": "cdk:asset-manifest", "properties": {"file": "Streaming.assets.json"}},
                "Streaming": {
                    "type": "aws:cloudformation:stack",
                    "properties": {"templateFile": "Streaming.json", "stackName": "Synth-Streaming"},
                    "dependencies": ["Data", "Streaming.assets"],
                },
                "Data": {
                    "type": "aws:cloudformation:stack",
                    "properties": {"templateFile": "Data.json", "stackName": "Synth-Data"},
                },
            }
        },
    }
    for name, content in files.items():
        (tmp_path / name).write_text(json.dumps(content))
    stacks = read_assembly(tmp_path)
    assert [stack.name for stack in stacks] == ["Synth-Data", "Synth-Streaming"]
    deploy(stacks, aws.client)
    name = outputs(aws.client, "Synth-Streaming")["Name"]
    table = json.loads(aws.client("lambda").invoke(FunctionName=name)["Payload"].read())
    assert table == outputs(aws.client, "Synth-Data")["Table"]
    deploy(stacks, aws.client)  # nothing has changed: it stays as it is
    assert outputs(aws.client, "Synth-Streaming")["Name"] == name


def test_an_asset_is_the_same_bytes_each_time(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("a = 1\n")
    first = Asset(tmp_path, "b", "k").body()
    (tmp_path / "a.py").touch()
    assert Asset(tmp_path, "b", "k").body() == first


def test_a_type_that_is_not_known_fails_before_anything_is_made(aws: EmulatedAws, deployed: Deployed) -> None:
    before = len(aws.client("sqs").list_queues().get("QueueUrls", []))
    with pytest.raises(ClientError, match="AWS::Braket::Device"):
        deployed({"Queue": {"Type": "AWS::SQS::Queue"}, "Odd": {"Type": "AWS::Braket::Device"}})
    assert len(aws.client("sqs").list_queues().get("QueueUrls", [])) == before


def test_an_operation_that_is_not_implemented_answers_501(aws: EmulatedAws) -> None:
    with pytest.raises(ClientError) as refused:
        aws.client("sagemaker").create_auto_ml_job_v2(
            AutoMLJobName="a",
            AutoMLJobInputDataConfig=[{"ChannelType": "training"}],
            OutputDataConfig={"S3OutputPath": "s3://a/b"},
            AutoMLProblemTypeConfig={"TabularJobConfig": {"TargetAttributeName": "y"}},
            RoleArn="arn:aws:iam::123456789012:role/none-such-role",
        )
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
