"""One Spark session for the tests of a module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.glue_scripts.runs import Session, session


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    with session(tmp_path_factory.mktemp("spark")) as running:
        yield running
