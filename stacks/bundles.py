"""What each function, each job and the stream job is shipped with: its own code, and of the rest what it imports, no more.

So a change gives a new version to those alone that it concerns: a function keeps its own while others change. The tables name
modules; a module brings its packages and the files that it reads. `tests/stacks/test_bundles.py` holds them to the imports.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from stacks.asset_cache import ROOT

_EVERY_FUNCTION = (
    "fraud.notation",
    "lambda_src.environment",
    "lambda_src.ports.clients",
    "lambda_src.telemetry",
)
_CUSTOM_RESOURCE = (*_EVERY_FUNCTION, "lambda_src.custom_resource")
_LONG_WORK = (*_CUSTOM_RESOURCE, "lambda_src.time_left")
_TRANSACTIONS = (
    *_EVERY_FUNCTION,
    "fraud.card_numbers",
    "fraud.card_text",
    "fraud.clock",
    "fraud.fields",
    "fraud.transaction",
    "fraud.wire_form",
)
_TOPIC = (*_TRANSACTIONS, "lambda_src.kafka_event")
_QUARANTINE = ("fraud.quarantine", "lambda_src.ports.quarantine_bucket")
_CATALOGUE = (
    "fraud.columns",
    "fraud.durations",
    "fraud.features.catalogue",
    "fraud.features.feature",
    "fraud.features.habits",
    "fraud.features.risks",
    "fraud.features.windows",
    "fraud.fields",
)
_FEATURE_RECORDS = (*_CATALOGUE, "fraud.feature_record")
_VECTOR = (
    *_CATALOGUE,
    "fraud.features.derived",
    "fraud.features.formula",
    "fraud.model_input",
    "fraud.vector",
)
_DECISIONS = (*_VECTOR, "fraud.columns", "fraud.decision", "fraud.units")
_ITEMS = ("lambda_src.ports.dynamodb_items",)
_DECISION_TABLE = (
    *_DECISIONS,
    *_ITEMS,
    "fraud.feature_record",
    "fraud.payment",
    "fraud.retries",
    "lambda_src.batches",
    "lambda_src.ports.decision_table",
)
_DECIDING = (
    *_FEATURE_RECORDS,
    *_DECISION_TABLE,
    "fraud.answers",
    "fraud.control_group",
    "fraud.deciding",
    "fraud.features.nightly",
    "fraud.ports",
    "lambda_src.decision_metrics",
    "lambda_src.ports.collision_archive",
    "lambda_src.ports.event_bus",
)
_ARRIVALS = (
    *_EVERY_FUNCTION,
    "fraud.card_numbers",
    "fraud.card_text",
    "fraud.detector",
    "fraud.fields",
    "lambda_src.arrivals",
    "lambda_src.object_events",
    "lambda_src.ports.arrived_objects",
    "lambda_src.ports.back_ends",
    "lambda_src.ports.batch_back_end",
    "lambda_src.ports.detector_service",
    "lambda_src.ports.fraud_detector_back_end",
    "lambda_src.ports.sagemaker_back_end",
)
FUNCTIONS: Mapping[str, tuple[str, ...]] = {
    "api": (
        *_TRANSACTIONS,
        *_DECIDING,
        "fraud.api",
        "fraud.features.groups",
        "fraud.features.nightly_records",
        "fraud.label",
        "fraud.model_request",
        "fraud.stored_windows",
        "lambda_src.ports.card_feature_store",
        "lambda_src.ports.endpoint_scorer",
        "lambda_src.ports.label_events",
        "lambda_src.ports.label_table",
        "lambda_src.ports.nightly_feature_store",
    ),
    "accept": (*_TOPIC, *_QUARANTINE, *_DECISION_TABLE, "lambda_src.ports.watch_queue"),
    "archive": (*_TOPIC, *_QUARANTINE, *_DECISIONS, *_ITEMS, "lambda_src.ports.parquet_archive"),
    "catch_up": (*_LONG_WORK, "lambda_src.ports.group_progress", "lambda_src.ports.kafka_topics"),
    "champion": (
        *_EVERY_FUNCTION,
        *_VECTOR,
        "fraud.champion",
        "fraud.promotion",
        "lambda_src.ports.model_archive",
        "lambda_src.ports.model_registry",
    ),
    "clean_up": (
        *_LONG_WORK,
        "fraud.detector",
        "fraud.fields",
        "lambda_src.ports.detector_service",
        "lambda_src.ports.detector_teardown",
    ),
    "create_topics": (*_CUSTOM_RESOURCE, "lambda_src.ports.kafka_topics"),
    "decide": (
        *_TOPIC,
        *_QUARANTINE,
        *_DECIDING,
        "fraud.features.groups",
        "fraud.features.nightly_records",
        "fraud.model_request",
        "lambda_src.ports.endpoint_scorer",
        "lambda_src.ports.nightly_feature_store",
    ),
    "extend_features": _LONG_WORK,
    "first_model": _CUSTOM_RESOURCE,
    "gate": (*_EVERY_FUNCTION, "fraud.promotion", "lambda_src.ports.model_registry"),
    "ingest_features": (
        *_TOPIC,
        *_FEATURE_RECORDS,
        "fraud.features.batch_write",
        "fraud.features.groups",
        "fraud.retries",
    ),
    "place_file": _CUSTOM_RESOURCE,
    "predict_batch": _ARRIVALS,
    "publish_detector": (
        *_EVERY_FUNCTION,
        "fraud.detector",
        "fraud.fields",
        "lambda_src.ports.detector_service",
        "lambda_src.ports.publishing",
    ),
    "record_labels": (
        *_TOPIC,
        *_QUARANTINE,
        *_DECISION_TABLE,
        "fraud.durations",
        "fraud.label",
        "lambda_src.ports.label_table",
        "lambda_src.ports.labels_queue",
        "lambda_src.ports.parquet_archive",
    ),
    "start_crawl": (*_EVERY_FUNCTION, "fraud.card_numbers", "fraud.card_text"),
    "start_stream": _LONG_WORK,
    "start_transform": (*_EVERY_FUNCTION, "fraud.card_numbers", "fraud.card_text"),
    "track_run": (
        *_EVERY_FUNCTION,
        *_VECTOR,
        "fraud.champion",
        "fraud.tracking",
        "lambda_src.ports.model_archive",
        "lambda_src.ports.tracking_server",
    ),
    "train_model": _ARRIVALS,
    "watch": (*_TRANSACTIONS, *_DECIDING, "lambda_src.ports.watch_queue"),
}
"""{function: the modules beside those in its own folder}."""

_TABLE_READERS = (
    *_CATALOGUE,
    "fraud.features.nightly",
    "fraud.features.sql",
    "fraud.row_counts",
    "fraud.sql_text",
)
_DRIFT = (
    "sagemaker_src.drift.baseline",
    "sagemaker_src.drift.performance",
    "sagemaker_src.drift.series",
)
JOBS: Mapping[str, tuple[str, ...]] = {
    "drift": (
        *_VECTOR,
        *_DRIFT,
        "fraud.columns",
        "fraud.notation",
        "sagemaker_src.drift.compare",
        "sagemaker_src.drift.decisions",
        "sagemaker_src.drift.drift",
        "sagemaker_src.drift.labelled",
        "sagemaker_src.drift.page",
        "sagemaker_src.drift.realised",
        "sagemaker_src.options",
        "sagemaker_src.page_style",
    ),
    "nightly": (
        *_TABLE_READERS,
        "fraud.features.batch_write",
        "fraud.features.groups",
        "fraud.features.nightly_records",
        "fraud.notation",
        "fraud.retries",
        "sagemaker_src.options",
        "sagemaker_src.processing.archive_days",
        "sagemaker_src.processing.batch_features",
        "sagemaker_src.processing.duckdb_engine",
        "sagemaker_src.processing.engines",
        "sagemaker_src.processing.entity_risk",
        "sagemaker_src.processing.nightly",
        "sagemaker_src.processing.nightly_sums",
        "sagemaker_src.processing.spark_engine",
        "sagemaker_src.processing.told_labels",
        "sagemaker_src.processing.transactions",
    ),
    "scoring": (
        *_TABLE_READERS,
        *_DECISIONS,
        *_FEATURE_RECORDS,
        "fraud.answers",
        "fraud.card_numbers",
        "fraud.card_text",
        "fraud.clock",
        "fraud.model_request",
        "fraud.notation",
        "fraud.payment",
        "fraud.ports",
        "fraud.transaction",
        "fraud.wire_form",
        "sagemaker_src.options",
        "sagemaker_src.processing.archive_days",
        "sagemaker_src.processing.batch_features",
        "sagemaker_src.processing.duckdb_engine",
        "sagemaker_src.processing.engines",
        "sagemaker_src.processing.entity_risk",
        "sagemaker_src.processing.spark_engine",
        "sagemaker_src.processing.told_labels",
        "sagemaker_src.processing.transactions",
        "sagemaker_src.scoring.answers",
        "sagemaker_src.scoring.arrivals",
        "sagemaker_src.scoring.part",
        "sagemaker_src.scoring.requests",
        "sagemaker_src.scoring.scores",
    ),
    "transform": (
        "fraud.card_numbers",
        "fraud.card_text",
        "fraud.detector",
        "fraud.fields",
        "fraud.notation",
        "fraud.row_counts",
        "fraud.sql_text",
        "fraud.transaction",
        "fraud.wire_form",
        "glue_scripts.parquet_bytes",
        "glue_scripts.row_frame",
        "glue_scripts.stores",
        "glue_scripts.transform",
        "reading.card_numbers",
        "reading.columns",
        "reading.contents",
        "reading.errors",
        "reading.event_times",
        "reading.forms.csv_rows",
        "reading.forms.delimited",
        "reading.forms.json_lines",
        "reading.forms.parquet",
        "reading.forms.part",
        "reading.judged_rows",
        "reading.mapping.expressions",
        "reading.mapping.failures",
        "reading.mapping.parts",
        "reading.mapping.relation",
        "reading.mapping.toml_file",
        "reading.mended",
        "reading.places",
        "reading.rules",
        "reading.source",
        "reading.text",
        "reading.transactions",
        "reading.zones",
    ),
    "synthesis": (
        *_TABLE_READERS,
        "fraud.card_numbers",
        "fraud.card_text",
        "fraud.notation",
        "sagemaker_src.options",
        "sagemaker_src.processing.batch_features",
        "sagemaker_src.processing.transactions",
        "sagemaker_src.synthesis.baselines",
        "sagemaker_src.synthesis.bounded_columns",
        "sagemaker_src.synthesis.calibration",
        "sagemaker_src.synthesis.category_columns",
        "sagemaker_src.synthesis.checkpoints",
        "sagemaker_src.synthesis.columns",
        "sagemaker_src.synthesis.copula",
        "sagemaker_src.synthesis.errors",
        "sagemaker_src.synthesis.fitting",
        "sagemaker_src.synthesis.generators",
        "sagemaker_src.synthesis.jobs.evaluate",
        "sagemaker_src.synthesis.jobs.extract",
        "sagemaker_src.synthesis.jobs.files",
        "sagemaker_src.synthesis.jobs.fit",
        "sagemaker_src.synthesis.jobs.sample",
        "sagemaker_src.synthesis.judging",
        "sagemaker_src.synthesis.marginals",
        "sagemaker_src.synthesis.networks",
        "sagemaker_src.synthesis.number_columns",
        "sagemaker_src.synthesis.page.axes",
        "sagemaker_src.synthesis.page.correlations",
        "sagemaker_src.synthesis.page.figures",
        "sagemaker_src.synthesis.page.gains",
        "sagemaker_src.synthesis.page.histograms",
        "sagemaker_src.synthesis.page.page",
        "sagemaker_src.synthesis.page.plane",
        "sagemaker_src.synthesis.page.scatter",
        "sagemaker_src.synthesis.page.scatter_views",
        "sagemaker_src.synthesis.page.training",
        "sagemaker_src.synthesis.page.wording",
        "sagemaker_src.synthesis.privacy_budget",
        "sagemaker_src.synthesis.private_training",
        "sagemaker_src.synthesis.quality.attacks",
        "sagemaker_src.synthesis.quality.bench",
        "sagemaker_src.synthesis.quality.evaluation",
        "sagemaker_src.synthesis.quality.fidelity",
        "sagemaker_src.synthesis.quality.judge",
        "sagemaker_src.synthesis.quality.libraries",
        "sagemaker_src.synthesis.quality.privacy",
        "sagemaker_src.synthesis.quality.resplits",
        "sagemaker_src.synthesis.quality.sentences",
        "sagemaker_src.synthesis.quality.utility",
        "sagemaker_src.synthesis.quality.values",
        "sagemaker_src.synthesis.quality.verdict",
        "sagemaker_src.synthesis.resampling",
        "sagemaker_src.synthesis.sampling",
        "sagemaker_src.synthesis.smote",
        "sagemaker_src.synthesis.storage",
        "sagemaker_src.synthesis.table",
        "sagemaker_src.synthesis.wgan",
        "sagemaker_src.synthesis.wgan_batches",
        "sagemaker_src.synthesis.wgan_distance",
        "sagemaker_src.synthesis.wgan_epochs",
        "sagemaker_src.synthesis.wgan_files",
        "sagemaker_src.synthesis.wgan_rows",
        "sagemaker_src.synthesis.wgan_training",
        "sagemaker_src.training.feature_rows",
    ),
    "training": (
        *_TABLE_READERS,
        *_DRIFT,
        "fraud.decision_costs",
        "fraud.notation",
        "fraud.search_space",
        *_VECTOR,
        "sagemaker_src.options",
        "sagemaker_src.page_style",
        "sagemaker_src.processing.batch_features",
        "sagemaker_src.processing.known_labels",
        "sagemaker_src.processing.set_manifest",
        "sagemaker_src.processing.told_labels",
        "sagemaker_src.processing.training_set",
        "sagemaker_src.processing.transactions",
        "sagemaker_src.serving.inference",
        "sagemaker_src.shadow.captured",
        "sagemaker_src.shadow.compare",
        "sagemaker_src.shadow.page",
        "sagemaker_src.training.cost_curve",
        "sagemaker_src.training.cost_options",
        "sagemaker_src.training.evaluate_model",
        "sagemaker_src.training.feature_rows",
        "sagemaker_src.training.fitting",
        "sagemaker_src.training.judging",
        "sagemaker_src.training.leakage",
        "sagemaker_src.training.metrics",
        "sagemaker_src.training.operating",
        "sagemaker_src.training.resampling",
        "sagemaker_src.training.scored_rows",
        "sagemaker_src.training.segments",
        "sagemaker_src.training.split",
        "sagemaker_src.training.synthetic_rows",
        "sagemaker_src.training.train",
        "sagemaker_src.tuning.judging",
        "sagemaker_src.tuning.trial",
    ),
}
"""{state machine: the modules of its jobs}."""

STREAM = (
    "flink_src.configuration",
    "flink_src.exchanges",
    "flink_src.flushing",
    "flink_src.main",
    "flink_src.partition_keys",
    "flink_src.properties",
    "flink_src.statements",
    *_CATALOGUE,
    "fraud.features.sql",
    "fraud.wire_form",
)
"""The modules of the stream job."""

READ_BY = {
    "flink_src.statements": "flink_src/sql/*.sql",
    "fraud.card_text": "fraud/card_numbers.txt",
    "lambda_src.api.handler": "docs/openapi.json",
    "reading.mapping.toml_file": "reading/mappings/*.toml",
    "sagemaker_src.synthesis.page.page": "sagemaker_src/synthesis/page/templates/*",
}
"""{module: the files that it reads}."""


def function_sources(name: str) -> tuple[Path, ...]:
    """The files that a function is shipped with, in order.

    >>> [file.name for file in function_sources("extend_features") if file.parent.name == "ports"]
    ['__init__.py', 'clients.py']
    """
    own = (f"lambda_src.{name}.{file.stem}" for file in (ROOT / "lambda_src" / name).glob("*.py"))
    return sources((*own, *FUNCTIONS[name]))


def sources(modules: Iterable[str]) -> tuple[Path, ...]:
    """The files of modules, in order: their own, their packages', and those that they read."""
    return tuple(sorted({file for module in modules for file in _files(module)}))


def _files(module: str) -> Iterator[Path]:
    *packages, name = module.split(".")
    folder = ROOT
    for package in packages:
        folder /= package
        yield folder / "__init__.py"
    yield folder / f"{name}.py"
    if module in READ_BY:
        yield from ROOT.glob(READ_BY[module])
