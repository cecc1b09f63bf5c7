"""Each limit of a request, at the limit and one above it, against the running emulation."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from emulator.limits.limit import Limit
from emulator.limits.requests import REQUESTS as ROWS
from emulator.process import EmulatedAws
from tests.emulator.conftest import Deployed
from tests.emulator.limits_requests_cases import REQUESTS
from tests.emulator.limits_standing import NAMES, STANDING, Place, name_of

_places: dict[str, Place] = {}


@pytest.fixture
def at(aws: EmulatedAws, deployed: Deployed) -> Place:
    if aws.endpoint not in _places:
        _places[aws.endpoint] = Place(aws, deployed(STANDING, NAMES))
    return _places[aws.endpoint]


def test_each_row_has_a_case_and_none_is_there_twice() -> None:
    names = [name_of(row) for row in ROWS]
    assert sorted(names) == sorted(set(names))
    assert set(names) == set(REQUESTS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: " ".join(name_of(row)))
def test_a_request_is_taken_at_the_limit_and_refused_above_it(at: Place, row: Limit) -> None:
    send = REQUESTS[name_of(row)]
    send(at, int(row.most))
    wrong = [row.most + 1, row.least - 1] if row.least else [row.most + 1]
    for size in wrong:
        with pytest.raises(ClientError) as refused:
            send(at, int(size))
        assert refused.value.response["Error"]["Code"] == row.code
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == row.status
        if not row.beneath:
            assert row.page in refused.value.response["Error"]["Message"]
