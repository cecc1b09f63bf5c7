"""Batch: dropped files become training sets and files to score, and those a model or scores, with no one pressing a button."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from stacks.base import FraudStack
from stacks.constructs.clean_up import leftovers
from stacks.constructs.consumers import reads_queue
from stacks.constructs.files import Files
from stacks.constructs.fraud_detector import FraudDetector
from stacks.constructs.functions import Deployed, Functions
from stacks.constructs.jobs import allow_prefix
from stacks.constructs.permissions import allow
from stacks.constructs.queues import WAITING, queue, take_from
from stacks.constructs.scoring import Scoring
from stacks.constructs.state_machine import StateMachine
from stacks.data import DECISIONS, LABELS, QUARANTINE, TRANSACTIONS, Data
from stacks.names import (
    ACTING_S,
    ARRIVING,
    INPUT,
    JOB_LOG_GROUPS,
    SCORED,
    SCORING_JOBS,
    UPLOADS,
    model_prefix,
    run_prefix,
)
from stacks.serving import Serving
from stacks.settings import Settings
from stacks.streaming import Streaming
from stacks.training import Training

_ACTING = (
    ("train_model", "Train", "has a model trained on new training rows"),
    ("predict_batch", "Predict", "has new rows scored"),
)
"""Functions that act on new objects, their queues, and what they do."""


class Batch(FraudStack):
    """From files to models and scores."""

    def __init__(
        self,
        scope: Construct,
        settings: Settings,
        *,
        data: Data,
        serving: Serving,
        streaming: Streaming,
        training: Training,
    ) -> None:
        description = "Card fraud: dropped files to training sets, models and scores"
        super().__init__(scope, "Batch", settings, description, (data, serving, streaming, training))
        self._data, self._bus = data, (streaming.bus.attr_name, streaming.bus.attr_arn)
        self.files = Files(
            self,
            "Files",
            settings,
            key=data.key,
            raw=data.raw,
            batch=data.batch,
            card_token_key=data.card_token_key.secret_arn,
            quarantine=QUARANTINE,
        )
        self._functions = Functions(self, "Functions", settings, data.key)
        self._crawling()
        self._transforming()
        self.scoring: Scoring | None = None
        self.publishing: StateMachine | None = None
        if settings.batch_back_end == "sagemaker":
            self._on_sagemaker(settings, serving, training)
        else:
            self._on_fraud_detector(settings)
        self.output("CrawlerName", self.files.crawler.ref, "looks at dropped files; start it by hand, or upload")
        self.output("TransformJob", self.files.job.ref, "the job that transforms dropped files")

    def _on_sagemaker(self, settings: Settings, serving: Serving, training: Training) -> None:
        """Files train by the machine of the stack Training, and are scored by one of this stack."""
        data = self._data
        self.scoring = Scoring(
            self,
            "Scoring",
            settings,
            key=data.key,
            batch=data.batch,
            archive=data.archive,
            transactions=TRANSACTIONS,
            said={"decisions": DECISIONS, "labels": LABELS},
            champion=training.champion,
            endpoint=serving.endpoint,
            bus=self._bus,
        )
        allow_prefix(training.worker, data.batch, ARRIVING["Train"], read=True)
        for (name, arriving, says), machine in zip(_ACTING, (training.machine, self.scoring.machine), strict=True):
            acting = self._acting(name, arriving, says, {"kind": "sagemaker", "machine": machine.arn})
            allow(acting.role, ["states:StartExecution"], [machine.arn])
        jobs = [run_prefix(settings, name) for name in SCORING_JOBS]
        leftovers(
            self,
            data.clean_up_arn,
            after=[self.scoring.machine, self.files.job, self.files.crawler],
            log_groups=self.files.log_groups(),
            jobs=[f"{job}-" for job in jobs],
            log_streams=[f"{group}:{job}-" for group in JOB_LOG_GROUPS for job in jobs],
        )
        self.output("ScoringStateMachine", self.scoring.machine.arn, "scores a file of transformed rows")

    def _on_fraud_detector(self, settings: Settings) -> None:
        """Files train a model of Amazon Fraud Detector, and are predicted by its detector."""
        data = self._data
        detector = FraudDetector(
            self,
            "Detector",
            name_of_all=model_prefix(settings),
            key_arn=data.key.key_arn,
            batch=data.batch,
            reads=tuple(ARRIVING.values()),
            writes=SCORED,
        )
        back_end = {
            "kind": "fraud-detector",
            "model": detector.model_id,
            "detector": detector.detector_id,
            "role": detector.data_role.role_arn,
            "mode": settings.detector_mode,
            "version": settings.detector_version,
            "out": SCORED,
        }
        self.publishing, _ = detector.publishing(settings, data.key, self._functions)
        back_end["publishing"] = self.publishing.arn
        train, predict = (self._acting(name, arriving, says, back_end) for name, arriving, says in _ACTING)
        allow(train.role, ["states:StartExecution"], [self.publishing.arn])
        detector.may_train(train.role)
        detector.may_predict(predict.role)
        # deleted in the opposite order: what the functions make at run time goes before the detector and the event type
        leftovers(
            self,
            data.clean_up_arn,
            before=[detector.detector, detector.event_type],
            after=[train.function, predict.function, self.publishing, self.files.job, self.files.crawler],
            log_groups=self.files.log_groups(),
            detectors=[detector.leftovers],
        )
        self.output("DetectorId", detector.detector_id, "`fraud detector` looks after it")
        says = "scores from here on are of {} risk; `fraud detector publish` takes it"
        self.output("DetectorHigh", str(settings.detector_high), says.format("high"))
        self.output("DetectorMedium", str(settings.detector_medium), says.format("medium"))
        self.output("PublishingStateMachine", self.publishing.arn, "waits for a training, and publishes it")

    def _crawling(self) -> None:
        """An upload's end starts the crawler."""
        waiting = self._queue("Crawl")
        start = self._functions.function(
            "start_crawl",
            says="starts the crawl of new files once an upload has ended",
            environment={"CRAWLER_NAME": self.files.crawler.ref},
            timeout_s=ACTING_S,
            memory_mb=256,
        )
        crawler = self.format_arn(service="glue", resource="crawler", resource_name=self.files.crawler.ref)
        allow(start.role, ["glue:StartCrawler"], [crawler])
        because = "Uploads and files are named by whoever sends them."
        allow(start.role, ["s3:GetObject"], [self._data.raw.objects(UPLOADS)], because=because)
        allow(start.role, ["s3:ListBucket"], [self._data.raw.arn])
        reads_queue(self, start, waiting, batch_size=10)
        self._tells(
            "OnUploaded",
            waiting,
            {
                "source": ["aws.s3"],
                "detail-type": ["Object Created"],
                "detail": {"bucket": {"name": [self._data.raw.name]}, "object": {"key": [{"prefix": UPLOADS}]}},
            },
        )

    def _transforming(self) -> None:
        """A crawl's end starts the transform, or says why not."""
        waiting = self._queue("Transform")
        start = self._functions.function(
            "start_transform",
            says="starts the transform of what a crawl found, or says what differs",
            environment={
                "INPUT": self._data.raw.uri(INPUT),
                "DATABASE_NAME": self.files.database_name,
                "JOB_NAME": self.files.job.ref,
                "COLUMNS": json.dumps(self.files.columns),
                "EVENT_BUS_NAME": self._bus[0],
            },
            timeout_s=ACTING_S,
            memory_mb=256,
        )
        allow(start.role, ["glue:GetTables"], self.files.table_arns(), because="The crawler names its tables.")
        job = self.format_arn(service="glue", resource="job", resource_name=self.files.job.ref)
        allow(start.role, ["glue:StartJobRun", "glue:GetJobRuns"], [job])
        allow(start.role, ["s3:ListBucket"], [self._data.raw.arn])
        allow(start.role, ["events:PutEvents"], [self._bus[1]])
        reads_queue(self, start, waiting, batch_size=10)
        crawler = {"crawlerName": [self.files.crawler.ref], "state": ["Succeeded", "Failed"]}
        failed = {"jobName": [self.files.job.ref], "state": ["FAILED", "TIMEOUT", "STOPPED"]}
        for name, detail_type, detail in (
            ("OnCrawled", "Glue Crawler State Change", crawler),
            ("OnTransformFailed", "Glue Job State Change", failed),
        ):
            self._tells(name, waiting, {"source": ["aws.glue"], "detail-type": [detail_type], "detail": detail})

    def _acting(self, name: str, arriving: str, says: str, back_end: Mapping[str, str]) -> Deployed:
        """A function that acts on each new object of a prefix of the bucket Batch."""
        acting = self._functions.function(
            name,
            says=says,
            environment={
                "BATCH_BUCKET": self._data.batch.name,
                "ARRIVING_PREFIX": ARRIVING[arriving],
                "BACK_END": self.to_json_string(dict(back_end)),
            },
            timeout_s=ACTING_S,
            memory_mb=256,
        )
        because = "New objects are named after what they were made of."
        allow(acting.role, ["s3:GetObject"], [self._data.batch.objects(ARRIVING[arriving])], because=because)
        allow(acting.role, ["s3:ListBucket"], [self._data.batch.arn])
        arn = self._data.queue_arns[arriving]
        reads_queue(self, acting, sqs.Queue.from_queue_arn(self, f"{arriving}Queue", arn), batch_size=10)
        return acting

    def _queue(self, name: str) -> sqs.Queue:
        made = queue(self, name, self._data.key, consumer_timeout=cdk.Duration.seconds(ACTING_S), attempts=WAITING)
        take_from(made, "events")
        return made

    def _tells(self, name: str, told: sqs.Queue, pattern: dict[str, Any]) -> None:
        """Tells a queue of the events of a pattern on the account's own bus."""
        rule = events.CfnRule(self, name, event_pattern=pattern, targets=[{"id": "queue", "arn": told.queue_arn}])
        rule.node.add_dependency(told)
