"""Data: the key everything is encrypted under, the buckets, the queues that they tell of new objects, the archive's tables, and
the secret of the card tokens."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from reading.mapping.toml_file import read_mapping
from stacks.base import FraudStack
from stacks.constructs.archive_tables import archive_tables
from stacks.constructs.clean_up import CleanUp, leftovers
from stacks.constructs.consumers import UNDELIVERED
from stacks.constructs.encryption import project_key
from stacks.constructs.permissions import acknowledge
from stacks.constructs.queues import ATTEMPTS, WAITING, queue, take_from
from stacks.constructs.storage import Arrivals, Store, data_bucket, log_bucket, removal_policy
from stacks.names import (
    ACTING_S,
    ARRIVING,
    INPUT,
    RAW_DAYS,
    RAW_READERS,
    REPORTS,
    SCORED,
    WORKING,
    stack_name,
)
from stacks.settings import Settings

TRANSACTIONS = "transactions/"
DECISIONS = "decisions/"
LABELS = "labels/"
QUARANTINE = "quarantine/"
CAPTURED = "captured/"
SHADOWED = "shadow/"
SHADOWED_DAYS = 7
"""How long is kept what a candidate was asked as a shadow: it was compared within the hour."""


class Data(FraudStack):
    """What outlives everything else."""

    def __init__(self, scope: Construct, settings: Settings) -> None:
        super().__init__(scope, "Data", settings, "Card fraud: key, buckets, archive tables, card-token secret")
        self.key = project_key(self, "Key", settings)
        logs = log_bucket(self, "AccessLogs", settings)
        # here, for S3 asks the queues whether it may send to them as a bucket is made that is to
        # Fraud Detector takes one batch prediction job at a time
        attempts = WAITING if settings.batch_back_end == "fraud-detector" else ATTEMPTS
        timeout = cdk.Duration.seconds(ACTING_S)
        self.queues = {
            name: queue(self, name, self.key, consumer_timeout=timeout, attempts=attempts) for name in ARRIVING
        }
        for each in self.queues.values():
            take_from(each, "s3")
        self.queue_arns = {
            name: self.shown(f"{name}QueueArn", each.queue_arn, f"queue of new objects below {ARRIVING[name]}")
            for name, each in self.queues.items()
        }
        buckets = {
            # they may hold card numbers, so what is deleted is gone
            "Raw": {"": RAW_DAYS},
            "Curated": {},
            "Models": {},
            "Archive": {
                TRANSACTIONS: settings.archive_days,
                DECISIONS: settings.archive_days,
                LABELS: settings.archive_days,
                QUARANTINE: settings.archive_days,
                CAPTURED: settings.retention_days,
                SHADOWED: SHADOWED_DAYS,
                # batches that failed after all retries: they hold what transactions hold, and may be the only copy
                UNDELIVERED: settings.archive_days,
            },
            "Batch": {
                QUARANTINE: settings.archive_days,
                **dict.fromkeys((*ARRIVING.values(), SCORED, REPORTS), settings.archive_days),
                WORKING: 1,
            },
        }
        suffix = {"sagemaker": ".parquet", "fraud-detector": ".csv"}[settings.batch_back_end]
        says = {
            "Raw": "files as they are dropped",
            "Curated": "daily sums, training sets, offline features",
            "Models": "models and their evaluations",
            "Archive": "transactions, decisions and labels as Parquet, quarantine, the endpoint's captured requests",
            "Batch": "what is made of dropped files: training sets, files to score, scores, reports, quarantine",
        }
        stores, emptied = {}, [logs]
        for name, expiring in buckets.items():
            bucket = data_bucket(
                self,
                name,
                settings,
                key=self.key,
                logs=logs,
                expiring=expiring,
                events=name in ("Curated", "Raw"),
                versioned=name != "Raw",
                arrivals=[
                    Arrivals(queue=self.queues[each], prefix=prefix, suffix=suffix)
                    for each, prefix in ARRIVING.items()
                    if name == "Batch"
                ],
            )
            if name == "Raw":
                self._for_batch_alone(bucket)
            emptied.append(bucket)
            stores[name] = Store(
                name=self.shown(f"{name}Bucket", bucket.bucket_name, says[name]),
                arn=self.shown(f"{name}BucketArn", bucket.bucket_arn, f"ARN of the bucket of {says[name]}"),
            )
            if name == "Archive":
                archive_tables(self, bucket, {TRANSACTIONS: "transactions", DECISIONS: "decisions", LABELS: "labels"})
        self.raw, self.curated, self.models, self.archive, self.batch = (stores[name] for name in buckets)

        clean_up = CleanUp(self, "CleanUp", settings, self.key)
        clean_up.may_empty(emptied)
        leftovers(self, clean_up.arn, before=[clean_up, *emptied], buckets=[bucket.bucket_name for bucket in emptied])
        self.clean_up_arn = self.shown("CleanUpFunction", clean_up.arn, "deletes what deleted stacks would leave")

        self.card_token_key = secretsmanager.Secret(
            self,
            "CardTokenKey",
            description="The secret under which card numbers become tokens (HMAC-SHA-256)",
            encryption_key=self.key,
            generate_secret_string=secretsmanager.SecretStringGenerator(password_length=64, exclude_punctuation=True),
            removal_policy=removal_policy(settings),
        )
        acknowledge(
            self.card_token_key,
            "AwsSolutions-SMG4",
            "A new key would give every card a new token and cut it off from its history.",
        )
        self.output(
            "RawColumns", read_mapping(settings.batch_columns).meaning, "mapping that dropped files are read by"
        )
        self.output("CardTokenKeySecret", self.card_token_key.secret_arn, "secret that producers make card tokens with")

    def _for_batch_alone(self, raw: s3.Bucket) -> None:
        """Files as they are dropped may hold card numbers: nobody reads them but the crawler and the job that transforms them."""
        batch = stack_name(self.settings, "Batch")
        readers = [
            self.format_arn(service="iam", region="", resource="role", resource_name=f"{batch}-{reader}*")
            for reader in RAW_READERS
        ]
        raw.add_to_resource_policy(
            iam.PolicyStatement(
                effect=iam.Effect.DENY,
                principals=[iam.AnyPrincipal()],
                actions=["s3:GetObject"],
                resources=[raw.arn_for_objects(f"{INPUT}*")],
                conditions={"ArnNotLike": {"aws:PrincipalArn": readers}},
            )
        )
