"""The scoring API deployed with `api_auth=api-keys`: callers by their keys, each with the usage plan's requests a day."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from emulator.process import EmulatedAws
from local.api_caller import ApiCaller
from local.stand_ins import STAND_INS
from samples.deciding_world import transaction_message
from tests.local.deployed_api import asked, deployed_api

pytestmark = [pytest.mark.stacks, pytest.mark.slow, pytest.mark.timeout(900)]

A_DAY = 5


class Api:
    """The API, with the key and the usage plan that its stack has made."""

    def __init__(self, aws: EmulatedAws, url: str) -> None:
        self.aws, self.url, self.gateway = aws, url, aws.client("apigateway")
        [self.key] = self.gateway.get_api_keys(includeValues=True)["items"]
        [self.plan] = self.gateway.get_usage_plans()["items"]

    def new_key(self, name: str, *, enabled: bool = True, planned: bool = True) -> str:
        """The value of one more caller's key."""
        made = self.gateway.create_api_key(name=name, enabled=enabled)
        if planned:
            self.gateway.create_usage_plan_key(usagePlanId=self.plan["id"], keyId=made["id"], keyType="API_KEY")
        return str(made["value"])

    def call(self, method: str, path: str, key: str | None, body: bytes | None = None) -> tuple[int, Any]:
        return asked(method, self.url + path, {"x-api-key": key}, body)


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    folder = tmp_path_factory.mktemp("api-keys")
    with EmulatedAws(folder / "aws", STAND_INS) as aws:
        yield Api(aws, deployed_api(aws, folder, {"api_auth": "api-keys", "api_calls_a_day": A_DAY}))


def test_each_key_of_the_plan_has_so_many_requests_a_day(api: Api) -> None:
    body = transaction_message(1)
    status, decision = api.call("POST", "/v1/score", api.key["value"], body)
    assert (status, decision["door"]) == (200, "api"), decision
    answers = [api.call("GET", "/v1/health", api.key["value"]) for _ in range(A_DAY)]
    assert [status for status, _ in answers] == [200] * (A_DAY - 1) + [429]
    assert answers[-1][1] == {"message": "Limit Exceeded"}
    # what one caller has used up is no other's
    assert api.call("POST", "/v1/score", api.new_key("the second caller's"), body) == (200, decision)


def test_no_key_and_any_other_is_refused(api: Api) -> None:
    keys = {
        "none": None,
        "empty": "",
        "nobody's": "x" * 40,
        "the key's id": api.key["id"],
        "of no plan": api.new_key("of no plan", planned=False),
        "disabled": api.new_key("disabled", enabled=False),
    }
    for method, path, body in (("GET", "/v1/health", None), ("POST", "/v1/score", transaction_message(2))):
        answers = {name: api.call(method, path, key, body) for name, key in keys.items()}
        assert answers == dict.fromkeys(keys, (403, {"message": "Forbidden"}))


def test_a_signature_is_no_key(api: Api) -> None:
    caller = ApiCaller(api.url, api.aws.credentials, "us-east-1")
    assert caller.post("/v1/score", transaction_message(3))[0] == 403
