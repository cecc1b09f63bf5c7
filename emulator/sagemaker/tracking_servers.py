"""SageMaker's MLflow tracking servers: made and deleted by calls, each with the experiments and runs that it was told of.

What a run was told is kept in memory, by the operations of `mlflow_wire`. There is no page, so no address of one is given out;
artifacts are put into S3 by whoever keeps a run, as MLflow's client does.
"""

from __future__ import annotations

import posixpath
import re
import threading
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from emulator.errors import ServiceError
from emulator.sagemaker.listing import Listing
from emulator.sagemaker.records import Records

KIND = "mlflow-tracking-server"
_SERVERS = Listing(
    kind="TrackingServer",
    answer="TrackingServerSummaries",
    members=("LastModifiedTime", "TrackingServerStatus", "IsActive", "MlflowVersion"),
    status="TrackingServerStatus",
)
_VERSION = "3.0"
"""Of a server whose maker names none."""
_MISSING = ("RESOURCE_DOES_NOT_EXIST", 404)
_BY_TAG = re.compile(r"""tags\.`([^`]+)` = (?:'([^'\\]*)'|"([^"\\]*)")""")
MOST_A_BATCH = {"metrics": 1_000, "params": 100, "tags": 100}
MOST_TOGETHER = 1_000
"""What a call tells at most, of each kind and in all (MLflow's page *REST API*, Log Batch)."""
MOST_A_PAGE = 50_000
LONGEST_NAME = 250
"""Of a metric, a parameter or a tag (`mlflow.utils.validation`)."""
_NAME = re.compile(r"[/\w.\- :]+")
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

    def get_experiment_by_name(self, server: str, experiment_name: str, **_: Any) -> dict[str, Any]:
        arn = self._arn(server)
        with self._lock:
            for (holds, _number), experiment in self._experiments.items():
                if holds == arn and experiment["name"] == experiment_name:
                    return {"experiment": dict(experiment)}
        raise ServiceError(_MISSING[0], f"Could not find experiment with name '{experiment_name}'", _MISSING[1])

    def create_experiment(self, server: str, name: str, artifact_location: str = "", **_: Any) -> dict[str, Any]:
        record = self.servers.get(server)
        arn, place = record["TrackingServerArn"], str(record["ArtifactStoreUri"]).rstrip("/")
        with self._lock:
            if any(held == arn and one["name"] == name for (held, _number), one in self._experiments.items()):
                raise ServiceError("RESOURCE_ALREADY_EXISTS", f"Experiment '{name}' already exists.")
            number = str(1 + sum(held == arn for held, _number in self._experiments))
            self._experiments[arn, number] = {
                "experiment_id": number,
                "name": name,
                "artifact_location": artifact_location.rstrip("/") or f"{place}/{number}",
                "lifecycle_stage": "active",
            }
        return {"experiment_id": number}

    def create_run(
        self, server: str, experiment_id: str, start_time: int = 0, run_name: str = "", **given: Any
    ) -> dict[str, Any]:
        arn, tags = self._arn(server), given.get("tags") or []
        _check({"tags": tags})
        run_id = uuid.uuid4().hex
        with self._lock:
            experiment = self._experiments.get((arn, str(experiment_id)))
            if experiment is None:
                raise ServiceError(_MISSING[0], f"No Experiment with id={experiment_id} exists", _MISSING[1])
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
            run["tags"] |= {"mlflow.runName": run_name} | _texts(tags)
            self._runs[arn, run_id] = run
            return {"run": _told(run)}

    def get_run(self, server: str, run_id: str, **_: Any) -> dict[str, Any]:
        arn = self._arn(server)
        with self._lock:
            return {"run": _told(self._run(arn, run_id))}

    def search_runs(self, server: str, experiment_ids: list[str], **given: Any) -> dict[str, Any]:
        arn, wanted = self._arn(server), given.get("filter") or ""
        by_tag = _BY_TAG.fullmatch(wanted)
        if (wanted and by_tag is None) or given.get("order_by"):
            raise ServiceError("NOT_IMPLEMENTED", f"{wanted or 'an order'}: runs are searched by one tag here", 501)
        most, token = int(given.get("max_results") or 1_000), str(given.get("page_token") or 0)
        if not 0 < most <= MOST_A_PAGE or not token.isdecimal():
            raise _invalid(
                f"max_results: 1 to {MOST_A_PAGE}, and page_token: one that an answer had; got {most}, {token}"
            )
        begin = int(token)
        with self._lock:
            found = [
                run
                for (held, _), run in self._runs.items()
                if held == arn and run["info"]["experiment_id"] in map(str, experiment_ids)
            ]
            if by_tag:
                value = by_tag[2] if by_tag[3] is None else by_tag[3]
                found = [run for run in found if run["tags"].get(by_tag[1]) == value]
            found.sort(key=lambda run: (-run["info"]["start_time"], run["info"]["run_id"]))
            more = {"next_page_token": str(begin + most)} if len(found) > begin + most else {}
            return {"runs": [_told(run) for run in found[begin : begin + most]], **more}

    def log_batch(self, server: str, run_id: str, **given: Any) -> None:
        arn = self._arn(server)
        told = {kind: given.get(kind) or [] for kind in MOST_A_BATCH}
        for what, most, got in (
            *((kind, most, len(told[kind])) for kind, most in MOST_A_BATCH.items()),
            ("metrics, params, and tags", MOST_TOGETHER, sum(map(len, told.values()))),
        ):
            if got > most:
                raise _invalid(f"A batch logging request can contain at most {most} {what}. Got {got}.")
        _check(told)
        with self._lock:
            run = self._run(arn, run_id)
            for name, value in _texts(told["params"]).items():
                if run["params"].get(name, value) != value:
                    raise _invalid(f"Changing param values is not allowed: {name}")
            for one in told["metrics"]:
                known = run["metrics"].get(one["key"])
                if known is None or _newness(one) >= _newness(known):
                    run["metrics"][one["key"]] = one
            for kind in ("params", "tags"):
                run[kind] |= _texts(told[kind])

    def update_run(self, server: str, run_id: str, **given: Any) -> dict[str, Any]:
        if given.get("status", "RUNNING") not in _STATUSES:
            raise _invalid(f"{given['status']}: allowed: {', '.join(_STATUSES)}")
        arn = self._arn(server)
        with self._lock:
            info = self._run(arn, run_id)["info"]
            info |= {name: given[name] for name in ("status", "run_name") if given.get(name) is not None}
            if given.get("end_time") is not None:
                info["end_time"] = int(given["end_time"])
            return {"run_info": dict(info)}

    def _arn(self, server: str) -> str:
        """Of a server that there is; raises ServiceError if there is none."""
        return str(self.servers.get(server)["TrackingServerArn"])

    def _run(self, server: str, run_id: str) -> dict[str, Any]:
        run = self._runs.get((server, run_id))
        if run is None:
            raise ServiceError(_MISSING[0], f"Run '{run_id}' not found", _MISSING[1])
        return run


def _invalid(says: str) -> ServiceError:
    return ServiceError("INVALID_PARAMETER_VALUE", says)


def _check(told: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    """Holds what a run is told to what `mlflow.utils.validation` allows: names, numbers, and a parameter once."""
    for kind, ones in told.items():
        for place, one in enumerate(ones):
            name, value = one.get("key"), one.get("value")
            if not isinstance(name, str) or not _may_be_called(name):
                raise _invalid(
                    f"Invalid value {name!r} for parameter '{kind}[{place}].key' supplied: names are up to {LONGEST_NAME} "
                    "alphanumerics, underscores, dashes, periods, spaces, colons and, as in a path, slashes."
                )
            if kind == "metrics" and (isinstance(value, bool) or not isinstance(value, int | float)):
                raise _invalid(
                    f"Invalid value {value!r} for parameter 'metrics[{place}].value' supplied: it is no number."
                )
    names = [one["key"] for one in told.get("params", ())]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise _invalid(f"Duplicate parameter keys have been submitted: {twice}.")


def _may_be_called(name: str) -> bool:
    """A name is a path below a run's folder, too.

    >>> [_may_be_called(name) for name in ("by_category.food: a/b", "a//b", "../a", "/a", "a?", "")]
    [True, False, False, False, False, False]
    """
    plain = posixpath.normpath(name) == name and name != "." and not name.startswith(("..", "/"))
    return plain and len(name) <= LONGEST_NAME and _NAME.fullmatch(name) is not None


def _texts(pairs: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    return {one["key"]: str(one.get("value", "")) for one in pairs}


def _newness(metric: Mapping[str, Any]) -> tuple[int, int]:
    """Of two values of a metric, the one with more of it is shown."""
    return int(metric.get("step") or 0), int(metric.get("timestamp") or 0)


def _told(run: dict[str, Any]) -> dict[str, Any]:
    """A run as MLflow answers it."""
    pairs = {kind: [{"key": key, "value": value} for key, value in run[kind].items()] for kind in ("params", "tags")}
    return {"info": dict(run["info"]), "data": {"metrics": [*run["metrics"].values()], **pairs}}
