"""What follows a crawl: the transform of what it found, or a sentence that says why there is none.

Messages are events of EventBridge: the state of the crawler, and of runs of the job that have failed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from fraud.card_numbers import mask_card_numbers
from lambda_src.ports.clients import client
from lambda_src.start_transform.crawl import CRAWL, INPUT, Crawl, Run, acted_on, crawl, runs_since
from lambda_src.start_transform.environment import Environment
from lambda_src.start_transform.table import by_folder, differences, table
from lambda_src.telemetry import Event, LambdaContext, MetricUnit, logger, metrics, with_request

environment = Environment.read()
s3 = client("s3", timeout_s=5)
glue = client("glue", timeout_s=5)
events = client("events", timeout_s=5)
processor = BatchProcessor(
    event_type=EventType.SQS,
    logger=logger,  # type: ignore[arg-type] # Powertools' own Logger is no subclass of logging's
)
REFUSED = "Batch input refused"
"""The type of the event that says why files were not transformed."""
_SHOWN = 10
"""Files that a sentence names at most."""


class EventNotPublishedError(Exception):
    """The bus refused an event."""


class JobRunsError(Exception):
    """The job runs, and it does so once at a time."""


@with_request
@metrics.log_metrics
def handler(event: Event, context: LambdaContext) -> PartialItemFailureResponse:
    """Processes messages of the queue Transform; while the job runs they come again, for it runs once at a time."""
    return process_partial_response(event=event, record_handler=_process, processor=processor, context=context)


def _process(record: SQSRecord) -> None:
    logger.append_keys(message_id=record.message_id)
    match json.loads(record.body):
        case {
            "detail-type": "Glue Crawler State Change", "id": str(identity), "time": str(told),
            "detail": {"state": "Succeeded", **detail},
        }:  # fmt: skip
            _crawled(crawl(identity, told, str(detail.get("runningTime (sec)", ""))))
        case {"detail-type": "Glue Crawler State Change", "detail": {"state": "Failed", **detail}}:
            _refuse("CrawlFailed", f"the crawl failed: {detail.get('errorMessage', 'no reason is given')}")
        case {"detail-type": "Glue Job State Change", "detail": {"state": str(state), **detail}}:
            run, why = detail.get("jobRunId"), detail.get("message", "no reason is given")
            _refuse("TransformFailed", f"the run {run} of the transform ended as {state}: {why}")
        case _:
            raise ValueError("no state of a crawler or of a job; allowed: an event of Glue's")


def _crawled(told: Crawl) -> None:
    """Starts a run for each folder of which a table can be transformed, one after the other, and says what differs."""
    there = _files()
    pages = glue.get_paginator("get_tables").paginate(DatabaseName=environment.database)
    tables = [table(entry) for page in pages for entry in page["TableList"]]
    waiting = [each for each in tables if not each.gone and any(there[uri] for uri in _at(each.location, there))]
    runs = runs_since(glue, environment.job, told.began)
    left = set(there)
    useless: list[str] = []
    for folder, members in by_folder(waiting).items():
        found = {each.name: differences(each, environment.columns) for each in members}
        fatal = all(each.fatal for each in found.values())
        for place in [each.location for each in members] if fatal else [folder]:
            left -= set(_at(place, there))
        says = [
            f"table {name}: {'; '.join(words)}" for name, each in found.items() if (words := [*each.fatal, *each.other])
        ]
        if fatal:
            useless.append(f"{'; '.join(says)}; not transformed")
        elif not acted_on(runs, told, folder):
            if any(run.ended is None for run in runs):
                raise JobRunsError(f"{folder}: the job runs; the message comes again")
            if says:
                _refuse("SchemaDiffers", f"{'; '.join(says)}; the transform looks at each file itself")
            _start(folder, told)
            runs.append(Run(folder, told.mark, None))
    for why in useless:
        _refuse("SchemaDiffers", why)
    if left:
        shown = ", ".join(f"{uri} ({there[uri]:,} bytes)" for uri in sorted(left)[:_SHOWN])
        allowed = "CSV with a header and a row at least, JSON lines, Parquet, as gzip or zstd or not"
        _refuse(
            "SchemaDiffers", f"{len(left):,} of the files are none that a crawler knows: {shown}; allowed: {allowed}"
        )
    elif not waiting and any(run.ended is None or run.ended >= told.began for run in runs):
        logger.info("skipped", extra={"why": "what this crawl found was transformed already"})
    elif not waiting:
        _refuse("NothingNew", "the crawl found nothing new: no file is in the raw bucket")


def _files() -> dict[str, int]:
    """{URI: bytes} of the dropped files, hidden ones left out as the job leaves them out."""
    bucket, _, prefix = environment.input.removeprefix("s3://").partition("/")
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    listed = {each["Key"]: each["Size"] for page in pages for each in page.get("Contents", [])}
    hidden = {key for key in listed if any(part.startswith((".", "_")) for part in key.removeprefix(prefix).split("/"))}
    return {f"s3://{bucket}/{key}": size for key, size in listed.items() if key not in hidden and not key.endswith("/")}


def _at(location: str, there: Iterable[str]) -> list[str]:
    """The files of a folder, or the one that is the location itself."""
    return [uri for uri in there if uri == location or (location.endswith("/") and uri.startswith(location))]


def _start(folder: str, told: Crawl) -> None:
    """Starts the job. Raises ClientError: among others, while a run goes on (ConcurrentRunsExceededException)."""
    answer = glue.start_job_run(JobName=environment.job, Arguments={INPUT: folder, CRAWL: told.mark})
    logger.info("started the transform", extra={"folder": folder, "run": answer["JobRunId"]})


def _refuse(metric: str, why: str) -> None:
    said = mask_card_numbers(why)
    logger.warning("refused", extra={"kind": metric, "why": said})
    entry = {"Source": "card-fraud", "DetailType": REFUSED, "Detail": json.dumps({"kind": metric, "why": said})}
    answer = events.put_events(Entries=[{"EventBusName": environment.bus, **entry}])
    if answer["FailedEntryCount"]:
        raise EventNotPublishedError(answer["Entries"][0]["ErrorMessage"])
    metrics.add_metric(metric, MetricUnit.Count, 1)
