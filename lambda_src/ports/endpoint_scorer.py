"""The model behind its SageMaker endpoint."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from botocore.exceptions import BotoCoreError, ClientError, ReadTimeoutError
from numpy.typing import NDArray

from fraud.model_input import ModelInput
from fraud.model_request import ACCEPT, CONTENT_TYPE, Pause, may_pass, read_scores, request_body
from fraud.ports import ScorerUnavailableError, Scores
from fraud.retries import tries
from lambda_src.ports.clients import Client

ATTEMPTS = 2
BOOTSTRAP_VERSION = "bootstrap"
"""The model that an endpoint is created with, before any is trained: its scores mean nothing."""


class EndpointScorer:
    """Asks an endpoint, twice at most; after a failure the endpoint is left alone for a while.

    Args:
        client: of sagemaker-runtime, with a time-out and without retries of its own.
        endpoint: its name.
        clock: a monotonic one, in seconds.
    """

    def __init__(self, client: Client, endpoint: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._client, self._endpoint, self._pause = client, endpoint, Pause(clock)

    def score(self, vectors: NDArray[np.float32], given: ModelInput, reasons: int) -> Scores:
        """The scores of n vectors of what is given, in one call.

        Raises:
            ScorerUnavailableError: no valid answer, no model yet, or not asked so soon after a failure.
        """
        scores = self._pause.asking(lambda: read_scores(self._invoke(request_body(vectors, given, reasons))))
        if scores.model_version == BOOTSTRAP_VERSION:
            raise ScorerUnavailableError("no model is deployed yet")
        return scores

    def _invoke(self, body: bytes) -> bytes:
        for attempt in tries(ATTEMPTS):
            try:
                answer = self._client.invoke_endpoint(
                    EndpointName=self._endpoint, Body=body, ContentType=CONTENT_TYPE, Accept=ACCEPT
                )
                return bytes(answer["Body"].read())
            except ReadTimeoutError as error:
                # who is late once is late again: a second try would only double the wait
                raise ScorerUnavailableError("the model did not answer in time") from error
            except ClientError as error:
                if attempt == ATTEMPTS or not _may_pass(error):
                    raise ScorerUnavailableError(f"the model's endpoint: {str(error)[:200]}") from error
            except BotoCoreError as error:
                if attempt == ATTEMPTS:
                    raise ScorerUnavailableError(f"the model cannot be reached: {type(error).__name__}") from error
        raise AssertionError("unreachable")


def _may_pass(error: ClientError) -> bool:
    """Whether the next try may succeed: the container failed, or the service, or it is asked too often."""
    status = error.response.get("OriginalStatusCode", error.response["ResponseMetadata"]["HTTPStatusCode"])
    return may_pass(status) or error.response["Error"]["Code"] == "ThrottlingException"
