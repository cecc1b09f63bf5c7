"""Tuning jobs: real training jobs, so many at a time, on hyper-parameters that are proposed by what those before came to.

The objective is read from each training job's log as it grows, by the regular expression that the tuning job names; one that is
worse than those before is stopped early where that is asked for.
"""

from __future__ import annotations

import contextlib
import logging
import math
import re
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from emulator.clock import now
from emulator.errors import ServiceError
from emulator.sagemaker.jobs import Jobs
from emulator.sagemaker.listing import Listing
from emulator.sagemaker.records import Records
from emulator.sagemaker.script_mode import TUNED_METRIC
from emulator.sagemaker.tuning_checks import check
from emulator.sagemaker.tuning_search import Search, hopeless

ATTEMPTS = 5
"""After so many training jobs of which none has come to anything, a tuning job has failed."""
NONE_SUCCEEDED = (
    "No training job succeeded after {} attempts. Please take a look at the training job failures to get more details."
)
NO_OBJECTIVE = (
    "No objective metrics found after running {} training jobs. Please ensure that the custom algorithm is emitting the "
    "objective metric as defined by the regular expression provided."
)
"""As the service says it."""
_LISTING = Listing(
    kind="HyperParameterTuningJob",
    answer="HyperParameterTuningJobSummaries",
    members=(
        *("HyperParameterTuningJobStatus", "Strategy", "HyperParameterTuningEndTime", "LastModifiedTime"),
        *("TrainingJobStatusCounters", "ObjectiveStatusCounters", "ResourceLimits"),
    ),
    order="Ascending",
    by="Name",
)
_TRIALS = Listing(
    kind="TrainingJob",
    answer="TrainingJobSummaries",
    members=(
        *("TrainingStartTime", "TrainingEndTime", "TrainingJobStatus", "TunedHyperParameters", "FailureReason"),
        *("FinalHyperParameterTuningJobObjectiveMetric", "ObjectiveStatus"),
    ),
    order="Ascending",
    by="Name",
)
_POLL_S = 0.1
_ENDED = ("Completed", "Failed", "Stopped")

_log = logging.getLogger(__name__)


@dataclass
class _Trial:
    """A training job of a tuning job.

    Attributes:
        record: the training job's.
        told: the objective, each time that its log has it.
    """

    record: dict[str, Any]
    told: list[float] = field(default_factory=list)

    @property
    def status(self) -> str:
        return str(self.record["TrainingJobStatus"])

    @property
    def objective(self) -> str:
        """Its status: Pending until the whole log is read."""
        return str(self.record["ObjectiveStatus"])


class TuningJobs:
    """The operations on tuning jobs.

    Args:
        jobs: run the training jobs.
    """

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs
        self._records = Records("hyper-parameter-tuning-job", "HyperParameterTuningJob")
        self._trials: dict[str, list[_Trial]] = {}
        self._lock = threading.Lock()

    def create_hyper_parameter_tuning_job(self, **given: Any) -> dict[str, Any]:
        check(given)
        config = given["HyperParameterTuningJobConfig"]
        search = Search(
            config["ParameterRanges"],
            config["Strategy"],
            maximize=config["HyperParameterTuningJobObjective"]["Type"] == "Maximize",
            seed=config.get("RandomSeed"),
        )
        record = self._records.add(given["HyperParameterTuningJobName"], given)
        name = record["HyperParameterTuningJobName"]
        self._trials[name] = []
        record |= {
            "HyperParameterTuningJobStatus": "InProgress",
            "Strategy": config["Strategy"],
            "ResourceLimits": config["ResourceLimits"],
        }
        self._count(record)
        threading.Thread(target=self._tune, args=(record, search), name=name, daemon=True).start()
        return {"HyperParameterTuningJobArn": record["HyperParameterTuningJobArn"]}

    def describe_hyper_parameter_tuning_job(self, HyperParameterTuningJobName: str) -> dict[str, Any]:
        return dict(self._records.get(HyperParameterTuningJobName))

    def list_hyper_parameter_tuning_jobs(self, **given: Any) -> dict[str, Any]:
        return _LISTING.page(self._records.all(), given)

    def list_training_jobs_for_hyper_parameter_tuning_job(
        self, HyperParameterTuningJobName: str, **given: Any
    ) -> dict[str, Any]:
        record = self._records.get(HyperParameterTuningJobName)
        found = [trial.record for trial in self._trials[record["HyperParameterTuningJobName"]]]
        return _TRIALS.page(found, given)

    def stop_hyper_parameter_tuning_job(self, HyperParameterTuningJobName: str) -> None:
        record = self._records.get(HyperParameterTuningJobName)
        with self._lock:
            if record["HyperParameterTuningJobStatus"] != "InProgress":
                raise ServiceError("ValidationException", f"{HyperParameterTuningJobName} is not running")
            record["HyperParameterTuningJobStatus"] = "Stopping"

    def stop(self) -> None:
        """Starts no further training job."""
        for record in self._records.all():
            if record["HyperParameterTuningJobStatus"] == "InProgress":
                record["HyperParameterTuningJobStatus"] = "Stopping"

    def _tune(self, record: dict[str, Any], search: Search) -> None:
        why, status = None, "Failed"
        try:
            why = self._tried(record, search)
            status = "Failed" if why else "Completed"
        except Exception as error:  # noqa: BLE001 - whatever it is, the job has failed and says so
            _log.exception("tuning job %s failed", record["HyperParameterTuningJobName"])
            why = f"{type(error).__name__}: {error}"
            for trial in self._trials[record["HyperParameterTuningJobName"]]:
                self._stop_trial(trial)
        with self._lock:
            if record["HyperParameterTuningJobStatus"] == "Stopping":
                status = "Stopped"
            elif why:
                record["FailureReason"] = why
            record["HyperParameterTuningEndTime"] = record["LastModifiedTime"] = now()
            # last: whoever waits for the end finds everything else in place
            record["HyperParameterTuningJobStatus"] = status

    def _tried(self, record: dict[str, Any], search: Search) -> str | None:
        """Runs all training jobs to their end, or to the tuning job's; why it has failed, if it has."""
        limits = record["HyperParameterTuningJobConfig"]["ResourceLimits"]
        most, at_once = limits["MaxNumberOfTrainingJobs"], limits["MaxParallelTrainingJobs"]
        until = time.monotonic() + limits.get("MaxRuntimeInSeconds", 30 * 86_400)
        trials = self._trials[record["HyperParameterTuningJobName"]]
        running: list[_Trial] = []
        while True:
            why = _failed(trials, most)
            goes_on = record["HyperParameterTuningJobStatus"] == "InProgress" and not why and time.monotonic() < until
            if goes_on and len(running) < at_once and len(trials) < most:
                running.append(self._begun(record, search, len(trials) + 1))
                trials.append(running[-1])
            for trial in list(running):
                self._look(record, trial, trials)
                if trial.status in _ENDED:
                    running.remove(trial)
                    self._end(record, search, trial)
                elif not goes_on:
                    self._stop_trial(trial)
            self._count(record)
            if not running and (not goes_on or len(trials) == most):
                return _failed(trials, most)
            time.sleep(_POLL_S)

    def _begun(self, record: dict[str, Any], search: Search, number: int) -> _Trial:
        tuned = search.propose()
        definition = record["TrainingJobDefinition"]
        metric = record["HyperParameterTuningJobConfig"]["HyperParameterTuningJobObjective"]["MetricName"]
        name = f"{record['HyperParameterTuningJobName']}-{number:03d}-{uuid.uuid4().hex[:8]}"
        given = {
            key: value for key, value in definition.items() if key not in ("StaticHyperParameters", "DefinitionName")
        }
        parameters = {**definition.get("StaticHyperParameters", {}), **tuned, TUNED_METRIC: metric}
        self._jobs.create_training_job(**given, TrainingJobName=name, HyperParameters=parameters)
        begun = self._jobs.training.get(name)
        begun |= {
            "TuningJobArn": record["HyperParameterTuningJobArn"],
            "TunedHyperParameters": tuned,
            "ObjectiveStatus": "Pending",
        }
        return _Trial(begun)

    def _look(self, record: dict[str, Any], trial: _Trial, trials: list[_Trial]) -> None:
        """Reads what its log says of the objective, and stops it early where it is worse than those before."""
        config = record["HyperParameterTuningJobConfig"]
        metric = config["HyperParameterTuningJobObjective"]["MetricName"]
        defined = record["TrainingJobDefinition"]["AlgorithmSpecification"]["MetricDefinitions"]
        regex = next(one["Regex"] for one in defined if one["Name"] == metric)
        trial.told = self._values(trial.record["TrainingJobName"], regex)
        if config.get("TrainingJobEarlyStoppingType", "Off") == "Auto" and trial.status == "InProgress":
            maximize = config["HyperParameterTuningJobObjective"]["Type"] == "Maximize"
            # of one that has just ended not all may be read yet
            before = [one.told for one in trials if one.status == "Completed" and one.objective == "Succeeded"]
            if hopeless(trial.told, before, maximize=maximize):
                self._stop_trial(trial)

    def _values(self, name: str, regex: str) -> list[float]:
        found = []
        for line in self._jobs.log(name).splitlines():
            for match in re.finditer(regex, line):
                with contextlib.suppress(ValueError):  # what is no number is no value of the metric
                    found.append(float(match[1] or ""))
        return [each for each in found if math.isfinite(each)]

    def _stop_trial(self, trial: _Trial) -> None:
        with contextlib.suppress(ServiceError):  # it has ended meanwhile
            self._jobs.stop_training_job(trial.record["TrainingJobName"])

    def _end(self, record: dict[str, Any], search: Search, trial: _Trial) -> None:
        objective = record["HyperParameterTuningJobConfig"]["HyperParameterTuningJobObjective"]
        self._look(record, trial, [])  # what it has said since, and nothing is stopped any more
        value = trial.told[-1] if trial.told and trial.status != "Failed" else None
        trial.record["ObjectiveStatus"] = "Failed" if value is None else "Succeeded"
        if value is None:
            return
        search.told(trial.record["TunedHyperParameters"], value)
        final = {"Type": objective["Type"], "MetricName": objective["MetricName"], "Value": value}
        trial.record["FinalHyperParameterTuningJobObjectiveMetric"] = final
        trial.record["FinalMetricDataList"] = [
            {"MetricName": objective["MetricName"], "Value": value, "Timestamp": now()}
        ]
        best: dict[str, Any] | None = record.get("BestTrainingJob")
        better: Callable[[float, float], bool] = float.__gt__ if objective["Type"] == "Maximize" else float.__lt__
        known: float | None = best["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] if best else None
        # page API_DescribeHyperParameterTuningJob: of those that completed
        if trial.status == "Completed" and (known is None or better(value, known)):
            (summary,) = _TRIALS.page([trial.record], {})["TrainingJobSummaries"]
            record["BestTrainingJob"] = summary

    def _count(self, record: dict[str, Any]) -> None:
        trials = self._trials[record["HyperParameterTuningJobName"]]
        statuses = [trial.status for trial in trials]
        objectives = [trial.objective for trial in trials]
        record["TrainingJobStatusCounters"] = {
            "Completed": statuses.count("Completed"),
            "InProgress": statuses.count("InProgress") + statuses.count("Stopping"),
            "RetryableError": 0,
            "NonRetryableError": statuses.count("Failed"),
            "Stopped": statuses.count("Stopped"),
        }
        record["ObjectiveStatusCounters"] = {
            each: objectives.count(each) for each in ("Succeeded", "Pending", "Failed")
        }


def _failed(trials: list[_Trial], most: int) -> str | None:
    """Why a tuning job has failed, once enough of its training jobs have ended and none has come to anything."""
    ended = [trial for trial in trials if trial.objective != "Pending"]
    if len(ended) < min(ATTEMPTS, most) or any(trial.objective == "Succeeded" for trial in ended):
        return None
    says = NONE_SUCCEEDED if all(trial.status == "Failed" for trial in ended) else NO_OBJECTIVE
    return says.format(len(ended))
