"""Crawlers look at what is there: the catalogue says what the files are, and events say how the crawl went."""

from __future__ import annotations

import gzip
import itertools
import json
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.glue.schedule import Schedules
from emulator.process import EmulatedAws
from local.deployment import DeploymentError
from tests.emulator.conftest import Deployed, attribute, received, ref, until
from tests.emulator.glue_resources import BUCKET, CLASSIFIER, HEADER, crawler, crawler_role, database

FIRST = "2020-01-01 00:00:18,token-1,4.97\n1,2020-01-01 00:00:44,token-2,107.23\n"
KAGGLE = f",trans_date_trans_time,cc_num,amt\n0,{FIRST}".encode()
_numbers = itertools.count(1)


def stack(name: str, *left_out: str, **properties: Any) -> dict[str, Any]:
    """A bucket that is crawled through a classifier of its own, and a queue that is told of the crawler's states."""
    made = json.loads(json.dumps(CLASSIFIER))
    made["Properties"]["CsvClassifier"]["Name"] = name
    allowed = {
        "Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": "*"
    }  # fmt: skip
    pattern = {"source": ["aws.glue"], "detail-type": ["Glue Crawler State Change"], "detail": {"crawlerName": [name]}}
    return {
        "Raw": BUCKET,
        "Database": database(name),
        "Classifier": made,
        "CrawlerRole": crawler_role(name, *left_out),
        "Crawler": crawler(name, ref("Classifier"), **{"Name": name, **properties}),
        "Queue": {"Type": "AWS::SQS::Queue"},
        "Allowed": {
            "Type": "AWS::SQS::QueuePolicy",
            "Properties": {
                "Queues": [ref("Queue")],
                "PolicyDocument": {"Version": "2012-10-17", "Statement": [allowed]},
            },
        },
        "Rule": {
            "Type": "AWS::Events::Rule",
            "Properties": {
                "EventPattern": pattern,
                "Targets": [{"Id": "queue", "Arn": attribute("Queue", "Arn")}],
            },
        },
    }


@pytest.fixture
def name() -> str:
    return f"crawled{next(_numbers)}"


OUTPUTS = {"raw": ref("Raw"), "queue": ref("Queue"), "crawler": ref("Crawler")}


def crawl(aws: EmulatedAws, name: str) -> dict[str, Any]:
    """Runs it to its end; its record."""
    aws.client("glue").start_crawler(Name=name)

    def ended() -> Any:
        found = aws.client("glue").get_crawler(Name=name)["Crawler"]
        return found if found["State"] == "READY" else None

    return dict(until(ended))


def events(aws: EmulatedAws, queue: str, count: int = 2) -> list[dict[str, Any]]:
    return [json.loads(body)["detail"] for body in received(aws, queue, count)]


def table(aws: EmulatedAws, name: str) -> dict[str, Any]:
    return dict(aws.client("glue").get_table(DatabaseName=name, Name="input")["Table"])


def test_a_crawler_writes_what_its_classifier_says_of_the_files(
    aws: EmulatedAws, deployed: Deployed, name: str
) -> None:
    made = deployed(stack(name), OUTPUTS)
    assert made["crawler"] == name
    s3 = aws.client("s3")
    s3.put_object(Bucket=made["raw"], Key="input/fraud Train+1.csv", Body=KAGGLE)
    s3.put_object(Bucket=made["raw"], Key="input/fraudTest.csv", Body=KAGGLE)
    s3.put_object(Bucket=made["raw"], Key="uploads/manifest.json", Body=b"{}")

    crawled = crawl(aws, name)

    assert crawled["LastCrawl"]["Status"] == "SUCCEEDED"
    assert crawled["LastCrawl"]["LogGroup"] == "/aws-glue/crawlers"
    found = table(aws, name)
    storage = found["StorageDescriptor"]
    assert [one["Name"] for one in storage["Columns"]] == HEADER
    assert [one["Type"] for one in storage["Columns"]] == ["bigint", "string", "string", "double"]
    assert storage["Location"] == f"s3://{made['raw']}/input/"
    assert found["Parameters"]["classification"] == "csv"
    assert found["Parameters"]["objectCount"] == "2"
    assert found["Parameters"]["skip.header.line.count"] == "1"
    assert found["Parameters"]["UPDATED_BY_CRAWLER"] == name
    told = {one["state"]: one for one in events(aws, made["queue"])}
    assert set(told) == {"Started", "Succeeded"}
    assert told["Succeeded"]["tablesCreated"] == "1"
    assert told["Succeeded"]["warningMessage"] == "N/A"
    assert told["Succeeded"]["accountId"] == "123456789012"


def test_other_columns_are_in_the_catalogue_as_they_are(aws: EmulatedAws, deployed: Deployed, name: str) -> None:
    made = deployed(stack(name), OUTPUTS)
    body = b"trans_date_trans_time;cc_num;amt\n" + FIRST.replace(",", ";").replace("\n1;", "\n").encode()
    aws.client("s3").put_object(Bucket=made["raw"], Key="input/other.csv", Body=body)
    crawl(aws, name)
    found = table(aws, name)
    assert [one["Name"] for one in found["StorageDescriptor"]["Columns"]] == HEADER[1:]
    assert found["Parameters"]["delimiter"] == ";"


def test_files_of_other_columns_are_tables_of_their_own(aws: EmulatedAws, deployed: Deployed, name: str) -> None:
    made = deployed(stack(name), OUTPUTS)
    s3 = aws.client("s3")
    s3.put_object(Bucket=made["raw"], Key="input/a.csv", Body=KAGGLE)
    s3.put_object(Bucket=made["raw"], Key="input/b.jsonl", Body=b'{"id": 1, "amount": 2.5}\n{"id": 2, "amount": 3}\n')
    crawl(aws, name)
    tables = aws.client("glue").get_tables(DatabaseName=name)["TableList"]
    assert [(one["Name"], one["Parameters"]["classification"]) for one in tables] == [
        ("a_csv", "csv"),
        ("b_jsonl", "json"),
    ]
    assert tables[1]["StorageDescriptor"]["Columns"] == [
        {"Name": "id", "Type": "int"}, {"Name": "amount", "Type": "double"}
    ]  # fmt: skip


@pytest.mark.parametrize("combining", [False, True])
def test_a_packed_file_and_one_that_is_not_are_two_tables(
    aws: EmulatedAws, deployed: Deployed, name: str, combining: bool
) -> None:
    """Even where all that is compatible is combined: page *crawler-grouping-policy*."""
    grouping = json.dumps({"Version": 1.0, "Grouping": {"TableGroupingPolicy": "CombineCompatibleSchemas"}})
    made = deployed(stack(name, **({"Configuration": grouping} if combining else {})), OUTPUTS)
    s3 = aws.client("s3")
    s3.put_object(Bucket=made["raw"], Key="input/a.csv", Body=KAGGLE)
    s3.put_object(Bucket=made["raw"], Key="input/b.csv.gz", Body=gzip.compress(KAGGLE))
    crawl(aws, name)
    tables = aws.client("glue").get_tables(DatabaseName=name)["TableList"]
    assert [one["StorageDescriptor"]["Location"] for one in tables] == [
        f"s3://{made['raw']}/input/{file}" for file in ("a.csv", "b.csv.gz")
    ]


def test_folders_of_unlike_files_are_tables_and_of_like_ones_not_implemented(
    aws: EmulatedAws, deployed: Deployed, name: str
) -> None:
    made = deployed(stack(name), OUTPUTS)
    s3 = aws.client("s3")
    s3.put_object(Bucket=made["raw"], Key="input/shop/a.csv", Body=KAGGLE)
    s3.put_object(Bucket=made["raw"], Key="input/till/b.jsonl", Body=b'{"id": 1, "amount": 2.5}\n')
    assert crawl(aws, name)["LastCrawl"]["Status"] == "SUCCEEDED"
    tables = aws.client("glue").get_tables(DatabaseName=name)["TableList"]
    assert [(one["Name"], one["StorageDescriptor"]["Location"]) for one in tables] == [
        (folder, f"s3://{made['raw']}/input/{folder}/") for folder in ("shop", "till")
    ]
    s3.delete_object(Bucket=made["raw"], Key="input/till/b.jsonl")
    last = crawl(aws, name)["LastCrawl"]
    assert last["Status"] == "FAILED" and "(partitions) are not implemented here" in last["ErrorMessage"]


def test_a_second_crawl_updates_and_one_of_nothing_deprecates(aws: EmulatedAws, deployed: Deployed, name: str) -> None:
    made = deployed(stack(name), OUTPUTS)
    s3 = aws.client("s3")
    s3.put_object(Bucket=made["raw"], Key="input/a.csv", Body=KAGGLE)
    crawl(aws, name)
    s3.put_object(Bucket=made["raw"], Key="input/b.csv", Body=KAGGLE)
    crawl(aws, name)
    assert table(aws, name)["Parameters"]["objectCount"] == "2"
    for key in ("input/a.csv", "input/b.csv"):
        s3.delete_object(Bucket=made["raw"], Key=key)
    crawl(aws, name)
    assert "DEPRECATED_BY_CRAWLER" in table(aws, name)["Parameters"]
    created = [one["tablesCreated"] for one in events(aws, made["queue"], 6) if one["state"] == "Succeeded"]
    assert sorted(created) == ["0", "0", "1"]
    s3.put_object(Bucket=made["raw"], Key="input/c.csv", Body=KAGGLE)
    crawl(aws, name)
    assert "DEPRECATED_BY_CRAWLER" not in table(aws, name)["Parameters"]


@pytest.mark.parametrize("left_out", ["s3:ListBucket", "s3:GetObject", "glue", "logs"])
def test_what_the_role_may_not_fails_the_crawl(aws: EmulatedAws, deployed: Deployed, name: str, left_out: str) -> None:
    made = deployed(stack(name, left_out), OUTPUTS)
    aws.client("s3").put_object(Bucket=made["raw"], Key="input/a.csv", Body=KAGGLE)
    last = crawl(aws, name)["LastCrawl"]
    assert last["Status"] == "FAILED"
    assert "not authorized" in last["ErrorMessage"]
    told = {one["state"]: one for one in events(aws, made["queue"])}
    assert "not authorized" in told["Failed"]["errorMessage"]
    assert told["Failed"]["message"] == "Crawler Failed"


def test_a_crawler_that_runs_is_not_started_again_nor_deleted_but_stopped(
    aws: EmulatedAws, deployed: Deployed, name: str
) -> None:
    made = deployed(stack(name), OUTPUTS)
    glue, s3 = aws.client("glue"), aws.client("s3")
    for number in range(300):
        s3.put_object(Bucket=made["raw"], Key=f"input/{number:03}.csv", Body=KAGGLE)
    glue.start_crawler(Name=name)
    for call in (glue.start_crawler, glue.delete_crawler):
        with pytest.raises(glue.exceptions.CrawlerRunningException):
            call(Name=name)
    glue.stop_crawler(Name=name)
    until(lambda: glue.get_crawler(Name=name)["Crawler"]["State"] == "READY")
    assert glue.get_crawler(Name=name)["Crawler"]["LastCrawl"]["Status"] == "CANCELLED"
    assert glue.list_crawls(CrawlerName=name)["Crawls"][0]["State"] == "STOPPED"
    with pytest.raises(glue.exceptions.CrawlerNotRunningException):
        glue.stop_crawler(Name=name)
    assert aws.client("glue").get_tables(DatabaseName=name)["TableList"] == []


def test_a_role_that_glue_may_not_take_makes_no_crawler(deployed: Deployed, name: str) -> None:
    resources = stack(name)
    trust = resources["CrawlerRole"]["Properties"]["AssumeRolePolicyDocument"]["Statement"][0]
    trust["Principal"] = {"Service": "lambda.amazonaws.com"}
    with pytest.raises(DeploymentError, match="Service is unable to assume provided role"):
        deployed(resources, OUTPUTS)


def test_what_is_not_there_is_said(aws: EmulatedAws) -> None:
    glue = aws.client("glue")
    with pytest.raises(glue.exceptions.EntityNotFoundException):
        glue.get_table(DatabaseName="nothing", Name="input")
    with pytest.raises(glue.exceptions.EntityNotFoundException):
        glue.start_crawler(Name="nothing")
    with pytest.raises(ClientError, match="is not implemented here"):
        glue.get_partitions(DatabaseName="nothing", TableName="input")


def test_a_trigger_of_glues_is_refused(deployed: Deployed) -> None:
    trigger = {"Type": "AWS::Glue::Trigger", "Properties": {"Type": "ON_DEMAND", "Actions": [{"JobName": "job"}]}}
    with pytest.raises(DeploymentError, match="AWS::Glue::Trigger is not implemented here"):
        deployed({"Trigger": trigger})


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"ContainsCustomDatatype": ["BIGINT", "STRING", "STRING", "DOUBLE"]}, "BIGINT is no data type"),
        ({"ContainsCustomDatatype": ["LONG"]}, "1 for 4 columns"),
        ({"CustomDatatypes": ["LONG"]}, "the template's name is ContainsCustomDatatype"),
        ({"QuoteSymbol": ","}, "must be different from the column delimiter"),
    ],
)
def test_a_classifier_that_the_service_refuses_is_refused(
    deployed: Deployed, name: str, wrong: dict[str, Any], says: str
) -> None:
    made = json.loads(json.dumps(CLASSIFIER))
    made["Properties"]["CsvClassifier"] |= {"Name": name, **wrong}
    with pytest.raises(DeploymentError, match=says):
        deployed({"Classifier": made})


def test_a_schedule_starts_a_crawler_when_it_is_due() -> None:
    at, started = datetime(2026, 1, 31, 12, tzinfo=timezone.utc), list[str]()
    ten = timedelta(minutes=10)
    schedules = Schedules(lambda _, after: after + ten, started.append)
    schedules.keep("nightly", "cron(0/10 * * * ? *)")
    schedules.keep("other", "cron(0/10 * * * ? *)")
    schedules.keep("other", None)
    schedules.stop()
    schedules.start_due(at)
    assert started == []
    later = datetime.now(timezone.utc) + ten
    schedules.start_due(later)
    schedules.start_due(later)
    assert started == ["nightly"]


@pytest.mark.parametrize(
    ("expression", "says"),
    [("cron(0 25 * * ? *)", "no valid cron expression"), ("cron(0/2 * * * ? *)", "more often than every 5 minutes")],
)
def test_a_schedule_that_glue_does_not_take_is_refused(
    deployed: Deployed, name: str, expression: str, says: str
) -> None:
    with pytest.raises(DeploymentError, match=says):
        deployed(stack(name, Schedule={"ScheduleExpression": expression}), OUTPUTS)


def test_a_crawler_says_when_it_is_scheduled(aws: EmulatedAws, deployed: Deployed, name: str) -> None:
    deployed(stack(name, Schedule={"ScheduleExpression": "cron(15 3 * * ? *)"}), OUTPUTS)
    found = aws.client("glue").get_crawler(Name=name)["Crawler"]["Schedule"]
    assert found == {"ScheduleExpression": "cron(15 3 * * ? *)", "State": "SCHEDULED"}
