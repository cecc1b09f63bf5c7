"""State machines: their definition in JSONata, their own role, logs, traces, and the schedules that start them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from stacks.constructs.logs import log_group
from stacks.constructs.permissions import acknowledge, allow, allow_key, resource_text, role
from stacks.constructs.queues import DeadLetters
from stacks.constructs.steps import FAILED, Step, Task, failed
from stacks.constructs.storage import Store
from stacks.settings import Settings

_LOG_DELIVERY = (
    "logs:CreateLogDelivery",
    "logs:GetLogDelivery",
    "logs:UpdateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:DescribeResourcePolicies",
    "logs:DescribeLogGroups",
)
_TRACES = (
    "xray:PutTraceSegments",
    "xray:PutTelemetryRecords",
    "xray:GetSamplingRules",
    "xray:GetSamplingTargets",
)

STACK_UPDATED = "CloudFormation Stack Status Change"
KEEP = "_keep"
RUN = "$run"
"""The run's own name, in JSONata: an execution's may be longer than what is named after it may be, or hold other characters."""
LONGEST_S = 24 * 3600
"""No run takes longer, whatever it waits for."""
_PATIENCE = {"IntervalSeconds": 30, "BackoffRate": 2, "MaxAttempts": 3}
# the first of jobs that are waited for, the second of calls
_BUSY = ["SageMaker.AmazonSageMakerException", "SageMaker.SageMakerException"]
RETRIES = [{"ErrorEquals": _BUSY, **_PATIENCE}]
"""What a step that starts a job tries again: the service is busy, never that the job itself has failed or has taken too long."""
AGAIN_WITH_ITS_INPUT = "Remove the cause, and start the machine again with the input of this run."
"""What is to be done about a run that has failed, where a machine says nothing else."""


class StateMachine(Construct):
    """A state machine of a chain of steps.

    Args:
        steps: {name: step}; each goes on to the next, the last ends, unless a step says otherwise itself. Where one fails or
            takes too long, the run ends in `FAILED`.
        remedy: what whoever reads of a failed run is to do.
    """

    def __init__(
        self,
        scope: Construct,
        name: str,
        settings: Settings,
        *,
        says: str,
        key: kms.IKey,
        steps: Mapping[str, Step],
        remedy: str = AGAIN_WITH_ITS_INPUT,
    ) -> None:
        super().__init__(scope, name)
        self.role = role(self, "Role", "states.amazonaws.com", f"State machine: {says}")
        logs = log_group(self, "Logs", settings, key, vended="states")
        allow(
            self.role,
            _LOG_DELIVERY,
            ["*"],
            because="Delivery of a state machine's logs has no resource of its own.",
        )
        allow(
            self.role,
            _TRACES,
            ["*"],
            because="Traces have no resource.",
        )
        allow_key(self.role, key.key_arn, for_volumes=True)
        stack = cdk.Stack.of(self)
        self.resource = sfn.CfnStateMachine(
            self,
            "Resource",
            role_arn=self.role.role_arn,
            definition_string=stack.to_json_string(definition(says, steps, remedy)),
            state_machine_type="STANDARD",
            tracing_configuration={"enabled": True},
            encryption_configuration={
                "type": "CUSTOMER_MANAGED_KMS_KEY",
                "kmsKeyId": key.key_arn,
                "kmsDataKeyReusePeriodSeconds": 300,
            },
            logging_configuration={
                "level": "ALL",
                "includeExecutionData": True,
                "destinations": [{"cloudWatchLogsLogGroup": {"logGroupArn": logs.log_group_arn}}],
            },
        )
        self.resource.node.add_dependency(self.role)

    @property
    def arn(self) -> str:
        return self.resource.attr_arn

    @property
    def name(self) -> str:
        return self.resource.attr_name

    def may_run_jobs(self, kind: str, names: Sequence[str], roles: Sequence[iam.Role]) -> None:
        """Lets it run jobs of a kind (`processing` or `training`) to their end, under these roles.

        Args:
            names: what the jobs' names begin with.
        """
        stack = cdk.Stack.of(self)
        jobs = [
            stack.format_arn(service="sagemaker", resource=f"{kind}-job", resource_name=f"{name}-*") for name in names
        ]
        because = "A run's name ends with an id of its own."
        title = kind.capitalize()
        allow(self.role, [f"sagemaker:Create{title}Job", f"sagemaker:Describe{title}Job"], jobs, because=because)
        allow(self.role, [f"sagemaker:Stop{title}Job"], jobs, because=because)
        allow(self.role, ["sagemaker:AddTags", "sagemaker:ListTags"], jobs, because=because)
        rule = stack.format_arn(
            service="events", resource="rule", resource_name=f"StepFunctionsGetEventsForSageMaker{title}JobsRule"
        )
        # the service learns of a job's end by a rule that it manages
        allow(self.role, ["events:PutTargets", "events:PutRule", "events:DescribeRule"], [rule])
        self.may_pass(roles, "sagemaker.amazonaws.com")

    def may_pass(self, roles: Sequence[iam.Role], service: str) -> None:
        """Lets it hand these roles to a service."""
        allow(
            self.role,
            ["iam:PassRole"],
            [passed.role_arn for passed in roles],
            conditions={"StringEquals": {"iam:PassedToService": service}},
        )

    def may_look_at_its_runs(self) -> None:
        """Lets it ask what became of an execution of its own."""
        stack = cdk.Stack.of(self)
        runs = stack.format_arn(
            service="states",
            resource="execution",
            resource_name=f"{self.name}:*",
            arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
        )
        # not with its role's other permissions, which the machine comes after: these name it
        policy = iam.Policy(
            self,
            "OwnRuns",
            roles=[self.role],
            statements=[iam.PolicyStatement(actions=["states:DescribeExecution"], resources=[runs])],
        )
        text = resource_text(stack.resolve(runs))
        acknowledge(policy, f"AwsSolutions-IAM5[Resource::{text}]", "An execution's name is its own.")

    def may_call(self, functions: Sequence[lambda_.IFunction]) -> None:
        """Lets it call these functions."""
        allow(self.role, ["lambda:InvokeFunction"], [function.function_arn for function in functions])

    def on_event(self, name: str, key: kms.IKey, *, pattern: Mapping[str, Any], bus: str | None = None) -> None:
        """Starts it on each event of a pattern, of the account's own bus or the named one."""
        queue = DeadLetters(self, f"{name}NotStarted", key)
        caller = role(self, f"{name}Role", "events.amazonaws.com", "The event rule starting the state machine")
        allow(caller, ["states:StartExecution"], [self.resource.ref])
        queue.take_from("events")
        target = {
            "id": "machine",
            "arn": self.resource.ref,
            "roleArn": caller.role_arn,
            "deadLetterConfig": {"arn": queue.queue_arn},
        }
        rule = events.CfnRule(self, name, event_bus_name=bus, event_pattern=dict(pattern), targets=[target])
        rule.node.add_dependency(caller)

    def on_update_of(self, name: str, key: kms.IKey, stack_names: Sequence[str]) -> None:
        """Starts it on each end of an update of these stacks, also of one that was rolled back."""
        arns = [
            {
                "prefix": cdk.Stack.of(self).format_arn(
                    service="cloudformation", resource="stack", resource_name=f"{of}/"
                )
            }
            for of in stack_names
        ]
        self.on_event(
            name,
            key,
            pattern={
                "source": ["aws.cloudformation"],
                "detail-type": [STACK_UPDATED],
                "detail": {
                    "stack-id": arns,
                    "status-details": {"status": ["UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"]},
                },
            },
        )

    def every(self, name: str, cron: str, key: kms.IKey, execution_input: Mapping[str, Any]) -> None:
        """Starts it on a schedule, UTC; a start that fails after all retries is sent to a dead-letter queue."""
        queue = DeadLetters(self, f"{name}NotStarted", key)
        caller = role(self, f"{name}Role", "scheduler.amazonaws.com", "The schedule starting the state machine")
        allow(caller, ["states:StartExecution"], [self.resource.ref])
        allow(caller, ["sqs:SendMessage"], [queue.queue_arn])
        allow_key(caller, key.key_arn)
        schedule = scheduler.CfnSchedule(
            self,
            name,
            schedule_expression=cron,
            schedule_expression_timezone="UTC",
            flexible_time_window={"mode": "OFF"},
            kms_key_arn=key.key_arn,
            target={
                "arn": self.resource.ref,
                "roleArn": caller.role_arn,
                "input": cdk.Stack.of(self).to_json_string(dict(execution_input)),
                "deadLetterConfig": {"arn": queue.queue_arn},
                "retryPolicy": {"maximumRetryAttempts": 10, "maximumEventAgeInSeconds": 3600},
            },
        )
        schedule.node.add_dependency(caller)


def sagemaker_call(
    operation: str,
    arguments: Mapping[str, Any],
    *,
    reads: Sequence[str] = (),
    assigns: Mapping[str, Any] | None = None,
    output: Any = None,
    then: str | None = None,
) -> Task:
    """A step that calls an operation of SageMaker's API; one that only asks does it again if it got no answer."""
    asks = operation.startswith("describe")
    return Task(
        resource=f"aws-sdk:sagemaker:{operation}",
        arguments=arguments,
        reads=reads,
        assigns=assigns or {},
        output=output,
        retry=[{"ErrorEquals": [*_BUSY, "States.Timeout"], **_PATIENCE}] if asks else RETRIES,
        then=then,
    )


def keep(store: Store, prefix: str, day: str | None = None, assigns: Mapping[str, Any] | None = None) -> Task:
    """A step that puts an empty object below a prefix: SageMaker mounts no empty one, and one without files is valid.

    Args:
        day: the variable that holds a day, for the prefix of that day.
    """
    key = f"{{% '{prefix}day=' & ${day} & '/{KEEP}' %}}" if day else f"{prefix}{KEEP}"
    return Task(
        resource="aws-sdk:s3:putObject",
        arguments={"Bucket": store.name, "Key": key, "Body": ""},
        reads=(day,) if day else (),
        assigns=assigns or {},
    )


def run_uri(store: Store, prefix: str) -> str:
    """The S3 URI of a run's own folder below a prefix (JSONata)."""
    return f"{{% 's3://{store.name}/{prefix}' & {RUN} & '/' %}}"


def definition(says: str, steps: Mapping[str, Step], remedy: str = AGAIN_WITH_ITS_INPUT) -> dict[str, Any]:
    """The definition of a chain of steps: {name: step}; behind them the end of runs of which one has failed, if one can."""
    names = list(steps)
    can_fail = any(isinstance(step, Task) for step in steps.values())
    return {
        "Comment": says,
        "QueryLanguage": "JSONata",
        "StartAt": names[0],
        "TimeoutSeconds": LONGEST_S,
        "States": {
            **{name: steps[name].state(following) for name, following in zip(names, [*names[1:], None], strict=True)},
            **({FAILED: failed(remedy).state(None)} if can_fail else {}),
        },
    }
