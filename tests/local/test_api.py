"""The scoring API on the application's own stacks: signed requests through the gateway to decisions in the table."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.httpsession import URLLib3Session

from emulator.process import EmulatedAws
from local import sending_api
from local.api_caller import ApiCaller, emulated_url
from local.application import ApplicationError
from local.deployment import deploy, outputs
from local.sending import of_unknown_cards
from local.stand_ins import STAND_INS
from local.synthesis import synthesized_stacks
from samples.deciding_world import transaction_message
from samples.parts import table_and_bus

pytestmark = [pytest.mark.stacks, pytest.mark.slow, pytest.mark.timeout(900)]

PARTS = ("Data", "Features", "Serving", "Streaming", "Labels", "Api")


class Answer(NamedTuple):
    """An answer of the gateway."""

    status_code: int
    text: str

    def json(self) -> Any:
        return json.loads(self.text)


class Api:
    """A caller of the API."""

    def __init__(self, aws: EmulatedAws, stacks: list[str]) -> None:
        self.aws = aws
        self.outputs = {name: value for stack in stacks for name, value in outputs(aws.client, stack).items()}
        self.url = emulated_url(aws.endpoint, self.outputs["ApiUrl"])
        self.session = URLLib3Session(timeout=60, max_pool_connections=20)
        self.credentials = Credentials(aws.credentials["AWS_ACCESS_KEY_ID"], aws.credentials["AWS_SECRET_ACCESS_KEY"])

    def call(self, method: str, path: str, body: Any = None, signed: bool = True) -> Answer:
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        asked = AWSRequest(method, self.url + path, data=data, headers={"Content-Type": "application/json"})
        if signed:
            SigV4Auth(self.credentials, "execute-api", "us-east-1").add_auth(asked)
        given = self.session.send(asked.prepare())
        return Answer(given.status_code, given.text)


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    folder = tmp_path_factory.mktemp("api")
    stacks = {stack.name.rpartition("-")[2]: stack for stack in synthesized_stacks(folder, {})}
    for part in ("Streaming", "Labels"):
        stacks[part] = table_and_bus(stacks[part])
    with EmulatedAws(folder / "aws", STAND_INS) as aws:
        deploy([stacks[part] for part in PARTS], aws.client)
        yield Api(aws, [stacks[part].name for part in PARTS])


def transaction(number: int, **changes: Any) -> dict[str, Any]:
    return dict(json.loads(transaction_message(number, **changes)))


def test_a_signed_request_is_decided_and_a_repeated_one_gets_the_first_answer(api: Api) -> None:
    first = api.call("POST", "/v1/score", transaction(1))
    assert first.status_code == 200, first.text
    assert first.json()["door"] == "api"
    assert api.call("POST", "/v1/score", transaction(1)).json() == first.json()
    assert api.call("GET", "/v1/decisions/t1").json() == {**first.json(), "labels": []}
    assert api.call("GET", "/v1/decisions/t404").status_code == 404
    assert api.call("GET", "/v1/health").json() == {"status": "ok"}
    document = api.call("GET", "/v1/openapi.json").json()
    assert document["openapi"] == "3.1.0"


def test_who_does_not_sign_or_may_not_is_refused(api: Api) -> None:
    assert api.call("GET", "/v1/health", signed=False).status_code == 403
    iam = api.aws.client("iam")
    iam.create_user(UserName="caller")
    key = iam.create_access_key(UserName="caller")["AccessKey"]
    root, api.credentials = api.credentials, Credentials(key["AccessKeyId"], key["SecretAccessKey"])
    try:
        assert api.call("GET", "/v1/health").status_code == 403
        arn = api.outputs["ApiArn"].rsplit("/", 3)[0]
        allowed = {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": f"{arn}/live/GET/v1/health"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
        iam.put_user_policy(UserName="caller", PolicyName="health", PolicyDocument=policy)
        assert api.call("GET", "/v1/health").status_code == 200
        assert api.call("POST", "/v1/score", transaction(6)).status_code == 403
        api.credentials = Credentials(key["AccessKeyId"], "wrong")
        assert api.call("GET", "/v1/health").status_code == 403
    finally:
        api.credentials = root


def test_the_gateway_refuses_what_is_not_of_the_schema_and_says_nothing_of_it(api: Api) -> None:
    for body in (b"", b"no json", b"[]", b"{}", json.dumps(transaction(1, cc_num="4000056655665556")).encode()):
        answer = api.call("POST", "/v1/score", body)
        assert answer.status_code == 400, answer.text
        assert answer.json()["error"]["problem"] == "not of the operation's schema"
    # a field of no contract passes the schema; the function refuses it
    answer = api.call("POST", "/v1/score", transaction(5, note="4000 0566 5566 5556"))
    assert (answer.status_code, answer.json()["error"]["field"]) == (400, "request")
    assert "5556" not in answer.text
    for log in api.aws.folder.rglob("*.log"):
        assert b"4000 0566" not in log.read_bytes(), log


def test_a_batch_and_labels(api: Api) -> None:
    body = {"transactions": [transaction(10), {"amount": 5}, transaction(11)]}
    answer = api.call("POST", "/v1/score/batch", body)
    assert [one["status"] for one in answer.json()["results"]] == [200, 400, 200], answer.text
    label = {
        "transaction_id": "t10", "is_fraud": True, "source": "analyst", "reported_by": "ann",
        "known_at": "2026-11-28T09:00:00.000Z",
    }  # fmt: skip
    assert api.call("POST", "/v1/labels", {"labels": [label]}).json()["accepted"] == 1


def test_over_ten_megabytes_is_too_long(api: Api) -> None:
    assert api.call("POST", "/v1/score", b" " * (10 * 1024 * 1024 + 1)).status_code == 413


def test_the_same_transaction_many_times_at_once_has_one_decision(api: Api) -> None:
    found: list[str] = []

    def ask() -> None:
        found.append(api.call("POST", "/v1/score", transaction(20)).text)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1, found


def test_purchases_are_sent_through_the_api_one_by_one_and_together(api: Api) -> None:
    rows = of_unknown_cards(23, attack=False, key=b"0123456789abcdef").rows
    caller = ApiCaller(api.url, api.aws.credentials, "us-east-1")
    decided = list(sending_api.send(caller.post, rows.slice(0, 3), 50))
    decided += sending_api.send(caller.post, rows.slice(3), 500, together=10)
    assert sorted(one.transaction_id for one in decided) == sorted(rows["transaction_id"].to_pylist())
    assert not [one for one in decided if isinstance(one, sending_api.Refused)]
    unknown = {"AWS_ACCESS_KEY_ID": "AKIAUNKNOWN000000000", "AWS_SECRET_ACCESS_KEY": "wrong"}
    stranger = ApiCaller(api.url, unknown, "us-east-1")
    with pytest.raises(ApplicationError, match="refuses the caller \\(403"):
        list(sending_api.send(stranger.post, rows.slice(0, 1), 50))


def test_nothing_was_denied(api: Api) -> None:
    time.sleep(1)
    rows = api.aws.permissions()
    denied = [(row["role"], row["denied"]) for row in rows if row["denied"]]
    assert denied == []
