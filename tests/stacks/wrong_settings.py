"""For each setting: values that could not be deployed, or that a person cannot have meant; and the furthest that are taken."""

from __future__ import annotations

from typing import Any

NOTHING: tuple[Any, ...] = (None, "", " ", [], {}, ["a"], float("nan"), float("inf"))
"""What no setting is, but for those in MAY_BE."""
MAY_BE: dict[str, tuple[Any, ...]] = {
    "alarm_email": (None,),
    "api_user_pool": (None,),
    "zones": ("", " ", []),
    "training_parameters": ({},),
    **dict.fromkeys(("batch_train_until", "batch_predict_from", "batch_crawl_at", "training_at"), ("",)),
}

NO_WHOLE_NUMBER: tuple[Any, ...] = (
    *("many", "1_0", "٧٠", "７０", "7e1", "0x40", "+70", "-1", " 70", "70 ", "70\n", "70.0", "70,0", "9" * 5000),
    *(True, False, 70.0, 70.5, -1),
)
NO_NUMBER: tuple[Any, ...] = (
    *("many", "1_0", "٧", "7e0", "+7", "-7", " 7", "7\n", "7,5", ".5", "5.", "nan", "NaN", "inf", "Infinity", "1/2"),
    *(True, False, float("nan"), float("-inf"), -7),
)
NO_SWITCH: tuple[Any, ...] = ("yes", "no", "on", "1", "0", "True", "TRUE", "t", 1, 0, 1.0, "truefalse")

NO_JOB_MACHINE: tuple[Any, ...] = (
    *("m5.large", "ml.m5", "ml.m5.lrge", "ml.m5.3xlarge", "ML.M5.LARGE", "ml.m5.large ", "ml.x9.large", 5, True),
    # Graviton, which the images are not built for; Grace, too
    *("ml.c7g.xlarge", "ml.m6gd.large", "ml.r8g.xlarge", "ml.c6gn.xlarge", "ml.p6e-gb200.36xlarge"),
    # accelerators
    *("ml.g5.xlarge", "ml.g4dn.xlarge", "ml.p3.2xlarge", "ml.p2.xlarge", "ml.trn1.2xlarge", "ml.inf2.xlarge"),
    # disks of their own, which take no key
    *("ml.m5d.large", "ml.r5d.large", "ml.c5d.xlarge"),
    # hosting has it, jobs do not; and training has it, processing does not
    *("ml.c5.large", "ml.t2.medium", "ml.c5n.xlarge"),
)
NO_ENDPOINT_MACHINE: tuple[Any, ...] = (
    *("m5.large", "ml.m5.lrge", "ml.c7g.xlarge", "ml.m6g.large", "ml.c8g.medium", "ml.g5.xlarge", "ml.inf1.xlarge"),
    *("ml.dl1.24xlarge", "ml.m5d.large", "ml.p4d.24xlarge"),
    # jobs have it, hosting does not
    *("ml.m7i-flex.large", "ml.r5.8xlarge"),
)
NO_DAY: tuple[Any, ...] = (
    *("today", "30.04.2020", "2020-4-30", "2020-04-31", "2020-13-01", "20200430", "2020-W18-4", "2020-04-30T00:00:00"),
    *("2020-04-30 ", "２０２０-04-30", "04/30/2020", 20200430, True),
)
NO_SCHEDULE: tuple[Any, ...] = (
    *("at night", "cron", "cron()", "cron( )", "0 0 * * ? *", "rate(1 day)", "at(2030-01-01T00:00:00)", 5, True),
    *("cron(0 0 * * * *)", "cron(0 0 * * ?)", "cron(0 25 * * ? *)", "cron(0 3 ? * 0 *)", "CRON(0 0 * * ? *)"),
)

RANGES: dict[str, tuple[float, float]] = {
    "archive_days": (60, 3650),
    "partitions": (1, 200),
    "flink_parallelism": (1, 32),
    "catch_up_minutes": (10, 1440),
    "flush_ms": (0, 100),
    "consumers_least": (1, 200),
    "consumers_most": (1, 500),
    "standard_storage_gb": (1, 16_384),
    "features_ttl_days": (1, 365),
    "endpoint_instances_least": (1, 50),
    "endpoint_instances_most": (1, 100),
    "endpoint_calls_a_minute": (10, 1_000_000),
    "captured_percent": (0, 100),
    "canary_percent": (0, 50),
    "canary_wait_s": (180, 3600),
    "shadow_percent": (0, 100),
    "shadow_hours": (1, 12),
    "shadow_error_percent": (0, 100),
    "review_from_num_trans_last_10m": (1, 10_000),
    "undecided_after_s": (5, 900),
    "alarm_latency_ms": (50, 60_000),
    "alarm_consumer_lag": (1, 100_000_000),
    "alarm_model_latency_ms": (5, 60_000),
    "alarm_unknown_labels": (1, 100_000_000),
    "training_label_delay_days": (0, 365),
    "training_new_labels": (0, 1_000_000_000),
    "tuning_jobs": (0, 100),
    "tuning_parallel": (1, 10),
    "alarm_api_latency_ms": (20, 29_000),
    "api_calls_a_second": (1, 10_000),
    "api_burst": (1, 5000),
    "api_calls_a_day": (1, 10**9),
    "nightly_too_old_after_h": (1, 8760),
    "review_from_amount": (0, 1_000_000),
    "block_from_amount": (0, 1_000_000),
    "alarm_fraud_percent": (0.01, 100),
    "control_group_percent": (0, 10),
    "notebook_idle_minutes": (10, 1440),
    "synthesis_epochs": (1, 100_000),
    "synthesis_rows": (1, 10_000_000),
    "synthesis_resplits": (2, 100),
    "synthesis_two_sample_auc": (0.5, 1),
    "synthesis_ks_ratio": (1, 100),
    "synthesis_most_loss": (0, 1),
    "synthesis_membership_auc": (0.5, 1),
    "synthesis_singling_out": (0, 1),
    "synthesis_linkability": (0, 1),
    "cost_missed_share": (0, 10),
    "cost_review": (0, 1_000_000),
    "cost_blocked": (0, 1_000_000),
    "review_hours_a_day": (0, 100_000),
    "review_minutes": (0.1, 1_440),
    "gate_average_precision": (0, 1),
    "gate_recall": (0, 1),
    "gate_segment_recall": (0, 1),
}
"""Whole numbers, but for those in DECIMAL."""
DECIMAL = (
    *("nightly_too_old_after_h", "review_from_amount", "block_from_amount", "alarm_fraud_percent"),
    "control_group_percent",
    *("synthesis_two_sample_auc", "synthesis_ks_ratio", "synthesis_most_loss", "synthesis_membership_auc"),
    *("synthesis_singling_out", "synthesis_linkability"),
    *("cost_missed_share", "cost_review", "cost_blocked", "review_hours_a_day", "review_minutes"),
    *("gate_average_precision", "gate_recall", "gate_segment_recall", "shadow_error_percent"),
)

WRONG: dict[str, tuple[Any, ...]] = {
    "env": ("test", "Prod", "prod ", "staging", 1, True),
    # a zone, a zone's id, another case, one without the images, China's
    "region": ("mars-1", "us-east-1a", "use1-az1", "US-EAST-1", "us-east-1 ", "me-south-1", "cn-north-1", 1),
    "removal": ("keep", "snapshot", "DESTROY", True),
    "retention_days": ("31", 31, 0, 10_000, *NO_WHOLE_NUMBER),
    "approval": ("Gate", "by gate", "people", True, 1),
    "tracking": ("mlflow", "Managed", "", True, 1),
    "training_labels": ("files", "Archive", "archive,file", True, 1),
    "training_parameters": (
        *(
            "eta=0.05",
            "{",
            '{"eta": 5}',
            "[]",
            {"depth": 3},
            {"eta": "0.05"},
            {"eta": 0.01},
            {"rounds": 200.5},
            {"eta": None},
        ),
        *({"rounds": True}, {"Eta": 0.05}, {"honest_rows": 10}, {"max_depth": 11}, '{"eta": NaN}', 1, True),
    ),
    "thresholds_by": ("share", "Costs", "shares,costs", True, 1),
    "undeclared_fields": ("Keep", "drop", "refuse ", True, False, 1),
    "heartbeat_ms": (0, 5, 15, "15", 1000, *NO_WHOLE_NUMBER),
    "streaming": ("kinesis", "Serverless", True),
    "standard_instance_type": (
        "m7g.large",
        "kafka.t3.medium",
        "kafka.m7g.24xlarge",
        "kafka.m5.3xlarge",
        "KAFKA.T3.SMALL",
        1,
    ),
    "zones": (
        *("us-east-1a,us-east-1b", "use1-az1", "use1-az1,use1-az1", "use1-az1,use1-az3", "use1-az1,use2-az1"),
        *("use1-az1;use1-az2", "use1-az1,use1-az2,use1-az4", 1, True),
    ),
    "pollers": ("shared", "Provisioned", True),
    "express_instance_type": ("kafka.m7g.large", "express.m7g.3xlarge", "express.m7g.medium", "express.m5.large", 1),
    "replay": NO_SWITCH,
    "api_auth": ("IAM", "none", "api_keys", True, 1),
    "api_user_pool": ("pool", "us-east-1_Ab1", "arn:aws:cognito-idp:us-east-1:1:userpool/us-east-1_Ab1", 1, True),
    "api_waf": NO_SWITCH,
    "api_logs_role": NO_SWITCH,
    "nat": NO_SWITCH,
    "nightly_engine": ("flink", "Spark", True),
    "nightly_instance_type": NO_JOB_MACHINE,
    "training_instance_type": NO_JOB_MACHINE,
    "batch_back_end": ("SageMaker", "fraud_detector", "frauddetector", True, 1),
    "batch_columns": ("Kaggle", "nowhere.toml", "README.md", "kaggle ", "/", 1, True),
    "batch_train_until": NO_DAY,
    "batch_predict_from": NO_DAY,
    "batch_crawl_at": NO_SCHEDULE,
    "batch_keep_raw": NO_SWITCH,
    "batch_instance_type": NO_JOB_MACHINE,
    "detector_high": (1, 1001, 1.5, "high", True),
    "detector_medium": (0, 1000, 1.5, "medium", True),
    "detector_mode": ("Update", "", True),
    "detector_version": ("1", "0.0", "1.01", "v1.0", "10000.0", 1),
    "synthesis": NO_SWITCH,
    "synthesis_instance_type": NO_JOB_MACHINE,
    "training_with_synthetic": NO_SWITCH,
    "training_on_drift": NO_SWITCH,
    "notebook": NO_SWITCH,
    "notebook_instance_type": ("ml.t2.medium", "ml.t3.medium", "ml.p3.2xlarge", "m5.xlarge", "ML.M5.XLARGE", 1, True),
    "endpoint_instance_type": NO_ENDPOINT_MACHINE,
    "nightly_at": NO_SCHEDULE,
    "drift_at": NO_SCHEDULE,
    "training_at": NO_SCHEDULE,
    "log_level": ("TRACE", "info", "WARN", 20),
    "alarm_email": (
        *("nobody", "a@b", "a@b.c", "@b.org", "a@", "a b@c.org", "a@b..org", ".a@b.org", "a@-b.org", "a@b.org;c"),
        *("a@b.org,c@d.org", "<a@b.org>", "A <a@b.org>", "a@b.org\n", "mailto:a@b.org", "ä@b.org", "a@bücher.org"),
        *("a" * 250 + "@b.org", 1, True),
    ),
    **{
        name: (least - 1, most + 1, f"{most + 1:g}", *(NO_NUMBER if name in DECIMAL else NO_WHOLE_NUMBER))
        for name, (least, most) in RANGES.items()
    },
}
WRONG["review_from_amount"] += ("1.234", 1.234)
WRONG["block_from_amount"] += ("1.234", 1.234)

RIGHT: dict[str, tuple[Any, ...]] = {
    "env": ("dev", "prod"),
    "region": ("us-east-1", "eu-central-1"),
    "removal": ("destroy", "retain"),
    "retention_days": (7, "30", 365),
    "thresholds_by": ("shares", "costs"),
    "training_parameters": ({}, {"eta": 0.02}, {"rounds": 1500, "eta": 0.3, "max_depth": 10}),
    "undeclared_fields": ("keep", "refuse"),
    "approval": ("gate", "person"),
    "tracking": ("none", "managed"),
    "training_labels": ("file", "archive", "both"),
    "heartbeat_ms": (10, "200", 500),
    "streaming": ("standard", "serverless", "express"),
    "standard_instance_type": ("kafka.t3.small", "kafka.m5.24xlarge", "kafka.m7g.16xlarge"),
    "zones": ("", "use1-az5,use1-az6", ["use1-az1", "use1-az2"]),
    "pollers": ("provisioned", "on-demand"),
    "express_instance_type": ("express.m7g.large", "express.m7g.16xlarge"),
    "replay": (True, "true", "false"),
    "nat": (True, "true", "false"),
    "api_auth": ("iam", "api-keys"),
    "api_user_pool": ("arn:aws:cognito-idp:us-east-1:123456789012:userpool/us-east-1_AbCd1",),
    "api_waf": (True, "true", "false"),
    "api_logs_role": (True, "true", "false"),
    "nightly_engine": ("spark", "duckdb"),
    "nightly_instance_type": ("ml.m5.large", "ml.t3.medium", "ml.r7i.48xlarge", "ml.m8i-flex.large"),
    "training_instance_type": ("ml.m5.xlarge", "ml.c5.18xlarge"),
    "batch_back_end": ("sagemaker", "fraud-detector"),
    "batch_columns": ("kaggle", "tabformer", "reading/mappings/handbook.toml"),
    "batch_train_until": ("", "2020-04-30", "0001-01-01"),
    "batch_predict_from": ("", "2020-04-30", "9999-12-31"),
    "batch_crawl_at": ("", "cron(0 6 * * ? *)"),
    "batch_keep_raw": (True, "true", "false"),
    "batch_instance_type": ("ml.m5.large", "ml.c5.18xlarge"),
    "detector_high": (2, 1000),
    "detector_medium": (1, 999),
    "detector_mode": ("create", "update"),
    "detector_version": ("1.0", "9999.0"),
    "synthesis": (True, "true", "false"),
    "synthesis_instance_type": ("ml.m5.xlarge", "ml.c5.18xlarge"),
    "training_with_synthetic": (True, "true", "false"),
    "training_on_drift": (True, "true", "false"),
    "notebook": (True, "true", "false"),
    "notebook_instance_type": ("ml.t3.large", "ml.m5.4xlarge"),
    "endpoint_instance_type": ("ml.m5.large", "ml.c5.large", "ml.c6in.xlarge", "ml.t2.medium"),
    "nightly_at": ("cron(20 0 * * ? *)",),
    "drift_at": ("cron(40 1 * * ? *)",),
    "training_at": ("", "cron(0 3 ? * SUN *)", "cron(15 10 ? * 6L 2026-2027)"),
    "log_level": ("DEBUG", "WARNING"),
    "alarm_email": (None, "fraud@example.com", "a.b+fraud@mail.example.co.uk"),
    **{name: (least, most, f"{most:g}" if most < 100_000 else str(most)) for name, (least, most) in RANGES.items()},
}
RIGHT["review_from_amount"] += ("250.50", 250.5)

BESIDE: dict[str, dict[str, Any]] = {
    "detector_high": {"detector_medium": 1},
    "detector_medium": {"detector_high": 1000},
    # what the extremes of one need of others
    "consumers_least": {"consumers_most": 500},
    "partitions": {"standard_instance_type": "kafka.m7g.large"},
    "consumers_most": {"consumers_least": 1},
    "flink_parallelism": {"partitions": 100},
    "endpoint_instances_least": {"endpoint_instances_most": 100, "endpoint_instance_type": "ml.m5.large"},
    "endpoint_instances_most": {"endpoint_instance_type": "ml.m5.large"},
    "canary_percent": {"endpoint_instances_least": 2, "endpoint_instances_most": 2},
    "notebook": {"nat": True},
    "api_user_pool": {"api_auth": "cognito"},
    "review_from_amount": {"block_from_amount": 1_000_000},
    "block_from_amount": {"review_from_amount": 0},
}
