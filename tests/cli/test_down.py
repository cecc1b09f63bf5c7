"""`fraud down`: what it says it ended."""

from __future__ import annotations

import pytest

from cli import down as module
from local.background import StandingError
from tests.cli.person_files import fraud


@pytest.mark.parametrize(("ended", "says"), [(True, "The application is down."), (False, "Nothing was up.")])
def test_it_says_whether_something_was_ended(
    ended: bool, says: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module, "stop", lambda: ended)
    assert fraud(monkeypatch, capsys, "down") == (0, says)


def test_what_cannot_be_ended_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stop() -> bool:
        raise StandingError("out/up.json cannot be read; if no application stands, delete it")

    monkeypatch.setattr(module, "stop", stop)
    status, said = fraud(monkeypatch, capsys, "down")
    assert (status, said) == (2, "fraud: out/up.json cannot be read; if no application stands, delete it")
