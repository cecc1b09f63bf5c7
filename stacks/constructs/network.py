"""The network of the Kafka cluster: subnets without a way in, and endpoints for the services that are called from them."""

from __future__ import annotations

from typing import cast

from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_kms as kms
from constructs import Construct

from stacks.constructs.logs import log_group
from stacks.constructs.permissions import allow, role
from stacks.settings import Settings

KAFKA_PORT = 9098
"""IAM authentication under TLS."""

_BY_FUNCTIONS = {
    "Kafka": "kafka",  # the function that makes the topics asks for the brokers
}
_BY_POLLERS = {
    "Lambda": "lambda",  # they call the functions
    "Sts": "sts",  # they take on the functions' roles
}
"""What pollers on demand call by way of the network of the brokers. Provisioned ones call from Lambda's own (page
*with-msk-cluster-network*: "Provisioned mode: None")."""


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
            availability_zones=list(settings.network_zones),
            nat_gateways=1 if settings.nat else 0,
            subnet_configuration=subnets,
            # nothing is ever put into the default group, and emptying it would take a function of its own
            restrict_default_security_group=False,
        )
        self._place_by_id()
        self.subnet_ids = self.vpc.select_subnets(subnet_type=kind).subnet_ids
        self.placement = ec2.SubnetSelection(subnet_type=kind)
        self.brokers = self._group("Brokers", "Kafka brokers and the pollers beside them")
        self.clients = self._group("Clients", "What talks to the brokers")
        for source, says in ((self.brokers, "brokers and pollers"), (self.clients, "clients")):
            self.brokers.add_ingress_rule(source, ec2.Port.tcp(KAFKA_PORT), f"Kafka under IAM from {says}")
        self._endpoints(settings)
        self._flow_logs(settings, key)

    def _group(self, name: str, says: str) -> ec2.SecurityGroup:
        return ec2.SecurityGroup(self, name, vpc=self.vpc, description=says, allow_all_outbound=True)

    def _place_by_id(self) -> None:
        """Places the subnets by their zones' ids: which of them a name as `us-east-1a` means differs between accounts.

        A zone's addresses are its own, for a subnet that moves to another zone needs others (API of AWS::EC2::Subnet).
        """
        for subnets, addresses in ((self.vpc.public_subnets, "10.20.{}.0/28"), (self._inner(), "10.20.1{}.0/24")):
            for subnet in subnets:
                resource = cast("ec2.CfnSubnet", subnet.node.default_child)
                zone = str(resource.availability_zone)
                resource.availability_zone_id, resource.availability_zone = zone, None
                resource.cidr_block = addresses.format(zone.rpartition("-az")[2])

    def _inner(self) -> list[ec2.ISubnet]:
        return [*self.vpc.private_subnets, *self.vpc.isolated_subnets]

    def _endpoints(self, settings: Settings) -> None:
        group = self._group("Endpoints", "Endpoints of AWS services")
        for source in (self.brokers, self.clients):
            group.add_ingress_rule(source, ec2.Port.tcp(443), "AWS services")
        self.vpc.add_gateway_endpoint("S3", service=ec2.GatewayVpcEndpointAwsService.S3)
        by_endpoints = settings.pollers == "on-demand" and not settings.nat
        # in one zone, and called from all: the one is needed while deploying alone, the others where little is to be paid
        once = ec2.SubnetSelection(subnets=self._inner()[:1])
        for name, service in (_BY_FUNCTIONS | (_BY_POLLERS if by_endpoints else {})).items():
            self.vpc.add_interface_endpoint(
                name,
                service=ec2.InterfaceVpcEndpointAwsService(service),
                subnets=once,
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
