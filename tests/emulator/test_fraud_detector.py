"""Fraud Detector: requests as its pages allow them, rules really evaluated, trainings that read their file, no invented score."""

from __future__ import annotations

import csv
import io
import itertools
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.errors import ServiceError
from emulator.fraud_detector import expressions
from emulator.process import EmulatedAws
from local.assembly import Stack
from local.deployment import DeploymentError, deploy
from tests.emulator.conftest import Deployed, attribute, function, ref, role, until

KIND = "ONLINE_FRAUD_INSIGHTS"
_numbers = itertools.count(1)


@pytest.fixture
def name() -> str:
    return f"shop{next(_numbers)}"


def variable(name: str, kind: str = "STRING", variable_type: str = "CATEGORICAL") -> dict[str, Any]:
    default = "0.0" if kind == "FLOAT" else "unknown"
    return {
        "Name": name, "DataSource": "EVENT", "DataType": kind, "DefaultValue": default, "VariableType": variable_type,
        "Inline": True,
    }  # fmt: skip


def stack(name: str) -> dict[str, Any]:
    """An event type with all that it names, outcomes, and a bucket that a role of the service reads and writes."""
    objects = {"Fn::Join": ["", [attribute("Bucket", "Arn"), "/*"]]}
    inline = {"Inline": True}
    return {
        "Bucket": {"Type": "AWS::S3::Bucket"},
        "Role": role(
            "frauddetector",
            ("s3:ListBucket", attribute("Bucket", "Arn")),
            (["s3:GetObject", "s3:PutObject"], objects),
        ),
        "Event": {
            "Type": "AWS::FraudDetector::EventType",
            "Properties": {
                "Name": name,
                "EntityTypes": [{"Name": f"{name}_customer", **inline}],
                "EventVariables": [
                    variable(f"{name}_amount", "FLOAT", "PRICE"),
                    variable(f"{name}_currency", "STRING", "CURRENCY_CODE"),
                ],
                "Labels": [{"Name": f"{name}_{label}", **inline} for label in ("fraud", "legit")],
                "Tags": [{"Key": "for", "Value": "tests"}],
            },
        },
        **{
            outcome.capitalize(): {"Type": "AWS::FraudDetector::Outcome", "Properties": {"Name": f"{name}_{outcome}"}}
            for outcome in ("high", "low", "other")
        },
    }


WANTED = {"bucket": ref("Bucket"), "role": attribute("Role", "Arn"), "event": ref("Event")}


@pytest.fixture
def made(deployed: Deployed, name: str) -> dict[str, str]:
    return deployed(stack(name), WANTED)


def detector(aws: EmulatedAws, name: str, *rules: tuple[str, str], mode: str = "FIRST_MATCHED", **more: Any) -> str:
    """A detector whose newest version is active, with these (expression, outcome); that version."""
    client = aws.client("frauddetector")
    client.put_detector(detectorId=name, eventTypeName=name)
    listed = []
    for number, (expression, outcome) in enumerate(rules):
        rule = {"detectorId": name, "ruleId": f"rule{number}"}
        given = {"expression": expression, "language": "DETECTORPL", "outcomes": [f"{name}_{outcome}"]}
        listed.append(client.create_rule(**rule, **given)["rule"])
    version = client.create_detector_version(detectorId=name, rules=listed, ruleExecutionMode=mode, **more)
    number = str(version["detectorVersionId"])
    client.update_detector_version_status(detectorId=name, detectorVersionId=number, status="ACTIVE")
    return number


def asked(aws: EmulatedAws, name: str, **variables: str) -> list[str]:
    """The outcomes of the rules that match an event."""
    answer = aws.client("frauddetector").get_event_prediction(
        detectorId=name,
        eventId=variables.pop("event_id", "e-1"),
        eventTypeName=name,
        entities=[{"entityType": f"{name}_customer", "entityId": "c-1"}],
        eventTimestamp="2020-01-31T10:00:00Z",
        eventVariables={f"{name}_{key}": value for key, value in variables.items()},
    )
    assert answer["modelScores"] == []
    return [outcome.removeprefix(f"{name}_") for rule in answer["ruleResults"] for outcome in rule["outcomes"]]


def test_a_template_makes_what_events_are_described_by(aws: EmulatedAws, made: dict[str, str], name: str) -> None:
    client = aws.client("frauddetector")
    (found,) = client.get_event_types(name=name)["eventTypes"]
    assert made["event"] == found["arn"]
    assert found["eventVariables"] == [f"{name}_amount", f"{name}_currency"]
    assert found["labels"] == [f"{name}_fraud", f"{name}_legit"]
    (amount,) = client.get_variables(name=f"{name}_amount")["variables"]
    assert (amount["dataType"], amount["variableType"]) == ("FLOAT", "PRICE")


def test_rules_are_evaluated_by_their_expressions(aws: EmulatedAws, made: dict[str, str], name: str) -> None:
    amount, currency = f"${name}_amount", f"${name}_currency"
    rules = ((f"{amount} >= 700", "high"), (f"{currency} in ['EUR', 'USD']", "low"), (f"{amount} >= 0", "other"))
    detector(aws, name, *rules)
    assert asked(aws, name, amount="700.00", currency="EUR") == ["high"]
    assert asked(aws, name, amount="699.99", currency="EUR") == ["low"]
    assert asked(aws, name, amount="1", currency="CHF") == ["other"]
    with pytest.raises(ClientError, match="not of the data type FLOAT"):
        asked(aws, name, amount="much")
    with pytest.raises(ClientError, match="allowed: variables of"):
        asked(aws, name, colour="red")
    with pytest.raises(ClientError, match=r"1 of the ids of event and entities; allowed: \[0-9a-z_-\]"):
        asked(aws, name, amount="1", event_id="T.7")


def test_all_rules_that_match_are_told_where_the_version_says_so(
    aws: EmulatedAws, made: dict[str, str], name: str
) -> None:
    amount = f"${name}_amount"
    detector(
        aws, name, (f"{amount} > 10", "high"), (f"{amount} > 20", "other"), (f"{amount} > 5", "low"), mode="ALL_MATCHED"
    )
    assert asked(aws, name, amount="15") == ["high", "low"]


FILE = "training.csv"


def training_file(name: str, rows: int = 10_000, frauds: int = 400, at: str = "2020-01-31T10:00:00Z") -> bytes:
    text = io.StringIO()
    written = csv.writer(text)
    written.writerow([f"{name}_amount", f"{name}_currency", "EVENT_TIMESTAMP", "EVENT_LABEL"])
    for number in range(rows):
        written.writerow([f"{number}.50", "EUR", at, f"{name}_{'fraud' if number < frauds else 'legit'}"])
    return text.getvalue().encode()


def model(aws: EmulatedAws, made: dict[str, str], name: str, body: bytes) -> dict[str, Any]:
    """Starts a training on a file; the version."""
    aws.client("s3").put_object(Bucket=made["bucket"], Key=FILE, Body=body)
    client = aws.client("frauddetector")
    client.create_model(modelId=name, modelType=KIND, eventTypeName=name)
    return dict(client.create_model_version(**version_of(made, name)))


def version_of(made: dict[str, str], name: str) -> dict[str, Any]:
    mapper = {"FRAUD": [f"{name}_fraud"], "LEGIT": [f"{name}_legit"]}
    return {
        "modelId": name,
        "modelType": KIND,
        "trainingDataSource": "EXTERNAL_EVENTS",
        "trainingDataSchema": {
            "modelVariables": [f"{name}_amount", f"{name}_currency"],
            "labelSchema": {"labelMapper": mapper},
        },
        "externalEventsDetail": {"dataLocation": f"s3://{made['bucket']}/{FILE}", "dataAccessRoleArn": made["role"]},
    }


def at_rest(aws: EmulatedAws, name: str, number: str, *but: str) -> dict[str, Any]:
    asked_for = {"modelId": name, "modelType": KIND, "modelVersionNumber": number}

    def found() -> Any:
        one = aws.client("frauddetector").get_model_version(**asked_for)
        going = ("TRAINING_IN_PROGRESS", "ACTIVATE_REQUESTED", "ACTIVATE_IN_PROGRESS", "INACTIVATE_IN_PROGRESS", *but)
        return one if one["status"] not in going else None

    return dict(until(found))


def test_a_model_is_trained_published_and_scores_nothing(aws: EmulatedAws, made: dict[str, str], name: str) -> None:
    client = aws.client("frauddetector")
    begun = model(aws, made, name, training_file(name))
    assert (begun["modelVersionNumber"], begun["status"]) == ("1.0", "TRAINING_IN_PROGRESS")
    assert at_rest(aws, name, "1.0")["status"] == "TRAINING_COMPLETE"
    version = {"modelId": name, "modelType": KIND, "modelVersionNumber": "1.0"}
    with pytest.raises(ClientError, match="allowed: ACTIVE"):
        detector(aws, name, (f"${name}_amount > 0", "low"), modelVersions=[version])
    client.update_model_version_status(**version, status="ACTIVE")
    assert at_rest(aws, name, "1.0", "TRAINING_COMPLETE")["status"] == "ACTIVE"

    score = f"${name}_insightscore"
    rules = ((f"{score} >= 700", "high"), (f"{score} < 700", "low"), (f"${name}_amount >= 0", "other"))
    for number, _ in enumerate(rules):
        client.delete_rule(rule={"detectorId": name, "ruleId": f"rule{number}", "ruleVersion": "1"})
    number = detector(aws, name, *rules, modelVersions=[version])
    assert asked(aws, name, amount="900") == ["other"]
    with pytest.raises(ClientError, match="which must be deleted first"):
        client.update_model_version_status(**version, status="INACTIVE")
    with pytest.raises(ClientError, match="allowed: DRAFT, INACTIVE"):
        client.delete_detector_version(detectorId=name, detectorVersionId=number)

    further = client.update_model_version(
        modelId=name,
        modelType=KIND,
        majorVersionNumber="1",
        externalEventsDetail=version_of(made, name)["externalEventsDetail"],
    )
    assert further["modelVersionNumber"] == "1.01"
    assert at_rest(aws, name, "1.01")["status"] == "TRAINING_COMPLETE"


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"rows": 9_999}, "needed: 10000"),
        ({"frauds": 399}, "399 of them labelled FRAUD"),
        ({"at": "2020-01-31T10:00:00.000Z"}, "EVENT_TIMESTAMP is of no form"),
    ],
)
def test_a_file_that_the_service_would_not_train_on_ends_in_an_error(
    aws: EmulatedAws, made: dict[str, str], name: str, wrong: dict[str, Any], says: str
) -> None:
    model(aws, made, name, training_file(name, **wrong))
    found = at_rest(aws, name, "1.0")
    assert found["status"] == "ERROR"
    (details,) = aws.client("frauddetector").describe_model_versions(
        modelId=name, modelType=KIND, modelVersionNumber="1.0"
    )["modelVersionDetails"]
    messages = details["trainingResult"]["dataValidationMetrics"]["fileLevelMessages"]
    assert says in messages[0]["content"]


def test_a_role_that_may_not_read_the_file_ends_in_an_error(aws: EmulatedAws, deployed: Deployed, name: str) -> None:
    made = deployed({**stack(name), "Role": role("frauddetector")}, WANTED)
    model(aws, made, name, training_file(name))
    assert at_rest(aws, name, "1.0")["status"] == "ERROR"


def test_one_training_of_a_version_at_a_time(aws: EmulatedAws, made: dict[str, str], name: str) -> None:
    """What a second one is told: that of the same major version, and that of the same model."""
    client = aws.client("frauddetector")
    model(aws, made, name, training_file(name, rows=60_000))
    with pytest.raises(ClientError, match="Simultaneous training for the same major version"):
        client.update_model_version(
            modelId=name,
            modelType=KIND,
            majorVersionNumber="1",
            externalEventsDetail=version_of(made, name)["externalEventsDetail"],
        )
    with pytest.raises(ClientError, match="1 concurrent training job per model"):
        client.create_model_version(**version_of(made, name))
    at_rest(aws, name, "1.0")


def test_a_batch_of_events_is_predicted_and_a_bad_row_stops_none(
    aws: EmulatedAws, made: dict[str, str], name: str
) -> None:
    amount = f"${name}_amount"
    detector(aws, name, (f"{amount} >= 100", "high"), (f"{amount} >= 0", "low"))
    header = f"{name}_amount,{name}_currency,EVENT_TIMESTAMP,ENTITY_TYPE,ENTITY_ID,EVENT_ID"
    at = f"2020-01-31T10:00:00Z,{name}_customer,c"
    rows = [f"100,EUR,{at},1", f"much,EUR,{at},2", f"1,EUR,{at},3"]
    aws.client("s3").put_object(Bucket=made["bucket"], Key="in.csv", Body="\n".join([header, *rows]))
    client = aws.client("frauddetector")
    client.create_batch_prediction_job(
        jobId=name,
        inputPath=f"s3://{made['bucket']}/in.csv",
        outputPath=f"s3://{made['bucket']}/out/",
        eventTypeName=name,
        detectorName=name,
        iamRoleArn=made["role"],
    )

    def ended() -> Any:
        (job,) = client.get_batch_prediction_jobs(jobId=name)["batchPredictions"]
        return job if job["status"] in ("COMPLETE", "FAILED") else None

    job = until(ended)
    assert job["status"] == "COMPLETE", job
    assert (job["processedRecordsCount"], job["totalRecordsCount"]) == (3, 3)
    (key,) = (one["Key"] for one in aws.client("s3").list_objects_v2(Bucket=made["bucket"], Prefix="out/")["Contents"])
    body = aws.client("s3").get_object(Bucket=made["bucket"], Key=key)["Body"].read().decode()
    written = list(csv.DictReader(io.StringIO(body)))
    assert [one["STATUS"] for one in written] == ["SUCCESS", "ValidationException", "SUCCESS"]
    assert [one["OUTCOMES"] for one in written] == [f'["{name}_high"]', "", f'["{name}_low"]']


def test_what_is_used_is_not_deleted(aws: EmulatedAws, made: dict[str, str], name: str) -> None:
    client = aws.client("frauddetector")
    number = detector(aws, name, (f"${name}_amount > 0", "low"))
    rule = {"detectorId": name, "ruleId": "rule0", "ruleVersion": "1"}
    for call, given in (
        (client.delete_detector, {"detectorId": name}),
        (client.delete_rule, {"rule": rule}),
        (client.delete_event_type, {"name": name}),
        (client.delete_outcome, {"name": f"{name}_low"}),
        (client.delete_variable, {"name": f"{name}_amount"}),
    ):
        with pytest.raises(client.exceptions.ConflictException):
            call(**given)
    client.update_detector_version_status(detectorId=name, detectorVersionId=number, status="INACTIVE")
    client.delete_detector_version(detectorId=name, detectorVersionId=number)
    client.delete_rule(rule=rule)
    client.delete_detector(detectorId=name)
    client.delete_event_type(name=name)


def test_a_draft_whose_rule_was_deleted_is_not_published(aws: EmulatedAws, made: dict[str, str], name: str) -> None:
    """Page *delete-detector*: a rule is kept by ACTIVE and INACTIVE versions alone."""
    client = aws.client("frauddetector")
    client.put_detector(detectorId=name, eventTypeName=name)
    said = {"expression": f"${name}_amount > 0", "language": "DETECTORPL", "outcomes": [f"{name}_low"]}
    rule = client.create_rule(detectorId=name, ruleId="rule0", **said)["rule"]
    number = client.create_detector_version(detectorId=name, rules=[rule])["detectorVersionId"]
    client.delete_rule(rule=rule)
    with pytest.raises(ClientError, match="rule rule0 1 does not exist"):
        client.update_detector_version_status(detectorId=name, detectorVersionId=number, status="ACTIVE")


@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("$nobody > 1", "allowed: variables of the event type"),
        ("$amount >", "allowed: a number"),
        ("amount > 1", "allowed: "),
    ],
)
def test_a_wrong_rule_is_refused(aws: EmulatedAws, made: dict[str, str], name: str, expression: str, says: str) -> None:
    with pytest.raises(ClientError, match=says):
        detector(aws, name, (expression.replace("$amount", f"${name}_amount"), "low"))


@pytest.mark.parametrize(
    ("text", "values", "matches"),
    [
        ("$a + 2 * 3 == 7", {"a": 1.0}, True),
        ("!($a > 1) and $b == 'x'", {"a": 1.0, "b": "x"}, True),
        ("!($a > 1)", {}, False),
        ("$a == null", {}, True),
        ("$a > 1 or $b == 'x'", {"b": "x"}, True),
        ("$a not in [1, 2]", {"a": 3.0}, True),
        ("$a in @names", {"a": "x", "@names": ["x"]}, True),
        ("regex_match('a.*', $a)", {"a": "abc"}, True),
        ("$a / 0 > 1", {"a": 1.0}, False),
    ],
)
def test_the_language_of_rules(text: str, values: dict[str, Any], matches: bool) -> None:
    assert expressions.read(text).matches(values) is matches


def test_an_expression_of_the_page_that_is_not_implemented_says_so() -> None:
    with pytest.raises(ServiceError, match="not implemented here"):
        expressions.read("getcurrentdatetime() > 1")


def test_whoever_may_not_ask_is_refused(aws: EmulatedAws, made: dict[str, str], deployed: Deployed, name: str) -> None:
    detector(aws, name, (f"${name}_amount > 0", "low"))
    at = "arn:aws:frauddetector:us-east-1:123456789012"
    code = f"""
import boto3
def handler(event, context):
    return boto3.client('frauddetector').get_event_prediction(
        detectorId='{name}', eventId='e', eventTypeName='{name}', eventTimestamp='2020-01-31T10:00:00Z',
        entities=[{{'entityType': '{name}_customer', 'entityId': 'c'}}], eventVariables={{'{name}_amount': '1'}}
    )['ruleResults']
"""
    allowed = [f"{at}:detector/{name}", f"{at}:event-type/another"]
    called = deployed(
        {"Role": role("lambda", ("frauddetector:GetEventPrediction", allowed)), "Function": function(code, "Role")},
        {"function": ref("Function")},
    )
    answer = json.loads(aws.client("lambda").invoke(FunctionName=called["function"])["Payload"].read())
    assert f"frauddetector:GetEventPrediction on resource: {at}:event-type/{name}" in answer["errorMessage"]


def templated(name: str, expression: str) -> dict[str, Any]:
    """A detector of the event type, with outcomes by reference and inline."""
    rules = [
        {
            "RuleId": "large",
            "DetectorId": name,
            "Expression": expression,
            "Language": "DETECTORPL",
            "Outcomes": [{"Arn": ref("High")}],
        },
        {
            "RuleId": "rest",
            "DetectorId": name,
            "Expression": f"${name}_amount >= 0",
            "Language": "DETECTORPL",
            "Outcomes": [{"Name": f"{name}_rest", "Inline": True}],
        },
    ]
    detected = {
        "DetectorId": name,
        "EventType": {"Arn": ref("Event")},
        "Rules": rules,
        "DetectorVersionStatus": "ACTIVE",
        "RuleExecutionMode": "FIRST_MATCHED",
    }
    return {**stack(name), "Detector": {"Type": "AWS::FraudDetector::Detector", "Properties": detected}}


def test_a_template_makes_a_detector_changes_it_and_takes_it_away(aws: EmulatedAws, name: str) -> None:
    def bring(resources: dict[str, Any]) -> None:
        deploy([Stack(f"Detects{name}", json.dumps({"Resources": resources}), (), ())], aws.client)

    bring(templated(name, f"${name}_amount >= 700"))
    assert asked(aws, name, amount="700") == ["high"]
    assert asked(aws, name, amount="699") == ["rest"]
    bring(templated(name, f"${name}_amount >= 100"))
    assert asked(aws, name, amount="699") == ["high"]
    client = aws.client("frauddetector")
    found = client.describe_detector(detectorId=name)["detectorVersionSummaries"]
    assert [one["status"] for one in found] == ["INACTIVE", "ACTIVE"]
    assert len(client.get_rules(detectorId=name)["ruleDetails"]) == 3
    bring({"Bucket": {"Type": "AWS::S3::Bucket"}})
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        client.describe_detector(detectorId=name)
    assert name not in {one["name"] for one in client.get_event_types()["eventTypes"]}
    assert f"{name}_rest" not in {one["name"] for one in client.get_outcomes()["outcomes"]}


def test_a_wrong_rule_fails_its_template(deployed: Deployed, name: str) -> None:
    with pytest.raises(DeploymentError, match="allowed: variables of the event type"):
        deployed(templated(name, "$nobody > 1"))
