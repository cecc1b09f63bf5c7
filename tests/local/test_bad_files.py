"""Files that are wrong, through the application's own stacks: each has a clear outcome, and no good row is lost with it.

All rows are scored here, so that nothing is trained: a set is the whole of what comes out.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest

from emulator.process import EmulatedAws
from engines.waiting import wait_until
from fraud.transaction import card_token
from fraud.world import WorldSettings, generate
from fraud.world.tables import to_kaggle
from local.background import ROOT
from local.deployment import deploy, outputs
from local.stand_ins import STAND_INS
from local.synthesis import synthesized_stacks
from tests.local.test_synthesis_machine import bus_alone

pytestmark = [pytest.mark.engines, pytest.mark.slow, pytest.mark.timeout(900)]

PARTS = ("Data", "Serving", "Streaming", "Training", "Batch")
PREDICT = "glue_transformed/batch_predict/"
ROWS = to_kaggle(generate(WorldSettings(cards=40, days=20, fraud_rate=0.01, seed=3))).to_pandas()


def rows(part: int) -> pd.DataFrame:
    """Twenty rows; each part has others."""
    return ROWS.iloc[20 * part : 20 * (part + 1)].reset_index(drop=True)


def ids(*parts: int) -> set[str]:
    return {found for part in parts for found in rows(part)["trans_num"]}


def text(part: int, **columns: Any) -> bytes:
    """A part as Kaggle's file has it."""
    return rows(part).assign(**columns).to_csv().encode()


def two_bad(part: int) -> bytes:
    """A tenth of a part's rows, the fourth and the last, are none."""
    amounts = [*map(str, rows(part)["amt"])]
    amounts[3], amounts[19] = "twelve", "-1"
    return text(part, amt=amounts)


HALF, CARETS, NO_AMOUNT = "half.csv.gz", "carets.csv", "no_amount.csv"
WRONG = {
    HALF: gzip.compress(text(1))[:-200],
    CARETS: text(2).replace(b",", b"^"),
    NO_AMOUNT: rows(3).drop(columns="amt").to_csv().encode(),
    "empty.csv": b"",
}
SAYS = {
    HALF: "the gzip ends in the middle", CARETS: "none of the columns is there", NO_AMOUNT: "the file has no column 'amt'",
    "empty.csv": "the file is empty",
}  # fmt: skip
MENDED = {HALF: gzip.compress(text(1)), CARETS: text(2), NO_AMOUNT: text(3), "empty.csv": text(4)}


class Standing:
    """The application without what streams, and a queue of what it tells of dropped files."""

    def __init__(self, aws: EmulatedAws, stacks: list[str], folder: Path) -> None:
        self.aws, self.s3, self.folder = aws, aws.client("s3"), folder
        self.outputs = {name: value for stack in stacks for name, value in outputs(aws.client, stack).items()}
        self.raw, self.batch = self.outputs["RawBucket"], self.outputs["BatchBucket"]
        self.job, self.glue, self.sqs = self.outputs["TransformJob"], aws.client("glue"), aws.client("sqs")
        secret = aws.client("secretsmanager").get_secret_value(SecretId=self.outputs["CardTokenKeySecret"])
        self.token_key = secret["SecretString"].encode()
        found = self.sqs.list_queues()["QueueUrls"]
        (self.waiting,) = [url for url in found if "Batch-Transform" in url and "DeadLetters" not in url]
        self.sqs.set_queue_attributes(QueueUrl=self.waiting, Attributes={"VisibilityTimeout": "20"})
        self._events = aws.client("events")
        bus = self._events.list_event_buses(NamePrefix="CardFraud")["EventBuses"][0]["Name"]
        self._refusals = self._told("refusals", {"detail-type": ["Batch input refused"]}, bus)
        succeeded = {"detail-type": ["Glue Crawler State Change"], "detail": {"state": ["Succeeded"]}}
        self._crawls = self._told("crawls", succeeded, "default")

    def _told(self, name: str, pattern: dict[str, Any], bus: str) -> str:
        """The URL of a queue that is told of events."""
        url = self.sqs.create_queue(QueueName=name)["QueueUrl"]
        arn = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        allowed = {
            "Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn
        }  # fmt: skip
        policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
        self.sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
        self._events.put_rule(Name=name, EventPattern=json.dumps(pattern), EventBusName=bus)
        self._events.put_targets(Rule=name, EventBusName=bus, Targets=[{"Id": "queue", "Arn": arn}])
        return str(url)

    def _received(self, url: str) -> list[str]:
        bodies: list[str] = []
        while found := self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
            bodies += [each["Body"] for each in found]
            for each in found:
                self.sqs.delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])
        return bodies

    def refusals(self, count: int) -> dict[str, str]:
        """{kind: why} of the events since the last call, which are so many."""
        found: list[dict[str, str]] = []

        def there() -> bool:
            found.extend(json.loads(body)["detail"] for body in self._received(self._refusals))
            return len(found) >= count

        wait_until(there, 60, lambda: AssertionError(f"{found}\n{self.where()}"), every_s=0.5)
        assert len(found) == count, found
        return {each["kind"]: each["why"] for each in found}

    def crawls(self) -> list[str]:
        """The events of crawls that succeeded, since the last call."""
        return self._received(self._crawls)

    def settled(self) -> None:
        """Waits until no message about a crawl or a run is left."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]

        def none() -> bool:
            told = self.sqs.get_queue_attributes(QueueUrl=self.waiting, AttributeNames=names)["Attributes"]
            return all(told[name] == "0" for name in names)

        wait_until(none, 60, lambda: AssertionError(self.where()), every_s=0.5)

    def drop(self, files: dict[str, bytes]) -> None:
        """Files by other means than `fraud upload`."""
        for name, body in files.items():
            self.s3.put_object(Bucket=self.raw, Key=f"input/{name}", Body=body)
        told = json.dumps({"files": [{"key": f"input/{name}"} for name in files]})
        self.s3.put_object(Bucket=self.raw, Key="uploads/by-hand.json", Body=told.encode())

    def upload(self, folder: Path, files: dict[str, bytes]) -> subprocess.CompletedProcess[str]:
        """`fraud upload` of files."""
        folder.mkdir()
        for name, body in files.items():
            (folder / name).write_bytes(body)
        command = [sys.executable, "-m", "cli.main", "upload", "--local-dir", str(folder), "--env", "dev", "--json"]
        variables = {
            **os.environ, **self.aws.credentials, "AWS_ENDPOINT_URL": self.aws.endpoint, "AWS_DEFAULT_REGION": "us-east-1",
            "PYTHONPATH": str(ROOT), "XDG_STATE_HOME": str(folder.parent / "state"),
        }  # fmt: skip
        return subprocess.run(command, env=variables, capture_output=True, text=True, check=False)

    def runs(self) -> list[dict[str, Any]]:
        """Of the transform, the newest first."""
        return list(self.glue.get_job_runs(JobName=self.job)["JobRuns"])

    def run(self, number: int) -> dict[str, Any]:
        """The run of a number, from 1, once it has ended."""

        def ended() -> dict[str, Any] | None:
            found = self.runs()
            return found[-number] if len(found) >= number and "CompletedOn" in found[-number] else None

        return wait_until(ended, 300, lambda: AssertionError(self.where()), every_s=0.5)

    def keys(self, bucket: str, prefix: str = "") -> list[str]:
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        return [found["Key"] for page in pages for found in page.get("Contents", [])]

    def read(self, key: str) -> bytes:
        return bytes(self.s3.get_object(Bucket=self.batch, Key=key)["Body"].read())

    def report(self, place: str) -> dict[str, Any]:
        """The report of the newest set, which adds up; nothing of it is half-written."""
        listed = self.s3.list_objects_v2(Bucket=self.batch, Prefix="reports/")["Contents"]
        found: dict[str, Any] = json.loads(self.read(max(listed, key=lambda one: one["LastModified"])["Key"]))
        parts = (found["written"], found["left_out"], found["quarantined"])
        assert found["read"] == sum(sum(part.values()) for part in parts), place
        assert self.keys(self.batch, "_working") == []
        reports = {key.removeprefix("reports/").removesuffix(".json") for key in self.keys(self.batch, "reports/")}
        assert {key.removeprefix(PREDICT).removesuffix(".parquet") for key in self.keys(self.batch, PREDICT)} <= reports
        assert found["written"]["train"] == 0 and not self.keys(self.batch, "glue_transformed/train/")
        return found

    def holds_as_they_were(self, report: dict[str, Any], wanted: set[str]) -> None:
        """A set has these rows, as clean files have them."""
        table = pq.read_table(io.BytesIO(self.read(f"{PREDICT}{report['set']}.parquet")))
        assert report["written"]["predict"] == len(table) == len(wanted)
        found = {row["transaction_id"]: row for row in table.to_pylist()}
        assert found.keys() == wanted
        for row in ROWS[ROWS["trans_num"].isin(wanted)].to_dict("records"):
            made = found[row["trans_num"]]
            given = (row["merchant"], row["category"], round(100 * row["amt"]), row["trans_date_trans_time"])
            assert (made["merchant"], made["category"], made["amount_cents"]) == given[:3]
            assert pd.Timestamp(made["event_time"]).tz_localize(None) == given[3]
            assert made["cc_num"] == card_token(str(row["cc_num"]), self.token_key)

    def quarantined(self, report: dict[str, Any]) -> dict[tuple[str, int], str]:
        """{(file, row): why}."""
        lines = self.read(f"quarantine/{report['set']}.jsonl").decode().splitlines()
        return {(row["file"], row["row"]): row["reason"] for row in map(json.loads, lines)}

    def where(self) -> str:
        """How far it got."""
        tables = self.glue.get_tables(DatabaseName="cardfraud_dev_batch")["TableList"]
        told = {
            "raw": self.keys(self.raw), "batch": self.keys(self.batch), "tables": [one["Name"] for one in tables],
            "crawler": self.glue.get_crawler(Name=self.outputs["CrawlerName"])["Crawler"],
            "runs": [(one["JobRunState"], one.get("ErrorMessage"), one.get("Arguments")) for one in self.runs()],
            "denied": self.denied(),
        }  # fmt: skip
        return json.dumps(told, indent=1, default=str)

    def denied(self) -> list[tuple[str, Any]]:
        """(role, what it was denied)."""
        found = self.aws.permissions()
        return [(row["role"], row["denied"]) for row in found if row["role"].startswith("CardFraud") and row["denied"]]


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standing]:
    folder = tmp_path_factory.mktemp("files")
    day = "2000-01-01"
    stacks = {
        stack.name.rpartition("-")[2]: stack
        for stack in synthesized_stacks(folder, {"batch_train_until": day, "batch_predict_from": day})
    }
    stacks["Streaming"] = bus_alone(stacks["Streaming"])
    with EmulatedAws(folder / "aws", STAND_INS) as aws:
        deploy([stacks[part] for part in PARTS], aws.client)
        yield Standing(aws, [stacks[part].name for part in PARTS], folder / "aws")


def test_a_wrong_file_is_not_uploaded_and_neither_are_its_neighbours(standing: Standing, tmp_path: Path) -> None:
    done = standing.upload(tmp_path / "data", {**WRONG, "good.csv": text(0)})
    assert done.returncode == 2
    said = " ".join(done.stderr.split())
    for name in WRONG:
        assert f"{name}: " in said, said
    assert "nothing was sent" in said
    assert standing.keys(standing.raw) == []


def test_wrong_files_that_came_by_other_means_are_named_and_the_good_ones_go_on(standing: Standing) -> None:
    """Also one that is renamed while it is read."""
    good = {
        "good.csv": text(0), "semicolons.csv": rows(5).to_csv(sep=";").encode(), "tenth.csv": two_bad(6),
        "bom.csv": b"\xef\xbb\xbf" + text(7), "crlf.csv": text(8).replace(b"\n", b"\r\n"),
    }  # fmt: skip
    standing.drop({**WRONG, **good, "renamed.csv": text(9)})
    # the job has listed its files when it starts Spark, and reads them later
    wait_until(
        lambda: any(b"Spark" in log.read_bytes() for log in standing.folder.rglob("jr_*/log")),
        240, lambda: AssertionError(standing.where()), every_s=0.05,
    )  # fmt: skip
    standing.s3.delete_object(Bucket=standing.raw, Key="input/renamed.csv")
    standing.s3.put_object(Bucket=standing.raw, Key="input/moved.csv", Body=text(9))

    run, report = standing.run(1), standing.report("by other means")
    bad = {**SAYS, "renamed.csv": "was removed or replaced while it was read"}
    refused = {each["file"]: each["reason"] for each in report["refused"]}
    assert refused.keys() == bad.keys()
    assert all(says in refused[name] for name, says in bad.items()), refused
    quarantined = standing.quarantined(report)
    assert quarantined.keys() == {("tenth.csv", 4), ("tenth.csv", 20)}
    assert all(why.startswith("amount: ") and "; allowed: " in why for why in quarantined.values()), quarantined
    none = set(rows(6)["trans_num"].iloc[[3, 19]])
    standing.holds_as_they_were(report, ids(0, 5, 6, 7, 8) - none)

    told = standing.refusals(2)
    for name in (NO_AMOUNT, "semicolons.csv"):
        assert f"table {name.replace('.', '_')}: " in told["SchemaDiffers"]
    assert "amt: missing" in told["SchemaDiffers"]
    assert run["Id"] in told["TransformFailed"] and "5 of 10 files refused" in told["TransformFailed"]
    for name in bad:
        assert f"{name}: " in told["TransformFailed"] or f"{name} was" in told["TransformFailed"]
    assert sorted(standing.keys(standing.raw, "input/")) == sorted(f"input/{name}" for name in (*WRONG, "moved.csv"))


def test_mended_they_go_through_with_what_was_left(standing: Standing, tmp_path: Path) -> None:
    more = {
        "tenth.csv": two_bad(10), "bom.csv": b"\xef\xbb\xbf" + text(11), "crlf.csv": text(12).replace(b"\n", b"\r\n")
    }  # fmt: skip
    done = standing.upload(tmp_path / "data", {**MENDED, **more})
    assert done.returncode == 0, done.stderr
    assert {each["outcome"] for each in json.loads(done.stdout)["files"]} == {"sent"}
    run, report = standing.run(2), standing.report("mended")
    assert run["JobRunState"] == "SUCCEEDED", run.get("ErrorMessage")
    assert standing.quarantined(report).keys() == {("tenth.csv", 4), ("tenth.csv", 20)}
    none = set(rows(10)["trans_num"].iloc[[3, 19]])
    standing.holds_as_they_were(report, ids(1, 2, 3, 4, 9, 10, 11, 12) - none)
    assert report["refused"] == [] == standing.keys(standing.raw, "input/")


def test_events_of_crawls_that_come_again_change_nothing(standing: Standing) -> None:
    told = standing.crawls()
    assert len(told) == 2
    for body in (*told, *reversed(told)):
        standing.sqs.send_message(QueueUrl=standing.waiting, MessageBody=body)
    standing.settled()
    assert len(standing.runs()) == 2
    assert standing.refusals(0) == {}


def test_folders_of_other_columns_are_transformed_one_after_the_other(standing: Standing) -> None:
    lines = rows(14).assign(trans_date_trans_time=rows(14)["trans_date_trans_time"].astype(str))
    standing.drop(
        {
            "shop/a.csv": text(13),
            "till/b.jsonl": lines.to_json(orient="records", lines=True).encode(),
            "wrong/c.csv": b"a,b\n1,x\n2,y\n3,z\n",
        }
    )
    for number, part in ((3, 13), (4, 14)):
        run = standing.run(number)
        assert run["JobRunState"] == "SUCCEEDED", run.get("ErrorMessage")
        standing.holds_as_they_were(standing.report(str(part)), ids(part))
    standing.settled()
    told = standing.refusals(1)
    assert "table wrong: " in told["SchemaDiffers"] and told["SchemaDiffers"].endswith("not transformed")
    assert standing.keys(standing.raw, "input/") == ["input/wrong/c.csv"]
    assert len(standing.runs()) == 4
    assert standing.denied() == []
