"""One run at a time: a run of a state machine takes a turn before it works, and waits while another has it.

The turn is an item of a table, with the ARN of the run that has it. Nobody gives it back: a run that finds it taken looks whether
its holder still runs, and takes it over if not, however that one ended. All writes are conditional, so that of two that look at
once one gets it. A run that waits is not lost; which of several is next is left to chance.
"""

from __future__ import annotations

from typing import Any

from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_kms as kms
from constructs import Construct

from stacks.constructs.permissions import allow
from stacks.constructs.state_machine import StateMachine
from stacks.constructs.steps import Catch, Choice, Step, Task, Wait
from stacks.constructs.storage import removal_policy
from stacks.settings import Settings

POLL_S = 30
TURN = "machine"
"""The key of the table."""
_SELF = "{% $states.context.Execution.Id %}"
TAKEN = ("DynamoDb.ConditionalCheckFailedException", "DynamoDB.ConditionalCheckFailedException")
"""Written in both ways by the service's two ways to call the table."""
CALL_RETRIES = [
    {
        # the first of DynamoDB, the second of Step Functions: busy, or not reached
        "ErrorEquals": ["DynamoDb.DynamoDbException", "Sfn.SfnException", "States.Timeout"],
        "IntervalSeconds": 2,
        "BackoffRate": 2,
        "MaxAttempts": 6,
    }
]


class Turn(Construct):
    """The table of turns, and the steps that take one.

    Args:
        of: whose turn it is, as `training`: the item's key.
    """

    def __init__(self, scope: Construct, name: str, settings: Settings, *, key: kms.IKey, of: str) -> None:
        super().__init__(scope, name)
        self._of = of
        self.table = dynamodb.Table(
            self,
            "Table",
            partition_key=dynamodb.Attribute(name=TURN, type=dynamodb.AttributeType.STRING),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            encryption=dynamodb.TableEncryption.CUSTOMER_MANAGED,
            encryption_key=key,
            point_in_time_recovery_specification={"point_in_time_recovery_enabled": True},
            removal_policy=removal_policy(settings),
            deletion_protection=settings.removal == "retain",
        )

    def steps(self, then: str) -> dict[str, Step]:
        """The steps that take the turn, the first of them `Take turn`.

        Args:
            then: the state that a run goes on to which has it.
        """
        return {
            "Take turn": self._put(
                "attribute_not_exists(holder) OR holder = :self",
                {":self": {"S": _SELF}},
                otherwise="Whose turn?",
                then=then,
            ),
            "Whose turn?": Task(
                resource="aws-sdk:dynamodb:getItem",
                arguments={"TableName": self.table.table_name, "Key": {TURN: {"S": self._of}}, "ConsistentRead": True},
                assigns={"holder": "{% $exists($states.result.Item) ? $states.result.Item.holder.S : '' %}"},
                retry=CALL_RETRIES,
            ),
            "Does it run?": Task(
                resource="aws-sdk:sfn:describeExecution",
                arguments={"ExecutionArn": "{% $holder %}"},
                reads=("holder",),
                assigns={"holding": "{% $states.result.Status in ['RUNNING', 'PENDING_REDRIVE'] %}"},
                retry=CALL_RETRIES,
                # one that ended three months ago is not known any more
                catch=[
                    Catch(
                        errors=("Sfn.ExecutionDoesNotExistException",),
                        then="Take turn over",
                        assigns={"holder": "{% $holder %}"},
                    )
                ],
            ),
            "Its turn still?": Choice(
                reads=("holding",), rules={"{% $holding %}": "Until it has ended"}, otherwise="Take turn over"
            ),
            "Until it has ended": Wait(seconds=POLL_S, then="Take turn"),
            "Take turn over": self._put(
                "holder = :before",
                {":before": {"S": "{% $holder %}"}},
                otherwise="Until it has ended",
                then=then,
                reads=("holder",),
            ),
        }

    def _put(
        self, condition: str, values: dict[str, Any], *, otherwise: str, then: str, reads: tuple[str, ...] = ()
    ) -> Task:
        return Task(
            resource="aws-sdk:dynamodb:putItem",
            arguments={
                "TableName": self.table.table_name,
                "Item": {TURN: {"S": self._of}, "holder": {"S": _SELF}},
                "ConditionExpression": condition,
                "ExpressionAttributeValues": values,
            },
            reads=reads,
            retry=CALL_RETRIES,
            catch=[Catch(errors=TAKEN, then=otherwise)],
            then=then,
        )

    def let(self, machine: StateMachine) -> None:
        """Lets a machine take it."""
        allow(machine.role, ["dynamodb:PutItem", "dynamodb:GetItem"], [self.table.table_arn])
        machine.may_look_at_its_runs()
