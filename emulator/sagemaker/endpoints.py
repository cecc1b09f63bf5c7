"""Models, endpoint configurations and endpoints: each endpoint is a serving process over the model that its configuration names.

A process that ends by itself is started again; one that ends again and again makes its endpoint Failed. An update starts the new
model's process first and then swaps: requests are answered throughout. Traffic shifting (canaries) is
not played out: all requests go to the new process once it answers, and the answer of DescribeEndpoint says so.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import urllib3

from emulator.account import ACCOUNT, arn
from emulator.clients import Clients
from emulator.clock import now
from emulator.counts import Counts
from emulator.errors import ServiceError
from emulator.protocol.service import Judge
from emulator.sagemaker.capture import Capture
from emulator.sagemaker.containers import Acting, reason
from emulator.sagemaker.listing import Listing
from emulator.sagemaker.records import Records
from emulator.sagemaker.served_model import serve
from emulator.sagemaker.serving_process import GaveUp, ServingProcess

MAX_BYTES = 6_291_456
"""Page API_runtime_InvokeEndpoint: the body of a request, and that of an answer, at most."""
NO_ANSWER = "Your invocation timed out while waiting for a response from container primary."

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
    """

    def __init__(self, folder: Path, clients: Clients, judge: Judge, images: Mapping[str, str]) -> None:
        self._folder, self._clients, self._judge, self._images = folder, clients, judge, images
        self.models, self.configs = Records("model", "Model"), Records("endpoint-config", "EndpointConfig")
        self.endpoints = Records("endpoint", "Endpoint")
        self._serving: dict[str, ServingProcess] = {}
        self._captures: dict[str, Capture] = {}
        self._pool = urllib3.PoolManager(maxsize=8, retries=False, timeout=60)
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
        for variant in given["ProductionVariants"]:
            self.models.get(variant["ModelName"])
        return {"EndpointConfigArn": self.configs.add(given["EndpointConfigName"], given)["EndpointConfigArn"]}

    def describe_endpoint_config(self, EndpointConfigName: str) -> dict[str, Any]:
        return dict(self.configs.get(EndpointConfigName))

    def list_endpoint_configs(self, **given: Any) -> dict[str, Any]:
        return _CONFIGS.page(self.configs.all(), given)

    def delete_endpoint_config(self, EndpointConfigName: str) -> None:
        self.configs.remove(EndpointConfigName)

    def create_endpoint(self, **given: Any) -> dict[str, Any]:
        self.configs.get(given["EndpointConfigName"])
        record = self.endpoints.add(given["EndpointName"], given)
        self._bring(record, given["EndpointConfigName"], "Creating")
        return {"EndpointArn": record["EndpointArn"]}

    def update_endpoint(
        self,
        EndpointName: str,
        EndpointConfigName: str,
        DeploymentConfig: dict[str, Any] | None = None,
        **_: Any,
    ) -> dict[str, Any]:
        record = self.endpoints.get(EndpointName)
        self.configs.get(EndpointConfigName)
        if record["EndpointStatus"] != "InService":
            raise ServiceError("ValidationException", f"Cannot update in-progress endpoint {EndpointName}")
        record["LastDeploymentConfig"] = DeploymentConfig
        self._bring(record, EndpointConfigName, "Updating")
        return {"EndpointArn": record["EndpointArn"]}

    def describe_endpoint(self, EndpointName: str) -> dict[str, Any]:
        record = self.endpoints.get(EndpointName)
        variants = self.configs.get(record["EndpointConfigName"])["ProductionVariants"]
        shown = [
            {
                "VariantName": one["VariantName"],
                "CurrentInstanceCount": one.get("InitialInstanceCount", 1),
                "DesiredInstanceCount": one.get("InitialInstanceCount", 1),
                "CurrentWeight": 1.0,
                "DesiredWeight": 1.0,
            }
            for one in variants
        ]
        return {**{key: value for key, value in record.items() if value is not None}, "ProductionVariants": shown}

    def list_endpoints(self, **given: Any) -> dict[str, Any]:
        return _ENDPOINTS.page(self.endpoints.all(), given)

    def delete_endpoint(self, EndpointName: str) -> None:
        with self._lock:
            self.endpoints.remove(EndpointName)
            serving, capture = self._serving.pop(EndpointName, None), self._captures.pop(EndpointName, None)
        if serving:
            serving.end()
        if capture:
            capture.end()

    def invoke_endpoint(
        self,
        EndpointName: str,
        Body: bytes,
        ContentType: str = "",
        Accept: str = "application/json",
        **_: Any,
    ) -> dict[str, Any]:
        serving = self._serving.get(EndpointName)
        if serving is None:
            raise ServiceError("ValidationError", f"Endpoint {EndpointName} of account {ACCOUNT} not found.")
        if len(Body) > MAX_BYTES:
            raise ServiceError("ValidationError", f"a body of {len(Body)} bytes; allowed: at most {MAX_BYTES}")
        headers = {"Content-Type": ContentType, "Accept": Accept}
        try:
            answer = self._pool.request("POST", f"{serving.url}/invocations", body=Body, headers=headers)
        except urllib3.exceptions.HTTPError as error:
            _log.warning("endpoint %s: no answer: %s", EndpointName, error)
            raise self._model_error(EndpointName, serving.variant, 0, NO_ANSWER) from error
        if answer.status != 200:
            raise self._model_error(EndpointName, serving.variant, answer.status, answer.data.decode(errors="replace"))
        if len(answer.data) > MAX_BYTES:
            too_long = f"an answer of {len(answer.data)} bytes; allowed: at most {MAX_BYTES}"
            raise self._model_error(EndpointName, serving.variant, 0, too_long)
        self.calls.add(self.endpoints.arn(EndpointName))
        content_type = answer.headers.get("Content-Type", "")
        if capture := self._captures.get(EndpointName):
            capture.keep(Body, ContentType, answer.data, content_type)
        return {
            "Body": answer.data,
            "ContentType": content_type,
            "InvokedProductionVariant": serving.variant,
        }

    def _model_error(self, endpoint: str, variant: str, status: int, said: str) -> ServiceError:
        """What a caller gets for whatever the container answered but 200; the endpoint's metric counts it."""
        whose = "client" if 400 <= status < 500 else "server"
        group = f"/aws/sagemaker/Endpoints/{endpoint}"
        metric = {
            "MetricName": f"Invocation{'4' if whose == 'client' else '5'}XXErrors",
            "Dimensions": [{"Name": "EndpointName", "Value": endpoint}, {"Name": "VariantName", "Value": variant}],
            "Value": 1.0,
        }
        self._clients.admin("cloudwatch").put_metric_data(Namespace="AWS/SageMaker", MetricData=[metric])
        return ServiceError(
            "ModelError",
            f'Received {whose} error ({status}) from primary with message "{said[:1000]}". '
            f"See the log group {group} in account {ACCOUNT} for more information.",
            424,
            OriginalStatusCode=status,
            OriginalMessage=said[:1000],
            LogStreamArn=arn("logs", f"log-group:{group}"),
        )

    def stop(self) -> None:
        """Ends every serving process. The buckets go with this host, and so do captured requests that are not there yet."""
        for capture in self._captures.values():
            capture.end(write=False)
        for serving in list(self._serving.values()):
            serving.end()

    def processes(self) -> dict[str, list[int]]:
        """{endpoint: the process group of its model}."""
        return {name: [one.process.pid] for name, one in list(self._serving.items()) if one.process.running}

    def _bring(self, record: dict[str, Any], config: str, status: str) -> None:
        record["EndpointStatus"] = status
        name = record["EndpointName"]
        self._count += 1
        folder = self._folder / f"{name}-{self._count}"

        def run() -> None:
            try:
                variant = self.configs.get(config)["ProductionVariants"][0]
                serving = self._serve(variant, folder, lambda given_up, why: self._fail(record, given_up, why))
            except Exception as error:  # noqa: BLE001 - whatever it is, the endpoint has failed and says so
                _log.exception("endpoint %s: %s does not serve", name, config)
                record["FailureReason"] = reason(error)
                # an update that fails leaves the endpoint as it was
                record["EndpointStatus"] = "InService" if name in self._serving else "Failed"
                return
            with self._lock:
                deleted = not any(one is record for one in self.endpoints.all())
                before = serving if deleted else self._serving.get(name)
                captured = None if deleted else self._captures.pop(name, None)
                if not deleted:
                    self._serving[name] = serving
                    self._capture(name, self.configs.get(config))
                    record.pop("FailureReason", None)
                    record.update(EndpointConfigName=config, LastModifiedTime=now())
                    record["EndpointStatus"] = "InService"
            if before:
                before.end(grace_s=5)
            if captured:
                captured.end()

        threading.Thread(target=run, name=f"endpoint {name}", daemon=True).start()

    def _capture(self, name: str, config: dict[str, Any]) -> None:
        wanted, variant = config.get("DataCaptureConfig") or {}, config["ProductionVariants"][0]
        if wanted.get("EnableCapture"):
            role_arn = self.models.get(variant["ModelName"])["ExecutionRoleArn"]
            self._captures[name] = Capture(self._clients, role_arn, name, variant["VariantName"], wanted)

    def _fail(self, record: dict[str, Any], given_up: ServingProcess, why: str) -> None:
        """The endpoint fails with its process, unless another one has taken over."""
        name = record["EndpointName"]
        if self._serving.get(name) is given_up:
            del self._serving[name]
            record.update(EndpointStatus="Failed", FailureReason=why[-1000:])

    def _serve(self, variant: dict[str, Any], folder: Path, gave_up: GaveUp) -> ServingProcess:
        model = self.models.get(variant["ModelName"])
        role, name = model["ExecutionRoleArn"], variant["ModelName"]
        acting = Acting(self._clients, self._judge, role, name, model["ModelArn"], self._images)
        return serve(model, variant["VariantName"], acting, folder, gave_up)
