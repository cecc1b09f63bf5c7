"""A decision as a line of text, as lines on a terminal, and as an object of JSON."""

from __future__ import annotations

import json
import time
from typing import Any

from rich.text import Text

from fraud.decision import Decision, Reason

COLOURS = {"approve": "green", "review": "yellow", "block": "bold red"}
_COLUMNS = f"{'time UTC':8}  {'outcome':7}  {'score':>5}  {'path':8}  {'amount':>9}  {'card':8}"
HEADER = f"{_COLUMNS}  + raises the score"
"""What stands over the lines of a terminal; a reason that lowers the score has a minus."""
_INDENT = len(_COLUMNS) + 2
_REASON_CHARACTERS = 60
"""A reason beside its decision needs about so many; a terminal that has fewer left shows it below."""
_BELOW = 10


def plain_line(decision: Decision) -> str:
    """One line, with all reasons.

    >>> from fraud.decision import Reason
    >>> decision = Decision(transaction_id="t1", cc_num="0a" * 16, amount_cents=61250, trans_time=3_600_000, decided_at=9,
    ...     outcome="review", path="fallback", features={}, why="no model is deployed yet",
    ...     reasons=(Reason("amount", 612.5, None),))
    >>> plain_line(decision)
    '01:00:00  review       -  fallback     612.50  0a0a0a0a  the amount (612.50) decides; no model is deployed yet'
    """
    said = [reason.text for reason in decision.reasons] + _remarks(decision)
    return f"{_start(decision)}  {'; '.join(said)}"


def terminal_lines(decision: Decision, width: int) -> Text:
    """The same for a terminal of so many columns: the strongest reason, and all where it is not approved; see HEADER."""
    said = [_short(reason) for reason in decision.reasons] + _remarks(decision)
    shown = said if decision.would_be != "approve" else said[:1]
    beside = width - _INDENT >= _REASON_CHARACTERS
    indent = _INDENT if beside else _BELOW
    lines = [line if len(line) <= width - indent else f"{line[: width - indent - 3]}..." for line in shown]
    text = Text(_start(decision), no_wrap=True)
    text.stylize(COLOURS[decision.outcome], 10, 17)
    if beside and lines:
        text.append(f"  {lines.pop(0)}")
    for line in lines:
        text.append(f"\n{' ' * indent}{line}", style="dim")
    return text


def json_line(decision: Decision) -> str:
    """One object of JSON: the decision's fields, each reason with its text."""
    fields: dict[str, Any] = json.loads(decision.to_json())
    fields["reasons"] = [{**reason._asdict(), "text": reason.text} for reason in decision.reasons]
    return json.dumps(fields, separators=(",", ":"))


def _remarks(decision: Decision) -> list[str]:
    """Why the fallback rule decided, that one was let through, and what a person should know."""
    let_through = "would be blocked; approved as one of the control group" if decision.control_group else None
    return [more for more in (decision.why, let_through, decision.warning) if more]


def _short(reason: Reason) -> str:
    """A reason of the model's with a sign for what it does to the score."""
    text = reason.text
    if reason.contribution is None:
        return text
    return f"{'+' if reason.contribution > 0 else '-'} {text.removesuffix(' raises the score').removesuffix(' lowers the score')}"


def _start(decision: Decision) -> str:
    at = time.strftime("%H:%M:%S", time.gmtime(decision.trans_time / 1000))
    score = "-" if decision.score is None else f"{decision.score:.3f}"
    amount = f"{decision.amount_cents / 100:,.2f}"
    return f"{at}  {decision.outcome:7}  {score:>5}  {decision.path:8}  {amount:>9}  {decision.cc_num[:8]}"
