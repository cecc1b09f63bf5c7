"""Jobs: what there is of them, and their runs. What a run does is in `run`."""

from __future__ import annotations

import logging
import secrets
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from emulator.clients import Clients
from emulator.clock import now
from emulator.errors import ServiceError
from emulator.glue.records import Records, page
from emulator.glue.run import Run
from emulator.glue.security import SecurityConfigurations
from emulator.glue.told import Tell
from emulator.protocol.service import Judge

GOING = ("STARTING", "RUNNING", "STOPPING", "WAITING")
_TIMEOUT_MIN = 480
"""Page *API_CreateJob*: the default for Glue 5.0 and later."""
_NOT_HERE = ("Connections", "JobRunQueuingEnabled", "MaintenanceWindow", "CodeGenConfigurationNodes")
_SEVERITIES = {"FAILED": "ERROR", "TIMEOUT": "WARN"}
_MESSAGES = {"SUCCEEDED": "Job run succeeded", "STOPPED": "Job run stopped", "TIMEOUT": "Job run timed out"}
_log = logging.getLogger(__name__)


class Jobs:
    """The operations on jobs and their runs.

    Args:
        folder: each run gets a folder below it while it runs; logs stay.
        clients, judge: what a run does is done, and judged, in the name of its role.
        pythons: {a version of Glue: the Python with its Spark that stands in for it}.
        security: the security configurations.
        tell: puts an event on the bus.
    """

    def __init__(
        self,
        folder: Path,
        clients: Clients,
        judge: Judge,
        pythons: Mapping[str, str],
        security: SecurityConfigurations,
        tell: Tell,
    ) -> None:
        self._folder, self._clients, self._judge, self._pythons = folder, clients, judge, pythons
        self._security, self._tell = security, tell
        self._jobs = Records("Job")
        self._runs: dict[str, list[dict[str, Any]]] = {}
        self._working: dict[str, Run] = {}
        self._lock = threading.Lock()

    def create_job(self, **given: Any) -> dict[str, Any]:
        name, at = given["Name"], now()
        self._jobs.add(name, {**self._checked(given), "Name": name, "CreatedOn": at, "LastModifiedOn": at})
        self._runs[name] = []
        return {"Name": name}

    def update_job(self, JobName: str, JobUpdate: dict[str, Any]) -> dict[str, Any]:
        record = self._jobs.get(JobName)
        changed, made = self._checked({**JobUpdate, "Name": JobName}), record["CreatedOn"]
        # page *API_UpdateJob*: what the update leaves out is removed, or back at its default
        record.clear()
        record.update({**changed, "Name": JobName, "CreatedOn": made, "LastModifiedOn": now()})
        return {"JobName": JobName}

    def get_job(self, JobName: str) -> dict[str, Any]:
        return {"Job": self._jobs.get(JobName)}

    def get_jobs(self, **given: Any) -> dict[str, Any]:
        return page(self._jobs.all(), "Jobs", given)

    def list_jobs(self, **given: Any) -> dict[str, Any]:
        return page([one["Name"] for one in self._jobs.all()], "JobNames", given)

    def delete_job(self, JobName: str) -> dict[str, Any]:
        # page *API_DeleteJob*: "If the job definition is not found, no exception is thrown."
        if any(one["Name"] == JobName for one in self._jobs.all()):
            self._jobs.remove(JobName)
        return {"JobName": JobName}

    def start_job_run(self, JobName: str, **given: Any) -> dict[str, Any]:
        if unknown := sorted(given.keys() - {"Arguments", "Timeout", "WorkerType", "NumberOfWorkers"}):
            raise ServiceError("NotImplementedException", f"{unknown[0]} of a run is not implemented here", 501)
        with self._lock:
            job = self._jobs.get(JobName)
            most = job["ExecutionProperty"]["MaxConcurrentRuns"]
            if sum(one["JobRunState"] in GOING for one in self._runs[JobName]) >= most:
                raise ServiceError(
                    "ConcurrentRunsExceededException", f"Concurrent runs exceeded for {JobName}: at most {most}"
                )
            run = self._begin(job, given, 0, f"jr_{secrets.token_hex(32)}")
        return {"JobRunId": run["Id"]}

    def get_job_run(self, JobName: str, RunId: str, **_: Any) -> dict[str, Any]:
        return {"JobRun": self._shown(self._run(JobName, RunId))}

    def get_job_runs(self, JobName: str, **given: Any) -> dict[str, Any]:
        self._jobs.get(JobName)
        return page([self._shown(one) for one in reversed(self._runs[JobName])], "JobRuns", given)

    def batch_stop_job_run(self, JobName: str, JobRunIds: list[str]) -> dict[str, Any]:
        stopped, errors = [], []
        for run_id in JobRunIds:
            told = {"JobName": JobName, "JobRunId": run_id}
            try:
                run = self._run(JobName, run_id)
                with self._lock:
                    if run["JobRunState"] not in ("STARTING", "RUNNING"):
                        raise ServiceError("InvalidInputException", f"Job run {run_id} is {run['JobRunState']}")
                    run["JobRunState"] = "STOPPING"
            except ServiceError as error:
                detail = {"ErrorCode": error.code, "ErrorMessage": error.message}
                errors.append({**told, "ErrorDetail": detail})
                continue
            self._working[run_id].stop()
            stopped.append(told)
        return {"SuccessfulSubmissions": stopped, "Errors": errors}

    def stop(self) -> None:
        """Ends every run's process."""
        for run in list(self._working.values()):
            run.stop()

    def processes(self) -> dict[str, list[int]]:
        """{run: the process group of its program}."""
        return {run_id: [run.pid] for run_id, run in list(self._working.items()) if run.pid}

    def _checked(self, given: dict[str, Any]) -> dict[str, Any]:
        for name in _NOT_HERE:
            if given.get(name):
                raise ServiceError("NotImplementedException", f"a job's {name} is not implemented here", 501)
        command, version = given["Command"], given.get("GlueVersion", "0.9")
        if command.get("Name") != "glueetl":
            raise ServiceError(
                "NotImplementedException", f"{command.get('Name')}: only glueetl is implemented here", 501
            )
        if version not in self._pythons:
            raise ServiceError(
                "NotImplementedException",
                f"GlueVersion {version}: nothing here stands in for it; there is {', '.join(self._pythons)}",
                501,
            )
        if not str(command.get("ScriptLocation", "")).startswith("s3://"):
            raise ServiceError("InvalidInputException", f"ScriptLocation: {command.get('ScriptLocation')} is no S3 URI")
        if bool(given.get("WorkerType")) != bool(given.get("NumberOfWorkers")) or (
            given.get("WorkerType") and given.get("MaxCapacity")
        ):
            # page *API_CreateJob*: MaxCapacity, or worker type and number
            raise ServiceError(
                "InvalidInputException", "Please set only MaxCapacity, or WorkerType and NumberOfWorkers"
            )
        if given.get("NumberOfWorkers", 2) < 2:
            raise ServiceError("InvalidInputException", "NumberOfWorkers: at least 2, a driver and an executor")
        self._security.named(given.get("SecurityConfiguration"))
        property_ = {"MaxConcurrentRuns": 1, **(given.get("ExecutionProperty") or {})}
        kept = {name: value for name, value in given.items() if value is not None and name != "Tags"}
        return {"MaxRetries": 0, "Timeout": _TIMEOUT_MIN, **kept, "ExecutionProperty": property_}

    def _run(self, job: str, run_id: str) -> dict[str, Any]:
        found = next((one for one in self._runs.get(job, []) if one["Id"] == run_id), None)
        if found is None:
            raise ServiceError("EntityNotFoundException", f"Job run {run_id} of {job} not found.")
        return found

    def _shown(self, run: dict[str, Any]) -> dict[str, Any]:
        ended = run.get("CompletedOn") or now()
        return {**run, "ExecutionTime": int((ended - run["StartedOn"]).total_seconds())}

    def _begin(self, job: dict[str, Any], given: dict[str, Any], attempt: int, run_id: str) -> dict[str, Any]:
        at = now()
        kept = ("Timeout", "WorkerType", "NumberOfWorkers", "MaxCapacity", "SecurityConfiguration", "GlueVersion")
        run = {
            **{name: job[name] for name in kept if name in job},
            **given,
            "Id": run_id,
            "JobName": job["Name"],
            "Attempt": attempt,
            "JobRunState": "STARTING",
            "StartedOn": at,
            "LastModifiedOn": at,
        }
        security = self._security.named(job.get("SecurityConfiguration"))
        python = Path(self._pythons[job["GlueVersion"]])
        work = Run(self._clients, self._judge, dict(job), run, python, self._folder / run_id, security)
        run["LogGroupName"] = work.log_group
        self._working[run_id] = work
        self._runs[job["Name"]].append(run)
        threading.Thread(target=self._work, args=(job, given, run, work), name=run_id, daemon=True).start()
        return run

    def _work(self, job: dict[str, Any], given: dict[str, Any], run: dict[str, Any], work: Run) -> None:
        def running() -> None:
            with self._lock:
                if run["JobRunState"] == "STARTING":
                    run["JobRunState"] = "RUNNING"

        state, says = work.go(running)
        with self._lock:
            if run["JobRunState"] == "STOPPING":
                state, says = "STOPPED", ""
            if says:
                run["ErrorMessage"] = says
            run["CompletedOn"] = run["LastModifiedOn"] = now()
            del self._working[run["Id"]]
            if state == "FAILED" and run["Attempt"] < job["MaxRetries"]:
                first = run["Id"].partition("_attempt_")[0]
                attempt = run["Attempt"] + 1
                self._begin(job, given, attempt, f"{first}_attempt_{attempt}")["PreviousRunId"] = run["Id"]
            # last: whoever waits for the end finds everything else in place
            run["JobRunState"] = state
        if state == "FAILED":
            _log.warning("job %s, run %s: %s", job["Name"], run["Id"], says)
        detail = {
            "jobName": job["Name"],
            "severity": _SEVERITIES.get(state, "INFO"),
            "state": state,
            "jobRunId": run["Id"],
            "message": says or _MESSAGES[state],
        }
        self._tell("aws.glue", "Glue Job State Change", detail)
