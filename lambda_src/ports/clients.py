"""Clients of AWS with time-outs that a payment can wait for."""

from __future__ import annotations

from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import Session

session = Session()
"""Of this process. It is botocore's own: boto3 would add a third of a second to every cold start, and nothing that is used."""

AwsError = (ClientError, BotoCoreError)
"""What a call raises when the service refuses it or cannot be reached, retries included."""


def client(service: str, *, timeout_s: float = 2.0, attempts: int = 3) -> Any:
    """A client of a service.

    Args:
        service: botocore's name of it.
        timeout_s: for each answer; connecting gets half a second.
        attempts: how often a call is tried at most, with a growing random pause in between.
    """
    config = Config(
        connect_timeout=0.5, read_timeout=timeout_s, retries={"mode": "standard", "total_max_attempts": attempts}
    )
    return session.create_client(service, config=config)
