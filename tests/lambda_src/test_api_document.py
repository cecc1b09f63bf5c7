"""The function `api` held to its OpenAPI document by schemathesis: whatever the document allows is answered as it says, and what
it does not allow is refused.

Examples are derived from the document alone, never at random: the same run finds the same. Not asked is what the gateway does,
and not the function: it holds requests to their signatures, and answers a method that an operation has not with 403, where the
tool would have 405 (page *supported-gateway-response-types*: MISSING_AUTHENTICATION_TOKEN).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import Case, GenerationMode, Response
from schemathesis.checks import CHECKS
from werkzeug.wrappers import Request

from fraud.api_document import OPERATIONS, document
from lambda_src.api.requests import NO_CARD_NUMBER
from samples.lambda_context import CONTEXT
from tests.lambda_src.test_api import api, endpoint, model_dir, request, store  # noqa: F401

EXAMPLES = 60
"""Of each operation, of each kind."""
ANOTHER_FORM = "valid values in another form than the wire's"
OF_THE_GATEWAY = ("unsupported_method", "ignored_auth", "missing_required_header")
CALLS = {f"{one.method} {one.path}": one for one in OPERATIONS}


class Gateway:
    """The function behind what the gateway makes of a request: a WSGI application, for that is what the tool calls."""

    def __init__(self, function: Any) -> None:
        self._function = function

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterator[bytes]:
        asked = Request(environ)
        answer = self._answer(asked.method, asked.path, asked.get_data(as_text=True))
        status = HTTPStatus(answer["statusCode"])
        start(f"{status.value} {status.phrase}", list(answer["headers"].items()))
        return iter([answer["body"].encode()])

    def _answer(self, method: str, path: str, body: str) -> dict[str, Any]:
        for operation in OPERATIONS:
            prefix, named, _ = operation.path.partition("{transaction_id}")
            identity = path.removeprefix(prefix)
            there = path.startswith(prefix) and identity and "/" not in identity if named else path == operation.path
            if there and method == operation.method:
                of_path = {"transaction_id": identity} if named else None
                event = request(method, operation.path, body, path=path, pathParameters=of_path)
                return dict(self._function.handler(event, CONTEXT))
        return {"statusCode": 403, "headers": {"Content-Type": "application/json"}, "body": "{}"}


def described() -> dict[str, Any]:
    """The document without what signs requests."""
    found = document()
    return {**found, "security": [], "components": {"schemas": found["components"]["schemas"]}}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("call", "mode"),
    [
        pytest.param(call, mode, id=f"{call} {mode.value}")
        for call, operation in CALLS.items()
        for mode in GenerationMode
        # what takes nothing cannot be given anything wrong
        if mode.is_positive or operation.takes or "{" in call
    ],
)
def test_schemathesis_finds_nothing(api: Any, call: str, mode: GenerationMode) -> None:  # noqa: F811
    schema = schemathesis.openapi.from_dict(described())
    schema.app = Gateway(api)
    checks = [check for check in CHECKS.get_all() if check.__name__ not in OF_THE_GATEWAY]
    assert {"not_a_server_error", "response_schema_conformance", *IN_WORDS} <= {check.__name__ for check in checks}
    operation = schema[CALLS[call].path][CALLS[call].method]
    answered: list[int] = []

    @settings(
        max_examples=EXAMPLES, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck)
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: Case) -> None:
        answer = case.call()
        answered.append(answer.status_code)
        apart = [check for check in checks if IN_WORDS.get(check.__name__, _never)(answer)]
        case.validate_response(answer, checks=checks, excluded_checks=apart)

    ask()
    assert len(answered) >= (EXAMPLES // 2 if CALLS[call].takes or "{" in call else 1), answered
    if mode.is_positive and CALLS[call].takes:
        assert sum(status < 300 or status == 409 for status in answered) > EXAMPLES / 10, answered


def _never(_: Response) -> bool:
    return False


def _refused_in_words(answer: Response) -> bool:
    """What the document says in words, for no schema can: a card number, the wire's form, a blank text, an amount's places."""
    if answer.status_code != 400:
        return False
    error = answer.json()["error"]
    in_words = (NO_CARD_NUMBER.problem, ANOTHER_FORM)
    return error["problem"].endswith((*in_words, " blank")) or error["field"] == "amount"


def _refused_by_element(answer: Response) -> bool:
    """A list is answered as a whole with what became of each element: one that is wrong stops none of its neighbours."""
    return answer.status_code in (200, 202) and any(one["status"] == 400 for one in answer.json().get("results", []))


IN_WORDS = {"positive_data_acceptance": _refused_in_words, "negative_data_rejection": _refused_by_element}
"""{check: whether an answer is right all the same}."""
