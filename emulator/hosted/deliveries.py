"""Event source mappings, from the template to the threads that read and deliver. Queues stay with the emulator's own poller."""

from __future__ import annotations

import datetime
import json
import logging
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from botocore.exceptions import ClientError

from emulator.account import arn
from emulator.clients import Clients
from emulator.errors import AccessDeniedError
from emulator.hosted import ministack
from emulator.hosted.streams import TableStream
from emulator.kafka.clusters import Clusters, reading
from emulator.limits.table import LIMITS
from emulator.limits.units import json_octets
from emulator.mappings.batches import Delivery, Record, Rules, rules, wait_before, within_payload
from emulator.mappings.settings import source_kind
from emulator.mappings.sources import Source
from emulator.mappings.topics import TopicSource
from emulator.protocol.service import Judge, Permission

_log = logging.getLogger(__name__)
_S3 = "arn:aws:s3:::"
_SESSION = "event-source-mapping"
MOST_IN_GROUP, MOST_POLLERS_OF_GROUP = 100, 2000


class Mappings:
    """All mappings of topics and of table streams.

    Args:
        clients, judge: a mapping reads and writes in the name of its function's role.
        clusters: where the topics are.
    """

    def __init__(self, clients: Clients, judge: Judge, clusters: Clusters) -> None:
        self._clients, self._judge, self._clusters = clients, judge, clusters
        self._stops: dict[str, tuple[threading.Event, list[threading.Thread]]] = {}
        self._theirs = ministack.type_handlers("AWS::Lambda::EventSourceMapping")
        self._groups: dict[str, dict[str, int]] = {}
        """{group of pollers: {mapping: its pollers at most}}."""
        self.delivered: Counter[str] = Counter()
        self.states: dict[str, str] = {}
        """{mapping: `Enabled`, or what keeps it from reading}."""

    def handlers(self) -> dict[str, Callable[..., Any]]:
        """As CloudFormation calls them."""
        return {**self._theirs, "create": self.create, "update": self.update, "delete": self.delete}

    def create(self, logical_id: str, properties: dict[str, Any], stack: str) -> tuple[str, dict[str, Any]]:
        kind = source_kind(properties)
        if kind == "sqs":
            _check_queue(properties)
            made: tuple[str, dict[str, Any]] = self._theirs["create"](logical_id, properties, stack)
            return made
        mapping_id, source = str(uuid.uuid4()), properties["EventSourceArn"]
        function = _function_arn(properties["FunctionName"])
        role = ministack.function_role(function)
        given = rules(properties, 100)
        needs = list(self._topic_needs(source, properties, mapping_id) if kind == "kafka" else _stream_needs(source))
        if given.destination.startswith(_S3):
            # asked for as the mapping is made, long before anything is put there
            needs.append(("s3:ListBucket", given.destination.split("/")[0]))
        key = self._clients.open_session(role, "lambda", _SESSION)["AWS_ACCESS_KEY_ID"]
        for action, resource in needs:
            self._judge(key, action, resource, None)
        self._join_group(mapping_id, properties)
        if str(properties.get("Enabled", True)).lower() == "true":
            self._read(mapping_id, function, role, properties, given)
        named = {"Id": mapping_id, "EventSourceMappingArn": arn("lambda", f"event-source-mapping:{mapping_id}")}
        return mapping_id, named

    def update(
        self, physical_id: str, old: dict[str, Any], new: dict[str, Any], stack: str
    ) -> tuple[str, dict[str, Any]]:
        if source_kind(new) == "sqs":
            _check_queue(new)
            updated: tuple[str, dict[str, Any]] = self._theirs["update"](physical_id, old, new, stack)
            return updated
        self.delete(physical_id, old)
        return self.create(physical_id, new, stack)

    def delete(self, physical_id: str, properties: dict[str, Any]) -> None:
        if ":sqs:" in properties.get("EventSourceArn", ""):
            self._theirs["delete"](physical_id, properties)
        elif stop := self._stops.pop(physical_id, None):
            _end([stop])
            self.states.pop(physical_id, None)
            for group in self._groups.values():
                group.pop(physical_id, None)

    def stop(self) -> None:
        """Ends every reader."""
        _end(list(self._stops.values()))

    def _join_group(self, mapping_id: str, properties: dict[str, Any]) -> None:
        """Counts a mapping among those of its group of pollers (page *kafka-scaling-modes*)."""
        pollers = properties.get("ProvisionedPollerConfig") or {}
        if not (name := pollers.get("PollerGroupName")):
            return
        group = {**self._groups.get(name, {}), mapping_id: int(pollers.get("MaximumPollers", 200))}
        if len(group) > MOST_IN_GROUP or sum(group.values()) > MOST_POLLERS_OF_GROUP:
            raise ValueError(
                f"{name}: {len(group)} mappings with {sum(group.values())} pollers; "
                f"allowed in a group: {MOST_IN_GROUP} with {MOST_POLLERS_OF_GROUP}"
            )
        self._groups[name] = group

    def _read(self, mapping_id: str, function: str, role: str, properties: dict[str, Any], given: Rules) -> None:
        stopping, threads = threading.Event(), []
        self.states[mapping_id] = "Enabled"
        for number in range(given.pollers if ":kafka:" in properties["EventSourceArn"] else 1):
            source = self._source(properties, mapping_id, given)
            reader = _Reader(self, mapping_id, function, role, source, given, stopping)
            thread = threading.Thread(target=reader.run, name=f"mapping {mapping_id[:8]}-{number}", daemon=True)
            thread.start()
            threads.append(thread)
        self._stops[mapping_id] = stopping, threads

    def _source(self, properties: dict[str, Any], mapping_id: str, given: Rules) -> Source:
        source, position = properties["EventSourceArn"], properties.get("StartingPosition", "TRIM_HORIZON")
        if ":dynamodb:" in source:
            return TableStream(source, position, given)
        brokers, (topic,) = self._clusters.broker(source).address, properties["Topics"]
        since = properties.get("StartingPositionTimestamp")
        since_s = None if since is None else float(since)
        if since_s is not None and since_s > time.time():
            raise ValueError(f"StartingPositionTimestamp {since_s:g} is in the future")
        return TopicSource(brokers, source, topic, _group(properties, mapping_id), position, given, since_s=since_s)

    def _topic_needs(self, cluster: str, properties: dict[str, Any], mapping_id: str) -> Iterable[Permission]:
        (topic,) = properties["Topics"]
        yield "kafka:DescribeClusterV2", cluster
        yield "kafka:GetBootstrapBrokers", cluster
        yield from reading(cluster, topic, _group(properties, mapping_id))


class _Reader:
    """One reader of a mapping: takes batches and sees them through."""

    def __init__(
        self,
        mappings: Mappings,
        mapping_id: str,
        function: str,
        role: str,
        source: Source,
        given: Rules,
        stopping: threading.Event,
    ) -> None:
        self._mappings, self._id, self._function, self._role = mappings, mapping_id, function, role
        self._source, self._rules, self._stopping = source, given, stopping
        self._delivery = Delivery(given, self._invoke, source.checkpoints, self._give_up, stopping)

    def run(self) -> None:
        """Reads until it is stopped. What was not expected is said, and reading begins anew behind what is processed."""
        failed = 0
        try:
            while not self._stopping.is_set():
                try:
                    if failed:
                        self._source.renew()
                    self._once()
                except Exception as error:  # noqa: BLE001
                    _log.exception("%s: mapping %s is interrupted", self._function, self._id)
                    self._mappings.states[self._id] = f"interrupted: {error!r}"
                    self._stopping.wait(wait_before(failed))
                    failed += 1
                else:
                    if failed:
                        self._mappings.states[self._id] = "Enabled"
                    failed = 0
        finally:
            self._source.close()

    def _once(self) -> None:
        for records in within_payload(self._source.take(self._stopping), json_octets):
            if not self._delivery.deliver(records):
                return
            self._source.done(records)
            self._mappings.delivered[self._id] += len(records)

    def _invoke(self, records: Sequence[Record]) -> tuple[Any, bool]:
        answer, failed = ministack.invoke_function(self._function, self._source.event(records))
        if failed:
            _log.warning("%s failed with %d records: %s", self._function, len(records), json.dumps(answer)[:500])
        return answer, failed

    def _give_up(self, records: Sequence[Record], condition: str, calls: int) -> None:
        _log.warning("%s: %d records given up: %s", self._function, len(records), condition)
        if not self._rules.destination:
            return
        request = {"requestId": str(uuid.uuid4()), "functionArn": self._function, "condition": condition}
        message = {
            "requestContext": {**request, "approximateInvokeCount": calls},
            "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
            "version": "1.0",
            "timestamp": datetime.datetime.now(datetime.timezone.utc).isoformat(),
            **self._source.described(records),
        }
        try:
            self._send(message, records)
        except (AccessDeniedError, ClientError) as error:
            _log.error("%s: the on-failure destination was not reached: %s", self._function, error)

    def _send(self, message: dict[str, Any], records: Sequence[Record]) -> None:
        destination = self._rules.destination
        if destination.startswith(_S3):
            now = datetime.datetime.now(datetime.timezone.utc)
            name = self._function.rsplit(":", 1)[-1]
            key = f"aws/lambda/{self._id}/{name}/{now:%Y/%m/%d/%Y-%m-%dT%H.%M.%S}-{uuid.uuid4()}"
            body = json.dumps({**message, "payload": self._source.event(records)}).encode()
            s3 = self._mappings._clients.role("s3", self._role, "lambda", _SESSION)
            s3.put_object(Bucket=destination.removeprefix(_S3).split("/")[0], Key=key, Body=body)
        elif ":sqs:" in destination:
            sqs = self._mappings._clients.role("sqs", self._role, "lambda", _SESSION)
            # AWS's own delivery knows the queue by its name; GetQueueUrl is no call of the role's
            queue = self._mappings._clients.admin("sqs").get_queue_url(QueueName=destination.rsplit(":", 1)[-1])[
                "QueueUrl"
            ]
            sqs.send_message(QueueUrl=queue, MessageBody=json.dumps(message))
        else:
            sns = self._mappings._clients.role("sns", self._role, "lambda", _SESSION)
            sns.publish(TopicArn=destination, Message=json.dumps(message))


def _end(stops: Iterable[tuple[threading.Event, list[threading.Thread]]]) -> None:
    stops = list(stops)
    for stopping, _ in stops:
        stopping.set()
    for _, threads in stops:
        for thread in threads:
            thread.join(5)


def _check_queue(properties: dict[str, Any]) -> None:
    LIMITS.check(
        "lambda:queue-mapping", ministack.queue_and_function(properties["EventSourceArn"], properties["FunctionName"])
    )


def _function_arn(name: str) -> str:
    return name if name.startswith("arn:") else arn("lambda", f"function:{name}")


def _group(properties: dict[str, Any], mapping_id: str) -> str:
    return str(properties.get("AmazonManagedKafkaEventSourceConfig", {}).get("ConsumerGroupId", mapping_id))


def _stream_needs(stream: str) -> Iterable[Permission]:
    for action in ("DescribeStream", "GetShardIterator", "GetRecords"):
        yield f"dynamodb:{action}", stream
    yield "dynamodb:ListStreams", "*"
