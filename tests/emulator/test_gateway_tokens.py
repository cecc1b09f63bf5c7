"""Methods of an API that ask for tokens of a user pool: which of its tokens, by the method's scopes."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import urllib3

from emulator.process import EmulatedAws
from tests.emulator.conftest import Deployed, ref
from tests.emulator.test_gateway import gateway
from tests.emulator.user_pools import UserPool

SCOPE = "aws.cognito.signin.user.admin"
"""What an access token has of a user who signed in by the API."""


def with_tokens(pool: str) -> dict[str, Any]:
    """Resources of an API whose POST / has no scopes, and whose PUT / and PATCH / have some."""
    resources = gateway()
    authorizer = {"RestApiId": ref("Api"), "Name": "pool", "Type": "COGNITO_USER_POOLS", "ProviderARNs": [pool]}
    authorizer["IdentitySource"] = "method.request.header.Authorization"
    resources["Authorizer"] = {"Type": "AWS::ApiGateway::Authorizer", "Properties": authorizer}
    asked = {"AuthorizationType": "COGNITO_USER_POOLS", "AuthorizerId": ref("Authorizer")}
    resources["Method"]["Properties"] |= asked
    for method, scope in (("PUT", SCOPE), ("PATCH", "cards/score")):
        made = deepcopy(resources["Method"])
        made["Properties"] |= {"HttpMethod": method, "AuthorizationScopes": [scope]}
        resources[method] = made
    resources["Deployment"]["DependsOn"] += ["PUT", "PATCH"]
    source = resources["Permission"]["Properties"]["SourceArn"]
    source["Fn::Sub"] = source["Fn::Sub"].replace("/POST/", "/*/")
    return resources


def test_identity_tokens_where_a_method_has_no_scopes_and_access_tokens_where_it_has(
    aws: EmulatedAws, deployed: Deployed
) -> None:
    """Page *apigateway-enable-cognito-user-pool*."""
    pool = UserPool(aws, "gateway")
    api = deployed(with_tokens(pool.arn), {"api": ref("Api")})["api"]

    def asked(method: str, token: str) -> int:
        url = f"{aws.endpoint}/_aws/execute-api/{api}/live/"
        headers = {"Content-Type": "application/json", "Authorization": token}
        return urllib3.request(method, url, body=b'{"n": 1}', headers=headers, retries=False).status

    answers = {
        kind: [asked(method, pool.tokens[kind]) for method in ("POST", "PUT", "PATCH")]
        for kind in ("IdToken", "AccessToken", "RefreshToken")
    }
    assert answers == {"IdToken": [200, 401, 401], "AccessToken": [401, 200, 401], "RefreshToken": [401, 401, 401]}
    assert asked("POST", f"Bearer {pool.tokens['IdToken']}") == 200
