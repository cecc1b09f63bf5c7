"""Api: the scoring API, for callers that wait for an answer."""

from __future__ import annotations

from constructs import Construct

from fraud.features.groups import NIGHTLY_GROUP, STREAM_GROUP
from stacks.base import FraudStack
from stacks.constructs.feature_groups import group_arn
from stacks.constructs.functions import Functions
from stacks.constructs.gateway import Gateway
from stacks.constructs.permissions import allow
from stacks.data import QUARANTINE, Data
from stacks.features import Features
from stacks.labels import Labels
from stacks.serving import Serving
from stacks.settings import Settings
from stacks.streaming import OWN_PREFIX, Streaming

FUNCTION_TIMEOUT_S = 20
"""Below the gateway's 29 seconds (page *api-gateway-execution-service-limits-table*), so that the function says why."""


class Api(FraudStack):
    """One transaction in, its decision out: the same one that the stream gives, whichever comes first."""

    def __init__(
        self,
        scope: Construct,
        settings: Settings,
        *,
        data: Data,
        features: Features,
        serving: Serving,
        streaming: Streaming,
        labels: Labels,
    ) -> None:
        description = "Card fraud: the scoring API"
        super().__init__(scope, "Api", settings, description, (data, features, serving, streaming, labels))
        functions = Functions(self, "Functions", settings, data.key)
        answers = functions.function(
            "api",
            says="scores transactions, gives decisions and takes labels",
            environment={
                "STREAM_FEATURE_GROUP": STREAM_GROUP.name,
                "NIGHTLY_FEATURE_GROUP": NIGHTLY_GROUP.name,
                "ENDPOINT_NAME": serving.endpoint_name,
                "DECISIONS_TABLE": streaming.decisions.table_name,
                "LABELS_TABLE": labels.table.table_name,
                "EVENT_BUS_NAME": streaming.bus.attr_name,
                "FALLBACK_RULE": settings.fallback_rule.model_dump_json(),
                "NIGHTLY_TOO_OLD_AFTER_H": f"{settings.nightly_too_old_after_h:g}",
                "CONTROL_GROUP_PERCENT": f"{settings.control_group_percent:g}",
                "UNDECLARED_FIELDS": settings.undeclared_fields,
                "CLOCK": "stated" if settings.replay else "request",
                "QUARANTINE_BUCKET": data.archive.name,
                "QUARANTINE_PREFIX": QUARANTINE,
            },
            timeout_s=FUNCTION_TIMEOUT_S,
            memory_mb=1769,  # a whole processor
        )
        groups = [group_arn(self, group.name) for group in (STREAM_GROUP, NIGHTLY_GROUP)]
        allow(answers.role, ["sagemaker:BatchGetRecord"], groups)
        allow(answers.role, ["sagemaker:InvokeEndpoint"], [serving.endpoint_arn])
        allow(answers.role, ["dynamodb:PutItem", "dynamodb:BatchGetItem"], [streaming.decisions.table_arn])
        allow(answers.role, ["dynamodb:Query"], [labels.table.table_arn])
        allow(answers.role, ["events:PutEvents"], [streaming.bus.attr_arn])
        allow(answers.role, ["s3:PutObject"], [data.archive.objects(QUARANTINE)], because=OWN_PREFIX)
        self.gateway = Gateway(self, "Gateway", settings, key=data.key, answers=answers.function)
        self.output("ApiUrl", self.gateway.api.url, "the scoring API; requests are signed")
        self.output("ApiArn", self.gateway.api.arn_for_execute_api(), "of execute-api:Invoke in a caller's policy")
