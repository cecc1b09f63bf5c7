"""Running jobs of a stack that is being deleted: they would go on to write into what is deleted after it."""

from __future__ import annotations

from lambda_src.clean_up.unfinished import unfinished
from lambda_src.ports.clients import Client, client
from lambda_src.telemetry import logger
from lambda_src.time_left import TimeLeft

KINDS = ("Training", "Processing", "Transform")
POLL_S = 5.0


def stop_tuning_jobs(prefix: str, time_left: TimeLeft) -> None:
    """Stops the running tuning jobs whose names begin with a prefix, and waits until they have ended, their training jobs too."""
    sagemaker = client("sagemaker", timeout_s=10)
    for name in _tuning_jobs(sagemaker, prefix, "InProgress"):
        sagemaker.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
    while left := _tuning_jobs(sagemaker, prefix, "Stopping"):
        logger.info("waiting for tuning jobs to end", extra={"jobs": left})
        time_left.wait(POLL_S, unfinished(", ".join(left)))


def _tuning_jobs(sagemaker: Client, prefix: str, status: str) -> list[str]:
    pages = sagemaker.get_paginator("list_hyper_parameter_tuning_jobs").paginate(
        NameContains=prefix, StatusEquals=status
    )
    names = [each["HyperParameterTuningJobName"] for page in pages for each in page["HyperParameterTuningJobSummaries"]]
    return [name for name in names if name.startswith(prefix)]


def stop_jobs(prefix: str, time_left: TimeLeft) -> None:
    """Stops the running jobs whose names begin with a prefix, and waits until they have ended."""
    sagemaker = client("sagemaker", timeout_s=10)
    for name in _jobs(sagemaker, "Training", prefix, "InProgress"):
        sagemaker.stop_training_job(TrainingJobName=name)
    for name in _jobs(sagemaker, "Processing", prefix, "InProgress"):
        sagemaker.stop_processing_job(ProcessingJobName=name)
    for name in _jobs(sagemaker, "Transform", prefix, "InProgress"):
        sagemaker.stop_transform_job(TransformJobName=name)
    while left := [name for kind in KINDS for name in _jobs(sagemaker, kind, prefix, "Stopping")]:
        logger.info("waiting for jobs to end", extra={"jobs": left})
        time_left.wait(POLL_S, unfinished(", ".join(left)))


def _jobs(sagemaker: Client, kind: str, prefix: str, status: str) -> list[str]:
    pages = sagemaker.get_paginator(f"list_{kind.lower()}_jobs").paginate(NameContains=prefix, StatusEquals=status)
    names = [each[f"{kind}JobName"] for page in pages for each in page[f"{kind}JobSummaries"]]
    return [name for name in names if name.startswith(prefix)]
