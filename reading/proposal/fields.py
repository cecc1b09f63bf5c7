"""Which columns are likely to be the fields of a transaction, and which the label."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from fraud.card_numbers import holds_card_number, mask_card_numbers
from fraud.fields import OPTIONAL_FIELDS
from reading.mapping.expressions import identifier
from reading.proposal.guess import FILL_IN, Guess, named
from reading.proposal.profile import Profile
from reading.proposal.times import time_guess

_FRAUD = ("1", "yes", "y", "true", "t", "fraud", "ja", "j", "si", "sí", "oui", "sim", "betrug")
_WHOLE = r"[0-9]{1,12}([.]0)?"
_DIGITS = r"[0-9]{12,19}"
_AMOUNTS = (
    (r"-?[0-9]+([.][0-9]+)?", "{}"),
    (r"-?([0-9]+|[0-9]{1,3}([.][0-9]{3})+),[0-9]{1,2}", "replace(replace({}, '.', ''), ',', '.')"),
    (r"-?([0-9]+|[0-9]{1,3}(,[0-9]{3})+)([.][0-9]{1,2})?", "replace({}, ',', '')"),
)
_SIGNS = r"[^0-9.,-]"
_NUMBER = r"[^A-Za-z]*"
_MOSTLY = 0.9
"""Of the rows, so many have another value in a column whose distinct values are counted about, where all have one."""
_MOST_CATEGORIES = 100
UNKNOWN = "'unknown'"


@dataclass
class Proposal:
    """A first mapping.

    Attributes:
        fields: {field: what it is read from}.
        label: what says which were fraud, with the values of frauds and of honest ones; None: no column is likely to.
        time_format: of the event's time.
        leave_out: {name: condition}.
        tell: columns that seem to tell the label and are no field.
    """

    fields: dict[str, Guess] = field(default_factory=dict)
    label: tuple[Guess, list[str], list[str]] | None = None
    time_format: str | None = None
    leave_out: dict[str, Guess] = field(default_factory=dict)
    tell: list[str] = field(default_factory=list)


def proposal(columns: Sequence[Profile], is_identity: Callable[[Profile], bool]) -> Proposal:
    """The likeliest mapping.

    Args:
        columns: of the file.
        is_identity: whether a column has another value in each row.
    """
    made = Proposal()
    made.label, told = _label(columns)
    made.tell = [column.name for column in told[1:]]
    free = [column for column in columns if column not in told]
    if identity := next((one for one in named("transaction_id", free) if _identity(one) and is_identity(one)), None):
        made.fields["transaction_id"] = Guess(identity.name)
        free.remove(identity)
    made.fields["cc_num"] = _card(free)
    _amount(made, free)
    times = named("time", free)
    if (found := time_guess([*times, *(one for one in free if one not in times)])) is not None:
        made.fields["event_time"], made.time_format = found
    else:
        made.fields["event_time"] = Guess(FILL_IN, "no column looks like a date and time")
    made.fields["merchant"] = _text("merchant", free)
    made.fields["category"] = _text("category", free)
    for name, most in (("merch_lat", 90), ("merch_long", 180)):
        made.fields[name] = _degrees(name, free, most)
    made.fields |= _optional(free)
    _by_contents(made, free, is_identity)
    return made


def _by_contents(made: Proposal, columns: Sequence[Profile], is_identity: Callable[[Profile], bool]) -> None:
    """An id and a category among the columns whose names say nothing and that nothing is read from yet."""
    read = [guess.text for guess in made.fields.values()]
    texts = [one for one in columns if one.kind == "text" and not one.all_match(_NUMBER)]
    left = [one for one in texts if not any(one.name == text or identifier(one.name) in text for text in read)]
    if "transaction_id" not in made.fields:
        other = [one for one in left if one.distinct > _MOSTLY * one.rows and _identity(one)]
        if identity := next(filter(is_identity, other), None):
            why = "its name does not say so, but no two rows have the same value"
            made.fields = {"transaction_id": Guess(identity.name, why), **made.fields}
            left.remove(identity)
    if made.fields["category"].text == UNKNOWN:
        few = [one for one in left if 2 <= one.distinct <= min(_MOST_CATEGORIES, one.rows / 20)]
        if kind := next((one for one in few if not any(map(holds_card_number, one.values))), None):
            why = f"its name does not say so, but it has {kind.distinct} values alone"
            made.fields["category"] = Guess(kind.name, why)


def _identity(column: Profile) -> bool:
    return column.all_match("[A-Za-z0-9._:-]{1,64}") and not any(map(holds_card_number, column.values))


def _label(columns: Sequence[Profile]) -> tuple[tuple[Guess, list[str], list[str]] | None, list[Profile]]:
    """What the label is read from, and the columns that tell it, its own first."""
    likely = named("label", columns)
    two = [column for column in likely if len(column.levels) == 2]
    unsure = None
    if not two:
        two = [one for one in columns if len(one.levels) == 2 and min(one.levels.values()) <= one.rows / 10]
        unsure = "the only sign is that it has two values, one of them rare"
    if not two:
        return None, likely
    label = two[0]
    rare = min(label.levels, key=lambda level: label.levels[level])
    known = [level for level in label.levels if level.casefold() in _FRAUD]
    fraud = known[0] if len(known) == 1 else rare
    if len(known) != 1:
        unsure = f"which of the values is fraud: {fraud} is the rarer one"
    counted = ", ".join(f"{mask_card_numbers(level)} {count:,} times" for level, count in label.levels.items())
    others = [one for one in likely if one is not label]
    return (
        Guess(label.name, unsure and f"{unsure} ({counted})"),
        [fraud],
        [one for one in label.levels if one != fraud],
    ), [label, *others]


def _card(columns: Sequence[Profile]) -> Guess:
    likely = named("cc_num", columns)
    if of_digits := [one for one in likely if one.all_match(_DIGITS)]:
        return Guess(of_digits[0].name)
    whole = [one for one in likely if one.all_match(_WHOLE)]
    people = [one for one in whole if not {"card", "karte"} & set(one.words)]
    cards = [one for one in whole if one not in people and one.distinct < 1_000 and one.all_match("[0-9]{1,3}([.]0)?")]
    if people and cards:
        both = ", ".join(f"CAST({identifier(one.name)} AS BIGINT)" for one in (people[0], cards[0]))
        return Guess(f"format('{{:09d}}{{:03d}}', {both})")
    if whole:
        unsure = None if whole[0] not in people else "a customer may have several cards"
        return Guess(f"format('{{:012d}}', CAST({identifier(whole[0].name)} AS BIGINT))", unsure)
    if likely:
        number = f"md5_number_lower(CAST({identifier(likely[0].name)} AS VARCHAR)) % 1000000000000000000"
        return Guess(f"format('{{:018d}}', {number})", "made a number of 18 digits of a text")
    return Guess(FILL_IN, "no column looks like a card or a customer")


def _amount(made: Proposal, columns: Sequence[Profile]) -> None:
    for column in named("amount", columns):
        plain = [re.sub(_SIGNS, "", value) for value in column.values]
        for form, sql in _AMOUNTS:
            if not plain or not all(re.fullmatch(form, value) for value in plain):
                continue
            signs = any(value != bare for value, bare in zip(column.values, plain, strict=True))
            name = identifier(column.name)
            bare = f"regexp_replace({name}, '{_SIGNS}', '', 'g')" if signs else name
            text = sql.format(bare)
            if any(re.search("[.][0-9]{3,}", value) for value in plain) and sql == "{}":
                text = f"round(CAST({text} AS DOUBLE), 2)"
            made.fields["amount"] = Guess(column.name if text == name else text)
            if any(value.startswith("-") for value in plain):
                why = "rows whose amount is below zero are taken for no purchases"
                made.leave_out["refunds"] = Guess(f"CAST({text} AS DOUBLE) < 0", why)
            return
    made.fields["amount"] = Guess(FILL_IN, "no column looks like an amount")


def _text(what: str, columns: Sequence[Profile]) -> Guess:
    likely = [one for one in named(what, columns) if one.values]
    if not likely:
        return Guess(
            UNKNOWN, f"no column looks like a {what}; the same for every row, so that a model learns nothing of it"
        )
    column = next((one for one in likely if one.kind == "text" and not one.all_match("[0-9.-]+")), likely[0])
    name = f"CAST({identifier(column.name)} AS VARCHAR)"
    if any(map(holds_card_number, column.values)):
        # cannot be told from a card's number: a digest, in letters
        return Guess(f"translate(md5({name}), '0123456789', 'ghijklmnop')")
    return Guess(column.name if column.kind == "text" else name)


def _degrees(what: str, columns: Sequence[Profile], most: int) -> Guess:
    for column in named(what, columns):
        if column.all_match(r"[+-]?[0-9]{1,3}([.][0-9]+)?") and all(
            abs(float(value)) <= most for value in column.values
        ):
            return Guess(
                column.name, None if "merch" in column.words else "it must be the merchant's, not the card holder's"
            )
    return Guess("0")


def _optional(columns: Sequence[Profile]) -> dict[str, Guess]:
    found = {}
    for each in OPTIONAL_FIELDS:
        for column in named(each.name, columns) if each.name in _SOUGHT else []:
            name = identifier(column.name)
            if each.name == "mcc" and column.all_match("[0-9]{1,4}([.]0)?"):
                found[each.name] = Guess(f"format('{{:04d}}', CAST(CAST({name} AS DOUBLE) AS BIGINT))")
            elif column.all_match(each.form or ".{1,100}") and not any(map(holds_card_number, column.values)):
                found[each.name] = Guess(column.name if column.kind == "text" else f"CAST({name} AS VARCHAR)")
            if each.name in found:
                break
    return found


_SOUGHT = ("entry_mode", "currency", "country", "mcc", "device_id", "terminal_id")
