"""A valid environment of each function, as its stack sets it."""

from __future__ import annotations

import json

QUEUE = "https://sqs.eu-west-1.amazonaws.com/123456789012/watch"
_QUARANTINE = {"QUARANTINE_BUCKET": "archive", "QUARANTINE_PREFIX": "quarantine/"}
_READER = {"PARTIAL_FAILURES": "true"}


def _back_end(machine: str) -> str:
    return json.dumps({"kind": "sagemaker", "machine": f"arn:aws:states:eu-west-1:123456789012:stateMachine:{machine}"})


_OF = {
    "decide": {
        "NIGHTLY_FEATURE_GROUP": "cc-agg-batch-fg",
        "ENDPOINT_NAME": "fraud",
        "DECISIONS_TABLE": "decisions",
        "EVENT_BUS_NAME": "decided",
        "FALLBACK_RULE": '{"review_from_amount": "500.00"}',
        "NIGHTLY_TOO_OLD_AFTER_H": "48",
        "CONTROL_GROUP_PERCENT": "0",
        **_QUARANTINE,
        **_READER,
    },
    "api": {
        "STREAM_FEATURE_GROUP": "cc-agg-fg",
        "NIGHTLY_FEATURE_GROUP": "cc-agg-batch-fg",
        "ENDPOINT_NAME": "fraud",
        "DECISIONS_TABLE": "decisions",
        "LABELS_TABLE": "labels",
        "EVENT_BUS_NAME": "decided",
        "FALLBACK_RULE": '{"review_from_amount": "500.00"}',
        "NIGHTLY_TOO_OLD_AFTER_H": "48",
        "CONTROL_GROUP_PERCENT": "0",
        "UNDECLARED_FIELDS": "keep",
        "CLOCK": "request",
        **_QUARANTINE,
    },
    "ingest_features": {"STREAM_FEATURE_GROUP": "cc-agg-fg", "FEATURES_TTL_DAYS": "7", **_READER},
    "accept": {
        "WATCH_QUEUE_URL": QUEUE,
        "UNDECIDED_AFTER_S": "10",
        "UNDECLARED_FIELDS": "keep",
        **_QUARANTINE,
        **_READER,
    },
    "watch": {
        "DECISIONS_TABLE": "decisions",
        "EVENT_BUS_NAME": "decided",
        "FALLBACK_RULE": "{}",
        "UNDECIDED_AFTER_S": "10",
        **_QUARANTINE,
    },
    "archive": {
        "ARCHIVE_BUCKET": "archive",
        "TRANSACTIONS_PREFIX": "transactions/",
        "DECISIONS_PREFIX": "decisions/",
        "QUARANTINE_PREFIX": "quarantine/",
        "UNDECLARED_FIELDS": "keep",
    },
    "record_labels": {
        "LABELS_TABLE": "labels",
        "DECISIONS_TABLE": "decisions",
        "ARCHIVE_BUCKET": "archive",
        "LABELS_PREFIX": "labels/",
        "QUARANTINE_PREFIX": "quarantine/",
    },
    "create_topics": {"CLUSTER_ARN": "arn:aws:kafka:eu-west-1:123456789012:cluster/fraud/0-1"},
    "catch_up": {"CLUSTER_ARN": "arn:aws:kafka:eu-west-1:123456789012:cluster/fraud/0-1"},
    "start_stream": {},
    "clean_up": {},
    "extend_features": {},
    "first_model": {},
    "gate": {
        "MODELS_BUCKET": "models",
        "AVERAGE_PRECISION_MARGIN": "0.002",
        "RECALL_MARGIN": "0.01",
        "SEGMENT_MARGIN": "0.1",
    },
    "champion": {"MODEL_PACKAGE_GROUP": "fraud"},
    "track_run": {
        "TRACKING_SERVER_ARN": "arn:aws:sagemaker:eu-west-1:123456789012:mlflow-tracking-server/fraud",
        "MODELS_BUCKET": "models",
    },
    "place_file": {},
    "start_crawl": {"CRAWLER_NAME": "files"},
    "start_transform": {
        "INPUT": "s3://raw/input/",
        "DATABASE_NAME": "files",
        "JOB_NAME": "transform",
        "COLUMNS": '{"types": {"amt": "double", "cc_num": "string"}, "needed": ["amt", "cc_num"]}',
        "EVENT_BUS_NAME": "decided",
    },
    "train_model": {
        "BATCH_BUCKET": "batch",
        "ARRIVING_PREFIX": "glue_transformed/train/",
        "BACK_END": _back_end("training"),
    },
    "publish_detector": {
        "DETECTOR": "card-fraud-dev",
        "MODEL": "card_fraud_dev",
        "HIGH_FROM": "900",
        "MEDIUM_FROM": "700",
    },
    "predict_batch": {
        "BATCH_BUCKET": "batch",
        "ARRIVING_PREFIX": "glue_transformed/batch_predict/",
        "BACK_END": _back_end("scoring"),
    },
}
ENVIRONMENTS = {
    function: {
        "LOG_LEVEL": "INFO",
        "POWERTOOLS_SERVICE_NAME": function,
        "POWERTOOLS_METRICS_NAMESPACE": "CardFraud",
        **variables,
    }
    for function, variables in _OF.items()
}
