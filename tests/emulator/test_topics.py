"""Event source mappings of Kafka topics, on a real broker: batches, partial failures, halves, retries, what is given up."""

from __future__ import annotations

import base64
import json
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from emulator.mappings.batches import Rules
from emulator.mappings.topics import TopicSource
from emulator.process import EmulatedAws
from tests.emulator.conftest import Deployed, attribute, function, received, ref, role, until
from tests.emulator.test_functions import invoke, layer

pytestmark = pytest.mark.engines
TELLS = """
import base64, boto3, json, os

def handler(event, context):
    records = [one for place in event['records'].values() for one in place]
    texts = [base64.b64decode(one['value']).decode() for one in records]
    assert len(records) <= int(os.environ['MOST'])
    if 'whole' in os.environ['FAILS'] and 'poison' in texts:
        raise RuntimeError('the whole batch')
    bad = [one for one, text in zip(records, texts) if text == 'poison' and os.environ['FAILS'] == 'partial']
    for text in texts:
        if text != 'poison':
            boto3.client('sqs').send_message(QueueUrl=os.environ['QUEUE'], MessageBody=text)
    return {'batchItemFailures': [{'itemIdentifier': {
        'partition': f"{one['topic']}-{one['partition']}", 'offset': one['offset']}} for one in bad]}
"""


@pytest.fixture(scope="module")
def cluster(aws: EmulatedAws) -> str:
    authentication = {"Sasl": {"Iam": {"Enabled": True}}}
    subnets = [one["SubnetId"] for one in aws.client("ec2").describe_subnets()["Subnets"][:2]]
    given = {"VpcConfigs": [{"SubnetIds": subnets}], "ClientAuthentication": authentication}
    return str(aws.client("kafka").create_cluster_v2(ClusterName="main", Serverless=given)["ClusterArn"])


def mapped(fails: str, cluster: str, topic: str, **properties: Any) -> dict[str, Any]:
    def part(kind: str, name: str) -> str:
        return f"{cluster.replace(':cluster/', f':{kind}/')}/{name}"

    variables = {"QUEUE": ref("Queue"), "MOST": "4", "FAILS": fails}
    return {
        "Queue": {"Type": "AWS::SQS::Queue"},
        "Given": {"Type": "AWS::S3::Bucket"},
        "Role": role(
            "lambda",
            (["kafka:DescribeClusterV2", "kafka:GetBootstrapBrokers", "kafka-cluster:Connect"], cluster),
            (["kafka-cluster:DescribeTopic", "kafka-cluster:ReadData"], part("topic", topic)),
            (["kafka-cluster:DescribeGroup", "kafka-cluster:AlterGroup"], part("group", topic)),
            ("sqs:SendMessage", attribute("Queue", "Arn")),
            ("s3:PutObject", {"Fn::Sub": "${Given.Arn}/*"}),
            ("s3:ListBucket", attribute("Given", "Arn")),
        ),
        "Function": function(TELLS, "Role", Environment={"Variables": variables}),
        "Mapping": {
            "Type": "AWS::Lambda::EventSourceMapping",
            "Properties": {
                "FunctionName": ref("Function"),
                "EventSourceArn": cluster,
                "Topics": [topic],
                "AmazonManagedKafkaEventSourceConfig": {"ConsumerGroupId": topic},
                "StartingPosition": "TRIM_HORIZON",
                "BatchSize": 4,
                "MaximumBatchingWindowInSeconds": 1,
                "ProvisionedPollerConfig": {"MinimumPollers": 1, "MaximumPollers": 2, "PollerGroupName": "tested"},
                "DestinationConfig": {"OnFailure": {"Destination": attribute("Given", "Arn")}},
                **properties,
            },
        },
    }


def produced(aws: EmulatedAws, cluster: str, topic: str, *texts: str) -> None:
    brokers = aws.client("kafka").get_bootstrap_brokers(ClusterArn=cluster)["BootstrapBrokerString"]
    admin = AdminClient({"bootstrap.servers": brokers})
    admin.create_topics([NewTopic(topic, 2, 1)])[topic].result(20)
    producer = Producer({"bootstrap.servers": brokers})
    for text in texts:
        producer.produce(topic, text.encode(), b"card", partition=0)
    assert producer.flush(20) == 0


def test_a_poison_record_is_tried_again_and_then_given_up_and_the_others_are_done(
    aws: EmulatedAws, deployed: Deployed, cluster: str
) -> None:
    produced(aws, cluster, "partial", "t1", "t2", "t3", "poison")
    rules = {"FunctionResponseTypes": ["ReportBatchItemFailures"], "MaximumRetryAttempts": 1}
    made = deployed(mapped("partial", cluster, "partial", **rules), {"queue": ref("Queue"), "given": ref("Given")})
    assert received(aws, made["queue"], 3) == ["t1", "t2", "t3"]
    given = until(lambda: aws.client("s3").list_objects_v2(Bucket=made["given"]).get("Contents"))
    body = json.loads(aws.client("s3").get_object(Bucket=made["given"], Key=given[0]["Key"])["Body"].read())
    assert body["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert body["requestContext"]["approximateInvokeCount"] == 2
    place = body["KafkaBatchInfo"]["recordsInfo"]["partial-0"]
    assert place == {"batchSize": 1, "firstRecordOffset": 3, "lastRecordOffset": 3}


def test_a_mapping_begins_at_its_moment_and_a_group_that_exists_goes_on_where_it_was(
    aws: EmulatedAws, cluster: str
) -> None:
    """Pages kafka-starting-positions and kafka-consumer-group-id."""
    brokers = aws.client("kafka").get_bootstrap_brokers(ClusterArn=cluster)["BootstrapBrokerString"]
    producer, begin_s = Producer({"bootstrap.servers": brokers}), time.time() - 60
    produced(aws, cluster, "moments")

    def send(text: str, at_s: float) -> None:
        producer.produce("moments", text.encode(), partition=0, timestamp=round(at_s * 1000))
        assert producer.flush(20) == 0

    def read_from(since_s: float) -> list[str]:
        rules = Rules(size=4, window_s=0)
        source = TopicSource(brokers, cluster, "moments", "moments", "AT_TIMESTAMP", rules, since_s=since_s)
        try:
            records = until(lambda: source.take(threading.Event()))
            source.done(records)
            time.sleep(1)  # which is acknowledged later
        finally:
            source.close()
        return [base64.b64decode(record.body["value"]).decode() for record in records]

    send("old", begin_s - 1)
    send("young", begin_s)
    assert read_from(begin_s) == ["young"]
    send("newest", begin_s)
    assert read_from(begin_s - 3600) == ["newest"]


def test_a_batch_that_fails_whole_is_halved_until_the_poison_is_alone(
    aws: EmulatedAws, deployed: Deployed, cluster: str
) -> None:
    produced(aws, cluster, "halved", "t1", "poison", "t2", "t3")
    made = deployed(
        mapped("whole", cluster, "halved", BisectBatchOnFunctionError=True, MaximumRetryAttempts=0),
        {"queue": ref("Queue"), "given": ref("Given")},
    )
    assert received(aws, made["queue"], 3) == ["t1", "t2", "t3"]
    (given,) = until(lambda: aws.client("s3").list_objects_v2(Bucket=made["given"]).get("Contents"))
    body = json.loads(aws.client("s3").get_object(Bucket=made["given"], Key=given["Key"])["Body"].read())
    assert body["KafkaBatchInfo"]["recordsInfo"]["halved-0"]["firstRecordOffset"] == 1


def test_without_provisioned_pollers_a_failed_batch_comes_again_whole_and_is_given_up_after_ten_times(
    aws: EmulatedAws, deployed: Deployed, cluster: str
) -> None:
    produced(aws, cluster, "demanded", "t1", "poison")
    resources = mapped("whole", cluster, "demanded")
    del resources["Mapping"]["Properties"]["ProvisionedPollerConfig"]
    made = deployed(resources, {"given": ref("Given")})
    (given,) = until(lambda: aws.client("s3").list_objects_v2(Bucket=made["given"]).get("Contents"), timeout_s=90)
    body = json.loads(aws.client("s3").get_object(Bucket=made["given"], Key=given["Key"])["Body"].read())
    assert body["requestContext"]["approximateInvokeCount"] == 11
    assert body["KafkaBatchInfo"]["recordsInfo"]["demanded-0"]["batchSize"] == 2


@pytest.mark.parametrize(
    ("pollers", "said", "why"),
    [
        ({}, {"MaximumRetryAttempts": 1}, "1 settings of error handling, which provisioned pollers alone take"),
        (
            {},
            {"FunctionResponseTypes": ["ReportBatchItemFailures"]},
            "1 settings of error handling, which provisioned pollers alone take",
        ),
        ({"MinimumPollers": 3, "MaximumPollers": 2}, {}, "1 pollers at least above at most; allowed: 0 to 0"),
        ({"MaximumPollers": 2001, "MinimumPollers": 1}, {}, "MaximumPollers: 2001 pollers; allowed: 1 to 2000"),
        ({"PollerGroupName": "no spaces"}, {}, "PollerGroupName: 'no spaces'; allowed"),
        (
            {"MaximumPollers": 2000, "PollerGroupName": "tested"},
            {},
            r"tested: \d+ mappings with 20\d\d pollers; allowed",
        ),
    ],
)
def test_a_mapping_with_pollers_that_lambda_refuses_is_not_made(
    aws: EmulatedAws, deployed: Deployed, cluster: str, pollers: Any, said: Any, why: str
) -> None:
    resources = mapped("none", cluster, "refused", **said)
    if pollers:
        resources["Mapping"]["Properties"]["ProvisionedPollerConfig"] = pollers
    else:
        del resources["Mapping"]["Properties"]["ProvisionedPollerConfig"]
    with pytest.raises(Exception, match=why):
        deployed(resources)


def test_a_mapping_whose_role_may_not_read_the_topic_is_not_made(
    aws: EmulatedAws, deployed: Deployed, cluster: str
) -> None:
    resources = mapped("none", cluster, "forbidden")
    statements = resources["Role"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
    statements[1]["Action"] = ["kafka-cluster:DescribeTopic"]
    with pytest.raises(Exception, match=r"perform: kafka-cluster:ReadData on resource: .*topic/main/.*/forbidden"):
        deployed(resources)


MAKES = """
import boto3, os
from confluent_kafka.admin import AdminClient, NewTopic

def handler(event, context):
    asked = boto3.client('kafka').get_bootstrap_brokers(ClusterArn=os.environ['CLUSTER'])
    admin = AdminClient({'bootstrap.servers': asked['BootstrapBrokerString']})
    admin.create_topics([NewTopic(event, 1, 1, config={'retention.ms': '1000'})])[event].result(20)
"""


def test_a_function_is_judged_by_the_topics_that_it_makes(
    aws: EmulatedAws, deployed: Deployed, cluster: str, tmp_path: Path
) -> None:
    client, asset = layer(tmp_path, "confluent_kafka")
    topic = f"{cluster.replace(':cluster/', ':topic/')}/allowed"
    variables = {"Variables": {"CLUSTER": cluster}}
    made = deployed(
        {
            "Role": role(
                "lambda",
                (["kafka:GetBootstrapBrokers", "kafka-cluster:Connect"], cluster),
                (["kafka-cluster:CreateTopic", "kafka-cluster:DescribeTopic"], topic),
            ),
            "Silent": role("lambda", ("kafka:GetBootstrapBrokers", cluster)),
            "Client": client,
            "Function": function(MAKES, "Role", Environment=variables, Layers=[ref("Client")]),
            "Unconnected": function(MAKES, "Silent", Environment=variables, Layers=[ref("Client")]),
        },
        {"name": ref("Function"), "unconnected": ref("Unconnected"), "role": ref("Role")},
        (asset,),
    )
    assert invoke(aws, made["name"], "allowed") == (None, None)
    answer, error = invoke(aws, made["name"], "other")
    assert error and "perform: kafka-cluster:CreateTopic on resource: " in answer["errorMessage"]
    assert answer["errorMessage"].split(" on resource: ")[1].startswith(topic.replace("allowed", "other"))
    used = next(row for row in aws.permissions() if row["role"] == made["role"])["used"]
    assert {call["action"].partition(":")[2] for call in used if call["resource"] == topic} == {
        "CreateTopic",
        "DescribeTopic",
    }
    answer, error = invoke(aws, made["unconnected"], "allowed")
    assert error and "perform: kafka-cluster:Connect" in answer["errorMessage"]


def test_a_mapping_whose_role_may_not_list_the_bucket_of_what_fails_is_not_made(
    aws: EmulatedAws, deployed: Deployed, cluster: str
) -> None:
    resources = mapped("none", cluster, "unlisted")
    resources["Role"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"].pop()
    with pytest.raises(Exception, match=r"perform: s3:ListBucket on resource: arn:aws:s3:::"):
        deployed(resources)


def test_a_mapping_with_a_setting_that_is_not_played_is_not_made(
    aws: EmulatedAws, deployed: Deployed, cluster: str
) -> None:
    with pytest.raises(Exception, match=r"Mapping.*FilterCriteria is not implemented here"):
        deployed(mapped("none", cluster, "filtered", FilterCriteria={"Filters": [{"Pattern": "{}"}]}))


def test_the_cluster_offers_plaintext_only(aws: EmulatedAws, cluster: str) -> None:
    brokers = aws.client("kafka").get_bootstrap_brokers(ClusterArn=cluster)
    assert set(brokers) - {"ResponseMetadata"} == {"BootstrapBrokerString"}
    assert aws.client("kafka").describe_cluster_v2(ClusterArn=cluster)["ClusterInfo"]["State"] == "ACTIVE"
