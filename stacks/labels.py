"""Labels: what comes back about transactions, fraud or not, from the bus into a table and the archive."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from constructs import Construct

from stacks.base import FraudStack
from stacks.constructs.consumers import reads_queue
from stacks.constructs.decisions import labels_table
from stacks.constructs.functions import Functions
from stacks.constructs.label_count import LabelCount
from stacks.constructs.permissions import allow
from stacks.constructs.queues import queue, take_from
from stacks.constructs.retraining import follows_events
from stacks.constructs.state_machine import StateMachine
from stacks.data import LABELS, QUARANTINE, Data
from stacks.settings import Settings
from stacks.streaming import OWN_PREFIX, Streaming

LABELLED = "transaction labelled"
"""The detail type of a label: `lambda_src.ports.label_events` puts it on the bus."""
TIMEOUT_S = 60
TOGETHER = 10
"""Labels recorded together, at most: an object of the archive holds them. More would wait for their batch to fill."""


class Labels(FraudStack):
    """Labels end here, whichever door they came through; each of them is an event on the application's bus first."""

    def __init__(self, scope: Construct, settings: Settings, *, data: Data, streaming: Streaming) -> None:
        description = "Card fraud: labels of transactions, kept in a table and archived"
        super().__init__(scope, "Labels", settings, description, (data, streaming))
        self.table: dynamodb.Table = labels_table(self, "Labels", settings, data.key)
        self.queue = queue(self, "Labelled", data.key, consumer_timeout=cdk.Duration.seconds(TIMEOUT_S))
        take_from(self.queue, "events")
        rule = events.CfnRule(
            self,
            "OnLabelled",
            event_bus_name=streaming.bus.attr_name,
            event_pattern={"source": ["card-fraud"], "detail-type": [LABELLED]},
            targets=[{"id": "queue", "arn": self.queue.queue_arn}],
        )
        rule.node.add_dependency(self.queue)
        record = Functions(self, "Functions", settings, data.key).function(
            "record_labels",
            says="keeps labels of transactions, in a table and as Parquet",
            environment={
                "LABELS_TABLE": self.table.table_name,
                "DECISIONS_TABLE": streaming.decisions.table_name,
                "ARCHIVE_BUCKET": data.archive.name,
                "LABELS_PREFIX": LABELS,
                "QUARANTINE_PREFIX": QUARANTINE,
            },
            timeout_s=TIMEOUT_S,
            memory_mb=512,
            layers=("functions-parquet",),
        )
        allow(record.role, ["dynamodb:PutItem", "dynamodb:BatchGetItem"], [self.table.table_arn])
        allow(record.role, ["dynamodb:BatchGetItem"], [streaming.decisions.table_arn])
        kept = [data.archive.objects(prefix) for prefix in (LABELS, QUARANTINE)]
        allow(record.role, ["s3:PutObject"], kept, because=OWN_PREFIX)
        reads_queue(self, record, self.queue, batch_size=TOGETHER)
        self.counting: StateMachine | None = None
        if follows_events(settings):
            bus = (streaming.bus.attr_name, streaming.bus.attr_arn)
            self.counting = LabelCount(self, "Count", settings, key=data.key, table=self.table, bus=bus).machine
            self.output("CountStateMachine", self.counting.arn, "counts labels, and tells of it on the bus")
        self.output("LabelsTable", self.table.table_name, "labels of transactions, with their history")
