"""An API's gateway: signatures and policies, schemas, limits, and the function's own policy."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.httpsession import URLLib3Session

from emulator.process import EmulatedAws
from tests.emulator.conftest import Deployed, attribute, function, ref, role

ANSWERS = "def handler(event, context):\n    return {'statusCode': 200, 'body': event['body'] or 'nothing'}\n"
SCHEMA = {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}}
TEN_MB = 10 * 1024 * 1024


SLOW = """import json
import time


def handler(event, context):
    time.sleep(json.loads(event['body'])['n'])
    return {'statusCode': 200, 'body': 'at last'}
"""


def gateway(*, permitted: bool = True, answers: str = ANSWERS, timeout_s: int = 20) -> dict[str, Any]:
    """Resources of an API with the one operation POST /."""
    api = {"RestApiId": ref("Api")}
    integration = {
        "Type": "AWS_PROXY",
        "IntegrationHttpMethod": "POST",
        "Uri": {
            "Fn::Sub": "arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${Function.Arn}/invocations"
        },
    }
    method = {
        **api,
        "ResourceId": attribute("Api", "RootResourceId"),
        "HttpMethod": "POST",
        "AuthorizationType": "AWS_IAM",
        "Integration": integration,
        "RequestValidatorId": ref("Validator"),
        "RequestModels": {"application/json": ref("Model")},
    }
    permission = {
        "Action": "lambda:InvokeFunction",
        "FunctionName": attribute("Function", "Arn"),
        "Principal": "apigateway.amazonaws.com",
        "SourceArn": {"Fn::Sub": "arn:aws:execute-api:${AWS::Region}:${AWS::AccountId}:${Api}/live/POST/"},
    }
    resources = {
        "Role": role("lambda"),
        "Function": function(answers, "Role", Timeout=timeout_s),
        "Api": {"Type": "AWS::ApiGateway::RestApi", "Properties": {"Name": "tried"}},
        "Model": {
            "Type": "AWS::ApiGateway::Model",
            "Properties": {**api, "Name": "Body", "ContentType": "application/json", "Schema": SCHEMA},
        },
        "Validator": {"Type": "AWS::ApiGateway::RequestValidator", "Properties": {**api, "ValidateRequestBody": True}},
        "Method": {"Type": "AWS::ApiGateway::Method", "Properties": method},
        "Deployment": {"Type": "AWS::ApiGateway::Deployment", "Properties": api, "DependsOn": ["Method"]},
        "Stage": {
            "Type": "AWS::ApiGateway::Stage",
            "Properties": {**api, "StageName": "live", "DeploymentId": ref("Deployment")},
        },
    }
    if permitted:
        resources["Permission"] = {"Type": "AWS::Lambda::Permission", "Properties": permission}
    return resources


def post(aws: EmulatedAws, api: str, body: bytes, *, signed: bool = True, **key: str) -> tuple[int, str]:
    url = f"{aws.endpoint}/_aws/execute-api/{api}/live/"
    asked = AWSRequest("POST", url, data=body, headers={"Content-Type": "application/json"})
    if signed:
        known = {"id": aws.credentials["AWS_ACCESS_KEY_ID"], "secret": aws.credentials["AWS_SECRET_ACCESS_KEY"], **key}
        SigV4Auth(Credentials(known["id"], known["secret"]), "execute-api", "us-east-1").add_auth(asked)
    answer = URLLib3Session(timeout=60).send(asked.prepare())
    return answer.status_code, answer.text


@pytest.fixture(scope="module")
def good() -> bytes:
    return json.dumps({"n": 1}).encode()


def test_a_body_is_held_to_the_templates_schema_and_to_ten_megabytes(
    aws: EmulatedAws, deployed: Deployed, good: bytes
) -> None:
    api = deployed(gateway(), {"api": ref("Api")})["api"]
    assert post(aws, api, good) == (200, good.decode())
    for wrong in (b"no json", b"{}", b'{"n": "one"}'):
        assert post(aws, api, wrong)[0] == 400
    largest = good + b" " * (TEN_MB - len(good))
    assert post(aws, api, largest + b" ")[0] == 413
    assert post(aws, api, good, signed=False)[0] == 403


def test_who_may_call_is_what_the_callers_policy_says(aws: EmulatedAws, deployed: Deployed, good: bytes) -> None:
    api = deployed(gateway(), {"api": ref("Api")})["api"]
    iam = aws.client("iam")
    iam.create_user(UserName="gateway-caller")
    made = iam.create_access_key(UserName="gateway-caller")["AccessKey"]
    key = {"id": made["AccessKeyId"], "secret": made["SecretAccessKey"]}
    assert post(aws, api, good, **key)[0] == 403
    allowed = {
        "Effect": "Allow",
        "Action": "execute-api:Invoke",
        "Resource": f"arn:aws:execute-api:*:*:{api}/live/POST/",
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    iam.put_user_policy(UserName="gateway-caller", PolicyName="calls", PolicyDocument=policy)
    assert post(aws, api, good, **key)[0] == 200
    wrong = {"secret": "wrong"}
    assert post(aws, api, good, **{**key, **wrong})[0] == 403
    assert post(aws, api, good, **wrong)[0] == 403, "the root's key without its secret"


def test_a_function_that_does_not_let_the_gateway_call_it_is_not_called(
    aws: EmulatedAws, deployed: Deployed, good: bytes
) -> None:
    api = deployed(gateway(permitted=False), {"api": ref("Api")})["api"]
    assert post(aws, api, good)[0] == 500


def test_what_is_not_answered_within_29_seconds_ends_with_504_and_the_next_call_is_answered(
    aws: EmulatedAws, deployed: Deployed
) -> None:
    api = deployed(gateway(answers=SLOW, timeout_s=60), {"api": ref("Api")})["api"]
    assert post(aws, api, b'{"n": 0}') == (200, "at last")
    began = time.monotonic()
    status, text = post(aws, api, b'{"n": 33}')
    assert 29 <= time.monotonic() - began < 33
    assert (status, json.loads(text)) == (504, {"message": "Endpoint request timed out"})
    assert post(aws, api, b'{"n": 0}') == (200, "at last")
