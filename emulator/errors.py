"""Errors as AWS services give them."""

from __future__ import annotations


class ServiceError(Exception):
    """A service's refusal.

    Attributes:
        code: the service's own name of the error, as `ResourceNotFound`.
        message: what a person reads.
        status: of the HTTP answer.
        members: what else the error's shape holds, as ModelError's OriginalStatusCode.
    """

    def __init__(self, code: str, message: str, status: int = 400, **members: str | int) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.status, self.members = code, message, status, members


class AccessDeniedError(ServiceError):
    """The caller's policies do not allow it; the message names role, action and resource."""

    def __init__(self, message: str) -> None:
        super().__init__("AccessDeniedException", message, 403)
