"""API Gateway's data plane held to what the service does: its limits, and who lets it call a function."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from emulator.account import ACCOUNT, REGION
from emulator.hosted.ministack.judging import note_denial
from emulator.hosted.ministack.names import apigateway_v1, iam_evaluator, lambda_svc, provisioners

MOST_BYTES = 10 * 1024 * 1024
"""Of a request's body. Page *api-gateway-execution-service-limits-table*: "Payload size: 10 MB"; it cannot be raised."""
LONGEST_S = 29.0
"""Until an integration has answered. The same page: "50 milliseconds - 29 seconds for all integration types"."""
TOO_LARGE = (
    413,
    {"Content-Type": "application/json", "x-amzn-ErrorType": "RequestTooLargeException"},
    b'{"message":"Request Too Long"}',
)
SERVICE = "apigateway.amazonaws.com"


def hold_the_gateway(longest_s: float = LONGEST_S) -> None:
    """Refuses bodies over the limit, gives up on slow functions, and calls those alone that let the gateway call them."""
    execute, proxy = apigateway_v1._execute_in_scope, apigateway_v1._invoke_lambda_proxy_v1

    async def held(request: dict[str, Any], api: str, stage: str, method: str, path: str, *rest: Any) -> Any:
        body = rest[1]
        if body and len(body) > MOST_BYTES:
            return TOO_LARGE
        return await execute(request, api, stage, method, path, *rest)

    async def invoked(integration: dict[str, Any], api: str, stage: str, *rest: Any, **named: Any) -> Any:
        resource, method = rest[1], rest[3]
        function = apigateway_v1._extract_lambda_ref_from_integration_uri(integration.get("uri", ""))
        source = f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{api}/{stage}/{method}{resource['path']}"
        if not _lets(function, source):
            note_denial(SERVICE, "lambda:InvokeFunction", function)
            return apigateway_v1._gw_error("API_CONFIGURATION_ERROR", "Internal server error")
        answering = asyncio.ensure_future(proxy(integration, api, stage, *rest, **named))
        # not cancelled, which would wait for its thread: the function goes on, as the service's does, and nobody hears its answer
        answered, _ = await asyncio.wait({answering}, timeout=longest_s)
        if answered:
            return answering.result()
        answering.add_done_callback(lambda late: late.exception())
        return apigateway_v1._gw_error("INTEGRATION_TIMEOUT", "Endpoint request timed out")

    apigateway_v1._execute_in_scope = held
    apigateway_v1._invoke_lambda_proxy_v1 = invoked


def take_tokens_for_what_they_are() -> None:
    """A user pool's identity tokens where a method has no scopes, its access tokens where it has some.

    Page *apigateway-enable-cognito-user-pool*: without scopes "API Gateway treats the supplied token as an identity token",
    otherwise "as an access token". Refresh tokens, which Cognito encrypts and MiniStack signs, are neither.
    """
    validate = apigateway_v1._validate_cognito_authorizer

    async def validated(authorizer: dict[str, Any], method: dict[str, Any], *rest: Any) -> tuple[Any, Any]:
        claims, refused = await validate(authorizer, method, *rest)
        if claims and claims.get("token_use") != ("access" if method.get("authorizationScopes") else "id"):
            return None, apigateway_v1._gw_error("UNAUTHORIZED", "Unauthorized")
        return claims, refused

    apigateway_v1._validate_cognito_authorizer = validated


def validate_as_templates_say() -> None:
    """A template's validators are made, and its methods have theirs: MiniStack's CloudFormation validates nothing."""
    provisioners._RESOURCE_HANDLERS["AWS::ApiGateway::RequestValidator"] = {
        "create": _make_validator,
        "update": lambda known, old, new, stack: (
            (known, {"RequestValidatorId": known}) if old == new else _make_validator("", new, stack)
        ),
        "delete": lambda known, properties: apigateway_v1._delete_request_validator(properties["RestApiId"], known),
    }
    kind = "AWS::ApiGateway::Method"
    theirs = provisioners._RESOURCE_HANDLERS[kind]

    def validated(properties: dict[str, Any]) -> None:
        named = {"requestValidatorId": properties.get("RequestValidatorId")}
        changes = [{"op": "replace", "path": f"/{name}", "value": value} for name, value in named.items()]
        where = (properties[name] for name in ("RestApiId", "ResourceId", "HttpMethod"))
        apigateway_v1._update_method(*where, {"patchOperations": changes})

    def create(logical_id: str, properties: dict[str, Any], stack: str) -> Any:
        made = theirs["create"](logical_id, properties, stack)
        validated(properties)
        return made

    def update(physical_id: str, old: dict[str, Any], new: dict[str, Any], *rest: Any) -> Any:
        made = theirs["update"](physical_id, old, new, *rest)
        validated(new)
        return made

    provisioners._RESOURCE_HANDLERS[kind] = {**theirs, "create": create, "update": update}


def _make_validator(_logical_id: str, properties: dict[str, Any], _stack: str) -> tuple[str, dict[str, Any]]:
    flags = {
        f"v{name[1:]}": str(properties.get(name, False)).lower() == "true"
        for name in ("ValidateRequestBody", "ValidateRequestParameters")
    }
    api, named = properties["RestApiId"], {"name": properties.get("Name", "")}
    made = json.loads(apigateway_v1._create_request_validator(api, {**named, **flags})[2])
    return str(made["id"]), {"RequestValidatorId": str(made["id"])}


def _lets(function: str, source: str) -> bool:
    """Whether a function's own policy lets API Gateway call it for an operation."""
    record = lambda_svc._get_func_record_for_ref(function)[0]
    for statement in ((record or {}).get("policy") or {}).get("Statement", []):
        principal = statement.get("Principal", {})
        named = principal.get("Service") if isinstance(principal, dict) else principal
        condition = statement.get("Condition") or {}
        arns = (condition.get("ArnLike") or {}).get("AWS:SourceArn", "*")
        if named == SERVICE and statement.get("Effect") == "Allow" and iam_evaluator.fnmatch_iam(source, arns):
            return True
    return False
