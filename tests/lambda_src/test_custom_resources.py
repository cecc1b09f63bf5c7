"""`create_topics`, `first_model`, `place_file`, `start_stream`: what CloudFormation asks, what is done, and what is answered."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from concurrent.futures import Future
from types import SimpleNamespace
from urllib.parse import parse_qs, urlparse

import pytest
from confluent_kafka import KafkaError, KafkaException

from lambda_src.ports import clients
from lambda_src.ports.kafka_topics import TopicError, TopicRequest, admin_settings, ensure_topics, iam_token
from samples.lambda_context import CONTEXT, Context
from tests.lambda_src.cloudformation import request


class Cluster:
    """Kafka's admin client over topics in memory: {name: (partitions, config)}."""

    def __init__(self, **topics):
        self.topics, self.polled = {name: (count, {}) for name, count in topics.items()}, 0

    def poll(self, _):
        self.polled += 1

    def list_topics(self, timeout):
        shown = {name: SimpleNamespace(partitions=range(count)) for name, (count, _) in self.topics.items()}
        return SimpleNamespace(topics=shown)

    def create_topics(self, topics, operation_timeout):
        for topic in topics:
            self.topics[topic.topic] = (topic.num_partitions, dict(topic.config))
        return {topic.topic: done() for topic in topics}

    def delete_topics(self, names, operation_timeout):
        for name in names:
            del self.topics[name]
        return {name: done() for name in names}

    def create_partitions(self, grown, operation_timeout):
        for each in grown:
            self.topics[each.topic] = (each.new_total_count, self.topics[each.topic][1])
        return {each.topic: done() for each in grown}

    def incremental_alter_configs(self, resources):
        for each in resources:
            for entry in each.incremental_configs:
                self.topics[each.name][1][entry.name] = entry.value
        return {each.name: done() for each in resources}


def done(error=None):
    future = Future()
    future.set_exception(error) if error else future.set_result(None)
    return future


STAMPED = {"message.timestamp.type": "LogAppendTime"}
WANTED = [{"Name": "transactions", "Partitions": "4", "Config": STAMPED}, {"Name": "quarantine", "Partitions": "1"}]


@pytest.fixture
def create(load, monkeypatch):
    """The function, with a cluster in memory in place of a real one."""
    function = load("create_topics")
    cluster = Cluster()
    monkeypatch.setattr(function, "AdminClient", lambda settings: cluster)
    brokers = {"BootstrapBrokerString": "127.0.0.1:9092", "ResponseMetadata": {}}
    monkeypatch.setattr(function.kafka, "get_bootstrap_brokers", lambda ClusterArn: brokers)  # noqa: N803
    return function, cluster


def test_topics_are_made_and_the_brokers_told(create, answers):
    function, cluster = create
    function.handler(request("Create", answers, Topics=WANTED), CONTEXT)
    assert cluster.topics == {"transactions": (4, STAMPED), "quarantine": (1, {})}
    [(content_type, answer)] = answers[1]
    assert content_type == ""
    assert answer["Status"] == "SUCCESS"
    assert answer["Data"] == {"BootstrapServers": "127.0.0.1:9092"}
    assert (answer["PhysicalResourceId"], answer["LogicalResourceId"]) == ("topics", "Topics")


@pytest.mark.parametrize("text", ["x" * 100_000, "\U0001f600" * 5_000, '"' * 9_000])
def test_an_answer_is_never_longer_than_cloudformation_takes(create, answers, monkeypatch, text):
    # page crpg-ref-responses: "The total size of the response body can't exceed 4096 bytes"
    function, _ = create

    def fail(**_):
        raise ValueError(text)

    monkeypatch.setattr(function.kafka, "get_bootstrap_brokers", fail)
    function.handler(request("Create", answers, Topics=WANTED), CONTEXT)
    answer = answers.last()
    assert answer["Status"] == "FAILED"
    assert answer["Reason"].startswith(f"ValueError: {text[:100]}")
    assert len(json.dumps(answer)) <= 4_096


@pytest.mark.parametrize(
    ("topics", "problem"),
    [
        (None, "Topics: missing; allowed: a list"),
        ([{"Partitions": "1"}], "Topics[0]: Name: missing"),
        ([WANTED[0], {"Name": "a", "Partitions": "four"}], "Topics[1]: Partitions: 'four'; allowed: a whole number"),
        (["transactions"], "Topics[0]: a str; allowed: Name, Partitions, Config"),
    ],
)
def test_what_is_no_topic_is_told(create, answers, topics, problem):
    function, cluster = create
    function.handler(request("Create", answers, **({} if topics is None else {"Topics": topics})), CONTEXT)
    assert answers.last()["Status"] == "FAILED"
    assert problem in answers.last()["Reason"]
    assert cluster.topics == {}


def test_the_same_request_again_changes_nothing_and_an_update_adds(create, answers):
    function, cluster = create
    for _ in range(2):
        function.handler(request("Create", answers, Topics=WANTED), CONTEXT)
    assert cluster.topics["transactions"] == (4, STAMPED)
    more = [{"Name": "transactions", "Partitions": "6", "Config": STAMPED | {"retention.ms": "1000"}}]
    function.handler(request("Update", answers, Topics=more), CONTEXT)
    assert cluster.topics["transactions"] == (6, STAMPED | {"retention.ms": "1000"})
    assert "quarantine" in cluster.topics
    assert [answer["Status"] for _, answer in answers[1]] == ["SUCCESS"] * 3


def test_fewer_partitions_are_refused_with_a_sentence_and_nothing_is_changed(create, answers):
    function, cluster = create
    cluster.topics["transactions"] = (8, {})
    function.handler(request("Update", answers, Topics=WANTED), CONTEXT)
    [(_, answer)] = answers[1]
    assert answer["Status"] == "FAILED"
    assert "transactions has 8 partitions, 4 are asked for; allowed: as many or more" in answer["Reason"]
    assert cluster.topics == {"transactions": (8, {})}


def test_deleting_leaves_the_topics(create, answers):
    function, cluster = create
    cluster.topics["transactions"] = (4, {})
    function.handler(request("Delete", answers, Topics=WANTED), CONTEXT)
    assert (answers[1][0][1]["Status"], cluster.topics.keys()) == ("SUCCESS", {"transactions"})


@pytest.mark.parametrize("there", [True, False])
def test_topics_that_go_with_their_resource_are_deleted(create, answers, there):
    function, cluster = create
    cluster.topics["other"] = (4, {})
    if there:
        cluster.topics["transactions"] = (4, {})
    function.handler(request("Delete", answers, Topics=WANTED, Deleted="true"), CONTEXT)
    assert (answers.last()["Status"], cluster.topics.keys()) == ("SUCCESS", {"other"})


def test_a_cluster_that_does_not_answer_fails_the_deployment(create, answers, monkeypatch):
    function, cluster = create
    refusal = KafkaException(KafkaError(KafkaError._TRANSPORT))
    monkeypatch.setattr(cluster, "create_topics", lambda topics, operation_timeout: {"transactions": done(refusal)})
    function.handler(request("Create", answers, Topics=WANTED), CONTEXT)
    assert answers[1][0][1]["Status"] == "FAILED"


def test_a_cluster_that_does_not_know_the_role_yet_is_asked_again(create, answers, monkeypatch):
    function, cluster = create
    monkeypatch.setattr("time.sleep", lambda _: None)
    refusals, listed = [KafkaException(KafkaError(KafkaError._AUTHENTICATION))] * 3, cluster.list_topics

    def list_topics(timeout):
        if refusals:
            raise refusals.pop()
        return listed(timeout)

    monkeypatch.setattr(cluster, "list_topics", list_topics)
    function.handler(request("Create", answers, Topics=WANTED), CONTEXT)
    assert (answers.last()["Status"], set(cluster.topics)) == ("SUCCESS", {"transactions", "quarantine"})


def test_a_cluster_that_never_knows_the_role_fails_the_deployment(create, answers, monkeypatch):
    function, cluster = create
    monkeypatch.setattr("lambda_src.ports.kafka_topics.ANSWER_WITHIN_S", 0.05)
    monkeypatch.setattr("lambda_src.ports.kafka_topics.PAUSE_S", 0.01)

    def list_topics(timeout):
        raise KafkaException(KafkaError(KafkaError._AUTHENTICATION))

    monkeypatch.setattr(cluster, "list_topics", list_topics)
    function.handler(request("Create", answers, Topics=WANTED), CONTEXT)
    assert answers.last()["Status"] == "FAILED"


def test_a_topic_that_another_made_meanwhile_is_no_error(monkeypatch):
    cluster = Cluster()
    exists = KafkaException(KafkaError(KafkaError.TOPIC_ALREADY_EXISTS))
    monkeypatch.setattr(cluster, "create_topics", lambda topics, operation_timeout: {"t": done(exists)})
    ensure_topics(cluster, [TopicRequest(name="t", partitions=1)])


def test_the_clusters_own_way_in_is_taken(aws):
    signed = admin_settings(
        {"BootstrapBrokerStringSaslIam": "b-1:9098", "BootstrapBrokerString": "b-1:9092"}, clients.session
    )
    assert (signed["bootstrap.servers"], signed["security.protocol"]) == ("b-1:9098", "SASL_SSL")
    with pytest.raises(TopicError, match="BootstrapBrokerStringTls; known here: IAM and plaintext"):
        admin_settings({"BootstrapBrokerStringTls": "b-1:9094"}, clients.session)


def test_the_token_is_a_signed_request_to_connect(aws):
    token, expires = iam_token(clients.session)
    url = urlparse(urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode())
    query = {name: values[0] for name, values in parse_qs(url.query).items()}
    assert (url.scheme, url.netloc) == ("https", "kafka.eu-west-1.amazonaws.com")
    assert (query["Action"], query["X-Amz-Expires"]) == ("kafka-cluster:Connect", "900")
    assert "/eu-west-1/kafka-cluster/aws4_request" in query["X-Amz-Credential"]
    assert len(query["X-Amz-Signature"]) == 64
    assert expires > 1_700_000_000


class Application:
    """A stream application that goes through these statuses, one at each look; the last stays."""

    def __init__(self, *statuses, not_found):
        self.statuses, self.not_found, self.done = list(statuses), not_found, []

    def describe(self, ApplicationName):  # noqa: N803
        if not self.statuses:
            raise self.not_found({"Error": {"Code": "ResourceNotFoundException"}}, "DescribeApplication")
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        return {"ApplicationDetail": {"ApplicationStatus": status, "ApplicationDescription": "no such topic"}}

    def act(self, what):
        return lambda **given: self.done.append((what, given))


START, STOP = ("start", {"ApplicationName": "stream"}), ("stop", {"ApplicationName": "stream", "Force": True})


@pytest.fixture
def start(load, answers, monkeypatch):
    """Has the function process a request for an application of these statuses; what it did, and its answer."""
    function = load("start_stream")
    monkeypatch.setattr("time.sleep", lambda _: None)

    def of(kind, *statuses):
        application = Application(*statuses, not_found=function.analytics.exceptions.ResourceNotFoundException)
        monkeypatch.setattr(function.analytics, "describe_application", application.describe)
        monkeypatch.setattr(function.analytics, "start_application", application.act("start"))
        monkeypatch.setattr(function.analytics, "stop_application", application.act("stop"))
        function.handler(request(kind, answers, ApplicationName="stream"), Context(looks=10))
        return application.done, answers.last()

    return of


@pytest.mark.parametrize(
    ("kind", "statuses", "done"),
    [
        ("Create", ["READY", "STARTING", "RUNNING"], [START]),
        ("Update", ["RUNNING"], []),
        ("Update", ["UPDATING", "UPDATING", "RUNNING"], []),
        ("Delete", ["RUNNING", "FORCE_STOPPING", "READY"], [STOP]),
        ("Delete", ["STARTING", "FORCE_STOPPING", "READY"], [STOP]),
        ("Delete", ["STOPPING", "STOPPING", "READY"], []),
        ("Delete", ["READY"], []),
        ("Delete", [], []),
    ],
)
def test_the_stream_runs_or_has_stopped_when_the_answer_comes(start, kind, statuses, done):
    did, answer = start(kind, *statuses)
    assert (did, answer["Status"]) == (done, "SUCCESS")


@pytest.mark.parametrize(
    ("kind", "statuses", "why"),
    [
        ("Create", [], "ResourceNotFoundException"),
        ("Create", ["READY", "STARTING", "READY"], "stream is READY, not RUNNING: no such topic"),
        ("Create", ["READY", "STARTING"], "stream is still STARTING, not RUNNING"),
        ("Delete", ["RUNNING", "FORCE_STOPPING"], "stream is still FORCE_STOPPING, not READY"),
        ("Delete", ["RUNNING", "DELETING"], "stream is DELETING, not READY"),
    ],
)
def test_a_stream_that_does_not_run_or_does_not_stop_fails_the_deployment(start, kind, statuses, why):
    answer = start(kind, *statuses)[1]
    assert answer["Status"] == "FAILED"
    assert why in answer["Reason"]


@pytest.fixture
def first_model(load, aws, answers):
    """Has the function process a request for a release's archive of this name; what the models' bucket then holds."""
    s3 = aws.client("s3")
    for bucket in ("assets", "models"):
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    for release in (b"1", b"2"):
        s3.put_object(Bucket="assets", Key=f"{release.decode()}.gz", Body=release)
    function = load("first_model")

    def of(kind, archive):
        given = {"From": {"Bucket": "assets", "Key": archive}, "To": {"Bucket": "models", "Key": "first/model.tar.gz"}}
        function.handler(request(kind, answers, **given), CONTEXT)
        kept = s3.list_objects_v2(Bucket="models").get("Contents", [])
        return {one["Key"]: s3.get_object(Bucket="models", Key=one["Key"])["Body"].read() for one in kept}

    return of


def test_the_first_model_stays_what_it_was_when_the_endpoint_was_made(first_model, answers):
    kept = {"first/model.tar.gz": b"1"}
    assert first_model("Create", "1.gz") == kept
    made = answers.last()
    assert made["Status"] == "SUCCESS"
    for kind in ("Update", "Delete"):
        assert first_model(kind, "2.gz") == kept
        assert answers.last() == made


def test_a_file_is_placed_with_each_release_and_stays(load, aws, answers):
    s3 = aws.client("s3")
    for bucket in ("assets", "batch"):
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_object(Bucket="assets", Key="1.zip", Body=b"1")
    function = load("place_file")
    for kind, key in (("Create", "code/1.gluewheels.zip"), ("Update", "code/2.gluewheels.zip"), ("Delete", "code/3")):
        given = {"From": {"Bucket": "assets", "Key": "1.zip"}, "To": {"Bucket": "batch", "Key": key}}
        function.handler(request(kind, answers, **given), CONTEXT)
        assert answers.last()["Status"] == "SUCCESS"
    placed = [one["Key"] for one in s3.list_objects_v2(Bucket="batch")["Contents"]]
    assert placed == ["code/1.gluewheels.zip", "code/2.gluewheels.zip"]


def test_a_first_model_that_is_not_there_fails_the_deployment(first_model, answers):
    assert first_model("Create", "3.gz") == {}
    assert answers.last()["Status"] == "FAILED"
    assert "NoSuchKey" in answers.last()["Reason"]
