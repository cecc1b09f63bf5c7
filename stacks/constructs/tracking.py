"""SageMaker's managed MLflow: the server at which the training machine keeps its runs, and the step that does it."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from stacks.constructs.endpoint import MODELS
from stacks.constructs.functions import Functions
from stacks.constructs.permissions import allow, allow_key, role
from stacks.constructs.promotion import EVALUATIONS, FUNCTION_RETRIES
from stacks.constructs.state_machine import RUN
from stacks.constructs.steps import Catch, Step, Task
from stacks.constructs.storage import Store, removal_policy
from stacks.names import model_prefix
from stacks.settings import Settings

TRACKED = "tracking/"
"""Prefix of the models bucket: artifacts of runs, a folder each."""
SIZE = "Small"
"""For up to 25 people (page *API_CreateMlflowTrackingServer*)."""
KEEPING = ("GetExperimentByName", "CreateExperiment", "SearchRuns", "CreateRun", "LogBatch", "UpdateRun")
"""The operations that keep a run, by the names of their actions (page *list_sagemaker-mlflow*)."""
KEEP_RUN = "Keep run"


class Tracking(Construct):
    """The server, its role, and the function that tells it of runs.

    Args:
        models: the bucket of models and evaluations; takes the artifacts, too.
    """

    def __init__(
        self, scope: Construct, name: str, settings: Settings, *, key: kms.IKey, models: Store, functions: Functions
    ) -> None:
        super().__init__(scope, name)
        server_role = role(self, "Role", "sagemaker.amazonaws.com", "The tracking server: artifacts of runs")
        because = "The server names the folders of runs."
        allow(server_role, ["s3:GetObject", "s3:PutObject"], [models.objects(TRACKED)], because=because)
        allow(server_role, ["s3:ListBucket"], [models.arn])
        allow_key(server_role, key.key_arn)
        # known beforehand: the type has no attribute for its ARN
        called = model_prefix(settings)
        self.server = sagemaker.CfnMlflowTrackingServer(
            self,
            "Server",
            tracking_server_name=called,
            tracking_server_size=SIZE,
            artifact_store_uri=models.uri(TRACKED.rstrip("/")),
            role_arn=server_role.role_arn,
            # what may serve is registered by the machine alone
            automatic_model_registration=False,
        )
        self.server.apply_removal_policy(removal_policy(settings))
        self.server.node.add_dependency(server_role)
        self.arn = cdk.Stack.of(self).format_arn(
            service="sagemaker", resource="mlflow-tracking-server", resource_name=called
        )
        self.telling = functions.function(
            "track_run",
            says="keeps a run of the training machine at the tracking server",
            environment={"TRACKING_SERVER_ARN": self.arn, "MODELS_BUCKET": models.name},
            timeout_s=60,
            memory_mb=512,
        )
        teller = self.telling.role
        allow(teller, [f"sagemaker-mlflow:{action}" for action in KEEPING], [self.arn])
        because = "Each run has a folder."
        allow(teller, ["s3:GetObject"], [models.objects(MODELS), models.objects(EVALUATIONS)], because=because)
        allow(teller, ["s3:PutObject"], [models.objects(TRACKED)], because=because)

    def steps(self, then: str) -> dict[str, Step]:
        """The step that keeps a run once its candidate was judged. Whatever becomes of it, the run goes on.

        Args:
            then: the state that comes after.
        """
        given = {
            "run": f"{{% {RUN} %}}",
            "model": "{% $model %}",
            "evaluation_key": f"{{% '{EVALUATIONS}' & {RUN} & '/evaluation.json' %}}",
            "verdict": "{% $verdict %}",
        }
        return {
            KEEP_RUN: Task(
                resource="lambda:invoke",
                arguments={"FunctionName": self.telling.function.function_arn, "Payload": given},
                reads=("model", "run", "verdict"),
                retry=FUNCTION_RETRIES,
                catch=[Catch(then=then)],
            )
        }
