"""How many labels there are, told each night on the application's bus: enough new ones are followed by a training."""

from __future__ import annotations

from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_kms as kms
from constructs import Construct

from stacks.constructs.permissions import allow
from stacks.constructs.retraining import COUNTED
from stacks.constructs.state_machine import StateMachine
from stacks.constructs.steps import Task
from stacks.constructs.turn import CALL_RETRIES
from stacks.settings import Settings


class LabelCount(Construct):
    """The state machine and what it may do.

    It asks for the size of the table rather than reading it. DynamoDB brings that up to date about every six hours (page
    *API_TableDescription*), so that a label may count a night later. Corrections are labels, too.

    Args:
        table: of the labels.
        bus: the name of the bus that is told, and its ARN.
    """

    def __init__(
        self,
        scope: Construct,
        name: str,
        settings: Settings,
        *,
        key: kms.IKey,
        table: dynamodb.Table,
        bus: tuple[str, str],
    ) -> None:
        super().__init__(scope, name)
        entry = {
            "EventBusName": bus[0],
            "Source": "card-fraud",
            "DetailType": COUNTED,
            "Detail": {"labels": "{% $labels %}"},
        }
        self.machine = StateMachine(
            self,
            "Machine",
            settings,
            says="how many labels there are",
            key=key,
            steps={
                "Count": Task(
                    resource="aws-sdk:dynamodb:describeTable",
                    arguments={"TableName": table.table_name},
                    assigns={"labels": "{% $states.result.Table.ItemCount %}"},
                    retry=CALL_RETRIES,
                ),
                "Tell": Task(resource="events:putEvents", arguments={"Entries": [entry]}, reads=("labels",)),
            },
        )
        allow(self.machine.role, ["dynamodb:DescribeTable"], [table.table_arn])
        allow(self.machine.role, ["events:PutEvents"], [bus[1]])
        # with the watch for drift, so that the count is there before drift is found
        self.machine.every("CountSchedule", settings.drift_at, key, {})
