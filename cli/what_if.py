"""`fraud what-if`: a past period decided again by another model or other thresholds, beside what was decided."""

from __future__ import annotations

import csv
import json
import sys
import tempfile
import time
from contextlib import redirect_stdout
from itertools import chain
from pathlib import Path
from typing import Annotated, Any

import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.table import Table

from cli.applications import EnvironmentOption, Reached, application
from cli.model_folder import check_model
from cli.options import cost, decimal, decision_costs
from cli.output import check_folder, whole_folder
from cli.progress import progress
from cli.reports.what_if import as_json as all_of
from cli.reports.what_if import figures, known, moment_text, moves, says_of, what_if_report
from cli.times import parse_moment
from fraud.control_group import MOST_PERCENT
from fraud.decision import Decision
from fraud.decision_costs import DecisionCosts
from fraud.ports import ScorerUnavailableError
from local.application import Application, ApplicationError
from local.archived import Archive
from local.archived_period import Period, labels_as_of
from local.decided_again import GoneError
from local.deciding_ports import ModelScorer
from local.deployed_settings import DeployedSettings, deployed_settings
from local.what_if import Changed, Otherwise, WhatIf, WrongThresholdsError, held_together
from local.what_if import what_if as decided_otherwise
from reading.errors import BadInputError

_AS_SET = "as the application is set"


def what_if(
    from_: Annotated[
        str,
        typer.Option("--from", help="Payments from here on: a date, or a date and time; UTC without an offset."),
    ],
    to: Annotated[
        str | None, typer.Option(help="Payments before here, as --from; default: now.", show_default=False)
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            help="The model that decides: a version of the registry, as v7 or as the manifest names it, or a folder that `fraud "
            "train` wrote. Default: each payment's own, with the thresholds that are given.",
            metavar="VERSION|FOLDER",
        ),
    ] = None,
    review_threshold: Annotated[
        float | None, decimal("The score from which a payment is reviewed, in place of the model's threshold.", 0, 2)
    ] = None,
    block_threshold: Annotated[
        float | None, decimal("The score from which it is blocked; 2 is never reached.", 0, 2)
    ] = None,
    cost_missed_share: Annotated[float | None, cost("cost_missed_share", _AS_SET)] = None,
    cost_review: Annotated[float | None, cost("cost_review", _AS_SET)] = None,
    cost_blocked: Annotated[float | None, cost("cost_blocked", _AS_SET)] = None,
    review_hours_a_day: Annotated[float | None, cost("review_hours_a_day", _AS_SET)] = None,
    review_minutes: Annotated[float | None, cost("review_minutes", _AS_SET)] = None,
    control_group_percent: Annotated[
        float | None,
        decimal(f"Say what a control group of this share would cost, percent; default: {_AS_SET}.", 0, MOST_PERCENT),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder to write report.html, what-if.json and changed.csv into; replaced if an earlier run wrote it.",
            metavar="DIR",
        ),
    ] = None,
    env: EnvironmentOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="An object of JSON in place of the tables.")] = False,
) -> None:
    """Decide a past period again with another model or other thresholds, and show it beside what was decided.

    Fraud caught and missed, payments stopped, reviews and reviewers' hours, money, and how many decisions change. Payments count
    by the labels that are known now; one without a label counts as neither fraud nor honest, and is told apart. Each is decided
    on the features that its decision holds, so on what was known then. Nothing is written but --out.

    Example: fraud what-if --from 2026-11-01 --to 2026-11-08 --model v7

    Example: fraud what-if --from 2026-11-01 --review-threshold 0.3 --block-threshold 0.9 --cost-review 4 --out out/what-if

    Example: fraud what-if --from 2026-11-01 --model out/model --env prod --json

    Example: fraud what-if --from 2026-11-01 --control-group-percent 1
    """
    if model is None and review_threshold is None and block_threshold is None and control_group_percent is None:
        raise BadInputError(
            "--model, --review-threshold, --block-threshold or --control-group-percent: name what shall be otherwise"
        )
    now_ms = round(time.time() * 1000)
    from_ms, to_ms = parse_moment("--from", from_), now_ms if to is None else parse_moment("--to", to)
    if to_ms <= from_ms:
        raise BadInputError(f"--to: {moment_text(to_ms)} is not after --from, {moment_text(from_ms)} (UTC)")
    asked = {
        "cost_missed_share": cost_missed_share,
        "cost_review": cost_review,
        "cost_blocked": cost_blocked,
        "review_hours_a_day": review_hours_a_day,
        "review_minutes": review_minutes,
    }
    decision_costs(asked)
    if review_threshold is not None and block_threshold is not None:
        try:
            held_together(review_threshold, block_threshold)
        except WrongThresholdsError as error:
            raise BadInputError(f"--review-threshold, --block-threshold: {error}") from error
    if out is not None:
        check_folder(out, "what-if")
    reached = application(None if env is None else env.value)
    given = _Given(model, review_threshold, block_threshold, from_ms, to_ms, now_ms)
    found, unreadable, version, deployed = _decided(reached, given, waiting=env is None)
    costs = decision_costs(asked, deployed.costs)
    percent = deployed.control_group_percent if control_group_percent is None else control_group_percent
    if not found.comparison.cells:
        raise BadInputError(f"{reached.says} has no decision about a payment of {given.period}")
    lead = f"{given.period}, decided by {given.says(version)}; labels as of {moment_text(now_ms)} UTC."
    notices = says_of(found, costs, percent)
    if unreadable:
        notices.insert(0, f"{unreadable:,} rows of the archive are no decisions, and are left out.")
    facts: dict[str, Any] = {
        "from_ms": from_ms,
        "to_ms": to_ms,
        "labels_as_of_ms": now_ms,
        "model": version,
        "unreadable": unreadable,
    }
    facts |= {"review_threshold": review_threshold, "block_threshold": block_threshold}
    told = all_of(found, costs, percent, facts)
    if out is not None:
        with whole_folder(out, "what-if") as folder:
            (folder / "what-if.json").write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
            _write_changed(folder / "changed.csv", found.changed)
            what_if_report(folder / "report.html", found, costs, lead, notices)
    if as_json:
        typer.echo(json.dumps(told, separators=(",", ":")))
    else:
        _show(found, costs, lead, notices, out)


class _Given:
    """What was asked for."""

    def __init__(
        self, model: str | None, review: float | None, block: float | None, from_ms: int, to_ms: int, now_ms: int
    ) -> None:
        self.model, self.review, self.block = model, review, block
        self.from_ms, self.to_ms, self.now_ms = from_ms, to_ms, now_ms

    @property
    def period(self) -> str:
        return f"{moment_text(self.from_ms)} to {moment_text(self.to_ms)} (UTC)"

    def says(self, version: str | None) -> str:
        """What decides, in words."""
        which = "each payment's own model" if version is None else f"model {version}"
        pairs = (("review", self.review), ("block", self.block))
        limits = [f"{name} from {value:g}" for name, value in pairs if value is not None]
        return f"{which}, {' and '.join(limits)}" if limits else which


def _decided(reached: Reached, given: _Given, *, waiting: bool) -> tuple[WhatIf, int, str | None, DeployedSettings]:
    """What became of the period, rows that are no decisions, the version of the model that decided, and what is set."""
    try:
        with tempfile.TemporaryDirectory(prefix="fraud-what-if-") as folder, progress() as report:
            standing = Application(reached.client, reached.prefix)
            deployed = deployed_settings(standing)
            archive = Archive(standing, Path(folder), topic=False)
            scorer = None if given.model is None else _model(archive, given.model)
            otherwise = Otherwise(
                scorer, lambda version: archive.model(version).exact.thresholds, given.review, given.block
            )
            # the archive gets a decision some minutes after the table: here the table can be read whole
            rows = standing.decisions() if waiting else ()
            period = Period(archive, given.from_ms, given.to_ms, (Decision.from_json(row["decision"]) for row in rows))
            days = period.days(report)
            # whether there is anything to decide, before all labels are read
            first = next(days, None)
            labels = labels_as_of(archive, given.now_ms, report) if first else {}
            found = decided_otherwise(chain([first] if first else [], days), labels, otherwise)
            return found, period.unreadable, None if scorer is None else scorer.version, deployed
    except WrongThresholdsError as error:
        raise BadInputError(f"--review-threshold, --block-threshold: {error}") from error
    except GoneError as error:
        raise BadInputError(f"{error}; give both thresholds, or a model") from error
    except ScorerUnavailableError as error:
        raise BadInputError(f"--model: {error}") from error
    except ApplicationError as error:
        raise BadInputError(str(error)) from error
    except (BotoCoreError, ClientError) as error:
        raise BadInputError(f"{reached.says} does not answer as it must: {error}") from error


def _model(archive: Archive, named: str) -> ModelScorer:
    if Path(named).is_dir():
        with redirect_stdout(sys.stderr):
            check_model(Path(named))
        return ModelScorer(Path(named))
    try:
        return archive.model(named).exact
    except GoneError as error:
        raise BadInputError(f"--model: {error}; name another version, or a model's folder") from error


def _write_changed(path: Path, changed: list[Changed]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        lines = csv.writer(file, lineterminator="\n")
        lines.writerow(
            ("transaction_id", "trans_time", "amount", "label", "recorded", "what_if", "score", "what_if_score")
        )
        for one in changed:
            amount = f"{one.amount_cents / 100:.2f}"
            lines.writerow((one.transaction_id, moment_text(one.trans_time), amount, *one[3:]))


def _show(found: WhatIf, costs: DecisionCosts, lead: str, notices: list[str], out: Path | None) -> None:
    screen = Console(highlight=False, emoji=False, soft_wrap=True)
    screen.print(lead, markup=False)
    screen.print(f"{known(found.comparison.recorded)}.", markup=False)
    screen.print(
        _table(
            ("", "recorded", "what if", "difference"),
            [(one.says, *one.cells) for one in figures(found.comparison, costs)],
        )
    )
    screen.print(f"{found.comparison.changed:,} decisions change", style="bold")
    if changes := moves(found.comparison):
        rows = [(f"{one} to {other}", *(f"{count:,}" for count in counts)) for one, other, *counts in changes]
        screen.print(_table(("", "payments", "fraud", "honest", "no label"), rows))
    for says in notices:
        screen.print(says, markup=False)
    if out is not None:
        screen.print(f"Wrote {out}/report.html, what-if.json and changed.csv", markup=False)


def _table(columns: tuple[str, ...], rows: list[tuple[Any, ...]]) -> Table:
    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    for place, column in enumerate(columns):
        table.add_column(column, justify="right" if place else "left", overflow="fold")
    for row in rows:
        table.add_row(*row)
    return table
