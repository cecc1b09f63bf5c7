"""What follows a crawl: the transform of what it found, or a sentence that says why there is none.

Messages are events of EventBridge: the state of the crawler, and of runs of the job that have failed.
"""

from __future__ import annotations

import json

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from fraud.card_numbers import mask_card_numbers
from lambda_src.ports.clients import client
from lambda_src.start_transform.environment import Environment
from lambda_src.start_transform.table import Table, differences, table
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


class EventNotPublishedError(Exception):
    """The bus refused an event."""


@with_request
@metrics.log_metrics
def handler(event: Event, context: LambdaContext) -> PartialItemFailureResponse:
    """Processes messages of the queue Transform; while the job runs they come again, for it runs once at a time."""
    return process_partial_response(event=event, record_handler=_process, processor=processor, context=context)


def _process(record: SQSRecord) -> None:
    logger.append_keys(message_id=record.message_id)
    match json.loads(record.body):
        case {"detail-type": "Glue Crawler State Change", "detail": {"state": "Succeeded"}}:
            _crawled()
        case {"detail-type": "Glue Crawler State Change", "detail": {"state": "Failed", **detail}}:
            _refuse("CrawlFailed", f"the crawl failed: {detail.get('errorMessage', 'no reason is given')}")
        case {"detail-type": "Glue Job State Change", "detail": {"state": str(state), **detail}}:
            run, why = detail.get("jobRunId"), detail.get("message", "no reason is given")
            _refuse("TransformFailed", f"the run {run} of the transform ended as {state}: {why}")
        case _:
            raise ValueError("no state of a crawler or of a job; allowed: an event of Glue's")


def _crawled() -> None:
    pages = glue.get_paginator("get_tables").paginate(DatabaseName=environment.database)
    tables = [table(entry) for page in pages for entry in page["TableList"]]
    waiting = [each for each in tables if _holds_files(each.location)]
    if not waiting:
        _refuse("NothingNew", "the crawl found nothing new: no file is in the raw bucket")
    for each in waiting:
        found = differences(each, environment.columns)
        if found.fatal or found.other:
            without = "not transformed" if found.fatal else "transformed all the same"
            _refuse("SchemaDiffers", f"table {each.name}, {without}: {'; '.join([*found.fatal, *found.other])}")
        if not found.fatal:
            _start(each)


def _holds_files(location: str) -> bool:
    bucket, _, prefix = location.removeprefix("s3://").partition("/")
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return any(each["Size"] > 0 for page in pages for each in page.get("Contents", []))


def _start(found: Table) -> None:
    """Starts the job. Raises ClientError: among others, while a run goes on (ConcurrentRunsExceededException)."""
    answer = glue.start_job_run(JobName=environment.job, Arguments={"--input": found.location})
    logger.info("started the transform", extra={"table": found.name, "run": answer["JobRunId"]})


def _refuse(metric: str, why: str) -> None:
    said = mask_card_numbers(why)
    logger.warning("refused", extra={"kind": metric, "why": said})
    entry = {"Source": "card-fraud", "DetailType": REFUSED, "Detail": json.dumps({"kind": metric, "why": said})}
    answer = events.put_events(Entries=[{"EventBusName": environment.bus, **entry}])
    if answer["FailedEntryCount"]:
        raise EventNotPublishedError(answer["Entries"][0]["ErrorMessage"])
    metrics.add_metric(metric, MetricUnit.Count, 1)
