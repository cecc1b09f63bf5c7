"""The function `start_transform`: what follows a crawl, by what the catalogue says of the files that it found."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone

import pytest
from aws_lambda_powertools.utilities.batch.exceptions import BatchProcessingError

from samples.lambda_context import CONTEXT
from tests.card_number_cases import CARD, readable
from tests.lambda_src.conftest import REGION
from tests.lambda_src.test_start_crawl import message

NONE = {"batchItemFailures": []}
GOOD = {"amt": "double", "cc_num": "string", "more": "string"}


def crawled(state="Succeeded", told="2026-01-01T12:00:00Z", identity="1", **detail):
    return {
        "detail-type": "Glue Crawler State Change", "id": identity, "time": told,
        "detail": {"crawlerName": "files", "state": state, "runningTime (sec)": "40", **detail},
    }  # fmt: skip


def ran(state, **detail):
    return {"detail-type": "Glue Job State Change", "detail": {"jobName": "transform", "state": state, **detail}}


class Transforms:
    """The catalogue in moto, files in a bucket, and Glue's StartJobRun and GetJobRuns: a job that runs once at a time.

    Attributes:
        runs: the newest first, as Glue tells of them.
        clock: when the next run begins or ends.
    """

    def __init__(self, load, aws, bus):
        self.s3, self.glue, self.bus = aws.client("s3"), aws.client("glue"), bus
        self.s3.create_bucket(Bucket="raw", CreateBucketConfiguration={"LocationConstraint": REGION})
        self.glue.create_database(DatabaseInput={"Name": "files"})
        self.runs, self.fails, self.clock = [], None, datetime(2026, 1, 1, 12, 1, tzinfo=timezone.utc)
        aws.events.register("before-call.glue.StartJobRun", self._start)
        aws.events.register("before-call.glue.GetJobRuns", self._told)
        self.function = load("start_transform")

    def _start(self, params, **_):
        asked, code = json.loads(params["body"]), self.fails

        class Response:
            status_code = 400 if code else 200

        assert asked["JobName"] == "transform"
        if code is None and any("CompletedOn" not in run for run in self.runs):
            Response.status_code, code = 400, "ConcurrentRunsExceededException"
        if code is None:
            self.runs.insert(0, {"StartedOn": self.clock, "Arguments": asked["Arguments"]})
        answer = {"Error": {"Code": code, "Message": "no"}} if code else {"JobRunId": "jr_1"}
        return Response, {**answer, "ResponseMetadata": {"HTTPStatusCode": Response.status_code}}

    def _told(self, params, **_):
        assert json.loads(params["body"])["JobName"] == "transform"

        class Response:
            status_code = 200

        return Response, {"JobRuns": self.runs, "ResponseMetadata": {"HTTPStatusCode": 200}}

    @property
    def started(self):
        """What the runs transform, in their order."""
        return [run["Arguments"]["--input"] for run in reversed(self.runs)]

    def end(self, *deleted, after_s=60):
        """The run that goes on ends, with these files read and deleted."""
        self.clock += timedelta(seconds=after_s)
        (run,) = [run for run in self.runs if "CompletedOn" not in run]
        run["CompletedOn"] = self.clock
        for key in deleted:
            self.s3.delete_object(Bucket="raw", Key=key)

    def table(self, name="", columns=None, kind="csv", file=b"rows", **parameters):
        """A table of a folder as a crawler writes it, with a file of it unless that is None."""
        folder = f"input/{name}/" if name else "input/"
        if file is not None:
            self.s3.put_object(Bucket="raw", Key=f"{folder}a.csv", Body=file)
        return self.table_at(f"s3://raw/{folder}", name or "input", columns, kind, **parameters)

    def table_at(self, location, name, columns=None, kind="csv", **parameters):
        """A table of whatever is there."""
        columns = [{"Name": column, "Type": of} for column, of in (columns or GOOD).items()]
        storage = {"Location": location, "Columns": columns}
        entry = {"Name": name, "StorageDescriptor": storage, "Parameters": {"classification": kind, **parameters}}
        self.glue.create_table(DatabaseName="files", TableInput=entry)
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
    assert transforms.started == [location] == ["s3://raw/input/"]
    assert transforms.told == []


def test_a_crawl_that_finds_nothing_says_so(transforms):
    assert transforms.process(crawled()) == NONE
    transforms.table(file=None)
    assert transforms.process(crawled(identity="2")) == NONE
    assert transforms.started == []
    assert transforms.told == [("NothingNew", "the crawl found nothing new: no file is in the raw bucket")] * 2


def test_columns_that_are_missing_keep_a_table_from_being_transformed_and_are_named(transforms):
    transforms.table("wrong", {"amt": "double", "x": "string"})
    good = transforms.table("till")
    assert transforms.process(crawled()) == NONE
    assert transforms.started == [good]
    assert transforms.told == [("SchemaDiffers", "table wrong: cc_num: missing; not transformed")]


@pytest.mark.parametrize("kinds", [("", "gone"), ("gone", ""), ("gone", "gone")])
def test_of_a_table_whose_files_are_gone_nothing_is_told(transforms, kinds):
    """A file that was wrong was mended: the crawler has marked its table, or there is none of its files any more."""
    transforms.s3.put_object(Bucket="raw", Key="input/bad.csv.gz", Body=b"rows")
    marked = {"DEPRECATED_BY_CRAWLER": "1"}
    transforms.table_at("s3://raw/input/bad.csv", "bad_csv", {"x": "string"}, **(marked if kinds[0] else {}))
    transforms.table_at("s3://raw/input/bad.csv.gz", "bad_csv_gz", {"x": "string"}, **marked)
    transforms.table_at("s3://raw/input/", "input")
    assert transforms.process(crawled()) == NONE
    assert (transforms.started, transforms.told) == (["s3://raw/input/"], [])


def test_files_too_unlike_for_one_table_are_one_set(transforms):
    """The transform looks at each, and takes those that the crawler could not read."""
    for name, columns in (("a.csv", GOOD), ("b.csv.gz", GOOD), ("c.csv", {"col0": "string"}), ("d.csv", None)):
        transforms.s3.put_object(Bucket="raw", Key=f"input/{name}", Body=b"rows" if columns else b"")
        if columns:
            delimiter = {"delimiter": "^"} if "col0" in columns else {}
            transforms.table_at(f"s3://raw/input/{name}", name.replace(".", "_"), columns, **delimiter)
    assert transforms.process(crawled()) == NONE
    assert transforms.started == ["s3://raw/input/"]
    ((kind, why),) = transforms.told
    assert kind == "SchemaDiffers"
    assert why.startswith("table c_csv: amt: missing; cc_num: missing; delimiter '^', ")
    assert why.endswith("; the transform looks at each file itself")


def test_files_that_no_crawler_knows_are_named(transforms):
    for name, body in (("empty.csv", b""), ("half.csv.gz", b"\x1f\x8b"), ("_hidden", b"x"), ("below/", b"")):
        transforms.s3.put_object(Bucket="raw", Key=f"input/{name}", Body=body)
    assert transforms.process(crawled()) == NONE
    assert transforms.started == []
    ((kind, why),) = transforms.told
    assert kind == "SchemaDiffers"
    files = "s3://raw/input/empty.csv (0 bytes), s3://raw/input/half.csv.gz (2 bytes)"
    assert why.startswith(f"2 of the files are none that a crawler knows: {files}; allowed: CSV with a header")


@pytest.mark.parametrize("kept", [False, True])
def test_each_table_of_a_crawl_is_transformed_once_one_after_the_other(transforms, kept):
    """Whether the files are deleted once they were read, or stay (`batch_keep_raw`)."""
    tables = [transforms.table(name) for name in ("shop", "till")]
    transforms.table("wrong", {"amt": "double"})
    event = crawled()
    with pytest.raises(BatchProcessingError):
        transforms.process(event)
    assert (transforms.started, transforms.told) == (tables[:1], [])
    with pytest.raises(BatchProcessingError):  # the first run goes on
        transforms.process(event)
    transforms.end(*([] if kept else ["input/shop/a.csv"]))
    assert transforms.process(event) == NONE
    transforms.end(*([] if kept else ["input/till/a.csv"]))
    assert transforms.process(event) == NONE
    assert transforms.started == tables
    assert set(transforms.told) == {("SchemaDiffers", "table wrong: cc_num: missing; not transformed")}


@pytest.mark.parametrize("left", [False, True])
def test_an_event_that_comes_twice_is_acted_on_once(transforms, left):
    """Even where the run has left a file, as one that it could not read."""
    transforms.table()
    assert transforms.process(crawled()) == NONE
    assert transforms.process(crawled()) == NONE
    transforms.end(*([] if left else ["input/a.csv"]))
    assert transforms.process(crawled(), crawled()) == NONE
    assert (len(transforms.runs), transforms.told) == (1, [])


def test_events_out_of_order_raise_no_alarm(transforms):
    transforms.table()
    assert transforms.process(crawled(told="2026-01-01T12:00:30Z", identity="late")) == NONE
    transforms.end("input/a.csv")
    assert transforms.process(crawled()) == NONE
    assert (len(transforms.runs), transforms.told) == (1, [])


@pytest.mark.parametrize(
    ("told", "alarms"), [("2026-01-01T12:01:30Z", 0), ("2026-01-01T12:02:20Z", 0), ("2026-01-01T12:02:50Z", 1)]
)
def test_a_crawl_while_the_files_were_transformed_found_nothing_but_them(transforms, told, alarms):
    """The run goes from 12:01 to 12:02, and the crawl took 40 s."""
    transforms.table()
    transforms.process(crawled())
    transforms.end("input/a.csv")
    assert transforms.process(crawled(told=told, identity="2")) == NONE
    assert [kind for kind, _ in transforms.told] == ["NothingNew"] * alarms


def test_what_comes_after_a_run_is_transformed(transforms):
    transforms.table()
    transforms.process(crawled())
    transforms.end()
    assert transforms.process(crawled(told="2026-01-01T12:01:30Z", identity="2")) == NONE
    assert len(transforms.runs) == 2


def test_another_type_is_named_and_transformed_all_the_same(transforms):
    transforms.table(columns={**GOOD, "amt": "string"})
    assert transforms.process(crawled()) == NONE
    assert len(transforms.started) == 1
    assert transforms.told == [
        (
            "SchemaDiffers",
            "table input: amt: string; expected: double; the transform looks at each file itself",
        )
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
