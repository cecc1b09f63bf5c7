"""What CloudFormation asks a custom resource."""

from __future__ import annotations

from typing import Any, NamedTuple


class Answers(NamedTuple):
    """Where a function answers to, and what it has answered: (content type, answer) each."""

    url: str
    received: list[tuple[str | None, dict[str, Any]]]

    def last(self) -> dict[str, Any]:
        return self.received[-1][1]


def request(kind: str, answers: Answers, **properties: Any) -> dict[str, Any]:
    return {
        "RequestType": kind,
        "ResponseURL": answers.url,
        "StackId": "arn:aws:cloudformation:eu-west-1:123456789012:stack/streaming/1",
        "RequestId": "1",
        "LogicalResourceId": "Topics",
        "ResourceProperties": properties,
    }
