"""Serving: the model's endpoint."""

from __future__ import annotations

from constructs import Construct

from stacks.base import FraudStack
from stacks.constructs.clean_up import leftovers
from stacks.constructs.endpoint import Endpoint
from stacks.constructs.jobs import allow_prefix
from stacks.data import CAPTURED, SHADOWED, Data
from stacks.names import WORKING, endpoint_log_group, model_prefix
from stacks.settings import Settings


class Serving(FraudStack):
    """The model behind its endpoint, from the first deployment on."""

    def __init__(self, scope: Construct, settings: Settings, *, data: Data) -> None:
        super().__init__(scope, "Serving", settings, "Card fraud: the model's endpoint", (data,))
        self.endpoint = Endpoint(
            self,
            "Model",
            settings,
            key=data.key,
            models=data.models,
            archive=data.archive,
            captured=CAPTURED,
            shadowed=SHADOWED,
        )
        # a batch transform reads requests and writes answers in the model's name
        allow_prefix(self.endpoint.role, data.batch, WORKING, read=True, write=True)
        leftovers(
            self,
            data.clean_up_arn,
            after=[self.endpoint.resource],
            models=[f"{model_prefix(settings)}-"],
            log_groups=[endpoint_log_group(settings)],
        )
        self.endpoint_name = self.endpoint.name
        self.endpoint_arn = self.endpoint.arn
        self.output("EndpointName", self.endpoint.name, "endpoint of the model")
