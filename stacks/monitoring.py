"""Monitoring: one dashboard, the alarms, and the topic that notifies people of them."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from stacks.api import Api
from stacks.base import FraudStack
from stacks.batch import Batch
from stacks.constructs.alarms import (
    Alarm,
    added,
    alarms,
    aws_metric,
    flagged_percent,
    growth,
    notify_of,
    own_metric,
    resting,
    topic,
)
from stacks.constructs.drift import METRIC as DRIFTED_SERIES
from stacks.constructs.functions import NAMESPACE
from stacks.constructs.gateway import STAGE, THROTTLED
from stacks.constructs.promotion import AWAITS, REFUSED
from stacks.constructs.queues import dead_letters_of
from stacks.data import Data
from stacks.features import Features
from stacks.labels import Labels
from stacks.serving import Serving
from stacks.settings import Settings
from stacks.streaming import Streaming
from stacks.synthesis import Synthesis
from stacks.training import Training

Rows = list[Alarm]


FILES = {
    "CrawlFailed": "The crawl of dropped files failed; the event `Batch input refused` says why",
    "NothingNew": "A crawl found nothing new in the raw bucket: files expire there after a day; send them again",
    "SchemaDiffers": "Dropped files have other columns than are expected; the event `Batch input refused` holds the difference",
    "TransformFailed": "The transform of dropped files failed or refused some, which stay for a day; `Batch input refused` tells",
}
"""{metric of the function `start_transform`: what its alarm says}."""


class Monitoring(FraudStack):
    """Whoever operates it is notified of what goes wrong, and of what to look at."""

    def __init__(
        self,
        scope: Construct,
        settings: Settings,
        *,
        data: Data,
        features: Features,
        serving: Serving,
        streaming: Streaming,
        labels: Labels,
        training: Training,
        synthesis: Synthesis | None,
        batch: Batch,
        api: Api,
    ) -> None:
        optional = () if synthesis is None else (synthesis,)
        others = (data, features, serving, streaming, labels, training, *optional, batch, api)
        super().__init__(scope, "Monitoring", settings, "Card fraud: dashboard and alarms", others)
        self._streaming, self._serving, self._api = streaming, serving, api
        machines = {"Nightly": features.nightly_machine, "Training": training.machine, "Drift": training.drift_machine}
        if labels.counting is not None:
            machines["Count"] = labels.counting
        if synthesis is not None:
            machines["Synthesis"] = synthesis.machine
        if batch.scoring is not None:
            machines["Scoring"] = batch.scoring.machine
        if batch.publishing is not None:
            machines["Publishing"] = batch.publishing
        notified = topic(self, "Alarms", data.key, settings.alarm_email)
        notify_of(self, "Refused", data.key, streaming.bus.attr_name, (REFUSED, AWAITS), notified)
        rows = {
            "Decisions": self._decisions(),
            "Stream": self._stream(),
            "Functions": self._functions(),
            "Model": self._model(),
            "Labels": self._labels(labels),
            "Scoring API": self._scoring_api(),
            "Drift": self._drift(),
            "Files": [
                Alarm(name=name, metric=own_metric(name, "Sum", 5, service="start_transform"), at_least=1, says=says)
                for name, says in FILES.items()
            ],
            "Jobs": [
                Alarm(
                    name=f"{name}Failed",
                    metric=added(
                        [
                            aws_metric("States", f"Executions{how}", "Sum", 5, StateMachineArn=machine.arn)
                            # a run that its machine's time limit ends is none that has failed, to the service
                            for how in ("Failed", "TimedOut")
                        ],
                        f"{name}: failed, or taken too long",
                        ids=name.lower(),
                    ),
                    at_least=1,
                    says=f"{name}: a run has failed, or taken longer than a day; its history names the step",
                )
                for name, machine in machines.items()
            ],
            "Dead-letter queues": [
                Alarm(
                    name=f"{name}Waiting",
                    metric=aws_metric(
                        "SQS", "ApproximateNumberOfMessagesVisible", "Maximum", QueueName=queue.queue_name
                    ),
                    at_least=1,
                    says=f"{name}: messages that could not be processed are in the dead-letter queue; each says what it was",
                )
                for stack in (data, features, streaming, labels, training, *optional, batch, self)
                for name, queue in dead_letters_of(stack).items()
            ],
        }
        made = {title: alarms(self, these, notified) for title, these in rows.items()}
        self._dashboard(rows, made)
        self.output("AlarmTopic", notified.topic_arn, "subscribe to be notified of alarms")

    def _decisions(self) -> Rows:
        return [
            Alarm(
                name="Undecided",
                metric=own_metric("Undecided", "Sum", service="watch"),
                at_least=1,
                says="Transactions got no decision in time; the fallback rule decided. Look at the stream job and `decide`.",
            ),
            Alarm(
                name="Collisions",
                # the watch sees every accepted transaction, so it finds those that the stream job and `decide` have found too
                metric=own_metric("Collisions", "Sum", 5, service="watch"),
                at_least=1,
                says="Two payments under one id: the first one's decision stands, the other has none. Both are in the archive "
                "bucket under quarantine/collisions/; their producer gave an id twice.",
            ),
            Alarm(
                name="Late",
                metric=own_metric("DecisionLatency", "p99", 5, service="decide"),
                at_least=self.settings.alarm_latency_ms,
                says="Latency is high, from the transaction to the record of its decision",
            ),
            Alarm(
                name="Fallback",
                metric=own_metric("Decisions", "Sum", 5, service="decide", path="fallback"),
                at_least=1,
                periods=3,
                says="The fallback rule decides: the endpoint or the nightly features cannot be asked, or no model is deployed",
            ),
            Alarm(
                name="FraudRate",
                metric=flagged_percent(15),
                at_least=self.settings.alarm_fraud_percent,
                says="Far more transactions than usual are reviewed or blocked: an attack, or a model gone wrong",
            ),
        ]

    def _stream(self) -> Rows:
        application = self._streaming.stream.job.application.ref

        def metric(name: str, minutes: int = 1) -> cloudwatch.Metric:
            return aws_metric("KinesisAnalytics", name, "Maximum", minutes, Application=application)

        return [
            Alarm(
                name="StreamDown",
                # page flink-2-2: "Replace downtime with one or more of restartingTime, cancellingTime, and failingTime"
                metric=added(
                    [metric(name) for name in ("restartingTime", "cancellingTime", "failingTime")], "not running, ms"
                ),
                at_least=1,
                periods=2,
                says="The stream job is down: no features, so no decisions but the fallback rule's",
            ),
            Alarm(
                name="StreamStopped",
                # the same page: "Replace uptime with the new metric runningTime"; an application at rest has no figures at all
                metric=resting(metric("runningTime")),
                at_least=1,
                periods=15,
                missing_is_bad=True,
                says="The stream job has not run for a quarter of an hour: look at its application's status; start it again",
            ),
            Alarm(
                name="CheckpointsFail",
                # counted since the job started: what matters is that it grows
                metric=growth(metric("numberOfFailedCheckpoints", 5)),
                at_least=1,
                periods=3,
                says="The stream job's checkpoints fail: a restart would go back far",
            ),
            *self._disks(),
        ]

    def _disks(self) -> Rows:
        """Standard brokers stop when their disk is full; page *bestpractices* asks for an alarm from 85% on."""
        if self.settings.streaming != "standard":
            return []
        cluster = {"Cluster Name": str(self._streaming.cluster.resource.cluster_name)}
        return [
            Alarm(
                name=f"Broker{broker}Full",
                metric=aws_metric(
                    "Kafka", "KafkaDataLogsDiskUsed", "Maximum", 5, **cluster, **{"Broker ID": str(broker)}
                ),
                at_least=85,
                says="A broker's disk is nearly full, and at its end stops the topics: raise standard_storage_gb",
            )
            for broker in range(1, self.settings.zones_needed + 1)
        ]

    def _functions(self) -> Rows:
        rows = []
        for name, mapping in self._streaming.topic_readers.items():
            title = "".join(part.capitalize() for part in name.replace("_", " ").split())
            dimensions = {"EventSourceMappingUUID": mapping.attr_id}
            rows += [
                Alarm(
                    name=f"{title}Behind",
                    metric=aws_metric("Lambda", "MaxOffsetLag", "Maximum", 1, **dimensions),
                    at_least=self.settings.alarm_consumer_lag,
                    periods=3,
                    says=f"{name}: consumer lag is high; raise consumers_most, or look for errors",
                ),
                Alarm(
                    name=f"{title}Undelivered",
                    metric=aws_metric("Lambda", "OnFailureDestinationDeliveredEventCount", "Sum", 5, **dimensions),
                    at_least=1,
                    says=f"{name}: records failed after all retries; they are in the archive bucket under aws/lambda/",
                ),
            ]
        return rows

    def _model(self) -> Rows:
        endpoint = self._serving.endpoint
        return [
            Alarm(
                name="ModelErrors",
                metric=endpoint.metric("Invocation5XXErrors", "Sum"),
                at_least=1,
                periods=2,
                says="The endpoint answers with errors; the fallback rule decides meanwhile",
            ),
            Alarm(
                name="ModelRefuses",
                metric=endpoint.metric("Invocation4XXErrors", "Sum"),
                at_least=1,
                periods=2,
                says="The endpoint rejects requests: its model expects another vector than `decide` sends",
            ),
            Alarm(
                name="ModelSlow",
                metric=endpoint.metric("ModelLatency", "p99"),
                at_least=self.settings.alarm_model_latency_ms * 1000,
                periods=3,
                says="The endpoint's latency is high",
            ),
        ]

    def _labels(self, labels: Labels) -> Rows:
        return [
            Alarm(
                name="LabelsLate",
                metric=aws_metric(
                    "SQS", "ApproximateAgeOfOldestMessage", "Maximum", 5, QueueName=labels.queue.queue_name
                ),
                at_least=900,
                says="Labels have waited for a quarter of an hour: `record_labels` fails, or there are more than it can take",
            ),
            Alarm(
                name="LabelsUnknown",
                metric=own_metric("LabelsUnknown", "Sum", 60, service="record_labels"),
                at_least=self.settings.alarm_unknown_labels,
                says="Labels of transactions that nobody knows: whoever sends them has other ids. They are kept all the same.",
            ),
            Alarm(
                name="LabelsRefused",
                metric=own_metric("Quarantined", "Sum", 5, service="record_labels"),
                at_least=1,
                says="Events that are no labels are in the archive bucket under quarantine/labels/, each with its reason",
            ),
        ]

    def _scoring_api(self) -> Rows:
        of = {"ApiName": self._api.gateway.name, "Stage": STAGE}
        return [
            Alarm(
                name="ApiErrors",
                metric=aws_metric("ApiGateway", "5XXError", "Sum", 5, **of),
                at_least=1,
                says="The scoring API answered with errors of its own: look at the log of the function `api`",
            ),
            Alarm(
                name="ApiSlow",
                metric=aws_metric("ApiGateway", "Latency", "p99", 5, **of),
                at_least=self.settings.alarm_api_latency_ms,
                periods=3,
                says="The scoring API's latency is high",
            ),
            Alarm(
                name="ApiThrottles",
                metric=cloudwatch.Metric(
                    namespace=NAMESPACE, metric_name=THROTTLED, statistic="Sum", period=cdk.Duration.minutes(5)
                ),
                at_least=1,
                periods=3,
                says="The scoring API refuses requests as too many: raise api_calls_a_second, or find who sends them",
            ),
        ]

    def _drift(self) -> Rows:
        return [
            Alarm(
                name="Drifted",
                metric=own_metric(DRIFTED_SERIES, "Maximum", 5),
                at_least=1,
                says="Yesterday's transactions or scores are not those that the model was trained on; the event `drift found` "
                "says which, the report lies in the curated bucket under drift/",
            )
        ]

    def _dashboard(self, rows: dict[str, Rows], made: dict[str, list[cloudwatch.Alarm]]) -> None:
        board = cloudwatch.Dashboard(self, "Dashboard", default_interval=cdk.Duration.hours(3))
        everything = [alarm for these in made.values() for alarm in these]
        board.add_widgets(cloudwatch.AlarmStatusWidget(title="Alarms", alarms=everything, width=24, height=4))
        outcomes = [
            own_metric("Decisions", "Sum", service="decide", outcome=outcome)
            for outcome in ("approve", "review", "block")
        ]
        let_through = [
            own_metric("ControlGroup", "Sum", service=service).with_(label=f"Control group, {says}")
            for service, says in (("decide", "stream"), ("api", "API"))
        ]
        latencies = [own_metric("DecisionLatency", statistic, service="decide") for statistic in ("p50", "p99")]
        board.add_widgets(
            cloudwatch.GraphWidget(
                title="Decisions a minute; right: let through as control group",
                left=outcomes,
                right=let_through,
                stacked=True,
                width=12,
            ),
            cloudwatch.GraphWidget(title="From transaction to decision, ms", left=latencies, width=12),
        )
        board.add_widgets(
            *(
                cloudwatch.GraphWidget(title=title, left=[row.metric for row in these], width=8)
                for title, these in rows.items()
            )
        )
        self.output("DashboardName", board.dashboard_name, "dashboard of everything")
