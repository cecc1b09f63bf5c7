"""The contract of a card transaction: what every door accepts, and what it answers to anything else.

A card number never passes a door: a producer turns it into a token first (`card_token`), and a record that carries a bare one
in a field of the contract is refused; in any other field it is masked before anyone sees the record. What counts as one,
`fraud.card_numbers` says. The amount is a decimal with two places on the wire and whole cents from the door on.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timezone
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from fraud.card_numbers import MASK, digit_count, holds_card_number, mask_card_numbers, without_card_numbers
from fraud.fields import BY_NAME, DECLARED, OPTIONAL_FIELDS
from fraud.fields import Field as DeclaredField
from fraud.wire_form import FIELDS, MAX_MESSAGE_CHARACTERS, WIRE_FORM, Undeclared

MAX_AMOUNT_CENTS = 99_999_999
LONGEST_TEXT = 100
"""Characters of a field of text."""
TOKEN_PATTERN = r"^[0-9a-f]{32}$"
TRANSACTION_ID_PATTERN = r"^[A-Za-z0-9._:-]{1,64}$"
AMOUNT_PATTERN = r"^[0-9]{1,6}(\.[0-9]{1,2})?$"
EVENT_TIME_PATTERN = r"^20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$"
MAX_MESSAGE_BYTES = 4 * MAX_MESSAGE_CHARACTERS
"""A longer message is refused unread: a character takes at most four bytes."""

SHORTEST_TRANSACTION = 64
"""Bytes. A shorter message may be a heartbeat; a transaction needs twice as many for its fields' names alone."""


class InvalidTransactionError(ValueError):
    """An invalid record: names the field, what is wrong with its value, and what is allowed.

    Whatever is given as the problem, no card number of it is kept.
    """

    def __init__(self, field: str, problem: str, allowed: str) -> None:
        problem = mask_card_numbers(problem)
        self.field, self.problem, self.allowed = field, problem, allowed
        super().__init__(f"{field}: {problem}; allowed: {allowed}")


def card_token(card_number: str, key: bytes) -> str:
    """The token that stands for a card number: HMAC-SHA-256 under a secret key, the first 32 hex characters.

    Args:
        card_number: 12 to 19 digits; spaces and dashes between them do not count.
        key: the secret, at least 16 bytes. The same key gives the same token, so a card's history holds together.

    Raises:
        InvalidTransactionError: the card number is not 12 to 19 digits. The message does not repeat it.

    >>> card_token("4111 1111 1111 1111", b"0123456789abcdef") == card_token("4111111111111111", b"0123456789abcdef")
    True
    >>> len(card_token("4111111111111111", b"0123456789abcdef"))
    32
    """
    if len(key) < 16:
        raise ValueError(f"the card-token key has {len(key)} bytes; at least 16 are needed")
    digits = card_number.replace(" ", "").replace("-", "")
    if not re.fullmatch(r"[0-9]{12,19}", digits):
        raise InvalidTransactionError("cc_num", f"a card number of {len(digits)} characters", "12 to 19 digits")
    return hmac.new(key, digits.encode(), hashlib.sha256).hexdigest()[:32]


def format_event_time(moment: datetime) -> str:
    """A moment as the wire carries it: UTC, milliseconds.

    >>> format_event_time(datetime(2026, 1, 2, 3, 4, 5, 678999, tzinfo=timezone.utc))
    '2026-01-02T03:04:05.678Z'
    """
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def _event_time(value: object) -> datetime:
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str) or not re.fullmatch(EVENT_TIME_PATTERN, value):
        raise ValueError("not of the form 20YY-MM-DDTHH:MM:SS.mmmZ")
    return datetime.strptime(value, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc)


def _amount(value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise ValueError("not a decimal number")
    if not re.fullmatch(AMOUNT_PATTERN, str(value)):
        raise ValueError("not a decimal from 0.00 to 999999.99 with at most two places")
    return Decimal(str(value))


def _not_blank(value: str) -> str:
    if not value.strip():
        raise ValueError("blank")
    return value


def _no_card_number(value: str) -> str:
    if holds_card_number(value):
        raise ValueError("holds a card number")
    return value


Name = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_not_blank), AfterValidator(_no_card_number)]
TransactionId = Annotated[str, Field(pattern=TRANSACTION_ID_PATTERN), AfterValidator(_no_card_number)]
Moment = Annotated[datetime, BeforeValidator(_event_time)]


def field_value(field: DeclaredField, value: object) -> str | float | bool:
    """A value of a declared text, number or flag, checked.

    Raises:
        ValueError: it is none of the field's: says what is wrong with it.

    >>> field_value(BY_NAME["merch_lat"], Decimal("40.5")), field_value(BY_NAME["currency"], "EUR")
    (40.5, 'EUR')
    """
    if field.kind == "flag":
        if not isinstance(value, bool):
            raise ValueError("not true or false")
        return value
    if field.least is not None and field.most is not None:
        return _number(value, field.least, field.most)
    if not isinstance(value, str):
        raise ValueError("not text")
    if not 1 <= len(value) <= LONGEST_TEXT:
        raise ValueError(f"{len(value)} characters long")
    if field.form is not None and not re.fullmatch(field.form, value):
        raise ValueError("of another form")
    return _no_card_number(_not_blank(value))


def _number(value: object, least: int, most: int) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise ValueError("not a number")
    number = float(Decimal(value))
    if not least <= number <= most:
        raise ValueError(f"outside {least} to {most}")
    return number


def _declared(name: str) -> BeforeValidator:
    return BeforeValidator(lambda value: field_value(BY_NAME[name], value))


TEXT_SAYS = "text of 1 to 100 characters, no card number"
_CORE_SAYS = {
    "identity": "1 to 64 letters, digits and ._:-, no card number",
    "card": "a card token: 32 hex characters (a bare card number is refused; see card_token)",
    "amount": "0.00 to 999999.99 with at most two decimal places",
    "moment": "UTC with milliseconds, 2000 to 2099, as 2026-01-31T12:00:00.000Z",
    "flag": "true or false",
}


def _says(field: DeclaredField) -> str:
    if field.is_text:
        said = field.allowed or TEXT_SAYS
    else:
        said = f"a number from {field.least} to {field.most}" if field.kind == "number" else _CORE_SAYS[field.kind]
    return said if field.required else f"{said}; or nothing"


ALLOWED = {field.name: _says(field) for field in DECLARED}
"""What each field may be, in words."""

WIRE_FORM_SAYS = (
    "a flat object: no lists or objects within, no escapes in keys, ids, amounts, times and codes, no exponents but in bounded "
    "numbers near 0, no text that begins with a space"
)


class Transaction(BaseModel):
    """One card transaction, as the topic `transactions` carries it (JSON, keyed by `cc_num`).

    Its attributes are the required fields; `optional` has those that may be missing (`fraud.fields.OPTIONAL_FIELDS`). Undeclared
    fields are kept, without card numbers (the archive stores them), and ignored by the model.
    """

    model_config = ConfigDict(extra="allow", frozen=True, strict=True, hide_input_in_errors=True)

    transaction_id: TransactionId
    cc_num: Annotated[str, Field(pattern=TOKEN_PATTERN), AfterValidator(_no_card_number)]
    amount: Annotated[Decimal, BeforeValidator(_amount)]
    event_time: Moment
    merchant: Name
    category: Name
    merch_lat: Annotated[float, _declared("merch_lat")]
    merch_long: Annotated[float, _declared("merch_long")]

    @model_validator(mode="before")
    @classmethod
    def _check_what_may_be_missing(cls, fields: object) -> object:
        if not isinstance(fields, dict) or fields.keys() == Transaction.model_fields.keys():
            return fields
        declared = {name: value for name, value in fields.items() if name in FIELDS}
        for field in OPTIONAL_FIELDS:
            if field.name in declared and (value := declared.pop(field.name)) is not None:
                try:
                    declared[field.name] = field_value(field, value)
                except ValueError as error:
                    problem = f"{shown(field.name, value)} {error}"
                    raise InvalidTransactionError(field.name, problem, ALLOWED[field.name]) from None
        return declared | without_card_numbers({name: value for name, value in fields.items() if name not in FIELDS})

    @property
    def optional(self) -> dict[str, str | float | bool]:
        """{name: value} of the declared fields that may be missing and are not."""
        return {name: value for name, value in (self.model_extra or {}).items() if name in BY_NAME}

    @property
    def undeclared(self) -> dict[str, Any]:
        """{name: value} of the fields that are not declared."""
        return {name: value for name, value in (self.model_extra or {}).items() if name not in BY_NAME}

    @property
    def amount_cents(self) -> int:
        """The amount in whole cents, the only form in which it is computed with."""
        return int(self.amount * 100)

    def to_json(self) -> str:
        """The transaction as the topic carries it, undeclared fields included."""
        fields = dict(self.model_dump(), amount=str(self.amount), event_time=format_event_time(self.event_time))
        return json.dumps(fields, separators=(",", ":"), default=str, ensure_ascii=False)


def _not_a_number(constant: str) -> None:
    raise ValueError(f"{constant} is not a JSON number")


def _each_once(declared: Collection[str]) -> Callable[[list[tuple[str, Any]]], dict[str, Any]]:
    def as_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names = [name for name, _ in pairs if name in declared]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"{name} is there {names.count(name)} times")
        return dict(pairs)

    return as_object


def parse_json(
    message: bytes, declared: Collection[str] = FIELDS, most_characters: int = MAX_MESSAGE_CHARACTERS
) -> dict[str, Any]:
    """A message's JSON object, numbers with a point as exact decimals.

    Args:
        declared: the fields that may be there once only.
        most_characters: a longer message is refused unread.

    Raises:
        InvalidTransactionError: too long, not UTF-8, not JSON, not an object, holding NaN or infinity, or a field twice.
    """
    most_bytes = 4 * most_characters  # as many as a character takes
    if len(message) > most_bytes:
        raise InvalidTransactionError("message", f"{len(message)} bytes long", f"at most {most_bytes} bytes")
    try:
        text = message.decode()
    except UnicodeDecodeError as error:
        raise InvalidTransactionError("message", str(error), "one JSON object, UTF-8") from None
    if len(text) > most_characters:
        problem = f"{len(text)} characters long"
        raise InvalidTransactionError("message", problem, f"at most {most_characters} characters")
    return _json_object(text, declared)


def _json_object(text: str, declared: Collection[str] = FIELDS) -> dict[str, Any]:
    once = _each_once(declared)
    try:
        fields = json.loads(text, parse_float=Decimal, parse_constant=_not_a_number, object_pairs_hook=once)
    except (ValueError, ArithmeticError, RecursionError) as error:
        raise InvalidTransactionError("message", str(error), "one JSON object, UTF-8") from None
    if not isinstance(fields, dict):
        raise InvalidTransactionError("message", f"a JSON {type(fields).__name__}", "one JSON object")
    return fields


def parse_transaction(message: bytes, undeclared: Undeclared = "keep") -> Transaction:
    """The transaction in a message of the topic `transactions`.

    Args:
        message: as the topic carries it.
        undeclared: whether fields that are not declared are kept for the archive, or make a message invalid.

    Raises:
        InvalidTransactionError: the first invalid field. Its text holds no card number.

    >>> parse_transaction(b'{"transaction_id": "t1", "cc_num": "4111111111111111"}')
    Traceback (most recent call last):
    ...
    fraud.transaction.InvalidTransactionError: cc_num: [card number]; allowed: a card token: 32 hex \
characters (a bare card number is refused; see card_token)
    """
    transaction = as_transaction(parse_json(message))
    if undeclared == "refuse" and transaction.undeclared:
        name = mask_card_numbers(next(iter(transaction.undeclared)))[:60]
        raise InvalidTransactionError(
            "message", f"a field {name!r}, which is not declared", f"only {', '.join(FIELDS)}"
        )
    if not WIRE_FORM.fullmatch(message.decode()):
        raise InvalidTransactionError("message", "valid values in another form than the wire's", WIRE_FORM_SAYS)
    return transaction


def read_transaction(text: str) -> Transaction:
    """The transaction that `Transaction.to_json` wrote, in whatever form; raises as `parse_transaction` does."""
    return as_transaction(_json_object(text))


def as_transaction(fields: dict[str, Any]) -> Transaction:
    """The transaction in parsed fields; raises as `parse_transaction` does."""
    try:
        return Transaction.model_validate(fields)
    except RecursionError:
        raise InvalidTransactionError("message", "nested too deeply", "one flat JSON object") from None
    except ValidationError as error:
        raise first_problem(error, ALLOWED) from None


def first_problem(error: ValidationError, allowed: Mapping[str, str]) -> InvalidTransactionError:
    """The first of a model's problems in words, without card numbers.

    Args:
        allowed: {field: what it may be}.
    """
    first = error.errors(include_url=False)[0]
    if isinstance(wrong := first.get("ctx", {}).get("error"), InvalidTransactionError):
        return wrong
    field = str(first["loc"][0]) if first["loc"] else "message"
    match first["type"]:
        case "missing":
            problem = "missing"
        case "value_error":
            problem = f"{shown(field, first['input'])} {first['ctx']['error']}"
        case _ if field in allowed:
            problem = shown(field, first["input"])
        case _:
            problem = f"{shown(field, first['input'])} {first['msg']}"
    return InvalidTransactionError(field, problem, allowed.get(field, "see the contract"))


def shown(field: str, value: object) -> str:
    """A wrong value as an error repeats it: short, without what could be a card number, and nothing of a protected field's.

    >>> shown("merchant", "4000 0566 5566 5556"), shown("cc_num", "4111-1111-1111-111I 1"), shown("amount", -1)
    ("'[card number]'", '[card number]', '-1')
    """
    if field == "cc_num" and may_be_card_number(str(value)):
        return MASK
    if field in BY_NAME and BY_NAME[field].protected:
        return "[protected]"
    text = mask_card_numbers(repr(value))
    return text if len(text) <= 60 else text[:57] + "..."


def may_be_card_number(cc_num: str) -> bool:
    """Whether a value that stands where a card's token should could be its number, however it is spelt."""
    return digit_count(cc_num) >= 12 and (not re.fullmatch(TOKEN_PATTERN, cc_num) or holds_card_number(cc_num))


def is_heartbeat(value: bytes | None) -> bool:
    """Whether a record is the stream job's heartbeat: empty, or with no other field than an empty `transaction_id`.

    >>> [is_heartbeat(value) for value in (b"{}", b'{"transaction_id": null}', b'{"transaction_id": 1}', b"[]")]
    [True, True, False, False]
    """
    if value is None or value == b"{}":
        return True
    if len(value) > SHORTEST_TRANSACTION:
        return False
    try:
        record = json.loads(value)
    except (ValueError, RecursionError):
        return False
    return isinstance(record, dict) and set(record) <= {"transaction_id"} and record.get("transaction_id") is None
