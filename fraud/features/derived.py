"""The features that are derived from a transaction and the catalogue's features, each declared once.

They are computed where a model is asked, not in the stream and not in the store: a new one costs no window and no column.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from fraud.features.catalogue import NIGHTLY_FEATURES, STREAM_FEATURES, names
from fraud.features.formula import Formula, FormulaError
from fraud.fields import FEATURE_FIELDS

BASE_COLUMNS = ("amount_cents", "event_ms")
"""What a formula may read of every transaction: the amount in whole cents, the clock in milliseconds since 1970 in UTC."""


@dataclass(frozen=True, kw_only=True)
class Derived:
    """One derived feature.

    Attributes:
        name: in the model's vector.
        formula: how it is computed (`fraud.features.formula`), from BASE_COLUMNS, features and other derived ones.
        says: the feature in plain words, for a reason shown to an analyst.
        unit: of its values, by which a reason writes them (`fraud.units`).
        model: whether a new model takes it. One that was trained with it goes on getting it, and other formulas may read it.
    """

    name: str
    formula: str
    says: str
    unit: str = ""
    model: bool = True
    parsed: Formula = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        try:
            object.__setattr__(self, "parsed", Formula(self.formula))
        except FormulaError as error:
            raise FormulaError(f"{self.name}: {error}") from None


def _derived(name: str, formula: str, says: str, unit: str = "", *, model: bool = True) -> Derived:
    return Derived(name=name, formula=formula, says=says, unit=unit, model=model)


DERIVED_FEATURES = (
    _derived("amount", "amount_cents / 100", "the amount", "currency"),
    _derived("hour", "hour_of_day(event_ms)", "the hour of the day", "hour"),
    _derived("weekday", "weekday(event_ms)", "the day of the week", "weekday"),
    _derived(
        "avg_others_last_10m",
        "mean_of_others(avg_amt_last_10m, num_trans_last_10m, amount_cents)",
        "average of the other amounts in the last 10 minutes",
        "currency",
    ),
    _derived(
        "avg_others_last_1h",
        "mean_of_others(avg_amt_last_1h, num_trans_last_1h, amount_cents)",
        "average of the other amounts in the last hour",
        "currency",
    ),
    _derived(
        "avg_others_last_1d",
        "mean_of_others(avg_amt_last_1d, num_trans_last_1d, amount_cents)",
        "average of the other amounts in the last day",
        "currency",
    ),
    _derived("amt_over_avg_last_1h", "amount / avg_amt_last_1h", "the amount against the last hour's average", "times"),
    _derived("amt_over_avg_last_1d", "amount / avg_amt_last_1d", "the amount against the last day's average", "times"),
    _derived(
        "amt_over_others_last_1d",
        "amount / avg_others_last_1d",
        "the amount against the last day's other amounts",
        "times",
    ),
    _derived(
        "amt_ratio1",
        "avg_amt_last_10m / avg_amt_last_1w",
        "the last 10 minutes' average against the week before",
        "times",
    ),
    _derived("amt_ratio2", "amount / avg_amt_last_1w", "the amount against the week before", "times"),
    _derived(
        "count_ratio",
        "num_trans_last_10m / num_trans_last_1w",
        "the last 10 minutes' transactions against the week before",
        "times",
    ),
    _derived("amt_over_avg_last_30d", "amount / avg_amt_last_30d", "the amount against the 30 days before", "times"),
    _derived(
        "amt_over_max_last_30d",
        "amount / max_amt_last_30d",
        "the amount against the largest in the 30 days before",
        "times",
    ),
    _derived(
        "amt_over_avg_category_all",
        "amount / avg_amt_category_all",
        "the amount against the card's habit in this category",
        "times",
    ),
    _derived(
        "category_share",
        "num_trans_category_all / num_trans_all",
        "how much of the card's history is in this category",
        "share",
    ),
    _derived(
        "hour_share", "num_trans_hour_all / num_trans_all", "how much of the card's history is at this hour", "share"
    ),
    _derived(
        "amt_over_population",
        "amount / avg_amt_population_30d",
        "the amount against all cards' average in this category",
        "times",
        model=False,
    ),
)
"""In the order of the model's vector."""


class DerivedError(ValueError):
    """A wrong declaration of a derived feature: names it, and says what is wrong and what is allowed."""


def check_derived(derived: Iterable[Derived], known: Collection[str]) -> None:
    """Holds declarations to what they may read.

    Args:
        derived: the declarations.
        known: the columns that a formula may read besides other derived features.

    Raises:
        DerivedError: a name is taken, or a formula reads an unknown name, or itself by way of others.

    >>> check_derived([_derived("twice", "2 * amout", "twice the amount")], ["amount"])
    Traceback (most recent call last):
    ...
    fraud.features.derived.DerivedError: twice: reads 'amout', which is not declared; allowed: amount
    """
    by_name: dict[str, Derived] = {}
    for one in derived:
        if one.name in by_name or one.name in known:
            raise DerivedError(f"{one.name}: the name is taken; allowed: a name that no column and no feature has")
        by_name[one.name] = one
    for one in by_name.values():
        for name in one.parsed.names:
            if name not in by_name and name not in known:
                allowed = ", ".join(sorted({*known, *by_name} - {one.name}))
                raise DerivedError(f"{one.name}: reads {name!r}, which is not declared; allowed: {allowed}")
        _no_circle(one, by_name, ())


def _no_circle(one: Derived, by_name: dict[str, Derived], above: tuple[str, ...]) -> None:
    if one.name in above:
        raise DerivedError(f"{one.name}: is computed from itself, by way of {' and '.join(above)}; allowed: no circle")
    for name in one.parsed.names:
        if name in by_name:
            _no_circle(by_name[name], by_name, (*above, one.name))


KNOWN_COLUMNS = (
    *BASE_COLUMNS,
    *(field.name for field in FEATURE_FIELDS if not field.is_text),
    *names(STREAM_FEATURES),
    *names(NIGHTLY_FEATURES),
)
"""The columns of numbers that a formula may read, besides other derived features."""

check_derived(DERIVED_FEATURES, KNOWN_COLUMNS)
