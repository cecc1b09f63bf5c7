"""What all stacks have in common: name, place, description, and how one shows another what it needs."""

from __future__ import annotations

import aws_cdk as cdk
from constructs import Construct

from stacks.names import stack_name
from stacks.settings import Settings


class FraudStack(cdk.Stack):
    """A stack of one environment, `CardFraud-Dev-Data` and so on.

    Args:
        name: the last part of the name.
        description: what it holds, for the console.
        after: the stacks it needs.
    """

    def __init__(
        self, scope: Construct, name: str, settings: Settings, description: str, after: tuple[cdk.Stack, ...] = ()
    ) -> None:
        super().__init__(
            scope,
            stack_name(settings, name),
            description=description,
            env=cdk.Environment(region=settings.region),
            termination_protection=settings.removal == "retain",
        )
        self.settings = settings
        for stack in after:
            self.add_stack_dependency(stack)

    def output(self, name: str, value: str, says: str) -> None:
        """An output for a person to read."""
        cdk.CfnOutput(self, name, value=value, description=says)

    def shown(self, name: str, value: str, says: str) -> str:
        """An output for a person and for other stacks; gives what those write in its place."""
        self.output(name, value, says)
        return cdk.Fn.get_stack_output(self.stack_name, name)
