"""Models, endpoint configurations and endpoints: each endpoint is a serving process over the model that its configuration names.

A process that ends by itself is started again; one that ends again and again makes its endpoint Failed. An update starts the new
configuration's processes beside the old ones, and gives them the requests in the steps that its DeploymentConfig asks for, while
its alarms are watched (`rollout`). One process stands for all instances of a variant.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from emulator.account import ACCOUNT
from emulator.clients import Clients
from emulator.clock import now
from emulator.counts import Counts
from emulator.errors import ServiceError
from emulator.protocol.service import Judge
from emulator.sagemaker.capture import Capture
from emulator.sagemaker.containers import Acting, reason
from emulator.sagemaker.deployments import Plan, plan
from emulator.sagemaker.fleets import GRACE_S, Fleet, Traffic
from emulator.sagemaker.invocations import Invocations
from emulator.sagemaker.listing import Listing
from emulator.sagemaker.measures import CloudWatch, Nowhere
from emulator.sagemaker.records import Records
from emulator.sagemaker.rollout import Rollout
from emulator.sagemaker.served_model import serve
from emulator.sagemaker.serving_process import GaveUp, ServingProcess
from emulator.sagemaker.shadows import Shadow
from emulator.sagemaker.variants import check_shadows, pending, share_of_shadow, standing

_MODELS = Listing(kind="Model", answer="Models")
_CONFIGS = Listing(kind="EndpointConfig", answer="EndpointConfigs")
_ENDPOINTS = Listing(kind="Endpoint", answer="Endpoints", members=("LastModifiedTime", "EndpointStatus"))

_log = logging.getLogger(__name__)


class Endpoints:
    """The operations on models and endpoints, and InvokeEndpoint.

    Args:
        folder: models and logs go below it.
        clients, judge: models are fetched, and that is judged, in the name of their role.
        images: {repository: the Python that stands in for its images}.
        cloudwatch: counts what is answered, and has the alarms that watch deployments.
        waits: the share of a deployment's waits that is waited here; 0: a new model takes over at once, and is not watched.
    """

    def __init__(
        self,
        folder: Path,
        clients: Clients,
        judge: Judge,
        images: Mapping[str, str],
        cloudwatch: CloudWatch | None = None,
        waits: float = 0,
    ) -> None:
        self._folder, self._clients, self._judge, self._images = folder, clients, judge, images
        self.models, self.configs = Records("model", "Model"), Records("endpoint-config", "EndpointConfig")
        self.endpoints = Records("endpoint", "Endpoint")
        self._traffic: dict[str, Traffic] = {}
        self._rollouts: dict[str, Rollout] = {}
        self._cloudwatch, self._waits = cloudwatch or Nowhere(), waits
        self._invocations = Invocations(self._cloudwatch)
        self._count = 0
        self._lock = threading.Lock()
        self.calls = Counts()

    def create_model(self, **given: Any) -> dict[str, Any]:
        return {"ModelArn": self.models.add(given["ModelName"], given)["ModelArn"]}

    def describe_model(self, ModelName: str) -> dict[str, Any]:
        return dict(self.models.get(ModelName))

    def list_models(self, **given: Any) -> dict[str, Any]:
        return _MODELS.page(self.models.all(), given)

    def delete_model(self, ModelName: str) -> None:
        self.models.remove(ModelName)

    def create_endpoint_config(self, **given: Any) -> dict[str, Any]:
        check_shadows(given)
        for variant in (*given["ProductionVariants"], *given.get("ShadowProductionVariants", [])):
            self.models.get(variant["ModelName"])
        return {"EndpointConfigArn": self.configs.add(given["EndpointConfigName"], given)["EndpointConfigArn"]}

    def describe_endpoint_config(self, EndpointConfigName: str) -> dict[str, Any]:
        return dict(self.configs.get(EndpointConfigName))

    def list_endpoint_configs(self, **given: Any) -> dict[str, Any]:
        return _CONFIGS.page(self.configs.all(), given)

    def delete_endpoint_config(self, EndpointConfigName: str) -> None:
        self.configs.remove(EndpointConfigName)

    def create_endpoint(self, DeploymentConfig: dict[str, Any] | None = None, **given: Any) -> dict[str, Any]:
        config = self.configs.get(given["EndpointConfigName"])
        plan(DeploymentConfig, _instances(config))
        record = self.endpoints.add(given["EndpointName"], given)
        record["LastDeploymentConfig"] = DeploymentConfig
        self._traffic[given["EndpointName"]] = Traffic()
        self._bring(record, given["EndpointConfigName"], "Creating", Plan())
        return {"EndpointArn": record["EndpointArn"]}

    def update_endpoint(
        self,
        EndpointName: str,
        EndpointConfigName: str,
        DeploymentConfig: dict[str, Any] | None = None,
        RetainDeploymentConfig: bool = False,
        **_: Any,
    ) -> dict[str, Any]:
        record, config = self.endpoints.get(EndpointName), self.configs.get(EndpointConfigName)
        wanted = record.get("LastDeploymentConfig") if RetainDeploymentConfig else DeploymentConfig
        planned = self._planned(wanted, config, self.configs.get(record["EndpointConfigName"]))
        with self._lock:
            if record["EndpointStatus"] != "InService":
                raise ServiceError("ValidationException", f"Cannot update in-progress endpoint {EndpointName}")
            record["EndpointStatus"] = "Updating"
        record["LastDeploymentConfig"] = wanted
        self._bring(record, EndpointConfigName, "Updating", planned)
        return {"EndpointArn": record["EndpointArn"]}

    def describe_endpoint(self, EndpointName: str) -> dict[str, Any]:
        record = self.endpoints.get(EndpointName)
        described = {key: value for key, value in record.items() if value is not None}
        coming = described.pop("Coming", None)
        if coming:
            rollout = self._rollouts.get(EndpointName)
            share = rollout.share if rollout else 0.0
            described["PendingDeploymentSummary"] = pending(self.configs.get(coming["config"]), coming["since"], share)
        return {**described, **standing(self.configs.get(record["EndpointConfigName"]))}

    def list_endpoints(self, **given: Any) -> dict[str, Any]:
        return _ENDPOINTS.page(self.endpoints.all(), given)

    def delete_endpoint(self, EndpointName: str) -> None:
        with self._lock:
            self.endpoints.remove(EndpointName)
            traffic = self._traffic.pop(EndpointName)
            traffic.closed.set()
        fleets = traffic.fleets()
        traffic.settle(None)
        for fleet in fleets:
            fleet.end()

    def invoke_endpoint(
        self,
        EndpointName: str,
        Body: bytes,
        ContentType: str = "",
        Accept: str = "application/json",
        **_: Any,
    ) -> dict[str, Any]:
        traffic = self._traffic.get(EndpointName)
        with (traffic or Traffic()).turn() as fleet:
            if fleet is None:
                raise ServiceError("ValidationError", f"Endpoint {EndpointName} of account {ACCOUNT} not found.")
            answer = self._invocations.answer(EndpointName, fleet, Body, ContentType, Accept)
        self.calls.add(self.endpoints.arn(EndpointName))
        return answer

    def stop(self) -> None:
        """Ends every serving process. The buckets go with this host, and so do captured requests that are not there yet."""
        for traffic in list(self._traffic.values()):
            traffic.closed.set()
            for fleet in traffic.fleets():
                fleet.end(write=False)

    def processes(self) -> dict[str, list[int]]:
        """{endpoint: the process groups of its models}."""
        found = {
            name: [pid for fleet in traffic.fleets() for pid in fleet.pids()]
            for name, traffic in list(self._traffic.items())
        }
        return {name: pids for name, pids in found.items() if pids}

    def _planned(self, wanted: dict[str, Any] | None, config: dict[str, Any], before: dict[str, Any]) -> Plan:
        """What a deployment is to do.

        Raises:
            ServiceError: it cannot be done.
        """
        found = plan(wanted, _instances(config))
        if missing := sorted(set(found.alarms) - self._cloudwatch.alarms(found.alarms).keys()):
            raise ServiceError("ValidationException", f"AutoRollbackConfiguration: no alarm {', '.join(missing)}")
        names = [{one["VariantName"] for one in each["ProductionVariants"]} for each in (config, before)]
        if wanted and names[0] != names[1]:
            # page deployment-guardrails-exclusions
            raise ServiceError(
                "ValidationException",
                f"variants {', '.join(sorted(names[0]))}; allowed in a blue/green deployment: those of the old "
                f"configuration, {', '.join(sorted(names[1]))}",
            )
        return found

    def _bring(self, record: dict[str, Any], config: str, status: str, planned: Plan) -> None:
        name = record["EndpointName"]
        record.update(EndpointStatus=status, Coming={"config": config, "since": now()})
        traffic = self._traffic[name]
        self._count += 1
        folder = self._folder / f"{name}-{self._count}"

        def run() -> None:
            try:
                green = self._fleet(record, config, folder, traffic)
            except Exception as error:  # noqa: BLE001 - whatever it is, the endpoint has failed and says so
                _log.exception("endpoint %s: %s does not serve", name, config)
                # an update that fails leaves the endpoint as it was
                self._stands(record, traffic, reason(error))
                return
            if traffic.blue is None:
                self._taken_over(record, traffic, None, green)
                return
            self._rollouts[name] = rollout = Rollout(traffic, green, planned, self._waits, self._alarmed)
            blue, why = traffic.blue, rollout.play()
            self._rollouts.pop(name, None)
            if why:
                record["EndpointStatus"] = "RollingBack"
                traffic.settle(None if traffic.closed.is_set() else blue)
                green.end(grace_s=GRACE_S)
                self._stands(record, traffic, why)
            else:
                self._taken_over(record, traffic, blue, green)

        threading.Thread(target=run, name=f"endpoint {name}", daemon=True).start()

    def _taken_over(self, record: dict[str, Any], traffic: Traffic, blue: Fleet | None, green: Fleet) -> None:
        with self._lock:
            deleted = traffic.closed.is_set()
            if not deleted:
                record.pop("FailureReason", None)
                record.update(EndpointConfigName=green.config, LastModifiedTime=now())
        traffic.settle(None if deleted else green)
        for fleet in (blue, green if deleted else None):
            if fleet:
                fleet.end(grace_s=GRACE_S)
        self._stands(record, traffic, "")

    def _stands(self, record: dict[str, Any], traffic: Traffic, why: str) -> None:
        """The end of a creation or an update: the endpoint serves with what it has, or has failed."""
        fleet = traffic.blue
        if fleet and fleet.lost:
            why = fleet.lost
            traffic.settle(None)
            # not here: this may be the thread that watched its process
            threading.Thread(target=fleet.end, name=f"end of {fleet.config}", daemon=True).start()
        if why:
            record["FailureReason"] = why
        record.pop("Coming", None)
        record["EndpointStatus"] = "InService" if traffic.blue else "Failed"

    def _lost(self, record: dict[str, Any], traffic: Traffic, given_up: ServingProcess, why: str) -> None:
        """The endpoint fails with its process, unless another one is taking over, or has."""
        fleet = traffic.of(given_up)
        if fleet is None:
            return
        fleet.lost = why[-1000:]
        if record["EndpointStatus"] == "InService":
            self._stands(record, traffic, "")

    def _alarmed(self, names: Iterable[str]) -> list[str]:
        return sorted(name for name, state in self._cloudwatch.alarms(names).items() if state == "ALARM")

    def _fleet(self, record: dict[str, Any], config_name: str, folder: Path, traffic: Traffic) -> Fleet:
        """A configuration's processes, once they answer."""
        endpoint, config = record["EndpointName"], self.configs.get(config_name)
        variant = config["ProductionVariants"][0]
        serving = self._serve(variant, folder, partial(self._lost, record, traffic))
        fleet = Fleet(config_name, serving, self._capture(endpoint, config, variant))
        for shadow in config.get("ShadowProductionVariants", []):
            try:
                beside = self._serve(shadow, folder.with_name(f"{folder.name}-shadow"), _passed_by)
            except BaseException:
                fleet.end()
                raise
            fleet.shadow = Shadow(
                beside,
                share_of_shadow(config),
                self._invocations.measuring(endpoint, config_name, shadow["VariantName"]),
                self._capture(endpoint, config, shadow),
            )
        return fleet

    def _capture(self, endpoint: str, config: dict[str, Any], variant: dict[str, Any]) -> Capture | None:
        wanted = config.get("DataCaptureConfig") or {}
        if not wanted.get("EnableCapture"):
            return None
        role_arn = self.models.get(variant["ModelName"])["ExecutionRoleArn"]
        return Capture(self._clients, role_arn, endpoint, variant["VariantName"], wanted)

    def _serve(self, variant: dict[str, Any], folder: Path, gave_up: GaveUp) -> ServingProcess:
        model = self.models.get(variant["ModelName"])
        role, name = model["ExecutionRoleArn"], variant["ModelName"]
        acting = Acting(self._clients, self._judge, role, name, model["ModelArn"], self._images)
        return serve(model, variant["VariantName"], acting, folder, gave_up)


def _instances(config: dict[str, Any]) -> int:
    return int(config["ProductionVariants"][0].get("InitialInstanceCount", 1))


def _passed_by(given_up: ServingProcess, why: str) -> None:
    """A shadow that ends again and again is asked no more, and its endpoint serves on."""
    _log.warning("the shadow variant %s ended: %s", given_up.variant, why)
