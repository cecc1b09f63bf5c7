"""The application, standing on the emulated AWS: where its parts are, by its stacks' outputs, and what is done with them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from boto3.dynamodb.types import TypeDeserializer
from confluent_kafka import ConsumerGroupTopicPartitions
from confluent_kafka.admin import AdminClient

from engines.waiting import wait_until
from fraud.label import FIELDS as LABEL_FIELDS
from fraud.label import Label, as_label
from local.deployment import Client, outputs, resources
from local.topic_contents import topic_ends

STACKS = ("Data", "Features", "Serving", "Streaming", "Labels", "Training", "Synthesis", "Api", "Batch", "Monitoring")
_NUMBERS = ("amount_cents", "trans_time", "decided_at")
_OPTIONAL = ("score", "model_version", "why")
_POLL_S = 0.3


class ApplicationError(RuntimeError):
    """Something of the application did not do its work; the text says what."""


@dataclass(frozen=True)
class RegisteredModel:
    """A model of the registry.

    Attributes:
        archive: `model.tar.gz`, as the training job left it.
        metadata: what it was registered with.
    """

    archive: bytes
    metadata: dict[str, str]


class Application:
    """The application's parts.

    Args:
        client: makes clients of the AWS that it stands on.
        prefix: of its stacks' names.
        stacks: those that stand, where not all do.
    """

    def __init__(self, client: Client, prefix: str = "CardFraud-Dev", stacks: Iterable[str] = STACKS) -> None:
        self._client, self._prefix = client, prefix
        self.outputs = {name: value for stack in stacks for name, value in outputs(client, f"{prefix}-{stack}").items()}
        self._s3, self._states, self._table = client("s3"), client("stepfunctions"), client("dynamodb")

    @property
    def client(self) -> Client:
        """Makes clients of the AWS that it stands on."""
        return self._client

    @property
    def brokers(self) -> str:
        """HOST:PORT of the Kafka cluster."""
        return self.outputs["BootstrapServers"]

    @property
    def features_topic(self) -> str:
        """The topic that the stream job writes."""
        return self.outputs["FeaturesTopic"]

    def readers(self) -> list[str]:
        """The consumer groups that read the stream job's topic for functions."""
        version = self.features_topic.rpartition("-")[2]
        made = resources(self._client, f"{self._prefix}-Streaming")
        begin = next(known for name, (_, known) in made.items() if name.startswith(f"StreamCaughtUp{version}Last"))
        return [f"function-{name}-{version}-{begin.rpartition('-')[2]}" for name in ("decide", "ingest_features")]

    @property
    def card_token_key(self) -> bytes:
        """The secret that card tokens are made with."""
        secret = self.outputs["CardTokenKeySecret"]
        return str(self._client("secretsmanager").get_secret_value(SecretId=secret)["SecretString"]).encode()

    def set_card_token_key(self, secret: str) -> None:
        """Gives the application the secret that a history's tokens were made with; with another, no card would be known."""
        self._client("secretsmanager").put_secret_value(
            SecretId=self.outputs["CardTokenKeySecret"], SecretString=secret
        )

    def put(self, bucket: str, key: str, body: bytes) -> None:
        """An object into one of the buckets, by its output's name, as `CuratedBucket`."""
        self._s3.put_object(Bucket=self.outputs[bucket], Key=key, Body=body)

    def get(self, bucket: str, key: str) -> bytes:
        """An object of a bucket."""
        return bytes(self._s3.get_object(Bucket=self.outputs[bucket], Key=key)["Body"].read())

    def keys(self, bucket: str, prefix: str) -> list[str]:
        """The keys under a prefix."""
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self.outputs[bucket], Prefix=prefix)
        return [found["Key"] for page in pages for found in page.get("Contents", [])]

    def register(self, model_url: str, image: str, metadata: Mapping[str, str]) -> None:
        """Registers a model as approved: the newest approved one of the registry is the champion.

        Args:
            model_url: of its archive.
            image: of the container that serves it.
            metadata: as `lambda_src.ports.model_registry.registered_metadata` gives it.
        """
        # the service takes 1 to 50 properties, or none at all (page API_CreateModelPackage)
        properties = {"CustomerMetadataProperties": dict(metadata)} if metadata else {}
        self._client("sagemaker").create_model_package(
            **properties,
            ModelPackageGroupName=self.outputs["ModelRegistry"],
            ModelApprovalStatus="Approved",
            InferenceSpecification={
                "Containers": [{"Image": image, "ModelDataUrl": model_url}],
                "SupportedContentTypes": [
                    "application/json",
                    "text/csv",
                    "application/x-npy",
                    "application/x-named-npy",
                ],
                "SupportedResponseMIMETypes": ["application/json", "text/csv"],
            },
        )

    def champion(self) -> RegisteredModel:
        """The newest approved model of the registry.

        Raises:
            ApplicationError: none is.
        """
        sagemaker, group = self._client("sagemaker"), self.outputs["ModelRegistry"]
        approved = sagemaker.list_model_packages(
            ModelPackageGroupName=group, ModelApprovalStatus="Approved", SortBy="CreationTime", SortOrder="Descending"
        )["ModelPackageSummaryList"]
        if not approved:
            raise ApplicationError(f"{group}: no model is approved")
        found = sagemaker.describe_model_package(ModelPackageName=approved[0]["ModelPackageArn"])
        url = urlsplit(found["InferenceSpecification"]["Containers"][0]["ModelDataUrl"])
        archive = self._s3.get_object(Bucket=url.netloc, Key=url.path.lstrip("/"))["Body"].read()
        return RegisteredModel(archive, found["CustomerMetadataProperties"])

    def start(self, machine: str, given: dict[str, Any]) -> str:
        """Starts a state machine, by its output's name; the execution's ARN."""
        started = self._states.start_execution(stateMachineArn=self.outputs[machine], input=json.dumps(given))
        return str(started["executionArn"])

    def started_by_event(self, machine: str, timeout_s: float = 30) -> str:
        """The execution that an event has started.

        Raises:
            ApplicationError: none was.
        """
        found = wait_until(
            lambda: self._states.list_executions(stateMachineArn=self.outputs[machine])["executions"],
            timeout_s,
            lambda: ApplicationError(f"{machine}: no event has started it in {timeout_s:g} s"),
            every_s=_POLL_S,
        )
        return str(found[0]["executionArn"])

    def wait(self, execution: str, timeout_s: float = 900) -> Any:
        """An execution's output, once it has ended.

        Raises:
            ApplicationError: it failed; the text holds the cause.
        """

        def ended() -> dict[str, Any] | None:
            found: dict[str, Any] = self._states.describe_execution(executionArn=execution)
            return None if found["status"] == "RUNNING" else found

        def late() -> ApplicationError:
            return ApplicationError(f"{execution} had not ended after {timeout_s:g} s")

        found = wait_until(ended, timeout_s, late, every_s=_POLL_S)
        if found["status"] != "SUCCEEDED":
            why = f"{found.get('error', '')}: {found.get('cause', '')}"
            raise ApplicationError(f"{execution.split(':')[-2]} {found['status']}: {why}")
        return json.loads(found["output"])

    def steps(self, execution: str) -> list[str]:
        """The names of the states that an execution has entered, in order."""
        pages = self._states.get_paginator("get_execution_history").paginate(executionArn=execution)
        events = (one for page in pages for one in page["events"])
        return [one["stateEnteredEventDetails"]["name"] for one in events if "stateEnteredEventDetails" in one]

    def lag(self, group: str, topic: str) -> int:
        """How many records of a topic a consumer group has yet to work off."""
        admin = AdminClient({"bootstrap.servers": self.brokers})
        asked = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)])
        places = asked[group].result(30).topic_partitions or []
        done = {place.partition: max(place.offset, 0) for place in places if place.topic == topic}
        return sum(end - done.get(number, 0) for number, end in topic_ends(self.brokers, topic).items())

    def dead_letters(self) -> dict[str, int]:
        """{queue or bucket: messages or batches that were given up}. A queue without dead letters of its own holds others'."""
        sqs = self._client("sqs")
        found = {}
        for url in sqs.list_queues().get("QueueUrls", []):
            told = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
            if "RedrivePolicy" not in told:
                found[url.rsplit("/", 1)[-1]] = int(told["ApproximateNumberOfMessages"])
        found[self.outputs["ArchiveBucket"]] = len(self.keys("ArchiveBucket", "aws/lambda/"))
        return {name: count for name, count in found.items() if count}

    def decisions(self) -> Iterator[dict[str, Any]]:
        """Every decision, a row each, with the columns of `fraud.decision.Decision` and the whole of it as JSON."""
        pages = self._table.get_paginator("scan").paginate(TableName=self.outputs["DecisionsTable"])
        for page in pages:
            yield from map(_row, page["Items"])

    def decision(self, transaction_id: str) -> dict[str, Any] | None:
        """One decision as `decisions` gives them; None if the table has none of that id."""
        table, key = self.outputs["DecisionsTable"], {"transaction_id": {"S": transaction_id}}
        item = self._table.get_item(TableName=table, Key=key, ConsistentRead=True).get("Item")
        return None if item is None else _row(item)

    def labels(self, transaction_id: str) -> list[Label]:
        """The labels of a transaction, the first that became known first; the last one counts."""
        pages = (
            self._client("dynamodb")
            .get_paginator("query")
            .paginate(
                TableName=self.outputs["LabelsTable"],
                KeyConditionExpression="transaction_id = :id",
                ExpressionAttributeValues={":id": {"S": transaction_id}},
                ConsistentRead=True,
            )
        )
        read = TypeDeserializer().deserialize
        items = [item for page in pages for item in page["Items"]]
        found = [
            as_label({name: read(value) for name, value in item.items() if name in LABEL_FIELDS}) for item in items
        ]
        return sorted(found, key=lambda label: label.order)

    def function(self, name: str) -> dict[str, Any]:
        """The configuration of a function of stack Streaming, by its name as `decide`."""
        pages = self._client("cloudformation").get_paginator("list_stack_resources")
        made = (
            one
            for page in pages.paginate(StackName=f"{self._prefix}-Streaming")
            for one in page["StackResourceSummaries"]
        )
        wanted = f"Functions{''.join(part.capitalize() for part in name.split('_'))}"
        for one in made:
            if one["ResourceType"] == "AWS::Lambda::Function" and one["LogicalResourceId"].startswith(wanted):
                found = self._client("lambda").get_function_configuration(FunctionName=one["PhysicalResourceId"])
                return dict(found)
        raise ApplicationError(f"{self._prefix}-Streaming has no function {name}")

    def feed(self) -> DecisionFeed:
        """The decisions from now on, as they are made."""
        return DecisionFeed(self._client("dynamodbstreams"), self._stream())

    def _stream(self) -> str:
        table = self._table.describe_table(TableName=self.outputs["DecisionsTable"])["Table"]
        return str(table["LatestStreamArn"])


class DecisionFeed:
    """New decisions, from the stream of their table."""

    def __init__(self, client: Any, stream: str) -> None:
        self._client = client
        (shard, *_) = client.describe_stream(StreamArn=stream)["StreamDescription"]["Shards"]
        place = {"StreamArn": stream, "ShardId": shard["ShardId"], "ShardIteratorType": "LATEST"}
        self._iterator = client.get_shard_iterator(**place)["ShardIterator"]

    def read(self) -> list[dict[str, Any]]:
        """Those since the last call, oldest first; a thousand at most.

        Raises:
            ApplicationError: a decision that stood was replaced.
        """
        answer = self._client.get_records(ShardIterator=self._iterator, Limit=1000)
        self._iterator = answer["NextShardIterator"]
        for one in answer["Records"]:
            if one["eventName"] == "MODIFY":
                raise ApplicationError(f"{one['dynamodb']['Keys']['transaction_id']['S']} was decided a second time")
        return [_row(one["dynamodb"]["NewImage"]) for one in answer["Records"] if one["eventName"] == "INSERT"]


def _row(item: dict[str, Any]) -> dict[str, Any]:
    read = TypeDeserializer().deserialize
    row = {name: read(value) for name, value in item.items()}
    score = row.get("score")
    numbers = {name: int(row[name]) for name in _NUMBERS}
    return {**dict.fromkeys(_OPTIONAL), **row, **numbers, "score": None if score is None else float(score)}
