"""Decisions of the past, made again from what they were made of, by the code that made them, and held to what was recorded.

All that a decision says but when it was made is compared, bit for bit: whose it is, outcome, path, score, model version, the
features it was made on, their cut, the reasons, the warning. Why the model was not asked cannot be made again: where the fallback
rule decided, that it had to is taken as recorded; and where the watch did, that it saw a later delivery of the payment.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, NamedTuple

from fraud.deciding import Deciding, decide_without_features
from fraud.decision import Decision, FallbackRule
from fraud.durations import MS_PER_DAY, MS_PER_HOUR
from fraud.features.catalogue import CATALOGUE, names
from fraud.features.derived import DERIVED_FEATURES
from fraud.features.nightly_records import population_identifiers
from fraud.ports import Nightly
from fraud.transaction import ALLOWED, as_transaction
from lambda_src.batches import batches
from local.deciding_ports import KnownNightly, MadeDecisions, ModelScorer, Unavailable
from sagemaker_src.serving import inference

LATE = "no features within"
"""What the watch says of a transaction that it decided begins so."""
APPROVED_AT_ONCE = 500
"""Those below the review threshold are explained alike however many are asked about; the others, EXACT_ROWS at most exactly."""

_FORMULAS = {one.name: one.parsed.names for one in DERIVED_FEATURES}
_RULE_READS = frozenset({"amount", "category", "num_trans_last_10m"})
_OF_ALL_CARDS = {f"feature {name}" for name in (*population_identifiers(), *names(CATALOGUE.risk_features))}

Report = Callable[[str, int, int], None]
"""Told (what is being done, steps done, steps in all)."""


class GoneError(Exception):
    """What a decision was made of is not there any more: the text says what."""


class Model(NamedTuple):
    """A model by its version: as it explains few rows, and as it explains those of a request that has too many."""

    exact: ModelScorer
    in_haste: ModelScorer


@dataclass(frozen=True, kw_only=True)
class Past:
    """What decisions are made again from.

    Attributes:
        messages: {transaction_id: the topic `features`' message}, made of the raw rows by the batch engine.
        nightly: the nightly features as of a cut, milliseconds since 1970. Raises GoneError.
        model: the model of a version. Raises GoneError.
        cuts: those that may have been the newest for a decision whose card had no nightly record: which one it was, only the
            figures of all cards tell.
        rule: what decides when the model cannot be asked.
        nightly_too_old_after_ms, control_group_percent: as of `fraud.deciding.Deciding`.
    """

    messages: Mapping[str, bytes]
    nightly: Callable[[int], Nightly]
    model: Callable[[str], Model]
    cuts: Sequence[int] = ()
    rule: FallbackRule = field(default_factory=FallbackRule)
    nightly_too_old_after_ms: int = 48 * MS_PER_HOUR
    control_group_percent: float = 0


class Difference(NamedTuple):
    """What a recorded decision says, and what it says when it is made again; None is nothing."""

    what: str
    recorded: Any
    again: Any

    @property
    def text(self) -> str:
        """In words.

        >>> Difference("outcome", "approve", "review").text
        "outcome 'approve', made again 'review'"
        """
        return f"{self.what} {self.recorded!r}, made again {self.again!r}"


class Again(NamedTuple):
    """A decision made again.

    Attributes:
        recorded: as it was recorded.
        made: as it is made again; None if it cannot be.
        gone: why it cannot; empty if it can.
        differences: in what the two differ.
        lacks: the features that are computed now, that the record lacks, and that its model does not read, for they were
            declared later.
    """

    recorded: Decision
    made: Decision | None
    gone: str = ""
    differences: tuple[Difference, ...] = ()
    lacks: tuple[str, ...] = ()

    @property
    def equal(self) -> bool:
        """Whether it could be made again, and is the same."""
        return not (self.gone or self.differences)

    @property
    def text(self) -> str:
        """In words: `equal`, or what differs, or why it cannot be made again."""
        if self.equal:
            return f"{self.recorded.transaction_id}: equal"
        said = self.gone and f"cannot be made again: {self.gone}"
        return f"{self.recorded.transaction_id}: {said or '; '.join(one.text for one in self.differences)}"


def decide_again(recorded: Sequence[Decision], past: Past, report: Report = lambda *_: None) -> list[Again]:
    """Makes each decision again, in order.

    A row over the review threshold has one of two explanations, the exact one or, where more than EXACT_ROWS of its request were
    over it, the approximate one: its reasons must be those of either.

    Args:
        recorded: one a transaction.
        past: what they are made from.
        report: is told of the progress.
    """
    groups: dict[tuple[Any, ...], list[Decision]] = defaultdict(list)
    for one in recorded:
        of_rule = (one.path, one.why or "")
        groups[of_rule if one.path == "fallback" else (one.path, one.model_version, one.nightly_cut)].append(one)
    found: dict[str, Again] = {}
    for group in groups.values():
        of_group = _by_rule(group, past) if group[0].path == "fallback" else _by_model(group, past)
        for again in of_group:
            found[again.recorded.transaction_id] = again
            report("decided again", len(found), len(recorded))
    return [found[one.transaction_id] for one in recorded]


def _by_rule(group: list[Decision], past: Past) -> Iterator[Again]:
    why = group[0].why or ""
    absent = Unavailable(why)
    for batch in _batches(group):
        messages = _messages(batch, past)
        if why.startswith(LATE):
            waiting = [
                _waiting(past.messages[one.transaction_id], one.trans_time)
                for one in batch
                if one.transaction_id in past.messages
            ]
            made = decide_without_features(waiting, why, store=MadeDecisions(), fallback=past.rule)
        else:
            made = _deciding(past, absent, absent).decide_batch(messages).decisions
        yield from _all_compared(batch, made, past)


def _by_model(group: list[Decision], past: Past) -> Iterator[Again]:
    version, cut = group[0].model_version, group[0].nightly_cut
    try:
        if version is None:
            raise GoneError("the record names no model")
        model = past.model(version)
        first, *others = _tried(past, cut)
        known = first()
    except GoneError as error:
        yield from (Again(one, None, str(error)) for one in group)
        return
    reads = read_by(model.exact.takes)
    for batch in _batches(group):
        yield from (
            _with_figures_of_another_night(again, others, model, past, reads)
            for again in _asked(batch, known, model, past, reads)
        )


def _tried(past: Past, cut: int | None) -> list[Callable[[], Nightly]]:
    """The nightly features that a decision may have been made on, each to be called for; the likeliest first.

    Cards' records are written first, then those of each risk, one risk after the other, and those of all cards last: what is
    written later may be of the night before.
    """

    def during(at: int, written: int) -> Callable[[], Nightly]:
        """While the night of a cut wrote: the records of so many risks are its own."""

        def read() -> Nightly:
            known, before = past.nightly(at), past.nightly(at - MS_PER_DAY).population
            own = [name for risk in CATALOGUE.risks[:written] for name in names(risk.features)]
            mixed = {**before, **{name: known.population.get(name, {}) for name in own}}
            return Nightly(known.cards if cut is not None else {}, mixed)

        return read

    def of_cut(at: int) -> Callable[[], Nightly]:
        return lambda: past.nightly(at) if cut is not None else Nightly({}, past.nightly(at).population)

    risks = range(len(CATALOGUE.risks), -1, -1)
    if cut is not None:
        return [of_cut(cut), *(during(cut, written) for written in risks)]
    mixed = [during(at, written) for at in past.cuts for written in risks if written]
    return [*map(of_cut, past.cuts), *mixed, lambda: Nightly({}, {})]


def _with_figures_of_another_night(
    again: Again, others: list[Callable[[], Nightly]], model: Model, past: Past, reads: frozenset[str]
) -> Again:
    """The same, or with those figures of all cards that the decision was made on."""
    for other in others:
        if not any(one.what in _OF_ALL_CARDS for one in again.differences):
            break
        try:
            (found,) = _asked([again.recorded], other(), model, past, reads)
        except GoneError:
            continue
        if len(found.differences) < len(again.differences):
            again = found
    return again


def _asked(batch: list[Decision], known: Nightly, model: Model, past: Past, reads: frozenset[str]) -> Iterator[Again]:
    nightly = KnownNightly(known)
    made = _deciding(past, nightly, model.exact).decide_batch(_messages(batch, past)).decisions
    for again in _all_compared(batch, made, past, reads):
        one, found = again.recorded, again.made
        if found and found.reasons != one.reasons and found.would_be != "approve":
            message = past.messages[one.transaction_id]
            (less_exact,) = _deciding(past, nightly, model.in_haste).decide_batch([message]).decisions
            yield _compared(one, replace(found, reasons=less_exact.reasons), reads, or_reasons=found.reasons)
        else:
            yield again


def _deciding(past: Past, nightly: Any, scorer: Any) -> Deciding:
    return Deciding(
        nightly=nightly,
        scorer=scorer,
        store=MadeDecisions(),
        fallback=past.rule,
        nightly_too_old_after_ms=past.nightly_too_old_after_ms,
        control_group_percent=past.control_group_percent,
        clock=lambda: 0,
    )


def _batches(group: list[Decision]) -> Iterator[list[Decision]]:
    # so few at a time of those over the threshold that each is explained exactly that may be
    yield from batches([one for one in group if one.would_be == "approve"], APPROVED_AT_ONCE)
    yield from batches([one for one in group if one.would_be != "approve"], inference.EXACT_ROWS)


def _messages(batch: Iterable[Decision], past: Past) -> list[bytes]:
    return [past.messages[one.transaction_id] for one in batch if one.transaction_id in past.messages]


def _waiting(message: bytes, recorded_at: int) -> tuple[Any, int]:
    """A transaction as the watch has it, with its clock.

    The watch decides whichever delivery comes to it first: the recorded time stands if it is that of a later one.
    """
    said = json.loads(message)
    cents = said["amount_cents"]
    declared = {name: value for name, value in said.items() if name in ALLOWED and value is not None}
    return as_transaction({**declared, "amount": f"{cents // 100}.{cents % 100:02d}"}), max(
        said["trans_time"], recorded_at
    )


def _all_compared(
    batch: Sequence[Decision], made: Iterable[Decision], past: Past, reads: frozenset[str] = _RULE_READS
) -> Iterator[Again]:
    found = {one.transaction_id: one for one in made}
    for one in batch:
        if one.transaction_id not in past.messages:
            yield Again(one, None, "its transaction is not among the raw rows")
        elif one.transaction_id not in found:
            yield Again(one, None, "its transaction's raw row is none that can be decided")
        else:
            yield _compared(one, found[one.transaction_id], reads)


def _compared(one: Decision, made: Decision, reads: frozenset[str], or_reasons: Any = None) -> Again:
    said, other = _said(one), _said(made)
    later = [name for name in made.features if name not in one.features and name not in reads]
    if or_reasons is not None and one.reasons not in (made.reasons, or_reasons):
        other["reasons"] = or_reasons
    names = [name for name in said | other if name not in {f"feature {each}" for each in later}]
    different = [
        Difference(name, said.get(name), other.get(name))
        for name in names
        if (name in said) != (name in other) or said.get(name) != other.get(name)
    ]
    return Again(one, made, "", tuple(different), tuple(later))


def read_by(takes: Iterable[str]) -> frozenset[str]:
    """The features that a model takes, and those that they are derived from."""
    found: set[str] = set()
    left = list(takes)
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            left += _FORMULAS.get(name, ())
    return frozenset(found)


def _said(decision: Decision) -> dict[str, Any]:
    """All that a decision says but when it was made."""
    plain = {one.name: getattr(decision, one.name) for one in fields(Decision)}
    del plain["decided_at"], plain["features"]
    return plain | {f"feature {name}": value for name, value in decision.features.items()}
