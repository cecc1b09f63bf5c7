"""Lambda functions: code, a role and a log group each, and layers of libraries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from stacks.assets import function_code, layer
from stacks.constructs.logs import log_group
from stacks.constructs.network import Network
from stacks.constructs.permissions import acknowledge, allow, allow_key, role
from stacks.settings import Settings

NAMESPACE = "CardFraud"
"""Of the functions' metrics."""
TRACES = ("xray:PutTraceSegments", "xray:PutTelemetryRecords")
"""What sending traces takes (page *services-xray* of Lambda)."""

LAYERS = {"functions": "what all functions need", "functions-kafka": "a Kafka client", "functions-parquet": "Parquet"}
"""The layers: {lock file in `requirements/`: what is in it}."""


class Deployed(NamedTuple):
    """A function, its name in `lambda_src`, and the role it runs under."""

    name: str
    function: lambda_.Function
    role: iam.Role


class Functions(Construct):
    """The functions of a stack, with the layers that they share."""

    def __init__(self, scope: Construct, name: str, settings: Settings, key: kms.IKey) -> None:
        super().__init__(scope, name)
        self._settings = settings
        self._key = key
        self._layers: dict[str, lambda_.LayerVersion] = {}

    def function(
        self,
        name: str,
        *,
        says: str,
        environment: Mapping[str, str],
        timeout_s: int,
        memory_mb: int,
        layers: tuple[str, ...] = (),
        network: Network | None = None,
    ) -> Deployed:
        """A function, allowed nothing yet but its logs and its traces.

        Lambda traces one call a second, and of the others one in twenty; none that a Kafka mapping makes (page *services-xray*),
        for which there are the logs. From the network of the brokers no trace gets out but through NAT: the one function in it
        is called once a deployment, and an endpoint for its trace would be paid for all month.

        Args:
            name: its folder in `lambda_src`.
            environment: its own variables, beside those that all functions have.
            layers: beside the one of all functions.
            network: where it runs, if it must talk to the brokers.
        """
        title = "".join(part.capitalize() for part in name.split("_"))
        scope = Construct(self, title)
        runner = role(scope, "Role", "lambda.amazonaws.com", f"Function {name}: {says}")
        logs = log_group(scope, "Logs", self._settings, self._key)
        allow(
            runner,
            ["logs:CreateLogStream", "logs:PutLogEvents"],
            [logs.log_group_arn],
        )
        allow(runner, TRACES, ["*"], because="Traces have no resource.")
        allow_key(runner, self._key.key_arn)
        if network:
            allow_network(runner)
        function = lambda_.Function(
            scope,
            "Function",
            description=f"{name}: {says}",
            runtime=lambda_.Runtime.PYTHON_3_13,
            architecture=lambda_.Architecture.ARM_64,
            code=lambda_.Code.from_asset(str(function_code(name))),
            handler=f"lambda_src.{name}.handler.handler",
            layers=[self._layer(layer) for layer in ("functions", *layers)],
            role=runner,
            log_group=logs,
            tracing=lambda_.Tracing.ACTIVE,
            timeout=cdk.Duration.seconds(timeout_s),
            memory_size=memory_mb,
            environment={
                "LOG_LEVEL": self._settings.log_level,
                "POWERTOOLS_SERVICE_NAME": name,
                "POWERTOOLS_METRICS_NAMESPACE": NAMESPACE,
                **environment,
            },
            environment_encryption=self._key,
            **_placed(network),
        )
        acknowledge(function, "AwsSolutions-L1", "All libraries have wheels for Python 3.13, not all for the newest.")
        return Deployed(name, function, runner)

    def _layer(self, lock: str) -> lambda_.LayerVersion:
        if lock not in self._layers:
            title = "".join(part.capitalize() for part in lock.split("-"))
            self._layers[lock] = lambda_.LayerVersion(
                self,
                f"{title}Layer",
                description=f"Libraries: {LAYERS[lock]}",
                code=lambda_.Code.from_asset(str(layer(lock))),
                compatible_architectures=[lambda_.Architecture.ARM_64],
                compatible_runtimes=[lambda_.Runtime.PYTHON_3_13],
            )
        return self._layers[lock]


def allow_network(grantee: iam.Role) -> None:
    """Lets a service put network interfaces of the role's making into the network."""
    allow(
        grantee,
        [
            "ec2:CreateNetworkInterface",
            "ec2:DeleteNetworkInterface",
            "ec2:DescribeNetworkInterfaces",
            "ec2:DescribeSecurityGroups",
            "ec2:DescribeSubnets",
            "ec2:DescribeVpcs",
        ],
        ["*"],
        because="Describing has no resource, and an interface has no name before it is made.",
    )


def _placed(network: Network | None) -> dict[str, Any]:
    if network is None:
        return {}
    return {"vpc": network.vpc, "vpc_subnets": network.placement, "security_groups": [network.clients]}
