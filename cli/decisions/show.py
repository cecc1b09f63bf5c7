"""`fraud decisions show`: one decision, made again from what it was made of."""

from __future__ import annotations

import json
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.table import Table

from cli.applications import EnvironmentOption, application
from cli.decision_lines import plain_line
from cli.endings import EndedError
from cli.progress import progress
from fraud.clock import day_of
from fraud.decision import Decision, Reason
from fraud.label import Label
from fraud.transaction import InvalidTransactionError, format_event_time
from local.application import Application, ApplicationError
from local.proof import Proof, UnknownDecisionError, prove
from reading.errors import BadInputError

DIFFERS, GONE = 1, 2
"""The exit status where it differs, and where it cannot be made again."""


def show(
    transaction: Annotated[str, typer.Argument(help="Id of the transaction.", metavar="ID")],
    env: EnvironmentOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="An object of JSON, with both decisions whole.")] = False,
) -> None:
    """Make one decision again from what it was made of, and say whether it is equal or what differs.

    Its features are computed anew from the card's raw rows, the nightly ones from the sums as of their cut; the model is that of
    the recorded version, with its thresholds, or the fallback rule decides. The labels of its transaction are shown beside it.
    Nothing is written. The exit status is 0 where it is equal, 1 where it differs, 2 where it cannot be made again, with the
    reason.

    Example: fraud decisions show sent-abcdefgh-00001

    Example: fraud decisions show 7f3a2c --env prod --json
    """
    reached = application(None if env is None else env.value)
    try:
        with tempfile.TemporaryDirectory(prefix="fraud-again-") as folder, progress() as report:
            standing = Application(reached.client, reached.prefix)
            proof = prove(standing, transaction, Path(folder), topic=env is None, report=report)
            labels = standing.labels(transaction)
    except (ApplicationError, UnknownDecisionError) as error:
        raise BadInputError(str(error)) from error
    except (BotoCoreError, ClientError) as error:
        raise BadInputError(f"{reached.says} does not answer as it must: {error}") from error
    except InvalidTransactionError as error:
        raise EndedError(f"what is recorded of {transaction} is no decision: {error}", DIFFERS) from error
    if as_json:
        typer.echo(json.dumps(_as_json(proof, labels), separators=(",", ":")))
    else:
        _show(proof, labels)
    if proof.again.gone:
        raise EndedError(f"{transaction} cannot be made again: {proof.again.gone}", GONE)
    if proof.again.differences:
        raise EndedError(f"{transaction} differs from what was recorded", DIFFERS)


def _show(proof: Proof, labels: list[Label]) -> None:
    """The decision, the labels of its transaction, what it was made again from, and how the two compare."""
    again, recorded = proof.again, proof.again.recorded
    screen = Console(highlight=False, emoji=False, soft_wrap=True)
    screen.print(f"{day_of(recorded.trans_time)} {plain_line(recorded)}", markup=False)
    decided = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(recorded.decided_at / 1000))
    screen.print(f"  decided {decided}; recorded in the {proof.source}", markup=False)
    for label in labels:
        said = "fraud" if label.is_fraud else "legitimate"
        who = f"{label.source} {label.reported_by}, known {format_event_time(label.known_at)}"
        screen.print(f"  label: {said}, by {who}{_counts(label is labels[-1], len(labels))}", markup=False)
    if not labels:
        screen.print("  no label", markup=False)
    screen.print(f"  made again from {_made_of(proof)}", markup=False)
    if again.lacks:
        screen.print(f"  its model does not read, and the record lacks: {', '.join(again.lacks)}", markup=False)
    if again.differences:
        table = Table(box=None, header_style="bold", padding=(0, 2, 0, 2))
        for column in ("differs", "recorded", "made again"):
            table.add_column(column, overflow="fold")
        for one in again.differences:
            table.add_row(one.what, _shown(one.recorded), _shown(one.again))
        screen.print(table)
    if again.equal:
        screen.print("equal", style="bold green")


def _counts(last: bool, labels: int) -> str:
    return "; it counts" if last and labels > 1 else ""


def _made_of(proof: Proof) -> str:
    recorded = proof.again.recorded
    rows = f"{proof.rows:,} raw {'row' if proof.rows == 1 else 'rows'}"
    if recorded.path == "fallback":
        return f"{rows} and the fallback rule"
    night = f"the night of {day_of(recorded.nightly_cut)}" if recorded.nightly_cut else "no nightly record of the card"
    return f"{rows}, {night}, and model {recorded.model_version}"


def _shown(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, tuple) and all(isinstance(one, Reason) for one in value):
        return "; ".join(f"{one.feature} {one.value!r} {one.contribution!r}" for one in value)
    return str(value) if isinstance(value, str) else repr(value)


def _as_json(proof: Proof, labels: list[Label]) -> dict[str, Any]:
    again = proof.again
    return {
        "transaction_id": again.recorded.transaction_id,
        "equal": again.equal,
        "cannot": again.gone or None,
        "differences": [one._asdict() for one in again.differences],
        "lacks": list(again.lacks),
        "recorded_in": proof.source,
        "raw_rows": proof.rows,
        "labels": [json.loads(label.to_json()) for label in labels],
        "recorded": _whole(again.recorded),
        "made_again": None if again.made is None else _whole(again.made) | {"decided_at": None},
    }


def _whole(decision: Decision) -> dict[str, Any]:
    return asdict(decision)
