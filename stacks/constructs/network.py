"""The network of the Kafka cluster: subnets without a way in, and endpoints for the services that are called from them."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_kms as kms
from constructs import Construct

from stacks.constructs.logs import log_group
from stacks.constructs.permissions import LOGS_BY_SERVICE, allow, role
from stacks.settings import Settings

KAFKA_PORT = 9098
"""IAM authentication under TLS."""

_CALLED = {
    "Kafka": "kafka",  # the function that makes the topics asks for the brokers
    "Lambda": "lambda",  # Kafka's pollers call the functions
    "Sts": "sts",  # Kafka's pollers take on the functions' roles
}


class Network(Construct):
    """The network.

    Attributes:
        vpc: the network itself.
        subnet_ids, placement: the subnets of the brokers and of what reads from them.
        brokers: security group of the brokers and of Kafka's pollers, which the service puts beside them.
        clients: security group of everything else that talks to the brokers.
    """

    def __init__(self, scope: Construct, name: str, settings: Settings, key: kms.IKey) -> None:
        super().__init__(scope, name)
        kind = ec2.SubnetType.PRIVATE_WITH_EGRESS if settings.nat else ec2.SubnetType.PRIVATE_ISOLATED
        subnets = [ec2.SubnetConfiguration(name="Stream", subnet_type=kind, cidr_mask=24)]
        if settings.nat:
            subnets.append(ec2.SubnetConfiguration(name="Way", subnet_type=ec2.SubnetType.PUBLIC, cidr_mask=28))
        self.vpc = ec2.Vpc(
            self,
            "Vpc",
            ip_addresses=ec2.IpAddresses.cidr("10.20.0.0/16"),
            max_azs=zones(settings),
            nat_gateways=1 if settings.nat else 0,
            subnet_configuration=subnets,
            # nothing is ever put into the default group, and emptying it would take a function of its own
            restrict_default_security_group=False,
        )
        self.subnet_ids = self.vpc.select_subnets(subnet_type=kind).subnet_ids
        self.placement = ec2.SubnetSelection(subnet_type=kind)
        self.brokers = self._group("Brokers", "Kafka brokers and the pollers beside them")
        self.clients = self._group("Clients", "What talks to the brokers")
        for source, says in ((self.brokers, "brokers and pollers"), (self.clients, "clients")):
            self.brokers.add_ingress_rule(source, ec2.Port.tcp(KAFKA_PORT), f"Kafka under IAM from {says}")
        self._endpoints()
        self._flow_logs(settings, key)

    def _group(self, name: str, says: str) -> ec2.SecurityGroup:
        return ec2.SecurityGroup(self, name, vpc=self.vpc, description=says, allow_all_outbound=True)

    def _endpoints(self) -> None:
        group = self._group("Endpoints", "Endpoints of AWS services")
        for source in (self.brokers, self.clients):
            group.add_ingress_rule(source, ec2.Port.tcp(443), "AWS services")
        self.vpc.add_gateway_endpoint("S3", service=ec2.GatewayVpcEndpointAwsService.S3)
        for name, service in _CALLED.items():
            self.vpc.add_interface_endpoint(
                name,
                service=ec2.InterfaceVpcEndpointAwsService(service),
                subnets=self.placement,
                security_groups=[group],
                private_dns_enabled=True,
                open=False,
            )

    def _flow_logs(self, settings: Settings, key: kms.IKey) -> None:
        group = log_group(self, "FlowLogs", settings, key)
        writer = role(self, "FlowLogsRole", "vpc-flow-logs.amazonaws.com", "The network's flow logs")
        allow(
            writer,
            ["logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"],
            [group.log_group_arn],
            unused=LOGS_BY_SERVICE,
        )
        ec2.CfnFlowLog(
            self,
            "FlowLog",
            resource_id=self.vpc.vpc_id,
            resource_type="VPC",
            traffic_type="REJECT",
            log_destination_type="cloud-watch-logs",
            log_destination=group.log_group_arn,
            deliver_logs_permission_arn=writer.role_arn,
        )


def zones(settings: Settings) -> int:
    """How many availability zones: Express brokers stand in three."""
    return 3 if settings.streaming == "express" else 2


def zone_names(settings: Settings) -> list[str]:
    """The first zones of the region, whichever account it is."""
    return [cdk.Fn.select(number, cdk.Fn.get_azs()) for number in range(zones(settings))]
