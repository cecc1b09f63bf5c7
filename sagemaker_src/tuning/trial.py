"""A trial of a tuning job of SageMaker: fits with a set of parameters and says, in its log, how good they are; keeps no model.

    python -m sagemaker_src.tuning.trial --train features.parquet --rounds 500 --eta 0.05

Parameters are judged as `fraud tune` judges them: fitted on the earlier rows before the test, judged on the later ones. After
each tenth of the trees the log has a line with the objective, which the tuning job reads by `fraud.search_space.OBJECTIVE_REGEX`.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from fraud.notation import decimal_number, iso_moment_ms, whole_number
from fraud.search_space import OBJECTIVE, SPACE, ParametersError, checked_parameters
from sagemaker_src.options import typed
from sagemaker_src.training.feature_rows import FeatureRowsError, read_feature_rows
from sagemaker_src.training.fitting import TrainingSettings, TrainingSettingsError
from sagemaker_src.training.split import default_test_from
from sagemaker_src.training.train import TrainingDataError
from sagemaker_src.tuning.judging import judged, parts_before


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Judge a set of parameters on the rows before the test.")
    channel = os.environ.get("SM_CHANNEL_TRAIN")
    parser.add_argument("--train", type=Path, default=channel, help="Parquet file or folder of feature rows")
    parser.add_argument(
        "--test-from",
        type=typed(iso_moment_ms),
        help="rows from this date or time (UTC) on are never looked at (default: the last fifth)",
    )
    usual = TrainingSettings()
    parser.add_argument("--label-delay-days", type=typed(decimal_number), default=usual.label_delay_days)
    for each in SPACE:
        read = typed(whole_number if each.whole else decimal_number)
        parser.add_argument(f"--{each.option}", type=read, default=getattr(usual, each.name), help=each.says)
    return parser


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = _options()
    options = parser.parse_args(arguments)
    if options.train is None:
        parser.error("--train: name a Parquet file or folder of feature rows")
    try:
        chosen = checked_parameters({each.name: getattr(options, each.name) for each in SPACE})
        settings = TrainingSettings(label_delay_days=options.label_delay_days)
        rows = read_feature_rows(options.train)
        moment = default_test_from(rows["event_ms"].to_numpy()) if options.test_from is None else options.test_from
        parts = parts_before(rows, settings, moment)
    except (ParametersError, TrainingSettingsError) as error:
        parser.error(str(error))
    except (FeatureRowsError, TrainingDataError) as error:
        parser.error(f"--train: {error}")

    def told(_step: int, value: float) -> None:
        print(f"{OBJECTIVE}: {value:.6f}", flush=True)

    judged(parts, chosen, settings, told)
    return 0


if __name__ == "__main__":
    sys.exit(main())
