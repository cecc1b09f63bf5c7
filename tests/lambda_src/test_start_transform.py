"""The function `start_transform`: what follows a crawl, by what the catalogue says of the files that it found."""

from __future__ import annotations

import json

import pytest
from aws_lambda_powertools.utilities.batch.exceptions import BatchProcessingError

from samples.lambda_context import CONTEXT
from tests.card_number_cases import CARD, readable
from tests.lambda_src.conftest import REGION
from tests.lambda_src.test_start_crawl import message

NONE = {"batchItemFailures": []}
GOOD = {"amt": "double", "cc_num": "string", "more": "string"}


def crawled(state="Succeeded", **detail):
    return {"detail-type": "Glue Crawler State Change", "detail": {"crawlerName": "files", "state": state, **detail}}


def ran(state, **detail):
    return {"detail-type": "Glue Job State Change", "detail": {"jobName": "transform", "state": state, **detail}}


class Transforms:
    """The catalogue in moto, files in a bucket, and Glue's StartJobRun.

    Attributes:
        started: the arguments of each run.
    """

    def __init__(self, load, aws, bus):
        self.s3, self.glue, self.bus = aws.client("s3"), aws.client("glue"), bus
        self.s3.create_bucket(Bucket="raw", CreateBucketConfiguration={"LocationConstraint": REGION})
        self.glue.create_database(DatabaseInput={"Name": "files"})
        self.started, self.fails = [], None
        aws.events.register("before-call.glue.StartJobRun", self._start)
        self.function = load("start_transform")

    def _start(self, params, **_):
        asked, code = json.loads(params["body"]), self.fails

        class Response:
            status_code = 400 if code else 200

        assert asked["JobName"] == "transform"
        if code is None:
            self.started.append(asked["Arguments"])
        answer = {"Error": {"Code": code, "Message": "no"}} if code else {"JobRunId": "jr_1"}
        return Response, {**answer, "ResponseMetadata": {"HTTPStatusCode": Response.status_code}}

    def table(self, name="input", columns=None, kind="csv", file=b"rows"):
        """A table as a crawler writes it, with a file of it unless that is None."""
        location = f"s3://raw/{name}/"
        columns = [{"Name": column, "Type": of} for column, of in (columns or GOOD).items()]
        storage = {"Location": location, "Columns": columns}
        entry = {"Name": name, "StorageDescriptor": storage, "Parameters": {"classification": kind}}
        self.glue.create_table(DatabaseName="files", TableInput=entry)
        if file is not None:
            self.s3.put_object(Bucket="raw", Key=f"{name}/a.csv", Body=file)
        return location

    def process(self, *bodies):
        records = [message(f"m{place}", body) for place, body in enumerate(bodies)]
        return self.function.handler({"Records": records}, CONTEXT)

    @property
    def told(self):
        assert {entry["DetailType"] for entry in self.bus} <= {"Batch input refused"}
        return [(detail["kind"], detail["why"]) for detail in (json.loads(entry["Detail"]) for entry in self.bus)]


@pytest.fixture
def transforms(load, aws, bus):
    return Transforms(load, aws, bus)


def test_what_was_crawled_is_transformed_where_the_catalogue_says_it_is(transforms):
    location = transforms.table()
    assert transforms.process(crawled()) == NONE
    assert transforms.started == [{"--input": location}]
    assert transforms.told == []


def test_a_crawl_that_finds_nothing_says_so(transforms):
    assert transforms.process(crawled()) == NONE
    transforms.table(file=None)
    transforms.table("empty", file=b"")
    assert transforms.process(crawled()) == NONE
    assert transforms.started == []
    assert transforms.told == [("NothingNew", "the crawl found nothing new: no file is in the raw bucket")] * 2


def test_columns_that_are_missing_keep_a_table_from_being_transformed_and_are_named(transforms):
    transforms.table("wrong", {"amt": "double", "x": "string"})
    good = transforms.table()
    assert transforms.process(crawled()) == NONE
    assert transforms.started == [{"--input": good}]
    assert transforms.told == [("SchemaDiffers", "table wrong, not transformed: cc_num: missing")]


def test_another_type_is_named_and_transformed_all_the_same(transforms):
    transforms.table(columns={**GOOD, "amt": "string"})
    assert transforms.process(crawled()) == NONE
    assert len(transforms.started) == 1
    assert transforms.told == [
        ("SchemaDiffers", "table input, transformed all the same: amt: string; expected: double")
    ]


@pytest.mark.parametrize("kind", ["json", "parquet"])
def test_of_files_that_say_their_types_themselves_none_is_expected(transforms, kind):
    transforms.table(columns={**GOOD, "amt": "decimal(10,2)", "cc_num": "bigint"}, kind=kind)
    assert transforms.process(crawled()) == NONE
    assert (len(transforms.started), transforms.told) == (1, [])


def test_while_the_job_runs_a_crawl_comes_again(transforms):
    transforms.table()
    transforms.fails = "ConcurrentRunsExceededException"
    with pytest.raises(BatchProcessingError):
        transforms.process(crawled())
    transforms.fails = None
    assert transforms.process(crawled()) == NONE
    assert len(transforms.started) == 1


def test_what_has_failed_is_told(transforms):
    bodies = [crawled("Failed", errorMessage="AccessDenied"), ran("TIMEOUT", jobRunId="jr_5", message="too long")]
    assert transforms.process(*bodies) == NONE
    assert transforms.told == [
        ("CrawlFailed", "the crawl failed: AccessDenied"),
        ("TransformFailed", "the run jr_5 of the transform ended as TIMEOUT: too long"),
    ]


def test_what_is_told_is_counted(transforms, capsys):
    transforms.process(crawled(), crawled("Failed"), ran("FAILED"))
    [line] = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    assert [line[name] for name in ("NothingNew", "CrawlFailed", "TransformFailed")] == [[1.0]] * 3


def test_no_card_number_is_told(transforms, caplog):
    transforms.table(columns={"amt": "double", CARD: "string"})
    transforms.process(crawled(), ran("FAILED", message=f"row {CARD} of a file"))
    said = [json.dumps(vars(line), default=str) for line in caplog.records]
    assert [kind for kind, _ in transforms.told] == ["SchemaDiffers", "TransformFailed"]
    assert not any(readable(text) for text in (*said, json.dumps(transforms.told)))


@pytest.mark.parametrize("body", ["", "{}", "5", '{"detail-type": "Other", "detail": {"state": "Succeeded"}}'])
def test_what_is_no_state_comes_again_alone(transforms, body):
    transforms.table()
    assert transforms.process(body, crawled()) == {"batchItemFailures": [{"itemIdentifier": "m0"}]}
    assert len(transforms.started) == 1
