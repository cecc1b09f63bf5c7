"""What can be set about a deployment, each setting with its type, its default for `dev` and for `prod`, and what is allowed.

Settings come from CDK's context: `cdk.json`, or `npx cdk deploy -c env=prod -c nat=true`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from difflib import get_close_matches
from math import ceil
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from fraud.control_group import MOST_PERCENT
from fraud.decision import FallbackRule
from fraud.decision_costs import RANGES
from reading.mapping.toml_file import shipped
from stacks.images import REGIONS
from stacks.prod import PROD
from stacks.schedules import CRON_SAYS
from stacks.setting_kinds import (
    EMAIL,
    AmountShare,
    BatchMachine,
    Columns,
    EndpointMachine,
    ExpressSize,
    JobMachine,
    MaybeDay,
    MaybeSchedule,
    Money,
    NotebookMachine,
    Schedule,
    StandardSize,
    has_images,
    number,
    read_plainly,
    setting,
    zone_ids,
)
from stacks.zones import usable, zones_problem

_OF_CDK = ("cdk-migrate", "cli-telemetry")
"""Keys of CDK's own that hold neither `:` nor `@`."""


class SettingsError(ValueError):
    """A setting is unknown, of the wrong type, or impossible beside another: names it and says what is allowed."""


_DAY_SAYS = "a day, as 2020-04-30, or empty"
_SWITCH = "true or false"
_MACHINE_SAYS = "a machine of SageMaker's for {}, x86-64, without accelerators or disks of its own, as ml.m5.large"


class Settings(BaseModel):
    """The settings of one environment; the defaults are `dev`'s.

    >>> Settings(env="dev").streaming
    'standard'
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    env: Literal["dev", "prod"] = setting(
        "dev", "which environment; its defaults hold for all other settings", "dev or prod"
    )
    region: Annotated[str, AfterValidator(has_images)] = setting(
        "us-east-1", "where everything runs", ", ".join(REGIONS)
    )
    removal: Literal["destroy", "retain"] = setting(
        "destroy", "what becomes of data when its stack is deleted", "destroy or retain"
    )
    retention_days: Literal[7, 14, 30, 60, 90, 180, 365] = setting(
        30, "how long logs and access logs are kept, days", "7, 14, 30, 60, 90, 180 or 365"
    )
    archive_days: int = number(90, "how long archived transactions are kept, days", 60, 3650)

    streaming: Literal["standard", "express", "serverless"] = setting(
        "standard",
        "the Kafka cluster: two provisioned Standard brokers, three Express brokers, or MSK Serverless",
        "standard, express or serverless",
    )
    standard_instance_type: StandardSize = setting(
        "kafka.t3.small",
        "size of a Standard broker",
        "kafka.t3.small, or kafka.m5 or kafka.m7g with .large, .xlarge, .2xlarge and so on to .16xlarge (m5: .24xlarge)",
    )
    standard_storage_gb: int = number(25, "disk of a Standard broker, GiB; it can grow, never shrink", 1, 16_384)
    express_instance_type: ExpressSize = setting(
        "express.m7g.large",
        "size of an Express broker",
        "express.m7g.large, .xlarge, .2xlarge, .4xlarge, .8xlarge, .12xlarge or .16xlarge",
    )
    zones: Annotated[tuple[str, ...], BeforeValidator(zone_ids)] = setting(
        (),
        "availability zones of the network, by id; empty: the first of the region that Kafka can stand in",
        "two ids, three with express, with a comma between, as use1-az1,use1-az2",
    )
    replay: bool = setting(
        False, "whether topics keep the data's own times, for past days that a replayer sends again", _SWITCH
    )
    nat: bool = setting(False, "whether the network reaches the internet through a NAT gateway", _SWITCH)
    partitions: int = number(4, "partitions of the topics keyed by card", 1, 200)
    undeclared_fields: Literal["keep", "refuse"] = setting(
        "keep",
        "whether a transaction with fields that are not declared is taken, and they are archived, or refused",
        "keep or refuse",
    )
    heartbeat_ms: Literal[10, 20, 50, 100, 200, 500] = setting(
        200,
        "how often the stream job writes empty records, on which a lone transaction waits, milliseconds",
        "10, 20, 50, 100, 200 or 500",
    )
    flush_ms: int = number(
        0,
        "how long a record may wait between operators of the stream job, milliseconds; 0 is dear at thousands a second",
        0,
        100,
    )
    flink_parallelism: int = number(1, "parallelism of the stream job (a Kinesis Processing Unit each)", 1, 32)
    catch_up_minutes: int = number(
        60, "how long a new stream job may take to read back what its windows need, minutes", 10, 1440
    )
    pollers: Literal["provisioned", "on-demand"] = setting(
        "on-demand",
        "what reads Kafka for the functions: pollers of our own, which cost by the hour, or Lambda's shared ones",
        "provisioned or on-demand",
    )
    consumers_least: int = number(1, "provisioned pollers that read for each function, at least", 1, 200)
    consumers_most: int = number(2, "provisioned pollers that read for each function, at most", 1, 500)
    features_ttl_days: int = number(7, "how long the store keeps a card's stream features, days", 1, 365)

    nightly_engine: Literal["spark", "duckdb"] = setting(
        "duckdb", "what computes the nightly features", "spark or duckdb"
    )
    nightly_instance_type: JobMachine = setting(
        "ml.m5.large", "machine of the nightly job", _MACHINE_SAYS.format("jobs")
    )
    nightly_at: Schedule = setting("cron(20 0 * * ? *)", "when the nightly job starts, UTC", CRON_SAYS)
    nightly_too_old_after_h: float = number(48, "nightly features older than this many hours carry a warning", 1, 8760)

    training_instance_type: JobMachine = setting(
        "ml.m5.xlarge", "machine of the training jobs", _MACHINE_SAYS.format("jobs")
    )
    drift_at: Schedule = setting(
        "cron(40 1 * * ? *)", "when the closed day is compared with what the model was trained on, UTC", CRON_SAYS
    )
    training_at: MaybeSchedule = setting(
        "cron(0 3 ? * SUN *)",
        "when the model is trained anew whatever has happened, UTC; empty: never",
        f"empty, or {CRON_SAYS}",
    )
    training_on_drift: bool = setting(
        True,
        "whether drift that has lasted as long as labels take is followed by a training on labels that came back",
        _SWITCH,
    )
    training_new_labels: int = number(
        1000,
        "how many labels that came back since the last training on them are followed by another; 0: however many, none",
        0,
        1_000_000_000,
    )
    training_labels: Literal["file", "archive", "both"] = setting(
        "file",
        "what a model is trained on, unless a run says otherwise: files with labels, archived transactions with labels that came "
        "back, or both",
        "file, archive or both",
    )
    approval: Literal["gate", "person"] = setting(
        "gate",
        "who lets a candidate serve that the gate accepts: the gate itself, or a person by `fraud models promote`",
        "gate or person",
    )
    training_label_delay_days: int = number(
        7, "how long a label takes to come back, days; younger transactions train nothing", 0, 365
    )

    thresholds_by: Literal["shares", "costs"] = setting(
        "shares",
        "what a model's thresholds are chosen by: shares of honest transactions, 1% reviewed and .1% blocked, or the costs below",
        "shares or costs",
    )
    cost_missed_share: AmountShare = number(1, "the share of its amount that a missed fraud costs", 0, 10)
    cost_review: Money = number(3, "what a review costs", 0, 1_000_000)
    cost_blocked: Money = number(15, "what a wrongly blocked payment costs", 0, 1_000_000)
    review_hours_a_day: float = number(0, "the reviewers' hours a day, all together; 0: no limit", 0, 100_000)
    review_minutes: float = number(5, "how long a review takes, minutes", 0.1, 1_440)
    gate_average_precision: float = number(
        0.002, "gate: average precision that a candidate may fall short of the champion's", 0, 1
    )
    gate_recall: float = number(
        0.01, "gate: recall at .1% false positives that a candidate may fall short of the champion's", 0, 1
    )
    gate_segment_recall: float = number(
        0.1, "gate: recall that a candidate may surely lose in a segment, the whole 95% interval", 0, 1
    )

    batch_back_end: Literal["sagemaker", "fraud-detector"] = setting(
        "sagemaker",
        "what trains on whole files and scores them; Fraud Detector takes no new customers since 2025-11-07",
        "sagemaker or fraud-detector",
    )
    batch_columns: Columns = setting(
        "kaggle",
        "which column of a file is which field of a transaction",
        f"{', '.join(shipped())}, or the path of a TOML file",
    )
    batch_train_until: MaybeDay = setting(
        "2020-04-30", "labelled rows before this day (UTC) train; empty: all of them", _DAY_SAYS
    )
    batch_predict_from: MaybeDay = setting(
        "2020-08-30", "rows from this day on (UTC) are scored; empty: those without a label", _DAY_SAYS
    )
    batch_crawl_at: MaybeSchedule = setting(
        "", "when files are looked for beside every upload's end, UTC; empty: never", f"empty, or {CRON_SAYS}"
    )
    batch_keep_raw: bool = setting(
        False, "whether a file stays in the raw bucket for its day after it was transformed", _SWITCH
    )
    batch_instance_type: BatchMachine = setting(
        "ml.m5.large", "machine of the jobs that score files", _MACHINE_SAYS.format("batch transforms")
    )

    detector_high: int = number(900, "Fraud Detector: scores from here on are of high risk", 2, 1000)
    detector_medium: int = number(700, "Fraud Detector: scores from here on are of medium risk", 1, 999)
    detector_mode: Literal["create", "update"] = setting(
        "update",
        "Fraud Detector: whether each file trains the model version further, or the first one makes it and that is all",
        "create or update",
    )
    detector_version: str = setting(
        "1.0",
        "Fraud Detector: the model version that is made or trained further",
        "as 1.0, the number before the point 1 to 9999",
        pattern=r"^[1-9][0-9]{0,3}\.0$",
    )

    synthesis: bool = setting(True, "whether the stack Synthesis is there, which makes synthetic frauds", _SWITCH)
    synthesis_instance_type: JobMachine = setting(
        "ml.m5.xlarge", "machine of the synthetic-fraud jobs", _MACHINE_SAYS.format("jobs")
    )
    synthesis_epochs: int = number(500, "how often the generator sees every fraud", 1, 100_000)
    synthesis_rows: int = number(5000, "synthetic frauds of a run", 1, 10_000_000)
    synthesis_resplits: int = number(
        8, "how many times the frauds are split anew to judge synthetic ones, by time and at random", 2, 100
    )
    synthesis_two_sample_auc: float = number(
        0.75, "gate: so well a classifier may tell synthetic from real frauds, area under the curve", 0.5, 1
    )
    synthesis_ks_ratio: float = number(
        1.25, "gate: mean distance of the columns' distributions, times that of real frauds", 1, 100
    )
    synthesis_most_loss: float = number(
        0.005, "gate: average precision that a model may lose by them, on average", 0, 1
    )
    synthesis_membership_auc: float = number(
        0.6, "gate: so well an attacker may tell which frauds were learned, area under the curve", 0.5, 1
    )
    synthesis_singling_out: float = number(0.08, "gate: share of singling-out attacks that may succeed", 0, 1)
    synthesis_linkability: float = number(0.15, "gate: share of linkability attacks that may succeed", 0, 1)
    notebook: bool = setting(
        False, "whether there is a notebook instance with the walk-through of synthetic fraud; needs nat", _SWITCH
    )
    notebook_instance_type: NotebookMachine = setting(
        "ml.t3.xlarge",
        "machine of the notebook",
        "ml.t3.large, .xlarge or .2xlarge, ml.m5.xlarge, .2xlarge or .4xlarge",
    )
    notebook_idle_minutes: int = number(60, "the notebook is stopped after so many minutes without work", 10, 1440)
    training_with_synthetic: bool = setting(
        False, "whether models train on the newest published synthetic frauds as well", _SWITCH
    )

    endpoint_instance_type: EndpointMachine = setting(
        "ml.t2.medium", "machine of the model's endpoint", _MACHINE_SAYS.format("endpoints")
    )
    endpoint_instances_least: int = number(1, "machines of the endpoint, at least", 1, 50)
    endpoint_instances_most: int = number(1, "machines of the endpoint, at most", 1, 100)
    endpoint_calls_a_minute: int = number(
        3000, "calls a minute and machine from which the endpoint grows", 10, 1_000_000
    )
    captured_percent: int = number(20, "share of the endpoint's requests that is kept, percent", 0, 100)
    canary_percent: int = number(0, "share of the machines that a new model gets first, percent; 0: all at once", 0, 50)
    # the alarms look at two minutes: a shorter watch would be over before one of them can go off
    canary_wait_s: int = number(300, "how long the canary is watched, seconds", 180, 3600)

    shadow_percent: int = number(
        0,
        "share of the requests that a candidate is asked as the champion's shadow before it is registered, percent; 0: none",
        0,
        100,
    )
    # with training, evaluation and taking over within the day that a run may take
    shadow_hours: int = number(4, "how long a candidate is a shadow", 1, 12)
    shadow_error_percent: float = number(1, "gate: share of a shadow's answers that may be errors, percent", 0, 100)

    review_from_amount: Money = number(500, "fallback rule: review from this amount", 0, 1_000_000)
    block_from_amount: Money = number(5000, "fallback rule: block from this amount", 0, 1_000_000)
    review_from_num_trans_last_10m: int = number(4, "fallback rule: review from so many in 10 minutes", 1, 10_000)
    control_group_percent: float = number(
        0,
        "of a hundred payments that the model would block, so many are approved as the control group, whose labels show "
        "what it blocks wrongly; 0: none",
        0,
        MOST_PERCENT,
    )
    undecided_after_s: int = number(60, "a transaction undecided after so many seconds gets the fallback rule", 5, 900)

    api_auth: Literal["iam", "cognito", "api-keys"] = setting(
        "iam",
        "the scoring API's callers: signed by IAM, with a token of a Cognito user pool, or known by keys with a usage plan",
        "iam, cognito or api-keys",
    )
    api_user_pool: str | None = setting(
        None,
        "the scoring API: the user pool whose tokens are taken, with api_auth=cognito",
        "the ARN of a Cognito user pool",
        pattern=r"^arn:aws[a-z-]*:cognito-idp:[a-z0-9-]+:[0-9]{12}:userpool/[A-Za-z0-9_-]+$",
    )
    api_calls_a_second: int = number(500, "the scoring API: requests a second, of all callers", 1, 10_000)
    api_burst: int = number(1000, "the scoring API: requests at once", 1, 5000)
    api_calls_a_day: int = number(
        1_000_000, "the scoring API: requests a day of a key, with api_auth=api-keys", 1, 10**9
    )
    api_waf: bool = setting(False, "whether a web application firewall stands before the scoring API", _SWITCH)
    api_logs_role: bool = setting(
        True,
        "whether the role is set that API Gateway writes logs with: one for all APIs of the account's region",
        _SWITCH,
    )

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = setting(
        "INFO", "what functions log", "DEBUG, INFO, WARNING or ERROR"
    )
    alarm_email: str | None = setting(
        None, "who is notified of alarms", "an e-mail address", pattern=EMAIL, max_length=254
    )
    alarm_latency_ms: int = number(
        2000, "alarm: from transaction to decision, 99th percentile, milliseconds", 50, 60_000
    )
    alarm_consumer_lag: int = number(10_000, "alarm: records a function is behind", 1, 100_000_000)
    alarm_fraud_percent: float = number(5, "alarm: share of transactions blocked or reviewed, percent", 0.01, 100)
    alarm_unknown_labels: int = number(
        100, "alarm: labels of unknown transactions within an hour; an import of old ones has many", 1, 100_000_000
    )
    alarm_api_latency_ms: int = number(1000, "alarm: the scoring API's 99th percentile, milliseconds", 20, 29_000)
    alarm_model_latency_ms: int = number(250, "alarm: the endpoint's 99th percentile, milliseconds", 5, 60_000)

    @field_validator("*", mode="before")
    @classmethod
    def _written_plainly(cls, value: Any, info: ValidationInfo) -> Any:
        return read_plainly(cls.model_fields[str(info.field_name)].annotation, value)

    @model_validator(mode="after")
    def _possible_together(self) -> Self:
        for least, most in ORDERED:
            if getattr(self, least) > getattr(self, most):
                raise ValueError(
                    f"{least} ({getattr(self, least)}) is above {most} ({getattr(self, most)}); allowed: {least} <= {most}"
                )
        if self.replay and self.env == "prod":
            raise ValueError(
                "replay (true) with env=prod would let producers set the clock; allowed: replay=true with env=dev"
            )
        if self.notebook and not (self.nat and self.synthesis):
            raise ValueError(
                "notebook (true) gets its Python from outside, and stands in the stack Synthesis; "
                "allowed: notebook=true with nat=true and synthesis=true"
            )
        if self.batch_train_until and self.batch_predict_from and self.batch_train_until > self.batch_predict_from:
            raise ValueError(
                f"batch_train_until ({self.batch_train_until}) is after batch_predict_from ({self.batch_predict_from}), so rows "
                "would be trained on and scored; allowed: batch_train_until <= batch_predict_from, or one of them empty"
            )
        if self.detector_medium >= self.detector_high:
            raise ValueError(
                f"detector_medium ({self.detector_medium}) is not below detector_high ({self.detector_high}), so no score "
                "would be of medium risk; allowed: detector_medium < detector_high"
            )
        if (self.api_auth == "cognito") != (self.api_user_pool is not None):
            raise ValueError(
                f"api_auth ({self.api_auth}) with api_user_pool ({self.api_user_pool}): "
                "allowed: api_auth=cognito with a user pool, or neither"
            )
        for impossible in (self._zones_impossible(), self._partitions_impossible(), self._growth_impossible()):
            if impossible:
                raise ValueError(impossible)
        if self.canary_percent and self.endpoint_instances_least == 1:
            raise ValueError(
                f"canary_percent ({self.canary_percent}) needs a second machine that goes on serving; "
                "allowed: canary_percent=0 with endpoint_instances_least=1, or endpoint_instances_least of 2 and more"
            )
        if 0 < self.canary_percent * self.endpoint_instances_least < 100:
            smallest = ceil(100 / self.endpoint_instances_least)
            raise ValueError(
                f"canary_percent ({self.canary_percent}) of endpoint_instances_least ({self.endpoint_instances_least}) "
                f"is less than one machine; allowed: 0, or {f'{smallest} to 50' if smallest < 50 else '50'}"
            )
        return self

    def _zones_impossible(self) -> str | None:
        problem = zones_problem(self.network_zones, self.region, self.zones_needed)
        return f"zones: {problem}" if problem else None

    def _partitions_impossible(self) -> str | None:
        on = {"standard": self.standard_instance_type, "serverless": "MSK Serverless"}.get(self.streaming, "")
        most = PARTITIONS_LIMITS.get(on)
        if most is None or self.partitions <= most:
            return None
        return f"partitions ({self.partitions}) are more than {on} takes; allowed: 1 to {most}{MORE_PARTITIONS_BY[on]}"

    def _growth_impossible(self) -> str | None:
        if not self.endpoint_instance_type.startswith("ml.t2.") or not self.endpoint_grows:
            return None
        return (
            f"endpoint_instances_most ({self.endpoint_instances_most}) is above endpoint_instances_least "
            f"({self.endpoint_instances_least}) with {self.endpoint_instance_type}, whose number SageMaker does not change "
            "by itself; allowed: the same number, or a machine that is not ml.t2"
        )

    @property
    def zones_needed(self) -> int:
        """How many zones: Express brokers stand in three (page *msk-create-cluster*), the others in two."""
        return 3 if self.streaming == "express" else 2

    @property
    def network_zones(self) -> tuple[str, ...]:
        """The ids of the network's zones, in order: the same ones are the same network."""
        return tuple(sorted(self.zones or usable(self.region)[: self.zones_needed]))

    @property
    def endpoint_grows(self) -> bool:
        """Whether the endpoint's machines become more with its load."""
        return self.endpoint_instances_least < self.endpoint_instances_most

    @property
    def cost_options(self) -> list[str]:
        """What decisions cost, as options of the programs that train and evaluate."""
        return [text for name in RANGES for text in ("--" + name.replace("_", "-"), f"{getattr(self, name)}")]

    @property
    def told_costs(self) -> str:
        """The same as an object of JSON, {setting: its value as text}."""
        return json.dumps({name: f"{getattr(self, name)}" for name in RANGES})

    @property
    def fallback_rule(self) -> FallbackRule:
        """What decides when the model cannot be asked."""
        return FallbackRule(
            review_from_amount=self.review_from_amount,
            block_from_amount=self.block_from_amount,
            review_from_num_trans_last_10m=self.review_from_num_trans_last_10m,
        )


ORDERED = (
    ("consumers_least", "consumers_most"),
    ("endpoint_instances_least", "endpoint_instances_most"),
    ("review_from_amount", "block_from_amount"),
    ("flink_parallelism", "partitions"),
)
"""Pairs of settings of which the first may not be above the second."""

PARTITIONS_LIMITS = {"kafka.t3.small": 100, "MSK Serverless": 125}
"""{what takes no more: partitions of a topic}. A kafka.t3.small bears 300 replicas (page *bestpractices*): each of the two
brokers holds all of both topics, and what is Kafka's own. MSK Serverless makes 250 partitions in five minutes (page *limits*)."""
MORE_PARTITIONS_BY = {
    "kafka.t3.small": ", or a larger standard_instance_type",
    "MSK Serverless": ", or another streaming",
}


def read_settings(context: Mapping[str, Any]) -> Settings:
    """The settings in CDK's context. Keys of CDK's own, which hold `:` or `@`, are skipped.

    Raises:
        SettingsError: names the setting, what is wrong with it and what is allowed.

    >>> read_settings({"env": "prod", "@aws-cdk/core:checkSecretUsage": True}).streaming
    'express'
    >>> read_settings({"nat": "perhaps"})
    Traceback (most recent call last):
    ...
    stacks.settings.SettingsError: nat: 'perhaps' (neither true nor false); allowed: true or false
    """
    given = {key: value for key, value in context.items() if not {":", "@"} & set(key) and key not in _OF_CDK}
    for key in given:
        if key not in Settings.model_fields:
            near = get_close_matches(key.lower().replace("-", "_"), Settings.model_fields, n=1)
            hint = f" (is {near[0]} meant?)" if near else ""
            raise SettingsError(f"{key}: no such setting{hint}; allowed: {', '.join(Settings.model_fields)}")
    defaults = PROD if given.get("env") == "prod" else {}
    try:
        return Settings.model_validate({**defaults, **given})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        if not first["loc"]:
            raise SettingsError(str(first["ctx"]["error"])) from error
        name = str(first["loc"][0])
        # what the checks here say of a value; of their own, pydantic's say no more than what is allowed does
        why = f" ({first['ctx']['error']})" if first["type"] == "value_error" else ""
        raise SettingsError(f"{name}: {first['input']!r}{why}; allowed: {allowed(name)}") from error


def allowed(name: str) -> str:
    """What a setting may be, in words."""
    extra = Settings.model_fields[name].json_schema_extra
    return str(extra["allowed"]) if isinstance(extra, dict) else ""
