"""Dropped files: the crawler that looks at them, and the Spark job that makes training sets and files to score of them."""

from __future__ import annotations

import re
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_glue as glue
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3_assets as s3_assets
from constructs import Construct

from reading.mapping.toml_file import read_mapping
from stacks.asset_cache import ROOT
from stacks.assets import GLUE_PLATFORM, jobs_code
from stacks.constructs.functions import Functions
from stacks.constructs.jobs import wheels_asset
from stacks.constructs.permissions import allow, allow_key, role
from stacks.constructs.storage import Store
from stacks.names import ARRIVING, INPUT, REPORTS, WORKING, files_security
from stacks.settings import Settings

KAGGLE = {
    "row": "bigint",
    "trans_date_trans_time": "string",
    "cc_num": "string",
    "merchant": "string",
    "category": "string",
    "amt": "double",
    "first": "string",
    "last": "string",
    "gender": "string",
    "street": "string",
    "city": "string",
    "state": "string",
    "zip": "string",
    "lat": "double",
    "long": "double",
    "city_pop": "bigint",
    "job": "string",
    "dob": "string",
    "trans_num": "string",
    "unix_time": "bigint",
    "merch_lat": "double",
    "merch_long": "double",
    "is_fraud": "bigint",
}
"""The columns of Kaggle's files, {name: type}; the first one has no name there. A card's token is text."""
_CLASSIFIED = {"bigint": "LONG", "double": "DOUBLE", "string": "STRING"}
"""{a type of the catalogue: what a classifier calls it} (page *custom-classifier*)."""
CODE = "code/"
"""Prefix of the bucket Batch: libraries of the job, under the names that Glue asks for."""
WORKERS = 2
"""The fewest that a Spark job may have (page *API_CreateJob*): 16 GB each of type G.1X, one of them for the driver."""
LONGEST_MIN = 240
_COLUMN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LOG_ACTIONS = ("logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents")


class Files(Construct):
    """Crawler and job, with what they know of the files' columns.

    Args:
        raw, batch: where files are dropped, and where what is made of them goes.
        card_token_key: ARN of the secret that card tokens are made with.
        quarantine: prefix of the bucket Batch for rows that break the contract.

    Attributes:
        columns: what the function `start_transform` expects of a crawled table, as its environment has it.
    """

    def __init__(
        self,
        scope: Construct,
        name: str,
        settings: Settings,
        *,
        key: kms.IKey,
        raw: Store,
        batch: Store,
        card_token_key: str,
        quarantine: str,
    ) -> None:
        super().__init__(scope, name)
        self._settings, self._key, self._raw, self._batch = settings, key, raw, batch
        self._quarantine = quarantine
        stack = cdk.Stack.of(self)
        types = KAGGLE if settings.batch_columns == "kaggle" else {}
        mapping = read_mapping(settings.batch_columns)
        plain = sorted({text for text in (*mapping.fields.values(), mapping.label) if _COLUMN.fullmatch(text)})
        self.columns = {"types": types, "needed": [each for each in plain if each != mapping.label]}
        self.database_name = stack.stack_name.lower().replace("-", "_")
        self.database = glue.CfnDatabase(
            self,
            "Database",
            catalog_id=stack.account,
            database_input={"name": self.database_name, "description": "Files as they are dropped"},
        )
        self._security = self._security_configuration()
        self.crawler = self._crawler(types)
        self.job = self._job(card_token_key)

    def log_groups(self) -> list[str]:
        """The log groups that Glue makes for them (page *API_JobRun*, LogGroupName), and that no template knows of."""
        security = files_security(self._settings)
        job = f"/aws-glue/jobs-{self.job_role.role_name}-{security}"
        return [f"{job}/output", f"{job}/error", f"/aws-glue/crawlers-{self.crawler_role.role_name}-{security}"]

    def table_arns(self) -> list[str]:
        """The catalogue, the database and its tables, as reading a table is judged."""
        stack = cdk.Stack.of(self)
        return [
            stack.format_arn(service="glue", resource="catalog"),
            stack.format_arn(service="glue", resource="database", resource_name=self.database_name),
            stack.format_arn(service="glue", resource="table", resource_name=f"{self.database_name}/*"),
        ]

    def _security_configuration(self) -> glue.CfnSecurityConfiguration:
        return glue.CfnSecurityConfiguration(
            self,
            "Security",
            # the type asks for a name
            name=files_security(self._settings),
            encryption_configuration={
                "s3Encryptions": [{"s3EncryptionMode": "SSE-KMS", "kmsKeyArn": self._key.key_arn}],
                "cloudWatchEncryption": {"cloudWatchEncryptionMode": "SSE-KMS", "kmsKeyArn": self._key.key_arn},
                "jobBookmarksEncryption": {"jobBookmarksEncryptionMode": "CSE-KMS", "kmsKeyArn": self._key.key_arn},
            },
        )

    def _crawler(self, types: dict[str, str]) -> glue.CfnCrawler:
        stack = cdk.Stack.of(self)
        crawling = role(self, "CrawlerRole", "glue.amazonaws.com", "The crawler that looks at dropped files")
        because = "Files are named by whoever drops them."
        allow(crawling, ["s3:GetObject"], [self._raw.objects(INPUT)], because=because)
        allow(crawling, ["s3:ListBucket"], [self._raw.arn])
        allow_key(crawling, self._key.key_arn)
        tables = ["glue:GetDatabase", "glue:GetTable", "glue:GetTables", "glue:CreateTable", "glue:UpdateTable"]
        partitions = ["glue:BatchCreatePartition", "glue:BatchGetPartition", "glue:GetPartitions"]
        because = "The crawler names the tables that it makes."
        allow(crawling, [*tables, *partitions], self.table_arns(), because=because)
        self._may_log(crawling, "crawlers")
        classifier = glue.CfnClassifier(
            self,
            "Classifier",
            csv_classifier={
                "name": f"{stack.stack_name}-files",
                "containsHeader": "PRESENT",
                "delimiter": ",",
                "quoteSymbol": '"',
                "allowSingleColumn": False,
                **({"header": list(types)} if types else {}),
                **(
                    {
                        "customDatatypeConfigured": True,
                        "containsCustomDatatype": [_CLASSIFIED[kind] for kind in types.values()],
                    }
                    if types
                    else {}
                ),
            },
        )
        schedule = {"scheduleExpression": self._settings.batch_crawl_at} if self._settings.batch_crawl_at else None
        crawler = glue.CfnCrawler(
            self,
            "Crawler",
            role=crawling.role_arn,
            database_name=self.database_name,
            targets={"s3Targets": [{"path": self._raw.uri(INPUT)}]},
            classifiers=[classifier.ref],
            crawler_security_configuration=self._security.ref,
            # one table of whatever files there are; tables whose files have gone are marked: the job deletes what it has read
            configuration=stack.to_json_string(
                {"Version": 1.0, "Grouping": {"TableGroupingPolicy": "CombineCompatibleSchemas"}}
            ),
            schema_change_policy={"updateBehavior": "UPDATE_IN_DATABASE", "deleteBehavior": "DEPRECATE_IN_DATABASE"},
            recrawl_policy={"recrawlBehavior": "CRAWL_EVERYTHING"},
            schedule=schedule,
        )
        crawler.node.add_dependency(self.database, crawling)
        self.crawler_role = crawling
        return crawler

    def _job(self, card_token_key: str) -> glue.CfnJob:
        working = role(self, "TransformRole", "glue.amazonaws.com", "The job that transforms dropped files")
        code = s3_assets.Asset(self, "Code", path=str(jobs_code("transform")))
        script = s3_assets.Asset(self, "Script", path=str(ROOT / "glue_scripts" / "transform.py"))
        wheels = wheels_asset(self, "Wheels", "glue.txt", GLUE_PLATFORM)
        named = f"{CODE}{wheels.asset_hash}.gluewheels.zip"
        placed = self._placed(wheels, named)
        allow(working, ["s3:GetObject"], [f"{self._batch.arn}/{named}"])
        mapping = s3_assets.Asset(self, "Columns", path=str(read_mapping(self._settings.batch_columns).path))
        assets = [code, script, mapping]
        allow(working, ["s3:GetObject"], [each.bucket.arn_for_objects(each.s3_object_key) for each in assets])
        because = "Files are named by whoever drops them."
        allow(working, ["s3:GetObject", "s3:DeleteObject"], [self._raw.objects(INPUT)], because=because)
        allow(working, ["s3:ListBucket"], [self._raw.arn, self._batch.arn])
        because = "What is made of files is named after their contents."
        written = [self._batch.objects(prefix) for prefix in (*ARRIVING.values(), self._quarantine, REPORTS)]
        allow(working, ["s3:GetObject", "s3:PutObject"], written, because=because)
        passing = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"]
        # Spark also looks for the folder itself, by its name and by that of its mark
        because = "Each run has a folder, and Spark marks of its own beside it."
        allow(working, passing, [self._batch.objects(WORKING.rstrip("/"))], because=because)
        allow(working, ["secretsmanager:GetSecretValue"], [card_token_key])
        allow_key(working, self._key.key_arn)
        allow(
            working,
            ["cloudwatch:PutMetricData"],
            ["*"],
            because="CloudWatch has no resource for metrics; the condition keeps it to Glue's namespace.",
            conditions={"StringEquals": {"cloudwatch:namespace": "Glue"}},
        )
        self._may_log(working, "jobs")
        settings = self._settings
        arguments: dict[str, Any] = {
            "--extra-py-files": code.s3_object_url,
            "--additional-python-modules": self._batch.uri(named),
            "--python-modules-installer-option": "--no-index",
            "--enable-metrics": "true",
            "--enable-continuous-cloudwatch-log": "true",
            "--out": f"s3://{self._batch.name}",
            "--back-end": settings.batch_back_end,
            "--columns": mapping.s3_object_url,
            "--train-until": settings.batch_train_until or "none",
            "--predict-from": settings.batch_predict_from or "none",
            "--card-token-key-secret": card_token_key,
            "--keep-raw": str(settings.batch_keep_raw).lower(),
        }
        job = glue.CfnJob(
            self,
            "Transform",
            description="Training sets and files to score of dropped files",
            role=working.role_arn,
            glue_version="5.1",
            worker_type="G.1X",
            number_of_workers=WORKERS,
            command={"name": "glueetl", "pythonVersion": "3", "scriptLocation": script.s3_object_url},
            default_arguments=arguments,
            execution_property={"maxConcurrentRuns": 1},
            max_retries=0,
            timeout=LONGEST_MIN,
            security_configuration=self._security.ref,
        )
        job.node.add_dependency(working, placed)
        self.job_role = working
        return job

    def _placed(self, wheels: s3_assets.Asset, named: str) -> cdk.CustomResource:
        """Glue installs a zip of wheels that is called so (page *aws-glue-programming-python-libraries*), which no asset is."""
        placing = Functions(self, "Functions", self._settings, self._key).function(
            "place_file",
            says="puts the libraries of the transform where Glue takes them from",
            environment={},
            timeout_s=60,
            memory_mb=256,
        )
        allow(placing.role, ["s3:GetObject"], [wheels.bucket.arn_for_objects(wheels.s3_object_key)])
        allow(placing.role, ["s3:PutObject"], [f"{self._batch.arn}/{named}"])
        placed = cdk.CustomResource(
            self,
            "Placed",
            service_token=placing.function.function_arn,
            resource_type="Custom::PlacedFile",
            properties={
                "From": {"Bucket": wheels.s3_bucket_name, "Key": wheels.s3_object_key},
                "To": {"Bucket": self._batch.name, "Key": named},
            },
        )
        placed.node.add_dependency(placing.role)
        return placed

    def _may_log(self, grantee: Any, kind: str) -> None:
        """With a security configuration, log groups are named after it and the role (page *console-security-configurations*)."""
        stack = cdk.Stack.of(self)
        groups = [
            stack.format_arn(
                service="logs",
                resource="log-group",
                resource_name=f"/aws-glue/{kind}*",
                arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
            )
        ]
        because = "Glue names its log groups after the security configuration and the role, and a stream for each run."
        allow(grantee, _LOG_ACTIONS, groups, because=because)
        # a group that it makes is encrypted under the security configuration's key
        allow(grantee, ["logs:AssociateKmsKey"], groups, because=because)
