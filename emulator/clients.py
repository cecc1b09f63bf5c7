"""Calls to the emulated AWS, signed with the credentials of whoever makes them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

import botocore.session
from botocore.config import Config

from emulator.account import REGION

OpenSession = Callable[..., dict[str, str]]
"""Given a role's ARN, what takes it (the ARN of a service's resource, or the service), and if need be a session's name:
AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN. Raises AccessDeniedError if the role does not trust the service."""


class Clients:
    """botocore clients of the emulated AWS, one a service and caller.

    Args:
        endpoint: its address.
        admin: the credentials of the account's root.
        open_session: gives a role's credentials.
    """

    def __init__(self, endpoint: str, admin: Mapping[str, str], open_session: OpenSession) -> None:
        self.endpoint, self._admin, self.open_session = endpoint, dict(admin), open_session
        self._session = botocore.session.get_session()
        self._clients: dict[tuple[str, str], Any] = {}
        self._lock = threading.Lock()

    def admin(self, service: str) -> Any:
        """A client of the account's root: for what AWS itself does."""
        return self._client(service, self._admin)

    def role(self, service: str, role_arn: str, taken_by: str, session: str = "") -> Any:
        """A client that signs as a role: for what a service does in its name.

        Args:
            taken_by: the ARN of what that service takes it for, or the service as in the name of its principal: `lambda`.
            session: its name, if it is not the service's own.

        Raises:
            AccessDeniedError: the role does not trust the service.
        """
        return self._client(service, self.open_session(role_arn, taken_by, session))

    def _client(self, service: str, credentials: Mapping[str, str]) -> Any:
        key = (service, credentials["AWS_ACCESS_KEY_ID"])
        with self._lock:
            if key not in self._clients:
                self._clients[key] = self._session.create_client(
                    service,
                    region_name=REGION,
                    endpoint_url=self.endpoint,
                    aws_access_key_id=credentials["AWS_ACCESS_KEY_ID"],
                    aws_secret_access_key=credentials["AWS_SECRET_ACCESS_KEY"],
                    aws_session_token=credentials.get("AWS_SESSION_TOKEN"),
                    config=Config(retries={"total_max_attempts": 2}, read_timeout=900, max_pool_connections=20),
                )
            return self._clients[key]
