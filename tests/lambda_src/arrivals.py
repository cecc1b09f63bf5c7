"""A function that acts on arriving objects, with its bucket and either back end; each back end refuses what its service would."""

from __future__ import annotations

import json
from random import Random

from fraud.detector import MODEL_TYPE, PREDICT_METADATA, REQUIRED, TRAIN_METADATA
from samples.detector import DETECTOR, MODEL, ROLE, Detector
from samples.kafka import EVENTS
from samples.lambda_context import CONTEXT
from samples.s3 import record
from tests.lambda_src.conftest import REGION

PREFIXES = {"train_model": "glue_transformed/train/", "predict_batch": "glue_transformed/batch_predict/"}
NONE = {"batchItemFailures": []}


def event(*bodies):
    """What Lambda gives a function that reads a queue."""
    [shape] = json.loads((EVENTS / "sqs.json").read_text())["Records"]
    return {"Records": [shape | {"messageId": f"m{place}", "body": body} for place, body in enumerate(bodies)]}


class Batch:
    """A function and its bucket, which keeps versions.

    Attributes:
        refused: {operation: code} of what a service refuses for now.
        environment: what differs of the function's from the sample's.
        suffix: of the objects that are acted on.
    """

    suffix = ""

    def __init__(self, name, load, aws, **changes):
        self.name, self.prefix = name, PREFIXES[name]
        self.refused = {}
        # a client is made with the hooks that there are by then
        aws.events.register("before-call", self._refuse)
        self.s3 = aws.client("s3")
        self.s3.create_bucket(Bucket="batch", CreateBucketConfiguration={"LocationConstraint": REGION})
        self.s3.put_bucket_versioning(Bucket="batch", VersioningConfiguration={"Status": "Enabled"})
        self.machines = Machines(self.refused)
        self.machines.register(aws.events)
        self.environment = changes
        self.function = load(name, **changes)

    def key(self, name):
        return f"{self.prefix}{name}{self.suffix}"

    def put(self, name="a", body=b"rows"):
        """Puts an object, and gives the record that S3 tells of it with."""
        put = self.s3.put_object(Bucket="batch", Key=self.key(name), Body=self.content(body))
        return record(self.key(name), version=put["VersionId"], etag=put["ETag"].strip('"'))

    def content(self, body):
        """A file with these rows."""
        return body

    def process(self, *bodies):
        return self.function.handler(event(*bodies), CONTEXT)

    def _refuse(self, model, **_):
        code = self.refused.get(model.name)
        return answer({"__type": code, "message": "no"}, 400) if code else None


class OnSageMaker(Batch):
    """Each object starts a run of a state machine."""

    suffix = ".parquet"
    acts = "StartExecution"
    refusals = ("ThrottlingException", "StateMachineDeleting", "AccessDeniedException")

    @property
    def acted(self):
        """The objects, one entry for each time that the back end acted."""
        return [given["transactions"] for given in self.machines.started]

    @property
    def names(self):
        """What was made of the objects, by its names."""
        return list(self.machines.runs)

    def end(self):
        """What runs ends."""
        self.machines.ended |= self.machines.runs.keys()

    def go_on(self, _):
        """Runs have an end or have none, which makes no difference."""


class OnFraudDetector(Batch):
    """Each object is a training, or a batch prediction job: one at a time."""

    suffix = ".csv"
    refusals = ("ThrottlingException", "InternalServerException", "AccessDeniedException")

    def __init__(self, name, load, aws, mode="update", version="1.0"):
        self.service = Detector()
        self.service.register(aws.events)
        self._random, self._ends = Random(5), 0
        aws.events.register("before-call.frauddetector", self._called)
        back_end = {
            "kind": "fraud-detector",
            "model": MODEL,
            "detector": DETECTOR,
            "role": ROLE,
            "mode": mode,
            "version": version,
            "publishing": "arn:aws:states:eu-west-1:123456789012:stateMachine:publishing",
            "out": "scored/",
        }
        super().__init__(name, load, aws, BACK_END=json.dumps(back_end))
        trains = name == "train_model"
        self.acts = "CreateModelVersion" if trains else "CreateBatchPredictionJob"
        self._header = ",".join((*REQUIRED, *(TRAIN_METADATA if trains else PREDICT_METADATA)))
        if not trains:
            # of no model: the template's detector has the rule for what no model has scored
            rule = {"detectorId": DETECTOR, "ruleId": "no_score", "ruleVersion": "1"}
            said = {"expression": "$amount >= 0", "language": "DETECTORPL", "outcomes": ["medium_risk"]}
            self.service("CreateRule", detectorId=DETECTOR, ruleId="no_score", **said)
            self.service("CreateDetectorVersion", detectorId=DETECTOR, rules=[rule])
            self.service("UpdateDetectorVersionStatus", detectorId=DETECTOR, detectorVersionId="1", status="ACTIVE")

    def content(self, body):
        return f"{self._header}\n".encode() + body + b"\n"

    def versions(self):
        """{number: what the service says of it}."""
        if not self.service("GetModels")["models"]:
            return {}
        told, token = [], {}
        while token is not None:
            page = self.service("DescribeModelVersions", modelId=MODEL, modelType=MODEL_TYPE, **token)
            told += page["modelVersionDetails"]
            token = {"nextToken": page["nextToken"]} if "nextToken" in page else None
        return {one["modelVersionNumber"]: one for one in told}

    @property
    def acted(self):
        if self.name == "train_model":
            return [one["externalEventsDetail"]["dataLocation"] for one in self.versions().values()]
        return [one["inputPath"] for one in self._jobs()]

    @property
    def names(self):
        if self.name == "train_model":
            return list(self.machines.runs)
        return [one["jobId"] for one in self._jobs()]

    def end(self):
        self.service.run()

    def go_on(self, chance):
        """From now on what runs may end before each call."""
        self._ends = chance

    def _called(self, **_):
        if self._random.random() < self._ends:
            self.service.run()

    def _jobs(self):
        told, token = [], {}
        while token is not None:
            page = self.service("GetBatchPredictionJobs", **token)
            told += page["batchPredictions"]
            token = {"nextToken": page["nextToken"]} if "nextToken" in page else None
        return told


BACK_ENDS = {"sagemaker": OnSageMaker, "fraud-detector": OnFraudDetector}


class Machines:
    """Step Functions' StartExecution (its page): a name is taken once a machine, by a run with the same input for as long as it
    goes on without an error, else with ExecutionAlreadyExists."""

    def __init__(self, refused):
        self.runs, self.ended, self.started, self._refused = {}, set(), [], refused

    def register(self, events):
        events.register("before-call.sfn.StartExecution", self._start)

    def _start(self, params, **_):
        asked = json.loads(params["body"])
        if "StartExecution" in self._refused:
            return answer({"__type": self._refused["StartExecution"], "message": "no"}, 400)
        assert len(asked["name"]) <= 80
        known = self.runs.get(asked["name"])
        if known is not None and (known != asked["input"] or asked["name"] in self.ended):
            return answer({"__type": "ExecutionAlreadyExists", "message": "taken"}, 400)
        if known is None:
            self.started.append(json.loads(asked["input"]))
            self.runs[asked["name"]] = asked["input"]
        return answer({"executionArn": "arn", "startDate": 0.0}, 200)


def answer(body, status):
    """As a service answers a client."""

    class Response:
        status_code = status

    parsed = body if status == 200 else {"Error": {"Code": body["__type"], "Message": body["message"]}}
    return Response, {**parsed, "ResponseMetadata": {"HTTPStatusCode": status}}
