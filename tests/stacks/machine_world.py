"""What state machines call when they are played: a model registry, an endpoint, objects, events, jobs that are done at once.

It is made up, but for the table, which is the emulated DynamoDB's. It runs in the emulated AWS's environment.
"""

from __future__ import annotations

import importlib
import json
import re
import uuid
from typing import Any

from emulator.tasks import TaskFailedError

TABLE, TURN, BY_ITSELF = "turns", {"machine": {"S": "training"}}, {"machine": {"S": "training by itself"}}
OF_A_RUN = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|(?<=packages/)\d+|(?<=model v)\d+")
"""What is another in each run."""
JOBS = {
    "Training": "TrainingJobName",
    "Processing": "ProcessingJobName",
    "Transform": "TransformJobName",
    "HyperParameterTuning": "HyperParameterTuningJobName",
}
TRIAL = {"TrainingJobName": "trial", "TrainingJobStatus": "Completed", "TunedHyperParameters": {"max-depth": "7"}}
FIRST = "s3://models/first.tar.gz"


def emulated(service: str) -> Any:
    """A service's module: it is in the emulated AWS's environment alone."""
    return importlib.import_module(f"ministack.services.{service}")


class World:
    """What machines call, and what has become of it.

    Args:
        prefix: what the names of models begin with.
        accepted: what the gate says of a candidate. `compared`: what comparing shadows says. `passed`: what evaluating synthetic
            frauds says. `back`: whether alarms take a new model from the endpoint again. `another`: whether another model serves
            than the champion. `held`: whether another run has the turn at first. `transformed`: whether transforms end well.
            `tuned`: whether a tuning job has found anything when it ends.
        labels: {attribute: number} as they were counted last, of the item beside the turn.
    """

    def __init__(
        self,
        prefix: str,
        *,
        accepted: bool = True,
        compared: bool = True,
        passed: bool = True,
        back: bool = False,
        another: bool = False,
        held: bool = False,
        transformed: bool = True,
        tuned: bool = True,
        labels: dict[str, int] | None = None,
    ) -> None:
        self._gate, self._compared, self._passed = accepted, compared, passed
        self._back, self._transformed, self._tuned = back, transformed, tuned
        first = f"{prefix}-first"
        self.models = {first: FIRST}
        self.configurations: dict[str, dict[str, Any]] = {first: {"ProductionVariants": [{"ModelName": first}]}}
        self.serving = first
        self.packages: dict[str, list[str]] = {"packages/0": [FIRST, "Approved"]}
        if another:
            self.packages["packages/1"] = ["s3://models/second.tar.gz", "Approved"]
        self.served = {self.models[first]}
        self.objects: set[str] = set()
        self.metrics: list[Any] = []
        self.events: list[tuple[str, str]] = []
        self.jobs: dict[str, str] = {}
        self._number = 1
        self.other = f"arn:aws:states:us-east-1:123456789012:execution:other:{uuid.uuid4()}"
        emulated("dynamodb")._tables.clear()
        key = {"AttributeName": "machine", "KeyType": "HASH"}
        emulated("dynamodb")._create_table(
            {
                "TableName": TABLE,
                "KeySchema": [key],
                "AttributeDefinitions": [{"AttributeName": "machine", "AttributeType": "S"}],
                "BillingMode": "PAY_PER_REQUEST",
            }
        )
        if held:
            emulated("stepfunctions")._executions[self.other] = {"status": "RUNNING"}
            emulated("dynamodb")._put_item({"TableName": TABLE, "Item": {**TURN, "holder": {"S": self.other}}})
        if labels:
            counted = {name: {"N": str(value)} for name, value in labels.items()}
            emulated("dynamodb")._put_item({"TableName": TABLE, "Item": {**BY_ITSELF, **counted}})

    def answer(self, step: str, resource: str, given: Any) -> Any:
        """What a call answers; afterwards the world is another."""
        service, operation = resource.split(":::")[1].removeprefix("aws-sdk:").split(":", 1)
        return getattr(self, f"_{service}")(step, operation, given)

    @property
    def champion(self) -> tuple[str, str]:
        """The newest approved package, and its model."""
        name = [name for name, (_, status) in self.packages.items() if status == "Approved"][-1]
        return name, self.packages[name][0]

    def item(self, key: dict[str, Any]) -> dict[str, Any]:
        """An item of the table."""
        return dict(self._dynamodb("", "getItem", {"Key": key}).get("Item", {}))

    def told(self) -> dict[str, Any]:
        """What anybody sees of it: names of runs apart."""
        configuration = self.configurations[self.serving]
        serving = self.models[configuration["ProductionVariants"][0]["ModelName"]]
        by_itself = self.item(BY_ITSELF)
        seen = {
            "serves the newest approved": serving == self.champion[1],
            "is new": serving != FIRST,
            "shadows": configuration.get("ShadowProductionVariants", []),
            "approved without serving": sorted(
                model for model, status in self.packages.values() if status == "Approved" and model not in self.served
            ),
            "awaiting": any(status == "PendingManualApproval" for _, status in list(self.packages.values())[-1:]),
            "running": sorted(name for name, status in self.jobs.items() if status == "InProgress"),
            "models of batches": sorted(name for name in self.models if "-batch-" in name),
            # each run has folders of its own, and leaves what it has written there
            "objects": sorted({OF_A_RUN.sub("RUN", each) for each in self.objects}),
            "metrics": sorted({json.dumps(each, sort_keys=True) for each in self.metrics}),
            "events": sorted({f"{kind} {detail}" for kind, detail in self.events}),
            "labels": {name: value for name, value in by_itself.items() if name != "machine"},
        }
        found: dict[str, Any] = json.loads(OF_A_RUN.sub("RUN", json.dumps(seen)))
        return found

    def _sagemaker(self, step: str, operation: str, given: Any) -> Any:
        if operation.endswith(".sync"):
            return self._job(step, operation, given)
        return getattr(self, f"_{operation}")(given)

    def _job(self, step: str, operation: str, given: Any) -> Any:
        kind = next(kind for kind in JOBS if operation.startswith(f"create{kind}"))
        name = given[JOBS[kind]]
        if name in self.jobs:
            raise TaskFailedError("SageMaker.ResourceInUseException", f"there is a job {name}")
        if kind == "Transform" and not self._transformed:
            raise TaskFailedError("States.TaskFailed", failed_job(operation, given))
        self.jobs[name] = "Completed"
        for output in given.get("ProcessingOutputConfig", {}).get("Outputs", []):
            self.objects.add(f"{output['S3Output']['S3Uri']}{step}")
        best = {"BestTrainingJob": TRIAL} if kind == "HyperParameterTuning" and self._tuned else {}
        return {JOBS[kind]: name, "ModelArtifacts": {"S3ModelArtifacts": f"s3://models/{name}/model.tar.gz"}, **best}

    def _listTrainingJobsForHyperParameterTuningJob(self, given: Any) -> Any:  # noqa: N802 - the service's name
        return {"TrainingJobSummaries": [TRIAL]}

    def _stopTransformJob(self, given: Any) -> Any:  # noqa: N802 - the service's name
        if self.jobs.get(given["TransformJobName"]) != "InProgress":
            raise TaskFailedError("SageMaker.SageMakerException", f"{given['TransformJobName']} is not running")
        self.jobs[given["TransformJobName"]] = "Stopped"
        return {}

    def _describeEndpoint(self, given: Any) -> Any:  # noqa: N802
        shadows = self.configurations[self.serving].get("ShadowProductionVariants", [])
        return {"EndpointStatus": "InService", "EndpointConfigName": self.serving, "ShadowProductionVariants": shadows}

    def _describeEndpointConfig(self, given: Any) -> Any:  # noqa: N802
        return self.configurations[given["EndpointConfigName"]]

    def _createModel(self, given: Any) -> Any:  # noqa: N802
        _new(self.models, given["ModelName"], given["PrimaryContainer"]["ModelDataUrl"])
        return {}

    def _deleteModel(self, given: Any) -> Any:  # noqa: N802
        del self.models[given["ModelName"]]
        return {}

    def _createEndpointConfig(self, given: Any) -> Any:  # noqa: N802
        _new(self.configurations, given["EndpointConfigName"], given)
        return {}

    def _updateEndpoint(self, given: Any) -> Any:  # noqa: N802
        named = given["EndpointConfigName"]
        # alarms take back what comes for callers
        if not (self._back and "DeploymentConfig" in given and not named.endswith("-shadow")):
            self.serving = named
            self.served.add(self.models[self.configurations[named]["ProductionVariants"][0]["ModelName"]])
        return {}

    def _createModelPackage(self, given: Any) -> Any:  # noqa: N802
        self._number += 1
        name = f"packages/{self._number}"
        model = given["InferenceSpecification"]["Containers"][0]["ModelDataUrl"]
        self.packages[name] = [model, given["ModelApprovalStatus"]]
        return {"ModelPackageArn": name}

    def _updateModelPackage(self, given: Any) -> Any:  # noqa: N802
        self.packages[given["ModelPackageArn"]][1] = given["ModelApprovalStatus"]
        return {}

    def _lambda(self, step: str, operation: str, given: Any) -> Any:
        package, model = self.champion
        if step == "Gate":
            said = {"accepted": self._gate, "why": "as it is", "metadata": {}}
        elif step == "Publish":
            said = {"done": True}
        else:
            serving = self.models[self.configurations[self.serving]["ProductionVariants"][0]["ModelName"]]
            said = {"model": model, "package": package, "another": serving != model, "sentence": "this one"}
        return {"Payload": said}

    def _s3(self, step: str, operation: str, given: Any) -> Any:
        if operation != "getObject":
            self.objects.add(given["Key"])
            return {}
        drifted = [
            {"name": "amt", "says": "amt", "drifted": True, "since": "2026-01-01", "psi": 1, "of_transactions": 0.5}
        ]
        body = {
            "Comparison": {"accepted": self._compared, "why": "as it is"},
            "Gate": {
                "passed": self._passed,
                "helps": True,
                "safe": True,
                "broken": ["none"],
                "sentences": ["as it is"],
            },
            "Summary": {"rows": 3, "outcomes": {"approved": 3}, "model_version": "1"},
            "Report": {"model_version": "1", "drifted": drifted, "realised": {"day": "2026-01-01", "figures": []}},
        }
        return {"Body": json.dumps(body[step])}

    def _events(self, step: str, operation: str, given: Any) -> Any:
        for entry in given["Entries"]:
            self.events.append((entry["DetailType"], OF_A_RUN.sub("RUN", json.dumps(entry["Detail"], sort_keys=True))))
        return {"FailedEntryCount": 0}

    def _cloudwatch(self, step: str, operation: str, given: Any) -> Any:
        if operation == "getMetricData":
            return {"MetricDataResults": [{"Id": each["Id"], "Values": [1]} for each in given["MetricDataQueries"]]}
        self.metrics += given["MetricData"]
        return {}

    def _dynamodb(self, step: str, operation: str, given: Any) -> Any:
        if operation == "describeTable":
            return {"Table": {"ItemCount": 500}}
        name = "_" + re.sub(r"([A-Z])", lambda found: f"_{found[1].lower()}", operation)
        status, _, body = getattr(emulated("dynamodb"), name)({**given, "TableName": TABLE})
        found: Any = json.loads(body)
        if status != 200:
            kind = found["__type"].rpartition("#")[2]
            raise TaskFailedError(f"DynamoDb.{kind}", found.get("message", ""))
        return found

    def _sfn(self, step: str, operation: str, given: Any) -> Any:
        execution = emulated("stepfunctions")._executions[given["ExecutionArn"]]
        status = execution["status"]
        if given["ExecutionArn"] == self.other:
            execution["status"] = "SUCCEEDED"
        return {"Status": status}


def _new(things: dict[str, Any], name: str, value: Any) -> None:
    if name in things:
        raise TaskFailedError("SageMaker.SageMakerException", f"there is {name}")
    things[name] = value


def failed_job(operation: str, given: Any) -> str:
    """The cause that the service gives for a failed job: its description."""
    kind = next(kind for kind in JOBS if operation.startswith(f"create{kind}"))
    named = {JOBS[kind]: given[JOBS[kind]], f"{kind}JobStatus": "Failed"}
    return json.dumps({**named, "FailureReason": 'AlgorithmError: "out" of memory.'})
