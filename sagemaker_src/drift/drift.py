"""Whether yesterday's transactions and scores are still those that the model was made for.

    python -m sagemaker_src.drift.drift --day 2026-01-31 --decisions decisions --model model --before drift --out drift

Compares a day's archived decisions with what training wrote beside the model: each feature, the scores, and the amounts of each
category. Writes `drift.json` and `drift.html`. `--before` is the folder of the day before, whose `drift.json` says since when
something has drifted already. With `--labels` and `--matured`, the decisions of the day whose transactions are as old as labels
take (`--label-delay-days` before `--day`), it says how well the model has really done, by the labels known at the end of `--day`.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tarfile
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from fraud.durations import MS_PER_DAY
from fraud.notation import decimal_number, iso_day
from fraud.vector import SAYS
from sagemaker_src.drift.baseline import FILE as BASELINE_FILE
from sagemaker_src.drift.baseline import Baseline, BaselineError, read_baseline
from sagemaker_src.drift.compare import Difference, compare
from sagemaker_src.drift.decisions import DecisionsError, Piece, read_decisions
from sagemaker_src.drift.labelled import read_labelled
from sagemaker_src.drift.page import write_page
from sagemaker_src.drift.realised import realised
from sagemaker_src.drift.series import SCORE, Counts, columns_of
from sagemaker_src.options import typed

FILE = "drift.json"
PAGE = "drift.html"


@dataclass
class Day:
    """What is counted of a day's decisions.

    Attributes:
        counts: {series: its counts}.
        decisions: how many there are; of those, by the model of the baseline, by another, and by the fallback rule.
        scores: of the model of the baseline.
    """

    counts: dict[str, Counts] = field(default_factory=dict)
    decisions: Counter[str] = field(default_factory=Counter)
    scores: list[np.ndarray] = field(default_factory=list)

    def add(self, piece: Piece, baseline: Baseline) -> None:
        """Counts some more."""
        own = piece.versions == baseline.model_version
        by_rule = np.isnan(piece.scores)
        self.decisions.update(
            total=len(own), by_the_model=int(own.sum()), by_the_rule=int(by_rule.sum()),
            by_other_models=int((~own & ~by_rule).sum()),
        )  # fmt: skip
        self.scores.append(piece.scores[own])
        # a decision by the rule has few features, and what another model scored is another distribution
        for name, _, values, missing in columns_of(piece.columns, baseline.takes, piece.scores[own]):
            if name in baseline.watched:
                counted = baseline.watched[name].series.counts(values, missing)
                self.counts[name] = self.counts.get(name, 0) + counted


def judge(day: str, pieces: Iterable[Piece], baseline: Baseline, before: Mapping[str, str]) -> dict[str, Any]:
    """A day's report, ready for JSON.

    Args:
        day: as 2026-01-31.
        pieces: its decisions.
        baseline: what they are compared with.
        before: {series that had drifted on the day before: since which day}.

    Returns:
        `day`, `model_version`, `baseline` {from, to, days}, `decisions`, `performance` {expected, estimated}, `drifted` (the
        largest first, each a `Difference` with `says`, `since` and `of_transactions`, the least share of the day's transactions
        that have changed), `series`, all differences, and `counts` over the bins of those that have drifted.
    """
    counted = Day()
    for piece in pieces:
        counted.add(piece, baseline)
    differences = compare(counted.counts, baseline.watched)
    total = counted.decisions["total"]
    scores = np.concatenate(counted.scores) if counted.scores else np.empty(0)
    return {
        "day": day,
        "model_version": baseline.model_version,
        "baseline": {
            "from": _day(baseline.days[0]),
            "to": _day(baseline.days[-1]),
            "days": len(baseline.days),
        },
        "decisions": {
            name: counted.decisions[name] for name in ("total", "by_the_model", "by_other_models", "by_the_rule")
        },
        "performance": {
            "expected": dict(baseline.expected),
            "estimated": baseline.calibration.estimated(scores, baseline.thresholds["review"]),
        },
        "drifted": [_told(each, before.get(each.name, day), total) for each in differences if each.drifted],
        "series": [asdict(each) for each in differences],
        "counts": {each.name: counted.counts[each.name].tolist() for each in differences if each.drifted},
    }


def add_realised(report: dict[str, Any], labels: Path, matured: Path, delay_days: float, baseline: Baseline,
                 before: Mapping[str, Any]) -> None:  # fmt: skip
    """Adds to a day's report how well the model has done on the day that has become as old as labels take: `realised` (see
    there), and to `drifted` what is surely worse. Labels count that were known at the end of the report's day.

    Args:
        labels: folder of the archive of labels.
        matured: folder of that day's decisions.
        delay_days: how long a label takes.
        before: the report of the day before; empty if there is none.

    Raises:
        DecisionsError: a file cannot be read.
    """
    closed = date.fromisoformat(report["day"])
    day = str(closed - timedelta(days=math.ceil(delay_days)))
    until_ms = (int(np.datetime64(closed, "D").astype(np.int64)) + 1) * MS_PER_DAY
    threshold = baseline.thresholds["review"]
    labelled = read_labelled(matured, labels, until_ms, baseline.model_version, threshold)
    same = before.get("model_version") == baseline.model_version
    earlier = before.get("realised", {}).get("days", []) if same else []
    report["realised"] = realised(day, labelled, threshold, baseline.calibration, baseline.expected, earlier)
    since = {each["name"]: each["since"] for each in before.get("drifted", [])}
    report["drifted"] += [{"psi": None, **each, "since": since.get(each["name"], day)}
                          for each in report["realised"]["worse"]]  # fmt: skip


def _told(each: Difference, since: str, total: int) -> dict[str, Any]:
    return {
        **asdict(each),
        "says": SAYS.get(each.name, "the model's score" if each.name == SCORE else f"the {each.name}"),
        "since": since,
        "of_transactions": each.moved * each.values / max(total, 1),
    }


def _day(ms: int) -> str:
    return str(np.datetime64(ms, "ms").astype("datetime64[D]"))


def read_model_baseline(folder: Path) -> Baseline:
    """The baseline in a folder of a model, or in the `model.tar.gz` there.

    Raises:
        BaselineError: there is none.
    """
    archive = folder / "model.tar.gz"
    if not archive.exists():
        return read_baseline(folder)
    with tempfile.TemporaryDirectory() as name, tarfile.open(archive) as packed:
        if BASELINE_FILE not in packed.getnames():
            raise BaselineError(f"{archive} holds no {BASELINE_FILE}: an older release trained it; train anew")
        packed.extract(BASELINE_FILE, name, filter="data")
        return read_baseline(Path(name))


def report_before(folder: Path | None) -> dict[str, Any]:
    """The report of the day before; empty if there is none."""
    file = None if folder is None else folder / FILE
    if file is None or not file.exists():
        return {}
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Compare a day's decisions with what the model was trained on.")
    parser.add_argument("--day", type=typed(iso_day), required=True, help="as 2026-01-31")
    parser.add_argument("--decisions", type=Path, required=True, help="folder of the day's archived decisions")
    parser.add_argument("--model", type=Path, required=True, help="folder of the model that decided")
    parser.add_argument("--before", type=Path, help="folder of the report of the day before; one without it is none")
    parser.add_argument(
        "--labels", type=Path, help="folder of the archive of labels; without it nothing is said of them"
    )
    parser.add_argument(
        "--matured", type=Path, help="with --labels: folder of the decisions of the day that is as old as they take"
    )
    parser.add_argument("--label-delay-days", type=typed(decimal_number), default=7.0,
        help="how long a label takes (default %(default)s)")  # fmt: skip
    parser.add_argument("--out", type=Path, required=True, help=f"folder for {FILE} and {PAGE}")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = _options()
    options = parser.parse_args(arguments)
    day: date = options.day
    if (options.labels is None) != (options.matured is None):
        parser.error("--labels and --matured go together; allowed: both, or none of them")
    if not 0 <= options.label_delay_days <= 3_660:
        parser.error(f"--label-delay-days: {options.label_delay_days:g}; allowed: 0 to 3,660")
    try:
        baseline, before = read_model_baseline(options.model), report_before(options.before)
        since = {each["name"]: each["since"] for each in before.get("drifted", [])}
        report = judge(str(day), read_decisions(options.decisions), baseline, since)
        if options.labels is not None:
            add_realised(report, options.labels, options.matured, options.label_delay_days, baseline, before)
    except (BaselineError, DecisionsError) as error:
        parser.error(str(error))
    options.out.mkdir(parents=True, exist_ok=True)
    write_page(options.out / PAGE, report, baseline)
    part = options.out / f"{FILE}.part"
    part.write_text(json.dumps(report, indent=2, allow_nan=False) + "\n")
    part.rename(options.out / FILE)
    for each in report["drifted"]:
        how = each["says"] if each["psi"] is None else f"index {each['psi']:.2f}"
        print(f"{each['name']}: {', '.join(each['drifted'])}, since {each['since']}, {how}")
    series = sum(each["psi"] is not None for each in report["drifted"])
    print(f"{series} of {len(report['series'])} series have drifted on {day}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
