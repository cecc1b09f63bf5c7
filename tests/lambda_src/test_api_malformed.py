"""Ten thousand requests that break the contract: each is answered as the document says, none with a failure, and nothing of them
is logged. The document is held to the models, the function's table and what it answers with."""

from __future__ import annotations

import io
import json
import random
import sys
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from fraud.api_document import OPERATIONS, document
from samples.lambda_context import CONTEXT
from tests.lambda_src.test_api import api, asked, endpoint, model_dir, request, store, transaction  # noqa: F401
from tools.openapi import PAGE, text

REQUESTS = 10_000
MARK = "zebra"
"""In every request; whatever repeats a request repeats this."""

JUNK: tuple[Any, ...] = (
    *(
        None,
        True,
        False,
        0,
        -1,
        1e308,
        10**40,
        "",
        " ",
        MARK,
        MARK * 50,
        [],
        {},
        [MARK],
        {MARK: MARK},
        "\u0000",
        "\ud800",
    ),
    *("4000056655665556", "NaN", "2026-02-30T00:00:00.000Z", "-0", "1e3", "\u202e" + MARK, [[[[[MARK]]]]]),
)
BODIES = (
    *(
        "",
        "{",
        "[" * 3000,
        "{" * 3000,
        '{"a":' * 3000,
        "null",
        "[]",
        '"' + MARK,
        "NaN",
        '{"amount": Infinity}',
        "\ufeff{}",
    ),
    *('{"amount": 1, "amount": 2}', '{"transactions": 5}', '{"transactions": []}', '{"labels": [' + "1," * 100 + "1]}"),
    '{"transactions": [' + "{}," * 99 + "{}]}",
    "9" * 5000,
)


def malformed(random_: random.Random) -> dict[str, Any]:
    """A request that is wrong somewhere."""
    operation = random_.choice(OPERATIONS)
    changes: dict[str, Any] = {"multiValueHeaders": {"X-Note": [MARK]}, "path": f"{operation.path}?{MARK}"}
    match random_.randrange(5):
        case 0:
            body: Any = random_.choice(BODIES)
        case 1:
            body = json.dumps(random_.choice(JUNK))
        case 2:
            fields = transaction(random_.randrange(100), note=MARK)
            fields[random_.choice(list(fields))] = random_.choice(JUNK)
            fields |= {"amount": f"-{MARK}"}
            body = {"transactions": [fields, random_.choice(JUNK)]} if "batch" in operation.path else fields
        case 3:
            keys = ("transaction_id", "is_fraud", "source", "reported_by", "known_at", MARK)
            label = {key: random_.choice(JUNK) for key in random_.sample(keys, 4)}
            body = {"labels": [label, random_.choice(JUNK)]}
        case _:
            good = json.dumps(transaction(1, note=MARK))
            body = good[: random_.randrange(len(good))]
            changes["isBase64Encoded"] = random_.random() < 0.3
    if "{transaction_id}" in operation.path:
        changes["pathParameters"] = random_.choice([None, {}, {"transaction_id": f"{MARK} {random_.choice(JUNK)}"}])
    if random_.random() < 0.1:
        changes["resource"] = random_.choice(["/", "/v1", "/v1/" + MARK, None])
    return {**request(operation.method, operation.path, body), **changes}


@pytest.fixture
def answers() -> dict[tuple[str, str, int], Draft202012Validator]:
    """{(method, path, status): what the document says of the answer's body}."""
    described = document()
    return {
        (operation.method, operation.path, int(status)): Draft202012Validator(
            {**said["content"]["application/json"]["schema"], "components": described["components"]}
        )
        for operation in OPERATIONS
        for status, said in described["paths"][operation.path][operation.method.lower()]["responses"].items()
        if "content" in said
    }


@pytest.mark.slow
def test_ten_thousand_malformed_requests(api, answers, capsys, aws):  # noqa: F811
    stream = io.StringIO()
    sys.modules["lambda_src.telemetry"].logger.registered_handler.setStream(stream)
    random_ = random.Random(1)
    found: dict[int, int] = {}
    for _ in range(REQUESTS):
        event = malformed(random_)
        answer = api.handler(event, CONTEXT)
        status = answer["statusCode"]
        found[status] = found.get(status, 0) + 1
        assert status < 500, event
        known = answers.get((event["httpMethod"], event["resource"], status))
        if known is None:
            assert status in (400, 404), (event, answer)
        else:
            known.validate(json.loads(answer["body"]))
    assert found[400] > REQUESTS / 3, found
    printed = capsys.readouterr()
    for said in (stream.getvalue(), printed.out, printed.err):
        assert MARK not in said
        assert "4000056655665556" not in said
    assert "dynamodb.TransactWriteItems" not in aws.calls


def test_good_answers_are_as_the_document_says(api, answers):  # noqa: F811
    for method, path, body in (
        ("POST", "/v1/score", transaction(1)),
        ("POST", "/v1/score/batch", {"transactions": [transaction(2), transaction(3, amount="x")]}),
        ("GET", "/v1/health", None),
        ("GET", "/v1/openapi.json", None),
    ):
        status, answer = asked(api, request(method, path, body))
        answers[method, path, status].validate(answer)


def test_the_committed_document_is_the_models() -> None:
    assert PAGE.read_text(encoding="utf-8") == text(), "run python -m tools.openapi"


def test_the_document_has_the_functions_operations_and_no_others(api) -> None:  # noqa: F811
    described = {(method.upper(), path) for path, methods in document()["paths"].items() for method in methods}
    assert described == set(api.OPERATIONS) == {(one.method, one.path) for one in OPERATIONS}


def test_the_documents_schemas_are_schemas() -> None:
    for schema in document()["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    Draft202012Validator({**document()["components"]["schemas"]["Transaction"]}).validate(transaction(1))
