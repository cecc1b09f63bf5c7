"""SageMaker's MLflow tracking servers: made and deleted by calls, each with the experiments and runs that it was told of.

What a run was told is kept in memory, by the operations of `mlflow_wire`. There is no page, so no address of one is given out;
artifacts are put into S3 by whoever keeps a run, as MLflow's client does.
"""

from __future__ import annotations

import re
import threading
import uuid
from typing import Any

from emulator.errors import ServiceError
from emulator.sagemaker.listing import Listing
from emulator.sagemaker.records import Records

KIND = "mlflow-tracking-server"
_SERVERS = Listing(
    kind="TrackingServer",
    answer="TrackingServerSummaries",
    members=("LastModifiedTime", "TrackingServerStatus", "IsActive", "MlflowVersion"),
)
_VERSION = "3.0"
"""Of a server whose maker names none."""
_MISSING = ("RESOURCE_DOES_NOT_EXIST", 404)
_BY_TAG = re.compile(r"tags\.`([^`]+)` = '((?:[^'\\]|\\.)*)'")
MOST_A_BATCH = {"metrics": 1_000, "params": 100, "tags": 100}
"""What a call tells at most (MLflow's page *REST API*, Log Batch)."""
_STATUSES = ("RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED")


class TrackingServers:
    """The operations on tracking servers, and MLflow's on what they hold."""

    def __init__(self) -> None:
        self.servers = Records(KIND, "TrackingServer")
        self._experiments: dict[tuple[str, str], dict[str, Any]] = {}
        self._runs: dict[tuple[str, str], dict[str, Any]] = {}
        self._lock = threading.RLock()

    def create_mlflow_tracking_server(self, **given: Any) -> dict[str, Any]:
        record = self.servers.add(given["TrackingServerName"], given)
        record |= {"TrackingServerStatus": "Created", "IsActive": "Active"}
        record.setdefault("TrackingServerSize", "Small")
        record.setdefault("MlflowVersion", _VERSION)
        record.setdefault("AutomaticModelRegistration", False)
        return {"TrackingServerArn": record["TrackingServerArn"]}

    def describe_mlflow_tracking_server(self, TrackingServerName: str) -> dict[str, Any]:
        return dict(self.servers.get(TrackingServerName))

    def delete_mlflow_tracking_server(self, TrackingServerName: str) -> dict[str, Any]:
        arn = self.servers.get(TrackingServerName)["TrackingServerArn"]
        self.servers.remove(TrackingServerName)
        with self._lock:
            for held in (self._experiments, self._runs):
                for key in [key for key in held if key[0] == arn]:
                    del held[key]
        return {"TrackingServerArn": arn}

    def list_mlflow_tracking_servers(self, **given: Any) -> dict[str, Any]:
        return _SERVERS.page(self.servers.all(), given)

    def get_experiment_by_name(self, server: str, experiment_name: str) -> dict[str, Any]:
        self.servers.get(server)
        for (holds, _), experiment in [*self._experiments.items()]:
            if holds == server and experiment["name"] == experiment_name:
                return {"experiment": experiment}
        raise ServiceError(_MISSING[0], f"Could not find experiment with name '{experiment_name}'", _MISSING[1])

    def create_experiment(self, server: str, name: str, **_: Any) -> dict[str, Any]:
        place = str(self.servers.get(server)["ArtifactStoreUri"]).rstrip("/")
        with self._lock:
            if any(held == server and one["name"] == name for (held, _), one in self._experiments.items()):
                raise ServiceError("RESOURCE_ALREADY_EXISTS", f"Experiment '{name}' already exists.")
            number = str(1 + sum(held == server for held, _ in self._experiments))
            self._experiments[server, number] = {
                "experiment_id": number,
                "name": name,
                "artifact_location": f"{place}/{number}",
                "lifecycle_stage": "active",
            }
        return {"experiment_id": number}

    def create_run(
        self, server: str, experiment_id: str, start_time: int = 0, run_name: str = "", **given: Any
    ) -> dict[str, Any]:
        experiment = self._experiments.get((server, str(experiment_id)))
        if experiment is None:
            raise ServiceError(_MISSING[0], f"No Experiment with id={experiment_id} exists", _MISSING[1])
        run_id = uuid.uuid4().hex
        info = {
            "run_id": run_id,
            "run_uuid": run_id,
            "run_name": run_name,
            "experiment_id": str(experiment_id),
            "user_id": given.get("user_id", ""),
            "status": "RUNNING",
            "start_time": int(start_time),
            "artifact_uri": f"{experiment['artifact_location']}/{run_id}/artifacts",
            "lifecycle_stage": "active",
        }
        run: dict[str, Any] = {"info": info, "params": {}, "metrics": {}, "tags": {}}
        run["tags"] |= {"mlflow.runName": run_name} | {one["key"]: one["value"] for one in given.get("tags") or []}
        with self._lock:
            self._runs[server, run_id] = run
            return {"run": _told(run)}

    def get_run(self, server: str, run_id: str, **_: Any) -> dict[str, Any]:
        with self._lock:
            return {"run": _told(self._run(server, run_id))}

    def search_runs(self, server: str, experiment_ids: list[str], **given: Any) -> dict[str, Any]:
        wanted = given.get("filter") or ""
        by_tag = _BY_TAG.fullmatch(wanted)
        if (wanted and by_tag is None) or given.get("page_token") or given.get("order_by"):
            raise ServiceError(
                "NOT_IMPLEMENTED", f"{wanted or 'order or pages'}: runs are searched by one tag here", 501
            )
        with self._lock:
            found = [
                run
                for (held, _), run in self._runs.items()
                if held == server and run["info"]["experiment_id"] in map(str, experiment_ids)
            ]
            if by_tag:
                value = re.sub(r"\\(.)", r"\1", by_tag[2])
                found = [run for run in found if run["tags"].get(by_tag[1]) == value]
            found.sort(key=lambda run: -run["info"]["start_time"])
            return {"runs": [_told(run) for run in found[: int(given.get("max_results") or 1_000)]]}

    def log_batch(self, server: str, run_id: str, **given: Any) -> None:
        for kind, most in MOST_A_BATCH.items():
            if len(given.get(kind) or []) > most:
                raise ServiceError(
                    "INVALID_PARAMETER_VALUE", f"A batch logging request can contain at most {most} {kind}."
                )
        with self._lock:
            run = self._run(server, run_id)
            for one in given.get("params") or []:
                if run["params"].get(one["key"], one["value"]) != one["value"]:
                    raise ServiceError("INVALID_PARAMETER_VALUE", f"Changing param values is not allowed: {one['key']}")
            for one in given.get("metrics") or []:
                run["metrics"][one["key"]] = one
            for kind in ("params", "tags"):
                run[kind] |= {one["key"]: one["value"] for one in given.get(kind) or []}

    def update_run(self, server: str, run_id: str, **given: Any) -> dict[str, Any]:
        if given.get("status", "RUNNING") not in _STATUSES:
            raise ServiceError("INVALID_PARAMETER_VALUE", f"{given['status']}: allowed: {', '.join(_STATUSES)}")
        with self._lock:
            info = self._run(server, run_id)["info"]
            info |= {name: given[name] for name in ("status", "end_time", "run_name") if given.get(name) is not None}
            return {"run_info": dict(info)}

    def _run(self, server: str, run_id: str) -> dict[str, Any]:
        run = self._runs.get((server, run_id))
        if run is None:
            raise ServiceError(_MISSING[0], f"Run '{run_id}' not found", _MISSING[1])
        return run


def _told(run: dict[str, Any]) -> dict[str, Any]:
    """A run as MLflow answers it."""
    pairs = {kind: [{"key": key, "value": value} for key, value in run[kind].items()] for kind in ("params", "tags")}
    return {"info": dict(run["info"]), "data": {"metrics": [*run["metrics"].values()], **pairs}}
