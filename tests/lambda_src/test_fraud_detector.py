"""The back end Amazon Fraud Detector: trainings, batch predictions, and what publishes a model, on the emulated service."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from emulator.errors import ServiceError
from emulator.fraud_detector import expressions
from fraud.detector import (
    PREDICT_METADATA,
    REQUIRED,
    TRAIN_METADATA,
    HeaderError,
    Version,
    rules,
    variables_in,
)
from lambda_src.object_events import Arrived
from lambda_src.ports.detector_teardown import take_down, take_down_all
from lambda_src.ports.fraud_detector_back_end import Clients, FraudDetectorBackEnd, Names, WrongVersionError
from lambda_src.ports.publishing import NotPublishedError, Wanted, publish, publish_again
from samples.detector import DETECTOR, MODEL, ROLE, Detector
from samples.lambda_context import CONTEXT, Context
from tests.lambda_src.cloudformation import request
from tests.lambda_src.conftest import REGION

WANTED = Wanted(DETECTOR, MODEL, 900, 700)
TRAIN = ",".join((*REQUIRED, *TRAIN_METADATA))
PREDICT = ",".join((*REQUIRED, *PREDICT_METADATA))


class Machines:
    """Step Functions' StartExecution: a name is taken once."""

    def __init__(self):
        self.runs = {}

    def start_execution(self, stateMachineArn, name, input):  # noqa: N803
        assert len(name) <= 80
        if name in self.runs:
            raise ClientError({"Error": {"Code": "ExecutionAlreadyExists", "Message": "taken"}}, "StartExecution")
        self.runs[name] = json.loads(input)


class Batch:
    """The back end with a bucket and the service."""

    def __init__(self, aws):
        self.service, self.machines = Detector(), Machines()
        self.service.register(aws.events)
        self.detector = aws.session.create_client("frauddetector", region_name=REGION)
        self.s3 = aws.session.create_client("s3", region_name=REGION)
        self.s3.create_bucket(Bucket="batch", CreateBucketConfiguration={"LocationConstraint": REGION})

    def back_end(self, mode="update", version="1.0"):
        names = Names(MODEL, DETECTOR, ROLE, mode, Version.read(version), "arn:aws:states:::m", "scored/")
        return FraudDetectorBackEnd(Clients(self.detector, self.s3, self.machines), names)

    def arrived(self, name="a", header=TRAIN, size=100):
        key = f"glue_transformed/train/{name}.csv"
        put = self.s3.put_object(Bucket="batch", Key=key, Body=f"{header}\n1\n".encode())
        return Arrived("batch", key, None, put["ETag"].strip('"'), "1", size)

    def versions(self):
        try:
            found = self.service("DescribeModelVersions", modelId=MODEL, modelType="ONLINE_FRAUD_INSIGHTS")
        except ServiceError:
            return {}
        return {one["modelVersionNumber"]: one for one in found["modelVersionDetails"]}

    def publish(self, version=None):
        """All steps, as the state machine takes them."""
        for _ in range(5):
            step = publish(self.detector, WANTED, Version.read(version) if version else None)
            self.service.run()
            if step.done:
                return step.says
        raise AssertionError(step.says)


@pytest.fixture
def batch(aws):
    return Batch(aws)


@pytest.mark.parametrize("mode", ["create", "update"])
def test_the_first_file_makes_model_and_version(batch, mode):
    assert "version 1.0 was started" in batch.back_end(mode).train(batch.arrived())
    version = batch.versions()["1.0"]
    assert version["trainingDataSchema"]["modelVariables"] == list(REQUIRED)
    assert version["externalEventsDetail"] == {
        "dataLocation": "s3://batch/glue_transformed/train/a.csv",
        "dataAccessRoleArn": ROLE,
    }
    assert list(batch.machines.runs.values()) == [{"version": "1.0"}]


def test_further_files_make_minor_versions(batch):
    for name, number in (("a", "1.0"), ("b", "1.01"), ("c", "1.02")):
        assert f"version {number} was started" in batch.back_end().train(batch.arrived(name))
        batch.service.run()
    assert list(batch.versions()) == ["1.0", "1.01", "1.02"]


def test_a_message_that_comes_again_trains_no_second_time(batch):
    arrived = batch.arrived()
    for _ in range(3):
        batch.back_end().train(arrived)
        batch.service.run()
    assert list(batch.versions()) == ["1.0"]
    assert len(batch.machines.runs) == 1


def test_a_second_file_during_a_training_is_a_line_and_no_retry(batch):
    batch.back_end().train(batch.arrived("a"))
    assert "not trained on: version 1.0 is in training" in batch.back_end().train(batch.arrived("b"))
    batch.service.run()
    assert list(batch.versions()) == ["1.0"]


def test_the_service_says_that_trainings_are_simultaneous(batch, monkeypatch):
    """Another caller was faster, after the versions were looked at."""
    batch.back_end().train(batch.arrived("a"))
    batch.service.run()
    back_end = batch.back_end()
    other = batch.arrived("c")
    look = back_end._trained

    def overtaken(arrived, variables, known):
        batch.back_end().train(other)
        return look(arrived, variables, known)

    monkeypatch.setattr(back_end, "_trained", overtaken)
    assert "not trained on" in back_end.train(batch.arrived("b"))
    assert list(batch.versions()) == ["1.0", "1.01"]


def test_create_makes_the_version_of_the_settings_once(batch):
    batch.back_end("create").train(batch.arrived("a"))
    batch.service.run()
    with pytest.raises(
        WrongVersionError, match=r"1\.0 cannot be created: there are 1\.0; allowed: detector_version 2\.0"
    ):
        batch.back_end("create").train(batch.arrived("b"))
    assert "2.0 was started" in batch.back_end("create", "2.0").train(batch.arrived("b"))


def test_an_unknown_version_is_named(batch):
    batch.back_end().train(batch.arrived("a"))
    batch.service.run()
    with pytest.raises(WrongVersionError, match=r"3.x cannot be updated: there are 1.x"):
        batch.back_end("update", "3.0").train(batch.arrived("b"))
    with pytest.raises(WrongVersionError, match=r"allowed: detector_version 2\.0"):
        batch.back_end("create", "3.0").train(batch.arrived("b"))


def test_a_version_whose_state_allows_no_training_is_named(batch):
    batch.service.fails = "the file has no column amount"
    batch.back_end().train(batch.arrived("a"))
    batch.service.run()
    batch.service.fails = ""
    with pytest.raises(WrongVersionError, match=r"1.x cannot be updated: 1\.0 ERROR"):
        batch.back_end().train(batch.arrived("b"))
    assert "2.0 was started" in batch.back_end("create", "2.0").train(batch.arrived("b"))


@pytest.mark.parametrize(
    ("header", "says"),
    [
        (",".join((*TRAIN_METADATA, *REQUIRED)), "ends with"),
        (TRAIN.replace("merchant", "shop"), "without merchant; with shop"),
        (TRAIN.replace("EVENT_LABEL", "is_fraud"), "without EVENT_LABEL"),
        (f"amount,{TRAIN}", "twice with amount"),
        (f"cc num,{TRAIN}", "a column of another form"),
        ("", "without"),
        ('"', "no CSV"),
        ("a" * 70_000, "no first line"),
    ],
)
def test_a_wrong_header_is_refused_and_nothing_is_made(batch, header, says):
    with pytest.raises(HeaderError, match=says):
        batch.back_end().train(batch.arrived(header=header))
    assert batch.service.asked == []


def test_the_header_alone_is_read(batch):
    asked = []
    batch.s3.meta.events.register(
        "before-call.s3.GetObject", lambda params, **_: asked.append(params["headers"]["Range"])
    )
    batch.back_end().train(batch.arrived())
    assert asked == ["bytes=0-65535"]


def test_optional_variables_are_in_the_schema_where_the_file_has_them():
    assert variables_in([*REQUIRED, "currency", *TRAIN_METADATA], TRAIN_METADATA)[-1] == "currency"


def test_events_are_predicted_in_a_job_that_is_named_after_the_object(batch):
    batch.back_end().train(batch.arrived())
    batch.service.run()
    batch.publish()
    arrived = batch.arrived("p", PREDICT)
    job = f"batch-{arrived.identity}"
    assert batch.back_end().score(arrived) == f"the job {job} was started"
    assert batch.back_end().score(arrived) == f"the job {job} was there already"
    [made] = batch.service("GetBatchPredictionJobs")["batchPredictions"]
    assert (made["jobId"], made["outputPath"], made["iamRoleArn"]) == (job, "s3://batch/scored/p", ROLE)
    with pytest.raises(ClientError, match="one batch prediction job at a time"):
        batch.back_end().score(batch.arrived("q", PREDICT))
    batch.service.run()
    assert "was started" in batch.back_end().score(batch.arrived("q", PREDICT))


def test_a_file_to_train_on_is_not_predicted(batch):
    with pytest.raises(HeaderError, match="without ENTITY_TYPE"):
        batch.back_end().score(batch.arrived())


@pytest.mark.parametrize(("act", "size"), [("train", 5 * 1024**3 + 1), ("score", 1024**3 + 1)])
def test_a_file_over_the_quota_is_refused(batch, act, size):
    with pytest.raises(HeaderError, match="bytes; allowed"):
        getattr(batch.back_end(), act)(batch.arrived(size=size))


def test_a_trained_version_is_deployed_and_published_with_its_rules(batch):
    batch.back_end().train(batch.arrived())
    assert publish(batch.detector, WANTED, Version(1, 0)).says == "version 1.0 is in training"
    batch.service.run()
    assert batch.publish("1.0") == "detector version 1 is published with model version 1.0"
    assert batch.versions()["1.0"]["status"] == "ACTIVE"
    found = batch.service("GetDetectorVersion", detectorId=DETECTOR, detectorVersionId="1")
    assert (found["status"], found["ruleExecutionMode"]) == ("ACTIVE", "FIRST_MATCHED")
    assert [one["ruleId"] for one in found["rules"]] == ["high_risk", "medium_risk", "low_risk", "no_score"]
    before = len(batch.service("DescribeDetector", detectorId=DETECTOR)["detectorVersionSummaries"])
    assert batch.publish("1.0") == "detector version 1 is published with model version 1.0"
    assert len(batch.service("DescribeDetector", detectorId=DETECTOR)["detectorVersionSummaries"]) == before


def test_other_thresholds_are_other_versions_of_the_rules(batch):
    batch.back_end().train(batch.arrived())
    batch.service.run()
    batch.publish()
    says = publish(batch.detector, WANTED._replace(high=950)).says
    assert says == "detector version 2 is published with model version 1.0"
    found = batch.service("GetDetectorVersion", detectorId=DETECTOR, detectorVersionId="2")
    assert {one["ruleId"]: one["ruleVersion"] for one in found["rules"]} == {
        "high_risk": "2",
        "medium_risk": "2",
        "low_risk": "1",
        "no_score": "1",
    }


def rules_of(batch, number):
    """{rule: version} of a detector version, which must be the one that is published."""
    found = batch.service("GetDetectorVersion", detectorId=DETECTOR, detectorVersionId=number)
    assert found["status"] == "ACTIVE"
    return {one["ruleId"]: one["ruleVersion"] for one in found["rules"]}


def test_what_is_published_gets_other_thresholds_while_another_version_trains(batch):
    batch.back_end().train(batch.arrived("a"))
    batch.service.run()
    batch.publish()
    batch.back_end().train(batch.arrived("b"))
    other = WANTED._replace(high=950)
    assert publish_again(batch.detector, other).says == "detector version 2 is published with model version 1.0"
    assert rules_of(batch, "2")["high_risk"] == "2"
    assert publish_again(batch.detector, WANTED).says == "detector version 1 is published with model version 1.0"
    assert rules_of(batch, "1")["high_risk"] == "1"


def test_what_a_deployment_published_without_a_model_gives_way_to_the_newest_with_one(batch):
    batch.back_end().train(batch.arrived())
    batch.service.run()
    batch.publish()
    rule = {"detectorId": DETECTOR, "ruleId": "no_score", "ruleVersion": "1"}
    batch.service("CreateDetectorVersion", detectorId=DETECTOR, rules=[rule])
    batch.service("UpdateDetectorVersionStatus", detectorId=DETECTOR, detectorVersionId="2", status="ACTIVE")
    assert publish_again(batch.detector, WANTED).says == "detector version 1 is published with model version 1.0"
    assert list(rules_of(batch, "1")) == ["high_risk", "medium_risk", "low_risk", "no_score"]


def test_nothing_is_published_again_where_no_model_is(batch):
    assert publish_again(batch.detector, WANTED) == (True, "no model version is published")
    batch.back_end().train(batch.arrived())
    batch.service.run()
    assert publish_again(batch.detector, WANTED) == (True, "no model version is published")


def test_a_version_that_another_call_has_just_deployed_stays_deployed(batch):
    """The service would not deploy it a second time."""
    batch.back_end().train(batch.arrived("a"))
    batch.service.run()
    batch.publish()
    batch.back_end().train(batch.arrived("b"))
    batch.service.run()
    publish(batch.detector, WANTED)
    batch.service.run()
    publish_again(batch.detector, WANTED._replace(high=950))
    batch.service.run()
    assert batch.versions()["1.01"]["status"] == "ACTIVE"
    assert batch.publish() == "detector version 3 is published with model version 1.01"


def test_many_versions_stay_within_what_the_service_deploys(batch):
    """Five model versions may be deployed; the newest serves, and the one before it stays to go back to."""
    for number in range(8):
        batch.back_end().train(batch.arrived(f"file-{number}"))
        batch.service.run()
        batch.publish()
    deployed = [number for number, one in batch.versions().items() if one["status"] == "ACTIVE"]
    assert deployed == ["1.06", "1.07"]
    summaries = batch.service("DescribeDetector", detectorId=DETECTOR)["detectorVersionSummaries"]
    assert [one["status"] for one in summaries] == ["INACTIVE", "ACTIVE"]


def test_a_training_that_failed_is_an_error_with_the_services_words(batch):
    batch.service.fails = "the file has no column amount"
    batch.back_end().train(batch.arrived())
    batch.service.run()
    with pytest.raises(NotPublishedError, match=r"version 1\.0 is ERROR: the file has no column amount"):
        publish(batch.detector, WANTED, Version(1, 0))


def test_no_version_at_all_is_an_error(batch):
    with pytest.raises(NotPublishedError, match="there are: none"):
        publish(batch.detector, WANTED)


def test_the_function_does_the_next_step(load, aws):
    service = Detector()
    service.register(aws.events)
    service("CreateModel", modelId=MODEL, modelType="ONLINE_FRAUD_INSIGHTS", eventTypeName="credit_card_transaction")
    schema = {
        "modelVariables": list(REQUIRED),
        "labelSchema": {"labelMapper": {"FRAUD": ["fraud"], "LEGIT": ["legit"]}},
    }
    source = {"dataLocation": "s3://batch/a.csv", "dataAccessRoleArn": ROLE}
    service(
        "CreateModelVersion",
        modelId=MODEL,
        modelType="ONLINE_FRAUD_INSIGHTS",
        trainingDataSource="EXTERNAL_EVENTS",
        trainingDataSchema=schema,
        externalEventsDetail=source,
    )
    function, done = load("publish_detector"), []
    for _ in range(3):
        done.append(function.handler({"version": "1.0"}, CONTEXT)["done"])
        service.run()
    assert done == [False, False, True]
    changed = load("publish_detector", HIGH_FROM="950")
    assert changed.handler({"version": ""}, CONTEXT) == {"done": True}
    found = service("GetRules", detectorId=DETECTOR, ruleId="high_risk")["ruleDetails"]
    assert [one["expression"][-3:] for one in found] == ["900", "950"]


SCORES = st.one_of(
    st.sampled_from([0.0, 699.0, 699.999999, 700.0, 700.000001, 899.0, 899.999999, 900.0, 900.000001, 1000.0]),
    st.floats(0, 1_000, allow_nan=False),
)


@given(score=SCORES, thresholds=st.one_of(st.just((700, 900)), st.tuples(st.integers(1, 998), st.integers(999, 1000))))
def test_every_score_has_exactly_one_outcome_of_the_model(score, thresholds):
    medium, high = thresholds
    values = {"m_insightscore": score, "amount": 1.0}
    *scored, rest = rules("m", high=high, medium=medium)
    found = [rule.outcome for rule in scored if expressions.read(rule.expression).matches(values)]
    wanted = "high_risk" if score >= high else "medium_risk" if score >= medium else "low_risk"
    assert found == [wanted]
    assert expressions.read(rest.expression).matches(values)


@given(amount=st.decimals(0, 999_999, places=2))
def test_what_has_no_score_has_the_outcome_of_the_last_rule(amount):
    values = {"amount": float(amount)}
    made = rules("m", high=900, medium=700)
    assert [one.name for one in made if expressions.read(one.expression).matches(values)] == ["no_score"]


@pytest.mark.parametrize(("high", "medium"), [(700, 700), (700, 900), (1001, 700), (900, 0)])
def test_thresholds_that_leave_an_outcome_without_scores_are_refused(high, medium):
    with pytest.raises(ValueError, match="allowed: 0 < medium < high <= 1000"):
        rules("m", high=high, medium=medium)


def filled(batch):
    """Two versions, one of which is published, another in training; a job that has ended and one that runs."""
    batch.back_end().train(batch.arrived("a"))
    batch.service.run()
    batch.publish()
    batch.back_end().score(batch.arrived("p", PREDICT))
    batch.service.run()
    batch.back_end().score(batch.arrived("q", PREDICT))
    batch.back_end().train(batch.arrived("b"))


def test_everything_goes_in_the_order_that_the_service_demands(batch):
    filled(batch)
    gone = list(take_down_all(batch.detector, DETECTOR, MODEL, lambda *_: batch.service.run()))
    kinds = list(dict.fromkeys(one.rpartition(" ")[0].removesuffix(" high_risk") for one in gone))
    assert [kind for kind in kinds if not kind.startswith("rule")] == [
        *("job", "detector version", "model version", "model", "detector"),
        *("event type", "entity type", "label", "outcome", "variable"),
    ]
    left = [
        ("GetVariables", "variables"),
        ("GetOutcomes", "outcomes"),
        ("GetLabels", "labels"),
        ("GetModels", "models"),
    ]
    left += [("GetDetectors", "detectors"), ("GetEventTypes", "eventTypes"), ("GetEntityTypes", "entityTypes")]
    left += [("GetBatchPredictionJobs", "batchPredictions"), ("DescribeModelVersions", "modelVersionDetails")]
    assert [batch.service(operation)[member] for operation, member in left] == [[]] * len(left)
    assert list(take_down_all(batch.detector, DETECTOR, MODEL, lambda *_: None)) == []


def test_what_may_not_be_deleted_is_refused_as_the_operations_page_says(batch):
    """None of these pages has ConflictException or ResourceNotFoundException."""
    filled(batch)
    job = batch.service("GetBatchPredictionJobs")["batchPredictions"][-1]
    assert job["status"] == "IN_PROGRESS_INITIALIZING"
    with pytest.raises(ServiceError, match="cancel it first") as caught:
        batch.service("DeleteBatchPredictionJob", jobId=job["jobId"])
    assert caught.value.code == "ValidationException"
    gone = {"modelId": MODEL, "modelType": "ONLINE_FRAUD_INSIGHTS", "modelVersionNumber": "9.0"}
    with pytest.raises(ServiceError, match="does not exist") as caught:
        batch.service("DeleteModelVersion", **gone)
    assert caught.value.code == "ValidationException"


def test_a_deletion_that_has_no_time_goes_on_the_next_time(batch):
    filled(batch)

    def no_time(_, what):
        raise TimeoutError(what)

    with pytest.raises(TimeoutError, match="the job batch-"):
        list(take_down(batch.detector, DETECTOR, MODEL, no_time))
    assert "model card_fraud_dev" in list(take_down(batch.detector, DETECTOR, MODEL, lambda *_: batch.service.run()))
    assert batch.service("GetEventTypes")["eventTypes"]


def test_the_deletion_of_the_stack_takes_what_was_made_at_run_time(load, aws, answers, monkeypatch):
    batch = Batch(aws)
    filled(batch)
    function = load("clean_up")
    given = function.client
    stack = {"Stacks": [{"StackStatus": "DELETE_IN_PROGRESS"}]}
    formation = SimpleNamespace(describe_stacks=lambda **_: stack)
    monkeypatch.setattr(
        function, "client", lambda service, **_: formation if service == "cloudformation" else given(service)
    )
    monkeypatch.setattr("lambda_src.time_left.time.sleep", lambda _: batch.service.run())
    function.handler(request("Delete", answers, Detectors=[f"{DETECTOR}:{MODEL}"]), Context())
    assert answers.last()["Status"] == "SUCCESS"
    assert batch.service("GetModels")["models"] == []
    assert batch.service("GetDetectors")["detectors"]
