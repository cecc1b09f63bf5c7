"""Settings of the nightly features, of training, of what decisions cost, and of the gate."""

from __future__ import annotations

import json
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, model_validator

from fraud.decision_costs import RANGES
from fraud.search_space import SPACE, Parameters
from stacks.schedules import CRON_SAYS
from stacks.setting_groups.group import Group
from stacks.setting_kinds import (
    MACHINE_SAYS,
    SWITCH,
    AmountShare,
    JobMachine,
    MaybeSchedule,
    Money,
    Schedule,
    number,
    parameters,
    setting,
)


class Training(Group):
    """The nightly features, training, what decisions cost, and the gate."""

    nightly_engine: Literal["spark", "duckdb"] = setting(
        "duckdb", "what computes the nightly features", "spark or duckdb"
    )
    nightly_instance_type: JobMachine = setting(
        "ml.m5.large", "machine of the nightly job", MACHINE_SAYS.format("jobs")
    )
    nightly_at: Schedule = setting("cron(20 0 * * ? *)", "when the nightly job starts, UTC", CRON_SAYS)
    nightly_too_old_after_h: float = number(48, "nightly features older than this many hours carry a warning", 1, 8760)

    training_instance_type: JobMachine = setting(
        "ml.m5.xlarge", "machine of the training jobs", MACHINE_SAYS.format("jobs")
    )
    drift_at: Schedule = setting(
        "cron(40 1 * * ? *)", "when the closed day is compared with what the model was trained on, UTC", CRON_SAYS
    )
    training_at: MaybeSchedule = setting(
        "cron(0 3 ? * SUN *)",
        "when the model is trained anew whatever has happened, UTC; empty: never",
        f"empty, or {CRON_SAYS}",
    )
    training_on_drift: bool = setting(
        True,
        "whether drift that has lasted as long as labels take is followed by a training on labels that came back",
        SWITCH,
    )
    training_new_labels: int = number(
        1000,
        "how many labels that came back since the last training on them are followed by another; 0: however many, none",
        0,
        1_000_000_000,
    )
    training_labels: Literal["file", "archive", "both"] = setting(
        "file",
        "what a model is trained on, unless a run says otherwise: files with labels, archived transactions with labels that came "
        "back, or both",
        "file, archive or both",
    )
    approval: Literal["gate", "person"] = setting(
        "gate",
        "who lets a candidate serve that the gate accepts: the gate itself, or a person by `fraud models promote`",
        "gate or person",
    )
    tracking: Literal["none", "managed"] = setting(
        "none",
        "where the training machine keeps its runs: nowhere, or at a managed MLflow tracking server, paid for by the hour",
        "none or managed",
    )
    training_label_delay_days: int = number(
        7, "how long a label takes to come back, days; younger transactions train nothing", 0, 365
    )
    training_parameters: Annotated[Parameters, BeforeValidator(parameters)] = setting(
        {},
        "how the trees are fitted, as the `parameters.json` of `fraud tune`; what it leaves out, and {}: training's defaults",
        f"an object of JSON with some of {', '.join(each.name for each in SPACE)}, each within the range that it is tuned in",
    )
    # the trials of a tuning job are listed in one page (API_ListTrainingJobsForHyperParameterTuningJob)
    tuning_jobs: int = number(
        0,
        "how many sets of parameters a tuning job tries before each training, whose best is trained with; 0: none",
        0,
        100,
    )
    # page automatic-model-tuning-limits: more have to be asked for
    tuning_parallel: int = number(2, "how many of them at once, each on a machine of its own", 1, 10)

    thresholds_by: Literal["shares", "costs"] = setting(
        "shares",
        "what a model's thresholds are chosen by: shares of honest transactions, 1% reviewed and .1% blocked, or the costs below",
        "shares or costs",
    )
    cost_missed_share: AmountShare = number(1, "the share of its amount that a missed fraud costs", 0, 10)
    cost_review: Money = number(3, "what a review costs", 0, 1_000_000)
    cost_blocked: Money = number(15, "what a wrongly blocked payment costs", 0, 1_000_000)
    review_hours_a_day: float = number(0, "the reviewers' hours a day, all together; 0: no limit", 0, 100_000)
    review_minutes: float = number(5, "how long a review takes, minutes", 0.1, 1_440)
    gate_average_precision: float = number(
        0.002, "gate: average precision that a candidate may fall short of the champion's", 0, 1
    )
    gate_recall: float = number(
        0.01, "gate: recall at .1% false positives that a candidate may fall short of the champion's", 0, 1
    )
    gate_segment_recall: float = number(
        0.1, "gate: recall that a candidate may surely lose in a segment, the whole 95% interval", 0, 1
    )

    @model_validator(mode="after")
    def _training_possible(self) -> Self:
        if not self.tuning_jobs:
            return self
        self._ordered(("tuning_parallel", "tuning_jobs"))
        if self.training_parameters:
            raise ValueError(
                f"training_parameters are set, and tuning_jobs ({self.tuning_jobs}) has others found before each training; "
                "allowed: one of the two"
            )
        return self

    @property
    def cost_options(self) -> list[str]:
        """What decisions cost, as options of the programs that train and evaluate."""
        return [text for name in RANGES for text in ("--" + name.replace("_", "-"), f"{getattr(self, name)}")]

    @property
    def told_costs(self) -> str:
        """The same as an object of JSON, {setting: its value as text}."""
        return json.dumps({name: f"{getattr(self, name)}" for name in RANGES})
