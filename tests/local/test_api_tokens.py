"""The scoring API deployed with `api_auth=cognito`: tokens of the pool that it names, and nothing else."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from emulator.process import EmulatedAws
from local.api_caller import ApiCaller
from local.stand_ins import STAND_INS
from samples.deciding_world import transaction_message
from tests.emulator.user_pools import UserPool, other_key
from tests.local.deployed_api import asked, deployed_api

pytestmark = [pytest.mark.stacks, pytest.mark.slow, pytest.mark.timeout(900)]


class Api:
    """The API, with the pool of its callers and one that it knows nothing of."""

    def __init__(self, aws: EmulatedAws, url: str, pool: UserPool) -> None:
        self.aws, self.url, self.pool = aws, url, pool
        self.other = UserPool(aws, "strangers")

    def call(self, method: str, path: str, token: str | None, body: bytes | None = None) -> tuple[int, Any]:
        return asked(method, self.url + path, {"Authorization": token}, body)


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    folder = tmp_path_factory.mktemp("api-tokens")
    with EmulatedAws(folder / "aws", STAND_INS) as aws:
        pool = UserPool(aws, "callers")
        url = deployed_api(aws, folder, {"api_auth": "cognito", "api_user_pool": pool.arn})
        yield Api(aws, url, pool)


def test_an_identity_token_of_the_pool_is_answered(api: Api) -> None:
    token = api.pool.tokens["IdToken"]
    status, decision = api.call("POST", "/v1/score", token, transaction_message(1))
    assert (status, decision["door"]) == (200, "api"), decision
    assert api.call("GET", "/v1/decisions/t1", f"Bearer {token}") == (200, {**decision, "labels": []})
    assert api.call("GET", "/v1/health", api.pool.signed(api.pool.key)) == (200, {"status": "ok"})


def test_any_other_token_is_refused(api: Api) -> None:
    now, pool = int(time.time()), api.pool
    tokens = {
        "none": None,
        "empty": "",
        "no token": "ann",
        "an access token": pool.tokens["AccessToken"],
        "a refresh token": pool.tokens["RefreshToken"],
        "another pool's": api.other.tokens["IdToken"],
        "another pool's in the name of this one": api.other.claimed(iss=_issuer(pool)),
        "signed by another pool's key": pool.signed(api.other.key),
        "signed by nobody's key": pool.signed(other_key()),
        "another payload": pool.claimed(email="someone@else.example"),
        "expired": pool.signed(pool.key, iat=now - 7200, exp=now - 1),
        "not valid yet": pool.signed(pool.key, iat=now + 600, exp=now + 4200),
        "no signature": pool.tokens["IdToken"].rpartition(".")[0] + ".",
    }
    answers = {name: api.call("GET", "/v1/health", token) for name, token in tokens.items()}
    assert {name: status for name, (status, _) in answers.items()} == dict.fromkeys(tokens, 401), answers
    assert api.call("POST", "/v1/score", tokens["expired"], transaction_message(2))[0] == 401


def test_a_signature_is_no_token(api: Api) -> None:
    caller = ApiCaller(api.url, api.aws.credentials, "us-east-1")
    assert caller.post("/v1/score", transaction_message(3))[0] == 401


def _issuer(pool: UserPool) -> str:
    return f"https://cognito-idp.us-east-1.amazonaws.com/{pool.id}"
