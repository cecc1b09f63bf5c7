"""The nightly habits: whose past one is, how far it looks back from the nightly cut (00:00 UTC), and what it computes of it.

The sums that are kept, the SQL of all engines, the records of the store and the look-up come from the declaration
(`fraud.features.catalogue` has the product's).

>>> habit = Habit(key=("cc_num", "merchant"), back="30d", aggregates=("count", "mean"))
>>> [feature.name for feature in habit.features]
['num_trans_merchant_last_30d', 'avg_amt_merchant_last_30d']
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, get_args

from fraud.features.feature import CARD, HOUR, KEYS, Feature, in_words, named, those_missing
from fraud.features.windows import PREFIXES, SAYS, UNITS, wrong_aggregates

HabitAggregate = Literal["count", "mean", "sum", "max"]

LONGEST_DAYS = 30
"""The nightly sums tell so many days apart (`sagemaker_src.processing.nightly_sums`); a longer past is all history."""

_SPAN = re.compile("([1-9][0-9]?)([dw])")


@dataclass(frozen=True, kw_only=True)
class Habit:
    """What was known at the cut of a card, of a card at something else that the transaction names, or of all cards there.

    Attributes:
        key: `cc_num`; or `cc_num` and a column; or a column alone, for all cards. A transaction without the column has none of
            the features.
        back: how far, from the cut: whole days or weeks, as `30d`, `1w`, LONGEST_DAYS at most; or `all` that is known.
        aggregates: what is computed: how many; mean, sum and largest of the amounts.
        model: whether a new model takes them as they are. One that was trained with them goes on getting them, and formulas may
            read them.
    """

    key: tuple[str, ...] = (CARD,)
    back: str
    aggregates: tuple[HabitAggregate, ...]
    model: bool = True

    def __str__(self) -> str:
        return f"the habit of {self.back} by {' and '.join(self.key)}"

    @property
    def column(self) -> str | None:
        """The column besides the card; None for the card's own habits."""
        return None if self.key == (CARD,) else self.key[-1]

    @property
    def of_all_cards(self) -> bool:
        """Whether it is about all cards together."""
        return CARD not in self.key

    @property
    def days(self) -> int | None:
        """How many days it looks back over; None for all."""
        return None if self.back == "all" else int(self.back[:-1]) * (7 if self.back[-1] == "w" else 1)

    @cached_property
    def features(self) -> tuple[Feature, ...]:
        """Its features, in the order of `aggregates`."""
        return tuple(self._feature(aggregate) for aggregate in self.aggregates)

    @property
    def columns(self) -> tuple[str, ...]:
        """SQL of its features, in the order of `aggregates`, over daily sums with the window `self.window_name`."""
        return tuple(
            f"{_SQL[aggregate].format(w=self.window_name)} AS {self._name(aggregate)}" for aggregate in self.aggregates
        )

    @property
    def window_name(self) -> str:
        """Of its window in SQL."""
        return f"w_{self.back}"

    @property
    def window(self) -> str:
        """SQL of its window over the days. `day` counts days since 1970 in UTC: nothing of the day itself is seen."""
        start = "UNBOUNDED" if self.days is None else self.days
        by = ", ".join(self.key)
        return f"{self.window_name} AS (PARTITION BY {by} ORDER BY day RANGE BETWEEN {start} PRECEDING AND 1 PRECEDING)"

    def problem(self) -> str | None:
        """What is wrong with the declaration and what is allowed, or None."""
        columns = (HOUR, *KEYS)
        rest = self.key[1:] if self.key[:1] == (CARD,) else self.key
        if not self.key or len(rest) > 1 or not set(rest) <= set(columns):
            return f"key {self.key!r}; allowed: {CARD}, {CARD} with a column, a column; of {', '.join(columns)}"
        if self.back != "all" and not _SPAN.fullmatch(self.back):
            return f"looks back over {self.back!r}; allowed: whole days or weeks, as 30d, 1w; or all"
        if self.days is not None and self.days > LONGEST_DAYS:
            return f"looks back over {self.back}; allowed: at most {LONGEST_DAYS} days, which are told apart; or all"
        return wrong_aggregates(self.aggregates, get_args(HabitAggregate))

    def _name(self, aggregate: HabitAggregate) -> str:
        of = "" if self.column is None else f"_{named((self.column,))}"
        if self.of_all_cards:
            of = "_population" if self.column == "category" else f"_population{of}"
        last = "" if self.of_all_cards or self.back == "all" else "last_"
        return f"{PREFIXES[aggregate]}{of}_{last}{self.back}"

    def _feature(self, aggregate: HabitAggregate) -> Feature:
        lacking = those_missing(self.key)
        without = f"missing without {in_words(lacking)}" if lacking else ""
        nothing = "0" if aggregate == "count" else "missing without history"
        return Feature(
            name=self._name(aggregate),
            type="BIGINT" if aggregate == "count" else "DOUBLE",
            unit=UNITS[aggregate],
            window=f"{self._length} before the cut",
            missing=f"{nothing}; {without}" if without else nothing,
            says=self._says(aggregate),
            counts_all=not lacking,
            model=self.model,
        )

    @property
    def _length(self) -> str:
        if self.back == "all":
            return "all"
        number, word = int(self.back[:-1]), "week" if self.back[-1] == "w" else "day"
        return f"{number} {word}{'' if number == 1 else 's'}"

    def _says(self, aggregate: HabitAggregate) -> str:
        if self.column is None:
            before = (
                "in the card's history" if self.back == "all" else f"in the {self._length.removeprefix('1 ')} before"
            )
            return f"{SAYS[aggregate]} {before}"
        whose = "all cards'" if self.of_all_cards else "the card's"
        known = {HOUR: "at this hour of the day", "category": "in this category"}
        where = known.get(self.column, f"with this {in_words((self.column,))}")
        before = "" if self.back == "all" else f" in the {self._length.removeprefix('1 ')} before"
        return f"{whose} {SAYS[aggregate]} {where}{before}"


_SQL: dict[HabitAggregate, str] = {
    "count": "CAST(COALESCE(SUM(n) OVER {w}, 0) AS BIGINT)",
    "mean": "CAST(SUM(cents) OVER {w} AS DOUBLE) / CAST(SUM(n) OVER {w} AS DOUBLE) / 100",
    "sum": "CAST(SUM(cents) OVER {w} AS DOUBLE) / 100",
    "max": "CAST(MAX(max_cents) OVER {w} AS DOUBLE) / 100",
}
