"""Features: the store's feature groups, and the nightly job that fills the nightly one."""

from __future__ import annotations

from constructs import Construct

from fraud.features.groups import FEATURE_GROUPS
from stacks.base import FraudStack
from stacks.constructs.clean_up import leftovers
from stacks.constructs.feature_groups import extended, feature_groups
from stacks.constructs.nightly import Nightly
from stacks.data import DECISIONS, LABELS, TRANSACTIONS, Data
from stacks.names import JOB_LOG_GROUPS, OFFLINE_DATABASE, offline_table, run_prefix
from stacks.settings import Settings


class Features(FraudStack):
    """What is known of cards, for the model and for everyone else."""

    def __init__(self, scope: Construct, settings: Settings, *, data: Data) -> None:
        super().__init__(scope, "Features", settings, "Card fraud: feature groups and the nightly features", (data,))
        groups = feature_groups(self, settings, key=data.key, curated=data.curated)
        holds_all = extended(self, settings, groups, key=data.key)
        nightly = Nightly(
            self,
            "Nightly",
            settings,
            key=data.key,
            archive=data.archive,
            transactions=TRANSACTIONS,
            said={"decisions": DECISIONS, "labels": LABELS},
            curated=data.curated,
        )
        nightly.node.add_dependency(holds_all)
        self.nightly_machine = nightly.machine
        job = run_prefix(settings, "nightly")
        leftovers(
            self,
            data.clean_up_arn,
            after=[nightly.machine, *groups.values()],
            jobs=[f"{job}-"],
            log_streams=[f"{group}:{job}-" for group in JOB_LOG_GROUPS],
            tables=[f"{OFFLINE_DATABASE}/{offline_table(group)}" for group in FEATURE_GROUPS if group.offline],
        )
        for name in groups:
            self.output(f"Group{name.title().replace('-', '')}", name, f"feature group {name}")
        self.output("NightlyStateMachine", nightly.machine.arn, 'start it by hand with {"cut": "2026-01-31"}')
