"""What Lambda says of a call: the context that it hands a handler."""

from __future__ import annotations

from typing import Any

REQUEST_ID = "6f6ff1a5-0000-4000-8000-000000000001"


class Context:
    """There is time for as many looks at it."""

    function_name = "function"
    function_version = "7"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:eu-west-1:123456789012:function:function"
    aws_request_id = REQUEST_ID

    def __init__(self, looks: int = 1_000_000) -> None:
        self._looks = looks

    def get_remaining_time_in_millis(self) -> int:
        self._looks -= 1
        return 600_000 if self._looks >= 0 else 1_000


CONTEXT: Any = Context()
