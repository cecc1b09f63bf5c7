"""Settings of files that are scored: by SageMaker, or by Fraud Detector."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import model_validator

from reading.mapping.toml_file import shipped
from stacks.schedules import CRON_SAYS
from stacks.setting_groups.group import Group
from stacks.setting_kinds import (
    DAY_SAYS,
    MACHINE_SAYS,
    SWITCH,
    BatchMachine,
    Columns,
    MaybeDay,
    MaybeSchedule,
    number,
    setting,
)


class Files(Group):
    """What trains on whole files and scores them."""

    batch_back_end: Literal["sagemaker", "fraud-detector"] = setting(
        "sagemaker",
        "what trains on whole files and scores them; Fraud Detector takes no new customers since 2025-11-07",
        "sagemaker or fraud-detector",
    )
    batch_columns: Columns = setting(
        "kaggle",
        "which column of a file is which field of a transaction",
        f"{', '.join(shipped())}, or the path of a TOML file",
    )
    batch_train_until: MaybeDay = setting(
        "2020-04-30", "labelled rows before this day (UTC) train; empty: all of them", DAY_SAYS
    )
    batch_predict_from: MaybeDay = setting(
        "2020-08-30", "rows from this day on (UTC) are scored; empty: those without a label", DAY_SAYS
    )
    batch_crawl_at: MaybeSchedule = setting(
        "", "when files are looked for beside every upload's end, UTC; empty: never", f"empty, or {CRON_SAYS}"
    )
    batch_keep_raw: bool = setting(
        False, "whether a file stays in the raw bucket for its day after it was transformed", SWITCH
    )
    batch_instance_type: BatchMachine = setting(
        "ml.m5.large", "machine of the jobs that score files", MACHINE_SAYS.format("batch transforms")
    )

    detector_high: int = number(900, "Fraud Detector: scores from here on are of high risk", 2, 1000)
    detector_medium: int = number(700, "Fraud Detector: scores from here on are of medium risk", 1, 999)
    detector_mode: Literal["create", "update"] = setting(
        "update",
        "Fraud Detector: whether each file trains the model version further, or the first one makes it and that is all",
        "create or update",
    )
    detector_version: str = setting(
        "1.0",
        "Fraud Detector: the model version that is made or trained further",
        "as 1.0, the number before the point 1 to 9999",
        pattern=r"^[1-9][0-9]{0,3}\.0$",
    )

    @model_validator(mode="after")
    def _files_possible(self) -> Self:
        if self.batch_train_until and self.batch_predict_from and self.batch_train_until > self.batch_predict_from:
            raise ValueError(
                f"batch_train_until ({self.batch_train_until}) is after batch_predict_from ({self.batch_predict_from}), so rows "
                "would be trained on and scored; allowed: batch_train_until <= batch_predict_from, or one of them empty"
            )
        if self.detector_medium >= self.detector_high:
            raise ValueError(
                f"detector_medium ({self.detector_medium}) is not below detector_high ({self.detector_high}), so no score "
                "would be of medium risk; allowed: detector_medium < detector_high"
            )
        return self
