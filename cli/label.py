"""`fraud label`: what has become known about transactions, fraud or not, to the application."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer
from botocore.exceptions import BotoCoreError, ClientError

from cli.applications import EnvironmentOption, Reached, application
from cli.endings import EndedError
from cli.label_file import Defaults, Row, count_rows, read_labels
from cli.progress import console, progress
from cli.times import parse_moment
from fraud.label import Label
from lambda_src.batches import batches
from lambda_src.ports.decision_table import ITEMS_PER_CALL, DecisionTable, TableThrottledError
from lambda_src.ports.label_events import LabelsNotPublishedError, publish_labels
from reading.errors import BadInputError

SHOWN = 10
"""Refused rows and unknown transactions on screen; `--json` has all."""


class SourceOption(str, Enum):
    """Where a label comes from, as an option takes it: `fraud.label.SOURCES`."""

    analyst = "analyst"
    chargeback = "chargeback"
    dispute = "dispute"
    import_ = "import"


@dataclass
class Sent:
    """What became of the labels: how many were put on the bus, which rows were not, whose transactions nobody knows, and of which
    a file says both at one moment."""

    labels: int = 0
    refused: list[Row] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    both: list[str] = field(default_factory=list)
    said: dict[tuple[str, datetime], bool] = field(default_factory=dict, repr=False)

    def note(self, label: Label) -> None:
        """Notes what a label says, and whether another row says the opposite of the same moment."""
        if self.said.setdefault((label.transaction_id, label.known_at), label.is_fraud) != label.is_fraud:
            self.both.append(label.transaction_id)


def label(
    transaction: Annotated[
        str | None, typer.Argument(help="The id of one transaction.", metavar="TRANSACTION", show_default=False)
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(
            help="CSV with a header, or JSON lines: transaction_id, is_fraud (true, false, 1, 0, fraud or legitimate), and where "
            "they differ from row to row known_at, source and reported_by.",
            metavar="FILE",
        ),
    ] = None,
    fraud: Annotated[
        bool | None, typer.Option("--fraud/--legitimate", help="What is known of the one transaction.")
    ] = None,
    by: Annotated[
        str | None, typer.Option(help="Who or what says it; of a file, where the row does not.", metavar="NAME")
    ] = None,
    source: Annotated[
        SourceOption | None,
        typer.Option(
            help="Where it comes from; of a file, where the row does not say. Default: import of a file, analyst of one."
        ),
    ] = None,
    known_at: Annotated[
        str | None,
        typer.Option(
            help="When it became known (UTC, or with an offset); of a file, where the row does not say. Default: now.",
            metavar="TIME",
        ),
    ] = None,
    env: EnvironmentOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="What was sent as an object of JSON.")] = False,
) -> None:
    """Say of transactions whether they were fraud: one, or those of a file; history stays, the newest label counts.

    The columns of the file are checked before anything is sent. A row that is no label is refused with its number and the reason,
    and keeps no other; the exit status is 1 then. A label of a transaction that the application has not decided is sent all the
    same, for it may come first, and reported. To send a label again changes nothing, so after an interruption the same command
    with the same --known-at goes on.

    Example: fraud label --file chargebacks.csv --source chargeback --by "issuer 7"

    Example: fraud label 0c9f-77 --fraud --by ann --env prod
    """
    now_ms = time.time_ns() // 1_000_000
    known_ms = now_ms if known_at is None else parse_moment("--known-at", known_at)
    usual = "analyst" if file is None else "import"
    defaults = Defaults(usual if source is None else source.value, by, known_ms, now_ms)
    rows, total = _rows(transaction, file, fraud, defaults)
    where = application(None if env is None else env.value)
    sent = Sent()
    try:
        with progress() as report:
            for done in _send(where, rows, sent):
                report("labels", done, total)
    except (BotoCoreError, ClientError, TableThrottledError, LabelsNotPublishedError) as error:
        raise EndedError(
            f"{where.says} does not take them all: {error}. {sent.labels:,} of {total:,} were sent; the same command sends the "
            f"rest, and a label that is there changes nothing (--known-at {known_ms_text(known_ms)})",
            1,
        ) from error
    _show(sent, where, as_json)
    if sent.refused:
        raise EndedError(f"{len(sent.refused):,} of {total:,} rows refused", 1)


def known_ms_text(known_ms: int) -> str:
    """A moment as `--known-at` takes it.

    >>> known_ms_text(1_767_225_600_123)
    '2026-01-01T00:00:00.123Z'
    """
    at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(known_ms // 1000))
    return f"{at}.{known_ms % 1000:03d}Z"


def _rows(
    transaction: str | None, file: Path | None, fraud: bool | None, defaults: Defaults
) -> tuple[Iterator[Row], int]:
    """The rows, and how many they are; nothing was sent if this raises."""
    if (transaction is None) == (file is None):
        raise BadInputError("give the id of one transaction, or --file; not both")
    if file is not None:
        if fraud is not None:
            raise BadInputError("--fraud and --legitimate: only with the id of one transaction; a file's rows say it")
        return read_labels(file, defaults), count_rows(file, defaults)
    if fraud is None or defaults.reported_by is None:
        raise BadInputError("of one transaction say --fraud or --legitimate, and --by who says it")
    row = defaults.row(1, {"transaction_id": transaction, "is_fraud": fraud})
    if row.refused is not None:
        raise BadInputError(row.refused)
    return iter([row]), 1


def _send(where: Reached, rows: Iterator[Row], sent: Sent) -> Iterator[int]:
    """Sends them, some at a time; how many rows are done."""
    bus, table = where.output("Streaming", "EventBus"), where.output("Streaming", "DecisionsTable")
    decisions, events = DecisionTable(where.client("dynamodb"), table), where.client("events")
    done = 0
    for some in batches(rows, ITEMS_PER_CALL):
        labels: list[Label] = [row.label for row in some if row.label is not None]
        sent.refused += [row for row in some if row.label is None]
        ids = [each.transaction_id for each in labels]
        known = decisions.decided(ids) if ids else {}
        publish_labels(events, bus, labels)
        sent.labels += len(labels)
        sent.unknown += [each for each in ids if each not in known]
        for each in labels:
            sent.note(each)
        done += len(some)
        yield done


def _show(sent: Sent, where: Reached, as_json: bool) -> None:
    unknown, both = list(dict.fromkeys(sent.unknown)), list(dict.fromkeys(sent.both))
    if as_json:
        refused: list[dict[str, Any]] = [{"row": row.number, "why": row.refused} for row in sent.refused]
        told = {"labels": sent.labels, "refused": refused, "unknown_transactions": unknown, "contradicted": both}
        typer.echo(json.dumps(told, indent=1))
        return
    for row in sent.refused[:SHOWN]:
        _say(f"row {row.number}: {row.refused}")
    if len(sent.refused) > SHOWN:
        _say(f"and {len(sent.refused) - SHOWN:,} rows more; --json has all")
    _say(f"{sent.labels:,} {'label' if sent.labels == 1 else 'labels'} sent to {where.says}")
    if both:
        named = f"{', '.join(both[:SHOWN])}{' and others' if len(both) > SHOWN else ''}"
        which = "transaction is" if len(both) == 1 else "transactions are"
        _say(
            f"{len(both):,} {which} labelled both ways at one moment; which label is later only known_at can say, not a row's "
            f"place: {named}"
        )
    if unknown:
        named = f"{', '.join(unknown[:SHOWN])}{' and others' if len(unknown) > SHOWN else ''}"
        _say(
            f"{len(unknown):,} unknown {'transaction' if len(unknown) == 1 else 'transactions'}, labelled all the same: {named}"
        )


def _say(text: str) -> None:
    console.print(text, markup=False, soft_wrap=True)
