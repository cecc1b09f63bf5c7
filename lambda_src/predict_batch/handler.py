"""Has the rows of each object scored that arrives in the bucket Batch, by the back end of the settings."""

from __future__ import annotations

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse

from lambda_src.arrivals import processes
from lambda_src.ports.clients import client
from lambda_src.predict_batch.environment import Environment
from lambda_src.telemetry import Event, LambdaContext, logger, with_request

environment = Environment.read()
s3 = client("s3", timeout_s=10)
back_end = environment.back_end.made()
process = processes(s3, environment, back_end.score)
processor = BatchProcessor(
    event_type=EventType.SQS,
    logger=logger,  # type: ignore[arg-type] # Powertools' own Logger is no subclass of logging's
)


@with_request
def handler(event: Event, context: LambdaContext) -> PartialItemFailureResponse:
    """Processes messages of the queue Predict; a message that goes on failing is sent to the dead-letter queue."""
    return process_partial_response(event=event, record_handler=process, processor=processor, context=context)
