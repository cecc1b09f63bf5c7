"""What a topic holds."""

from __future__ import annotations

from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from local import topic_contents


@pytest.mark.parametrize("code", [KafkaError._TRANSPORT, KafkaError._TIMED_OUT, KafkaError.LEADER_NOT_AVAILABLE])
def test_the_ends_of_a_topic_are_asked_for_again(monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    answers: list[Any] = [KafkaException(KafkaError(code)), {0: 3}]

    def ends(_brokers: str, _topic: str) -> Any:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(topic_contents, "_ends", ends)
    assert topic_contents.topic_ends("127.0.0.1:1", "t") == {0: 3}
