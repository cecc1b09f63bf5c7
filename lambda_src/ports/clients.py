"""Clients of AWS with time-outs that a payment can wait for."""

from __future__ import annotations

from typing import Any, TypeAlias

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import Session

Client: TypeAlias = Any
"""A client of botocore, which makes its operations at run time from the service's model: no type can say them, and what they
answer is AWS's JSON."""

session = Session()
"""Of this process. It is botocore's own: boto3 would add a third of a second to every cold start, and nothing that is used."""

AwsError = (ClientError, BotoCoreError)
"""What a call raises when the service refuses it or cannot be reached, retries included."""


def client(service: str, *, timeout_s: float = 2.0, attempts: int = 3) -> Client:
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
