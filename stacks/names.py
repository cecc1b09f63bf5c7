"""Names that several stacks must agree on: theirs, those of what jobs make at run time, and of what services make."""

from __future__ import annotations

from fraud.features.groups import FeatureGroup
from stacks.settings import Settings

JOB_LOG_GROUPS = ("/aws/sagemaker/ProcessingJobs", "/aws/sagemaker/TrainingJobs", "/aws/sagemaker/TransformJobs")
"""SageMaker's, of all jobs of the account: a job has streams of its own in them."""
OFFLINE_DATABASE = "sagemaker_featurestore"
"""The feature store's, in which it makes the tables of its offline copies."""
TRAINING_JOBS = ("training-set", "training", "evaluation")
"""The jobs of training."""
DRIFT_JOB = "drift"
TUNING_JOB = "tune"
"""A tuning job, and its training jobs."""
SHADOW_JOB = "shadow"
"""The job that compares a candidate that was a shadow with the champion."""
SYNTHESIS_JOBS = ("synth-extract", "synth-fit", "synth-sample", "synth-evaluate")
"""The jobs of synthetic fraud."""
SCORING_JOBS = ("score-requests", "score-answers", "score-results")
"""The jobs that score files: the second one a batch transform."""
RAW_READERS = ("FilesCrawlerRole", "FilesTransformRole")
"""What the names of the roles begin with, after the stack's, that may read files as they are dropped."""
INPUT, UPLOADS = "input/", "uploads/"
"""Prefixes of the raw bucket: files as they are dropped, and what says that an upload has ended."""
RAW_DAYS = 1
ARRIVING = {"Train": "glue_transformed/train/", "Predict": "glue_transformed/batch_predict/"}
"""Queues, and the prefixes of the bucket Batch of whose new objects they are told."""
SCORED, REPORTS, WORKING = "scored/", "reports/", "_working/"
"""Prefixes of the bucket Batch."""
ACTING_S = 60
"""How long a function may take that acts on new objects."""
JOBS = ("nightly", DRIFT_JOB, TUNING_JOB, SHADOW_JOB, *TRAINING_JOBS, *SYNTHESIS_JOBS, *SCORING_JOBS)
"""All jobs, those of settings that are off, too: they may have been on."""


def stack_name(settings: Settings, name: str) -> str:
    """The whole name of a stack.

    >>> stack_name(Settings(env="prod"), "Data")
    'CardFraud-Prod-Data'
    """
    return f"CardFraud-{settings.env.capitalize()}-{name}"


def model_prefix(settings: Settings) -> str:
    """The registry's and the endpoint's name; names of models and endpoint configurations begin with it."""
    return f"card-fraud-{settings.env}"


def run_prefix(settings: Settings, job: str) -> str:
    """What the names of a job's runs begin with: short, for an id of 36 characters follows and 63 are allowed."""
    return f"fraud-{settings.env}-{job}"


def stream_prefix(settings: Settings) -> str:
    """What the names of the stream jobs' applications begin with; a job's version follows."""
    return f"card-fraud-{settings.env}-stream-"


def notebook_name(settings: Settings) -> str:
    """The notebook instance's."""
    return f"card-fraud-{settings.env}-notebook"


def files_security(settings: Settings) -> str:
    """The security configuration of crawler and job of dropped files; the names of their log groups end with it."""
    return f"{stack_name(settings, 'Batch')}-files"


def endpoint_log_group(settings: Settings) -> str:
    """The log group that SageMaker makes for the endpoint."""
    return f"/aws/sagemaker/Endpoints/{model_prefix(settings)}"


def offline_table(group: FeatureGroup) -> str:
    """What the name of a group's offline table begins with; the time at which it was made follows.

    >>> from fraud.features.groups import NIGHTLY_GROUP
    >>> offline_table(NIGHTLY_GROUP)
    'cc_agg_batch_fg_'
    """
    return f"{group.name.replace('-', '_')}_"
