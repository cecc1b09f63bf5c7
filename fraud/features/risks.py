"""Risk: of the transactions at a merchant, a terminal or in a category whose label came to be known, the share of frauds.

What counts is when a label was known, not when its transaction was: before that, a label changes nothing. A transaction is honest
once the label delay is over and nothing was said of it; what is said later, within REACH_DAYS, counts as one more, on the day on
which it was said.

>>> [feature.name for feature in Risk(key="terminal_id", back=("1d", "7d")).features]
['terminal_risk_1d', 'terminal_risk_7d']
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from fraud.durations import MS_PER_DAY
from fraud.features.feature import KEYS, Feature, in_words, named, those_missing
from fraud.features.habits import LONGEST_DAYS

LABEL_DELAY_DAYS = 7.0
"""So long a label takes where nothing says when it was known."""
REACH_DAYS = 120
"""What is said so long after the label delay says nothing of today, and counts no more: a chargeback comes within it. Nor does a
label that was known so long before its transaction. So a cut needs the transactions of some months, never all that there were."""
REACH_MS = REACH_DAYS * MS_PER_DAY

_SPAN = re.compile("([1-9][0-9]?)d")


@dataclass(frozen=True, kw_only=True)
class Risk:
    """What was known at the cut, 00:00 UTC, of all cards' frauds at something that the transaction names.

    Attributes:
        key: the column that names it. A transaction without it has none of the features.
        back: how far, from the cut, the days lie on which the labels came to be known: `1d` to `30d`, each a feature.
        label_delay_days: so long after a transaction its label is known, where nothing says when.
    """

    key: str
    back: tuple[str, ...]
    label_delay_days: float = LABEL_DELAY_DAYS

    def __str__(self) -> str:
        return f"the risk of {' and '.join(self.back)} by {self.key}"

    @property
    def label_delay_ms(self) -> int:
        """The label delay, in milliseconds."""
        return int(self.label_delay_days * MS_PER_DAY)

    @property
    def daily_table(self) -> str:
        """Of the sums of its labels by the day on which they were known."""
        return f"daily_risk_{named((self.key,))}"

    @property
    def table(self) -> str:
        """Of its features, by its key and `day`."""
        return f"nightly_risk_{named((self.key,))}"

    def identifier(self, value: str) -> str:
        """Of the record, in the nightly group, of what has a value in its key; a card's is 32 hexadecimal digits.

        >>> Risk(key="merchant", back=("7d",)).identifier("m1")
        'nightly_risk_merchant:m1'
        """
        return f"{self.table}:{value}"

    @cached_property
    def features(self) -> tuple[Feature, ...]:
        """Its features, in the order of `back`."""
        return tuple(self._feature(back) for back in self.back)

    def problem(self) -> str | None:
        """What is wrong with the declaration and what is allowed, or None."""
        if self.key not in KEYS:
            return f"key {self.key!r}; allowed: one of {', '.join(KEYS)}"
        wrong = [back for back in self.back if not _SPAN.fullmatch(back) or _days(back) > LONGEST_DAYS]
        if wrong or not self.back or len(set(self.back)) < len(self.back):
            return f"looks back over {self.back!r}; allowed: 1d to {LONGEST_DAYS}d, each once"
        if not 0 <= self.label_delay_days <= 3_660:
            return f"label delay of {self.label_delay_days:g} days; allowed: 0 to 3,660"
        return None

    def daily_sql(self, source: str) -> str:
        """How many labels came to be known on each day, and how many of them said fraud.

        Args:
            source: a relation with the key, `event_ms`, `is_fraud` (1, 0 or missing: nobody will know) and `known_ms`, when that
                was known (milliseconds since 1970 in UTC; missing: after the label delay).

        Returns:
            A SELECT of the key, `day` (since 1970 in UTC), `n` and `frauds`.
        """
        settled = f"event_ms + {self.label_delay_ms}"
        # a label is never known before its transaction
        known = f"GREATEST(COALESCE(known_ms, {settled}), event_ms)"
        labelled = f"{self.key} IS NOT NULL AND is_fraud IS NOT NULL"
        told = f"""(SELECT {self.key}, LEAST({known}, {settled}) AS moment,
    CASE WHEN {known} <= {settled} THEN CAST(is_fraud AS BIGINT) ELSE 0 END AS fraud
  FROM {source} AS s WHERE {labelled}
  UNION ALL SELECT {self.key}, {known} AS moment, 1 AS fraud
  FROM {source} AS s WHERE {labelled} AND CAST(is_fraud AS BIGINT) = 1 AND {known} > {settled}
    AND {known} <= {settled} + {REACH_MS})"""
        return self.daily_of_told_sql(told)

    def daily_of_told_sql(self, told: str) -> str:
        """The same, of what was said.

        Args:
            told: a relation with the key, `moment` (milliseconds since 1970 in UTC) and `fraud` (1 or 0), a row each time that
                what is known of a transaction changed.
        """
        return f"""SELECT {self.key}, CAST(FLOOR(moment / {MS_PER_DAY}) AS BIGINT) AS day,
  COUNT(*) AS n, CAST(SUM(fraud) AS BIGINT) AS frauds
FROM {told} AS o WHERE {self.key} IS NOT NULL GROUP BY {self.key}, CAST(FLOOR(moment / {MS_PER_DAY}) AS BIGINT)"""

    def nightly_sql(self, daily: str, asked: str) -> str:
        """Its features as of the cut that began each day that is asked about.

        Args:
            daily: a relation as `daily_sql` gives it.
            asked: a relation with the key and `day`.

        Returns:
            A SELECT of the key, `day` and the features.
        """
        windows = ",\n  ".join(
            f"{_window(back)} AS (PARTITION BY {self.key} ORDER BY day RANGE BETWEEN {_days(back)} PRECEDING AND 1 PRECEDING)"
            for back in self.back
        )
        columns = ", ".join(f"{_SHARE.format(w=_window(back))} AS {self._name(back)}" for back in self.back)
        return f"""SELECT {self.key}, day, {columns}
FROM (SELECT {self.key}, day, CAST(SUM(n) AS BIGINT) AS n, CAST(SUM(frauds) AS BIGINT) AS frauds FROM (
  SELECT {self.key}, day, n, frauds FROM {daily}
  UNION ALL SELECT DISTINCT {self.key}, day, 0 AS n, 0 AS frauds FROM {asked} AS a WHERE {self.key} IS NOT NULL) AS b
  GROUP BY {self.key}, day) AS d
WINDOW {windows}"""

    def snapshot_sql(self, daily: str, cut_day: int, since_day: int | None = None) -> str:
        """Its features as of the cut that begins a day, of whatever something was said before it.

        Args:
            daily: as of `nightly_sql`.
            cut_day: the day, since 1970 in UTC.
            since_day: the day from which something must have been said; None is any.
        """
        since = "" if since_day is None else f" AND day >= {since_day}"
        asked = f"""(SELECT DISTINCT {self.key}, CAST({cut_day} AS BIGINT) AS day FROM {daily} WHERE day < {cut_day}{since})"""
        return f"SELECT * FROM ({self.nightly_sql(daily, asked)}) AS n WHERE day = {cut_day}"

    def _name(self, back: str) -> str:
        return f"{named((self.key,))}_risk_{back}"

    def _feature(self, back: str) -> Feature:
        lacking, days = those_missing((self.key,)), _days(back)
        without = f"; missing without {in_words(lacking)}" if lacking else ""
        over = "the day" if days == 1 else f"the {days} days"
        return Feature(
            name=self._name(back),
            type="DOUBLE",
            unit="share",
            window=f"labels known in {over} before the cut",
            missing=f"missing where no label became known{without}",
            says=f"the share of known frauds with this {in_words((self.key,))} in {over} before",
        )


def _days(back: str) -> int:
    return int(back[:-1])


def _window(back: str) -> str:
    return f"w_{back}"


_SHARE = "CAST(SUM(frauds) OVER {w} AS DOUBLE) / CAST(NULLIF(SUM(n) OVER {w}, 0) AS DOUBLE)"
