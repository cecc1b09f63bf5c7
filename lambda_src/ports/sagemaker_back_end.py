"""The back end SageMaker: each object starts a run of a state machine, which trains a model on it or scores it."""

from __future__ import annotations

import json

from botocore.exceptions import ClientError

from lambda_src.object_events import Arrived
from lambda_src.ports.clients import Client


class SageMakerBackEnd:
    """Starts the runs.

    A run is named after its object, and a name is taken for as long as a run by it goes on and for 90 days after (page
    API_StartExecution), longer than any message lives. So a message that comes again starts no second one.

    Args:
        client: of stepfunctions.
        machine: the state machine's ARN, which must be of the type STANDARD.
    """

    def __init__(self, client: Client, machine: str) -> None:
        self._client, self._machine = client, machine

    def train(self, arrived: Arrived) -> str:
        """Has a model trained on the object."""
        return self._started(arrived)

    def score(self, arrived: Arrived) -> str:
        """Has the object's rows scored."""
        return self._started(arrived)

    def _started(self, arrived: Arrived) -> str:
        name = f"batch-{arrived.identity}"
        given = {"transactions": arrived.uri, "set": arrived.name}
        try:
            self._client.start_execution(stateMachineArn=self._machine, name=name, input=json.dumps(given))
        except ClientError as error:
            if error.response["Error"]["Code"] != "ExecutionAlreadyExists":
                raise
            return f"the run {name} was there already"
        return f"the run {name} was started"
