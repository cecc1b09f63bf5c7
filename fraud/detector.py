"""Amazon Fraud Detector's view of a transaction: its names, variables, the columns of its files, and its rules.

The service's pages say what is allowed: *variables* (data types, variable types, defaults),
*uploading-event-data-to-an-s3-bucket* (Online Fraud Insights is the type of model that learns from files in S3; moments are in
UTC and have no milliseconds), *rule-language-reference* (the expressions of rules).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any, NamedTuple

from fraud.fields import BY_NAME, DECLARED, Field

ENTITY_TYPE = "customer"
EVENT_TYPE = "credit_card_transaction"
LEGIT, FRAUD = "legit", "fraud"
HIGH, MEDIUM, LOW = "high_risk", "medium_risk", "low_risk"
OUTCOMES = (HIGH, MEDIUM, LOW)
MODEL_TYPE = "ONLINE_FRAUD_INSIGHTS"
TIMESTAMP, LABEL = "EVENT_TIMESTAMP", "EVENT_LABEL"
ENTITY_COLUMNS = ("ENTITY_TYPE", "ENTITY_ID", "EVENT_ID")
EVENT_ID_FORM = "[0-9a-z_-]+"
"""Page *getting-fraud-predictions*."""
HIGHEST_SCORE = 1000
"""Page *model-scores*: scores are 0 to 1,000."""
NO_SCORE = "no_score"
"""The rule for what no model has scored."""
UNKNOWN = "unknown"
"""Stands for a text that is missing."""

_KINDS = {
    "amount": ("FLOAT", "PRICE", "0.0"),
    "number": ("FLOAT", "NUMERIC", "0.0"),
    "category": ("STRING", "CATEGORICAL", UNKNOWN),
    "key": ("STRING", "CATEGORICAL", UNKNOWN),
    "flag": ("STRING", "CATEGORICAL", UNKNOWN),
}
"""{a field's kind: data type, variable type and default of its variable}. Identity, card and moment are the event's own."""
_NAMED = {"category": "PRODUCT_CATEGORY", "currency": "CURRENCY_CODE", "device_id": "FINGERPRINT"}
"""Fields that the service has a variable type of their own for."""


class Variable(NamedTuple):
    """A variable of the event type."""

    name: str
    data_type: str
    variable_type: str
    default: str
    says: str


def variables_of(fields: Iterable[Field]) -> tuple[Variable, ...]:
    """The variables that the fields make: all that an event is described by, never what is protected or kept for the archive.

    >>> [one.name for one in variables_of([Field(name="age", kind="number", says="age", least=0, most=120, protected=True)])]
    []
    """
    return tuple(
        Variable(field.name, data_type, _NAMED.get(field.name, variable_type), default, field.says)
        for field in fields
        if field.kind in _KINDS and not field.protected
        for data_type, variable_type, default in [_KINDS[field.kind]]
    )


VARIABLES = variables_of(DECLARED)
VARIABLE_NAMES = tuple(variable.name for variable in VARIABLES)
REQUIRED = tuple(name for name in VARIABLE_NAMES if BY_NAME[name].required)
TRAIN_METADATA = (TIMESTAMP, LABEL)
"""The last columns of a file to train on; the variables come before them."""
PREDICT_METADATA = (TIMESTAMP, *ENTITY_COLUMNS)
"""The last columns of a file to score."""


class HeaderError(ValueError):
    """The first line of a file is not what the back end takes: says which columns are wrong, and what is allowed."""


def variables_in(header: Sequence[str], metadata: Sequence[str]) -> tuple[str, ...]:
    """The variables that a file has, by its first line. What no row of it has, a file need not have: an optional field.

    Raises:
        HeaderError: a column is unknown, missing, there twice, or the event's own ones are not the last.

    >>> variables_in(["merch_lat", "merch_long", "merchant", "category", "amount", *TRAIN_METADATA], TRAIN_METADATA)[-1]
    'amount'
    """
    count = len(metadata)
    allowed = f"the variables first, of {', '.join(VARIABLE_NAMES)}, then {', '.join(metadata)}"
    wrong = {
        "without": [name for name in (*REQUIRED, *metadata) if name not in header],
        "with": [_shown(name) for name in header if name not in (*VARIABLE_NAMES, *metadata)],
        "twice with": sorted({_shown(name) for name in header if list(header).count(name) > 1}),
    }
    problems = [f"{says} {', '.join(names)}" for says, names in wrong.items() if names]
    if not problems and list(header[-count:]) != list(metadata):
        problems = [f"ends with {', '.join(header[-count:])}"]
    if problems:
        raise HeaderError(f"the header is not right: {'; '.join(problems)}; allowed: {allowed}")
    return tuple(header[:-count])


def _shown(name: str) -> str:
    """A column's name as a message may show it: a file's first line may hold anything."""
    return name if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,39}", name) else "a column of another form"


def event_id(transaction_id: str) -> str:
    """A transaction's id as the service takes it: itself, or its SHA-256 in hexadecimal digits where it has other letters.

    >>> event_id("till-7_a"), event_id("T.7")[:16], len(event_id("T.7"))
    ('till-7_a', '19a50dc7895c8a3c', 64)
    """
    if re.fullmatch(EVENT_ID_FORM, transaction_id):
        return transaction_id
    return hashlib.sha256(transaction_id.encode()).hexdigest()


def timestamp(moment: datetime) -> str:
    """A moment as the service takes it.

    >>> timestamp(datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=timezone.utc))
    '2026-01-02T03:04:05Z'
    """
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def event_variables(values: Mapping[str, Any]) -> dict[str, str]:
    """The variables of an event as text; what is missing is left out, and the variable's default counts.

    >>> event_variables({"amount": "12.50", "category": "grocery", "mcc": None, "cc_num": "never"})
    {'amount': '12.50', 'category': 'grocery'}
    """
    found = ((name, values.get(name)) for name in VARIABLE_NAMES)
    return {
        name: str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in found
        if value not in (None, "")
    }


class Rule(NamedTuple):
    """A rule of a detector version."""

    name: str
    expression: str
    outcome: str


def without_score() -> Rule:
    """What is said of an event that no model has scored: a person looks. No amount is below 0, so it takes all."""
    return Rule(NO_SCORE, "$amount >= 0", MEDIUM)


def rules(model: str, *, high: int, medium: int) -> tuple[Rule, ...]:
    """The rules of a detector version with a model, the first that matches decides.

    Whatever the score, one of the first three takes it: a score on a threshold is already over it. Of an event without a score,
    the last.

    Args:
        model: its id; the service names the score after it.
        high, medium: scores.

    >>> [rule.expression for rule in rules("card_fraud_dev", high=900, medium=700)][1]
    '$card_fraud_dev_insightscore >= 700 and $card_fraud_dev_insightscore < 900'
    """
    if not 0 < medium < high <= HIGHEST_SCORE:
        raise ValueError(f"thresholds {medium} and {high}; allowed: 0 < medium < high <= {HIGHEST_SCORE}")
    score = f"${score_name(model)}"
    return (
        Rule(HIGH, f"{score} >= {high}", HIGH),
        Rule(MEDIUM, f"{score} >= {medium} and {score} < {high}", MEDIUM),
        Rule(LOW, f"{score} < {medium}", LOW),
        without_score(),
    )


def score_name(model: str) -> str:
    """The variable that the service keeps a model's score in."""
    return f"{model}_insightscore"


class Version(NamedTuple):
    """A model version: the service counts from 1.0, and a further training of it is 1.01."""

    major: int
    minor: int

    @classmethod
    def read(cls, text: str) -> Version:
        """A version of the service's notation; raises ValueError for anything else.

        >>> Version.read("1.00") == Version.read("1.0"), Version.read("2.10")
        (True, Version(major=2, minor=10))
        """
        if not re.fullmatch(r"[1-9][0-9]{0,3}\.[0-9]{1,2}", text):
            raise ValueError(f"{text!r}: no version of a model; allowed: as 1.0 or 1.01")
        major, _, minor = text.partition(".")
        return cls(int(major), int(minor))

    def __str__(self) -> str:
        return f"{self.major}.{self.minor:02d}" if self.minor else f"{self.major}.0"
