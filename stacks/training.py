"""Training: the state machine that makes models and what starts it, and the one that watches days for drift."""

from __future__ import annotations

from constructs import Construct

from stacks.base import FraudStack
from stacks.constructs.clean_up import leftovers
from stacks.constructs.drift import Drift
from stacks.constructs.shadow import shadow_limits
from stacks.constructs.training import LABELLED
from stacks.constructs.training import Training as Machine
from stacks.data import DECISIONS, LABELS, SHADOWED, TRANSACTIONS, Data
from stacks.names import DRIFT_JOB, JOB_LOG_GROUPS, SHADOW_JOB, TRAINING_JOBS, TUNING_JOB, run_prefix
from stacks.serving import Serving
from stacks.settings import Settings
from stacks.streaming import Streaming


class Training(FraudStack):
    """New models: by schedule, by event, by hand."""

    def __init__(
        self, scope: Construct, settings: Settings, *, data: Data, serving: Serving, streaming: Streaming
    ) -> None:
        description = "Card fraud: training, gate, registry and deployment of models"
        super().__init__(scope, "Training", settings, description, (data, serving, streaming))
        training = Machine(
            self,
            "Models",
            settings,
            key=data.key,
            curated=data.curated,
            archive=data.archive,
            archived={"archive": TRANSACTIONS, "decisions": DECISIONS, "labels": LABELS},
            shadowed=SHADOWED,
            models=data.models,
            endpoint=serving.endpoint,
            bus=(streaming.bus.attr_name, streaming.bus.attr_arn),
        )
        self.machine = training.machine
        self.gate, self.champion, self.worker = training.gate, training.champion, training.worker
        self.drift_machine = Drift(
            self,
            "Drift",
            settings,
            key=data.key,
            archive=data.archive,
            decisions=DECISIONS,
            labels=LABELS,
            curated=data.curated,
            models=data.models,
            champion=training.champion,
            bus=(streaming.bus.attr_name, streaming.bus.attr_arn),
        ).machine
        # of settings that are off, too: they may have been on
        jobs = [run_prefix(settings, name) for name in (*TRAINING_JOBS, TUNING_JOB, SHADOW_JOB, DRIFT_JOB)]
        leftovers(
            self,
            data.clean_up_arn,
            after=[training.machine, self.drift_machine],
            before=[training.group],
            jobs=[f"{job}-" for job in jobs],
            log_streams=[f"{group}:{job}-" for group in JOB_LOG_GROUPS for job in jobs],
            registry=[training.prefix],
            **({"tuning_jobs": [f"{run_prefix(settings, TUNING_JOB)}-"]} if settings.tuning_jobs else {}),
        )
        if settings.training_at:
            self.machine.every("OnSchedule", settings.training_at, data.key, {})
        self.machine.on_event(
            "OnTransactions",
            data.key,
            pattern={
                "source": ["aws.s3"],
                "detail-type": ["Object Created"],
                "detail": {"bucket": {"name": [data.curated.name]}, "object": {"key": [f"{LABELLED}_SUCCESS"]}},
            },
        )
        self.machine.on_event(
            "OnRequest",
            data.key,
            pattern={"source": ["card-fraud"], "detail-type": ["retrain"]},
            bus=streaming.bus.attr_name,
        )
        # of the one what serves, of the other what is computed: its function brings the release's features
        self.machine.on_update_of("OnStackUpdated", data.key, [serving.stack_name, self.stack_name])
        self.output("TrainingStateMachine", self.machine.arn, "start it by hand, or put an event `retrain` on the bus")
        self.output("DriftStateMachine", self.drift_machine.arn, 'start it by hand with {"day": "2026-01-31"}')
        self.output("DecisionCosts", settings.told_costs, "what decisions cost, for `fraud what-if`")
        if training.tracking:
            self.output(
                "TrackingServer",
                training.tracking.arn,
                "keeps the training machine's runs; `fraud runs --env` shows them",
            )
        if settings.shadow_percent:
            self.output(
                "ShadowLimits", shadow_limits(settings), "what a shadow must keep, for `fraud models compare --shadow`"
            )
        self.output("ModelRegistry", training.group.model_package_group_name, "models that passed the gate")
