"""The stream's windows: whose transactions one looks back over, how far, and what it computes of them.

The features' names and the SQL of all engines come from the declaration (`fraud.features.catalogue` has the product's).

>>> window = Window(key=("device_id",), back="10m", aggregates=("count",))
>>> [feature.name for feature in window.features]
['num_trans_device_last_10m']
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, get_args

from fraud.durations import MS_PER_DAY, MS_PER_HOUR
from fraud.features.feature import CARD, KEYS, Feature, in_words, named, those_missing

WindowAggregate = Literal["count", "mean", "sum", "max", "mean age"]

LONGEST_MS = MS_PER_DAY
"""The nightly job reads one day before the closed one, and the stream job knows a redelivered transaction for two days
(`state.ttl`, `flink_src/properties.py`): a longer window would count otherwise in the one than in the other."""

_SPAN = re.compile("([1-9][0-9]?)([mhd])")  # Flink refuses an interval of three digits
_UNITS = {"m": ("MINUTE", 60_000), "h": ("HOUR", MS_PER_HOUR), "d": ("DAY", MS_PER_DAY)}


@dataclass(frozen=True, kw_only=True)
class Window:
    """What happened up to and with a transaction, on its card or on something else that it names.

    Attributes:
        key: the columns that say whose transactions are looked back over. A transaction without one of them has no features here.
        back: how far: 1 to 99 minutes, hours or days, as `10m`, `1h`, `1d`; LONGEST_MS at most.
        aggregates: what is computed: how many; mean, sum and largest of the amounts; how long ago the others were on average.
    """

    key: tuple[str, ...] = (CARD,)
    back: str
    aggregates: tuple[WindowAggregate, ...]

    def __str__(self) -> str:
        return f"the window of {self.back} by {' and '.join(self.key)}"

    @property
    def back_ms(self) -> int:
        """How far, in milliseconds."""
        number, unit = self._span
        return number * _UNITS[unit][1]

    @cached_property
    def features(self) -> tuple[Feature, ...]:
        """Its features, in the order of `aggregates`."""
        return tuple(self._feature(aggregate) for aggregate in self.aggregates)

    def problem(self) -> str | None:
        """What is wrong with the declaration and what is allowed, or None."""
        known = (CARD, *KEYS)
        if not self.key or not set(self.key) <= set(known) or len(set(self.key)) < len(self.key):
            return f"key {self.key!r}; allowed: some of {', '.join(known)}, each once"
        if not _SPAN.fullmatch(self.back):
            return f"looks back over {self.back!r}; allowed: 1 to 99 minutes, hours or days, as 10m, 1h, 1d"
        if self.back_ms > LONGEST_MS:
            return f"looks back over {self.back}; allowed: at most 1d, for the stream forgets what is older"
        return wrong_aggregates(self.aggregates, get_args(WindowAggregate))

    def select(self, source: str, identity: str) -> str:
        """The SELECT that adds the features to every row of `source`.

        Sums are of whole numbers, so no engine can round differently; rows of the same millisecond see one another.

        Args:
            source: a SELECT with the key, `amount_cents` BIGINT, `event_time` and `event_ms`; its other columns pass through.
            identity: a column of `source` that is each row's own. Rows without a key are apart by it: together they would be
                one partition that one task keeps and adds up for nothing.
        """
        columns = ",\n  ".join(f"{self._value(aggregate)} AS {self._name(aggregate)}" for aggregate in self.aggregates)
        number, unit = self._span
        apart = [f"CASE WHEN {self._lacks_key} THEN {identity} END"] if self._lacks_key else []
        return f"""SELECT *,
  {columns}
FROM ({source}) AS source_{self._label}
WINDOW w AS (PARTITION BY {", ".join([*self.key, *apart])} ORDER BY event_time
  RANGE BETWEEN INTERVAL '{number}' {_UNITS[unit][0]} PRECEDING AND CURRENT ROW)"""

    @property
    def _span(self) -> tuple[int, str]:
        return int(self.back[:-1]), self.back[-1]

    @property
    def _of_card(self) -> bool:
        return self.key == (CARD,)

    @property
    def _label(self) -> str:
        return self.back if self._of_card else f"{named(self.key)}_{self.back}"

    @property
    def _lacks_key(self) -> str:
        """SQL that is true of a row without its key; empty where every row has one."""
        return " OR ".join(f"{column} IS NULL" for column in those_missing(self.key))

    def _value(self, aggregate: WindowAggregate) -> str:
        many = aggregate == "mean age" and CARD not in self.key
        value = _MEAN_AGE_OF_MANY if many else _SQL[aggregate]
        return f"CASE WHEN {self._lacks_key} THEN NULL ELSE {value} END" if self._lacks_key else value

    def _name(self, aggregate: WindowAggregate) -> str:
        of = "" if self._of_card else f"_{named(self.key)}"
        return f"{PREFIXES[aggregate]}{of}_last_{self.back}"

    def _feature(self, aggregate: WindowAggregate) -> Feature:
        number, unit = self._span
        word = _UNITS[unit][0].lower()
        last = word if number == 1 else f"{number} {word}s"
        same = "" if self._of_card else f" with the same {in_words(self.key)}"
        ends = f"{same} in the last {last}"
        missing = f"missing without {in_words(those_missing(self.key))}" if self._lacks_key else "never: counts itself"
        if aggregate == "mean age":
            missing = "missing if the transaction is alone in the window"
        return Feature(
            name=self._name(aggregate),
            type="BIGINT" if aggregate == "count" else "DOUBLE",
            unit=UNITS[aggregate],
            window=f"{number} {word}{'' if number == 1 else 's'}",
            missing=missing,
            says=f"how long ago the last {last}{chr(39)}{'' if number > 1 else 's'} other transactions{same} were"
            if aggregate == "mean age"
            else f"{SAYS[aggregate]}{ends}",
            counts_all=not self._lacks_key,
        )


def wrong_aggregates(given: tuple[str, ...], known: tuple[str, ...]) -> str | None:
    """What is wrong with the aggregates of a declaration and what is allowed, or None."""
    if given and set(given) <= set(known) and len(set(given)) == len(given):
        return None
    return f"aggregates {given!r}; allowed: one or more of {', '.join(known)}, each once"


PREFIXES = {"count": "num_trans", "mean": "avg_amt", "sum": "sum_amt", "max": "max_amt", "mean age": "mean_age"}
"""How an aggregate's features are called."""
UNITS = {"count": "transactions", "mean": "currency", "sum": "currency", "max": "currency", "mean age": "seconds"}
SAYS = {"count": "transactions", "mean": "average amount", "sum": "total amount", "max": "largest amount"}
_MEAN_AGE = """CAST(COUNT(*) OVER w * {moment} - SUM({moment}) OVER w AS DOUBLE)
    / CAST(NULLIF(COUNT(*) OVER w - 1, 0) AS DOUBLE) / 1000"""
_SQL: dict[WindowAggregate, str] = {
    "count": "COUNT(*) OVER w",
    "mean": "CAST(SUM(amount_cents) OVER w AS DOUBLE) / CAST(COUNT(*) OVER w AS DOUBLE) / 100",
    "sum": "CAST(SUM(amount_cents) OVER w AS DOUBLE) / 100",
    "max": "CAST(MAX(amount_cents) OVER w AS DOUBLE) / 100",
    "mean age": _MEAN_AGE.format(moment="event_ms"),
}
_MEAN_AGE_OF_MANY = _MEAN_AGE.format(moment="CAST(event_ms AS DECIMAL(19, 0))")
"""Of a window that all cards' transactions fall into: 64 bits hold the moments of no more than some five million of them."""
