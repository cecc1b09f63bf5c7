"""The product's windows and habits, each declared once, and every feature that they give.

The stream job, the SQL of the batch engines, the nightly store, the training set and the model's vector follow from it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

from fraud.features.feature import CARD, HOUR, DeclarationError, Feature, named
from fraud.features.habits import Habit
from fraud.features.risks import LABEL_DELAY_DAYS, Risk
from fraud.features.windows import Window
from fraud.fields import BY_NAME, RESERVED

LARGEST = 1e15
"""No feature's value is larger."""


def names(features: Iterable[Feature]) -> tuple[str, ...]:
    """The features' names, in order.

    >>> names(Window(back="1h", aggregates=("count", "max")).features)
    ('num_trans_last_1h', 'max_amt_last_1h')
    """
    return tuple(feature.name for feature in features)


@dataclass(frozen=True, kw_only=True)
class Catalogue:
    """Windows and habits that are computed together.

    Attributes:
        windows: the stream job computes them one after the other, in this order.
        habits: the nightly job computes them.
        risks: the nightly job computes them of what is archived; of a file, its own labels say them.

    Raises:
        DeclarationError: one is wrong, or two give a feature the same name.

    >>> Catalogue(windows=(Window(back="3d", aggregates=("count",)),), habits=())
    Traceback (most recent call last):
    ...
    fraud.features.feature.DeclarationError: the window of 3d by cc_num: looks back over 3d; allowed: at most 1d, for the \
stream forgets what is older
    """

    windows: tuple[Window, ...]
    habits: tuple[Habit, ...]
    risks: tuple[Risk, ...] = ()

    def __post_init__(self) -> None:
        delays = sorted({risk.label_delay_days for risk in self.risks})
        if len(delays) > 1:
            shown = " and ".join(f"{days:g}" for days in delays)
            raise DeclarationError(f"the risks: label delays of {shown} days; allowed: one of all risks")
        taken = {*BY_NAME, *RESERVED}
        declared: tuple[Window | Habit | Risk, ...] = (*self.windows, *self.habits, *self.risks)
        for one in declared:
            if problem := one.problem():
                raise DeclarationError(f"{one}: {problem}")
            for name in names(one.features):
                if name in taken:
                    raise DeclarationError(
                        f"{one}: the name {name} is taken; allowed: what no other declaration computes"
                    )
                taken.add(name)

    @cached_property
    def stream_features(self) -> tuple[Feature, ...]:
        """Up to and with the transaction itself; the stream job computes them."""
        return tuple(feature for window in self.windows for feature in window.features)

    @cached_property
    def nightly_features(self) -> tuple[Feature, ...]:
        """As of the nightly cut (00:00 UTC)."""
        return tuple(feature for habit in self.habits for feature in habit.features)

    @cached_property
    def risk_features(self) -> tuple[Feature, ...]:
        """As of the nightly cut, of labels that were known by then."""
        return tuple(feature for risk in self.risks for feature in risk.features)

    @cached_property
    def cut_features(self) -> tuple[Feature, ...]:
        """All as of the nightly cut: what the deciding step looks up."""
        return (*self.nightly_features, *self.risk_features)

    @cached_property
    def batch_features(self) -> tuple[Feature, ...]:
        """All that the batch engines compute of a file, in order."""
        return (*self.stream_features, *self.cut_features)

    @cached_property
    def card_features(self) -> tuple[Feature, ...]:
        """Those of the nightly features that are of a card alone."""
        return tuple(feature for habit in self.habits if habit.column is None for feature in habit.features)

    @cached_property
    def nightly_tables(self) -> dict[str, tuple[Habit, ...]]:
        """The tables that nightly features are computed in: {table: its habits, which have one key}.

        >>> list(CATALOGUE.nightly_tables)
        ['nightly_card', 'nightly_category', 'nightly_hour', 'nightly_population_category']
        """
        tables: dict[str, tuple[Habit, ...]] = {"nightly_card": ()}
        for habit in self.habits:
            table = f"nightly_{'population_' if habit.of_all_cards else ''}{named((habit.column or CARD,))}"
            tables[table] = (*tables.get(table, ()), habit)
        return tables

    @cached_property
    def window_columns(self) -> tuple[str, ...]:
        """The columns besides the card that windows look back by."""
        found = (column for window in self.windows for column in window.key if column != CARD)
        return tuple(dict.fromkeys(found))

    @cached_property
    def habit_columns(self) -> tuple[str, ...]:
        """The columns of a transaction, besides the card, that habits and risks are looked up by."""
        found = (habit.column for habit in self.habits if habit.column not in (None, HOUR))
        of_risks = (risk.key for risk in self.risks)
        return tuple(column for column in dict.fromkeys((*found, *of_risks)) if column is not None)

    @cached_property
    def key_columns(self) -> tuple[str, ...]:
        """The columns that a table of transactions needs for them besides `cc_num` and `category`, which it always has."""
        found = dict.fromkeys((*self.window_columns, *self.habit_columns))
        return tuple(column for column in found if column != "category")


CATALOGUE = Catalogue(
    windows=(
        Window(back="10m", aggregates=("count", "mean")),
        Window(back="1h", aggregates=("count", "mean", "mean age")),
        Window(back="1d", aggregates=("count", "mean", "mean age")),
    ),
    habits=(
        Habit(back="1w", aggregates=("count", "mean")),
        Habit(back="30d", aggregates=("count", "mean", "max")),
        Habit(back="all", aggregates=("count", "mean"), model=False),
        Habit(key=(CARD, "category"), back="all", aggregates=("count", "mean")),
        Habit(key=(CARD, HOUR), back="all", aggregates=("count",)),
        Habit(key=("category",), back="30d", aggregates=("mean",), model=False),
    ),
)
"""The product's."""

STREAM_FEATURES = CATALOGUE.stream_features
NIGHTLY_FEATURES = CATALOGUE.cut_features


def with_risks(label_delay_days: float = LABEL_DELAY_DAYS) -> Catalogue:
    """The product's, and the risk by merchant, terminal and category.

    Args:
        label_delay_days: so long after a transaction its label is known, where nothing says when.

    >>> names(with_risks().risk_features)[:3]
    ('merchant_risk_1d', 'merchant_risk_7d', 'merchant_risk_30d')
    """
    keys, back = ("merchant", "terminal_id", "category"), ("1d", "7d", "30d")
    return replace(CATALOGUE, risks=tuple(Risk(key=key, back=back, label_delay_days=label_delay_days) for key in keys))
