"""What tuning on the rows before the test gives on `sparkov_dev`.

A study on a sample of the honest rows; its best parameters are fitted on all rows, and tested from 2020-03-01.

python -m benchmarks.run tuned
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, replace
from typing import Any

from benchmarks.data import SPARKOV, needs
from benchmarks.entity_risk import TARGETS
from benchmarks.evaluate import TEST_FROM
from benchmarks.feature_worth import rows_and_bytes
from benchmarks.tuning import studied
from cli.times import parse_moment
from cli.tuning.study import best_of
from fraud.durations import MS_PER_DAY
from sagemaker_src.training.fitting import TrainingSettings, fit, score, silent
from sagemaker_src.training.metrics import evaluate_rows
from sagemaker_src.training.train import in_order, taken
from sagemaker_src.tuning.judging import parts_before

HONEST_ROWS = 60_000
"""That a trial is fitted on."""
BUDGET_S = 560
"""Of processor time, for the study."""


def measure() -> list[dict[str, Any]]:
    """The figures, as `benchmarks.run` collects them."""
    if missing := needs(SPARKOV):
        return missing
    moment = parse_moment("--test-from", TEST_FROM)
    rows = in_order(rows_and_bytes(SPARKOV, moment)[0])
    sampled = TrainingSettings(honest_rows=HONEST_ROWS)
    trials = studied(parts_before(rows, sampled, moment), sampled, BUDGET_S, pruned=True)
    best = best_of(trials)
    told = ", ".join(f"{name} {value:.3g}" for name, value in best.parameters.items())
    print(f"{len(trials)} trials; best {best.value:.4f} of {trials[0].value:.4f}: {told}", file=sys.stderr, flush=True)
    chosen: dict[str, Any] = dict(best.parameters)
    settings = replace(TrainingSettings(honest_rows=10**9), **chosen)
    event_ms, label = rows["event_ms"].to_numpy(), rows["is_fraud"].to_numpy()
    known, tested = event_ms < moment - settings.label_delay_days * MS_PER_DAY, event_ms >= moment
    takes, vectors = taken(rows, known)
    model = fit(vectors[known], label[known], takes, settings, "", silent)
    metrics = evaluate_rows(rows[tested], score(model, vectors[tested]), rows)
    early = sum(row.ended_early for row in trials)
    what = f"{len(trials)} trials, {early} ended early; {json.dumps(asdict(settings), default=str)}"
    return [
        {"measure": f"{name}, tuned ({what})" if place == 0 else name, "value": round(metrics[name], 4), "unit": "",
         "target": target, "met": metrics[name] >= target}
        for place, (name, target) in enumerate(TARGETS.items())
    ]  # fmt: skip


if __name__ == "__main__":
    print(json.dumps(measure(), indent=2))
