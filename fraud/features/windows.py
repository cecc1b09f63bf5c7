"""The stream's windows, each declared once: whose transactions it looks back over, how far, and what it adds up.

The features' names and the SQL of all engines come from the declaration. Sums are of whole numbers, so no engine can round
differently; rows of the same millisecond see one another.

>>> window = Window(key="device_id", named="device", back=Span(10, "MINUTE"), aggregates=("count",))
>>> [feature.name for feature in window.features]
['num_trans_device_last_10m']
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Literal, get_args

from fraud.durations import MS_PER_DAY, MS_PER_HOUR
from fraud.features.feature import Feature
from fraud.fields import DECLARED

Unit = Literal["MINUTE", "HOUR", "DAY"]
Aggregate = Literal["count", "mean", "sum", "max", "mean age"]
AGGREGATES: tuple[Aggregate, ...] = get_args(Aggregate)

LONGEST_MS = MS_PER_DAY
"""The stream job forgets what is two days old (`table.exec.state.ttl`, `flink_src/properties.py`); a window ends well before."""
CARD = "cc_num"
_UNIT_MS: dict[Unit, int] = {"MINUTE": 60_000, "HOUR": MS_PER_HOUR, "DAY": MS_PER_DAY}
_UNIT_LETTER: dict[Unit, str] = {"MINUTE": "m", "HOUR": "h", "DAY": "d"}


class WindowError(ValueError):
    """A wrong declaration of a window: names it, and says what is wrong and what is allowed."""


@dataclass(frozen=True)
class Span:
    """How far a window looks back: so many of a unit.

    >>> str(Span(10, "MINUTE")), str(Span(1, "HOUR")), Span(1, "DAY").label
    ('10 minutes', '1 hour', '1d')
    """

    count: int
    unit: Unit

    @property
    def ms(self) -> int:
        """In milliseconds."""
        return self.count * _UNIT_MS[self.unit]

    @property
    def label(self) -> str:
        """As in a feature's name."""
        return f"{self.count}{_UNIT_LETTER[self.unit]}"

    @property
    def words(self) -> str:
        """As in a sentence, after `the last`."""
        return self.unit.lower() if self.count == 1 else str(self)

    @property
    def sql(self) -> str:
        """As an interval of all engines. Flink refuses '600' SECOND."""
        return f"INTERVAL '{self.count}' {self.unit}"

    def __str__(self) -> str:
        return f"{self.count} {self.unit.lower()}{'' if self.count == 1 else 's'}"


@dataclass(frozen=True, kw_only=True)
class Window:
    """What happened up to and with a transaction, on its card or on something else that it names.

    Attributes:
        key: the column that says whose transactions are looked back over; a row without one has no features here.
        named: the key in the features' names; empty for the card, whose features are the published ones.
        back: how far.
        aggregates: what is computed: how many; mean, sum and largest of the amounts; how long ago the others were on average.
    """

    key: str = CARD
    named: str = ""
    back: Span
    aggregates: tuple[Aggregate, ...]

    @property
    def label(self) -> str:
        """The window in names of columns: `1h`, or `device_1h`."""
        return f"{self.named}_{self.back.label}" if self.named else self.back.label

    @property
    def features(self) -> tuple[Feature, ...]:
        """Its features, in the order of `aggregates`."""
        return tuple(self._feature(aggregate) for aggregate in self.aggregates)

    def select(self, source: str, identity: str) -> str:
        """The SELECT that adds the features to every row of `source`.

        Args:
            source: a SELECT with the key, `amount_cents` BIGINT, `event_time` and `event_ms`; its other columns pass through.
            identity: a column of `source` that is each row's own: rows without a key are each apart, and no engine keeps them.
        """
        columns = ",\n  ".join(f"{self._value(aggregate)} AS {self._name(aggregate)}" for aggregate in self.aggregates)
        apart = "" if self.key == CARD else f", CASE WHEN {self.key} IS NULL THEN {identity} END"
        return f"""SELECT *,
  {columns}
FROM ({source}) AS source_{self.label}
WINDOW w AS (PARTITION BY {self.key}{apart} ORDER BY event_time RANGE BETWEEN {self.back.sql} PRECEDING AND CURRENT ROW)"""

    def _value(self, aggregate: Aggregate) -> str:
        value = _SQL[aggregate]
        return value if self.key == CARD else f"CASE WHEN {self.key} IS NULL THEN NULL ELSE {value} END"

    def _name(self, aggregate: Aggregate) -> str:
        of = f"_{self.named}" if self.named else ""
        return f"{_PREFIX[aggregate]}{of}_last_{self.back.label}"

    def _feature(self, aggregate: Aggregate) -> Feature:
        whose = f"the {self.named}'s " if self.named else ""
        last = f"the last {self.back.words}"
        says = {
            "count": f"{whose}transactions in {last}",
            "mean": f"{whose}average amount in {last}",
            "sum": f"{whose}total amount in {last}",
            "max": f"{whose}largest amount in {last}",
            "mean age": f"how long ago {last}'s other {whose.removeprefix('the ').replace(chr(39) + 's ', ' ')}transactions were",
        }[aggregate]
        alone = "missing if the transaction is alone in the window"
        itself = "never: counts itself" if self.key == CARD else f"missing without {self.key}"
        return Feature(
            name=self._name(aggregate),
            type="BIGINT" if aggregate == "count" else "DOUBLE",
            unit=_UNITS[aggregate],
            window=str(self.back),
            missing=alone if aggregate == "mean age" else itself,
            says=says,
        )


_PREFIX: dict[Aggregate, str] = {
    "count": "num_trans",
    "mean": "avg_amt",
    "sum": "sum_amt",
    "max": "max_amt",
    "mean age": "mean_age",
}
_UNITS: dict[Aggregate, str] = {
    "count": "transactions",
    "mean": "currency",
    "sum": "currency",
    "max": "currency",
    "mean age": "seconds",
}
_SQL: dict[Aggregate, str] = {
    "count": "COUNT(*) OVER w",
    "mean": "CAST(SUM(amount_cents) OVER w AS DOUBLE) / CAST(COUNT(*) OVER w AS DOUBLE) / 100",
    "sum": "CAST(SUM(amount_cents) OVER w AS DOUBLE) / 100",
    "max": "CAST(MAX(amount_cents) OVER w AS DOUBLE) / 100",
    "mean age": """CAST(COUNT(*) OVER w * event_ms - SUM(event_ms) OVER w AS DOUBLE)
    / CAST(NULLIF(COUNT(*) OVER w - 1, 0) AS DOUBLE) / 1000""",
}

KEYS = (CARD, *(field.name for field in DECLARED if field.kind in ("key", "category") and not field.protected))
"""What a window may look back by."""


def check_windows(windows: Iterable[Window], taken: Collection[str]) -> None:
    """Holds declarations to what the stream can compute.

    Args:
        windows: the declarations.
        taken: names that no feature may have.

    Raises:
        WindowError: a name is taken, or a key, a span or an aggregate is none.

    >>> check_windows([Window(back=Span(3, "DAY"), aggregates=("count",))], ())
    Traceback (most recent call last):
    ...
    fraud.features.windows.WindowError: the window by cc_num: looks back over 3 days; allowed: at most 1 day, for the stream \
job forgets what is older
    """
    names = set(taken)
    for window in windows:
        which = f"the window by {window.key}"
        if problem := _problem(window):
            raise WindowError(f"{which}: {problem}")
        for feature in window.features:
            if feature.name in names:
                raise WindowError(
                    f"{which}: the name {feature.name} is taken; allowed: another span, or another `named`"
                )
            names.add(feature.name)


def _problem(window: Window) -> str | None:
    if window.key not in KEYS:
        return f"key {window.key!r}; allowed: {', '.join(KEYS)}"
    if (window.key == CARD) != (window.named == ""):
        return f"named {window.named!r}; allowed: nothing for {CARD}, and of any other key a word for names, as device"
    if not window.aggregates or not set(window.aggregates) <= set(AGGREGATES):
        return f"aggregates {window.aggregates!r}; allowed: some of {', '.join(AGGREGATES)}"
    if window.back.count < 1 or window.back.unit not in _UNIT_MS or window.back.count > 99:
        return f"back {window.back!r}; allowed: 1 to 99 of MINUTE, HOUR, DAY"
    if window.back.ms > LONGEST_MS:
        return f"looks back over {window.back}; allowed: at most 1 day, for the stream job forgets what is older"
    return None


STREAM_WINDOWS = (
    Window(back=Span(10, "MINUTE"), aggregates=("count", "mean")),
    Window(back=Span(1, "HOUR"), aggregates=("count", "mean", "mean age")),
    Window(back=Span(1, "DAY"), aggregates=("count", "mean", "mean age")),
)
"""The stream job computes them one after the other, in this order."""

check_windows(STREAM_WINDOWS, [field.name for field in DECLARED])
