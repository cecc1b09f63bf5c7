"""Signatures of requests: no key is believed by its name, the root's least of all."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

from emulator.hosted.ministack.names import app, iam_evaluator

_pinning: ContextVar[bool] = ContextVar("pinning", default=False)


def check_every_signature(root_key: str) -> None:
    """One key is the root's, and its signatures are checked as everyone's.

    MiniStack believes whoever names that key, `test` or any account's number, and whoever sends an Authorization header of
    another kind, as a token's.
    """
    pin = iam_evaluator.pin_signed_request

    def is_root(key: str) -> bool:
        # without any credentials: refused before it comes to that, but for what S3 and API Gateway judge themselves
        return key == root_key or (not key and bool(iam_evaluator._anonymous.get()))

    def pinned(*request: Any, **rest: Any) -> None:
        token = _pinning.set(True)
        try:
            pin(*request, **rest)
        finally:
            _pinning.reset(token)

    iam_evaluator.is_root_access_key = is_root
    # as a request is kept for its check, this says whose are not to be checked; later, who the caller is
    iam_evaluator._is_root_key = lambda key: not _pinning.get() and is_root(key)
    iam_evaluator.pin_signed_request = app.pin_signed_request = pinned
