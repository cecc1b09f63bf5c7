"""The scoring API's gateway: its methods from the API's own table, who may call them, how often, and what is logged."""

from __future__ import annotations

import json
from typing import Any

from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_cognito as cognito
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_wafv2 as waf
from constructs import Construct

from fraud.api_document import OPERATIONS, request_schemas
from stacks.constructs.functions import NAMESPACE
from stacks.constructs.logs import log_group
from stacks.constructs.permissions import acknowledge, allow, role
from stacks.names import model_prefix
from stacks.settings import Settings

STAGE = "live"
LOGGED = {
    "requestId": "$context.requestId",
    "time": "$context.requestTime",
    "method": "$context.httpMethod",
    "resource": "$context.resourcePath",
    "status": "$context.status",
    "error": "$context.error.responseType",
    "caller": "$context.identity.caller",
    "latencyMs": "$context.responseLatency",
    "functionMs": "$context.integration.latency",
}
"""Of a request in the access log: the resource as it is declared, never the path as it was sent, no header, no query, no body."""
REFUSED = {
    apigateway.ResponseType.BAD_REQUEST_BODY: (
        "message",
        "not of the operation's schema",
        "what /v1/openapi.json says",
    ),
    apigateway.ResponseType.BAD_REQUEST_PARAMETERS: ("request", "lacks a parameter", "what /v1/openapi.json says"),
}
"""What the gateway itself says of a wrong request: nothing of the request is in it."""
THROTTLED = "ApiThrottled"
"""Metric of requests that were refused as too many."""


class Gateway(Construct):
    """The REST API with its one stage.

    Args:
        answers: the function that all operations go to.
    """

    def __init__(
        self, scope: Construct, name: str, settings: Settings, *, key: kms.IKey, answers: lambda_.Function
    ) -> None:
        super().__init__(scope, name)
        self._settings = settings
        access = log_group(self, "AccessLogs", settings, key)
        self.name = model_prefix(settings)
        self.api = apigateway.RestApi(
            self,
            "Api",
            rest_api_name=self.name,
            description="Card fraud: scores transactions, gives decisions, takes labels",
            endpoint_types=[apigateway.EndpointType.REGIONAL],
            cloud_watch_role=False,
            deploy_options=apigateway.StageOptions(
                stage_name=STAGE,
                throttling_rate_limit=settings.api_calls_a_second,
                throttling_burst_limit=settings.api_burst,
                access_log_destination=apigateway.LogGroupLogDestination(access),
                access_log_format=apigateway.AccessLogFormat.custom(json.dumps(LOGGED)),
                tracing_enabled=True,
                data_trace_enabled=False,
                logging_level=apigateway.MethodLoggingLevel.OFF,
            ),
        )
        self.api.node.try_remove_child("Endpoint")  # an output of its own, beside the stack's
        self._methods(answers)
        for kind, (field, problem, allowed) in REFUSED.items():
            said = {"error": {"field": field, "problem": problem, "allowed": allowed}}
            self.api.add_gateway_response(
                f"Says{kind.response_type.title().replace('_', '')}",
                type=kind,
                templates={"application/json": json.dumps(said)},
            )
        if settings.api_logs_role:
            self.api.deployment_stage.node.add_dependency(self._logs_role())
        if settings.api_auth == "api-keys":
            self._usage_plan()
        if settings.api_waf:
            self._firewall()
        logs.MetricFilter(
            self,
            "Throttled",
            log_group=access,
            filter_pattern=logs.FilterPattern.string_value("$.status", "=", "429"),
            metric_namespace=NAMESPACE,
            metric_name=THROTTLED,
            metric_value="1",
        )
        self._acknowledge()

    def _methods(self, answers: lambda_.Function) -> None:
        validator = apigateway.RequestValidator(
            self, "Validator", rest_api=self.api, validate_request_body=True, validate_request_parameters=True
        )
        schemas = request_schemas(self._settings.undeclared_fields)
        models = {
            name: self.api.add_model(
                name, model_name=name, content_type="application/json", schema=_json_schema(schema)
            )
            for name, schema in schemas.items()
        }
        goes_to = apigateway.LambdaIntegration(answers, allow_test_invoke=False)
        how = self._authorization()
        for operation in OPERATIONS:
            resource = self.api.root.resource_for_path(operation.path)
            in_path = {"method.request.path.transaction_id": True} if "{transaction_id}" in operation.path else None
            resource.add_method(
                operation.method,
                goes_to,
                operation_name=operation.name,
                request_validator=validator,
                request_models={"application/json": models[operation.takes]} if operation.takes else None,
                request_parameters=in_path,
                **how,
            )

    def _authorization(self) -> dict[str, Any]:
        match self._settings.api_auth:
            case "iam":
                return {"authorization_type": apigateway.AuthorizationType.IAM}
            case "cognito":
                pool = cognito.UserPool.from_user_pool_arn(self, "Pool", str(self._settings.api_user_pool))
                authorizer = apigateway.CognitoUserPoolsAuthorizer(self, "Callers", cognito_user_pools=[pool])
                return {"authorization_type": apigateway.AuthorizationType.COGNITO, "authorizer": authorizer}
            case _:
                return {"authorization_type": apigateway.AuthorizationType.NONE, "api_key_required": True}

    def _usage_plan(self) -> None:
        plan = self.api.add_usage_plan(
            "Plan",
            throttle=apigateway.ThrottleSettings(
                rate_limit=self._settings.api_calls_a_second, burst_limit=self._settings.api_burst
            ),
            quota=apigateway.QuotaSettings(limit=self._settings.api_calls_a_day, period=apigateway.Period.DAY),
            api_stages=[apigateway.UsagePlanPerApiStage(api=self.api, stage=self.api.deployment_stage)],
        )
        plan.add_api_key(apigateway.ApiKey(self, "Key", description=f"{self.name}: the first caller's"))

    def _logs_role(self) -> apigateway.CfnAccount:
        """What API Gateway writes logs with: one role a region, whatever API they are of (page *set-up-logging*)."""
        writer = role(self, "LogsRole", "apigateway.amazonaws.com", "API Gateway of this region writes its logs")
        allow(
            writer,
            [
                "logs:CreateLogGroup",
                "logs:CreateLogStream",
                "logs:DescribeLogGroups",
                "logs:DescribeLogStreams",
                "logs:PutLogEvents",
                "logs:GetLogEvents",
                "logs:FilterLogEvents",
            ],
            ["*"],
            because="The region has one role for the logs of all its APIs; the service asks for these on all groups.",
        )
        account = apigateway.CfnAccount(self, "Account", cloud_watch_role_arn=writer.role_arn)
        policy = writer.node.try_find_child("DefaultPolicy")
        if isinstance(policy, iam.Policy):
            account.node.add_dependency(policy)  # the service tries the role at once
        return account

    def _firewall(self) -> None:
        visible = {"cloud_watch_metrics_enabled": True, "sampled_requests_enabled": False}
        groups = ("AWSManagedRulesAmazonIpReputationList", "AWSManagedRulesKnownBadInputsRuleSet")
        rules = [
            waf.CfnWebACL.RuleProperty(
                name=group,
                priority=priority,
                override_action=waf.CfnWebACL.OverrideActionProperty(none={}),
                statement=waf.CfnWebACL.StatementProperty(
                    managed_rule_group_statement=waf.CfnWebACL.ManagedRuleGroupStatementProperty(
                        vendor_name="AWS", name=group
                    )
                ),
                visibility_config=waf.CfnWebACL.VisibilityConfigProperty(metric_name=group, **visible),
            )
            for priority, group in enumerate(groups)
        ]
        acl = waf.CfnWebACL(
            self,
            "Firewall",
            description="Card fraud: what reaches the scoring API",
            scope="REGIONAL",
            default_action=waf.CfnWebACL.DefaultActionProperty(allow={}),
            visibility_config=waf.CfnWebACL.VisibilityConfigProperty(metric_name="ScoringApi", **visible),
            rules=rules,
        )
        waf.CfnWebACLAssociation(
            self, "Firewalled", resource_arn=self.api.deployment_stage.stage_arn, web_acl_arn=acl.attr_arn
        )

    def _acknowledge(self) -> None:
        stage = self.api.deployment_stage
        acknowledge(
            stage,
            "AwsSolutions-APIG6",
            "Execution logs may repeat what a request holds; the access log says what happened.",
        )
        if not self._settings.api_waf:
            acknowledge(
                stage, "AwsSolutions-APIG3", "A setting, api_waf: callers are signed, and WAF costs by the month."
            )
        if self._settings.api_auth != "cognito":
            acknowledge(self.api, "AwsSolutions-COG4", "Callers sign with IAM, or by a setting have keys.")
        if self._settings.api_auth == "api-keys":
            acknowledge(
                self.api, "AwsSolutions-APIG4", "By the setting api_auth=api-keys, callers are known by their keys."
            )


def _json_schema(schema: dict[str, Any]) -> apigateway.JsonSchema:
    """A schema as CDK takes it: draft 4, as the gateway validates by."""
    kept: dict[str, Any] = {}
    for name, value in schema.items():
        match name:
            case "type":
                kinds = [
                    apigateway.JsonSchemaType[one.upper()] for one in (value if isinstance(value, list) else [value])
                ]
                kept["type"] = kinds if isinstance(value, list) else kinds[0]
            case "properties":
                kept["properties"] = {key: _json_schema(one) for key, one in value.items()}
            case "items":
                kept["items"] = _json_schema(value)
            case "anyOf":
                kept["any_of"] = [_json_schema(one) for one in value]
            case "additionalProperties":
                kept["additional_properties"] = _json_schema(value) if isinstance(value, dict) else value
            case "minLength" | "maxLength" | "minItems" | "maxItems":
                kept[f"{name[:3]}_{name[3:].lower()}"] = value
            case _:
                kept[name] = value
    return apigateway.JsonSchema(schema=apigateway.JsonSchemaVersion.DRAFT4, **kept)
