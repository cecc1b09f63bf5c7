"""Amazon Fraud Detector: event type, outcomes, a detector without a model, and the role in whose name it reads and writes files.

Models and detector versions with them are made at run time: no resource type has them, and a rule on a score cannot be made
before its model. So the template's detector has the rule for what no model has scored.
"""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_frauddetector as frauddetector
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from fraud.detector import ENTITY_TYPE, EVENT_TYPE, FRAUD, LEGIT, MODEL_TYPE, OUTCOMES, VARIABLES, without_score
from stacks.constructs.functions import Deployed, Functions
from stacks.constructs.permissions import acknowledge, allow, allow_key, role
from stacks.constructs.promotion import FUNCTION_RETRIES
from stacks.constructs.state_machine import StateMachine
from stacks.constructs.steps import Choice, Step, Succeed, Task, Wait
from stacks.constructs.storage import Store
from stacks.settings import Settings

SUNSET = "cdk says that the service ends; it only takes no new customers since 2025-11-07, and this is for who has it."
"""Of the finding W3696."""
ASKED_EVERY_S = 120
"""How often the service is asked whether a training has ended: it tells nobody by itself."""
NUMBERED = "Versions are numbered as they are made, and jobs are named after their files."
LISTING = "What is listed as a whole has no resource."


class FraudDetector(Construct):
    """The service's resources.

    Args:
        name_of_all: of the detector, as `card-fraud-dev`; the model's has _ for -.
        batch: the bucket with the files.
        reads, writes: prefixes of it.
    """

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        name_of_all: str,
        key_arn: str,
        batch: Store,
        reads: tuple[str, ...],
        writes: str,
    ) -> None:
        super().__init__(scope, name)
        self.detector_id, self.model_id = name_of_all, name_of_all.replace("-", "_")
        self.event_type = self._event_type()
        outcomes = {each: frauddetector.CfnOutcome(self, _title(each), name=each) for each in OUTCOMES}
        rule = without_score()
        self.detector = frauddetector.CfnDetector(
            self,
            "Detector",
            detector_id=self.detector_id,
            event_type=frauddetector.CfnDetector.EventTypeProperty(arn=self.event_type.attr_arn, inline=False),
            detector_version_status="ACTIVE",
            rule_execution_mode="FIRST_MATCHED",
            rules=[
                frauddetector.CfnDetector.RuleProperty(
                    detector_id=self.detector_id,
                    rule_id=rule.name,
                    expression=rule.expression,
                    language="DETECTORPL",
                    outcomes=[
                        frauddetector.CfnDetector.OutcomeProperty(arn=outcomes[rule.outcome].attr_arn, inline=False)
                    ],
                )
            ],
        )
        for each in outcomes.values():
            self.detector.node.add_dependency(each)
        self.data_role = role(
            self, "DataRole", "frauddetector.amazonaws.com", "Fraud Detector: reads files and writes predictions"
        )
        allow(self.data_role, ["s3:ListBucket"], [batch.arn])
        because = "Files are named after their sets."
        allow(self.data_role, ["s3:GetObject"], [batch.objects(prefix) for prefix in reads], because=because)
        allow(self.data_role, ["s3:PutObject"], [batch.objects(writes)], because=because)
        allow_key(self.data_role, key_arn)
        acknowledge(self, "W3696", SUNSET)

    def publishing(self, settings: Settings, key: kms.IKey, functions: Functions) -> tuple[StateMachine, Deployed]:
        """The state machine that waits for a training and publishes it, with the function that does each step.

        An update of the stack starts it, too: what is published gets the rules of the settings then.
        """
        publish = functions.function(
            "publish_detector",
            says="deploys a trained version of Fraud Detector's model, and publishes it with its rules",
            environment={
                "DETECTOR": self.detector_id,
                "MODEL": self.model_id,
                "HIGH_FROM": str(settings.detector_high),
                "MEDIUM_FROM": str(settings.detector_medium),
            },
            timeout_s=60,
            memory_mb=256,
        )
        self.may_publish(publish.role)
        payload = {"version": "{% $version %}"}
        steps = {
            "Version": Step(assigns={"version": "{% $exists($states.input.version) ? $states.input.version : '' %}"}),
            "Publish": Task(
                resource="lambda:invoke",
                arguments={"FunctionName": publish.function.function_arn, "Payload": payload},
                reads=("version",),
                assigns={"done": "{% $states.result.Payload.done %}"},
                retry=FUNCTION_RETRIES,
            ),
            "Is it published?": Choice(reads=("done",), rules={"{% $done %}": "Published"}, otherwise="Not yet"),
            "Not yet": Wait(seconds=ASKED_EVERY_S, then="Publish"),
            "Published": Succeed(),
        }
        says = "waits for a training of Fraud Detector's model, and publishes it"
        machine = StateMachine(self, "Publishing", settings, says=says, key=key, steps=steps)
        machine.may_call([publish.function])
        machine.on_update_of("OnBatchUpdated", key, [cdk.Stack.of(self).stack_name])
        return machine, publish

    @property
    def leftovers(self) -> str:
        """As `clean_up` takes down what was made at run time."""
        return f"{self.detector_id}:{self.model_id}"

    def may_train(self, grantee: iam.Role) -> None:
        """What `train_model` needs."""
        model = self._arn("model", MODEL_TYPE, self.model_id)
        actions = ["CreateModel", "GetModels", "CreateModelVersion", "UpdateModelVersion"]
        allow(grantee, _named(actions), [model])
        allow(grantee, ["frauddetector:CreateModel"], [self.event_type.attr_arn])
        allow(grantee, ["frauddetector:DescribeModelVersions"], ["*"], because=LISTING)
        self._pass(grantee)

    def may_predict(self, grantee: iam.Role) -> None:
        """What `predict_batch` needs."""
        jobs = self._arn("batch-prediction", "batch-*")
        allow(grantee, _named(["CreateBatchPredictionJob", "GetBatchPredictionJobs"]), [jobs], because=NUMBERED)
        on = [self.detector.attr_arn, self.event_type.attr_arn]
        allow(grantee, ["frauddetector:CreateBatchPredictionJob"], on)
        self._pass(grantee)

    def may_publish(self, grantee: iam.Role) -> None:
        """What `publish_detector` needs."""
        versions = self._arn("model-version", MODEL_TYPE, self.model_id, "*")
        of_detector = self._arn("detector-version", self.detector_id, "*")
        actions = ["UpdateModelVersionStatus", "CreateDetectorVersion"]
        allow(grantee, _named(actions), [versions], because=NUMBERED)
        actions = ["GetDetectorVersion", "UpdateDetectorVersionStatus", "DeleteDetectorVersion"]
        allow(grantee, _named(actions), [of_detector], because=NUMBERED)
        actions = ["DescribeDetector", "CreateDetectorVersion", "CreateRule"]
        allow(grantee, _named(actions), [self.detector.attr_arn])
        rules = self._arn("rule", self.detector_id, "*")
        allow(grantee, ["frauddetector:UpdateRuleVersion"], [rules], because=NUMBERED)
        allow(grantee, _named(["DescribeModelVersions", "GetRules"]), ["*"], because=LISTING)

    def _event_type(self) -> frauddetector.CfnEventType:
        entity = frauddetector.CfnEntityType(self, "Customer", name=ENTITY_TYPE)
        labels = [frauddetector.CfnLabel(self, _title(each), name=each) for each in (LEGIT, FRAUD)]
        variables = [
            frauddetector.CfnVariable(
                self,
                f"Variable{_title(each.name)}",
                name=each.name,
                data_source="EVENT",
                data_type=each.data_type,
                default_value=each.default,
                variable_type=each.variable_type,
                description=each.says,
            )
            for each in VARIABLES
        ]
        made = frauddetector.CfnEventType
        return made(
            self,
            "EventType",
            name=EVENT_TYPE,
            entity_types=[made.EntityTypeProperty(arn=entity.attr_arn, inline=False)],
            labels=[made.LabelProperty(arn=each.attr_arn, inline=False) for each in labels],
            event_variables=[made.EventVariableProperty(arn=each.attr_arn, inline=False) for each in variables],
        )

    def _pass(self, grantee: iam.Role) -> None:
        condition = {"StringEquals": {"iam:PassedToService": "frauddetector.amazonaws.com"}}
        allow(grantee, ["iam:PassRole"], [self.data_role.role_arn], conditions=condition)

    def _arn(self, kind: str, *names: str) -> str:
        return cdk.Stack.of(self).format_arn(service="frauddetector", resource=kind, resource_name="/".join(names))


def _named(actions: list[str]) -> list[str]:
    return [f"frauddetector:{each}" for each in actions]


def _title(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))
