"""Who may call the scoring API, by the setting `api_auth`: every method asks for it, health alike."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.stacks.stacks_under_test import Templates, read_templates, resources, synthesize

POOL = "arn:aws:cognito-idp:us-east-1:123456789012:userpool/us-east-1_AbCd1"


def _methods(templates: Templates) -> list[dict[str, Any]]:
    return [dict(one.properties) for one in resources(templates, "AWS::ApiGateway::Method")]


def test_with_cognito_each_method_asks_for_a_token_of_the_pool(tmp_path: Path) -> None:
    """Page *apigateway-integrate-with-cognito*: the token stands in the header that the authorizer names."""
    templates = read_templates(synthesize(tmp_path, env="dev", api_auth="cognito", api_user_pool=POOL))
    [authorizer] = resources(templates, "AWS::ApiGateway::Authorizer")
    assert authorizer.properties["Type"] == "COGNITO_USER_POOLS"
    assert authorizer.properties["ProviderARNs"] == [POOL]
    assert authorizer.properties["IdentitySource"] == "method.request.header.Authorization"
    methods = _methods(templates)
    assert len(methods) >= 5
    for each in methods:
        assert (each["AuthorizationType"], each["AuthorizerId"]) == ("COGNITO_USER_POOLS", {"Ref": authorizer.id})
        assert not each.get("ApiKeyRequired")
    assert not list(resources(templates, "AWS::ApiGateway::UsagePlan"))


def test_by_default_callers_are_signed_and_with_keys_each_method_asks_for_one(dev: Templates, other: Templates) -> None:
    assert {each["AuthorizationType"] for each in _methods(dev)} == {"AWS_IAM"}
    assert not list(resources(dev, "AWS::ApiGateway::Authorizer"))
    assert {(each["AuthorizationType"], each["ApiKeyRequired"]) for each in _methods(other)} == {("NONE", True)}
    [plan] = resources(other, "AWS::ApiGateway::UsagePlan")
    assert {"Throttle", "Quota"} <= plan.properties.keys()
